//! How a call proves itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a call proves itself: `bearer: KEY`, `basic: KEY`, or `header: NAME` with `secret: KEY`. A KEY is the name of a key
/// in the catalog's secret, written out; an expression can be none of them. The value goes to the host of the Task's URL,
/// where the catalog names that very host, and is never sent on after a redirect to another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// The key of a token: `Authorization: Bearer <token>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<String>,
    /// The key of a text `user:password`: `Authorization: Basic <in Base64>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<String>,
    /// The name of a header that has the value of `secret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The key of the header's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// What an [`Auth`] says, when it says one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthForm<'a> {
    /// A token, by its key.
    Bearer(&'a str),
    /// A user and a password, by their key.
    Basic(&'a str),
    /// A header by its name, and the key of its value.
    Header(&'a str, &'a str),
}

impl<'a> AuthForm<'a> {
    /// The key within the catalog's secret.
    #[must_use]
    pub fn key(self) -> &'a str {
        match self {
            Self::Bearer(key) | Self::Basic(key) | Self::Header(_, key) => key,
        }
    }

    /// The header that has it.
    #[must_use]
    pub fn header(self) -> &'a str {
        match self {
            Self::Bearer(_) | Self::Basic(_) => "authorization",
            Self::Header(name, _) => name,
        }
    }
}

impl Auth {
    /// What it says; `None` when that is nothing, or several things at once.
    #[must_use]
    pub fn form(&self) -> Option<AuthForm<'_>> {
        match (&self.bearer, &self.basic, &self.header, &self.secret) {
            (Some(key), None, None, None) => Some(AuthForm::Bearer(key)),
            (None, Some(key), None, None) => Some(AuthForm::Basic(key)),
            (None, None, Some(name), Some(key)) => Some(AuthForm::Header(name, key)),
            _ => None,
        }
    }

    /// With a token.
    #[must_use]
    pub fn bearer(key: impl Into<String>) -> Self {
        Self { bearer: Some(key.into()), ..Self::default() }
    }
}
