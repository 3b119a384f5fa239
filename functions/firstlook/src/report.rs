//! A RunSession as text, for `run`, `runs show` and `demo`.
//!
//! What other people wrote is shown without its control characters, so that no alert can move the cursor or turn the
//! colours; and what is one line here stays one, so that none can write a line that looks like ours.

mod reading;

use console::words;
use domain::{
    IncidentState, MergedIssue, Mode, Name, Outcome, Report, Run, RunStatus, RunView, Severity, Step, StepId, Target,
    TargetState, Trigger,
};
use jiff::Timestamp;

use crate::out::Style;

/// Lines are broken here.
const WIDTH: usize = 100;

/// The RunSession, in the order in which a person wants to know it.
#[must_use]
pub fn text(view: &RunView, style: Style) -> String {
    let mut page = Text { style, lines: Vec::new() };
    page.head(&view.run);
    page.verdict(&view.run, view.steps.len());
    page.standing(&view.run);
    if let Some(report) = &view.run.report {
        page.report(report);
    }
    page.steps(&view.steps, view.run.created_at);
    page.targets(&view.targets, view.run.revision);
    page.foot(view);
    let mut text = page.lines.join("\n");
    text.push('\n');
    text
}

/// One line for a list.
#[must_use]
pub fn line(run: &Run, style: Style) -> String {
    let said = match (&run.reason, &run.report) {
        (Some(reason), _) => reason.as_str(),
        (None, Some(report)) => report.headline(),
        (None, None) => "",
    };
    let state = match (run.status, run.report.as_ref().map(Answer::of)) {
        (RunStatus::Concluded, Some(answer)) => answer.dress(style, &format!("{:<13}", answer.word())),
        (status, _) => format!("{:<13}", status.as_str()),
    };
    let at = run.created_at.strftime("%Y-%m-%d %H:%M:%S");
    let title = match &run.trigger {
        Trigger::Schedule { name, at } => format!("{} ({})", one(&run.title), scheduled(name, *at)),
        Trigger::Event { .. } | Trigger::Hand { .. } | Trigger::Chat(_) => one(&run.title),
    };
    format!("{}  {at}  {state}  {}  {}", run.id, style.bold(&title), style.dim(&one(said)))
}

fn scheduled(name: &Name, at: Timestamp) -> String {
    format!("by schedule {name} at {}", at.strftime("%F %H:%M UTC"))
}

/// What a report comes to in one word.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Found(Severity),
    /// Nothing was found, and not all was looked at: silence is not taken for health.
    Unknown,
    Healthy,
}

impl Answer {
    fn of(report: &Report) -> Self {
        match findings(report).map(|merged| merged.issue.severity).min() {
            Some(severity) => Self::Found(severity),
            None if report.gaps.is_empty() && !report.healthy.is_empty() => Self::Healthy,
            None => Self::Unknown,
        }
    }

    fn word(self) -> String {
        match self {
            Self::Found(severity) => severity.to_string(),
            Self::Unknown => "not known".to_owned(),
            Self::Healthy => "healthy".to_owned(),
        }
    }

    fn dress(self, style: Style, text: &str) -> String {
        match self {
            Self::Found(severity) => style.severity(severity, text),
            Self::Unknown => style.bold(text),
            Self::Healthy => style.good(text),
        }
    }
}

/// The findings of checks that were made. That a check could not be made is shown among the gaps, and not twice.
fn findings(report: &Report) -> impl Iterator<Item = &MergedIssue> {
    let made = |step: &StepId| !report.gaps.iter().any(|gap| gap.step == *step);
    report.issues.iter().filter(move |merged| merged.steps.is_empty() || merged.steps.iter().any(made))
}

struct Text {
    style: Style,
    lines: Vec<String>,
}

impl Text {
    fn push(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    fn heading(&mut self, text: &str) {
        self.push("");
        self.push(self.style.bold(text));
    }

    /// `text`, broken into lines: `first` before the first one, as many spaces before the others. Dressed as a whole,
    /// after it was measured.
    fn broken(&mut self, first: &str, text: &str, dress: impl Fn(&str) -> String) {
        let indent = " ".repeat(first.chars().count());
        for (place, line) in wrap(&clean(text), WIDTH - indent.len()).into_iter().enumerate() {
            let before = if place == 0 { first } else { &indent };
            match line.as_str() {
                "" => self.push(before.trim_end()),
                line => self.push(format!("{before}{}", dress(line))),
            }
        }
    }

    fn plain(&mut self, first: &str, text: &str) {
        self.broken(first, text, str::to_owned);
    }

    fn head(&mut self, run: &Run) {
        let style = self.style;
        self.broken("", &one(&run.title), |line| style.bold(line));
        self.push(style.dim(&format!("{}, {}", run.id, state(run))));
        let mut facts = Vec::new();
        match &run.trigger {
            Trigger::Event { source, .. } => facts.push(format!("from {source}")),
            Trigger::Hand { who } => facts.push(format!("asked for by {}", one(who))),
            Trigger::Chat(place) => facts.push(format!("asked for by {}", one(&place.to_string()))),
            Trigger::Schedule { name, at } => facts.push(scheduled(name, *at)),
        }
        match &run.workflow {
            Some(workflow) => facts.push(format!("{workflow} -> {}", run.command)),
            None => facts.push(run.command.to_string()),
        }
        if run.mode == Mode::Shadow {
            facts.push("shadow: delivered nowhere".to_owned());
        }
        if run.alert.is_some() {
            facts.push(format!("incident {}", words::incident(&run.incident)));
        }
        self.broken("", &facts.join(", "), |line| style.dim(line));
    }

    fn verdict(&mut self, run: &Run, steps: usize) {
        let style = self.style;
        self.push("");
        match (&run.report, run.status) {
            (_, RunStatus::Failed | RunStatus::Cancelled) => {
                let reason = run.reason.as_deref().unwrap_or("no reason was recorded");
                self.broken(&format!("{}: ", run.status.as_str()), &one(reason), |line| style.bad(line));
            }
            (Some(report), _) => {
                let answer = Answer::of(report);
                let tag = format!("[{}] ", answer.word());
                self.broken(&tag, &one(report.headline()), |line| answer.dress(style, line));
            }
            (None, _) => self.plain("", &format!("under way, {} recorded", words::count(steps, "step", "steps"))),
        }
    }

    /// What a reader must know of how far the run and the incident are.
    fn standing(&mut self, run: &Run) {
        if let (false, Some(_)) = (run.status.is_terminal(), &run.report) {
            self.plain("", "These are the first findings; the investigation goes on.");
        }
        if let (RunStatus::Failed | RunStatus::Cancelled, Some(_)) = (run.status, &run.report) {
            self.plain("", "What was found until then stands below.");
        }
        for said in run.course() {
            self.plain("", &one(&said));
        }
        match &run.incident {
            IncidentState::Open => {}
            IncidentState::Reopened { at } => {
                self.plain("", &format!("The incident goes on again since {}.", moment(*at)));
            }
            IncidentState::Acknowledged { at } => self.plain("", &format!("Acknowledged at {}.", moment(*at))),
            IncidentState::Resolved { at } => {
                self.plain("", &format!("The incident was resolved at {}.", moment(*at)));
            }
            IncidentState::Merged { at } => {
                self.plain("", &format!("The incident was merged into another one at {}.", moment(*at)));
            }
        }
    }

    fn report(&mut self, report: &Report) {
        if let Some(reading) = &report.reading {
            reading::write(self, reading);
        }
        if report.next().next().is_some() {
            self.heading("Next steps");
            for (place, step) in report.next().enumerate() {
                self.plain(&format!("  {}. ", place + 1), &one(step));
            }
        }
        let mut findings = findings(report).peekable();
        if findings.peek().is_some() {
            self.heading("Issues");
        }
        for merged in findings {
            self.issue(merged, &report.next_steps);
        }
        if !report.healthy.is_empty() {
            self.heading("Healthy");
            for checked in &report.healthy {
                self.plain("  + ", &one(&format!("{}: {}", checked.title, checked.summary)));
            }
        }
        if !report.gaps.is_empty() {
            self.heading("Not known");
            for gap in &report.gaps {
                self.plain("  ? ", &one(&format!("{}: {}", gap.title, gap.reason)));
            }
        }
        if !report.suppressed.is_empty() {
            self.heading("Suppressed by Rules");
            for suppressed in &report.suppressed {
                self.plain("  - ", &one(&suppressed.told()));
            }
        }
        if !report.knowledge.is_empty() {
            self.heading("Known");
            for known in &report.knowledge {
                self.plain("  * ", &one(&format!("{} ({}): {}", known.title, known.name, known.excerpt)));
            }
        }
        if !report.slxs.is_empty() {
            self.heading("The alert speaks of");
            for slx in &report.slxs {
                self.plain("  - ", &one(&format!("{}: {}", slx.name, slx.why)));
            }
        }
        if !report.remarks.is_empty() {
            self.heading("Remarks");
            for remark in &report.remarks {
                self.plain("  - ", &one(remark));
            }
        }
    }

    /// One finding. Of its next steps only those stand here that are not `told` of above.
    fn issue(&mut self, merged: &MergedIssue, told: &[String]) {
        let (style, issue) = (self.style, &merged.issue);
        let number = u8::from(issue.severity);
        let severity = issue.severity;
        self.broken(&format!("  {number} {severity}: "), &one(&issue.title), |line| style.severity(severity, line));
        for (name, text) in [
            ("expected", &issue.expected),
            ("actual", &issue.actual),
            ("details", &issue.details),
            ("resource", &issue.resource),
            ("reproduce", &issue.reproduce),
        ] {
            if !text.is_empty() {
                self.plain(&format!("      {name:<10} "), text);
            }
        }
        let steps: Vec<&str> = merged.steps.iter().map(StepId::as_str).collect();
        self.plain(&format!("      {:<10} ", "seen by"), &one(&steps.join(", ")));
        for step in issue.next_steps.iter().filter(|step| !told.contains(step)) {
            self.plain(&format!("      {:<10} ", "next"), &one(step));
        }
    }

    fn steps(&mut self, steps: &[Step], opened_at: Timestamp) {
        if steps.is_empty() {
            return;
        }
        self.heading("Steps");
        let widest = steps.iter().map(|step| one(step.id.as_str()).chars().count()).max().unwrap_or_default();
        for taken in steps {
            let begun = format!("+{}", words::span(words::between(opened_at, taken.started_at)));
            self.push(format!("  {begun:>9}  {}", row(taken, widest, self.style)));
        }
    }

    fn targets(&mut self, targets: &[Target], revision: u64) {
        if targets.is_empty() {
            return;
        }
        self.heading("Deliveries");
        for at in targets {
            self.push(format!("  {}", target(at, revision, self.style)));
        }
    }

    fn foot(&mut self, view: &RunView) {
        let mut facts = vec![format!("catalog {}", view.run.catalog), format!("revision {}", view.run.revision)];
        let counts = view.run.counts;
        if let Some(last) = &view.run.previous {
            facts.push(format!("the last look is {}", last.id));
        }
        if counts.fired > 1 {
            facts.push(format!("fired {} times", counts.fired));
        }
        if counts.gathered > 0 {
            facts.push(words::count(counts.gathered, "gathered alert", "gathered alerts"));
        }
        if counts.attached > 0 {
            facts.push(words::count(counts.attached, "attached event", "attached events"));
        }
        if counts.duplicates > 0 {
            facts.push(words::count(counts.duplicates, "duplicate", "duplicates"));
        }
        if view.only_counted() > 0 {
            facts.push(format!("{} of them only counted", view.only_counted()));
        }
        self.push("");
        self.push(self.style.dim(&one(&facts.join(", "))));
    }
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn state(run: &Run) -> String {
    let at = moment(run.created_at);
    match run.ended_at {
        Some(ended) => {
            let took = words::span(words::between(run.created_at, ended));
            format!("{} in {took}, opened {at}", run.status.as_str())
        }
        None => format!("{}, opened {at}", run.status.as_str()),
    }
}

/// One step on one line: how it ended, which it was, how long it took, what it saw.
#[must_use]
pub fn step(step: &Step, style: Style) -> String {
    row(step, 0, style)
}

/// The same, where the widest id of its table has `widest` characters.
fn row(step: &Step, widest: usize, style: Style) -> String {
    let width = widest.clamp(16, 40);
    let worst = step.issues.iter().map(|issue| issue.severity).min();
    let verdict = match (&step.outcome, worst) {
        (Outcome::Failed { .. }, _) => style.bad(&format!("{:<13}", "not made")),
        (Outcome::Skipped { .. }, _) => style.dim(&format!("{:<13}", "skipped")),
        (Outcome::Ok, Some(severity)) => style.severity(severity, &format!("{:<13}", severity.to_string())),
        (Outcome::Ok, None) => style.good(&format!("{:<13}", "healthy")),
    };
    let note = match &step.outcome {
        Outcome::Ok => &step.evidence.summary,
        Outcome::Failed { reason } | Outcome::Skipped { reason } => reason,
    };
    let id = one(step.id.as_str());
    format!("{verdict} {id:<width$} {:>8}  {}", words::span(step.elapsed_ms), style.dim(&one(note)))
}

/// One target on one line: how far it has come, which it is, where it is, and why it failed. `revision` is the run's.
#[must_use]
pub fn target(target: &Target, revision: u64, style: Style) -> String {
    let place = one(&words::place(&target.spec.outlet));
    let pad = |word: &str| format!("{word:<13}");
    let state = match target.state {
        TargetState::Sent if target.revision >= revision || target.one_post.is_some() => style.good(&pad("sent")),
        TargetState::Sent => pad("out of date"),
        TargetState::Failed => style.bad(&pad("failed")),
        state => pad(words::target_state(state)),
    };
    let name = one(&target.spec.name);
    let mut line = format!("{state} {name:<16} {place}");
    if let Some(error) = &target.last_error {
        let mut why = one(error);
        // What was refused for good is not tried again, and not counted.
        if target.attempts > 0 {
            why.push_str(&format!(" ({})", words::count(target.attempts, "attempt", "attempts")));
        }
        line.push_str(&format!("  {}", style.dim(&why)));
    }
    if target.state == TargetState::Sent && target.one_post.is_some() && target.shown() < revision {
        let shows = format!("it shows revision {}, and cannot be edited", target.shown());
        line.push_str(&format!("  {}", style.dim(&shows)));
    }
    if let Some(why) = target.why_not() {
        line.push_str(&format!("  {}", style.dim(&one(&why))));
    }
    line.trim_end().to_owned()
}

/// Somebody else's text on one line.
fn one(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Somebody else's text, harmless on a terminal.
fn clean(text: &str) -> String {
    words::plain(text).replace('\t', "    ")
}

/// Breaks at spaces, keeping the lines that there are. A word longer than a line stays whole, so that it can be copied.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.trim_end().split('\n') {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let length = line.chars().count();
            if length > 0 && length + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            } else if length > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod shown;
#[cfg(test)]
mod tests;
