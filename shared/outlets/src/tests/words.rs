//! What a team says above the report, in every outlet.

use domain::{Piece, Words};
use insta::assert_snapshot;
use serde_json::Value;

use super::{post, views};
use crate::{Post, email, github, hook, jira, pagerduty, servicenow, slack, webhook};

fn own(text: &str) -> Piece {
    Piece::Own(text.to_owned())
}

fn value(text: &str) -> Piece {
    Piece::Value(text.to_owned())
}

/// What is sent everywhere, with `words` above it, by name.
fn everywhere(words: &[Piece]) -> Vec<(&'static str, String)> {
    let (view, target, words) = (views::concluded(), views::slack("#ops"), Words(words.to_vec()));
    let post = Post { words: Some(&words), ..post(&view, &target) };
    let json = |value: Value| serde_json::to_string_pretty(&value).unwrap();
    let body: Value = serde_json::from_str(&webhook::body(&post).unwrap()).unwrap();
    let html = email::html(&post);
    vec![
        ("slack", json(slack::render(&post))),
        ("pagerduty", pagerduty::render(&post)),
        ("servicenow", servicenow::render(&post)),
        ("github", github::render(&post)),
        ("jira", json(jira::render(&post))),
        ("teams", json(hook::render_teams(&post))),
        ("email", email::text(&post)),
        ("email_html", html.split("<body").nth(1).unwrap().replace("><", ">\n<")),
        ("webhook", json(body)),
    ]
}

#[test]
fn words_stand_above_the_report_in_every_outlet() {
    let words = [
        own("<!subteam^S0123ABCD> @acme/oncall, <https://wiki.example.com/checkout?a=1&b=2|the runbook>\nSeverity "),
        value("1"),
        own(" in "),
        value("checkout"),
    ];
    for (name, text) in everywhere(&words) {
        // What comes after them is the report, which has snapshots of its own.
        let most = if text.starts_with('{') { 40 } else { 8 };
        if name == "webhook" {
            let body: Value = serde_json::from_str(&text).unwrap();
            assert_snapshot!("words_webhook", body["data"]["text"].as_str().unwrap());
        } else {
            assert_snapshot!(format!("words_{name}"), text.lines().take(most).collect::<Vec<_>>().join("\n"));
        }
        // The webhook's text is a field of its own.
        if name != "webhook" {
            let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{name} lacks {part}: {text}"));
            assert!(at("in checkout") < at("Checkout's health page"), "{name}");
        }
    }
}

#[test]
fn i8_no_value_mentions_anybody_or_becomes_a_link_or_a_marker() {
    let hostile = "<!channel> @everyone @acme/oncall #1 [x](https://evil.example) ``` ![](https://evil.example) \n> [code]x[/code]";
    let words =
        [own("<@"), value("U0EVIL"), own("> and <"), value("!here"), own("> of ```\n"), value(hostile), own("\n")];
    for (name, text) in everywhere(&words) {
        match name {
            "slack" => {
                let message: Value = serde_json::from_str(&text).unwrap();
                let said = message["blocks"][0]["text"]["text"].as_str().unwrap();
                assert!(!said.contains(['<', '>']), "{said}");
            }
            "github" => {
                let fence = text.lines().find(|line| line.starts_with("```")).unwrap().trim_end_matches("text");
                let (above, rest) = text.split_once(fence).unwrap();
                assert!(above.is_empty(), "{above}");
                let (within, _) = rest.split_once(&format!("\n{fence}\n")).unwrap();
                assert!(within.contains("@acme/oncall") && within.contains("U0EVIL"), "{within}");
            }
            "email_html" => assert!(text.contains("evil") && !text.contains("evil.example"), "{text}"),
            "servicenow" => assert!(!text.contains("[code]"), "{text}"),
            _ => {}
        }
    }
    let (view, target) = (views::concluded(), views::pagerduty(None));
    let marker = post(&view, &target).marker();
    let words = Words(vec![own("a\n"), value(&marker)]);
    let note = pagerduty::render(&Post { words: Some(&words), ..post(&view, &target) });
    assert_eq!(note.lines().filter(|line| line.trim() == marker).count(), 1, "{note}");
}

#[test]
fn i8_no_value_comes_out_of_a_code_block_that_the_team_has_opened() {
    let evil = "@acme/everyone [x](https://evil.example)";
    for (opens, closes) in [("```", "```"), ("~~~", "~~~"), ("```yaml", "`````"), ("~~~~ a`b", "~~~~"), ("```", "")] {
        for breaks in ["```", "~~~", "`````", "~~~~~~"] {
            let words = [
                own(&format!("@acme/oncall\n{opens}\nrunbook --now\n")),
                value(breaks),
                own("\n"),
                value(evil),
                own(&format!("\nthe last line\n{closes}\n@acme/lead")),
            ];
            let view = views::concluded();
            let (target, words) = (views::slack("#ops"), Words(words.to_vec()));
            let text = github::render(&Post { words: Some(&words), ..post(&view, &target) });
            let (alive, blocks) = parts(&text);
            assert!(alive.contains("@acme/oncall") && !alive.contains("evil"), "{opens} {breaks}: {text}");
            assert_eq!(alive.contains("@acme/lead"), !closes.is_empty(), "{opens} {breaks}: {text}");
            let block = blocks.first().unwrap();
            assert!(block.contains(&format!("runbook --now\n{breaks}\n{evil}\nthe last line\n")), "{text}");
            assert!(blocks.last().unwrap().contains("Checkout's health page"), "{text}");
        }
    }
    let (view, target) = (views::concluded(), views::slack("#ops"));
    let words = Words(vec![own("``` `x` is how it looks, @acme/oncall")]);
    let (alive, _) = parts(&github::render(&Post { words: Some(&words), ..post(&view, &target) }));
    assert!(alive.contains("@acme/oncall"), "no block begins with a line that has a code span");
}

/// What of a comment is Markdown, and its code blocks, as CommonMark has them.
fn parts(text: &str) -> (String, Vec<String>) {
    let (mut alive, mut blocks, mut open) = (String::new(), Vec::new(), None::<(char, usize)>);
    for line in text.lines() {
        let mark = line.chars().next().unwrap_or(' ');
        let length = line.chars().take_while(|c| *c == mark).count();
        let rest = &line[line.len().min(length * mark.len_utf8())..];
        match open {
            None if length >= 3 && (mark == '~' || mark == '`' && !rest.contains('`')) => {
                open = Some((mark, length));
                blocks.push(String::new());
            }
            Some((known, least)) if mark == known && length >= least && rest.trim().is_empty() => open = None,
            Some(_) => blocks.last_mut().unwrap().push_str(&format!("{line}\n")),
            None => alive.push_str(&format!("{line}\n")),
        }
    }
    (alive, blocks)
}

#[test]
fn words_take_their_room_from_the_report_and_never_more_than_theirs() {
    for unit in ["word ", "<!subteam^S1>", "&", "漢", "\n"] {
        let view = views::huge(unit);
        let long = unit.repeat(2000);
        let words = Words(vec![own(&long), value(&long), value(&long), value(&long)]);
        super::rendering::within_limits(&view, Some(&words));
    }
}

#[test]
fn only_what_is_written_in_full_is_alive_in_slack() {
    for (said, shown) in [
        ("<!subteam^S1> <@U1> <#C1> <!here>", "<!subteam^S1> <@U1> <#C1> <!here>"),
        ("<https://a.example/?x=1&y=2|see & read>", "<https://a.example/?x=1&amp;y=2|see &amp; read>"),
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("<javascript:alert(1)> <b>", "&lt;javascript:alert(1)&gt; &lt;b&gt;"),
        ("<@U1 <@U2>", "&lt;@U1 <@U2>"),
        ("<@U1\n>", "&lt;@U1\n&gt;"),
    ] {
        let (view, target, words) = (views::concluded(), views::slack("#ops"), Words(vec![own(said)]));
        let message = slack::render(&Post { words: Some(&words), ..post(&view, &target) });
        assert_eq!(message["blocks"][0]["text"]["text"], shown);
    }
}
