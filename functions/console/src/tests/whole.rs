use domain::{AttachedEvent, Attachment, EventId, RAW_CAP, RawFragment, RunView};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::view;
use crate::whole::Whole;

/// What Lambda takes as the answer of a function that is waited for, in bytes.
const LAMBDA: usize = 6 * 1024 * 1024;

/// A run that recorded as many events as it can, each with this raw part.
fn stormy(raw: &str) -> RunView {
    let mut view = view();
    let template = view.events.first().unwrap().clone();
    let event = |n: u32| AttachedEvent {
        id: EventId::mint(Timestamp::from_second(1_763_676_000 + i64::from(n)).unwrap(), u128::from(n)),
        attachment: if n == 0 { Attachment::Opened } else { Attachment::Attached },
        raw: Some(RawFragment::keep(raw)),
        ..template.clone()
    };
    view.events = (0..=store::EVENTS_KEPT).map(event).collect();
    view
}

fn body(view: RunView) -> String {
    serde_json::to_string_pretty(&Whole::of(view)).unwrap()
}

/// The size of the function's answer with this body, in API Gateway's payload format 2.0.
fn answer(body: &str) -> usize {
    json!({ "statusCode": 200, "headers": {}, "multiValueHeaders": {}, "body": body, "isBase64Encoded": false, "cookies": [] })
        .to_string()
        .len()
}

#[test]
fn the_largest_storm_fits_the_functions_answer_and_says_what_was_left_out() {
    for worst in ["\u{1}", "\"", "\\", "{\"a\":\"b\"}", "a", "\u{20ac}"] {
        let view = stormy(&worst.repeat(RAW_CAP));
        let all = view.events.len();
        let body = body(view);
        assert!(answer(&body) <= LAMBDA, "{worst:?}: {}", answer(&body));

        let whole: Value = serde_json::from_str(&body).unwrap();
        let events = whole["events"].as_array().unwrap();
        assert_eq!(events.len(), all, "each event stands there");
        let has_raw: Vec<bool> = events.iter().map(|event| !event["raw"].is_null()).collect();
        let kept = has_raw.iter().filter(|has| **has).count();
        assert_eq!(whole["raws_left_out"], all - kept);
        assert!(has_raw[0] && kept > 10, "{worst:?}: the opening one and {kept} in all");
        assert!(has_raw[all - (kept - 1)..].iter().all(|has| *has), "{worst:?}: the others are the newest");
    }
}

#[test]
fn without_a_bound_the_largest_storm_would_not_fit() {
    let view = stormy(&r#"{"a":"b"}"#.repeat(RAW_CAP));
    assert!(answer(&serde_json::to_string_pretty(&view).unwrap()) > LAMBDA);
}

#[test]
fn a_run_of_common_size_is_whole() {
    let view = stormy(&r#"{"a":"b"}"#.repeat(100));
    let whole: Value = serde_json::from_str(&body(view.clone())).unwrap();
    assert_eq!(whole["raws_left_out"], 0);
    assert_eq!(serde_json::from_value::<RunView>(whole).unwrap(), view);
}

#[test]
fn the_evidence_of_the_largest_run_fits_the_functions_answer_and_says_what_was_left_out() {
    for worst in ["\u{1}", "a"] {
        let mut view = stormy("");
        let (mut sound, mut sick) = (view.steps[0].clone(), view.steps[0].clone());
        sound.issues.clear();
        sound.evidence.data = Value::String(worst.repeat(domain::EVIDENCE_CAP));
        sick.evidence.data = Value::String(format!("it is this{}", worst.repeat(10_000)));
        assert!(!sick.issues.is_empty());
        view.steps = vec![sound; 99];
        view.steps.push(sick.clone());
        let body = body(view);
        assert!(answer(&body) <= LAMBDA, "{worst:?}: {}", answer(&body));
        let whole: Value = serde_json::from_str(&body).unwrap();
        let steps = whole["steps"].as_array().unwrap();
        let kept = steps.iter().filter(|step| !step["evidence"]["data"].is_null()).count();
        assert_eq!(whole["evidence_left_out"], 100 - kept);
        assert!((2..100).contains(&kept), "{worst:?}: {kept}");
        assert_eq!(steps[99]["evidence"]["data"], sick.evidence.data, "what found something comes first");
        assert_eq!(steps[98]["evidence"]["cut"]["kept"], 0);
    }
}
