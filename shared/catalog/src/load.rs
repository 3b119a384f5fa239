//! From files to a catalog, or to everything that is wrong with them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use domain::Name;
use serde::de::DeserializeOwned;
use serde_json::Value;

mod library;

use crate::{
    Case, Catalog, cases,
    check::{self, Documents, Origin, quoted, shape},
    node::{Broken, Kind, Node, Place, documents},
    problem::{Code, Problem, ProblemSeverity, nearest},
    schema::DocKind,
};

/// The largest file that is read, in bytes.
const FILE_LIMIT: u64 = 16 << 20;

/// How deep folders may nest.
const FOLDER_LIMIT: usize = 16;

/// What came of a catalog's files.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The catalog; absent when a problem is an error.
    pub catalog: Option<Catalog>,
    /// Everything that is wrong, by file and line.
    pub problems: Vec<Problem>,
    /// The cases of the catalog's documents, by file and line; none without a catalog.
    pub cases: Vec<Case>,
}

/// Reads and checks every `*.yaml`, `*.yml` (one or more documents) and `*.md` (Knowledge; `README.md` is not) in
/// `folder` and the folders below it. Names that begin with a dot are passed over.
#[must_use]
pub fn load_dir(folder: &Path) -> Loaded {
    Reading::of(folder).finish(folder)
}

/// The same with a library of documents, as paths and texts: Tasks and Commands that the folder's documents name without
/// having them, directly or through one another. What nobody names stays out, and a document of the folder stands in the
/// place of the library's one of its kind and name. `command`, which somebody wants to run, counts as named.
#[must_use]
pub fn load_dir_with(folder: &Path, library: &[(&str, &str)], command: Option<&Name>) -> Loaded {
    let mut reading = Reading::of(folder);
    reading.take_from(library, command);
    reading.finish(folder)
}

/// The same of files that are in memory already. Whether the event files of their tests are there is not asked.
#[must_use]
pub fn load_texts<'t>(files: impl IntoIterator<Item = (&'t Path, &'t str)>) -> Loaded {
    let mut reading = Reading::default();
    let files: BTreeMap<&Path, &str> = files.into_iter().collect();
    for (path, text) in files {
        reading.file(path, text);
    }
    reading.finish(Path::new("catalog"))
}

/// Why a file or a folder is not read.
struct Unread {
    place: Place,
    message: String,
    help: String,
}

impl Unread {
    fn of(what: &str, path: &Path, error: &io::Error) -> Self {
        let is_link = path.symlink_metadata().is_ok_and(|found| found.file_type().is_symlink());
        let help = match error.kind() {
            _ if is_link => "it is a link: mend where it leads, or take it out",
            io::ErrorKind::NotFound => "look for a slip in the name",
            io::ErrorKind::NotADirectory => "name the folder that holds the documents",
            io::ErrorKind::PermissionDenied => "let whoever runs this read it",
            _ => "see whether it can be opened otherwise",
        };
        let message = format!("the {what} cannot be read: {error}");
        Self { place: Place::default(), message, help: help.to_owned() }
    }
}

fn read(path: &Path) -> Result<String, Unread> {
    let size = fs::metadata(path).map_err(|error| Unread::of("file", path, &error))?.len();
    if size > FILE_LIMIT {
        let message = format!("the file has {size} bytes, and {FILE_LIMIT} are the most");
        return Err(Unread { place: Place::default(), message, help: "spread its documents over several".to_owned() });
    }
    let bytes = fs::read(path).map_err(|error| Unread::of("file", path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let good = String::from_utf8_lossy(good);
        let count = |number: usize| u32::try_from(number + 1).unwrap_or(u32::MAX);
        let last = good.rsplit('\n').next().unwrap_or_default();
        let place = Place { line: count(good.matches('\n').count()), column: count(last.chars().count()) };
        let message = "the file is not UTF-8 from here on".to_owned();
        Unread { place, message, help: "save it as UTF-8".to_owned() }
    })
}

/// The mend of what is no YAML, by what people most often do.
fn syntax_help(text: &str, broken: &Broken) -> &'static str {
    let line = usize::try_from(broken.place.line).unwrap_or_default();
    let line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    // Within `{ }` and `[ ]` the braces of a value are a map to YAML.
    let is_bare = || {
        let mut before = line.split("${{").next().unwrap_or_default().chars().rev();
        line.contains("${{") && before.find(|c| !c.is_whitespace()).is_some_and(|c| matches!(c, ':' | ',' | '['))
    };
    let said = broken.message.as_str();
    if said.contains("tab") && line.contains('\t') {
        "indent with spaces: YAML takes no tabs there"
    } else if said.contains("flow") && is_bare() {
        "put quotes around the value: within `{ }` and `[ ]` a bare `${{ ... }}` is read as maps"
    } else if said.contains("unexpected character") {
        "take the character out: a control character is often a slip of the clipboard"
    } else if said.contains("quoted scalar") {
        "a quote that was opened here or further up is not closed, or one within the text wants a backslash"
    } else {
        "look at the indentation, at open brackets and quotes, and at `: ` within text: such text wants quotes"
    }
}

#[derive(Default)]
struct Reading {
    catalog: Catalog,
    documents: Documents,
    problems: Vec<Problem>,
    schemas: BTreeMap<DocKind, Value>,
    patterns: shape::Patterns,
    event_files: bool,
}

impl Reading {
    /// The documents of `folder` and the folders below it.
    fn of(folder: &Path) -> Self {
        let mut reading = Self { event_files: true, ..Self::default() };
        let mut paths = BTreeSet::new();
        reading.walk(folder, 0, &mut paths);
        for path in &paths {
            match read(path) {
                Ok(text) => reading.file(path, &text),
                Err(Unread { place, message, help }) => {
                    reading.problem(path, place, Code::UnreadableFile, message, Some(help));
                }
            }
        }
        reading
    }

    fn problem(&mut self, file: &Path, place: Place, code: Code, message: String, help: Option<String>) {
        let Place { line, column } = place;
        let (file, severity) = (file.to_owned(), code.severity());
        let loses = matches!(
            code,
            Code::UnreadableFile
                | Code::YamlSyntax
                | Code::DuplicateKey
                | Code::TooComplex
                | Code::FrontMatter
                | Code::UnknownKind
        );
        if loses {
            self.documents.lost.push(file.clone());
        }
        self.problems.push(Problem { file, line, column, code, severity, message, help });
    }

    fn walk(&mut self, folder: &Path, depth: usize, paths: &mut BTreeSet<PathBuf>) {
        let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                let Unread { place, message, help } = Unread::of("folder", folder, &error);
                return self.problem(folder, place, Code::UnreadableFile, message, Some(help));
            }
        };
        for entry in entries {
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') {
                continue;
            }
            // Folders are not followed through links, which could lead in a circle.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if depth < FOLDER_LIMIT {
                    self.walk(&path, depth + 1, paths);
                } else {
                    let message = format!("folders nest more than {FOLDER_LIMIT} deep");
                    let help = Some("move it further up".to_owned());
                    self.problem(&path, Place::default(), Code::UnreadableFile, message, help);
                }
                continue;
            }
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            let wanted =
                matches!(ending, "yaml" | "yml") || (ending == "md" && !name.eq_ignore_ascii_case("README.md"));
            if wanted {
                paths.insert(path);
            }
        }
    }

    fn file(&mut self, path: &Path, text: &str) {
        if path.extension().is_some_and(|ending| ending == "md") {
            return self.markdown(path, text);
        }
        for node in self.yaml(path, text) {
            self.document(path, node);
        }
    }

    fn yaml(&mut self, path: &Path, text: &str) -> Vec<Node> {
        let (nodes, broken) = documents(text);
        for broken in broken {
            let help = match broken.code {
                Code::DuplicateKey => "take one of them out, or begin another document with `---`",
                Code::TooComplex => "write it out flat: a catalog needs neither deep nesting nor many aliases",
                _ => syntax_help(text, &broken),
            };
            self.problem(path, broken.place, broken.code, broken.message, Some(help.to_owned()));
        }
        nodes
    }

    /// Knowledge: front matter between two lines of `---`, and the text below it.
    fn markdown(&mut self, path: &Path, text: &str) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = |text: &str| text.split_inclusive('\n').map(str::len).collect::<Vec<_>>();
        let mut end = 0;
        let mut close = None;
        for (number, length) in lines(text).into_iter().enumerate() {
            let line = text.get(end..end + length).unwrap_or_default().trim_end();
            match number {
                0 if line != "---" => break,
                0 => {}
                _ if line == "---" => {
                    close = Some((end, end + length));
                    break;
                }
                _ => {}
            }
            end += length;
        }
        let Some((front, body)) = close.and_then(|(front, body)| Some((text.get(..front)?, text.get(body..)?))) else {
            let help = "begin it with a line `---`, then `name:` and `title:`, then a line `---`";
            let message = "the file has no front matter".to_owned();
            return self.problem(path, Place { line: 1, column: 1 }, Code::FrontMatter, message, Some(help.to_owned()));
        };
        let before = self.problems.len();
        // Its first line is a document mark to YAML too, so that lines and columns are those of the file.
        let nodes = self.yaml(path, front);
        let stands = |node: &Node| matches!(node.kind, Kind::Map(_));
        if self.problems.len() == before && !matches!(nodes.as_slice(), [one] if stands(one)) {
            let message = "the front matter is not one map of keys".to_owned();
            let help = Some("write `name:` and `title:` between the two lines of `---`".to_owned());
            return self.problem(path, Place { line: 1, column: 1 }, Code::FrontMatter, message, help);
        }
        for mut node in nodes {
            let stated = node.get("kind").is_some();
            if let (Kind::Map(entries), false) = (&mut node.kind, stated) {
                let kind = Node { place: node.place, kind: Kind::Text(DocKind::Knowledge.as_str().to_owned()) };
                entries.push(crate::node::Entry { key: "kind".to_owned(), place: node.place, value: kind });
            }
            self.knowledge(path, node, body.trim());
        }
    }

    fn knowledge(&mut self, path: &Path, node: Node, body: &str) {
        let kind = node.get("kind").and_then(Node::text);
        if kind != Some(DocKind::Knowledge.as_str()) {
            let message = "a Markdown file is Knowledge and nothing else".to_owned();
            let help = Some("write other documents as YAML".to_owned());
            return self.problem(path, node.place_of(&["kind"]), Code::UnknownKind, message, help);
        }
        if let Some(name) = self.typed(path, node, DocKind::Knowledge)
            && let Some(knowledge) = self.catalog.knowledge.get_mut(&name)
        {
            knowledge.text = body.to_owned();
        }
    }

    fn document(&mut self, path: &Path, node: Node) {
        let names = DocKind::ALL.map(DocKind::as_str);
        let Kind::Map(_) = &node.kind else {
            let message = format!("a document is a map, not {}", node.what());
            let help = Some(format!("begin it with `kind:` and one of {}", quoted(&names)));
            return self.problem(path, node.place, Code::UnknownKind, message, help);
        };
        let (message, help) = match node.get("kind").map(|kind| (kind.text(), kind.what())) {
            None => ("the document has no `kind`".to_owned(), None),
            Some((None, what)) => (format!("`kind` wants a word, not {what}"), None),
            Some((Some(word), _)) => match DocKind::ALL.into_iter().find(|kind| kind.as_str() == word) {
                Some(DocKind::Knowledge) => (
                    "Knowledge is written as Markdown".to_owned(),
                    Some(
                        "put it into a `.md` file: front matter with `name` and `title`, and the text below".to_owned(),
                    ),
                ),
                Some(kind) => {
                    self.typed(path, node, kind);
                    return;
                }
                None => (
                    format!("there is no kind `{}`", crate::bind::cut(word)),
                    nearest(word, names).map(|near| format!("did you mean `{near}`?")),
                ),
            },
        };
        let help = help.or_else(|| Some(format!("the kinds are {}", quoted(&names))));
        self.problem(path, node.place_of(&["kind"]), Code::UnknownKind, message, help);
    }

    /// Takes `node` in as a document of `kind`, and gives its name when it could be.
    fn typed(&mut self, path: &Path, node: Node, kind: DocKind) -> Option<Name> {
        let schema = self.schemas.entry(kind).or_insert_with(|| kind.schema());
        let shape = shape::check(kind, schema, &mut self.patterns, &node);
        let name = node.get("name").and_then(Node::text).and_then(|name| Name::from_str(name).ok());
        if name.is_none() {
            self.documents.lost.push(path.to_owned());
        }
        if let Some(name) = &name {
            if let Some(first) = self.documents.origin(kind, name) {
                let message = format!("this is the second {} that is called `{name}`", kind.as_str());
                let help = format!("the first stands in {}", first.at(&["name"]));
                self.problem(path, node.place_of(&["name"]), Code::DuplicateName, message, Some(help));
                return None;
            }
            let origin = Origin { file: path.to_owned(), node: node.clone() };
            self.documents.insert(kind, name.clone(), origin);
        }
        let mut value = match shape {
            Ok(value) => value,
            Err(wrong) => {
                for one in wrong {
                    self.problem(path, one.place, one.code, one.message, one.help);
                }
                return None;
            }
        };
        if let Some(map) = value.as_object_mut() {
            map.remove("kind");
        }
        let name = name?;
        if let Err(reason) = self.insert(kind, name.clone(), value) {
            // The shape was right, so this is a value that only its own type knows to be wrong.
            self.problem(path, node.place, Code::BadValue, reason, None);
            return None;
        }
        Some(name)
    }

    fn insert(&mut self, kind: DocKind, name: Name, value: Value) -> Result<(), String> {
        fn put<T: DeserializeOwned>(map: &mut BTreeMap<Name, T>, name: Name, value: Value) -> Result<(), String> {
            map.insert(name, serde_json::from_value(value).map_err(|error| error.to_string())?);
            Ok(())
        }
        let catalog = &mut self.catalog;
        match kind {
            DocKind::Source => put(&mut catalog.sources, name, value),
            DocKind::Workflow => put(&mut catalog.workflows, name, value),
            DocKind::Command => put(&mut catalog.commands, name, value),
            DocKind::Task => put(&mut catalog.tasks, name, value),
            DocKind::Slx => put(&mut catalog.slxs, name, value),
            DocKind::Assistant => put(&mut catalog.assistants, name, value),
            DocKind::Rule => put(&mut catalog.rules, name, value),
            DocKind::Knowledge => put(&mut catalog.knowledge, name, value),
            DocKind::Schedule => put(&mut catalog.schedules, name, value),
            DocKind::Model => put(&mut catalog.models, name, value),
            DocKind::Cluster => put(&mut catalog.clusters, name, value),
            DocKind::Budget => put(&mut catalog.budgets, name, value),
            DocKind::Account => put(&mut catalog.accounts, name, value),
            DocKind::Redaction => put(&mut catalog.redactions, name, value),
        }
    }

    fn finish(mut self, folder: &Path) -> Loaded {
        if self.documents.is_empty() && self.problems.is_empty() {
            let help = "documents stand in `*.yaml`, `*.yml` and `*.md`; a catalog begins with a Source, a Workflow, a \
                        Command and a Task";
            let help = Some(help.to_owned());
            let message = "there are no documents here".to_owned();
            self.problem(folder, Place::default(), Code::EmptyCatalog, message, help);
        }
        self.problems.extend(check::check(&self.catalog, &self.documents, self.event_files));
        self.problems.sort();
        self.problems.dedup();
        let usable = self.problems.iter().all(|problem| problem.severity != ProblemSeverity::Error);
        let catalog = usable.then(|| self.catalog.sealed());
        let cases = catalog.as_ref().map(|catalog| cases::of(catalog, &self.documents)).unwrap_or_default();
        Loaded { catalog, problems: self.problems, cases }
    }
}
