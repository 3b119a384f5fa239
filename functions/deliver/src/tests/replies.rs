//! What one person is told, and which run a thread belongs to.

use std::time::Duration;

use domain::{
    ChatAnswer, ChatPlace, ChatReply, DeliverMessage, Disposition, Event, EventId, EventKind, OutletSpec, RawFragment,
    ResponseUrl, RunId, SlackSpec,
};
use inbox::{Endpoint, Fault, Moment, Posted};
use ports::{Clock as _, Queue, Received};
use store::Accepted;

use super::support::{LEASE, World, received, slack, world};

const ANN: &str = "U0123ABCD";

/// `ann` asks in `#ops`.
fn reply(world: &World, answer: ChatAnswer, response_url: Option<String>) -> ChatReply {
    let channel = world.inbox.say("#ops", "hello").unwrap();
    ChatReply {
        id: EventId::mint(world.clock.now(), 7),
        place: ChatPlace {
            source: "slack".parse().unwrap(),
            channel: channel.split_once('/').unwrap().0.to_owned(),
            channel_name: "ops".to_owned(),
            thread: None,
            user: ANN.to_owned(),
            user_name: "ann".to_owned(),
            outside: false,
        },
        asked_at: world.clock.now(),
        response_url: response_url.map(ResponseUrl),
        answer,
    }
}

fn text(text: &str) -> ChatAnswer {
    ChatAnswer::Text { text: text.to_owned() }
}

fn message(reply: &ChatReply) -> Received {
    let reply = Box::new(reply.clone());
    received(serde_json::to_string(&DeliverMessage::ReplyV1 { reply }).unwrap())
}

/// What was said to one person alone.
fn told(world: &World) -> Vec<Posted> {
    world.inbox.posts().into_iter().filter(|post| post.only_for.is_some()).collect()
}

fn asked(world: &World, endpoint: Endpoint) -> usize {
    world.inbox.requests().iter().filter(|one| one.endpoint == endpoint && one.moment == Moment::Arrived).count()
}

#[tokio::test]
async fn who_asked_is_told_at_the_response_url_and_nobody_else_sees_it() {
    let world = world().await;
    let url = world.inbox.response_url("#ops", ANN);
    world.handle(&message(&reply(&world, text("a <b> & c"), Some(url)))).await.unwrap();
    let [post] = <[_; 1]>::try_from(told(&world)).unwrap();
    assert_eq!((post.only_for.as_deref(), post.body["text"].as_str()), (Some(ANN), Some("a &lt;b&gt; &amp; c")));
    assert_eq!((asked(&world, Endpoint::SlackResponse), asked(&world, Endpoint::SlackEphemeral)), (1, 0));
}

/// After half an hour, after five uses, at another host and where Slack fails, the bot says it.
#[tokio::test]
async fn the_response_url_is_not_relied_on_after_its_limits() {
    for case in ["none", "late", "used", "elsewhere", "failing", "hanging up"] {
        let world = world().await;
        let url = world.inbox.response_url("#ops", ANN);
        let mut reply = reply(&world, text("hello"), Some(url.clone()));
        let mut at_url = 1;
        match case {
            "none" => (reply.response_url, at_url) = (None, 0),
            "late" => {
                world.clock.forward(Duration::from_secs(29 * 60));
                at_url = 0;
            }
            "used" => {
                for _ in 0..5 {
                    world.handle(&message(&reply)).await.unwrap();
                }
                at_url = 6;
            }
            "elsewhere" => {
                (reply.response_url, at_url) = (Some(ResponseUrl("http://127.0.0.1:9/x".to_owned())), 0);
            }
            "failing" => world.inbox.fault(Endpoint::SlackResponse, Fault::status(500, None)),
            _ => world.inbox.fault(Endpoint::SlackResponse, Fault::CloseAfterAccepting),
        }
        world.handle(&message(&reply)).await.unwrap();
        assert_eq!(asked(&world, Endpoint::SlackResponse), at_url, "{case}");
        assert_eq!(asked(&world, Endpoint::SlackEphemeral), 1, "{case}");
        let last = told(&world).pop().unwrap();
        assert_eq!((last.only_for.as_deref(), last.place.as_str()), (Some(ANN), "ops"), "{case}");
    }
}

/// Where the bot is no member, a moment's trouble at the address is no reason to give up.
#[tokio::test]
async fn a_blip_of_the_response_url_is_tried_again_where_the_bot_cannot_say_it() {
    for blip in [Fault::status(500, None), Fault::status(429, 1)] {
        let world = world().await;
        let url = world.inbox.response_url("#ops", ANN);
        let reply = message(&reply(&world, text("hello"), Some(url)));
        world.inbox.fault(Endpoint::SlackResponse, blip.clone());
        world.inbox.fault(Endpoint::SlackEphemeral, Fault::SlackError("not_in_channel"));
        let error = world.handle(&reply).await.unwrap_err();
        assert!(error.to_string().contains("not_in_channel"), "{blip:?}: {error}");
        assert!(world.outbox.take().is_empty(), "{blip:?}: it comes back with the lease");
        world.handle(&reply).await.unwrap();
        assert_eq!(told(&world).len(), 1, "{blip:?}");
    }
    // What is used up or gone stays so.
    let world = world().await;
    let url = world.inbox.response_url("#ops", ANN);
    world.inbox.fault(Endpoint::SlackResponse, Fault::status(404, None));
    world.inbox.fault(Endpoint::SlackEphemeral, Fault::SlackError("not_in_channel"));
    world.handle(&message(&reply(&world, text("hello"), Some(url)))).await.unwrap();
    assert_eq!(world.outbox.take()[0].queue, Queue::DeliverDlq);
}

#[tokio::test]
async fn an_answer_in_a_thread_stands_in_that_thread() {
    let world = world().await;
    let mut reply = reply(&world, text("hello"), None);
    reply.place.thread = Some("1700000000.000100".to_owned());
    world.handle(&message(&reply)).await.unwrap();
    assert_eq!(told(&world)[0].body["thread_ts"], "1700000000.000100");
}

#[tokio::test]
async fn i5_an_answer_that_cannot_be_given_waits_or_is_given_up_where_somebody_sees_it() {
    let world = world().await;
    let reply = reply(&world, text("hello"), None);
    let body = message(&reply);
    world.inbox.fault(Endpoint::SlackEphemeral, Fault::status(429, 7));
    world.handle(&body).await.unwrap();
    let [waits] = <[_; 1]>::try_from(world.outbox.take()).unwrap();
    assert_eq!((waits.queue, waits.delay.as_secs(), &waits.body), (Queue::Deliver, 7, &body.body));

    world.inbox.fault(Endpoint::SlackEphemeral, Fault::status(503, None));
    let error = world.handle(&body).await.unwrap_err();
    assert!(error.to_string().contains("ann in #ops cannot be answered now"), "{error}");
    assert!(world.outbox.take().is_empty(), "it comes back with the lease");

    world.inbox.fault(Endpoint::SlackEphemeral, Fault::SlackError("missing_scope"));
    world.handle(&body).await.unwrap();
    let [letter] = <[_; 1]>::try_from(world.outbox.take()).unwrap();
    assert_eq!((letter.queue, &letter.body), (Queue::DeliverDlq, &body.body));
    world.handle(&received(letter.body)).await.unwrap();
    assert_eq!(told(&world).len(), 1, "a redrive after the mend tells it");
}

#[tokio::test]
async fn last_shows_what_the_channel_may_see_with_links() {
    let world = world().await;
    let nothing = reply(&world, ChatAnswer::Last { commands: vec![] }, None);
    world.handle(&message(&nothing)).await.unwrap();
    assert!(told(&world)[0].body["text"].as_str().unwrap().contains("no RunSession of the last 7 days"));

    let run = world.open(&[slack()]).await;
    world.evidence(run).await;
    world.conclude(run).await;
    let ask = |channel_name: &str, commands: Vec<&str>| {
        let commands = commands.into_iter().map(|name| name.parse().unwrap()).collect();
        let mut reply = reply(&world, ChatAnswer::Last { commands }, None);
        reply.place.channel_name = channel_name.to_owned();
        message(&reply)
    };
    for (name, commands, seen) in [
        ("ops", vec![], true),
        ("privategroup", vec!["checkout-triage"], true),
        ("privategroup", vec!["other"], false),
        ("other", vec![], false),
        ("", vec![], false),
    ] {
        world.handle(&ask(name, commands.clone())).await.unwrap();
        let text = told(&world).pop().unwrap().body["text"].as_str().unwrap().to_owned();
        assert_eq!(text.contains("*The last word*"), seen, "{name} {commands:?}: {text}");
        if seen {
            let link = format!("<https://console.example.com/runs/{run}?exp=");
            assert!(text.contains("concluded") && text.contains(&link), "{text}");
        }
    }
}

fn mention(world: &World, thread: &str, n: u128) -> Event {
    Event {
        id: EventId::mint(world.clock.now(), 100 + n),
        source: "slack".parse().unwrap(),
        source_type: "slack".to_owned(),
        kind: EventKind::Annotated,
        provider_kind: "app_mention".to_owned(),
        delivery_key: format!("Ev{n}"),
        external_id: Some(thread.to_owned()),
        occurred_at: world.clock.now(),
        received_at: world.clock.now(),
        summary: "U1 wrote: rolled back".to_owned(),
        alert: None,
        disposition: Disposition::Attaches,
        raw: RawFragment::keep("{}"),
    }
}

async fn attached(world: &World, thread: &str, n: u128) -> Option<RunId> {
    match world.store.attach(&mention(world, thread, n)).await.unwrap() {
        Accepted::Attached(run) => Some(run),
        Accepted::Unmatched => None,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_mention_in_the_thread_of_our_message_finds_its_run() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    let news = world.evidence(run).await;
    world.handle(&news).await.unwrap();
    let thread = world.inbox.posts()[0].id.replace('/', ":");
    assert_eq!(attached(&world, &thread, 1).await, Some(run));
    assert_eq!(attached(&world, &thread.replace("C0", "C9"), 2).await, None, "the same time in another channel");
    let view = world.store.reader().view(run).await.unwrap().unwrap();
    assert_eq!((view.run.counts.attached, view.run.revision), (1, 3));
    assert!(view.events.iter().any(|event| event.summary == "U1 wrote: rolled back"));
}

/// The run that was asked for in a thread answers there; the thread stays with the run that stood in it first.
#[tokio::test]
async fn a_thread_stays_with_its_first_run() {
    let world = world().await;
    let parent = world.inbox.say("#ops", "the alert's own message").unwrap();
    let (channel, ts) = parent.split_once('/').unwrap();
    let spec = SlackSpec { channel: channel.to_owned(), thread: Some(ts.to_owned()) };
    let first = world.open(&[OutletSpec::Slack(spec.clone())]).await;
    let news = world.evidence(first).await;
    world.handle(&news).await.unwrap();
    world.clock.forward(LEASE);
    let second = world.open(&[OutletSpec::Slack(spec)]).await;
    let news = world.evidence(second).await;
    world.handle(&news).await.unwrap();
    let replies = world.inbox.posts().into_iter().filter(|post| post.body["thread_ts"] == ts).count();
    assert_eq!(replies, 2);
    assert_eq!(attached(&world, &format!("{channel}:{ts}"), 1).await, Some(first));
}

/// Killed after Slack has taken the post and before anything is recorded: the post is found in its thread, and the thread leads
/// to the run.
#[tokio::test]
async fn i4_a_lost_post_in_a_thread_is_found_there() {
    let world = world().await;
    let parent = world.inbox.say("#ops", "the alert's own message").unwrap();
    let (channel, ts) = parent.split_once('/').unwrap();
    let spec = SlackSpec { channel: channel.to_owned(), thread: Some(ts.to_owned()) };
    let run = world.open(&[OutletSpec::Slack(spec)]).await;
    let news = world.evidence(run).await;
    world.inbox.fault(Endpoint::SlackPost, Fault::CloseAfterAccepting);
    world.handle(&news).await.unwrap();
    assert!(world.drain().await.is_empty());
    assert_eq!(world.inbox.posts().iter().filter(|post| post.body["thread_ts"] == ts).count(), 1);
    assert_eq!((asked(&world, Endpoint::SlackReplies), asked(&world, Endpoint::SlackHistory)), (1, 0));
    assert_eq!(attached(&world, &format!("{channel}:{ts}"), 1).await, Some(run));
}
