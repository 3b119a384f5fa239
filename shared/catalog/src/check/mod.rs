//! Everything that can be wrong with documents whose YAML is right.

mod auth;
mod aws;
mod bindings;
mod budgets;
mod cases;
mod chat;
mod commands;
mod delivery;
mod disjoint;
mod floor;
mod kinds;
mod misplaced;
mod models;
mod names;
mod parameters;
mod redactions;
mod schedules;
pub(crate) mod shape;
mod sources;
mod tasks;
#[cfg(test)]
mod tests;
pub(crate) mod types;
mod unused;
mod workflows;

pub use delivery::is_safe;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use domain::Name;

use crate::{
    Catalog,
    expr::{ExprError, Expression, Part, Template},
    model::Effect,
    node::{Node, Place},
    problem::{Code, Problem, nearest},
    schema::DocKind,
};
use names::{Named, Variables, named};
use types::Type;

/// Where a document stands.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) file: PathBuf,
    pub(crate) node: Node,
}

impl Origin {
    /// `file:line` of what `path` leads to.
    pub(crate) fn at(&self, path: &[&str]) -> String {
        format!("{}:{}", self.file.display(), self.node.place_of(path).line)
    }
}

/// All documents that have a name, also those that are otherwise broken: a reference to one of them leads somewhere.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    origins: BTreeMap<(DocKind, Name), Origin>,
    /// Files with documents whose names are not known, so that what is missing may stand there.
    pub(crate) lost: Vec<PathBuf>,
    /// What the library has, where one was looked into.
    pub(crate) shipped: Vec<(DocKind, Name)>,
    /// The library's files of which documents were taken.
    pub(crate) from_library: BTreeSet<PathBuf>,
}

impl Documents {
    pub(crate) fn is_empty(&self) -> bool {
        self.origins.is_empty()
    }

    pub(crate) fn insert(&mut self, kind: DocKind, name: Name, origin: Origin) {
        self.origins.insert((kind, name), origin);
    }

    pub(crate) fn origin(&self, kind: DocKind, name: &Name) -> Option<&Origin> {
        self.origins.get(&(kind, name.clone()))
    }

    fn names(&self, kind: DocKind) -> impl Iterator<Item = &Name> {
        self.origins.keys().filter(move |(one, _)| *one == kind).map(|(_, name)| name)
    }
}

/// A place within a document: which one, and the keys that lead there. A number leads into a list.
#[derive(Debug, Clone)]
struct Spot<'n> {
    kind: DocKind,
    name: &'n Name,
    path: Vec<String>,
}

impl<'n> Spot<'n> {
    fn new(kind: DocKind, name: &'n Name) -> Self {
        Self { kind, name, path: Vec::new() }
    }

    /// What `key` leads to from here; several keys with dots between them.
    fn to(&self, key: &str) -> Self {
        let mut path = self.path.clone();
        path.extend(key.split('.').map(str::to_owned));
        Self { path, ..*self }
    }

    fn item(&self, place: usize) -> Self {
        self.key(&place.to_string())
    }

    /// What one key leads to that may have dots of its own.
    fn key(&self, key: &str) -> Self {
        let mut path = self.path.clone();
        path.push(key.to_owned());
        Self { path, ..*self }
    }
}

/// The documents, and where what is wrong with them goes.
struct Desk<'c> {
    catalog: &'c Catalog,
    documents: &'c Documents,
    problems: Vec<Problem>,
}

impl Desk<'_> {
    fn report(&mut self, spot: &Spot<'_>, code: Code, message: impl Into<String>, help: impl Into<String>) {
        let Some(origin) = self.documents.origin(spot.kind, spot.name) else { return };
        let path: Vec<&str> = spot.path.iter().map(String::as_str).collect();
        let Place { line, column } = origin.node.place_of(&path);
        self.problems.push(Problem {
            file: origin.file.clone(),
            line,
            column,
            code,
            severity: code.severity(),
            message: message.into(),
            help: Some(help.into()),
        });
    }

    /// Whether a reference to a document leads somewhere; says so when it does not.
    fn refers(&mut self, spot: &Spot<'_>, kind: DocKind, name: &Name) {
        if self.documents.origin(kind, name).is_some() {
            return;
        }
        let known: Vec<&str> = self.documents.names(kind).map(Name::as_str).collect();
        let lost = self.documents.lost.first().map(|file| file.display());
        let shipped = self.documents.shipped.iter().filter(|(one, _)| *one == kind).map(|(_, name)| name.as_str());
        let near = nearest(name.as_str(), known.iter().copied().chain(shipped));
        let help = match (near, known.as_slice()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            _ if let Some(file) = lost => format!("it may stand in {file}, which is not read whole: mend that first"),
            (None, []) => format!("the catalog has no {} yet: write one", kind.as_str()),
            (None, some) if some.len() <= 8 => format!("there are {}", quoted(some)),
            (None, _) => format!("write a {} with that name", kind.as_str()),
        };
        self.report(spot, Code::UnknownReference, format!("there is no {} `{name}`", kind.as_str()), help);
    }

    /// Reports what is wrong with an expression, and says what it uses; nothing when it does not compile.
    fn expression(&mut self, spot: &Spot<'_>, expression: &Expression, variables: &Variables) -> Option<Named> {
        let expr = match expression.check() {
            Ok(expr) => expr,
            Err(ExprError::Syntax { expression, reason }) => {
                let message = format!("`{}` is not an expression: {reason}", crate::bind::cut(&expression));
                self.report(spot, Code::ExpressionSyntax, message, "expressions are CEL: docs/catalog.md, Expressions");
                return None;
            }
            Err(error) => {
                self.report(spot, Code::ExpressionSyntax, error.to_string(), "expressions are CEL");
                return None;
            }
        };
        let mut found = named(expr, variables);
        for (code, message, help) in found.wrong.drain(..) {
            self.report(spot, code, message, help);
        }
        Some(found)
    }

    /// The same of an expression that must be true or false.
    fn condition(&mut self, spot: &Spot<'_>, expression: &Expression, variables: &Variables) {
        let found = self.expression(spot, expression, variables);
        if let Some(gives) = found.and_then(|found| found.gives).filter(|gives| !gives.fits(&Type::Bool)) {
            let message = format!("the condition is {}, not true or false", gives.what());
            self.report(spot, Code::TypeMismatch, message, "compare it with something");
        }
    }

    /// The same of the expressions in a text; what all of them use together.
    fn template(&mut self, spot: &Spot<'_>, template: &Template, variables: &Variables) -> Option<Named> {
        let parts = match template.parts() {
            Ok(parts) => parts,
            Err(error) => {
                self.report(spot, Code::ExpressionSyntax, error.to_string(), "close it with `}}`");
                return None;
            }
        };
        let mut all = Named::default();
        for part in parts {
            if let Part::Value(expression) = part {
                let found = self.expression(spot, expression, variables)?;
                all.roots.extend(found.roots);
                all.parameters.extend(found.parameters);
            }
        }
        Some(all)
    }
}

/// What is wrong with the documents of `catalog`.
pub(crate) fn check(catalog: &Catalog, documents: &Documents, event_files: bool) -> Vec<Problem> {
    let mut desk = Desk { catalog, documents, problems: Vec::new() };
    sources::check(&mut desk);
    kinds::kubernetes::clusters(&mut desk);
    tasks::check(&mut desk);
    aws::check(&mut desk);
    commands::check(&mut desk);
    workflows::check(&mut desk);
    schedules::check(&mut desk);
    world(&mut desk);
    budgets::check(&mut desk);
    models::check(&mut desk);
    redactions::check(&mut desk);
    disjoint::check(&mut desk);
    unused::check(&mut desk);
    cases::check(&mut desk, event_files);
    desk.problems
}

/// Assistants, Rules and Knowledge; an Slx is checked with the Commands, whose entries it shares.
fn world(desk: &mut Desk<'_>) {
    let catalog = desk.catalog;
    for (name, assistant) in &catalog.assistants {
        let spot = Spot::new(DocKind::Assistant, name);
        for (place, task) in assistant.tasks.iter().enumerate() {
            desk.refers(&spot.to("tasks").item(place), DocKind::Task, task);
        }
        if assistant.limits.time.is_some_and(|time| time.0.is_zero()) {
            let help = "leave it out for the default of 5 min";
            desk.report(&spot.to("limits.time"), Code::OutOfBounds, "an Assistant with no time reads nothing", help);
        }
        if assistant.limits.usd.is_some_and(|usd| usd < 0.0) {
            desk.report(&spot.to("limits.usd"), Code::OutOfBounds, "money cannot be negative", "write 0 or more");
        }
    }
    for (name, knowledge) in &catalog.knowledge {
        commands::tags(desk, &Spot::new(DocKind::Knowledge, name), &knowledge.tags);
    }
    let variables = Variables::new([("issue", types::issue()), ("alert", types::alert())]);
    for (name, rule) in &catalog.rules {
        let spot = Spot::new(DocKind::Rule, name);
        desk.condition(&spot.to("when"), &rule.when, &variables);
        commands::tags(desk, &spot, &rule.tags);
        // A broken condition has its own problem.
        let says = rule.when.check().is_ok_and(|expr| names::named(expr, &variables).roots.is_empty());
        if says && !rule.when.source().trim().eq("true") {
            let message =
                format!("`{}` says nothing of the Issue or the alert: it holds never, or always", rule.when.source());
            let help = "ask for something of `issue` or `alert`; `true` where all are meant";
            desk.report(&spot.to("when"), Code::RuleWithoutEffect, message, help);
        }
        if rule.then == Effect::Suppress(false) {
            let help = "write `suppress: true`, or take the Rule out";
            desk.report(&spot.to("then"), Code::RuleWithoutEffect, "the Rule does nothing", help);
        }
    }
}

/// Words in backquotes, with commas.
pub(crate) fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
