//! A run as plain text, for all places that show text and nothing else.

use crate::{
    Post,
    reading::{Point, Read},
    summary::{Check, Finding, Summary},
    text::cut,
    words,
};

/// The most characters of a note without its last lines: what is read on a telephone.
const NOTE: usize = 3600;

/// How many claims stand under the cause, and how many passages of Knowledge.
const CLAIMS: usize = 3;
const KNOWN: usize = 1;

/// What a note says. Lines are clean and cut; an empty one stands between two parts.
pub(crate) struct Note {
    /// What the team says, above all else.
    pub words: Vec<words::Line>,
    /// The answer first.
    pub lines: Vec<String>,
    /// What each of our own links opens, and the link.
    pub links: Vec<(&'static str, String)>,
    /// By which it is found again.
    pub marker: String,
}

impl Note {
    pub fn of(post: &Post<'_>) -> Self {
        let summary = Summary::of(post.view, post.now);
        let words = words::lines(post.words);
        let said: usize = words.iter().map(|line| line.text.chars().count() + 1).sum();
        let most = NOTE.saturating_sub(said);
        let mut page = Page { lines: vec![], room: most, shortened: false };
        page.line(&summary.headline, 300);
        if let Some(read) = summary.read.as_ref().filter(|read| !read.impact.is_empty()) {
            page.line(&format!("Impact: {}", read.impact), 200);
        }
        for standing in &summary.standing {
            page.line(standing, 300);
        }
        let mut least = most / 2;
        if let Some(read) = &summary.read {
            page.read(read);
            // Its words are about the findings, and the worst of these stands beside them.
            least = most / 3;
        }
        page.findings(&summary.findings, least);
        page.list("Could not be checked:", &checks(&summary.gaps), 800);
        let steps: Vec<Point> =
            summary.next_steps.iter().enumerate().map(|(at, s)| format!("{}. {s}", at + 1).into()).collect();
        page.list("Next steps:", &steps, 1000);
        if !summary.healthy.is_empty() {
            let names: Vec<&str> = summary.healthy.iter().map(|check| check.title.as_str()).collect();
            page.line("", 1);
            page.line(&format!("Healthy: {}", names.join(", ")), 400);
        }
        let known: Vec<Point> =
            summary.known.iter().take(KNOWN).map(|one| format!("{}: {}", one.title, one.outcome).into()).collect();
        page.shortened |= summary.known.len() > KNOWN;
        page.list("What is known:", &known, 400);
        if !summary.remarks.is_empty() {
            page.line("", 1);
            page.line(&summary.remarks.join(" "), 300);
        }
        page.line("", 1);
        page.line(&summary.facts.join(", "), 200);
        let mut links = Vec::new();
        if let Some(link) = post.link {
            links.push((if page.shortened { "Shortened; everything" } else { "Everything" }, link.to_owned()));
        }
        if let Some(link) = post.previous {
            links.push(("The last look", link.to_owned()));
        }
        Self { words, lines: page.lines, links, marker: post.marker() }
    }

    /// All of it as one text. Its last line is the marker.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for line in &self.words {
            text.push_str(&line.text);
            text.push('\n');
        }
        if !self.words.is_empty() {
            text.push('\n');
        }
        text.push_str(&self.lines.join("\n"));
        for (opens, link) in &self.links {
            text.push_str(&format!("\n{opens}: {link}"));
        }
        text.push('\n');
        text.push_str(&self.marker);
        text
    }

    /// The lines in parts, as they stand between the empty ones.
    pub fn parts(&self) -> impl Iterator<Item = &[String]> {
        self.lines.split(String::is_empty).filter(|part| !part.is_empty())
    }
}

struct Page {
    lines: Vec<String>,
    room: usize,
    shortened: bool,
}

impl Page {
    fn line(&mut self, line: &str, most: usize) {
        self.put(|most| cut(line, most, |_| 1), most);
    }

    fn point(&mut self, point: &Point, most: usize) {
        self.put(|most| point.cut(most, |_| 1), most);
    }

    fn put(&mut self, cut: impl FnOnce(usize) -> (String, bool), most: usize) {
        let (kept, missing) = cut(most.min(self.room.saturating_sub(1)));
        self.shortened |= missing;
        self.room = self.room.saturating_sub(kept.chars().count() + 1);
        self.lines.push(kept);
    }

    fn read(&mut self, read: &Read) {
        if let Some((title, cause, claims)) = &read.cause {
            self.line("", 1);
            self.line(&format!("{title}: {cause}"), 350);
            for claim in claims.iter().take(CLAIMS) {
                self.point(&claim.after("  - "), 200);
            }
            self.shortened |= claims.len() > CLAIMS;
        }
        for (title, list) in [
            ("It may also be:", &read.hypotheses),
            ("Ruled out:", &read.ruled_out),
            ("Not seen by the model:", &read.gaps),
        ] {
            let lines: Vec<Point> = list.iter().map(|point| point.after("- ")).collect();
            self.list(title, &lines, 260);
        }
    }

    fn findings(&mut self, findings: &[Finding], least: usize) {
        for (shown, finding) in findings.iter().enumerate() {
            // The rest of the note has its room too.
            if self.room < least {
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

    fn list(&mut self, title: &str, lines: &[Point], most: usize) {
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
            self.point(line, 300);
        }
    }
}

fn checks(checks: &[Check]) -> Vec<Point> {
    checks.iter().map(|check| format!("- {}: {}", check.title, check.outcome).into()).collect()
}
