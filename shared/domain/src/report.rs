//! What a run says in the end.

use serde::{Deserialize, Serialize};

use crate::{MergedIssue, Name, Reading, Severity, StepId};

/// A check that was made and found nothing wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The step.
    pub step: StepId,
    /// What it checked.
    pub title: String,
    /// What it saw.
    pub summary: String,
}

/// Something that could not be read, so that silence is not taken for health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The step.
    pub step: StepId,
    /// What it would have checked.
    pub title: String,
    /// Why it could not.
    pub reason: String,
}

/// Something that is known, in the words of who wrote it down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnowledgeFound {
    /// The Knowledge document.
    pub name: Name,
    /// Its title.
    pub title: String,
    /// The passage that says most of what was asked. Shown as text, never followed.
    pub excerpt: String,
}

/// An Slx that the alert speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlxMatched {
    /// The Slx.
    pub name: Name,
    /// Why, in the catalog's own words: "its tag `team: payments` is the alert's team".
    pub why: String,
}

/// What a Rule suppressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppressed {
    /// The Rule.
    pub rule: Name,
    /// Why, in the Rule's words.
    pub reason: String,
    /// How many findings.
    pub count: usize,
    /// The titles of the first of them, each once.
    pub titles: Vec<String>,
}

impl Suppressed {
    /// It as one sentence: what, by which Rule, and why.
    #[must_use]
    pub fn told(&self) -> String {
        let s = if self.count == 1 { "finding" } else { "findings" };
        let titles: Vec<String> = self.titles.iter().map(|title| format!("\"{title}\"")).collect();
        format!("Rule `{}` suppressed {} {s} ({}): {}", self.rule, self.count, titles.join(", "), self.reason)
    }
}

/// What a run says in the end. It names only what steps found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// The answer in one line, as the checks alone give it.
    pub verdict: String,
    /// The worst severity among the issues; absent when there are none.
    #[serde(default)]
    pub worst: Option<Severity>,
    /// The findings, worst first.
    pub issues: Vec<MergedIssue>,
    /// What was checked and found healthy.
    pub healthy: Vec<Checked>,
    /// What could not be checked.
    pub gaps: Vec<Gap>,
    /// What to do next, in order, each once.
    pub next_steps: Vec<String>,
    /// What a reader must know of how the run went: a budget reached, a rule applied.
    #[serde(default)]
    pub remarks: Vec<String>,
    /// What Rules suppressed: found, and not among the findings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suppressed: Vec<Suppressed>,
    /// The Slxs that the alert speaks of, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slxs: Vec<SlxMatched>,
    /// What is known of what was found, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub knowledge: Vec<KnowledgeFound>,
    /// Who read the evidence: `none`, or a model.
    pub read_by: String,
    /// What the model read; absent where none did, or its answer could not be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Box<Reading>>,
}

impl Report {
    /// What leads: the model's summary where a claim of it stands, else the verdict. The worst severity is the code's in
    /// either case.
    #[must_use]
    pub fn headline(&self) -> &str {
        let summary = self.reading.as_ref().filter(|reading| reading.stands()).map(|reading| reading.summary.as_str());
        summary.filter(|summary| !summary.is_empty()).unwrap_or(&self.verdict)
    }

    /// What to do next, each once: what the model says, then what the checks say.
    pub fn next(&self) -> impl Iterator<Item = &str> {
        let read = self.reading.iter().flat_map(|reading| &reading.next_steps);
        let said = |step: &&String| self.reading.as_ref().is_none_or(|reading| !reading.next_steps.contains(step));
        read.chain(self.next_steps.iter().filter(said)).map(String::as_str)
    }
}
