//! The committed seeds of the targets.

use std::{fs, path::Path};

/// The seeds of a target with their names, in order.
///
/// # Panics
/// When there are none.
#[must_use]
pub fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut seeds: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            (path.file_name().expect("a name").to_string_lossy().into_owned(), fs::read(&path).expect("a seed"))
        })
        .collect();
    assert!(!seeds.is_empty(), "{target} has no seeds");
    seeds.sort();
    seeds
}
