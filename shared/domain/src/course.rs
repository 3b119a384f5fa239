//! How a run's incident has gone: gathered in a storm, flapping, looked at before.

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{Counts, Run, RunId, RunStatus};

/// An incident that fired this often is flapping.
pub const FLAPS_FROM: u64 = 3;

/// That an incident fires again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flapping {
    /// How often it has fired.
    pub times: u64,
    /// Since when: when its first run was opened.
    pub since: Timestamp,
}

/// The run that looked at the same incident before this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// That run.
    pub id: RunId,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// What it ended with: its verdict, or why it has none.
    pub verdict: String,
    /// When the first run of the incident was opened.
    pub since: Timestamp,
}

impl Run {
    /// This run as the one that stands for all incidents that its workflow is over a limit for. It investigates what this one
    /// would have.
    #[must_use]
    pub fn into_storm(self) -> Self {
        let of = self.workflow.as_ref().map(|name| format!(" of `{name}`")).unwrap_or_default();
        Self { title: format!("Alert storm{of}, first: {}", self.title), storm: true, ..self }
    }

    /// This run as a new look at an incident that `last` looked at; how often the incident fired goes on from there.
    #[must_use]
    pub fn after(self, last: &Self) -> Self {
        let verdict = match (last.status, &last.reason, &last.report) {
            (RunStatus::Failed | RunStatus::Cancelled, Some(reason), _) | (_, Some(reason), None) => reason.clone(),
            (_, _, Some(report)) => report.verdict.clone(),
            (_, None, None) => last.status.as_str().to_owned(),
        };
        let previous = Previous {
            id: last.id,
            created_at: last.created_at,
            ended_at: last.ended_at.unwrap_or(last.created_at),
            verdict,
            since: last.fires_since(),
        };
        let counts = Counts { fired: last.counts.fired.saturating_add(1), ..self.counts };
        Self { previous: Some(previous), counts, ..self }
    }

    /// When the incident's first run was opened.
    fn fires_since(&self) -> Timestamp {
        self.previous.as_ref().map_or(self.created_at, |previous| previous.since)
    }

    /// Whether its incident fires again and again.
    #[must_use]
    pub fn flapping(&self) -> Option<Flapping> {
        let flapping = Flapping { times: self.counts.fired, since: self.fires_since() };
        (flapping.times >= FLAPS_FROM).then_some(flapping)
    }

    /// What a reader must know of how its incident has gone, a sentence each; nothing where it just fired. The last look's
    /// verdict is in it as it stands, which may be any text.
    #[must_use]
    pub fn course(&self) -> Vec<String> {
        let mut course = Vec::new();
        if self.storm {
            let workflow = self.workflow.as_ref().map_or("its workflow", |name| name.as_str());
            let Counts { gathered, incidents, .. } = self.counts;
            course.push(format!(
                "Alert storm: `{workflow}` is at a limit: {}, {}, {} gathered here. Only the first is investigated.",
                count(incidents.max(1), "incident"),
                count(gathered.saturating_add(1), "alert"),
                if gathered == 0 { "is" } else { "are" },
            ));
        }
        if let Some(Flapping { times, since }) = self.flapping() {
            course.push(format!("Flapping: fired {times} times since {}.", clock(since)));
        }
        if let Some(last) = &self.previous {
            course.push(format!("The last look, {}: {}", clock(last.ended_at), last.verdict));
        }
        course
    }
}

fn count(number: u64, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

/// A moment as people read it: `2027-01-15 08:00:05 UTC`.
fn clock(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_look_knows_the_last_one_and_how_often_the_incident_fired() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let run = |second| Run {
            counts: Counts { fired: 1, ..Counts::default() },
            ..Run::queued(RunId::mint(at(second), 1), "c".parse().unwrap(), "", at(second))
        };
        let failed = Run {
            status: RunStatus::Failed,
            reason: Some("no such host".to_owned()),
            ended_at: Some(at(20)),
            ..run(10)
        };
        let second = run(30).after(&failed);
        let previous = second.previous.clone().unwrap();
        assert_eq!((previous.id, previous.verdict.as_str()), (failed.id, "no such host"));
        assert_eq!((previous.ended_at, previous.since), (at(20), at(10)));
        assert_eq!((second.counts.fired, second.flapping()), (2, None));
        assert_eq!(run(40).after(&second).flapping(), Some(Flapping { times: 3, since: at(10) }));
    }

    #[test]
    fn the_course_says_what_is_out_of_the_ordinary_and_nothing_else() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let run = Run {
            workflow: Some("pages".parse().unwrap()),
            ended_at: Some(at(20)),
            counts: Counts { fired: 2, ..Counts::default() },
            ..Run::queued(RunId::mint(at(10), 1), "c".parse().unwrap(), "", at(10))
        };
        assert!(run.course().is_empty());
        let counts = Counts { gathered: 4, incidents: 3, ..Counts::default() };
        assert_eq!(
            Run { counts, ..run.clone().into_storm() }.course(),
            [
                "Alert storm: `pages` is at a limit: 3 incidents, 5 alerts, are gathered here. Only the first is investigated."
            ]
        );
        assert_eq!(
            run.clone().after(&run).course(),
            [
                "Flapping: fired 3 times since 1970-01-01 00:00:10 UTC.",
                "The last look, 1970-01-01 00:00:20 UTC: queued"
            ]
        );
    }
}
