//! What a model read in the evidence, once the code has looked at each quote.

use serde::{Deserialize, Serialize};

use crate::StepId;

/// How sure the model says it is. The code lowers it where a claim did not stand, and never raises it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Confidence {
    Low,
    Medium,
    High,
}

impl Confidence {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// A claim whose quote stands in the evidence of its step (I11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// What is claimed.
    pub text: String,
    /// The step whose evidence says so.
    pub step: StepId,
    /// What stands there.
    pub quote: String,
}

/// The probable cause. It rests on at least one claim that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The cause.
    pub text: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// What it rests on; never empty.
    pub claims: Vec<Claim>,
}

/// Something that may be so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// What.
    pub text: String,
    /// Set where the model claimed it as shown and the code did not find it so: why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demoted: Option<String>,
}

/// Something that is not the cause, with the evidence against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuledOut {
    /// What.
    pub text: String,
    /// Why not, with the quote that stands.
    pub why: Claim,
}

/// A model's reading of a run's evidence. Every [`Claim`] in it was checked; whatever was not shown is a hypothesis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The answer in one line.
    pub summary: String,
    /// Who is hurt, and how.
    #[serde(default)]
    pub impact: String,
    /// The probable cause, where one was shown.
    #[serde(default)]
    pub cause: Option<Cause>,
    /// What else it may be, and what was claimed without a quote that stands.
    #[serde(default)]
    pub hypotheses: Vec<Hypothesis>,
    /// What it is not.
    #[serde(default)]
    pub ruled_out: Vec<RuledOut>,
    /// What could not be read, as the model saw it.
    #[serde(default)]
    pub gaps: Vec<String>,
    /// What to do next.
    #[serde(default)]
    pub next_steps: Vec<String>,
}

impl Reading {
    /// Whether a claim in it stands. Without one its summary is nobody's finding, and does not lead.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.cause.is_some() || !self.ruled_out.is_empty()
    }
}
