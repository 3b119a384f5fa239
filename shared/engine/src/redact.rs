//! Takes secrets out of evidence, before it is stored and before anyone reads it (I9).

use std::{borrow::Cow, sync::LazyLock};

use domain::Event;
use regex::{Captures, Regex};
use serde_json::Value;

/// What stands in place of a secret.
const MASK: &str = "[redacted]";

/// Keys whose values are secret whatever they look like.
static SECRET_KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(passw(or)?d|passphrase|secret|token|api[_-]?key|apikey|private[_-]?key|access[_-]?key|authorization|cookie|credential|signature)",
    )
    .ok()
});

/// Words of a key that make a number under it a count or a limit, and so no secret: `tokens_left`, `maxTokens`.
const COUNTS: [&str; 26] = [
    "tokens",
    "secrets",
    "passwords",
    "credentials",
    "cookies",
    "signatures",
    "keys",
    "count",
    "counts",
    "limit",
    "limits",
    "max",
    "min",
    "left",
    "remaining",
    "total",
    "used",
    "usage",
    "size",
    "length",
    "age",
    "ttl",
    "expires",
    "expiry",
    "expiration",
    "seconds",
];

/// What is secret by its looks. The first group, where there is one, stays.
static SECRET_TEXT: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    compiled(&[
        // PEM private keys.
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
        // AWS access key ids.
        r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
        // JSON Web Tokens.
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
        // Tokens of well-known services.
        r"\b(?:xox[abeoprs]-[A-Za-z0-9-]{8,}|gh[opsur]_[A-Za-z0-9]{20,}|whsec_[A-Za-z0-9+/=]{16,}|sk-[A-Za-z0-9_-]{20,}|glpat-[A-Za-z0-9_-]{16,})",
        // Credentials in a URL.
        r"(\b[a-z][a-z0-9+.-]*://)[^\s/@:]*:[^\s/@]+@",
        // An Authorization header's value.
        r"(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}",
    ])
});

/// What is secret by the word before it: `password=...`, `"stripe_secret_key": "..."`. A quoted value runs to its closing
/// quote, or to the end of the line when there is none.
static SECRET_NAMED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let named = r#"(?is)(?P<before>(?P<key>[\w-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|private[_-]?key|access[_-]?key)[\w-]*)\\?["']?\s*[=:]\s*"#;
    let values = [
        r#"")(?:(?P<value>(?:[^"\\]|\\.)*)(?P<after>")|[^\n]*)"#,
        r"')(?:(?P<value>(?:[^'\\]|\\.)*)(?P<after>')|[^\n]*)",
        // JSON within a JSON text, whose quotes are escaped once, and the quotes inside its values twice.
        r#"\\")(?:(?P<value>(?:[^"\\]|\\\\(?:\\["\\]|[^"\\])|\\[^"\\])*)(?P<after>\\")|[^\n]*)"#,
        r#")(?P<value>[^\s"'&,;<>{}\[\]\\][^\s"'&,;<>{}\[\]]{2,})(?P<after>)"#,
    ];
    compiled(&values.map(|value| format!("{named}{value}")))
});

fn compiled<P: AsRef<str>>(patterns: &[P]) -> Vec<Regex> {
    patterns.iter().filter_map(|pattern| Regex::new(pattern.as_ref()).ok()).collect()
}

/// `text` with what looks like a secret masked.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    for pattern in SECRET_TEXT.iter() {
        replace(&mut masked, pattern, |found| format!("{}{MASK}", found.get(1).map_or("", |kept| kept.as_str())));
    }
    for pattern in SECRET_NAMED.iter() {
        replace(&mut masked, pattern, |found| {
            let group = |name: &str| found.name(name).map_or("", |part| part.as_str());
            if group("value").parse::<f64>().is_ok() && is_count(group("key")) {
                return found.get(0).map_or_else(String::new, |whole| whole.as_str().to_owned());
            }
            format!("{}{MASK}{}", group("before"), group("after"))
        });
    }
    masked
}

fn replace(text: &mut Cow<'_, str>, pattern: &Regex, with: impl Fn(&Captures<'_>) -> String) {
    if let Cow::Owned(replaced) = pattern.replace_all(text, with) {
        *text = Cow::Owned(replaced);
    }
}

/// `event` with its texts masked: its raw part, its summary, and what its alert says. Its ids and keys stay, since by them
/// it is found. To be done before an event is stored: a sender may put anything into an alert.
pub fn event(event: &mut Event) {
    let mask = |inner: &mut String| {
        if let Cow::Owned(masked) = text(inner) {
            *inner = masked;
        }
    };
    mask(&mut event.raw.text);
    mask(&mut event.summary);
    let Some(alert) = &mut event.alert else { return };
    mask(&mut alert.title);
    mask(&mut alert.description);
    alert.links.iter_mut().for_each(|link| mask(&mut link.url));
    for (key, inner) in &mut alert.labels {
        if is_secret_key(key) && inner.parse::<f64>().is_err() { MASK.clone_into(inner) } else { mask(inner) }
    }
}

/// `value` with every text in it masked, and everything that is named as a secret masked whole:
///
/// - what stands under a key that says it is secret, at any depth, and the `value` beside such a `name` or `key`;
/// - texts always, numbers unless the key nearest to them names a count or a limit ([`COUNTS`]), never booleans: they
///   say whether there is a secret, not which.
pub fn value(value: &mut Value) {
    match value {
        Value::String(inner) => {
            if let Cow::Owned(masked) = text(inner) {
                *inner = masked;
            }
        }
        Value::Array(list) => list.iter_mut().for_each(self::value),
        Value::Object(map) => {
            let named = map
                .iter()
                .filter(|(key, _)| key.eq_ignore_ascii_case("name") || key.eq_ignore_ascii_case("key"))
                .filter_map(|(_, name)| name.as_str())
                .find(|name| is_secret_key(name))
                .map(str::to_owned);
            for (key, inner) in map {
                match &named {
                    Some(name) if key.eq_ignore_ascii_case("value") => mask(inner, name),
                    _ if is_secret_key(key) => mask(inner, key),
                    _ => self::value(inner),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Masks all that stands below the secret `key`.
fn mask(value: &mut Value, key: &str) {
    match value {
        Value::String(secret) if secret.is_empty() => {}
        Value::Number(_) if is_count(key) => {}
        Value::String(_) | Value::Number(_) => *value = Value::String(MASK.to_owned()),
        // A list under a plural holds the things themselves, not how many there are.
        Value::Array(list) => list.iter_mut().for_each(|inner| mask(inner, "")),
        Value::Object(map) => map.iter_mut().for_each(|(key, inner)| mask(inner, key)),
        Value::Null | Value::Bool(_) => {}
    }
}

fn is_secret_key(key: &str) -> bool {
    SECRET_KEY.as_ref().is_some_and(|pattern| pattern.is_match(key))
}

/// Whether a word of `key`, written `like_this`, `like-this` or `likeThis`, is one of [`COUNTS`].
fn is_count(key: &str) -> bool {
    let mut words = String::with_capacity(key.len() + 4);
    let mut after_small = false;
    for character in key.chars() {
        if after_small && character.is_ascii_uppercase() {
            words.push(' ');
        }
        after_small = character.is_ascii_lowercase();
        words.push(if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { ' ' });
    }
    words.split(' ').any(|word| COUNTS.contains(&word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn i9_every_pattern_compiles() {
        assert_eq!((SECRET_TEXT.len(), SECRET_NAMED.len()), (6, 4));
        assert!(SECRET_KEY.is_some());
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
}
