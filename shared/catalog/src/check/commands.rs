//! Commands, and the Slxs, whose tasks are entries too.

use std::collections::{BTreeMap, BTreeSet};

use domain::Name;

use super::{Desk, Spot, bindings, names::Variables, parameters, types, types::Type};
use crate::{
    bind::accept,
    model::{Command, Parameter, ParameterType, Tags, TaskRef},
    problem::{Code, nearest},
    schema::DocKind,
};

pub(super) fn check(desk: &mut Desk<'_>) {
    let catalog = desk.catalog;
    for (name, command) in &catalog.commands {
        let spot = Spot::new(DocKind::Command, name);
        parameters::check(desk, &spot.to("parameters"), &command.parameters);
        if command.tasks.is_empty() {
            let help = "add entries to `tasks`: `- { id: health, task: http-health, with: { ... } }`";
            desk.report(&spot.to("tasks"), Code::EmptyCommand, "the Command checks nothing", help);
        }
        entries(desk, &spot.to("tasks"), &command.tasks, Some(&command.parameters));
    }
    for (name, slx) in &catalog.slxs {
        let spot = Spot::new(DocKind::Slx, name);
        tags(desk, &spot, &slx.tags);
        if slx.tags.is_empty() && slx.links.is_empty() {
            let help = "add `tags: { service: checkout }`, or `links:` to its dashboards: by them an alert finds it";
            let message = "the Slx has no tags and no links, so no alert finds it";
            desk.report(&spot.to("tags"), Code::BadValue, message, help);
        }
        for (place, link) in slx.links.iter().enumerate() {
            let kind = if link.contains("://") { ParameterType::Url } else { ParameterType::Host };
            if let Err(wrong) = accept(&Parameter::of(kind), &serde_json::Value::from(link.as_str())) {
                let message = format!("`{}` is neither a URL nor a host: {}", crate::bind::cut(link), wrong.problem);
                desk.report(&spot.to("links").item(place), Code::BadValue, message, wrong.mend);
            }
        }
        entries(desk, &spot.to("tasks"), &slx.tasks, None);
        for (place, entry) in slx.tasks.iter().enumerate() {
            let spot = spot.to("tasks").item(place);
            if entry.slx.is_some() {
                let help = "name a Task: `task: <name>`";
                desk.report(&spot.to("slx"), Code::TaskOrSlx, "an Slx cannot stand in an Slx", help);
            }
        }
    }
}

/// Tags that nothing can have.
pub(super) fn tags(desk: &mut Desk<'_>, spot: &Spot<'_>, tags: &Tags) {
    for (name, values) in tags {
        if values.all().is_empty() || values.all().iter().any(|value| value.trim().is_empty()) {
            let message = format!("the tag `{}` has an empty value, which nothing matches", crate::bind::cut(name));
            desk.report(&spot.to("tags").key(name), Code::BadValue, message, "give it a value, or take it out");
        }
    }
}

/// The entries of a Command; of an Slx when there are no `own` parameters.
fn entries(desk: &mut Desk<'_>, spot: &Spot<'_>, entries: &[TaskRef], own: Option<&BTreeMap<String, Parameter>>) {
    let mut places: BTreeMap<&Name, usize> = BTreeMap::new();
    for (place, entry) in entries.iter().enumerate() {
        if let Some(first) = places.get(&entry.id) {
            let message = format!("entry {} has the id `{}` already", first + 1, entry.id);
            desk.report(&spot.item(place).to("id"), Code::DuplicateId, message, "give this one another id");
        } else {
            places.insert(&entry.id, place);
        }
    }
    let circle = circle(entries, &places);
    if let Some((&first, rest)) = circle.split_first() {
        let id = |place: &usize| entries.get(*place).map(|entry| format!("`{}`", entry.id)).unwrap_or_default();
        let way: Vec<String> = std::iter::once(&first).chain(rest).chain([&first]).map(id).collect();
        let message = format!("these entries wait for each other: {}", way.join(" needs "));
        desk.report(&spot.item(first).to("needs"), Code::NeedsCycle, message, "take one of the needs away");
    }
    for (place, entry) in entries.iter().enumerate() {
        let spot = spot.item(place);
        needs(desk, &spot, entry, place, &places, &circle);
        let variables = variables(desk, entries, place, &places, own);
        if let Some(when) = &entry.when {
            desk.condition(&spot.to("when"), when, &variables);
        }
        let none = BTreeMap::new();
        match (&entry.task, entry.slx) {
            (Some(task), None) => {
                desk.refers(&spot.to("task"), DocKind::Task, task);
                if let Some(found) = desk.catalog.tasks.get(task) {
                    let whose = format!("the Task `{task}`");
                    bindings::check(
                        desk,
                        &spot,
                        (&found.inputs, &whose),
                        &entry.with,
                        &variables,
                        own.unwrap_or(&none),
                    );
                }
            }
            (None, Some(_)) if !entry.with.is_empty() => {
                let help = "the Slx's own entries say what their tasks are given: leave `with` out";
                desk.report(&spot.to("with"), Code::UnknownParameter, "an `slx` entry takes no `with`", help);
            }
            (None, Some(_)) => {}
            (Some(_), Some(_)) => {
                let message = format!("`{}` names both a Task and Slxs", entry.id);
                desk.report(&spot.to("slx"), Code::TaskOrSlx, message, "make two entries of it");
            }
            (None, None) => {
                let message = format!("`{}` names nothing to run", entry.id);
                desk.report(&spot, Code::TaskOrSlx, message, "add `task: <name>`, or `slx: matched`");
            }
        }
    }
}

fn needs(
    desk: &mut Desk<'_>,
    spot: &Spot<'_>,
    entry: &TaskRef,
    place: usize,
    places: &BTreeMap<&Name, usize>,
    circle: &[usize],
) {
    for (number, need) in entry.needs.iter().enumerate() {
        let spot = spot.to("needs").item(number);
        match places.get(need) {
            Some(before) if *before < place => {}
            Some(_) if circle.contains(&place) => {}
            Some(_) => {
                let message = format!("`{}` needs `{need}`, which stands after it", entry.id);
                desk.report(
                    &spot,
                    Code::UnknownNeed,
                    message,
                    "move the needed entry up: the list is read from the top",
                );
            }
            None => {
                let known = places.keys().map(|name| name.as_str());
                let help = match nearest(need.as_str(), known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "name the id of another entry".to_owned(),
                };
                desk.report(&spot, Code::UnknownNeed, format!("there is no entry `{need}`"), help);
            }
        }
    }
}

/// The first circle of needs, as places; empty when there is none.
fn circle(entries: &[TaskRef], places: &BTreeMap<&Name, usize>) -> Vec<usize> {
    let needs = |place: usize| {
        let entry = entries.get(place);
        entry.into_iter().flat_map(|entry| &entry.needs).filter_map(|need| places.get(need)).copied()
    };
    let mut done = BTreeSet::new();
    for start in 0..entries.len() {
        let mut way: Vec<(usize, Vec<usize>)> = vec![(start, needs(start).collect())];
        while let Some((at, open)) = way.last_mut() {
            let at = *at;
            let Some(next) = open.pop() else {
                done.insert(at);
                way.pop();
                continue;
            };
            if let Some(begin) = way.iter().position(|(place, _)| *place == next) {
                return way.iter().skip(begin).map(|(place, _)| *place).collect();
            }
            if !done.contains(&next) {
                way.push((next, needs(next).collect()));
            }
        }
    }
    Vec::new()
}

/// What the expressions of the entry at `place` see.
fn variables(
    desk: &Desk<'_>,
    entries: &[TaskRef],
    place: usize,
    places: &BTreeMap<&Name, usize>,
    own: Option<&BTreeMap<String, Parameter>>,
) -> Variables {
    let mut needed = BTreeSet::new();
    let mut open = vec![place];
    while let Some(at) = open.pop() {
        for need in entries.get(at).into_iter().flat_map(|entry| &entry.needs) {
            if let Some(before) = places.get(need).filter(|before| needed.insert(**before)) {
                open.push(*before);
            }
        }
    }
    let mut steps = BTreeMap::new();
    let mut absent = BTreeMap::new();
    for (other, entry) in entries.iter().enumerate().filter(|(other, _)| *other != place) {
        let id = entry.id.to_string();
        if entry.slx.is_some() {
            absent.insert(id, "an `slx` entry stands for any number of steps and has no result of its own".to_owned());
        } else if needed.contains(&other) {
            let task = entry.task.as_ref().and_then(|task| desk.catalog.tasks.get(task));
            steps.insert(id, types::step(task.map_or(Type::Any, |task| types::result(&task.run))));
        } else {
            absent.insert(id, format!("add it to `needs`: only then has `{}` ended before", entry.id));
        }
    }
    let mut variables = Variables::new([("alert", types::alert()), ("steps", Type::Fields(steps))]);
    if let Some(own) = own {
        variables.roots.insert("params", types::parameters(own));
    }
    variables.absent_steps = absent;
    variables
}

/// Whether a Command looks at anything besides the alert.
pub(super) fn looks(desk: &Desk<'_>, command: &Command) -> bool {
    let slxs = || desk.catalog.slxs.values().any(|slx| !slx.tasks.is_empty());
    command.tasks.iter().any(|entry| entry.task.is_some() || (entry.slx.is_some() && slxs()))
}
