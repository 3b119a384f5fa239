//! What a model may give to a Task (I8): values within the Task's own typed inputs, and nothing that chooses a target.
//!
//! A number, a truth, a length of time and a text with a `pattern` or an `enum` are free within their limits, as they are
//! for an alert. A URL, a host, and a text without such a limit only ever have a value that stands in the catalog: the
//! input's own `enum` or `default`, or what a Command or an Slx gives this Task.

use catalog::{
    Catalog,
    expr::Scope,
    model::{Bindings, Parameter, ParameterType, Task, TaskRef},
};
use serde_json::{Map, Value, json};

/// The most values that a schema lists.
const LISTED: usize = 20;

/// The only values that a model may give to an input, where these are listed; `None` where its type and limits decide.
#[must_use]
pub fn listed(catalog: &Catalog, task: &Task, name: &str, input: &Parameter) -> Option<Vec<Value>> {
    if let Some(all) = &input.one_of {
        return Some(all.clone());
    }
    let free = match input.parameter_type {
        ParameterType::Url | ParameterType::Host => false,
        ParameterType::String => input.pattern.is_some(),
        ParameterType::Integer | ParameterType::Number | ParameterType::Boolean | ParameterType::Duration => true,
    };
    if free {
        return None;
    }
    let entries = catalog.commands.values().flat_map(|command| &command.tasks);
    let entries = entries.chain(catalog.slxs.values().flat_map(|slx| &slx.tasks));
    let given =
        entries.filter(|entry: &&TaskRef| entry.task.as_ref() == Some(&task.name)).filter_map(|e| e.with.get(name));
    let mut values: Vec<Value> = Vec::new();
    for value in input.default.iter().chain(given) {
        let is_literal = value.as_str().is_none_or(|text| !text.contains("${{")) && !value.is_null();
        if is_literal && !values.contains(value) && values.len() < LISTED {
            values.push(value.clone());
        }
    }
    Some(values)
}

/// The JSON Schema of a Task's inputs; `None` where one of them must be given and has no value that a model may give.
#[must_use]
pub fn schema(catalog: &Catalog, task: &Task) -> Option<Value> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, input) in &task.inputs {
        let listed = listed(catalog, task, name, input);
        if listed.as_ref().is_some_and(Vec::is_empty) {
            // Left to its default, where it has one.
            input.default.as_ref()?;
            continue;
        }
        let kind = match input.parameter_type {
            ParameterType::Integer => "integer",
            ParameterType::Number => "number",
            ParameterType::Boolean => "boolean",
            ParameterType::String | ParameterType::Duration | ParameterType::Url | ParameterType::Host => "string",
        };
        let mut property = Map::from_iter([("type".to_owned(), json!(kind))]);
        let mut about = input.description.clone().unwrap_or_default();
        if input.parameter_type == ParameterType::Duration {
            about.push_str(" A length of time such as 15m.");
        }
        if let Some(default) = &input.default {
            about.push_str(&format!(" Default: {default}."));
        } else {
            required.push(name.clone());
        }
        let about = about.trim();
        let pattern = input.pattern.as_ref().map(|pattern| json!(format!("^(?:{pattern})$")));
        for (key, value) in [
            ("description", (!about.is_empty()).then(|| json!(about))),
            ("enum", listed.map(Value::Array)),
            ("pattern", pattern),
            ("minimum", input.min.map(|min| json!(min))),
            ("maximum", input.max.map(|max| json!(max))),
        ] {
            if let Some(value) = value {
                property.insert(key.to_owned(), value);
            }
        }
        properties.insert(name.clone(), Value::Object(property));
    }
    Some(json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties}))
}

/// The inputs in `arguments`, typed and within their limits.
///
/// # Errors
/// What may not be given, for the model.
pub fn accept(catalog: &Catalog, task: &Task, arguments: &Value) -> Result<Bindings, String> {
    let given = match arguments {
        Value::Object(given) => given.clone(),
        Value::Null => Map::new(),
        Value::String(text) => serde_json::from_str(text).map_err(|_| "the arguments are not an object".to_owned())?,
        _ => return Err("the arguments are not an object".to_owned()),
    };
    for (name, value) in &given {
        let Some(input) = task.inputs.get(name) else {
            let known: Vec<&str> = task.inputs.keys().map(String::as_str).collect();
            return Err(format!("there is no input `{}`; there are: {}", shown(&json!(name)), known.join(", ")));
        };
        let listed = listed(catalog, task, name, input);
        if let Some(listed) = &listed
            && !value.is_null()
            && !listed.contains(value)
        {
            let values: Vec<String> = listed.iter().map(shown).collect();
            return Err(format!("`{name}` cannot be {}; it is one of: {}", shown(value), values.join(", ")));
        }
        // What stands in no list is data: it is neither an expression nor an address.
        let text = value.as_str().filter(|_| listed.is_none()).unwrap_or_default();
        if text.contains("${{") || text.contains("://") {
            return Err(format!("`{name}` takes a plain value, neither an expression nor an address"));
        }
    }
    let given: Bindings = given.into_iter().filter(|(_, value)| !value.is_null()).collect();
    let bound = catalog::bind(&task.inputs, &given, &Scope::new()).map_err(|errors| {
        let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
        text.join("; ")
    })?;
    Ok(bound.into_iter().collect())
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        serde_json::from_value(json!({
            "digest": "d", "sources": {}, "workflows": {}, "schedules": {}, "knowledge": {}, "assistants": {}, "rules": {},
            "tasks": {
                "look": {
                    "name": "look", "access": "read-only", "title": "Look", "run": {"http": {"url": "${{ inputs.url }}"}},
                    "inputs": {
                        "url": {"type": "url", "description": "Where."},
                        "namespace": {"type": "string", "pattern": "[a-z-]{1,20}", "default": "shop"},
                        "any": {"type": "string", "default": "fine"},
                        "path": {"type": "string", "pattern": ".*", "default": "x"},
                        "lines": {"type": "integer", "min": 1, "max": 100, "default": 10},
                        "since": {"type": "duration", "default": "15m"},
                        "level": {"type": "string", "enum": ["error", "warn"], "default": "error"},
                    },
                },
                "unreachable": {
                    "name": "unreachable", "access": "read-only", "title": "Look", "run": {"http": {"url": "${{ inputs.url }}"}},
                    "inputs": {"url": {"type": "url"}},
                },
            },
            "slxs": {"shop": {"name": "shop", "tags": {"a": "b"}, "tasks": [
                {"id": "b", "task": "look", "with": {"url": "https://shop.internal/b"}},
                {"id": "c", "task": "look", "with": {"url": "${{ 'https://made.up' }}"}},
            ]}},
            "commands": {"triage": {"name": "triage", "description": "x", "tasks": [
                {"id": "a", "task": "look", "with": {"url": "https://shop.internal/a"}},
                {"id": "o", "task": "unreachable", "with": {"url": "${{ params.url }}"}},
            ]}},
        }))
        .unwrap()
    }

    #[test]
    fn a_tool_looks_like_its_tasks_inputs() {
        let catalog = catalog();
        insta::assert_json_snapshot!(schema(&catalog, &catalog.tasks["look"]).unwrap());
        assert_eq!(schema(&catalog, &catalog.tasks["unreachable"]), None, "no URL of the catalog can be given to it");
    }

    #[test]
    fn i8_a_model_fills_typed_inputs_and_chooses_no_target() {
        let catalog = catalog();
        let look = &catalog.tasks["look"];
        let url = "https://shop.internal/a";
        let given = json!({"url": url, "namespace": "pay-ments", "lines": "20", "since": "1h 30m", "level": "warn"});
        let accepted = accept(&catalog, look, &given).unwrap();
        assert_eq!(
            json!(accepted),
            json!({
                "url": url, "namespace": "pay-ments", "lines": 20, "since": "1h30m", "level": "warn", "any": "fine", "path": "x",
            })
        );
        assert!(accept(&catalog, look, &json!(json!({"url": url}).to_string())).is_ok(), "the object as text");
        for wrong in [
            json!({}),
            json!({"url": "https://evil.example/"}),
            json!({"url": "https://shop.internal/a/../admin"}),
            json!({"url": "http://169.254.169.254/latest/meta-data"}),
            json!({"url": "${{ 'https://made.up' }}"}),
            json!({"url": url, "host": "evil.example"}),
            json!({"url": url, "namespace": "Not A Namespace"}),
            json!({"url": url, "namespace": "${{ inputs.url }}"}),
            json!({"url": url, "any": "something else"}),
            json!({"url": url, "path": "//evil.example/://"}),
            json!({"url": url, "path": "${{ 1 + 1 }}"}),
            json!({"url": url, "lines": 1000}),
            json!({"url": url, "level": "debug"}),
            json!([url]),
            json!("not json"),
        ] {
            assert!(accept(&catalog, look, &wrong).is_err(), "{wrong}");
        }
    }
}
