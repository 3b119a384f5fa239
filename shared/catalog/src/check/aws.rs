//! Accounts, and what the AWS task kinds share.

use std::sync::LazyLock;

use regex::Regex;

use super::{Desk, Spot};
use crate::{
    aws::{NotAsked, operation},
    bind::cut,
    expr::Template,
    model::{AwsApiRun, Nested, Parameters},
    problem::Code,
    schema::DocKind,
};

/// The most pages of an answer.
const PAGES: u32 = 10;

// Constants, so that a pattern that does not compile is found by any test.
static ROLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\Aarn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+\z").ok());
static REGION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\A[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}\z").ok());
static EXTERNAL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\A[A-Za-z0-9_+=,.@:/-]{2,}\z").ok());

fn fits(pattern: &Option<Regex>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// Accounts, and the places of all tasks.
pub(super) fn check(desk: &mut Desk<'_>) {
    let catalog = desk.catalog;
    for (name, account) in &catalog.accounts {
        let spot = Spot::new(DocKind::Account, name);
        if !fits(&ROLE, &account.role) {
            let message = format!("`{}` is not the ARN of a role", cut(&account.role));
            desk.report(
                &spot.to("role"),
                Code::BadValue,
                message,
                "write it as arn:aws:iam::111122223333:role/firstlook-read",
            );
        }
        if let Some(id) = account.external_id.as_ref().filter(|id| !fits(&EXTERNAL, id)) {
            let message = format!("`{}` is not an external id", cut(id));
            desk.report(
                &spot.to("external_id"),
                Code::BadValue,
                message,
                "2 to 1224 letters, digits and `+=,.@:/-`, as the role's trust policy has it",
            );
        }
        region(desk, &spot.to("region"), account.region.as_deref());
    }
    for (name, task) in &catalog.tasks {
        let Some(place) = task.run.place() else { continue };
        let spot = Spot::new(DocKind::Task, name).to("run").to(task.run.kind());
        if let Some(account) = place.account {
            desk.refers(&spot.to("account"), DocKind::Account, account);
        }
        region(desk, &spot.to("region"), place.region);
    }
}

fn region(desk: &mut Desk<'_>, spot: &Spot<'_>, region: Option<&str>) {
    if let Some(region) = region.filter(|region| !fits(&REGION, region)) {
        let message = format!("`{}` is not an AWS region", cut(region));
        desk.report(spot, Code::BadValue, message, "write it as eu-central-1; it cannot be filled from an input");
    }
}

/// Every text within `parameters`, with its place.
pub(super) fn texts<'n>(
    spot: &Spot<'n>,
    parameters: &Parameters<Template>,
    see: &mut impl FnMut(&Spot<'n>, &Template),
) {
    for (name, value) in parameters {
        nested(&spot.key(name), value, see);
    }
}

fn nested<'n>(spot: &Spot<'n>, value: &Nested<Template>, see: &mut impl FnMut(&Spot<'n>, &Template)) {
    match value {
        Nested::Text(template) => see(spot, template),
        Nested::List(list) => {
            for (place, item) in list.iter().enumerate() {
                nested(&spot.item(place), item, see);
            }
        }
        Nested::Map(map) => texts(spot, map, see),
        Nested::Bool(_) | Nested::Number(_) => {}
    }
}

/// The operation of `aws-api`, and what it needs.
pub(super) fn api(desk: &mut Desk<'_>, spot: &Spot<'_>, run: &AwsApiRun<Template>) {
    let (service, name) = (cut(&run.service), cut(&run.operation));
    let near =
        |near: Option<&str>, or: &str| near.map_or_else(|| or.to_owned(), |near| format!("did you mean `{near}`?"));
    let at = spot.to("operation");
    match operation(&run.service, &run.operation) {
        Ok(found) => {
            if run.pages.is_some_and(|pages| pages > 1) && found.pages.is_none() {
                let message = format!("`{name}` answers in one page");
                desk.report(&spot.to("pages"), Code::BadValue, message, "leave `pages` out");
            }
            for label in found.http.iter().flat_map(|(_, path, _)| crate::aws::labels(path)) {
                if !run.parameters.contains_key(label) {
                    let message = format!("`{name}` is not told its `{label}`");
                    let help = format!("add `parameters: {{ {label}: ... }}`");
                    desk.report(&spot.to("parameters"), Code::MissingKey, message, help);
                }
            }
        }
        Err(NotAsked::Service(nearest)) => {
            let help = near(nearest, "docs/tasks/aws-api.md lists the services that there are");
            desk.report(&spot.to("service"), Code::BadValue, format!("there is no service `{service}` here"), help);
        }
        Err(NotAsked::Operation(nearest)) => {
            let message = format!("AWS publishes no access level of `{service}` `{name}`, so it is not asked");
            desk.report(&at, Code::BadValue, message, near(nearest, "write it as AWS's API reference does"));
        }
        Err(NotAsked::Level(level)) => {
            let message = format!("`{service}` `{name}` is not read-only: AWS's access level of it is {level}");
            desk.report(&at, Code::NotReadOnly, message, "a Task reads: ask an operation of the level List or Read");
        }
        Err(NotAsked::Reason(why)) => {
            let message = format!("`{service}` `{name}` is not asked: {why}");
            desk.report(
                &at,
                Code::NotReadOnly,
                message,
                "ask an operation that describes the thing: docs/tasks/aws-api.md",
            );
        }
    }
    if run.pages.is_some_and(|pages| pages == 0 || pages > PAGES) {
        let message = format!("{} pages cannot be read", run.pages.unwrap_or_default());
        desk.report(&spot.to("pages"), Code::OutOfBounds, message, format!("write 1 to {PAGES}"));
    }
}
