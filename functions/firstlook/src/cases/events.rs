//! Cases with event files: what a Source makes of a body, and which Workflow that gets.

use std::{fs, path::Path};

use catalog::{
    Catalog, Choice, Matcher,
    expr::Expression,
    model::{Scheme, Source, SourceCase, WorkflowCase},
};
use domain::{EventRole, Name};
use engine::cases::Tried;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use ports::{Clock, SystemClock};
use serde_json::{Map, Value, json};
use sources::{Inbound, Normalized};

use crate::world::made_up;

/// Runs a case of the Source `name`, whose document stands in `folder`.
pub fn source(catalog: &Catalog, name: &Name, case: &SourceCase, folder: &Path) -> Tried {
    each(catalog, name, &folder.join(&case.event), &case.expect, |_| (Map::new(), None))
}

/// Runs a case of a Workflow, whose document stands in `folder`.
pub fn workflow(catalog: &Catalog, case: &WorkflowCase, folder: &Path) -> Tried {
    let matcher = Matcher::new(catalog);
    each(catalog, &case.source, &folder.join(&case.event), &case.expect, |event| {
        // As ingest has it: what only attaches is held against no workflow.
        let alert = event.alert.as_ref().filter(|_| event.kind.role() == EventRole::Opens);
        let choice = alert.map(|alert| matcher.choose(&case.source, event.kind, alert));
        let (chosen, key, reason) = match choice {
            Some(Choice::Workflow { name, incident_key }) => (json!(name), json!(incident_key), None),
            Some(Choice::None { reason }) => (Value::Null, Value::Null, Some(reason)),
            None => (Value::Null, Value::Null, Some(format!("a `{}` event opens nothing", event.kind.as_str()))),
        };
        let chosen = [("chosen".to_owned(), chosen), ("incident_key".to_owned(), key)];
        (Map::from_iter(chosen), reason)
    })
}

/// Holds `expect` against each event that `source` tells of in `file`. `more` gives what it sees besides the event, and
/// why no Workflow wants it.
fn each(
    catalog: &Catalog,
    source: &Name,
    file: &Path,
    expect: &Expression,
    more: impl Fn(&Normalized) -> (Map<String, Value>, Option<String>),
) -> Tried {
    let Some(source) = catalog.sources.get(source) else {
        return Tried::not(format!("the catalog has no Source `{source}`"));
    };
    let events = match fs::read(file) {
        Ok(body) => read(source, &body, SystemClock.now()),
        Err(error) => Err(format!("{} cannot be read: {error}", file.display())),
    };
    let events = match events {
        Ok(events) => events,
        Err(reason) => return Tried::not(reason),
    };
    let many = events.len();
    let mut last = Tried::not("the file tells of no event");
    for (place, event) in events.into_iter().enumerate() {
        let (mut seen, reason) = more(&event);
        let told = json!({"kind": event.kind.as_str(), "source": source.name, "external_id": event.external_id});
        seen.insert("event".to_owned(), told);
        seen.insert("alert".to_owned(), json!(event.alert));
        last = Tried::of(expect, seen);
        if !last.passes() {
            let unread = event.alert.is_none().then(|| format!("the event tells of no alert: {}", event.summary));
            last.wrong.extend(unread.or_else(|| reason.map(|reason| format!("no Workflow wants it: {reason}"))));
            if many > 1 {
                last.wrong.insert(0, format!("of event {} of {many} in the file:", place + 1));
            }
            break;
        }
    }
    last
}

/// The events of `body`, proven by a secret that is made up for it. What AWS alone can prove is taken as an invocation.
fn read(source: &Source, body: &[u8], now: Timestamp) -> Result<Vec<Normalized>, String> {
    let said = |error: &dyn std::error::Error| ports::chain(error);
    if matches!(source.scheme(), Some(Scheme::Sns | Scheme::Iam)) {
        let mut invoked = source.clone();
        invoked.verify.scheme = Some(Scheme::Iam);
        let payload = sources::invoked(&invoked, body).map_err(|error| said(&error))?;
        return Ok(sources::normalize(source, &payload, now));
    }
    let secret = made_up(Some(source));
    let proof = sources::sign(source, body, &secret, "case", now).map_err(|error| said(&error))?;
    let headers: HeaderMap = proof
        .headers
        .into_iter()
        .filter_map(|(name, value)| Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?)))
        .collect();
    let inbound = Inbound { headers: &headers, query: proof.query.as_deref(), raw: body };
    let payload = sources::verify(source, inbound, &[secret], now).map_err(|error| said(&error))?;
    Ok(sources::normalize(source, &payload, now))
}
