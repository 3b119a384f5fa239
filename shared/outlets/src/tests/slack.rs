use std::{sync::Arc, time::Duration};

use domain::RunId;
use inbox::{Endpoint, Fault, Moment, Service};
use serde_json::{Value, json};

use super::{inbox, keys, now, open, post, views};
use crate::{OpenOutlet, OutletError, Outlets, Settings};

fn status(status: u16, retry_after: Option<u64>) -> Fault {
    Fault::Status { status, retry_after }
}

#[tokio::test]
async fn a_message_is_posted_with_its_metadata_and_edited_in_place() {
    let inbox = inbox().await;
    let target = views::slack("#ops");
    let outlet = open(&inbox, keys(), &target.spec.outlet).await.unwrap();
    let (first, last) = (views::evidence(), views::resolved());
    let id = outlet.post(&post(&first, &target)).await.unwrap();
    outlet.edit(&id, &post(&last, &target)).await.unwrap();
    outlet.edit(&id, &post(&last, &target)).await.unwrap();

    let posts = inbox.posts();
    assert_eq!((posts.len(), posts[0].id.as_str(), posts[0].place.as_str()), (1, id.as_str(), "ops"));
    assert_eq!(posts[0].edits.len(), 2);
    let payload = json!({ "run": first.run.id, "target": "slack" });
    for body in [&posts[0].body, posts[0].current()] {
        assert_eq!(body["metadata"], json!({ "event_type": "firstlook_run", "event_payload": payload }));
        assert_eq!((&body["unfurl_links"], &body["unfurl_media"]), (&json!(false), &json!(false)));
    }
    assert!(posts[0].current().to_string().contains("The incident was resolved at"));
}

#[tokio::test]
async fn what_is_rendered_is_what_slack_takes() {
    let inbox = inbox().await;
    let target = views::slack("C0123456789");
    let outlet = open(&inbox, keys(), &target.spec.outlet).await.unwrap();
    for view in [views::queued(), views::failed(), views::gaps(), views::hostile(), views::huge("A word & more. ")] {
        outlet.post(&post(&view, &target)).await.unwrap();
    }
    assert_eq!(inbox.posts().len(), 5);
}

/// Posts through a fault that leaves it open whether the message stands, and then looks for it.
async fn found_after(fault: Fault, channel: &str) {
    let inbox = inbox().await;
    let target = views::slack(channel);
    let view = views::evidence();
    let outlet = open(&inbox, keys(), &target.spec.outlet).await.unwrap();
    let other = views::slack(channel);
    let mut other_view = views::evidence();
    other_view.run.id = RunId::mint(now(), 99);
    outlet.post(&post(&other_view, &other)).await.unwrap();
    inbox.fault(Endpoint::SlackPost, fault.clone());
    let error = outlet.post(&post(&view, &target)).await.unwrap_err();
    assert!(matches!(error, OutletError::Ambiguous { .. }), "{fault:?}: {error:?}");
    // The message is on the second page by now.
    for index in 0..250 {
        inbox.say("ops", &format!("message {index}"));
    }
    let found = outlet.find(&post(&view, &target)).await.unwrap();
    assert_eq!(found, Some(inbox.posts()[1].id.clone()));
    let mut never = views::evidence();
    never.run.id = RunId::mint(now(), 100);
    assert_eq!(outlet.find(&post(&never, &target)).await.unwrap(), None);
}

#[tokio::test]
async fn i4_a_post_whose_answer_was_lost_is_found_again() {
    found_after(Fault::CloseAfterAccepting, "ops").await;
    found_after(Fault::StatusAfterAccepting(502), "#ops").await;
}

#[tokio::test]
async fn i4_a_post_that_is_never_answered_is_found_again() {
    let inbox = inbox().await;
    let target = views::slack("#ops");
    let view = views::evidence();
    let outlet = open(&inbox, keys(), &target.spec.outlet).await.unwrap();
    inbox.fault(Endpoint::SlackPost, Fault::HangAfterAccepting);
    let mut arrivals = inbox.subscribe();
    let post = post(&view, &target);
    let (posted, ()) = tokio::join!(outlet.post(&post), async {
        while arrivals.recv().await.unwrap().moment != Moment::Accepted {}
        // Nothing but timers is left, so they run out at once.
        tokio::time::pause();
    });
    tokio::time::resume();
    assert!(matches!(posted.unwrap_err(), OutletError::Ambiguous { .. }));
    assert_eq!(outlet.find(&post).await.unwrap(), Some(inbox.posts()[0].id.clone()));
}

#[tokio::test]
async fn i4_a_search_that_cannot_see_everything_does_not_say_that_nothing_is_there() {
    let inbox = inbox().await;
    let target = views::slack("ops");
    let view = views::evidence();
    let outlet = open(&inbox, keys(), &target.spec.outlet).await.unwrap();
    let missing = outlet.find(&post(&view, &target)).await.unwrap_err();
    assert!(matches!(&missing, OutletError::Permanent { reason } if reason.contains("invite the bot")), "{missing:?}");
    for _ in 0..4001 {
        inbox.say("ops", "chatter");
    }
    let lost = outlet.find(&post(&view, &target)).await.unwrap_err();
    assert!(matches!(&lost, OutletError::Transient { reason, .. } if reason.contains("more than 4000")), "{lost:?}");
    // What was written long after the last try is not looked through.
    let mut old = views::slack("ops");
    old.sending_since = Some(now() - Duration::from_secs(86_400));
    old.updated_at = now() - Duration::from_secs(3600);
    assert_eq!(outlet.find(&post(&view, &old)).await.unwrap(), None);
    for fault in [status(500, None), Fault::SlackError("internal_error"), Fault::CloseAfterAccepting] {
        inbox.fault(Endpoint::SlackHistory, fault);
        let error = outlet.find(&post(&view, &target)).await.unwrap_err();
        assert!(matches!(error, OutletError::Transient { .. }), "{error:?}");
    }
    inbox.fault(Endpoint::SlackHistory, Fault::SlackError("missing_scope"));
    let error = outlet.find(&post(&view, &target)).await.unwrap_err();
    assert!(matches!(&error, OutletError::Permanent { reason } if reason.contains("scope")), "{error:?}");
}

#[tokio::test]
async fn a_bot_that_may_not_list_private_channels_is_asked_for_the_public_ones() {
    let inbox = inbox().await;
    inbox.say("ops", "hello");
    inbox.fault(Endpoint::SlackChannels, Fault::SlackError("missing_scope"));
    let target = views::slack("#ops");
    let outlet = open(&inbox, keys(), &target.spec.outlet).await.unwrap();
    assert_eq!(outlet.find(&post(&views::evidence(), &target)).await.unwrap(), None);
    let asked: Vec<String> = inbox.requests().into_iter().map(|request| request.query).collect();
    assert!(asked[0].contains("types=public_channel%2Cprivate_channel"), "{asked:?}");
    assert!(asked[1].contains("types=public_channel&"), "{asked:?}");
}

#[tokio::test]
async fn what_slack_says_is_told_apart() {
    let inbox = inbox().await;
    let target = views::slack("#ops");
    let view = views::evidence();
    let outlet = open(&inbox, keys(), &target.spec.outlet).await.unwrap();
    let post = post(&view, &target);
    let id = outlet.post(&post).await.unwrap();
    for code in [
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "token_revoked",
        "missing_scope",
        "invalid_blocks",
        "new",
    ] {
        for endpoint in [Endpoint::SlackPost, Endpoint::SlackUpdate] {
            inbox.fault(endpoint, Fault::SlackError(code));
        }
        for error in [outlet.post(&post).await.unwrap_err(), outlet.edit(&id, &post).await.unwrap_err()] {
            assert!(matches!(&error, OutletError::Permanent { reason } if reason.contains(code)), "{error:?}");
        }
    }
    for fault in [
        status(500, None),
        status(503, None),
        Fault::SlackError("fatal_error"),
        Fault::SlackError("update_failed"),
        Fault::SlackError("external_channel_migrating"),
        Fault::CloseAfterAccepting,
    ] {
        inbox.fault(Endpoint::SlackPost, fault.clone());
        inbox.fault(Endpoint::SlackUpdate, fault);
        let error = outlet.post(&post).await.unwrap_err();
        assert!(matches!(error, OutletError::Ambiguous { .. }), "{error:?}");
        let error = outlet.edit(&id, &post).await.unwrap_err();
        assert!(matches!(error, OutletError::Transient { .. }), "an edit can be repeated: {error:?}");
    }
    for (fault, seconds) in [
        (status(429, Some(7)), 7),
        (status(429, None), 30),
        (Fault::SlackError("ratelimited"), 30),
        (Fault::SlackError("rate_limited"), 30),
    ] {
        inbox.fault(Endpoint::SlackPost, fault);
        let wait = Duration::from_secs(seconds);
        let error = outlet.post(&post).await.unwrap_err();
        assert_eq!(error, OutletError::Limited { reason: "Slack's chat.postMessage asks to wait".into(), wait });
    }
    let before = inbox.requests().len();
    inbox.fault(Endpoint::SlackPost, Fault::Redirect(inbox.webhook("elsewhere")));
    assert!(matches!(outlet.post(&post).await.unwrap_err(), OutletError::Permanent { .. }));
    assert_eq!(inbox.requests().len(), before + 1, "a redirect is not followed");
}

#[tokio::test]
async fn what_a_person_deleted_is_not_posted_again() {
    let inbox = inbox().await;
    let target = views::slack("#ops");
    let view = views::evidence();
    let outlet = open(&inbox, keys(), &target.spec.outlet).await.unwrap();
    let id = outlet.post(&post(&view, &target)).await.unwrap();
    inbox.delete(&id);
    let error = outlet.edit(&id, &post(&view, &target)).await.unwrap_err();
    assert!(matches!(&error, OutletError::Deleted { reason } if reason.contains("was deleted")), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_has_posted_nothing() {
    let nowhere = Settings {
        slack_api: "http://127.0.0.1:1/api".parse().unwrap(),
        pagerduty_api: "http://127.0.0.1:1/".parse().unwrap(),
        inbox: None,
    };
    let target = views::slack("#ops");
    let outlets = Outlets::new(nowhere, Arc::new(keys())).unwrap();
    let outlet = outlets.open(&target.spec.outlet).await.unwrap();
    let error = outlet.post(&post(&views::evidence(), &target)).await.unwrap_err();
    assert!(matches!(error, OutletError::Transient { .. }), "{error:?}");
}

#[tokio::test]
async fn a_rotated_token_is_read_again_and_used() {
    let inbox = inbox().await;
    let target = views::slack("#ops");
    let mut keys = keys();
    keys.cached.insert(crate::slack::TOKEN_KEY, vec!["stale"]);
    keys.newer.lock().unwrap().insert(crate::slack::TOKEN_KEY, vec!["xoxb-2"]);
    let outlet = open(&inbox, keys, &target.spec.outlet).await.unwrap();
    outlet.post(&post(&views::evidence(), &target)).await.unwrap();
    assert_eq!((inbox.requests().len(), inbox.posts().len()), (2, 1));
    assert_eq!(inbox.posts()[0].service, Service::Slack);
}

/// What `doctor` says of the same tokens is in `setup`.
#[tokio::test]
async fn a_token_is_taken_without_what_stands_around_it_and_one_that_no_header_takes_is_to_be_mended() {
    let inbox = inbox().await;
    let target = views::slack("#ops");
    let with = |token: &'static str| {
        let mut keys = keys();
        keys.cached.insert(crate::slack::TOKEN_KEY, vec![token]);
        keys
    };
    let outlet = open(&inbox, with("\txoxb-1 \r\n"), &target.spec.outlet).await.unwrap();
    outlet.post(&post(&views::evidence(), &target)).await.unwrap();
    let mut rotated = with("stale");
    rotated.newer = std::sync::Mutex::new([(crate::slack::TOKEN_KEY, vec!["xoxb-2\n"])].into());
    let outlet = open(&inbox, rotated, &target.spec.outlet).await.unwrap();
    outlet.post(&post(&views::concluded(), &target)).await.unwrap();
    let asked = inbox.requests().len();
    let outlet = open(&inbox, with("xoxb-1\nxoxb-2"), &target.spec.outlet).await.unwrap();
    let error = outlet.post(&post(&views::evidence(), &target)).await.unwrap_err();
    let wanted = "`slack-bot-token` in the secret has characters that no key has";
    assert_eq!(error, OutletError::Permanent { reason: wanted.to_owned() });
    assert_eq!(inbox.requests().len(), asked);
}

#[tokio::test]
async fn i9_errors_name_the_key_and_never_its_value() {
    let inbox = inbox().await;
    let target = views::slack("#ops");
    let mut none = keys();
    none.cached.clear();
    let error = open(&inbox, none, &target.spec.outlet).await.err().unwrap();
    assert!(matches!(&error, OutletError::Permanent { reason } if reason.contains("slack-bot-token")), "{error:?}");
    let broken = super::Keys { broken: true, ..keys() };
    let error = open(&inbox, broken, &target.spec.outlet).await.err().unwrap();
    assert!(matches!(error, OutletError::Transient { .. }), "{error:?}");
    let mut wrong = keys();
    wrong.cached.insert(crate::slack::TOKEN_KEY, vec!["hunter2"]);
    let outlet = open(&inbox, wrong, &target.spec.outlet).await.unwrap();
    let error = outlet.post(&post(&views::evidence(), &target)).await.unwrap_err();
    assert!(matches!(&error, OutletError::Permanent { reason } if reason.contains("slack-bot-token")), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"));
}

/// Buttons stand under what has its last word, where somebody hears of them; who said what stands beside them.
#[tokio::test]
async fn a_concluded_run_can_be_rated_where_somebody_hears_of_it() {
    let inbox = inbox().await;
    let target = views::slack("#ops");
    let outlet = open(&inbox, keys(), &target.spec.outlet).await.unwrap();
    let stands = domain::Target { provider_id: Some("C0123456789/1772444400.000100".to_owned()), ..target.clone() };
    let actions_at = |target: &domain::Target, view: &domain::Shown| {
        let body = crate::slack::render(&post(view, target));
        body["blocks"].as_array().unwrap().iter().find(|block| block["type"] == "actions").cloned()
    };
    let actions = |view: &domain::Shown| actions_at(&stands, view);
    let mut view = views::concluded();
    assert_eq!(actions(&view), None);
    view.run.buttons = true;
    let shown = |actions: Value| -> Vec<Value> {
        actions["elements"].as_array().unwrap().iter().map(|one| one["text"]["text"].clone()).collect()
    };
    let rates = ["Spot on", "One hop short", "Right area", "Wrong"];
    assert_eq!(shown(actions(&view).unwrap()), rates, "who may run nothing here rates");
    view.run.asked_from = vec!["C0123456789".to_owned()];
    assert_eq!(shown(actions_at(&target, &view).unwrap()), rates, "where it will stand is not known yet");
    let by = domain::ChatPlace {
        source: "slack".parse().unwrap(),
        channel: "C0123ABCD".to_owned(),
        channel_name: "ops".to_owned(),
        thread: None,
        user: "U0123ABCD".to_owned(),
        user_name: "<!channel>".to_owned(),
        outside: false,
    };
    view.ratings = vec![domain::Rating { rating: domain::Mark::SpotOn, by, at: now() }];
    let buttons = actions(&view).unwrap();
    assert_eq!(shown(buttons.clone()), [&rates[..], &["Run again"]].concat());
    assert!(buttons["elements"].as_array().unwrap().iter().all(|one| one["value"] == view.run.id.to_string()));
    outlet.post(&post(&view, &target)).await.unwrap();
    let text = inbox.posts()[0].body.to_string();
    assert!(text.contains("Rated: spot on (&lt;!channel&gt;)"), "{text}");
    let mut huge = views::huge("A word & more. ");
    (huge.run.buttons, huge.ratings) = (true, vec![view.ratings[0].clone(); 50]);
    assert!(actions(&huge).is_some());
    outlet.post(&post(&huge, &target)).await.unwrap();
    for (mut other, wanted) in [
        (views::evidence(), ("firstlook_stop", "Stop")),
        (views::failed(), ("firstlook_again", "Run again")),
        (views::cancelled(), ("firstlook_again", "Run again")),
    ] {
        other.run.buttons = true;
        assert_eq!(actions(&other), None, "there is nothing to rate");
        other.run.asked_from = view.run.asked_from.clone();
        let buttons = actions(&other).unwrap()["elements"].clone();
        let buttons = buttons.as_array().unwrap().clone();
        let shown = (buttons[0]["action_id"].as_str().unwrap(), buttons[0]["text"]["text"].as_str().unwrap());
        assert_eq!((buttons.len(), shown), (1, wanted));
        outlet.post(&post(&other, &target)).await.unwrap();
    }
}

/// What has no room stands whole in messages of the thread, as Slack takes them, and as text only.
#[tokio::test]
async fn what_has_no_room_is_what_slack_takes() {
    let inbox = inbox().await;
    let root = views::slack("C0123456789");
    let outlet = open(&inbox, keys(), &root.spec.outlet).await.unwrap();
    let mut most = 0;
    for unit in ["A word & more. ", "<!channel> ", "&", "\u{1D4B3}", "x"] {
        let mut view = views::huge(unit);
        view.run.buttons = true;
        let parts = crate::slack::parts(&post(&view, &root));
        assert!((1..=3).contains(&parts), "{unit}: {parts}");
        most = most.max(parts);
        for part in 0..=parts {
            let mut target = root.clone();
            target.spec.name = "slack-more".to_owned();
            target.continues = Some(domain::Continues { target: "slack".to_owned(), part });
            outlet.post(&post(&view, &target)).await.unwrap_or_else(|error| panic!("{unit} {part}: {error}"));
            let text = inbox.posts().pop().unwrap().body.to_string();
            assert!(!text.contains("<!") && !text.contains("firstlook_again"), "{unit} {part}");
            assert_eq!(text.contains("has room now"), part == parts, "{unit} {part}");
        }
    }
    assert_eq!(most, 3);
    for view in [views::queued(), views::evidence(), views::concluded(), views::read()] {
        assert_eq!(crate::slack::parts(&post(&view, &root)), 0, "{}", view.run.title);
    }
}

#[tokio::test]
async fn i4_a_later_looks_message_is_posted_and_looked_for_in_the_first_ones_thread() {
    let inbox = inbox().await;
    let first = inbox.say("ops", "the first look").unwrap();
    let ts = first.split_once('/').unwrap().1;
    let mut target = views::slack("#ops");
    let view = views::reopened();
    let run = view.run.previous.as_ref().unwrap().id;
    target.root = Some(domain::Root { run, thread: Some(ts.to_owned()) });
    let outlet = open(&inbox, keys(), &target.spec.outlet).await.unwrap();
    inbox.fault(Endpoint::SlackPost, Fault::CloseAfterAccepting);
    outlet.post(&post(&view, &target)).await.unwrap_err();
    let posted = inbox.posts().pop().unwrap();
    assert_eq!(posted.body["thread_ts"], ts);
    assert_eq!(outlet.find(&post(&view, &target)).await.unwrap(), Some(posted.id.clone()));
    target.provider_id = Some(posted.id);
    let channel = first.split_once('/').unwrap().0;
    assert_eq!(crate::slack::thread(&target), Some((channel, ts)));
    // And what is later still.
    let domain::OutletSpec::Slack(spec) = &target.spec.outlet else { panic!() };
    assert_eq!(crate::slack::root(&target, view.run.id, spec), target.root, "the first one's, not the second one's");
    let elsewhere = domain::SlackSpec::channel("#other");
    assert_eq!(crate::slack::root(&target, view.run.id, &elsewhere), None);
}
