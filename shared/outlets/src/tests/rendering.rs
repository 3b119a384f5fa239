use insta::{assert_json_snapshot, assert_snapshot};
use proptest::prelude::*;
use serde_json::Value;

use super::{LINK, extremes, post, views};
use crate::{Post, email, github, hook, jira, pagerduty, servicenow, slack, webhook};

pub(super) fn everything() -> Vec<(&'static str, domain::Shown)> {
    vec![
        ("queued", views::queued()),
        ("evidence", views::evidence()),
        ("concluded", views::concluded()),
        ("read", views::read()),
        ("nothing", views::nothing()),
        ("failed", views::failed()),
        ("cancelled", views::cancelled()),
        ("resolved", views::resolved()),
        ("reopened", views::reopened()),
        ("storm", views::storm()),
        ("gaps", views::gaps()),
        ("hostile", views::hostile()),
        ("many", extremes::many()),
        ("budget", extremes::budget()),
        ("large", extremes::large()),
        ("tongues", extremes::tongues()),
    ]
}

#[test]
fn slack_messages_look_like_this() {
    for (name, view) in everything() {
        assert_json_snapshot!(format!("slack_{name}"), slack::render(&post(&view, &views::slack("#ops"))));
    }
}

/// What has no room in the message, and what people can press and have said: nothing of it is in the messages above.
#[test]
fn parts_and_buttons_of_slack_look_like_this() {
    for (name, mut view) in everything() {
        let mut target = views::slack("#ops");
        for part in 0..slack::parts(&post(&view, &target)) {
            target.continues = Some(domain::Continues { target: "slack".to_owned(), part });
            assert_json_snapshot!(format!("slack_{name}_more_{part}"), slack::render(&post(&view, &target))["blocks"]);
        }
        target.continues = None;
        let without = slack::render(&post(&view, &target))["blocks"].as_array().unwrap().clone();
        (view.run.buttons, view.run.asked_from) = (true, vec!["C0123ABCD".to_owned()]);
        target.provider_id = Some("C0123ABCD/1800000000.000100".to_owned());
        view.ratings = vec![views::rating(domain::Mark::RightArea, "ann"), views::rating(domain::Mark::Wrong, "bob")];
        let with = slack::render(&post(&view, &target));
        let added: Vec<Value> =
            with["blocks"].as_array().unwrap().iter().filter(|block| !without.contains(block)).cloned().collect();
        assert_json_snapshot!(format!("slack_{name}_buttons"), added);
    }
}

#[test]
fn pagerduty_notes_look_like_this() {
    for (name, view) in everything() {
        assert_snapshot!(format!("pagerduty_{name}"), pagerduty::render(&post(&view, &views::pagerduty(None))));
    }
}

#[test]
fn webhook_bodies_look_like_this() {
    for (name, view) in everything() {
        let body = webhook::body(&post(&view, &views::webhook("https://x.example/", "hook-key"))).unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_json_snapshot!(format!("webhook_{name}"), body);
    }
}

#[test]
fn comments_on_tickets_look_like_this() {
    for (name, view) in everything() {
        let target = views::slack("#ops");
        let post = post(&view, &target);
        assert_json_snapshot!(format!("jira_{name}"), jira::render(&post));
        assert_snapshot!(format!("github_{name}"), github::render(&post));
        assert_snapshot!(format!("servicenow_{name}"), servicenow::render(&post));
        assert_json_snapshot!(format!("teams_{name}"), hook::render_teams(&post));
    }
}

fn mail() -> domain::OutletSpec {
    let to = vec!["oncall@example.com".to_owned()];
    domain::OutletSpec::Email(domain::EmailSpec { to, from: "firstlook@example.com".to_owned(), region: None })
}

#[test]
fn mails_look_like_this() {
    let domain::OutletSpec::Email(spec) = mail() else { panic!() };
    let target = views::target(mail());
    for (name, view) in everything() {
        let post = post(&view, &target);
        assert_snapshot!(format!("email_{name}_html"), email::html(&post).replace("><", ">\n<"));
    }
    // Text and headers are the same for all; the text is a note's.
    let view = views::read();
    let mut body = email::render(&post(&view, &target), &spec);
    body["Content"]["Simple"]["Body"]["Html"] = Value::Null;
    assert_json_snapshot!("email_read", body);
}

/// Claims of every length, and more of them than have room.
fn many_claims() -> domain::Shown {
    let mut view = views::read();
    let reading = view.run.report.as_mut().unwrap().reading.as_mut().unwrap();
    let claim = |text: usize, quote: usize| domain::Claim {
        text: format!("{}.", "It is full ".repeat(text)),
        step: domain::StepId::new("health"),
        quote: "50 of 50 & more. ".repeat(quote),
    };
    let lengths = [(1, 1), (1, 40), (40, 1), (40, 40), (30, 100), (100, 2)];
    reading.cause.as_mut().unwrap().claims = lengths.map(|(text, quote)| claim(text, quote)).into();
    let out = |(text, quote)| domain::RuledOut { text: "The queue".to_owned(), why: claim(text, quote) };
    reading.ruled_out = lengths.map(out).into();
    view
}

#[test]
fn i11_what_a_claim_rests_on_is_never_cut_off() {
    for view in [views::read(), extremes::large(), many_claims()] {
        let cited = |line: &str| line.ends_with(" [health]") || line.ends_with(" [queue]");
        let of = |line: &&str| line.contains("It is full") || line.contains("health page fails") || line.contains('"');
        let note = pagerduty::render(&post(&view, &views::pagerduty(None)));
        let claims: Vec<&str> = note.lines().filter(|line| line.trim_start().starts_with("- ")).filter(of).collect();
        assert!(claims.len() >= 3 && claims.iter().all(|line| cited(line)), "{claims:#?}");
        let message = slack::render(&post(&view, &views::slack("#ops")));
        let texts = texts(&message);
        let lines = texts.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("• "));
        let claims: Vec<&str> = lines.filter(of).collect();
        assert!(claims.len() >= 3 && claims.iter().all(|line| cited(line)), "{claims:#?}");
        let mail = email::html(&post(&view, &views::target(mail())));
        let items = mail.split("<li>").skip(1).filter_map(|item| item.split("</li>").next());
        let claims: Vec<&str> = items.filter(|item| item.contains("It is full") || item.contains("&quot;")).collect();
        assert!(claims.len() >= 3 && claims.iter().all(|line| cited(line)), "{claims:#?}");
    }
}

#[test]
fn what_is_left_out_whole_is_said_to_be_missing_too() {
    let note = |view: &domain::Shown| pagerduty::render(&post(view, &views::pagerduty(None)));
    let mail = |view: &domain::Shown| email::html(&post(view, &views::target(mail())));
    let missing =
        |view: &domain::Shown| (note(view).contains("Shortened; everything"), mail(view).contains("Shortened:"));
    let mut view = views::read();
    assert_eq!(missing(&view), (false, false));
    let report = view.run.report.as_mut().unwrap();
    let known = report.knowledge[0].clone();
    report.knowledge.push(known);
    assert_eq!(missing(&view), (true, false), "a note has one passage");
    let mut view = views::read();
    let claims = &mut view.run.report.as_mut().unwrap().reading.as_mut().unwrap().cause.as_mut().unwrap().claims;
    claims.extend(claims.clone());
    assert_eq!(missing(&view), (true, false), "a note has three claims");
    let claims = &mut view.run.report.as_mut().unwrap().reading.as_mut().unwrap().cause.as_mut().unwrap().claims;
    claims.extend(claims.clone());
    assert_eq!(missing(&view), (true, true), "a mail has five");
}

#[test]
fn nothing_from_an_alert_comes_alive_in_a_comment() {
    let mut view = views::hostile();
    view.run.report.as_mut().unwrap().verdict =
        "@acme/all fixes #1 ```\n[x](http://evil.example) <!-- --> [code]<b>x</b>[/CODE] <at>all</at>".to_owned();
    let target = views::slack("#ops");
    let post = post(&view, &target);
    let comment = github::render(&post);
    let fence = comment.lines().next().unwrap().trim_end_matches("text");
    assert!(fence.len() > 3 && fence.bytes().all(|b| b == b'`'), "{fence}");
    let inside: Vec<&str> = comment.lines().skip(1).take_while(|line| *line != fence).collect();
    let outside = comment.split(&format!("\n{fence}\n")).nth(1).unwrap();
    assert!(inside.iter().any(|line| line.contains("@acme/all")), "{comment}");
    assert!(!outside.contains("evil") && !outside.contains('@'), "{outside}");
    let note = servicenow::render(&post).to_lowercase();
    assert!(!note.contains("[code]") && !note.contains("[/code]") && note.contains("[ code]"), "{note}");
    let card = hook::render_teams(&post);
    let blocks = card["attachments"][0]["content"]["body"].as_array().unwrap().clone();
    assert!(blocks.iter().all(|block| block["type"] == "RichTextBlock"), "a text block would read Markdown");
    assert!(card["attachments"][0]["content"]["msteams"].get("entities").is_none(), "nobody is mentioned");
}

/// All texts of all blocks.
fn texts(message: &Value) -> Vec<String> {
    let mut texts = vec![message["text"].as_str().unwrap().to_owned()];
    for block in message["blocks"].as_array().unwrap() {
        let elements = block["elements"].as_array().cloned().unwrap_or_default();
        let objects = elements.iter().chain(block.get("text"));
        texts.extend(objects.map(|object| object["text"].as_str().unwrap().to_owned()));
    }
    texts
}

/// What is left in angle brackets of all that is not our link.
fn brackets(message: &Value, link: &str) -> Vec<String> {
    let link = link.replace('&', "&amp;");
    let ours = [format!("<{link}|Open the RunSession>"), format!("<{link}|Shortened: open the whole RunSession>")];
    let stripped = texts(message).into_iter().map(|text| ours.iter().fold(text, |text, ours| text.replace(ours, "")));
    stripped.filter(|text| text.contains(['<', '>'])).collect()
}

#[test]
fn alert_text_becomes_no_mention_no_link_and_no_markup_of_ours() {
    let view = views::hostile();
    let message = slack::render(&post(&view, &views::slack("#ops")));
    assert_eq!(brackets(&message, LINK), [] as [&str; 0]);
    let verbatim = message["blocks"].as_array().unwrap().iter().all(|block| {
        let objects = block["elements"].as_array().cloned().unwrap_or_default();
        objects.iter().chain(block.get("text")).all(|text| text["type"] == "plain_text" || text["verbatim"] == true)
    });
    assert!(verbatim, "Slack would make links and mentions of what looks like them");

    let note = pagerduty::render(&post(&view, &views::pagerduty(None)));
    let markers: Vec<&str> = note.lines().filter(|line| line.trim_start().starts_with("Firstlook run_")).collect();
    assert_eq!(
        markers,
        [post(&view, &views::pagerduty(None)).marker()],
        "a text cannot forge the line that is looked for"
    );
    assert!(!note.contains('\u{202E}') && !message.to_string().contains('\u{202E}'));
}

#[test]
fn the_raw_alert_is_in_no_delivery() {
    let view = views::concluded();
    let target = views::slack("#ops");
    let post = post(&view, &target);
    let all = format!("{} {} {}", slack::render(&post), pagerduty::render(&post), webhook::body(&post).unwrap());
    assert!(!all.contains("secret raw body"));
}

pub(super) fn within_limits(view: &domain::Shown, words: Option<&domain::Words>) {
    let target = views::slack("#ops");
    for link in [None, Some(LINK)] {
        let post = Post { link, words, ..post(view, &target) };
        let message = slack::render(&post);
        let blocks = message["blocks"].as_array().unwrap();
        assert!(blocks.len() <= 50, "{} blocks", blocks.len());
        let total: usize = texts(&message).iter().skip(1).map(|text| text.encode_utf16().count()).sum();
        assert!(total <= 12_000, "{total} characters");
        for block in blocks {
            let most = if block["type"] == "header" { 150 } else { 3000 };
            let elements = block["elements"].as_array().cloned().unwrap_or_default();
            for object in elements.iter().chain(block.get("text")) {
                let length = object["text"].as_str().unwrap().encode_utf16().count();
                assert!((1..=most).contains(&length), "{length} in {}", block["type"]);
            }
        }
        let note = pagerduty::render(&post);
        assert!(note.chars().count() <= 4000, "{}", note.chars().count());
        assert_eq!(note.lines().last().unwrap(), post.marker());
        let body = webhook::body(&post).unwrap();
        assert!(body.len() <= webhook::CAP, "{} bytes", body.len());
    }
}

#[test]
fn what_is_too_long_is_cut_and_says_so() {
    for unit in ["word ", "A sentence. ", "&", "<", "\"", "🧑‍🚒", "漢", "תקלה "] {
        let mut view = views::huge(unit);
        within_limits(&view, None);
        // Many short ones are many blocks.
        for domain::MergedIssue { issue, .. } in &mut view.run.report.as_mut().unwrap().issues {
            "x".clone_into(&mut issue.title);
            for text in [&mut issue.expected, &mut issue.actual, &mut issue.details, &mut issue.reproduce] {
                text.clear();
            }
            issue.resource.clear();
        }
        within_limits(&view, None);
        let view = views::huge(unit);
        let target = views::slack("#ops");
        let post = post(&view, &target);
        assert!(slack::render(&post).to_string().contains("Shortened: open the whole RunSession"), "{unit}");
        assert!(pagerduty::render(&post).contains("Shortened; everything: https://"), "{unit}");
        let body: Value = serde_json::from_str(&webhook::body(&post).unwrap()).unwrap();
        assert_eq!((&body["data"]["shortened"], &body["data"]["report"]["issue_count"]), (&true.into(), &40.into()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_text_keeps_the_limits_and_stays_text(text in "\\PC{0,400}", issues in 0_usize..30) {
        let mut view = views::gaps();
        view.run.title.clone_from(&text);
        let report = view.run.report.as_mut().unwrap();
        report.verdict.clone_from(&text);
        let mut one = report.issues[0].clone();
        one.issue.title.clone_from(&text);
        one.issue.details.clone_from(&text);
        report.issues = vec![one; issues];
        report.next_steps.push(text.clone());
        within_limits(&view, None);
        prop_assert!(brackets(&slack::render(&post(&view, &views::slack("#ops"))), LINK).is_empty());
    }
}

#[test]
fn the_schema_that_is_published_is_the_one_of_the_body() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/webhook-v1.json");
    let is = format!("{}\n", serde_json::to_string_pretty(&webhook::schema()).unwrap());
    if std::env::var_os("FIRSTLOOK_WRITE_SCHEMAS").is_some() {
        std::fs::write(path, &is).unwrap();
    }
    let stands = std::fs::read_to_string(path).unwrap();
    assert!(stands == is, "run the tests with FIRSTLOOK_WRITE_SCHEMAS=1 and commit the file");
}

/// Which fields there are, without what is in them.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(items) => items.first().map(shape).into_iter().collect(),
        _ => Value::Null,
    }
}

#[test]
fn the_example_in_the_documentation_is_what_is_sent() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/webhook-body.md")).unwrap();
    let example = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let example: Value = serde_json::from_str(example).unwrap();
    let view = views::concluded();
    let body = webhook::body(&post(&view, &views::webhook("https://x.example/", "hook-key"))).unwrap();
    assert_eq!(shape(&example), shape(&serde_json::from_str(&body).unwrap()));
}
