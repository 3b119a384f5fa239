//! The links that a delivery has.

use domain::Run;
use outlets::OutletError;
use ports::SecretError;
use store::link::{self, Scope};

use crate::Deliver;

/// The key of the links to the console in the secret.
pub const LINK_KEY: &str = "console-link-key";

/// Where a delivery leads to.
#[derive(Default)]
pub(crate) struct Links {
    pub(crate) run: Option<String>,
    pub(crate) previous: Option<String>,
}

impl Deliver {
    /// The links to the pages of the run and of the look before it, which was of the same Workflow. Each ends so long after its own
    /// run was opened, so they are the same in every delivery of the run, and no later look gives an older one a longer life.
    pub(crate) async fn links(&self, run: &Run) -> Result<Links, OutletError> {
        let Some(base) = &self.console_url else { return Ok(Links::default()) };
        match self.secrets.read(LINK_KEY).await {
            Ok(keys) => {
                let to = |id, opened_at| {
                    let key = keys.first()?;
                    Some(link::sign(base, Scope::Run(id), link::ends(opened_at, self.link_days), key))
                };
                let previous = run.previous.as_ref().and_then(|last| to(last.id, last.created_at));
                Ok(Links { run: to(run.id, run.created_at), previous })
            }
            // Whoever is on call needs the findings more than the link.
            Err(missing @ SecretError::Missing { .. }) => {
                tracing::warn!(run = %run.id, reason = missing.to_string(), "delivered without a link");
                Ok(Links::default())
            }
            Err(SecretError::Port(error)) => {
                Err(OutletError::Transient { reason: error.to_string(), retry_after: None })
            }
        }
    }
}
