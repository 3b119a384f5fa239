//! Cases: whether they can be run at all.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Desk, Spot, bindings,
    names::Variables,
    types::{self, Type},
};
use crate::{
    bind::{cut, is_expression},
    cases,
    model::{Bindings, CommandCase, Parameter, TaskCase},
    problem::{Code, nearest},
    schema::DocKind,
};

pub(super) fn check(desk: &mut Desk<'_>, event_files: bool) {
    let catalog = desk.catalog;
    let event = || Type::fields([("kind", Type::Text), ("source", Type::Text), ("external_id", Type::Text)]);
    for (name, source) in &catalog.sources {
        let variables = Variables::new([("event", event()), ("alert", types::alert())]);
        for (place, case) in source.tests.iter().enumerate() {
            let spot = Spot::new(DocKind::Source, name).to("tests").item(place);
            event_file(desk, &spot, &case.event, event_files);
            desk.condition(&spot.to("expect"), &case.expect, &variables);
        }
    }
    for (name, workflow) in &catalog.workflows {
        let mut variables = Variables::new([("event", event()), ("alert", types::alert())]);
        variables.roots.extend([("chosen", Type::Text), ("incident_key", Type::Text)]);
        for (place, case) in workflow.tests.iter().enumerate() {
            let spot = Spot::new(DocKind::Workflow, name).to("tests").item(place);
            event_file(desk, &spot, &case.event, event_files);
            desk.refers(&spot.to("source"), DocKind::Source, &case.source);
            desk.condition(&spot.to("expect"), &case.expect, &variables);
        }
    }
    for (name, task) in &catalog.tasks {
        let inputs = types::parameters(&task.inputs);
        let result = types::result(&task.run);
        for (place, case) in task.tests.iter().enumerate() {
            let TaskCase { inputs: given, alert, result: gave, expect, .. } = case;
            let spot = Spot::new(DocKind::Task, name).to("tests").item(place);
            values(desk, &spot.to("inputs"), &task.inputs, given);
            alert_fits(desk, &spot.to("alert"), alert.as_ref());
            fits(desk, &spot.to("result"), "result", &result, &Value::Object(gave.clone()));
            let issues = ("issues", Type::List(Box::new(types::issue())));
            let variables = Variables::new([issues, ("result", result.clone()), ("inputs", inputs.clone())]);
            desk.condition(&spot.to("expect"), expect, &variables);
        }
    }
    for (name, command) in &catalog.commands {
        for (place, case) in command.tests.iter().enumerate() {
            let spot = Spot::new(DocKind::Command, name).to("tests").item(place);
            values(desk, &spot.to("with"), &command.parameters, &case.with);
            alert_fits(desk, &spot.to("alert"), case.alert.as_ref());
            let steps = results(desk, &spot.to("results"), command, case);
            let mut found = types::issue();
            if let Type::Fields(fields) = &mut found {
                fields.insert("steps".to_owned(), Type::List(Box::new(Type::Text)));
            }
            let variables = Variables::new([
                ("steps", steps),
                ("issues", Type::List(Box::new(found))),
                ("verdict", Type::Text),
                ("params", types::parameters(&command.parameters)),
            ]);
            desk.condition(&spot.to("expect"), &case.expect, &variables);
        }
    }
}

fn event_file(desk: &mut Desk<'_>, spot: &Spot<'_>, event: &str, asked: bool) {
    let folder = desk.documents.origin(spot.kind, spot.name).and_then(|origin| origin.file.parent());
    let file = folder.map(|folder| folder.join(event)).filter(|_| asked);
    if let Some(file) = file.filter(|file| !file.is_file()) {
        let message = format!("there is no event file `{}`", file.display());
        desk.report(&spot.to("event"), Code::MissingEventFile, message, "name it relative to this file's folder");
    }
}

/// The values of a case for `wanted`.
fn values(desk: &mut Desk<'_>, spot: &Spot<'_>, wanted: &BTreeMap<String, Parameter>, given: &Bindings) {
    for (name, _) in wanted.iter().filter(|(name, one)| one.default.is_none() && !given.contains_key(*name)) {
        let message = format!("the case gives no `{name}`, which has no default");
        desk.report(spot, Code::UnboundParameter, message, format!("add `{name}: ...`"));
    }
    for (name, value) in given {
        let spot = spot.key(name);
        match wanted.get(name) {
            None => {
                let help = match nearest(name, wanted.keys().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "leave it out, or declare it".to_owned(),
                };
                desk.report(&spot, Code::UnknownParameter, format!("there is no `{name}` to give"), help);
            }
            Some(_) if is_expression(value) => {
                let message = format!("`{name}` of a case is a value, not an expression");
                desk.report(&spot, Code::UnfitValue, message, "write out what it is in this case");
            }
            Some(parameter) => bindings::literal(desk, &spot, name, parameter, value),
        }
    }
}

fn alert_fits(desk: &mut Desk<'_>, spot: &Spot<'_>, alert: Option<&Map<String, Value>>) {
    let Some(alert) = alert else { return };
    let before = desk.problems.len();
    fits(desk, spot, "alert", &types::alert(), &Value::Object(alert.clone()));
    if let (true, Err(reason)) = (desk.problems.len() == before, cases::alert(alert)) {
        let help = "write the fields that matter as an Alert has them: docs/catalog.md, Expressions";
        desk.report(spot, Code::CaseShape, format!("`alert` is not one: {reason}"), help);
    }
}

/// What `results` are given for, and the type of `steps`.
fn results(desk: &mut Desk<'_>, spot: &Spot<'_>, command: &crate::model::Command, case: &CommandCase) -> Type {
    let catalog = desk.catalog;
    let of = |id: &str| command.tasks.iter().find(|entry| entry.id.as_str() == id);
    for (id, result) in &case.results {
        let spot = spot.key(id);
        let task = match (of(id), id.split_once('.').and_then(|(entry, rest)| Some((of(entry)?, rest)))) {
            (Some(entry), _) if entry.slx.is_none() => entry.task.as_ref(),
            (_, Some((entry, rest))) if entry.slx.is_some() => {
                let (slx, own) = rest.split_once('.').unwrap_or((rest, ""));
                let slx = catalog.slxs.iter().find(|(name, _)| name.as_str() == slx).map(|(_, slx)| slx);
                let entry = slx.and_then(|slx| slx.tasks.iter().find(|entry| entry.id.as_str() == own));
                entry.and_then(|entry| entry.task.as_ref())
            }
            _ => None,
        };
        match task {
            // That there is no such Task is said of the entry.
            Some(task) => {
                if let Some(task) = catalog.tasks.get(task) {
                    let gave = Value::Object(result.clone());
                    fits(desk, &spot, id, &types::result(&task.run), &gave);
                }
            }
            None => {
                let ids: Vec<&str> = command.tasks.iter().map(|entry| entry.id.as_str()).collect();
                let help = match nearest(id, ids.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        format!("the entries are {}; a Task of an Slx is `<entry>.<slx>.<id>`", super::quoted(&ids))
                    }
                };
                desk.report(&spot, Code::CaseShape, format!("the Command takes no step `{}`", cut(id)), help);
            }
        }
    }
    if command.tasks.iter().any(|entry| entry.slx.is_some()) {
        return Type::Free(Box::new(types::step(Type::Any)));
    }
    let step = |task: &Option<domain::Name>| {
        let task = task.as_ref().and_then(|task| catalog.tasks.get(task));
        types::step(task.map_or(Type::Any, |task| types::result(&task.run)))
    };
    Type::Fields(command.tasks.iter().map(|entry| (entry.id.to_string(), step(&entry.task))).collect())
}

/// Holds a written result against what the kind gives. What is left out is fine, and null stands for any value.
fn fits(desk: &mut Desk<'_>, spot: &Spot<'_>, path: &str, wanted: &Type, given: &Value) {
    match (wanted, given) {
        (Type::Any, _) | (_, Value::Null) => {}
        (Type::Fields(fields), Value::Object(map)) => {
            for (key, value) in map {
                match fields.get(key) {
                    Some(wanted) => fits(desk, &spot.key(key), &format!("{path}.{key}"), wanted, value),
                    None => {
                        let known: Vec<&str> = fields.keys().map(String::as_str).collect();
                        let help = match nearest(key, known.iter().copied()) {
                            Some(near) => format!("did you mean `{near}`?"),
                            None => format!("it has {}", super::quoted(&known)),
                        };
                        let message = format!("`{path}` has no `{}`", cut(key));
                        desk.report(&spot.key(key), Code::CaseShape, message, help);
                    }
                }
            }
        }
        (Type::Free(wanted), Value::Object(map)) => {
            for (key, value) in map {
                fits(desk, &spot.key(key), &format!("{path}.{key}"), wanted, value);
            }
        }
        (Type::List(wanted), Value::Array(items)) => {
            for (place, item) in items.iter().enumerate() {
                fits(desk, &spot.item(place), &format!("{path}[{place}]"), wanted, item);
            }
        }
        (Type::Text, Value::String(_)) | (Type::Number, Value::Number(_)) | (Type::Bool, Value::Bool(_)) => {}
        _ => {
            let what = match given {
                Value::Null => "nothing",
                Value::Bool(_) => "true or false",
                Value::Number(_) => "a number",
                Value::String(_) => "text",
                Value::Array(_) => "a list",
                Value::Object(_) => "a map",
            };
            let message = format!("`{path}` is {}, not {what}", wanted.what());
            desk.report(spot, Code::CaseShape, message, "write it as the call gives it: docs/tasks.md");
        }
    }
}
