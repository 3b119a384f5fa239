//! The log: JSON lines on standard output, as CloudWatch and Lambda's own level filter read them.
//!
//! Lambda's filter needs `level` and an RFC 3339 `timestamp` on each line. The fields of an event stand beside them, the
//! fields of the spans around it (the request, the run) under `spans`.

use std::{io, panic::PanicHookInfo};

use tracing::Level;
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    fmt::MakeWriter,
    layer::SubscriberExt,
};

use crate::env::Vars;

/// The targets that `AWS_LAMBDA_LOG_LEVEL` may open beyond `INFO`. What libraries say at `DEBUG` and `TRACE` holds
/// headers and bodies, so it is never logged (I9).
const OURS: [&str; 5] = ["firstlook", "ingest", "investigate", "deliver", "console"];

/// Starts the log of this process: level from `AWS_LAMBDA_LOG_LEVEL`, else from `RUST_LOG` (one level, no filters), else
/// `INFO`. Panics are logged as one line too. A second call changes nothing.
pub fn init(vars: &dyn Vars) {
    let subscriber = subscriber(level(vars), io::stdout);
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
}

fn level(vars: &dyn Vars) -> LevelFilter {
    let named = |name: &str| {
        let level = match vars.get(name)?.trim().to_ascii_lowercase().as_str() {
            "off" => LevelFilter::OFF,
            "fatal" | "error" => LevelFilter::ERROR,
            "warn" => LevelFilter::WARN,
            "info" => LevelFilter::INFO,
            "debug" => LevelFilter::DEBUG,
            "trace" => LevelFilter::TRACE,
            _ => return None,
        };
        Some(level)
    };
    named("AWS_LAMBDA_LOG_LEVEL").or_else(|| named("RUST_LOG")).unwrap_or(LevelFilter::INFO)
}

fn subscriber<W>(level: LevelFilter, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::from_level(Level::INFO)))
        .with_targets(OURS.map(|target| (target, level)));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_writer(writer)
        .with_filter(targets);
    Registry::default().with(lines)
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    let said = panic.payload_as_str().unwrap_or_default();
    tracing::error!(target: "firstlook_runtime", at, said, "panicked");
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::env::MapVars;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: LevelFilter, say: impl FnOnce()) -> Vec<serde_json::Value> {
        let lines = Lines::default();
        let writer = lines.clone();
        tracing::subscriber::with_default(subscriber(level, move || writer.clone()), say);
        let bytes = lines.0.lock().unwrap().clone();
        bytes
            .split(|byte| *byte == b'\n')
            .filter(|l| !l.is_empty())
            .map(|l| serde_json::from_slice(l).unwrap())
            .collect()
    }

    #[test]
    fn a_line_has_what_lambda_filters_by_and_the_fields_of_its_spans() {
        let lines = logged(LevelFilter::INFO, || {
            let _run = tracing::info_span!("run", run = "run_01").entered();
            tracing::warn!(target: "firstlook_engine", task = "health", "slow");
        });
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        assert!(line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "slow");
        assert_eq!(line["task"], "health");
        assert_eq!(line["spans"][0]["run"], "run_01");
    }

    #[test]
    fn i9_libraries_are_never_heard_below_info() {
        let lines = logged(LevelFilter::TRACE, || {
            tracing::debug!(target: "hyper", "authorization: Bearer hunter2");
            tracing::debug!(target: "firstlook_store", "ours");
            tracing::info!(target: "hyper", "listening");
        });
        let said: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
        assert_eq!(said, ["ours", "listening"]);
    }

    #[test]
    fn the_level_comes_from_lambda_first() {
        let vars = |pairs| level(&MapVars::from(pairs));
        assert_eq!(vars([("AWS_LAMBDA_LOG_LEVEL", "FATAL"), ("RUST_LOG", "debug")]), LevelFilter::ERROR);
        assert_eq!(vars([("AWS_LAMBDA_LOG_LEVEL", ""), ("RUST_LOG", "debug")]), LevelFilter::DEBUG);
        assert_eq!(vars([("AWS_LAMBDA_LOG_LEVEL", "?"), ("RUST_LOG", "hyper=debug")]), LevelFilter::INFO);
    }
}
