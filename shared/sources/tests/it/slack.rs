//! Slack: what is an event, what somebody asks for, and what must never start anything.

use domain::{Act, EventKind, Mark, ResponseUrl};
use firstlook_sources::{Ask, Asked, FromSlack, ask, from_slack, normalize, verify};
use serde_json::{Value, json};

use crate::{
    reviewed::{every_capture, form, samples},
    support::{Beside, captures, changed, known, now, one, sample, secrets},
};

fn asked_for(raw: &[u8]) -> FromSlack {
    let source = known("slack");
    let beside = Beside::signed(&source, raw, "s");
    let payload = verify(&source, beside.with(raw), &secrets(&["s"]), now()).unwrap();
    from_slack(&source, &payload, now())
}

fn asked(raw: &[u8]) -> Asked {
    match asked_for(raw) {
        FromSlack::Asked(asked) => *asked,
        other => panic!("{other:?}"),
    }
}

#[test]
fn our_own_samples_are_read_as_reviewed() {
    samples(
        &known("slack"),
        &["run.txt", "help.txt", "mention.json", "mention-run.json", "challenge.json", "own-message.json", "rate.txt"],
    );
}

#[test]
fn i1_every_real_body_is_classified() {
    use EventKind::{Ping, Unknown};
    every_capture(
        &known("slack"),
        "slack",
        &[
            ("block_actions.json", Unknown, None, false),
            ("bolt_js_interactivity_shortcut_0.txt", Unknown, None, false),
            ("bolt_js_slash_command_1.txt", Unknown, None, false),
            ("bolt_js_ssl_check_2.txt", Ping, None, false),
            ("event_app_mention.json", Unknown, None, false),
            ("event_bot_message.json", Unknown, None, false),
            ("global_shortcut.json", Unknown, None, false),
            ("message_shortcut.json", Unknown, None, false),
            ("schema_AppRateLimitedPayload.json", Unknown, None, false),
            ("schema_BlockActionPayload.json", Unknown, None, false),
            ("slash_command_bolt.txt", Unknown, None, false),
            ("slash_command_signed.txt", Unknown, None, false),
            ("url_verification.json", Ping, None, false),
        ],
    );
}

/// What somebody asks for is told apart from what only happens, in every real body.
#[test]
fn every_real_body_asks_for_what_it_says() {
    for (file, raw) in captures("slack").into_iter().filter(|(file, _)| !file.ends_with(".headers.json")) {
        let read = asked_for(&raw);
        match file.as_str() {
            "url_verification.json" => {
                let wanted = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P";
                assert_eq!(read, FromSlack::Challenge(wanted.to_owned()));
            }
            "slash_command_signed.txt" => {
                let FromSlack::Asked(asked) = read else { panic!("{file}: {read:?}") };
                assert_eq!(
                    (asked.place.to_string(), asked.called.as_str()),
                    ("roadrunner in #foobar".to_owned(), "/webhook-collect")
                );
                assert_eq!(asked.request, "398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c");
                assert_eq!((ask(&asked.words), asked.at), (Ok(Ask::Help), now()));
            }
            "bolt_js_slash_command_1.txt" | "slash_command_bolt.txt" => {
                assert!(matches!(&read, FromSlack::Asked(asked) if asked.slash), "{file}: {read:?}");
            }
            // Outside of a thread a mention can only ask for something; this one is told what there is.
            "event_app_mention.json" => {
                let FromSlack::Asked(asked) = read else { panic!("{file}: {read:?}") };
                assert_eq!(
                    (asked.words.trim(), asked.place.thread.as_deref()),
                    ("Hi there!", Some("1595926230.009600"))
                );
                assert!(ask(&asked.words).is_err() && !asked.slash);
            }
            _ => assert_eq!(read, FromSlack::Event, "{file}"),
        }
    }
}

#[test]
fn a_slash_command_says_who_asks_for_what_and_where() {
    let asked = asked(&sample("slack/run.txt"));
    let place = &asked.place;
    assert_eq!((place.channel.as_str(), place.user.as_str(), &place.thread), ("C0CHECKOUT", "U0ONCALL01", &None));
    assert_eq!(asked.called, "/firstlook");
    assert_eq!(asked.response_url, Some(ResponseUrl("https://hooks.slack.com/commands/T0SHOP0001/1/xyz".to_owned())));
    let with = [("namespace".to_owned(), "checkout".to_owned())].into();
    assert_eq!(ask(&asked.words), Ok(Ask::Run { command: "checkout-triage".to_owned(), with }));
}

#[test]
fn a_mention_in_a_thread_attaches_unless_it_begins_with_one_of_our_words() {
    let mention = |text: &str| changed("slack/mention.json", &[("/event/text", json!(text))]);
    for text in ["<@U0FIRSTLK1> runs again", "<@U0FIRSTLK1> thanks", "<@U0FIRSTLK1>", "look <@U0FIRSTLK1> at this"] {
        assert_eq!(asked_for(&mention(text)), FromSlack::Event, "{text}");
        let event = one(&known("slack"), mention(text));
        assert_eq!(
            (event.kind, event.external_id.as_deref()),
            (EventKind::Annotated, Some("C0CHECKOUT:1772444400.000100"))
        );
    }
    for text in
        ["<@U0FIRSTLK1> run triage", "please <@U0FIRSTLK1> Run triage", "<@U0FIRSTLK1> help", "<@U0FIRSTLK1|fl> last"]
    {
        let asked = asked(&mention(text));
        assert_eq!(asked.place.thread.as_deref(), Some("1772444400.000100"), "{text}");
        assert!(ask(&asked.words).is_ok(), "{text}");
    }
}

#[test]
fn of_several_mentions_ours_is_the_one_that_asks() {
    let mention = |text: &str| changed("slack/mention.json", &[("/event/text", json!(text))]);
    let raw = mention("<@U0BEN00001> and <@U0CARL0001|carl>: <@U0FIRSTLK1|fl> run triage who=<@U0BEN00001>");
    let with = [("who".to_owned(), "@U0BEN00001".to_owned())].into();
    assert_eq!(ask(&asked(&raw).words), Ok(Ask::Run { command: "triage".to_owned(), with }));
    for (text, noted) in [
        ("<@U0BEN00001> look, <@U0FIRSTLK1> was right", "@U0BEN00001 look, @U0FIRSTLK1 was right"),
        (" <@U0FIRSTLK1> <@U0BEN00001> looks", "@U0BEN00001 looks"),
    ] {
        let event = one(&known("slack"), mention(text));
        assert_eq!(event.summary, format!("U0ONCALL01 wrote: {noted}"));
    }
    // Where Slack does not say who we are, the first mention is taken for ours.
    let odd = changed("slack/mention.json", &[("/authorizations", json!([])), ("/event/text", json!("<@U0X> help"))]);
    assert_eq!(ask(&asked(&odd).words), Ok(Ask::Help));
}

/// Our own posts come back as events, too, and so do those of other apps.
#[test]
fn what_an_app_writes_starts_and_attaches_nothing() {
    let odd = [
        ("/event/bot_id", json!("B0OTHER0001")),
        ("/event/bot_profile", json!({"id": "B0OTHER0001"})),
        ("/event/user", json!("U0FIRSTLK1")),
        ("/event/user", Value::Null),
    ];
    for (place, value) in odd {
        for file in ["slack/mention.json", "slack/mention-run.json"] {
            let body = changed(file, &[(place, value.clone())]);
            assert_eq!(asked_for(&body), FromSlack::Event, "{place}");
            let event = one(&known("slack"), &body);
            assert_eq!((event.kind, &event.external_id), (EventKind::Unknown, &None), "{place}");
            assert!(event.summary.contains("a message of an app"), "{}", event.summary);
        }
    }
    assert_eq!(asked_for(&sample("slack/own-message.json")), FromSlack::Event);
}

/// Slack tries an event again when the first answer was late or lost: it must not be dropped, and it is one event.
#[test]
fn i3_an_event_is_named_by_its_id_and_not_by_the_attempt() {
    let source = known("slack");
    let raw = sample("slack/mention.json");
    let mut beside = Beside::signed(&source, &raw, "s");
    for (name, value) in [("x-slack-retry-num", "2"), ("x-slack-retry-reason", "http_timeout")] {
        beside.headers.insert(name, value.parse().unwrap());
    }
    let payload = verify(&source, beside.with(&raw), &secrets(&["s"]), now()).unwrap();
    let [again] = <[_; 1]>::try_from(normalize(&source, &payload, now())).unwrap();
    let first = one(&source, &raw);
    assert_eq!((again.delivery_key.as_str(), again.kind), ("Ev0MENTION1", first.kind));
}

/// Around an event and within a form stands a token that proved requests once.
#[test]
fn i9_the_old_token_is_not_kept_with_what_attaches() {
    let event = one(&known("slack"), sample("slack/mention.json"));
    assert!(event.raw.text.contains("app_mention") && !event.raw.text.contains("Jhj5dZrVaK7ZwHHjRyZWjbDl"));
}

#[test]
fn what_is_no_body_of_slack_is_recorded_as_that() {
    for (raw, part) in [("{}", "not Slack's"), ("[]", "not Slack's"), ("{\"type\": 7}", "not Slack's")] {
        let event = one(&known("slack"), raw);
        assert_eq!(event.kind, EventKind::Unknown);
        assert!(event.summary.contains(part), "{raw}: {}", event.summary);
    }
    assert_eq!(form(&known("slack"), b"payload=no+json").kind, EventKind::Unknown);
}

#[test]
fn i1_who_is_of_another_workspace_than_the_app_is_known_by_it() {
    let outside = |changes: &[(&str, Value)]| asked(&changed("slack/mention-run.json", changes)).place.outside;
    assert!(!outside(&[]));
    assert!(outside(&[("/event/user_team", json!("T0VENDOR01"))]));
    assert!(outside(&[("/event/team", json!("T0VENDOR01"))]));
    assert!(outside(&[("/event/team", json!("T0SHOP0001")), ("/event/user_team", json!("E0VENDOR01"))]));
    // In a channel that the other organization made, the outer team is theirs also for our own people.
    assert!(!outside(&[("/team_id", json!("T0VENDOR01"))]));
    let shared = ("/is_ext_shared_channel", json!(true));
    let ours = ("/event/team", json!("T0SHOP0001"));
    assert!(!outside(&[("/team_id", json!("T0VENDOR01")), shared.clone(), ours.clone()]));
    // Who is of no known team is one of ours only where nobody else can be, and nobody is of an unknown installation.
    assert!(outside(std::slice::from_ref(&shared)));
    assert!(outside(&[("/is_ext_shared_channel", Value::Null)]));
    assert!(outside(&[("/authorizations/0/team_id", Value::Null), ours.clone()]));
    // Without authorizations the outer team is the installation.
    assert!(!outside(&[("/authorizations", json!([])), ours.clone()]));
    assert!(outside(&[("/authorizations", json!([])), ("/event/team", json!("T0VENDOR01"))]));
}

#[test]
fn i1_the_people_of_an_enterprise_organization_are_known_by_it() {
    let outside = |shared: bool, enterprise: bool, team: Value, theirs: &str| {
        let installed = json!([{
            "enterprise_id": "E0SHOP0001", "team_id": team, "user_id": "U0FIRSTLK1", "is_bot": true,
            "is_enterprise_install": enterprise,
        }]);
        let changes = [
            ("/authorizations", installed),
            ("/is_ext_shared_channel", json!(shared)),
            ("/event/user_team", json!(theirs)),
        ];
        asked(&changed("slack/mention-run.json", &changes)).place.outside
    };
    for (shared, enterprise, team) in [
        (false, false, json!("T0SHOP0001")),
        (true, false, json!("T0SHOP0001")),
        (false, true, Value::Null),
        (true, true, Value::Null),
    ] {
        assert!(!outside(shared, enterprise, team.clone(), "E0SHOP0001"), "{shared} {enterprise}");
        assert_eq!(outside(shared, enterprise, team.clone(), "T0SHOP0001"), shared && enterprise);
        assert_eq!(outside(shared, enterprise, team, "T0SHOP0002"), shared || !enterprise);
    }
    assert!(outside(true, true, Value::Null, "E0VENDOR01") && outside(true, false, json!("T0SHOP0001"), "E0VENDOR01"));
    // A click on a button of an installation for an organization has no team.
    let raw = sample("slack/rate.txt");
    let (_, payload) = form_urlencoded::parse(&raw).next().unwrap();
    let body: Value = serde_json::from_str(&payload).unwrap();
    let team = json!({"id": "T0SHOP0001", "domain": "shop", "enterprise_id": "E0SHOP0001"});
    let organization = json!({"id": "E0SHOP0001", "name": "Shop"});
    for (team, organization, theirs, outside) in [
        (team.clone(), Value::Null, json!("T0SHOP0001"), false),
        (team.clone(), Value::Null, json!("E0SHOP0001"), false),
        (team.clone(), Value::Null, json!("T0VENDOR01"), true),
        (team.clone(), Value::Null, json!("E0VENDOR01"), true),
        (team, Value::Null, Value::Null, true),
        (Value::Null, organization.clone(), json!("E0SHOP0001"), false),
        (Value::Null, organization.clone(), json!("E0VENDOR01"), true),
        // It may be a workspace of the organization or anybody's.
        (Value::Null, organization.clone(), json!("T0SHOP0001"), true),
        (Value::Null, organization, Value::Null, true),
        (Value::Null, Value::Null, json!("T0SHOP0001"), true),
        (Value::Null, Value::Null, Value::Null, true),
    ] {
        let changes = [("/team", team), ("/enterprise", organization), ("/user/team_id", theirs)];
        let mut body = body.clone();
        for (at, value) in &changes {
            let (map, key) = at.rsplit_once('/').unwrap();
            body.pointer_mut(map).unwrap()[key] = value.clone();
        }
        let raw = form_urlencoded::Serializer::new(String::new()).append_pair("payload", &body.to_string()).finish();
        let FromSlack::Pressed(press) = asked_for(raw.as_bytes()) else { panic!("{changes:?}") };
        assert_eq!(press.place.outside, outside, "{changes:?}");
    }
}

#[test]
fn a_button_says_who_pressed_it_on_which_message_and_for_which_run() {
    let raw = String::from_utf8(sample("slack/rate.txt")).unwrap();
    let FromSlack::Pressed(press) = asked_for(raw.as_bytes()) else { panic!("it is one of ours") };
    assert_eq!(
        (press.place.to_string(), press.message.as_str()),
        ("oncall in #checkout-oncall".to_owned(), "C0CHECKOUT/1772444400.000100")
    );
    let at = "2026-03-02T09:40:20.194939Z".parse().unwrap();
    assert_eq!((press.run.to_string().as_str(), press.at), ("run_01KJQ3V0000000000000000000", at));
    assert_eq!(press.act, Act::Rate { mark: Mark::OneHopShort });
    assert_eq!(press.response_url, Some(ResponseUrl("https://hooks.slack.com/actions/T0SHOP0001/3/xyz".to_owned())));
    for (action, act) in [("firstlook_again", Act::Again), ("firstlook_stop", Act::Stop)] {
        let raw = raw.replace("firstlook_rate_one_hop_short", action);
        let FromSlack::Pressed(other) = asked_for(raw.as_bytes()) else { panic!("{action} is one of ours") };
        assert_eq!((other.act, other.id()), (act, press.id()));
    }
    // Two presses within a second are two; where Slack does not say when, its signature does.
    for (to, at) in [("1772444420.194940", "2026-03-02T09:40:20.19494Z".parse().unwrap()), ("soon", now())] {
        let FromSlack::Pressed(other) = asked_for(raw.replace("1772444420.194939", to).as_bytes()) else {
            panic!("{to}")
        };
        assert_eq!((other.at, other.id() == press.id()), (at, false), "{to}");
    }
    for (from, to) in [
        ("firstlook_rate_one_hop_short", "firstlook_rate_superb"),
        ("firstlook_rate_one_hop_short", "approve"),
        ("firstlook_rate_one_hop_short", "firstlook_again_and_again"),
        ("run_01KJQ3V0000000000000000000", "run_"),
        ("message_ts", "other_ts"),
    ] {
        assert!(raw.contains(from), "{from}");
        assert_eq!(
            asked_for(raw.replace(from, to).as_bytes()),
            FromSlack::Event,
            "{to}: recorded, and nothing follows"
        );
    }
}
