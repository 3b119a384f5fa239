//! A run as an e-mail: the subject is the answer, and the same stands as HTML and as text.

use domain::{EmailSpec, Severity};
use maud::{DOCTYPE, Markup, html};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::markup::{broken, unlinked};
use crate::{
    Post,
    note::Note,
    reading::{Point, Read},
    summary::{Check, Finding, Summary},
    text::cut,
    words,
};

/// The most characters of a subject: what a list of mails shows, and a bit.
const SUBJECT: usize = 150;

/// How many characters of text the HTML has at most. Gmail cuts messages at 102 KB, markup included.
const ROOM: usize = 16_000;

/// How many claims stand under the cause.
const CLAIMS: usize = 5;

/// Said in a mail that may be the second one.
const TWICE: &str = "An earlier try to send this mail got no answer. You may have it twice.";

// Inline, since many mail programs drop everything else; without colours of text or ground, so that a dark one turns both. No
// colour of text can be read on white and on a dark grey alike: soft is see-through, and a severity brings its own ground.
const BODY: &str =
    "margin:0;padding:16px;font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const PAGE: &str = "max-width:680px;margin:0 auto;overflow-wrap:anywhere";
const HEADLINE: &str = "font-size:20px;line-height:1.3;margin:0 0 4px";
const TITLE: &str = "font-size:15px;margin:20px 0 4px";
const SOFT: &str = "opacity:.72;font-size:13px;margin:4px 0";
const LINE: &str = "margin:4px 0";
const LIST: &str = "margin:4px 0;padding-left:22px";
const LABEL: &str = "opacity:.72";
const CODE: &str = "font:13px/1.45 ui-monospace,Menlo,Consolas,monospace;white-space:pre-wrap";
const BUTTON: &str = "display:inline-block;margin:16px 8px 4px 0;padding:9px 16px;border-radius:6px;background:#1a56b0;color:#ffffff;\
                      text-decoration:none;font-weight:600";

/// The body of SES's `SendEmail`.
#[must_use]
pub fn render(post: &Post<'_>, spec: &EmailSpec) -> Value {
    let utf8 = |data: String| json!({ "Data": data, "Charset": "UTF-8" });
    let header = |name: &str, value: String| json!({ "Name": name, "Value": value });
    let thread = thread(post, spec);
    json!({
        "FromEmailAddress": format!("Firstlook <{}>", spec.from),
        "Destination": { "ToAddresses": spec.to },
        "Content": { "Simple": {
            "Subject": utf8(subject(post)),
            "Body": { "Text": utf8(text(post)), "Html": utf8(html(post)) },
            "Headers": [
                // To a message that never was: what answers to the same stands together.
                header("In-Reply-To", thread.clone()),
                header("References", thread),
                // Nobody's absence is told to the sender (RFC 3834, and Exchange's own).
                header("Auto-Submitted", "auto-generated".to_owned()),
                header("X-Auto-Response-Suppress", "All".to_owned()),
                header("X-Firstlook-Run", format!("{}/{}", post.view.run.id, post.target.spec.name)),
            ],
        } },
    })
}

/// The answer in one line. It has no control characters, so no header can follow it.
#[must_use]
pub fn subject(post: &Post<'_>) -> String {
    cut(&Summary::of(post.view, post.now).headline, SUBJECT, |_| 1).0
}

/// What all mails about one incident answer to: the same for each look at it, and nothing that an alert could choose.
fn thread(post: &Post<'_>, spec: &EmailSpec) -> String {
    let run = &post.view.run;
    let mut hash = Sha256::new();
    match &run.alert {
        // The parts do not run into each other: neither a workflow's name nor a target's holds a zero.
        Some(alert) => hash.update(format!("{}\0{}\0{}", run.group(), post.target.spec.name, alert.external_id)),
        None => hash.update(run.id.to_string()),
    }
    let digest = hash.finalize();
    let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let domain = spec.from.split_once('@').map_or("", |(_, domain)| domain);
    format!("<{name}.incident@{domain}>")
}

/// Whether this may be the second mail.
fn may_be_twice(post: &Post<'_>) -> bool {
    post.target.in_doubt > 1
}

/// The plain part.
#[must_use]
pub fn text(post: &Post<'_>) -> String {
    let note = Note::of(post).text();
    if may_be_twice(post) { format!("{TWICE}\n\n{note}\n") } else { format!("{note}\n") }
}

/// The HTML part. The only links are our own; nothing is loaded from anywhere.
#[must_use]
pub fn html(post: &Post<'_>) -> String {
    let summary = Summary::of(post.view, post.now);
    let words = words::lines(post.words);
    let mut page = Page { room: ROOM, shortened: false };
    let headline = page.cut(&summary.headline, 400);
    let findings = page.findings(&summary.findings);
    let read = summary.read.as_ref().map(|read| page.read(read));
    let gaps = page.list("Could not be checked", &checks(&summary.gaps), false);
    let steps: Vec<Point> = summary.next_steps.iter().cloned().map(Point::from).collect();
    let steps = page.list("Next steps", &steps, true);
    let healthy = page.list("Healthy", &checks(&summary.healthy), false);
    let known = page.list("What is known", &checks(&summary.known), false);
    let remarks = page.cut(&summary.remarks.join(" "), 1000);
    let opens = if page.shortened { "Shortened: open the whole RunSession" } else { "Open the RunSession" };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="supported-color-schemes" content="light dark";
                title { (subject(post)) }
            }
            body style=(BODY) {
                div style=(PAGE) {
                    @if may_be_twice(post) { p style=(SOFT) { (TWICE) } }
                    @for line in &words {
                        // A link of the catalog's may be one.
                        p style=(LINE) { @if line.own { (line.text) } @else { (unlinked(&line.text)) } }
                    }
                    h1 style=(HEADLINE) { (unlinked(&headline)) }
                    p style=(SOFT) { (unlinked(&cut(&summary.about.join(" · "), 500, |_| 1).0)) }
                    @for standing in &summary.standing { p style=(LINE) { (unlinked(&cut(standing, 400, |_| 1).0)) } }
                    @if let Some(read) = read { (read) }
                    (findings) (gaps) (steps) (healthy) (known)
                    @if !remarks.is_empty() { p style=(SOFT) { (unlinked(&remarks)) } }
                    @if let Some(link) = post.link { a href=(link) style=(BUTTON) { (opens) } }
                    @if let Some(link) = post.previous { a href=(link) { "Open the last look" } }
                    p style=(SOFT) { (unlinked(&cut(&summary.facts.join(" · "), 300, |_| 1).0)) br; (post.marker()) }
                }
            }
        }
    }
    .into_string()
}

/// What is left of the room.
struct Page {
    room: usize,
    shortened: bool,
}

impl Page {
    fn cut(&mut self, text: &str, most: usize) -> String {
        self.kept(|most| cut(text, most, |_| 1), most)
    }

    fn point(&mut self, point: &Point, most: usize) -> String {
        self.kept(|most| point.cut(most, |_| 1), most)
    }

    fn kept(&mut self, cut: impl FnOnce(usize) -> (String, bool), most: usize) -> String {
        let (kept, missing) = cut(most.min(self.room.max(40)));
        self.shortened |= missing;
        self.room = self.room.saturating_sub(kept.chars().count());
        kept
    }

    fn read(&mut self, read: &Read) -> Markup {
        let impact = self.cut(&read.impact, 500);
        let cause = read.cause.as_ref().map(|(title, cause, claims)| {
            self.shortened |= claims.len() > CLAIMS;
            let claims: Vec<String> = claims.iter().take(CLAIMS).map(|claim| self.point(claim, 400)).collect();
            (title, self.cut(cause, 600), claims)
        });
        let others = [
            ("It may also be", &read.hypotheses),
            ("Ruled out", &read.ruled_out),
            ("Not seen by the model", &read.gaps),
        ]
        .map(|(title, list)| self.list(title, list, false));
        html! {
            @if !impact.is_empty() { h2 style=(TITLE) { "Impact" } p style=(LINE) { (unlinked(&impact)) } }
            @if let Some((title, cause, claims)) = cause {
                h2 style=(TITLE) { (title) }
                p style=(LINE) { (unlinked(&cause)) }
                @if !claims.is_empty() { ul style=(LIST) { @for claim in &claims { li { (unlinked(claim)) } } } }
            }
            @for other in others { (other) }
        }
    }

    fn findings(&mut self, findings: &[Finding]) -> Markup {
        let mut shown = Vec::new();
        // The rest of the mail has its room too.
        for finding in findings {
            if self.room < ROOM / 2 {
                self.shortened = true;
                break;
            }
            shown.push(self.finding(finding));
        }
        let left = findings.len() - shown.len();
        html! {
            @for finding in &shown { (finding) }
            @if left > 0 { p style=(SOFT) { "… and " (left) " more" } }
        }
    }

    fn finding(&mut self, finding: &Finding) -> Markup {
        let (color, name) = match finding.severity {
            Severity::Critical => ("#dc3640", "Critical"),
            Severity::Major => ("#b85a06", "Major"),
            Severity::Minor => ("#8f6d00", "Minor"),
            Severity::Informational => ("#3a70bf", "For information"),
        };
        let title = self.cut(&finding.title, 250);
        let rows = [
            ("Expected", &finding.expected, 400),
            ("Found", &finding.actual, 400),
            ("Seen by", &finding.seen, 400),
            ("Resource", &finding.resource, 250),
            ("Details", &finding.details, 1200),
        ]
        .map(|(label, text, most)| (label, self.cut(text, most)));
        let reproduce = self.cut(&finding.reproduce, 400);
        html! {
            div style=(format!("border-left:4px solid {color};padding:2px 0 2px 12px;margin:16px 0")) {
                p style=(LINE) { b style=(format!("background:{color};color:#ffffff;border-radius:4px;padding:1px 6px")) { (name) } " " b { (unlinked(&title)) } }
                @for (label, text) in &rows {
                    @if !text.is_empty() { p style=(LINE) { span style=(LABEL) { (label) ": " } (broken(text)) } }
                }
                @if !reproduce.is_empty() {
                    p style=(LINE) { span style=(LABEL) { "Reproduce: " } span style=(CODE) { (unlinked(&reproduce)) } }
                }
            }
        }
    }

    fn list(&mut self, title: &str, lines: &[Point], numbered: bool) -> Markup {
        let mut kept = Vec::new();
        for line in lines {
            if self.room < 200 || kept.len() == 20 {
                self.shortened = true;
                break;
            }
            kept.push(self.point(line, 400));
        }
        let left = lines.len() - kept.len();
        html! {
            @if !lines.is_empty() {
                h2 style=(TITLE) { (title) }
                @if numbered {
                    ol style=(LIST) { @for line in &kept { li { (unlinked(line)) } } }
                } @else {
                    ul style=(LIST) { @for line in &kept { li { (unlinked(line)) } } }
                }
                @if left > 0 { p style=(SOFT) { "… and " (left) " more" } }
            }
        }
    }
}

fn checks(checks: &[Check]) -> Vec<Point> {
    let line = |check: &Check| match check.outcome.as_str() {
        "" => check.title.clone(),
        outcome => format!("{}: {outcome}", check.title),
    };
    checks.iter().map(|check| line(check).into()).collect()
}
