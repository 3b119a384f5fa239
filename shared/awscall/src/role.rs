//! Taking a role: AssumeRole, and what it gave for as long as that holds.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::Secret;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{AwsError, AwsRequest, Keys, Role};

/// How long the keys of a role hold, in seconds: AWS's shortest. They are taken anew for a longer investigation.
const HOLDS: &str = "900";
/// How long before their end keys are not used any more: a call may take a while.
const SPARE: SignedDuration = SignedDuration::from_secs(120);
/// The name of the session, which CloudTrail shows in the other account.
const SESSION: &str = "firstlook";

/// One role's keys; the lock lets one of several calls at once ask for them.
type Slot = Arc<tokio::sync::Mutex<Option<Keys>>>;

/// The keys of the roles that were taken.
#[derive(Default)]
pub(crate) struct Roles {
    slots: Mutex<BTreeMap<Role, Slot>>,
}

impl Roles {
    /// The place of this role's keys, to be locked while they are asked for.
    pub(crate) fn slot(&self, role: &Role) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(role.clone()).or_default())
    }
}

/// Whether keys can still be used.
pub(crate) fn is_live(keys: &Keys, now: Timestamp) -> bool {
    keys.expires.is_none_or(|expires| now.duration_until(expires) > SPARE)
}

/// What is asked of STS.
pub(crate) fn parameters(role: &Role) -> Vec<(String, String)> {
    let mut params = vec![
        ("RoleArn".to_owned(), role.arn.clone()),
        ("RoleSessionName".to_owned(), SESSION.to_owned()),
        ("DurationSeconds".to_owned(), HOLDS.to_owned()),
    ];
    if let Some(id) = &role.external_id {
        params.push(("ExternalId".to_owned(), id.clone()));
    }
    params
}

/// The request.
pub(crate) fn request(params: &[(String, String)]) -> AwsRequest<'_> {
    AwsRequest::Query { service: "sts", signing: "sts", action: "AssumeRole", version: "2011-06-15", params }
}

/// Reads the keys in the answer. No part of it is in an error (I9).
pub(crate) fn keys(body: &Value) -> Result<Keys, AwsError> {
    let part = |name: &str| {
        let value = body.get("Credentials").and_then(|keys| keys.get(name)).and_then(Value::as_str);
        let missing = || AwsError::NotUnderstood { what: format!("AssumeRole gave no {name}") };
        value.filter(|text| !text.is_empty()).map(str::to_owned).ok_or_else(missing)
    };
    let expires = part("Expiration")?
        .parse()
        .map_err(|_| AwsError::NotUnderstood { what: "the Expiration of AssumeRole is no time".to_owned() })?;
    Ok(Keys {
        access_key_id: part("AccessKeyId")?,
        secret_access_key: Secret::new(part("SecretAccessKey")?),
        session_token: Some(Secret::new(part("SessionToken")?)),
        expires: Some(expires),
    })
}
