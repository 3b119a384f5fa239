//! What belongs to a catalog of the library that it is loaded with.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    str::FromStr,
};

use domain::Name;

use super::Reading;
use crate::{
    model::TaskRef,
    node::{Node, documents},
    schema::DocKind,
};

impl Reading {
    /// Takes in the documents of `files` that are named and are not there. Nothing is read as long as none is wanted.
    pub(super) fn take_from(&mut self, files: &[(&str, &str)], command: Option<&Name>) {
        let mut shelf = None;
        loop {
            let wanted = self.wanted(command);
            if wanted.is_empty() {
                return;
            }
            let shelf = shelf.get_or_insert_with(|| {
                let shelf = Shelf::of(files);
                self.documents.shipped = shelf.0.keys().cloned().collect();
                shelf
            });
            let taken: Vec<_> = wanted.into_iter().filter_map(|key| Some((key.0, shelf.0.remove(&key)?))).collect();
            if taken.is_empty() {
                return;
            }
            for (kind, (path, node)) in taken {
                self.documents.from_library.insert(path.clone());
                self.typed(&path, node, kind);
            }
        }
    }

    /// What is named and is not there.
    fn wanted(&self, command: Option<&Name>) -> Vec<(DocKind, Name)> {
        let catalog = &self.catalog;
        let commands = (catalog.workflows.values().map(|workflow| &workflow.investigate.command))
            .chain(catalog.schedules.values().map(|schedule| &schedule.command))
            .chain(catalog.sources.values().flat_map(|source| &source.commands).map(|entry| &entry.command))
            .chain(command);
        let named = |entries: &'_ [TaskRef]| entries.iter().filter_map(|entry| entry.task.clone()).collect::<Vec<_>>();
        let tasks = (catalog.commands.values().flat_map(|command| named(&command.tasks)))
            .chain(catalog.slxs.values().flat_map(|slx| named(&slx.tasks)))
            .chain(catalog.assistants.values().flat_map(|assistant| assistant.tasks.iter().cloned()));
        let all = commands.cloned().map(|name| (DocKind::Command, name));
        let mut all: Vec<_> = all.chain(tasks.map(|name| (DocKind::Task, name))).collect();
        all.retain(|(kind, name)| self.documents.origin(*kind, name).is_none());
        all.sort();
        all.dedup();
        all
    }
}

/// The documents of a library by kind and name. Its own tests see to it that each can be read.
struct Shelf(BTreeMap<(DocKind, Name), (PathBuf, Node)>);

impl Shelf {
    fn of(files: &[(&str, &str)]) -> Self {
        let mut shelf = BTreeMap::new();
        for (path, text) in files {
            for node in documents(text).0 {
                let text = |key: &str| node.get(key).and_then(Node::text);
                let kind =
                    [DocKind::Command, DocKind::Task].into_iter().find(|kind| text("kind") == Some(kind.as_str()));
                let name = text("name").and_then(|name| Name::from_str(name).ok());
                if let (Some(kind), Some(name)) = (kind, name) {
                    shelf.insert((kind, name), (Path::new(path).to_owned(), node));
                }
            }
        }
        Self(shelf)
    }
}
