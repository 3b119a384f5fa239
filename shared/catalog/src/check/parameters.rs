//! The definitions of parameters and inputs.

use std::collections::BTreeMap;

use super::{Desk, Spot};
use crate::{
    bind::{accept, whole},
    model::{Parameter, ParameterType},
    problem::Code,
};

/// Whether `name` can be written after `params.`.
fn sayable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

pub(super) fn check(desk: &mut Desk<'_>, spot: &Spot<'_>, parameters: &BTreeMap<String, Parameter>) {
    for (name, parameter) in parameters {
        let spot = spot.key(name);
        if !sayable(name) {
            let help = "use lower-case letters, digits and `_`, beginning with a letter: expressions name it";
            desk.report(&spot, Code::Parameter, format!("`{name}` cannot be the name of a parameter"), help);
        }
        one(desk, &spot, parameter);
    }
}

fn one(desk: &mut Desk<'_>, spot: &Spot<'_>, parameter: &Parameter) {
    let kind = parameter.parameter_type;
    let text = matches!(kind, ParameterType::String | ParameterType::Url | ParameterType::Host);
    let number = matches!(kind, ParameterType::Integer | ParameterType::Number);
    if let Some(pattern) = &parameter.pattern {
        if !text {
            let help = "leave it out: what the type allows is checked already";
            desk.report(&spot.to("pattern"), Code::Parameter, "`pattern` is for `string`, `url` and `host`", help);
        }
        if let Err(reason) = whole(pattern) {
            let message = format!("`{pattern}` is not a regular expression: {reason}");
            let help = "the syntax is that of the Rust crate `regex`: no look-around, no back references";
            desk.report(&spot.to("pattern"), Code::Regex, message, help);
            return;
        }
    }
    for (key, bound) in [("min", parameter.min), ("max", parameter.max)] {
        if bound.is_some() && !number {
            let message = format!("`{key}` is for `integer` and `number`");
            desk.report(&spot.to(key), Code::Parameter, message, "leave it out");
        }
    }
    if let (Some(min), Some(max)) = (parameter.min, parameter.max)
        && min > max
    {
        let message = format!("no number is at least {min} and at most {max}");
        desk.report(&spot.to("min"), Code::Parameter, message, "swap them");
    }
    if let Some(all) = &parameter.one_of {
        if all.is_empty() {
            desk.report(
                &spot.to("enum"),
                Code::Parameter,
                "no value is one of none",
                "name the values, or leave it out",
            );
        }
        let alone = Parameter { one_of: None, ..parameter.clone() };
        for (place, value) in all.iter().enumerate() {
            if let Err(wrong) = accept(&alone, value) {
                let message = format!("this value can never be given: {}", wrong.problem);
                desk.report(&spot.to("enum").item(place), Code::Parameter, message, wrong.mend);
            }
        }
    }
    if let Some(default) = &parameter.default
        && let Err(wrong) = accept(parameter, default)
    {
        let message = format!("the default does not fit: {}", wrong.problem);
        desk.report(&spot.to("default"), Code::Parameter, message, wrong.mend);
    }
}
