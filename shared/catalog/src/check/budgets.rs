//! What all Assistants together may spend.

use super::{Desk, Spot, models::priced};
use crate::{problem::Code, schema::DocKind};

pub(super) fn check(desk: &mut Desk<'_>) {
    let catalog = desk.catalog;
    let first = catalog.budgets.keys().next();
    for (name, budget) in &catalog.budgets {
        let spot = Spot::new(DocKind::Budget, name);
        if budget.usd_per_day < 0.0 {
            desk.report(&spot.to("usd_per_day"), Code::OutOfBounds, "money cannot be negative", "write 0 or more");
        }
        if let Some(first) = first.filter(|first| *first != name) {
            let message = format!("there is a Budget already: `{first}`");
            desk.report(&spot.to("name"), Code::BadValue, message, "keep one: it is for all workflows together");
        }
        for model in catalog.assistants.values().filter_map(|assistant| assistant.model.name()) {
            priced(desk, &spot.to("usd_per_day"), model);
        }
    }
}
