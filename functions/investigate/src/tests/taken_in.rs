//! What comes of a message that is taken in.

use domain::{
    ChatAnswer, ChatPlace, ChatReply, CommandRequest, DeliverMessage, Disposition, Event, EventKind,
    InvestigateMessage, OutletSpec, RawFragment, RunId, RunStatus, SlackSpec, Trigger,
};
use ports::Queue;
use serde_json::json;

use super::support::{message, slack, world};

#[tokio::test(start_paused = true)]
async fn i6_the_message_is_retimed_before_anything_is_read_and_again_under_the_lease() {
    let world = world(&[("http://a", 1)]);
    let (body, run) = message(&world.opening("pages"));
    world.handle(&body, 1, 300).await.unwrap();
    let log = world.log.take();
    assert_eq!(log[0], "retime");
    let again = log.iter().skip(1).position(|done| *done == "retime").expect("retimed again");
    let claimed = log[1..=again].iter().filter(|done| **done == "write").count();
    // Beside it goes what is noted of earlier runs, in either order.
    assert!((2..=3).contains(&claimed), "the opening and the claim come first: {log:?}");
    assert_eq!(world.view(run).await.run.status, RunStatus::Concluded);
}

#[tokio::test(start_paused = true)]
async fn i5_a_message_that_cannot_be_read_stays_for_the_dead_letters() {
    let world = world(&[]);
    for body in ["{", r#"{"type":"nobody_knows_v9"}"#] {
        let error = world.handle(body, 1, 300).await.unwrap_err();
        assert_eq!(error.to_string(), "the message cannot be read");
        assert_eq!(world.log.take(), ["retime"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_opens_a_run_that_is_announced_once_where_nobody_reads_it() {
    let world = world(&[("http://a", 1), ("http://b", 1)]);
    let event = world.opening("pages");
    let (body, run) = message(&event);
    world.handle(&body, 1, 300).await.unwrap();
    let view = world.view(run).await;
    assert_eq!((view.run.status, view.run.revision), (RunStatus::Concluded, 2));
    assert_eq!(view.run.title, "Checkout is down");
    assert_eq!(view.run.report.unwrap().verdict, "Nothing wrong found in 2 checks");
    assert!(view.run.evidence_at.is_some() && view.run.lease.is_none());
    assert_eq!(world.outbox.news(), [slack(2)]);
    // The same event again, redelivered or redriven: it is announced again, and nothing is looked at.
    world.called();
    world.handle(&body, 2, 300).await.unwrap();
    assert_eq!(world.outbox.news(), [slack(2)]);
    assert!(world.called().is_empty());
}

#[tokio::test(start_paused = true)]
async fn i9_what_a_sender_writes_is_stored_without_the_secrets_in_it() {
    let world = world(&[]);
    let mut event = world.opening("pages");
    event.summary = "login with password=hunter2 fails".to_owned();
    event.raw = RawFragment::keep(r#"{"text": "db: postgres://shop:hunter2@db/orders", "api_key": "hunter2", "n": 1}"#);
    let alert = event.alert.as_mut().unwrap();
    alert.title = "token=hunter2hunter2 was refused".to_owned();
    alert.description = "authorization: Bearer hunter2hunter2".to_owned();
    for (label, value) in [("db_password", "hunter2"), ("max_tokens", "9"), ("pod", "api-1")] {
        alert.labels.insert(label.to_owned(), value.to_owned());
    }
    let (body, run) = message(&event);
    world.handle(&body, 1, 300).await.unwrap();
    let view = world.view(run).await;
    let stored = format!("{view:?}");
    assert!(!stored.contains("hunter2"), "{stored}");
    let labels = view.run.alert.unwrap().labels;
    assert_eq!((labels["max_tokens"].as_str(), labels["pod"].as_str()), ("9", "api-1"));
    assert!(view.events[0].raw.as_ref().unwrap().text.ends_with(r#""n": 1}"#));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_a_person_asks_for_is_run() {
    let world = world(&[("http://a", 1)]);
    let id = world.opening("pages").id;
    let request = |command: &str, id| CommandRequest {
        id,
        command: command.parse().unwrap(),
        with: json!({}).as_object().unwrap().clone(),
        by: "ann".to_owned(),
        requested_at: jiff::Timestamp::UNIX_EPOCH,
        asked_in: None,
        assistant: None,
    };
    let body =
        serde_json::to_string(&InvestigateMessage::CommandV1 { request: Box::new(request("triage", id)) }).unwrap();
    world.handle(&body, 1, 300).await.unwrap();
    let run = world.view(RunId::opened_by(id)).await.run;
    assert_eq!((run.status, run.title.as_str()), (RunStatus::Concluded, "/triage"));
    assert_eq!(run.trigger, Trigger::Hand { who: "ann".to_owned() });
    let id = world.opening("pages").id;
    let body =
        serde_json::to_string(&InvestigateMessage::CommandV1 { request: Box::new(request("gone", id)) }).unwrap();
    world.handle(&body, 1, 300).await.unwrap();
    let run = world.view(RunId::opened_by(id)).await.run;
    assert_eq!((run.status, run.reason.as_deref()), (RunStatus::Failed, Some("the catalog has no Command `gone`")));
}

#[tokio::test(start_paused = true)]
async fn i9_what_a_person_gives_a_command_is_masked_before_it_is_stored() {
    let world = world(&[("http://a", 1)]);
    let asked = |command: &str, with: serde_json::Value| {
        let id = world.opening("pages").id;
        let request = CommandRequest {
            id,
            command: command.parse().unwrap(),
            with: with.as_object().unwrap().clone(),
            by: "ann".to_owned(),
            requested_at: jiff::Timestamp::UNIX_EPOCH,
            asked_in: Some(place(None)),
            assistant: None,
        };
        let body = serde_json::to_string(&InvestigateMessage::CommandV1 { request: Box::new(request) }).unwrap();
        (body, RunId::opened_by(id))
    };
    let (body, run) = asked("noted", json!({"note": "C-123456 says password=hunter2", "token": "of ann"}));
    world.handle(&body, 1, 300).await.unwrap();
    let view = world.view(run).await;
    assert_eq!(json!(view.run.params), json!({"note": "[redacted] says password=[redacted]", "token": "[redacted]"}));
    // Nothing is looked for by what stands in a secret's place.
    assert_eq!((view.run.status, view.steps.len()), (RunStatus::Failed, 0));
    assert!(view.run.reason.unwrap().starts_with("the value of `note` looks like a secret"));

    // What does not fit is said without it.
    let (body, run) = asked("wanting", json!({"namespace": "C-123456", "password=hunter2": "x"}));
    world.handle(&body, 1, 300).await.unwrap();
    let run = world.view(run).await.run;
    assert_eq!(run.status, RunStatus::Failed);
    let stored = serde_json::to_string(&run).unwrap();
    assert!(run.reason.unwrap().contains("namespace"), "{stored}");
    for secret in ["hunter2", "C-123456"] {
        assert!(!stored.contains(secret), "{stored}");
    }
}

#[tokio::test(start_paused = true)]
async fn i14_parameters_that_do_not_fit_fail_the_run_where_people_see_it() {
    let world = world(&[("http://a", 1)]);
    let (body, run) = message(&world.opening("misfit"));
    world.handle(&body, 1, 300).await.unwrap();
    let view = world.view(run).await;
    assert_eq!(view.run.status, RunStatus::Failed);
    let reason = view.run.reason.unwrap();
    assert!(reason.contains("`wanting`") && reason.contains("namespace"), "{reason}");
    assert_eq!(world.outbox.news(), [slack(2)]);
    assert!(world.called().is_empty(), "I8: nothing was looked at");
}

#[tokio::test(start_paused = true)]
async fn i14_an_event_whose_workflow_was_taken_out_is_recorded() {
    let world = world(&[]);
    let (body, run) = message(&world.opening("gone"));
    world.handle(&body, 1, 300).await.unwrap();
    assert_eq!(world.store.reader().run(run).await.unwrap(), None);
    let day = "2026-11-22".parse().unwrap();
    let unmatched = world.store.reader().unmatched_of_day(day, 10, None).await.unwrap().events;
    assert_eq!(unmatched[0].reason, "the workflow `gone` was taken out of the catalog meanwhile");
    assert!(world.outbox.take().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_shadowed_run_is_stored_and_announced_to_nobody() {
    let world = world(&[("http://a", 1)]);
    let (body, run) = message(&world.opening("shadowed"));
    world.handle(&body, 1, 300).await.unwrap();
    let view = world.view(run).await;
    assert_eq!((view.run.status, view.targets.len(), view.steps.len()), (RunStatus::Concluded, 0, 1));
    assert!(world.outbox.take().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_attaches_is_news_once_something_is_shown() {
    let world = world(&[("http://a", 1)]);
    let (body, run) = message(&world.opening("pages"));
    let acknowledge = world.event(EventKind::Acknowledged, Disposition::Attaches);
    let resolve = world.event(EventKind::Resolved, Disposition::Attaches);
    // In the first moments, on a run that nobody has begun: the first delivery will have it in.
    world.handle(&body, 1, 0).await.unwrap();
    world.outbox.take();
    world.handle(&message(&acknowledge).0, 1, 300).await.unwrap();
    assert!(world.outbox.take().is_empty());
    // While the conclusion is announced: who attaches it sends its news.
    *world.outbox.meanwhile.lock().unwrap() = Some((world.store.clone(), resolve));
    world.handle(&body, 2, 300).await.unwrap();
    let view = world.view(run).await;
    assert_eq!((view.run.revision, view.run.counts.attached), (4, 2), "two attached, the conclusion");
    assert_eq!(world.outbox.news(), [slack(3)]);
    // After the end it is announced, and nothing is looked at again.
    world.called();
    let reopened = world.event(EventKind::Reopened, Disposition::Attaches);
    world.handle(&message(&reopened).0, 1, 300).await.unwrap();
    assert_eq!(world.outbox.news(), [slack(5)]);
    assert!(world.called().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_reopened_event_that_opens_looks_again_and_the_new_run_knows_the_last() {
    let world = world(&[("http://a", 1)]);
    let (body, first) = message(&world.opening("pages"));
    world.handle(&body, 1, 300).await.unwrap();
    world.called();
    let opening = world.opening("pages");
    let reopened = Event { kind: EventKind::Reopened, delivery_key: "again".to_owned(), ..opening };
    let (body, second) = message(&reopened);
    world.handle(&body, 1, 300).await.unwrap();
    assert_eq!(world.called(), ["http://a"]);
    let last = world.view(first).await.run;
    let run = world.view(second).await.run;
    assert_eq!(
        run.previous.map(|previous| (previous.id, previous.verdict)),
        Some((first, last.report.unwrap().verdict))
    );
    let last_time = run.last_time.unwrap();
    assert_eq!(last_time.runs.iter().map(|earlier| earlier.id).collect::<Vec<_>>(), [first]);
    assert_eq!(last.last_time, Some(domain::LastTime::default()));
}

fn place(thread: Option<&str>) -> ChatPlace {
    ChatPlace {
        source: "slack".parse().unwrap(),
        channel: "C0123ABCD".to_owned(),
        channel_name: "ops".to_owned(),
        thread: thread.map(str::to_owned),
        user: "U0123ABCD".to_owned(),
        user_name: "ann".to_owned(),
        outside: false,
    }
}

#[tokio::test(start_paused = true)]
async fn i3_what_is_asked_for_in_a_chat_is_answered_there_once() {
    let world = world(&[("http://a", 1)]);
    let id = world.opening("pages").id;
    let place = place(Some("1700000000.000100"));
    let request = CommandRequest {
        id,
        command: "triage".parse().unwrap(),
        with: json!({}).as_object().unwrap().clone(),
        by: place.to_string(),
        requested_at: jiff::Timestamp::UNIX_EPOCH,
        asked_in: Some(place.clone()),
        assistant: Some("cathy".parse().unwrap()),
    };
    let body = serde_json::to_string(&InvestigateMessage::CommandV1 { request: Box::new(request) }).unwrap();
    world.handle(&body, 1, 300).await.unwrap();
    let view = world.view(RunId::opened_by(id)).await;
    let ended = view.run.ended_at;
    assert_eq!((view.run.status, &view.run.trigger), (RunStatus::Concluded, &Trigger::Chat(place)));
    assert_eq!(view.run.assistant, Some("cathy".parse().unwrap()));
    let [target] = <[_; 1]>::try_from(view.targets).unwrap();
    let thread = Some("1700000000.000100".to_owned());
    assert_eq!(target.spec.outlet, OutletSpec::Slack(SlackSpec { channel: "C0123ABCD".to_owned(), thread }));
    world.handle(&body, 1, 300).await.unwrap();
    assert_eq!(world.view(RunId::opened_by(id)).await.run.ended_at, ended, "the same request is the same run");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_in_a_chat_is_to_be_told_goes_on_to_deliver() {
    let world = world(&[]);
    let reply = Box::new(ChatReply {
        id: world.opening("pages").id,
        place: place(None),
        asked_at: jiff::Timestamp::UNIX_EPOCH,
        response_url: None,
        answer: ChatAnswer::Last { commands: vec!["triage".parse().unwrap()] },
    });
    let body = serde_json::to_string(&InvestigateMessage::ReplyV1 { reply: reply.clone() }).unwrap();
    world.handle(&body, 1, 300).await.unwrap();
    let sent = world.outbox.take();
    let [sent] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(sent.queue, Queue::Deliver);
    assert_eq!(serde_json::from_str::<DeliverMessage>(&sent.body).unwrap(), DeliverMessage::ReplyV1 { reply });
}
