use jiff::Timestamp;
use ports::SetupCheck;

use crate::hook::{Hook, Kind};

pub(crate) async fn check(outlet: &Hook, _: Timestamp) -> Vec<SetupCheck> {
    let key = &outlet.name;
    let (url, whose) = match outlet.kind {
        // A workflow's trigger (`/triggers/...`, `/workflows/...`) takes other bodies.
        Kind::Slack if outlet.url.scheme() == "https" && !outlet.url.path().starts_with("/services/") => {
            return vec![SetupCheck::mend(
                format!("the URL under `{key}`"),
                format!(
                    "it is of Slack, but of no incoming webhook: put the URL of one (https://hooks.slack.com/services/...) under \
                     `{key}` in the secret"
                ),
            )];
        }
        Kind::Slack => ("an incoming webhook's", "Slack's incoming webhooks"),
        Kind::Teams => ("a webhook's", "webhooks of Teams"),
    };
    vec![
        SetupCheck::ok(format!("the URL under `{key}` looks like {url}")),
        SetupCheck::cannot_tell(format!("whether it is taken: {whose} can only be posted to")),
    ]
}
