use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{Disposition, Event, EventId, EventKind, LastTime, RawFragment, Run, RunId, RunStatus, Secret};
use http::{Method, Request, Response};
use jiff::Timestamp;
use local::{Database, SqliteTable};
use ports::{Clock, HandleHttp, OsEntropy, PortError, ReadSecret, SecretError};
use store::{
    Store,
    link::{self, DAYS, Scope},
};
use tempfile::TempDir;

use super::view;
use crate::Console;

struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// What `read` has cached, and what `reread` finds.
struct Keys {
    cached: Mutex<Result<Vec<Secret>, ()>>,
    stored: Vec<Secret>,
    rereads: AtomicUsize,
}

#[async_trait]
impl ReadSecret for Keys {
    async fn read(&self, _: &str) -> Result<Vec<Secret>, SecretError> {
        self.cached.lock().unwrap().clone().map_err(|()| PortError::transient("read the secret", "throttled").into())
    }

    async fn reread(&self, _: &str) -> Result<Vec<Secret>, SecretError> {
        self.rereads.fetch_add(1, Ordering::SeqCst);
        Ok(self.stored.clone())
    }
}

fn queued(opened_at: i64, random: u128) -> Run {
    let at = Timestamp::from_second(opened_at).unwrap();
    let id = RunId::opened_by(EventId::mint(at, random));
    Run { id, created_at: at, status: RunStatus::Queued, lease: None, ..view().run }
}

struct World {
    _folder: TempDir,
    clock: Arc<HandClock>,
    keys: Arc<Keys>,
    store: Store,
    console: Console,
}

/// 2025-11-20T22:12:01Z, the day of the run in `view`.
const NOW: i64 = 1_763_676_721;

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let table = Arc::new(SqliteTable::new(Database::open(&folder.path().join("firstlook.db")).unwrap()));
        let clock = Arc::new(HandClock(AtomicI64::new(NOW)));
        let keys = Arc::new(Keys {
            cached: Mutex::new(Ok(vec![Secret::new("key")])),
            stored: vec![Secret::new("key")],
            rereads: AtomicUsize::new(0),
        });
        let store = Store::new(table, clock.clone(), Arc::new(OsEntropy));
        let console = Console { reader: store.reader(), secrets: keys.clone(), clock: clock.clone(), link_days: DAYS };
        Self { _folder: folder, clock, keys, store, console }
    }

    async fn open_run(&self, opened_at: i64, random: u128) -> Run {
        let run = queued(opened_at, random);
        self.store.open_command(&run).await.unwrap();
        run
    }

    async fn ask(&self, method: Method, path_and_query: &str) -> (u16, Response<Bytes>, String) {
        let request = Request::builder().method(method).uri(path_and_query).body(Bytes::new()).unwrap();
        let response = self.console.handle(request).await;
        let text = String::from_utf8(response.body().to_vec()).unwrap();
        (response.status().as_u16(), response, text)
    }

    async fn get(&self, path_and_query: &str) -> (u16, String) {
        let (status, _, text) = self.ask(Method::GET, path_and_query).await;
        (status, text)
    }

    fn link(&self, scope: Scope) -> String {
        self.link_by(scope, "key")
    }

    fn link_by(&self, scope: Scope, key: &str) -> String {
        link::sign("", scope, Timestamp::from_second(NOW + 100).unwrap(), &Secret::new(key))
    }
}

#[tokio::test]
async fn i1_a_run_is_shown_to_who_holds_its_link_and_to_nobody_else() {
    let world = World::new();
    let run = world.open_run(NOW, 1).await;
    let other = world.open_run(NOW, 2).await;
    let link = world.link(Scope::Run(run.id));
    let (_, query) = link.split_once('?').unwrap();

    let (status, text) = world.get(&link).await;
    assert!(status == 200 && text.contains("Checkout: orders are late"), "{status}");

    for path in [
        format!("/runs/{}", run.id),
        format!("/runs/{}.json", run.id),
        format!("/runs/{}?{query}", other.id),
        format!("/runs?{query}"),
        format!("/runs.json?{query}"),
        format!("/runs/{}?{query}x", run.id),
        format!("/runs/{}?{}", run.id, query.replace("exp=", "exp=9")),
        world.link_by(Scope::Run(run.id), "another key"),
        // Whether there is such a run is not told either.
        "/runs/run_01KAPW8Z000000000000000009".to_owned(),
    ] {
        let (status, text) = world.get(&path).await;
        assert_eq!(status, 403, "{path}");
        assert!(text.contains("firstlook link"), "{path} says how to get a link");
        assert!(!text.contains("Checkout"), "{path}");
    }
}

#[tokio::test]
async fn i1_a_link_that_has_ended_says_so() {
    let world = World::new();
    let run = world.open_run(NOW, 1).await;
    world.clock.0.store(NOW + 101, Ordering::SeqCst);
    let (status, text) = world.get(&world.link(Scope::Run(run.id))).await;
    assert_eq!(status, 403);
    assert!(text.contains("has expired") && text.contains(&format!("firstlook link {}", run.id)), "{text}");
}

#[tokio::test]
async fn i1_a_rotated_key_is_read_anew_before_a_link_is_refused() {
    let world = World::new();
    let run = world.open_run(NOW, 1).await;
    *world.keys.cached.lock().unwrap() = Ok(vec![Secret::new("the old one")]);
    assert_eq!(world.get(&world.link(Scope::Run(run.id))).await.0, 200);
    assert_eq!(world.keys.rereads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn i1_nothing_is_shown_while_the_key_cannot_be_read() {
    let world = World::new();
    let run = world.open_run(NOW, 1).await;
    *world.keys.cached.lock().unwrap() = Err(());
    let (status, text) = world.get(&world.link(Scope::Run(run.id))).await;
    assert!(status == 503 && !text.contains("Checkout"), "{status}");
}

#[tokio::test]
async fn the_same_run_is_there_as_json_without_its_leases() {
    let world = World::new();
    let run = world.open_run(NOW, 1).await;
    world.store.claim_run(run.id, Duration::from_secs(30)).await.unwrap();
    let link = world.link(Scope::Run(run.id)).replace('?', ".json?");
    let (status, text) = world.get(&link).await;
    assert_eq!(status, 200);
    assert!(!text.contains("lse_"), "{text}");
    let read: domain::RunView = serde_json::from_str(&text).unwrap();
    assert_eq!((read.run.id, read.run.status), (run.id, RunStatus::Running));
}

#[tokio::test]
async fn a_run_that_has_gone_is_not_found_by_a_good_link() {
    let world = World::new();
    let gone: RunId = "run_01KAPW8Z000000000000000009".parse().unwrap();
    assert_eq!(world.get(&world.link(Scope::Run(gone))).await.0, 404);
    for path in ["/", "/run", "/runs/", "/runs/x", "/runs/x.json", "/runsx", "/runs/run_01KAPW8Z000000000000000009/x"] {
        assert_eq!(world.get(path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn every_answer_forbids_the_browser_everything_but_its_style() {
    let world = World::new();
    let run = world.open_run(NOW, 1).await;
    for path in [world.link(Scope::Run(run.id)), world.link(Scope::List), "/runs".to_owned(), "/nothing".to_owned()] {
        let (_, response, text) = world.ask(Method::GET, &path).await;
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cache-control"), "no-store");

        // The style on the page is the one that the policy names.
        use base64::{Engine, engine::general_purpose::STANDARD};
        use sha2::{Digest, Sha256};
        let style = text.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        assert!(policy.contains(&format!("'sha256-{}'", STANDARD.encode(Sha256::digest(style)))), "{policy}");
    }
}

#[tokio::test]
async fn only_reading_is_answered_and_a_head_has_no_body() {
    let world = World::new();
    let link = world.link(Scope::List);
    let (status, response, _) = world.ask(Method::POST, &link).await;
    assert_eq!((status, response.headers()["allow"].to_str().unwrap()), (405, "GET, HEAD"));
    let (status, _, text) = world.ask(Method::HEAD, &link).await;
    assert_eq!((status, text.as_str()), (200, ""));
}

fn hrefs(html: &str) -> Vec<String> {
    html.split("href=\"").skip(1).map(|rest| rest.split_once('"').unwrap().0.replace("&amp;", "&")).collect()
}

#[tokio::test]
async fn the_list_leads_to_every_run_and_no_link_outlives_the_lists_own() {
    let world = World::new();
    let runs = [world.open_run(NOW, 1).await, world.open_run(NOW - 86_400, 2).await];
    let (status, text) = world.get(&world.link(Scope::List)).await;
    assert_eq!(status, 200);
    for run in runs {
        let href = hrefs(&text).into_iter().find(|href| href.starts_with(&format!("runs/{}?", run.id))).unwrap();
        assert_eq!(world.get(&format!("/{href}")).await.0, 200);
        assert!(href.contains(&format!("exp={}&", NOW + 100)));
    }
}

#[tokio::test]
async fn i1_a_link_leads_on_to_other_looks_at_its_incident_alone_and_no_longer_than_their_own_links() {
    let world = World::new();
    let kept = i64::from(DAYS) * 86_400;
    let cases = [
        (NOW - 60, None, Some(NOW + 100)),
        (NOW - kept + 40, None, Some(NOW + 40)),
        (NOW - kept - 1, None, None),
        (NOW - 60, Some("other-pages".parse().unwrap()), None),
    ];
    for (number, (opened_at, workflow, until)) in (1..).zip(cases) {
        let mut look = queued(opened_at, number);
        look.workflow = workflow.or(look.workflow);
        // What fired alike may be of any Workflow.
        let alike = queued(NOW - 60, 100 + number);
        let mut run = queued(NOW, 200 + number).after(&look);
        run.newest = Some(look.as_newest());
        run.last_time = Some(LastTime::of(&[(alike.clone(), vec![])], run.created_at));
        for run in [&look, &alike, &run] {
            world.store.open_command(run).await.unwrap();
        }
        let (_, page) = world.get(&world.link(Scope::Run(run.id))).await;
        let to_run = |href: &String| href.starts_with("run_") && !href.starts_with(&run.id.to_string());
        let led: Vec<String> = hrefs(&page).into_iter().filter(to_run).collect();
        assert_eq!(led.len(), if until.is_some() { 2 } else { 0 }, "{led:?}");
        for href in led {
            assert!(href.starts_with(&format!("{}?exp={}&", look.id, until.unwrap())), "{href}");
            assert_eq!(world.get(&format!("/runs/{href}")).await.0, 200, "{href}");
        }
        assert!(page.contains(&alike.id.to_string()) && page.contains("firstlook link ID"), "{page}");
    }
}

#[tokio::test]
async fn a_long_day_is_paged_and_earlier_days_are_one_link_away() {
    let world = World::new();
    for n in 0..23 {
        world.open_run(NOW - 60 + n, u128::try_from(n).unwrap()).await;
    }
    let before = world.open_run(NOW - 86_400, 99).await;

    let (_, first) = world.get(&world.link(Scope::List)).await;
    let on_first: Vec<_> = hrefs(&first).into_iter().filter(|href| href.starts_with("runs/")).collect();
    assert_eq!(on_first.len(), 20);
    let more = hrefs(&first).into_iter().find(|href| href.contains("&runs=")).unwrap();
    let (status, second) = world.get(&format!("/{more}")).await;
    let on_second: Vec<_> = hrefs(&second).into_iter().filter(|href| href.starts_with("runs/")).collect();
    assert_eq!((status, on_second.len()), (200, 3));
    assert!(on_second.iter().all(|href| !on_first.contains(href)));

    let earlier = hrefs(&second).into_iter().find(|href| href.contains("&day=") && !href.contains("&runs=")).unwrap();
    let (status, third) = world.get(&format!("/{earlier}")).await;
    assert!(status == 200 && third.contains(&before.id.to_string()));
}

#[tokio::test]
async fn i14_an_event_that_nothing_followed_from_stands_on_the_list_with_its_reason() {
    let world = World::new();
    let at = Timestamp::from_second(NOW).unwrap();
    let reason = "no workflow of pagerduty wants it";
    let event = Event {
        id: EventId::mint(at, 5),
        source: "pagerduty".parse().unwrap(),
        source_type: "pagerduty".into(),
        kind: EventKind::Triggered,
        provider_kind: "incident.triggered".into(),
        delivery_key: "k".into(),
        external_id: None,
        occurred_at: at,
        received_at: at,
        summary: "Disk is full".into(),
        alert: None,
        disposition: Disposition::Unmatched { reason: reason.into() },
        raw: RawFragment::keep("{}"),
    };
    world.store.unmatched(&event, reason).await.unwrap();
    let (_, text) = world.get(&world.link(Scope::List)).await;
    assert!(text.contains("Disk is full") && text.contains(reason), "{text}");

    let (status, text) = world.get(&world.link(Scope::List).replace("/runs?", "/runs.json?")).await;
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, json["unmatched"][0]["reason"].as_str()), (200, Some(reason)));
}

#[tokio::test]
async fn an_empty_list_says_so_and_a_wrong_address_is_no_fault_of_ours() {
    let world = World::new();
    let list = world.link(Scope::List);
    let (status, text) = world.get(&list).await;
    assert!(status == 200 && text.contains("Nothing came"), "{text}");
    for wrong in ["&day=yesterday", "&runs=rubbish", "&events=rubbish"] {
        assert_eq!(world.get(&format!("{list}{wrong}")).await.0, 400, "{wrong}");
    }
}
