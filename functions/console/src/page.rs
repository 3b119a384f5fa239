//! What every page has: its head, its style, and what the browser may do with it. The local world's own pages are made
//! with it too.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::words;

const STYLE: &str = include_str!("style.css");

/// Nothing may run, load, frame or be sent anywhere; the one style is named by its hash.
static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| policy(""));

/// The policy of a page with this style beside the one of all. What it frames is under its policy too and may have styles in
/// attributes, by which nothing can be loaded either.
fn policy(own: &str) -> Option<HeaderValue> {
    let hash = |style: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(style.as_bytes())));
    let styles = match own {
        "" => hash(STYLE),
        own => format!("{} {}; style-src-attr 'unsafe-inline'", hash(STYLE), hash(own)),
    };
    let policy =
        format!("default-src 'none'; style-src {styles}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    HeaderValue::try_from(policy).ok()
}

/// How a page is to be shown.
pub struct Page {
    /// The answer's status; 200 unless it is changed.
    pub status: StatusCode,
    /// Its title.
    pub title: String,
    /// Seconds after which the browser loads it again, where something is still to come.
    pub again: Option<u32>,
    /// What stands at its upper right.
    pub aside: Markup,
    /// What stands below the header.
    pub body: Markup,
    /// A style of its own beside that of all pages, or nothing.
    pub style: &'static str,
}

impl Page {
    /// A page that is there.
    #[must_use]
    pub fn new(title: impl Into<String>, body: Markup) -> Self {
        Self { status: StatusCode::OK, title: title.into(), again: None, aside: html! {}, body, style: "" }
    }

    /// The whole answer.
    #[must_use]
    pub fn response(self) -> Response<Bytes> {
        let markup = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    @if let Some(seconds) = self.again { meta http-equiv="refresh" content=(seconds); }
                    title { (self.title) " · Firstlook" }
                    style { (PreEscaped(STYLE)) }
                    @if !self.style.is_empty() { style { (PreEscaped(self.style)) } }
                }
                body {
                    header { b { "Firstlook" } span { (self.aside) } }
                    (self.body)
                }
            }
        };
        let mut response = respond(self.status, "text/html; charset=utf-8", words::plain(&markup.into_string()));
        if let (false, Some(policy)) = (self.style.is_empty(), policy(self.style)) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

/// A short page that says why there is nothing to see, and what to do.
#[must_use]
pub fn notice(status: StatusCode, title: &str, text: Markup) -> Response<Bytes> {
    let body = html! { main { h1 { (title) } (text) } };
    Page { status, ..Page::new(title, body) }.response()
}

/// A response that is kept nowhere, guessed at by nobody, and named to no other page.
#[must_use]
pub fn respond(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers: &mut HeaderMap = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(policy) = POLICY.clone() {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
