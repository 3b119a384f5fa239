//! What an investigation of ten tasks costs beside the calls that it makes: each round is one investigation of services on
//! loopback and, by the same HTTP client, the same calls without it. Only the differences carry over to other machines.
//!
//! `cargo bench -p firstlook-tests --bench investigation`, and with `--profile dev` what the tests run. Linux only: it reads
//! `/proc`.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout)]

mod services;
#[path = "../../it/support/stage.rs"]
#[allow(dead_code, reason = "the scenarios' wiring, of which this needs a part")]
mod stage;

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

use domain::{ChatPlace, CommandRequest, EventId, InvestigateMessage, RunId, RunView, TargetState};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use ports::{Clock as _, Entropy as _, OsEntropy, Queue, SendMessage as _, SystemClock};
use serde_json::json;

use services::Services;
use stage::{Kill, Stage};

/// Investigations that are measured, and such before them that are not.
const ROUNDS: usize = 100;
const WARM_UP: usize = 10;

/// How many of the ten calls are made side by side, as an investigation does.
const SIDE_BY_SIDE: usize = 8;

/// One round's figures in milliseconds: of the investigation, and of the calls alone.
#[derive(Default)]
struct Figures {
    /// CPU of this process, in all its threads.
    cpu: Vec<f64>,
    /// From the beginning to the last task's end, beyond the two tasks that wait for each other.
    beyond: Vec<f64>,
    /// From the last task's end to the message in Slack.
    delivery: Vec<f64>,
    /// Of that, until the run has concluded: without a model that is the first news of it.
    conclusion: Vec<f64>,
}

fn main() {
    if services::is_child() {
        return services::serve();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let services = Services::start();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &services);
    let stage = Stage::open(folder.path(), &services.slack_api, &services.pagerduty_api);
    let workers = stage.work(&Kill::never());
    let client = client();
    let (mut whole, mut bare) = (Figures::default(), Figures::default());
    for round in 0..WARM_UP + ROUNDS {
        let mut kept = [Figures::default(), Figures::default()];
        investigate(&stage, &services, &client, &mut kept[0]).await;
        only_call(&services, &client, &mut kept[1]).await;
        if round >= WARM_UP {
            for (figures, kept) in [&mut whole, &mut bare].into_iter().zip(kept) {
                figures.cpu.extend(kept.cpu);
                figures.beyond.extend(kept.beyond);
                figures.delivery.extend(kept.delivery);
                figures.conclusion.extend(kept.conclusion);
            }
        }
    }
    workers.stop().await;
    println!(
        "{ROUNDS} investigations of ten tasks, and the same calls alone, in turn; ms, median (and the 90th of 100)\n"
    );
    println!("{:<52} {:>18} {:>18}", "", "investigation", "calls alone");
    for (what, whole, bare) in [
        ("own CPU", &mut whole.cpu, &mut bare.cpu),
        ("wall time beyond the slowest chain of tasks", &mut whole.beyond, &mut bare.beyond),
        ("from the last task's end to the first delivery", &mut whole.delivery, &mut bare.delivery),
        ("of which until the run has concluded", &mut whole.conclusion, &mut bare.conclusion),
    ] {
        println!("{what:<52} {:>18} {:>18}", figures(whole), figures(bare));
    }
}

fn figures(all: &mut [f64]) -> String {
    if all.is_empty() {
        return String::new();
    }
    all.sort_unstable_by(f64::total_cmp);
    let at = |part: usize| all[(all.len() * part / 100).min(all.len() - 1)];
    format!("{:.2} ({:.2})", at(50), at(90))
}

/// The client that tasks ask with.
fn client() -> reqwest::Client {
    let policy = net::AddressPolicy::new(["127.0.0.1".to_owned()]);
    net::client(&net::Options { policy, ..net::Options::default() }).unwrap()
}

/// Ten tasks, of which the last waits for the first: they are the slowest chain.
fn write(folder: &Path, services: &Services) {
    let mut documents = format!(
        "kind: Task\nname: check\naccess: read-only\ninputs: {{ n: {{ type: integer, min: 0, max: 9 }} }}\n\
         title: \"Check part ${{{{ inputs.n }}}} of the shop\"\nresource: \"shop/${{{{ inputs.n }}}}\"\n\
         run: {{ http: {{ url: \"{}/checks/${{{{ inputs.n }}}}\", timeout: 5s }} }}\nissues:\n  - when: result.status >= 500\n    \
         severity: 2\n    title: \"Part ${{{{ inputs.n }}}} answers ${{{{ result.status }}}}\"\n    expected: \"200\"\n    \
         actual: \"${{{{ result.status }}}}: ${{{{ result.body }}}}\"\n    \
         next_steps: [\"Read the log of the part for the minute before the page.\"]\n---\n\
         kind: Model\nname: messages\nprovider: anthropic\nid: m\nurl: \"{}\"\nsecret: key\n---\n\
         kind: Command\nname: look\ndescription: Looks at ten parts of the shop\ntasks:\n",
        services.shop, services.shop
    );
    for n in 0..10 {
        let needs = if n == 9 { "needs: [t0], " } else { "" };
        writeln!(documents, "  - {{ id: t{n}, task: check, {needs}with: {{ n: {n} }} }}").unwrap();
    }
    let loaded = catalog::load_texts([(Path::new("bench.yaml"), documents.as_str())]);
    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    let catalog = loaded.catalog.unwrap_or_else(|| panic!("{}", problems.join("\n")));
    fs::write(folder.join("catalog.json"), catalog.to_compiled()).unwrap();
    let secrets = json!({"slack-bot-token": "xoxb-of-the-bench", "console-link-key": "link-key", "key": "k"});
    fs::write(folder.join("secrets.json"), secrets.to_string()).unwrap();
    fs::set_permissions(folder.join("secrets.json"), fs::Permissions::from_mode(0o600)).unwrap();
}

async fn investigate(stage: &Stage, services: &Services, client: &reqwest::Client, figures: &mut Figures) {
    let now = SystemClock.now();
    let place = ChatPlace {
        source: "slack".parse().unwrap(),
        channel: "C0BENCH001".to_owned(),
        channel_name: "bench".to_owned(),
        thread: None,
        user: "U0ANN00001".to_owned(),
        user_name: "ann".to_owned(),
        outside: false,
    };
    let request = CommandRequest {
        id: EventId::mint(now, OsEntropy.random()),
        command: "look".parse().unwrap(),
        with: serde_json::Map::new(),
        by: "ann".to_owned(),
        requested_at: now,
        asked_in: Some(place),
        assistant: None,
    };
    let run = RunId::opened_by(request.id);
    let message = serde_json::to_string(&InvestigateMessage::CommandV1 { request: Box::new(request) }).unwrap();
    let (began, cpu) = (SystemClock.now(), own_cpu());
    stage.queues.send(Queue::Investigate, &message, "bench", Duration::ZERO).await.unwrap();
    let view = delivered(stage, run).await;
    figures.cpu.push(own_cpu() - cpu);
    let posted = services.posted(client, run).await;

    let ends = |step: &domain::Step| step.started_at + Duration::from_millis(step.elapsed_ms);
    let last = view.steps.iter().map(ends).max().unwrap();
    let chain: u64 = [0, 9].map(|n| view.steps[n].elapsed_ms).iter().sum();
    figures.beyond.push(between(began, last) - chain as f64);
    figures.delivery.push(between(last, posted));
    figures.conclusion.push(between(last, view.run.ended_at.unwrap()));
}

/// The run, once its message stands.
async fn delivered(stage: &Stage, run: RunId) -> RunView {
    let given_up = Instant::now() + Duration::from_secs(60);
    loop {
        let view = stage.store.reader().view(run).await.unwrap();
        let stands = |view: &RunView| {
            view.run.status.is_terminal() && view.targets.iter().all(|target| target.state == TargetState::Sent)
        };
        if let Some(view) = view.filter(stands) {
            assert_eq!((view.steps.len(), view.targets.len()), (10, 1));
            assert!(view.steps.iter().all(|step| step.outcome == domain::Outcome::Ok), "{view:?}");
            return view;
        }
        assert!(Instant::now() < given_up, "{run} did not end");
        // Seldom enough not to be what is measured.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The same calls, and a message to Slack.
async fn only_call(services: &Services, client: &reqwest::Client, figures: &mut Figures) {
    let (began, cpu) = (Instant::now(), own_cpu());
    let call = async |n: usize| {
        let began = Instant::now();
        let answer = client.get(format!("{}/checks/{n}", services.shop)).send().await.unwrap();
        assert!(answer.status().is_success());
        answer.bytes().await.unwrap();
        began.elapsed()
    };
    let chain = async {
        let first = call(0).await;
        first + call(9).await
    };
    let others = stream::iter(1..9).map(call).buffer_unordered(SIDE_BY_SIDE - 1).for_each(|_| std::future::ready(()));
    let (chain, ()) = tokio::join!(chain, others);
    let called = began.elapsed();
    let request = client.post(format!("{}/chat.postMessage", services.slack_api)).bearer_auth("xoxb-of-the-bench");
    let text = json!({"channel": "C0BENCH001", "text": "Ten parts of the shop are up."});
    assert!(request.json(&text).send().await.unwrap().status().is_success());
    figures.delivery.push((began.elapsed() - called).as_secs_f64() * 1e3);
    figures.cpu.push(own_cpu() - cpu);
    figures.beyond.push((called.as_secs_f64() - chain.as_secs_f64()) * 1e3);
}

fn between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() * 1e3
}

/// The CPU time of all threads of this process so far, in ms: proc(5), the first number of each `schedstat`.
fn own_cpu() -> f64 {
    let threads = fs::read_dir("/proc/self/task").expect("/proc: this needs Linux").flatten();
    let nanos = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    nanos.sum::<f64>() / 1e6
}
