use std::error::Error;

/// Why a port could not do its work. The kind decides what happens to the message in hand: what is transient comes back
/// later by itself; what is permanent would fail the same way again.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Throttled, timed out, unreachable: it may work later.
    #[error("{doing} did not work this time")]
    Transient {
        /// What was being done, such as `send to the investigate queue`.
        doing: String,
        /// What the world said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Refused: it will not work until somebody mends something.
    #[error("{doing} was refused")]
    Permanent {
        /// What was being done.
        doing: String,
        /// What the world said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl PortError {
    /// It may work later.
    pub fn transient(doing: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Transient { doing: doing.into(), source: source.into() }
    }

    /// It will not work until somebody mends something.
    pub fn permanent(doing: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Permanent { doing: doing.into(), source: source.into() }
    }

    /// Whether it may work later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }
}
