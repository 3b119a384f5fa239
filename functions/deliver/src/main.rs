//! The deliver Lambda function.

use std::sync::Arc;

use ports::{Queue, SystemClock};
use runtime::env::ProcessVars;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::telemetry::init(&ProcessVars);
    let handler = deliver::context::from_vars(&ProcessVars).inspect_err(|error| {
        tracing::error!(error = ports::chain(error), "deliver cannot start");
    })?;
    runtime::run_messages(Queue::Deliver, Arc::new(handler), Arc::new(SystemClock)).await
}
