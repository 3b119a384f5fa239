use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use domain::Secret;
use ports::{PortError, ReadSecret, SecretError};
use serde_json::{Map, Value};

use crate::LocalError;

/// What an environment variable says.
type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The secrets of the local world: one JSON object in a file that only its owner may read, a key each, whose value is a
/// text or, while a secret is being rotated, a list of texts with the current one first. The environment variable
/// `FIRSTLOOK_SECRET_<KEY>` (upper case, `_` for `-`) goes before the file. Nothing is cached.
#[derive(Clone)]
pub struct FileSecrets {
    path: PathBuf,
    environment: Environment,
}

impl FileSecrets {
    /// The secrets in the file at `path`, which need not exist, and in the process's environment.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::with_environment(path, |name| std::env::var(name).ok())
    }

    /// The same with another environment.
    #[must_use]
    pub fn with_environment(
        path: impl Into<PathBuf>,
        environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self { path: path.into(), environment: Arc::new(environment) }
    }

    /// The environment variable that goes before the file for `key`.
    #[must_use]
    pub fn variable(key: &str) -> String {
        format!("FIRSTLOOK_SECRET_{}", key.to_ascii_uppercase().replace('-', "_"))
    }

    /// Writes those of `secrets` whose key has no value yet, and says which. Blocks.
    ///
    /// # Errors
    /// [`LocalError::File`].
    pub fn add_missing(&self, secrets: &BTreeMap<&str, Secret>) -> Result<Vec<String>, LocalError> {
        let failed = |doing| move |source: io::Error| LocalError::File { doing, path: self.path.clone(), source };
        let mut object = read_file(&self.path).map_err(failed("read the secrets"))?;
        let mut added = Vec::new();
        for (key, secret) in secrets {
            if values(object.get(*key)).is_empty() && self.in_environment(key).is_none() {
                object.insert((*key).to_owned(), secret.expose().into());
                added.push((*key).to_owned());
            }
        }
        if !added.is_empty() {
            write_private(&self.path, &Value::Object(object)).map_err(failed("write the secrets"))?;
        }
        Ok(added)
    }

    fn in_environment(&self, key: &str) -> Option<Secret> {
        (self.environment)(&Self::variable(key)).filter(|value| !value.is_empty()).map(Secret::new)
    }
}

#[async_trait]
impl ReadSecret for FileSecrets {
    async fn read(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        if let Some(secret) = self.in_environment(key) {
            return Ok(vec![secret]);
        }
        let doing = || format!("read the secrets in {}", self.path.display());
        let path = self.path.clone();
        let object = match tokio::task::spawn_blocking(move || read_file(&path)).await {
            Ok(Ok(object)) => object,
            Ok(Err(error)) => return Err(PortError::permanent(doing(), error).into()),
            Err(stopped) => return Err(PortError::transient(doing(), stopped).into()),
        };
        let values = values(object.get(key));
        if values.is_empty() { Err(SecretError::Missing { key: key.to_owned() }) } else { Ok(values) }
    }

    async fn reread(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        self.read(key).await
    }
}

fn values(value: Option<&Value>) -> Vec<Secret> {
    let texts: Vec<&str> = match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    texts.into_iter().filter(|text| !text.is_empty()).map(Secret::new).collect()
}

/// The object in the file; an empty one when there is no file.
fn read_file(path: &Path) -> io::Result<Map<String, Value>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Map::new()),
        Err(error) => return Err(error),
    };
    refuse_shared(path)?;
    serde_json::from_slice(&text).map_err(|error| {
        // What serde_json says of a fault may quote the file; its place is enough to find it (I9).
        let (line, column) = (error.line(), error.column());
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("line {line}, column {column}: this is no JSON object of key and secret"),
        )
    })
}

#[cfg(unix)]
fn refuse_shared(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let reason = format!("others may read it: chmod 600 {}", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, reason))
}

#[cfg(not(unix))]
fn refuse_shared(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Writes beside the file and renames, so that nobody ever reads half of it.
fn write_private(path: &Path, value: &Value) -> io::Result<()> {
    use std::io::Write;
    let beside = path.with_extension(format!("{:x}.tmp", rand::random::<u64>()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&beside)?;
    file.write_all(format!("{value:#}\n").as_bytes())?;
    file.sync_all()?;
    drop(file);
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exposed(secrets: &[Secret]) -> Vec<&str> {
        secrets.iter().map(Secret::expose).collect()
    }

    #[tokio::test]
    async fn i1_a_text_is_one_live_value_and_a_list_is_current_and_previous() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.json");
        let value = serde_json::json!({"one": "a", "two": ["new", "old"], "empty": "", "none": []});
        write_private(&path, &value).unwrap();
        let secrets = FileSecrets::with_environment(&path, |_| None);
        assert_eq!(exposed(&secrets.read("one").await.unwrap()), ["a"]);
        assert_eq!(exposed(&secrets.reread("two").await.unwrap()), ["new", "old"]);
        for key in ["empty", "none", "unknown"] {
            assert!(matches!(secrets.read(key).await, Err(SecretError::Missing { .. })), "{key}");
        }
    }

    #[tokio::test]
    async fn the_environment_goes_before_the_file_and_no_file_is_no_secrets() {
        let secrets = FileSecrets::with_environment("/nowhere/secrets.json", |name| {
            (name == "FIRSTLOOK_SECRET_SLACK_BOT_TOKEN").then(|| "xoxb".to_owned())
        });
        assert_eq!(exposed(&secrets.read("slack-bot-token").await.unwrap()), ["xoxb"]);
        assert!(matches!(secrets.read("other").await, Err(SecretError::Missing { .. })));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn i9_a_file_that_others_may_read_is_refused_and_ours_is_not_such_a_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.json");
        let secrets = FileSecrets::with_environment(&path, |_| None);
        let wanted = BTreeMap::from([("console-link-key", Secret::new("k1"))]);
        assert_eq!(secrets.add_missing(&wanted).unwrap(), ["console-link-key"]);
        assert!(secrets.add_missing(&BTreeMap::from([("console-link-key", Secret::new("k2"))])).unwrap().is_empty());
        assert_eq!(exposed(&secrets.read("console-link-key").await.unwrap()), ["k1"]);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(secrets.read("console-link-key").await, Err(SecretError::Port(_))));
    }

    #[tokio::test]
    async fn i9_a_broken_file_is_reported_without_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.json");
        write_private(&path, &Value::Null).unwrap();
        fs::write(&path, "{\"a\": \"hunter2\" oops}").unwrap();
        let Err(error) = FileSecrets::with_environment(&path, |_| None).read("a").await else {
            panic!("a broken file was read")
        };
        let mut chain = format!("{error} {error:?}");
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            chain.push_str(&cause.to_string());
            source = cause.source();
        }
        assert!(chain.contains("line 1") && !chain.contains("hunter2"), "{chain}");
    }
}
