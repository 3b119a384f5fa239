//! What a cold start costs, and what an event does: starts each release `bootstrap` against a small Runtime API server,
//! beside a bare hello world that is built in the same run. Only the ratios carry over to other machines.
//!
//! `cargo bench -p firstlook-tests --bench coldstart`. Linux only: it reads `/proc`.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout)]

mod runtime_api;
mod stubs;

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use runtime_api::RuntimeApi;
use serde_json::Value;

/// Starts of each function; the figures are medians over them.
const ROUNDS: usize = 15;
/// Warm events of each start.
const WARM: usize = 300;

struct Subject {
    name: &'static str,
    binary: PathBuf,
    event: Option<Value>,
}

#[derive(Default)]
struct Figures {
    init_ms: Vec<f64>,
    first_ms: Vec<f64>,
    warm_ms: Vec<f64>,
    cpu_ms: Vec<f64>,
    rss_mb: Vec<f64>,
}

fn main() {
    let target = build();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let aws = runtime.block_on(stubs::start());
    let catalog = stubs::catalog();
    let hello = target.join("examples/hello");
    let function = |name: &'static str, event| Subject { name, binary: target.join(name), event };
    let subjects = [
        Subject { name: "hello world", binary: hello, event: Some(serde_json::json!({})) },
        function("ingest", Some(stubs::page())),
        function("investigate", None),
        function("deliver", None),
        function("console", Some(stubs::console_request())),
    ];
    let mut figures: Vec<Figures> = subjects.iter().map(|_| Figures::default()).collect();
    for _ in 0..ROUNDS {
        // In turn, so that the machine's moods meet all of them alike.
        for (subject, figures) in subjects.iter().zip(&mut figures) {
            runtime.block_on(round(subject, figures, &aws, &catalog.path));
        }
    }
    print(&subjects, &mut figures);
}

fn build() -> PathBuf {
    let cargo = |args: &[&str]| {
        let status = Command::new(env!("CARGO")).args(args).status().unwrap();
        assert!(status.success(), "cargo {args:?}");
    };
    // Each alone: together, the features of one would be linked into the others.
    for name in ["ingest", "investigate", "deliver", "firstlook-console"] {
        cargo(&["build", "--release", "-p", name]);
    }
    cargo(&["build", "--release", "-p", "firstlook-tests", "--example", "hello"]);
    let metadata =
        Command::new(env!("CARGO")).args(["metadata", "--format-version", "1", "--no-deps"]).output().unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    PathBuf::from(metadata["target_directory"].as_str().unwrap()).join("release")
}

async fn round(subject: &Subject, figures: &mut Figures, aws: &str, catalog: &Path) {
    // The way to the first poll without the call that warms the function up: what the function itself costs.
    let mut api = RuntimeApi::start().await;
    let began = Instant::now();
    let mut child = start(subject, "off", api.address(), aws, catalog);
    figures.init_ms.push(millis(api.polled().await - began));
    end(&mut child);
    // Its events with that call, as it is deployed.
    let mut api = RuntimeApi::start().await;
    let mut child = start(subject, "on", api.address(), aws, catalog);
    api.polled().await;
    if let Some(event) = &subject.event {
        figures.first_ms.push(millis(api.invoke(event).await));
        let before = cpu(&child);
        let mut warm = Vec::with_capacity(WARM);
        for _ in 0..WARM {
            warm.push(millis(api.invoke(event).await));
        }
        figures.cpu_ms.push((cpu(&child) - before) / WARM as f64);
        figures.warm_ms.push(median(&mut warm));
    }
    figures.rss_mb.push(rss(&child));
    end(&mut child);
}

fn end(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn start(subject: &Subject, warmup: &str, api: &str, aws: &str, catalog: &Path) -> Child {
    Command::new(&subject.binary)
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", api)
        .env("AWS_LAMBDA_FUNCTION_NAME", subject.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_LOG_LEVEL", "WARN")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_ENDPOINT_URL", aws)
        .env("FIRSTLOOK_WARMUP", warmup)
        .env("FIRSTLOOK_CATALOG", catalog)
        .env("FIRSTLOOK_SECRET", "firstlook")
        .env("FIRSTLOOK_TABLE", "firstlook-runs")
        .env("FIRSTLOOK_INVESTIGATE_QUEUE", format!("{aws}/000000000000/firstlook-investigate"))
        .env("FIRSTLOOK_DELIVER_QUEUE", format!("{aws}/000000000000/firstlook-deliver"))
        .env("FIRSTLOOK_DELIVER_DLQ", format!("{aws}/000000000000/firstlook-deliver-dlq"))
        .env("FIRSTLOOK_CONSOLE_URL", "https://console.example")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", subject.binary.display()))
}

/// User and system time of the process so far, in milliseconds (fields 14 and 15 of `/proc/<pid>/stat`, in ticks of 10 ms).
fn cpu(child: &Child) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks * 10.0
}

fn rss(child: &Child) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn print(subjects: &[Subject], figures: &mut [Figures]) {
    println!("\nmedians of {ROUNDS} starts, {WARM} warm events each; ratios to the hello world of the same run");
    println!(
        "{:<12} {:>16} {:>10} {:>9} {:>9} {:>8} {:>8}",
        "", "exec to poll ms", "first ms", "warm ms", "CPU ms", "RSS MB", "size MB"
    );
    let floor = median(&mut figures[0].init_ms);
    let mut over = Vec::new();
    for (subject, figures) in subjects.iter().zip(figures) {
        let (init, first, warm) =
            (median(&mut figures.init_ms), median(&mut figures.first_ms), median(&mut figures.warm_ms));
        let size = std::fs::metadata(&subject.binary).unwrap().len() as f64 / 1e6;
        println!(
            "{:<12} {:>8.2} ({:>4.2}x) {:>10.2} {:>9.2} {:>9.2} {:>8.1} {:>8.2}",
            subject.name,
            init,
            init / floor,
            first,
            warm,
            median(&mut figures.cpu_ms),
            median(&mut figures.rss_mb),
            size
        );
        if subject.name == "ingest" {
            for (what, is, limit) in [
                ("exec to first poll, by the hello world's", init / floor, 2.0),
                ("first event, by a warm one", first / warm, 2.5),
                ("size in MB", size, 8.0),
            ] {
                println!("  ingest: {what}: {is:.2} (at most {limit})");
                if is > limit {
                    over.push(what);
                }
            }
        }
    }
    assert!(over.is_empty(), "over the limit: {over:?}");
}
