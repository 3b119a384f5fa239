use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use catalog::model::Source;
use domain::{EventKind, IncidentState, Secret};
use firstlook_sources::{Inbound, Normalized, Proof, Refusal, normalize, sign, verify};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde_json::{Value, json};

pub fn now() -> Timestamp {
    "2026-03-02T09:40:00Z".parse().unwrap()
}

pub fn source(document: Value) -> Source {
    serde_json::from_value(document).unwrap()
}

/// Every type of sender whose form is known.
pub const KNOWN: [&str; 19] = [
    "pagerduty",
    "opsgenie",
    "jsm",
    "alertmanager",
    "grafana",
    "datadog",
    "sentry",
    "newrelic",
    "azure-monitor",
    "gcp-monitoring",
    "incident-io",
    "splunk-oncall",
    "dynatrace",
    "zabbix",
    "better-stack",
    "statuspage",
    "github",
    "nobl9",
    "slack",
];

/// A source of a known type.
pub fn known(sender: &str) -> Source {
    source(json!({"name": sender, "type": sender, "verify": {"secret": "s"}}))
}

pub fn pagerduty() -> Source {
    source(json!({"name": "pagerduty", "type": "pagerduty", "verify": {"secret": "pagerduty-signing"}}))
}

/// A `webhook` source that reads the samples of `events/webhooks/webhook`.
pub fn probes(verify: Value) -> Source {
    source(json!({
        "name": "probes", "type": "webhook", "verify": verify, "key": "body.delivery",
        "map": {
            "external_id": "body.id",
            "title": "body.title",
            "event": "{'down': 'triggered', 'up': 'resolved', 'test': 'ping'}[body.state]",
            "description": "has(body.text) ? body.text : ''",
            "severity": "body.severity",
            "service": "body.service",
            "labels": "has(body.labels) ? body.labels : null",
            "link": "has(body.url) ? body.url : null",
            "started_at": "has(body.since) ? body.since : null"
        }
    }))
}

pub fn bearer() -> Value {
    json!({"secret": "probes", "scheme": "bearer"})
}

pub fn secrets(values: &[&str]) -> Vec<Secret> {
    values.iter().map(|value| Secret::new(*value)).collect()
}

pub fn headers<K: AsRef<str>, V: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (K, V)>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_ref().to_ascii_lowercase().as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_ref()).unwrap());
    }
    headers
}

/// What stands beside a body.
#[derive(Clone)]
pub struct Beside {
    pub headers: HeaderMap,
    pub query: Option<String>,
}

impl Beside {
    /// What the sender of `source` would put there.
    pub fn signed(source: &Source, raw: &[u8], key: &str) -> Self {
        let Proof { headers: pairs, query } = sign(source, raw, &Secret::new(key), "msg_1", now()).unwrap();
        Self { headers: headers(pairs), query }
    }

    pub fn nothing() -> Self {
        Self { headers: HeaderMap::new(), query: None }
    }

    pub fn with<'a>(&'a self, raw: &'a [u8]) -> Inbound<'a> {
        Inbound { headers: &self.headers, query: self.query.as_deref(), raw }
    }
}

/// Whether the request is let in.
pub fn check(
    source: &Source,
    pairs: &[(&str, &str)],
    raw: &[u8],
    keys: &[&str],
    now: Timestamp,
) -> Result<(), Refusal> {
    let beside = Beside { headers: headers(pairs.iter().copied()), query: None };
    verify(source, beside.with(raw), &secrets(keys), now).map(|_| ())
}

/// What a body says that the source's sender signed.
pub fn normalized(source: &Source, raw: &[u8]) -> Vec<Normalized> {
    let key = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let beside = Beside::signed(source, raw, key);
    let payload = verify(source, beside.with(raw), &secrets(&[key]), now()).unwrap();
    normalize(source, &payload, now())
}

/// The one event of such a body.
pub fn one(source: &Source, raw: impl AsRef<[u8]>) -> Normalized {
    let [event] = <[Normalized; 1]>::try_from(normalized(source, raw.as_ref())).unwrap();
    event
}

/// Where an incident stands after these events, one after the other.
pub fn stands<'e>(events: impl IntoIterator<Item = &'e Normalized>) -> IncidentState {
    events.into_iter().fold(IncidentState::Open, |state, event| state.after(event.kind, event.occurred_at))
}

/// One of the project's own samples.
pub fn sample(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/webhooks").join(path)).unwrap()
}

/// The real payloads of a sender. They are not a part of the project, so in a plain clone there are none; but where
/// somebody says where they are, or where they are, those of the sender must be there.
pub fn captures(sender: &str) -> Vec<(String, Vec<u8>)> {
    let named = std::env::var_os("FIRSTLOOK_PAYLOADS").map(PathBuf::from);
    let is_named = named.is_some();
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/payloads"));
    if !is_named && !folder.exists() {
        println!("skipped: there are no payloads of {sender} in {}", folder.display());
        return Vec::new();
    }
    let entries = fs::read_dir(folder.join(sender));
    let entries = entries.unwrap_or_else(|error| panic!("payloads of {sender} in {}: {error}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// A capture with the headers and the secret that stand beside it.
pub struct Signed {
    pub name: String,
    pub body: Vec<u8>,
    pub headers: Vec<(String, String)>,
    pub secret: String,
    /// All that stands in the headers file.
    pub notes: Value,
}

pub fn signed(sender: &str) -> Vec<Signed> {
    let files = captures(sender);
    let body = |stem: &str| {
        let stem = stem.trim_end_matches(".tampered");
        let is_body = |file: &str| file == format!("{stem}.json") || file == format!("{stem}.txt");
        files.iter().find(|(file, _)| is_body(file)).unwrap().1.clone()
    };
    let read = |(file, text): &(String, Vec<u8>)| {
        let stem = file.strip_suffix(".headers.json")?;
        let notes: Value = serde_json::from_slice(text).unwrap();
        let pairs = notes.as_object().unwrap().iter().filter(|(name, _)| !name.starts_with('_'));
        let headers = pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
        let secret = notes["_secret"].as_str().or(notes["_signing_secret"].as_str()).unwrap().to_owned();
        Some(Signed { name: stem.to_owned(), body: body(stem), headers, secret, notes })
    };
    files.iter().filter_map(read).collect()
}

/// What the events of a body say, as snapshots show it: all but their raw parts.
pub fn said(events: &[Normalized]) -> Value {
    let one = |event: &Normalized| {
        json!({
            "kind": event.kind, "provider_kind": event.provider_kind, "delivery_key": event.delivery_key,
            "external_id": event.external_id, "occurred_at": event.occurred_at, "summary": event.summary,
            "alert": event.alert,
        })
    };
    events.iter().map(one).collect()
}

/// The project's own sample in which some places hold something else, or hold something at all.
pub fn changed(path: &str, changes: &[(&str, Value)]) -> Vec<u8> {
    let mut body: Value = serde_json::from_slice(&sample(path)).unwrap();
    for (at, value) in changes {
        let (map, key) = at.rsplit_once('/').unwrap();
        match body.pointer_mut(map).unwrap_or_else(|| panic!("{at}")) {
            Value::Object(map) => drop(map.insert(key.to_owned(), value.clone())),
            list => list[key.parse::<usize>().unwrap()] = value.clone(),
        }
    }
    body.to_string().into_bytes()
}

/// Holds every capture of a sender against a table of file, the kinds of its events, and whether each has an alert and an
/// id. A file that is not in the table fails, and so does, where there are captures at all, an entry without its file.
/// Gives what was read.
pub fn hold_captures(
    folder: &str,
    sender: &str,
    table: &[(&str, &[(EventKind, bool)])],
) -> BTreeMap<String, Vec<Normalized>> {
    let files = captures(folder);
    let mut read = BTreeMap::new();
    for (file, body) in &files {
        let (_, wanted) = table.iter().find(|(name, _)| name == file).unwrap_or_else(|| panic!("{file} is not known"));
        let events = normalized(&known(sender), body);
        let found: Vec<_> = events.iter().map(|event| (event.kind, event.alert.is_some())).collect();
        assert_eq!(&found, wanted, "{file}: {:?}", events.iter().map(|event| &event.summary).collect::<Vec<_>>());
        for event in &events {
            assert_eq!(event.external_id.is_some(), event.alert.is_some(), "{file}");
            assert!(
                event.alert.as_ref().is_none_or(|alert| !alert.title.is_empty()) && !event.summary.is_empty(),
                "{file}"
            );
        }
        read.insert(file.clone(), events);
    }
    for (name, _) in table.iter().filter(|_| !files.is_empty()) {
        assert!(files.iter().any(|(file, _)| file == name), "{name} is gone");
    }
    read
}
