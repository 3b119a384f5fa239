//! What a look at the setup finds: `firstlook doctor` shows it, and whoever calls a service can be asked for it.

/// How one thing of the setup stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It works, as far as was looked.
    Ok,
    /// Somebody must mend it: what to do, for people.
    Mend(String),
    /// Nobody answers there: why, for people. Somebody must mend it where the functions run on this very machine; elsewhere they
    /// may have another way there.
    Unreachable(String),
    /// It cannot be seen without doing what must not be done here, or not just now.
    CannotTell,
}

/// One look at one thing of the setup. It changed nothing and posted nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupCheck {
    /// What was looked at and what was seen, for people. Nothing secret.
    pub what: String,
    /// How it stands.
    pub standing: Standing,
}

impl SetupCheck {
    /// It works.
    #[must_use]
    pub fn ok(what: impl Into<String>) -> Self {
        Self { what: what.into(), standing: Standing::Ok }
    }

    /// It must be mended as `advice` says.
    #[must_use]
    pub fn mend(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), standing: Standing::Mend(advice.into()) }
    }

    /// Nobody answers there.
    #[must_use]
    pub fn unreachable(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), standing: Standing::Unreachable(why.into()) }
    }

    /// It cannot be seen; `what` says why.
    #[must_use]
    pub fn cannot_tell(what: impl Into<String>) -> Self {
        Self { what: what.into(), standing: Standing::CannotTell }
    }
}
