//! Domain values as items and back. What is conditioned on, counted or indexed is an attribute of its own; the rest is
//! the value's JSON, field by field.

use domain::{Cost, Counts, Estimate, Lease, Money, Run, Target, TargetState, Trigger, Usage};
use jiff::Timestamp;
use ports::{Item, Key};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{StoreError, keys};

pub(crate) const LEASE_TOKEN: &str = "lease_token";
pub(crate) const LEASE_UNTIL: &str = "lease_until";
pub(crate) const REVISION: &str = "revision";
pub(crate) const DUPLICATES: &str = "duplicates";
pub(crate) const ATTACHED: &str = "attached";
pub(crate) const GATHERED: &str = "gathered";
pub(crate) const INCIDENTS: &str = "incidents";
/// The alerts of a run that has several.
pub(crate) const ALERTS: &str = "alerts";
/// How often the incident fired after its opening; the opening itself is not in it, so that it is 0 on the runs of earlier
/// releases too.
pub(crate) const FIRED_AGAIN: &str = "fired_again";
/// Stands on a run that is one of the open ones of its workflow until it ends.
pub(crate) const COUNTS_OPEN: &str = "counts_open";
/// Stands while a model is asked: what that can cost at most.
pub(crate) const RESERVED: &str = "reserved_usd_nanos";
/// Beside it: the most tokens that it can use.
pub(crate) const RESERVED_TOKENS: &str = "reserved_tokens";
/// When the newest look after a run was opened, in epoch milliseconds; beside the run's `newest`, to be compared.
pub(crate) const NEWEST_AT: &str = "newest_at";
/// How often a target was claimed since a try came to an end.
pub(crate) const CLAIMS: &str = "claims";
pub(crate) const EXPIRES_AT: &str = "expires_at";
const STATE: &str = "state";
/// Stands on a target that a person has deleted. Its state is written as `failed`: a release that does not know the other one,
/// and to which somebody goes back, can read it.
const DELETED: &str = "deleted";

/// The fields of a value as attributes. What is null or absent has no attribute.
pub(crate) fn attributes(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(mut map)) => {
            map.retain(|_, value| !value.is_null());
            map
        }
        // Every value that is stored is a struct with string keys.
        _ => Map::new(),
    }
}

pub(crate) fn item(key: Key, value: &impl Serialize, expires_at: i64) -> Item {
    let mut attributes = attributes(value);
    attributes.insert(EXPIRES_AT.to_owned(), json!(expires_at));
    Item { key, attributes }
}

pub(crate) fn read<T: DeserializeOwned>(item: &Item) -> Result<T, StoreError> {
    serde_json::from_value(Value::Object(item.attributes.clone())).map_err(|source| StoreError::Unreadable {
        pk: item.key.pk.clone(),
        sk: item.key.sk.clone(),
        source,
    })
}

/// The index partition of the runs that fired like `run`; `None` where no event opened it.
pub(crate) fn fingerprint(run: &Run) -> Option<String> {
    match (&run.alert, &run.trigger) {
        (Some(alert), Trigger::Event { source, .. }) => {
            Some(keys::fingerprint(source, &alert.service.id, &alert.title))
        }
        _ => None,
    }
}

/// When a lease ends is a number, because it is compared with the time.
fn lease_out(attributes: &mut Map<String, Value>, lease: Option<&Lease>) {
    attributes.remove("lease");
    if let Some(lease) = lease {
        attributes.insert(LEASE_TOKEN.to_owned(), json!(lease.token));
        attributes.insert(LEASE_UNTIL.to_owned(), json!(lease.until.as_millisecond()));
    }
}

pub(crate) fn lease_in(attributes: &Map<String, Value>) -> Option<Lease> {
    let token = attributes.get(LEASE_TOKEN)?.as_str()?.parse().ok()?;
    let until = Timestamp::from_millisecond(attributes.get(LEASE_UNTIL)?.as_i64()?).ok()?;
    Some(Lease { token, until })
}

pub(crate) fn run_attributes(run: &Run) -> Map<String, Value> {
    let mut attributes = attributes(run);
    lease_out(&mut attributes, run.lease.as_ref());
    attributes.remove("counts");
    // Nothing has been spent when a run is opened, and what is spent is added.
    attributes.remove("cost");
    attributes.insert(DUPLICATES.to_owned(), json!(run.counts.duplicates));
    attributes.insert(ATTACHED.to_owned(), json!(run.counts.attached));
    attributes.insert(FIRED_AGAIN.to_owned(), json!(run.counts.fired.saturating_sub(1)));
    if run.storm {
        attributes.insert(GATHERED.to_owned(), json!(run.counts.gathered));
        attributes.insert(INCIDENTS.to_owned(), json!(run.counts.incidents));
    }
    attributes
}

pub(crate) fn read_run(item: &Item) -> Result<Run, StoreError> {
    let mut run: Run = read(item)?;
    let count = |name: &str| item.attributes.get(name).and_then(Value::as_u64).unwrap_or(0);
    run.counts = Counts {
        duplicates: count(DUPLICATES),
        attached: count(ATTACHED),
        gathered: count(GATHERED),
        incidents: count(INCIDENTS),
        fired: match run.trigger {
            Trigger::Event { .. } => count(FIRED_AGAIN) + 1,
            Trigger::Hand { .. } | Trigger::Chat(_) | Trigger::Schedule { .. } => 0,
        },
    };
    run.cost = Cost {
        turns: count("cost_turns"),
        usage: Usage {
            input: count("cost_input"),
            output: count("cost_output"),
            cache_read: count("cost_cache_read"),
            cache_write: count("cost_cache_write"),
        },
        usd: Money::from_nanos(count("cost_usd_nanos")),
        lost_turns: count("cost_lost_turns"),
        lost_usd: Money::from_nanos(count("cost_lost_usd_nanos")),
        lost_tokens: count("cost_lost_tokens"),
        pending: reserved(&item.attributes),
    };
    run.lease = lease_in(&item.attributes);
    Ok(run)
}

/// What is reserved for a turn.
pub(crate) fn reserved(attributes: &Map<String, Value>) -> Option<Estimate> {
    let usd = attributes.get(RESERVED)?.as_u64()?;
    let tokens = attributes.get(RESERVED_TOKENS).and_then(Value::as_u64).unwrap_or(0);
    Some(Estimate { tokens, usd: Money::from_nanos(usd) })
}

/// A turn whose answer nobody will ever know, as counters: what was reserved for it is taken for spent.
pub(crate) fn lost_turn(reserved: Estimate) -> Vec<(&'static str, i64)> {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    vec![
        ("cost_lost_turns", 1),
        ("cost_lost_usd_nanos", signed(reserved.usd.nanos())),
        ("cost_lost_tokens", signed(reserved.tokens)),
    ]
}

pub(crate) fn target_item(key: Key, target: &Target, expires_at: i64) -> Item {
    let mut item = item(key, target, expires_at);
    lease_out(&mut item.attributes, target.lease.as_ref());
    if target.state == TargetState::Deleted {
        item.attributes.insert(STATE.to_owned(), json!(TargetState::Failed));
        item.attributes.insert(DELETED.to_owned(), json!(true));
    }
    item
}

pub(crate) fn read_target(item: &Item) -> Result<Target, StoreError> {
    let mut target: Target = read(item)?;
    target.lease = lease_in(&item.attributes);
    if target.state == TargetState::Failed && item.attributes.contains_key(DELETED) {
        target.state = TargetState::Deleted;
    }
    Ok(target)
}
