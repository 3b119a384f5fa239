//! The user's documents.

use std::path::Path;

use catalog::{Catalog, Matcher, load_texts};

/// The text of a file, as YAML and as Markdown: each is a catalog or says what is wrong.
pub fn catalog(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for file in ["a.yaml", "a.md"] {
        let loaded = load_texts([(Path::new(file), text.as_ref())]);
        assert!(loaded.catalog.is_some() || !loaded.problems.is_empty());
        for problem in &loaded.problems {
            assert!(!problem.to_string().is_empty());
        }
        if let Some(catalog) = loaded.catalog {
            let read = Catalog::from_compiled(&catalog.to_compiled()).expect("what is written can be read");
            assert_eq!(read, catalog);
        }
    }
}

/// A compiled catalog. Nothing of it was checked: the file may be of another release, or broken.
pub fn compiled(data: &[u8]) {
    match Catalog::from_compiled(data) {
        Ok(catalog) => drop(Matcher::new(&catalog)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
