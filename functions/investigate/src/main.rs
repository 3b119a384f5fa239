//! The investigate Lambda function.

use std::sync::Arc;

use ports::{Queue, SystemClock};
use runtime::env::ProcessVars;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::telemetry::init(&ProcessVars);
    let handler = investigate::context::from_vars(&ProcessVars).inspect_err(|error| {
        tracing::error!(error = ports::chain(error), "investigate cannot start");
    })?;
    runtime::run_messages(Queue::Investigate, Arc::new(handler), Arc::new(SystemClock)).await
}
