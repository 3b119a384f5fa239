//! The links that a delivery has.

use domain::Run;
use jiff::{SignedDuration, Timestamp};
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
    /// The links to the pages of the run and of the look before it. They are the same in every delivery of the run.
    pub(crate) async fn links(&self, run: &Run) -> Result<Links, OutletError> {
        let Some(base) = &self.console_url else { return Ok(Links::default()) };
        let days = SignedDuration::from_hours(24 * i64::from(self.link_days));
        let expires = run.created_at.checked_add(days).unwrap_or(Timestamp::MAX);
        match self.secrets.read(LINK_KEY).await {
            Ok(keys) => {
                let to = |id| keys.first().map(|key| link::sign(base, Scope::Run(id), expires, key));
                let previous = run.previous.as_ref().and_then(|last| to(last.id));
                Ok(Links { run: to(run.id), previous })
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
