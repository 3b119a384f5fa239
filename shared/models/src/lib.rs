//! The models that read evidence: [`Models`] asks a catalog's Models through the API of their provider.
//!
//! A provider is one module of two pure functions, from a [`Turn`] to the JSON that is sent and from the JSON that comes
//! back to an [`Answered`]. What all share is beside them: the conversation in the order that every API takes
//! (`said.rs`), the request and what its status means (`ask.rs`, `fault.rs`).

mod anthropic;
mod ask;
mod bedrock;
mod check;
mod fault;
mod openai;
mod said;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use async_trait::async_trait;
use awscall::Aws;
use catalog::{
    Catalog,
    model::{Model, Provider},
};
use domain::Name;
use engine::model::{Answered, AskModel, ModelError, Turn};
use net::AddressPolicy;
use ports::{Clock, ReadSecret};
use tokio::time::timeout;
use url::Url;

use ask::Http;

pub use ask::ANSWER_CAP;

/// What the models are given.
#[derive(Clone)]
pub struct ModelsOptions {
    /// The API keys.
    pub secrets: Arc<dyn ReadSecret>,
    /// The time, for a `Retry-After` that is a date.
    pub clock: Arc<dyn Clock>,
    /// The way to Bedrock; none where there are no credentials.
    pub aws: Option<Aws>,
    /// A PEM file of certificate authorities to trust besides the public ones.
    pub extra_ca: Option<std::path::PathBuf>,
}

/// Why there are no models.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// The HTTP client.
    #[error(transparent)]
    Client(#[from] net::ClientError),
}

/// Asks the Models of a catalog.
pub struct Models {
    models: BTreeMap<Name, Model>,
    http: Http,
    aws: Option<Aws>,
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Models").field("models", &self.models.keys()).finish_non_exhaustive()
    }
}

impl Models {
    /// The Models of `catalog`. The hosts in their URLs may be reached, and no others that must be named; what a Model names
    /// is not opened to Tasks.
    ///
    /// # Errors
    /// [`ModelsError`].
    pub fn new(catalog: &Catalog, options: ModelsOptions) -> Result<Self, ModelsError> {
        let policy = AddressPolicy::new(named_hosts(catalog));
        let aws = options.aws.clone();
        Ok(Self { models: catalog.models.clone(), http: Http::new(policy, options)?, aws })
    }

    async fn answer(&self, model: &Model, turn: &Turn<'_>) -> Result<Answered, ModelError> {
        match model.provider {
            Provider::Anthropic => anthropic::ask(&self.http, model, turn).await,
            Provider::Openai => openai::ask(&self.http, model, turn).await,
            Provider::Bedrock => bedrock::ask(self.aws.as_ref(), model, turn).await,
        }
    }
}

#[async_trait]
impl AskModel for Models {
    async fn ask(&self, turn: &Turn<'_>) -> Result<Answered, ModelError> {
        let Some(model) = self.models.get(turn.model) else {
            let reason = format!("the catalog has no Model `{}`", turn.model);
            return Err(ModelError::Permanent { reason, may_cost: false });
        };
        match timeout(turn.within, self.answer(model, turn)).await {
            Ok(answer) => answer,
            Err(_) => Err(ModelError::Transient {
                reason: format!("the model `{}` did not answer within {:.0?}", model.name, turn.within),
                retry_after: None,
                may_cost: true,
            }),
        }
    }
}

/// The hosts of the Models' URLs, sorted, without doubles.
fn named_hosts(catalog: &Catalog) -> BTreeSet<String> {
    let urls = catalog.models.values().filter_map(|model| model.url.as_deref()?.parse::<Url>().ok());
    urls.filter_map(|url| url.host_str().map(str::to_owned)).collect()
}
