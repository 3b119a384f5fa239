//! What the AWS kinds share: where a call goes, and what its failures are called.

use std::{collections::BTreeMap, time::Duration};

use awscall::{Aws, AwsAnswer, AwsError, AwsRequest, Place, Role};
use catalog::model::{Account, AwsPlace};
use domain::{Name, Secret};
use engine::advised;

/// The way to AWS, and the catalog's Accounts.
#[derive(Default)]
pub(crate) struct Cloud {
    aws: Option<Aws>,
    accounts: BTreeMap<Name, Account>,
}

/// Where the calls of one task go.
#[derive(Debug)]
pub(crate) struct There<'a> {
    aws: &'a Aws,
    account: Option<&'a Name>,
    place: Place,
}

impl Cloud {
    pub(crate) fn new(aws: Option<Aws>, accounts: BTreeMap<Name, Account>) -> Self {
        Self { aws, accounts }
    }

    /// Where the calls of a task go.
    pub(crate) fn at<'a>(&'a self, wanted: AwsPlace<'a>) -> Result<There<'a>, String> {
        let Some(aws) = &self.aws else {
            return Err(advised(
                "there are no AWS credentials here",
                "Give the process AWS credentials (`eval \"$(aws configure export-credentials --format env)\"`) and \
                 AWS_REGION, then run the Command again.",
            ));
        };
        Ok(There { aws, account: wanted.account, place: aws_place(&self.accounts, wanted)? })
    }
}

/// `wanted` of a catalog with these Accounts, as calls are given it.
///
/// # Errors
/// There is no such Account; for people.
pub fn aws_place(accounts: &BTreeMap<Name, Account>, wanted: AwsPlace<'_>) -> Result<Place, String> {
    let role = match wanted.account {
        None => None,
        Some(name) => {
            let account = accounts.get(name).ok_or_else(|| format!("there is no Account `{name}`"))?;
            let (arn, external_id) = (account.role.clone(), account.external_id.clone());
            Some(Role { arn, external_id, region: account.region.clone() })
        }
    };
    Ok(Place { region: wanted.region.map(str::to_owned), role })
}

impl There<'_> {
    /// The region that is asked.
    pub(crate) fn region(&self) -> &str {
        self.aws.region(&self.place)
    }

    /// Makes one call.
    pub(crate) async fn call(&self, request: &AwsRequest<'_>, within: Duration) -> Result<AwsAnswer, String> {
        self.ask(request, within).await.map_err(|error| self.reason(&error))
    }

    /// The same, for who looks at the error first.
    pub(crate) async fn ask(&self, request: &AwsRequest<'_>, within: Duration) -> Result<AwsAnswer, AwsError> {
        self.aws.call(&self.place, request, within).await
    }

    /// A token that opens the EKS cluster `cluster` as the role that asks here.
    pub(crate) async fn eks_token(&self, cluster: &str, within: Duration) -> Result<Secret, String> {
        self.aws.eks_token(&self.place, cluster, within).await.map_err(|error| self.reason(&error))
    }

    /// What kept a call from being made, with what to do about it.
    pub(crate) fn reason(&self, error: &AwsError) -> String {
        let role = self.place.role.as_ref().map(|role| role.arn.as_str());
        match error {
            AwsError::Denied { action, message } => advised(
                &format!("{} may not {action}: {message}", principal(message)),
                &granting(action, message, role.zip(self.account)),
            ),
            AwsError::Role { arn, source } => match &**source {
                AwsError::Denied { message, .. } => advised(
                    &format!("{} may not take the role {arn}: {message}", principal(message)),
                    &format!(
                        "Let both sides allow it: the trust policy of {arn} names the role of investigate (and the \
                         Account's `external_id`, where it asks for one), and the deployed permissions are those that \
                         `firstlook render` writes now."
                    ),
                ),
                other => line(&format!("the role {arn} could not be taken: {other}")),
            },
            AwsError::Expired { .. } | AwsError::BadKeys { .. } => advised(
                &error.to_string(),
                "Give the process fresh AWS credentials. A Lambda function has its own, so there run the Command again.",
            ),
            AwsError::Throttled { .. } => advised(
                &error.to_string(),
                "Wait a minute and run the Command again; if it stays so, raise the quota of this API in Service Quotas or \
                 run fewer Commands at once.",
            ),
            other => line(&other.to_string()),
        }
    }
}

/// Where AWS did not name what is missing, and the request does not say what it asks for, as in REST: it was this action.
pub(crate) fn named(error: AwsError, asked: &str) -> AwsError {
    match error {
        AwsError::Denied { action, message } if action.contains(' ') => {
            AwsError::Denied { action: asked.to_owned(), message }
        }
        other => other,
    }
}

/// AWS's words without line breaks: a second line would be advice.
fn line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// Who was denied: the name of the role in AWS's words, else nobody in particular.
fn principal(message: &str) -> String {
    let role = message.split_once(":assumed-role/").and_then(|(_, rest)| rest.split(['/', ' ']).next());
    let user = message.split_once(":user/").and_then(|(_, rest)| rest.split(' ').next());
    match (role, user) {
        (Some(role), _) => format!("the role {role}"),
        (_, Some(user)) => format!("the user {user}"),
        _ => "the caller".to_owned(),
    }
}

fn granting(action: &str, message: &str, other: Option<(&str, &Name)>) -> String {
    if message.contains("explicit deny") {
        return format!(
            "A policy denies `{action}` explicitly (AWS says which kind): take it out of there, since nothing that allows \
             it can outweigh it."
        );
    }
    match other {
        Some((arn, account)) => format!("Add `{action}` to the policy of the role {arn} of the Account `{account}`."),
        None => format!(
            "Allow the role of investigate `{action}`: write the permissions with `firstlook render` and deploy them \
             (docs/deploy.md, Permissions)."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_denied_is_named_by_the_role() {
        assert_eq!(
            principal("User: arn:aws:sts::111122223333:assumed-role/firstlook-Investigate/abc is not authorized"),
            "the role firstlook-Investigate"
        );
        assert_eq!(principal("User: arn:aws:iam::111122223333:user/ann is not authorized"), "the user ann");
        assert_eq!(principal("no"), "the caller");
    }

    #[test]
    fn what_to_do_names_the_permission_and_where_it_goes() {
        let name = Name::try_from("shop".to_owned()).unwrap();
        let arn = "arn:aws:iam::444455556666:role/read";
        assert!(granting("logs:StartQuery", "", None).contains("firstlook render"));
        assert_eq!(
            granting("logs:StartQuery", "", Some((arn, &name))),
            format!("Add `logs:StartQuery` to the policy of the role {arn} of the Account `shop`.")
        );
        assert!(
            granting("logs:StartQuery", "with an explicit deny in a service control policy", None).contains("outweigh")
        );
    }
}
