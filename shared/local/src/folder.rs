use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::LocalError;

/// The folder that holds a local world, `.firstlook` by default. Only its owner may look into it, and it keeps itself
/// out of git: alerts, evidence and secrets are in it.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at `path`, made where there is none.
    ///
    /// # Errors
    /// [`LocalError::File`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, LocalError> {
        let path = path.into();
        let failed = |doing| {
            let path = path.clone();
            move |source| LocalError::File { doing, path, source }
        };
        make_private(&path).map_err(failed("make the folder"))?;
        let ignore = path.join(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n").map_err(failed("write .gitignore into"))?;
        }
        Ok(Self(path))
    }

    /// The same, emptied of an earlier world first. Only the files of a local world are removed.
    ///
    /// # Errors
    /// [`LocalError::File`].
    pub fn open_fresh(path: impl Into<PathBuf>) -> Result<Self, LocalError> {
        let folder = Self::open(path)?;
        let database = folder.database();
        let beside = |suffix: &str| {
            let mut name = database.clone().into_os_string();
            name.push(suffix);
            PathBuf::from(name)
        };
        for file in [beside("-wal"), beside("-shm"), database.clone(), folder.secrets()] {
            match fs::remove_file(&file) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(LocalError::File { doing: "remove", path: file, source });
                }
                _ => {}
            }
        }
        Ok(folder)
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.0.join("firstlook.db")
    }

    /// The secrets.
    #[must_use]
    pub fn secrets(&self) -> PathBuf {
        self.0.join("secrets.json")
    }
}

#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_folder_forgets_the_world_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/.firstlook");
        let folder = Folder::open(&path).unwrap();
        fs::write(folder.database(), "old").unwrap();
        fs::write(folder.secrets(), "{}").unwrap();
        fs::write(path.join("notes.txt"), "mine").unwrap();

        let folder = Folder::open_fresh(&path).unwrap();
        assert!(!folder.database().exists() && !folder.secrets().exists());
        assert_eq!(fs::read_to_string(path.join("notes.txt")).unwrap(), "mine");
        assert_eq!(fs::read_to_string(path.join(".gitignore")).unwrap(), "*\n");
    }

    #[cfg(unix)]
    #[test]
    fn i9_only_its_owner_may_look_into_it() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path().join(".firstlook")).unwrap();
        assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
