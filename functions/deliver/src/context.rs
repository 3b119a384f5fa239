//! What deliver is given by its environment.

use std::{sync::Arc, time::Duration};

use awscall::{Aws, AwsOptions, Keys};
use dynamo::DynamoTable;
use firstlook_aws::{AwsEnv, SecretsManager, SqsQueues};
use outlets::{Outlets, Settings};
use ports::{Clock, Entropy, OsEntropy, Queue, ReadSecret, SystemClock};
use runtime::env::{EnvError, Reader, Vars};
use store::Store;
use url::Url;

use crate::{CatalogNow, Deliver};

/// Every variable that is read here, beside AWS's own ([`AwsEnv::NAMES`]).
pub const ENV: &[&str] = &[
    "FIRSTLOOK_CATALOG",
    "FIRSTLOOK_SECRET",
    "FIRSTLOOK_TABLE",
    "FIRSTLOOK_DELIVER_QUEUE",
    "FIRSTLOOK_DELIVER_DLQ",
    "FIRSTLOOK_CONSOLE_URL",
    "FIRSTLOOK_LINK_DAYS",
    "FIRSTLOOK_LEASE_SECONDS",
    "FIRSTLOOK_MAX_RECEIVES",
    "FIRSTLOOK_SLACK_API",
    "FIRSTLOOK_PAGERDUTY_API",
];

/// Slack's own address.
pub const SLACK_API: &str = "https://slack.com/api";

/// PagerDuty's own address, outside its EU region.
pub const PAGERDUTY_API: &str = "https://api.pagerduty.com";

/// Why the function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// The environment.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The AWS clients.
    #[error("the AWS clients cannot be built")]
    Aws(#[from] firstlook_aws::ConnectError),
    /// Where the emulator is.
    #[error("AWS_ENDPOINT_URL is not a URL")]
    Endpoint(#[source] url::ParseError),
    /// The outlets.
    #[error("the outlets cannot be built")]
    Outlets(#[from] outlets::ClientError),
}

/// The way to SES, with the function's own keys.
///
/// # Errors
/// [`ContextError`].
pub fn way_to_ses(env: &AwsEnv, clock: &Arc<dyn Clock>) -> Result<Aws, ContextError> {
    let keys = Keys {
        access_key_id: env.access_key_id.clone(),
        secret_access_key: env.secret_access_key.clone(),
        session_token: env.session_token.clone(),
        expires: None,
    };
    let mut options = AwsOptions::new(&env.region, Arc::new(keys), Arc::clone(clock), Arc::new(OsEntropy));
    options.endpoint = env.endpoint_url.as_deref().map(str::parse).transpose().map_err(ContextError::Endpoint)?;
    options.extra_ca.clone_from(&env.ca_bundle);
    Ok(Aws::new(options)?)
}

/// Builds the handler on AWS from `vars`.
///
/// # Errors
/// [`ContextError`], with everything that is wrong with the environment at once.
pub fn from_vars(vars: &dyn Vars) -> Result<Deliver, ContextError> {
    let mut env = Reader::new(vars);
    let catalog = env.or("FIRSTLOOK_CATALOG", "/var/task/catalog.json");
    let secret = env.required("FIRSTLOOK_SECRET");
    let table = env.required("FIRSTLOOK_TABLE");
    let queue = env.required("FIRSTLOOK_DELIVER_QUEUE");
    let letters = env.required("FIRSTLOOK_DELIVER_DLQ");
    let console_url = env.optional("FIRSTLOOK_CONSOLE_URL");
    let link_days = env.parsed_or("FIRSTLOOK_LINK_DAYS", store::link::DAYS);
    let lease = env.parsed_or("FIRSTLOOK_LEASE_SECONDS", 30_u64);
    let max_receives = env.parsed_or("FIRSTLOOK_MAX_RECEIVES", 10_u32);
    let slack_api = base(&mut env, "FIRSTLOOK_SLACK_API", SLACK_API);
    let pagerduty_api = base(&mut env, "FIRSTLOOK_PAGERDUTY_API", PAGERDUTY_API);
    let aws = AwsEnv::read(|name| vars.get(name)).map_err(|error| env.refuse("AWS", error)).ok();
    let (
        Some(secret),
        Some(table),
        Some(queue),
        Some(letters),
        Some(link_days),
        Some(lease),
        Some(max_receives),
        Some(slack_api),
        Some(pagerduty_api),
        Some(aws),
    ) = (secret, table, queue, letters, link_days, lease, max_receives, slack_api, pagerduty_api, aws)
    else {
        return Err(env.problems().into());
    };
    let clients = firstlook_aws::connect(&aws)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let secrets: Arc<dyn ReadSecret> =
        Arc::new(SecretsManager::new(clients.secrets_manager(), secret, Arc::clone(&clock)));
    let outlets = Outlets::new(Settings { slack_api, pagerduty_api, inbox: None }, Arc::clone(&secrets))?;
    let outlets = Arc::new(outlets.with_aws(way_to_ses(&aws, &clock)?));
    let table = Arc::new(DynamoTable::new(&clients, table));
    let queues = Arc::new(SqsQueues::new(clients.sqs(), [(Queue::Deliver, queue), (Queue::DeliverDlq, letters)]));
    Ok(Deliver {
        store: Store::new(table, Arc::clone(&clock), Arc::clone(&entropy)),
        catalog: Arc::new(CatalogNow::at(catalog)),
        outlets: Arc::clone(&outlets) as Arc<_>,
        chat: outlets,
        sender: Arc::clone(&queues) as Arc<_>,
        retimer: queues,
        secrets,
        clock,
        entropy,
        // Below this a delivery would not have the time for one slow answer.
        lease: Duration::from_secs(lease.max(2)),
        max_receives,
        lands: crate::LANDS,
        console_url,
        link_days,
    })
}

/// The base of an API: an `http` or `https` URL.
fn base(env: &mut Reader<'_>, name: &str, default: &str) -> Option<Url> {
    match env.or(name, default).parse::<Url>() {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Some(url),
        _ => {
            env.refuse(name, "is not an http or https URL");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use runtime::env::MapVars;

    use super::*;

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let vars = MapVars::from([("FIRSTLOOK_SLACK_API", "slack.com/api"), ("FIRSTLOOK_LINK_DAYS", "many")]);
        let Err(ContextError::Env(error)) = from_vars(&vars) else { panic!("it started with nothing") };
        assert_eq!(error.problems.len(), 7, "{error}");
        assert!(!error.to_string().contains("many"), "{error}");
    }

    #[test]
    fn it_starts_without_calling_anything() {
        let vars = MapVars::from([
            ("FIRSTLOOK_SECRET", "firstlook"),
            ("FIRSTLOOK_TABLE", "firstlook"),
            ("FIRSTLOOK_DELIVER_QUEUE", "https://sqs.example/1/deliver"),
            ("FIRSTLOOK_DELIVER_DLQ", "https://sqs.example/1/deliver-dlq"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "key"),
        ]);
        let deliver = from_vars(&vars).map_err(|error| error.to_string()).unwrap();
        assert_eq!((deliver.lease, deliver.link_days, deliver.console_url), (Duration::from_secs(30), 30, None));
    }
}
