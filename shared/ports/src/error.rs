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

/// The error and all its sources, each said once: `send to the queue did not work this time: connection refused`.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let said = source.to_string();
        // Some libraries repeat their source in their own text.
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_names_each_source_once() {
        let inner = PortError::transient("open the connection", "refused");
        let outer = PortError::permanent("send", inner);
        assert_eq!(chain(&outer), "send was refused: open the connection did not work this time: refused");
        let repeats = std::io::Error::other(std::io::Error::other("refused"));
        assert_eq!(chain(&repeats), "refused");
    }
}
