//! The error patterns of log groups, held against a baseline.

use awscall::AwsError;
use catalog::model::{CloudwatchLogsRun, LogPatterns};
use engine::Answer;
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Window, answer};
use crate::{
    common::{counted, number},
    patterns::{Line, Pattern, mine},
    signed::{Notes, Signed, list, shown as moment, text, whole},
};

/// How many lines of the window, and as many of the baseline, are read.
const LINES: usize = 5000;
/// How many bytes of each.
const BYTES: usize = 8 * 1024 * 1024;
/// How many pages of one log group: one without lines may follow the other.
const PAGES: usize = 100;

/// Lines that speak of failure, whatever wrote them. Filter patterns heed the case; `?` is "or".
const FAILURE: &str = "?ERROR ?Error ?error ?FATAL ?Fatal ?fatal ?CRITICAL ?Exception ?exception ?PANIC ?panic ?Traceback \
                       ?\"timed out\" ?SEVERE";

/// What is looked for when a Task says nothing.
pub(super) fn usual() -> LogPatterns {
    LogPatterns { filter: None, baseline: None, field: None, top: 20 }
}

fn filter(patterns: &LogPatterns) -> &str {
    patterns.filter.as_deref().unwrap_or(FAILURE)
}

/// The parameters, for the record.
pub(super) fn shown(
    run: &CloudwatchLogsRun<String>,
    patterns: &LogPatterns,
    window: &Window,
    baseline: &Window,
) -> Value {
    json!({
        "logGroups": run.log_groups,
        "filterPattern": filter(patterns),
        "window": window.shown(),
        "baseline": baseline.shown(),
    })
}

pub(super) async fn call(
    signed: Signed<'_>,
    run: &CloudwatchLogsRun<String>,
    patterns: &LogPatterns,
    window: &Window,
    baseline: &Window,
) -> Result<Answer, String> {
    let begun = Instant::now();
    // What is left when the lines are read, for the mining.
    let asking = signed.spare(signed.left() / 20);
    let read = |window: Window| read(&asking, run, filter(patterns), window);
    let (now, before) = tokio::join!(read(*window), read(*baseline));
    let now = now.map_err(|error| signed.reason(&error))?;
    let mut notes = Notes::default();
    let (before, compared) = match before {
        Ok(before) => (before, true),
        Err(error) => {
            notes
                .say(format!("the baseline could not be read, so nothing is known to be new: {}", signed.note(&error)));
            (Read::default(), false)
        }
    };
    for (read, what) in [(&now, "window"), (&before, "baseline")] {
        if read.truncated {
            notes.say(format!(
                "the {what} was read to its {} %: {} lines; counts are of what was read, ratios are per time",
                number((read.covered * 100.0).round()),
                read.lines.len(),
            ));
        }
    }
    let field = patterns.field.clone();
    // Up to 16 MiB of lines: the lease is renewed meanwhile, and the other checks go on.
    let mining = tokio::task::spawn_blocking(move || {
        let lines = now.lines.iter().map(|line| (line, false)).chain(before.lines.iter().map(|line| (line, true)));
        let lines = lines.map(|(line, before)| Line { at_ms: line.0, text: &line.1, before });
        let mined = mine(lines, field.as_deref());
        (now, before, mined)
    });
    let (now, before, mined) = mining.await.map_err(|error| format!("the lines could not be mined: {error}"))?;
    // A count of the baseline, as long as what was read of the window.
    let scale = (window.seconds() * now.covered) / (baseline.seconds() * before.covered).max(1.0);
    let mut judged: Vec<Judged> = mined
        .into_iter()
        .filter(|pattern| pattern.count > 0)
        .map(|pattern| Judged::new(pattern, scale, compared && !before.truncated))
        .collect();
    judged.sort_by(|one, other| other.rank().partial_cmp(&one.rank()).unwrap_or(std::cmp::Ordering::Equal));
    let (total, new) = (judged.len(), judged.iter().filter(|judged| judged.new).count());
    let grown = judged.iter().filter(|judged| judged.ratio.is_some_and(|ratio| ratio > 1.5)).count();
    let top = usize::try_from(patterns.top).unwrap_or(usize::MAX);
    if total > top {
        notes.say(format!("the first {top} of {total} patterns are kept"));
    }
    let summary = format!(
        "{} in {}: {new} new, {grown} grown",
        counted(total, "pattern", "patterns"),
        counted(now.lines.len(), "line", "lines"),
    );
    let result = json!({
        "patterns": judged.iter().take(top).map(Judged::shown).collect::<Vec<_>>(),
        "patterns_total": total,
        "new_total": new,
        "lines": now.lines.len(),
        "lines_before": before.lines.len(),
        "truncated": now.truncated || before.truncated || !compared,
    });
    Ok(answer(summary, result, notes, begun))
}

/// What was read of one window.
struct Read {
    /// Milliseconds of the epoch, and the line.
    lines: Vec<(i64, String)>,
    truncated: bool,
    /// How much of the window was read, up to 1.
    covered: f64,
}

impl Default for Read {
    fn default() -> Self {
        Self { lines: Vec::new(), truncated: false, covered: 1.0 }
    }
}

/// The lines of all log groups in a window, side by side, each with its share of what may be read.
async fn read(
    asking: &Signed<'_>,
    run: &CloudwatchLogsRun<String>,
    filter: &str,
    window: Window,
) -> Result<Read, AwsError> {
    let share = run.log_groups.len().max(1);
    let groups = run.log_groups.iter().map(|group| group_lines(asking, group, filter, window, share));
    let mut whole = Read::default();
    for read in join_all(groups).await {
        let read = read?;
        whole.lines.extend(read.lines);
        whole.truncated |= read.truncated;
        whole.covered = whole.covered.min(read.covered);
    }
    Ok(whole)
}

/// Pages come oldest first, so what is cut is the end of the window.
async fn group_lines(
    asking: &Signed<'_>,
    group: &str,
    filter: &str,
    window: Window,
    share: usize,
) -> Result<Read, AwsError> {
    let name = if group.starts_with("arn:") { "logGroupIdentifier" } else { "logGroupName" };
    let mut body = json!({
        name: group,
        "filterPattern": filter,
        "startTime": window.from.as_millisecond(),
        // The end belongs to it; the next window begins there.
        "endTime": window.until.as_millisecond().saturating_sub(1),
    });
    let mut read = Read::default();
    let mut bytes = 0;
    for page in 0.. {
        let answer = match asking.json("logs", "Logs_20140328.FilterLogEvents", &body).await {
            Ok(answer) => answer,
            // What came before the time was over counts.
            Err(AwsError::TimedOut { .. } | AwsError::Throttled { .. }) if page > 0 => {
                return Ok(read.cut(window));
            }
            Err(error) => return Err(error),
        };
        for event in list(&answer, "events") {
            let line = text(event, "message");
            bytes += line.len();
            if read.lines.len() >= LINES / share || bytes > BYTES / share {
                return Ok(read.cut(window));
            }
            read.lines.push((whole(event, "timestamp"), line.to_owned()));
        }
        let next = text(&answer, "nextToken");
        if next.is_empty() {
            break;
        }
        if page + 1 == PAGES || asking.left().is_zero() {
            return Ok(read.cut(window));
        }
        if let Some(body) = body.as_object_mut() {
            body.insert("nextToken".to_owned(), Value::from(next));
        }
    }
    Ok(read)
}

impl Read {
    /// The same, known to be a part: as far as its last line.
    fn cut(mut self, window: Window) -> Self {
        self.truncated = true;
        let last = self.lines.iter().map(|(at, _)| *at).max();
        #[expect(clippy::cast_precision_loss, reason = "a window of a week has 600 million milliseconds")]
        let reached = last.map_or(0, |last| last.saturating_sub(window.from.as_millisecond())) as f64 / 1000.0;
        self.covered = (reached / window.seconds().max(1.0)).clamp(0.001, 1.0);
        self
    }
}

/// A pattern held against the baseline.
struct Judged {
    pattern: Pattern,
    new: bool,
    /// How many times as often as in the baseline.
    ratio: Option<f64>,
    /// How many more than the baseline lets expect.
    growth: f64,
}

impl Judged {
    #[expect(clippy::cast_precision_loss, reason = "there are at most thousands of lines")]
    fn new(pattern: Pattern, scale: f64, compared: bool) -> Self {
        let expected = pattern.before as f64 * scale;
        let ratio = (pattern.before > 0).then(|| (pattern.count as f64 / expected.max(1e-6) * 100.0).round() / 100.0);
        Self { new: compared && pattern.before == 0, ratio, growth: pattern.count as f64 - expected, pattern }
    }

    /// New ones first, then by how much they grew.
    fn rank(&self) -> (bool, f64) {
        (self.new, self.growth)
    }

    fn shown(&self) -> Value {
        json!({
            "template": self.pattern.template,
            "count": self.pattern.count,
            "before": self.pattern.before,
            "new": self.new,
            "ratio": self.ratio.map_or(Value::Null, number),
            "first_at": moment(self.pattern.first_ms.and_then(|at| Timestamp::from_millisecond(at).ok())),
            "sample": self.pattern.sample,
        })
    }
}
