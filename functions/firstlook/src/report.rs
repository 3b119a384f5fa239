//! A RunSession as text, for `run`, `runs show` and `demo`. What other people wrote is shown without its control
//! characters, so that no alert can move the cursor or turn the colours.

use console::words;
use domain::{MergedIssue, Mode, Outcome, Report, Run, RunStatus, RunView, Step, Target, TargetState, Trigger};

use crate::out::Style;

/// Lines are broken here.
const WIDTH: usize = 100;

/// The RunSession, in the order in which a person wants to know it.
#[must_use]
pub fn text(view: &RunView, style: Style) -> String {
    let mut page = Text { style, lines: Vec::new() };
    page.head(&view.run);
    page.verdict(&view.run, view.steps.len());
    if let Some(report) = &view.run.report {
        page.report(report);
    }
    page.steps(&view.steps);
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
        (None, Some(report)) => report.verdict.as_str(),
        (None, None) => "",
    };
    let worst = run.report.as_ref().and_then(|report| report.worst);
    let state = match (run.status, worst) {
        (RunStatus::Concluded, Some(severity)) => style.severity(severity, &format!("{:<13}", severity.to_string())),
        (RunStatus::Concluded, None) => style.good(&format!("{:<13}", "nothing found")),
        (status, _) => format!("{:<13}", status.as_str()),
    };
    let at = run.created_at.strftime("%Y-%m-%d %H:%M:%S");
    format!("{}  {at}  {state}  {}  {}", run.id, style.bold(&clean(&run.title)), style.dim(&clean(said)))
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
            self.push(format!("{before}{}", dress(&line)));
        }
    }

    fn plain(&mut self, first: &str, text: &str) {
        self.broken(first, text, str::to_owned);
    }

    fn head(&mut self, run: &Run) {
        let style = self.style;
        self.broken("", &run.title, |line| style.bold(line));
        self.push(style.dim(&format!("{} · {}", run.id, state(run))));
        let mut facts = Vec::new();
        match &run.trigger {
            Trigger::Event { source, .. } => facts.push(format!("from {source}")),
            Trigger::Hand { who } => facts.push(format!("asked for by {who}")),
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
        self.broken("", &facts.join(" · "), |line| style.dim(line));
    }

    fn verdict(&mut self, run: &Run, steps: usize) {
        let style = self.style;
        self.push("");
        match (&run.report, run.status) {
            (_, RunStatus::Failed | RunStatus::Cancelled) => {
                let reason = run.reason.as_deref().unwrap_or("no reason was recorded");
                self.broken(&format!("{}: ", run.status.as_str()), reason, |line| style.bad(line));
            }
            (Some(report), _) => match report.worst {
                Some(severity) => {
                    let tag = format!("[{severity}] ");
                    self.broken(&tag, &report.verdict, |line| style.severity(severity, line));
                }
                None => self.broken("[healthy] ", &report.verdict, |line| style.good(line)),
            },
            (None, _) => self.plain("", &format!("under way, {} recorded", words::count(steps, "step", "steps"))),
        }
    }

    fn report(&mut self, report: &Report) {
        if !report.next_steps.is_empty() {
            self.heading("Next steps");
            for (place, step) in report.next_steps.iter().enumerate() {
                self.plain(&format!("  {}. ", place + 1), step);
            }
        }
        if !report.issues.is_empty() {
            self.heading("Issues");
            for merged in &report.issues {
                self.issue(merged);
            }
        }
        if !report.healthy.is_empty() {
            self.heading("Healthy");
            for checked in &report.healthy {
                self.plain("  ✓ ", &format!("{}: {}", checked.title, checked.summary));
            }
        }
        if !report.gaps.is_empty() {
            self.heading("Not known");
            for gap in &report.gaps {
                self.plain("  ? ", &format!("{}: {}", gap.title, gap.reason));
            }
        }
        if !report.remarks.is_empty() {
            self.heading("Remarks");
            for remark in &report.remarks {
                self.plain("  - ", remark);
            }
        }
    }

    fn issue(&mut self, merged: &MergedIssue) {
        let (style, issue) = (self.style, &merged.issue);
        let number = u8::from(issue.severity);
        let severity = issue.severity;
        self.broken(&format!("  {number} {severity}: "), &issue.title, |line| style.severity(severity, line));
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
        let steps: Vec<&str> = merged.steps.iter().map(domain::StepId::as_str).collect();
        self.plain(&format!("      {:<10} ", "seen by"), &steps.join(", "));
    }

    fn steps(&mut self, steps: &[Step]) {
        if steps.is_empty() {
            return;
        }
        self.heading("Steps");
        for taken in steps {
            self.push(format!("  {}", step(taken, self.style)));
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
        if counts.attached > 0 {
            facts.push(words::count(counts.attached, "attached event", "attached events"));
        }
        if counts.duplicates > 0 {
            facts.push(words::count(counts.duplicates, "duplicate", "duplicates"));
        }
        self.push("");
        self.push(self.style.dim(&facts.join(" · ")));
    }
}

fn state(run: &Run) -> String {
    let at = run.created_at.strftime("%Y-%m-%d %H:%M:%S UTC");
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
    let id = clean(step.id.as_str());
    format!("{verdict} {id:<16} {:>8}  {}", words::span(step.elapsed_ms), style.dim(&clean(note)))
}

/// One target on one line.
#[must_use]
pub fn target(target: &Target, revision: u64, style: Style) -> String {
    let place = clean(&words::place(&target.spec.outlet));
    let state = format!("{:<13}", words::target_state(target.state));
    let state = match target.state {
        TargetState::Sent if target.revision >= revision => style.good(&state),
        TargetState::Failed => style.bad(&state),
        TargetState::Sent | TargetState::Sending | TargetState::Pending => state,
    };
    let name = clean(&target.spec.name);
    let mut line = format!("{state} {name:<16} {place}");
    if let Some(error) = &target.last_error {
        line.push_str(&format!("  {}", style.dim(&clean(error))));
    }
    line.trim_end().to_owned()
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
mod tests;
