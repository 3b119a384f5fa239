//! What an expression names: whether it is there, and whether it is compared with what it can be equal to.

use std::collections::{BTreeMap, BTreeSet};

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr, operators},
};

use super::{quoted, types::Type};
use crate::{
    bind::whole,
    equality::path,
    problem::{Code, nearest},
    tree::children,
};

/// The functions there are, with what they give.
const FUNCTIONS: [(&str, Type); 13] = [
    ("size", Type::Number),
    ("contains", Type::Bool),
    ("startsWith", Type::Bool),
    ("endsWith", Type::Bool),
    ("matches", Type::Bool),
    ("string", Type::Text),
    ("int", Type::Number),
    ("uint", Type::Number),
    ("double", Type::Number),
    ("bool", Type::Bool),
    ("bytes", Type::Any),
    ("dyn", Type::Any),
    ("type", Type::Any),
];

/// The macros there are; the parser has put others in their place where they were called rightly.
const MACROS: [&str; 6] = ["has", "all", "exists", "exists_one", "map", "filter"];

/// Methods of text, which nothing else has.
const TEXT_METHODS: [&str; 4] = ["contains", "startsWith", "endsWith", "matches"];

/// The variables that an expression sees.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables {
    pub(crate) roots: BTreeMap<&'static str, Type>,
    /// What is said of a `steps.<id>` that is not there.
    pub(crate) absent_steps: BTreeMap<String, String>,
    /// What is reported of a root that is not there.
    pub(crate) beyond: Option<(Code, &'static str)>,
}

impl Variables {
    pub(crate) fn new<const N: usize>(roots: [(&'static str, Type); N]) -> Self {
        Self { roots: roots.into(), ..Self::default() }
    }
}

/// What is wrong with an expression, and what it uses.
#[derive(Debug, Default)]
pub(crate) struct Named {
    pub(crate) wrong: Vec<(Code, String, String)>,
    /// The roots that it uses.
    pub(crate) roots: BTreeSet<String>,
    /// The fields of `params` or `inputs` that it uses; `*` for one that is not known before.
    pub(crate) parameters: BTreeSet<String>,
    /// What it gives.
    pub(crate) gives: Option<Type>,
}

/// What `expr` names among `variables`.
pub(crate) fn named(expr: &IdedExpr, variables: &Variables) -> Named {
    let mut walk = Walk { variables, named: Named::default(), local: Vec::new() };
    let gives = walk.infer(expr);
    let mut named = walk.named;
    named.gives = Some(gives);
    let mut seen = BTreeSet::new();
    named.wrong.retain(|(code, message, _)| seen.insert((*code, message.clone())));
    // `steps.my-id` reads as a subtraction, and its other half is nothing of its own.
    if let Some(place) = named.wrong.iter().position(|(_, _, help)| help.contains("with a dash")) {
        let dash = named.wrong.swap_remove(place);
        named.wrong = vec![dash];
    }
    named
}

struct Walk<'v> {
    variables: &'v Variables,
    named: Named,
    /// The variables of macros.
    local: Vec<(String, Type)>,
}

impl Walk<'_> {
    fn report(&mut self, code: Code, message: String, help: impl Into<String>) {
        self.named.wrong.push((code, message, help.into()));
    }

    fn infer(&mut self, expr: &IdedExpr) -> Type {
        match &expr.expr {
            Expr::Ident(name) => self.root(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Type::Bool,
                LiteralValue::String(_) => Type::Text,
                LiteralValue::Double(_) | LiteralValue::Int(_) | LiteralValue::UInt(_) => Type::Number,
                LiteralValue::Bytes(_) | LiteralValue::Null => Type::Any,
            },
            Expr::List(list) => {
                let mut items: Vec<Type> = list.elements.iter().map(|element| self.infer(element)).collect();
                items.dedup();
                match <[Type; 1]>::try_from(items) {
                    Ok([one]) => Type::List(Box::new(one)),
                    Err(_) => Type::List(Box::new(Type::Any)),
                }
            }
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                for child in children(&expr.expr) {
                    self.infer(child);
                }
                Type::Any
            }
        }
    }

    fn root(&mut self, name: &str) -> Type {
        if let Some((_, local)) = self.local.iter().rev().find(|(local, _)| local == name) {
            return local.clone();
        }
        if let Some(known) = self.variables.roots.get(name) {
            self.named.roots.insert(name.to_owned());
            return known.clone();
        }
        let types = ["int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type"];
        if name.starts_with('@') || types.contains(&name) {
            return Type::Any;
        }
        let known: Vec<&str> = self.variables.roots.keys().copied().collect();
        let elsewhere = ["alert", "event", "params", "inputs", "steps", "result", "issue", "body", "headers"];
        if let Some((code, help)) = self.variables.beyond.filter(|_| elsewhere.contains(&name)) {
            self.report(code, format!("`{name}` cannot stand here"), help);
            return Type::Any;
        }
        let help = match (nearest(name, known.iter().copied()), known.as_slice()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, []) => "no expression can stand here: write the value itself".to_owned(),
            (None, known) => format!("what stands here is {}", quoted(known)),
        };
        self.report(Code::UnknownVariable, format!("there is no `{name}` here"), help);
        Type::Any
    }

    fn select(&mut self, select: &SelectExpr) -> Type {
        let found = self.field(&select.operand, &select.field);
        if select.test { Type::Bool } else { found }
    }

    fn field(&mut self, operand: &IdedExpr, field: &str) -> Type {
        let of = self.infer(operand);
        let written = spelled(operand);
        if let Expr::Ident(root) = &operand.expr
            && matches!(root.as_str(), "params" | "inputs")
        {
            self.named.parameters.insert(field.to_owned());
        }
        match of {
            Type::Any => Type::Any,
            Type::Free(of) => *of,
            Type::Fields(fields) => match fields.get(field) {
                Some(found) => found.clone(),
                None => {
                    let help = self.help(&written, field, &fields);
                    self.report(Code::UnknownVariable, format!("`{written}` has no `{field}`"), help);
                    Type::Any
                }
            },
            other => {
                let message = format!("`{written}` is {} and has no `{field}`", other.what());
                self.report(Code::UnknownVariable, message, "leave it out, or name what holds it");
                Type::Any
            }
        }
    }

    fn help(&self, of: &str, field: &str, fields: &BTreeMap<String, Type>) -> String {
        let begun = format!("{field}-");
        let dashed = |key: &&str| key.starts_with(&begun);
        let absent = if of == "steps" { Some(&self.variables.absent_steps) } else { None };
        let known: Vec<&str> = fields.keys().map(String::as_str).collect();
        let all = known.iter().copied().chain(absent.into_iter().flat_map(|absent| absent.keys().map(String::as_str)));
        if let Some(key) = all.clone().find(dashed) {
            return format!("write a name with a dash as `{of}[\"{key}\"]`");
        }
        if let Some(said) = absent.and_then(|absent| absent.get(field)) {
            return said.clone();
        }
        match (nearest(field, known.iter().copied()), known.as_slice()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, []) => format!("`{of}` is empty here"),
            (None, known) => format!("it has {}", quoted(known)),
        }
    }

    fn call(&mut self, call: &CallExpr) -> Type {
        if let (operators::INDEX, [operand, key]) = (call.func_name.as_str(), call.args.as_slice()) {
            return self.index(operand, key);
        }
        let target = call.target.as_deref().map(|target| (self.infer(target), spelled(target)));
        let args: Vec<Type> = call.args.iter().map(|arg| self.infer(arg)).collect();
        match (call.func_name.as_str(), args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, args) => {
                for (of, arg) in args.iter().zip(&call.args) {
                    self.want_bool(of, arg);
                }
                Type::Bool
            }
            (operators::EQUALS | operators::NOT_EQUALS, [left, right]) => {
                self.comparable(left, right, call, "are never equal");
                Type::Bool
            }
            (
                operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
                [left, right],
            ) => {
                self.comparable(left, right, call, "cannot be compared");
                Type::Bool
            }
            (operators::IN, [left, Type::List(of)]) => {
                self.comparable(left, of, call, "are never equal");
                Type::Bool
            }
            (operators::IN, _) => Type::Bool,
            (operators::CONDITIONAL, [condition, then, other]) => {
                if let Some(arg) = call.args.first() {
                    self.want_bool(condition, arg);
                }
                if then == other { then.clone() } else { Type::Any }
            }
            (operators::ADD, [left, right]) => {
                self.comparable(left, right, call, "cannot be added");
                if left == right { left.clone() } else { Type::Any }
            }
            (
                operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO | operators::NEGATE,
                _,
            ) => Type::Number,
            (name, _) if name.starts_with('@') => Type::Any,
            (name, _) => self.function(name, target, call),
        }
    }

    fn function(&mut self, name: &str, target: Option<(Type, String)>, call: &CallExpr) -> Type {
        let Some((_, gives)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
            if MACROS.contains(&name) {
                let help = "`has(a.b)`, `list.exists(x, condition)`, `list.all(x, condition)`, `list.map(x, value)`, \
                            `list.filter(x, condition)`";
                self.report(Code::UnknownFunction, format!("`{name}` is not called like this"), help);
                return Type::Any;
            }
            let known: Vec<&str> = FUNCTIONS.iter().map(|(known, _)| *known).chain(MACROS).collect();
            let help = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", quoted(&known)),
            };
            self.report(Code::UnknownFunction, format!("there is no function `{name}`"), help);
            return Type::Any;
        };
        if let Some((of, written)) = &target
            && TEXT_METHODS.contains(&name)
            && !of.fits(&Type::Text)
        {
            let message = format!("`{written}` is {}, and `{name}` is asked of text", of.what());
            let help = match of {
                Type::List(_) => "ask whether something is in a list with `\"x\" in list`".to_owned(),
                _ => format!("write `string({written}).{name}(...)`"),
            };
            self.report(Code::TypeMismatch, message, help);
        }
        if name == "matches"
            && let Some(Expr::Literal(LiteralValue::String(pattern))) = call.args.last().map(|arg| &arg.expr)
            && let Err(reason) = whole(pattern.inner())
        {
            let message = format!("`{}` is not a regular expression: {reason}", pattern.inner());
            self.report(
                Code::Regex,
                message,
                "the syntax is that of the Rust crate `regex`: no look-around, no back references",
            );
        }
        gives.clone()
    }

    fn index(&mut self, operand: &IdedExpr, key: &IdedExpr) -> Type {
        if let Expr::Literal(LiteralValue::String(key)) = &key.expr {
            return self.field(operand, key.inner());
        }
        self.infer(key);
        if let Expr::Ident(root) = &operand.expr
            && matches!(root.as_str(), "params" | "inputs")
        {
            self.named.parameters.insert("*".to_owned());
        }
        match self.infer(operand) {
            Type::List(of) | Type::Free(of) => *of,
            _ => Type::Any,
        }
    }

    fn comprehension(&mut self, comprehension: &ComprehensionExpr) -> Type {
        let each = match self.infer(&comprehension.iter_range) {
            Type::List(of) => *of,
            // A map is gone through by its keys.
            Type::Fields(_) | Type::Free(_) => Type::Text,
            _ => Type::Any,
        };
        let begin = self.infer(&comprehension.accu_init);
        let before = self.local.len();
        self.local.push((comprehension.accu_var.clone(), begin.clone()));
        self.local.push((comprehension.iter_var.clone(), each));
        self.local.extend(comprehension.iter_var2.clone().map(|second| (second, Type::Any)));
        self.infer(&comprehension.loop_cond);
        self.infer(&comprehension.loop_step);
        let gives = self.infer(&comprehension.result);
        self.local.truncate(before);
        match gives {
            Type::List(_) => Type::List(Box::new(Type::Any)),
            other => other,
        }
    }

    fn want_bool(&mut self, of: &Type, expr: &IdedExpr) {
        if !of.fits(&Type::Bool) {
            let message = format!("`{}` is {}, not true or false", spelled(expr), of.what());
            self.report(Code::TypeMismatch, message, "compare it with something");
        }
    }

    fn comparable(&mut self, left: &Type, right: &Type, call: &CallExpr, never: &str) {
        if left.fits(right) {
            return;
        }
        let [one, other] = call.args.as_slice() else { return };
        let message =
            format!("`{}` is {} and `{}` is {}: they {never}", spelled(one), left.what(), spelled(other), right.what());
        let help = match (left, right) {
            (Type::Number, Type::Text) | (Type::Text, Type::Number) => {
                "write numbers without quotes and text with them"
            }
            _ => "compare what is of one type",
        };
        self.report(Code::TypeMismatch, message, help);
    }
}

/// An operand as it was written, as far as that is short.
fn spelled(expr: &IdedExpr) -> String {
    match &expr.expr {
        Expr::Ident(name) => name.clone(),
        Expr::Literal(LiteralValue::String(text)) => format!("{:?}", text.inner()),
        Expr::Literal(LiteralValue::Int(number)) => number.inner().to_string(),
        Expr::Literal(LiteralValue::Boolean(flag)) => flag.inner().to_string(),
        Expr::Call(call) => match &call.target {
            Some(target) => format!("{}.{}(...)", spelled(target), call.func_name),
            None if call.func_name.starts_with(|c: char| c.is_ascii_alphabetic()) => format!("{}(...)", call.func_name),
            None => path(expr).map_or_else(|| "the operand".to_owned(), |path| crate::equality::written_path(&path)),
        },
        Expr::List(_) => "what is in the list".to_owned(),
        _ => path(expr).map_or_else(|| "the operand".to_owned(), |path| crate::equality::written_path(&path)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::types, *};
    use crate::expr::{Expression, Scope};

    fn wrong(source: &str) -> Vec<String> {
        let mut variables = Variables::new([("alert", types::alert()), ("event", types::event())]);
        let step = types::step(Type::fields([("status", Type::Number)]));
        variables.roots.insert("steps", Type::fields([("health", step), ("dns-a", Type::Any)]));
        variables.absent_steps.insert("later".to_owned(), "add `needs: [later]`".to_owned());
        let expression = Expression::new(source);
        let named = named(expression.check().unwrap(), &variables);
        named.wrong.into_iter().map(|(code, message, help)| format!("{code} {message}; {help}")).collect()
    }

    #[test]
    fn what_is_there_is_found() {
        for source in [
            "alert.labels.anything == 'x' && alert.labels['a/b'] != ''",
            "has(alert.labels.foo) && alert.service.name.startsWith('check')",
            "alert.links.exists(link, link.title.contains('Grafana'))",
            "steps.health.result.status >= 500 || steps.health.issues.size() > 0",
            "size(alert.links) > 0 ? alert.title : alert.description",
            "steps['dns-a'].result.answers.filter(a, a != '').size() == 0",
            "alert.severity in ['critical', 'high']",
            "alert.title.matches('^[a-z]+$') && event.kind == 'triggered'",
            "alert.labels.exists(key, key == 'x')",
            "int(alert.labels.n) + 1 > 3",
            "alert.title + ': ' + string(steps.health.result.status) == ''",
        ] {
            assert_eq!(wrong(source), Vec::<String>::new(), "{source}");
        }
    }

    #[test]
    fn what_is_not_there_is_named_with_the_mend() {
        let all = [
            "alert.titel == ''",
            "alret.title == ''",
            "params.x == 1",
            "alert.service.id.value == 'x'",
            "steps.dns-a.result == 1",
            "steps.later.outcome == 'ok'",
            "steps.health.result.state == 200",
            "alert.title.lower() == 'x'",
            "alert.title.startswith('x')",
            "alert.links.exists(link, link.name == '')",
            "alert.links.exists(true)",
            "alert.title.matches('(')",
            "steps.health.result.status == '200'",
            "steps.health.result.status.contains('5')",
            "alert.severity > 2",
            "alert.title && true",
            "alert.severity in [1, 2]",
            "alert.title + 1 == ''",
        ];
        let printed: Vec<String> =
            all.iter().map(|source| format!("{source}\n    {}", wrong(source).join("\n    "))).collect();
        insta::assert_snapshot!(printed.join("\n"), @r#"
        alert.titel == ''
            FL031 `alert` has no `titel`; did you mean `title`?
        alret.title == ''
            FL031 there is no `alret` here; did you mean `alert`?
        params.x == 1
            FL031 there is no `params` here; what stands here is `alert`, `event`, `steps`
        alert.service.id.value == 'x'
            FL031 `alert.service.id` is text and has no `value`; leave it out, or name what holds it
        steps.dns-a.result == 1
            FL031 `steps` has no `dns`; write a name with a dash as `steps["dns-a"]`
        steps.later.outcome == 'ok'
            FL031 `steps` has no `later`; add `needs: [later]`
        steps.health.result.state == 200
            FL031 `steps.health.result` has no `state`; it has `status`
        alert.title.lower() == 'x'
            FL032 there is no function `lower`; there are `size`, `contains`, `startsWith`, `endsWith`, `matches`, `string`, `int`, `uint`, `double`, `bool`, `bytes`, `dyn`, `type`, `has`, `all`, `exists`, `exists_one`, `map`, `filter`
        alert.title.startswith('x')
            FL032 there is no function `startswith`; did you mean `startsWith`?
        alert.links.exists(link, link.name == '')
            FL031 `link` has no `name`; it has `title`, `url`
        alert.links.exists(true)
            FL032 `exists` is not called like this; `has(a.b)`, `list.exists(x, condition)`, `list.all(x, condition)`, `list.map(x, value)`, `list.filter(x, condition)`
        alert.title.matches('(')
            FL044 `(` is not a regular expression: unclosed group; the syntax is that of the Rust crate `regex`: no look-around, no back references
        steps.health.result.status == '200'
            FL033 `steps.health.result.status` is a number and `"200"` is text: they are never equal; write numbers without quotes and text with them
        steps.health.result.status.contains('5')
            FL033 `steps.health.result.status` is a number, and `contains` is asked of text; write `string(steps.health.result.status).contains(...)`
        alert.severity > 2
            FL033 `alert.severity` is text and `2` is a number: they cannot be compared; write numbers without quotes and text with them
        alert.title && true
            FL033 `alert.title` is text, not true or false; compare it with something
        alert.severity in [1, 2]
            FL033 `alert.severity` is text and `what is in the list` is a number: they are never equal; write numbers without quotes and text with them
        alert.title + 1 == ''
            FL033 `alert.title` is text and `1` is a number: they cannot be added; write numbers without quotes and text with them
        "#);
    }

    #[test]
    fn every_function_of_the_list_is_there() {
        let scope = Scope::new().with("text", &json!("7"));
        for (name, _) in FUNCTIONS {
            let source = match name {
                "contains" | "startsWith" | "endsWith" | "matches" => format!("text.{name}('7')"),
                "bytes" | "type" => format!("{name}(text) == {name}(text)"),
                "bool" => "bool('true')".to_owned(),
                _ => format!("{name}(text)"),
            };
            assert!(Expression::new(&source).value(&scope).is_ok(), "{source}");
        }
    }
}
