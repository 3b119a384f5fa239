//! When a Schedule is due. The language is EventBridge Scheduler's, as far as it is documented and no further:
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>. What is read here is what `check` takes and
//! `render` writes, and the local world fires by it.

use std::str::FromStr;

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Weekday},
    tz::{AmbiguousOffset, TimeZone},
};

/// How long an expression may be (EventBridge Scheduler API Reference, CreateSchedule, `ScheduleExpression`).
const LENGTH_LIMIT: usize = 256;

/// An expression of EventBridge Scheduler: `rate(15 minutes)`, `cron(0 8 ? * MON-FRI *)`, `at(2030-01-31T08:00:00)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timetable(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Rate(SignedDuration),
    Cron(Cron),
    At(DateTime),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cron {
    minutes: Values,
    hours: Values,
    days: Days,
    months: Values,
    years: Values,
}

/// The values of one field: each from, to, step.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Values(Vec<(i16, i16, i16)>);

/// The days of a month, by the one of the two fields that is not `?`. Weekdays are counted from Sunday as 1.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Days {
    /// By their numbers.
    Numbered(Values),
    /// `L`: the last one.
    Last,
    /// `3W`: the Monday to Friday nearest to that day, within its month.
    Workday(i16),
    /// By their weekdays.
    Weekdays(Values),
    /// `6L`: the last such weekday of the month.
    LastWeekday(i16),
    /// `2#1`: such a weekday for the n-th time in the month.
    NthWeekday(i16, i16),
}

/// Why a text is no expression of EventBridge Scheduler.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TimetableError(String);

impl TimetableError {
    fn because<T>(reason: impl Into<String>) -> Result<T, Self> {
        Err(Self(reason.into()))
    }
}

impl FromStr for Timetable {
    type Err = TimetableError;

    fn from_str(text: &str) -> Result<Self, TimetableError> {
        // A longer one would fail at the deploy, and each of its values is looked at for each minute of a day.
        if text.len() > LENGTH_LIMIT {
            return TimetableError::because(format!(
                "it has {} characters, and {LENGTH_LIMIT} are the most",
                text.len()
            ));
        }
        let inner = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(rate) = inner("rate") {
            return self::rate(rate).map(Kind::Rate).map(Self);
        }
        if let Some(cron) = inner("cron") {
            return self::cron(cron).map(Kind::Cron).map(Self);
        }
        let Some(at) = inner("at") else {
            return TimetableError::because("it is none of `rate(...)`, `cron(...)` and `at(...)`");
        };
        // To the second and without a zone: jiff reads much more than the Scheduler does.
        match at.parse::<DateTime>() {
            Ok(at_time) if at_time.strftime("%Y-%m-%dT%H:%M:%S").to_string() == at => Ok(Self(Kind::At(at_time))),
            _ => TimetableError::because("that is not a date and a time: 2030-01-31T08:00:00"),
        }
    }
}

impl Timetable {
    /// The first time after `after` at which it is due in `zone`; absent when it never is again. A rate is counted from
    /// `since`, in whole lengths of 24 hours where it is in days.
    ///
    /// By the Scheduler's rules for daylight saving time, what falls into the hour that is left out in spring is left out, and
    /// what falls into the hour that comes twice in autumn comes once.
    #[must_use]
    pub fn next(&self, zone: &TimeZone, since: Timestamp, after: Timestamp) -> Option<Timestamp> {
        match &self.0 {
            Kind::Rate(every) => {
                let gone = after.duration_since(since).as_secs().div_euclid(every.as_secs());
                let times = i32::try_from(gone.max(0).checked_add(1)?).ok()?;
                since.checked_add(every.checked_mul(times)?).ok()
            }
            Kind::Cron(cron) => cron.next(zone, after),
            // Once, so a time that does not exist is taken for the one after it rather than for none.
            Kind::At(at) => zone.to_ambiguous_timestamp(*at).compatible().ok().filter(|at| *at > after),
        }
    }
}

impl Cron {
    fn next(&self, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
        // Later moments never have an earlier time on the wall among those that count, so the search begins there.
        let wall = zone.to_datetime(after);
        let mut day = wall.date();
        let last = self.years.greatest();
        while day.year() <= last {
            if self.is_day(day) {
                for hour in (0..24).filter(|hour| self.hours.have(i16::from(*hour))) {
                    for minute in (0..60).filter(|minute| self.minutes.have(i16::from(*minute))) {
                        let at = day.at(hour, minute, 0, 0);
                        if at < wall {
                            continue;
                        }
                        let moment = zone.to_ambiguous_timestamp(at);
                        if matches!(moment.offset(), AmbiguousOffset::Gap { .. }) {
                            continue;
                        }
                        if let Some(found) = moment.earlier().ok().filter(|found| *found > after) {
                            return Some(found);
                        }
                    }
                }
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    fn is_day(&self, day: Date) -> bool {
        if !self.years.have(day.year()) || !self.months.have(i16::from(day.month())) {
            return false;
        }
        let number = i16::from(day.day());
        let length = i16::from(day.days_in_month());
        let weekday = |day: Date| i16::from(day.weekday().to_sunday_one_offset());
        match &self.days {
            Days::Numbered(numbers) => numbers.have(number),
            Days::Last => number == length,
            Days::Workday(wanted) => {
                let Ok(near) = Date::new(day.year(), day.month(), i8::try_from(*wanted).unwrap_or(i8::MAX)) else {
                    return false;
                };
                number
                    == match near.weekday() {
                        Weekday::Saturday if *wanted == 1 => 3,
                        Weekday::Saturday => wanted - 1,
                        Weekday::Sunday if *wanted == length => wanted - 2,
                        Weekday::Sunday => wanted + 1,
                        _ => *wanted,
                    }
            }
            Days::Weekdays(weekdays) => weekdays.have(weekday(day)),
            Days::LastWeekday(wanted) => weekday(day) == *wanted && number + 7 > length,
            Days::NthWeekday(wanted, nth) => weekday(day) == *wanted && (number + 6) / 7 == *nth,
        }
    }
}

impl Values {
    fn have(&self, value: i16) -> bool {
        self.0.iter().any(|(from, to, step)| (*from..=*to).contains(&value) && (value - from) % step == 0)
    }

    fn greatest(&self) -> i16 {
        self.0.iter().map(|(_, to, _)| *to).max().unwrap_or(i16::MIN)
    }
}

fn rate(rate: &str) -> Result<SignedDuration, TimetableError> {
    let Some((value, unit)) = rate.split_once(' ') else {
        return TimetableError::because("a rate has a number and a unit");
    };
    let number = value.parse::<u32>().ok().filter(|number| *number > 0 && !value.starts_with('+'));
    let Some(number) = number else {
        return TimetableError::because(format!("`{value}` is not a whole number from 1"));
    };
    let minutes = match unit {
        "minute" | "minutes" => 1,
        "hour" | "hours" => 60,
        "day" | "days" => 24 * 60,
        other => return TimetableError::because(format!("`{other}` is not minutes, hours or days")),
    };
    Ok(SignedDuration::from_mins(i64::from(number) * minutes))
}

/// One field of a cron expression.
struct Field {
    name: &'static str,
    least: i16,
    most: i16,
    words: &'static [&'static str],
    /// Whether it takes increments, as `0/15`.
    steps: bool,
}

const MINUTE: Field = Field { name: "minute", least: 0, most: 59, words: &[], steps: true };
const HOUR: Field = Field { name: "hour", least: 0, most: 23, words: &[], steps: true };
const DAY: Field = Field { name: "day of the month", least: 1, most: 31, words: &[], steps: true };
const MONTH: Field = Field {
    name: "month",
    least: 1,
    most: 12,
    words: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    steps: true,
};
const WEEKDAY: Field = Field {
    name: "weekday",
    least: 1,
    most: 7,
    words: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    steps: false,
};
const YEAR: Field = Field { name: "year", least: 1970, most: 2199, words: &[], steps: true };

fn cron(cron: &str) -> Result<Cron, TimetableError> {
    let given: Vec<&str> = cron.split_whitespace().collect();
    let [minutes, hours, day, months, weekday, years] = given.as_slice() else {
        return TimetableError::because(format!("cron has 6 fields, and this has {}", given.len()));
    };
    let (minutes, hours) = (MINUTE.wanted(minutes)?, HOUR.wanted(hours)?);
    // Both are read first, so that a word of the one that cannot be is told before their number is.
    let by_day = if *day == "?" { None } else { Some(DAY.days(day)?) };
    let months = MONTH.wanted(months)?;
    let by_weekday = if *weekday == "?" { None } else { Some(WEEKDAY.weekdays(weekday)?) };
    let years = YEAR.wanted(years)?;
    let days = match (by_day, by_weekday) {
        (Some(days), None) | (None, Some(days)) => days,
        _ => return TimetableError::because("exactly one of the day of the month and the weekday must be `?`"),
    };
    Ok(Cron { minutes, hours, days, months, years })
}

impl Field {
    fn wanted(&self, text: &str) -> Result<Values, TimetableError> {
        self.values(text).ok_or_else(|| self.refused(text))
    }

    fn refused(&self, text: &str) -> TimetableError {
        TimetableError(format!("the {} cannot be `{text}`", self.name))
    }

    fn days(&self, text: &str) -> Result<Days, TimetableError> {
        let days = match text.strip_suffix('W') {
            Some(day) => self.value(day).map(Days::Workday),
            None if text == "L" => Some(Days::Last),
            None => self.values(text).map(Days::Numbered),
        };
        days.ok_or_else(|| self.refused(text))
    }

    fn weekdays(&self, text: &str) -> Result<Days, TimetableError> {
        let days = if let Some((day, nth)) = text.split_once('#') {
            let nth =
                nth.parse().ok().filter(|nth| (1..=5).contains(nth) && text.ends_with(|c: char| c.is_ascii_digit()));
            self.value(day).zip(nth).map(|(day, nth)| Days::NthWeekday(day, nth))
        } else if text == "L" {
            // The last day of the week.
            Some(Days::Weekdays(Values(vec![(self.most, self.most, 1)])))
        } else if let Some(day) = text.strip_suffix('L') {
            self.value(day).map(Days::LastWeekday)
        } else {
            self.values(text).map(Days::Weekdays)
        };
        days.ok_or_else(|| self.refused(text))
    }

    /// `*`, numbers, words, ranges and increments, and lists of these.
    fn values(&self, text: &str) -> Option<Values> {
        text.split(',').map(|one| self.some(one)).collect::<Option<Vec<_>>>().map(Values)
    }

    fn some(&self, text: &str) -> Option<(i16, i16, i16)> {
        let (span, step) = match text.split_once('/') {
            Some((span, step)) if self.steps => (span, Some(number(step).filter(|step| *step > 0)?)),
            Some(_) => return None,
            None => (text, None),
        };
        let (from, to) = match span.split_once('-') {
            _ if span == "*" => (self.least, self.most),
            Some((from, to)) => (self.value(from)?, self.value(to)?),
            None if step.is_some() => (self.value(span)?, self.most),
            None => (self.value(span)?, self.value(span)?),
        };
        (from <= to).then_some((from, to, step.unwrap_or(1)))
    }

    fn value(&self, text: &str) -> Option<i16> {
        let word = self.words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let value = match word {
            Some(place) => self.least.checked_add(i16::try_from(place).ok()?)?,
            None => number(text)?,
        };
        (self.least..=self.most).contains(&value).then_some(value)
    }
}

fn number(text: &str) -> Option<i16> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
