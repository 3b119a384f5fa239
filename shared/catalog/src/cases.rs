//! The cases of a catalog's documents, and where they stand.

use std::path::PathBuf;

use domain::{Alert, Name};
use serde_json::{Map, Value, json};

use crate::{
    Catalog,
    check::Documents,
    model::{CommandCase, SourceCase, TaskCase, WorkflowCase},
    schema::DocKind,
};

/// One case of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The document that must pass it.
    pub document: Name,
    /// The file that it stands in; its event file is relative to that one's folder.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u32,
    /// Whether the document is one of the library.
    pub shipped: bool,
    /// What it is.
    pub asks: Asks,
}

/// A case, by the kind of its document.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Asks {
    Source(SourceCase),
    Workflow(WorkflowCase),
    Command(CommandCase),
    Task(TaskCase),
}

impl Asks {
    /// The kind of its document.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Source(_) => DocKind::Source.as_str(),
            Self::Workflow(_) => DocKind::Workflow.as_str(),
            Self::Command(_) => DocKind::Command.as_str(),
            Self::Task(_) => DocKind::Task.as_str(),
        }
    }

    /// What it shows.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Source(case) => &case.name,
            Self::Workflow(case) => &case.name,
            Self::Command(case) => &case.name,
            Self::Task(case) => &case.name,
        }
    }
}

pub(crate) fn of(catalog: &Catalog, documents: &Documents) -> Vec<Case> {
    let mut all = Vec::new();
    let mut put = |kind: DocKind, name: &Name, asks: Vec<Asks>| {
        let Some(origin) = documents.origin(kind, name) else { return };
        let shipped = documents.from_library.contains(&origin.file);
        for (place, asks) in asks.into_iter().enumerate() {
            let line = origin.node.place_of(&["tests", &place.to_string()]).line;
            all.push(Case { document: name.clone(), file: origin.file.clone(), line, shipped, asks });
        }
    };
    for (name, source) in &catalog.sources {
        put(DocKind::Source, name, source.tests.iter().cloned().map(Asks::Source).collect());
    }
    for (name, workflow) in &catalog.workflows {
        put(DocKind::Workflow, name, workflow.tests.iter().cloned().map(Asks::Workflow).collect());
    }
    for (name, command) in &catalog.commands {
        put(DocKind::Command, name, command.tests.iter().cloned().map(Asks::Command).collect());
    }
    for (name, task) in &catalog.tasks {
        put(DocKind::Task, name, task.tests.iter().cloned().map(Asks::Task).collect());
    }
    all.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
    all
}

/// The alert of a case: `fields`, and what every alert has where they do not say it.
///
/// # Errors
/// What keeps it from being an alert, for people.
pub fn alert(fields: &Map<String, Value>) -> Result<Alert, String> {
    let mut whole = Map::from_iter([
        ("external_id".to_owned(), json!("case")),
        ("title".to_owned(), json!("a case")),
        ("severity".to_owned(), json!("high")),
        ("started_at".to_owned(), json!("2026-01-01T00:00:00Z")),
    ]);
    whole.extend(fields.clone());
    serde_json::from_value(Value::Object(whole)).map_err(|error| error.to_string())
}
