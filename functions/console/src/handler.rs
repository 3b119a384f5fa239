use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{Run, RunId, RunView};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use maud::html;
use ports::{Clock, HandleHttp, ReadSecret, SecretError, chain};
use serde::Serialize;
use store::{
    Reader, StoreError,
    link::{self, LinkError, Scope},
};

use crate::{
    list::{self, Mark},
    page::{notice, respond},
    run::{self, Looks},
    whole::Whole,
};

/// The key within the secret that signs links.
const LINK_KEY: &str = "console-link-key";

/// The handler, over its ports. It reads the table and one secret, and writes nothing.
#[derive(Clone)]
pub struct Console {
    /// The RunSessions.
    pub reader: Reader,
    /// Where the key of the links is.
    pub secrets: Arc<dyn ReadSecret>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How many days after its opening the links to a run end.
    pub link_days: u32,
}

/// What a request wants to see.
enum Wanted {
    List,
    Run(RunId),
}

/// Pages are for people, JSON for programs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Page,
    Json,
}

/// A link that opened what it names: what its own query said, so that pages can lead on with no longer a life.
pub(crate) struct Opened {
    pub expires: String,
    pub signature: String,
    pub keys: Vec<domain::Secret>,
}

impl Opened {
    /// A link to a run that ends with the one that opened this page, and at `most` then; relative to the runs' own pages.
    pub fn to_run(&self, id: RunId, most: Timestamp) -> String {
        let expires = self.expires.parse().ok().and_then(|second| Timestamp::from_second(second).ok());
        match (expires, self.keys.first()) {
            (Some(expires), Some(key)) => {
                link::sign("", Scope::Run(id), expires.min(most), key).trim_start_matches("/runs/").to_owned()
            }
            _ => id.to_string(),
        }
    }

    /// What opened this page, for the run once more; relative as the page is.
    pub fn to_page(&self, id: RunId) -> String {
        format!("{id}?{}", self.query())
    }

    /// The same for the run as JSON.
    pub fn to_json(&self, id: RunId) -> String {
        format!("{id}.json?{}", self.query())
    }

    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("exp", &self.expires).append_pair("sig", &self.signature);
        query.finish()
    }
}

/// Why a request is not answered with what it wants.
enum Denied {
    Link(Option<LinkError>),
    Secret(SecretError),
}

#[async_trait]
impl HandleHttp for Console {
    async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let head = request.method() == Method::HEAD;
        let mut response = if head || request.method() == Method::GET {
            self.answer(&request).await
        } else {
            let mut response = respond(StatusCode::METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", "GET it\n");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            response
        };
        if head {
            *response.body_mut() = Bytes::new();
        }
        response
    }
}

impl Console {
    async fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let Some((wanted, form)) = wanted(request.uri().path()) else { return not_found() };
        let query: BTreeMap<String, String> =
            form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
        let scope = match wanted {
            Wanted::List => Scope::List,
            Wanted::Run(id) => Scope::Run(id),
        };
        let opened = match self.open(scope, &query).await {
            Ok(opened) => opened,
            Err(denied) => return denied.response(&wanted),
        };
        let answered = match wanted {
            Wanted::List => self.list(form, &query, &opened).await,
            Wanted::Run(id) => self.run(id, form, &opened).await,
        };
        answered.unwrap_or_else(|error| {
            tracing::error!(error = chain(&error), "the table could not be read");
            notice(
                StatusCode::SERVICE_UNAVAILABLE,
                "The table could not be read",
                html! { p { "Load this page again in a moment. If it stays, the console's log says why." } },
            )
        })
    }

    /// Looks at the link. A key that was just rotated is read anew before a link is refused.
    async fn open(&self, scope: Scope, query: &BTreeMap<String, String>) -> Result<Opened, Denied> {
        let (Some(expires), Some(signature)) = (query.get("exp"), query.get("sig")) else {
            return Err(Denied::Link(None));
        };
        let now = self.clock.now();
        let mut keys = self.secrets.read(LINK_KEY).await.map_err(Denied::Secret)?;
        let mut verified = link::verify(scope, expires, signature, &keys, now);
        if verified == Err(LinkError::Forged) {
            keys = self.secrets.reread(LINK_KEY).await.map_err(Denied::Secret)?;
            verified = link::verify(scope, expires, signature, &keys, now);
        }
        verified.map_err(|error| Denied::Link(Some(error)))?;
        // As a number, so that no way to write it makes the links on the page longer.
        let expires = expires.parse::<i64>().map_err(|_| Denied::Link(Some(LinkError::Forged)))?.to_string();
        Ok(Opened { expires, signature: signature.clone(), keys })
    }

    async fn run(&self, id: RunId, form: Form, opened: &Opened) -> Result<Response<Bytes>, StoreError> {
        let Some(mut view) = self.reader.view(id).await? else { return Ok(not_found()) };
        Ok(match form {
            Form::Page => {
                let run = &view.run;
                let looks = Looks {
                    last: self.look(run, run.previous.as_ref().map(|last| last.id), opened).await,
                    newest: self.look(run, run.newest.as_ref().map(|newest| newest.id), opened).await,
                };
                run::page(&view, opened, &looks, self.clock.now()).response()
            }
            Form::Json => {
                without_leases(&mut view);
                json(&Whole::of(view))
            }
        })
    }

    /// The way from `run` to the `other` look at its incident, which a link to `run` opens too: where it is of the same Workflow
    /// (of the same Command, where somebody asked for both), and for as long as its own links do.
    async fn look(&self, run: &Run, other: Option<RunId>, opened: &Opened) -> Option<String> {
        let id = other?;
        let other = match self.reader.run(id).await {
            Ok(other) => other?,
            Err(error) => {
                tracing::warn!(run = %run.id, other = %id, error = chain(&error), "the other look cannot be read: no link leads there");
                return None;
            }
        };
        let same = other.workflow == run.workflow && (run.workflow.is_some() || other.command == run.command);
        let ends = link::ends(other.created_at, self.link_days);
        (same && ends >= self.clock.now()).then(|| opened.to_run(id, ends))
    }

    async fn list(
        &self,
        form: Form,
        query: &BTreeMap<String, String>,
        opened: &Opened,
    ) -> Result<Response<Bytes>, StoreError> {
        let today = self.clock.now().to_zoned(TimeZone::UTC).date();
        let day = match query.get("day").map(|day| day.parse::<Date>()) {
            None => today,
            Some(Ok(day)) => day,
            Some(Err(_)) => return Ok(bad_request("`day` is not a date such as 2026-01-31")),
        };
        let mark = Mark { day, runs: query.get("runs").cloned(), events: query.get("events").cloned() };
        let found = match form {
            Form::Page => list::some_days(&self.reader, mark, today).await,
            Form::Json => list::one_day(&self.reader, &mark).await.map(|day| vec![day]),
        };
        let days = match found {
            Err(StoreError::Port(error))
                if !error.is_transient() && (query.contains_key("runs") || query.contains_key("events")) =>
            {
                tracing::info!(error = chain(&error), "a page's mark was refused");
                return Ok(bad_request("the page's mark is not one of this list: begin again from the list itself"));
            }
            days => days?,
        };
        Ok(match form {
            Form::Page => list::page(&days, today, opened).response(),
            Form::Json => days.first().map_or_else(not_found, json),
        })
    }
}

fn wanted(path: &str) -> Option<(Wanted, Form)> {
    let rest = path.strip_prefix("/runs")?;
    let (rest, form) = match rest.strip_suffix(".json") {
        Some(rest) => (rest, Form::Json),
        None => (rest, Form::Page),
    };
    let wanted = match rest {
        "" => Wanted::List,
        _ => Wanted::Run(rest.strip_prefix('/')?.parse().ok()?),
    };
    Some((wanted, form))
}

/// Who holds a run is nobody's business outside.
fn without_leases(view: &mut RunView) {
    view.run.lease = None;
    for target in &mut view.targets {
        target.lease = None;
    }
}

fn json(value: &impl Serialize) -> Response<Bytes> {
    match serde_json::to_vec_pretty(value) {
        Ok(body) => respond(StatusCode::OK, "application/json", body),
        Err(error) => {
            tracing::error!(error = chain(&error), "the RunSession could not be written as JSON");
            respond(StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", "this could not be written\n")
        }
    }
}

fn not_found() -> Response<Bytes> {
    let text = html! {
        p { "RunSessions are kept for " (store::RUN_DAYS) " days. This one has gone, or was never here." }
    };
    notice(StatusCode::NOT_FOUND, "There is nothing here", text)
}

fn bad_request(reason: &str) -> Response<Bytes> {
    notice(StatusCode::BAD_REQUEST, "This address is not right", html! { p { (reason) "." } })
}

impl Denied {
    fn response(self, wanted: &Wanted) -> Response<Bytes> {
        let error = match self {
            Self::Link(error) => error,
            Self::Secret(error) => {
                tracing::error!(error = chain(&error), "the key of the links could not be read");
                let text = html! {
                    p { "Links are checked with the key " code { (LINK_KEY) } ", and it could not be read. The console's log says why." }
                };
                return notice(StatusCode::SERVICE_UNAVAILABLE, "Links cannot be checked now", text);
            }
        };
        let title = match error {
            None => "This page opens by a link",
            Some(LinkError::Forged) => "This link opens nothing",
            Some(LinkError::Expired) => "This link has expired",
        };
        let command = match wanted {
            Wanted::List => "firstlook link".to_owned(),
            Wanted::Run(id) => format!("firstlook link {id}"),
        };
        let text = html! {
            @match error {
                None => p { "RunSessions are shown to those who hold a signed link to them, and there is none in this address." },
                Some(LinkError::Forged) => p { "It is not one of ours, or a part of it was lost on the way. Copy the whole of it." },
                Some(LinkError::Expired) => p { "Links end after a while, so that old ones lie about without harm." },
            }
            p { "A new one is made by" }
            pre { (command) }
            p { "and, for a deployed stack, by " code { (command) " --stack NAME" } ". The links in Slack and in PagerDuty are such links too." }
        };
        notice(StatusCode::FORBIDDEN, title, text)
    }
}
