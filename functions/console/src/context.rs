//! What console is given by its environment.

use std::sync::Arc;

use dynamo::DynamoTable;
use firstlook_aws::{AwsEnv, SecretsManager};
use ports::{Clock, SystemClock};
use runtime::env::{EnvError, Reader as EnvReader, Vars};
use store::Reader;

use crate::Console;

/// Every variable that is read here, beside AWS's own ([`AwsEnv::NAMES`]).
pub const ENV: &[&str] = &["FIRSTLOOK_TABLE", "FIRSTLOOK_SECRET", "FIRSTLOOK_LINK_DAYS"];

/// Why the function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// The environment.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The AWS clients.
    #[error("the AWS clients cannot be built")]
    Aws(#[from] firstlook_aws::ConnectError),
}

/// Builds the handler on AWS from `vars`.
///
/// # Errors
/// [`ContextError`], with everything that is wrong with the environment at once.
pub fn from_vars(vars: &dyn Vars) -> Result<Console, ContextError> {
    let mut env = EnvReader::new(vars);
    let table = env.required("FIRSTLOOK_TABLE");
    let secret = env.required("FIRSTLOOK_SECRET");
    let link_days = env.parsed_or("FIRSTLOOK_LINK_DAYS", store::link::DAYS);
    let aws = AwsEnv::read(|name| vars.get(name)).map_err(|error| env.refuse("AWS", error)).ok();
    let (Some(table), Some(secret), Some(link_days), Some(aws)) = (table, secret, link_days, aws) else {
        return Err(env.problems().into());
    };
    let clients = firstlook_aws::connect(&aws)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ok(Console {
        reader: Reader::new(Arc::new(DynamoTable::new(&clients, table))),
        secrets: Arc::new(SecretsManager::new(clients.secrets_manager(), secret, Arc::clone(&clock))),
        clock,
        link_days,
    })
}

#[cfg(test)]
mod tests {
    use runtime::env::MapVars;

    use super::*;

    #[test]
    fn everything_that_is_missing_is_said_at_once() {
        let Err(ContextError::Env(error)) = from_vars(&MapVars::default()) else { panic!("it started with nothing") };
        assert_eq!(error.problems.len(), 3, "{error}");
    }
}
