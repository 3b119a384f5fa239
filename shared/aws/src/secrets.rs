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

/// Secrets Manager has no current version of the secret: the id, the region or the account is another, or nothing was put
/// into it yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such secret, or it has no value yet")]
pub struct NoSuchSecret;

/// A failed call, which everybody who waited for it is told about.
#[derive(Clone)]
enum Failed {
    Aws(AwsError),
    Gone(NoSuchSecret),
    Content(&'static str),
}

impl Failed {
    fn into_port(self, id: &str) -> PortError {
        let doing = format!("read the secret `{id}`");
        match self {
            Self::Aws(error) => error.into_port(doing),
            Self::Gone(gone) => PortError::permanent(doing, gone),
            Self::Content(text) => PortError::permanent(doing, text),
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
            (_, Some(failed)) if called_since => return Err(failed.clone().into_port(&self.id)),
            (Some(versions), _) if just_called => return Ok(Arc::clone(versions)),
            _ => {}
        }
        let outcome = self.fetch().await.map(Arc::new);
        self.calls.fetch_add(1, Ordering::Release);
        state.called_at = Some(now);
        state.failed = outcome.as_ref().err().cloned();
        let versions = outcome.map_err(|failed| failed.into_port(&self.id))?;
        state.cached = Some((now, Arc::clone(&versions)));
        Ok(versions)
    }

    async fn fetch(&self) -> Result<Versions, Failed> {
        let (current, previous) = tokio::join!(self.version("AWSCURRENT"), self.version("AWSPREVIOUS"));
        let current = current?.ok_or(Failed::Gone(NoSuchSecret))?;
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex as StdMutex;

    use axum::{
        Json, Router, body::Bytes, extract::State as Shared, http::StatusCode, response::IntoResponse, routing::post,
    };
    use serde_json::json;

    use super::*;
    use crate::{AwsEnv, connect};

    /// Secrets Manager's side of `GetSecretValue`.
    #[derive(Default)]
    struct Store {
        stages: StdMutex<HashMap<String, String>>,
        broken: StdMutex<bool>,
        asked: AtomicU64,
        /// While somebody holds it, no call is answered.
        gate: Mutex<()>,
    }

    struct At(StdMutex<Timestamp>);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    struct World {
        store: Arc<Store>,
        clock: Arc<At>,
        secrets: Arc<SecretsManager>,
    }

    async fn answer(Shared(store): Shared<Arc<Store>>, asked: Bytes) -> impl IntoResponse {
        let asked: Value = serde_json::from_slice(&asked).unwrap();
        store.asked.fetch_add(1, Ordering::SeqCst);
        let _open = store.gate.lock().await;
        if *store.broken.lock().unwrap() {
            return (StatusCode::BAD_REQUEST, Json(json!({ "__type": "AccessDeniedException", "message": "no" })));
        }
        let stage = asked["VersionStage"].as_str().unwrap_or_default();
        match store.stages.lock().unwrap().get(stage) {
            Some(text) => (StatusCode::OK, Json(json!({ "Name": asked["SecretId"], "SecretString": text }))),
            None => (StatusCode::BAD_REQUEST, Json(json!({ "__type": "ResourceNotFoundException" }))),
        }
    }

    async fn world(stages: &[(&str, &str)]) -> World {
        let store = Arc::new(Store::default());
        *store.stages.lock().unwrap() =
            stages.iter().map(|(stage, text)| ((*stage).to_owned(), (*text).to_owned())).collect();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().route("/", post(answer)).with_state(Arc::clone(&store));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let env = AwsEnv::read(|name| match name {
            "AWS_REGION" => Some("eu-central-1".into()),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".into()),
            "AWS_ENDPOINT_URL" => Some(endpoint.clone()),
            _ => None,
        });
        let client = connect(&env.unwrap()).unwrap().secrets_manager();
        let clock = Arc::new(At(StdMutex::new(Timestamp::UNIX_EPOCH)));
        let secrets = Arc::new(SecretsManager::new(client, "firstlook", Arc::clone(&clock) as Arc<dyn Clock>));
        World { store, clock, secrets }
    }

    impl World {
        fn later(&self, seconds: i64) {
            *self.clock.0.lock().unwrap() += jiff::SignedDuration::from_secs(seconds);
        }

        /// The calls since the last time, counted as reads of both stages.
        fn reads(&self) -> u64 {
            self.store.asked.swap(0, Ordering::SeqCst) / 2
        }

        fn set(&self, stage: &str, text: &str) {
            self.store.stages.lock().unwrap().insert(stage.to_owned(), text.to_owned());
        }

        async fn read(&self, key: &str) -> Vec<String> {
            shown(self.secrets.read(key).await.unwrap())
        }

        async fn reread(&self, key: &str) -> Vec<String> {
            shown(self.secrets.reread(key).await.unwrap())
        }
    }

    fn shown(values: Vec<Secret>) -> Vec<String> {
        values.iter().map(|value| value.expose().to_owned()).collect()
    }

    #[tokio::test]
    async fn both_versions_are_live_until_the_next_rotation() {
        let world =
            world(&[("AWSCURRENT", r#"{"a":"new","b":"same"}"#), ("AWSPREVIOUS", r#"{"a":"old","b":"same"}"#)]).await;
        assert_eq!(world.read("a").await, ["new", "old"]);
        assert_eq!(world.read("b").await, ["same"]);
    }

    #[tokio::test]
    async fn what_was_read_is_used_for_five_minutes() {
        let world = world(&[("AWSCURRENT", r#"{"a":"1"}"#)]).await;
        assert_eq!(world.read("a").await, ["1"]);
        world.set("AWSCURRENT", r#"{"a":"2"}"#);
        world.later(299);
        assert_eq!(world.read("a").await, ["1"]);
        assert_eq!(world.reads(), 1);
        world.later(1);
        assert_eq!(world.read("a").await, ["2"]);
        assert_eq!(world.reads(), 1);
    }

    #[tokio::test]
    async fn i1_a_mismatch_reaches_the_store_at_most_once_in_30_seconds() {
        let world = world(&[("AWSCURRENT", r#"{"a":"1"}"#)]).await;
        assert_eq!(world.read("a").await, ["1"]);
        world.set("AWSCURRENT", r#"{"a":"2"}"#);
        world.later(29);
        assert_eq!(world.reread("a").await, ["1"], "read less than 30 s ago");
        world.later(1);
        assert_eq!(world.reread("a").await, ["2"]);
        for _ in 0..5 {
            assert_eq!(world.reread("a").await, ["2"]);
        }
        assert_eq!(world.reads(), 2);
    }

    #[tokio::test]
    async fn a_missing_or_empty_key_is_looked_for_once_more() {
        let world = world(&[("AWSCURRENT", r#"{"a":"1","empty":"","number":7}"#)]).await;
        for key in ["empty", "number", "b"] {
            assert!(matches!(world.secrets.read(key).await, Err(SecretError::Missing { .. })), "{key}");
        }
        assert_eq!(world.reads(), 1, "read less than 30 s ago");
        world.set("AWSCURRENT", r#"{"a":"1","b":"added"}"#);
        world.later(30);
        assert_eq!(world.read("b").await, ["added"]);
    }

    #[tokio::test]
    async fn readers_at_the_same_time_share_one_call_and_its_failure() {
        let world = world(&[("AWSCURRENT", r#"{"a":"1"}"#)]).await;
        for broken in [true, false] {
            *world.store.broken.lock().unwrap() = broken;
            let closed = world.store.gate.lock().await;
            let readers: Vec<_> = (0..10)
                .map(|_| {
                    let secrets = Arc::clone(&world.secrets);
                    tokio::spawn(async move { secrets.read("a").await.is_ok() })
                })
                .collect();
            // Both stages are asked for, and meanwhile every reader has come.
            let come = async {
                while world.store.asked.load(Ordering::SeqCst) < 2 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), come).await.unwrap();
            drop(closed);
            for reader in readers {
                assert_eq!(reader.await.unwrap(), !broken);
            }
            assert_eq!(world.reads(), 1);
        }
    }

    #[tokio::test]
    async fn i9_what_cannot_be_read_is_not_quoted() {
        let world = world(&[("AWSCURRENT", "hunter2")]).await;
        let error = world.secrets.read("a").await.unwrap_err();
        let shown = format!("{error:?} {error}");
        assert!(shown.contains("not a JSON object") && !shown.contains("hunter2"), "{shown}");
    }

    #[tokio::test]
    async fn a_refused_call_is_permanent_and_says_why() {
        let world = world(&[]).await;
        *world.store.broken.lock().unwrap() = true;
        let Err(SecretError::Port(error)) = world.secrets.read("a").await else { panic!("it was read") };
        assert!(!error.is_transient());
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(source, "AWS answered 400 AccessDeniedException: no");
    }
}
