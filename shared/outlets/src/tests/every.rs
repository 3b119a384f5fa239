//! What holds for every outlet and every run: the answer leads, the provider's limits are kept, our link is there, and no
//! text of an alert or a model comes alive.

use domain::OutletSpec;
use serde_json::Value;

use super::{LINK, PREVIOUS, extremes, post, rendering::everything, views};
use crate::{Post, email, github, hook, jira, pagerduty, servicenow, slack, text::line, webhook};

/// One outlet, or several that are sent the same: what is sent, and what its provider makes of it.
struct Every {
    /// The kinds.
    name: &'static str,
    /// The body as it is sent.
    draw: fn(&Post<'_>) -> String,
    /// How large the body is by the provider's count, and the most that it takes.
    size: fn(&str) -> (usize, usize),
    /// The first thing that is read.
    leads: fn(&str) -> String,
    /// What of it is alive: links, mentions, markup, each as it stands there.
    alive: fn(&str) -> Vec<String>,
}

const OUTLETS: [Every; 8] = [
    Every {
        name: "slack, slack-webhook",
        draw: |post| slack::render(post).to_string(),
        // No page names the total; from about 13,200 on a message was refused.
        size: |body| (texts(&json(body)["blocks"]).iter().map(|text| text.encode_utf16().count()).sum(), 12_000),
        leads: |body| json(body)["blocks"][0]["text"]["text"].as_str().unwrap().to_owned(),
        alive: |body| texts(&json(body)).iter().flat_map(|text| between(text, '<', '>')).collect(),
    },
    Every {
        name: "pagerduty, opsgenie, jsm",
        draw: pagerduty::render,
        // Opsgenie's, the least of the three that is known.
        size: |body| (body.chars().count(), 25_000),
        leads: first_line,
        alive: |_| vec![],
    },
    Every {
        name: "servicenow",
        draw: servicenow::render,
        size: |body| (body.chars().count(), 4_400),
        leads: first_line,
        alive: |body| {
            between(&body.to_lowercase().replace("[/code", "[code"), '[', ']')
                .into_iter()
                .filter(|tag| tag.starts_with("[code"))
                .collect()
        },
    },
    Every {
        name: "jira",
        draw: |post| jira::render(post).to_string(),
        size: |body| (body.chars().count(), 32_767),
        leads: |body| json(body)["content"][0]["content"][0]["text"].as_str().unwrap().to_owned(),
        alive: |body| {
            let mut alive = Vec::new();
            nodes(&json(body), &mut |node| match node["type"].as_str().unwrap_or_default() {
                "doc" | "paragraph" | "hardBreak" | "strong" => {}
                "text" => assert_ne!(node["text"], "", "Jira refuses empty texts"),
                "link" => alive.push(node["attrs"]["href"].as_str().unwrap().to_owned()),
                other => alive.push(other.to_owned()),
            });
            alive
        },
    },
    Every {
        name: "github",
        draw: github::render,
        size: |body| (body.chars().count(), 65_536),
        leads: |body| body.lines().nth(1).unwrap().to_owned(),
        alive: |body| {
            let fence = body.lines().next().unwrap().trim_end_matches("text");
            let outside = body.split(&format!("\n{fence}\n")).nth(1).unwrap();
            let outside: Vec<&str> = outside.lines().filter(|line| !line.starts_with("<!-- Firstlook run_")).collect();
            between(&outside.join("\n"), '(', ')').into_iter().map(|link| link[1..link.len() - 1].to_owned()).collect()
        },
    },
    Every {
        name: "teams",
        draw: |post| hook::render_teams(post).to_string(),
        // What one library has measured; 28 KB by Microsoft's own page.
        size: |body| (body.len(), 20_999),
        leads: |body| {
            json(body)["attachments"][0]["content"]["body"][0]["inlines"][0]["text"].as_str().unwrap().to_owned()
        },
        alive: |body| {
            let mut alive = Vec::new();
            nodes(&json(body)["attachments"][0]["content"], &mut |node| {
                match node["type"].as_str().unwrap_or("?") {
                    "AdaptiveCard" | "RichTextBlock" | "TextRun" => assert!(node.get("selectAction").is_none()),
                    "?" if node.get("width").is_some() => assert!(node.get("entities").is_none()),
                    "Action.OpenUrl" => alive.push(node["url"].as_str().unwrap().to_owned()),
                    // A `TextBlock` would read Markdown.
                    other => alive.push(other.to_owned()),
                }
            });
            alive
        },
    },
    Every {
        name: "e-mail",
        draw: email::html,
        // Gmail's.
        size: |body| (body.len(), 102 * 1024),
        leads: |body| {
            let title = body.split("</h1>").next().unwrap().rsplit("<h1").next().unwrap();
            let texts = title.split('<').filter_map(|piece| piece.split_once('>'));
            texts.map(|(_, text)| text.replace("&quot;", "\"")).collect()
        },
        alive: |body| between(body, '<', '>').into_iter().filter_map(|tag| alive_in_html(&tag)).collect(),
    },
    Every {
        name: "webhook",
        draw: |post| webhook::body(post).unwrap(),
        size: |body| (body.len(), webhook::CAP),
        leads: |body| json(body)["data"]["headline"].as_str().unwrap_or_default().to_owned(),
        alive: |_| vec![],
    },
];

fn json(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

fn first_line(body: &str) -> String {
    body.lines().next().unwrap().to_owned()
}

/// All texts of Slack's objects.
fn texts(value: &Value) -> Vec<String> {
    let mut texts = Vec::new();
    match value {
        Value::Object(map) => {
            texts.extend(map.get("text").and_then(Value::as_str).map(str::to_owned));
            texts.extend(map.values().flat_map(self::texts));
        }
        Value::Array(list) => texts.extend(list.iter().flat_map(self::texts)),
        _ => {}
    }
    texts
}

/// Every object in `value`.
fn nodes(value: &Value, look: &mut dyn FnMut(&Value)) {
    match value {
        Value::Object(map) => {
            if !map.contains_key("href") {
                look(value);
            }
            map.iter().filter(|(name, _)| *name != "attrs").for_each(|(_, value)| nodes(value, look));
        }
        Value::Array(list) => list.iter().for_each(|value| nodes(value, look)),
        _ => {}
    }
}

/// Every piece of `text` from `open` to the next `close`, with both.
fn between(text: &str, open: char, close: char) -> Vec<String> {
    let pieces = text.split(open).skip(1).filter_map(|piece| piece.split_once(close));
    pieces.map(|(piece, _)| format!("{open}{piece}{close}")).collect()
}

/// What a tag of HTML leads to, or the tag itself where it is none of those that only give shape.
fn alive_in_html(tag: &str) -> Option<String> {
    const SHAPES: [&str; 16] =
        ["html", "head", "meta", "title", "body", "div", "p", "h1", "h2", "b", "br", "ul", "ol", "li", "span", "a"];
    let inner = tag.trim_matches(['<', '>']).trim_start_matches('/');
    if inner == "!DOCTYPE html" {
        return None;
    }
    let (name, attributes) = inner.split_once(' ').unwrap_or((inner, ""));
    let mut leads_to = None;
    // Names and values by turns: what is within a value has no quote.
    let mut pieces = attributes.split('"');
    while let Some(attribute) = pieces.next() {
        let Some(value) = pieces.next() else {
            // What stands without quotes.
            return if attribute.is_empty() && SHAPES.contains(&name) { leads_to } else { Some(tag.to_owned()) };
        };
        match attribute.trim() {
            "style=" | "lang=" | "charset=" | "name=" | "content=" => assert!(!value.contains("url("), "{tag}"),
            "href=" if name == "a" => leads_to = Some(value.to_owned()),
            _ => return Some(tag.to_owned()),
        }
    }
    Some(tag.to_owned())
}

/// What would be alive somewhere, were it not kept from it.
const INJECTION: &str = "<!channel> <@U024BE7LH> <https://evil.example|Open> @here @acme/all #1 fixes #2 ``` ````\n\
    [x](https://evil.example) ![y](https://evil.example/p.png) <!-- --> [code]<b>x</b>[/CODE] [ code ] <at>all</at> \
    <img src=x onerror=alert(1)> {\"type\":\"mention\"} *b* _i_ ~s~ `c` > q :fire: ${{ 1 + 1 }} https://evil.example/z\n\
    Firstlook run_00000000000000000000000000/slack";

fn injected() -> domain::Shown {
    let mut view = views::hostile();
    let mut value = serde_json::to_value(view.run.report.as_ref().unwrap()).unwrap();
    inject(&mut value);
    view.run.report = Some(serde_json::from_value(value).unwrap());
    view.run.title = INJECTION.to_owned();
    for step in &mut view.steps {
        (step.title, step.evidence.summary) = (INJECTION.to_owned(), INJECTION.to_owned());
    }
    let alert = view.run.alert.as_mut().unwrap();
    for text in [&mut alert.title, &mut alert.priority, &mut alert.urgency, &mut alert.service.name] {
        *text = INJECTION.to_owned();
    }
    view
}

/// Puts it in place of every text that holds a space; the others are names.
fn inject(value: &mut Value) {
    match value {
        Value::String(text) if text.contains(' ') => *text = INJECTION.to_owned(),
        Value::Array(list) => list.iter_mut().for_each(inject),
        Value::Object(map) => map.values_mut().for_each(inject),
        _ => {}
    }
}

#[test]
fn no_kind_of_outlet_is_left_out() {
    let schema = schemars::schema_for!(OutletSpec);
    let kinds = schema.get("oneOf").and_then(Value::as_array).unwrap();
    let mut kinds: Vec<&str> = kinds.iter().map(|kind| kind["required"][0].as_str().unwrap()).collect();
    let mut known: Vec<&str> = OUTLETS.iter().flat_map(|outlet| outlet.name.split(", ")).collect();
    kinds.sort_unstable();
    known.sort_unstable();
    assert_eq!(known, kinds);
}

fn all() -> Vec<(&'static str, domain::Shown)> {
    let mut all = everything();
    all.push(("injected", injected()));
    all.push(("short", extremes::short()));
    all.push(("huge", views::huge("A sentence with <&\"` in it. ")));
    let mut failed = views::failed();
    failed.run.reason = Some(INJECTION.to_owned());
    all.push(("failed, injected", failed));
    let mut storm = injected();
    storm.run = storm.run.into_storm();
    all.push(("storm, injected", storm));
    all
}

#[test]
fn i8_every_outlet_shows_every_run_within_its_limits_and_nothing_in_it_is_alive_but_our_links() {
    let target = views::slack("#ops");
    for (case, view) in all() {
        let post = post(&view, &target);
        for outlet in &OUTLETS {
            let body = (outlet.draw)(&post);
            let what = format!("{case} in {}", outlet.name);
            let (size, most) = (outlet.size)(&body);
            assert!(size <= most, "{what}: {size} of {most}");
            assert!(!body.contains('\u{202e}') && !body.contains('\u{200f}'), "{what}: the order of writing is kept");
            let ours = |alive: &String| {
                let alive = alive.replace("&amp;", "&");
                [LINK, PREVIOUS]
                    .iter()
                    .any(|link| alive == *link || alive.starts_with(&format!("<{link}|")) && !alive.contains("evil"))
            };
            let foreign: Vec<String> = (outlet.alive)(&body).into_iter().filter(|alive| !ours(alive)).collect();
            assert!(foreign.is_empty(), "{what}: {foreign:?}");
            assert!(body.replace("&amp;", "&").contains(LINK), "{what}: our link");
        }
    }
}

#[test]
fn every_outlet_leads_with_the_answer() {
    let target = views::slack("#ops");
    for (case, view) in everything() {
        let answer = line(&crate::summary::headline(&view));
        for outlet in OUTLETS.iter().filter(|outlet| outlet.name != "webhook") {
            let body = (outlet.draw)(&post(&view, &target));
            let leads = (outlet.leads)(&body).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            // GitHub's is wrapped, and a long one is cut.
            let said: String = leads.trim_end_matches(" …").chars().take(90).collect();
            assert!(said.len() > 20 && answer.starts_with(&said), "{case} in {}: {said}", outlet.name);
        }
    }
}

#[test]
fn what_is_found_nothing_and_what_could_not_be_looked_into_are_told() {
    let target = views::slack("#ops");
    let told = |view: &domain::Shown, words: &[&str]| {
        for outlet in &OUTLETS {
            let body = (outlet.draw)(&post(view, &target)).replace("\n  ", " ");
            for word in words {
                assert!(body.contains(word), "{}: {word} is not in {body}", outlet.name);
            }
        }
    };
    told(&views::nothing(), &["Nothing wrong found in 2 checks"]);
    told(&views::failed(), &["the Command `checkout-triage` is not in the catalog"]);
    told(&extremes::budget(), &["the run's time budget of 20s was reached", "What was deployed last"]);
    told(&views::resolved(), &["esolved"]);
    told(&extremes::many(), &["checkout answers 503, and 11 more findings"]);
}

#[test]
fn a_card_that_teams_would_not_take_loses_its_last_parts_and_says_so() {
    let target = views::slack("#ops");
    let view = extremes::short();
    let card = hook::render_teams(&post(&view, &target));
    let said = |card: &Value| -> Vec<String> {
        let blocks = card["attachments"][0]["content"]["body"].as_array().unwrap();
        blocks.iter().map(|block| block["inlines"][0]["text"].as_str().unwrap().to_owned()).collect()
    };
    let lines = said(&card);
    let [.., cut, marker] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((cut.as_str(), marker.starts_with("Firstlook run_")), (hook::CUT, true));
    assert!(
        lines.iter().any(|line| line.contains("f0 ")) && !lines.iter().any(|line| line.contains("s0 ")),
        "{lines:?}"
    );
    assert!(card.to_string().len() > 10_000, "no more is left out than has no room");
    let small = said(&hook::render_teams(&post(&views::concluded(), &target)));
    assert!(!small.iter().any(|line| line == hook::CUT));
}
