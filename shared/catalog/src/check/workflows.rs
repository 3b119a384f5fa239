//! Workflows.

use std::{collections::BTreeMap, time::Duration};

use domain::{EventKind, EventRole};

use super::{Desk, Spot, bindings, commands, delivery, names::Variables, types};
use crate::{
    model::{SourceType, Workflow},
    problem::Code,
    schema::DocKind,
};

/// The longest that an incident takes events in.
const WINDOW_LIMIT: Duration = Duration::from_secs(30 * 24 * 3600);

pub(super) fn check(desk: &mut Desk<'_>) {
    let catalog = desk.catalog;
    for (name, workflow) in &catalog.workflows {
        let spot = Spot::new(DocKind::Workflow, name);
        trigger(desk, &spot, workflow);
        investigate(desk, &spot, workflow);
        delivery::check(desk, &spot, &workflow.deliver);
        notes(desk, &spot, workflow);
        if workflow.limits.runs_per_hour == Some(0) {
            let help = "leave the limit out, or take the Workflow out of the catalog";
            desk.report(&spot.to("limits.runs_per_hour"), Code::OutOfBounds, "with 0 runs an hour it never runs", help);
        }
        if workflow.limits.max_open == Some(0) {
            let help = "leave the limit out, or take the Workflow out of the catalog";
            desk.report(&spot.to("limits.max_open"), Code::OutOfBounds, "with 0 open runs it never runs", help);
        }
        if workflow.limits.usd_per_day.is_some_and(|usd| usd < 0.0) {
            desk.report(
                &spot.to("limits.usd_per_day"),
                Code::OutOfBounds,
                "money cannot be negative",
                "write 0 or more",
            );
        }
    }
}

fn trigger(desk: &mut Desk<'_>, spot: &Spot<'_>, workflow: &Workflow) {
    let trigger = &workflow.trigger;
    if trigger.sources.is_empty() {
        let help = "name the sources whose events it wants: `sources: [pagerduty]`";
        desk.report(&spot.to("trigger.sources"), Code::BadValue, "the Workflow listens to nothing", help);
    }
    for (place, source) in trigger.sources.iter().enumerate() {
        let spot = spot.to("trigger.sources").item(place);
        desk.refers(&spot, DocKind::Source, source);
        if desk.catalog.sources.get(source).is_some_and(|known| known.source_type == SourceType::Slack) {
            let message = format!("Slack tells of no incident, so `{source}` opens no investigation");
            let help = "say under `commands` of the Source who may run the Command from which channel";
            desk.report(&spot, Code::OpensNothing, message, help);
        }
    }
    if trigger.events.is_empty() {
        let help = "leave it out for `triggered`";
        desk.report(&spot.to("trigger.events"), Code::BadValue, "the Workflow wants no kind of event", help);
    }
    for (place, kind) in trigger.events.iter().enumerate() {
        if kind.role() != EventRole::Opens {
            let opening = [EventKind::Triggered, EventKind::Reopened].map(EventKind::as_str);
            let message = format!("`{}` opens no investigation", kind.as_str());
            let help = format!(
                "name {}; other events find the run that stands by themselves",
                opening.map(|kind| format!("`{kind}`")).join(" or ")
            );
            desk.report(&spot.to("trigger.events").item(place), Code::OpensNothing, message, help);
        }
    }
    let variables = Variables::new([("alert", types::alert()), ("event", types::event())]);
    if let Some(when) = &trigger.when {
        desk.condition(&spot.to("trigger.when"), when, &variables);
    }
    desk.template(&spot.to("incident.key"), &workflow.incident.key, &variables);
    let window = workflow.incident.window.0;
    if window.is_zero() || window > WINDOW_LIMIT {
        let help = "write more than nothing and at most 720h; leave it out for 4h";
        let message = format!("an incident cannot take events in for {}", workflow.incident.window);
        desk.report(&spot.to("incident.window"), Code::OutOfBounds, message, help);
    }
}

fn investigate(desk: &mut Desk<'_>, spot: &Spot<'_>, workflow: &Workflow) {
    let investigate = &workflow.investigate;
    let spot = spot.to("investigate");
    desk.refers(&spot.to("command"), DocKind::Command, &investigate.command);
    if let Some(assistant) = &investigate.assistant {
        desk.refers(&spot.to("assistant"), DocKind::Assistant, assistant);
    }
    let Some(command) = desk.catalog.commands.get(&investigate.command) else { return };
    if !commands::looks(desk, command) && !workflow.deliver.is_empty() {
        let message =
            format!("the Command `{}` looks at nothing, so this only passes the alert's own text on", command.name);
        let help = "give the Command a Task that looks at something the alert does not say";
        desk.report(&spot.to("command"), Code::Relay, message, help);
    }
    let variables = Variables::new([("alert", types::alert())]);
    let whose = format!("the Command `{}`", command.name);
    bindings::check(desk, &spot, (&command.parameters, &whose), &investigate.with, &variables, &BTreeMap::new());
}

/// A note on an alert or incident goes to the one that the event came from.
fn notes(desk: &mut Desk<'_>, spot: &Spot<'_>, workflow: &Workflow) {
    for (place, target) in workflow.deliver.iter().enumerate() {
        let Some(sender) = target.outlet.sender() else { continue };
        // A source that is not known is reported elsewhere.
        let sources = &desk.catalog.sources;
        let is_one = |name| sources.get(name).is_none_or(|source| source.source_type.as_str() == sender);
        if !workflow.trigger.sources.iter().all(is_one) {
            let message =
                format!("not every source is of `type: {sender}`, so there may be nothing to write a note on");
            let help = "listen to such sources alone, or take the target out";
            desk.report(&spot.to("deliver").item(place), Code::TargetTicket, message, help);
        }
    }
}
