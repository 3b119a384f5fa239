//! Source: Amazon SES API v2, `GetAccount` and `GetEmailIdentity`. An identity holds for its subdomains' addresses too.

use awscall::{AwsError, AwsRequest};
use domain::EmailSpec;
use jiff::Timestamp;
use ports::SetupCheck;
use serde_json::Value;

use crate::{email::Email, http::TIMEOUT, text::line};

pub(crate) async fn check(outlet: &Email, _: Timestamp) -> Vec<SetupCheck> {
    let place = outlet.place();
    let region = outlet.aws.region(&place).to_owned();
    let account = match get(outlet, "/v2/email/account").await {
        Ok(account) => account,
        Err(error) => return vec![failed(&format!("SES in {region}"), "ses:GetAccount", error)],
    };
    let is = |field: &str| account.get(field).and_then(Value::as_bool);
    let mut found = vec![match (is("SendingEnabled"), account.get("EnforcementStatus").and_then(Value::as_str)) {
        (Some(false), _) => SetupCheck::mend(
            format!("SES in {region} does not send"),
            "sending is paused: mend why, and resume it in SES (Account dashboard)",
        ),
        (_, Some("SHUTDOWN")) => SetupCheck::mend(
            format!("SES in {region} does not send"),
            "AWS has ended the account's sending: its support says why",
        ),
        _ => SetupCheck::ok(format!("SES in {region} sends")),
    }];
    found.push(identity(outlet, &outlet.spec, "the sender").await);
    if is("ProductionAccessEnabled") == Some(false) {
        found.extend(sandbox(outlet, &region).await);
    }
    found
}

/// In the sandbox each recipient must be verified too.
async fn sandbox(outlet: &Email, region: &str) -> Vec<SetupCheck> {
    let mut found = Vec::new();
    for to in &outlet.spec.to {
        let one = EmailSpec { from: to.clone(), ..outlet.spec.clone() };
        let check = identity(outlet, &one, "SES's sandbox: the recipient").await;
        found.push(match check.standing {
            ports::Standing::Mend(advice) => SetupCheck::mend(
                check.what,
                format!("{advice}; or ask for production access in {region}, after which anybody may get mail"),
            ),
            _ => check,
        });
    }
    found
}

/// Whether one of the identities that hold for the address in `from` is verified.
async fn identity(outlet: &Email, spec: &EmailSpec, whose: &str) -> SetupCheck {
    let what = format!("{whose} {}", line(&spec.from));
    let mut pending = None;
    for identity in spec.identities() {
        // An address or a domain: neither has a character that a path takes for its own, but `@` and `+`.
        let encoded: String = url::form_urlencoded::byte_serialize(identity.as_bytes()).collect();
        match get(outlet, &format!("/v2/email/identities/{encoded}")).await {
            Ok(body) if body.get("VerifiedForSendingStatus").and_then(Value::as_bool) == Some(true) => {
                return SetupCheck::ok(format!("{what} is verified, by {identity}"));
            }
            Ok(body) => {
                let status = body.get("VerificationStatus").and_then(Value::as_str).unwrap_or("PENDING");
                pending.get_or_insert_with(|| format!("{identity} is not verified yet ({})", line(status)));
            }
            Err(AwsError::NotFound { .. }) => {}
            Err(error) => return failed(&what, "ses:GetEmailIdentity", error),
        }
    }
    let region = outlet.aws.region(&outlet.place()).to_owned();
    match pending {
        Some(pending) => SetupCheck::mend(
            what,
            format!("{pending}: put its DNS records in place, or follow the link that SES has mailed to the address"),
        ),
        None => SetupCheck::mend(
            what,
            format!("it is no identity of SES in {region}: verify the address or its domain there"),
        ),
    }
}

async fn get(outlet: &Email, path: &str) -> Result<Value, AwsError> {
    let request = AwsRequest::Rest { service: "email", signing: "ses", method: "GET", path, query: &[], body: None };
    Ok(outlet.aws.call(&outlet.place(), &request, TIMEOUT).await?.body)
}

/// `action` is what a policy calls the read.
fn failed(what: &str, action: &str, error: AwsError) -> SetupCheck {
    match error {
        AwsError::Unreachable { reason, .. } => SetupCheck::unreachable(what, reason),
        // Deliver itself needs no right to look.
        AwsError::Denied { .. } => {
            SetupCheck::cannot_tell(format!("{what}: these credentials may not look ({action})"))
        }
        AwsError::Expired { .. } | AwsError::BadKeys { .. } | AwsError::NoCredentials => {
            SetupCheck::mend(what, line(&error.to_string()))
        }
        other => SetupCheck::cannot_tell(format!("{what}: {}", line(&other.to_string()))),
    }
}
