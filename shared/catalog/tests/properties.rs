//! What holds of any input.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::path::Path;

use domain::{Alert, EventKind, Name};
use firstlook_catalog::{
    Catalog, Choice, Conditions, Matcher,
    expr::{Expression, Scope, Template},
    load_texts,
    model::Workflow,
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

/// Pieces that documents and expressions are made of, so that random ones get further than the first character.
const PIECES: &[&str] = &[
    "kind: ",
    "name: ",
    "Workflow",
    "Task",
    "Source",
    "trigger:",
    "sources:",
    "when: ",
    "run:",
    "http:",
    "url: ",
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "---\n",
    "...",
    "|\n",
    "? ",
    "!!int ",
    "'",
    "\"",
    "#",
    "alert",
    ".labels",
    ".title",
    "steps",
    "[\"x-y\"]",
    " == ",
    " in ",
    " && ",
    " || ",
    "!",
    "-",
    "(",
    ")",
    ",",
    "?",
    ":",
    "has(",
    ".exists(x, ",
    ".map(",
    "matches",
    "1",
    "0x",
    "1e9",
    "'\\u",
    "\\",
    "${{",
    "}}",
    "\u{feff}",
    "é",
    "\0",
    "\t",
];

fn soup() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), vec(select(PIECES), 0..40).prop_map(|pieces| pieces.concat())]
}

fn scope() -> Scope {
    Scope::new().with("alert", &json!({"title": "t", "labels": {"x-y": "1"}})).with("steps", &json!({}))
}

fn alert(service: &str, urgency: &str, label: Option<&str>) -> Alert {
    let labels = label.map_or_else(|| json!({}), |label| json!({"zone": label}));
    serde_json::from_value(json!({
        "external_id": "X", "title": "checkout is down", "severity": "high", "urgency": urgency,
        "service": {"id": service}, "labels": labels, "started_at": "2026-01-01T00:00:00Z",
    }))
    .unwrap()
}

fn condition() -> impl Strategy<Value = String> {
    let field =
        select(&["alert.service.id", "alert.urgency", "alert.labels.zone", "alert.labels['zone']", "event.kind"][..]);
    let value = select(&["a", "b", "c", "high", "triggered"][..]);
    prop_oneof![
        4 => (field.clone(), value.clone()).prop_map(|(field, value)| format!("{field} == '{value}'")),
        2 => (field.clone(), value.clone()).prop_map(|(field, value)| format!("'{value}' == {field}")),
        2 => (field.clone(), vec(value.clone(), 0..3)).prop_map(|(field, values)| format!("{field} in {values:?}")),
        1 => (field.clone(), value.clone()).prop_map(|(field, value)| format!("{field} != '{value}'")),
        1 => (field, value).prop_map(|(field, value)| format!("({field} == '{value}' || alert.title == 'checkout is down')")),
        1 => Just("alert.title.contains('down')".to_owned()),
        1 => Just("alert.title".to_owned()),
        1 => Just("alert.labels == 'a'".to_owned()),
        1 => Just("alert. ==".to_owned()),
    ]
}

fn workflow() -> impl Strategy<Value = Value> {
    let sources = vec(select(&["one", "two"][..]), 1..3);
    let events = vec(select(&["triggered", "reopened"][..]), 1..3);
    (vec(condition(), 0..4), -1..2_i32, sources, events).prop_map(|(when, priority, sources, events)| {
        // No `when` at all is written as nothing.
        let when = (!when.is_empty()).then(|| when.join(" && "));
        json!({
            "priority": priority, "investigate": {"command": "c"},
            "trigger": {"sources": sources, "events": events, "when": when},
        })
    })
}

/// The same choice, with every expression asked.
fn naive(catalog: &Catalog, source: &str, kind: EventKind, alert: &Alert) -> Option<Name> {
    let scope = Scope::new()
        .with("alert", &serde_json::to_value(alert).unwrap())
        .with("event", &json!({"kind": kind.as_str(), "source": source}));
    let mut all: Vec<&Workflow> = catalog.workflows.values().collect();
    all.sort_by_key(|workflow| (-workflow.priority, workflow.name.clone()));
    let wants = |workflow: &&&Workflow| {
        let trigger = &workflow.trigger;
        trigger.sources.iter().any(|one| one.as_str() == source)
            && trigger.events.contains(&kind)
            && trigger.when.as_ref().is_none_or(|when| when.holds(&scope) == Ok(true))
    };
    all.iter().find(wants).map(|workflow| workflow.name.clone())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_file_makes_the_loader_panic(text in soup(), ending in select(&["yaml", "md"][..])) {
        let file = format!("a.{ending}");
        let loaded = load_texts([(Path::new(&file), text.as_str())]);
        prop_assert!(loaded.catalog.is_some() || !loaded.problems.is_empty());
        for problem in loaded.problems {
            prop_assert!(!problem.to_string().is_empty());
        }
    }

    #[test]
    fn no_document_with_any_values_makes_the_checks_panic(text in soup(), other in soup()) {
        let (text, other) = (json!(text), json!(other));
        let file = format!(
            "kind: Task\nname: a\naccess: read-only\ntitle: {text}\ninputs: {{ x: {{ type: string, pattern: {other} }} }}\n\
             run: {{ http: {{ url: {text} }} }}\nissues: [{{ when: {other}, severity: 1, title: {text}, next_steps: [{other}] }}]\n\
             ---\nkind: Task\nname: b\naccess: read-only\ntitle: {text}\nrun: {{ promql: {{ url: {other}, query: {text} }} }}\n\
             ---\nkind: Command\nname: c\ndescription: d\ntasks: [{{ id: a, task: a, with: {{ x: {text} }}, when: {other} }}]\n\
             ---\nkind: Workflow\nname: w\ntrigger: {{ sources: [s], when: {text} }}\nincident: {{ key: {other} }}\n\
             investigate: {{ command: c, with: {{ y: {text} }} }}\ndeliver: [{{ slack: {{ channel: {text} }} }}, {{ webhook: {{ url: {other}, secret: {text} }} }}]\n\
             ---\nkind: Schedule\nname: s\nschedule: {text}\ntimezone: {other}\ncommand: c\n"
        );
        let loaded = load_texts([(Path::new("a.yaml"), file.as_str())]);
        prop_assert!(!loaded.problems.is_empty(), "there is no source `s`");
    }

    #[test]
    fn no_text_makes_expressions_or_templates_panic(text in soup()) {
        let _either = Expression::new(text.as_str()).value(&scope());
        let _either = Template::new(text.as_str()).value(&scope());
        let _either = Conditions::of(Some(&Expression::new(text)));
    }

    #[test]
    fn i3_the_index_chooses_what_asking_everybody_would(
        workflows in vec(workflow(), 0..12),
        source in select(&["one", "two", "three"][..]),
        kind in select(&[EventKind::Triggered, EventKind::Reopened][..]),
        service in select(&["a", "b", "c"][..]),
        urgency in select(&["high", "a", ""][..]),
        label in proptest::option::of(select(&["a", "b"][..])),
    ) {
        let mut catalog = Catalog::default();
        for (number, mut document) in workflows.into_iter().enumerate() {
            document["name"] = json!(format!("w{number}"));
            let workflow: Workflow = serde_json::from_value(document).unwrap();
            catalog.workflows.insert(workflow.name.clone(), workflow);
        }
        let alert = alert(service, urgency, label);
        let chosen = match Matcher::new(&catalog).choose(&source.parse().unwrap(), kind, &alert) {
            Choice::Workflow { name, .. } => Some(name),
            Choice::None { reason } => {
                prop_assert!(!reason.is_empty());
                None
            }
        };
        prop_assert_eq!(&chosen, &naive(&catalog, source, kind, &alert));
        let read = Catalog::from_compiled(&catalog.to_compiled()).unwrap();
        prop_assert_eq!(read, catalog);
    }
}
