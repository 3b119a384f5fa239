//! Values for typed parameters: rendered, given their type, and held against the parameter's limits.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use jiff::fmt::friendly::{Spacing, SpanPrinter};
use regex::{Regex, RegexBuilder};
use serde_json::{Map, Number, Value};

use crate::{
    encode,
    expr::{ExprError, Part, Scope, Template},
    model::{Bindings, Parameter, ParameterType, Span},
};

/// The longest text that a parameter takes, in bytes.
pub const TEXT_LIMIT: usize = 4096;

/// How much of a given value an error repeats, in characters.
const GIVEN_CAP: usize = 80;

/// Whole numbers up to here have exactly one floating point form.
const EXACT_FLOAT: f64 = 9_007_199_254_740_992.0;

/// Why a parameter has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindError {
    /// The parameter.
    pub parameter: String,
    /// What was given, at most 80 characters of it; absent when nothing was.
    pub given: Option<String>,
    /// What is wrong with it.
    pub problem: String,
    /// What to do about it.
    pub mend: String,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parameter `{}`: {}", self.parameter, self.problem)?;
        if let Some(given) = &self.given {
            write!(f, " (given: `{given}`)")?;
        }
        write!(f, ": {}", self.mend)
    }
}

impl std::error::Error for BindError {}

/// What is wrong with one value, before the parameter's name is known.
pub(crate) struct Wrong {
    pub(crate) problem: String,
    pub(crate) mend: String,
}

type Bound = Result<Map<String, Value>, Vec<BindError>>;

fn wrong<T>(problem: impl Into<String>, mend: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { problem: problem.into(), mend: mend.into() })
}

/// The values of all `parameters`, typed: `given` ones rendered in `scope`, the others by their defaults. An expression
/// that has no value here (a label that the alert does not carry) or gives null counts as not given.
///
/// Text becomes a number or a boolean, and a whole number text, where nothing is lost. A duration becomes the shortest text for it
/// (`1h30m`), which PromQL reads too.
///
/// # Errors
/// Every parameter that has no value, one error each, by name.
pub fn bind(parameters: &BTreeMap<String, Parameter>, given: &Bindings, scope: &Scope) -> Bound {
    bound(parameters, given, Some(scope))
}

/// The values of all `parameters` as a run had them before, which may have come from an alert: no expression in them is read (I8).
///
/// # Errors
/// As [`bind`]: the parameters may be others by now.
pub fn rebind(parameters: &BTreeMap<String, Parameter>, before: &Bindings) -> Bound {
    bound(parameters, before, None)
}

fn bound(parameters: &BTreeMap<String, Parameter>, given: &Bindings, scope: Option<&Scope>) -> Bound {
    let mut values = Map::new();
    let mut errors = Vec::new();
    for (name, parameter) in parameters {
        match one(parameter, given.get(name), scope) {
            Ok(value) => {
                values.insert(name.clone(), value);
            }
            Err((given, Wrong { problem, mend })) => {
                errors.push(BindError { parameter: name.clone(), given, problem, mend });
            }
        }
    }
    for name in given.keys().filter(|name| !parameters.contains_key(*name)) {
        let known: Vec<&str> = parameters.keys().map(String::as_str).collect();
        let mend = match known.as_slice() {
            [] => "there are none to give".to_owned(),
            known => format!("give one of: {}", known.join(", ")),
        };
        errors.push(BindError {
            parameter: name.clone(),
            given: None,
            problem: "there is no such parameter".into(),
            mend,
        });
    }
    errors.sort_by(|one, other| one.parameter.cmp(&other.parameter));
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

fn one(parameter: &Parameter, given: Option<&Value>, scope: Option<&Scope>) -> Result<Value, (Option<String>, Wrong)> {
    let mut missing =
        Wrong { problem: "it is not given".into(), mend: "give it, or give the parameter a `default`".into() };
    let value = match (given, scope) {
        (None | Some(Value::Null), _) => None,
        (Some(Value::String(text)), Some(scope)) => match rendered(parameter.parameter_type, text, scope) {
            Ok(Value::Null) => {
                missing.problem = format!("`{}` gives nothing", cut(text));
                None
            }
            Ok(value) => Some(value),
            // What does not exist in this event; what never exists was found when the catalog was checked.
            Err(ExprError::Evaluation { reason, absent: true, .. }) => {
                missing.problem = format!("`{}` has no value ({})", cut(text), cut(&reason));
                None
            }
            Err(error) => {
                let mend = "mend the expression".to_owned();
                return Err((Some(cut(text)), Wrong { problem: error.to_string(), mend }));
            }
        },
        (Some(literal), _) => Some(literal.clone()),
    };
    let Some(value) = value.or_else(|| parameter.default.clone()) else {
        return Err((None, missing));
    };
    accept(parameter, &value).map_err(|wrong| (Some(shown(&value)), wrong))
}

/// What `text` gives. In a URL a value behind the host is one piece of it (I8): the call takes the parameter whole.
fn rendered(wanted: ParameterType, text: &str, scope: &Scope) -> Result<Value, ExprError> {
    let template = Template::new(text);
    match wanted {
        ParameterType::Url => encode::url(&template, scope),
        _ => template.value(scope),
    }
}

/// `value` with the type of `parameter`, when it is within its limits.
pub(crate) fn accept(parameter: &Parameter, value: &Value) -> Result<Value, Wrong> {
    let typed = coerce(parameter.parameter_type, value)?;
    if let Some(text) = typed.as_str() {
        if text.len() > TEXT_LIMIT {
            return wrong(format!("it has {} bytes", text.len()), format!("give at most {TEXT_LIMIT} bytes"));
        }
        if let Some(pattern) = &parameter.pattern {
            match whole(pattern) {
                Ok(regex) if regex.is_match(text) => {}
                Ok(_) => {
                    return wrong("it does not match the pattern", format!("the whole text must match `{pattern}`"));
                }
                Err(error) => return wrong(format!("its pattern `{pattern}` is broken: {error}"), "mend the pattern"),
            }
        }
    }
    if let Some(all) = &parameter.one_of {
        let same = |one: &Value| coerce(parameter.parameter_type, one).is_ok_and(|one| one == typed);
        if !all.iter().any(same) {
            let all: Vec<String> = all.iter().map(shown).collect();
            return wrong("it is not one of the values there are", format!("give one of: {}", all.join(", ")));
        }
    }
    if let Some(number) = typed.as_f64() {
        if let Some(min) = parameter.min.filter(|min| number < *min) {
            return wrong("it is too small", format!("give at least {min}"));
        }
        if let Some(max) = parameter.max.filter(|max| number > *max) {
            return wrong("it is too great", format!("give at most {max}"));
        }
    }
    Ok(typed)
}

/// `pattern`, anchored on the whole text.
pub(crate) fn whole(pattern: &str) -> Result<Regex, String> {
    // Compiled alone first: `a)|(b` would be legal within the anchors.
    let limited = |pattern: &str| RegexBuilder::new(pattern).size_limit(1 << 20).build();
    limited(pattern).and_then(|_| limited(&format!(r"\A(?:{pattern})\z"))).map_err(|error| {
        let said = error.to_string();
        let last = said.lines().last().unwrap_or("it does not compile").trim();
        last.strip_prefix("error: ").unwrap_or(last).to_owned()
    })
}

fn coerce(wanted: ParameterType, value: &Value) -> Result<Value, Wrong> {
    match (wanted, value) {
        (ParameterType::String, Value::String(text)) => Ok(Value::String(text.clone())),
        (ParameterType::String, Value::Number(number)) if !number.is_f64() => Ok(Value::String(number.to_string())),
        (ParameterType::String, _) => wrong("it is not text", "put it in quotes"),
        (ParameterType::Integer, value) => match integer(value) {
            Some(whole) => Ok(Value::from(whole)),
            None => wrong("it is not a whole number", "write it as 3 or -12"),
        },
        (ParameterType::Number, Value::Number(number)) => Ok(Value::Number(number.clone())),
        (ParameterType::Number, Value::String(text)) => match serde_json::from_str::<Number>(text) {
            Ok(number) if text.trim() == text => Ok(Value::Number(number)),
            _ => wrong("it is not a number", "write it as 3 or 0.5"),
        },
        (ParameterType::Number, _) => wrong("it is not a number", "write it as 3 or 0.5"),
        (ParameterType::Boolean, Value::Bool(flag)) => Ok(Value::Bool(*flag)),
        (ParameterType::Boolean, Value::String(text)) if text == "true" => Ok(Value::Bool(true)),
        (ParameterType::Boolean, Value::String(text)) if text == "false" => Ok(Value::Bool(false)),
        (ParameterType::Boolean, _) => wrong("it is neither true nor false", "write true or false"),
        (ParameterType::Duration, Value::String(text)) => match text.parse::<Span>() {
            Ok(span) => Ok(Value::String(compact(span))),
            Err(_) => wrong("it is not a length of time", "write it as 500ms, 5s, 10m or 4h"),
        },
        (ParameterType::Duration, _) => wrong("it is not a length of time", "write it as 500ms, 5s, 10m or 4h"),
        (ParameterType::Url, Value::String(text)) => url(text).map(Value::String),
        (ParameterType::Url, _) => wrong("it is not a URL", "write it as https://host/path"),
        (ParameterType::Host, Value::String(text)) => host(text).map(Value::String),
        (ParameterType::Host, _) => wrong("it is not a host", "write a name such as db.internal, or an IP address"),
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= EXACT_FLOAT)?;
            // Not a cast: its text has no fraction and is within bounds, so this loses nothing.
            format!("{float:.0}").parse().ok()
        }),
        // `007` and `+3` are not what would be written back, so they say more than a number.
        Value::String(text) => text.parse().ok().filter(|whole: &i64| whole.to_string() == *text),
        _ => None,
    }
}

fn compact(span: Span) -> String {
    match jiff::SignedDuration::try_from(span.0) {
        Ok(duration) => SpanPrinter::new().spacing(Spacing::None).duration_to_string(&duration),
        Err(_) => span.to_string(),
    }
}

fn url(text: &str) -> Result<String, Wrong> {
    // The parser drops tabs and line ends and reads `\` as `/`, so that what is checked is not what is called.
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return wrong("a URL has no spaces, line ends or backslashes", "write it as https://host/path");
    }
    let Ok(url) = url::Url::parse(text) else {
        return wrong("it is not an absolute URL", "write it as https://host/path");
    };
    if !matches!(url.scheme(), "http" | "https") {
        return wrong(format!("its scheme is `{}`", cut(url.scheme())), "use http or https");
    }
    if !text.get(url.scheme().len()..).is_some_and(|rest| rest.starts_with("://")) || !url.has_host() {
        return wrong("it has no host", "write it as https://host/path");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("it carries a user or a password", "leave them out: secrets do not stand in the catalog");
    }
    Ok(text.to_owned())
}

fn host(text: &str) -> Result<String, Wrong> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    if text.parse::<IpAddr>().is_ok() || bare.is_some_and(|bare| bare.parse::<Ipv6Addr>().is_ok()) {
        return Ok(text.to_owned());
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let legal = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    // A last label that is a number makes an IPv4 address of the whole, in forms that few expect (`10.1`, `0x7f.1`).
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") || last.starts_with("0X");
    if name.len() > 253 || !name.split('.').all(legal) || numeric {
        return wrong("it is not a host", "write a name such as db.internal, or an IP address, without scheme or port");
    }
    Ok(text.to_owned())
}

/// Whether `value` is text with an expression in it.
pub(crate) fn is_expression(value: &Value) -> bool {
    let Value::String(text) = value else { return false };
    match Template::new(text.as_str()).parts() {
        Ok(parts) => parts.iter().any(|part| matches!(part, Part::Value(_))),
        Err(_) => true,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => cut(text),
        other => cut(&other.to_string()),
    }
}

pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(GIVEN_CAP) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parameter(definition: Value) -> BTreeMap<String, Parameter> {
        BTreeMap::from([("p".to_owned(), serde_json::from_value(definition).unwrap())])
    }

    fn given(value: Value) -> Bindings {
        Bindings::from([("p".to_owned(), value)])
    }

    fn scope() -> Scope {
        let alert = json!({"labels": {"n": "3", "ns": "shop", "evil": "x\nshop", "none": null}, "team": ""});
        Scope::new().with("alert", &alert)
    }

    fn bound(definition: Value, value: Value) -> Result<Value, String> {
        match bind(&parameter(definition), &given(value), &scope()) {
            Ok(mut values) => Ok(values.remove("p").unwrap()),
            Err(errors) => Err(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        }
    }

    #[test]
    fn what_loses_nothing_is_coerced() {
        for (kind, value, wanted) in [
            ("integer", json!("${{ alert.labels.n }}"), json!(3)),
            ("integer", json!("-12"), json!(-12)),
            ("integer", json!(4.0), json!(4)),
            ("number", json!("0.5"), json!(0.5)),
            ("number", json!(2), json!(2)),
            ("boolean", json!("true"), json!(true)),
            ("string", json!(8080), json!("8080")),
            ("duration", json!("1h 30m"), json!("1h30m")),
            ("duration", json!("90s"), json!("1m30s")),
            ("duration", json!("500ms"), json!("500ms")),
            ("url", json!("https://a.internal:8443/x?y"), json!("https://a.internal:8443/x?y")),
            ("host", json!("db.internal"), json!("db.internal")),
            ("host", json!("_sip._tcp.example.org."), json!("_sip._tcp.example.org.")),
            ("host", json!("fd00::1"), json!("fd00::1")),
        ] {
            assert_eq!(bound(json!({"type": kind}), value.clone()), Ok(wanted), "{kind} {value}");
        }
    }

    #[test]
    fn what_would_lose_something_is_refused() {
        for (kind, value) in [
            ("integer", json!("007")),
            ("integer", json!("+3")),
            ("integer", json!(3.5)),
            ("integer", json!(1e300)),
            ("integer", json!(true)),
            ("number", json!("1 ")),
            ("number", json!("NaN")),
            ("boolean", json!("yes")),
            ("boolean", json!(1)),
            ("string", json!(1.10)),
            ("string", json!(["a"])),
            ("duration", json!("fast")),
            ("duration", json!("-5s")),
            ("duration", json!(5)),
        ] {
            assert!(bound(json!({"type": kind}), value.clone()).is_err(), "{kind} {value}");
        }
    }

    #[test]
    fn i8_urls_and_hosts_are_what_they_look_like() {
        for bad in [
            "checkout.internal/healthz",
            "/healthz",
            "ftp://a/",
            "file:///etc/passwd",
            "https://",
            "https:a.internal/",
            "https:\\\\a.internal/",
            "https://a.internal\\@evil/",
            "https://a.internal@evil/",
            "https://u:p@evil/",
            "https://a\n.internal/",
            " https://a.internal/",
        ] {
            assert!(bound(json!({"type": "url"}), json!(bad)).is_err(), "{bad:?}");
        }
        for bad in ["", "a b", "https://a", "a:80", "a/b", "10.0.0.256", "10.1", "0x7f.1", "-a", "a..b", "a\n"] {
            assert!(bound(json!({"type": "host"}), json!(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn i8_text_of_an_alert_is_one_piece_of_a_url() {
        let url = |text: &str, value: &str| {
            let params = json!({"ns": value, "base": "https://a.internal:8443/up", "zone": "eu.internal"});
            let scope = Scope::new().with("params", &params);
            let bound = bind(&parameter(json!({"type": "url"})), &given(json!(text)), &scope).unwrap();
            bound["p"].as_str().unwrap().to_owned()
        };
        for (value, piece) in [
            ("shop", "shop"),
            ("v1.2", "v1.2"),
            ("../admin?all=1#x", "..%2Fadmin%3Fall%3D1%23x"),
            ("..", "%252E%252E"),
            ("@evil.example\\", "%40evil.example%5C"),
            ("é", "%C3%A9"),
        ] {
            let whole = url("https://a.internal/ns/${{ params.ns }}/pods?ns=${{ params.ns }}", value);
            assert_eq!(whole, format!("https://a.internal/ns/{piece}/pods?ns={piece}"));
            let parsed = url::Url::parse(&whole).unwrap();
            assert_eq!(parsed.path(), format!("/ns/{piece}/pods"));
            assert_eq!((parsed.host_str(), parsed.fragment()), (Some("a.internal"), None));
            assert_eq!(
                url("https://${{ params.zone }}/${{ params.ns }}", value),
                format!("https://eu.internal/{piece}")
            );
            assert_eq!(
                url("${{ params.base }}/${{ params.ns }}", value),
                format!("https://a.internal:8443/up/{piece}")
            );
        }
        assert_eq!(url("${{ params.base }}", "x"), "https://a.internal:8443/up", "a URL alone is itself");
    }

    #[test]
    fn i8_a_pattern_holds_for_the_whole_text() {
        let definition = json!({"type": "string", "pattern": "[a-z]+|shop"});
        assert_eq!(bound(definition.clone(), json!("${{ alert.labels.ns }}")), Ok(json!("shop")));
        for bad in ["${{ alert.labels.evil }}", "shop\n", "shop; rm", " shop", ""] {
            assert!(bound(definition.clone(), json!(bad)).is_err(), "{bad:?}");
        }
        assert!(whole("a)|(b").is_err(), "the anchors hold");
        assert!(whole("(?m)^a$").is_ok_and(|regex| !regex.is_match("b\na")), "also over several lines");
    }

    #[test]
    fn what_has_no_value_here_takes_the_default() {
        let with_default = json!({"type": "string", "default": "checkout"});
        for absent in [json!("${{ alert.labels.namespace }}"), json!("${{ alert.labels.none }}"), json!(null)] {
            assert_eq!(bound(with_default.clone(), absent.clone()), Ok(json!("checkout")), "{absent}");
            assert!(bound(json!({"type": "string"}), absent.clone()).is_err(), "{absent}");
        }
    }

    #[test]
    fn limits_are_held() {
        let port = json!({"type": "integer", "min": 1, "max": 65535});
        assert_eq!(bound(port.clone(), json!(65535)), Ok(json!(65535)));
        assert!(bound(port.clone(), json!(0)).is_err() && bound(port, json!("65536")).is_err());
        let level = json!({"type": "integer", "enum": [1, 2]});
        assert_eq!(bound(level.clone(), json!("2")), Ok(json!(2)));
        assert!(bound(level, json!(3)).is_err());
        assert!(bound(json!({"type": "string"}), json!("x".repeat(TEXT_LIMIT + 1))).is_err());
    }

    #[test]
    fn each_error_names_the_parameter_what_was_given_and_the_mend() {
        let parameters: BTreeMap<String, Parameter> = serde_json::from_value(json!({
            "port": {"type": "integer", "max": 65535},
            "namespace": {"type": "string", "pattern": "[a-z0-9-]{1,63}"},
            "url": {"type": "url"},
        }))
        .unwrap();
        let given = serde_json::from_value(json!({
            "port": 70000, "namespace": "A".repeat(100), "nmespace": "x", "url": "${{ alert.labels.url }}",
        }))
        .unwrap();
        let errors = bind(&parameters, &given, &scope()).unwrap_err();
        let printed: Vec<String> = errors.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(printed.join("\n"), @"
        parameter `namespace`: it does not match the pattern (given: `AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA...`): the whole text must match `[a-z0-9-]{1,63}`
        parameter `nmespace`: there is no such parameter: give one of: namespace, port, url
        parameter `port`: it is too great (given: `70000`): give at most 65535
        parameter `url`: `${{ alert.labels.url }}` has no value (No such key: url): give it, or give the parameter a `default`
        ");
    }
}
