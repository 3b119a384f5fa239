//! Every key of the table. Nothing else makes one.

use std::fmt::Write as _;

use domain::{ChatPlace, Event, EventId, Name, RunId};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use ports::Key;
use sha2::{Digest, Sha256};

use crate::BudgetScope;

pub(crate) const META: &str = "META";
pub(crate) const STEP: &str = "STEP#";
pub(crate) const EVENT: &str = "EVENT#";
pub(crate) const TARGET: &str = "TARGET#";
pub(crate) const RATING: &str = "RATING#";
pub(crate) const TURN: &str = "TURN#";

/// The type of sources whose external ids are threads.
pub(crate) const CHAT: &str = "slack";

fn key(pk: String, sk: impl Into<String>) -> Key {
    Key { pk, sk: sk.into() }
}

/// Senders choose these texts, so they are hashed: any length, any character, and no way to name another item. Each
/// part's length goes in, so that no two lists of parts are one text.
fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let mut text = String::with_capacity(32);
    for byte in hasher.finalize().iter().take(16) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

pub(crate) fn run(id: RunId) -> String {
    format!("RUN#{id}")
}

pub(crate) fn meta(id: RunId) -> Key {
    key(run(id), META)
}

/// Four digits, so that steps sort as they are numbered.
pub(crate) fn step(id: RunId, index: u32) -> Key {
    key(run(id), format!("{STEP}{index:04}"))
}

/// What a model is told before its first turn.
pub(crate) fn opening(id: RunId) -> Key {
    turn(id, 0)
}

/// One turn of a model, from 1. What its tools answered sorts behind it, and before the next one.
pub(crate) fn turn(id: RunId, turn: u32) -> Key {
    key(run(id), format!("{TURN}{turn:04}"))
}

pub(crate) fn call(id: RunId, turn: u32, place: u32) -> Key {
    key(run(id), format!("{TURN}{turn:04}#CALL#{place:04}"))
}

/// What was spent of a day's (UTC) money.
pub(crate) fn budget(scope: &BudgetScope, date: Date) -> Key {
    match scope {
        BudgetScope::Workflow(name) => key(format!("BUDGET#workflow/{name}#{date}"), "SPENT"),
        BudgetScope::Account => key(format!("BUDGET#account#{date}"), "SPENT"),
    }
}

/// By the event's id and not by its delivery key: a duplicate is an event of its own on the record.
pub(crate) fn event(id: RunId, event: EventId) -> Key {
    key(run(id), format!("{EVENT}{event}"))
}

pub(crate) fn target(id: RunId, name: &str) -> Key {
    key(run(id), format!("{TARGET}{name}"))
}

/// One for each person, by the chat's id.
pub(crate) fn rating(id: RunId, by: &ChatPlace) -> Key {
    key(run(id), format!("{RATING}{}", hash(&[by.source.as_str(), &by.user])))
}

pub(crate) fn delivery(source: &Name, delivery_key: &str) -> Key {
    key(format!("DELIVERYKEY#{}", hash(&[source.as_str(), delivery_key])), "KEY")
}

/// Beside the delivery key: a duplicate that its run only counts.
pub(crate) fn counted(source: &Name, delivery_key: &str, event: EventId) -> Key {
    Key { sk: format!("COUNTED#{event}"), ..delivery(source, delivery_key) }
}

pub(crate) fn incident(workflow: &Name, incident_key: &str) -> Key {
    key(format!("INCIDENT#{workflow}#{}", hash(&[incident_key])), "OPEN")
}

/// How many runs a workflow has opened in the UTC hour of `at`.
pub(crate) fn rate(workflow: &Name, at: Timestamp) -> Key {
    key(format!("RATE#{workflow}"), hour(at))
}

/// How many runs that a workflow opened on `date` (UTC) have not ended.
pub(crate) fn open(workflow: &Name, date: Date) -> Key {
    key(format!("OPEN#{workflow}"), date.to_string())
}

/// The run that gathers what a workflow may not open in the UTC hour of `at`.
pub(crate) fn storm(workflow: &Name, at: Timestamp) -> Key {
    key(format!("STORM#{workflow}#{}", hour(at)), "RUN")
}

/// Beside the storm's pointer: that the incident is among those that it gathered.
pub(crate) fn gathered(workflow: &Name, at: Timestamp, incident_key: &str) -> Key {
    Key { sk: format!("INCIDENT#{}", hash(&[incident_key])), ..storm(workflow, at) }
}

pub(crate) fn alias(source: &Name, external_id: &str) -> Key {
    key(format!("ALIAS#{source}#{}", hash(&[external_id])), "ALIAS")
}

/// Where a mention finds the run whose message stands in a thread (`channel:ts` of its first message). Beside the aliases of
/// every source: who posts does not know what the catalog calls the Slack that hears of it.
pub(crate) fn thread(thread: &str) -> Key {
    key(format!("THREAD#{}", hash(&[thread])), "ALIAS")
}

/// Where later events of its incident, or of its thread, find the run.
pub(crate) fn alias_of(event: &Event, external_id: &str) -> Key {
    if event.source_type == CHAT { thread(external_id) } else { alias(&event.source, external_id) }
}

/// Until when nobody asks an account of a provider. Its parts are names and places of the catalog.
pub(crate) fn limit(account: &[&str]) -> Key {
    key(format!("LIMIT#{}", hash(account)), "UNTIL")
}

pub(crate) fn unmatched(received_at: Timestamp, event: EventId) -> Key {
    key(format!("UNMATCHED#{}", day(received_at)), event.to_string())
}

/// A Schedule's last run, and how many it had. Without a TTL: a count that is forgotten would begin anew.
pub(crate) fn schedule(name: &Name) -> Key {
    key(format!("SCHEDULE#{name}"), "LAST")
}

/// The index partition of the runs of a day (UTC).
pub(crate) fn runs_of(date: Date) -> String {
    format!("DAY#{date}")
}

/// The index partition of the unmatched events of a day (UTC).
pub(crate) fn unmatched_of(date: Date) -> String {
    format!("UNMATCHED#{date}")
}

/// The index partition of the runs that fired alike: same source, service and title.
pub(crate) fn fingerprint(source: &Name, service: &str, title: &str) -> String {
    format!("FINGERPRINT#{}", hash(&[source.as_str(), service, title]))
}

/// `2026-11-22T10`, in UTC.
fn hour(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H").to_string()
}

pub(crate) fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_lists_of_parts_hash_alike_by_gluing() {
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_eq!(hash(&["ab", "c"]).len(), 32);
    }

    #[test]
    fn steps_sort_as_they_are_numbered() {
        let id = RunId::mint(Timestamp::UNIX_EPOCH, 1);
        assert!(step(id, 9).sk < step(id, 10).sk && step(id, 10).sk < step(id, 100).sk);
    }
}
