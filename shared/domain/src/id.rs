//! Typed, prefixed, time-sortable identifiers, and the names that users give to documents.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use ulid::Ulid;

/// Why a string is not an identifier of the wanted kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{given}` is not an id of the form {prefix}<26 characters>")]
pub struct IdError {
    given: String,
    prefix: &'static str,
}

fn ulid_at(at: Timestamp, random: u128) -> Ulid {
    // Before 1970 there are no events: clamp instead of failing on a sender's broken clock.
    Ulid::from_parts(u64::try_from(at.as_millisecond()).unwrap_or(0), random)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(Ulid);

        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new id that sorts by `at` (milliseconds) and is otherwise `random` (its low 80 bits).
            #[must_use]
            pub fn mint(at: Timestamp, random: u128) -> Self {
                Self(ulid_at(at, random))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", Self::PREFIX, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let wrong = || IdError { given: text.chars().take(64).collect(), prefix: Self::PREFIX };
                let body = text.strip_prefix(Self::PREFIX).ok_or_else(wrong)?;
                Ulid::from_string(body).map(Self).map_err(|_| wrong())
            }
        }
    };
}

id!(
    /// One accepted event, minted by ingest.
    EventId,
    "evt_"
);
id!(
    /// One RunSession.
    RunId,
    "run_"
);
id!(
    /// One holder's claim on a lease: whoever cannot show the token that stands in the table may not write.
    LeaseToken,
    "lse_"
);

impl EventId {
    /// The firing of `schedule` that was due at `at`: the same however often the clock says it, and another one for every
    /// other Schedule and moment.
    #[must_use]
    pub fn of_firing(schedule: &Name, at: Timestamp) -> Self {
        Self::named(at, &format!("{schedule}@{}", at.as_nanosecond()))
    }

    /// What `source` calls `request`, and was asked for at `at`: the same however often it comes.
    #[must_use]
    pub fn of_request(source: &Name, request: &str, at: Timestamp) -> Self {
        // No Schedule has a slash in its name.
        Self::named(at, &format!("{source}/{request}"))
    }

    fn named(at: Timestamp, name: &str) -> Self {
        let digest = Sha256::digest(name);
        let random = digest.iter().take(16).fold(0, |bits: u128, byte| (bits << 8) | u128::from(*byte));
        Self::mint(at, random)
    }
}

impl RunId {
    /// The run that `event` opens. The same event always gives the same run, so a redelivery resumes instead of
    /// opening a second one.
    #[must_use]
    pub fn opened_by(event: EventId) -> Self {
        Self(event.0)
    }
}

/// Why a string cannot be the name of a document.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a name: use 1 to 63 lower-case letters, digits and dashes, beginning with a letter or digit")]
pub struct NameError(String);

/// The name of a catalog document: 1 to 63 of `a-z`, `0-9` and `-`, beginning with a letter or a digit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(extend("pattern" = "^[a-z0-9][a-z0-9-]{0,62}$"))]
pub struct Name(String);

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.is_empty() || text.len() > 63 || text.starts_with('-') || !text.bytes().all(legal) {
            return Err(NameError(text.chars().take(64).collect()));
        }
        Ok(Self(text))
    }
}

impl FromStr for Name {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        text.to_owned().try_into()
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_read_back() {
        let early = EventId::mint(Timestamp::from_millisecond(1_000).unwrap(), u128::MAX);
        let late = EventId::mint(Timestamp::from_millisecond(1_001).unwrap(), 0);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse::<EventId>().unwrap(), early);
    }

    #[test]
    fn i3_a_firing_is_named_by_its_schedule_and_its_moment() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let name = |text: &str| text.parse::<Name>().unwrap();
        let firing = EventId::of_firing(&name("nightly"), at(60));
        assert_eq!(firing, EventId::of_firing(&name("nightly"), at(60)));
        assert_ne!(firing, EventId::of_firing(&name("nightly-2"), at(60)));
        assert_ne!(firing, EventId::of_firing(&name("nightly"), at(61)));
        assert!(firing < EventId::of_firing(&name("nightly"), at(120)), "it sorts by when it was due");
        // Written down, since another release must find the run that this one opened.
        assert_eq!(firing.to_string(), "evt_0000001TK0ZYAF21SMQK5SX46T");
    }

    #[test]
    fn i3_what_is_asked_for_is_named_by_its_source_and_what_that_calls_it() {
        let at = Timestamp::from_second(60).unwrap();
        let name = |text: &str| text.parse::<Name>().unwrap();
        let request = EventId::of_request(&name("slack"), "13.37.abc", at);
        assert_eq!(request, EventId::of_request(&name("slack"), "13.37.abc", at));
        assert_ne!(request, EventId::of_request(&name("slack-2"), "13.37.abc", at));
        assert_ne!(request, EventId::of_request(&name("slack"), "13.37.abd", at));
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let event = EventId::mint(Timestamp::from_millisecond(1_000).unwrap(), 7);
        assert!(event.to_string().parse::<RunId>().is_err());
        assert!("run_".parse::<RunId>().is_err());
        assert!("run_01ARZ3NDEKTSV4RRFFQ69G5FAVX".parse::<RunId>().is_err());
    }

    #[test]
    fn names_are_strict() {
        for good in ["a", "checkout-pages", "0", &"a".repeat(63)] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "A", "a_b", "a b", "a#b", &"a".repeat(64)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }
}
