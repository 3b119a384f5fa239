//! What the inbox answers, seen from outside as an outlet sees it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::{Endpoint, Fault, Inbox, Moment, Service};
use jiff::Timestamp;
use ports::Clock;
use serde_json::{Value, json};

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }
}

async fn start() -> Inbox {
    Inbox::start("127.0.0.1:0".parse().unwrap(), Arc::new(Fixed)).await.unwrap()
}

fn client() -> reqwest::Client {
    // Everything here is plain HTTP; the builder still wants to know whose TLS it would use.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

async fn slack(inbox: &Inbox, method: &str, body: Value) -> Value {
    let url = format!("{}/{method}", inbox.slack_api());
    let request = client().post(url).bearer_auth("xoxb-1").json(&body);
    request.send().await.unwrap().json().await.unwrap()
}

fn section(characters: usize) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": "x".repeat(characters), "verbatim": true } })
}

#[tokio::test]
async fn slack_answers_200_and_says_in_the_body_what_is_wrong() {
    let inbox = start().await;
    inbox.remove_channel("gone");
    let blocks = |blocks: Vec<Value>| json!({ "channel": "#ops", "text": "t", "blocks": blocks });
    for (body, error) in [
        (json!({ "channel": "#gone", "text": "t" }), "channel_not_found"),
        (json!({ "channel": "#ops" }), "no_text"),
        (json!({ "channel": "#ops", "text": "x".repeat(40_001) }), "msg_too_long"),
        (blocks(vec![section(3001)]), "invalid_blocks"),
        (blocks(vec![section(0)]), "invalid_blocks"),
        (blocks(vec![section(1); 51]), "invalid_blocks"),
        (blocks(vec![section(2900); 5]), "msg_blocks_too_long"),
        (blocks(vec![json!({ "type": "invented" })]), "invalid_blocks"),
        (json!({ "channel": "#ops", "text": "t", "metadata": { "event_type": "e" } }), "invalid_metadata_format"),
    ] {
        let answer = slack(&inbox, "chat.postMessage", body).await;
        assert_eq!(answer, json!({ "ok": false, "error": error }));
    }
    assert!(inbox.posts().is_empty());
    assert_eq!(slack(&inbox, "chat.invent", json!({})).await["error"], "unknown_method");

    let url = format!("{}/auth.test", inbox.slack_api());
    let answer: Value = client().post(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["error"], "not_authed");
    let answer: Value = client().post(&url).bearer_auth("xoxp-1").send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["error"], "invalid_auth");
    assert_eq!(slack(&inbox, "auth.test", json!({})).await["ok"], true);
}

#[tokio::test]
async fn a_message_is_posted_edited_found_and_deleted() {
    let inbox = start().await;
    let metadata = json!({ "event_type": "e", "event_payload": { "run": "r" } });
    let first = slack(&inbox, "chat.postMessage", json!({ "channel": "ops", "text": "a", "metadata": metadata })).await;
    let second = slack(&inbox, "chat.postMessage", json!({ "channel": "#ops", "text": "b" })).await;
    let (channel, ts) = (first["channel"].as_str().unwrap(), first["ts"].as_str().unwrap());
    assert!(ts < second["ts"].as_str().unwrap(), "timestamps are unique and increase");

    let edit = |channel: &str, ts: &str| json!({ "channel": channel, "ts": ts, "text": "a2" });
    assert_eq!(slack(&inbox, "chat.update", edit("ops", ts)).await["error"], "channel_not_found");
    assert_eq!(slack(&inbox, "chat.update", edit(channel, "1.000000")).await["error"], "message_not_found");
    assert_eq!(slack(&inbox, "chat.update", edit(channel, ts)).await["ok"], true);
    inbox.say("ops", "hello");

    let ask = json!({ "channel": channel, "include_all_metadata": true, "limit": 2 });
    let page = slack(&inbox, "conversations.history", ask).await;
    assert_eq!(page["has_more"], true);
    assert_eq!(page["messages"][0]["user"], "U0PERSON");
    let cursor = page["response_metadata"]["next_cursor"].as_str().unwrap();
    let ask = json!({ "channel": channel, "include_all_metadata": true, "limit": 2, "cursor": cursor });
    let page = slack(&inbox, "conversations.history", ask).await;
    assert_eq!(page["messages"][0]["text"], "a2");
    assert_eq!(page["messages"][0]["metadata"]["event_payload"]["run"], "r", "an edit without metadata keeps it");
    let plain = slack(&inbox, "conversations.history", json!({ "channel": channel })).await;
    assert_eq!(plain["messages"][2].get("metadata"), None);
    let newer = slack(&inbox, "conversations.history", json!({ "channel": channel, "oldest": ts })).await;
    assert_eq!(newer["messages"].as_array().unwrap().len(), 2, "`oldest` leaves itself out");
    let url = format!("{}/users.conversations?limit=10", inbox.slack_api());
    let listed: Value = client().get(url).bearer_auth("xoxb-1").send().await.unwrap().json().await.unwrap();
    assert_eq!(listed["channels"][0]["name"], "ops");

    let posts = inbox.posts();
    assert_eq!((posts[0].place.as_str(), posts[0].edits.len()), ("ops", 1));
    assert_eq!((posts[0].body["text"].as_str(), posts[0].current()["text"].as_str()), (Some("a"), Some("a2")));
    inbox.delete(&posts[0].id);
    assert_eq!(slack(&inbox, "chat.update", edit(channel, ts)).await["error"], "message_not_found");
}

#[tokio::test]
async fn a_thread_has_its_own_messages_and_what_one_person_sees_is_in_no_list() {
    let inbox = start().await;
    let first = inbox.say("ops", "first").unwrap();
    let (channel, ts) = first.split_once('/').unwrap();
    slack(&inbox, "chat.postMessage", json!({ "channel": "ops", "text": "in it", "thread_ts": ts })).await;
    slack(&inbox, "chat.postEphemeral", json!({ "channel": channel, "user": "U0ANN", "text": "psst" })).await;
    let texts = |page: &Value| -> Vec<String> {
        page["messages"].as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect()
    };
    let page = slack(&inbox, "conversations.history", json!({ "channel": channel })).await;
    assert_eq!(texts(&page), ["first"]);
    let page = slack(&inbox, "conversations.replies", json!({ "channel": channel, "ts": ts })).await;
    assert_eq!(texts(&page), ["in it", "first"]);
    let none = slack(&inbox, "conversations.replies", json!({ "channel": channel, "ts": "1.000000" })).await;
    assert_eq!(none["error"], "thread_not_found");
    let nobody = slack(&inbox, "chat.postEphemeral", json!({ "channel": channel, "text": "psst" })).await;
    assert_eq!(nobody["error"], "user_not_in_channel");
}

#[tokio::test]
async fn a_response_url_takes_five_answers() {
    let inbox = start().await;
    let url = inbox.response_url("ops", "U0ANN");
    for n in 0..6 {
        let answer = client().post(&url).json(&json!({ "text": "psst" })).send().await.unwrap();
        assert_eq!(answer.status(), if n < 5 { 200 } else { 404 });
        if n == 5 {
            assert_eq!(answer.json::<Value>().await.unwrap()["error"], "used_url");
        }
    }
    let posts = inbox.posts();
    assert_eq!((posts.len(), posts[0].only_for.as_deref(), posts[0].place.as_str()), (5, Some("U0ANN"), "ops"));
}

#[tokio::test]
async fn pagerduty_takes_notes_and_lists_them() {
    let inbox = start().await;
    inbox.remove_incident("PGONE");
    let url = |id: &str| format!("{}/incidents/{id}/notes", inbox.pagerduty_api());
    let send = |id: &str, key: &str, content: &str| {
        let request = client().post(url(id)).header("authorization", key);
        request.json(&json!({ "note": { "content": content } })).send()
    };
    let key = "Token token=k";
    assert_eq!(send("P1", "Bearer k", "x").await.unwrap().status(), 401);
    assert_eq!(send("PGONE", key, "x").await.unwrap().status(), 404);
    assert_eq!(send("P1", key, " ").await.unwrap().status(), 400);
    inbox.fault(Endpoint::PagerDutyPost, Fault::Status { status: 429, retry_after: Some(7) });
    let limited = send("P1", key, "x").await.unwrap();
    assert_eq!((limited.status().as_u16(), limited.headers()["ratelimit-reset"].to_str().unwrap()), (429, "7"));
    assert_eq!(limited.json::<Value>().await.unwrap()["error"]["code"], 2020);
    let made: Value = send("P1", key, "x").await.unwrap().json().await.unwrap();

    let notes = client().get(url("P1")).header("authorization", key).send().await.unwrap();
    let notes: Value = notes.json().await.unwrap();
    assert_eq!(notes["notes"], json!([made["note"]]));
    assert_eq!((inbox.posts().len(), inbox.posts()[0].service), (1, Service::PagerDuty));
}

#[tokio::test]
async fn customers_see_the_jira_comments_that_are_not_said_to_be_internal() {
    let inbox = start().await;
    let url = format!("{}/jira/rest/api/3/issue/OPS-12/comment", inbox.url());
    let body = json!({ "type": "doc", "version": 1, "content": [] });
    let property = |internal: bool| json!({ "key": "sd.public.comment", "value": { "internal": internal } });
    for (properties, public) in [(json!([property(true)]), false), (json!([property(false)]), true), (json!([]), true)]
    {
        let request = client().post(&url).basic_auth("bot", Some("token"));
        let made = request.json(&json!({ "body": body, "properties": properties })).send().await.unwrap();
        assert_eq!(made.json::<Value>().await.unwrap()["jsdPublic"], public, "{properties}");
    }
    let odd = json!({ "body": body, "properties": [{ "sd.public.comment": { "internal": true } }] });
    let refused = client().post(&url).basic_auth("bot", Some("token")).json(&odd).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), inbox.posts().len()), (400, 3));
}

#[tokio::test]
async fn faults_are_met_once_each_and_in_order() {
    let inbox = start().await;
    let (arrived, accepted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counters = (Arc::clone(&arrived), Arc::clone(&accepted));
    inbox.on_arrival(move |arrival| {
        let counter = if arrival.moment == Moment::Arrived { &counters.0 } else { &counters.1 };
        counter.fetch_add(1, Ordering::SeqCst);
    });
    for fault in [
        Fault::CloseAfterAccepting,
        Fault::HangAfterAccepting,
        Fault::HangBefore,
        Fault::StatusAfterAccepting(500),
        Fault::Redirect("http://127.0.0.1:1/".to_owned()),
        Fault::Status { status: 503, retry_after: None },
    ] {
        inbox.fault(Endpoint::Webhook, fault);
    }
    let send = || client().post(inbox.webhook("a/b")).header("webhook-id", "m1").body("{}").send();
    let mut arrivals = inbox.subscribe();

    let closed = send().await.unwrap_err();
    assert!(!closed.is_connect() && !closed.is_timeout(), "{closed:?}");
    assert_eq!(arrivals.recv().await.unwrap().moment, Moment::Arrived);
    assert_eq!(arrivals.recv().await.unwrap().moment, Moment::Accepted);
    let hanging = tokio::spawn(send());
    assert_eq!(arrivals.recv().await.unwrap().moment, Moment::Arrived);
    assert_eq!(arrivals.recv().await.unwrap().moment, Moment::Accepted);
    hanging.abort();
    let hanging = tokio::spawn(send());
    assert_eq!(arrivals.recv().await.unwrap().moment, Moment::Arrived);
    hanging.abort();
    assert_eq!(inbox.posts().len(), 2);
    assert_eq!(send().await.unwrap().status(), 500);
    assert_eq!(send().await.unwrap().status(), 307);
    assert_eq!(send().await.unwrap().status(), 503);
    assert_eq!(send().await.unwrap().status(), 200);
    let posts = inbox.posts();
    assert_eq!(posts.len(), 4);
    assert_eq!((posts[0].place.as_str(), posts[0].id.as_str(), posts[0].raw.as_str()), ("a/b", "m1", "{}"));
    assert_eq!((arrived.load(Ordering::SeqCst), accepted.load(Ordering::SeqCst)), (7, 4));
    assert_eq!(inbox.requests().len(), 7);
}

#[tokio::test]
async fn i9_what_authorizes_a_request_is_not_kept() {
    let inbox = start().await;
    slack(&inbox, "chat.postMessage", json!({ "channel": "ops", "text": "a" })).await;
    let sink = format!("{}/webhook?to=https%3A%2F%2Fhooks.example.com%2Fx", inbox.url());
    client().post(sink).bearer_auth("secret-token").body("hi").send().await.unwrap();
    assert_eq!(inbox.posts()[1].place, "https://hooks.example.com/x");
    assert_eq!(inbox.posts()[1].body, "hi");
    let everything = format!("{:?} {:?}", inbox.posts(), inbox.requests());
    assert!(!everything.contains("xoxb-1") && !everything.contains("secret-token"));
    let url = format!("http://{}/posts", inbox.address());
    let listed: Value = client().get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_posted_into_a_deleted_thread_of_slack_stands_in_the_channel() {
    let inbox = start().await;
    let post = async |thread: Option<&Value>| {
        let answer =
            slack(&inbox, "chat.postMessage", json!({ "channel": "#ops", "text": "t", "thread_ts": thread })).await;
        assert_eq!(answer["ok"], true);
        (answer["channel"].clone(), answer["ts"].clone(), answer["message"].get("thread_ts").cloned())
    };
    let delete = |channel: &Value, ts: &Value| {
        inbox.delete(&format!("{}/{}", channel.as_str().unwrap(), ts.as_str().unwrap()));
    };
    let (channel, first, _) = post(None).await;
    let (_, inside, thread) = post(Some(&first)).await;
    assert_eq!(thread, Some(first.clone()));
    delete(&channel, &first);
    let replies = async || slack(&inbox, "conversations.replies", json!({ "channel": channel, "ts": first })).await;
    assert_eq!(post(Some(&first)).await.2, Some(first.clone()), "messages are left in it");
    assert_eq!(replies().await["messages"].as_array().unwrap().len(), 2);
    for posted in inbox.posts().iter().filter(|posted| posted.body.get("thread_ts").is_some()) {
        inbox.delete(&posted.id);
    }
    assert_eq!(replies().await["error"], "thread_not_found");
    let (_, alone, thread) = post(Some(&first)).await;
    assert_eq!(thread, None);
    let listed = slack(&inbox, "conversations.history", json!({ "channel": channel })).await;
    assert_eq!(listed["messages"].as_array().unwrap().iter().map(|one| &one["ts"]).collect::<Vec<_>>(), [&alone]);
    assert_eq!(post(Some(&json!("1700000000.000100"))).await.2, Some(json!("1700000000.000100")), "somebody else's");
    assert_ne!(inside, alone);
}

#[tokio::test]
async fn an_archived_channel_of_slack_takes_nothing_until_it_is_brought_back() {
    let inbox = start().await;
    let posted = slack(&inbox, "chat.postMessage", json!({ "channel": "#ops", "text": "t" })).await;
    inbox.close("ops");
    let edit = json!({ "channel": posted["channel"], "ts": posted["ts"], "text": "u" });
    let again = json!({ "channel": "#ops", "text": "t", "user": "U0PERSON" });
    for (method, body) in [("chat.postMessage", &again), ("chat.postEphemeral", &again), ("chat.update", &edit)] {
        assert_eq!(
            slack(&inbox, method, body.clone()).await,
            json!({ "ok": false, "error": "is_archived" }),
            "{method}"
        );
    }
    let listed = slack(&inbox, "conversations.history", json!({ "channel": posted["channel"] })).await;
    assert_eq!(listed["ok"], true, "it can be read");
    inbox.mend();
    assert_eq!(slack(&inbox, "chat.update", edit).await["ok"], true);
}
