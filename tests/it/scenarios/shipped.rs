//! What is shipped, on the deployed stack: every Command of the library, and the whole demo beside the local one.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command as Process, Stdio},
};

use catalog::{
    Catalog,
    model::{Command, ParameterType},
};
use domain::{CommandRequest, EventId, InvestigateMessage, Outcome, RunId, RunStatus, RunView, TargetState};
use futures_util::future::join_all;
use inbox::{Inbox, Service};
use jiff::Timestamp;
use ports::{Entropy as _, OsEntropy, Queue};
use serde_json::{Map, Value};

use super::World;
use crate::{
    aws_world::build,
    support::{
        pages::signed,
        world::{posts, settled, until},
    },
};

/// Where the demo's Workflow delivers to beside Slack and PagerDuty.
const TEAM_WEBHOOK: &str = "https://tickets.example/hooks/firstlook";

/// The demo's channel.
pub const CHANNEL: &str = "checkout-oncall";

/// How many Commands are under way at once: the stack has hands for as many.
const SIDE_BY_SIDE: usize = 10;

/// A demo that runs on this machine, as a person starts it. It ends with this.
pub struct Demo {
    firstlook: &'static Path,
    child: Child,
    folder: tempfile::TempDir,
}

impl Demo {
    /// Starts it and waits until it has told its story.
    pub async fn start() -> Self {
        let firstlook = build::firstlook().await;
        let folder = tempfile::tempdir().unwrap();
        let child = Process::new(firstlook)
            .args(["demo", "--port", "0", "--data", "demo"])
            .current_dir(folder.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let demo = Self { firstlook, child, folder };
        until("the demo to conclude", async || {
            let list = demo.json(&["runs", "list"]).await?;
            (list["runs"][0]["status"] == "concluded").then_some(())
        })
        .await;
        demo
    }

    fn catalog(&self) -> PathBuf {
        self.folder.path().join("demo/catalog")
    }

    /// What `firstlook` says of the demo's runs.
    async fn json(&self, words: &[&str]) -> Option<Value> {
        let mut command = Process::new(self.firstlook);
        command.args(words).args(["--data", "demo", "--json"]).current_dir(self.folder.path()).env_clear();
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        serde_json::from_slice(&output.stdout).ok()
    }

    /// The run that it has told of.
    async fn run(&self) -> RunView {
        let list = self.json(&["runs", "list"]).await.unwrap();
        let id = list["runs"][0]["id"].as_str().unwrap();
        serde_json::from_value(self.json(&["runs", "show", id]).await.unwrap()).unwrap()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The demo's own documents with the inbox in the webhook's place, and beside them who names every Command of the library.
pub fn catalog_of(demo: &Demo, inbox: &Inbox) -> Catalog {
    let folder = tempfile::tempdir().unwrap();
    let mut moved = 0;
    for entry in fs::read_dir(demo.catalog()).unwrap() {
        let entry = entry.unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        moved += text.matches(TEAM_WEBHOOK).count();
        fs::write(folder.path().join(entry.file_name()), text.replace(TEAM_WEBHOOK, &inbox.webhook("team"))).unwrap();
    }
    assert_eq!(moved, 1, "the demo delivers to {TEAM_WEBHOOK}");
    let mut slack = format!("{}---\nkind: Source\nname: slack\ntype: slack\n", library::BESIDE.1);
    slack.push_str("verify: { secret: slack-signing }\ncommands:\n");
    for name in whole().commands.keys() {
        writeln!(slack, "  - {{ command: {name}, channels: [C0SHIPPED1] }}").unwrap();
    }
    fs::write(folder.path().join("slack.yaml"), slack).unwrap();
    let loaded = catalog::load_dir_with(folder.path(), library::FILES, None);
    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    loaded.catalog.unwrap_or_else(|| panic!("{}", problems.join("\n")))
}

/// The library by itself, with the cases of its documents.
fn whole() -> Catalog {
    let files = library::FILES.iter().chain([&library::BESIDE]).map(|(path, text)| (Path::new(*path), *text));
    catalog::load_texts(files).catalog.unwrap()
}

/// What the Command's first case gives, which fits; hosts of `.invalid` are nobody's.
fn with(command: &Command) -> Map<String, Value> {
    let case = command.tests.first().expect("a case");
    let given = command.parameters.iter().filter_map(|(key, parameter)| {
        let given = case.with.get(key).or(parameter.default.as_ref())?;
        Some((
            key.to_string(),
            match parameter.parameter_type {
                ParameterType::Url => "https://shop.invalid/".into(),
                ParameterType::Host => "shop.invalid".into(),
                _ => given.clone(),
            },
        ))
    });
    given.collect()
}

/// Each is asked for by hand. What the emulator does not serve, and what is nowhere, is a gap with its reason.
pub async fn i14_every_shipped_command_runs_to_a_concluded_run(world: &dyn World) {
    let whole = whole();
    let commands: Vec<&Command> = whole.commands.values().collect();
    assert!(commands.len() >= 12, "the library has {} Commands", commands.len());
    let (mut served, mut steps) = (0, 0);
    for some in commands.chunks(SIDE_BY_SIDE) {
        let asked = join_all(some.iter().map(async |command| (command, asked(world, command).await))).await;
        for (command, run) in asked {
            let view = settled(world, run).await;
            let name = &command.name;
            assert_eq!(view.run.status, RunStatus::Concluded, "{name}: {:?}", view.run.reason);
            let report = view.run.report.as_ref().unwrap();
            assert!(!view.steps.is_empty() && !report.verdict.is_empty(), "{name}: {view:?}");
            assert!(
                report.remarks.iter().all(|remark| !remark.contains("was reached")),
                "{name}: {:?}",
                report.remarks
            );
            for step in &view.steps {
                steps += 1;
                match &step.outcome {
                    Outcome::Ok => served += 1,
                    Outcome::Failed { reason } => {
                        println!("{name}/{}: {}", step.id, reason.lines().next().unwrap_or_default());
                        let told = step.issues.iter().any(|issue| issue.title.ends_with(": could not be checked"));
                        assert!(!reason.is_empty() && told, "{name}: {step:?}");
                    }
                    Outcome::Skipped { reason } => assert!(!reason.is_empty(), "{name}: {step:?}"),
                }
            }
        }
    }
    println!("{} Commands, {steps} steps, of which {served} were served", commands.len());
    // So that this does not come to show gaps alone.
    assert!(served * 4 >= steps, "only {served} of {steps} steps could be taken on the emulator");
}

async fn asked(world: &dyn World, command: &Command) -> RunId {
    let now = Timestamp::now();
    let request = CommandRequest {
        id: EventId::mint(now, OsEntropy.random()),
        command: command.name.clone(),
        with: with(command),
        by: "somebody".to_owned(),
        requested_at: now,
        asked_in: None,
        assistant: None,
    };
    let run = RunId::opened_by(request.id);
    let message = serde_json::to_string(&InvestigateMessage::CommandV1 { request: Box::new(request) }).unwrap();
    world.sender().send(Queue::Investigate, &message, "shipped", std::time::Duration::ZERO).await.unwrap();
    run
}

/// The same page, the same service, the same documents: what one world finds the other finds.
pub async fn the_demo_finds_here_what_it_finds_locally(world: &dyn World, demo: &Demo) {
    let sample = fs::read_to_string(build::workspace().join("events/webhooks/pagerduty/triggered.json")).unwrap();
    let page = signed(&serde_json::from_str(&sample).unwrap());
    let run = world.post("pagerduty", &page).await.run();
    let (here, there) = (settled(world, run).await, demo.run().await);
    assert_eq!((here.run.status, there.run.status), (RunStatus::Concluded, RunStatus::Concluded));
    let steps = |view: &RunView| -> Vec<(String, Outcome)> {
        view.steps.iter().map(|step| (step.id.to_string(), step.outcome.clone())).collect()
    };
    assert_eq!(steps(&here), steps(&there));
    assert_eq!(here.steps.len(), 7, "the six of the Command, and the one of the Slx that the alert names");
    let issues = |view: &RunView| -> BTreeSet<String> {
        let issues = &view.run.report.as_ref().unwrap().issues;
        issues.iter().map(|merged| merged.issue.title.clone()).collect()
    };
    assert_eq!(issues(&here), issues(&there));
    assert!(issues(&here).len() >= 4, "{:?}", issues(&here));
    let targets = |view: &RunView| -> Vec<(String, TargetState)> {
        view.targets.iter().map(|target| (target.spec.name.clone(), target.state)).collect()
    };
    assert_eq!(targets(&here), targets(&there));
    assert_eq!(posts(world, Service::Slack, run).len(), 1);
    let rule = "Do not restart checkout to mend this";
    assert!(here.run.report.as_ref().is_some_and(|report| format!("{report:?}").contains(rule)), "{here:?}");
}
