//! The command line as a person calls it: the built binary, its streams and its exit codes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "that is how a test fails, also in what its cases share")]

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use inbox::{Inbox, ModelServer, Reply, Wire};
use serde_json::{Value, json};

const FIRSTLOOK: &str = env!("CARGO_BIN_EXE_firstlook");

/// A webhook source and a Command whose one check is a port on this machine.
const CATALOG: &str = r##"
kind: Source
name: tool
type: webhook
verify: { secret: tool-signing, scheme: standard-webhooks }
map: { external_id: body.id, title: body.title }
---
kind: Source
name: keyed
type: webhook
verify: { secret: tool-signing, scheme: bearer }
key: body.delivery
map: { external_id: body.id, title: body.title }
---
kind: Task
name: port-open
access: read-only
inputs:
  port: { type: integer, min: 1, max: 65535 }
title: Check that port ${{ inputs.port }} takes connections
run: { tcp: { host: 127.0.0.1, port: "${{ inputs.port }}", timeout: 3s } }
issues:
  - when: "!result.connected"
    severity: 1
    title: Port ${{ inputs.port }} takes no connections
    expected: a connection
    actual: ${{ result.error }}
    next_steps: ["Check whether the process behind it runs."]
---
kind: Command
name: triage
description: Is it there
parameters:
  port: { type: integer, min: 1, max: 65535, default: 9 }
tasks: [{ id: port, task: port-open, with: { port: "${{ params.port }}" } }]
---
kind: Workflow
name: pages
trigger: { sources: [tool, keyed] }
investigate: { command: triage }
deliver:
  - slack: { channel: "#oncall" }
"##;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("catalog")).unwrap();
        fs::write(folder.path().join("catalog/all.yaml"), CATALOG).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `catalog` and `.firstlook` are the defaults, so a call in the folder needs neither.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(FIRSTLOOK);
        command.args(words).current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars() {
            if name.starts_with("AWS_") || name.starts_with("FIRSTLOOK_") {
                command.env_remove(name);
            }
        }
        command
    }

    fn call(&self, words: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(words).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    fn json(&self, words: &[&str]) -> Value {
        let (code, stdout, stderr) = self.call(words);
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{code}: {error}\n{stdout}\n{stderr}"))
    }
}

/// A child that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until `look` gives something. The time is only there so that a fault ends the test.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        sleep(Duration::from_millis(50));
    }
}

fn dev(place: &Place) -> (Running, String) {
    let mut command = place.command(&["dev", "catalog", "--port", "0"]);
    let child = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let url = until("dev", || fs::read_to_string(place.path(".firstlook/url")).ok().filter(|url| !url.is_empty()));
    (child, url)
}

#[test]
fn the_demo_tells_its_whole_story_and_ends_well() {
    let place = Place::new();
    let (code, stdout, stderr) = place.call(&["demo", "--once", "--port", "0"]);
    assert_eq!(code, 0, "{stdout}\n{stderr}");
    for wanted in
        ["connection refused", "Slack #checkout-oncall", "PagerDuty, note on incident Q0CHK7OUT4PAGE", "Webhook "]
    {
        assert!(stdout.contains(wanted), "no `{wanted}` in\n{stdout}");
    }
    assert!(stderr.contains("signed: 202"), "{stderr}");
    // The RunSession is left behind for review.
    let list = place.json(&["runs", "list", "--data", ".firstlook/demo", "--json"]);
    assert_eq!(list["runs"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!(list["runs"][0]["status"], "concluded");
}

#[test]
fn check_and_render_say_by_their_exit_code_what_stands() {
    let place = Place::new();
    assert_eq!(place.call(&["check", "catalog"]).0, 0);
    let (compiled, schedules) = ("build/catalog.json", "build/schedules.yaml");
    let files = ["--schedules", schedules, "--permissions", "build/permissions.yaml"];
    assert_eq!(place.call(&[&["render", "catalog", "--out", compiled], &files[..]].concat()).0, 0);
    assert_eq!(place.call(&[&["check", "catalog", "--compiled", compiled], &files[..]].concat()).0, 0);

    fs::write(place.path("catalog/all.yaml"), CATALOG.replace("command: triage", "command: gone")).unwrap();
    let (code, stdout, _) = place.call(&["check", "catalog"]);
    assert!(code == 1 && stdout.contains("all.yaml:") && stdout.contains("error[FL"), "{code} {stdout}");
    assert!(!place.json(&["check", "catalog", "--json"]).as_array().unwrap().is_empty());
}

#[test]
fn a_command_run_by_hand_gives_its_report_on_stdout_and_its_progress_on_stderr() {
    let place = Place::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("port={}", listener.local_addr().unwrap().port());
    let (code, stdout, stderr) = place.call(&["run", "triage", "--with", &port]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("Nothing wrong found in 1 check"), "{stdout}");
    assert!(stderr.contains("investigating") && !stdout.contains("investigating"), "{stderr}");

    let view = place.json(&["run", "triage", "--with", &port, "--json"]);
    assert_eq!(view["run"]["status"], "concluded");
    assert_eq!(view["steps"][0]["evidence"]["data"]["connected"], true);
    let id = view["run"]["id"].as_str().unwrap();
    let (code, stdout, _) = place.call(&["runs", "show", id]);
    assert!(code == 0 && stdout.contains(id), "{stdout}");
    assert_eq!(place.json(&["runs", "list", "--json"])["runs"].as_array().unwrap().len(), 2);
}

#[test]
fn a_preview_shows_what_outlets_would_be_sent_and_leaves_no_delivery() {
    let place = Place::new();
    let (code, stdout, stderr) = place.call(&["run", "triage", "--preview", "slack,pagerduty"]);
    assert_eq!(code, 0, "{stderr}");
    for wanted in ["slack: message in #oncall (Workflow pages)", "\"channel\": \"#oncall\"", "pagerduty: note on"] {
        assert!(stdout.contains(wanted), "no `{wanted}` in\n{stdout}");
    }
    let list = place.json(&["runs", "list", "--json"]);
    let view = place.json(&["runs", "show", list["runs"][0]["id"].as_str().unwrap(), "--json"]);
    assert_eq!(view["targets"].as_array().unwrap().len(), 0, "{view}");
    // Refused before anything is run.
    let (code, stdout, stderr) = place.call(&["run", "triage", "--preview", "irc"]);
    assert!(code == 2 && stdout.is_empty() && stderr.contains("slack-webhook"), "{code} {stderr}");
    assert_eq!(place.json(&["runs", "list", "--json"])["runs"].as_array().unwrap().len(), 1);
}

/// As in a Workflow: without one the preview lacks what a model would say, and no model is asked.
#[test]
fn a_command_run_by_hand_is_read_by_the_assistant_that_is_named() {
    let place = Place::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let models = runtime.block_on(ModelServer::start("127.0.0.1:0".parse().unwrap())).unwrap();
    let claim = json!({ "text": "It refuses.", "step": "port", "quote": "\"connected\": false" });
    let answer = json!({
        "summary": "The process is down", "impact": "Nobody is served.",
        "probable_cause": { "text": "It ended.", "confidence": "high", "claims": [claim] },
        "other_hypotheses": [], "ruled_out": [], "gaps": [], "next_steps": ["Start it."],
    });
    models.read_with(move |_| Reply::call("answer", answer.clone()));
    let reader = format!(
        "kind: Model\nname: own\nprovider: openai\nid: qwen3:32b\nurl: \"{}\"\n---\n\
         kind: Assistant\nname: cathy\ndescription: Reads what was found\nmodel: own\nlimits: {{ time: 1m }}\n",
        models.url(Wire::Openai)
    );
    fs::write(place.path("catalog/reader.yaml"), reader).unwrap();
    let preview = |words: &[&str]| {
        let (code, stdout, stderr) = place.call(&[&["run", "triage", "--preview", "slack"], words].concat());
        assert_eq!(code, 0, "{stderr}");
        stdout
    };
    let unread = preview(&[]);
    assert!(!unread.contains("The process is down") && models.calls().is_empty(), "{unread}");
    let read = preview(&["--assistant", "cathy"]);
    assert!(read.contains("The process is down") && read.contains("It refuses."), "{read}");
    assert_eq!(models.calls().len(), 1);
    // Refused before anything is run.
    let (code, stdout, stderr) = place.call(&["run", "triage", "--assistant", "carl"]);
    assert!(code == 2 && stdout.is_empty() && stderr.contains("it has cathy"), "{code} {stderr}");
    assert_eq!(place.json(&["runs", "list", "--json"])["runs"].as_array().unwrap().len(), 2);
}

/// The demo stays, with its service and its Prometheus; an inbox stands in for Slack and PagerDuty.
#[test]
fn the_doctor_finds_the_demos_setup_well_once_its_keys_are_there() {
    let place = Place::new();
    let mut demo = place.command(&["demo", "--port", "0"]);
    let _demo = Running(demo.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    until("the demo", || fs::read_to_string(place.path(".firstlook/demo/url")).ok().filter(|url| !url.is_empty()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let inbox = runtime.block_on(Inbox::start("127.0.0.1:0".parse().unwrap(), Arc::new(ports::SystemClock))).unwrap();
    inbox.open_channel("checkout-oncall");
    // Its receiver is nobody's, and where nobody's names lead to is not for a test to say.
    let workflow = place.path(".firstlook/demo/catalog/workflow.yaml");
    let text = fs::read_to_string(&workflow).unwrap();
    fs::write(&workflow, text.replace("https://tickets.example/hooks/firstlook", &inbox.webhook("team"))).unwrap();

    let words = ["doctor", "--catalog", ".firstlook/demo/catalog", "--data", ".firstlook/demo"];
    let doctor = |keys: &[(&str, &str)]| {
        let mut command = place.command(&words);
        command.env("FIRSTLOOK_SLACK_API", inbox.slack_api()).env("FIRSTLOOK_PAGERDUTY_API", inbox.pagerduty_api());
        let Output { status, stdout, .. } = command.envs(keys.iter().copied()).output().unwrap();
        (status.code().unwrap(), String::from_utf8(stdout).unwrap())
    };
    // Of itself a demo has no keys of its targets: its inbox takes any.
    let (code, text) = doctor(&[]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("FIRSTLOOK_SECRET_SLACK_BOT_TOKEN") && text.contains("3 to mend"), "{text}");

    let keys = [
        ("FIRSTLOOK_SECRET_SLACK_BOT_TOKEN", "xoxb-1-a"),
        ("FIRSTLOOK_SECRET_PAGERDUTY_API_KEY", "u+own"),
        ("FIRSTLOOK_SECRET_TEAM_WEBHOOK", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ];
    let (code, text) = doctor(&keys);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("channel #checkout-oncall: the bot is in it") && !text.contains("mend"), "{text}");
    assert!(text.contains("takes connections, for `queue-growth`, `worker-errors`"), "{text}");
    assert!(inbox.posts().is_empty() && inbox.requests().iter().all(|request| request.method == "GET"));
}

#[test]
fn wrong_usage_is_2_and_what_is_wrong_is_1() {
    let place = Place::new();
    for (code, words) in [
        (2, &["run", "gone"][..]),
        (2, &["run", "triage", "--with", "port=many"]),
        (2, &["run", "triage", "--with", "nothing"]),
        (2, &["nothing"]),
        (2, &["link", "--secret-id", "other"]),
        (2, &["runs", "show", "evt_01KAPW8Z000000000000000001"]),
        (1, &["runs", "list", "--data", "nowhere"]),
        (1, &["check", "nowhere"]),
        // Without credentials, and without asking anybody.
        (1, &["runs", "list", "--stack", "prod"]),
        (1, &["link", "--stack", "prod"]),
    ] {
        let (found, stdout, stderr) = place.call(words);
        assert_eq!(found, code, "{words:?}: {stderr}");
        assert!(!stderr.is_empty() || !stdout.is_empty(), "{words:?} says nothing");
    }
    let (_, _, stderr) = place.call(&["runs", "list", "--stack", "prod"]);
    assert!(stderr.contains("aws configure export-credentials"), "{stderr}");
}

#[test]
fn a_webhook_sent_to_dev_becomes_a_run_that_its_link_opens() {
    let place = Place::new();
    let (_running, url) = dev(&place);
    fs::write(place.path("alert.json"), r#"{"id": "A1", "title": "It is down"}"#).unwrap();
    let send = ["send", "alert.json", "--source", "tool"];
    let answer = place.json(&send);
    assert_eq!(answer["does"], "opens", "{answer}");

    let run = until("the run", || {
        let list = place.json(&["runs", "list", "--json"]);
        let run = list["runs"].get(0)?.clone();
        (run["status"] == "concluded").then_some(run)
    });
    assert_eq!(run["title"], "It is down");
    let id = run["id"].as_str().unwrap();

    let (code, link, _) = place.call(&["link", id]);
    assert!(code == 0 && link.starts_with(&format!("{url}/runs/{id}?exp=")), "{link}");
    let page = get(link.trim());
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("It is down"), "{page}");
    assert!(get(&format!("{url}/runs/{id}")).starts_with("HTTP/1.1 403"));
    until("the inbox", || get(&format!("{url}/inbox")).contains("Slack #oncall").then_some(()));

    // Another secret than the world's is refused, and send says so.
    let (code, _, stderr) = place.call(&[&send[..], &["--signing-secret", "whsec_bm90IHRoZSBzZWNyZXQ="]].concat());
    assert!(code == 1 && stderr.contains("401"), "{stderr}");
}

#[test]
fn an_event_that_is_replayed_says_what_came_of_it() {
    let place = Place::new();
    let _running = dev(&place);
    for (source, came) in [("tool", " attached to "), ("keyed", " is a duplicate of ")] {
        let alert = format!(r#"{{"id": "{source}", "title": "It is down", "delivery": "d1"}}"#);
        fs::write(place.path("alert.json"), alert).unwrap();
        let sent = place.json(&["send", "alert.json", "--source", source]);
        let run = sent["event"].as_str().unwrap().replacen("evt_", "run_", 1);
        until("the run", || (place.call(&["runs", "show", &run]).0 == 0).then_some(()));
        let (code, stdout, stderr) = place.call(&["replay", &run]);
        assert_eq!(code, 0, "{stderr}");
        assert!(stderr.starts_with("202 from "), "{stderr}");
        assert!(stdout.starts_with("evt_") && stdout.contains(&format!("{came}{run}")), "{stdout}");
    }
    let (code, _, stderr) = place.call(&["replay", "run_01KAPW8Z000000000000000001"]);
    assert!(code == 1 && stderr.contains("there is no run"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn dev_ends_by_itself_when_it_is_told_to() {
    let place = Place::new();
    let (mut running, _) = dev(&place);
    let told = Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().unwrap();
    assert!(told.success());
    let status = until("the end of dev", || running.0.try_wait().unwrap());
    assert!(status.success(), "{status}");
    assert!(!place.path(".firstlook/url").exists());
}

#[test]
fn i5_dead_letters_are_counted_back_into_their_queue() {
    let place = Place::new();
    assert_eq!(place.call(&["run", "triage"]).0, 0);
    let (code, stdout, stderr) = place.call(&["redrive"]);
    assert_eq!((code, stdout.as_str()), (0, "investigate: 0\ndeliver: 0\n"));
    assert_eq!(stderr, "there are no dead letters\n");
}

#[cfg(unix)]
#[test]
fn i9_the_folder_and_its_secrets_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    assert_eq!(place.call(&["run", "triage"]).0, 0);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.path(".firstlook")), 0o700);
    assert_eq!(mode(&place.path(".firstlook/secrets.json")), 0o600);
}

fn get(url: &str) -> String {
    use std::io::Write;
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Every Command of the library is run as a person would run it, in a catalog that does not name it. What it asks is not
/// there, which is an outcome too: the run concludes and says so.
#[test]
fn i14_every_shipped_command_runs_to_a_concluded_run() {
    let place = Place::new();
    let catalog = format!("{}---\n{}", fs::read_to_string(place.path("catalog/all.yaml")).unwrap(), library::BESIDE.1);
    fs::write(place.path("catalog/all.yaml"), catalog).unwrap();
    let whole = library::FILES.iter().chain([&library::BESIDE]).map(|(path, text)| (Path::new(*path), *text));
    let whole = catalog::load_texts(whole).catalog.unwrap();
    assert!(whole.commands.len() >= 2);
    for (name, command) in &whole.commands {
        // What its first case gives, which fits; hosts of `.invalid` are nobody's.
        let case = command.tests.first().unwrap();
        let with = command.parameters.iter().filter_map(|(key, parameter)| {
            let given = case.with.get(key).or(parameter.default.as_ref())?;
            Some(match parameter.parameter_type {
                catalog::model::ParameterType::Url => format!("{key}=https://shop.invalid/"),
                catalog::model::ParameterType::Host => format!("{key}=shop.invalid"),
                _ => format!("{key}={}", given.as_str().map_or_else(|| given.to_string(), str::to_owned)),
            })
        });
        let with: Vec<String> = with.flat_map(|pair| ["--with".to_owned(), pair]).collect();
        let mut words = vec!["run", name.as_str(), "--json"];
        words.extend(with.iter().map(String::as_str));
        let view = place.json(&words);
        assert_eq!(view["run"]["status"], "concluded", "{name}: {view}");
        assert!(
            !view["steps"].as_array().unwrap().is_empty() && view["run"]["report"]["verdict"].is_string(),
            "{view}"
        );
    }
}

#[test]
fn the_cases_of_a_catalog_decide_the_exit_code() {
    let place = Place::new();
    let cased = CATALOG.replacen(
        "---\nkind: Command",
        "tests:\n  - { name: refused, inputs: { port: 1 }, result: { connected: false, error: refused }, expect: issues.size() == 1 }\n---\nkind: Command",
        1,
    );
    fs::write(place.path("catalog/all.yaml"), &cased).unwrap();
    let (code, stdout, stderr) = place.call(&["test"]);
    assert_eq!(
        (code, stdout.as_str(), stderr.as_str()),
        (0, "ok      Task port-open: refused\n", "1 passed, 0 failed\n")
    );
    fs::write(place.path("catalog/all.yaml"), cased.replace("issues.size() == 1", "issues.size() == 0")).unwrap();
    let (code, stdout, stderr) = place.call(&["test"]);
    assert!(code == 1 && stdout.contains("`issues.size()` is 1") && stderr.contains("1 failed"), "{stdout}{stderr}");

    let (code, list, _) = place.call(&["library"]);
    assert!(code == 0 && list.contains("http-service-triage"), "{list}");
    let (code, document, _) = place.call(&["library", "http-endpoint"]);
    assert!(code == 0 && document.starts_with("kind: Task\n"), "{document}");
    assert_eq!(place.call(&["library", "nothing"]).0, 2);
}
