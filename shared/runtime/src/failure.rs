//! Failures as one line of text.

use std::{any::Any, error::Error};

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

/// What a panic said.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "it said nothing",
    }
}

#[cfg(test)]
mod tests {
    use ports::PortError;

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
