//! CEL, the one expression language of the catalog, and text with `${{ CEL }}` in it.

use std::{
    borrow::Cow,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock, OnceLock},
};

use cel::{Context, Env, ExecutionError, IdedExpr, Value as CelValue, parser::PrattParser};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::tree::depth;

/// The longest expression, in bytes.
pub const EXPRESSION_LIMIT: usize = 4096;

/// How deep an expression may nest. The interpreter recurses with large frames: some 20 KB a level when it is not optimized.
const NESTING_LIMIT: u16 = 32;

/// How many nodes an expression may have.
const NODE_LIMIT: usize = 2000;

/// The standard functions: built once, since building them costs more than most evaluations.
static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// Why an expression gave no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExprError {
    /// It is not CEL.
    #[error("`{expression}` is not an expression: {reason}")]
    Syntax {
        /// The source.
        expression: String,
        /// What the parser said.
        reason: String,
    },
    /// It is CEL, but has no value here.
    #[error("`{expression}` has no value: {reason}")]
    Evaluation {
        /// The source.
        expression: String,
        /// What the interpreter said.
        reason: String,
        /// Whether it names a key or a place in a list that is not there, such as a label that this alert does not carry.
        absent: bool,
    },
    /// It has a value of another type than is wanted.
    #[error("`{expression}` gives {found}, not {wanted}")]
    Type {
        /// The source.
        expression: String,
        /// What was wanted.
        wanted: &'static str,
        /// What it gave.
        found: &'static str,
    },
    /// Text has `${{` without `}}`.
    #[error("`{0}` opens `${{{{` and does not close it with `}}}}`")]
    Unclosed(String),
}

/// The variables that expressions see. Cheap to clone: values are shared.
#[derive(Default, Clone)]
pub struct Scope {
    variables: Vec<(&'static str, Arc<CelValue>)>,
}

impl Scope {
    /// No variables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same and `name`, in place of an earlier one of that name.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &Value) -> Self {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, Arc::new(to_cel(value))));
        self
    }

    fn context(&self) -> Context<'_, '_> {
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        for (name, value) in &self.variables {
            context.add_variable_from_value(*name, CelValue::clone(value));
        }
        context
    }
}

/// JSON numbers that are whole become CEL `int`, so that `result.status >= 500` means what it says.
fn to_cel(value: &Value) -> CelValue {
    match value {
        Value::Null => CelValue::Null,
        Value::Bool(flag) => CelValue::Bool(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(int) => CelValue::Int(int),
            None => CelValue::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => CelValue::String(Arc::new(text.clone())),
        Value::Array(list) => CelValue::List(Arc::new(list.iter().map(to_cel).collect())),
        Value::Object(map) => {
            let entries: std::collections::HashMap<String, CelValue> =
                map.iter().map(|(key, value)| (key.clone(), to_cel(value))).collect();
            CelValue::Map(entries.into())
        }
    }
}

/// One CEL expression.
// Compiled when first used, since a cold start meets few of a catalog's expressions.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Expression {
    source: String,
    program: OnceLock<Result<Arc<IdedExpr>, String>>,
}

impl Expression {
    /// The expression of this source; see [`Self::check`] for whether it is one.
    #[must_use]
    pub fn new(source: impl Into<String>) -> Self {
        Self { source: source.into(), program: OnceLock::new() }
    }

    /// As it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What the parser made of it.
    ///
    /// # Errors
    /// [`ExprError::Syntax`].
    pub fn check(&self) -> Result<&IdedExpr, ExprError> {
        match self.program.get_or_init(|| compile(&self.source).map(Arc::new)) {
            Ok(program) => Ok(program),
            Err(reason) => Err(ExprError::Syntax { expression: self.source.clone(), reason: reason.clone() }),
        }
    }

    /// Its value.
    ///
    /// # Errors
    /// [`ExprError`].
    pub fn value(&self, scope: &Scope) -> Result<Value, ExprError> {
        let wrong = |reason: String, absent| ExprError::Evaluation { expression: self.source.clone(), reason, absent };
        let expr = self.check()?;
        let context = scope.context();
        // As with the parser: an alert must not be able to end the process.
        let resolved = catch_unwind(AssertUnwindSafe(|| context.resolve(expr)));
        let resolved = resolved.map_err(|_| wrong("the interpreter gave up on it".to_owned(), false))?;
        let value = resolved.map_err(|error| {
            let absent = matches!(error, ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_));
            wrong(error.to_string(), absent)
        })?;
        value.json().map_err(|error| wrong(error.to_string(), false))
    }

    /// Whether it is true.
    ///
    /// # Errors
    /// [`ExprError`]; also when it is neither true nor false.
    pub fn holds(&self, scope: &Scope) -> Result<bool, ExprError> {
        let value = self.value(scope)?;
        value.as_bool().ok_or_else(|| self.type_error("true or false", &value))
    }

    /// Its text.
    ///
    /// # Errors
    /// [`ExprError`]; also when it is not a string.
    pub fn text(&self, scope: &Scope) -> Result<String, ExprError> {
        match self.value(scope)? {
            Value::String(text) => Ok(text),
            other => Err(self.type_error("a string", &other)),
        }
    }

    fn type_error(&self, wanted: &'static str, found: &Value) -> ExprError {
        ExprError::Type { expression: self.source.clone(), wanted, found: type_name(found) }
    }
}

fn compile(source: &str) -> Result<IdedExpr, String> {
    if source.len() > EXPRESSION_LIMIT {
        return Err(format!("it is longer than {EXPRESSION_LIMIT} bytes"));
    }
    // Its default grammar, standard macros included. The parser is not ours to trust with every input, and one broken
    // document must not end the process.
    let parser = PrattParser::new().max_recursion_depth(NESTING_LIMIT).max_expression_node_count(NODE_LIMIT);
    let parsed = catch_unwind(AssertUnwindSafe(|| parser.parse(source)));
    let expr = match parsed {
        Ok(Ok(expr)) => expr,
        Ok(Err(errors)) => {
            let first = errors.errors.first().map(|error| (error.pos, error.msg.as_str()));
            let ((line, column), message) = first.unwrap_or(((0, 0), "it cannot be read"));
            let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
            return Err(match (line, column) {
                (..=0, _) | (_, ..0) => message.to_owned(),
                (1, column) => format!("at character {}, {message}", column + 1),
                (line, column) => format!("at line {line}, character {}, {message}", column + 1),
            });
        }
        Err(_) => return Err("the parser gave up on it".to_owned()),
    };
    if depth(&expr) > NESTING_LIMIT {
        return Err(format!("it nests more than {NESTING_LIMIT} deep: make it shorter"));
    }
    Ok(expr)
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

impl From<String> for Expression {
    fn from(source: String) -> Self {
        Self::new(source)
    }
}

impl From<Expression> for String {
    fn from(expression: Expression) -> String {
        expression.source
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text that stands for itself.
    Text(String),
    /// An expression whose value stands here.
    Value(Expression),
}

/// Text in which `${{ CEL }}` stands for a value.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Template {
    source: String,
    parts: OnceLock<Result<Arc<[Part]>, ExprError>>,
}

impl Template {
    /// The template of this source; see [`Self::parts`] for whether it is one.
    #[must_use]
    pub fn new(source: impl Into<String>) -> Self {
        Self { source: source.into(), parts: OnceLock::new() }
    }

    /// As it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its parts, in order.
    ///
    /// # Errors
    /// [`ExprError::Unclosed`]. The expressions in it are not compiled here.
    pub fn parts(&self) -> Result<&[Part], ExprError> {
        match self.parts.get_or_init(|| split(&self.source).map(Into::into)) {
            Ok(parts) => Ok(parts),
            Err(error) => Err(error.clone()),
        }
    }

    /// Its text: each expression's value in place, numbers and booleans as they are written, null as nothing, lists and
    /// maps as JSON.
    ///
    /// # Errors
    /// [`ExprError`].
    pub fn render(&self, scope: &Scope) -> Result<String, ExprError> {
        self.render_with(scope, |text| Cow::Borrowed(text))
    }

    /// The same, with each value (not the text around it) changed by `escape`.
    ///
    /// # Errors
    /// [`ExprError`].
    pub fn render_with(
        &self,
        scope: &Scope,
        escape: impl for<'a> Fn(&'a str) -> Cow<'a, str>,
    ) -> Result<String, ExprError> {
        self.render_each(scope, |_, value| escape(value).into_owned())
    }

    /// The same, where `escape` is also told which part the value is, from 0.
    pub(crate) fn render_each(
        &self,
        scope: &Scope,
        escape: impl Fn(usize, &str) -> String,
    ) -> Result<String, ExprError> {
        let mut text = String::with_capacity(self.source.len());
        for (place, part) in self.parts()?.iter().enumerate() {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Value(expression) => match expression.value(scope)? {
                    Value::Null => {}
                    Value::String(value) => text.push_str(&escape(place, &value)),
                    other => text.push_str(&escape(place, &other.to_string())),
                },
            }
        }
        Ok(text)
    }

    /// Its value: when it is one `${{ CEL }}` and nothing else, that value with its type; else its text.
    ///
    /// # Errors
    /// [`ExprError`].
    pub fn value(&self, scope: &Scope) -> Result<Value, ExprError> {
        match self.parts()? {
            [Part::Value(expression)] => expression.value(scope),
            _ => self.render(scope).map(Value::String),
        }
    }
}

fn split(source: &str) -> Result<Vec<Part>, ExprError> {
    let mut parts = Vec::new();
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("${{") {
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        let (expression, after) = after.split_once("}}").ok_or_else(|| ExprError::Unclosed(source.to_owned()))?;
        parts.push(Part::Value(Expression::new(expression.trim())));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

impl From<String> for Template {
    fn from(source: String) -> Self {
        Self::new(source)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> String {
        template.source
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_compare_across_their_json_forms() {
        let scope = Scope::new().with("result", &json!({"status": 503, "value": 12.5, "whole": 12.0, "big": u64::MAX}));
        for truth in [
            "result.status >= 500",
            "result.value > 12",
            "result.whole == 12.0",
            "result.whole > 11",
            "result.big > 1.0e18",
            "result.status > 502.5",
        ] {
            assert_eq!(Expression::new(truth).holds(&scope), Ok(true), "{truth}");
        }
    }

    #[test]
    fn a_template_keeps_types_when_it_is_one_value_and_writes_text_otherwise() {
        let scope = Scope::new().with("params", &json!({"n": 3, "s": "x", "none": null}));
        assert_eq!(Template::new("${{ params.n }}").value(&scope), Ok(json!(3)));
        assert_eq!(
            Template::new("a ${{ params.n }} b ${{params.s}}${{ params.none }}").value(&scope),
            Ok(json!("a 3 b x"))
        );
        assert_eq!(Template::new("plain $ { text }}").value(&scope), Ok(json!("plain $ { text }}")));
        assert!(matches!(Template::new("${{ open").parts(), Err(ExprError::Unclosed(_))));
    }

    #[test]
    fn what_does_not_exist_is_an_error_and_not_nothing() {
        let scope = Scope::new().with("alert", &json!({"title": "t"}));
        assert!(matches!(Expression::new("alert.titel").value(&scope), Err(ExprError::Evaluation { .. })));
        assert!(matches!(Expression::new("alert.").value(&scope), Err(ExprError::Syntax { .. })));
        assert!(matches!(Expression::new("alert.title").holds(&scope), Err(ExprError::Type { .. })));
    }

    #[test]
    fn what_would_break_the_parser_or_the_stack_is_a_syntax_error() {
        let long = |begin: &str, part: &str, times: usize| format!("{begin}{}", part.repeat(times));
        for source in [
            long("a", ".b", 1000),
            long("1", "+1", 1000),
            long("", "!", 4000),
            long("", "- ", 2000),
            long("", "(", 4000),
            long("", "[", 4000),
            long("", "{1:", 1000),
            long("a", "[0]", 1000),
            long("a", ".f()", 800),
            long("", "a?a:", 1000),
            long("", "a.map(x,", 500),
            long("", "\"", 4001),
            long("a", " && a", 900),
            long("x", "x", EXPRESSION_LIMIT),
            "'\\u'".to_owned(),
            "'\\xZZ'".to_owned(),
            "'\\ud800'".to_owned(),
            "99999999999999999999".to_owned(),
            String::new(),
            "\u{0}".to_owned(),
            "`".to_owned(),
        ] {
            let refused = Expression::new(source.as_str()).check().is_err();
            assert!(refused, "{}", source.chars().take(40).collect::<String>());
        }
    }

    #[test]
    fn what_is_as_deep_as_allowed_evaluates_on_a_small_stack() {
        let deep = |begin: &str, part: &str, times: usize| format!("{begin}{}", part.repeat(times));
        for source in
            [deep("1", "+1", 31), deep("a", ".b", 31), format!("{}true", "!".repeat(31)), "[[[[[[1]]]]]]".to_owned()]
        {
            let expression = Expression::new(source);
            assert!(expression.check().is_ok(), "{expression:?}");
            // 2 MiB is what a thread has by default, in tests and in tokio.
            let evaluated = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
                let _either = expression.value(&Scope::new());
            });
            evaluated.unwrap().join().unwrap();
        }
    }
}
