use std::path::PathBuf;

use domain::Secret;

/// What AWS's own environment variables say, under the names that Lambda sets and the AWS tools read.
#[derive(Debug, Clone)]
pub struct AwsEnv {
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Secret,
    /// `AWS_SESSION_TOKEN`; temporary credentials, such as a function's, have one.
    pub session_token: Option<Secret>,
    /// `AWS_ENDPOINT_URL`: where every service is called instead of AWS's own hosts. Plain `http` is allowed, for
    /// emulators.
    pub endpoint_url: Option<String>,
    /// `AWS_CA_BUNDLE`: a PEM file whose roots are trusted instead of the embedded ones.
    pub ca_bundle: Option<PathBuf>,
}

/// Why there is no [`AwsEnv`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not set: {}", .missing.join(", "))]
pub struct AwsEnvError {
    /// The variables that are missing or empty, all of them.
    pub missing: Vec<&'static str>,
}

impl AwsEnv {
    /// The variables that [`AwsEnv::read`] asks for.
    pub const NAMES: [&'static str; 7] = [
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL",
        "AWS_CA_BUNDLE",
    ];

    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`AwsEnvError`] with everything that is missing.
    pub fn from_process() -> Result<Self, AwsEnvError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads from anything that answers like the environment. What is set to nothing counts as not set.
    ///
    /// # Errors
    /// [`AwsEnvError`] with everything that is missing.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, AwsEnvError> {
        let lookup = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let mut missing = Vec::new();
        let mut required = |name: &'static str, value: Option<String>| {
            if value.is_none() {
                missing.push(name);
            }
            value.unwrap_or_default()
        };
        let region = required("AWS_REGION", lookup("AWS_REGION").or_else(|| lookup("AWS_DEFAULT_REGION")));
        let access_key_id = required("AWS_ACCESS_KEY_ID", lookup("AWS_ACCESS_KEY_ID"));
        let secret_access_key = Secret::new(required("AWS_SECRET_ACCESS_KEY", lookup("AWS_SECRET_ACCESS_KEY")));
        if !missing.is_empty() {
            return Err(AwsEnvError { missing });
        }
        Ok(Self {
            region,
            access_key_id,
            secret_access_key,
            session_token: lookup("AWS_SESSION_TOKEN").map(Secret::new),
            endpoint_url: lookup("AWS_ENDPOINT_URL"),
            ca_bundle: lookup("AWS_CA_BUNDLE").map(PathBuf::from),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<AwsEnv, AwsEnvError> {
        let map: HashMap<&str, &str> = pairs.iter().copied().collect();
        AwsEnv::read(|name| map.get(name).map(ToString::to_string))
    }

    #[test]
    fn everything_missing_is_said_at_once() {
        let error = read(&[("AWS_REGION", "")]).unwrap_err();
        assert_eq!(error.to_string(), "not set: AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY");
    }

    #[test]
    fn i9_the_environment_does_not_print_its_secrets() {
        let env = read(&[
            ("AWS_DEFAULT_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "hunter2"),
            ("AWS_SESSION_TOKEN", "token3"),
        ])
        .unwrap();
        assert_eq!(env.region, "eu-central-1");
        assert_eq!(env.session_token.as_ref().unwrap().expose(), "token3");
        let shown = format!("{env:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("token3"), "{shown}");
    }
}
