//! No page is larger than 50 KB, whatever its run is.

use domain::{Alerts, IncidentState, Link, RunId, RunView, Step, StepId};
use serde_json::{Value, json};

use super::{
    pages::{html, opened},
    read_json, view,
};

const MOST: usize = 50 * 1024;

/// Every text that the record may have of any length is `text`, and of everything there is more than any run has.
fn huge(text: &str) -> RunView {
    let mut value = read_json();
    grow(&mut value, text);
    let mut view: RunView = serde_json::from_value(value).unwrap();
    let step = view.steps[0].clone();
    view.steps =
        (0..1000).map(|index| Step { id: StepId::new(format!("step-{index}")), index, ..step.clone() }).collect();
    let report = view.run.report.as_mut().unwrap();
    report.issues = vec![report.issues[0].clone(); 300];
    report.issues[0].steps = view.steps.iter().map(|step| step.id.clone()).collect();
    report.healthy = vec![report.healthy[0].clone(); 1000];
    report.gaps = vec![report.gaps[0].clone(); 1000];
    report.next_steps = (0..100).map(|n| format!("{n} {text}")).collect();
    report.remarks = vec![text.to_owned(); 100];
    let reading = report.reading.as_mut().unwrap();
    let cause = reading.cause.as_mut().unwrap();
    cause.claims =
        (0..100).map(|n| domain::Claim { step: StepId::new(format!("step-{n}")), ..cause.claims[0].clone() }).collect();
    reading.hypotheses = vec![reading.hypotheses[0].clone(); 100];
    reading.ruled_out = vec![reading.ruled_out[0].clone(); 100];
    reading.gaps = vec![text.to_owned(); 100];
    let alert = view.run.alert.as_mut().unwrap();
    alert.labels = (0..1000).map(|n| (format!("{n}{text}"), text.to_owned())).collect();
    alert.links = vec![Link { title: text.to_owned(), url: format!("https://x.example/{text}") }; 1000];
    view.run.params = (0..100).map(|n| (format!("{n}{text}"), json!(text))).collect();
    view.events.extend(vec![view.events[2].clone(); 3_000]);
    view.targets = vec![view.targets[0].clone(); 50];
    view.transcript = vec![view.transcript.clone(); 100].concat();
    let rating = json!({"rating": "wrong", "at": "2025-11-20T22:12:03Z", "by": {
        "source": "slack", "channel": text, "channel_name": text, "user": text, "user_name": text}});
    view.ratings = vec![serde_json::from_value(rating).unwrap(); 100];
    gone(&mut view, text);
    view
}

/// Of how its incident has gone there is all that there can be: of a storm, flapping, run again, looked at before, and fired before as
/// often as is kept.
fn gone(view: &mut RunView, text: &str) {
    let run = &mut view.run;
    let name: domain::Name = "n".repeat(63).parse().unwrap();
    (run.title, run.workflow, run.command) = (text.to_owned(), Some(name.clone()), name);
    let mut last = run.clone();
    last.report.as_mut().unwrap().verdict = text.to_owned();
    last.report.as_mut().unwrap().reading = None;
    (run.newest, run.storm) = (Some(last.as_newest()), true);
    run.alerts = Some(Alerts { first: IncidentState::Open, count: 9999, waiting: 9000, held: 0, said_at: None });
    *run = run.clone().after(&last);
    run.counts = domain::Counts { duplicates: 9999, attached: 9999, gathered: 9999, incidents: 9999, fired: 9999 };
    last.id = RunId::mint(last.created_at, 7);
    let earlier = vec![(last.clone(), vec![text.to_owned(); 2]); domain::EARLIER_KEPT];
    run.last_time = Some(domain::LastTime {
        fired_at: vec![last.created_at; 100],
        ..domain::LastTime::of(&earlier, last.created_at)
    });
    assert_eq!(run.course().len(), 6, "{:?}", run.course().iter().map(|said| said.get(..60)).collect::<Vec<_>>());
}

/// Texts that have a form (an id, a time, a word of ours, a URL) have no other one.
fn grow(value: &mut Value, text: &str) {
    match value {
        Value::String(was) => {
            let free = was.contains(' ') || was.is_empty();
            if free && !was.contains("://") {
                *was = text.to_owned();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| grow(value, text)),
        Value::Object(map) => map.values_mut().for_each(|value| grow(value, text)),
        _ => {}
    }
}

#[test]
fn no_run_makes_a_page_of_more_than_50_kb() {
    for unit in ["\"<&", "`", "\u{1}", "a ", "漢", "a\n", "503 in 12 ms "] {
        let text = unit.repeat(4000);
        let mut view = huge(&text);
        for step in &mut view.steps {
            step.evidence.data = json!({ "body": text, "lines": [text] });
        }
        let page = html(&view);
        assert!(page.len() < MOST, "{unit:?}: {}", page.len());
        let json = opened().to_json(view.run.id).replace('&', "&amp;");
        assert!(page.matches(&format!("href=\"{json}\"")).count() > 8, "{unit:?}: what is left out is said");
        if unit != "\"<&" {
            continue;
        }
        for status in [domain::RunStatus::Failed, domain::RunStatus::Running] {
            view.run.status = status;
            view.run.reason = Some(text.clone());
            assert!(html(&view).len() < MOST, "{unit:?}");
        }
        view.run.report = None;
        assert!(html(&view).len() < MOST, "{unit:?}");
    }
}

#[test]
fn what_does_not_fit_is_counted_and_stands_in_the_json() {
    let text = "It answers 503. ".repeat(100);
    let page = html(&huge(&text));
    let told = |part: &str| assert!(page.contains(part), "{part} is not in {page}");
    told("<h2>1000 steps</h2>".strip_suffix("</h2>").unwrap());
    let after = |mark: &str| page.split(mark).nth(1).unwrap_or_else(|| panic!("{mark} is not in {page}"));
    let number = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse::<usize>().unwrap();
    for (list, one, rest, all) in [
        ("300 issues", "<article class=\"card issue", " more issues stand", 300),
        ("1000 steps in", "<details id=\"step-", " more steps stand", 1000),
        ("<h2>Healthy", "✓ ", " more checks stand", 1000),
    ] {
        let part = after(list).split("</section>").next().unwrap();
        let shown = part.matches(one).count();
        let (before, _) = part.split_once(rest).unwrap_or_else(|| panic!("{list}: {part}"));
        let left = before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap();
        assert_eq!(shown + number(left), all, "{list}");
        assert!(shown > 0, "{list}");
    }
    assert!(page.contains("older ones stand in"));
}

#[test]
fn of_many_steps_those_that_tell_something_are_shown() {
    let mut view = view();
    let (sick, sound) = (view.steps[0].clone(), view.steps.iter().find(|step| step.issues.is_empty()).unwrap().clone());
    view.steps = vec![];
    for index in 0..1000 {
        let kind = if index % 250 == 200 { &sick } else { &sound };
        view.steps.push(Step { id: StepId::new(format!("n{index}")), index, ..kind.clone() });
    }
    let page = html(&view);
    for index in [200, 450, 700, 950] {
        assert!(page.contains(&format!("<details id=\"step-n{index}\"")), "{index}");
    }
    assert!(page.contains("healthy.</p>"), "what the others came to is said");
    assert!(page.len() < MOST);
}

#[test]
fn every_link_on_a_page_leads_somewhere_on_it() {
    for view in [huge("It answers 503. "), serde_json::from_value(read_json()).unwrap()] {
        let page = html(&view);
        let mut links = 0;
        for link in page.split("href=\"#").skip(1) {
            let anchor = link.split('"').next().unwrap();
            assert_eq!(page.matches(&format!(" id=\"{anchor}\"")).count(), 1, "#{anchor}");
            links += 1;
        }
        assert!(links > 3);
    }
}

#[test]
fn no_list_is_larger_than_50_kb() {
    let text = "\"<&".repeat(4000);
    let name: domain::Name = "n".repeat(63).parse().unwrap();
    let mut run = huge(&text).run;
    run.title.clone_from(&text);
    (run.workflow, run.command) = (Some(name.clone()), name.clone());
    run = run.into_storm();
    run.counts = domain::Counts { duplicates: 9999, attached: 9999, gathered: 9999, incidents: 9999, fired: 9999 };
    let event = json!({"id": "evt_01KAPW8Z000000000000000009", "source": name, "kind": "unknown", "provider_kind": text,
        "summary": text, "reason": text, "received_at": "2025-11-20T20:00:00Z"});
    let event: store::UnmatchedEvent = serde_json::from_value(event).unwrap();
    let day = |rows: usize| crate::list::Day {
        day: "2025-11-20".parse().unwrap(),
        runs: vec![run.clone(); rows],
        more_runs: Some("m".repeat(400)),
        unmatched: vec![event.clone(); if rows == crate::list::PAGE { rows } else { 0 }],
        more_unmatched: Some("m".repeat(400)),
    };
    // As many as one page can have: what is not enough of some days, and a full day.
    let days: Vec<_> = [4, 1, 1, 1, 1, 1, crate::list::PAGE].into_iter().map(day).collect();
    let page = crate::list::page(&days, "2025-11-20".parse().unwrap(), &opened()).response();
    let size = page.body().len();
    assert!(size < MOST, "{size}");
}
