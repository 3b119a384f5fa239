//! Real webhooks, as their senders signed them.

use catalog::model::Source;
use domain::{EventKind, EventRole, Secret};
use firstlook_sources::{Refusal, verify};
use jiff::Timestamp;
use serde_json::json;

use crate::support::{Beside, Signed, captures, headers, known, now, one, pagerduty, probes, signed, source};

fn let_in(source: &Source, signed: &Signed, at: Timestamp) -> Result<(), Refusal> {
    let beside = Beside { headers: headers(signed.headers.iter().map(|(name, value)| (name, value))), query: None };
    verify(source, beside.with(&signed.body), &[Secret::new(&signed.secret)], at).map(|_| ())
}

/// Each capture with the source that it belongs to and the time at which it was signed.
fn all() -> Vec<(Source, Signed, Timestamp)> {
    let standard = probes(json!({"secret": "probes", "scheme": "standard-webhooks"}));
    let pagerduty = signed("pagerduty").into_iter().map(|signed| (crate::support::pagerduty(), signed, now()));
    let others = signed("standard_webhooks").into_iter().map(|signed| {
        let seconds = signed.notes["webhook-timestamp"].as_str().unwrap().parse().unwrap();
        (standard.clone(), signed, Timestamp::from_second(seconds).unwrap())
    });
    let slack = signed("slack").into_iter().map(|mut signed| {
        // What the form is called proves nothing.
        signed.headers.retain(|(name, _)| name != "Content-Type");
        let seconds = signed.notes["X-Slack-Request-Timestamp"].as_str().unwrap().parse().unwrap();
        (known("slack"), signed, Timestamp::from_second(seconds).unwrap())
    });
    pagerduty.chain(others).chain(slack).collect()
}

#[test]
fn i1_every_signed_capture_is_let_in_and_every_tampered_one_is_not() {
    for (source, signed, at) in all() {
        let wanted = if signed.notes["_expect"] == "reject" { Err(Refusal::Mismatch) } else { Ok(()) };
        assert_eq!(let_in(&source, &signed, at), wanted, "{}", signed.name);
    }
}

#[test]
fn i1_one_changed_bit_in_body_signature_or_key_is_refused() {
    for (source, mut signed, at) in all() {
        // The tampered one is a bit away from being right.
        if let_in(&source, &signed, at).is_err() {
            continue;
        }
        for index in 0..signed.body.len() {
            signed.body[index] ^= 1;
            assert_eq!(let_in(&source, &signed, at), Err(Refusal::Mismatch), "{} body {index}", signed.name);
            signed.body[index] ^= 1;
        }
        for (header, (name, value)) in signed.headers.clone().into_iter().enumerate() {
            let lower = name.to_ascii_lowercase();
            for index in 0..value.len() {
                let mut bytes = value.clone().into_bytes();
                bytes[index] ^= 1;
                signed.headers[header].1 = String::from_utf8(bytes).unwrap();
                assert!(let_in(&source, &signed, at).is_err(), "{} {lower} {index}", signed.name);
            }
            signed.headers[header].1 = value;
        }
        let secret = signed.secret.clone();
        // Behind `whsec_`, which says nothing.
        for index in secret.find('_').map_or(0, |at| at + 1)..secret.len() {
            let mut bytes = secret.clone().into_bytes();
            bytes[index] ^= 1;
            signed.secret = String::from_utf8(bytes).unwrap();
            assert!(let_in(&source, &signed, at).is_err(), "{} key {index}", signed.name);
        }
        signed.secret = secret;
        assert_eq!(let_in(&source, &signed, at), Ok(()), "{}", signed.name);
    }
}

#[test]
fn i1_the_other_forms_of_the_vectors_hold_too() {
    for (source, mut signed, at) in all() {
        if let Some(wrong) = signed.notes["_invalid_signature"].as_str() {
            let wrong = wrong.to_owned();
            let right = std::mem::replace(&mut signed.headers[0].1, wrong.clone());
            assert_eq!(let_in(&source, &signed, at), Err(Refusal::Mismatch));
            signed.headers[0].1 = format!("{wrong} ,\t{right}");
            assert_eq!(let_in(&source, &signed, at), Ok(()));
        }
        if let Some(several) = signed.notes["_multi_signature_form"].as_str() {
            let several = several.to_owned();
            let entry = signed.headers.iter_mut().find(|(name, _)| name == "webhook-signature").unwrap();
            entry.1 = several;
            assert_eq!(let_in(&source, &signed, at), Ok(()));
        }
    }
}

/// The kind is in the file's name; all of them are about one incident but the ping and the versions that no longer are.
#[test]
fn every_pagerduty_capture_is_read() {
    for (file, body) in captures("pagerduty") {
        if file.ends_with(".headers.json") {
            continue;
        }
        let event = one(&pagerduty(), &body);
        let wanted = [
            ("legacy", EventKind::Unknown),
            ("v2_", EventKind::Unknown),
            ("_ping", EventKind::Ping),
            ("unacknowledged", EventKind::Unacknowledged),
            ("acknowledged", EventKind::Acknowledged),
            ("triggered", EventKind::Triggered),
            ("resolved", EventKind::Resolved),
            ("annotated", EventKind::Annotated),
            ("priority_updated", EventKind::Updated),
            ("responder_replied", EventKind::Updated),
            ("workflow_completed", EventKind::Updated),
        ];
        let (_, kind) = wanted.iter().find(|(part, _)| file.contains(part)).unwrap_or_else(|| panic!("{file}"));
        assert_eq!(event.kind, *kind, "{file}");
        assert_eq!(event.external_id.is_some(), kind.role() != EventRole::Control, "{file}");
        assert!(!event.summary.is_empty(), "{file}");
        let incident = serde_json::from_slice::<serde_json::Value>(&body).unwrap();
        let whole = incident.pointer("/event/data/type").is_some_and(|of| of == "incident");
        assert_eq!(event.alert.is_some(), whole, "{file}");
        if let Some(id) = incident.pointer("/event/id") {
            assert_eq!(event.delivery_key, id.as_str().unwrap(), "{file}");
        }
        if let Some(alert) = event.alert {
            assert!(alert.service.id.starts_with('P') && !alert.title.is_empty() && !alert.links.is_empty(), "{file}");
        }
    }
}

#[test]
fn a_real_webhook_of_github_is_read_by_a_map() {
    let github = source(json!({
        "name": "github", "type": "webhook",
        "verify": {"secret": "github", "scheme": "hmac-sha256", "header": "X-Hub-Signature-256"},
        "map": {
            "external_id": "string(body.workflow_run.id)",
            "title": "body.workflow_run.name + ' ' + body.workflow_run.conclusion",
            "service": "body.repository.full_name",
            "link": "body.workflow_run.html_url",
            "started_at": "body.workflow_run.run_started_at"
        }
    }));
    for (file, body) in captures("github") {
        let event = one(&github, &body);
        if file.starts_with("workflow_run") {
            let alert = event.alert.unwrap();
            assert!(alert.links[0].url.starts_with("https://github.com/"), "{alert:?}");
        } else {
            assert_eq!(event.kind, EventKind::Unknown, "{file}");
            assert!(event.summary.contains("map.external_id"), "{}", event.summary);
        }
    }
}
