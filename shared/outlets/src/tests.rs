//! The outlets as a whole: how each renders the same runs, and what it makes of what the providers answer.

mod common;
mod email;
mod every;
mod extremes;
mod pagerduty;
mod previewed;
mod rendering;
mod setup;
mod slack;
mod tickets;
mod views;
mod webhook;
mod words;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use awscall::{Aws, AwsOptions};
use domain::{OutletSpec, Secret, Shown, Target};
use inbox::Inbox;
use jiff::Timestamp;
use ports::{Clock, Entropy, PortError, ReadSecret, SecretError};

use crate::{OpenOutlet, Outlet, OutletError, Outlets, Post, Settings};

/// 2027-01-15 08:00:05 UTC, five seconds after the runs of `views` were opened.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_005).unwrap()
}

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        now()
    }
}

impl Entropy for Fixed {
    fn random(&self) -> u128 {
        7
    }
}

/// Keys in a map; `newer` is what the store has by now, past the cache.
#[derive(Default)]
struct Keys {
    cached: BTreeMap<&'static str, Vec<&'static str>>,
    newer: Mutex<BTreeMap<&'static str, Vec<&'static str>>>,
    broken: bool,
}

#[async_trait]
impl ReadSecret for Keys {
    async fn read(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        if self.broken {
            return Err(PortError::permanent("read the secret", "access denied").into());
        }
        let live = self.cached.get(key).ok_or_else(|| SecretError::Missing { key: key.to_owned() })?;
        Ok(live.iter().map(|text| Secret::new(*text)).collect())
    }

    async fn reread(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        let newer = self.newer.lock().unwrap().get(key).cloned();
        match newer {
            Some(live) => Ok(live.into_iter().map(Secret::new).collect()),
            None => self.read(key).await,
        }
    }
}

pub(crate) const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn keys() -> Keys {
    let cached = [
        (crate::slack::TOKEN_KEY, vec!["xoxb-1"]),
        (crate::pagerduty::API_KEY, vec!["pd-key-1"]),
        ("hook-key", vec![SIGNING]),
        ("bad-key", vec!["whsec_c2hvcnQ="]),
    ];
    Keys { cached: cached.into(), ..Keys::default() }
}

async fn inbox() -> Inbox {
    Inbox::start("127.0.0.1:0".parse().unwrap(), Arc::new(Fixed)).await.unwrap()
}

fn settings(inbox: &Inbox) -> Settings {
    Settings {
        slack_api: inbox.slack_api().parse().unwrap(),
        pagerduty_api: inbox.pagerduty_api().parse().unwrap(),
        inbox: None,
    }
}

async fn open(inbox: &Inbox, keys: Keys, spec: &OutletSpec) -> Result<Box<dyn Outlet>, OutletError> {
    Outlets::new(settings(inbox), Arc::new(keys)).unwrap().with_aws(aws(&inbox.ses())).open(spec).await
}

/// The way to an SES at `endpoint`.
fn aws(endpoint: &str) -> Aws {
    let keys = awscall::Keys {
        access_key_id: "AKIAEXAMPLE".to_owned(),
        secret_access_key: Secret::new("aws-secret"),
        session_token: None,
        expires: None,
    };
    let mut options = AwsOptions::new("eu-central-1", Arc::new(keys), Arc::new(Fixed), Arc::new(Fixed));
    options.endpoint = Some(endpoint.parse().unwrap());
    Aws::new(options).unwrap()
}

const LINK: &str = "https://console.example.com/runs/run_x?exp=1&sig=a_b";

const PREVIOUS: &str = "https://console.example.com/runs/run_w?exp=1&sig=c_d";

fn post<'a>(view: &'a Shown, target: &'a Target) -> Post<'a> {
    let previous = view.run.previous.as_ref().map(|_| PREVIOUS);
    Post { view, target, words: None, link: Some(LINK), previous, now: now() }
}
