//! Workflows that may want the same event (I3): of two with one priority it must be provable that no event meets both.

use std::collections::{BTreeMap, HashMap};

use domain::{EventKind, Name};

use super::{Desk, Spot};
use crate::{
    equality::{Conditions, Path},
    problem::Code,
    schema::DocKind,
};

pub(super) fn check(desk: &mut Desk<'_>) {
    let catalog = desk.catalog;
    let conditions: BTreeMap<&Name, Conditions> = catalog
        .workflows
        .iter()
        .map(|(name, workflow)| (name, Conditions::of(workflow.trigger.when.as_ref())))
        .collect();
    let mut rivals: BTreeMap<(&Name, EventKind, i32), Vec<&Name>> = BTreeMap::new();
    for (name, workflow) in &catalog.workflows {
        for source in &workflow.trigger.sources {
            for kind in &workflow.trigger.events {
                let group = rivals.entry((source, *kind, workflow.priority)).or_default();
                if group.last() != Some(&name) {
                    group.push(name);
                }
            }
        }
    }
    // One report for each workflow: the pair is as ambiguous for one source as for two.
    let mut reported: BTreeMap<&Name, ()> = BTreeMap::new();
    for ((source, kind, priority), group) in rivals {
        for (one, other) in ambiguous(&group, &conditions) {
            if reported.insert(other, ()).is_some() {
                continue;
            }
            let message = format!(
                "`{other}` and `{one}` have priority {priority} and may both want a `{}` event of `{source}`",
                kind.as_str()
            );
            let at =
                desk.documents.origin(DocKind::Workflow, one).map(|origin| origin.at(&["name"])).unwrap_or_default();
            let help = format!(
                "give one of them another `priority`, or let both ask one field for different values, as in \
                 `alert.service.id == \"...\"`; `{one}` stands in {at}"
            );
            desk.report(&Spot::new(DocKind::Workflow, other).to("trigger.when"), Code::Ambiguous, message, help);
        }
    }
}

/// For each of `group`, the first before it that it is not provably apart from.
fn ambiguous<'n>(group: &[&'n Name], conditions: &BTreeMap<&Name, Conditions>) -> Vec<(&'n Name, &'n Name)> {
    let of = |name: &Name| conditions.get(name).map(|conditions| conditions.all.as_slice()).unwrap_or_default();
    // Compared are only those that agree on the path that most of them ask about; thousands need no more than that.
    let mut asked: HashMap<&Path, usize> = HashMap::new();
    for equality in group.iter().flat_map(|name| of(name)) {
        *asked.entry(&equality.path).or_default() += 1;
    }
    let split = asked.into_iter().max_by(|(a, one), (b, other)| one.cmp(other).then_with(|| b.cmp(a)));
    let split = split.map(|(path, _)| path);
    let mut by_value: HashMap<&str, Vec<&'n Name>> = HashMap::new();
    let mut unsplit: Vec<&'n Name> = Vec::new();
    let mut before: Vec<&'n Name> = Vec::new();
    let mut found = Vec::new();
    let apart = |one: &Name, other: &Name| match (conditions.get(one), conditions.get(other)) {
        (Some(one), Some(other)) => one.excludes(other),
        _ => true,
    };
    for name in group {
        let values = of(name).iter().find(|equality| Some(&equality.path) == split).map(|equality| &equality.values);
        let rivals: Vec<&'n Name> = match values {
            Some(values) => {
                let same = values.iter().filter_map(|value| by_value.get(value.as_str())).flatten().copied();
                same.chain(unsplit.iter().copied()).collect()
            }
            None => before.clone(),
        };
        if let Some(rival) = rivals.into_iter().filter(|rival| !apart(rival, name)).min() {
            found.push((rival, *name));
        }
        match values {
            Some(values) => {
                for value in values {
                    by_value.entry(value).or_default().push(name);
                }
            }
            None => unsplit.push(name),
        }
        before.push(name);
    }
    found
}
