use std::path::PathBuf;

use ports::PortError;
use rusqlite::ErrorCode;

/// Why the local world could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// A file or folder could not be made or read.
    #[error("{doing} {}", path.display())]
    File {
        /// What was being done, such as `make the folder`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database could not be opened.
    #[error("open the database {}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// The database was written by a later Firstlook.
    #[error("{} was written by a later Firstlook (layout {found}, this one knows {known}): use that one, or another --data folder", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its layout.
        found: i64,
        /// The newest layout that is known here.
        known: i64,
    },
}

/// Another process holding the file too long, a full disk and a failing one pass; anything else is a fault of ours.
pub(crate) fn port_error(doing: &str, error: rusqlite::Error) -> PortError {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull | ErrorCode::SystemIoFailure,
        ) => PortError::transient(doing, error),
        _ => PortError::permanent(doing, error),
    }
}
