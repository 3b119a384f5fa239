//! What a model read.

use domain::{Claim, Reading};

use super::{Text, one};

pub(super) fn write(page: &mut Text, reading: &Reading) {
    if let Some(cause) = &reading.cause {
        page.heading(&format!("Probable cause ({} confidence)", cause.confidence.as_str()));
        page.plain("  ", &one(&cause.text));
        for claim in &cause.claims {
            page.plain("  - ", &cited(claim));
        }
    }
    if !reading.impact.is_empty() {
        page.heading("Impact");
        page.plain("  ", &one(&reading.impact));
    }
    let hypotheses = reading.hypotheses.iter().map(|other| match &other.demoted {
        Some(why) => one(&format!("{} (not proven: {why})", other.text)),
        None => one(&other.text),
    });
    let ruled_out = reading.ruled_out.iter().map(|out| format!("{}: {}", one(&out.text), cited(&out.why)));
    let gaps = reading.gaps.iter().map(|gap| one(gap));
    for (heading, lines) in [
        ("It may also be", hypotheses.collect::<Vec<_>>()),
        ("Ruled out", ruled_out.collect()),
        ("Not seen by the model", gaps.collect()),
    ] {
        if !lines.is_empty() {
            page.heading(heading);
            lines.iter().for_each(|line| page.plain("  - ", line));
        }
    }
}

fn cited(claim: &Claim) -> String {
    one(&format!("{} \"{}\" [{}]", claim.text, claim.quote, claim.step))
}
