//! Targets: where a run's state is shown, and how far each of them has come.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Lease, OutletSpec, RunId, RunStatus};

/// One target of a run, as the workflow named it when the run was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSpec {
    /// Its name within the run: the outlet's, with `-2`, `-3` where a workflow names several of one kind.
    pub name: String,
    /// What it is.
    pub outlet: OutletSpec,
    /// CEL over the run that must hold before anything is posted there; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The team's own words above the report: text with `${{ CEL }}` over the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What follows the other's name in that of a [`TargetSpec::concluded`] one.
const CONCLUDED: &str = "-concluded";

/// How a line of ours begins.
const MARK: &str = "Firstlook ";

/// The line that tells what stands of `run` at its target `name` from all else there, where only text can: by it our post is
/// found again, and known when its place tells us of it.
#[must_use]
pub fn marker(run: RunId, name: &str) -> String {
    format!("{MARK}{run}/{name}")
}

/// Whether a line of `text` is a [`marker`], of whichever run.
#[must_use]
pub fn has_marker(text: &str) -> bool {
    let is_marker = |line: &str| {
        let named = line.trim().strip_prefix(MARK).and_then(|rest| rest.split_once('/'));
        named.is_some_and(|(run, name)| {
            run.parse::<RunId>().is_ok() && !name.is_empty() && !name.contains(char::is_whitespace)
        })
    };
    text.lines().any(is_marker)
}

impl TargetSpec {
    /// A target that is always wanted, with nothing above the report.
    #[must_use]
    pub fn new(name: impl Into<String>, outlet: OutletSpec) -> Self {
        Self { name: name.into(), outlet, when: None, text: None }
    }

    /// The target beside this one that tells what the run came to after all, where a post that cannot be edited says that it
    /// has failed.
    #[must_use]
    pub fn concluded(&self) -> Self {
        Self { name: format!("{}{CONCLUDED}", self.name), ..self.clone() }
    }

    /// The name of the target beside which the [`concluded`](Self::concluded) one called `name` stands; none where it is none.
    #[must_use]
    pub fn beside(name: &str) -> Option<&str> {
        name.strip_suffix(CONCLUDED)
    }
}

/// A piece of a team's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As the catalog has it. It may hold what its outlet makes a mention or a link of.
    Own(String),
    /// What the run or its alert says there: text, whatever it looks like.
    Value(String),
}

/// What a team says above the report at one target, in pieces. Empty: nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words(pub Vec<Piece>);

/// How far a target has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetState {
    /// Nothing was sent yet.
    Pending,
    /// A first post was begun. Whoever finds this looks for it before posting again (I4).
    Sending,
    /// What was sent stands there.
    Sent,
    /// It was given up; `last_error` says why. A redrive or later news tries again.
    Failed,
    /// The run has ended, and the target's condition never held. Later news asks it again.
    NotWanted,
    /// A person has deleted what stood there. Nothing is posted there again: neither news nor a redrive changes that.
    Deleted,
}

impl TargetState {
    /// Whether it was given up, so that a redrive or news of its own run bring something there at most, or a person has
    /// deleted it, so that nothing does.
    #[must_use]
    pub fn is_given_up(self) -> bool {
        matches!(self, Self::Failed | Self::Deleted)
    }
}

/// The first look at an incident that a later look's post stands under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Its run, which is told what the later one comes to.
    pub run: RunId,
    /// The thread that its message begins, where the later one's stands; absent where that is the thread of somebody else's message
    /// that the target names itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
}

/// What stands at a target whose one post cannot be edited: the run as it was then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnePost {
    /// Its revision.
    pub revision: u64,
    /// How it had ended.
    pub status: RunStatus,
}

/// That a target holds what had no room at another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continues {
    /// The other one's name within the run.
    pub target: String,
    /// Which part of the rest it is, from 0.
    pub part: usize,
}

/// That a provider has taken a first post, to write it later or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// What the provider is asked by.
    pub request: String,
    /// When it was taken.
    pub at: Timestamp,
}

/// The recorded state of one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What the target is.
    #[serde(flatten)]
    pub spec: TargetSpec,
    /// How far it has come.
    pub state: TargetState,
    /// The revision of the run that stands there, or at which it was not wanted, or to which one post that cannot be edited has
    /// nothing to add; 0 for none.
    pub revision: u64,
    /// When its condition first held. From then on it is wanted, whatever the condition says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted_at: Option<Timestamp>,
    /// The provider's id of the post (Slack's `channel/ts`, PagerDuty's note id, the last webhook-id).
    #[serde(default)]
    pub provider_id: Option<String>,
    /// What its one post shows; absent where posts are edited or each revision has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_post: Option<OnePost>,
    /// Real attempts that failed since the last success. Waiting is not an attempt.
    #[serde(default)]
    pub attempts: u32,
    /// Since when its provider asks to wait, if it did since the last success.
    #[serde(default)]
    pub limited_since: Option<Timestamp>,
    /// Until when nothing is sent there and nothing is looked for: it was edited this moment, its provider asks to wait, or a first post
    /// was begun that may still come to stand.
    #[serde(default)]
    pub rests_until: Option<Timestamp>,
    /// Why the last attempt failed, for people.
    #[serde(default)]
    pub last_error: Option<String>,
    /// When the first post was begun.
    #[serde(default)]
    pub sending_since: Option<Timestamp>,
    /// The last first post of which its provider only said that it is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
    /// Where its post stands, where an earlier look has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Root>,
    /// Whether its post stands outside the thread that it was meant for, since a person has deleted that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
    /// What it continues; absent where it begins with the verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<Continues>,
    /// How many first posts were begun of which nobody knows how they ended. Where a place cannot be read, this is all
    /// that is known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub in_doubt: u32,
    /// How often it was claimed since a try came to an end: whoever has it is the last of these, and the process of each one
    /// before has ended in the midst of it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub claims: u32,
    /// When the target last changed.
    pub updated_at: Timestamp,
    /// Who is working on it.
    #[serde(default)]
    pub lease: Option<Lease>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Target {
    /// A target to which nothing was sent, as it stands when its run is opened at `at`.
    #[must_use]
    pub fn new(spec: TargetSpec, at: Timestamp) -> Self {
        Self {
            spec,
            state: TargetState::Pending,
            revision: 0,
            wanted_at: None,
            provider_id: None,
            one_post: None,
            attempts: 0,
            limited_since: None,
            rests_until: None,
            last_error: None,
            sending_since: None,
            taken: None,
            root: None,
            apart: false,
            continues: None,
            in_doubt: 0,
            claims: 0,
            updated_at: at,
            lease: None,
        }
    }

    /// The revision of the run that people see there; 0 for none.
    #[must_use]
    pub fn shown(&self) -> u64 {
        let posted = self.one_post.filter(|_| self.provider_id.is_some());
        posted.map_or(self.revision, |posted| posted.revision.min(self.revision))
    }

    /// Whether it is told what comes to its run beside the investigation: what is counted, and what a later look came to. Not
    /// where it was given up, since that would only be one more failure, nor where it was deleted; and not where one post, which
    /// cannot be edited, says already how the run has ended, in `status`.
    #[must_use]
    pub fn hears(&self, status: RunStatus) -> bool {
        let posted = self.one_post.filter(|_| self.provider_id.is_some());
        !self.state.is_given_up() && posted.is_none_or(|posted| posted.status != status)
    }

    /// Why nothing stands there although nothing failed, for people; absent unless that is so.
    #[must_use]
    pub fn why_not(&self) -> Option<String> {
        match self.state {
            TargetState::NotWanted => {
                self.spec.when.as_deref().map(|when| format!("its condition did not hold: {when}"))
            }
            TargetState::Deleted => Some("a person has deleted it there, so it is not posted again".to_owned()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_post_shows_is_what_it_showed_when_it_was_posted() {
        let outlet = OutletSpec::PagerDuty(crate::PagerDutySpec { note: true, from: None });
        let mut target = Target::new(TargetSpec::new("pagerduty", outlet), Timestamp::UNIX_EPOCH);
        assert_eq!(target.shown(), 0);
        // Begun, and not known to stand.
        target.one_post = Some(OnePost { revision: 3, status: RunStatus::Failed });
        assert_eq!(target.shown(), 0);
        (target.provider_id, target.revision) = (Some("note".to_owned()), 5);
        assert_eq!(target.shown(), 3);
        target.one_post = None;
        assert_eq!(target.shown(), 5);
    }

    #[test]
    fn a_target_hears_more_unless_it_was_given_up_or_deleted_or_its_one_post_says_how_the_run_has_ended() {
        let outlet = OutletSpec::PagerDuty(crate::PagerDutySpec { note: true, from: None });
        let mut target = Target::new(TargetSpec::new("pagerduty", outlet), Timestamp::UNIX_EPOCH);
        let hears = |target: &Target| [RunStatus::Failed, RunStatus::Concluded].map(|status| target.hears(status));
        assert_eq!(hears(&target), [true, true]);
        // Begun, and not known to stand.
        target.one_post = Some(OnePost { revision: 3, status: RunStatus::Failed });
        assert_eq!(hears(&target), [true, true]);
        (target.provider_id, target.state) = (Some("note".to_owned()), TargetState::Sent);
        assert_eq!(hears(&target), [false, true]);
        target.one_post = None;
        assert_eq!(hears(&target), [true, true]);
        for state in [TargetState::Failed, TargetState::Deleted] {
            target.state = state;
            assert_eq!(hears(&target), [false, false]);
        }
    }

    #[test]
    fn a_line_of_ours_is_known_and_what_people_write_is_not() {
        let run = RunId::mint(Timestamp::UNIX_EPOCH, 1);
        let ours = marker(run, "pagerduty-2");
        for text in [ours.clone(), format!("It burns\r\n  {ours}\r\n"), format!("{ours}\nand more")] {
            assert!(has_marker(&text), "{text}");
        }
        for text in [
            String::new(),
            format!("see {ours}"),
            format!("{ours} says so"),
            format!("Firstlook {run}"),
            format!("Firstlook {run}/"),
            "Firstlook run_1/pagerduty".to_owned(),
        ] {
            assert!(!has_marker(&text), "{text}");
        }
    }
}
