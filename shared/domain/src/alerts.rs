//! How a run's incident stands where several alerts came under its key: it is over when the last of them is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{EventKind, IncidentState, Run};

/// The alerts of one run, from the second one on. How the first stands is in it; each of the others keeps its own state
/// where later events of it find the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alerts {
    /// How the alert stands that opened the run.
    pub first: IncidentState,
    /// How many there are, the first included.
    pub count: u64,
    /// How many go on and nobody has.
    pub waiting: u64,
    /// How many go on and a person has.
    pub held: u64,
    /// The newest that was said of any of them, by the sender's clock; absent before anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said_at: Option<Timestamp>,
}

/// Which alert of a run an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The one that opened it.
    First,
    /// One that came to it later, and how it stands.
    Other(IncidentState),
    /// One that comes to it now.
    New,
}

/// What an event makes of its alert and of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The state of the event's alert.
    pub alert: IncidentState,
    /// The run's state.
    pub incident: IncidentState,
    /// The run's alerts; absent while it has one.
    pub alerts: Option<Alerts>,
    /// Whether the incident fired again: what was over goes on. That an alert which goes on is sent once more is no firing.
    pub fired_again: bool,
}

impl Alerts {
    /// The one alert of a run that stands so.
    fn one(state: &IncidentState) -> Self {
        let mut one = Self { first: state.clone(), count: 1, waiting: 0, held: 0, said_at: state.since() };
        one.moved(None, state);
        one
    }

    /// How many are over.
    #[must_use]
    pub fn over(&self) -> u64 {
        self.count.saturating_sub(self.waiting).saturating_sub(self.held)
    }

    fn moved(&mut self, from: Option<&IncidentState>, to: &IncidentState) {
        if let Some(counter) = from.and_then(|from| self.counter(from)) {
            *counter = counter.saturating_sub(1);
        }
        if let Some(counter) = self.counter(to) {
            *counter = counter.saturating_add(1);
        }
    }

    fn counter(&mut self, state: &IncidentState) -> Option<&mut u64> {
        match state {
            IncidentState::Open | IncidentState::Reopened { .. } => Some(&mut self.waiting),
            IncidentState::Acknowledged { .. } => Some(&mut self.held),
            IncidentState::Resolved { .. } | IncidentState::Merged { .. } => None,
        }
    }

    /// The state of all, which was `before` until one of them came to be `alert`, `at` the newest time that was said.
    fn together(&self, before: &IncidentState, alert: &IncidentState, at: Timestamp) -> IncidentState {
        use IncidentState::{Acknowledged, Merged, Open, Reopened, Resolved};
        let is_back = matches!(alert, Reopened { .. });
        match (self.waiting, self.held) {
            (0, 0) if matches!(alert, Merged { .. }) => Merged { at },
            (0, 0) => Resolved { at },
            (0, _) => match before {
                // One that nobody had to have any more ended.
                Acknowledged { .. } if alert.is_over() => before.clone(),
                _ => Acknowledged { at },
            },
            (waiting, _) => match before {
                Resolved { .. } | Merged { .. } => Reopened { at },
                Acknowledged { .. } if is_back => Reopened { at },
                Acknowledged { .. } => Open,
                // The only one that waits, and its sender says that it is back.
                Open | Reopened { .. } if is_back && waiting == 1 => Reopened { at },
                Open | Reopened { .. } => before.clone(),
            },
        }
    }
}

impl Run {
    /// How the alert stands that opened the run.
    #[must_use]
    pub fn first_alert(&self) -> &IncidentState {
        self.alerts.as_ref().map_or(&self.incident, |alerts| &alerts.first)
    }

    /// Whether alerts of it go on beside the one that stands as `this`.
    #[must_use]
    pub fn others_go_on(&self, this: &IncidentState) -> bool {
        let first = u64::from(!self.incident.is_over());
        let open = self.alerts.as_ref().map_or(first, |alerts| alerts.waiting.saturating_add(alerts.held));
        open > u64::from(!this.is_over())
    }

    /// How the run stands when its alert `which` has gone to another run at `at` and is no longer told of here. `None` where
    /// that changes nothing: the alert is over, or the run has no other.
    #[must_use]
    pub fn without(&self, which: &Which, at: Timestamp) -> Option<(IncidentState, Alerts)> {
        let mut alerts = self.alerts.clone().filter(|alerts| alerts.count > 1)?;
        let stood = match which {
            Which::First => alerts.first.clone(),
            Which::Other(state) => state.clone(),
            Which::New => return None,
        };
        let counter = alerts.counter(&stood)?;
        *counter = counter.saturating_sub(1);
        alerts.count = alerts.count.saturating_sub(1);
        let at = alerts.said_at.unwrap_or(at);
        let gone = IncidentState::Resolved { at };
        if *which == Which::First {
            alerts.first = gone.clone();
        }
        Some((alerts.together(&self.incident, &gone, at), alerts))
    }

    /// What an event of `kind` at `at` makes of the run and of the alert that it is about, `which`; `overtook` is what came
    /// before its opening and is not older.
    #[must_use]
    pub fn hears(
        &self,
        which: &Which,
        kind: EventKind,
        at: Timestamp,
        overtook: Option<(EventKind, Timestamp)>,
    ) -> Heard {
        let before = match which {
            Which::First => Some(self.first_alert()),
            Which::Other(state) => Some(state),
            Which::New => None,
        };
        let mut alert = before.cloned().unwrap_or_default().after(kind, at);
        if let Some((kind, at)) = overtook {
            alert = alert.after(kind, at);
        }
        let is_back = before.unwrap_or(&self.incident).is_over() && !alert.is_over();
        // Who says `reopened` says that it was over, whether or not that was heard.
        let fired_again = kind == EventKind::Reopened || (kind == EventKind::Triggered && is_back);
        if self.alerts.is_none() && *which == Which::First {
            return Heard { incident: alert.clone(), alert, alerts: None, fired_again };
        }
        let mut alerts = self.alerts.clone().unwrap_or_else(|| Alerts::one(&self.incident));
        if before == Some(&alert) {
            return Heard { incident: self.incident.clone(), alert, alerts: Some(alerts), fired_again };
        }
        alerts.moved(before, &alert);
        alerts.count = alerts.count.saturating_add(u64::from(before.is_none()));
        let newest = alerts.said_at.into_iter().chain([alert.since().unwrap_or(at)]).max().unwrap_or(at);
        if *which == Which::First {
            alerts.first = alert.clone();
        }
        alerts.said_at = Some(newest);
        Heard { incident: alerts.together(&self.incident, &alert, newest), alert, alerts: Some(alerts), fired_again }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunId;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A run, and the states of the alerts that came to it later, as a store keeps them.
    struct World {
        run: Run,
        others: Vec<IncidentState>,
    }

    impl World {
        fn new() -> Self {
            let run = Run::queued(RunId::mint(at(0), 1), "triage".parse().unwrap(), "0", at(0));
            Self { run, others: vec![] }
        }

        /// Alert 0 is the first; the next one after those that are known is new.
        fn hears(&mut self, alert: usize, kind: EventKind, second: i64) -> bool {
            let which = match alert {
                0 => Which::First,
                n => self.others.get(n - 1).map_or(Which::New, |state| Which::Other(state.clone())),
            };
            let heard = self.run.hears(&which, kind, at(second), None);
            match which {
                Which::First => assert_eq!(heard.alerts.as_ref().map_or(&heard.incident, |a| &a.first), &heard.alert),
                Which::Other(_) => self.others[alert - 1] = heard.alert,
                Which::New => self.others.push(heard.alert),
            }
            (self.run.incident, self.run.alerts) = (heard.incident, heard.alerts);
            heard.fired_again
        }
    }

    #[test]
    fn a_run_with_one_alert_stands_as_that_does() {
        let mut world = World::new();
        assert!(!world.hears(0, EventKind::Triggered, 5), "a repetition");
        assert!(!world.hears(0, EventKind::Resolved, 10));
        assert_eq!((&world.run.incident, &world.run.alerts), (&IncidentState::Resolved { at: at(10) }, &None));
        assert!(!world.hears(0, EventKind::Triggered, 9), "from before its end");
        assert!(world.hears(0, EventKind::Triggered, 11));
        assert_eq!(world.run.incident, IncidentState::Reopened { at: at(11) });
        assert!(!world.hears(0, EventKind::Triggered, 12), "a repetition");
        assert!(world.hears(0, EventKind::Reopened, 13), "the sender says that it was over");
    }

    #[test]
    fn the_incident_is_over_when_the_last_of_its_alerts_is() {
        let mut world = World::new();
        assert!(
            !world.hears(1, EventKind::Triggered, 1) && !world.hears(2, EventKind::Triggered, 2),
            "each fired once"
        );
        world.hears(0, EventKind::Resolved, 10);
        assert_eq!(world.run.incident, IncidentState::Open);
        assert!(world.run.others_go_on(world.run.first_alert()));
        // Older than what was said of another alert, which says nothing of this one.
        world.hears(2, EventKind::Resolved, 8);
        assert_eq!(world.run.incident, IncidentState::Open);
        let alerts = world.run.alerts.clone().unwrap();
        assert_eq!((alerts.count, alerts.waiting, alerts.held, alerts.over()), (3, 1, 0, 2));
        world.hears(1, EventKind::Resolved, 9);
        assert_eq!(world.run.incident, IncidentState::Resolved { at: at(10) }, "the newest of the three");
        assert!(!world.run.others_go_on(&world.others[0]));
        // A fourth comes, which fired before the others ended and was heard of late.
        assert!(world.hears(3, EventKind::Triggered, 4), "what was over goes on");
        assert_eq!(world.run.incident, IncidentState::Reopened { at: at(10) });
        assert!(!world.hears(3, EventKind::Triggered, 5));
        world.hears(3, EventKind::Merged, 12);
        assert_eq!(world.run.incident, IncidentState::Merged { at: at(12) });
    }

    #[test]
    fn an_alert_that_comes_and_goes_beside_one_that_stays_fires_again() {
        let mut world = World::new();
        world.hears(1, EventKind::Triggered, 1);
        world.hears(1, EventKind::Resolved, 2);
        assert!(world.hears(1, EventKind::Triggered, 3));
        assert_eq!(world.run.incident, IncidentState::Open, "the first went on all that time");
    }

    #[test]
    fn people_have_the_incident_when_they_have_all_that_goes_on() {
        let mut world = World::new();
        world.hears(1, EventKind::Triggered, 1);
        world.hears(0, EventKind::Acknowledged, 2);
        assert_eq!(world.run.incident, IncidentState::Open);
        world.hears(1, EventKind::Acknowledged, 3);
        assert_eq!(world.run.incident, IncidentState::Acknowledged { at: at(3) });
        world.hears(0, EventKind::Resolved, 4);
        assert_eq!(world.run.incident, IncidentState::Acknowledged { at: at(3) }, "the other is still had");
        world.hears(2, EventKind::Triggered, 5);
        assert_eq!(world.run.incident, IncidentState::Open, "nobody has the new one");
        world.hears(2, EventKind::Resolved, 6);
        assert_eq!(world.run.incident, IncidentState::Acknowledged { at: at(6) });
        world.hears(1, EventKind::Unacknowledged, 7);
        assert_eq!(world.run.incident, IncidentState::Reopened { at: at(7) });
    }

    #[test]
    fn an_alert_that_went_to_another_run_is_counted_no_more() {
        let mut world = World::new();
        assert_eq!(world.run.without(&Which::First, at(1)), None, "it has no other");
        world.hears(1, EventKind::Triggered, 1);
        world.hears(2, EventKind::Triggered, 2);
        world.hears(2, EventKind::Acknowledged, 3);
        let (incident, alerts) = world.run.without(&Which::First, at(9)).unwrap();
        assert_eq!((incident, alerts.count, alerts.waiting, alerts.held), (IncidentState::Open, 2, 1, 1));
        world.run.alerts = Some(alerts);
        assert_eq!(world.run.without(&Which::First, at(9)), None, "once");
        let (incident, alerts) = world.run.without(&Which::Other(IncidentState::Open), at(9)).unwrap();
        assert_eq!((&incident, alerts.count), (&IncidentState::Acknowledged { at: at(3) }, 1), "people have the rest");
        (world.run.incident, world.run.alerts) = (incident, Some(alerts));
        world.hears(2, EventKind::Resolved, 10);
        assert_eq!(world.run.incident, IncidentState::Resolved { at: at(10) });
    }

    #[test]
    fn what_overtook_an_alert_counts_for_that_alert() {
        let run = World::new().run;
        let heard = run.hears(&Which::New, EventKind::Triggered, at(1), Some((EventKind::Resolved, at(5))));
        assert_eq!((heard.alert, heard.incident), (IncidentState::Resolved { at: at(5) }, IncidentState::Open));
        assert_eq!(heard.alerts.map(|alerts| (alerts.count, alerts.over())), Some((2, 1)));
    }
}
