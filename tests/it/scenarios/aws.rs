//! The scenarios in the AWS world: the functions as they are deployed by `infra/template.yaml`, on the emulator.
//!
//! Three stacks are shared by the tests of this process, each with a runtime of its own that outlives any one test: one
//! for what runs side by side, one behind a proxy for what must run alone, and one whose roles are enforced.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use inbox::{Inbox, ModelServer};
use ports::{Queue, SendMessage};
use serde_json::{Value, json};
use store::Reader;
use tokio::runtime::Runtime;

use super::{alarms, command_line, delivery, doctor, mail, metrics, path, reading, schedule, shipped, slack, storm};
use crate::{
    aws_world::{Deployment, Options},
    support::{
        catalog,
        pages::{Page, SIGNING_SECRET, captured},
        proxy::Refusal,
        shop::Shop,
        world::{Answer, World, answer, settled},
    },
};

/// A deployed stack with the services around it.
pub struct Aws {
    pub deployment: Deployment,
    queues: firstlook_aws::SqsQueues,
    inbox: Inbox,
    shop: Shop,
    models: ModelServer,
    client: reqwest::Client,
}

impl Aws {
    async fn start(change: impl FnOnce(Options) -> Options) -> Self {
        Self::start_with(|shop, inbox, models| {
            let folder = tempfile::tempdir().unwrap();
            (catalog::write(folder.path(), shop, inbox, models).to_compiled(), change)
        })
        .await
    }

    /// Starts one whose catalog and options follow from the services around it.
    async fn start_with<C: FnOnce(Options) -> Options>(
        with: impl FnOnce(&Shop, &Inbox, &ModelServer) -> (Vec<u8>, C),
    ) -> Self {
        let inbox = Inbox::start("127.0.0.1:0".parse().unwrap(), Arc::new(ports::SystemClock)).await.unwrap();
        catalog::CHANNELS.iter().chain([&shipped::CHANNEL]).for_each(|channel| inbox.open_channel(channel));
        let shop = Shop::start().await;
        let models = reading::start().await;
        let (compiled, change) = with(&shop, &inbox, &models);
        // What PagerDuty signed the captured webhooks with is the previous secret, as in a rotation.
        let previous = captured("v3_signed_2025_ping", "v3_signed_2025_ping").map(|(_, secret)| Value::from(secret));
        let before = catalog::secrets(previous.unwrap_or_else(|| json!("no captured webhooks")));
        let options = Options::new(compiled, before)
            .parameter("SlackApi", inbox.slack_api())
            .parameter("PagerDutyApi", inbox.pagerduty_api())
            .parameter("MaxReceives", "3");
        let deployment = Deployment::new(change(options)).await;
        deployment.put_secret(&catalog::secrets(json!(SIGNING_SECRET))).await;
        let (queues, client) = (deployment.queues(), deployment.client());
        Self { deployment, queues, inbox, shop, models, client }
    }
}

#[async_trait]
impl World for Aws {
    async fn post(&self, source: &str, page: &Page) -> Answer {
        answer(&self.client, &self.deployment.url(&format!("/hooks/{source}")), &[], page).await
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let response = self.client.get(self.deployment.url(path)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    fn reader(&self) -> Reader {
        Reader::new(Arc::new(self.deployment.table()))
    }

    fn sender(&self) -> &dyn SendMessage {
        &self.queues
    }

    async fn depth(&self, queue: Queue) -> u64 {
        let depth = self.queues.depth(queue).await.unwrap();
        depth.visible + depth.in_flight + depth.delayed
    }

    async fn redrive(&self, queue: Queue) {
        let dead = queue.dead_letters().unwrap();
        for letter in self.queues.receive(dead, 10, Duration::ZERO).await.unwrap() {
            self.queues.send(queue, &letter.body, "redriven", Duration::ZERO).await.unwrap();
            self.queues.delete(dead, &letter.receipt).await.unwrap();
        }
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

/// A stack and the runtime that its services run on.
struct Shared {
    runtime: Runtime,
    world: Aws,
    alone: tokio::sync::Mutex<()>,
}

impl Shared {
    fn start(change: impl FnOnce(Options) -> Options) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let world = runtime.block_on(Aws::start(change));
        Self { runtime, world, alone: tokio::sync::Mutex::default() }
    }

    fn side_by_side() -> &'static Self {
        static SHARED: OnceLock<Shared> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(|options| options))
    }

    fn proxied() -> &'static Self {
        static SHARED: OnceLock<Shared> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(|options| Options { proxy: true, ..options }))
    }

    fn enforced() -> &'static Self {
        static SHARED: OnceLock<Shared> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(|options| Options { auth: true, ..options }))
    }

    fn run<'a>(&'a self, scenario: impl FnOnce(&'a Aws) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>) {
        // On the runtime's own threads, where its servers are.
        let done = self.runtime.block_on(async {
            let caught = std::panic::AssertUnwindSafe(scenario(&self.world));
            futures_util::FutureExt::catch_unwind(caught).await
        });
        if let Err(panic) = done {
            println!("{}", self.world.deployment.log());
            std::panic::resume_unwind(panic);
        }
    }

    fn run_alone<'a>(&'a self, scenario: impl FnOnce(&'a Aws) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>) {
        let _alone = self.alone.blocking_lock();
        self.run(scenario);
    }
}

macro_rules! scenarios {
    ($shared:ident, $run:ident: $($name:ident: $scenario:path;)*) => {$(
        #[test]
        fn $name() {
            Shared::$shared().$run(|world| Box::pin($scenario(world)));
        }
    )*};
}

scenarios! { side_by_side, run:
    captured_webhooks_go_through: path::captured_webhooks_go_through;
    a_page_becomes_an_answer_in_every_target: path::a_page_becomes_an_answer_in_every_target;
    i3_ten_identical_webhooks_are_one_run_with_nine_duplicates: path::i3_ten_identical_webhooks_are_one_run_with_nine_duplicates;
    i3_events_of_one_incident_share_its_run: path::i3_events_of_one_incident_share_its_run;
    i3_of_two_alerts_under_one_key_the_incident_is_over_when_both_are:
        path::i3_of_two_alerts_under_one_key_the_incident_is_over_when_both_are;
    i1_i14_refused_and_unwanted_events_are_told_apart: path::i1_i14_refused_and_unwanted_events_are_told_apart;
    i14_a_run_that_cannot_be_investigated_says_so_in_slack: path::i14_a_run_that_cannot_be_investigated_says_so_in_slack;
    a_shadowed_workflow_stores_and_delivers_nothing: path::a_shadowed_workflow_stores_and_delivers_nothing;
    i3_what_the_clock_says_becomes_one_run_and_its_delivery: fired_by_the_scheduler;
    an_alarm_that_aws_hands_over_becomes_a_run: alarms::an_alarm_that_aws_hands_over_becomes_a_run;
    i3_what_is_over_max_open_is_gathered_and_all_of_it_is_in_the_metrics: metrics::i3_what_is_over_max_open_is_gathered_and_all_of_it_is_in_the_metrics;
    i3_a_slash_command_becomes_one_answer_in_its_channel: slack::i3_a_slash_command_becomes_one_answer_in_its_channel;
    i1_what_may_not_be_run_is_refused_with_the_mend: slack::i1_what_may_not_be_run_is_refused_with_the_mend;
    a_mention_in_a_thread_attaches_and_asks: slack::a_mention_in_a_thread_attaches_and_asks;
    a_report_is_rated_by_the_buttons_of_its_message: slack::a_report_is_rated_by_the_buttons_of_its_message;
    a_run_is_stopped_by_the_button_of_its_message: slack::a_run_is_stopped_by_the_button_of_its_message;
    i3_a_run_is_run_again_by_the_button_of_its_message: slack::i3_a_run_is_run_again_by_the_button_of_its_message;
    i1_a_run_is_run_again_only_where_its_command_may_be_run: slack::i1_a_run_is_run_again_only_where_its_command_may_be_run;
    i11_i12_a_model_of_messages_reads_and_cites_and_what_it_used_is_in_the_metrics: metrics::i11_i12_a_model_of_messages_reads_and_cites_and_what_it_used_is_in_the_metrics;
    i4_a_run_is_mailed_once_and_its_link_opens_it: mail::i4_a_run_is_mailed_once_and_its_link_opens_it;
    i11_a_model_of_chat_completions_reads_and_cites: reading::i11_a_model_of_chat_completions_reads_and_cites;
    i10_i14_a_model_that_misbehaves_keeps_no_run_from_its_conclusion: reading::i10_i14_a_model_that_misbehaves_keeps_no_run_from_its_conclusion;
    a_reopened_incident_gets_a_new_look_until_it_flaps: storm::a_reopened_incident_gets_a_new_look_until_it_flaps;
}

scenarios! { proxied, run_alone:
    i4_slack_misbehaving_ends_in_one_message: delivery::i4_slack_misbehaving_ends_in_one_message;
    i5_a_refused_delivery_is_visible_and_redriven_after_the_mend: delivery::i5_a_refused_delivery_is_visible_and_redriven_after_the_mend;
    i14_targets_are_told_under_their_conditions: delivery::i14_targets_are_told_under_their_conditions;
    i5_a_broken_target_delays_no_other: delivery::i5_a_broken_target_delays_no_other;
    i5_a_poison_message_reaches_the_dead_letters: path::i5_a_poison_message_reaches_the_dead_letters;
    i6_killed_between_any_two_durable_writes_the_run_ends_once: super::kill::everywhere_on_aws;
    i6_killed_between_any_two_writes_of_a_reading_no_recorded_turn_is_paid_twice: super::kill::everywhere_in_a_reading_on_aws;
    i2_without_the_queue_there_is_no_2xx_and_nothing_half_done: without_the_queue;
    i3_a_storm_gives_the_runs_that_the_catalog_says_and_no_event_is_lost: storm::i3_a_storm_gives_the_runs_that_the_catalog_says_and_no_event_is_lost;
}

// With the emulator's IAM enforcement on: each role has what it needs, and a call beyond it would be refused.
scenarios! { enforced, run_alone:
    each_role_has_what_the_main_path_needs: path::a_page_becomes_an_answer_in_every_target;
    each_role_has_what_attached_events_need: path::i3_events_of_one_incident_share_its_run;
    each_role_has_what_requests_in_a_chat_need: slack::i3_a_slash_command_becomes_one_answer_in_its_channel;
}

scenarios! { enforced, run_alone:
    i7_a_task_reads_what_was_rendered_and_a_denied_one_names_its_permission: denied;
}

// The command line, over TLS and on a stack that has no dead letters but its own.
scenarios! { enforced, run_alone:
    a_person_sends_a_page_and_reads_its_run: command_line::a_person_sends_a_page_and_reads_its_run;
    a_command_is_run_by_hand_on_the_stack: command_line::a_command_is_run_by_hand_on_the_stack;
    i5_one_command_brings_the_dead_letters_of_the_stack_back: command_line::i5_one_command_brings_the_dead_letters_of_the_stack_back;
    what_cannot_be_done_on_a_stack_says_what_to_do: command_line::what_cannot_be_done_on_a_stack_says_what_to_do;
}

/// EventBridge Scheduler by the template that `render` writes: an hour that has gone by is due at its next look.
async fn fired_by_the_scheduler(world: &Aws) {
    world.deployment.schedule(catalog::NIGHTLY_AT).await;
    schedule::i3_what_the_clock_says_becomes_one_run_and_its_delivery(world).await;
}

/// The permissions were rendered before the Task `keys` was written.
async fn denied(world: &Aws) {
    let mut before = world.deployment.catalog();
    before.tasks.retain(|name, _| name.as_str() != "keys");
    world.deployment.permit(&before).await;
    let page = crate::support::pages::page("incident.triggered", "QCLOUD", "PCLOUD", "QCLOUD", "2026-11-22T10:00:00Z");
    let run = world.post("pagerduty", &page).await.run();
    let view = settled(world, run).await;
    let [queues, keys, depth, gone, invocations, alarms] = view.steps.as_slice() else { panic!("{:?}", view.steps) };
    let data = &depth.evidence.data;
    assert_eq!(
        (&data["dead_letters"]["name"], &data["dead_letters"]["visible"]),
        (&json!("firstlook-investigate-dlq"), &json!(0))
    );
    assert_eq!((&data["max_receives"], &data["unread"]), (&json!(3), &json!([])), "{depth:?}");
    let domain::Outcome::Failed { reason } = &gone.outcome else { panic!("{gone:?}") };
    assert!(reason.contains("QueueDoesNotExist") || reason.contains("NonExistentQueue"), "{reason}");
    for asked in [invocations, alarms] {
        assert_eq!(asked.outcome, domain::Outcome::Ok, "{asked:?}");
    }
    assert!(invocations.evidence.data["now"]["points"].is_u64(), "{invocations:?}");
    assert_eq!(alarms.evidence.data["alarms_total"], 0, "{alarms:?}");
    assert_eq!(queues.outcome, domain::Outcome::Ok, "{queues:?}");
    let urls = queues.evidence.data["body"]["QueueUrls"].as_array().unwrap();
    assert!(urls.iter().any(|url| url.as_str().unwrap().ends_with("-investigate-dlq")), "{urls:?}");
    let domain::Outcome::Failed { reason } = &keys.outcome else { panic!("{keys:?}") };
    assert!(reason.contains(" may not kms:ListKeys: "), "{reason}");
    let [issue] = keys.issues.as_slice() else { panic!("{keys:?}") };
    assert_eq!(issue.title, "Check that there are keys: could not be checked");
    assert!(issue.next_steps[0].starts_with("Allow the role of investigate `kms:ListKeys`: "), "{issue:?}");
}

/// In a stack of its own: what it puts beside it would be seen by others.
#[test]
fn i13_a_look_at_the_whole_setup_of_a_stack_only_reads() {
    let own = Shared::start(|options| Options { auth: true, ..options });
    own.run(|world| Box::pin(doctor::i13_a_look_at_the_whole_setup_of_a_stack_only_reads(world)));
}

/// In a stack of its own, whose catalog has all that is shipped.
#[test]
fn i14_every_shipped_command_and_the_whole_demo_run_on_the_stack() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let demo = shipped::Demo::start().await;
        // The checks of some Commands wait for one another, and what nobody serves is waited for.
        let longer = |options: Options| options.parameter("InvestigateSeconds", "60");
        let world = Aws::start_with(|_, inbox, _| (shipped::catalog_of(&demo, inbox).to_compiled(), longer)).await;
        let scenarios = async {
            shipped::the_demo_finds_here_what_it_finds_locally(&world, &demo).await;
            shipped::i14_every_shipped_command_runs_to_a_concluded_run(&world).await;
        };
        let done = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(scenarios)).await;
        if let Err(panic) = done {
            println!("{}", world.deployment.log());
            std::panic::resume_unwind(panic);
        }
    });
}

/// In a stack of its own, whose catalog is deployed twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_a_mend_in_the_catalog_reaches_what_was_given_up() {
    let mut world = Aws::start(|options| options).await;
    let before = world.deployment.catalog();
    let mend = async |world: &mut Aws, catalog: Vec<u8>| world.deployment.change_catalog(catalog).await;
    delivery::i5_a_mend_in_the_catalog_reaches_what_was_given_up(&mut world, before, mend).await;
}

async fn without_the_queue(world: &Aws) {
    let page = crate::support::pages::page("incident.triggered", "QBUSY", "PCHAT", "QBUSY", "2026-11-22T10:00:00Z");
    for how in [Refusal::Status(503), Refusal::Close] {
        world.deployment.proxy().refuse("AmazonSQS.SendMessage", how);
        let refused = world.post("pagerduty", &page).await;
        assert_eq!(refused.status, 503, "{how:?}: {refused:?}");
        assert!(refused.retry_after.is_some(), "{refused:?}");
    }
    world.deployment.proxy().behave();
    let run = world.post("pagerduty", &page).await.run();
    let view = settled(world, run).await;
    assert_eq!(view.run.counts.duplicates, 0, "the refused ones left nothing behind");
}
