//! Stdout for data, stderr for everything else.

use std::io::{self, IsTerminal, Write};

use domain::Severity;

/// Writes data.
///
/// # Errors
/// What the system said, such as that nobody reads any more.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        stdout.write_all(b"\n")?;
    }
    stdout.flush()
}

/// Tells a person something.
pub fn say(text: &str) {
    // Who closed stderr does not want to know.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// How text is dressed. Colour and weight never carry a meaning that the words do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// For a terminal.
    Dressed,
}

impl Style {
    /// What suits stdout here and now.
    #[must_use]
    pub fn of_stdout() -> Self {
        Self::suiting(io::stdout().is_terminal())
    }

    /// What suits stderr here and now.
    #[must_use]
    pub fn of_stderr() -> Self {
        Self::suiting(io::stderr().is_terminal())
    }

    /// `NO_COLOR` is heeded (no-color.org).
    fn suiting(terminal: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        if terminal && wanted { Self::Dressed } else { Self::Plain }
    }

    fn dress(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Dressed => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }

    /// What the eye should find first.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.dress("1", text)
    }

    /// What stands beside.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.dress("2", text)
    }

    /// What is well.
    #[must_use]
    pub fn good(self, text: &str) -> String {
        self.dress("32", text)
    }

    /// What is not.
    #[must_use]
    pub fn bad(self, text: &str) -> String {
        self.dress("31", text)
    }

    /// What a finding of this severity looks like.
    #[must_use]
    pub fn severity(self, severity: Severity, text: &str) -> String {
        let code = match severity {
            Severity::Critical => "1;31",
            Severity::Major => "33",
            Severity::Minor => "36",
            Severity::Informational => "34",
        };
        self.dress(code, text)
    }
}
