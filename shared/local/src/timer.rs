//! What EventBridge Scheduler is on AWS: says when a Schedule is due.

use std::{sync::Arc, time::Duration};

use catalog::{Catalog, Timetable, TimetableError};
use domain::{InvestigateMessage, Name};
use jiff::{Timestamp, tz::TimeZone};
use ports::{Clock, PortError, Queue, SendMessage, chain};

/// The clock is looked at so often at least: a machine that slept has another time than its timers think.
const LOOK: Duration = Duration::from_secs(20);

/// Why there is no timer.
#[derive(Debug, thiserror::Error)]
pub enum TimerError {
    /// The machine does not know the zone.
    #[error("the Schedule `{schedule}` is in the time zone `{zone}`, which this machine does not know")]
    Zone {
        /// The Schedule.
        schedule: Name,
        /// Its zone.
        zone: String,
        /// What was wrong.
        #[source]
        source: jiff::Error,
    },
    /// The catalog was not checked.
    #[error("the Schedule `{schedule}` has no time")]
    Time {
        /// The Schedule.
        schedule: Name,
        /// What was wrong.
        #[source]
        source: TimetableError,
    },
}

/// One Schedule and when it is due next.
#[derive(Debug)]
struct Entry {
    schedule: Name,
    timetable: Timetable,
    zone: TimeZone,
    next: Option<Timestamp>,
}

/// Sends a message for each Schedule that is due, to the queue that the functions work.
///
/// It remembers nothing over its end: a rate is counted from when it was made, and what was due while there was no timer was
/// not due.
pub struct Timer {
    entries: Vec<Entry>,
    since: Timestamp,
    sender: Arc<dyn SendMessage>,
    clock: Arc<dyn Clock>,
}

impl Timer {
    /// The timer of the catalog's Schedules that are not paused, from now on.
    ///
    /// # Errors
    /// [`TimerError`].
    pub fn new(catalog: &Catalog, sender: Arc<dyn SendMessage>, clock: Arc<dyn Clock>) -> Result<Self, TimerError> {
        let since = clock.now();
        let going = catalog.schedules.values().filter(|schedule| !schedule.paused);
        let entries = going.map(|schedule| {
            let name = || schedule.name.clone();
            let timetable: Timetable =
                schedule.schedule.parse().map_err(|source| TimerError::Time { schedule: name(), source })?;
            let zone = TimeZone::get(&schedule.timezone).map_err(|source| TimerError::Zone {
                schedule: name(),
                zone: schedule.timezone.clone(),
                source,
            })?;
            let next = timetable.next(&zone, since, since);
            Ok(Entry { schedule: name(), timetable, zone, next })
        });
        Ok(Self { entries: entries.collect::<Result<_, _>>()?, since, sender, clock })
    }

    /// Each Schedule and when it is due next, in order of names.
    pub fn next(&self) -> impl Iterator<Item = (&Name, Timestamp)> {
        self.entries.iter().filter_map(|entry| Some((&entry.schedule, entry.next?)))
    }

    /// Says of each Schedule that is due that it is. What was due several times since the last look, because the machine
    /// slept, is said once, with the last of these times.
    ///
    /// # Errors
    /// [`PortError`]: those that could not be said are still due.
    pub async fn look(&mut self) -> Result<(), PortError> {
        let now = self.clock.now();
        for entry in &mut self.entries {
            let Some(mut at) = entry.next.filter(|at| *at <= now) else { continue };
            let mut next = entry.timetable.next(&entry.zone, self.since, at);
            while let Some(later) = next.filter(|later| *later <= now) {
                tracing::warn!(schedule = %entry.schedule, at = %at, "not fired: its time had gone by");
                at = later;
                next = entry.timetable.next(&entry.zone, self.since, at);
            }
            let message =
                InvestigateMessage::ScheduleV1 { schedule: entry.schedule.clone(), at, id: "local".to_owned() };
            let body =
                serde_json::to_string(&message).map_err(|error| PortError::permanent("write a message", error))?;
            self.sender.send(Queue::Investigate, &body, entry.schedule.as_str(), Duration::ZERO).await?;
            entry.next = next;
        }
        Ok(())
    }

    /// Looks whenever something is due, for ever.
    pub async fn run(mut self) {
        loop {
            let wait = match self.look().await {
                Ok(()) => {
                    let left = self.next().map(|(_, at)| at.duration_since(self.clock.now())).min();
                    left.map_or(LOOK, |left| Duration::try_from(left).unwrap_or(Duration::ZERO).min(LOOK))
                }
                Err(error) => {
                    tracing::error!(
                        error = chain(&error),
                        "a Schedule that is due could not be fired; it is tried again"
                    );
                    LOOK
                }
            };
            tokio::time::sleep(wait).await;
        }
    }
}
