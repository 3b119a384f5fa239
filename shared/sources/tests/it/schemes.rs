//! Who is let in.

use domain::Secret;
use firstlook_sources::{Refusal, SignError, sign, verify};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;
use standardwebhooks::Webhook;

use crate::support::{Beside, KNOWN, bearer, check, headers, known, now, pagerduty, probes};

const KEY: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn schemes() -> Vec<catalog::model::Source> {
    vec![
        pagerduty(),
        probes(json!({"secret": "probes", "scheme": "standard-webhooks"})),
        probes(json!({"secret": "probes", "scheme": "hmac-sha256", "header": "X-Signature"})),
        probes(bearer()),
        probes(json!({"secret": "probes", "scheme": "bearer", "header": "X-Token"})),
        probes(json!({"secret": "probes", "scheme": "basic"})),
        probes(json!({"secret": "probes", "scheme": "url-token"})),
        known("grafana"),
        known("slack"),
    ]
}

#[test]
fn what_is_signed_is_let_in_with_the_current_and_with_the_previous_secret() {
    for source in schemes() {
        let beside = Beside::signed(&source, b"body", KEY);
        for live in [vec![KEY], vec![OTHER, KEY], vec![KEY, OTHER], vec!["", KEY]] {
            let live = crate::support::secrets(&live);
            assert!(verify(&source, beside.with(b"body"), &live, now()).is_ok(), "{source:?}");
        }
    }
}

#[test]
fn i1_nobody_is_let_in_without_a_live_secret() {
    for source in schemes() {
        let beside = Beside::signed(&source, b"body", KEY);
        let refusal = |live: &[&str], beside: &Beside| {
            verify(&source, beside.with(b"body"), &crate::support::secrets(live), now()).map(|_| ()).unwrap_err()
        };
        assert_eq!(refusal(&[OTHER], &beside), Refusal::Mismatch);
        assert_eq!(refusal(&[KEY], &Beside::nothing()), Refusal::Unproven);
        for empty in [&[][..], &[""], &["\n"], &["", ""]] {
            assert!(matches!(refusal(empty, &beside), Refusal::Unusable { .. }), "{source:?} {empty:?}");
        }
    }
}

/// A key of no bytes would let everybody sign who knows that it is empty.
#[test]
fn i1_a_secret_that_decodes_to_nothing_is_no_key() {
    let source = probes(json!({"secret": "probes", "scheme": "standard-webhooks"}));
    let id = "msg_1";
    let seconds = now().as_second();
    let forged = Webhook::from_bytes(Vec::new()).unwrap().sign(id, seconds, b"body").unwrap();
    let pairs = [("webhook-id", id), ("webhook-timestamp", &seconds.to_string()), ("webhook-signature", &forged)];
    for empty in ["whsec_", "", " ", "whsec_\n", "whsec_===="] {
        assert!(matches!(check(&source, &pairs, b"body", &[empty], now()), Err(Refusal::Unusable { .. })), "{empty:?}");
        assert!(matches!(sign(&source, b"body", &Secret::new(empty), id, now()), Err(SignError::Secret(_))));
    }
}

#[test]
fn i9_a_refusal_and_an_error_say_nothing_of_the_secret() {
    let source = probes(json!({"secret": "probes", "scheme": "standard-webhooks"}));
    let refusal = check(&source, &[], b"", &["hunter2!"], now()).unwrap_err();
    let error = sign(&source, b"", &Secret::new("hunter2!"), "msg_1", now()).unwrap_err();
    assert!(!format!("{refusal}{refusal:?}{error}{error:?}").contains("hunter2"));
}

#[test]
fn a_line_end_after_a_stored_secret_is_not_a_part_of_it() {
    for source in schemes() {
        let beside = Beside::signed(&source, b"body", KEY);
        let stored = [Secret::new(format!("{KEY}\r\n"))];
        assert!(verify(&source, beside.with(b"body"), &stored, now()).is_ok(), "{source:?}");
    }
}

#[test]
fn i1_pagerduty_takes_any_v1_signature_and_no_other_version() {
    let good = sign(&pagerduty(), b"body", &Secret::new(KEY), "1", now()).unwrap().headers;
    let good = good.iter().find(|(name, _)| name == "x-pagerduty-signature").unwrap().1.as_str();
    let hex = good.strip_prefix("v1=").unwrap();
    let zeros = "0".repeat(64);
    let verdict = |value: &str| check(&pagerduty(), &[("x-pagerduty-signature", value)], b"body", &[KEY], now());
    for taken in
        [format!("v1={zeros},{good}"), format!("v2=x ,\t {good} , v1=zz"), format!("v1={}", hex.to_uppercase())]
    {
        assert_eq!(verdict(&taken), Ok(()), "{taken}");
    }
    for refused in [
        format!("v2={hex}"),
        hex.to_owned(),
        format!("v1 ={hex}"),
        format!("v1={}", &hex[..62]),
        format!("v1={hex}00"),
        "v1=".to_owned(),
        String::new(),
    ] {
        assert_eq!(verdict(&refused), Err(Refusal::Mismatch), "{refused}");
    }
    // Two header lines, as HTTP allows.
    let pairs = [("x-pagerduty-signature", zeros.as_str()), ("x-pagerduty-signature", good)];
    assert_eq!(check(&pagerduty(), &pairs, b"body", &[KEY], now()), Ok(()));
}

/// The vector of GitHub's documentation ("Validating webhook deliveries").
#[test]
fn i1_the_hmac_scheme_fits_githubs_vector_with_and_without_its_prefix() {
    let source = probes(json!({"secret": "github", "scheme": "hmac-sha256", "header": "X-Hub-Signature-256"}));
    let hex = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let secret = "It's a Secret to Everybody";
    let verdict = |value: &str, body: &[u8]| check(&source, &[("x-hub-signature-256", value)], body, &[secret], now());
    assert_eq!(verdict(&format!("sha256={hex}"), b"Hello, World!"), Ok(()));
    assert_eq!(verdict(hex, b"Hello, World!"), Ok(()));
    assert_eq!(verdict(hex, b"Hello, World?"), Err(Refusal::Mismatch));
    assert_eq!(verdict(&format!("sha1={hex}"), b"Hello, World!"), Err(Refusal::Mismatch));
    assert_eq!(check(&source, &[("x-hub-signature", hex)], b"Hello, World!", &[secret], now()), Err(Refusal::Unproven));
}

#[test]
fn i1_a_token_stands_in_one_form_only() {
    let in_authorization = probes(bearer());
    for (value, let_in) in [("Bearer t0ken", true), ("bearer  t0ken", true), ("t0ken", false), ("Basic t0ken", false)] {
        assert_eq!(
            check(&in_authorization, &[("authorization", value)], b"", &["t0ken"], now()).is_ok(),
            let_in,
            "{value}"
        );
    }
    let own = probes(json!({"secret": "probes", "scheme": "bearer", "header": "X-Token"}));
    for (value, let_in) in [("t0ken", true), ("Bearer t0ken", true), ("t0ke", false), ("t0kenn", false), ("", false)] {
        assert_eq!(check(&own, &[("x-token", value)], b"", &["t0ken"], now()).is_ok(), let_in, "{value}");
    }
    assert_eq!(check(&own, &[("authorization", "Bearer t0ken")], b"", &["t0ken"], now()), Err(Refusal::Unproven));
}

#[test]
fn i1_a_signature_is_good_for_five_minutes_either_way() {
    let source = probes(json!({"secret": "probes", "scheme": "standard-webhooks"}));
    let beside = Beside::signed(&source, b"body", KEY);
    let at = |seconds| {
        let later = now() + SignedDuration::from_secs(seconds);
        verify(&source, beside.with(b"body"), &[Secret::new(KEY)], later).map(|_| ())
    };
    assert_eq!((at(300), at(-300)), (Ok(()), Ok(())));
    assert_eq!((at(301), at(-301)), (Err(Refusal::Stale), Err(Refusal::Stale)));
}

#[test]
fn i1_standard_webhooks_takes_any_whole_v1_signature() {
    let source = probes(json!({"secret": "probes", "scheme": "standard-webhooks"}));
    let seconds = now().as_second();
    let time = seconds.to_string();
    let good = Webhook::new(KEY).unwrap().sign("msg_1", seconds, b"body").unwrap();
    let verdict = |id: &str, time: &str, signature: &str| {
        let pairs = [("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", signature)];
        check(&source, &pairs, b"body", &[KEY], now())
    };
    assert_eq!(verdict("msg_1", &time, &format!("v1a,AAAA v1,AAAA  {good}")), Ok(()));
    let bare = good.strip_prefix("v1,").unwrap();
    for signature in ["", "v1,", bare, &good[..good.len() - 8], &format!("v2,{bare}"), &format!("{good}AAAA")] {
        assert_eq!(verdict("msg_1", &time, signature), Err(Refusal::Mismatch), "{signature}");
    }
    for odd in [format!("+{time}"), format!(" {time}"), format!("{time}.0"), String::new(), "9".repeat(40)] {
        assert!(verdict("msg_1", &odd, &good).is_err(), "{odd:?}");
    }
    assert_eq!(verdict("", &time, &good), Err(Refusal::Mismatch));
    // Svix sends the same under its own names.
    let svix = [("svix-id", "msg_1"), ("svix-timestamp", &time), ("svix-signature", &good)];
    assert_eq!(check(&source, &svix, b"body", &[KEY], now()), Ok(()));
}

/// `{id}.{timestamp}.{body}` would read two ways if an id might hold a dot.
#[test]
fn i1_a_signed_message_cannot_be_cut_into_another_one() {
    let source = probes(json!({"secret": "probes", "scheme": "standard-webhooks"}));
    let seconds = now().as_second();
    let body = format!("{seconds}.{{}}");
    let good = Webhook::new(KEY).unwrap().sign("msg_1", seconds, body.as_bytes()).unwrap();
    let (time, id) = (seconds.to_string(), format!("msg_1.{seconds}"));
    let recut = [("webhook-id", id.as_str()), ("webhook-timestamp", &time), ("webhook-signature", &good)];
    assert_eq!(check(&source, &recut, b"{}", &[KEY], now()), Err(Refusal::Mismatch));
    assert_eq!(sign(&source, b"{}", &Secret::new(KEY), "a.b", now()), Err(SignError::Id("a.b".to_owned())));
}

#[test]
fn i1_a_source_that_slipped_past_the_checks_lets_nobody_in() {
    let headless = probes(json!({"secret": "probes", "scheme": "hmac-sha256"}));
    let broken = probes(json!({"secret": "probes", "scheme": "bearer", "header": "not a header"}));
    let none = probes(json!({"secret": "probes"}));
    for source in [headless, broken, none] {
        let verdict = check(&source, &[("authorization", "Bearer t0ken")], b"", &["t0ken"], now());
        assert!(matches!(verdict, Err(Refusal::Unusable { .. })), "{source:?}");
    }
}

proptest! {
    /// The reference implementation and ours give the same signature for every message, with and without the padding of
    /// the secret.
    #[test]
    fn i1_signatures_are_those_of_the_reference_implementation(
        key in proptest::collection::vec(any::<u8>(), 1..64),
        id in "[a-zA-Z0-9_-]{1,40}",
        body: String,
        seconds in 0_i64..4_000_000_000,
    ) {
        use base64::Engine;
        let source = probes(json!({"secret": "probes", "scheme": "standard-webhooks"}));
        let at = Timestamp::from_second(seconds).unwrap();
        let reference = Webhook::from_bytes(key.clone()).unwrap().sign(&id, seconds, body.as_bytes()).unwrap();
        for engine in [base64::engine::general_purpose::STANDARD, base64::engine::general_purpose::STANDARD_NO_PAD] {
            let secret = Secret::new(format!("whsec_{}", engine.encode(&key)));
            let ours = sign(&source, body.as_bytes(), &secret, &id, at).unwrap().headers;
            let ours = &ours.iter().find(|(name, _)| name == "webhook-signature").unwrap().1;
            prop_assert_eq!(ours, &reference);
            let time = seconds.to_string();
            let pairs = [("webhook-id", id.as_str()), ("webhook-timestamp", &time), ("webhook-signature", &reference)];
            let beside = Beside { headers: headers(pairs), query: None };
            prop_assert!(verify(&source, beside.with(body.as_bytes()), &[secret], at).is_ok());
        }
    }
}

#[test]
fn i1_what_slack_signed_is_let_in_for_five_minutes_and_only_in_its_own_form() {
    let source = known("slack");
    let beside = Beside::signed(&source, b"text=run", KEY);
    let at = |seconds: i64| {
        let at = now() + SignedDuration::from_secs(seconds);
        verify(&source, beside.with(b"text=run"), &crate::support::secrets(&[OTHER, KEY]), at).map(|_| ())
    };
    for (seconds, wanted) in
        [(0, Ok(())), (300, Ok(())), (-300, Ok(())), (301, Err(Refusal::Stale)), (-301, Err(Refusal::Stale))]
    {
        assert_eq!(at(seconds), wanted, "{seconds}");
    }
    let signature = beside.headers["x-slack-signature"].to_str().unwrap().to_owned();
    let seconds = now().as_second().to_string();
    for (signature, seconds) in [
        (signature.replace("v0=", "v1="), seconds.clone()),
        (signature.replace("v0=", ""), seconds.clone()),
        (format!("{signature},{signature}"), seconds.clone()),
        (signature.clone(), format!("+{seconds}")),
        (signature.clone(), format!("{seconds}.0")),
        (signature.clone(), String::new()),
    ] {
        let pairs = [("x-slack-signature", signature.as_str()), ("x-slack-request-timestamp", seconds.as_str())];
        assert_eq!(check(&source, &pairs, b"text=run", &[KEY], now()), Err(Refusal::Mismatch), "{pairs:?}");
    }
    let alone = [("x-slack-signature", signature.as_str())];
    assert_eq!(check(&source, &alone, b"text=run", &[KEY], now()), Err(Refusal::Unproven));
}

#[test]
fn the_page_names_the_schemes_of_each_sender() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sources.md")).unwrap();
    for sender in KNOWN {
        let schemes = crate::support::known(sender).source_type.schemes();
        let schemes: Vec<String> = schemes.iter().map(|scheme| format!("`{}`", scheme.as_str())).collect();
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{sender}` | [")))
            .unwrap_or_else(|| panic!("{sender}"));
        assert!(row.ends_with(&format!("| {} |", schemes.join(", "))), "{row}");
        let path = row.split_once("](").and_then(|(_, rest)| rest.split_once(')')).unwrap().0;
        assert!(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(path).exists(), "{path}");
    }
}
