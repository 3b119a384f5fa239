use serde_json::Value;

/// What a model answers, in words that every wire format has.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// It says something, calls tools, or both. Calls are a tool's name and its arguments.
    Says {
        /// What it says; empty: nothing.
        text: String,
        /// What it calls.
        calls: Vec<(String, Value)>,
    },
    /// It calls a tool with arguments that are no object. In Chat Completions they are this text, which need not be
    /// JSON; elsewhere a text where an object should be.
    CallsBadly {
        /// Which tool.
        name: String,
        /// What stands for arguments.
        arguments: String,
    },
    /// It is cut off at `max_tokens`, behind this text.
    CutOff(String),
    /// It says this, and the server does not say what was used.
    Uncounted(String),
    /// It will not answer, and says so.
    Refuses(String),
    /// It has nothing to say.
    Empty,
    /// It says so many bytes.
    Huge(usize),
    /// This is the body, whatever it is, with status 200.
    Raw(String),
    /// The API answers with this status, in its shape.
    Status {
        /// The status.
        status: u16,
        /// `Retry-After` in seconds.
        retry_after: Option<u64>,
        /// The message; empty: one is made up.
        message: String,
    },
    /// The conversation is longer than the model can read.
    TooLong,
    /// A quota is used up, or nothing was granted.
    OutOfMoney,
    /// Another address is named.
    Redirect(String),
    /// The model works, and no answer comes.
    Hang,
    /// The model works, and the connection is closed without an answer.
    Close,
}

impl Reply {
    /// It says this and stops.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Says { text: text.into(), calls: Vec::new() }
    }

    /// It calls one tool.
    #[must_use]
    pub fn call(name: impl Into<String>, arguments: Value) -> Self {
        Self::calls([(name, arguments)])
    }

    /// It calls tools.
    #[must_use]
    pub fn calls(calls: impl IntoIterator<Item = (impl Into<String>, Value)>) -> Self {
        let calls = calls.into_iter().map(|(name, arguments)| (name.into(), arguments));
        Self::Says { text: String::new(), calls: calls.collect() }
    }

    /// The API answers with this status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Status { status, retry_after: None, message: String::new() }
    }

    /// The same, with a time to wait in seconds.
    #[must_use]
    pub fn busy(status: u16, seconds: u64) -> Self {
        Self::Status { status, retry_after: Some(seconds), message: String::new() }
    }

    /// Whether the model has worked for it.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        !matches!(self, Self::Status { .. } | Self::TooLong | Self::OutOfMoney | Self::Redirect(_))
    }

    /// How many bytes it says.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Says { text, calls } => {
                text.len()
                    + calls.iter().map(|(name, arguments)| name.len() + arguments.to_string().len()).sum::<usize>()
            }
            Self::CallsBadly { name, arguments } => name.len() + arguments.len(),
            Self::CutOff(text) | Self::Uncounted(text) | Self::Refuses(text) => text.len(),
            Self::Huge(bytes) => *bytes,
            _ => 0,
        }
    }
}
