use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, request::Parts};
use jiff::Timestamp;
use ports::Clock;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::setup::Setup;
use crate::slack::answers::ResponseUrl;
use crate::{Arrival, Endpoint, Fault, Moment, Posted, Service};

/// How many requests are remembered.
const REQUESTS: usize = 10_000;

type Hook = Arc<dyn Fn(&Arrival) + Send + Sync>;

/// What has happened so far.
#[derive(Default)]
pub(crate) struct World {
    pub posts: Vec<Posted>,
    pub requests: VecDeque<Arrival>,
    pub faults: HashMap<Endpoint, VecDeque<Fault>>,
    /// What is accepted late, and when.
    late: Vec<(Timestamp, Parts, Bytes)>,
    pub removed: BTreeSet<String>,
    /// Slack channels by id, in the order in which they were first named.
    pub channels: Vec<(String, String)>,
    /// Where answers to slash commands are taken.
    pub response_urls: Vec<ResponseUrl>,
    pub setup: Setup,
    last_micros: i64,
    last_id: u64,
}

impl World {
    /// A Slack `ts`: unique, and greater than every one before.
    pub fn ts(&mut self, now: Timestamp) -> String {
        self.last_micros = now.as_microsecond().max(self.last_micros + 1);
        format!("{}.{:06}", self.last_micros / 1_000_000, self.last_micros % 1_000_000)
    }

    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The id and name of a Slack channel that was given by either, unless it was removed. A new name gets an id.
    pub fn channel(&mut self, given: &str) -> Option<(String, String)> {
        let bare = given.trim_start_matches('#');
        let known = self.channels.iter().find(|(id, name)| id == bare || name == bare).cloned();
        let (id, name) = match known {
            Some(known) => known,
            None if is_channel_id(given) => self.remember(given.to_owned(), given.to_lowercase()),
            None => {
                let id = format!("C0INBOX{:04}", self.channels.len() + 1);
                self.remember(id, bare.to_owned())
            }
        };
        (!self.removed.contains(&id) && !self.removed.contains(&name)).then_some((id, name))
    }

    fn remember(&mut self, id: String, name: String) -> (String, String) {
        self.channels.push((id.clone(), name.clone()));
        (id, name)
    }
}

/// Slack's ids of channels: `C` or `G` and upper-case letters and digits.
pub(crate) fn is_channel_id(text: &str) -> bool {
    text.len() >= 9
        && text.starts_with(['C', 'G', 'D'])
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

pub(crate) struct Shared {
    pub world: Mutex<World>,
    pub clock: Arc<dyn Clock>,
    pub arrivals: broadcast::Sender<Arrival>,
    pub hooks: Mutex<Vec<Hook>>,
}

/// What to do with a request whose arrival was announced.
pub(crate) enum Course {
    /// Do what it asks for, then answer as this says.
    Accept(Ending),
    /// Answer this and do nothing.
    Refuse(Fault),
    /// Never answer.
    Hang,
}

/// How an accepted request ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Answer,
    /// It is answered, and written so many seconds later.
    Later(u32),
    Hang,
    Drip,
    Close,
    Status(StatusCode),
}

impl Shared {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { world: Mutex::default(), clock, arrivals: broadcast::Sender::new(1024), hooks: Mutex::default() }
    }

    /// Announces a request and says what is to become of it.
    pub fn arrive(&self, endpoint: Endpoint, parts: &Parts, body: &Bytes) -> (Arrival, Course) {
        let arrival = Arrival {
            endpoint,
            moment: Moment::Arrived,
            at: self.clock.now(),
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: shown(&parts.headers),
            body: String::from_utf8_lossy(body).into_owned(),
        };
        let mut fault = {
            let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
            if world.requests.len() == REQUESTS {
                world.requests.pop_front();
            }
            world.requests.push_back(arrival.clone());
            world.faults.get_mut(&endpoint).and_then(VecDeque::pop_front)
        };
        if let Some(Fault::StatusLongBeforeAccepting(status, after)) = fault {
            let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
            world.late.push((arrival.at + after, parts.clone(), body.clone()));
            fault = Some(Fault::status(status, None));
        }
        self.announce(&arrival);
        let course = match fault {
            None => Course::Accept(Ending::Answer),
            Some(Fault::HangAfterAccepting) => Course::Accept(Ending::Hang),
            Some(Fault::Drip) => Course::Accept(Ending::Drip),
            Some(Fault::CloseAfterAccepting) => Course::Accept(Ending::Close),
            Some(Fault::StatusAfterAccepting(status)) => Course::Accept(Ending::Status(
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            )),
            Some(Fault::WrittenLater(seconds)) => Course::Accept(Ending::Later(seconds)),
            Some(Fault::HangBefore) => Course::Hang,
            Some(fault) => Course::Refuse(fault),
        };
        (arrival, course)
    }

    /// The requests that were answered long ago and are accepted only now.
    pub fn due(&self) -> Vec<Request<Body>> {
        let now = self.clock.now();
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let due = world.late.extract_if(.., |(at, ..)| *at <= now);
        due.map(|(_, parts, body)| Request::from_parts(parts, Body::from(body))).collect()
    }

    /// Announces that what the request asked for was done.
    pub fn accepted(&self, mut arrival: Arrival) {
        arrival.moment = Moment::Accepted;
        self.announce(&arrival);
    }

    fn announce(&self, arrival: &Arrival) {
        let hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for hook in hooks {
            hook(arrival);
        }
        // Nobody may be listening.
        let _ = self.arrivals.send(arrival.clone());
    }

    pub fn say(&self, name: &str, text: &str) -> Option<String> {
        let now = self.clock.now();
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, name) = world.channel(name)?;
        let ts = world.ts(now);
        let body = json!({ "user": "U0PERSON", "text": text });
        let id = format!("{id}/{ts}");
        world.posts.push(posted(Service::Slack, name, id.clone(), now, body));
        Some(id)
    }
}

/// A new post with nothing to it but its body.
pub(crate) fn posted(service: Service, place: String, id: String, at: Timestamp, body: Value) -> Posted {
    Posted {
        service,
        place,
        id,
        at,
        headers: BTreeMap::new(),
        body,
        raw: String::new(),
        edits: Vec::new(),
        deleted: false,
        only_for: None,
    }
}

/// The headers that may be shown.
pub(crate) fn shown(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .filter(|(name, _)| *name != http::header::AUTHORIZATION)
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}
