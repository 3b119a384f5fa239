//! What a model read, in words, for all outlets alike. Every text in it is clean, none is cut.

use domain::{Claim, Reading};

use crate::text::line;

/// A model's reading.
pub(crate) struct Read {
    /// Who is hurt, and how.
    pub impact: String,
    /// The title of the cause, with how sure it is, the cause, and what it rests on.
    pub cause: Option<(String, String, Vec<String>)>,
    /// What else it may be; what was claimed and not shown says so.
    pub hypotheses: Vec<String>,
    /// What it is not.
    pub ruled_out: Vec<String>,
    /// What could not be read.
    pub gaps: Vec<String>,
}

impl Read {
    pub fn of(reading: &Reading) -> Self {
        let cause = reading.cause.as_ref().map(|cause| {
            let title = format!("Probable cause ({} confidence)", cause.confidence.as_str());
            (title, line(&cause.text), cause.claims.iter().map(|claim| cited(&claim.text, claim)).collect())
        });
        let hypotheses = reading.hypotheses.iter().map(|other| match &other.demoted {
            Some(why) => format!("Not proven: {} ({})", line(&other.text), line(why)),
            None => line(&other.text),
        });
        let ruled_out =
            reading.ruled_out.iter().map(|out| format!("{}: {}", line(&out.text), cited(&out.why.text, &out.why)));
        Self {
            impact: line(&reading.impact),
            cause,
            hypotheses: hypotheses.collect(),
            ruled_out: ruled_out.collect(),
            gaps: reading.gaps.iter().map(|gap| line(gap)).collect(),
        }
    }
}

/// `It answers 503. "503 in 12 ms" [health]`
fn cited(text: &str, claim: &Claim) -> String {
    format!("{} \"{}\" [{}]", line(text), line(&claim.quote), line(claim.step.as_str()))
}
