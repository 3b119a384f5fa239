//! The equality conditions of an expression: what must be so, whatever else it asks. They are what workflows are indexed
//! by, and how two of them are proved disjoint.

use std::collections::BTreeSet;

use cel::{
    IdedExpr,
    common::ast::{Expr, LiteralValue, operators},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::expr::Expression;

/// A field, from the root on: `["alert", "service", "id"]`.
pub(crate) type Path = Vec<String>;

/// The text at a path must be one of some values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equality {
    pub(crate) path: Path,
    pub(crate) values: BTreeSet<String>,
}

impl Equality {
    /// Whether it holds of `root`, which has the expression's variables as keys.
    pub(crate) fn holds(&self, root: &Value) -> bool {
        text_at(root, &self.path).is_some_and(|text| self.values.contains(text))
    }

    /// As it would be written.
    pub(crate) fn written(&self) -> String {
        let path = written_path(&self.path);
        let mut values = self.values.iter().map(|value| format!("{value:?}"));
        match (values.next(), values.next()) {
            (Some(one), None) => format!("{path} == {one}"),
            (first, second) => {
                let all: Vec<String> = first.into_iter().chain(second).chain(values).collect();
                format!("{path} in [{}]", all.join(", "))
            }
        }
    }
}

/// The equality conditions of a trigger's `when`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// All of these must hold.
    pub(crate) all: Vec<Equality>,
    /// Whether it asks for nothing else, so that it need not be evaluated.
    pub(crate) whole: bool,
}

impl Conditions {
    /// The conditions of `when`; none for one that does not compile.
    #[must_use]
    pub fn of(when: Option<&Expression>) -> Self {
        let mut found = Self { all: Vec::new(), whole: true };
        match when.map(Expression::check) {
            None => {}
            Some(Ok(expr)) => found.walk(expr),
            Some(Err(_)) => found.whole = false,
        }
        found
    }

    fn walk(&mut self, expr: &IdedExpr) {
        if let Expr::Call(call) = &expr.expr
            && let (operators::LOGICAL_AND, None, [left, right]) =
                (call.func_name.as_str(), &call.target, call.args.as_slice())
        {
            self.walk(left);
            self.walk(right);
            return;
        }
        match equality(expr) {
            Some(equality) => self.all.push(equality),
            None => self.whole = false,
        }
    }

    /// Whether no event can meet both.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        self.all.iter().any(|one| {
            other.all.iter().any(|another| one.path == another.path && one.values.is_disjoint(&another.values))
        })
    }
}

/// `alert.labels["a/b"]`.
pub(crate) fn written_path(path: &Path) -> String {
    let plain = |key: &str| {
        key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let mut written = String::new();
    for (place, key) in path.iter().enumerate() {
        match (place, plain(key)) {
            (0, _) => written.push_str(key),
            (_, true) => written.extend([".", key]),
            (_, false) => written.push_str(&format!("[{key:?}]")),
        }
    }
    written
}

/// The text at `path`.
pub(crate) fn text_at<'v>(root: &'v Value, path: &Path) -> Option<&'v str> {
    path.iter().try_fold(root, |value, key| value.as_object()?.get(key))?.as_str()
}

/// `path == "text"`, `"text" == path`, or `path in ["text", ...]`.
fn equality(expr: &IdedExpr) -> Option<Equality> {
    let Expr::Call(call) = &expr.expr else { return None };
    let (None, [left, right]) = (&call.target, call.args.as_slice()) else { return None };
    let (path, values) = match call.func_name.as_str() {
        operators::EQUALS => match (path(left), text(left), path(right), text(right)) {
            (Some(path), _, _, Some(text)) | (_, Some(text), Some(path), _) => (path, BTreeSet::from([text])),
            _ => return None,
        },
        operators::IN => {
            let Expr::List(list) = &right.expr else { return None };
            (path(left)?, list.elements.iter().map(text).collect::<Option<_>>()?)
        }
        _ => return None,
    };
    Some(Equality { path, values })
}

fn text(expr: &IdedExpr) -> Option<String> {
    match &expr.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
        _ => None,
    }
}

/// The path that `a.b["c"]` is; at least a root and one key.
pub(crate) fn path(expr: &IdedExpr) -> Option<Path> {
    let mut keys = Vec::new();
    let mut at = expr;
    loop {
        at = match &at.expr {
            Expr::Select(select) if !select.test => {
                keys.push(select.field.clone());
                &select.operand
            }
            Expr::Call(call) if call.func_name == operators::INDEX && call.target.is_none() => {
                let [operand, key] = call.args.as_slice() else { return None };
                keys.push(text(key)?);
                operand
            }
            Expr::Ident(root) if !keys.is_empty() => {
                keys.push(root.clone());
                keys.reverse();
                return Some(keys);
            }
            _ => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(when: &str) -> (Vec<String>, bool) {
        let found = Conditions::of(Some(&Expression::new(when)));
        (found.all.iter().map(Equality::written).collect(), found.whole)
    }

    #[test]
    fn equality_conditions_are_found_among_the_top_conjuncts() {
        for (when, all, whole) in [
            (r#"alert.service.id == "P1""#, vec![r#"alert.service.id == "P1""#], true),
            (r#""P1" == alert.service.id"#, vec![r#"alert.service.id == "P1""#], true),
            (r#"alert.labels["a.b/c"] == 'x'"#, vec![r#"alert.labels["a.b/c"] == "x""#], true),
            (r#"alert.urgency in ["high", "low"]"#, vec![r#"alert.urgency in ["high", "low"]"#], true),
            (
                r#"(alert.a == "1" && event.kind == "x") && alert.title.contains("y")"#,
                vec![r#"alert.a == "1""#, r#"event.kind == "x""#],
                false,
            ),
            (r#"alert.a == "1" || alert.b == "2""#, vec![], false),
            (r#"!(alert.a == "1")"#, vec![], false),
            (r#"alert.a != "1""#, vec![], false),
            ("alert.a == 1", vec![], false),
            ("alert.a == alert.b", vec![], false),
            (r#"alert.a in ["x", alert.b]"#, vec![], false),
            ("alert.", vec![], false),
        ] {
            let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
            assert_eq!(conditions(when), (all, whole), "{when}");
        }
    }

    #[test]
    fn disjoint_is_what_no_event_can_meet_together() {
        let of = |when: &str| Conditions::of(Some(&Expression::new(when)));
        assert!(of(r#"alert.a == "1" && alert.b == "x""#).excludes(&of(r#"alert.a == "2""#)));
        assert!(of(r#"alert.a in ["1", "3"]"#).excludes(&of(r#"alert.a == "2""#)));
        assert!(!of(r#"alert.a in ["1", "2"]"#).excludes(&of(r#"alert.a == "2""#)));
        assert!(!of(r#"alert.a == "1""#).excludes(&of(r#"alert.b == "2""#)));
        assert!(!of("true").excludes(&of(r#"alert.b == "2""#)));
    }
}
