use domain::{RunId, StepId};
use ports::{PortError, TableError};

/// Why the store could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another holder has taken over: whoever sees this writes nothing more and leaves its message where it is.
    #[error("the lease was lost: another invocation has taken over")]
    LeaseLost,
    /// Others kept writing the same items.
    #[error("others kept writing the same items")]
    Contended,
    /// An item does not say what it should.
    #[error("the item {pk} / {sk} cannot be read")]
    Unreadable {
        /// Its partition key.
        pk: String,
        /// Its sort key.
        sk: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// There is no such run.
    #[error("there is no run {0}")]
    NoRun(RunId),
    /// A step's place is another step's: what was recorded stays, and this one has nowhere to stand.
    #[error("place {index} of the run is taken by the step `{by}`")]
    PlaceTaken {
        /// The place.
        index: u32,
        /// Whose it is.
        by: StepId,
    },
    /// A transaction was refused for a reason that it should not have been.
    #[error("{doing} was refused, although nothing stands against it")]
    Refused {
        /// What was being done.
        doing: &'static str,
    },
    /// The table did not do its work.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl StoreError {
    /// Whether it may work later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::LeaseLost | Self::Contended => true,
            Self::Unreadable { .. } | Self::NoRun(_) | Self::PlaceTaken { .. } | Self::Refused { .. } => false,
            Self::Port(error) => error.is_transient(),
        }
    }

    /// A table error where a refusal cannot be.
    pub(crate) fn unexpected(doing: &'static str) -> impl FnOnce(TableError) -> Self {
        move |error| match error {
            TableError::Refused(_) => Self::Refused { doing },
            TableError::Contended => Self::Contended,
            TableError::Port(error) => Self::Port(error),
        }
    }
}
