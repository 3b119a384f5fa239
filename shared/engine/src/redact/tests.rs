//! What is masked, and what is not. No secret here is one: they are put together so that none stands in this file.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn value(given: &mut Value) {
    Redactor::default().value(given);
}

#[test]
fn i9_every_pattern_compiles() {
    assert_eq!((SECRET_TEXT.len(), SECRET_NAMED.len()), (8, 9));
}

#[test]
fn i9_secrets_are_masked_and_the_rest_stays() {
    for (given, wanted) in [
        ("error at AKIAIOSFODNN7EXAMPLE here", "error at [redacted] here"),
        ("postgres://app:hunter2@db:5432/x", "postgres://[redacted]db:5432/x"),
        ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer [redacted]"),
        (r#"{"password": "hunter2", "n": 1}"#, r#"{"password": "[redacted]", "n": 1}"#),
        ("token=abc123&x=1", "token=[redacted]&x=1"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- z", "[redacted] z"),
        ("connection refused (os error 111)", "connection refused (os error 111)"),
        ("the token bucket is empty", "the token bucket is empty"),
    ] {
        assert_eq!(text(given), wanted);
    }
}

#[test]
fn i9_values_under_secret_keys_are_masked_whole() {
    let mut given = json!({"headers": {"set-cookie": "a=b"}, "list": [{"apiKey": "x", "n": 5}], "tokens_left": 3});
    value(&mut given);
    assert_eq!(
        given,
        json!({"headers": {"set-cookie": "[redacted]"}, "list": [{"apiKey": "[redacted]", "n": 5}], "tokens_left": 3})
    );
}

#[test]
fn i9_named_secrets_are_masked_to_their_end() {
    for (given, wanted) in [
        ("client_secret_value=abc123 x=1", "client_secret_value=[redacted] x=1"),
        ("stripe_secret_key: rk_1234", "stripe_secret_key: [redacted]"),
        (r#"password="a b & c, d" n=1"#, r#"password="[redacted]" n=1"#),
        ("password='a b & c' n=1", "password='[redacted]' n=1"),
        (r#"{"password": "a\" b", "n": 1}"#, r#"{"password": "[redacted]", "n": 1}"#),
        (r#""{\"apiKey\": \"a b\", \"n\": 1}""#, r#""{\"apiKey\": \"[redacted]\", \"n\": 1}""#),
        (r#""{\"apiKey\":\"a\\\" b\",\"n\":1}""#, r#""{\"apiKey\":\"[redacted]\",\"n\":1}""#),
        ("password=\"cut off here\nnext line", "password=\"[redacted]\nnext line"),
        (r#"password="" user="x""#, r#"password="[redacted]" user="x""#),
    ] {
        assert_eq!(text(given), wanted);
        assert_eq!(text(wanted), wanted, "masking again changes nothing");
    }
}

#[test]
fn i9_a_name_and_the_value_beside_it_are_masked_in_texts_too() {
    for (given, wanted) in [
        (
            r#"{"env":[{"name":"DB_PASSWORD","value":"hunter2"}]}"#,
            r#"{"env":[{"name":"DB_PASSWORD","value":"[redacted]"}]}"#,
        ),
        // Anything may stand between them.
        (
            r#"{"name":"DB_PASSWORD","on":true,"value":"a\" b"}"#,
            r#"{"name":"DB_PASSWORD","on":true,"value":"[redacted]"}"#,
        ),
        (
            r#"[{"Value":99,"Key":"api-key"},{"name":"LOG","value":"debug"}]"#,
            r#"[{"Key":"api-key","Value":"[redacted]"},{"name":"LOG","value":"debug"}]"#,
        ),
        // A body that was cut off is no JSON any more.
        (
            r#"{"env":[{"name":"DB_PASSWORD", "value":"hunter2"},{"na"#,
            r#"{"env":[{"name":"DB_PASSWORD", "value":"[redacted]"},{"na"#,
        ),
        (
            r#"{"env":[{"value":"hunter2","name":"DB_PASSWORD"},{"na"#,
            r#"{"env":[{"value":"[redacted]","name":"DB_PASSWORD"},{"na"#,
        ),
        (r#"{"env":[{"name":"DB_PASSWORD","value":"hunt"#, r#"{"env":[{"name":"DB_PASSWORD","value":"[redacted]"#),
        (
            r#"{"env":[{"name":"PIN_TOKEN","value":4711},{"na"#,
            r#"{"env":[{"name":"PIN_TOKEN","value":[redacted]},{"na"#,
        ),
        (
            r#"{"env":[{"name":"LOG_LEVEL","value":"debug"},{"name":"A_TOKEN","value":"x y"#,
            r#"{"env":[{"name":"LOG_LEVEL","value":"debug"},{"name":"A_TOKEN","value":"[redacted]"#,
        ),
        // JSON within JSON, cut off.
        (
            r#"{"last":"{\"name\":\"DB_PASSWORD\",\"value\":\"hunter2\"}","#,
            r#"{"last":"{\"name\":\"DB_PASSWORD\",\"value\":\"[redacted]\"}","#,
        ),
        // JSON within JSON, and in the lines of a log.
        (
            r#"{"last":"{\"credentials\":{\"user\":\"u\"}}"}"#,
            r#"{"last":"{\"credentials\":{\"user\":\"[redacted]\"}}"}"#,
        ),
        (
            "started\n{\"credentials\":{\"user\":\"u\"}}\nended",
            "started\n{\"credentials\":{\"user\":\"[redacted]\"}}\nended",
        ),
        // As Kubernetes writes it.
        (
            "env:\n- name: DB_PASSWORD\n  value: hunter2 x\n- name: LOG\n  value: debug",
            "env:\n- name: DB_PASSWORD\n  value: [redacted]\n- name: LOG\n  value: debug",
        ),
    ] {
        assert_eq!(text(given), wanted);
        assert_eq!(text(wanted), wanted, "masking again changes nothing");
    }
}

#[test]
fn i9_cookies_signatures_and_headers_are_masked_in_texts_too() {
    for (given, wanted) in [
        ("Cookie: sid=abc; theme=dark\nHost: x", "Cookie: [redacted]\nHost: x"),
        ("set-cookie: sid=abc; Path=/; HttpOnly", "set-cookie: [redacted]"),
        (r#"< Set-Cookie: "a b""#, r#"< Set-Cookie: "[redacted]""#),
        (r#"{"set-cookie":"sid=abc; Path=/","n":1}"#, r#"{"set-cookie":"[redacted]","n":1}"#),
        (r#"{"cookies":{"sid":"abc"},"n":1}"#, r#"{"cookies":{"sid":"[redacted]"},"n":1}"#),
        ("Authorization: Bearer abc", "Authorization: Bearer [redacted]"),
        ("proxy-authorization=Token abc.def", "proxy-authorization=Token [redacted]"),
        (r#"Authorization: Digest username="bob", response="e1f2" x"#, "Authorization: Digest [redacted] x"),
        (
            "Authorization: AWS4-HMAC-SHA256 Credential=A/b/c, SignedHeaders=host;date, Signature=0f1e 200",
            "Authorization: AWS4-HMAC-SHA256 [redacted] 200",
        ),
        (
            "/x?X-Amz-Credential=A%2Fb&X-Amz-Signature=0f1e2d&v=1",
            "/x?X-Amz-Credential=[redacted]&X-Amz-Signature=[redacted]&v=1",
        ),
        ("X-Hub-Signature-256: sha256=0f1e2d", "X-Hub-Signature-256: [redacted]"),
    ] {
        assert_eq!(text(given), wanted);
        assert_eq!(text(wanted), wanted, "masking again changes nothing");
    }
    for given in [
        "SignatureDoesNotMatch: The request signature we calculated is another one",
        "ExpiredTokenException: The security token is expired",
        "3 cookies were set, and the cookie is gone",
    ] {
        assert_eq!(text(given), given);
    }
}

#[test]
fn i9_a_teams_own_patterns_reach_into_json_texts() {
    let redactor = Redactor::of(&catalog(json!({
        "customers": {"name": "customers", "pattern": r"\bC-[0-9]{6}\b", "masks": ["C-000000"]},
    })));
    let mut given = json!({"body": "{\"who\":\"C\\u002d123456\",\"n\":1}"});
    redactor.value(&mut given);
    assert_eq!(given, json!({"body": "{\"n\":1,\"who\":\"[redacted]\"}"}), "escaped it is the same");
}

#[test]
fn plain_sentences_and_counts_stay() {
    for given in [
        "the token bucket is empty",
        "Rotate the secret and restart; passwords are kept elsewhere.",
        "max_tokens=4096, tokens_left: 1200, \"tokenCount\": 150",
        "no secret: ok",
    ] {
        assert_eq!(text(given), given);
    }
    assert_eq!(text("admin_password=1234"), "admin_password=[redacted]", "a `min` within a word is no limit");
}

#[test]
fn i9_everything_below_a_secret_key_is_masked() {
    let mut given = json!({
        "credentials": [{"user": "u", "pin": 1234, "on": true, "none": null}, "x", 7],
        "token": 123_456, "max_tokens": 4096, "token_count": 5, "tokensLeft": 3, "tokens": "abc", "secret": "",
    });
    value(&mut given);
    assert_eq!(
        given,
        json!({
            "credentials": [
                {"user": "[redacted]", "pin": "[redacted]", "on": true, "none": null}, "[redacted]", "[redacted]",
            ],
            "token": "[redacted]", "max_tokens": 4096, "token_count": 5, "tokensLeft": 3, "tokens": "[redacted]",
            "secret": "",
        })
    );
}

#[test]
fn i9_a_value_beside_a_secret_name_is_masked() {
    let mut given = json!({"env": [
        {"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "LOG", "value": "debug"},
        {"Key": "api-key", "Value": 99, "other": "x"}, {"name": "tokens_left", "value": 3},
    ]});
    value(&mut given);
    assert_eq!(
        given,
        json!({"env": [
            {"name": "DB_PASSWORD", "value": "[redacted]"}, {"name": "LOG", "value": "debug"},
            {"Key": "api-key", "Value": "[redacted]", "other": "x"}, {"name": "tokens_left", "value": 3},
        ]})
    );
}

#[test]
fn words_that_only_begin_like_a_secret_are_none() {
    for given in [
        "secretary: John, tokenizer=standard, cookiecutter: oak",
        "secretName: checkout-tls, token_file=/var/run/x, password-policy: strong",
        "the secretariat: closed",
    ] {
        assert_eq!(text(given), given);
    }
    let mut given = json!({"secretary": "John", "secretName": "checkout-tls", "tokenizer": {"kind": "standard"}});
    let before = given.clone();
    value(&mut given);
    assert_eq!(given, before);
}

#[test]
fn i9_names_of_secrets_are_known_however_they_are_written() {
    for key in [
        "password",
        "dbPassword",
        "DB_PASSWD",
        "passwd2",
        "clientsecret",
        "x-api-key",
        "apikey",
        "apiKeys",
        "accountKey",
        "AWS_SECRET_ACCESS_KEY",
        "sessiontoken",
        "refresh_tokens",
        "Set-Cookie",
        "credentials",
        "secretNames2",
        "secret_name_token",
    ] {
        let mut given = json!({key: "v-1"});
        value(&mut given);
        assert_eq!(given, json!({key: MASK}), "{key}");
    }
    assert_eq!(text("secretary: password=abc123"), "secretary: password=[redacted]");
}

/// Secrets of their services' form, none of which was ever given out. The parts stand apart so that nobody who scans this
/// file takes them for real ones.
fn corpus() -> Vec<String> {
    let mixed =
        "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7dE9fG1hJ3kL5mN7pQ9rS1tU3vW5xY7zA9bC1dE3fG5hJ7kL9mN1pQ3rS5tU7vW9xY1zA3";
    let take = |count: usize| &mixed[..count];
    let lower = |count: usize| mixed[..count].to_lowercase();
    let hex: String = "0f1e2d3c4b5a69788796a5b4c3d2e1f0".repeat(4);
    let upper = mixed.to_uppercase().replace(['0', '1', '8', '9'], "B");
    vec![
        ["AK", "IA", &upper[..16]].concat(),
        ["gh", "p_", take(36)].concat(),
        ["github", "_pat_", take(82)].concat(),
        ["gl", "pat-", take(20)].concat(),
        ["xo", "xb-", "123456789012-", "1234567890123-", take(24)].concat(),
        ["https://hooks.sl", "ack.com/services/", "T01ABCDEF/B01ABCDEF/", take(24)].concat(),
        ["sk_l", "ive_", take(32)].concat(),
        ["S", "G.", &lower(66)].concat(),
        ["np", "m_", &lower(36)].concat(),
        ["py", "pi-AgEIcHlwaS5vcmc", take(80)].concat(),
        ["hv", "s.", take(95)].concat(),
        ["dop", "_v1_", &hex[..64]].concat(),
        ["shp", "at_", &hex[..32]].concat(),
        ["sk-ant-", "api03-", take(93), "AA"].concat(),
        ["AI", "za", take(35)].concat(),
        ["whs", "ec_", take(32)].concat(),
        ["ey", "JhbGciOiJIUzI1NiJ9.", "ey", "JzdWIiOiIxMjM0NTY3ODkwIn0.", take(43)].concat(),
        ["-----BEGIN RSA ", "PRIVATE KEY-----\n", take(100), "\n-----END RSA ", "PRIVATE KEY-----"].concat(),
        ["postgres://app:", take(12), "@db:5432/x"].concat(),
        ["Authorization: Bearer ", take(30)].concat(),
    ]
}

#[test]
fn i9_secrets_of_known_services_are_masked_wherever_they_stand() {
    for secret in corpus() {
        // What is secret of it, by which it could be used.
        let core: String = secret.chars().rev().skip(4).take(8).collect::<String>().chars().rev().collect();
        for (before, after) in
            [("", ""), ("got ", " from the vault"), ("{\"v\":\"", "\"}"), ("<", ">"), ("é", "é"), ("(", "), then")]
        {
            let given = format!("{before}{secret}{after}");
            let masked = text(&given);
            let known = secret.contains("db:5432") || !masked.contains(&core);
            assert!(masked.contains(MASK) && known, "{given} became {masked}");
            assert_eq!(text(&masked), masked, "masking again changes nothing");
        }
        let mut given = json!({"log": [{"line": format!("sent {secret} to it")}]});
        value(&mut given);
        assert!(given.to_string().contains(MASK), "{given}");
    }
}

#[test]
fn what_operators_read_every_day_is_left_alone() {
    for given in [
        "commit 4b825dc642cb6eb9a060e54bf8d69288fbee4904 deployed by ci",
        "pod checkout-7d4b9c6f5d-x2x9z restarted 3 times; image sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "arn:aws:lambda:eu-west-1:123456789012:function:checkout",
        "req 6ba7b810-9dad-11d1-80b4-00c04fd430c8 took 512 ms, key checkout-orders",
        "SELECT * FROM orders WHERE token IS NULL",
        "https://grafana.example/d/abc/checkout?from=now-1h&to=now",
        "they key in the order; Sk. is a country code, curl -sSi 'https://checkout.internal/healthz'",
    ] {
        assert_eq!(text(given), given);
    }
}

fn catalog(redactions: Value) -> Catalog {
    serde_json::from_value(json!({
        "digest": "", "sources": {}, "workflows": {}, "commands": {}, "tasks": {}, "assistants": {}, "rules": {},
        "knowledge": {}, "schedules": {}, "slxs": {}, "redactions": redactions,
    }))
    .unwrap()
}

#[test]
fn i9_a_catalogs_own_patterns_are_masked_too() {
    let redactor = Redactor::of(&catalog(json!({
        "customers": {"name": "customers", "pattern": r"\bC-[0-9]{6}\b", "replace": "C-******", "masks": ["C-000000"]},
        "card": {"name": "card", "pattern": "card (?P<secret>[0-9 ]{13,19})", "masks": ["card 0000 0000 0000 0000"]},
        "broken": {"name": "broken", "pattern": "(", "masks": []},
    })));
    let given = "C-123456 and C-654321 paid with card 4000 1234 5678 9010, password=hunter2; C-1234567";
    let wanted = "C-****** and C-****** paid with card [redacted], password=[redacted]; C-1234567";
    assert_eq!(redactor.text(given), wanted);
    assert_eq!(redactor.text(wanted), wanted);
    let mut given = json!({"rows": [{"who": "C-123456", "token": "x"}]});
    redactor.value(&mut given);
    assert_eq!(given, json!({"rows": [{"who": "C-******", "token": "[redacted]"}]}));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn i9_a_secret_is_masked_in_any_text(before in "\\PC{0,60}", after in "\\PC{0,60}", which in 0_usize..15) {
        let secret = corpus().swap_remove(which);
        let core: String = secret.chars().skip(secret.chars().count() - 12).take(8).collect();
        let masked = text(&format!("{before} {secret} {after}")).into_owned();
        prop_assert!(!masked.contains(&core), "{masked}");
    }

    #[test]
    fn any_text_and_any_value_can_be_looked_at(given in "[\\PC\n]{0,200}", key in "\\PC{0,20}") {
        let _ = text(&given);
        let mut tree = json!({key.clone(): [{"name": key, "value": given}]});
        value(&mut tree);
        let once = tree.clone();
        value(&mut tree);
        prop_assert_eq!(once, tree, "masking again changes nothing");
    }
}

#[test]
fn i9_every_text_of_an_event_is_masked_but_what_it_is_found_by() {
    let secret = format!("{}{}", "AKIA", "IOSFODNN7EXAMPLE");
    let said = format!("said {secret} here");
    let (id, at) = (domain::EventId::mint(jiff::Timestamp::UNIX_EPOCH, 1), "2026-11-22T10:00:00Z");
    let alert = json!({
        "external_id": "Q1", "title": said, "description": said, "severity": "high", "urgency": said, "priority": said,
        "service": {"id": said, "name": said}, "team": said, "labels": {"note": said, "api_key": "x"},
        "links": [{"title": said, "url": format!("https://h.example/?key={secret}")}],
        "slo": {"name": said, "objective": said, "window": said, "burn_rate": said, "budget_remaining": said},
        "started_at": at,
    });
    let event = json!({
        "id": id, "source": "tool", "source_type": "webhook", "kind": "triggered", "provider_kind": said,
        "delivery_key": "d1", "external_id": "Q1", "occurred_at": at, "received_at": at, "summary": said,
        "alert": alert, "disposition": {"does": "unmatched", "reason": said}, "raw": {"text": said},
    });
    let mut event: Event = serde_json::from_value(event).unwrap();
    Redactor::default().event(&mut event);
    let stored = serde_json::to_string(&event).unwrap();
    assert!(!stored.contains(&secret), "{stored}");
    assert_eq!(stored.matches("said [redacted] here").count(), 18, "{stored}");
    let alert = event.alert.unwrap();
    assert_eq!((alert.external_id.as_str(), alert.labels["api_key"].as_str()), ("Q1", "[redacted]"));
}
