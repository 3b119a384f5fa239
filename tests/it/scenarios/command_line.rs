//! `firstlook VERB --stack NAME` as a person calls it: the built binary, its streams and its exit codes, against the
//! deployed stack.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use domain::{DeliverMessage, RunId, RunStatus, TargetState};
use inbox::{Endpoint, Fault, Service};
use ports::Queue;
use serde_json::{Value, json};

use super::{World, aws::Aws, incident};
use crate::{
    aws_world::{build, deploy::STACK},
    support::{
        catalog,
        pages::page,
        world::{Answer, posts, settled, until},
    },
};

const AT: &str = "2026-11-22T10:00:00Z";

/// A terminal: a folder with the catalog in it, and an environment that leads to the stack.
pub(super) struct Terminal {
    firstlook: &'static Path,
    folder: tempfile::TempDir,
    environment: Vec<(&'static str, String)>,
    url: String,
}

/// What a call came to.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Said {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Terminal {
    pub(super) async fn open(world: &Aws) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let documents = folder.path().join("catalog");
        std::fs::create_dir(&documents).unwrap();
        catalog::write(&documents, world.shop(), world.inbox(), world.models());
        Self {
            firstlook: build::firstlook().await,
            folder,
            environment: world.deployment.environment(),
            url: world.deployment.url(""),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts `to` in the place of each `from` in the folder's catalog. What is deployed stays as it is.
    pub(super) fn change_catalog(&self, from: &str, to: &str) {
        let path = self.path("catalog/catalog.yaml");
        let before = std::fs::read_to_string(&path).unwrap();
        assert!(before.contains(from), "{from}");
        std::fs::write(&path, before.replace(from, to)).unwrap();
    }

    /// Calls `firstlook` with these words; URL stands for the address of the API.
    pub(super) async fn call(&self, words: &[&str]) -> Said {
        self.call_with(words, &[]).await
    }

    /// The same where these variables have another value, or none.
    async fn call_with(&self, words: &[&str], changed: &[(&str, Option<&str>)]) -> Said {
        let mut command = Command::new(self.firstlook);
        let words = words.iter().map(|word| if *word == "URL" { self.url.as_str() } else { word });
        command.args(words).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_clear().env("USER", "alex").envs(self.environment.iter().cloned());
        for (name, value) in changed {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        // The services that it reaches run on this runtime.
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().expect("no signal ended it");
        Said { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    pub(super) async fn well(&self, words: &[&str]) -> Said {
        let said = self.call(words).await;
        assert_eq!(said.code, 0, "{words:?}: {said:?}");
        assert!(!said.stderr.contains("panicked"), "{words:?}: {said:?}");
        said
    }

    /// Sends a new page of the service whose runs end in Slack.
    async fn send(&self, name: &str) -> RunId {
        let incident = incident(name);
        std::fs::write(self.path("alert.json"), page("incident.triggered", &incident, "PCHAT", &incident, AT).body)
            .unwrap();
        let said = self.well(&["send", "alert.json", "--source", "pagerduty", "--stack", STACK, "--url", "URL"]).await;
        assert!(said.stderr.starts_with("202 from http"), "{said:?}");
        Answer { status: 202, body: said.json(), retry_after: None }.run()
    }
}

/// What differs from one time to the next, under names that do not.
pub(super) fn steady(terminal: &Terminal, text: &str, check: impl FnOnce(insta::Settings, String)) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"run_[0-9A-Z]{26}", "RUN");
    settings.add_filter(r"Q[A-Z]+\d+\b", "INCIDENT");
    settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "MOMENT");
    settings.add_filter(r" +\+?\d[\d.]* ?(ms|s)\b", " SPAN");
    settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT");
    settings.add_filter(r"nc -vz '127\.0\.0\.1' \d+", "nc -vz '127.0.0.1' PORT");
    settings.add_filter(r"catalog [0-9a-f]{8,}", "catalog DIGEST");
    settings.add_filter(r"execute-api/[0-9a-f]+", "execute-api/API");
    settings.set_prepend_module_to_snapshot(false);
    check(settings, text.replace(&terminal.folder.path().display().to_string(), "FOLDER"));
}

macro_rules! reads {
    ($terminal:expr, $name:literal, $text:expr) => {
        steady($terminal, $text, |settings, text| settings.bind(|| insta::assert_snapshot!($name, text)))
    };
}

/// `send`, `runs`, `link`: from an alert of one's own to the page in the browser.
pub async fn a_person_sends_a_page_and_reads_its_run(world: &Aws) {
    let terminal = Terminal::open(world).await;
    let run = terminal.send("sent").await;
    let view = settled(world, run).await;
    assert_eq!((view.run.status, view.targets[0].state), (RunStatus::Concluded, TargetState::Sent));
    assert_eq!(posts(world, Service::Slack, run).len(), 1);

    let id = run.to_string();
    let list = terminal.well(&["runs", "list", "--stack", STACK]).await;
    let line = list.stdout.lines().find(|line| line.contains(&id)).unwrap_or_else(|| panic!("{list:?}"));
    reads!(&terminal, "runs_list", line);
    let list = terminal.well(&["runs", "list", "--stack", STACK, "--json"]).await.json();
    let listed = list["runs"].as_array().unwrap();
    assert!(listed.iter().any(|run| run["id"] == *id && run["status"] == "concluded"), "{list}");

    let show = terminal.well(&["runs", "show", &id, "--stack", STACK]).await;
    assert_eq!(show.stderr, "");
    reads!(&terminal, "runs_show", &show.stdout);
    let shown = terminal.well(&["runs", "show", &id, "--stack", STACK, "--json"]).await.json();
    assert_eq!(shown["steps"].as_array().unwrap().len(), view.steps.len());
    assert_eq!(shown["targets"][0]["state"], "sent");

    // The emulator serves the API at another address than the outputs say.
    let (url, output) = (terminal.url.as_str(), world.deployment.output("ConsoleUrl"));
    for (words, base) in [
        (&["link", &id, "--stack", STACK, "--url", "URL"][..], url),
        (&["link", &id, "--stack", STACK], output),
        (&["link", "--stack", STACK], output),
    ] {
        let link = terminal.well(words).await.stdout;
        let path = link.trim().strip_prefix(base).unwrap_or_else(|| panic!("{link}"));
        let (status, page) = world.get(path).await;
        assert!(status == 200 && page.contains(&id), "{words:?}: {status} {page}");
        // Each letter of the signature counts.
        let at = path.find("sig=").unwrap() + 4;
        let other = if path.as_bytes()[at] == b'A' { "B" } else { "A" };
        let (status, _) = world.get(&format!("{}{other}{}", &path[..at], &path[at + 1..])).await;
        assert_eq!(status, 403, "{words:?}");
    }
}

/// `run`: progress on stderr, the report on stdout, an end of its own.
pub async fn a_command_is_run_by_hand_on_the_stack(world: &Aws) {
    let terminal = Terminal::open(world).await;
    let with = format!("incident={}", incident("hand"));
    let run = ["run", "triage", "--with", &with, "--stack", STACK];
    let said = terminal.well(&run).await;
    reads!(&terminal, "run_stdout", &said.stdout);
    // The steps are told in the order in which they were seen.
    let mut told: Vec<&str> = said.stderr.lines().collect();
    told[2..].sort_unstable();
    reads!(&terminal, "run_stderr", &told.join("\n"));

    let said = terminal.well(&[&run[..], &["--json"]].concat()).await;
    assert!(said.stderr.contains("is open: triage"), "{said:?}");
    let view = said.json();
    assert_eq!((&view["run"]["status"], &view["run"]["trigger"]["who"]), (&json!("concluded"), &json!("alex")));
    assert_eq!(view["steps"].as_array().unwrap().len(), 4, "{view}");

    // The stack says what it cannot run, and the exit code that it was not run.
    let said = terminal.call(&["run", "triage", "--with", "incident=a/b", "--stack", STACK]).await;
    assert_eq!(said.code, 1, "{said:?}");
    reads!(&terminal, "run_misfit", &said.stdout);
    let said = terminal.call(&["run", "nothing-like-it", "--stack", STACK]).await;
    assert_eq!(said.code, 1, "{said:?}");
    reads!(&terminal, "run_unknown", &said.stdout);
}

/// `redrive`: what was refused comes back after the mend, once.
pub async fn i5_one_command_brings_the_dead_letters_of_the_stack_back(world: &Aws) {
    let terminal = Terminal::open(world).await;
    // Without a model there is news once, of the conclusion.
    world.inbox().fault(Endpoint::SlackPost, Fault::SlackError("channel_not_found"));
    let run = terminal.send("refused").await;
    until("the message among the dead letters", async || (world.depth(Queue::DeliverDlq).await == 1).then_some(()))
        .await;
    let id = run.to_string();
    let show = terminal.well(&["runs", "show", &id, "--stack", STACK]).await;
    let line = show.stdout.lines().find(|line| line.contains("#chat")).unwrap_or_else(|| panic!("{show:?}"));
    reads!(&terminal, "runs_show_failed", line);
    assert!(posts(world, Service::Slack, run).is_empty());

    // Twins, as they come from a message that was sent twice: both go back, or the alarm would stay.
    let revision = world.reader().run(run).await.unwrap().unwrap().revision;
    let news = DeliverMessage::TargetV1 { run, target: "slack".to_owned(), revision, waits_since: None };
    for _ in 0..2 {
        let body = serde_json::to_string(&news).unwrap();
        world.sender().send(Queue::DeliverDlq, &body, "twin", Duration::ZERO).await.unwrap();
    }
    // Slack has the channel again.
    let said = terminal.well(&["redrive", "deliver", "--stack", STACK]).await;
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("deliver: 3\n", ""));
    let view = until("the delivery to stand", async || {
        let view = settled(world, run).await;
        (view.targets[0].state == TargetState::Sent).then_some(view)
    })
    .await;
    assert_eq!(posts(world, Service::Slack, run).len(), 1, "{:?}", view.targets);

    until("the letters to have been taken", async || (world.depth(Queue::Deliver).await == 0).then_some(())).await;
    let said = terminal.well(&["redrive", "--stack", STACK]).await;
    assert_eq!(
        (said.stdout.as_str(), said.stderr.as_str()),
        ("investigate: 0\ndeliver: 0\n", "there are no dead letters\n")
    );
    assert_eq!(posts(world, Service::Slack, run).len(), 1);
}

/// What cannot be done is said so that a person knows what to do next.
pub async fn what_cannot_be_done_on_a_stack_says_what_to_do(world: &Aws) {
    let terminal = Terminal::open(world).await;
    let clients = world.deployment.clients();
    let empty = clients.secrets_manager().create_secret().name("empty").secret_string("{}").send().await;
    empty.unwrap();
    std::fs::write(terminal.path("alert.json"), "{}").unwrap();
    let unknown = "run_01KAPW8Z000000000000000001";
    let send = ["send", "alert.json", "--source", "pagerduty", "--stack"];

    let mut text = String::new();
    let none = &[][..];
    for (words, changed) in [
        (&["runs", "list", "--stack", "nowhere"][..], none),
        (&["runs", "show", unknown, "--stack", "nowhere"], none),
        (&["run", "triage", "--stack", "nowhere"], none),
        (&["redrive", "--stack", "nowhere"], none),
        (&["link", "--stack", "nowhere"], none),
        (&[&send[..], &["nowhere"]].concat(), none),
        (&["link", "--stack", "nowhere", "--url", "URL"], none),
        (&["runs", "show", unknown, "--stack", STACK], none),
        (&["link", "--stack", STACK, "--secret-id", "nowhere"], none),
        (&["link", "--stack", STACK, "--url", "URL", "--secret-id", "empty"], none),
        (&[&send[..], &[STACK, "--url", "URL", "--secret-id", "empty"]].concat(), none),
        (&[&send[..], &[STACK, "--url", "URL", "--signing-secret", "another"]].concat(), none),
        (&[&send[..], &[STACK, "--url", "nowhere"]].concat(), none),
        (&["send", "gone.json", "--source", "pagerduty", "--stack", STACK, "--url", "URL"], none),
        (&["send", "alert.json", "--source", "gone", "--stack", STACK, "--url", "URL"], none),
        (&["runs", "list", "--stack", STACK], &[("AWS_ACCESS_KEY_ID", None)]),
        (&["runs", "list", "--stack", STACK], &[("AWS_REGION", None)]),
        (&["runs", "list", "--stack", STACK], &[("AWS_ACCESS_KEY_ID", Some("AKIANOBODY"))]),
        (&["redrive", "--stack", STACK], &[("AWS_ACCESS_KEY_ID", Some("AKIANOBODY"))]),
        (&["link", "--stack", STACK], &[("AWS_ACCESS_KEY_ID", Some("AKIANOBODY"))]),
        (&["runs", "list", "--stack", STACK], &[("AWS_CA_BUNDLE", Some("gone.pem"))]),
        (&["runs", "list", "--stack", STACK], &[("AWS_ENDPOINT_URL", Some("https://127.0.0.1:1"))]),
        (&["link", "--stack", STACK], &[("AWS_ENDPOINT_URL", Some("https://127.0.0.1:1"))]),
    ] {
        let said = terminal.call_with(words, changed).await;
        assert!(said.code != 0 && !said.stderr.is_empty(), "{words:?}: {said:?}");
        assert!(!said.stderr.contains("panicked"), "{words:?}: {said:?}");
        for (name, value) in changed {
            text.push_str(&format!("{name}={} ", value.unwrap_or_default()));
        }
        text.push_str(&format!("firstlook {}\n{}{}= {}\n\n", words.join(" "), said.stdout, said.stderr, said.code));
    }
    reads!(&terminal, "refusals", &text);
}
