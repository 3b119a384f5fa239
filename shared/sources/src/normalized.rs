use catalog::model::Source;
use domain::{Alert, Disposition, Event, EventId, EventKind, RawFragment};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::text::{LINE_CAP, NAME_CAP, line};

/// How long the same body, of a sender that names no delivery, counts as the same delivery, in seconds.
const SAME_BODY_SECONDS: i64 = 300;

/// The longest delivery key that stands as the sender wrote it, in bytes; a longer one stands as its hash.
const KEY_CAP: usize = 200;

/// What one event says, in our words, before anybody decided what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalized {
    /// What happened.
    pub kind: EventKind,
    /// The sender's own word for it.
    pub provider_kind: String,
    /// Names the delivery; at most 200 bytes without control characters.
    pub delivery_key: String,
    /// The sender's id of the incident.
    pub external_id: Option<String>,
    /// When it happened, by the sender's clock; when it came, where the sender does not say.
    pub occurred_at: Timestamp,
    /// One line for people. For an event of kind `unknown` it says why it is one.
    pub summary: String,
    /// The alert, where the event carries enough of it.
    pub alert: Option<Alert>,
    /// Its part of the body.
    pub raw: RawFragment,
}

impl Normalized {
    /// An event that says nothing that is known, for the reason given.
    pub(crate) fn unknown(
        provider_kind: &str,
        delivery_key: String,
        reason: &str,
        received_at: Timestamp,
        raw: RawFragment,
    ) -> Self {
        Self {
            kind: EventKind::Unknown,
            provider_kind: line(provider_kind, NAME_CAP),
            delivery_key,
            external_id: None,
            occurred_at: received_at,
            summary: line(reason, LINE_CAP),
            alert: None,
            raw,
        }
    }

    /// The event as it travels on.
    #[must_use]
    pub fn into_event(self, id: EventId, source: &Source, received_at: Timestamp, disposition: Disposition) -> Event {
        Event {
            id,
            source: source.name.clone(),
            source_type: source.source_type.as_str().to_owned(),
            kind: self.kind,
            provider_kind: self.provider_kind,
            delivery_key: self.delivery_key,
            external_id: self.external_id,
            occurred_at: self.occurred_at,
            received_at,
            summary: self.summary,
            alert: self.alert,
            disposition,
            raw: self.raw,
        }
    }
}

/// The key of a delivery that the sender names, as it wrote it where that is short and plain.
pub(crate) fn named_key(name: &str) -> String {
    if name.len() <= KEY_CAP && !name.chars().any(char::is_control) { name.to_owned() } else { hash(name.as_bytes()) }
}

/// The key of a delivery that nothing names: the hash of its body, and which five minutes it came in. A repetition that
/// comes after the end of those five minutes is another delivery, though of the same incident.
pub(crate) fn body_key(body: &[u8], received_at: Timestamp) -> String {
    format!("{}@{}", hash(body), received_at.as_second().div_euclid(SAME_BODY_SECONDS))
}

/// `sha256:` and the hash of `bytes`.
pub(crate) fn hash(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// The part of the body that is kept. What is not UTF-8 in it is shown as `U+FFFD`.
pub(crate) fn fragment(body: &[u8]) -> RawFragment {
    RawFragment::keep(&String::from_utf8_lossy(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i3_a_key_is_short_and_plain_whatever_names_it() {
        assert_eq!(named_key("01FKZ"), "01FKZ");
        for odd in ["x".repeat(201), "a\nb".to_owned()] {
            let key = named_key(&odd);
            assert!(key.starts_with("sha256:") && key.len() == 71, "{key}");
        }
    }

    #[test]
    fn i3_the_same_body_is_the_same_delivery_for_five_minutes() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(body_key(b"a", at(600)), body_key(b"a", at(899)));
        assert_ne!(body_key(b"a", at(899)), body_key(b"a", at(900)));
        assert_ne!(body_key(b"a", at(600)), body_key(b"b", at(600)));
    }
}
