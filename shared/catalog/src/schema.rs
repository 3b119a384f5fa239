//! JSON Schemas of the documents: for editors, and what the loader holds a document's shape against.

use std::collections::BTreeMap;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::model::{
    Account, Assistant, Budget, Cluster, Command, Knowledge, LambdaAnswer, LambdaEvent, Model, Redaction, Rule,
    Schedule, Slx, Source, Task, Workflow,
};

/// The kinds of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum DocKind {
    Source,
    Workflow,
    Command,
    Task,
    Slx,
    Assistant,
    Rule,
    Knowledge,
    Schedule,
    Model,
    Cluster,
    Budget,
    Account,
    Redaction,
}

impl DocKind {
    pub(crate) const ALL: [Self; 14] = [
        Self::Source,
        Self::Workflow,
        Self::Command,
        Self::Task,
        Self::Slx,
        Self::Assistant,
        Self::Rule,
        Self::Knowledge,
        Self::Schedule,
        Self::Model,
        Self::Cluster,
        Self::Budget,
        Self::Account,
        Self::Redaction,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Source => "Source",
            Self::Workflow => "Workflow",
            Self::Command => "Command",
            Self::Task => "Task",
            Self::Slx => "Slx",
            Self::Assistant => "Assistant",
            Self::Rule => "Rule",
            Self::Knowledge => "Knowledge",
            Self::Schedule => "Schedule",
            Self::Model => "Model",
            Self::Cluster => "Cluster",
            Self::Budget => "Budget",
            Self::Account => "Account",
            Self::Redaction => "Redaction",
        }
    }

    /// The schema of a document of this kind, `kind` included.
    pub(crate) fn schema(self) -> Value {
        match self {
            Self::Source => of::<Source>(self),
            Self::Workflow => of::<Workflow>(self),
            Self::Command => of::<Command>(self),
            Self::Task => of::<Task>(self),
            Self::Slx => of::<Slx>(self),
            Self::Assistant => of::<Assistant>(self),
            Self::Rule => of::<Rule>(self),
            Self::Knowledge => of::<Knowledge>(self),
            Self::Schedule => of::<Schedule>(self),
            Self::Model => of::<Model>(self),
            Self::Cluster => of::<Cluster>(self),
            Self::Budget => of::<Budget>(self),
            Self::Account => of::<Account>(self),
            Self::Redaction => of::<Redaction>(self),
        }
    }
}

fn plain<T: JsonSchema>() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value();
    // Rust's line ends are not the reader's.
    unwrap_descriptions(&mut schema);
    schema
}

fn of<T: JsonSchema>(kind: DocKind) -> Value {
    let mut schema = plain::<T>();
    let Some(object) = schema.as_object_mut() else { return schema };
    object.insert("title".to_owned(), json!(kind.as_str()));
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("kind".to_owned(), json!({"const": kind.as_str(), "description": "The kind of document."}));
        if kind == DocKind::Knowledge {
            // It is what stands below the front matter.
            properties.remove("text");
        }
    }
    // The file's ending says it already of Knowledge.
    if kind != DocKind::Knowledge
        && let Some(required) = object.get_mut("required").and_then(Value::as_array_mut)
    {
        required.insert(0, json!("kind"));
    }
    schema
}

fn unwrap_descriptions(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "description" => *text = text.replace('\n', " "),
                    other => unwrap_descriptions(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(unwrap_descriptions),
        _ => {}
    }
}

/// The JSON Schemas by file name: one for each kind (`workflow.json`), `catalog.json` for files of several documents, and
/// both sides of the task kind `lambda`.
#[must_use]
pub fn schemas() -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let mut any = Vec::new();
    let mut definitions = Map::new();
    for kind in DocKind::ALL {
        let schema = kind.schema();
        all.insert(format!("{}.json", kind.as_str().to_ascii_lowercase()), schema.clone());
        // Knowledge is Markdown and never stands in such a file.
        if let (Value::Object(mut one), true) = (schema, kind != DocKind::Knowledge) {
            one.remove("$schema");
            if let Some(Value::Object(own)) = one.remove("$defs") {
                definitions.extend(own);
            }
            any.push(Value::Object(one));
        }
    }
    let catalog = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A document of a catalog",
        "oneOf": any,
        "$defs": definitions,
    });
    all.insert("catalog.json".to_owned(), catalog);
    all.insert("lambda-event.json".to_owned(), plain::<LambdaEvent>());
    all.insert("lambda-answer.json".to_owned(), plain::<LambdaAnswer>());
    all
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn schemas_are_those_that_stand_in_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
        for (name, schema) in schemas() {
            let path = folder.join(&name);
            let mut wanted = serde_json::to_string_pretty(&schema).unwrap();
            wanted.push('\n');
            if std::env::var_os("UPDATE_SCHEMAS").is_some() {
                fs::write(&path, &wanted).unwrap();
            }
            let found = fs::read_to_string(&path).unwrap_or_default();
            assert!(found == wanted, "{name} is stale: UPDATE_SCHEMAS=1 cargo test -p firstlook-catalog schemas");
        }
        assert_eq!(fs::read_dir(folder).unwrap().count(), schemas().len(), "a schema of no kind stands in the folder");
    }
}
