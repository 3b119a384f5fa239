//! The one file that ships with the functions.

use std::path::PathBuf;

use domain::Name;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Catalog, equality::Conditions};

/// What the file says it is.
const FORMAT: &str = "firstlook-catalog";

/// The version of its form. A function reads its own and no other, since both are deployed together.
const VERSION: u32 = 1;

/// How much of the digest stands on each RunSession, in bytes.
const DIGEST: usize = 8;

/// Why there is no catalog in a file.
#[derive(Debug, thiserror::Error)]
#[error("the catalog {} cannot be read", path.display())]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Why a compiled catalog cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CompiledError {
    /// It is not a compiled catalog, or not a whole one.
    #[error("the file is not a whole compiled catalog")]
    Unreadable(#[source] serde_json::Error),
    /// It was compiled by another release.
    #[error("the catalog was compiled in form `{format}` {version}, and this release reads `{FORMAT}` {VERSION}")]
    OtherForm {
        /// What it says it is.
        format: String,
        /// The version that it has.
        version: u32,
    },
}

#[derive(Serialize)]
struct Written<'c> {
    format: &'static str,
    version: u32,
    catalog: &'c Catalog,
}

#[derive(Deserialize)]
struct Form {
    format: String,
    version: u32,
}

#[derive(Deserialize)]
struct Read {
    catalog: Catalog,
}

impl Catalog {
    /// The catalog as one file. The same documents always give the same bytes.
    #[must_use]
    pub fn to_compiled(&self) -> Vec<u8> {
        bytes(&Written { format: FORMAT, version: VERSION, catalog: self })
    }

    /// The catalog of the file at `path`. Blocks.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read_compiled(path: impl Into<PathBuf>) -> Result<Self, ReadError> {
        let path = path.into();
        std::fs::read(&path)
            .map_err(Box::from)
            .and_then(|bytes| Self::from_compiled(&bytes).map_err(Box::from))
            .map_err(|source| ReadError { path, source })
    }

    /// The catalog of such a file's bytes.
    ///
    /// # Errors
    /// [`CompiledError`].
    pub fn from_compiled(bytes: &[u8]) -> Result<Self, CompiledError> {
        // The form first: what another release wrote would else be called broken.
        let form: Form = serde_json::from_slice(bytes).map_err(CompiledError::Unreadable)?;
        if form.format != FORMAT || form.version != VERSION {
            return Err(CompiledError::OtherForm { format: form.format, version: form.version });
        }
        let read: Read = serde_json::from_slice(bytes).map_err(CompiledError::Unreadable)?;
        Ok(read.catalog)
    }

    /// The same with what follows from its documents: the digest and the workflows' equality conditions.
    pub(crate) fn sealed(mut self) -> Self {
        self.digest = String::new();
        self.conditions.clear();
        let hash = Sha256::digest(bytes(&self));
        self.digest = hex::encode(hash.get(..DIGEST).unwrap_or_default());
        let conditions = |(name, workflow): (&Name, &crate::model::Workflow)| {
            (name.clone(), Conditions::of(workflow.trigger.when.as_ref()))
        };
        self.conditions = self.workflows.iter().map(conditions).collect();
        self
    }
}

/// Every map in a catalog has text for keys, so JSON can always write it.
fn bytes<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
