//! GET requests to an HTTP API, for the kinds that ask more than one thing of one server.

use std::sync::{Mutex, PoisonError};

use net::{AddressPolicy, request_reason, where_to};
use reqwest::{
    Client, Response,
    header::{HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use serde::de::DeserializeOwned;
use url::Url;

use crate::keys::{Keys, Proof};

/// How much of an answer is read, in bytes.
pub(crate) const ANSWER_CAP: usize = 8 * 1024 * 1024;
/// How many redirects are followed, on the same origin only.
const REDIRECTS: usize = 3;

/// One server's API, and how it is called.
pub(crate) struct Api<'a> {
    pub(crate) client: &'a Client,
    pub(crate) policy: &'a AddressPolicy,
    pub(crate) keys: &'a Keys,
    base: Url,
    headers: HeaderMap,
    proof: Mutex<Option<Proof>>,
}

/// What an API answered.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    /// Whether there was more than was read.
    pub(crate) more: bool,
    /// `host:port`, for people.
    pub(crate) place: String,
}

impl<'a> Api<'a> {
    /// The API at `base`, whose path stands before each that is asked for.
    pub(crate) fn new(client: &'a Client, policy: &'a AddressPolicy, keys: &'a Keys, base: Url) -> Self {
        Self { client, policy, keys, base, headers: HeaderMap::new(), proof: Mutex::new(None) }
    }

    /// Sends this header with each request.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Result<Self, String> {
        let value: HeaderValue =
            value.parse().map_err(|_| format!("the header `{name}` has a character that none can have"))?;
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    /// Proves each request so.
    pub(crate) fn proven(mut self, proof: Option<Proof>) -> Self {
        self.proof = Mutex::new(proof);
        self
    }

    /// The URL of this path, piece by piece, and query. A piece is one piece whatever is in it; one that would lead up is
    /// refused.
    pub(crate) fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url, String> {
        let mut url = self.base.clone();
        {
            let mut pieces = url.path_segments_mut().map_err(|()| "the url is not a base for paths".to_owned())?;
            pieces.pop_if_empty();
            for piece in path {
                if piece.is_empty() || matches!(*piece, "." | "..") {
                    return Err(format!("`{piece}` cannot be a piece of a path"));
                }
                pieces.push(piece);
            }
        }
        url.set_query(None);
        url.set_fragment(None);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// Asks for it, with up to `cap` bytes of the answer.
    ///
    /// # Errors
    /// No whole answer came, in one line for people.
    pub(crate) async fn get(&self, path: &[&str], query: &[(&str, &str)], cap: usize) -> Result<Reply, String> {
        self.get_url(self.url(path, query)?, cap).await
    }

    /// The same for a whole URL of this API.
    pub(crate) async fn get_url(&self, url: Url, cap: usize) -> Result<Reply, String> {
        let proof = self.proof.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut reply = self.follow(url.clone(), proof.as_ref(), cap).await?;
        if let (401, Some(refused)) = (reply.status, proof.as_ref())
            && let Some(newer) = self.keys.newer(refused).await
        {
            *self.proof.lock().unwrap_or_else(PoisonError::into_inner) = Some(newer.clone());
            reply = self.follow(url, Some(&newer), cap).await?;
        }
        Ok(reply)
    }

    async fn follow(&self, mut url: Url, proof: Option<&Proof>, cap: usize) -> Result<Reply, String> {
        let mut headers = self.headers.clone();
        if let Some(proof) = proof {
            proof.put(&mut headers);
        }
        for _ in 0..=REDIRECTS {
            self.policy.check_url(&url).map_err(|refused| refused.to_string())?;
            let request = self.client.get(url.clone()).headers(headers.clone());
            let response = request.send().await.map_err(|error| request_reason(&error, &url))?;
            let place = where_to(&url);
            let status = response.status().as_u16();
            match response.headers().get(LOCATION).and_then(|to| url.join(to.to_str().ok()?).ok()) {
                Some(next) if response.status().is_redirection() && next.origin() == self.base.origin() => url = next,
                _ if response.status().is_redirection() => return Err(moved(&url, &response)),
                _ => {
                    let headers = response.headers().clone();
                    let body = net::read_capped(response, cap).await.map_err(|error| request_reason(&error, &url))?;
                    return Ok(Reply { status, headers, bytes: body.bytes, more: body.more, place });
                }
            }
        }
        Err(format!("{} redirects again and again", where_to(&url)))
    }
}

impl Reply {
    /// Whether it is an answer to what was asked.
    pub(crate) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Its body, if it is JSON of this form; `whose` says what answers so.
    pub(crate) fn json<T: DeserializeOwned>(&self, whose: &str) -> Result<T, String> {
        if self.more {
            return Err(format!(
                "the answer of {} is greater than {} MiB: ask for less",
                self.place,
                ANSWER_CAP / (1024 * 1024)
            ));
        }
        serde_json::from_slice(&self.bytes)
            .map_err(|_| format!("{} answered {}, and not as {whose} does", self.place, self.status))
    }

    /// The header's text, empty without one.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Its body as text.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

/// What a redirect that is not followed says: another URL for the Task.
pub(crate) fn moved(url: &Url, response: &Response) -> String {
    let (place, status) = (where_to(url), response.status().as_u16());
    match response.headers().get(LOCATION).map(|to| url.join(&String::from_utf8_lossy(to.as_bytes()))) {
        Some(Ok(to)) => format!(
            "{place} answered {status} and points to {}://{}: correct the Task's url",
            to.scheme(),
            where_to(&to)
        ),
        _ => format!("{place} answered {status} and no result"),
    }
}
