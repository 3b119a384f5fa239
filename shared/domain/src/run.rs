//! A RunSession's own record and the ways it may change.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Alert, Alerts, ChatPlace, Cost, EventId, EventKind, LastTime, LeaseToken, Name, Newest, Previous, Report, RunId,
    TargetSpec,
};

/// Where a run stands. `Concluded`, `Failed` and `Cancelled` are the ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Opened, nothing done yet.
    Queued,
    /// Steps are being taken.
    Running,
    /// The report stands.
    Concluded,
    /// It could not be investigated; the reason stands and is delivered. One that was given up after many tries is taken
    /// up again when its message is redriven.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

impl RunStatus {
    /// Whether nothing more will be investigated.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Concluded | Self::Failed | Self::Cancelled)
    }

    /// The word for it in table and pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Concluded => "concluded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Whether a workflow's results are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Investigate and deliver.
    #[default]
    Live,
    /// Investigate and store, deliver nothing.
    Shadow,
}

/// What started the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Trigger {
    /// An event.
    Event {
        /// The event.
        event: EventId,
        /// The source that verified it.
        source: Name,
    },
    /// A person.
    Hand {
        /// Who, for people.
        who: String,
    },
    /// A person, in a chat.
    Chat(ChatPlace),
    /// A clock.
    Schedule {
        /// The Schedule.
        name: Name,
        /// When it was due.
        at: Timestamp,
    },
}

/// What the sender last said of the incident itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "incident", rename_all = "snake_case")]
pub enum IncidentState {
    /// It goes on.
    #[default]
    Open,
    /// It goes on again, after it was over or nobody had it any more.
    Reopened {
        /// Since when, by the sender's clock.
        at: Timestamp,
    },
    /// A person has it.
    Acknowledged {
        /// Since when, by the sender's clock.
        at: Timestamp,
    },
    /// It is over.
    Resolved {
        /// Since when, by the sender's clock.
        at: Timestamp,
    },
    /// It became a part of another incident, which is not a fix.
    Merged {
        /// Since when, by the sender's clock.
        at: Timestamp,
    },
}

impl IncidentState {
    /// When the sender said so; absent while nothing was said.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Open => None,
            Self::Reopened { at } | Self::Acknowledged { at } | Self::Resolved { at } | Self::Merged { at } => {
                Some(*at)
            }
        }
    }

    /// Whether nothing goes on any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Resolved { .. } | Self::Merged { .. })
    }

    /// The state after an event of `kind` at `at`. What is older than what stands changes nothing, so that reordered
    /// events do not bring a resolved incident back.
    #[must_use]
    pub fn after(&self, kind: EventKind, at: Timestamp) -> Self {
        if self.since().is_some_and(|since| at < since) {
            return self.clone();
        }
        match kind {
            EventKind::Acknowledged => Self::Acknowledged { at },
            EventKind::Resolved => Self::Resolved { at },
            EventKind::Merged => Self::Merged { at },
            EventKind::Unacknowledged | EventKind::Reopened => Self::Reopened { at },
            // The same incident fires again: whatever was said of its end no longer holds.
            EventKind::Triggered if self.is_over() => Self::Reopened { at },
            EventKind::Triggered
            | EventKind::Escalated
            | EventKind::Updated
            | EventKind::Annotated
            | EventKind::Ping
            | EventKind::Unknown => self.clone(),
        }
    }
}

/// A claim with an end: who holds `token` may write until `until`, then anyone may take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The holder's token.
    pub token: LeaseToken,
    /// When it ends.
    pub until: Timestamp,
}

/// Events that did not open the run but belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// The same delivery again.
    #[serde(default)]
    pub duplicates: u64,
    /// Other events of the same incident.
    #[serde(default)]
    pub attached: u64,
    /// Further alerts that were gathered here because their workflow was at a limit; only on a storm's run.
    #[serde(default)]
    pub gathered: u64,
    /// How many incidents a storm's run has gathered, the one that opened it included; 0 on every other run.
    #[serde(default)]
    pub incidents: u64,
    /// How often the incident has fired since it was opened, the opening included: an alert that goes on and is sent once
    /// more is not counted. 0 where no event opened the run.
    #[serde(default)]
    pub fired: u64,
}

/// A RunSession's own record (`RUN#<id>` / `META`). Steps, events and targets are items of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Where it stands.
    pub status: RunStatus,
    /// One line for lists: the alert's title, or the Command's name.
    pub title: String,
    /// What started it.
    pub trigger: Trigger,
    /// The workflow, where an event started it.
    #[serde(default)]
    pub workflow: Option<Name>,
    /// The Command that is run.
    pub command: Name,
    /// The Assistant that reads the evidence.
    #[serde(default)]
    pub assistant: Option<Name>,
    /// The Command's parameters, validated.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// The alert.
    #[serde(default)]
    pub alert: Option<Alert>,
    /// The digest of the catalog that it runs.
    pub catalog: String,
    /// Whether it is delivered.
    #[serde(default)]
    pub mode: Mode,
    /// Its targets, as the workflow named them when the run was opened. Empty in shadow mode.
    #[serde(default)]
    pub targets: Vec<TargetSpec>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When its first delivery was due, the deterministic evidence standing.
    #[serde(default)]
    pub evidence_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    /// How many invocations it went over, from 0.
    #[serde(default)]
    pub slice: u32,
    /// How long it was worked on in the invocations before this one, in milliseconds. Its time budget is of this, not of
    /// the clock on the wall, so that a run that comes back late still has its time.
    #[serde(default)]
    pub spent_ms: u64,
    /// Counts every change that a reader can see; deliveries converge to it.
    pub revision: u64,
    /// What the sender last said of the incident; of several [`Alerts`] together, which is over when the last of them is.
    #[serde(flatten)]
    pub incident: IncidentState,
    /// The alerts of the incident, where more than one came under its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Alerts>,
    /// Whether it stands for the incidents that its workflow was over a limit for. It investigates the first of them, and
    /// its incident state stays open: what is said of one of them is not said of the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub storm: bool,
    /// Whether people can answer to its messages in Slack: the catalog has a Source that hears of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub buttons: bool,
    /// The ids of the channels from which people may run its Command, and so stop it and run it again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked_from: Vec<String>,
    /// The look before this one, where the incident was reopened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// The newest look after this one: somebody ran it again, or the incident was reopened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Newest>,
    /// When the same fired before; absent before anybody looked, and where no event opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_time: Option<LastTime>,
    /// Events that belong to it.
    #[serde(default)]
    pub counts: Counts,
    /// What it says in the end; a first one stands as soon as the evidence does.
    #[serde(default)]
    pub report: Option<Report>,
    /// What its Assistant has cost.
    #[serde(default)]
    pub cost: Cost,
    /// How large its Assistant's prompt was before any tool was asked, in bytes; absent where no model was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_bytes: Option<u64>,
    /// Why it failed or was cancelled, for people.
    #[serde(default)]
    pub reason: Option<String>,
    /// Who is working on it.
    #[serde(default)]
    pub lease: Option<Lease>,
}

impl Run {
    /// The fair-queue group of what is sent about it: its workflow, so that a storm of one does not starve the others.
    #[must_use]
    pub fn group(&self) -> &str {
        self.workflow.as_ref().unwrap_or(&self.command).as_str()
    }

    /// The same of news for its `target`, which is in it: one that hangs holds up its own kind, and no other target of the workflow.
    #[must_use]
    pub fn group_at(&self, target: &str) -> String {
        format!("{}/{target}", self.group())
    }

    /// Whether something of it is with people, or about to be.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.evidence_at.is_some() || self.status.is_terminal()
    }

    /// A run of `command` as it stands when it is opened at `created_at` under the catalog of that digest: nobody has begun
    /// it, and nothing is said of where it came from. Its title is the Command as a person calls it.
    #[must_use]
    pub fn queued(id: RunId, command: Name, catalog: impl Into<String>, created_at: Timestamp) -> Self {
        Self {
            id,
            status: RunStatus::Queued,
            title: format!("/{command}"),
            trigger: Trigger::Hand { who: String::new() },
            workflow: None,
            command,
            assistant: None,
            params: Map::new(),
            alert: None,
            catalog: catalog.into(),
            mode: Mode::Live,
            targets: vec![],
            created_at,
            evidence_at: None,
            ended_at: None,
            slice: 0,
            spent_ms: 0,
            revision: 1,
            incident: IncidentState::Open,
            alerts: None,
            buttons: false,
            asked_from: vec![],
            storm: false,
            previous: None,
            newest: None,
            last_time: None,
            counts: Counts::default(),
            report: None,
            cost: Cost::default(),
            prompt_bytes: None,
            reason: None,
            lease: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reordered_events_do_not_bring_a_resolved_incident_back() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let resolved = IncidentState::Open.after(EventKind::Resolved, at(20));
        assert_eq!(resolved, IncidentState::Resolved { at: at(20) });
        assert_eq!(resolved.after(EventKind::Acknowledged, at(10)), resolved);
        assert_eq!(resolved.after(EventKind::Annotated, at(30)), resolved);
        let again = resolved.after(EventKind::Reopened, at(30));
        assert_eq!(again, IncidentState::Reopened { at: at(30) });
        assert_eq!(again.after(EventKind::Resolved, at(25)), again, "an older resolve comes late");
        assert_eq!(resolved.after(EventKind::Triggered, at(30)), again, "it fires again");
        assert_eq!(resolved.after(EventKind::Triggered, at(10)), resolved, "the opening comes late");
    }

    #[test]
    fn what_an_earlier_release_stored_of_a_run_is_read() {
        let id = RunId::mint(Timestamp::UNIX_EPOCH, 1);
        let run = Run::queued(id, "c".parse().unwrap(), "", Timestamp::UNIX_EPOCH);
        let mut stored = serde_json::to_value(&run).unwrap();
        stored["counts"] = serde_json::json!({"duplicates": 0, "attached": 0});
        assert!(stored.get("storm").is_none() && stored.get("previous").is_none());
        assert_eq!(serde_json::from_value::<Run>(stored).unwrap(), run);
    }
}
