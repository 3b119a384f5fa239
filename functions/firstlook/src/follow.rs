//! Following a run while it advances.

use std::{collections::BTreeSet, io::IsTerminal, time::Duration};

use domain::{Run, RunId, RunStatus, RunView, StepId, TargetState};
use indicatif::{ProgressBar, ProgressStyle};
use store::Reader;
use tokio::time::{Instant, sleep};

use crate::{
    failure::Failure,
    out::{self, Style},
    report,
};

/// How long a run is followed. Longer than any that Firstlook takes.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// Lines on stderr about what happens, and on a terminal one that moves below them.
pub struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins to say `message`.
    #[must_use]
    pub fn begin(message: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            out::say(message);
            return Self { bar: None };
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template(" {spinner:.cyan} {msg}") {
            bar.set_style(style);
        }
        bar.set_message(message.trim_start().to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar: Some(bar) }
    }

    /// Says something else.
    pub fn now(&self, message: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(message.trim_start().to_owned()),
            None => out::say(message),
        }
    }

    /// Says something that stays.
    pub fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => out::say(line),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Reads a run again and again, and says each step and each delivery once.
pub struct Follower {
    reader: Reader,
    run: RunId,
    every: Duration,
    style: Style,
    steps: BTreeSet<StepId>,
    targets: BTreeSet<(String, u64)>,
    opened: bool,
    until: Instant,
}

impl Follower {
    /// Follows `run`, looking `every` so often.
    #[must_use]
    pub fn new(reader: Reader, run: RunId, every: Duration) -> Self {
        let style = Style::of_stderr();
        let until = Instant::now() + PATIENCE;
        Self { reader, run, every, style, steps: BTreeSet::new(), targets: BTreeSet::new(), opened: false, until }
    }

    /// Until the run has ended.
    ///
    /// # Errors
    /// The table cannot be read, or patience has ended.
    pub async fn until_its_end(&mut self, progress: &Progress) -> Result<RunView, Failure> {
        self.until(progress, |view| view.run.status.is_terminal()).await
    }

    /// Until every target shows the run's newest state, or has failed.
    ///
    /// # Errors
    /// The table cannot be read, or patience has ended.
    pub async fn until_delivered(&mut self, progress: &Progress) -> Result<RunView, Failure> {
        self.until(progress, |view| {
            view.run.status.is_terminal() && view.targets.iter().all(|target| settled(target, &view.run))
        })
        .await
    }

    async fn until(&mut self, progress: &Progress, done: impl Fn(&RunView) -> bool) -> Result<RunView, Failure> {
        loop {
            if let Some(view) = self.reader.view(self.run).await? {
                self.tell(&view, progress);
                if done(&view) {
                    return Ok(view);
                }
            }
            if Instant::now() >= self.until {
                let minutes = PATIENCE.as_secs() / 60;
                return Err(Failure::because(format!("{} has not come so far in {minutes} minutes", self.run)));
            }
            sleep(self.every).await;
        }
    }

    fn tell(&mut self, view: &RunView, progress: &Progress) {
        if !self.opened {
            self.opened = true;
            progress.line(&self.style.dim(&format!("{} is open: {}", view.run.id, view.run.command)));
        }
        for step in &view.steps {
            if self.steps.insert(step.id.clone()) {
                progress.line(&format!("  {}", report::step(step, self.style)));
            }
        }
        for target in &view.targets {
            let stands = !matches!(target.state, TargetState::Pending | TargetState::Sending);
            if stands && self.targets.insert((target.spec.name.clone(), target.revision)) {
                progress.line(&format!("  {}", report::target(target, view.run.revision, self.style)));
            }
        }
    }
}

/// Whether a target shows `run` as it is, is not wanted so, or will not show it: it has failed, was deleted by a person, or has one post
/// that stays as it is.
#[must_use]
pub fn settled(target: &domain::Target, run: &Run) -> bool {
    match target.state {
        TargetState::Pending | TargetState::Sending => false,
        _ => target.revision >= run.revision || !target.hears(run.status),
    }
}

/// Whether the run said something and every delivery of it that is wanted stands.
#[must_use]
pub fn went_well(view: &RunView) -> bool {
    let stands = |target: &domain::Target| {
        matches!(target.state, TargetState::Sent | TargetState::NotWanted | TargetState::Deleted)
    };
    view.run.status == RunStatus::Concluded && view.targets.iter().all(stands)
}
