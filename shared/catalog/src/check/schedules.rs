//! Schedules.

use std::collections::BTreeMap;

use super::{Desk, Spot, bindings, delivery, names::Variables};
use crate::{Timetable, problem::Code, schema::DocKind};

pub(super) fn check(desk: &mut Desk<'_>) {
    let catalog = desk.catalog;
    for (name, schedule) in &catalog.schedules {
        let spot = Spot::new(DocKind::Schedule, name);
        if let Err(reason) = schedule.schedule.parse::<Timetable>() {
            let message = format!("`{}` is not a schedule: {reason}", crate::bind::cut(&schedule.schedule));
            let help = "write `rate(15 minutes)`, `cron(0 8 ? * MON-FRI *)` (minute, hour, day, month, weekday, year) or \
                        `at(2030-01-31T08:00:00)`";
            desk.report(&spot.to("schedule"), Code::ScheduleSyntax, message, help);
        }
        if !is_zone(&schedule.timezone) {
            let message = format!("`{}` is not a time zone", crate::bind::cut(&schedule.timezone));
            desk.report(&spot.to("timezone"), Code::TimeZone, message, "write UTC, or one such as Europe/Berlin");
        }
        if schedule.max_runs == Some(0) {
            let help = "leave it out for as many as are due, or write `paused: true`";
            desk.report(&spot.to("max_runs"), Code::OutOfBounds, "a Schedule with no runs does nothing", help);
        }
        desk.refers(&spot.to("command"), DocKind::Command, &schedule.command);
        if let Some(command) = catalog.commands.get(&schedule.command) {
            let whose = format!("the Command `{}`", command.name);
            // A clock has no alert, so no expression has anything to name.
            let none = Variables::default();
            bindings::check(desk, &spot, (&command.parameters, &whose), &schedule.with, &none, &BTreeMap::new());
        }
        delivery::check(desk, &spot, &schedule.deliver);
    }
}

/// The shape of an IANA name; whether there is such a zone the Scheduler knows.
fn is_zone(zone: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_uppercase())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
    };
    matches!(zone, "UTC" | "GMT") || ((2..=3).contains(&zone.split('/').count()) && zone.split('/').all(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_look_like_iana_ones() {
        for good in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "America/Port-au-Prince", "Etc/GMT+5"] {
            assert!(is_zone(good), "{good}");
        }
        for bad in ["", "Berlin", "europe/berlin", "+02:00", "Europe/", "A/B/C/D", "Europe/Ber lin"] {
            assert!(!is_zone(bad), "{bad}");
        }
    }
}
