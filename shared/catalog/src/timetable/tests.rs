use jiff::ToSpan as _;
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

/// Central European time by its rule, so that no test needs the machine's zones.
const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

fn zone(rule: &str) -> TimeZone {
    TimeZone::posix(rule).unwrap()
}

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The next `count` times after `after`, in UTC.
fn times(expression: &str, rule: &str, after: &str, count: usize) -> Vec<String> {
    let timetable: Timetable = expression.parse().unwrap_or_else(|error| panic!("{expression}: {error}"));
    let (zone, mut after) = (zone(rule), moment(after));
    let since = after;
    let mut times = Vec::new();
    while let Some(next) = timetable.next(&zone, since, after).filter(|_| times.len() < count) {
        times.push(next.to_string());
        after = next;
    }
    times
}

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
        "cron(0 10 ? * L *)",
        "cron(0 10 3W * ? *)",
        "cron(0 10 ? * 2#1 *)",
        "cron(5,35 14 * JAN,jul ? *)",
        "at(2030-11-20T13:00:00)",
    ] {
        assert!(good.parse::<Timetable>().is_ok(), "{good}");
    }
    for bad in [
        "",
        "hourly",
        "*/5 * * * *",
        "rate(0 hours)",
        "rate(5 seconds)",
        "rate(5)",
        "rate(+5 hours)",
        "rate(5  hours)",
        "cron(0 8 * * *)",
        "cron(0 8 * * * *)",
        "cron(0 8 ? * ? *)",
        "cron(60 8 ? * MON *)",
        "cron(0 24 ? * MON *)",
        "cron(0 8 ? * MOO *)",
        "cron(0 8 32 * ? *)",
        "cron(0 8 ? * 2#6 *)",
        "cron(0 8 ? * 2#1,3#1 *)",
        "cron(0 8 ? * 2/2 *)",
        "cron(0 8 ? * FRI-MON *)",
        "cron(0 8 1,L * ? *)",
        "cron(0 8 1W,15 * ? *)",
        "cron(0/0 8 ? * 2 *)",
        "cron(0 8 ? * 2 2200)",
        "at(2030-02-30T13:00:00)",
        "at(2030-02-20)",
        "at(2030-02-20T13:00)",
        "at(2030-02-20 13:00:00)",
        "at(2030-02-20T13:00:00Z)",
        "at(tomorrow)",
    ] {
        assert!(bad.parse::<Timetable>().is_err(), "{bad}");
    }
}

/// The examples of the Scheduler's own guide, with what it says of them.
#[test]
fn the_documented_examples_are_due_when_the_guide_says() {
    for (expression, after, due) in [
        // The last Friday of each month, at 10:15.
        ("cron(15 10 ? * 6L 2022-2023)", "2022-11-01T00:00:00Z", ["2022-11-25T10:15:00Z", "2022-12-30T10:15:00Z"]),
        // Every tenth minute from the first minute of the hour: the 11th, 21st and so on.
        ("cron(1/10 * * * ? *)", "2026-11-22T10:01:00Z", ["2026-11-22T10:11:00Z", "2026-11-22T10:21:00Z"]),
        // The first Monday of each month.
        ("cron(0 8 ? * 2#1 *)", "2026-11-22T00:00:00Z", ["2026-12-07T08:00:00Z", "2027-01-04T08:00:00Z"]),
        // The weekday closest to the third day of the month: 3 October 2026 is a Saturday, 3 January 2027 a Sunday.
        ("cron(0 8 3W OCT,JAN ? *)", "2026-09-22T00:00:00Z", ["2026-10-02T08:00:00Z", "2027-01-04T08:00:00Z"]),
        // The last day of the month, and of the week.
        ("cron(0 0 L FEB ? *)", "2027-01-01T00:00:00Z", ["2027-02-28T00:00:00Z", "2028-02-29T00:00:00Z"]),
        ("cron(0 0 ? * L *)", "2026-11-22T00:00:00Z", ["2026-11-28T00:00:00Z", "2026-12-05T00:00:00Z"]),
        ("cron(30 17 ? * MON-FRI *)", "2026-11-20T17:30:00Z", ["2026-11-23T17:30:00Z", "2026-11-24T17:30:00Z"]),
        ("rate(5 days)", "2026-11-22T10:07:09Z", ["2026-11-27T10:07:09Z", "2026-12-02T10:07:09Z"]),
    ] {
        assert_eq!(times(expression, "UTC0", after, 2), due, "{expression}");
    }
    assert_eq!(times("at(2026-11-22T10:00:00)", BERLIN, "2026-11-22T08:59:59Z", 2), ["2026-11-22T09:00:00Z"]);
    assert!(times("at(2026-11-22T10:00:00)", BERLIN, "2026-11-22T09:00:00Z", 2).is_empty());
}

#[test]
fn a_workday_stays_within_its_month() {
    // 1 August 2026 is a Saturday, 31 May 2026 a Sunday; November has no 31st.
    assert_eq!(times("cron(0 0 1W AUG ? 2026)", "UTC0", "2026-01-01T00:00:00Z", 2), ["2026-08-03T00:00:00Z"]);
    assert_eq!(times("cron(0 0 31W MAY ? 2026)", "UTC0", "2026-01-01T00:00:00Z", 2), ["2026-05-29T00:00:00Z"]);
    assert!(times("cron(0 0 31W NOV ? *)", "UTC0", "2026-01-01T00:00:00Z", 1).is_empty());
}

/// Spring: 02:00 to 03:00 is left out on 29 March 2026. Autumn: 02:00 to 03:00 comes twice on 25 October.
#[test]
fn what_does_not_exist_is_left_out_and_what_comes_twice_is_due_once() {
    assert_eq!(
        times("cron(30 2 * * ? *)", BERLIN, "2026-03-28T00:00:00Z", 2),
        ["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"]
    );
    assert_eq!(
        times("cron(30 2 * * ? *)", BERLIN, "2026-10-24T12:00:00Z", 2),
        ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
    );
    // Within the hour that comes twice, the next one is after both.
    assert_eq!(times("cron(0/30 * * * ? *)", BERLIN, "2026-10-25T01:10:00Z", 1), ["2026-10-25T02:00:00Z"]);
    // A day of a rate is 24 hours, whatever the clocks do.
    assert_eq!(
        times("rate(1 day)", BERLIN, "2026-10-24T12:00:00Z", 2),
        ["2026-10-25T12:00:00Z", "2026-10-26T12:00:00Z"]
    );
}

#[test]
fn what_is_never_due_is_found_out() {
    assert!(times("cron(0 0 30 FEB ? *)", "UTC0", "2026-01-01T00:00:00Z", 1).is_empty());
    assert!(times("cron(0 0 1 * ? 2020)", "UTC0", "2026-01-01T00:00:00Z", 1).is_empty());
}

/// One field of numbers and which of them it means, both made here, so that neither is read from the other.
fn field(least: i16, most: i16, steps: bool) -> impl Strategy<Value = (String, Vec<i16>)> {
    let one = (least..=most, least..=most, 1..=most, 0..4_u8).prop_map(move |(a, b, step, form)| {
        let (from, to) = (a.min(b), a.max(b));
        match form {
            1 => (format!("{from}-{to}"), (from..=to).collect::<Vec<_>>()),
            2 if steps => (format!("{from}/{step}"), (from..=most).step_by(step as usize).collect()),
            3 if steps => (format!("{from}-{to}/{step}"), (from..=to).step_by(step as usize).collect()),
            _ => (from.to_string(), vec![from]),
        }
    });
    let lists = vec(one, 1..4).prop_map(|parts| {
        let texts: Vec<String> = parts.iter().map(|(text, _)| text.clone()).collect();
        (texts.join(","), parts.into_iter().flat_map(|(_, values)| values).collect::<Vec<_>>())
    });
    prop_oneof![1 => Just(("*".to_owned(), (least..=most).collect())), 3 => lists]
}

#[test]
fn an_expression_is_as_long_as_the_scheduler_takes() {
    let minutes = |count: usize| format!("cron({} 0 1 1 ? *)", vec!["10"; count].join(","));
    assert!(minutes(80).len() <= 256 && minutes(80).parse::<Timetable>().is_ok());
    let long = minutes(50_000).parse::<Timetable>().unwrap_err().to_string();
    assert!(long.ends_with("and 256 are the most"), "{long}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The next time is the first minute on the wall that every field has, found by looking at each minute of some weeks.
    #[test]
    fn the_next_time_is_the_first_minute_that_fits(
        minutes in field(0, 59, true),
        hours in field(0, 23, true),
        days in field(1, 31, true),
        weekdays in field(1, 7, false),
        by_weekday in any::<bool>(),
        rule in select(vec!["UTC0", BERLIN, "NPT-5:45", "EST5EDT,M3.2.0,M11.1.0"]),
        start in 1_767_225_600_i64..1_798_761_600,
    ) {
        let (day, weekday) = if by_weekday { ("?", weekdays.0.as_str()) } else { (days.0.as_str(), "?") };
        let expression = format!("cron({} {} {day} * {weekday} *)", minutes.0, hours.0);
        let timetable: Timetable = expression.parse().unwrap();
        let (zone, after) = (zone(rule), Timestamp::from_second(start).unwrap());
        let fits = |moment: Timestamp| {
            let wall = zone.to_datetime(moment);
            let date_fits = if by_weekday {
                weekdays.1.contains(&i16::from(wall.weekday().to_sunday_one_offset()))
            } else {
                days.1.contains(&i16::from(wall.day()))
            };
            // The second time that it is so late on the wall does not count.
            let first = zone.to_ambiguous_timestamp(wall).earlier().unwrap() == moment;
            date_fits && first && hours.1.contains(&i16::from(wall.hour())) && minutes.1.contains(&i16::from(wall.minute()))
        };
        let first_minute = Timestamp::from_second(start - start.rem_euclid(60) + 60).unwrap();
        let reach = 40 * 24 * 60;
        let expected = (0..reach).map(|minute| first_minute + minute.minutes()).find(|moment| fits(*moment));
        let next = timetable.next(&zone, after, after);
        match expected {
            Some(expected) => prop_assert_eq!(next, Some(expected), "{} after {}", expression, after),
            None => prop_assert!(next.is_none_or(|next| next >= first_minute + reach.minutes()), "{expression}: {next:?}"),
        }
    }

    #[test]
    fn a_rate_is_due_at_whole_lengths_from_its_beginning(
        every in 1..1_000_u32,
        unit in select(vec![("minutes", 60_i64), ("hours", 3_600), ("days", 86_400)]),
        since in 0_i64..2_000_000_000,
        gone in 0_i64..100_000_000,
    ) {
        let timetable: Timetable = format!("rate({every} {})", unit.0).parse().unwrap();
        let moment = |second| Timestamp::from_second(second).unwrap();
        let next = timetable.next(&TimeZone::UTC, moment(since), moment(since + gone)).unwrap().as_second();
        let length = i64::from(every) * unit.1;
        prop_assert!(next > since + gone && next <= since + gone + length);
        prop_assert_eq!((next - since) % length, 0);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(rate|cron|at)?\\(?[0-9A-Z*?/#,LW -]{0,40}\\)?", after in any::<i32>()) {
        if let Ok(timetable) = text.parse::<Timetable>() {
            let after = Timestamp::from_second(after.into()).unwrap();
            let next = timetable.next(&TimeZone::UTC, after, after);
            prop_assert!(next.is_none_or(|next| next > after));
        }
    }
}
