//! What it costs to choose the workflow of an event, with ten workflows and with ten thousand: the two are measured in turn
//! in one run, so that only their ratio counts.
//!
//! `cargo bench -p firstlook-tests --bench matching`

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::{
    fmt::Write as _,
    hint::black_box,
    time::{Duration, Instant},
};

use catalog::{Choice, Matcher};
use domain::{Alert, EventKind, Name};

/// Measurements of each; the figure is their median.
const ROUNDS: usize = 21;
/// Events in one measurement.
const EVENTS: u32 = 2_000;
/// How much more an event may cost with ten thousand workflows than with ten.
const AT_MOST: f64 = 2.0;

fn main() {
    let alert: Alert = serde_json::from_value(serde_json::json!({
        "external_id": "Q1", "title": "checkout is down", "severity": "high", "urgency": "high",
        "service": {"id": "P7", "name": "checkout"}, "labels": {"namespace": "shop"}, "started_at": "2026-01-01T00:00:00Z",
    }))
    .unwrap();
    let source: Name = "pagerduty".parse().unwrap();
    let (few, many) = (matcher(10), matcher(10_000));
    let mut times = [vec![], vec![]];
    for _ in 0..ROUNDS {
        for (matcher, times) in [&few, &many].into_iter().zip(&mut times) {
            times.push(measure(matcher, &source, &alert));
        }
    }
    let [few, many] = times.map(|mut times| {
        times.sort_unstable();
        times[ROUNDS / 2].as_secs_f64() * 1e6 / f64::from(EVENTS)
    });
    let ratio = many / few;
    println!(
        "one event: {few:.1} µs with 10 workflows, {many:.1} µs with 10,000: {ratio:.2} times (at most {AT_MOST})"
    );
    assert!(ratio <= AT_MOST, "over the limit");
}

fn measure(matcher: &Matcher, source: &Name, alert: &Alert) -> Duration {
    let began = Instant::now();
    for _ in 0..EVENTS {
        let choice = matcher.choose(source, EventKind::Triggered, black_box(alert));
        assert!(matches!(&choice, Choice::Workflow { name, .. } if name.as_str() == "w7"), "{choice:?}");
    }
    began.elapsed()
}

/// Workflows for one service each, which is what teams write.
fn matcher(count: usize) -> Matcher {
    let folder = tempfile::tempdir().unwrap();
    let base = "kind: Source\nname: pagerduty\ntype: pagerduty\nverify: { secret: s }\n---\n\
        kind: Command\nname: look\ndescription: Looks at the name\ntasks: [{ id: dns, task: dns }]\n---\n\
        kind: Task\nname: dns\naccess: read-only\ntitle: Check that example.com resolves\nrun: { dns: { name: example.com, record: A } }\n\
        issues: [{ when: \"result.code != 'NOERROR'\", severity: 2, title: \"example.com does not resolve\", expected: an address, actual: none, next_steps: [\"look\"] }]\n";
    std::fs::write(folder.path().join("base.yaml"), base).unwrap();
    for (file, numbers) in (0..count).collect::<Vec<_>>().chunks(200).enumerate() {
        let mut text = String::new();
        for number in numbers {
            write!(
                text,
                "kind: Workflow\nname: w{number}\ntrigger:\n  sources: [pagerduty]\n  \
                 when: alert.urgency == \"high\" && alert.service.id == \"P{number}\" && alert.title != \"\"\n\
                 investigate: {{ command: look }}\n---\n"
            )
            .unwrap();
        }
        std::fs::write(folder.path().join(format!("w{file}.yaml")), text.trim_end_matches("---\n")).unwrap();
    }
    let loaded = catalog::load_dir(folder.path());
    let catalog = loaded.catalog.unwrap_or_else(|| panic!("{:?}", loaded.problems.first()));
    assert_eq!(catalog.workflows.len(), count);
    Matcher::new(&catalog)
}
