//! What the systems that Tasks ask answer.

use crate::line;

/// What of an answer is kept at the most, in bytes: 50 series of 200 points, and names that are long.
const RESULT_CAP: usize = 4;

/// The first line is the status, with ` range` behind it for a range; the rest is the body.
pub fn promql_answer(data: &[u8]) {
    let (head, body) = line(data);
    let (status, kind) = head.split_once(' ').unwrap_or((head, ""));
    let status = status.parse().unwrap_or(200);
    let result = tasks::fuzzing::promql_answer(status, body, kind == "range");
    match result {
        Ok(result) => {
            assert!((200..300).contains(&status));
            let series = result["series"].as_array().expect("series");
            assert!(series.len() <= 50);
            assert!(series.iter().all(|one| one["points"].as_array().is_none_or(|points| points.len() <= 200)));
            assert!(result.to_string().len() <= RESULT_CAP * body.len() + 10_000);
        }
        Err(reason) => assert!(!reason.is_empty() && reason.len() < 4_000),
    }
}

/// The first line is the content type, the rest the body.
pub fn http_answer(data: &[u8]) {
    let (content_type, body) = line(data);
    for more in [false, true] {
        let (text, json) = tasks::fuzzing::http_answer(content_type, body, more);
        assert!(text.len() <= body.len().max(1_000) * 3 && !text.contains('\0'));
        assert!(!more || json.is_null(), "half a body is no JSON");
    }
}

/// A certificate in DER.
pub fn certificate(data: &[u8]) {
    let shown = tasks::fuzzing::certificate(data);
    assert!(shown.to_string().len() <= 100_000);
}
