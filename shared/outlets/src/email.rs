//! An e-mail by Amazon SES, API v2 (source: the API reference of `SendEmail`, and of SES's header fields and quotas). SES sets the
//! message's id itself, takes no id from us, and cannot be asked what it has sent: an earlier mail cannot be looked for.

mod markup;
mod render;

use std::time::Duration;

use async_trait::async_trait;
use awscall::{Aws, AwsError, AwsRequest, Place};
use domain::EmailSpec;
use jiff::Timestamp;
use ports::SetupCheck;
use serde_json::Value;

pub use render::{html, render, subject, text};

use crate::{
    Outlet, OutletError, Post,
    http::TIMEOUT,
    setup,
    text::{cut, line},
};

/// SES's path of `SendEmail`.
const PATH: &str = "/v2/email/outbound-emails";

/// How long to wait where SES takes no more for the moment; it never says how long.
const RATE: Duration = Duration::from_secs(10);

/// How long to wait where the quota of the last 24 hours is used up.
const QUOTA: Duration = Duration::from_secs(15 * 60);

/// SES in one region.
pub(crate) struct Email {
    pub aws: Aws,
    pub spec: EmailSpec,
}

impl Email {
    pub fn place(&self) -> Place {
        Place { region: self.spec.region.clone(), role: None }
    }

    /// The catalog's addresses, looked at again: they stand in headers.
    fn checked(&self) -> Result<(), OutletError> {
        let wrong = self.spec.to.iter().chain([&self.spec.from]).find(|text| !EmailSpec::is_address(text));
        if let Some(wrong) = wrong {
            return Err(OutletError::permanent(format!("`{}` is not an address", cut(&line(wrong), 80, |_| 1).0)));
        }
        if !(1..=EmailSpec::MOST).contains(&self.spec.to.len()) {
            return Err(OutletError::permanent(format!("`to` must name 1 to {} addresses", EmailSpec::MOST)));
        }
        Ok(())
    }

    /// What follows from a call that gave no answer.
    fn explain(&self, error: AwsError) -> OutletError {
        let place = self.place();
        let region = self.aws.region(&place);
        let said = |code: &str, message: &str| cut(&line(&format!("SES answers {code}: {message}")), 400, |_| 1).0;
        let mend = |said: String, mend: &str| OutletError::permanent(format!("{said}: {mend}"));
        match &error {
            AwsError::Throttled { code, message, .. } => {
                let wait = if message.to_lowercase().contains("daily") { QUOTA } else { RATE };
                OutletError::Limited { reason: format!("SES asks to wait ({})", said(code, message)), wait }
            }
            AwsError::Denied { message, .. } => mend(
                said("AccessDenied", message),
                "the role of deliver may not send this: write the permissions with `firstlook render` and deploy them",
            ),
            AwsError::Refused { code, message, .. } => {
                let words = said(code, message);
                let is = |name: &str| code.trim_end_matches("Exception") == name;
                if message.contains("not verified") && is("MessageRejected") {
                    let advice = format!(
                        "verify these identities in SES in {region}; while the account is in SES's sandbox, all recipients need that too"
                    );
                    mend(words, &advice)
                } else if is("MailFromDomainNotVerified") {
                    mend(
                        words,
                        "put the MX record of the identity's MAIL FROM domain back, or let it fall back to SES's own",
                    )
                } else if is("AccountSuspended") {
                    mend(words, "AWS has ended the account's sending for good: its support says why")
                } else if is("SendingPaused") || is("AccountSendingPaused") || message.contains("Sending paused") {
                    mend(words, "sending is paused: mend why, and resume it in SES")
                } else {
                    OutletError::permanent(words)
                }
            }
            // The environment has new ones by the next try.
            AwsError::Expired { .. } | AwsError::Unreachable { is_sent: false, .. } => {
                OutletError::transient(format!("SES: {}", line(&error.to_string())))
            }
            // It says itself that it has failed. AWS's own clients try again after that, too.
            AwsError::Failed { code, status, message, .. } if !code.is_empty() => {
                OutletError::transient(said(&format!("{status}, {code}"), message))
            }
            AwsError::TimedOut { .. } => OutletError::ambiguous("SES did not answer in time"),
            AwsError::Failed { .. }
            | AwsError::Unreachable { .. }
            | AwsError::TooLarge { .. }
            | AwsError::NotUnderstood { .. } => {
                OutletError::ambiguous(cut(&format!("SES: {}", line(&error.to_string())), 400, |_| 1).0)
            }
            AwsError::BadKeys { .. }
            | AwsError::NoCredentials
            | AwsError::NotFound { .. }
            | AwsError::NoSuchPlace { .. }
            | AwsError::BadRequest { .. }
            | AwsError::Role { .. } => OutletError::permanent(format!("SES: {}", line(&error.to_string()))),
        }
    }
}

#[async_trait]
impl Outlet for Email {
    /// Nobody can say whether an earlier try's mail went out. One more is sent; then it is given up, and says so.
    async fn find(&self, post: &Post<'_>) -> Result<Option<String>, OutletError> {
        post.once_more("SES", ("mails", "sent"), "ask the recipients")
    }

    async fn post(&self, post: &Post<'_>) -> Result<String, OutletError> {
        self.checked()?;
        let body = render(post, &self.spec);
        let request = AwsRequest::Rest {
            service: "email",
            signing: "ses",
            method: "POST",
            path: PATH,
            query: &[],
            body: Some(&body),
        };
        let answer = self.aws.call_once(&self.place(), &request, TIMEOUT).await.map_err(|error| self.explain(error))?;
        // Taken all the same, should it name no message.
        Ok(answer.body.get("MessageId").and_then(Value::as_str).map_or_else(|| "sent".to_owned(), line))
    }

    async fn edit(&self, _: &str, _: &Post<'_>) -> Result<(), OutletError> {
        Err(OutletError::permanent("an e-mail cannot be edited"))
    }

    async fn check(&self, now: Timestamp) -> Vec<SetupCheck> {
        setup::email::check(self, now).await
    }
}
