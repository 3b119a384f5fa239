//! What is given to parameters and inputs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Desk, Spot, names::Variables};
use crate::{
    bind::{accept, is_expression},
    expr::{Part, Template},
    model::{Bindings, Parameter, ParameterType},
    problem::{Code, nearest},
};

/// What is wrong with `given` for `wanted`, the parameters of `whose`. `own` are the parameters that `params` names.
pub(super) fn check(
    desk: &mut Desk<'_>,
    spot: &Spot<'_>,
    (wanted, whose): (&BTreeMap<String, Parameter>, &str),
    given: &Bindings,
    variables: &Variables,
    own: &BTreeMap<String, Parameter>,
) {
    for (name, _) in wanted.iter().filter(|(name, one)| one.default.is_none() && !given.contains_key(*name)) {
        let help = format!("add `with: {{ {name}: ... }}`, or give the parameter a `default`");
        desk.report(spot, Code::UnboundParameter, format!("{whose} needs `{name}`, and it is not given"), help);
    }
    for (name, value) in given {
        let spot = spot.to("with").key(name);
        let Some(parameter) = wanted.get(name) else {
            let known: Vec<&str> = wanted.keys().map(String::as_str).collect();
            let help = match (nearest(name, known.iter().copied()), known.as_slice()) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, []) => "it takes none: leave it out".to_owned(),
                (None, known) => format!("it takes {}", super::quoted(known)),
            };
            desk.report(&spot, Code::UnknownParameter, format!("{whose} has no parameter `{name}`"), help);
            continue;
        };
        if is_expression(value) {
            expression(desk, &spot, name, parameter, value, variables, own);
        } else {
            literal(desk, &spot, name, parameter, value);
        }
    }
}

pub(super) fn literal(desk: &mut Desk<'_>, spot: &Spot<'_>, name: &str, parameter: &Parameter, value: &Value) {
    let result = match (parameter.parameter_type, value) {
        // YAML has already read `1.10` as 1.1 and `0x1F` as 31, so what was written is lost.
        (ParameterType::String, Value::Number(_)) => Err(("it is not text".to_owned(), "put it in quotes".to_owned())),
        (_, Value::Null) if parameter.default.is_some() => return,
        _ => accept(parameter, value).map(drop).map_err(|wrong| (wrong.problem, wrong.mend)),
    };
    if let Err((problem, mend)) = result {
        desk.report(spot, Code::UnfitValue, format!("`{name}` cannot have this value: {problem}"), mend);
    }
}

fn expression(
    desk: &mut Desk<'_>,
    spot: &Spot<'_>,
    name: &str,
    parameter: &Parameter,
    value: &Value,
    variables: &Variables,
    own: &BTreeMap<String, Parameter>,
) {
    let Some(template) = value.as_str().map(Template::new) else { return };
    let before = desk.problems.len();
    let Some(used) = desk.template(spot, &template, variables) else { return };
    if desk.problems.len() > before {
        return;
    }
    let untrusted = used.roots.iter().find(|root| matches!(root.as_str(), "alert" | "steps"));
    let kind = parameter.parameter_type;
    if matches!(kind, ParameterType::Url | ParameterType::Host) {
        let target = if kind == ParameterType::Url { "a URL" } else { "a host" };
        if let Some(root) = untrusted {
            let message = format!("`{name}` is {target}, and `{root}` would choose it");
            let help = "write it here, or give the Command a parameter of that type: whom a call goes to comes from the \
                        catalog, never from an alert or an answer";
            desk.report(spot, Code::AlertChoosesTarget, message, help);
            return;
        }
        let chosen = |parameter: &String| {
            own.get(parameter).is_some_and(|own| own.parameter_type == kind || own.one_of.is_some())
        };
        if !(used.parameters.iter().all(chosen) || kind == ParameterType::Url && host_is_written(&template)) {
            let message = format!("`{name}` is {target}, and a parameter of another type would choose it");
            let word = if kind == ParameterType::Url { "url" } else { "host" };
            let help = format!(
                "declare the parameter as `type: {word}` or give it an `enum`; an alert can fill neither freely"
            );
            desk.report(spot, Code::AlertChoosesTarget, message, help);
        }
        return;
    }
    if let (Some(root), ParameterType::String) = (untrusted, kind)
        && parameter.pattern.is_none()
        && parameter.one_of.is_none()
    {
        let message = format!("`{name}` takes any text, and `{root}` fills it");
        let help =
            format!("give the parameter `{name}` a `pattern` or an `enum`, so that what comes from outside is checked");
        desk.report(spot, Code::UnlimitedText, message, help);
    }
}

/// Whether scheme and host are written out before the first value.
fn host_is_written(template: &Template) -> bool {
    let Ok([Part::Text(begin), ..]) = template.parts() else { return false };
    let rest = begin.strip_prefix("https://").or_else(|| begin.strip_prefix("http://"));
    rest.and_then(|rest| rest.find('/')).is_some_and(|end| end > 0)
}
