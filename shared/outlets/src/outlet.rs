use std::time::Duration;

use async_trait::async_trait;
use domain::{ChatReply, OutletSpec, Shown, Target, Words};
use jiff::Timestamp;
use ports::SetupCheck;

/// How an outlet follows a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// One post, edited afterwards.
    Edited,
    /// What is posted stays as it is, so it is posted once, after the conclusion.
    OnceConcluded,
    /// A post for each revision that it gets to see, with an id by which the receiver knows a repeated one.
    EachRevision,
}

impl Style {
    /// How the outlet of `spec` follows a run.
    #[must_use]
    pub fn of(spec: &OutletSpec) -> Self {
        match spec {
            OutletSpec::Slack(_) | OutletSpec::Jira(_) | OutletSpec::GitHub(_) => Self::Edited,
            OutletSpec::SlackWebhook(_)
            | OutletSpec::PagerDuty(_)
            | OutletSpec::Opsgenie(_)
            | OutletSpec::Jsm(_)
            | OutletSpec::ServiceNow(_)
            | OutletSpec::Teams(_)
            | OutletSpec::Email(_) => Self::OnceConcluded,
            OutletSpec::Webhook(_) => Self::EachRevision,
        }
    }
}

/// How many posts are sent at most whose end nobody knows, where none can be looked up: a second one, since no answer is mostly
/// no post, and a team that waits for word of an incident would be left in silence; not a third, unless a redrive or later news
/// of the run ask for it.
const IN_DOUBT: u32 = 2;

/// What is to stand at a target.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// The run as it is.
    pub view: &'a Shown,
    /// The target as it is. `sending_since` bounds a search for an earlier post.
    pub target: &'a Target,
    /// What the team says above the report; absent where it says nothing.
    pub words: Option<&'a Words>,
    /// Opens the run's page; absent where there is no console.
    pub link: Option<&'a str>,
    /// Opens the page of the look before this one; absent where there is none, or no console.
    pub previous: Option<&'a str>,
    /// The time now.
    pub now: Timestamp,
}

impl Post<'_> {
    /// What tells this run's post at this target from all others, where only text can.
    #[must_use]
    pub fn marker(&self) -> String {
        domain::marker(self.view.run.id, &self.target.spec.name)
    }

    /// What a search finds where nothing can be looked up: nothing, so that one more is sent. After that it is given up, and says
    /// so: `who` gave no answer, to which posts, what each may have been, and where a person `looks`.
    pub(crate) fn once_more(
        &self,
        who: &str,
        (posts, done): (&str, &str),
        looks: &str,
    ) -> Result<Option<String>, OutletError> {
        if self.target.in_doubt < IN_DOUBT {
            return Ok(None);
        }
        Err(OutletError::permanent(format!(
            "{who} gave no answer to {IN_DOUBT} {posts}. Each may have been {done}, which cannot be looked up: {looks}. A redrive \
             sends one more"
        )))
    }
}

/// Why something does not stand at a target. The kinds say what follows, so that nobody has to read the reasons.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutletError {
    /// It will not work until somebody mends something.
    #[error("{reason}")]
    Permanent {
        /// Why, and what to mend, for people.
        reason: String,
    },
    /// A person has deleted what stood there. There is nothing to mend, and it is not posted again.
    #[error("{reason}")]
    Deleted {
        /// What says so, for people.
        reason: String,
    },
    /// Nothing was done; it may work later.
    #[error("{reason}")]
    Transient {
        /// Why, for people.
        reason: String,
        /// How long the provider asks to wait.
        retry_after: Option<Duration>,
    },
    /// Nothing was done, because the provider asks to wait. No attempt was made, and none is counted.
    #[error("{reason}")]
    Limited {
        /// Why, for people.
        reason: String,
        /// How long to wait.
        wait: Duration,
    },
    /// It was taken, to be done later or not at all. The next [`Outlet::find`] is to know of it ([`domain::Target::taken`]).
    #[error("{reason}")]
    Taken {
        /// Why, for people.
        reason: String,
        /// What the provider is asked by.
        request: String,
    },
    /// It may have been done. Look for it before doing it again.
    #[error("{reason}")]
    Ambiguous {
        /// Why, for people.
        reason: String,
        /// How long the provider asks to wait.
        retry_after: Option<Duration>,
    },
}

impl OutletError {
    pub(crate) fn permanent(reason: impl Into<String>) -> Self {
        Self::Permanent { reason: reason.into() }
    }

    pub(crate) fn transient(reason: impl Into<String>) -> Self {
        Self::Transient { reason: reason.into(), retry_after: None }
    }

    pub(crate) fn ambiguous(reason: impl Into<String>) -> Self {
        Self::Ambiguous { reason: reason.into(), retry_after: None }
    }

    /// What did not work and may work later: `once` where doing it twice would show.
    pub(crate) fn passing(reason: String, once: bool, retry_after: Option<Duration>) -> Self {
        if once { Self::Ambiguous { reason, retry_after } } else { Self::Transient { reason, retry_after } }
    }
}

/// One target's way to the world.
#[async_trait]
pub trait Outlet: Send + Sync {
    /// The provider's id of this post, if an earlier try has made it. Only for styles other than [`Style::EachRevision`].
    ///
    /// # Errors
    /// [`OutletError`]; whoever cannot say for certain that there is none says so with an error.
    async fn find(&self, post: &Post<'_>) -> Result<Option<String>, OutletError>;

    /// Posts, and gives the provider's id.
    ///
    /// # Errors
    /// [`OutletError`].
    async fn post(&self, post: &Post<'_>) -> Result<String, OutletError>;

    /// Whether what was found or posted last stands outside the thread that it was meant for, since a person has deleted that.
    fn stands_apart(&self) -> bool {
        false
    }

    /// Makes what stands as `provider_id` what it is to be now. Doing it twice does no harm. Only for [`Style::Edited`].
    ///
    /// # Errors
    /// [`OutletError`], never ambiguous; [`OutletError::Deleted`] when a person has deleted the post.
    async fn edit(&self, provider_id: &str, post: &Post<'_>) -> Result<(), OutletError>;

    /// How the target's setup stands, by requests that only read. Nothing is posted.
    async fn check(&self, _: Timestamp) -> Vec<SetupCheck> {
        vec![SetupCheck::cannot_tell("whether it works shows when something is delivered")]
    }
}

/// Makes outlets.
#[async_trait]
pub trait OpenOutlet: Send + Sync {
    /// The outlet of `spec`, with its secrets read.
    ///
    /// # Errors
    /// [`OutletError`]; permanent when a key is missing in the secret, transient when the secret cannot be read.
    async fn open(&self, spec: &OutletSpec) -> Result<Box<dyn Outlet>, OutletError>;
}

/// Tells one person in a chat something that nobody else sees.
#[async_trait]
pub trait AnswerChat: Send + Sync {
    /// Shows `markup`, which is the chat's own and escaped, to who asked. Told twice it does little harm.
    ///
    /// # Errors
    /// [`OutletError`].
    async fn answer(&self, reply: &ChatReply, markup: &str, now: Timestamp) -> Result<(), OutletError>;
}
