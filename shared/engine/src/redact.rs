//! Takes secrets out of evidence, before it is stored and before anyone reads it (I9): what gitleaks' rules know, what is
//! named as a secret, and what a catalog's Redactions say.

mod json;
mod known;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, sync::LazyLock};

use catalog::Catalog;
use domain::{Alert, Disposition, Event, Link, RawFragment, Service, Slo};
use regex::{Captures, Regex};
use serde_json::Value;

/// What stands in place of a secret.
const MASK: &str = "[redacted]";

/// Words that end so name a secret: `password`, `clientSecret`, `dbpasswd2`, `cookies`; and not `secretary` or `tokenizer`.
const SECRET_ENDS: [&str; 9] =
    ["password", "passwd", "passphrase", "secret", "token", "authorization", "cookie", "credential", "signature"];

/// Words that make a secret of the `key` behind them: `api_key`, `accessKey`; and `apikey` as one word.
const SECRET_KEYS: [&str; 7] = ["api", "private", "access", "secret", "signing", "encryption", "account"];

/// Last words of a key that speaks of a secret and is none: `secretName`, `token_file`, `SignatureDoesNotMatch`.
const ABOUT: [&str; 15] = [
    "name",
    "names",
    "arn",
    "path",
    "file",
    "type",
    "version",
    "policy",
    "status",
    "algorithm",
    "exception",
    "error",
    "match",
    "found",
    "expired",
];

/// How an Authorization header's value begins; what is secret stands behind it.
const SCHEMES: [&str; 10] =
    ["basic", "bearer", "digest", "negotiate", "ntlm", "token", "apikey", "oauth", "hoba", "aws4-hmac-sha256"];

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
        r"(?-u:\b)(?:AKIA|ASIA)[0-9A-Z]{16}\b",
        // JSON Web Tokens.
        r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
        // Tokens of well-known services, also those that are too short for their rule: a text may be cut.
        r"(?-u:\b)(?:xox[abeoprs]-[A-Za-z0-9-]{8,}|gh[opsur]_[A-Za-z0-9]{20,}|whsec_[A-Za-z0-9+/=]{16,}|sk-[A-Za-z0-9_-]{20,}|glpat-[A-Za-z0-9_-]{16,})",
        // Credentials in a URL.
        r"((?-u:\b)[a-z][a-z0-9+.-]*://)[^\s/@:]*:[^\s/@]+@",
        // An Authorization header's value.
        r"(?i)((?-u:\b)(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}",
        // The header with its scheme, whatever follows, with the parameters that some have.
        &[
            r#"(?i)((?-u:\b)authorization\\?["']?\s*[:=]\s*\\?["']?(?:"#,
            &SCHEMES.join("|"),
            r#")\s+)(?:[\w-]+="[^"\n]*"|[^\s"'\\,]+)(?:,\s*[\w-]+=(?:"[^"\n]*"|[^\s"'\\,]+))*"#,
        ]
        .concat(),
        // The pairs of a Cookie or Set-Cookie header.
        r#"(?i)((?-u:\b)cookies?\s*[:=]\s*)[\w.~!#$%&*+^|-]+=[^\s;,"'\\]*(?:;\s*[\w.~!#$%&*+^|-]+(?:=[^\s;,"'\\]*)?)*"#,
    ])
});

/// What is secret by the word before it: `password=...`, `"stripe_secret_key": "..."`. A quoted value runs to its closing
/// quote, or to the end of the line when there is none.
static SECRET_NAMED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let named = r#"(?is)(?P<before>(?P<key>[\w-]*(?:passw(?:or)?d|passphrase|secret|token|cookie|authorization|credential|signature|api[_-]?key|private[_-]?key|access[_-]?key)[\w-]*)\\?["']?\s*[=:]\s*"#;
    let values = [
        r#"")(?:(?P<value>(?:[^"\\]|\\.)*)(?P<after>")|[^\n]*)"#,
        r"')(?:(?P<value>(?:[^'\\]|\\.)*)(?P<after>')|[^\n]*)",
        // JSON within a JSON text, whose quotes are escaped once, and the quotes inside its values twice.
        r#"\\")(?:(?P<value>(?:[^"\\]|\\\\(?:\\["\\]|[^"\\])|\\[^"\\])*)(?P<after>\\")|[^\n]*)"#,
        r#")(?P<value>[^\s"'&,;<>{}\[\]\\][^\s"'&,;<>{}\[\]]{2,})(?P<after>)"#,
    ];
    let beside = [
        // `{"name": "DB_PASSWORD", "value": "..."}`, where it is not whole and so no JSON.
        r#"(?is)(?P<before>"(?:name|key)"\s*:\s*"(?P<key>[^"\\]*)"\s*,\s*"value"\s*:\s*")(?:(?P<value>(?:[^"\\]|\\.)*)(?P<after>")|[^\n]*)"#,
        r#"(?is)(?P<before>"(?:name|key)"\s*:\s*"(?P<key>[^"\\]*)"\s*,\s*"value"\s*:\s*)(?P<value>-?[0-9][0-9.e+-]*)(?P<after>)"#,
        r#"(?is)(?P<before>"value"\s*:\s*")(?P<value>(?:[^"\\]|\\.)*)(?P<after>"\s*,\s*"(?:name|key)"\s*:\s*"(?P<key>[^"\\]*)")"#,
        // The same within a JSON text.
        r#"(?is)(?P<before>\\"(?:name|key)\\"\s*:\s*\\"(?P<key>[^"\\]*)\\"\s*,\s*\\"value\\"\s*:\s*\\")(?:(?P<value>(?:[^"\\]|\\\\(?:\\["\\]|[^"\\])|\\[^"\\])*)(?P<after>\\")|[^\n]*)"#,
        // In YAML the two are lines.
        r#"(?i)(?P<before>(?-u:\b)(?:name|key):[ \t]*["']?(?P<key>[\w.-]+)["']?[ \t]*\r?\n[ \t]*value:[ \t]*)(?P<value>[^\s\[][^\r\n]*)(?P<after>)"#,
    ];
    compiled(
        &values.map(|value| format!("{named}{value}")).into_iter().chain(beside.map(str::to_owned)).collect::<Vec<_>>(),
    )
});

fn compiled<P: AsRef<str>>(patterns: &[P]) -> Vec<Regex> {
    patterns.iter().filter_map(|pattern| Regex::new(pattern.as_ref()).ok()).collect()
}

/// `text` with what is secret everywhere masked. For what was made of texts that a [`Redactor`] has seen: it may have put
/// together what stood apart.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    Redactor::default().text(text)
}

/// What is secret by its looks, and by the word before it.
fn flat(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    for secret in known::secrets(text).into_iter().rev() {
        masked.to_mut().replace_range(secret, MASK);
    }
    for pattern in SECRET_TEXT.iter() {
        replace(&mut masked, pattern, |found| format!("{}{MASK}", found.get(1).map_or("", |kept| kept.as_str())));
    }
    for pattern in SECRET_NAMED.iter() {
        if let Some(replaced) = named(&masked, pattern) {
            masked = Cow::Owned(replaced);
        }
    }
    masked
}

/// `text` with the values of secret keys masked; `None` when there are none. What a key that is no secret seems to have as
/// its value may itself be a secret's name, so the search goes on right behind such a key.
fn named(text: &str, pattern: &Regex) -> Option<String> {
    let mut masked = String::new();
    let (mut done, mut from) = (0, 0);
    while let Some(found) = pattern.captures_at(text, from) {
        let group = |name: &str| found.name(name).map_or("", |part| part.as_str());
        let (Some(whole), Some(key)) = (found.get(0), found.name("key")) else { break };
        let counts = group("value").parse::<f64>().is_ok() && is_count(key.as_str());
        let is_scheme = SCHEMES.iter().any(|scheme| group("value").eq_ignore_ascii_case(scheme));
        if counts || is_scheme || !is_secret_key(key.as_str()) {
            from = key.end();
            continue;
        }
        masked.push_str(text.get(done..whole.start()).unwrap_or_default());
        masked.push_str(&format!("{}{MASK}{}", group("before"), group("after")));
        (done, from) = (whole.end(), whole.end());
    }
    masked.push_str(text.get(done..)?);
    (done > 0).then_some(masked)
}

fn replace(text: &mut Cow<'_, str>, pattern: &Regex, with: impl Fn(&Captures<'_>) -> String) {
    if let Cow::Owned(replaced) = pattern.replace_all(text, with) {
        *text = Cow::Owned(replaced);
    }
}

/// Masks what is secret everywhere, and what a catalog's Redactions say.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    own: Vec<(Regex, String)>,
}

impl Redactor {
    /// The one of `catalog`. Its patterns were checked; one that does not compile all the same masks nothing.
    #[must_use]
    pub fn of(catalog: &Catalog) -> Self {
        let own = catalog.redactions.values().filter_map(|one| {
            let replace = one.replace.clone().unwrap_or_else(|| MASK.to_owned());
            Some((Regex::new(&one.pattern).ok()?, replace))
        });
        Self { own: own.collect() }
    }

    /// `text` with what is secret masked: by its looks, by the word before it, and where it is JSON by its keys, as
    /// [`Self::value`] does.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut masked = Cow::Borrowed(text);
        for (pattern, replace) in &self.own {
            let found: Vec<_> = pattern
                .captures_iter(&masked)
                .filter_map(|found| found.name("secret").or_else(|| found.get(0)))
                .map(|secret| secret.range())
                .filter(|secret| !secret.is_empty())
                .collect();
            for secret in found.into_iter().rev() {
                masked.to_mut().replace_range(secret, replace);
            }
        }
        let masked = match masked {
            Cow::Borrowed(text) => flat(text),
            Cow::Owned(masked) => Cow::Owned(flat(&masked).into_owned()),
        };
        match json::masked(self, &masked) {
            Some(masked) => Cow::Owned(masked),
            None => masked,
        }
    }

    /// Whether something stands in `text` that stands for what was taken out. A Redaction that leaves nothing leaves no trace.
    #[must_use]
    pub fn has_masked(&self, text: &str) -> bool {
        let own = self.own.iter().map(|(_, replace)| replace.as_str());
        own.chain([MASK]).any(|mask| !mask.is_empty() && text.contains(mask))
    }

    /// `event` with its texts masked: its raw part, its summary, why nothing follows from it, and what its alert says. Its
    /// ids and keys stay, since by them it is found. To be done before an event is stored: a sender may put anything into
    /// an alert.
    pub fn event(&self, event: &mut Event) {
        let mask = |inner: &mut String| {
            if let Cow::Owned(masked) = self.text(inner) {
                *inner = masked;
            }
        };
        // Every field is named here and below, so that a new text cannot be forgotten.
        let Event {
            id: _,
            source: _,
            source_type: _,
            kind: _,
            provider_kind,
            delivery_key: _,
            external_id: _,
            occurred_at: _,
            received_at: _,
            summary,
            alert,
            disposition,
            raw: RawFragment { text, cut_bytes: _ },
        } = event;
        [provider_kind, summary, text].into_iter().for_each(mask);
        match disposition {
            Disposition::Unmatched { reason } => mask(reason),
            Disposition::Opens { workflow: _, incident_key: _ } | Disposition::Attaches => {}
        }
        let Some(alert) = alert else { return };
        let Alert {
            external_id: _,
            title,
            description,
            severity: _,
            urgency,
            priority,
            service: Service { id, name },
            team,
            labels,
            links,
            slo: Slo { name: objective_name, objective, window, burn_rate, budget_remaining },
            started_at: _,
        } = alert;
        let said = [title, description, urgency, priority, id, name, team];
        let of_objective = [objective_name, objective, window, burn_rate, budget_remaining];
        said.into_iter().chain(of_objective).for_each(mask);
        for Link { title, url } in links {
            [title, url].into_iter().for_each(mask);
        }
        for (key, inner) in labels {
            if is_secret_key(key) && inner.parse::<f64>().is_err() { MASK.clone_into(inner) } else { mask(inner) }
        }
    }

    /// `value` with every text in it masked, and everything that is named as a secret masked whole:
    ///
    /// - what stands under a key that says it is secret, at any depth, and the `value` beside such a `name` or `key`;
    /// - texts always, numbers unless the key nearest to them names a count or a limit ([`COUNTS`]), never booleans: they
    ///   say whether there is a secret, not which.
    pub fn value(&self, value: &mut Value) {
        match value {
            Value::String(inner) => {
                if let Cow::Owned(masked) = self.text(inner) {
                    *inner = masked;
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|inner| self.value(inner)),
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
                        _ => self.value(inner),
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
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

/// Whether what stands under `key` is secret whatever it looks like.
fn is_secret_key(key: &str) -> bool {
    let words = words(key);
    let words: Vec<&str> = words.split(' ').filter(|word| !word.is_empty()).collect();
    if words.len() > 1 && words.last().is_some_and(|last| ABOUT.contains(last)) {
        return false;
    }
    let ends = |word: &str| {
        let key = word.strip_suffix("key").is_some_and(|rest| SECRET_KEYS.iter().any(|before| rest.ends_with(before)));
        key || SECRET_ENDS.iter().any(|end| word.ends_with(end))
    };
    let is = |word: &&str| {
        let word = word.trim_end_matches(|character: char| character.is_ascii_digit());
        ends(word) || word.strip_suffix('s').is_some_and(ends)
    };
    let key_of = |pair: &[&str]| matches!(pair, [before, "key" | "keys"] if SECRET_KEYS.contains(before));
    words.iter().any(is) || words.windows(2).any(key_of)
}

/// Whether a word of `key` is one of [`COUNTS`].
fn is_count(key: &str) -> bool {
    words(key).split(' ').any(|word| COUNTS.contains(&word))
}

/// The words of a key that is written `like_this`, `like-this` or `likeThis`, in lower case with spaces between.
fn words(key: &str) -> String {
    let mut words = String::with_capacity(key.len() + 4);
    let mut after_small = false;
    for character in key.chars() {
        if after_small && character.is_ascii_uppercase() {
            words.push(' ');
        }
        after_small = character.is_ascii_lowercase();
        words.push(if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { ' ' });
    }
    words
}
