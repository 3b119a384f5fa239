//! `check` and `render`, and reading a catalog for the other verbs.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use catalog::{Case, Catalog, Loaded, MAX_SCHEDULES, ProblemSeverity, load_dir_with};
use console::words;
use domain::Name;
use library::FILES;

use crate::{
    cli::{Check, Render},
    failure::Failure,
    out,
};

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {}", path.display())]
pub struct FileError {
    doing: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl FileError {
    /// While `doing` it to `path`.
    pub fn new(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { doing, path: path.to_owned(), source }
    }
}

/// The catalog in `folder`, with what it names of the shipped library. What is wrong with it is said on stderr.
///
/// # Errors
/// [`Failure::Told`] when it cannot be used.
pub fn load(folder: &Path) -> Result<Arc<Catalog>, Failure> {
    load_for(folder, None)
}

/// The same for who wants to run `command`, which may be the library's.
///
/// # Errors
/// As [`load`].
pub fn load_for(folder: &Path, command: Option<&Name>) -> Result<Arc<Catalog>, Failure> {
    told(folder, load_dir_with(folder, FILES, command)).map(|(catalog, _)| Arc::new(catalog))
}

/// The catalog of what was loaded from `folder`, and its cases. What is wrong with it is said on stderr.
///
/// # Errors
/// As [`load`].
pub fn told(folder: &Path, loaded: Loaded) -> Result<(Catalog, Vec<Case>), Failure> {
    for problem in &loaded.problems {
        out::say(&problem.to_string());
    }
    let Some(catalog) = loaded.catalog else {
        out::say(&format!("error: the catalog in {} cannot be used", folder.display()));
        return Err(Failure::Told);
    };
    Ok((catalog, loaded.cases))
}

/// `firstlook check`.
pub fn check(args: &Check) -> Result<(), Failure> {
    let Loaded { catalog, problems, .. } = load_dir_with(&args.dir, FILES, None);
    if args.json {
        out::print(&serde_json::to_string_pretty(&problems)?)?;
    } else {
        for problem in &problems {
            out::print(&problem.to_string())?;
        }
    }
    let of = |severity| problems.iter().filter(|problem| problem.severity == severity).count();
    let (errors, warnings) = (of(ProblemSeverity::Error), of(ProblemSeverity::Warning));
    let counts =
        format!("{}, {}", words::count(errors, "error", "errors"), words::count(warnings, "warning", "warnings"));
    let Some(catalog) = catalog else {
        out::say(&counts);
        return Err(Failure::Told);
    };
    out::say(&format!("{counts} in {} (digest {})", summary(&catalog), catalog.digest));
    let files = [
        (&args.compiled, "--out", catalog.to_compiled()),
        (&args.schedules, "--schedules", catalog.to_schedules().into_bytes()),
        (&args.permissions, "--permissions", catalog.to_permissions().into_bytes()),
    ];
    for (path, option, now) in files {
        if let Some(path) = path {
            compare(&args.dir, path, option, &now)?;
        }
    }
    Ok(())
}

fn summary(catalog: &Catalog) -> String {
    [
        (catalog.sources.len(), "Source", "Sources"),
        (catalog.workflows.len(), "Workflow", "Workflows"),
        (catalog.commands.len(), "Command", "Commands"),
        (catalog.tasks.len(), "Task", "Tasks"),
        (catalog.slxs.len(), "Slx", "Slxs"),
        (catalog.rules.len(), "Rule", "Rules"),
        (catalog.knowledge.len(), "Knowledge", "Knowledge"),
        (catalog.assistants.len(), "Assistant", "Assistants"),
        (catalog.models.len(), "Model", "Models"),
        (catalog.budgets.len(), "Budget", "Budgets"),
        (catalog.schedules.len(), "Schedule", "Schedules"),
        (catalog.accounts.len(), "Account", "Accounts"),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, one, many)| words::count(count, one, many))
    .collect::<Vec<_>>()
    .join(", ")
}

fn compare(folder: &Path, path: &Path, option: &str, now: &[u8]) -> Result<(), Failure> {
    let stands = fs::read(path).map_err(FileError::new("read", path))?;
    if stands == now {
        return Ok(());
    }
    let (folder, path) = (folder.display(), path.display());
    Err(Failure::because(format!(
        "{path} is not what the catalog gives now: firstlook render {folder} {option} {path}"
    )))
}

/// `firstlook render`.
pub fn render(args: &Render) -> Result<(), Failure> {
    let catalog = load(&args.dir)?;
    if catalog.schedules.len() > MAX_SCHEDULES {
        let many = catalog.schedules.len();
        return Err(Failure::because(format!(
            "{many} Schedules do not fit into one template, which takes {MAX_SCHEDULES}"
        )));
    }
    let compiled = catalog.to_compiled();
    for path in &args.out {
        write(path, &compiled, &format!("{} (digest {})", summary(&catalog), catalog.digest))?;
    }
    let schedules = catalog.to_schedules();
    write(&args.schedules, schedules.as_bytes(), &words::count(catalog.schedules.len(), "Schedule", "Schedules"))?;
    let permissions = catalog.to_permissions();
    let needs = catalog.needs();
    let mut many = words::count(needs.own.len(), "permission", "permissions");
    if !needs.mail.is_empty() {
        many = format!("{many}, {} of mail", words::count(needs.mail.len(), "sender", "senders"));
    }
    write(&args.permissions, permissions.as_bytes(), &many)
}

fn write(path: &Path, bytes: &[u8], what: &str) -> Result<(), Failure> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(FileError::new("make the folder", folder))?;
    }
    fs::write(path, bytes).map_err(FileError::new("write", path))?;
    out::say(&format!("wrote {} ({}): {what}", path.display(), words::bytes(bytes.len())));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CATALOG: &str = r#"
kind: Source
name: tool
type: webhook
verify: { secret: tool-signing, scheme: bearer }
map: { external_id: body.id, title: body.title }
---
kind: Task
name: health
access: read-only
inputs: { url: { type: url } }
title: Check that ${{ inputs.url }} answers
run: { http: { url: "${{ inputs.url }}" } }
issues:
  - { when: result.status >= 500, severity: 2, title: "It is down", next_steps: ["Look at it."] }
---
kind: Command
name: triage
description: Is it up
tasks: [{ id: health, task: health, with: { url: "https://shop.example/healthz" } }]
---
kind: Workflow
name: pages
trigger: { sources: [tool] }
investigate: { command: triage }
"#;

    fn args(dir: &Path, compiled: Option<PathBuf>) -> Check {
        let schedules = compiled.as_deref().map(schedules_beside);
        let permissions = compiled.as_deref().map(permissions_beside);
        Check { dir: dir.to_owned(), compiled, schedules, permissions, json: false }
    }

    fn schedules_beside(compiled: &Path) -> PathBuf {
        compiled.with_file_name("schedules.yaml")
    }

    fn permissions_beside(compiled: &Path) -> PathBuf {
        compiled.with_file_name("permissions.yaml")
    }

    fn rendered(dir: &Path, compiled: &Path) -> Result<(), Failure> {
        let schedules = schedules_beside(compiled);
        render(&Render {
            dir: dir.to_owned(),
            out: vec![compiled.to_owned()],
            schedules,
            permissions: permissions_beside(compiled),
        })
    }

    #[test]
    fn what_render_wrote_is_fresh_until_the_catalog_changes() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("catalog");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("all.yaml"), CATALOG).unwrap();
        let compiled = folder.path().join("new/folder/catalog.json");
        assert!(matches!(check(&args(&dir, Some(compiled.clone()))), Err(Failure::Wrong(_))), "there is none yet");

        rendered(&dir, &compiled).unwrap();
        check(&args(&dir, Some(compiled.clone()))).unwrap();
        let read_back = Catalog::from_compiled(&fs::read(&compiled).unwrap()).unwrap();
        assert_eq!(read_back.commands.len(), 1);

        fs::write(dir.join("all.yaml"), CATALOG.replace("Is it up", "Is it down")).unwrap();
        let Err(Failure::Wrong(stale)) = check(&args(&dir, Some(compiled.clone()))) else {
            panic!("a stale file passed")
        };
        assert!(stale.to_string().contains("firstlook render"), "{stale}");

        // The Schedules are another file, stale by itself.
        rendered(&dir, &compiled).unwrap();
        fs::write(schedules_beside(&compiled), "Resources: {}").unwrap();
        let Err(Failure::Wrong(stale)) = check(&args(&dir, Some(compiled.clone()))) else {
            panic!("a stale template passed")
        };
        assert!(stale.to_string().contains("--schedules"), "{stale}");

        // And so are the permissions.
        rendered(&dir, &compiled).unwrap();
        fs::write(permissions_beside(&compiled), "Resources: {}").unwrap();
        let Err(Failure::Wrong(stale)) = check(&args(&dir, Some(compiled))) else { panic!("a stale policy passed") };
        assert!(stale.to_string().contains("--permissions"), "{stale}");
    }

    #[test]
    fn a_catalog_with_an_error_is_not_rendered() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("all.yaml"), CATALOG.replace("command: triage", "command: gone")).unwrap();
        let out = folder.path().join("catalog.json");
        assert!(matches!(check(&args(folder.path(), None)), Err(Failure::Told)));
        assert!(matches!(rendered(folder.path(), &out), Err(Failure::Told)) && !out.exists());
    }
}
