//! PagerDuty webhooks: our own, signed, and the captured ones.

use std::path::PathBuf;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// What signs our own webhooks.
pub const SIGNING_SECRET: &str = "scenario-signing-secret";

/// A request, ready to be sent.
#[derive(Debug, Clone)]
pub struct Page {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

fn signature(body: &[u8], secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// A signed event of `kind` (`incident.triggered`, ...) about `incident` of `service`. `event` names the delivery.
pub fn page(kind: &str, incident: &str, service: &str, event: &str, occurred_at: &str) -> Page {
    let body = json!({"event": {
        "id": event, "event_type": kind, "resource_type": "incident", "occurred_at": occurred_at,
        "agent": {"id": "PUSER", "type": "user_reference", "summary": "Somebody"}, "client": null,
        "data": {
            "id": incident, "type": "incident", "number": 1, "title": format!("Orders of {incident} do not arrive"),
            "self": "https://api.pagerduty.com/incidents/x", "html_url": "https://example.pagerduty.com/incidents/x",
            "status": "triggered", "incident_key": "k", "created_at": occurred_at,
            "service": {"id": service, "type": "service_reference", "summary": "Checkout"},
            "assignees": [], "escalation_policy": null, "teams": [], "priority": null, "urgency": "high",
            "conference_bridge": null, "resolve_reason": null,
        },
    }});
    signed(&body)
}

/// `body`, signed.
pub fn signed(body: &Value) -> Page {
    let body = body.to_string().into_bytes();
    let headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("x-pagerduty-signature".to_owned(), signature(&body, SIGNING_SECRET)),
    ];
    Page { headers, body }
}

/// Where the captured webhooks are, beside the project; `None` in a plain clone.
pub fn captures() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/payloads/pagerduty");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: there are no captured webhooks at {}", folder.display());
    None
}

/// A captured webhook and the secret that signed it.
pub fn captured(name: &str, headers_of: &str) -> Option<(Page, String)> {
    let folder = captures()?;
    let body = std::fs::read(folder.join(format!("{name}.json"))).unwrap();
    let headers = std::fs::read(folder.join(format!("{headers_of}.headers.json"))).unwrap();
    let headers: Value = serde_json::from_slice(&headers).unwrap();
    let text = |key: &str| headers[key].as_str().unwrap().to_owned();
    let sent = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("x-pagerduty-signature".to_owned(), text("X-PagerDuty-Signature")),
    ];
    // The signature is over the body as it was sent, without the file's last line break.
    let body = body.strip_suffix(b"\n").map_or(body.clone(), <[u8]>::to_vec);
    Some((Page { headers: sent, body }, text("_secret")))
}
