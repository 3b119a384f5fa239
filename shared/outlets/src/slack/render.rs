//! A run as Block Kit. Source of the limits: docs.slack.dev/reference/block-kit, and for the total, which no page names,
//! slackapi/bolt-js issue 2509 (refused from about 13,200 characters on).

use domain::{Mark, OutletSpec, Run, RunStatus, Severity, Words};
use serde_json::{Value, json};

use super::rest;
use crate::{
    Post,
    reading::{Point, Read},
    summary::{self, Check, Finding, Summary},
    text::{cut, line, weight},
};

// All of them together are below 12,000.
const HEADER: usize = 150;
const HEADLINE: usize = 400;
const ABOUT: usize = 500;
const STANDING: usize = 800;
const FINDINGS: usize = 4750;
const FINDING: usize = 1500;
const GAPS: usize = 1200;
const HEALTHY: usize = 700;
const NEXT_STEPS: usize = 1400;
const KNOWN: usize = 700;
const REMARKS: usize = 400;
const RATED: usize = 200;
// With a reading there are fewer findings, which its words are about.
const FINDINGS_READ: usize = 2300;
const CAUSE: usize = 1400;
const IMPACT: usize = 300;
const OTHERS: usize = 450;
const FOOTER: usize = 700;

/// A finding is not begun in less room than this.
const LEAST: usize = 250;

/// The most findings, each of which is a block of its own: Slack takes 50 blocks.
const MOST: usize = 30;

/// The fields of `chat.postMessage` and `chat.update` that say what the message looks like.
#[must_use]
pub fn render(post: &Post<'_>) -> Value {
    if let Some(continues) = &post.target.continues {
        return rest::render(post, continues.part);
    }
    let (notice, _) = cut(&summary::headline(post.view), 300, cost);
    json!({
        "text": escape(&notice),
        "blocks": whole(post).blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

/// The message of a run, with what has no room in it.
pub(super) fn whole(post: &Post<'_>) -> Message {
    let summary = Summary::of(post.view, post.now);
    let mut message = Message::default();
    let said = message.words(post.words);
    message.headline(&summary.headline);
    message.remark("About", &summary.about.join(" · "), ABOUT);
    message.section("", &summary.standing.join("\n"), STANDING);
    let findings = match &summary.read {
        Some(read) => {
            message.read(read);
            FINDINGS_READ
        }
        None => FINDINGS,
    };
    message.findings(&summary.findings, findings.saturating_sub(said));
    message.list("Could not be checked", &bullets(&summary.gaps), GAPS);
    message.list("Healthy", &bullets(&summary.healthy), HEALTHY);
    message.list("Next steps", &numbered(&summary.next_steps), NEXT_STEPS);
    message.list("What is known", &bullets(&summary.known), KNOWN);
    message.remark("Remarks", &summary.remarks.join(" "), REMARKS);
    message.buttons(post);
    message.footer(&summary.facts, post);
    message
}

#[derive(Default)]
pub(super) struct Message {
    pub(super) blocks: Vec<Value>,
    /// What has no room in them: each thing whole, in lines.
    pub(super) rest: Vec<Vec<String>>,
    /// Whether something is missing that the run's page has.
    shortened: std::cell::Cell<bool>,
}

impl Message {
    /// `text`, cut and escaped.
    fn cut(&self, text: &str, most: usize) -> String {
        self.kept(cut(text, most, cost))
    }

    /// What is left of something, escaped, and whether something is missing.
    fn kept(&self, (kept, missing): (String, bool)) -> String {
        self.shortened.set(self.shortened.get() || missing);
        escape(&kept)
    }

    /// What the team says; what it costs.
    fn words(&mut self, words: Option<&Words>) -> usize {
        let markup = words.map(super::words::markup).unwrap_or_default();
        if !markup.is_empty() {
            self.push_section(&markup);
        }
        weight(&markup, cost_escaped)
    }

    /// What `make` makes, and whether it had to cut something.
    fn watched<T>(&self, make: impl FnOnce(&Self) -> T) -> (T, bool) {
        let before = self.shortened.replace(false);
        let made = make(self);
        let missing = self.shortened.get();
        self.shortened.set(before || missing);
        (made, missing)
    }

    /// What has no room stands under `title` elsewhere.
    fn goes_on(&mut self, title: &str, texts: impl IntoIterator<Item: AsRef<str>>) {
        let title = Some(format!("*{title}*")).filter(|title| title.len() > 2);
        let pieces = texts.into_iter().flat_map(|text| rest::pieces(text.as_ref()));
        self.rest.push(title.into_iter().chain(pieces).collect());
    }

    /// `text` in small letters; what has no room stands under `title` elsewhere.
    fn remark(&mut self, title: &str, text: &str, most: usize) {
        let (markup, missing) = self.watched(|message| message.cut(text, most));
        if missing {
            self.goes_on(title, [text]);
        }
        self.context(&markup);
    }

    fn headline(&mut self, headline: &str) {
        let (short, missing) = cut(headline, HEADER, cost);
        // No emoji: a text with `:fire:` in it is shown as it is.
        let text = json!({ "type": "plain_text", "text": escape(&short), "emoji": false });
        self.blocks.push(json!({ "type": "header", "text": text }));
        if missing {
            self.section("", headline, HEADLINE);
        }
    }

    /// `text` under `title`, cut to `most`; nothing when it is empty.
    fn section(&mut self, title: &str, text: &str, most: usize) {
        if text.is_empty() {
            return;
        }
        let head = if title.is_empty() { String::new() } else { format!("*{title}*\n") };
        let (markup, missing) = self.watched(|message| message.cut(text, most.saturating_sub(head.len())));
        if missing {
            self.goes_on(title, [text]);
        }
        self.push_section(&format!("{head}{markup}"));
    }

    /// `markup` is escaped and below a section's limit.
    pub(super) fn push_section(&mut self, markup: &str) {
        self.blocks.push(json!({ "type": "section", "text": mrkdwn(markup) }));
    }

    /// `markup` is escaped and below an element's limit.
    pub(super) fn context(&mut self, markup: &str) {
        if !markup.is_empty() {
            self.blocks.push(json!({ "type": "context", "elements": [mrkdwn(markup)] }));
        }
    }

    fn read(&mut self, read: &Read) {
        self.section("Impact", &read.impact, IMPACT);
        if let Some((title, cause, claims)) = &read.cause {
            let lines: Vec<Point> =
                std::iter::once(cause.clone().into()).chain(claims.iter().map(|claim| claim.after("• "))).collect();
            self.list(title, &lines, CAUSE);
        }
        let bulleted = |list: &[Point]| list.iter().map(|point| point.after("• ")).collect::<Vec<_>>();
        self.list("It may also be", &bulleted(&read.hypotheses), OTHERS);
        self.list("Ruled out", &bulleted(&read.ruled_out), OTHERS / 2 + 75);
        self.list("Not seen by the model", &bulleted(&read.gaps), OTHERS / 2 - 75 + 25);
    }

    fn findings(&mut self, findings: &[Finding], most: usize) {
        let mut room = most;
        for (shown, finding) in findings.iter().enumerate() {
            let left = findings.len() - shown;
            if room < LEAST || shown == MOST {
                self.shortened.set(true);
                let s = if left == 1 { "finding stands" } else { "findings stand" };
                self.context(&format!("{left} more {s} on the run's page."));
                self.rest.extend(findings.iter().skip(shown).map(in_full));
                return;
            }
            let (markup, missing) = self.watched(|message| message.finding(finding, FINDING.min(room)));
            if missing {
                self.rest.push(in_full(finding));
            }
            room = room.saturating_sub(weight(&markup, cost_escaped));
            self.push_section(&markup);
        }
    }

    fn finding(&self, finding: &Finding, most: usize) -> String {
        let title = self.cut(&finding.title, 220.min(most.saturating_sub(30)));
        let mut markup = format!("{} · {title}", level(finding.severity));
        for (label, text, share) in fields(finding) {
            let head = format!("\n{label}: ");
            let room = most.saturating_sub(weight(&markup, cost_escaped) + head.len());
            if text.is_empty() {
                continue;
            }
            if room < 40 {
                self.shortened.set(true);
                break;
            }
            markup.push_str(&head);
            markup.push_str(&self.cut(text, share.min(room)));
        }
        markup
    }

    /// As many lines as fit, and how many more there are.
    fn list(&mut self, title: &str, lines: &[Point], most: usize) {
        if lines.is_empty() {
            return;
        }
        let (markup, missing) = self.watched(|message| {
            let mut markup = format!("*{title}*");
            for (shown, point) in lines.iter().enumerate() {
                // Room for the last line, which says how many are missing.
                let room = most.saturating_sub(weight(&markup, cost_escaped) + 40);
                if room < 60 {
                    message.shortened.set(true);
                    markup.push_str(&format!("\n… and {} more", lines.len() - shown));
                    break;
                }
                markup.push('\n');
                markup.push_str(&message.kept(point.cut(room.min(300), cost)));
            }
            markup
        });
        if missing {
            self.goes_on(title, lines.iter().map(Point::whole));
        }
        self.push_section(&markup);
    }

    /// What people said of the report, and what they can do: rate what has its last word; where the Command may be run from the
    /// channel, stop the run while it goes on and run again what has ended. Of a channel that is named the id is known when the
    /// message stands, so its buttons come with the first edit ([`gains_a_button`](super::gains_a_button)).
    fn buttons(&mut self, post: &Post<'_>) {
        let run = &post.view.run;
        if let OutletSpec::Slack(spec) = &post.target.spec.outlet
            && run.buttons
        {
            let mut buttons: Vec<Value> = match run.status {
                RunStatus::Concluded => {
                    Mark::ALL.map(|mark| button(run, &format!("rate {}", mark.as_str()), mark.as_str())).into()
                }
                RunStatus::Queued | RunStatus::Running | RunStatus::Failed | RunStatus::Cancelled => vec![],
            };
            let here = super::thread(post.target).map_or(spec.channel.trim(), |(channel, _)| channel);
            if run.asked_from.iter().any(|from| from == here) {
                buttons.push(match run.status.is_terminal() {
                    true => button(run, "again", "run again"),
                    false => button(run, "stop", "stop"),
                });
            }
            if !buttons.is_empty() {
                self.blocks.push(json!({ "type": "actions", "block_id": "firstlook", "elements": buttons }));
            }
        }
        let said = post.view.ratings.iter().map(|said| format!("{} ({})", said.rating.as_str(), line(said.by.who())));
        let said = said.collect::<Vec<_>>().join(", ");
        if !said.is_empty() {
            self.context(&self.cut(&format!("Rated: {said}"), RATED));
        }
    }

    fn footer(&mut self, facts: &[String], post: &Post<'_>) {
        let mut parts = facts.to_vec();
        parts.push(post.view.run.id.to_string());
        let link = match post.link {
            Some(link) if self.shortened.get() => format!(" · <{}|Shortened: open the whole RunSession>", escape(link)),
            Some(link) => format!(" · <{}|Open the RunSession>", escape(link)),
            None => String::new(),
        };
        let previous =
            post.previous.map(|link| format!(" · <{}|Open the last look>", escape(link))).unwrap_or_default();
        let link = format!("{link}{previous}");
        let room = FOOTER.saturating_sub(weight(&link, cost_escaped)).max(60);
        let markup = format!("{}{link}", self.cut(&parts.join(" · "), room));
        self.context(&markup);
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "🔴 *Critical*",
        Severity::Major => "🟠 *Major*",
        Severity::Minor => "🟡 *Minor*",
        Severity::Informational => "🔵 *For information*",
    }
}

/// What is said of a finding, and how much of it in the run's message.
fn fields(finding: &Finding) -> [(&'static str, &String, usize); 6] {
    [
        ("Expected", &finding.expected, 250),
        ("Found", &finding.actual, 250),
        ("Seen by", &finding.seen, 350),
        ("Resource", &finding.resource, 150),
        ("Details", &finding.details, 600),
        ("Reproduce", &finding.reproduce, 250),
    ]
}

/// The whole of a finding.
fn in_full(finding: &Finding) -> Vec<String> {
    let mut lines = rest::pieces(&format!("{} · {}", level(finding.severity), finding.title));
    for (label, text, _) in fields(finding).into_iter().filter(|(_, text, _)| !text.is_empty()) {
        lines.extend(rest::pieces(&format!("{label}: {text}")));
    }
    lines
}

/// A button that does `act`. Its value is the run's id, which nobody can guess; whether it may be used is decided where the runs are.
fn button(run: &Run, act: &str, text: &str) -> Value {
    json!({
        "type": "button",
        "action_id": format!("firstlook_{}", act.replace(' ', "_")),
        "text": { "type": "plain_text", "text": capital(text), "emoji": false },
        "value": run.id,
    })
}

/// `Spot on`.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn bullets(checks: &[Check]) -> Vec<Point> {
    let line = |check: &Check| match check.outcome.as_str() {
        "" => format!("• {}", check.title),
        outcome => format!("• {}: {outcome}", check.title),
    };
    checks.iter().map(|check| line(check).into()).collect()
}

fn numbered(steps: &[String]) -> Vec<Point> {
    steps.iter().enumerate().map(|(at, step)| format!("{}. {step}", at + 1).into()).collect()
}

/// Verbatim: Slack makes no links, mentions or channels of what looks like one. What is in angle brackets it always reads,
/// and `escape` leaves none but ours.
fn mrkdwn(markup: &str) -> Value {
    json!({ "type": "mrkdwn", "text": markup, "verbatim": true })
}

/// The three characters by which text becomes a mention (`<!channel>`), a user or a link.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What a character costs of Slack's limits once it is escaped, counted the way that gives the most.
pub(super) fn cost(c: char) -> usize {
    match c {
        '&' => 5,
        '<' | '>' => 4,
        other => other.len_utf16(),
    }
}

/// What a character that is escaped already costs.
pub(super) fn cost_escaped(c: char) -> usize {
    c.len_utf16()
}
