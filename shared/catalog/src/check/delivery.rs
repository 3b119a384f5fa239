//! Targets.

use std::net::IpAddr;

use domain::OutletSpec;
use url::Host;

use super::{Desk, Spot, sources::secret_key};
use crate::{bind::accept, model::ParameterType, problem::Code, schema::DocKind};

pub(super) fn check(desk: &mut Desk<'_>, spot: &Spot<'_>, deliver: &[OutletSpec]) {
    for (place, target) in deliver.iter().enumerate() {
        let spot = spot.to("deliver").item(place);
        if deliver.iter().take(place).any(|before| before == target) {
            desk.report(&spot, Code::DuplicateTarget, "this target stands above already", "take one of them out");
        }
        match target {
            OutletSpec::Slack(slack) => channel(desk, &spot.to("slack.channel"), &slack.channel),
            OutletSpec::PagerDuty(pagerduty) => {
                let spot = spot.to("pagerduty");
                if !pagerduty.note {
                    let help = "write `note: true`, or take the target out";
                    desk.report(
                        &spot.to("note"),
                        Code::PagerDutyTarget,
                        "without a note there is nothing to deliver",
                        help,
                    );
                }
                if pagerduty.from.as_ref().is_some_and(|from| !is_address(from)) {
                    let message = "`from` is not an e-mail address";
                    let help = "name the PagerDuty user in whose name the note is written";
                    desk.report(&spot.to("from"), Code::PagerDutyTarget, message, help);
                }
                if spot.kind == DocKind::Schedule {
                    let message = "a Schedule has no PagerDuty incident to write a note to";
                    desk.report(&spot, Code::PagerDutyTarget, message, "deliver to Slack or to a webhook");
                }
            }
            OutletSpec::Webhook(webhook) => {
                let spot = spot.to("webhook");
                url(desk, &spot.to("url"), &webhook.url);
                secret_key(desk, &spot.to("secret"), &webhook.secret);
            }
        }
    }
}

/// `#name` as Slack allows names, or an id.
fn channel(desk: &mut Desk<'_>, spot: &Spot<'_>, channel: &str) {
    let name = |name: &str| {
        (1..=80).contains(&name.chars().count())
            && name.chars().all(|c| c.is_alphanumeric() && !c.is_uppercase() || matches!(c, '-' | '_'))
    };
    let id = |id: &str| {
        id.starts_with(['C', 'G']) && id.len() >= 9 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    };
    if !channel.strip_prefix('#').is_some_and(name) && !id(channel) {
        let message = format!("`{}` is not a Slack channel", crate::bind::cut(channel));
        let help =
            "write \"#name\" (in quotes: YAML reads # as a comment) in lower case, or the channel's id (C0123ABCD)";
        desk.report(spot, Code::SlackChannel, message, help);
    }
}

fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && host.contains('.') && !text.contains(char::is_whitespace) && !host.contains('@')
    })
}

/// `https`, or `http` to this machine.
fn url(desk: &mut Desk<'_>, spot: &Spot<'_>, text: &str) {
    let plain = crate::model::Parameter::of(ParameterType::Url);
    let message = match accept(&plain, &serde_json::Value::from(text)) {
        Err(wrong) => wrong.problem,
        Ok(_) if is_safe(text) => return,
        Ok(_) => "it is not encrypted".to_owned(),
    };
    let message = format!("a webhook cannot go to `{}`: {message}", crate::bind::cut(text));
    let help =
        "use https; http is for a loopback address only. Only the catalog can name it, so no expression stands here";
    desk.report(spot, Code::WebhookTarget, message, help);
}

fn is_safe(text: &str) -> bool {
    let Ok(url) = url::Url::parse(text) else { return false };
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    };
    url.scheme() == "https" || loopback
}
