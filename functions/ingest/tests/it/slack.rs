//! What is asked for in Slack: who may, what they are told, and what goes on the queue.

use std::collections::BTreeMap;

use domain::{ChatAnswer, EventKind, InvestigateMessage, RunId};
use http::StatusCode;
use serde_json::Value;

use crate::world::{SECRET, Said, Takes, World, sample, world};

/// A slash command as Slack posts it: `text`, written by `user` in `channel`.
fn form(text: &str, channel: &str, user: &str, trigger: &str) -> String {
    let fields = [
        ("token", "gone"),
        ("channel_id", channel),
        ("channel_name", "ops"),
        ("user_id", user),
        ("user_name", "ann"),
        ("command", "/firstlook"),
        ("text", text),
        ("response_url", "https://hooks.slack.com/commands/T1/2/x"),
        ("trigger_id", trigger),
    ];
    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    fields.map(|(name, value)| format!("{name}={}", escaped(value))).join("&")
}

async fn write(world: &World, text: &str, channel: &str, user: &str) -> String {
    let said = world.post("slack", form(text, channel, user, "1.2.abc")).await;
    assert_eq!(said.status, StatusCode::OK, "{said:?}");
    assert_eq!(said.body["response_type"], "ephemeral", "nobody else sees it");
    said.body["text"].as_str().unwrap().to_owned()
}

fn messages(world: &World) -> Vec<InvestigateMessage> {
    let sent = world.queue.sent.lock().unwrap();
    sent.iter().map(|(_, body, ..)| serde_json::from_str(body).unwrap()).collect()
}

const OPS: &str = "C0OPS00001";
const ANN: &str = "U0ANN00001";

#[tokio::test]
async fn i2_a_command_is_on_the_queue_when_who_asked_is_told_so() {
    let world = world();
    let told = write(&world, "run triage namespace=shop since=\"10 m\"", OPS, ANN).await;
    let [InvestigateMessage::CommandV1 { request }] = <[_; 1]>::try_from(messages(&world)).unwrap() else { panic!() };
    assert!(
        told.contains("`triage` is on its way") && told.contains(&RunId::opened_by(request.id).to_string()),
        "{told}"
    );
    assert_eq!((request.command.as_str(), request.by.as_str()), ("triage", "ann in #ops"));
    let with: BTreeMap<&str, &Value> = request.with.iter().map(|(name, value)| (name.as_str(), value)).collect();
    assert_eq!(with, [("namespace", &"shop".into()), ("since", &"10 m".into())].into());
    let place = request.asked_in.unwrap();
    assert_eq!((place.source.as_str(), place.channel.as_str(), place.user.as_str()), ("slack", OPS, ANN));
    assert_eq!((place.thread, request.assistant), (None, Some("cathy".parse().unwrap())));
    assert_eq!(world.queue.sent.lock().unwrap()[0].2, "slack");
}

#[tokio::test]
async fn i3_the_same_request_again_is_the_same_run_and_another_is_another() {
    let world = world();
    for trigger in ["1.2.abc", "1.2.abc", "1.2.abd"] {
        world.post("slack", form("run triage namespace=shop", OPS, ANN, trigger)).await;
    }
    let ids = messages(&world).into_iter().map(|message| match message {
        InvestigateMessage::CommandV1 { request } => request.id,
        other => panic!("{other:?}"),
    });
    let [first, again, other] = <[_; 3]>::try_from(ids.collect::<Vec<_>>()).unwrap();
    assert!(first == again && first != other);
}

#[tokio::test]
async fn i1_what_the_catalog_does_not_allow_is_refused_with_the_mend_and_nothing_is_sent() {
    let world = world();
    for (text, channel, user, parts) in [
        (
            "run triage namespace=shop",
            "C0ELSE0001",
            ANN,
            ["may not be run from this channel", "add `C0ELSE0001` to its `channels`"],
        ),
        (
            "run triage namespace=shop",
            OPS,
            "U0BEN00001",
            ["You may not run `triage` here", "add `U0BEN00001` to its `users`"],
        ),
        ("run narrow", OPS, ANN, ["There is no `narrow`", "`/firstlook help`"]),
        ("run", OPS, ANN, ["Which Command?", "• `/firstlook run"]),
        ("stop", OPS, ANN, ["I do not know `stop`", "`/firstlook last`"]),
        ("run triage shop", OPS, ANN, ["`shop` gives no parameter", "name=value"]),
        (
            "run triage",
            OPS,
            ANN,
            ["• parameter `namespace`: it is not given", "`/firstlook run triage namespace=STRING [since=15m]`"],
        ),
        ("run triage namespace=SHOP", OPS, ANN, ["(given: `SHOP`)", "[a-z-]{1,20}"]),
        ("run triage namespace=shop x=1", OPS, ANN, ["parameter `x`: there is no such parameter", "namespace, since"]),
        ("run triage namespace=shop since=soon", OPS, ANN, ["parameter `since`", "it is not a length of time"]),
        ("run triage namespace=${{ 'shop' }}", OPS, ANN, ["gives no parameter", "name=value"]),
        (
            "run triage namespace=\"${{ 'shop' }}\"",
            OPS,
            ANN,
            ["`namespace` is taken as it is written", "was not started"],
        ),
    ] {
        let told = write(&world, text, channel, user).await;
        for part in parts {
            assert!(told.contains(part), "{text}: {told}");
        }
        assert_eq!(world.sent(), 0, "{text}");
    }
    // Text becomes no mention and no link.
    let told = write(&world, "<!channel> &", OPS, ANN).await;
    assert!(told.contains("I do not know `@channel`") && !told.contains('<'), "{told}");
    let told = write(&world, "&lt;b&gt;", OPS, ANN).await;
    assert!(told.contains("&lt;b&gt;"), "{told}");
}

#[tokio::test]
async fn help_lists_what_who_asks_may_run_here() {
    let world = world();
    for text in ["", "help"] {
        let told = write(&world, text, OPS, ANN).await;
        assert_eq!(
            told,
            "What you may run here:\n• `/firstlook run look`: Look at it\n• `/firstlook run triage namespace=STRING \
             [since=15m]`: Is the shop up\n    `namespace`: Whose\n`/firstlook last` shows the newest RunSessions of this \
             channel."
        );
    }
    let told = write(&world, "help", OPS, "U0BEN00001").await;
    assert!(told.contains("run look`") && !told.contains("triage"), "{told}");
    let told = write(&world, "help", "C0ELSE0001", ANN).await;
    assert!(told.contains("You may run nothing here") && told.contains("`commands` of the Source `slack`"), "{told}");
    assert_eq!(world.sent(), 0, "it is answered from the catalog alone");
}

#[tokio::test]
async fn last_goes_over_the_queue_with_what_the_channel_may_see() {
    let world = world();
    let told = write(&world, "last", OPS, ANN).await;
    assert!(told.contains("Looking for"), "{told}");
    let [InvestigateMessage::ReplyV1 { reply }] = <[_; 1]>::try_from(messages(&world)).unwrap() else { panic!() };
    let commands = ["triage", "look"].map(|name| name.parse().unwrap()).to_vec();
    assert_eq!(reply.answer, ChatAnswer::Last { commands });
    assert_eq!(reply.response_url.unwrap().0, "https://hooks.slack.com/commands/T1/2/x");
}

#[tokio::test(start_paused = true)]
async fn i2_what_the_queue_does_not_take_is_told_to_who_asked_in_time() {
    let world = world();
    for (takes, part) in [
        (Takes::Nothing { transient: true }, "This was not started"),
        (Takes::Nothing { transient: false }, "This was not started"),
        (Takes::Hangs, "may not be started"),
    ] {
        *world.queue.takes.lock().unwrap() = takes;
        let began = tokio::time::Instant::now();
        let told = write(&world, "run triage namespace=shop", OPS, ANN).await;
        assert!(told.contains(part), "{told}");
        // The clock of this test stands still but for timers.
        assert!(began.elapsed() < std::time::Duration::from_secs(3));
    }
    *world.queue.takes.lock().unwrap() = Takes::Nothing { transient: true };
    for file in ["mention.json", "mention-run.json", "challenge.json"] {
        let said = world.post("slack", sample(&format!("webhooks/slack/{file}"))).await;
        assert_eq!(said.status, StatusCode::SERVICE_UNAVAILABLE, "{file}: Slack tries events again");
        assert_eq!(said.header("x-slack-no-retry"), "");
    }
}

#[tokio::test]
async fn i1_an_unproven_request_is_refused_and_may_be_tried_again_with_the_new_secret() {
    let world = world();
    let body = form("run triage namespace=shop", OPS, ANN, "1.2.abc");
    let mut stale = world.signed("slack", SECRET, body.as_bytes());
    stale.headers_mut().insert("x-slack-request-timestamp", "1772443000".parse().unwrap());
    for request in [world.signed("slack", "another", body.as_bytes()), stale] {
        let said = world.ask(request).await;
        assert_eq!((said.status, said.header("x-slack-no-retry")), (StatusCode::UNAUTHORIZED, ""));
    }
    let mut challenge = world.signed("slack", SECRET, &sample("webhooks/slack/challenge.json"));
    challenge.headers_mut().remove("x-slack-signature");
    assert_eq!(world.ask(challenge).await.status, StatusCode::UNAUTHORIZED);
    *world.secrets.broken.lock().unwrap() = true;
    let said = world.post("slack", body).await;
    assert_eq!(said.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.sent(), 0);
}

async fn answered(file: &str) -> (World, Said) {
    let world = world();
    let said = world.post("slack", sample(&format!("webhooks/slack/{file}"))).await;
    (world, said)
}

#[tokio::test]
async fn a_challenge_is_sent_back_and_recorded() {
    let (world, said) = answered("challenge.json").await;
    let challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P";
    assert_eq!((said.status, &said.body), (StatusCode::OK, &serde_json::json!({ "challenge": challenge })));
    assert_eq!(world.event().kind, EventKind::Ping);
}

#[tokio::test]
async fn a_look_at_the_certificate_is_answered_and_nothing_follows() {
    let world = world();
    let mut request = world.signed("slack", SECRET, b"ssl_check=1&token=gone");
    request.headers_mut().remove("x-slack-signature");
    let said = world.ask(request).await;
    assert_eq!((said.status, said.body, world.sent()), (StatusCode::OK, Value::Null, 0));
    // Of another sender it is a body like any other.
    let mut request = world.signed("pagerduty", SECRET, b"ssl_check=1");
    request.headers_mut().remove("x-pagerduty-signature");
    assert_eq!(world.ask(request).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_mention_in_a_thread_attaches_and_one_that_asks_is_a_request() {
    let (world, said) = answered("mention.json").await;
    assert_eq!((said.status, &said.body["does"]), (StatusCode::ACCEPTED, &"attaches".into()));
    assert_eq!(world.event().external_id.as_deref(), Some("C0CHECKOUT:1772444400.000100"));

    let (world, said) = answered("mention-run.json").await;
    assert_eq!(said.status, StatusCode::ACCEPTED);
    let [InvestigateMessage::ReplyV1 { reply }] = <[_; 1]>::try_from(messages(&world)).unwrap() else { panic!() };
    let ChatAnswer::Text { text } = &reply.answer else { panic!("{reply:?}") };
    assert!(text.contains("There is no `checkout-triage`"), "what is not allowed is told to who asked: {text}");
    assert_eq!(reply.place.thread.as_deref(), Some("1772444400.000100"));

    let allowed = String::from_utf8(sample("webhooks/slack/mention-run.json")).unwrap();
    let allowed =
        allowed.replace("checkout-triage namespace=checkout", "triage namespace=shop").replace("C0CHECKOUT", OPS);
    let allowed = allowed.replace("U0ONCALL01", ANN);
    let world = self::world();
    for attempt in ["", "1", "2"] {
        let mut request = world.signed("slack", SECRET, allowed.as_bytes());
        if !attempt.is_empty() {
            request.headers_mut().insert("x-slack-retry-num", attempt.parse().unwrap());
        }
        assert_eq!(world.ask(request).await.status, StatusCode::ACCEPTED, "it is not dropped for being a retry");
    }
    let asked = messages(&world).into_iter().map(|message| match message {
        InvestigateMessage::CommandV1 { request } => (request.id, request.asked_in.unwrap().thread),
        other => panic!("{other:?}"),
    });
    let asked: Vec<_> = asked.collect();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|one| *one == asked[0]), "the same event is the same run");
    assert_eq!(asked[0].1.as_deref(), Some("1772444400.000100"), "its answer stands in the thread");
}

#[tokio::test]
async fn what_nothing_follows_from_is_recorded_and_a_click_gets_an_empty_answer() {
    let (world, said) = answered("own-message.json").await;
    assert_eq!((said.status, &said.body["does"]), (StatusCode::ACCEPTED, &"unmatched".into()));
    assert!(matches!(world.event().disposition, domain::Disposition::Unmatched { .. }));

    for kind in ["shortcut", "message_action", "view_submission", "view_closed", "block_suggestion", "block_actions"] {
        let world = self::world();
        let said = world.post("slack", format!("payload=%7B%22type%22%3A%22{kind}%22%7D")).await;
        assert_eq!((said.status, said.body), (StatusCode::OK, Value::Null), "{kind}");
        assert_eq!(world.event().provider_kind, kind);
    }
}
