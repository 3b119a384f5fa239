//! I11: a claim leads to the place that it quotes.

use domain::{Claim, RunView, StepId};
use serde_json::{Value, json};

use super::{pages::html, read_json};

fn quoting(data: Value, quotes: &[&str]) -> RunView {
    let mut view: RunView = serde_json::from_value(read_json()).unwrap();
    view.steps[0].evidence.data = data;
    let step = view.steps[0].id.clone();
    let claim = |quote: &&str| Claim { text: "So it is.".into(), step: step.clone(), quote: (*quote).to_owned() };
    let report = view.run.report.as_mut().unwrap();
    let reading = report.reading.as_mut().unwrap();
    reading.ruled_out.clear();
    reading.cause.as_mut().unwrap().claims = quotes.iter().map(claim).collect();
    view
}

/// What is marked, without its markup, by its number.
fn marks(page: &str) -> Vec<(String, String)> {
    let marks = page.split("<mark id=\"").skip(1);
    let pair = |mark: &str| {
        let (id, rest) = mark.split_once("\">").unwrap();
        (id.to_owned(), rest.split_once("</mark>").unwrap().0.replace("&quot;", "\"").replace("&amp;", "&"))
    };
    marks.map(pair).collect()
}

fn links(page: &str) -> Vec<String> {
    page.split("class=\"cite\" href=\"#").skip(1).map(|link| link.split('"').next().unwrap().to_owned()).collect()
}

#[test]
fn i11_each_quote_is_marked_where_it_stands_and_its_claim_leads_there() {
    let data = json!({ "status": 503, "body": "{\"error\":\"pool exhausted: 50 of 50\"}" });
    let page = html(&quoting(data, &["pool exhausted: 50 of 50", "\"status\":503", "503 in 12 ms"]));
    let marked = marks(&page);
    let text = |id: &str| marked.iter().find(|(known, _)| known == id).unwrap().1.as_str();
    assert_eq!(links(&page), ["quote-1", "quote-2", "quote-3"]);
    assert_eq!((text("quote-1"), text("quote-2")), ("pool exhausted: 50 of 50", "\"status\": 503"));
    assert_eq!(text("quote-3"), "503 in 12 ms", "in the line that the step came to");
    assert_eq!(marked.len(), 3);
    assert!(page.contains("<details id=\"step-health\" open>"), "what is marked is open");
}

#[test]
fn i11_a_quote_far_down_a_long_evidence_is_shown_with_what_is_around_it() {
    let line = |n: usize| format!("2025-11-20T22:12:00Z line {n} & all is well\n");
    let text: String = (0..2000).map(line).collect();
    let text = text.replace("line 1500 & all is well", "line 1500 FATAL: too many clients already");
    let page = html(&quoting(json!(text), &["FATAL: too many clients already"]));
    assert_eq!(marks(&page), [("quote-1".to_owned(), "FATAL: too many clients already".to_owned())]);
    let (before, after) = page.split_once("<mark").unwrap();
    assert!(before.ends_with("line 1500 ") && before.contains("line 1498 "), "{before}");
    assert!(after.contains("line 1502 ") && !page.contains("line 20 "));
    assert!(page.contains(" more in "));
}

#[test]
fn i11_quotes_that_overlap_share_a_mark() {
    let data = json!("the pool is exhausted: 50 of 50 connections");
    let page = html(&quoting(data, &["exhausted: 50 of 50", "pool is exhausted", "50 of 50 connections"]));
    assert_eq!(marks(&page)[0].1, "pool is exhausted: 50 of 50 connections");
    assert_eq!(marks(&page).len(), 1);
    assert_eq!(links(&page), ["quote-2", "quote-2", "quote-2"]);
}

#[test]
fn i11_a_quote_that_is_not_there_leads_nowhere() {
    let mut view = quoting(json!("all is well"), &["pool exhausted: 50"]);
    assert!(links(&html(&view)).is_empty() && marks(&html(&view)).is_empty());
    let reading = view.run.report.as_mut().unwrap().reading.as_mut().unwrap();
    reading.cause.as_mut().unwrap().claims[0].step = StepId::new("gone");
    let page = html(&view);
    assert!(page.contains("<code>pool exhausted: 50</code>") && !page.contains("#step-gone"));
}

#[test]
fn i8_a_quote_becomes_no_markup() {
    let evil = "\"><script>alert(1)</script><b x=\"&";
    let page = html(&quoting(json!(format!("it says {evil} here")), &[evil]));
    assert_eq!(marks(&page).len(), 1);
    assert!(!page.contains("<script") && page.matches("&lt;script&gt;alert(1)").count() == 2);
}
