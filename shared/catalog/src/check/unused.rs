//! Documents that nothing uses.

use std::collections::BTreeSet;

use domain::Name;

use super::{Desk, Spot};
use crate::{model::SourceType, problem::Code, schema::DocKind};

pub(super) fn check(desk: &mut Desk<'_>) {
    let catalog = desk.catalog;
    if !desk.documents.lost.is_empty() {
        return;
    }
    let entries = catalog.commands.values().flat_map(|command| &command.tasks);
    let slx_entries = catalog.slxs.values().flat_map(|slx| &slx.tasks);
    let of_assistants = catalog.assistants.values().flat_map(|assistant| &assistant.tasks);
    let tasks: BTreeSet<&Name> =
        entries.clone().chain(slx_entries).filter_map(|entry| entry.task.as_ref()).chain(of_assistants).collect();
    let sources: BTreeSet<&Name> = catalog.workflows.values().flat_map(|workflow| &workflow.trigger.sources).collect();
    let asked = catalog.sources.values().flat_map(|source| &source.commands);
    let assistants: BTreeSet<&Name> = catalog
        .workflows
        .values()
        .filter_map(|workflow| workflow.investigate.assistant.as_ref())
        .chain(asked.filter_map(|entry| entry.assistant.as_ref()))
        .collect();
    let matched = entries.clone().any(|entry| entry.slx.is_some());

    // What is used by a document that is itself broken is not known, and more noise helps nobody.
    let whole = |kind: DocKind, valid: usize| desk.documents.names(kind).count() == valid;
    let workflows = whole(DocKind::Workflow, catalog.workflows.len());
    let commands = whole(DocKind::Command, catalog.commands.len());
    let users =
        commands && whole(DocKind::Slx, catalog.slxs.len()) && whole(DocKind::Assistant, catalog.assistants.len());
    let accounts: BTreeSet<&Name> = catalog.tasks.values().filter_map(|task| task.run.place()?.account).collect();
    let mut unused: Vec<(DocKind, &Name, &str, &str)> = Vec::new();
    if users {
        let lonely = catalog.tasks.keys().filter(|name| !tasks.contains(name));
        unused.extend(
            lonely.map(|name| (DocKind::Task, name, "no Command, Slx or Assistant runs", "name it in a Command")),
        );
    }
    if workflows {
        // Slack opens nothing: what it asks for stands in the Source itself, and mentions find the runs that stand.
        let opens = catalog.sources.iter().filter(|(_, source)| source.source_type != SourceType::Slack);
        let lonely = opens.map(|(name, _)| name).filter(|name| !sources.contains(name));
        unused.extend(lonely.map(|name| (DocKind::Source, name, "no Workflow listens to", "name it in a trigger")));
        let lonely = catalog.assistants.keys().filter(|name| !assistants.contains(name));
        unused.extend(lonely.map(|name| (DocKind::Assistant, name, "no Workflow asks", "name it in `investigate`")));
    }
    if whole(DocKind::Assistant, catalog.assistants.len()) {
        let models: BTreeSet<&Name> =
            catalog.assistants.values().filter_map(|assistant| assistant.model.name()).collect();
        let lonely = catalog.models.keys().filter(|name| !models.contains(name));
        unused.extend(lonely.map(|name| (DocKind::Model, name, "no Assistant reads with", "name it in `model`")));
    }
    if commands && !matched {
        let lonely = catalog.slxs.iter().filter(|(_, slx)| !slx.tasks.is_empty()).map(|(name, _)| name);
        unused.extend(
            lonely.map(|name| (DocKind::Slx, name, "no Command has `slx: matched` and runs", "add such an entry")),
        );
    }
    if whole(DocKind::Task, catalog.tasks.len()) {
        let lonely = catalog.accounts.keys().filter(|name| !accounts.contains(name));
        unused.extend(lonely.map(|name| (DocKind::Account, name, "no Task asks", "name it in a Task's `account`")));
    }
    for (kind, name, nobody, mend) in unused {
        let message = format!("{nobody} the {} `{name}`", kind.as_str());
        desk.report(&Spot::new(kind, name).to("name"), Code::Unused, message, format!("{mend}, or take it out"));
    }
}
