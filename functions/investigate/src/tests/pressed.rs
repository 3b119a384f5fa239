//! Buttons that stop a run and run it again.

use std::time::Duration;

use domain::{
    Act, ChatAnswer, ChatPlace, DeliverMessage, InvestigateMessage, Mark, Press, ResponseUrl, RunId, RunStatus,
    TargetState,
};
use jiff::Timestamp;
use store::TargetClaim;

use super::support::{LEASE, World, message, slack, world};

const CHANNEL: &str = "C0OPS00001";
const ANN: &str = "U0ANN00001";

/// The run's message stands as this one.
async fn posted(world: &World, run: RunId, ts: &str) -> String {
    let claim = world.store.claim_target(run, "slack", LEASE).await.unwrap();
    let TargetClaim::Claimed(mut target) = claim else { panic!("{claim:?}") };
    let token = target.lease.take().unwrap().token;
    let id = format!("{CHANNEL}/{ts}");
    (target.state, target.provider_id) = (TargetState::Sent, Some(id.clone()));
    world.store.save_target(run, &target, token).await.unwrap();
    id
}

fn press(run: RunId, message: &str, act: Act, user: &str, at: &str) -> Press {
    let place = ChatPlace {
        source: "slack".parse().unwrap(),
        channel: message.split_once('/').unwrap().0.to_owned(),
        channel_name: "ops".to_owned(),
        thread: None,
        user: user.to_owned(),
        user_name: "ann".to_owned(),
        outside: false,
    };
    let response_url = Some(ResponseUrl("https://hooks.slack.com/actions/1".to_owned()));
    Press { place, message: message.to_owned(), run, act, at: at.parse().unwrap(), response_url }
}

fn body(press: &Press) -> String {
    serde_json::to_string(&InvestigateMessage::PressV1 { press: Box::new(press.clone()) }).unwrap()
}

const AT: &str = "2026-11-22T10:05:00.123456Z";

/// What who pressed was told, and nobody else; nothing else was sent.
fn told(world: &World) -> String {
    let sent = world.outbox.take();
    assert_eq!(sent.len(), 1, "{sent:?}");
    match serde_json::from_str(&sent[0].body).unwrap() {
        DeliverMessage::ReplyV1 { reply } => match reply.answer {
            ChatAnswer::Text { text } if reply.response_url.is_some() => text,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

async fn concluded(world: &World) -> (RunId, String) {
    let (opening, run) = message(&world.opening("pages"));
    world.handle(&opening, 1, 300).await.unwrap();
    let id = posted(world, run, "1.000001").await;
    world.outbox.take();
    world.called();
    (run, id)
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_driven_is_stopped_and_its_driver_says_so_and_takes_no_further_step() {
    let world = world(&[("http://a", 60), ("http://b", 60)]);
    let (opening, run) = message(&world.opening("pages"));
    let stop = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        let id = posted(&world, run, "1.000001").await;
        world.handle(&body(&press(run, &id, Act::Stop, ANN, AT)), 1, 300).await.unwrap();
    };
    let began = tokio::time::Instant::now();
    let (driven, ()) = tokio::join!(world.handle(&opening, 3, 300), stop);
    driven.expect("the message of a stopped run is done, also at its last receipt");
    assert!(began.elapsed() <= Duration::from_secs(31), "noticed when the lease is renewed: {:?}", began.elapsed());
    let view = world.view(run).await;
    assert_eq!((view.run.status, view.run.lease), (RunStatus::Cancelled, None));
    assert_eq!(view.run.reason.as_deref(), Some("stopped by ann in #ops"));
    assert_eq!(world.called(), ["http://a"]);
    assert_eq!(world.outbox.news(), [slack(2), slack(2)], "by the press, and by who drove it");
    // The press comes again, and so does another one.
    world.handle(&body(&press(run, "C0OPS00001/1.000001", Act::Stop, ANN, AT)), 2, 300).await.unwrap();
    assert_eq!(world.outbox.news(), [slack(2)]);
    let other = press(run, "C0OPS00001/1.000001", Act::Stop, "U0BEN00001", AT);
    world
        .handle(
            &body(&Press { place: ChatPlace { user_name: "ben".to_owned(), ..other.place.clone() }, ..other }),
            1,
            300,
        )
        .await
        .unwrap();
    assert_eq!(told(&world), "There is nothing to stop: this run has ended before (cancelled).");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_in_the_queue_is_stopped_and_never_driven() {
    let world = world(&[("http://a", 1)]);
    let (opening, run) = message(&world.opening("pages"));
    world
        .store
        .open_command(&domain::Run {
            targets: vec![domain::TargetSpec::new(
                "slack",
                domain::OutletSpec::Slack(domain::SlackSpec::channel(CHANNEL)),
            )],
            ..domain::Run::queued(run, "triage".parse().unwrap(), "d", Timestamp::UNIX_EPOCH)
        })
        .await
        .unwrap();
    drop(opening);
    let id = posted(&world, run, "1.000001").await;
    world.handle(&body(&press(run, &id, Act::Stop, ANN, AT)), 1, 300).await.unwrap();
    assert_eq!(world.outbox.news(), [slack(2)]);
    let next = serde_json::to_string(&InvestigateMessage::ContinueV1 { run, slice: 1 }).unwrap();
    world.handle(&next, 1, 300).await.unwrap();
    assert_eq!(world.outbox.news(), [slack(2)]);
    assert!(world.called().is_empty());
}

#[tokio::test(start_paused = true)]
async fn i3_a_press_runs_the_same_again_once_however_often_its_message_comes() {
    let world = world(&[("http://a", 1)]);
    let (run, id) = concluded(&world).await;
    let pressed = press(run, &id, Act::Again, ANN, AT);
    let again = RunId::opened_by(pressed.id());
    for receives in [1, 2] {
        world.handle(&body(&pressed), receives, 300).await.unwrap();
    }
    assert_eq!(world.called(), ["http://a"], "once");
    let (first, second) = (world.view(run).await.run, world.view(again).await.run);
    assert_eq!((second.status, second.title.as_str()), (RunStatus::Concluded, "Checkout is down"));
    assert_eq!((&second.workflow, &second.command, &second.targets), (&first.workflow, &first.command, &first.targets));
    assert_eq!((&second.alert, &second.params, &second.assistant), (&first.alert, &first.params, &first.assistant));
    assert_eq!(second.previous.as_ref().map(|last| last.id), Some(run));
    assert!(first.course()[0].starts_with("Run again by ann, 2026-11-22 10:0"), "{:?}", first.course());
    assert!(second.buttons && second.course()[0].starts_with("The last look"), "{:?}", second.course());
    let news = world.outbox.news();
    assert_eq!(news[0], slack(3), "the first one's message says so: {news:?}");
}

#[tokio::test(start_paused = true)]
async fn i3_there_are_never_two_of_one_run_at_once() {
    let world = world(&[("http://a", 1)]);
    let (run, id) = concluded(&world).await;
    let pressed = press(run, &id, Act::Again, ANN, AT);
    let again = RunId::opened_by(pressed.id());
    // Killed when it was opened, and driven by nobody yet.
    let opened = domain::Run::queued(again, "triage".parse().unwrap(), "d", "2026-11-22T10:05:00Z".parse().unwrap());
    let opened = opened.again(&world.view(run).await.run, pressed.place.clone());
    assert_eq!(world.store.open_again(run, &opened).await.unwrap(), store::Again::Opened);
    let later = press(run, &id, Act::Again, ANN, "2026-11-22T10:05:01Z");
    world.handle(&body(&later), 1, 300).await.unwrap();
    assert_eq!(told(&world), format!("It is being run again already: {again} has not ended."));
    assert!(world.called().is_empty());
    world.handle(&body(&pressed), 2, 300).await.unwrap();
    assert_eq!((world.called().len(), world.view(again).await.run.status), (1, RunStatus::Concluded));
    world.outbox.take();
    // Now that it has ended, it may be run once more, and the first message tells of the newest.
    let once_more = press(run, &id, Act::Again, ANN, "2026-11-22T10:07:00Z");
    world.handle(&body(&once_more), 1, 300).await.unwrap();
    let newest = world.view(run).await.run.newest.unwrap();
    assert_eq!((newest.id, world.called().len()), (RunId::opened_by(once_more.id()), 1));
}

#[tokio::test(start_paused = true)]
async fn i1_who_may_not_run_its_command_there_is_told_so_and_nothing_follows() {
    let world = world(&[("http://a", 1)]);
    let (run, id) = concluded(&world).await;
    let revision = world.view(run).await.run.revision;
    for act in [Act::Again, Act::Stop] {
        world.handle(&body(&press(run, &id, act, "U0EVE00001", AT)), 1, 300).await.unwrap();
        assert!(told(&world).contains("add `U0EVE00001` to its `users`"));
    }
    // On a message that is none of the run's a button does nothing, and says no more of a run that exists than of one that does not.
    for unknown in [run, RunId::mint(Timestamp::UNIX_EPOCH, 7)] {
        world.handle(&body(&press(unknown, "C0OPS00001/2.000002", Act::Again, ANN, AT)), 1, 300).await.unwrap();
        let told = told(&world);
        assert!(told.starts_with("This did nothing: no RunSession is known here"), "{told}");
    }
    assert!(world.called().is_empty());
    assert_eq!(world.view(run).await.run.revision, revision);
}

#[tokio::test(start_paused = true)]
async fn i1_who_is_of_another_workspace_rates_nothing_and_runs_only_what_names_them() {
    let world = world(&[("http://a", 1)]);
    let (run, id) = concluded(&world).await;
    let outside = |act, user| {
        let press = press(run, &id, act, user, AT);
        body(&Press { place: ChatPlace { outside: true, ..press.place.clone() }, ..press })
    };
    world.handle(&outside(Act::Rate { mark: Mark::SpotOn }, ANN), 1, 300).await.unwrap();
    assert!(told(&world).starts_with("Reports are rated by people of the workspace that has the app"));
    assert!(world.view(run).await.ratings.is_empty());
    world.handle(&outside(Act::Again, "U0EVE00001"), 1, 300).await.unwrap();
    assert!(told(&world).contains("you are of another workspace than the app, so add `U0EVE00001` to its `users`"));
    assert!(world.called().is_empty());
    world.handle(&outside(Act::Again, ANN), 1, 300).await.unwrap();
    assert_eq!(world.called(), ["http://a"], "the catalog names this one");
}

#[tokio::test(start_paused = true)]
async fn i8_what_an_alert_once_filled_in_is_no_expression_when_it_is_run_again() {
    let world = world(&[("http://a", 1)]);
    let run = RunId::mint(Timestamp::UNIX_EPOCH, 7);
    let first = domain::Run {
        params: serde_json::json!({"namespace": "${{ 'abc' }}"}).as_object().unwrap().clone(),
        status: RunStatus::Failed,
        targets: vec![domain::TargetSpec::new("slack", domain::OutletSpec::Slack(domain::SlackSpec::channel(CHANNEL)))],
        ..domain::Run::queued(run, "wanting".parse().unwrap(), "d", Timestamp::UNIX_EPOCH)
    };
    world.store.open_command(&first).await.unwrap();
    let id = posted(&world, run, "1.000001").await;
    let pressed = press(run, &id, Act::Again, ANN, AT);
    world.handle(&body(&pressed), 1, 300).await.unwrap();
    let again = world.view(RunId::opened_by(pressed.id())).await.run;
    let reason = again.reason.unwrap();
    assert!(again.status == RunStatus::Failed && reason.contains("does not match the pattern"), "{reason}");
    assert!(world.called().is_empty());
}
