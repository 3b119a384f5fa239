//! `http`: one GET or HEAD.
//!
//! Whatever status comes back is an answer, a 500 too. So is a redirect that is not followed: where a service sends its
//! callers is evidence.

pub(crate) mod body;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::PathBuf};

use catalog::model::{HttpMethod, HttpRun};
use engine::{Answer, Called};
use net::{AddressPolicy, ClientError, request_reason};
use reqwest::{
    Client, Method, Response,
    header::{HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use serde_json::json;
use tokio::time::{Instant, timeout};
use url::Url;

use crate::{
    common::{counted, elapsed_ms, late, limit, one_line},
    keys::{self, Keys, Proof},
    mask,
};

/// How much of a body is kept, in bytes.
const BODY_CAP: usize = 64 * 1024;
/// How much of one header's value is kept, in characters.
const HEADER_CAP: usize = 1024;
/// How many redirects are followed.
const REDIRECTS: usize = 3;

/// The HTTP client with its policy.
pub(crate) struct Http {
    pub(crate) client: Client,
    pub(crate) policy: AddressPolicy,
}

impl Http {
    pub(crate) fn new(policy: AddressPolicy, extra_ca: Option<PathBuf>) -> Result<Self, ClientError> {
        let options = net::Options { policy: policy.clone(), extra_ca, ..net::Options::default() };
        Ok(Self { client: net::client(&options)?, policy })
    }

    /// The URL of this text, if it may be asked.
    pub(crate) fn url(&self, text: &str) -> Result<Url, String> {
        let url: Url = text.trim().parse().map_err(|error| format!("the url is not a URL: {error}"))?;
        self.policy.check_url(&url).map_err(|refused| refused.to_string())?;
        Ok(url)
    }
}

pub(crate) async fn call(http: &Http, keys: &Keys, run: &HttpRun<String>) -> Called {
    let method = match run.method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Head => Method::HEAD,
    };
    let mut request = json!({
        "method": method.as_str(),
        "url": mask::url_text(&run.url),
        "headers": run.headers.keys().collect::<Vec<_>>(),
    });
    if let (Some(shown), true) = (request.as_object_mut(), run.auth.is_some()) {
        shown.insert("auth".to_owned(), keys::shown(run.auth.as_ref()));
    }
    let limit = limit(run.timeout);
    let answer = match timeout(limit, ask(http, keys, method, run)).await {
        Ok(answer) => answer,
        Err(_) => Err(late(&run.url, limit)),
    };
    Called { request, answer }
}

async fn ask(http: &Http, keys: &Keys, method: Method, run: &HttpRun<String>) -> Result<Answer, String> {
    let first = http.url(&run.url)?;
    let headers = headers(&run.headers)?;
    let mut proof = keys.proof(run.auth.as_ref(), &http.policy, &first).await?;
    let started = Instant::now();
    let mut came = follow(http, &method, &first, &headers, proof.as_ref()).await?;
    if let (401, Some(refused)) = (came.response.status().as_u16(), proof.as_ref()) {
        proof = keys.newer(refused).await;
        if proof.is_some() {
            came = follow(http, &method, &first, &headers, proof.as_ref()).await?;
        }
    }
    read(came, started).await
}

/// What came at the end of the redirects that are followed.
struct Came {
    response: Response,
    url: Url,
    followed: usize,
    withheld: String,
}

async fn follow(
    http: &Http,
    method: &Method,
    first: &Url,
    headers: &HeaderMap,
    proof: Option<&Proof>,
) -> Result<Came, String> {
    let mut url = first.clone();
    let mut followed = 0;
    let mut own = headers.clone();
    if let Some(proof) = proof {
        proof.put(&mut own);
    }
    loop {
        let mut request = http.client.request(method.clone(), url.clone());
        if same_origin(first, &url) {
            request = request.headers(own.clone());
        }
        let response = request.send().await.map_err(|error| request_reason(&error, &url))?;
        let withheld = match redirect(&http.policy, first, &url, &response) {
            Redirect::None => String::new(),
            Redirect::Withheld(reason) => reason,
            Redirect::To(_) if followed == REDIRECTS => format!("more than {REDIRECTS} redirects"),
            Redirect::To(next) => {
                followed += 1;
                url = *next;
                continue;
            }
        };
        return Ok(Came { response, url, followed, withheld });
    }
}

async fn read(came: Came, started: Instant) -> Result<Answer, String> {
    let Came { response, url, followed, withheld } = came;
    let status = response.status().as_u16();
    let headers = shown(response.headers());
    let content_type = headers.get("content-type").cloned().unwrap_or_default();
    let body = net::read_capped(response, BODY_CAP).await.map_err(|error| request_reason(&error, &url))?;
    let elapsed_ms = elapsed_ms(started);
    let mut summary = format!("{status} in {elapsed_ms} ms");
    if followed > 0 {
        summary = format!("{summary} after {}", counted(followed, "redirect", "redirects"));
    }
    if !withheld.is_empty() {
        summary = format!("{summary}, redirect not followed: {withheld}");
    }
    let result = json!({
        "status": status,
        "elapsed_ms": elapsed_ms,
        "headers": headers,
        "body": body::text(&body, &content_type),
        "truncated": body.more,
        "json": body::json(&body),
        "final_url": mask::url(&url),
        "redirects": followed,
        "redirect_withheld": withheld,
    });
    Ok(Answer { summary, result })
}

/// What a response says about where to go on.
enum Redirect {
    /// It is no redirect.
    None,
    /// It is one that is not followed, for this reason.
    Withheld(String),
    /// It leads there, and may be followed.
    To(Box<Url>),
}

fn redirect(policy: &AddressPolicy, first: &Url, here: &Url, response: &Response) -> Redirect {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Redirect::None;
    }
    let Some(location) = response.headers().get(LOCATION) else { return Redirect::None };
    let Ok(mut next) = here.join(&String::from_utf8_lossy(location.as_bytes())) else {
        return Redirect::Withheld("its location is not a URL".to_owned());
    };
    if let Err(refused) = policy.check_url(&next) {
        return Redirect::Withheld(refused.to_string());
    }
    let host = next.host_str().unwrap_or_default();
    if next.host() != first.host() && !policy.names(host) {
        return Redirect::Withheld(format!("the catalog does not name `{}`", one_line(host, 200)));
    }
    if here.scheme() == "https" && next.scheme() == "http" {
        return Redirect::Withheld("it leads from https to http".to_owned());
    }
    // Only the catalog gives credentials, and only to the origin it gave them for.
    let (user, password) = if same_origin(first, &next) { (first.username(), first.password()) } else { ("", None) };
    let _ = next.set_username(user);
    let _ = next.set_password(password);
    Redirect::To(Box::new(next))
}

/// Whether what is sent to `first` may be sent to `next`: the same origin, or the same host that asks for TLS instead.
fn same_origin(first: &Url, next: &Url) -> bool {
    let upgraded = first.scheme() == "http"
        && next.scheme() == "https"
        && first.host() == next.host()
        && first.port_or_known_default() == Some(80)
        && next.port_or_known_default() == Some(443);
    first.origin() == next.origin() || upgraded
}

/// The headers to send.
fn headers(given: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let parsed: HeaderName = name.parse().map_err(|_| format!("`{name}` is not a header's name"))?;
        if let Some(why) = catalog::refused_header(parsed.as_str()) {
            return Err(format!("the header `{name}` is not sent: {why}"));
        }
        // Its value may be a secret, so the reason does not show it.
        let mut value: HeaderValue = value
            .parse()
            .map_err(|_| format!("the value of the header `{name}` has a character that none can have"))?;
        value.set_sensitive(true);
        headers.insert(parsed, value);
    }
    Ok(headers)
}

/// The headers that came back, names in lower case, several of one name joined.
fn shown(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .keys()
        .map(|name| {
            let values: Vec<_> = headers
                .get_all(name)
                .iter()
                .map(|value| mask::header(name.as_str(), &String::from_utf8_lossy(value.as_bytes())))
                .collect();
            (name.as_str().to_owned(), one_line(&values.join(", "), HEADER_CAP))
        })
        .collect()
}
