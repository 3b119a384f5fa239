//! A finding.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::StepId;

/// How bad a finding is: 1 critical, 2 major, 3 minor, 4 informational.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "u8", try_from = "u8")]
#[schemars(with = "u8", extend("minimum" = 1, "maximum" = 4))]
#[allow(missing_docs)]
pub enum Severity {
    Critical = 1,
    Major = 2,
    Minor = 3,
    Informational = 4,
}

impl From<Severity> for u8 {
    fn from(severity: Severity) -> u8 {
        severity as u8
    }
}

impl TryFrom<u8> for Severity {
    type Error = String;
    fn try_from(number: u8) -> Result<Self, String> {
        match number {
            1 => Ok(Self::Critical),
            2 => Ok(Self::Major),
            3 => Ok(Self::Minor),
            4 => Ok(Self::Informational),
            other => Err(format!("severity {other} is not one of 1 critical, 2 major, 3 minor, 4 informational")),
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Critical => "critical",
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Informational => "informational",
        })
    }
}

/// A finding of one task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// How bad it is.
    pub severity: Severity,
    /// One line that names the thing and what is wrong with it.
    pub title: String,
    /// What a healthy answer would have been.
    #[serde(default)]
    pub expected: String,
    /// What was found instead.
    #[serde(default)]
    pub actual: String,
    /// The evidence in words.
    #[serde(default)]
    pub details: String,
    /// How a person sees the same: a command or a URL.
    #[serde(default)]
    pub reproduce: String,
    /// What to do next, each a whole sentence.
    #[serde(default)]
    pub next_steps: Vec<String>,
    /// The thing it is about.
    #[serde(default)]
    pub resource: String,
    /// What is wrong with it, as one word for whoever else finds the same; empty where the title alone says so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fault: String,
    /// When it was seen.
    pub observed_at: Timestamp,
}

/// A finding in the report: the same issue from several tasks is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergedIssue {
    /// The finding, at its worst severity.
    #[serde(flatten)]
    pub issue: Issue,
    /// When it was last seen, where a later step saw it too; the finding has the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<Timestamp>,
    /// The steps that found it, in order; never empty.
    pub steps: Vec<StepId>,
}
