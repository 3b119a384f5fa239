use std::collections::BTreeMap;

use domain::{Name, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Case, Parameter, Span};
use crate::expr::{Expression, Template};

/// What a Task may do. There is one answer (I7); it stands in each Task so that it is read there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// It changes nothing.
    ReadOnly,
}

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
    /// How long to wait; default 5 s, at most 30 s.
    #[serde(default = "five_seconds")]
    pub timeout: Span,
}

// Named, since a bare `default` would ask of every `T` that it has one.
fn no_headers<T>() -> BTreeMap<String, T> {
    BTreeMap::new()
}

fn no_name<T>() -> Option<T> {
    None
}

fn get() -> HttpMethod {
    HttpMethod::Get
}

fn five_seconds() -> Span {
    Span(std::time::Duration::from_secs(5))
}

/// The window of a range query: from `last` ago until now, a point each `step`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromqlRange {
    /// How far back.
    pub last: Span,
    /// A point each; default 30 s.
    #[serde(default = "thirty_seconds")]
    pub step: Span,
}

fn thirty_seconds() -> Span {
    Span(std::time::Duration::from_secs(30))
}

/// One query of the Prometheus HTTP API. `result`: `series`, a list of `labels` with `value` (the newest, or null) and,
/// for a range, `first`, `min`, `max`, `points` ([seconds, value]); `series_total` (how many there are, where the list is
/// cut); `value`, the newest of the first series or null; `special` (`NaN`, `+Inf`, ... where that is why a value is
/// null, else empty; each series has its own); `warnings`, `notes` (texts); `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromqlRun<T> {
    /// The server's base URL, without `/api/v1`.
    pub url: T,
    /// The query.
    pub query: T,
    /// A range instead of an instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<PromqlRange>,
    /// How long to wait; default 5 s, at most 30 s.
    #[serde(default = "five_seconds")]
    pub timeout: Span,
}

/// The DNS records that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)]
pub enum DnsRecord {
    A,
    Aaaa,
    Cname,
    Mx,
    Ns,
    Srv,
    Txt,
}

/// One DNS lookup. `result`: `answers` (texts), `code` (`NOERROR`, `NXDOMAIN`, ...), `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DnsRun<T> {
    /// The name to look up.
    pub name: T,
    /// Default: A.
    #[serde(default = "address")]
    pub record: DnsRecord,
    /// How long to wait; default 5 s, at most 30 s.
    #[serde(default = "five_seconds")]
    pub timeout: Span,
}

fn address() -> DnsRecord {
    DnsRecord::A
}

/// One TCP connection, opened and closed. `result`: `connected`, `address`, `error` (empty when connected), `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TcpRun<T> {
    /// The host.
    pub host: T,
    /// The port: a number, as text or expression.
    pub port: T,
    /// How long to wait; default 5 s, at most 30 s.
    #[serde(default = "five_seconds")]
    pub timeout: Span,
}

/// One TLS handshake. `result`: `trusted`, `error` (empty when trusted), `subject`, `issuer`, `names`, `not_before`,
/// `not_after`, `days_left` (these three may be null), `chain` (each `subject`, `issuer`, `not_after`), `version`,
/// `address`, `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsRun<T> {
    /// The host.
    pub host: T,
    /// The port, as text or expression.
    pub port: T,
    /// The name that the certificate must be for; default: the host.
    #[serde(default = "no_name::<T>", skip_serializing_if = "Option::is_none")]
    pub server_name: Option<T>,
    /// How long to wait; default 5 s, at most 30 s.
    #[serde(default = "five_seconds")]
    pub timeout: Span,
}

/// The one call that a Task makes: one key, the task kind. `T` is [`Template`] in the catalog and `String` once it is
/// rendered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(description = "The one call that a Task makes: one key, the task kind.")]
#[allow(missing_docs)]
pub enum RunSpec<T> {
    Http(HttpRun<T>),
    Promql(PromqlRun<T>),
    Dns(DnsRun<T>),
    Tcp(TcpRun<T>),
    Tls(TlsRun<T>),
}

/// Where a text stands in a call, which decides how values are written into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// A URL: values are percent-encoded, so that none of them adds a segment, a query or a host.
    Url,
    /// A query: a value in quotes is escaped for them, and matched literally where a regular expression stands.
    Query,
    /// Anything else: values stand as they are.
    Text,
}

impl<T> RunSpec<T> {
    /// The task kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Promql(_) => "promql",
            Self::Dns(_) => "dns",
            Self::Tcp(_) => "tcp",
            Self::Tls(_) => "tls",
        }
    }

    /// The same call with every text changed by `change`, which is told where the text stands.
    ///
    /// # Errors
    /// The first error of `change`.
    pub fn try_map<U, E>(&self, mut change: impl FnMut(Slot, &T) -> Result<U, E>) -> Result<RunSpec<U>, E> {
        Ok(match self {
            Self::Http(run) => RunSpec::Http(HttpRun {
                method: run.method,
                url: change(Slot::Url, &run.url)?,
                headers: run
                    .headers
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), change(Slot::Text, value)?)))
                    .collect::<Result<_, E>>()?,
                timeout: run.timeout,
            }),
            Self::Promql(run) => RunSpec::Promql(PromqlRun {
                url: change(Slot::Url, &run.url)?,
                query: change(Slot::Query, &run.query)?,
                range: run.range.clone(),
                timeout: run.timeout,
            }),
            Self::Dns(run) => {
                RunSpec::Dns(DnsRun { name: change(Slot::Text, &run.name)?, record: run.record, timeout: run.timeout })
            }
            Self::Tcp(run) => RunSpec::Tcp(TcpRun {
                host: change(Slot::Text, &run.host)?,
                port: change(Slot::Text, &run.port)?,
                timeout: run.timeout,
            }),
            Self::Tls(run) => RunSpec::Tls(TlsRun {
                host: change(Slot::Text, &run.host)?,
                port: change(Slot::Text, &run.port)?,
                server_name: run.server_name.as_ref().map(|name| change(Slot::Text, name)).transpose()?,
                timeout: run.timeout,
            }),
        })
    }
}

/// When a result is an Issue, and what the Issue says. All CEL is over `result`, `inputs` and `alert`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueRule {
    /// What must be true.
    pub when: Expression,
    /// How bad it is: 1 critical, 2 major, 3 minor, 4 informational.
    pub severity: Severity,
    /// One line that names the thing and what is wrong with it.
    pub title: Template,
    /// What a healthy answer would have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Template>,
    /// What was found instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<Template>,
    /// The evidence in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Template>,
    /// How a person sees the same; default: the call itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproduce: Option<Template>,
    /// What to do next; at least one, each a whole sentence.
    pub next_steps: Vec<Template>,
}

/// One typed read-only check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Its name.
    pub name: Name,
    /// What it finds out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `read-only`.
    pub access: Access,
    /// What it needs to be told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Parameter>,
    /// What it checks, for people, with the thing's name in it: ``Check that `${{ inputs.url }}` answers``.
    pub title: Template,
    /// The thing it looks at; default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Template>,
    /// The call. CEL over `inputs` only.
    pub run: RunSpec<Template>,
    /// When the result is an Issue.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issues: Vec<IssueRule>,
    /// Cases it must pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<Case>,
}
