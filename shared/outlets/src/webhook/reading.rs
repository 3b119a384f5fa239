//! What a webhook carries of a model's reading.

use domain::{Claim, Cost, Reading};
use schemars::JsonSchema;
use serde::Serialize;

use super::body::Limits;

/// What a model read in the evidence. Every quote in it stands in the evidence of its step.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReadingV1 {
    /// Who is hurt, and how.
    pub impact: String,
    /// The probable cause; null where none was shown.
    pub probable_cause: Option<CauseV1>,
    /// What else it may be.
    pub hypotheses: Vec<HypothesisV1>,
    /// What it is not.
    pub ruled_out: Vec<RuledOutV1>,
    /// What could not be read, as the model saw it.
    pub gaps: Vec<String>,
}

/// The probable cause.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CauseV1 {
    /// The cause.
    pub text: String,
    /// How sure the model is; lowered where a part of what it rests on did not stand.
    #[schemars(extend("enum" = ["low", "medium", "high"]))]
    pub confidence: &'static str,
    /// What it rests on; at least one.
    pub claims: Vec<ClaimV1>,
}

/// A claim whose quote stands.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ClaimV1 {
    /// What is claimed.
    pub text: String,
    /// The step's id.
    pub step: String,
    /// What stands in its evidence.
    pub quote: String,
}

/// Something that may be so.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HypothesisV1 {
    /// What.
    pub text: String,
    /// Why it is not proven, where the model claimed that it is; else null.
    pub demoted: Option<String>,
}

/// Something that is not the cause.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RuledOutV1 {
    /// What.
    pub text: String,
    /// Why not.
    pub why: ClaimV1,
}

/// What the run's Assistant has cost.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CostV1 {
    /// US dollars by the catalog's prices, with what lost answers may have cost.
    pub usd: f64,
    /// Tokens of all turns, read and written.
    pub tokens: u64,
    /// Turns of the model.
    pub turns: u64,
}

impl ReadingV1 {
    pub(super) fn of(reading: &Reading, limits: &Limits) -> Self {
        let text = |text: &str, bytes| limits.line(text, bytes);
        let claim = |claim: &Claim| ClaimV1 {
            text: text(&claim.text, 1200),
            step: text(claim.step.as_str(), 800),
            quote: text(&claim.quote, 1200),
        };
        Self {
            impact: text(&reading.impact, 1600),
            probable_cause: reading.cause.as_ref().map(|cause| CauseV1 {
                text: text(&cause.text, 1600),
                confidence: cause.confidence.as_str(),
                claims: limits.first(&cause.claims, 16).iter().map(claim).collect(),
            }),
            hypotheses: limits
                .first(&reading.hypotheses, 16)
                .iter()
                .map(|other| HypothesisV1 {
                    text: text(&other.text, 1200),
                    demoted: other.demoted.as_deref().map(|why| text(why, 800)),
                })
                .collect(),
            ruled_out: limits
                .first(&reading.ruled_out, 8)
                .iter()
                .map(|out| RuledOutV1 { text: text(&out.text, 1200), why: claim(&out.why) })
                .collect(),
            gaps: limits.first(&reading.gaps, 8).iter().map(|gap| text(gap, 1200)).collect(),
        }
    }
}

impl CostV1 {
    pub(super) fn of(cost: &Cost) -> Self {
        Self { usd: cost.at_most().usd(), tokens: cost.usage.total(), turns: cost.turns }
    }
}
