//! Requests to a provider that takes a key out of the secret.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::Secret;
use http::{HeaderValue, StatusCode};
use ports::ReadSecret;
use reqwest::RequestBuilder;
use url::Url;

use crate::{
    OutletError,
    http::{Answer, Http, newer_secret, read_secret, secret_header},
    setup::Unread,
};

/// A client with its key.
pub(crate) struct Keyed {
    http: Http,
    secrets: Arc<dyn ReadSecret>,
    name: String,
    key: Secret,
}

impl Keyed {
    /// Reads the key that stands as `name` in the secret.
    pub async fn open(http: Http, secrets: Arc<dyn ReadSecret>, name: &str) -> Result<Self, OutletError> {
        let live = read_secret(secrets.as_ref(), name).await?;
        let key = live.into_iter().next().unwrap_or_else(|| Secret::new(""));
        Ok(Self::with(http, secrets, name, key))
    }

    /// With a key that was read already.
    pub fn with(http: Http, secrets: Arc<dyn ReadSecret>, name: &str, key: Secret) -> Self {
        Self { http, secrets, name: name.to_owned(), key }
    }

    /// What the key is called in the secret.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends to `url`; with a newer key if there is one and the first is no longer taken. `once`: it must not be done
    /// twice.
    pub async fn send(
        &self,
        url: &Url,
        once: bool,
        request: impl Fn(&Http, &Secret) -> Result<RequestBuilder, OutletError>,
    ) -> Result<Answer, OutletError> {
        let send = async |key: &Secret| {
            let sent = self.http.send(request(&self.http, key)?, url).await;
            sent.map_err(|lost| if once { lost.once() } else { lost.repeatable() })
        };
        let answer = send(&self.key).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        match newer_secret(self.secrets.as_ref(), &self.name, &self.key).await? {
            Some(newer) => send(&newer).await,
            None => Ok(answer),
        }
    }

    /// Asks `url` something that changes nothing, once and with the key that was read.
    pub async fn read(
        &self,
        url: &Url,
        request: impl Fn(&Http, &Secret) -> Result<RequestBuilder, OutletError>,
    ) -> Result<Answer, Unread> {
        Ok(self.http.send(request(&self.http, &self.key)?, url).await?)
    }

    /// `text`, which holds the key, as the value of a header that is never shown.
    pub fn header(&self, text: String) -> Result<HeaderValue, OutletError> {
        secret_header(&self.name, text)
    }

    /// `Basic ...` of a key that is `user:password`.
    pub fn basic(&self, key: &Secret) -> Result<HeaderValue, OutletError> {
        let login = key.expose();
        if !login.contains(':') {
            return Err(OutletError::permanent(format!("`{}` in the secret must be `user:password`", self.name)));
        }
        self.header(format!("Basic {}", STANDARD.encode(login)))
    }
}
