//! The console Lambda function.

use std::sync::Arc;

use runtime::env::ProcessVars;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::telemetry::init(&ProcessVars);
    let handler = console::context::from_vars(&ProcessVars)?;
    runtime::run_http(Arc::new(handler)).await
}
