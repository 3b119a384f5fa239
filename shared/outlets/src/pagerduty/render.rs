//! A run as plain text: PagerDuty shows notes without any markup. Its API names no limit of length, so a note is kept to
//! what is read on a telephone.

use crate::{
    Post,
    summary::{Check, Finding, Summary},
    text::cut,
};

/// The most characters of a note, without its last three lines.
const NOTE: usize = 3600;

/// The note's text. Its last line is the marker by which it is found again.
#[must_use]
pub fn render(post: &Post<'_>) -> String {
    let summary = Summary::of(post.view, post.now);
    let mut note = Note { text: String::new(), room: NOTE, shortened: false };
    note.line(&summary.headline, 300);
    for standing in &summary.standing {
        note.line(standing, 300);
    }
    note.findings(&summary.findings);
    note.list("Could not be checked:", &checks(&summary.gaps), 800);
    let steps: Vec<String> = summary.next_steps.iter().enumerate().map(|(at, s)| format!("{}. {s}", at + 1)).collect();
    note.list("Next steps:", &steps, 1000);
    if !summary.healthy.is_empty() {
        let names: Vec<&str> = summary.healthy.iter().map(|check| check.title.as_str()).collect();
        note.line("", 1);
        note.line(&format!("Healthy: {}", names.join(", ")), 400);
    }
    if !summary.remarks.is_empty() {
        note.line(&summary.remarks.join(" "), 300);
    }
    note.line("", 1);
    note.line(&summary.facts.join(", "), 200);
    let mut text = note.text;
    if let Some(link) = post.link {
        text.push_str(if note.shortened { "Shortened; everything: " } else { "Everything: " });
        text.push_str(link);
        text.push('\n');
    }
    if let Some(link) = post.previous {
        text.push_str("The last look: ");
        text.push_str(link);
        text.push('\n');
    }
    text.push_str(&post.marker());
    text
}

struct Note {
    text: String,
    room: usize,
    shortened: bool,
}

impl Note {
    fn line(&mut self, line: &str, most: usize) {
        let (kept, missing) = cut(line, most.min(self.room.saturating_sub(1)), |_| 1);
        self.shortened |= missing;
        self.room = self.room.saturating_sub(kept.chars().count() + 1);
        self.text.push_str(&kept);
        self.text.push('\n');
    }

    fn findings(&mut self, findings: &[Finding]) {
        for (shown, finding) in findings.iter().enumerate() {
            // The rest of the note has its room too.
            if self.room < NOTE / 2 {
                self.shortened = true;
                self.line(&format!("... and {} more", findings.len() - shown), 40);
                return;
            }
            self.line("", 1);
            self.line(&format!("[{}] {}", finding.severity, finding.title), 250);
            for (label, text) in [("Expected", &finding.expected), ("Found", &finding.actual)] {
                if !text.is_empty() {
                    self.line(&format!("  {label}: {text}"), 250);
                }
            }
            self.line(&format!("  Seen by: {}", finding.seen), 250);
            if !finding.details.is_empty() {
                self.line(&format!("  {}", finding.details.replace('\n', " ")), 300);
            }
        }
    }

    fn list(&mut self, title: &str, lines: &[String], most: usize) {
        if lines.is_empty() {
            return;
        }
        let end = self.room.saturating_sub(most);
        self.line("", 1);
        self.line(title, 80);
        for (shown, line) in lines.iter().enumerate() {
            if self.room < end + 40 || self.room < 80 {
                self.shortened = true;
                self.line(&format!("... and {} more", lines.len() - shown), 40);
                return;
            }
            self.line(line, 300);
        }
    }
}

fn checks(checks: &[Check]) -> Vec<String> {
    checks.iter().map(|check| format!("- {}: {}", check.title, check.outcome)).collect()
}
