//! Tasks: what they call, and what they say of it.

use std::{collections::BTreeMap, time::Duration};

use super::{Desk, Spot, auth, aws, floor, kinds, names::Variables, parameters, types};
use crate::{
    bind::accept,
    expr::{Expression, Part, Template},
    headers::{ROUTING, refused_header},
    model::{Parameter, ParameterType, PromqlRange, RunSpec, Span, Task},
    problem::Code,
    promql::{self, Language, Place},
    schema::DocKind,
};

/// The longest that one call may take.
const TIMEOUT_LIMIT: Duration = Duration::from_secs(30);

/// The most points of a range query: Prometheus itself answers no more than 11 000.
const POINT_LIMIT: u128 = 11_000;

/// The shortest title that can name a thing and what is wrong with it, in characters.
const TITLE_LEAST: usize = 8;

pub(super) type Inputs = BTreeMap<String, Parameter>;

pub(super) fn check(desk: &mut Desk<'_>) {
    let catalog = desk.catalog;
    for (name, task) in &catalog.tasks {
        let spot = Spot::new(DocKind::Task, name);
        let before = desk.problems.len();
        parameters::check(desk, &spot.to("inputs"), &task.inputs);
        let mut variables = Variables::new([("inputs", types::parameters(&task.inputs))]);
        let title = "say it with the inputs: it is shown before there is a result";
        variables.beyond = Some((Code::CallBeyondInputs, title));
        desk.template(&spot.to("title"), &task.title, &variables);
        if let Some(resource) = &task.resource {
            desk.template(&spot.to("resource"), resource, &variables);
        }
        run(desk, &spot, task, &mut variables);
        issues(desk, &spot, task);
        // How well a text helps is asked when it is right.
        if desk.problems.len() == before {
            floor::check(desk, &spot, task);
        }
    }
}

fn run(desk: &mut Desk<'_>, spot: &Spot<'_>, task: &Task, variables: &mut Variables) {
    let help = "declare an input, and give it its value in the Command's `with`";
    variables.beyond = Some((Code::CallBeyondInputs, help));
    let inputs = &task.inputs;
    let spot = spot.to("run").to(task.run.kind());
    let text = |desk: &mut Desk<'_>, spot: &Spot<'_>, template: &Template| {
        let before = desk.problems.len();
        desk.template(spot, template, variables);
        desk.problems.len() == before
    };
    let timeout = match &task.run {
        RunSpec::Http(run) => {
            let at = spot.to("url");
            if text(desk, &at, &run.url) {
                url(desk, &at, &run.url, inputs);
            }
            let headers = spot.to("headers");
            for (header, value) in &run.headers {
                let at = headers.key(header);
                if let Some(why) = refused_header(header) {
                    let message = format!("the header `{}` is not sent: {why}", crate::bind::cut(header));
                    desk.report(&at, Code::BadValue, message, "leave it out");
                } else if text(desk, &at, value) && ROUTING.contains(&header.to_ascii_lowercase().as_str()) {
                    routing(desk, &at, value, inputs);
                }
            }
            auth::check(desk, &spot, run.auth.as_ref(), &run.headers);
            run.timeout
        }
        RunSpec::Promql(run) => {
            let at = spot.to("url");
            if text(desk, &at, &run.url) {
                url(desk, &at, &run.url, inputs);
            }
            let at = spot.to("query");
            if text(desk, &at, &run.query) {
                query(desk, &at, Language::PromQl, &run.query, inputs);
            }
            range(desk, &spot.to("range"), run.range.as_ref());
            auth::check(desk, &spot, run.auth.as_ref(), &BTreeMap::new());
            run.timeout
        }
        RunSpec::Dns(run) => {
            let at = spot.to("name");
            if text(desk, &at, &run.name) {
                host(desk, &at, &run.name, inputs);
            }
            run.timeout
        }
        RunSpec::Tcp(run) => {
            for (key, template) in [("host", &run.host), ("port", &run.port)] {
                let at = spot.to(key);
                if text(desk, &at, template) {
                    if key == "host" { host(desk, &at, template, inputs) } else { port(desk, &at, template, inputs) }
                }
            }
            run.timeout
        }
        RunSpec::Tls(run) => {
            let names = [("host", Some(&run.host)), ("server_name", run.server_name.as_ref())];
            for (key, template) in names.into_iter().filter_map(|(key, template)| Some((key, template?))) {
                let at = spot.to(key);
                if text(desk, &at, template) {
                    host(desk, &at, template, inputs);
                }
            }
            let at = spot.to("port");
            if text(desk, &at, &run.port) {
                port(desk, &at, &run.port, inputs);
            }
            run.timeout
        }
        RunSpec::Loki(run) => {
            kinds::loki::check(desk, &spot, run, inputs, &text);
            run.timeout
        }
        RunSpec::Kubernetes(run) => {
            kinds::kubernetes::check(desk, &spot, run, &text);
            run.timeout
        }
        RunSpec::Pagerduty(run) => {
            kinds::pagerduty::check(desk, &spot, run, inputs, &text);
            run.timeout
        }
        RunSpec::Github(run) => {
            kinds::github::check(desk, &spot, run, inputs, &text);
            run.timeout
        }
        RunSpec::AwsApi(run) => {
            let parameters = spot.to("parameters");
            aws::texts(&parameters, &run.parameters, &mut |at, template| {
                text(desk, at, template);
            });
            aws::api(desk, &spot, run);
            run.timeout
        }
        RunSpec::CloudwatchMetrics(run) => {
            for (key, template) in
                [("namespace", Some(&run.namespace)), ("metric", Some(&run.metric)), ("at", run.at.as_ref())]
            {
                if let Some(template) = template {
                    text(desk, &spot.to(key), template);
                }
            }
            for (name, value) in &run.dimensions {
                text(desk, &spot.to("dimensions").key(name), value);
            }
            aws::metrics(desk, &spot, run);
            run.timeout
        }
        RunSpec::CloudwatchAlarms(run) => {
            for (key, template) in [("name", run.name.as_ref()), ("prefix", run.prefix.as_ref())] {
                if let Some(template) = template {
                    text(desk, &spot.to(key), template);
                }
            }
            aws::alarms(desk, &spot, run);
            run.timeout
        }
        RunSpec::Sqs(run) => {
            text(desk, &spot.to("queue"), &run.queue);
            run.timeout
        }
        RunSpec::CloudwatchLogs(run) => {
            kinds::cloudwatch_logs::check(desk, &spot, run, inputs, &text);
            run.timeout
        }
        RunSpec::Ecs(run) => {
            kinds::ecs::check(desk, &spot, run, &text);
            run.timeout
        }
        RunSpec::Cloudtrail(run) => {
            kinds::cloudtrail::check(desk, &spot, run, &text);
            run.timeout
        }
        RunSpec::LambdaHealth(run) => {
            kinds::lambda::health(desk, &spot, run, &text);
            run.timeout
        }
        RunSpec::Lambda(run) => {
            kinds::lambda::check(desk, &spot, run, &text);
            run.timeout
        }
    };
    bounded(desk, &spot.to("timeout"), timeout);
}

fn bounded(desk: &mut Desk<'_>, spot: &Spot<'_>, timeout: Span) {
    if timeout.0.is_zero() || timeout.0 > TIMEOUT_LIMIT {
        let message = format!("a call cannot wait for {timeout}");
        desk.report(spot, Code::OutOfBounds, message, "write more than nothing and at most 30s, or leave it out");
    }
}

pub(super) fn range(desk: &mut Desk<'_>, spot: &Spot<'_>, range: Option<&PromqlRange>) {
    let Some(range) = range else { return };
    if range.last.0.is_zero() || range.step.0.is_zero() {
        let help = "write a range such as `{ last: 1h, step: 30s }`";
        desk.report(spot, Code::OutOfBounds, "a range of no time has no points", help);
    } else if range.last.0.as_millis() / range.step.0.as_millis().max(1) > POINT_LIMIT {
        let help = "write a longer `step` or a shorter `last`";
        desk.report(spot, Code::OutOfBounds, format!("the range has more than {POINT_LIMIT} points"), help);
    }
}

/// The input that an expression is, when it is one and nothing else.
pub(super) fn input<'i>(expression: &Expression, inputs: &'i Inputs) -> Option<&'i Parameter> {
    let path = expression.check().ok().and_then(crate::equality::path)?;
    match path.as_slice() {
        [root, name] if root == "inputs" => inputs.get(name),
        _ => None,
    }
}

/// Whether the catalog alone decides what this gives.
fn is_chosen(expression: &Expression, inputs: &Inputs, kind: ParameterType) -> bool {
    input(expression, inputs).is_some_and(|input| input.parameter_type == kind || input.one_of.is_some())
}

/// A header that can send the request elsewhere: written, or values that the catalog chose.
fn routing(desk: &mut Desk<'_>, spot: &Spot<'_>, template: &Template, inputs: &Inputs) {
    for part in template.parts().unwrap_or_default() {
        if let Part::Value(expression) = part
            && !is_chosen(expression, inputs, ParameterType::Host)
        {
            let message = format!("`{}` would choose the host or the path by this header", expression.source());
            let help = "write the value here, or declare the input as `type: host`, or give it an `enum`";
            desk.report(spot, Code::UnsafeInterpolation, message, help);
            return;
        }
    }
}

/// A URL: one `url` input and nothing else, or a written scheme and host with values behind them.
pub(super) fn url(desk: &mut Desk<'_>, spot: &Spot<'_>, template: &Template, inputs: &Inputs) {
    let Ok(parts) = template.parts() else { return };
    match parts {
        [Part::Value(whole)] => {
            if !is_chosen(whole, inputs, ParameterType::Url) {
                let message = format!("`{}` would choose the host", whole.source());
                desk.report(spot, Code::UnsafeInterpolation, message, "declare the input as `type: url`");
            }
            return;
        }
        [Part::Value(first), ..] => {
            let message = format!("the URL begins with `{}` and goes on", first.source());
            let help = "write scheme and host here, or make the whole URL one input of `type: url`";
            desk.report(spot, Code::UnsafeInterpolation, message, help);
            return;
        }
        _ => {}
    }
    // Until the host has ended, values must be hosts; the rest is encoded piece by piece.
    let mut begin = String::new();
    let mut ended = false;
    for part in parts {
        match part {
            Part::Text(text) => {
                begin.push_str(text);
                let host = begin.split_once("://").map(|(_, rest)| rest);
                ended = ended || host.is_some_and(|host| host.contains(['/', '?', '#']));
            }
            Part::Value(_) if ended => begin.push('0'),
            Part::Value(expression) => {
                let is_port = begin.ends_with(':') && begin.contains("://") && !begin.ends_with("//:");
                let kind = if is_port { ParameterType::Integer } else { ParameterType::Host };
                if !begin.contains("://") || !is_chosen(expression, inputs, kind) {
                    let message =
                        format!("`{}` would choose the {}", expression.source(), if is_port { "port" } else { "host" });
                    let help = format!(
                        "declare the input as `type: {}`, or give it an `enum`",
                        if is_port { "integer" } else { "host" }
                    );
                    desk.report(spot, Code::UnsafeInterpolation, message, help);
                    return;
                }
                begin.push('0');
                if !is_port {
                    begin.push('x');
                }
            }
        }
    }
    let plain = Parameter::of(ParameterType::Url);
    if let Err(wrong) = accept(&plain, &serde_json::Value::from(begin.as_str())) {
        let message = format!("`{}` is not the URL of a call: {}", crate::bind::cut(template.source()), wrong.problem);
        desk.report(spot, Code::BadValue, message, wrong.mend);
    }
}

/// A host: written, or values of inputs that are hosts or one of a few words.
fn host(desk: &mut Desk<'_>, spot: &Spot<'_>, template: &Template, inputs: &Inputs) {
    let Ok(parts) = template.parts() else { return };
    for part in parts {
        if let Part::Value(expression) = part
            && !is_chosen(expression, inputs, ParameterType::Host)
        {
            let message = format!("`{}` would choose the host", expression.source());
            let help = "declare the input as `type: host`, or give it an `enum`";
            desk.report(spot, Code::UnsafeInterpolation, message, help);
            return;
        }
    }
    if let [Part::Text(written)] = parts
        && let Err(wrong) = accept(&Parameter::of(ParameterType::Host), &serde_json::Value::from(written.as_str()))
    {
        let message = format!("`{}` is not a host: {}", crate::bind::cut(written), wrong.problem);
        desk.report(spot, Code::BadValue, message, wrong.mend);
    }
}

fn port(desk: &mut Desk<'_>, spot: &Spot<'_>, template: &Template, inputs: &Inputs) {
    let help = "write a number from 1 to 65535, or one input of `type: integer`";
    match template.parts() {
        Ok([Part::Value(whole)]) if is_chosen(whole, inputs, ParameterType::Integer) => {}
        Ok([Part::Text(written)]) if written.parse::<u16>().is_ok_and(|port| port > 0) => {}
        Ok(_) => {
            let message = format!("`{}` is not a port", crate::bind::cut(template.source()));
            desk.report(spot, Code::BadValue, message, help);
        }
        Err(_) => {}
    }
}

/// Whether its values cannot be a part of a query. A host or a URL is text that could be, as a `string` is.
pub(super) fn limited(input: &Parameter) -> bool {
    use ParameterType::{Boolean, Duration, Integer, Number};
    input.one_of.is_some() || matches!(input.parameter_type, Integer | Number | Boolean | Duration)
}

/// A query: free text may be the value of a label and nothing else, since the values are escaped for that.
pub(super) fn query(desk: &mut Desk<'_>, spot: &Spot<'_>, language: Language, template: &Template, inputs: &Inputs) {
    let Ok(parts) = template.parts() else { return };
    if let [Part::Value(whole)] = parts {
        if input(whole, inputs).is_none_or(|input| input.one_of.is_none()) {
            let help = "write the query here, with values inside of its quotes";
            let message = format!("`{}` would be the whole query", whole.source());
            desk.report(spot, Code::UnsafeInterpolation, message, help);
        }
        return;
    }
    for (part, place) in promql::checked(language, parts) {
        let Some(Part::Value(expression)) = parts.get(part) else { continue };
        if place != Place::Raw && input(expression, inputs).is_some_and(limited) {
            continue;
        }
        let (problem, help) = match place {
            Place::Equal(_) | Place::Pattern(_) => continue,
            Place::Open => (
                "stands outside of quotes and could be a part of the query",
                "put it in quotes as the value of a label, or make it an `integer`, `number`, `boolean` or `duration`, or \
                 give it an `enum`",
            ),
            Place::Raw => (
                "stands in backticks, where nothing can be escaped",
                "write double quotes instead, with each backslash twice",
            ),
            Place::Argument(_) if language == Language::LogQl => (
                "stands in quotes that are neither the value of a label nor the text of a filter",
                "text stands behind `=`, `!=`, `=~` or `!~` within `{ }` or in a label filter, and behind `|=`, `!=`, `|~` or \
                 `!~`; elsewhere make it an `integer`, `number`, `boolean` or `duration`, or give it an `enum`",
            ),
            Place::Argument(_) => (
                "stands in quotes that are not the value of a label",
                "text stands behind `=`, `!=`, `=~` or `!~` within `{ }`; elsewhere make it an `integer`, `number`, \
                 `boolean` or `duration`, or give it an `enum`",
            ),
            Place::Within if language == Language::LogQl => (
                "would change the meaning of what is around it in these quotes",
                "close the quotes, which are double ones, and put the value outside of escapes and, in a pattern, outside of \
                 `[ ]`, `{ }`, `\\\\Q` and the heads of groups; a query with values has no `//`, `/*` or `'`",
            ),
            Place::Within => (
                "would change the meaning of what is around it in these quotes",
                "close the quotes, and put the value outside of escapes and, behind `=~`, outside of `[ ]`, `{ }`, \
                 `\\\\Q` and the heads of groups; it is matched literally",
            ),
        };
        desk.report(spot, Code::UnsafeInterpolation, format!("`{}` {problem}", expression.source()), help);
    }
}

fn issues(desk: &mut Desk<'_>, spot: &Spot<'_>, task: &Task) {
    let variables = Variables::new([
        ("result", types::result(&task.run)),
        ("inputs", types::parameters(&task.inputs)),
        ("alert", types::alert()),
    ]);
    for (place, rule) in task.issues.iter().enumerate() {
        let spot = spot.to("issues").item(place);
        desk.condition(&spot.to("when"), &rule.when, &variables);
        desk.template(&spot.to("title"), &rule.title, &variables);
        let optional = [
            ("expected", &rule.expected),
            ("actual", &rule.actual),
            ("details", &rule.details),
            ("reproduce", &rule.reproduce),
        ];
        for (key, template) in optional {
            if let Some(template) = template {
                desk.template(&spot.to(key), template, &variables);
            }
        }
        let said = |step: &Template| !step.source().trim().is_empty();
        if !rule.next_steps.iter().any(said) {
            let help = "add what the reader does next, each a whole sentence: `next_steps: [\"Look at ...\"]`";
            desk.report(&spot.to("next_steps"), Code::NoNextSteps, "the Issue says nothing to do next", help);
        }
        for (number, step) in rule.next_steps.iter().enumerate() {
            desk.template(&spot.to("next_steps").item(number), step, &variables);
        }
        if rule.title.source().trim().chars().count() < TITLE_LEAST {
            let message = format!("`{}` hardly names a thing and what is wrong with it", rule.title.source().trim());
            let help = "write it as \"${{ inputs.url }} answers ${{ result.status }}\"";
            desk.report(&spot.to("title"), Code::ShortTitle, message, help);
        }
    }
}
