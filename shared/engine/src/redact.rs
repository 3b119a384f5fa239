//! Takes secrets out of evidence, before it is stored and before anyone reads it (I9).

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;
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

/// What is secret by its looks. The first group, where there is one, stays.
static SECRET_TEXT: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
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
        // `password=...`, `"api_key": "..."`.
        r#"(?i)((?:passw(?:or)?d|secret|token|api[_-]?key|private[_-]?key|access[_-]?key)["']?\s*[=:]\s*["']?)[^\s"'&,;<>{}\[\]]{3,}"#,
    ]
    .into_iter()
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});

/// `text` with what looks like a secret masked.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    for pattern in SECRET_TEXT.iter() {
        if pattern.is_match(&masked) {
            let replaced = pattern.replace_all(&masked, |found: &regex::Captures<'_>| {
                format!("{}{MASK}", found.get(1).map_or("", |kept| kept.as_str()))
            });
            masked = Cow::Owned(replaced.into_owned());
        }
    }
    masked
}

/// `value` with every text in it masked, and every text under a key that says it is secret masked whole.
pub fn value(value: &mut Value) {
    match value {
        Value::String(inner) => {
            if let Cow::Owned(masked) = text(inner) {
                *inner = masked;
            }
        }
        Value::Array(list) => list.iter_mut().for_each(self::value),
        Value::Object(map) => {
            for (key, inner) in map {
                match inner {
                    Value::String(secret) if !secret.is_empty() && is_secret_key(key) => *secret = MASK.to_owned(),
                    other => self::value(other),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_secret_key(key: &str) -> bool {
    SECRET_KEY.as_ref().is_some_and(|pattern| pattern.is_match(key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn i9_every_pattern_compiles() {
        assert_eq!(SECRET_TEXT.len(), 7);
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
}
