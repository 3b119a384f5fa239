//! A RunSession as JSON: its evidence and its raw parts make it no larger than a function may answer.

use domain::{Attachment, Cut, RunView, Step};
use serde::Serialize;

/// The most bytes of the JSON within the function's answer. Lambda takes 6 MB (6,291,456 bytes; AWS Lambda quotas, synchronous
/// invocation); some is left for what is around it, and for the indents that [`in_answer`] does not see.
const MOST: usize = 6_000_000;

/// What it takes to say that evidence was left out.
const CUT: usize = 120;

/// The RunSession, with as much of its evidence as fits: first that of steps that found something, then in plan order. A step whose
/// evidence does not fit says so in its `cut`. Then as many raw parts of its events: the opening one's, and then the newest.
#[derive(Debug, Serialize)]
pub(crate) struct Whole {
    #[serde(flatten)]
    view: RunView,
    /// Of how many steps the evidence is recorded and left out here.
    evidence_left_out: usize,
    /// How many raw parts are recorded and left out here.
    raws_left_out: usize,
}

impl Whole {
    pub fn of(mut view: RunView) -> Self {
        let raws: Vec<_> = view.events.iter_mut().map(|event| event.raw.take()).collect();
        let data: Vec<_> = view.steps.iter_mut().map(|step| std::mem::take(&mut step.evidence.data)).collect();
        let mut room = MOST.saturating_sub(in_answer(&view));
        let mut telling_first: Vec<(&mut Step, _)> = view.steps.iter_mut().zip(data).collect();
        telling_first.sort_by_key(|(step, _)| step.issues.is_empty());
        let mut evidence_left_out = 0;
        for (step, data) in telling_first {
            let whole = in_answer(&data);
            match room.checked_sub(whole) {
                Some(rest) => {
                    room = rest;
                    step.evidence.data = data;
                }
                None => {
                    evidence_left_out += 1;
                    let total = step.evidence.cut.map_or(data.to_string().len(), |cut| cut.total);
                    step.evidence.cut = Some(Cut { kept: 0, total });
                    room = room.saturating_sub(CUT);
                }
            }
        }
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
        Self { view, evidence_left_out, raws_left_out }
    }
}

/// How many bytes `value` takes in the function's answer, whose body is the JSON as a text: what JSON escapes is escaped
/// twice, so a quote within a raw part takes four bytes, and a control character seven.
fn in_answer(value: &impl Serialize) -> usize {
    let body = serde_json::to_string_pretty(value);
    body.and_then(|body| serde_json::to_string(&body)).map_or(usize::MAX, |text| text.len())
}
