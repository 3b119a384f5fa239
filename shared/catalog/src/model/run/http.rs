//! `http`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Auth, Slot, five_seconds};
use crate::model::Span;

/// The HTTP methods that change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)]
pub enum HttpMethod {
    Get,
    Head,
}

/// One HTTP request. `result`: `status`, `elapsed_ms`, `headers`, `body` (text; `truncated` when it was longer), `json`
/// (parsed, or null), `final_url`, `redirects` (how many were followed), `redirect_withheld` (where one was not followed
/// to, else empty).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpRun<T> {
    /// Default: GET.
    #[serde(default = "get")]
    pub method: HttpMethod,
    /// Where; the host must come from the catalog.
    pub url: T,
    /// Headers to send.
    #[serde(default = "no_headers::<T>", skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, T>,
    /// How it proves itself; default: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// How long to wait; default 5 s, at most 30 s.
    #[serde(default = "five_seconds")]
    pub timeout: Span,
}

// Named, since a bare `default` would ask of every `T` that it has one.
fn no_headers<T>() -> BTreeMap<String, T> {
    BTreeMap::new()
}

fn get() -> HttpMethod {
    HttpMethod::Get
}

impl<T> HttpRun<T> {
    pub(super) fn try_map<U, E>(&self, change: &mut impl FnMut(Slot, &T) -> Result<U, E>) -> Result<HttpRun<U>, E> {
        Ok(HttpRun {
            method: self.method,
            url: change(Slot::Url, &self.url)?,
            headers: self
                .headers
                .iter()
                .map(|(name, value)| Ok((name.clone(), change(Slot::Text, value)?)))
                .collect::<Result<_, E>>()?,
            auth: self.auth.clone(),
            timeout: self.timeout,
        })
    }
}
