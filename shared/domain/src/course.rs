//! How a run's incident has gone: gathered in a storm, flapping, looked at before.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{ChatPlace, Counts, Run, RunId, RunStatus, Trigger};

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

/// The newest look at the same after a run, as that run tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest {
    /// That run.
    pub id: RunId,
    /// When it was opened.
    pub created_at: Timestamp,
    /// Who asked for it; absent where the incident was reopened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ChatPlace>,
    /// What it has come to; empty while nothing is known of that.
    #[serde(default)]
    pub verdict: String,
}

/// How many earlier runs that fired alike a run knows.
pub const EARLIER_KEPT: usize = 5;
/// How many moments at which the same fired a run keeps.
pub const FIRINGS_KEPT: usize = 100;
/// How far back firings are counted.
const COUNTED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// An earlier run that fired alike: same source, service and title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// That run.
    pub id: RunId,
    /// When it was opened.
    pub created_at: Timestamp,
    /// What it ended with: its verdict, or why it has none; its status while it goes on.
    pub verdict: String,
    /// What people said of its answer, a word each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ratings: Vec<String>,
}

/// When the same fired before, and what came of it. Empty: it has not, as far back as runs are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LastTime {
    /// Newest first, at most [`EARLIER_KEPT`].
    #[serde(default)]
    pub runs: Vec<Earlier>,
    /// When it fired in the 30 days before, newest first, at most [`FIRINGS_KEPT`]. It goes from run to run, so that it is
    /// known without reading all of them.
    #[serde(default)]
    pub fired_at: Vec<Timestamp>,
}

impl LastTime {
    /// What `earlier` runs (newest first), with what people said of them, are to a run that was opened at `opened_at`.
    #[must_use]
    pub fn of(earlier: &[(Run, Vec<String>)], opened_at: Timestamp) -> Self {
        let known = |run: &Run| run.last_time.iter().flat_map(|last| &last.fired_at).copied().collect::<Vec<_>>();
        let mut fired_at: Vec<Timestamp> =
            earlier.iter().flat_map(|(run, _)| known(run).into_iter().chain([run.created_at])).collect();
        fired_at.retain(|at| *at <= opened_at && opened_at.duration_since(*at) <= COUNTED);
        fired_at.sort_unstable_by(|one, other| other.cmp(one));
        fired_at.dedup();
        fired_at.truncate(FIRINGS_KEPT);
        let runs = earlier.iter().take(EARLIER_KEPT).map(|(run, ratings)| Earlier {
            id: run.id,
            created_at: run.created_at,
            verdict: run.came_to(),
            ratings: ratings.clone(),
        });
        Self { runs: runs.collect(), fired_at }
    }
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
        let verdict = last.came_to();
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

    /// This run as a look at the same that `who` asked for, when `last` has ended. It did not fire, so it counts no firing; what
    /// the sender says of the incident goes on being said to `last`.
    #[must_use]
    pub fn again(self, last: &Self, who: ChatPlace) -> Self {
        let title = last.alert.as_ref().map_or_else(|| last.title.clone(), |alert| alert.title.clone());
        let again = Self {
            title,
            trigger: Trigger::Chat(who),
            workflow: last.workflow.clone(),
            assistant: last.assistant.clone(),
            alert: last.alert.clone(),
            mode: last.mode,
            targets: last.targets.clone(),
            incident: last.incident.clone(),
            last_time: last.last_time.clone(),
            ..self
        };
        Self { counts: Counts::default(), ..again.after(last) }
    }

    /// What the runs before it tell of this one.
    #[must_use]
    pub fn as_newest(&self) -> Newest {
        let by = match &self.trigger {
            Trigger::Chat(place) => Some(place.clone()),
            Trigger::Event { .. } | Trigger::Hand { .. } | Trigger::Schedule { .. } => None,
        };
        let known = self.report.is_some() || self.status.is_terminal();
        let verdict = if known { self.came_to() } else { String::new() };
        Newest { id: self.id, created_at: self.created_at, by, verdict }
    }

    /// What it came to: its verdict, or why it has none; its status while it goes on.
    fn came_to(&self) -> String {
        match (self.status, &self.reason, &self.report) {
            (RunStatus::Failed | RunStatus::Cancelled, Some(reason), _) | (_, Some(reason), None) => reason.clone(),
            (_, _, Some(report)) => report.headline().to_owned(),
            (_, None, None) => self.status.as_str().to_owned(),
        }
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
        course.extend(self.newest.as_ref().map(Newest::told));
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
        if let Some(alerts) = self.alerts.as_ref().filter(|alerts| (1..alerts.count).contains(&alerts.over())) {
            let over = alerts.over();
            let are = if over == 1 { "is" } else { "are" };
            course.push(format!("{over} of the incident's {} {are} over.", count(alerts.count, "alert")));
        }
        if let Some(Flapping { times, since }) = self.flapping() {
            course.push(format!("Flapping: fired {times} times since {}.", clock(since)));
        }
        if let Some(last) = &self.previous {
            course.push(format!("The last look, {}: {}", clock(last.ended_at), last.verdict));
        }
        course.extend(self.fired_before());
        course
    }
}

impl Newest {
    /// What a reader of an earlier run is told before anything else.
    fn told(&self) -> String {
        let at = clock(self.created_at);
        let how = match &self.by {
            Some(by) => format!("Run again by {}, {at}", by.who()),
            None => format!("Looked at again, {at}"),
        };
        match self.verdict.as_str() {
            "" => format!("{how}."),
            verdict => format!("{how}: {verdict}"),
        }
    }
}

impl Run {
    /// When the same fired before. What the last look found is not said twice.
    fn fired_before(&self) -> Option<String> {
        let last_time = self.last_time.as_ref()?;
        let last = last_time.runs.first()?;
        let often = match last_time.fired_at.len() {
            0 => "Fired before".to_owned(),
            FIRINGS_KEPT => format!("Fired {FIRINGS_KEPT} times or more in the 30 days before"),
            1 => "Fired once in the 30 days before".to_owned(),
            times => format!("Fired {times} times in the 30 days before"),
        };
        let rated = match last.ratings.as_slice() {
            [] => String::new(),
            ratings => format!("; rated: {}", ratings.join(", ")),
        };
        let told = self.previous.as_ref().is_some_and(|previous| previous.id == last.id);
        Some(match told {
            true => format!("{often}{rated}."),
            false => format!("{often}{rated}. Last at {}: {}", clock(last.created_at), last.verdict),
        })
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
    fn a_run_tells_of_the_newest_look_after_it_and_who_asked_for_it() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let ann = ChatPlace {
            source: "slack".parse().unwrap(),
            channel: "C0123ABCD".to_owned(),
            channel_name: "ops".to_owned(),
            thread: None,
            user: "U0123ABCD".to_owned(),
            user_name: "ann".to_owned(),
            outside: false,
        };
        let mut first = Run::queued(RunId::mint(at(10), 1), "c".parse().unwrap(), "", at(10));
        (first.status, first.ended_at) = (RunStatus::Concluded, Some(at(20)));
        first.counts.fired = 2;
        let mut again = Run::queued(RunId::mint(at(30), 1), "c".parse().unwrap(), "", at(30)).again(&first, ann);
        assert_eq!((again.previous.as_ref().map(|last| last.id), again.counts.fired), (Some(first.id), 0));
        first.newest = Some(again.as_newest());
        assert_eq!(first.course(), ["Run again by ann, 1970-01-01 00:00:30 UTC."]);
        (again.status, again.reason) = (RunStatus::Failed, Some("no such host".to_owned()));
        first.newest = Some(again.as_newest());
        assert_eq!(first.course(), ["Run again by ann, 1970-01-01 00:00:30 UTC: no such host"]);
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
        let mut again = run.clone();
        again.last_time = Some(LastTime::default());
        assert!(again.course().is_empty(), "it fires for the first time");
        assert_eq!(
            run.clone().after(&run).course(),
            [
                "Flapping: fired 3 times since 1970-01-01 00:00:10 UTC.",
                "The last look, 1970-01-01 00:00:20 UTC: queued"
            ]
        );
    }

    #[test]
    fn last_time_counts_30_days_from_run_to_run_and_says_what_was_found() {
        let at = |day: i64| Timestamp::from_second(day * 86_400).unwrap();
        let run = |day: i64| Run::queued(RunId::mint(at(day), 1), "c".parse().unwrap(), "", at(day));
        let after = |run: Run, earlier: &[Run]| {
            let opened_at = run.created_at;
            let earlier: Vec<_> = earlier.iter().map(|run| (run.clone(), vec![])).collect();
            Run { last_time: Some(LastTime::of(&earlier, opened_at)), ..run }
        };
        let mut first = run(1);
        first.status = RunStatus::Failed;
        first.reason = Some("no such host".to_owned());
        let second = after(run(20), std::slice::from_ref(&first));
        assert_eq!(
            second.course(),
            ["Fired once in the 30 days before. Last at 1970-01-02 00:00:00 UTC: no such host"]
        );
        // Only the newest is read, and it knows of the first; which is too old for the fourth.
        let third = after(run(30), std::slice::from_ref(&second));
        assert_eq!(third.last_time.as_ref().unwrap().fired_at, [at(20), at(1)]);
        let fourth = after(run(32), &[third.clone(), second.clone()]);
        let last_time = fourth.last_time.clone().unwrap();
        assert_eq!(last_time.fired_at, [at(30), at(20)]);
        assert_eq!(last_time.runs.iter().map(|run| run.id).collect::<Vec<_>>(), [third.id, second.id]);
        let rated = LastTime::of(&[(third.clone(), vec!["useful".to_owned()])], at(32));
        let reopened = Run { last_time: Some(rated), ..run(32).after(&third) };
        assert_eq!(
            reopened.course().last().unwrap(),
            "Fired 2 times in the 30 days before; rated: useful.",
            "what the last look found stands in the line above"
        );
        let old = after(run(99), &[first]);
        assert_eq!(old.course(), ["Fired before. Last at 1970-01-02 00:00:00 UTC: no such host"]);
    }
}
