//! `lambda`: the team's own function, in any language. What it gets and gives is [`LambdaEvent`] and [`LambdaAnswer`].
//!
//! Invoke (docs.aws.amazon.com/lambda/latest/api/API_Invoke.html) waits for the answer, since no other type is asked for. This is the
//! one kind whose effect Firstlook does not know; the Task has to say by the function's name that it has none.

#[cfg(test)]
mod tests;

use awscall::AwsRequest;
use catalog::model::{LambdaAnswer, LambdaEvent, LambdaRun};
use engine::{Answer, Called};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    aws::{Cloud, named},
    common::{counted, limit, one_line},
    signed::{self, Notes, Signed, short, text},
};

/// The most bytes that a function is told.
const EVENT_CAP: usize = 64 * 1024;
/// The most bytes that it may say.
const ANSWER_CAP: usize = 256 * 1024;
/// The most findings.
const FINDINGS: usize = 50;
/// How long a summary and a title may be, in characters.
const LINE: usize = 500;

pub(crate) async fn call(cloud: &Cloud, run: &LambdaRun<String>) -> Called {
    let request = signed::request(
        "lambda:InvokeFunction",
        run.account.as_ref(),
        json!({"function": run.function, "qualifier": run.qualifier, "inputs": run.inputs}),
    );
    Called { request, answer: invoke(cloud, run).await }
}

async fn invoke(cloud: &Cloud, run: &LambdaRun<String>) -> Result<Answer, String> {
    // `check` has said so already; a catalog that was compiled by hand is refused here too (I7).
    if run.read_only != run.function {
        return Err(format!("the Task does not say that `{}` is read-only", run.function));
    }
    let started = Instant::now();
    let limit = limit(run.timeout);
    let event = LambdaEvent {
        firstlook: 1,
        inputs: run.inputs.clone(),
        deadline_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
    };
    let event = serde_json::to_value(event).map_err(|error| error.to_string())?;
    let length = event.to_string().len();
    if length > EVENT_CAP {
        return Err(format!("the inputs have {length} bytes: at most {EVENT_CAP}"));
    }
    let there = cloud.at(run.place())?;
    let signed = Signed::new(&there, limit);
    let path = format!("/2015-03-31/functions/{}/invocations", catalog::encoded(&run.function));
    let query: Vec<(&str, &str)> = run.qualifier.iter().map(|one| ("Qualifier", one.as_str())).collect();
    let request = AwsRequest::Rest {
        service: "lambda",
        signing: "lambda",
        method: "POST",
        path: &path,
        query: &query,
        body: Some(&event),
    };
    let denied = |error| signed.reason(&named(error, "lambda:InvokeFunction"));
    let answered = signed.answer(&request).await.map_err(denied)?;
    let header = |name: &str| answered.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !header("x-amz-function-error").is_empty() {
        return Err(failed(&run.function, header("x-amz-function-error"), &answered.body));
    }
    let length = answered.body.to_string().len();
    if length > ANSWER_CAP {
        return Err(format!("`{}` answered {length} bytes: at most {ANSWER_CAP}", run.function));
    }
    // What serde says of it repeats the names of its keys.
    LambdaAnswer::deserialize(&answered.body)
        .map_err(|error| one_line(&error.to_string(), LINE))
        .and_then(|answer| said(answer, header("x-amz-executed-version"), started))
        .map_err(|why| format!("`{}` did not answer by the contract (docs/tasks/lambda.md): {why}", run.function))
}

/// Why the function gave no answer, in its own words. Its stack trace is in its log.
fn failed(function: &str, kind: &str, body: &Value) -> String {
    let (error, message) = (text(body, "errorType"), short(body, "errorMessage", LINE));
    let kind = if error.is_empty() { kind } else { error };
    format!("`{function}` failed with {}: {message}", one_line(kind, LINE))
}

fn said(answer: LambdaAnswer, version: &str, started: Instant) -> Result<Answer, String> {
    let LambdaAnswer { summary, mut findings, data } = answer;
    if summary.trim().is_empty() {
        return Err("`summary` is empty".to_owned());
    }
    if findings.iter().any(|finding| finding.title.trim().is_empty()) {
        return Err("a finding has no `title`".to_owned());
    }
    if findings.len() > FINDINGS {
        return Err(format!("there are {} findings: at most {FINDINGS}", findings.len()));
    }
    findings.sort_by_key(|finding| u8::from(finding.severity));
    let worst = findings.first().map(|finding| u8::from(finding.severity));
    for finding in &mut findings {
        finding.title = one_line(&finding.title, LINE);
    }
    let total = findings.len();
    let summary = one_line(&summary, LINE);
    let result = json!({
        "summary": summary,
        "data": data,
        "findings": findings,
        "findings_total": total,
        "worst": worst,
        "version": one_line(version, LINE),
    });
    let summary = format!("{summary} ({})", counted(total, "finding", "findings"));
    Ok(Answer { summary, result: signed::ended(result, Notes::default(), started) })
}
