//! The ingest Lambda function.

use std::sync::Arc;

use ingest::context::Context;
use runtime::env::ProcessVars;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::telemetry::init(&ProcessVars);
    let context = Context::from_vars(&ProcessVars).inspect_err(|error| {
        tracing::error!(error = ports::chain(error), "ingest cannot start");
    })?;
    context.warm_up().await;
    runtime::run_http_and_alarms(Arc::new(context.ingest)).await
}
