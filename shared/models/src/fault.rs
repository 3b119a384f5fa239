//! Why a model did not answer: what a status and the provider's words mean, in one line that people can act on.

use std::time::Duration;

use catalog::model::Model;
use domain::Secret;
use engine::{model::ModelError, redact_text};

/// How long a reason is, in characters: some of it may be the provider's own words.
const SAID_CAP: usize = 500;

/// Which model, for a reason's beginning.
pub(crate) struct Place<'a> {
    pub(crate) name: &'a str,
    pub(crate) id: &'a str,
    /// The API key's key within the secret; empty where there is none.
    pub(crate) key: &'a str,
}

impl<'a> Place<'a> {
    pub(crate) fn of(model: &'a Model) -> Self {
        let key = model.secret.as_deref().unwrap_or_default();
        Self { name: model.name.as_str(), id: &model.id, key }
    }
}

/// Why a body that came with 200 is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Broken {
    /// It is not what the API answers.
    OtherForm,
    /// It says that something failed.
    Said(String),
}

impl Broken {
    pub(crate) fn into_error(self, place: &Place<'_>, key: Option<&Secret>) -> ModelError {
        match self {
            Self::OtherForm => transient(place, "its answer has not the form of its API's answers", None, None).paid(),
            Self::Said(said) => transient(place, &format!("it failed: {said}"), None, key).paid(),
        }
    }
}

/// What a provider says of a request that it did not take.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Refusal {
    /// Its words.
    pub(crate) message: String,
    /// Whether the conversation is longer than the model can read.
    pub(crate) too_long: bool,
    /// Whether a quota or a spend limit is used up, which waiting does not mend.
    pub(crate) out_of_money: bool,
}

impl Refusal {
    pub(crate) fn into_error(
        self,
        place: &Place<'_>,
        status: u16,
        retry_after: Option<Duration>,
        key: Option<&Secret>,
    ) -> ModelError {
        let said = if self.message.trim().is_empty() { String::new() } else { format!(": {}", self.message) };
        let (id, name) = (place.id, place.key);
        let permanent = |reason: String| permanent(place, &format!("{reason}{said}"), key);
        let transient = |reason: &str| transient(place, &format!("{reason}{said}"), retry_after, key);
        let error = match status {
            _ if self.too_long => permanent("the conversation is too long for it".to_owned()),
            402 => permanent("the provider's account cannot pay".to_owned()),
            _ if self.out_of_money => {
                permanent("the provider's account is out of credit, or at its spend limit".to_owned())
            }
            401 if name.is_empty() => {
                permanent("the server wants an API key: name its key within the secret with `secret`".to_owned())
            }
            401 => permanent(format!("the provider does not take the API key that stands under `{name}`")),
            403 if name.is_empty() => permanent(format!("the server does not let us use `{id}`")),
            403 => permanent(format!("the API key that stands under `{name}` may not use `{id}`")),
            404 => permanent(format!("the provider knows no `{id}`, or `url` does not lead to its API")),
            429 => transient("it is asked too often (429)"),
            503 | 529 => transient(&format!("it is overloaded ({status})")),
            408 | 409 | 425 | 424 => transient(&format!("it did not get to answer ({status})")),
            501 => permanent("the server has no such API (501)".to_owned()),
            500.. => transient(&format!("it failed ({status})")),
            _ => permanent(format!("it refused the request ({status})")),
        };
        if is_refusal(status) { error } else { error.paid() }
    }
}

/// Whether a status says that the model was not asked. Behind 408 and 424 it ran, and did not come to its end.
pub(crate) fn is_refusal(status: u16) -> bool {
    matches!(status, 300..=499 | 503 | 529) && !matches!(status, 408 | 424)
}

/// What somebody must mend. It cost nothing, unless [`ModelError::paid`] is said of it.
pub(crate) fn permanent(place: &Place<'_>, reason: &str, key: Option<&Secret>) -> ModelError {
    ModelError::Permanent { reason: line(place, reason, key), may_cost: false }
}

/// What may pass. It cost nothing, unless [`ModelError::paid`] is said of it.
pub(crate) fn transient(
    place: &Place<'_>,
    reason: &str,
    retry_after: Option<Duration>,
    key: Option<&Secret>,
) -> ModelError {
    ModelError::Transient { reason: line(place, reason, key), retry_after, may_cost: false }
}

/// One line that begins with the model. Part of it may be the provider's words, which may repeat the key or the request (I9).
fn line(place: &Place<'_>, reason: &str, key: Option<&Secret>) -> String {
    let mut reason = reason.to_owned();
    if let Some(key) = key.map(|key| key.expose().trim()).filter(|key| !key.is_empty()) {
        reason = reason.replace(key, "[redacted]");
    }
    // Servers that check requests with pydantic show the part that they do not like.
    for begin in ["'input':", "\"input\":", "input_value="] {
        if let Some((before, _)) = reason.split_once(begin) {
            reason = format!("{before}...");
        }
    }
    let reason: String = redact_text(&reason).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut cut: String = words.chars().take(SAID_CAP).collect();
    if cut.len() < words.len() {
        cut.push('…');
    }
    format!("the model `{}`: {cut}", place.name)
}
