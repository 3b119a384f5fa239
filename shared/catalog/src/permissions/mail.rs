//! What deliver needs to send the catalog's mails: SES knows who may send as whom by the sender's identity (source: AWS's service
//! authorization reference of SES v2, whose `SendEmail` has the identity for a resource and `ses:FromAddress` for a condition).

use std::collections::{BTreeMap, BTreeSet};

use domain::{EmailSpec, OutletSpec};
use serde_json::{Value, json};

use super::{POLICY, STATEMENT, fixed, write_policy};
use crate::Catalog;

/// The senders of the catalog, each with the identities that it may be sent on.
pub(super) fn needs(catalog: &Catalog) -> BTreeMap<String, BTreeSet<String>> {
    let of_workflows = catalog.workflows.values().flat_map(|workflow| &workflow.deliver);
    let of_schedules = catalog.schedules.values().flat_map(|schedule| &schedule.deliver);
    let mut senders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for target in of_workflows.chain(of_schedules) {
        let OutletSpec::Email(mail) = &target.outlet else { continue };
        senders.entry(mail.from.clone()).or_default().extend(identities(mail));
    }
    senders
}

/// What SES may know the sender by. In its sandbox it also asks for leave on who gets the mail.
fn identities(mail: &EmailSpec) -> Vec<String> {
    let region = mail.region.as_deref().unwrap_or("${AWS::Region}");
    let named = mail.identities().into_iter().chain(mail.to.iter().map(String::as_str));
    named
        .map(|identity| format!("arn:${{AWS::Partition}}:ses:{region}:${{AWS::AccountId}}:identity/{identity}"))
        .collect()
}

/// The policies of deliver's role.
pub(super) fn write(to: &mut String, senders: &BTreeMap<String, BTreeSet<String>>) -> std::fmt::Result {
    let mut parts: Vec<Vec<Value>> = Vec::new();
    let mut room = 0;
    for (from, identities) in senders {
        let mut left: Vec<&String> = identities.iter().collect();
        while !left.is_empty() {
            let head = from.len() + 2 * STATEMENT;
            // Each stands in `{"Fn::Sub":""},`.
            let mut length = head;
            let fits = left.iter().take_while(|identity| {
                length += identity.len() + 15;
                length <= room
            });
            let many = fits.count();
            if many == 0 {
                parts.push(Vec::new());
                room = POLICY;
                continue;
            }
            let these: Vec<&String> = left.drain(..many).collect();
            room = room.saturating_sub(head + these.iter().map(|identity| identity.len() + 15).sum::<usize>());
            let on: Vec<Value> = these.into_iter().map(|identity| fixed(identity)).collect();
            let sender = json!({"StringEquals": {"ses:FromAddress": from}});
            let statement = json!({"Effect": "Allow", "Action": "ses:SendEmail", "Resource": on, "Condition": sender});
            if let Some(part) = parts.last_mut() {
                part.push(statement);
            }
        }
    }
    for (number, part) in parts.iter().enumerate() {
        let what = ("As whom the catalog sends mail", "DeliverRole");
        write_policy(to, &format!("Mail{}", number + 1), what, part)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::{Catalog, load_texts};

    fn catalog(to: &[String]) -> Catalog {
        let to = to.join(", ");
        let text = format!(
            "kind: Command\nname: triage\ndescription: d\ntasks: [{{ id: page, task: page }}]\n---\nkind: Task\nname: page\n\
             access: read-only\ntitle: Look at it\nrun: {{ http: {{ url: 'https://shop.example/healthz' }} }}\n---\n\
             kind: Schedule\nname: morning\nschedule: rate(1 day)\ncommand: triage\ndeliver:\n\
             - e-mail: {{ to: [{to}], from: first@ops.example.com }}\n\
             - e-mail: {{ to: [boss@example.org], from: look@example.com, region: eu-west-1 }}\n"
        );
        let loaded = load_texts([(std::path::Path::new("all.yaml"), text.as_str())]);
        loaded.catalog.unwrap_or_else(|| panic!("{:?}", loaded.problems))
    }

    #[test]
    fn deliver_may_send_as_the_catalogs_senders_and_as_nobody_else() {
        let template = catalog(&["oncall@example.com".to_owned()]).to_permissions();
        let (_, written) = template.split_once("  Mail1:").unwrap();
        insta::assert_snapshot!(written, @r#"
            Type: AWS::IAM::ManagedPolicy
            Properties:
              Description: As whom the catalog sends mail
              Roles: [!Ref DeliverRole]
              PolicyDocument:
                Version: "2012-10-17"
                Statement:
                  - {"Action":"ses:SendEmail","Condition":{"StringEquals":{"ses:FromAddress":"first@ops.example.com"}},"Effect":"Allow","Resource":[{"Fn::Sub":"arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/example.com"},{"Fn::Sub":"arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/first@ops.example.com"},{"Fn::Sub":"arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/oncall@example.com"},{"Fn::Sub":"arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/ops.example.com"}]}
                  - {"Action":"ses:SendEmail","Condition":{"StringEquals":{"ses:FromAddress":"look@example.com"}},"Effect":"Allow","Resource":[{"Fn::Sub":"arn:${AWS::Partition}:ses:eu-west-1:${AWS::AccountId}:identity/boss@example.org"},{"Fn::Sub":"arn:${AWS::Partition}:ses:eu-west-1:${AWS::AccountId}:identity/example.com"},{"Fn::Sub":"arn:${AWS::Partition}:ses:eu-west-1:${AWS::AccountId}:identity/look@example.com"}]}
        "#);
    }

    #[test]
    fn many_recipients_are_spread_over_policies_that_iam_takes() {
        let many: Vec<String> =
            (0..50).map(|number| format!("a-rather-long-name-{number}@{}.example.com", "x".repeat(60))).collect();
        let template = catalog(&many).to_permissions();
        let policies: Vec<&str> = template.split("Mail").skip(1).collect();
        assert!(policies.len() > 1, "{template}");
        for policy in &policies {
            let document = policy.split("Statement:").nth(1).unwrap();
            assert!(document.chars().filter(|c| !c.is_whitespace()).count() < 6144 - 100, "{policy}");
        }
        assert!(many.iter().all(|one| template.contains(one.as_str())));
    }
}
