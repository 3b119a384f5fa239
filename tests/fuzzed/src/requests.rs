//! What senders post.

use std::sync::LazyLock;

use catalog::model::{Scheme, Source, SourceType};
use domain::{Disposition, Event, EventId, EventRole, RunId};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use sources::{Events, Inbound, Proof, Refusal};
use store::link::{LinkError, Scope};

use crate::{chosen, line, now, secret};

/// What the queue takes of one event, in bytes: 1 MiB with what stands around it.
const EVENT_CAP: usize = 900_000;

fn source(document: Value) -> Source {
    serde_json::from_value(document).expect("a source")
}

fn types() -> Vec<String> {
    let schema = serde_json::to_value(schemars::schema_for!(SourceType)).expect("JSON");
    let list = schema["oneOf"].as_array().expect("a list of types");
    list.iter().map(|one| one["const"].as_str().expect("a word").to_owned()).collect()
}

/// A source of each type that there is.
static SOURCES: LazyLock<Vec<(String, Source)>> = LazyLock::new(|| {
    let of = |kind: String| {
        let document = match kind.as_str() {
            "cloudwatch" => json!({"name": "s", "type": "cloudwatch", "verify": {"scheme": "iam"}}),
            "webhook" => {
                json!({"name": "s", "type": "webhook", "verify": {"secret": "k", "scheme": "bearer"}, "map": MAPS[0]})
            }
            kind => json!({"name": "s", "type": kind, "verify": {"secret": "k"}}),
        };
        (kind, source(document))
    };
    types().into_iter().map(of).collect()
});

/// The first line is a type, with ` form` behind it where the body is a form; the rest is a body that such a sender signed.
pub fn normalize(data: &[u8]) {
    let (head, body) = line(data);
    let (kind, form) = head.split_once(' ').map_or((head, ""), |(kind, form)| (kind, form));
    let source = chosen(&SOURCES, kind);
    if source.scheme() == Some(Scheme::Iam) {
        let payload = sources::invoked(source, body).expect("the source is of scheme `iam`");
        held(source, sources::events(source, &payload, now()));
    } else {
        signed(source, body, form == "form");
    }
}

static MAPS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    vec![
        json!({
            "external_id": "body.id", "title": "body.title", "event": "{'down': 'triggered', 'up': 'resolved', 'test': 'ping'}[body.state]",
            "description": "has(body.text) ? body.text : ''", "severity": "body.severity", "service": "body.service",
            "labels": "has(body.labels) ? body.labels : null", "link": "has(body.url) ? body.url : null",
            "started_at": "has(body.since) ? body.since : null"
        }),
        json!({"external_id": "string(body.id)", "title": "body.a.b[0].c", "labels": "body", "started_at": "body.at"}),
        json!({"external_id": "headers['content-type'] + body.id", "title": "body.list.map(one, string(one.name)).filter(name, name != '')[0]"}),
        json!({"external_id": "body.matches('^a+$') ? 'a' : string(size(body))", "title": "string(body)"}),
    ]
});

static MAPPED: LazyLock<Vec<(String, Source)>> = LazyLock::new(|| {
    let of = |(number, map): (usize, &Value)| {
        let document = json!({"name": "s", "type": "webhook", "verify": {"secret": "k", "scheme": "bearer"}, "key": "body.delivery", "map": map});
        (number.to_string(), source(document))
    };
    MAPS.iter().enumerate().map(of).collect()
});

/// The first line says which `map:` reads, with ` form` behind it where the body is a form; the rest is the body.
pub fn map(data: &[u8]) {
    let (head, body) = line(data);
    let (number, form) = head.split_once(' ').map_or((head, ""), |(number, form)| (number, form));
    let source = chosen(&MAPPED, number);
    signed(source, body, form == "form");
}

fn signed(source: &Source, body: &[u8], form: bool) {
    let key = domain::Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    let Proof { headers: pairs, query } = sources::sign(source, body, &key, "msg_1", now()).expect("a proof");
    let mut headers = HeaderMap::new();
    for (name, value) in &pairs {
        let value = if form && name == "content-type" { "application/x-www-form-urlencoded" } else { value };
        headers.append(name.parse::<HeaderName>().expect("a name"), HeaderValue::from_str(value).expect("a value"));
    }
    let request = Inbound { headers: &headers, query: query.as_deref(), raw: body };
    let payload = sources::verify(source, request, &[key], now()).expect("what is signed is let in");
    held(source, sources::events(source, &payload, now()));
}

/// What a verified body must have become: events, each of which the queue takes (I14). They are taken one at a time, so that
/// only what one needs is bounded by the body.
fn held(source: &Source, events: Events<'_>) {
    let mut is_lost = true;
    for event in events {
        is_lost = false;
        let key = &event.delivery_key;
        assert!(!key.is_empty() && key.len() <= 200 && !key.chars().any(char::is_control), "{key:?}");
        assert!(!event.summary.is_empty() && !event.summary.contains('\n'), "{:?}", event.summary);
        assert!(event.kind.role() != EventRole::Control || event.external_id.is_none(), "a test is no incident");
        if let Some(alert) = &event.alert {
            assert_eq!(Some(&alert.external_id), event.external_id.as_ref());
            assert!(alert.links.iter().all(|link| link.url.starts_with("http://") || link.url.starts_with("https://")));
        }
        let mut event = event.into_event(EventId::mint(now(), 1), source, now(), Disposition::Attaches);
        let written = serde_json::to_string(&event).expect("JSON");
        assert!(written.len() < EVENT_CAP, "{} bytes", written.len());
        assert_eq!(serde_json::from_str::<Event>(&written).expect("an event"), event);
        // What investigate does with it before anything else.
        engine::Redactor::default().event(&mut event);
    }
    assert!(!is_lost, "a verified body is lost");
}

static SCHEMES: LazyLock<Vec<(String, Source)>> = LazyLock::new(|| {
    let mut list: Vec<_> = SOURCES.iter().filter(|(kind, _)| kind != "webhook").cloned().collect();
    for scheme in ["standard-webhooks", "hmac-sha256", "bearer", "basic", "url-token"] {
        let mut verify = json!({"secret": "k", "scheme": scheme});
        if scheme == "hmac-sha256" {
            verify["header"] = json!("x-signature");
        }
        list.push((
            scheme.to_owned(),
            source(json!({"name": "s", "type": "webhook", "verify": verify, "map": MAPS[0]})),
        ));
    }
    list
});

/// The first line is a scheme or a type, the second the query, then headers, an empty line, and the body. Nobody who does not
/// know the secret gets in (I1).
pub fn verify(data: &[u8]) {
    let (name, rest) = line(data);
    let (query, mut rest) = line(rest);
    let mut headers = HeaderMap::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let (head, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        let Some(colon) = head.iter().position(|byte| *byte == b':') else { break };
        let name = HeaderName::from_bytes(&head[..colon].to_ascii_lowercase());
        let value = HeaderValue::from_bytes(head[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            // More than that are refused by whoever reads HTTP.
            if headers.len() < 1_000 {
                headers.append(name, value);
            }
        }
    }
    let source = chosen(&SCHEMES, name);
    let request = Inbound { headers: &headers, query: Some(query), raw: rest };
    assert!(sources::verify(source, request, &[secret(data), secret(rest)], now()).is_err(), "let in");
    assert!(!sources::wanted(source).is_empty());
}

const TOPIC: &str = "arn:aws:sns:eu-central-1:111122223333:alarms";

static SUBSCRIBED: LazyLock<Source> = LazyLock::new(|| {
    source(json!({"name": "s", "type": "cloudwatch", "verify": {"scheme": "sns", "topics": [TOPIC]}}))
});

/// The message, and after a line `--` the certificate in PEM. It can be of the topic, and it is fetched from nowhere but SNS;
/// but no bytes that were found by trying are signed by the certificate's key.
pub fn sns(data: &[u8]) {
    let end = data.windows(4).position(|window| window == b"\n--\n");
    let (message, pem) = end.map_or((data, &[][..]), |end| (&data[..end], &data[end + 4..]));
    let headers = HeaderMap::new();
    let request = Inbound { headers: &headers, query: None, raw: message };
    match sources::sns(&SUBSCRIBED, request, now()) {
        Ok(message) => {
            assert_eq!(message.host(), "sns.eu-central-1.amazonaws.com");
            let path = message.certificate_path();
            assert!(
                path.starts_with('/') && path.ends_with(".pem") && !path[1..].contains(['/', '?', '#', '%', '\\']),
                "{path}"
            );
            assert_eq!(message.proven(&String::from_utf8_lossy(pem), now()).err(), Some(Refusal::Mismatch));
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}

/// `exp` and `sig` of a link to the console, a line each.
pub fn link(data: &[u8]) {
    let (expires, rest) = line(data);
    let (signature, _) = line(rest);
    let scopes = [Scope::List, Scope::Run(RunId::mint(now(), 1))];
    for scope in scopes {
        let opened = store::link::verify(scope, expires, signature, &[secret(data)], now());
        assert_eq!(opened, Err(LinkError::Forged));
    }
}
