use std::{fs, path::Path};

use catalog::{Code, Loaded, load_texts};

use super::FILES;

/// The library as a catalog of its own.
fn whole() -> Loaded {
    let mut loaded = load_texts(FILES.iter().map(|(path, text)| (Path::new(*path), *text)));
    // What nobody names is what a library is.
    loaded.problems.retain(|problem| problem.code != Code::Unused);
    loaded
}

#[test]
fn every_file_of_the_folder_is_in_the_library() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut found: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| format!("library/{}", entry.unwrap().file_name().to_str().unwrap()))
        .collect();
    found.sort();
    assert_eq!(FILES.iter().map(|(path, _)| *path).collect::<Vec<_>>(), found);
}

#[test]
fn check_has_nothing_to_say_of_any_document() {
    let problems: Vec<String> = whole().problems.iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
