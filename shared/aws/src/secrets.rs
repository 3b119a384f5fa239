use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_secretsmanager::{Client, operation::get_secret_value::GetSecretValueError};
use domain::Secret;
use jiff::Timestamp;
use ports::{Clock, PortError, ReadSecret, SecretError};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::AwsError;

/// How long what was read is used.
const FRESH: Duration = Duration::from_secs(300);
/// How long after a call no reread makes another: whoever sends bad signatures must not be able to make us call AWS
/// for each of them.
const REREAD: Duration = Duration::from_secs(30);

/// One Secrets Manager secret whose text is a JSON object with a key for each secret. A rotation keeps the previous
/// version alive: both `AWSCURRENT` and `AWSPREVIOUS` are read, so both signatures are accepted until the next one.
pub struct SecretsManager {
    client: Client,
    id: String,
    clock: Arc<dyn Clock>,
    calls: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When the newest call was made, whatever came of it.
    called_at: Option<Timestamp>,
    /// What the newest good call brought, and when.
    cached: Option<(Timestamp, Arc<Versions>)>,
    /// What the newest call said, if it failed.
    failed: Option<Failed>,
}

/// What both versions hold.
struct Versions {
    current: HashMap<String, Secret>,
    previous: HashMap<String, Secret>,
}

impl Versions {
    fn values(&self, key: &str) -> Option<Vec<Secret>> {
        let current = self.current.get(key)?;
        let previous = self.previous.get(key).filter(|previous| !previous.matches(current.expose()));
        Some(std::iter::once(current).chain(previous).cloned().collect())
    }
}

/// A failed call, which everybody who waited for it is told about.
#[derive(Clone)]
enum Failed {
    Aws(AwsError),
    Content(&'static str),
}

impl From<Failed> for PortError {
    fn from(failed: Failed) -> Self {
        let doing = "read the secret";
        match failed {
            Failed::Aws(error) => error.into_port(doing),
            Failed::Content(text) => Self::permanent(doing, text),
        }
    }
}

/// How old an answer may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Cached,
    Newest,
}

impl SecretsManager {
    /// The secret `id` (its ARN or name).
    #[must_use]
    pub fn new(client: Client, id: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self { client, id: id.into(), clock, calls: AtomicU64::new(0), state: Mutex::new(State::default()) }
    }

    async fn values(&self, key: &str, wanted: Wanted) -> Result<Vec<Secret>, SecretError> {
        if let Some(values) = self.versions(wanted).await?.values(key) {
            return Ok(values);
        }
        // It may have been added since.
        let newest = self.versions(Wanted::Newest).await?;
        newest.values(key).ok_or_else(|| SecretError::Missing { key: key.to_owned() })
    }

    async fn versions(&self, wanted: Wanted) -> Result<Arc<Versions>, PortError> {
        let calls_when_asked = self.calls.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        // A clock that was set back makes ages negative: that is young.
        let younger =
            |at: Timestamp, limit: Duration| Duration::try_from(now.duration_since(at)).map_or(true, |age| age < limit);
        let called_since = self.calls.load(Ordering::Acquire) != calls_when_asked;
        let just_called = called_since || state.called_at.is_some_and(|at| younger(at, REREAD));
        let cached = state.cached.as_ref().filter(|(at, _)| younger(*at, FRESH)).map(|(_, versions)| versions);
        match (cached, &state.failed) {
            (Some(versions), _) if wanted == Wanted::Cached => return Ok(Arc::clone(versions)),
            (_, Some(failed)) if called_since => return Err(failed.clone().into()),
            (Some(versions), _) if just_called => return Ok(Arc::clone(versions)),
            _ => {}
        }
        let outcome = self.fetch().await.map(Arc::new);
        self.calls.fetch_add(1, Ordering::Release);
        state.called_at = Some(now);
        state.failed = outcome.as_ref().err().cloned();
        let versions = outcome?;
        state.cached = Some((now, Arc::clone(&versions)));
        Ok(versions)
    }

    async fn fetch(&self) -> Result<Versions, Failed> {
        let (current, previous) = tokio::join!(self.version("AWSCURRENT"), self.version("AWSPREVIOUS"));
        let current = current?.ok_or(Failed::Content("there is no such secret, or it has no value yet"))?;
        Ok(Versions { current, previous: previous?.unwrap_or_default() })
    }

    /// The keys of one version, or nothing where there is none: a secret that was never rotated has no previous one.
    async fn version(&self, stage: &str) -> Result<Option<HashMap<String, Secret>>, Failed> {
        let answer = match self.client.get_secret_value().secret_id(&self.id).version_stage(stage).send().await {
            Ok(answer) => answer,
            Err(error) => {
                return match error.as_service_error() {
                    Some(GetSecretValueError::ResourceNotFoundException(_)) => Ok(None),
                    _ => Err(Failed::Aws(error.into())),
                };
            }
        };
        let text = answer.secret_string.ok_or(Failed::Content("it is binary; it must be a JSON object"))?;
        parse(&text).map(Some)
    }
}

/// The keys with text that is not empty.
fn parse(text: &str) -> Result<HashMap<String, Secret>, Failed> {
    // What serde_json says about the mistake could quote the secret.
    let object: Map<String, Value> =
        serde_json::from_str(text).map_err(|_| Failed::Content("its value is not a JSON object"))?;
    let texts = object.into_iter().filter_map(|(key, value)| match value {
        Value::String(value) if !value.is_empty() => Some((key, Secret::new(value))),
        _ => None,
    });
    Ok(texts.collect())
}

#[async_trait]
impl ReadSecret for SecretsManager {
    async fn read(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        self.values(key, Wanted::Cached).await
    }

    async fn reread(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        self.values(key, Wanted::Newest).await
    }
}

impl fmt::Debug for SecretsManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretsManager").field("id", &self.id).finish_non_exhaustive()
    }
}
