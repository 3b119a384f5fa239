//! Schedules. The syntax is EventBridge Scheduler's: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>

use std::collections::BTreeMap;

use jiff::civil::DateTime;

use super::{Desk, Spot, bindings, delivery, names::Variables};
use crate::{problem::Code, schema::DocKind};

pub(super) fn check(desk: &mut Desk<'_>) {
    let catalog = desk.catalog;
    for (name, schedule) in &catalog.schedules {
        let spot = Spot::new(DocKind::Schedule, name);
        if let Err(reason) = clock(&schedule.schedule) {
            let message = format!("`{}` is not a schedule: {reason}", crate::bind::cut(&schedule.schedule));
            let help = "write `rate(15 minutes)`, `cron(0 8 ? * MON-FRI *)` (minute, hour, day, month, weekday, year) or \
                        `at(2030-01-31T08:00:00)`";
            desk.report(&spot.to("schedule"), Code::ScheduleSyntax, message, help);
        }
        if !is_zone(&schedule.timezone) {
            let message = format!("`{}` is not a time zone", crate::bind::cut(&schedule.timezone));
            desk.report(&spot.to("timezone"), Code::TimeZone, message, "write UTC, or one such as Europe/Berlin");
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

fn clock(text: &str) -> Result<(), String> {
    let inner = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(rate) = inner("rate") {
        return self::rate(rate);
    }
    if let Some(cron) = inner("cron") {
        return self::cron(cron);
    }
    match inner("at").map(str::parse::<DateTime>) {
        Some(Ok(_)) => Ok(()),
        Some(Err(_)) => Err("that is not a date and a time".to_owned()),
        None => Err("it is none of `rate(...)`, `cron(...)` and `at(...)`".to_owned()),
    }
}

fn rate(rate: &str) -> Result<(), String> {
    let Some((value, unit)) = rate.split_once(' ') else { return Err("a rate has a number and a unit".to_owned()) };
    if !value.parse::<u32>().is_ok_and(|value| value > 0) || value.starts_with('+') {
        return Err(format!("`{value}` is not a whole number from 1"));
    }
    match unit {
        "minute" | "minutes" | "hour" | "hours" | "day" | "days" => Ok(()),
        other => Err(format!("`{other}` is not minutes, hours or days")),
    }
}

/// One field of a cron expression.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    words: &'static [&'static str],
    /// What it may have besides `*`, numbers, lists, ranges and steps.
    extra: &'static str,
}

const FIELDS: [Field; 6] = [
    Field { name: "minute", least: 0, most: 59, words: &[], extra: "" },
    Field { name: "hour", least: 0, most: 23, words: &[], extra: "" },
    Field { name: "day of the month", least: 1, most: 31, words: &[], extra: "?LW" },
    Field {
        name: "month",
        least: 1,
        most: 12,
        words: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
        extra: "",
    },
    Field {
        name: "weekday",
        least: 1,
        most: 7,
        words: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        extra: "?L#",
    },
    Field { name: "year", least: 1970, most: 2199, words: &[], extra: "" },
];

fn cron(cron: &str) -> Result<(), String> {
    let given: Vec<&str> = cron.split_whitespace().collect();
    if given.len() != FIELDS.len() {
        return Err(format!("cron has 6 fields, and this has {}", given.len()));
    }
    for (field, text) in FIELDS.iter().zip(&given) {
        if !text.split(',').all(|one| field.takes(one)) {
            return Err(format!("the {} cannot be `{text}`", field.name));
        }
    }
    let open = given.iter().filter(|text| **text == "?").count();
    if open != 1 {
        return Err("exactly one of the day of the month and the weekday must be `?`".to_owned());
    }
    Ok(())
}

impl Field {
    fn takes(&self, text: &str) -> bool {
        if text == "*" || (text == "?" && self.extra.contains('?')) || (text == "L" && self.extra.contains('L')) {
            return true;
        }
        if let Some((day, which)) = text.split_once('#') {
            return self.extra.contains('#')
                && self.value(day).is_some()
                && matches!(which, "1" | "2" | "3" | "4" | "5");
        }
        if let Some(day) = text.strip_suffix('W') {
            return self.extra.contains('W') && (day == "L" || self.value(day).is_some());
        }
        if let Some(day) = text.strip_suffix('L') {
            return self.extra.contains('#') && self.value(day).is_some();
        }
        let (span, step) = text.split_once('/').map_or((text, None), |(span, step)| (span, Some(step)));
        if step.is_some_and(|step| !step.parse::<u32>().is_ok_and(|step| step > 0)) {
            return false;
        }
        match span.split_once('-') {
            Some((from, to)) => self.value(from).is_some() && self.value(to).is_some(),
            None => (span == "*" && step.is_some()) || self.value(span).is_some(),
        }
    }

    fn value(&self, text: &str) -> Option<u32> {
        let word = self.words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let number = match word {
            Some(place) => self.least.checked_add(u32::try_from(place).ok()?)?,
            None => text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))?,
        };
        (self.least..=self.most).contains(&number).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_those_of_eventbridge_scheduler() {
        for good in [
            "rate(1 hour)",
            "rate(15 minutes)",
            "rate(7 days)",
            "cron(0 8 ? * MON-FRI *)",
            "cron(0/15 * * * ? *)",
            "cron(15 10 ? * 6L 2022-2030)",
            "cron(0 10 L * ? *)",
            "cron(0 10 3W * ? *)",
            "cron(0 10 ? * 2#1 *)",
            "cron(5,35 14 * JAN,jul ? *)",
            "at(2030-11-20T13:00:00)",
        ] {
            assert_eq!(clock(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "hourly",
            "*/5 * * * *",
            "rate(0 hours)",
            "rate(5 seconds)",
            "rate(5)",
            "rate(+5 hours)",
            "cron(0 8 * * *)",
            "cron(0 8 * * * *)",
            "cron(0 8 ? * ? *)",
            "cron(60 8 ? * MON *)",
            "cron(0 24 ? * MON *)",
            "cron(0 8 ? * MOO *)",
            "cron(0 8 32 * ? *)",
            "cron(0 8 ? * 2#6 *)",
            "cron(0/0 8 ? * 2 *)",
            "at(2030-02-30T13:00:00)",
            "at(tomorrow)",
        ] {
            assert!(clock(bad).is_err(), "{bad}");
        }
    }

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
