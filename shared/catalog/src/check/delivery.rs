//! Targets.

use std::net::IpAddr;

use domain::{EmailSpec, OutletSpec, SlackSpec};
use url::Host;

use super::{Desk, Spot, aws, names::Variables, sources::secret_key, types};
use crate::{
    bind::accept,
    expr::{Part, Template},
    model::{Deliver, ParameterType},
    problem::Code,
    schema::DocKind,
};

/// The most characters that a team may write above the report, values aside: a report comes first on a telephone, too.
const WORDS: usize = 1000;

pub(super) fn check(desk: &mut Desk<'_>, spot: &Spot<'_>, deliver: &[Deliver]) {
    for (place, entry) in deliver.iter().enumerate() {
        let spot = spot.to("deliver").item(place);
        let target = &entry.outlet;
        // Under two conditions it may be told in two ways.
        let same = |before: &Deliver| before.outlet == *target && before.when == entry.when;
        if deliver.iter().take(place).any(same) {
            desk.report(&spot, Code::DuplicateTarget, "this target stands above already", "take one of them out");
        }
        told(desk, &spot, entry);
        match target {
            OutletSpec::Slack(slack) => {
                channel(desk, &spot.to("slack.channel"), &slack.channel);
                if let Some(text) = &slack.thread {
                    thread(desk, &spot.to("slack.thread"), &slack.channel, text);
                }
            }
            OutletSpec::PagerDuty(pagerduty) => {
                let spot = spot.to("pagerduty");
                note(desk, &spot, pagerduty.note);
                if pagerduty.from.as_ref().is_some_and(|from| !EmailSpec::is_address(from)) {
                    let message = "`from` is not an e-mail address";
                    let help = "name the PagerDuty user in whose name the note is written";
                    desk.report(&spot.to("from"), Code::TargetTicket, message, help);
                }
            }
            OutletSpec::Opsgenie(alert) | OutletSpec::Jsm(alert) => {
                let spot = spot.to(target.kind());
                note(desk, &spot, alert.note);
                if let Some(api) = &alert.api {
                    url(desk, &spot.to("api"), api);
                }
            }
            OutletSpec::Jira(jira) => url(desk, &spot.to("jira.site"), &jira.site),
            OutletSpec::ServiceNow(servicenow) => url(desk, &spot.to("servicenow.instance"), &servicenow.instance),
            OutletSpec::GitHub(github) => {
                let spot = spot.to("github");
                if let Some(api) = &github.api {
                    url(desk, &spot.to("api"), api);
                }
                if !is_repository(&github.repository) {
                    let message = "`repository` is not `owner/name`";
                    let help = "write it as it stands in the address of the repository";
                    desk.report(&spot.to("repository"), Code::TargetTicket, message, help);
                }
            }
            OutletSpec::Webhook(webhook) => url(desk, &spot.to("webhook.url"), &webhook.url),
            OutletSpec::Email(mail) => email(desk, &spot.to("e-mail"), mail),
            OutletSpec::SlackWebhook(_) | OutletSpec::Teams(_) => {}
        }
        if let Some(key) = target.secret() {
            secret_key(desk, &spot.to(target.kind()).to("secret"), key);
        }
        on_what(desk, &spot.to(target.kind()), target);
    }
}

/// When it is told, and in which words of the team's own.
fn told(desk: &mut Desk<'_>, spot: &Spot<'_>, entry: &Deliver) {
    let mut variables = Variables::new([("run", types::run())]);
    if spot.kind == DocKind::Schedule {
        variables.beyond = Some((Code::UnknownVariable, "a Schedule has no alert: ask `run`"));
    } else {
        variables.roots.insert("alert", types::alert());
        variables.beyond = Some((Code::UnknownVariable, "ask `run` and `alert`: a target sees what came of a run"));
    }
    if let Some(when) = &entry.when {
        desk.condition(&spot.to("when"), when, &variables);
    }
    let Some(text) = &entry.text else { return };
    let spot = spot.to("text");
    desk.template(&spot, text, &variables);
    let own = text.parts().unwrap_or_default().iter().map(|part| match part {
        Part::Text(own) => own.chars().count(),
        Part::Value(_) => 0,
    });
    let own: usize = own.sum();
    if own > WORDS {
        let help = format!("say it in at most {WORDS} characters; what there is to know belongs into Knowledge");
        desk.report(&spot, Code::OutOfBounds, format!("what stands above a report has {own} characters"), help);
    }
    if text.source().trim().is_empty() {
        desk.report(
            &spot,
            Code::BadValue,
            "this says nothing",
            "leave `text` out, or write what people must know first",
        );
    }
    if matches!(entry.outlet, OutletSpec::Slack(_) | OutletSpec::SlackWebhook(_)) && mentions_by_value(text) {
        let message = "a value cannot choose whom Slack tells, or where a link leads: it is shown as text";
        let help = "write who is meant in full: `<!subteam^S0123ABCD>`, `<@U0123ABCD>`, `<!here>`";
        desk.report(&spot, Code::UnsafeInterpolation, message, help);
    }
}

/// Whether an expression stands within `<...>`.
fn mentions_by_value(text: &Template) -> bool {
    let mut open = false;
    text.parts().unwrap_or_default().iter().any(|part| match part {
        Part::Text(own) => {
            open = match (own.rfind('<'), own.rfind('>')) {
                (Some(opens), Some(closes)) => opens > closes,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => open,
            };
            false
        }
        Part::Value(_) => open,
    })
}

/// What a target writes on must be there.
fn on_what(desk: &mut Desk<'_>, spot: &Spot<'_>, target: &OutletSpec) {
    let scheduled = spot.kind == DocKind::Schedule;
    if let (Some(sender), true) = (target.sender(), scheduled) {
        let message = format!("a Schedule has no alert of {sender} to write a note on");
        desk.report(spot, Code::TargetTicket, message, "deliver to Slack, to a ticket, by e-mail or to a webhook");
    }
    let Some((text, kind)) = target.ticket() else { return };
    let spot = spot.to(if matches!(target, OutletSpec::ServiceNow(_)) { "incident" } else { "issue" });
    let template = Template::new(text);
    match template.parts() {
        Ok([Part::Text(key)]) if kind.is_key(key.trim()) => {}
        Ok([] | [Part::Text(_)]) => {
            let message = format!("`{}` is not {}", crate::bind::cut(text), kind.what());
            let help = "write the key as the tracker shows it, in quotes, or where the alert has it: ${{ alert.labels.ticket }}";
            desk.report(&spot, Code::TargetTicket, message, help);
        }
        Ok(_) if scheduled => {
            let message = "a Schedule has no alert that could say which ticket".to_owned();
            desk.report(&spot, Code::TargetTicket, message, format!("write {}", kind.what()));
        }
        _ => {
            desk.template(&spot, &template, &Variables::new([("alert", types::alert())]));
        }
    }
}

fn note(desk: &mut Desk<'_>, spot: &Spot<'_>, note: bool) {
    if !note {
        let help = "write `note: true`, or take the target out";
        desk.report(&spot.to("note"), Code::TargetTicket, "without a note there is nothing to deliver", help);
    }
}

fn is_repository(text: &str) -> bool {
    let piece = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
            && !text.bytes().all(|b| b == b'.')
    };
    text.split_once('/').is_some_and(|(owner, name)| piece(owner) && piece(name))
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

/// The `ts` of a message, or where the alert has it.
fn thread(desk: &mut Desk<'_>, spot: &Spot<'_>, channel: &str, text: &str) {
    let template = Template::new(text);
    if let Ok([] | [Part::Text(_)]) = template.parts() {
        if !SlackSpec::is_ts(text) {
            let message = "`thread` is not the `ts` of a Slack message";
            let help = "write it in quotes as \"1700000000.000100\", or leave it out for the channel itself";
            desk.report(spot, Code::SlackChannel, message, help);
        }
    } else if spot.kind == DocKind::Schedule {
        let message = "a Schedule has no alert that could say which thread";
        desk.report(spot, Code::SlackChannel, message, "leave `thread` out, or write the `ts` of a message");
    } else {
        if channel.starts_with('#') {
            let message = "whether the alert's message stands in this channel can only be seen by the channel's id";
            desk.report(spot, Code::SlackChannel, message, "name the channel by its id (C0123ABCD)");
        }
        desk.template(spot, &template, &Variables::new([("alert", types::alert())]));
    }
}

/// Addresses are literal (I8) and plain: they stand in headers.
fn email(desk: &mut Desk<'_>, spot: &Spot<'_>, mail: &EmailSpec) {
    let to = mail.to.iter().enumerate().map(|(place, text)| (spot.to("to").item(place), text));
    for (spot, text) in to.chain([(spot.to("from"), &mail.from)]) {
        if !EmailSpec::is_address(text) {
            let message = format!("`{}` is not a plain e-mail address", crate::bind::cut(text));
            let help = "write one address without a name, such as oncall@example.com. Only the catalog can name it, so no \
                        expression stands here";
            desk.report(&spot, Code::TargetAddress, message, help);
        }
    }
    for (place, text) in mail.to.iter().enumerate() {
        if mail.to.iter().take(place).any(|before| before.eq_ignore_ascii_case(text)) {
            let message = format!("`{}` stands above already", crate::bind::cut(text));
            desk.report(&spot.to("to").item(place), Code::TargetAddress, message, "take one of them out");
        }
    }
    if !(1..=EmailSpec::MOST).contains(&mail.to.len()) {
        let message = format!("a mail goes to 1 to {} addresses, and not to {}", EmailSpec::MOST, mail.to.len());
        let help = "name those who are to read it, or a list's address for more";
        desk.report(&spot.to("to"), Code::TargetAddress, message, help);
    }
    aws::region(desk, &spot.to("region"), mail.region.as_deref());
}

/// `https`, or `http` to this machine.
fn url(desk: &mut Desk<'_>, spot: &Spot<'_>, text: &str) {
    let plain = crate::model::Parameter::of(ParameterType::Url);
    let message = match accept(&plain, &serde_json::Value::from(text)) {
        Err(wrong) => wrong.problem,
        Ok(_) if is_safe(text) => return,
        Ok(_) => "it is not encrypted".to_owned(),
    };
    let message = format!("nothing can be delivered to `{}`: {message}", crate::bind::cut(text));
    let help =
        "use https; http is for a loopback address only. Only the catalog can name it, so no expression stands here";
    desk.report(spot, Code::TargetUrl, message, help);
}

/// Whether what goes to a URL is encrypted, or stays on this machine.
#[must_use]
pub fn is_safe(text: &str) -> bool {
    let Ok(url) = url::Url::parse(text) else { return false };
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    };
    url.scheme() == "https" || loopback
}
