use domain::{RunView, Secret};
use jiff::Timestamp;
use serde_json::Value;

use super::{read_json, view, view_json};
use crate::{handler::Opened, list, run};

pub(super) fn opened() -> Opened {
    Opened { expires: "1800000000".into(), signature: "c2lnbmF0dXJl".into(), keys: vec![Secret::new("key")] }
}

fn now() -> Timestamp {
    "2025-11-20T22:12:10Z".parse().unwrap()
}

pub(super) fn html(view: &RunView) -> String {
    html_with(view, &run::Looks::default())
}

fn html_with(view: &RunView, looks: &run::Looks) -> String {
    let response = run::page(view, &opened(), looks, now()).response();
    String::from_utf8(response.into_body().to_vec()).unwrap()
}

/// A line for each tag, so that a change of the page can be read as one.
fn lines(html: &str) -> String {
    let body = html.split_once("</style>").unwrap().1;
    body.replace("><", ">\n<")
}

#[test]
fn the_page_of_a_concluded_run() {
    insta::assert_snapshot!(lines(&html(&view())));
}

#[test]
fn i11_the_page_of_a_run_that_a_model_has_read_cites_and_shows_the_conversation() {
    let view: RunView = serde_json::from_value(read_json()).unwrap();
    insta::assert_snapshot!(lines(&html(&view)));
}

#[test]
fn what_to_do_stands_before_what_else_may_be() {
    let mut value = read_json();
    // The first of its links is no link.
    value["run"]["alert"]["links"].as_array_mut().unwrap().reverse();
    let page = html(&serde_json::from_value(value).unwrap());
    let parts = [
        "<p>Alert: <b>high</b>, urgency high, priority P2 · <a href=\"https://acme.pagerduty.com/incidents/Q1XLRQ2DOVR9OB\"",
        "card verdict",
        ">Probable cause<",
        ">Next steps<",
        ">2 issues<",
        ">It may also be<",
        ">Ruled out<",
        ">Not seen by the model<",
        ">Healthy<",
        ">4 steps in ",
        ">Deliveries<",
    ];
    let places = parts.map(|part| page.find(part).unwrap_or_else(|| panic!("{part} is not in {page}")));
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn times_of_another_day_than_the_runs_own_say_which() {
    let mut view = view();
    assert!(!html(&view).contains(">2025-11-21 "));
    let next: Timestamp = "2025-11-21T08:00:05Z".parse().unwrap();
    (view.events[1].received_at, view.targets[0].updated_at) = (next, next);
    let page = html(&view);
    assert_eq!(page.matches(">2025-11-21 08:00:05 UTC<").count(), 2, "{page}");
    assert!(page.contains(">22:12:03<"));
}

#[test]
fn the_page_of_a_run_under_way_says_so_and_loads_again() {
    let mut view = view();
    view.run.status = domain::RunStatus::Running;
    view.run.report = None;
    view.run.ended_at = None;
    let page = html(&view);
    assert!(page.contains("http-equiv=\"refresh\" content=\"10\""));
    assert!(page.contains("4 steps recorded so far"));
    assert!(page.contains("9.0 s</b> so far") && page.contains("<b>$0.00</b>: no model was asked so far<"), "{page}");
    assert!(!page.contains(AGAIN));
    // What hangs is not asked for for ever.
    view.run.created_at = now() - jiff::SignedDuration::from_mins(15);
    let page = html(&view);
    assert!(!page.contains("http-equiv=\"refresh\"") && page.contains(AGAIN), "{page}");
}

/// The page itself, by the link that opened it.
const AGAIN: &str =
    "<a href=\"run_01KAPW8Z000000000000000001?exp=1800000000&amp;sig=c2lnbmF0dXJl\">Load this page again</a>";

#[test]
fn what_somebody_reads_is_not_closed_by_the_page_and_says_what_is_still_to_come() {
    let mut reads = view();
    reads.run.status = domain::RunStatus::Running;
    let page = html(&reads);
    assert!(!page.contains("http-equiv=\"refresh\""));
    assert!(page.contains("The reading goes on. ") && page.matches(AGAIN).count() == 1, "{page}");
    let mut ended = view();
    let page = html(&ended);
    assert!(page.contains("1 delivery still waits. ") && page.matches(AGAIN).count() == 1, "{page}");
    for state in [domain::TargetState::Failed, domain::TargetState::NotWanted, domain::TargetState::Deleted] {
        ended.targets.iter_mut().for_each(|target| target.state = state);
        assert!(!html(&ended).contains(AGAIN), "{state:?}");
    }
    // A note that cannot be edited, and something was counted since.
    let note = domain::OnePost { revision: 1, status: ended.run.status };
    ended.targets.iter_mut().for_each(|target| {
        (target.state, target.one_post, target.provider_id) = (domain::TargetState::Sent, Some(note), Some("N".into()));
    });
    assert!(!html(&ended).contains(AGAIN));
}

#[test]
fn i5_the_page_says_which_target_is_not_wanted_or_was_deleted() {
    let mut view = view();
    view.targets[0].state = domain::TargetState::NotWanted;
    view.targets[0].spec.when = Some("run.worst_severity <= 2".into());
    let html = html(&view);
    assert!(html.contains(">not wanted</span>"), "{html}");
    assert!(html.contains("its condition did not hold: run.worst_severity &lt;= 2"), "{html}");
    view.targets[0].state = domain::TargetState::Deleted;
    let html = self::html(&view);
    assert!(html.contains(">deleted</span>") && html.contains("a person has deleted it there"), "{html}");
    assert!(!html.contains("its condition"), "{html}");
}

#[test]
fn the_page_says_what_a_post_shows_that_cannot_be_edited() {
    let mut view = view();
    let (revision, target) = (view.run.revision, &mut view.targets[0]);
    let posted = domain::OnePost { revision: 1, status: domain::RunStatus::Failed };
    (target.state, target.revision, target.one_post) = (domain::TargetState::Sent, revision, Some(posted));
    target.provider_id = Some("PNOTE".into());
    let html = html(&view);
    assert!(
        html.contains(&format!("revision 1 of {revision}<br><span class=\"soft\">what is posted there cannot")),
        "{html}"
    );
}

#[test]
fn the_page_says_how_the_incident_has_gone_and_leads_to_the_last_look() {
    let mut first = view().run;
    first.counts.fired = 2;
    let mut view = view();
    view.run = view.run.after(&first);
    let way = |id| Some(opened().to_run(id, Timestamp::MAX));
    let looks = run::Looks { last: way(first.id), newest: None };
    let html = html_with(&view, &looks);
    assert!(html.contains("Flapping: fired 3 times since 2025-11-20 22:"), "{html}");
    assert!(html.contains("The last look, 2025-11-20 22:"));
    let link = looks.last.clone().unwrap();
    assert!(link.starts_with(&format!("{}?exp=1800000000&sig=", first.id)), "{link}");
    assert!(html.contains(&format!("href=\"{}\">Open the last look", link.replace('&', "&amp;"))));
    view.run = view.run.into_storm();
    (view.run.counts.gathered, view.run.counts.incidents) = (57, 12);
    first.id = "run_01KAPW8Z000000000000000007".parse().unwrap();
    let last = domain::LastTime::of(&[(first.clone(), vec!["<useful>".to_owned()])], view.run.created_at);
    view.run.last_time = Some(last);
    let html = html_with(&view, &looks);
    assert!(html.contains("When it fired before") && html.contains("rated: &lt;useful&gt;"), "{html}");
    assert!(html.contains(&format!("<div class=\"soft\">{}</div>", first.id)), "{html}");
    assert!(!html.contains(&format!("href=\"{}", first.id)), "it may be of another Workflow: {html}");
    assert!(html.contains("12 incidents, 58 alerts, are gathered here") && html.contains("57 further alerts gathered"));
}

#[test]
fn i14_the_page_of_a_failed_run_says_why() {
    let mut view = view();
    view.run.status = domain::RunStatus::Failed;
    view.run.reason = Some("the catalog has no Command `gone`".into());
    view.run.report = None;
    let html = html(&view);
    assert!(
        html.contains("the catalog has no Command <code>gone</code>") && html.contains("could not be investigated")
    );
    assert!(!html.contains("http-equiv=\"refresh\""));
}

#[test]
fn i9_the_page_names_a_webhooks_host_and_not_its_path() {
    let html = html(&view());
    assert!(html.contains("tickets.acme.example") && !html.contains("s3cr3t-path"));
}

#[test]
fn i3_what_was_only_counted_is_said() {
    let mut storm = view();
    assert!(!html(&storm).contains("only counted"));
    storm.run.counts.attached += 41;
    let html = html(&storm);
    assert!(html.contains("up to 100 of each; 41 later ones were only counted"), "{html}");
}

const PAYLOAD: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)></style></title><b x=\"&amp;\u{202e}";

/// Puts the payload in place of every text that somebody else could have chosen; `false` when the value must keep its
/// form (an id, a name, a time, a word of ours).
fn infect(value: &mut Value) {
    match value {
        Value::String(text) => {
            let ours = [
                "event",
                "concluded",
                "live",
                "acknowledged",
                "high",
                "ok",
                "failed",
                "skipped",
                "opened",
                "attached",
                "duplicate",
                "triggered",
                "sent",
                "sending",
                "pagerduty",
                "checkout-pages",
                "checkout-triage",
                "http-health",
                "orders-worker",
                "orders-taken",
                "opening",
                "turn",
                "call",
                "text",
                "tool_call",
                "tools",
                "sonnet",
            ];
            let id = ["run_", "evt_", "lse_", "2025-11-20T"].iter().any(|form| text.starts_with(form));
            if !id && !ours.contains(&text.as_str()) {
                *text = match text.split_once(':') {
                    // Links stay links, to see what becomes of the rest of them.
                    Some(("https", _)) => format!("https://x.example/{PAYLOAD}"),
                    _ => PAYLOAD.to_owned(),
                };
            }
        }
        Value::Array(list) => list.iter_mut().for_each(infect),
        Value::Object(map) => {
            if let Some(labels) = map.get_mut("labels") {
                *labels = serde_json::json!({ (PAYLOAD): PAYLOAD });
            }
            map.values_mut().for_each(infect);
        }
        _ => {}
    }
}

/// Every tag of the page and the names of its attributes, read as a browser would.
fn tags(html: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        let mut inner = after.trim_start_matches(['/', '!']);
        let end = inner.find([' ', '>']).unwrap();
        let name = inner[..end].to_ascii_lowercase();
        inner = inner[end..].trim_start();
        let mut attributes = Vec::new();
        while !inner.starts_with('>') {
            let end = inner.find(['=', ' ', '>']).unwrap();
            let attribute = inner[..end].to_ascii_lowercase();
            inner = &inner[end..];
            let mut value = String::new();
            if let Some(quoted) = inner.strip_prefix("=\"") {
                let (text, after) = quoted.split_once('"').unwrap();
                value = text.to_owned();
                inner = after;
            }
            attributes.push((attribute, value));
            inner = inner.trim_start();
        }
        tags.push((name, attributes));
        rest = &inner[1..];
    }
    tags
}

fn assert_harmless(html: &str) {
    let known_tags = [
        "doctype", "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "article",
        "nav", "div", "span", "p", "b", "h1", "h2", "h3", "ol", "ul", "li", "dl", "dt", "dd", "details", "summary",
        "pre", "code", "table", "tr", "th", "td", "time", "a", "br", "svg", "rect", "mark",
    ];
    let known_attributes = [
        "html",
        "lang",
        "charset",
        "name",
        "content",
        "class",
        "id",
        "datetime",
        "href",
        "rel",
        "title",
        "viewbox",
        "preserveaspectratio",
        "aria-hidden",
        "open",
        "x",
        "y",
        "width",
        "height",
        "rx",
        "http-equiv",
    ];
    let tags = tags(html);
    assert!(tags.len() > 50);
    for (tag, attributes) in tags {
        assert!(known_tags.contains(&tag.as_str()), "<{tag}> {attributes:?}");
        for (attribute, value) in attributes {
            assert!(known_attributes.contains(&attribute.as_str()), "<{tag} {attribute}={value:?}>");
            if attribute == "href" {
                let leads = ["https://x.example/", "#step-", "#quote-", "run_", "runs?", "runs/run_"];
                assert!(leads.iter().any(|lead| value.starts_with(lead)), "href={value:?}");
            }
        }
    }
    assert!(!html.contains('\u{202e}'));
    assert_eq!(html.matches("</style>").count(), 1);
}

#[test]
fn i8_no_text_of_a_model_becomes_markup() {
    let mut value = read_json();
    infect(&mut value);
    let page = html(&serde_json::from_value(value).unwrap());
    assert!(page.matches("&lt;script&gt;alert(1)").count() > 45, "{}", page.matches("&lt;script&gt;").count());
    assert_harmless(&page);
}

#[test]
fn i8_no_text_of_an_alert_a_step_or_a_provider_becomes_markup() {
    let mut value = view_json();
    infect(&mut value);
    let mut view: RunView = serde_json::from_value(value).unwrap();
    view.run.alert.as_mut().unwrap().links.push(domain::Link { title: "t".into(), url: "javascript:alert(1)".into() });
    view.run.alert.as_mut().unwrap().links.push(domain::Link { title: "t".into(), url: "data:text/html,x".into() });
    let page = html(&view);
    assert!(page.matches("&lt;script&gt;alert(1)").count() > 30, "the payload is shown where its text stands");
    assert_harmless(&page);

    view.run.status = domain::RunStatus::Failed;
    view.run.reason = Some(PAYLOAD.into());
    assert_harmless(&html(&view));
}

fn day(unmatched: Value) -> list::Day {
    list::Day {
        day: "2025-11-20".parse().unwrap(),
        runs: vec![view().run],
        more_runs: Some("[\"gsi1\",\"<&>\"]".into()),
        unmatched: serde_json::from_value(unmatched).unwrap(),
        more_unmatched: None,
    }
}

fn unmatched(text: &str) -> Value {
    serde_json::json!([{
        "id": "evt_01KAPW8Z000000000000000009", "source": "pagerduty", "kind": "unknown", "provider_kind": text,
        "summary": text, "reason": text, "received_at": "2025-11-20T20:00:00Z"
    }])
}

fn list_html(days: &[list::Day]) -> String {
    let today = "2025-11-20".parse().unwrap();
    String::from_utf8(list::page(days, today, &opened()).response().into_body().to_vec()).unwrap()
}

#[test]
fn i14_the_list_shows_runs_and_the_events_that_nothing_followed_from() {
    let html = list_html(&[day(unmatched("no workflow listens to `service.updated`"))]);
    insta::assert_snapshot!(lines(&html));
}

#[test]
fn i8_nothing_on_the_list_becomes_markup() {
    let mut day = day(unmatched(PAYLOAD));
    day.runs[0].title = PAYLOAD.into();
    day.runs[0].report.as_mut().unwrap().verdict = PAYLOAD.into();
    let html = list_html(&[day]);
    assert!(html.matches("&lt;script&gt;alert(1)").count() >= 5);
    assert_harmless(&html);
}
