//! The words of Firstlook as types: what an alert, a run, a step, an issue and a delivery are, and what travels
//! between the functions.
//!
//! Nothing here knows a clock, a network, a database or AWS; time and randomness come in as arguments.

mod alert;
mod alerts;
mod chat;
mod course;
mod delivery;
mod event;
mod id;
mod issue;
mod message;
mod money;
mod outlet;
pub mod quotes;
mod rating;
mod reading;
mod report;
mod run;
mod secret;
mod step;
mod transcript;
mod view;

pub use alert::{Alert, AlertSeverity, Link, Service, Slo};
pub use alerts::{Alerts, Heard, Which};
pub use chat::{ChatAnswer, ChatPlace, ChatReply, ResponseUrl};
pub use course::{EARLIER_KEPT, Earlier, FIRINGS_KEPT, FLAPS_FROM, Flapping, LastTime, Newest, Previous};
pub use delivery::{
    Continues, OnePost, Piece, Root, Taken, Target, TargetSpec, TargetState, Words, has_marker, marker,
};
pub use event::{Disposition, Event, EventKind, EventRole, RAW_CAP, RawFragment};
pub use id::{EventId, IdError, LeaseToken, Name, NameError, RunId};
pub use issue::{Issue, MergedIssue, Severity};
pub use message::{CommandRequest, DeliverMessage, InvestigateMessage};
pub use money::Money;
pub use outlet::{
    AlertNoteSpec, EmailSpec, GitHubSpec, HookSpec, JiraSpec, OutletSpec, PagerDutySpec, ServiceNowSpec, SlackSpec,
    TicketKind, WebhookSpec,
};
pub use rating::{Act, Mark, Press, Rating};
pub use reading::{Cause, Claim, Confidence, Hypothesis, Reading, RuledOut};
pub use report::{Checked, Gap, KnowledgeFound, Report, SlxMatched, Suppressed};
pub use run::{Counts, IncidentState, Lease, Mode, Run, RunStatus, Trigger};
pub use secret::Secret;
pub use step::{Cut, EVIDENCE_CAP, Evidence, Outcome, Step, StepId};
pub use transcript::{Cost, Entry, Estimate, ModelTurn, Opening, Part, Stop, ToolCall, Usage};
pub use view::{AttachedEvent, Attachment, RunView, Shown};
