//! The newest RunSessions of a channel, as text.

use domain::{Run, Shown};
use jiff::Timestamp;

use super::escape;
use crate::{summary, text::cut};

/// How much is shown of a run's answer, in characters.
const HEADLINE: usize = 200;

/// `runs`, each with the link to its page where there is one, for who asked for them.
#[must_use]
pub fn newest(runs: Vec<(Run, Option<String>)>, days: u32, now: Timestamp) -> String {
    if runs.is_empty() {
        return format!("This channel has no RunSession of the last {days} days.");
    }
    let mut lines = vec!["The newest RunSessions of this channel:".to_owned()];
    for (run, link) in runs {
        let link = link.map(|link| format!(" · <{}|Open>", escape(&link))).unwrap_or_default();
        let age = summary::length(now.duration_since(run.created_at));
        let status = run.status.as_str();
        let view = Shown { run, steps: vec![], ratings: vec![] };
        let (headline, _) = cut(&summary::headline(&view), HEADLINE, |_| 1);
        let about = summary::about(&view).join(" · ");
        lines.push(format!("• *{}*\n    {} · {status} · {age} ago{link}", escape(&headline), escape(&about)));
    }
    lines.join("\n")
}
