//! The scenarios in the local world: the same handlers on SQLite, each scenario in a world of its own.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use inbox::{Inbox, ModelServer};
use ports::{Queue, SendMessage};
use serde_json::Value;
use store::Reader;

use super::{delivery, path, reading, schedule, slack, storm};
use crate::{
    aws_world::loopback_client,
    support::{
        catalog,
        pages::{Page, SIGNING_SECRET, captured},
        shop::Shop,
        stage::{Kill, Stage, Workers},
        world::{Answer, World, answer},
    },
};

/// A local world with its workers.
pub struct Local {
    pub stage: Stage,
    pub inbox: Inbox,
    pub shop: Shop,
    models: ModelServer,
    client: reqwest::Client,
    server: local::HttpServer,
    workers: Option<Workers>,
    /// Removed with the world.
    folder: tempfile::TempDir,
}

impl Local {
    /// A world whose workers run in this process.
    pub async fn start() -> Self {
        let mut world = Self::without_workers().await;
        world.workers = Some(world.stage.work(&Kill::never()));
        world
    }

    /// A world in which nobody takes messages, until somebody starts workers on its folder.
    pub async fn without_workers() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inbox = Inbox::start("127.0.0.1:0".parse().unwrap(), Arc::new(ports::SystemClock)).await.unwrap();
        catalog::CHANNELS.iter().for_each(|channel| inbox.open_channel(channel));
        let shop = Shop::start().await;
        let models = reading::start().await;
        let documents = folder.path().join("catalog");
        std::fs::create_dir(&documents).unwrap();
        let compiled = catalog::write(&documents, &shop, &inbox, &models).to_compiled();
        std::fs::write(folder.path().join("catalog.json"), compiled).unwrap();
        write_secrets(folder.path());
        let stage = Stage::open(folder.path(), &inbox.slack_api(), &inbox.pagerduty_api());
        let server = local::HttpServer::start("127.0.0.1:0".parse().unwrap(), stage.doors()).await.unwrap();
        Self { stage, inbox, shop, models, client: loopback_client(), server, workers: None, folder }
    }

    async fn stop(mut self) {
        if let Some(workers) = self.workers.take() {
            workers.stop().await;
        }
    }
}

fn write_secrets(folder: &Path) {
    let mut signing = vec![Value::from(SIGNING_SECRET)];
    if let Some((_, captured)) = captured("v3_signed_2025_ping", "v3_signed_2025_ping") {
        signing.push(captured.into());
    }
    let secrets = catalog::secrets(signing.into());
    std::fs::write(folder.join("secrets.json"), secrets.to_string()).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder.join("secrets.json"), std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[async_trait]
impl World for Local {
    async fn post(&self, source: &str, page: &Page) -> Answer {
        answer(&self.client, &format!("{}/hooks/{source}", self.server.url()), &[], page).await
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let response = self.client.get(format!("{}{path}", self.server.url())).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    fn reader(&self) -> Reader {
        self.stage.store.reader()
    }

    fn sender(&self) -> &dyn SendMessage {
        &self.stage.queues
    }

    async fn depth(&self, queue: Queue) -> u64 {
        let depth = self.stage.queues.depth(queue).await.unwrap();
        depth.visible + depth.in_flight + depth.delayed
    }

    async fn redrive(&self, queue: Queue) {
        self.stage.queues.redrive(queue).await.unwrap();
    }

    fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    fn models(&self) -> &ModelServer {
        &self.models
    }

    fn shop(&self) -> &Shop {
        &self.shop
    }
}

macro_rules! scenarios {
    ($($name:ident: $scenario:path;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let world = Local::start().await;
            $scenario(&world).await;
            world.stop().await;
        }
    )*};
}

scenarios! {
    captured_webhooks_go_through: path::captured_webhooks_go_through;
    a_page_becomes_an_answer_in_every_target: path::a_page_becomes_an_answer_in_every_target;
    i3_ten_identical_webhooks_are_one_run_with_nine_duplicates: path::i3_ten_identical_webhooks_are_one_run_with_nine_duplicates;
    i3_events_of_one_incident_share_its_run: path::i3_events_of_one_incident_share_its_run;
    i3_of_two_alerts_under_one_key_the_incident_is_over_when_both_are:
        path::i3_of_two_alerts_under_one_key_the_incident_is_over_when_both_are;
    i1_i14_refused_and_unwanted_events_are_told_apart: path::i1_i14_refused_and_unwanted_events_are_told_apart;
    i14_a_run_that_cannot_be_investigated_says_so_in_slack: path::i14_a_run_that_cannot_be_investigated_says_so_in_slack;
    a_shadowed_workflow_stores_and_delivers_nothing: path::a_shadowed_workflow_stores_and_delivers_nothing;
    i5_a_poison_message_reaches_the_dead_letters: path::i5_a_poison_message_reaches_the_dead_letters;
    i4_slack_misbehaving_ends_in_one_message: delivery::i4_slack_misbehaving_ends_in_one_message;
    i5_a_refused_delivery_is_visible_and_redriven_after_the_mend: delivery::i5_a_refused_delivery_is_visible_and_redriven_after_the_mend;
    i14_targets_are_told_under_their_conditions: delivery::i14_targets_are_told_under_their_conditions;
    i5_a_broken_target_delays_no_other: delivery::i5_a_broken_target_delays_no_other;
    i3_a_storm_gives_the_runs_that_the_catalog_says_and_no_event_is_lost: storm::i3_a_storm_gives_the_runs_that_the_catalog_says_and_no_event_is_lost;
    i3_what_is_over_max_open_is_gathered_until_there_is_room: over_max_open;
    i3_a_slash_command_becomes_one_answer_in_its_channel: slack::i3_a_slash_command_becomes_one_answer_in_its_channel;
    i1_what_may_not_be_run_is_refused_with_the_mend: slack::i1_what_may_not_be_run_is_refused_with_the_mend;
    a_mention_in_a_thread_attaches_and_asks: slack::a_mention_in_a_thread_attaches_and_asks;
    a_report_is_rated_by_the_buttons_of_its_message: slack::a_report_is_rated_by_the_buttons_of_its_message;
    a_run_is_stopped_by_the_button_of_its_message: slack::a_run_is_stopped_by_the_button_of_its_message;
    i3_a_run_is_run_again_by_the_button_of_its_message: slack::i3_a_run_is_run_again_by_the_button_of_its_message;
    i1_a_run_is_run_again_only_where_its_command_may_be_run: slack::i1_a_run_is_run_again_only_where_its_command_may_be_run;
    i11_a_model_of_messages_reads_and_cites: reading::i11_a_model_of_messages_reads_and_cites;
    i11_a_model_of_chat_completions_reads_and_cites: reading::i11_a_model_of_chat_completions_reads_and_cites;
    i11_a_model_of_converse_reads_and_cites: reading::i11_a_model_of_converse_reads_and_cites;
    i10_i14_a_model_that_misbehaves_keeps_no_run_from_its_conclusion: reading::i10_i14_a_model_that_misbehaves_keeps_no_run_from_its_conclusion;
    a_reopened_incident_gets_a_new_look_until_it_flaps: storm::a_reopened_incident_gets_a_new_look_until_it_flaps;
}

async fn over_max_open(world: &Local) {
    storm::i3_what_is_over_max_open_is_gathered_until_there_is_room(world).await;
}

/// With hands enough for all of them, since most wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i10_i14_whatever_a_model_answers_every_run_concludes_with_an_outcome() {
    let mut world = Local::without_workers().await;
    world.stage.hands = 100;
    world.workers = Some(world.stage.work(&Kill::never()));
    reading::i10_i14_whatever_a_model_answers_every_run_concludes_with_an_outcome(&world).await;
    world.stop().await;
}

/// A clock that goes only when it is told to.
struct Stepped(std::sync::Mutex<jiff::Timestamp>);

impl ports::Clock for Stepped {
    fn now(&self) -> jiff::Timestamp {
        *self.0.lock().unwrap()
    }
}

/// The local world's own timer: a second before the time nothing, at the time the run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i3_what_the_clock_says_becomes_one_run_and_its_delivery() {
    let world = Local::start().await;
    let due: jiff::Timestamp = catalog::NIGHTLY_AT.parse().unwrap();
    let second = jiff::SignedDuration::from_secs(1);
    let clock = Arc::new(Stepped(std::sync::Mutex::new(due - 2 * second)));
    let mut timer = world.stage.timer(Arc::clone(&clock) as Arc<_>);
    *clock.0.lock().unwrap() += second;
    timer.look().await.unwrap();
    assert_eq!(world.depth(Queue::Investigate).await, 0);
    *clock.0.lock().unwrap() += second;
    timer.look().await.unwrap();
    assert_eq!(timer.next().count(), 0, "`at` is once");
    schedule::i3_what_the_clock_says_becomes_one_run_and_its_delivery(&world).await;
    world.stop().await;
}

/// The workers end, the catalog is another one, and they begin again, as a person restarts `firstlook dev`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_a_mend_in_the_catalog_reaches_what_was_given_up() {
    let mut world = Local::start().await;
    let file = world.stage.catalog_path();
    let before = ::catalog::Catalog::from_compiled(&std::fs::read(&file).unwrap()).unwrap();
    let mend = async |world: &mut Local, catalog: Vec<u8>| {
        if let Some(workers) = world.workers.take() {
            workers.stop().await;
        }
        std::fs::write(&file, catalog).unwrap();
        world.stage = Stage::open(world.folder.path(), &world.inbox.slack_api(), &world.inbox.pagerduty_api());
        world.workers = Some(world.stage.work(&Kill::never()));
    };
    delivery::i5_a_mend_in_the_catalog_reaches_what_was_given_up(&mut world, before, mend).await;
    world.stop().await;
}

/// A queue that does not accept: the sender is told to try again, and nothing was done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_without_the_queue_there_is_no_2xx_and_nothing_half_done() {
    let world = Local::start().await;
    let page = crate::support::pages::page("incident.triggered", "QBUSY", "PCHAT", "QBUSY", "2026-11-22T10:00:00Z");
    let broken = rusqlite::Connection::open(world.stage.database_path()).unwrap();
    broken.execute_batch("ALTER TABLE messages RENAME TO gone").unwrap();
    let refused = world.post("pagerduty", &page).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.retry_after.is_some(), "{refused:?}");
    broken.execute_batch("ALTER TABLE gone RENAME TO messages").unwrap();
    assert_eq!(world.depth(Queue::Investigate).await, 0);
    let run = world.post("pagerduty", &page).await.run();
    let view = crate::support::world::settled(&world, run).await;
    assert_eq!(view.run.counts.duplicates, 0, "the refused one left nothing behind");
    world.stop().await;
}

/// How a child process is told what to do; see [`crate::support::stage::child`].
#[test]
#[ignore = "a child process of the kill tests"]
fn child() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(crate::support::stage::child());
}

/// Killed at each durable write, before it and after it, by SIGKILL: the next process goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i6_killed_between_any_two_durable_writes_the_run_ends_once() {
    super::kill::everywhere_locally().await;
}

/// The same where a model reads: no turn that is recorded is paid for twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i6_killed_between_any_two_writes_of_a_reading_no_recorded_turn_is_paid_twice() {
    super::kill::everywhere_in_a_reading_locally().await;
}

/// Killed on every receipt: people are told, and one command brings the run back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i14_a_run_that_ends_its_process_each_time_is_given_up_and_redriven() {
    super::kill::again_and_again().await;
}
