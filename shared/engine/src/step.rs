//! Takes one step: renders the call, makes it, and reads the result.

use catalog::{
    bind,
    expr::{ExprError, Scope, Template},
    model::{RunSpec, Slot},
};
use domain::{Evidence, Outcome, Step};
use jiff::Timestamp;
use ports::Clock;
use serde_json::{Value, json};

use crate::{CallTask, Redactor, evidence, findings, plan::Planned, redact};

/// The most of a stored request, in bytes of JSON.
const REQUEST_CAP: usize = 8 * 1024;

/// Takes the step of `planned`. `scope` has `alert`, `params` and `steps`. Never fails: what went wrong is the step.
pub async fn take(
    planned: &Planned<'_>,
    scope: Scope,
    tasks: &dyn CallTask,
    clock: &dyn Clock,
    redactor: &Redactor,
) -> Step {
    let started_at = clock.now();
    let started = tokio::time::Instant::now();
    let mut step = begun(planned, started_at);
    fill(&mut step, planned, scope, tasks, started_at, redactor).await;
    step.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    step
}

/// The step of `planned` before anything came of it.
pub fn begun(planned: &Planned<'_>, started_at: Timestamp) -> Step {
    Step {
        id: planned.id.clone(),
        index: planned.index,
        title: planned.task.description.clone().unwrap_or_else(|| planned.task.name.to_string()),
        task: planned.task.name.clone(),
        kind: planned.task.run.kind().to_owned(),
        resource: planned.slx.map(ToString::to_string).unwrap_or_default(),
        started_at,
        elapsed_ms: 0,
        outcome: Outcome::Ok,
        request: Value::Null,
        evidence: Evidence::default(),
        issues: vec![],
    }
}

async fn fill(
    step: &mut Step,
    planned: &Planned<'_>,
    scope: Scope,
    tasks: &dyn CallTask,
    now: Timestamp,
    redactor: &Redactor,
) {
    for when in &planned.when {
        match when.holds(&scope) {
            Ok(true) => {}
            Ok(false) => {
                step.outcome = Outcome::Skipped { reason: format!("not needed: `{}` is false", when.source()) };
                return;
            }
            Err(error) => return fail(step, &error.to_string().replace('\n', " "), now),
        }
    }
    let task = planned.task;
    let inputs = match bind(&task.inputs, planned.with, &scope) {
        Ok(inputs) => Value::Object(inputs),
        Err(errors) => {
            let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
            return fail(step, &text.join("; ").replace('\n', " "), now);
        }
    };
    let scope = scope.with("inputs", &inputs);
    // The call sees its inputs and nothing else: no alert text beside the typed, validated parameters (I8).
    let narrow = Scope::new().with("inputs", &inputs);
    let rendered = task.title.render(&narrow).and_then(|title| {
        let resource = task.resource.as_ref().map(|text| text.render(&narrow)).transpose()?;
        Ok((title, resource, spec(&task.run, &narrow)?))
    });
    let call = match rendered {
        Ok((title, resource, call)) => {
            step.title = findings::cap(redactor.text(&title).into_owned(), findings::TITLE_CAP);
            if let Some(resource) = resource {
                step.resource = findings::cap(redactor.text(&resource).into_owned(), findings::FIELD_CAP);
            }
            call
        }
        Err(error) => return fail(step, &error.to_string().replace('\n', " "), now),
    };
    let called = tasks.call(&call).await;
    let mut request = called.request;
    redactor.value(&mut request);
    step.request = cap_request(&request);
    let answer = match called.answer {
        Ok(answer) => answer,
        Err(reason) => return fail(step, &redactor.text(&reason), now),
    };
    let mut result = answer.result;
    redactor.value(&mut result);
    let cut = evidence::cap(&mut result);
    // The rules see what is stored, so that whatever an Issue says can be looked up.
    let seen = scope.with("result", &result);
    step.issues = findings::issues(task, &seen, &step.resource, &request, now);
    let summary = findings::cap(redactor.text(&answer.summary).into_owned(), findings::LINE_CAP);
    step.evidence = Evidence { summary, data: result, cut };
}

fn fail(step: &mut Step, reason: &str, now: Timestamp) {
    let (reason, advice) = reason.split_once('\n').unwrap_or((reason, ""));
    let reason = findings::cap(redact::text(reason).into_owned(), findings::LINE_CAP);
    let advice: Vec<String> = advice.lines().map(|line| redact::text(line).into_owned()).collect();
    step.issues = vec![findings::unmade(&step.title, &reason, advice, &step.resource, now)];
    step.outcome = Outcome::Failed { reason };
}

/// `request` as it is stored: whole, or the beginning of its JSON as text.
fn cap_request(request: &Value) -> Value {
    let text = request.to_string();
    if text.len() <= REQUEST_CAP { request.clone() } else { Value::String(findings::cap(text, REQUEST_CAP)) }
}

/// The call with its values in place. A value fills the place it was given and no more: in a URL it is one encoded
/// piece, in a query the literal value of a label.
fn spec(run: &RunSpec<Template>, scope: &Scope) -> Result<RunSpec<String>, ExprError> {
    run.try_map(|slot, template| match slot {
        // A template that is one value and nothing else is the catalog's own URL, whole.
        Slot::Url if template.source().starts_with("${{") && template.parts()?.len() == 1 => template.render(scope),
        Slot::Url => template.render_with(scope, catalog::encoded),
        Slot::Query => catalog::query(template, scope),
        Slot::LogQl => catalog::logql(template, scope),
        Slot::LogsInsights => catalog::insights(template, scope),
        Slot::Text => template.render(scope),
    })
}

/// What later steps see of this one as `steps.<id>`.
#[must_use]
pub fn seen(step: &Step) -> Value {
    let outcome = match &step.outcome {
        Outcome::Ok => "ok",
        Outcome::Failed { .. } => "failed",
        Outcome::Skipped { .. } => "skipped",
    };
    json!({
        "outcome": outcome,
        "summary": step.evidence.summary,
        "result": step.evidence.data,
        "issues": step.issues,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers with a body that fills the evidence, to a request as large.
    struct Big;

    #[async_trait::async_trait]
    impl CallTask for Big {
        async fn call(&self, _: &RunSpec<String>) -> crate::Called {
            let rows = vec!["y".repeat(1000); 200];
            let result = json!({"body": "x".repeat(16 * 1024), "rows": rows});
            let answer = crate::Answer { summary: "s".repeat(9000), result };
            crate::Called { request: json!({"url": "u".repeat(64 * 1024)}), answer: Ok(answer) }
        }
    }

    impl Clock for Big {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
    }

    #[tokio::test]
    async fn a_step_stays_far_below_an_items_limit_whatever_it_saw() {
        let (task, with) = (findings::tests::verbose(30), catalog::model::Bindings::default());
        let id = domain::StepId::new("look");
        let planned = Planned { id, index: 0, task: &task, with: &with, needs: vec![], when: vec![], slx: None };
        let step = take(&planned, Scope::new(), &Big, &Big, &Redactor::default()).await;
        let length = serde_json::to_string(&step).unwrap().len();
        assert_eq!(step.outcome, Outcome::Ok);
        assert!(step.evidence.cut.is_some() && step.request.is_string() && step.issues.len() > 2);
        assert!(length < 200_000, "{length}");
    }

    #[test]
    fn a_long_request_is_stored_as_the_beginning_of_its_text() {
        let small = json!({"method": "POST", "query": "up"});
        assert_eq!(cap_request(&small), small);
        let cut = cap_request(&json!({"query": "\"".repeat(50_000)}));
        assert!(cut.as_str().unwrap().starts_with("{\"query\":") && cut.as_str().unwrap().ends_with('…'));
        assert!(cut.to_string().len() <= REQUEST_CAP + 2, "its quotes beside it");
    }

    #[test]
    fn i8_a_value_in_a_url_is_one_piece_of_it() {
        let scope = Scope::new().with("inputs", &json!({"id": "../admin?x=1#y@evil.example/", "up": ".."}));
        let run: RunSpec<Template> = serde_json::from_value(
            json!({"http": {"url": "https://api.internal/orders/${{ inputs.id }}/${{ inputs.up }}"}}),
        )
        .unwrap();
        let RunSpec::Http(call) = spec(&run, &scope).unwrap() else { panic!("not http") };
        assert_eq!(call.url, "https://api.internal/orders/..%2Fadmin%3Fx%3D1%23y%40evil.example%2F/%252E%252E");
    }

    #[test]
    fn i8_a_value_in_a_query_stays_inside_its_quotes() {
        let scope = Scope::new().with("inputs", &json!({"ns": "a\"} or vector(1) #", "all": ".*"}));
        let run: RunSpec<Template> = serde_json::from_value(json!({"promql": {
            "url": "http://prom:9090",
            "query": r#"up{namespace="${{ inputs.ns }}", pod=~"${{ inputs.all }}-.+"}"#,
        }}))
        .unwrap();
        let RunSpec::Promql(call) = spec(&run, &scope).unwrap() else { panic!("not promql") };
        assert_eq!(call.query, r#"up{namespace="a\"} or vector(1) #", pod=~"\\.\\*-.+"}"#);
    }
}
