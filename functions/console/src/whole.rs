//! A RunSession as JSON: its raw parts make it no larger than a function may answer.

use domain::{Attachment, RunView};
use serde::Serialize;

/// The most bytes of the JSON within the function's answer. Lambda takes 6 MB (6,291,456 bytes; AWS Lambda quotas, synchronous
/// invocation); some is left for what is around it, and for the indents that [`in_answer`] does not see.
const MOST: usize = 6_000_000;

/// The RunSession, with as many raw parts of its events as fit: the opening one's, and then the newest.
#[derive(Debug, Serialize)]
pub(crate) struct Whole {
    #[serde(flatten)]
    view: RunView,
    /// How many raw parts are recorded and left out here.
    raws_left_out: usize,
}

impl Whole {
    pub fn of(mut view: RunView) -> Self {
        let raws: Vec<_> = view.events.iter_mut().map(|event| event.raw.take()).collect();
        let mut room = MOST.saturating_sub(in_answer(&view));
        let mut newest_first: Vec<_> = view.events.iter_mut().zip(raws).rev().collect();
        newest_first.sort_by_key(|(event, _)| event.attachment != Attachment::Opened);
        let mut raws_left_out = 0;
        for (event, raw) in newest_first {
            let Some(raw) = raw else { continue };
            match room.checked_sub(in_answer(&raw)) {
                Some(rest) => {
                    room = rest;
                    event.raw = Some(raw);
                }
                None => raws_left_out += 1,
            }
        }
        Self { view, raws_left_out }
    }
}

/// How many bytes `value` takes in the function's answer, whose body is the JSON as a text: what JSON escapes is escaped
/// twice, so a quote within a raw part takes four bytes, and a control character seven.
fn in_answer(value: &impl Serialize) -> usize {
    let body = serde_json::to_string_pretty(value);
    body.and_then(|body| serde_json::to_string(&body)).map_or(usize::MAX, |text| text.len())
}
