//! The pages as people see them: `firstlook dev` serves them, and a real browser draws them. What the tests cannot judge
//! stands as pictures in `target/pictures`.

mod browser;
mod record;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{DeliverMessage, OutletSpec, RunId, RunView, TargetSpec};
use http::{Request, Response};
use local::{Database, FileSecrets, Folder, HttpServer, MaxReceives, SqliteQueues, SqliteTable};
use ports::{HandleHttp, OsEntropy, Queue, ReadSecret, SendMessage, SystemClock};
use serde_json::{Value, json};
use store::{
    Store,
    link::{self, Scope},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use self::{
    browser::{Browser, Probed, Screen, Seen},
    record::PAYLOAD,
};
use crate::{aws_world::build, support::world::until};

type Named = (&'static str, Screen);

const PHONE_LIGHT: Named = ("phone-light", Screen { width: 390, dark: false });
const PHONE_DARK: Named = ("phone-dark", Screen { width: 390, dark: true });
const DESKTOP_LIGHT: Named = ("desktop-light", Screen { width: 1280, dark: false });
const DESKTOP_DARK: Named = ("desktop-dark", Screen { width: 1280, dark: true });

/// What a page has that the others must not have.
#[derive(Debug, Clone, Copy)]
struct Kind {
    /// How many styles stand in its head.
    styles: usize,
    /// How many quiet frames it has.
    frames: usize,
    /// Whether its elements have styles of their own.
    styled: bool,
    /// Whether it comes with a 403, of which browsers complain.
    refused: bool,
    /// Each width and each scheme once: what is too wide is so in both schemes, and what is faint is so at both widths.
    screens: &'static [Named],
}

const PAGE: Kind = Kind { styles: 1, frames: 0, styled: false, refused: false, screens: &[PHONE_LIGHT, DESKTOP_DARK] };
const MAIL: Kind = Kind { styles: 0, styled: true, ..PAGE };
const OTHER_SCREENS: &[Named] = &[PHONE_DARK, DESKTOP_LIGHT];

/// Where the pictures are kept for people.
fn gallery() -> PathBuf {
    build::target().0.join("pictures")
}

/// A `firstlook dev` at work on a folder of its own, and the ports on its database.
struct Dev {
    child: Child,
    url: String,
    folder: Folder,
    store: Store,
    queues: SqliteQueues,
    _files: tempfile::TempDir,
}

impl Dev {
    async fn start() -> Self {
        let files = tempfile::tempdir().unwrap();
        let catalog = files.path().join("catalog");
        std::fs::create_dir(&catalog).unwrap();
        let source = "kind: Source\nname: pagerduty\ntype: pagerduty\nverify: { secret: pagerduty-signing }\n";
        std::fs::write(catalog.join("source.yaml"), source).unwrap();
        let folder = Folder::open(files.path().join("data")).unwrap();
        let clock = Arc::new(SystemClock);
        let database = Database::open(&folder.database()).unwrap();
        let store = Store::new(Arc::new(SqliteTable::new(database.clone())), clock.clone(), Arc::new(OsEntropy));
        let queues = SqliteQueues::new(database, clock, MaxReceives::default());
        let mut command = Command::new(build::firstlook().await);
        command.arg("dev").arg(&catalog).arg("--data").arg(folder.path()).args(["--port", "0"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = loop {
            let line = said.next_line().await.unwrap().expect("it says where it is");
            if let Some(at) = line.find("http://127.0.0.1:") {
                break line[at..].split_whitespace().next().unwrap().to_owned();
            }
        };
        // What it says further is read, so that it can go on saying it.
        tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
        Self { child, url, folder, store, queues, _files: files }
    }

    async fn link(&self, scope: Scope) -> String {
        let key = FileSecrets::new(self.folder.secrets()).read("console-link-key").await.unwrap().remove(0);
        link::sign(&self.url, scope, jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1), &key)
    }

    async fn json(&self, path: &str) -> Value {
        let answer = crate::aws_world::loopback_client().get(format!("{}{path}", self.url));
        serde_json::from_slice(&answer.send().await.unwrap().bytes().await.unwrap()).unwrap()
    }

    /// Has deliver bring `run` to its targets, and waits until each of them has it.
    async fn deliver(&self, run: RunId, targets: &[TargetSpec]) {
        for target in targets {
            let news = DeliverMessage::TargetV1 { run, target: target.name.clone(), revision: 2, waits_since: None };
            let body = serde_json::to_string(&news).unwrap();
            self.queues.send(Queue::Deliver, &body, "pictures", std::time::Duration::ZERO).await.unwrap();
        }
        let reader = self.store.reader();
        until("the deliveries", async || {
            let view = reader.view(run).await.unwrap()?;
            let failed = view.targets.iter().find(|target| target.state == domain::TargetState::Failed);
            assert!(failed.is_none(), "{failed:?}");
            view.targets.iter().all(|target| target.state == domain::TargetState::Sent).then_some(())
        })
        .await;
    }

    async fn stop(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// One target of each kind that the inbox stands in for.
fn targets() -> Vec<TargetSpec> {
    let all = json!([
        {"name": "slack", "outlet": {"slack": {"channel": "#checkout-oncall"}}},
        {"name": "slack-webhook", "outlet": {"slack-webhook": {"secret": "slack-url"}}},
        {"name": "pagerduty", "outlet": {"pagerduty": {"note": true}}},
        {"name": "opsgenie", "outlet": {"opsgenie": {"note": true}}},
        {"name": "jsm", "outlet": {"jsm": {"note": true}}},
        {"name": "jira", "outlet": {"jira": {"site": "https://acme.atlassian.net", "issue": "OPS-12"}}},
        {"name": "servicenow", "outlet": {"servicenow": {"instance": "https://acme.service-now.com", "incident": "INC0010001"}}},
        {"name": "github", "outlet": {"github": {"repository": "acme/checkout", "issue": "12"}}},
        {"name": "teams", "outlet": {"teams": {"secret": "teams-url"}}},
        {"name": "e-mail", "outlet": {"e-mail": {"to": ["oncall@example.com"], "from": "firstlook@example.com"}}},
        {"name": "webhook", "outlet": {"webhook": {"url": "https://hooks.example.com/firstlook", "secret": "webhook-key"}}},
    ]);
    serde_json::from_value(all).unwrap()
}

#[test]
fn no_kind_of_outlet_is_left_out() {
    let schema = schemars::schema_for!(OutletSpec);
    let kinds = schema.get("oneOf").and_then(Value::as_array).unwrap();
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind["required"][0].as_str().unwrap()).collect();
    let known: Vec<&str> = targets().iter().map(|target| target.outlet.kind()).collect();
    assert_eq!(known, kinds);
}

fn sound(name: &str, seen: &Seen, kind: Kind, screen: Screen, from: &str) {
    let page = &seen.page;
    assert_eq!(page.width, screen.width, "{name}");
    assert!(seen.dialogs == 0, "{name}: a script ran");
    harmless(name, page);
    let elsewhere = |url: &&String| !url.starts_with(from) && *url != "about:srcdoc";
    let elsewhere: Vec<&String> = seen.asked.iter().filter(elsewhere).collect();
    assert!(elsewhere.is_empty(), "{name} asked for {elsewhere:?}");
    assert_eq!((page.styles, page.frames.len()), (kind.styles, kind.frames), "{name}: its styles and its frames");
    assert_eq!(!page.styled.is_empty(), kind.styled, "{name}: {:?}", page.styled);
    assert_eq!(seen.frames.len(), kind.frames, "{name}: each frame was looked into");
    for (number, frame) in seen.frames.iter().enumerate() {
        let name = format!("{name}, frame {number}");
        harmless(&name, frame);
        assert_eq!((frame.styles, frame.frames.len(), frame.styled.is_empty()), (0, 0, false), "{name} is a mail");
    }
    let known = |complaint: &&String| kind.refused && complaint.contains("the server responded with a status of 403");
    let complaints: Vec<&String> = seen.complaints.iter().filter(|complaint| !known(complaint)).collect();
    assert!(complaints.is_empty(), "{name}: {complaints:#?}");
}

/// What must hold of a page and of what is within its frames.
fn harmless(name: &str, page: &Probed) {
    assert!(page.scroll_width <= page.width, "{name}: {} wide, by {:?}", page.scroll_width, page.wide);
    assert!(page.wide.is_empty(), "{name} is left by {:?}", page.wide);
    assert!(page.faint.is_empty(), "{name}: hard to read: {:#?}", page.faint);
    assert!(page.texts > 5, "{name}: there is something to read");
    assert!(!page.ran && page.title != "ran", "{name}: a script ran");
    assert!(page.active.is_empty(), "{name}: {:?}", page.active);
    assert!(page.unmarked.is_empty(), "{name}: does not look as if it opened: {:?}", page.unmarked);
    assert!(!page.styled.iter().any(|style| style.contains("url(")), "{name}: {:?}", page.styled);
    assert!(page.schemes.iter().all(|scheme| scheme == "https:" || scheme == "http:"), "{name}: {:?}", page.schemes);
}

/// A body of HTML within what was posted: an e-mail's.
fn html_within(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.trim_start().to_ascii_lowercase().starts_with("<!doctype html") => {
            Some(text.clone())
        }
        Value::Array(list) => list.iter().find_map(html_within),
        Value::Object(map) => map.values().find_map(html_within),
        _ => None,
    }
}

/// Serves one page as it is, with nothing that forbids it anything.
struct Bare(String);

#[async_trait]
impl HandleHttp for Bare {
    async fn handle(&self, _: Request<Bytes>) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(self.0.clone()));
        response.headers_mut().insert("content-type", "text/html; charset=utf-8".parse().unwrap());
        response
    }
}

async fn bare(html: &str) -> HttpServer {
    HttpServer::start(SocketAddr::from(([127, 0, 0, 1], 0)), Arc::new(Bare(html.to_owned()))).await.unwrap()
}

/// The browser; without one these tests pass unseen, unless `FIRSTLOOK_NEED_CHROMIUM` is set.
fn program() -> Option<PathBuf> {
    found_or_not_needed(browser::chromium(), std::env::var_os("FIRSTLOOK_NEED_CHROMIUM").is_some())
}

fn found_or_not_needed(found: Option<PathBuf>, needed: bool) -> Option<PathBuf> {
    let missing = "there is no chromium on PATH, and FIRSTLOOK_CHROMIUM names none";
    assert!(found.is_some() || !needed, "no page was looked at: {missing}");
    if found.is_none() {
        println!("skipped: {missing}");
    }
    found
}

#[test]
fn without_a_browser_the_pages_are_not_said_to_be_looked_at_where_they_must_be() {
    assert!(found_or_not_needed(None, false).is_none());
    assert!(std::panic::catch_unwind(|| found_or_not_needed(None, true)).is_err());
}

async fn look(browser: &Browser, name: &str, kind: Kind, url: &str, from: &str, check: impl Fn(&str, &Seen)) {
    for &(on, screen) in kind.screens {
        let name = format!("{name}-{on}");
        let seen = browser.look(url, screen, &gallery().join(format!("{name}.png"))).await;
        sound(&name, &seen, kind, screen, from);
        check(&name, &seen);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i8_pages_are_legible_and_nothing_from_an_alert_comes_alive_in_a_browser() {
    let Some(program) = program() else { return };
    // Whatever stands there is of this run.
    let _ = std::fs::remove_dir_all(gallery());
    std::fs::create_dir_all(gallery()).unwrap();
    let dev = Dev::start().await;
    let common = serde_json::from_value(record::common()).unwrap();
    let (infected, places) = record::infected(record::common());
    assert!(places > 100, "{places} texts were replaced");
    let whole = record::write(&dev.store, &common, None, None, 1).await;
    let evil = record::write(&dev.store, &infected, None, None, 2).await;
    record::unmatched(&dev.store).await;
    let browser = Browser::start(&program);
    let verdict = |name: &str, seen: &Seen| {
        let verdict = seen.page.verdict.as_ref().unwrap_or_else(|| panic!("{name}: no verdict"));
        assert!(verdict.text.len() > 20, "{name}: {verdict:?}");
        verdict.top
    };
    let shows = |name: &str, text: &str, times: usize| {
        let shown = text.matches("<script>window.ran=1").count();
        assert!(shown >= times, "{name}: the payload is shown {shown} times");
    };
    look(&browser, "run", PAGE, &dev.link(Scope::Run(whole)).await, &dev.url, |name, seen| {
        assert!(verdict(name, seen) < 500.0, "{name}: the verdict is not seen at once");
        assert!(seen.page.text.contains("Checkout is down: its connections are used up"), "{name}");
        let next = seen.page.parts["Next steps"];
        assert!(next < 1000.0, "{name}: what to do begins at {next}");
    })
    .await;
    let others = Kind { screens: OTHER_SCREENS, ..PAGE };
    look(&browser, "run-evil", others, &dev.link(Scope::Run(evil)).await, &dev.url, |name, seen| {
        verdict(name, seen);
        shows(name, &seen.page.text, 40);
    })
    .await;
    look(&browser, "list", PAGE, &dev.link(Scope::List).await, &dev.url, |name, seen| {
        shows(name, &seen.page.text, 4);
    })
    .await;
    let refused = format!("{}/runs/{whole}?exp=1&sig=x", dev.url);
    look(&browser, "refused", Kind { refused: true, ..PAGE }, &refused, &dev.url, |name, seen| {
        assert!(seen.page.text.contains(&format!("firstlook link {whole}")), "{name}: {}", seen.page.text);
    })
    .await;
    inboxes(&browser, &dev, &common, &infected, shows).await;
    browser.close().await;
    dev.stop().await;
}

/// The inbox with what a common run has posted and a later look at the same in its thread, and then with the infected run's posts too.
async fn inboxes(
    browser: &Browser,
    dev: &Dev,
    common: &RunView,
    infected: &RunView,
    shows: impl Fn(&str, &str, usize),
) {
    let targets = targets();
    let first = record::write(&dev.store, common, Some(&targets), None, 3).await;
    dev.deliver(first, &targets).await;
    let slack = &targets[..1];
    let last = dev.store.reader().run(first).await.unwrap().unwrap();
    dev.deliver(record::write(&dev.store, common, Some(slack), Some(&last), 4).await, slack).await;
    until("the first message to tell of the later look", async || {
        let posts = dev.json("/inbox.json").await;
        let tells = |post: &Value| post["service"] == "slack" && post["edits"].to_string().contains("Looked at again");
        posts.as_array().unwrap().iter().any(tells).then_some(())
    })
    .await;
    // The page has a style of its own, and a frame for each mail.
    let kind = Kind { styles: 2, frames: 1, ..PAGE };
    let url = format!("{}/inbox", dev.url);
    look(browser, "inbox", kind, &url, &dev.url, |name, seen| {
        let told = |text: &str, what: &str| assert!(text.contains(what), "{name}: {what:?} is not in {text}");
        for what in ["Looked at again", "(edited)", "1 reply", "Spot on", "One hop short", "Run again"] {
            told(&seen.page.text, what);
        }
        for what in ["Checkout is down: its connections are used up", "Restart one instance.", "Open the RunSession"] {
            told(&seen.frames[0].text, what);
        }
    })
    .await;

    let evil = record::write(&dev.store, infected, Some(&targets), None, 5).await;
    dev.deliver(evil, &targets).await;
    let kind = Kind { styles: 2, frames: 2, screens: OTHER_SCREENS, ..PAGE };
    look(browser, "inbox-evil", kind, &url, &dev.url, |name, seen| {
        shows(name, &seen.page.text, targets.len() - 1);
        let mails: String = seen.frames.iter().map(|frame| frame.text.as_str()).collect();
        shows(name, &mails, 20);
    })
    .await;

    // The mails alone, as a mail program shows them that forbids nothing.
    let posted = dev.json("/inbox.json").await;
    let others = Kind { screens: OTHER_SCREENS, ..MAIL };
    for (run, name, kind, times) in [(first, "mail", MAIL, 0), (evil, "mail-evil", others, 20)] {
        let of_run = posted.as_array().unwrap().iter().filter(|post| post.to_string().contains(&run.to_string()));
        let mails: Vec<String> = of_run.filter_map(html_within).collect();
        assert_eq!(mails.len(), 1, "{name}: it was mailed once");
        let mail = bare(&mails[0]).await;
        look(browser, name, kind, &mail.url(), &mail.url(), |name, seen| shows(name, &seen.page.text, times)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_not_sound_is_seen_to_be_so() {
    let Some(program) = program() else { return };
    let browser = Browser::start(&program);
    let page = format!(
        "<!doctype html><title>t</title><meta name=viewport content=\"width=device-width\"><body>\
         <p style=\"color:#999;background:#fff\">faint</p><pre>{}</pre><p>{PAYLOAD}</p><details>more</details><details><summary style=\"list-style:none\">no mark</summary></details><script>alert(1)</script>",
        "w".repeat(400)
    );
    let server = bare(&page).await;
    let screen = Screen { width: 390, dark: false };
    let folder = tempfile::tempdir().unwrap();
    let picture: &Path = &folder.path().join("unsound.png");
    let seen = browser.look(&server.url(), screen, picture).await;
    let page = &seen.page;
    assert!(page.scroll_width > 390 && !page.wide.is_empty(), "{page:?}");
    assert!(page.faint.iter().any(|text| text.contains("faint")), "{page:?}");
    assert!(page.ran && page.title == "ran" && seen.dialogs == 1, "{seen:?}");
    assert!(page.unmarked.iter().any(|text| text == "no mark"), "{page:?}");
    assert!(page.active.len() > 4 && page.schemes.iter().any(|scheme| scheme == "javascript:"), "{page:?}");
    assert!(seen.asked.iter().any(|url| url.contains("elsewhere.example")), "{seen:?}");
    assert!(!seen.complaints.is_empty(), "what could not be loaded is complained of: {seen:?}");
    assert!(picture.exists() && picture.with_extension("open.png").exists());
    browser.close().await;
}
