//! What would be sent to a target, for who wants to see it first. Nothing here can send: it is what the outlets render.

use domain::OutletSpec;
use serde_json::Value;

use crate::{OutletError, Post, email, github, hook, jira, opsgenie, pagerduty, servicenow, slack, webhook};

/// What would be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Where to, for people.
    pub to: String,
    /// The headers that say something of the post; those with a key are not among them, and a signature is only named.
    pub headers: Vec<(&'static str, String)>,
    /// The body, as it would be sent.
    pub body: Value,
}

/// What the target of `post` would be sent.
///
/// # Errors
/// [`OutletError::Permanent`]; the body cannot be written.
pub fn preview(post: &Post<'_>) -> Result<Preview, OutletError> {
    let outlet = &post.target.spec.outlet;
    let ticket = || match outlet.ticket() {
        Some((key, _)) if !key.is_empty() && !key.contains("${{") => key.to_owned(),
        _ => "the ticket that the alert names".to_owned(),
    };
    let plain = |to: String, body: Value| Preview { to, headers: vec![], body };
    Ok(match outlet {
        OutletSpec::Slack(spec) => {
            let thread = spec.thread.as_ref().map(|ts| format!(", thread {ts}")).unwrap_or_default();
            plain(format!("message in {}{thread}", spec.channel.trim()), slack::message(spec, post))
        }
        OutletSpec::SlackWebhook(hook) => {
            plain(format!("message by the incoming webhook `{}`", hook.secret), hook::render_slack(post))
        }
        OutletSpec::PagerDuty(spec) => Preview {
            headers: spec.from.iter().map(|from| ("from", from.clone())).collect(),
            ..plain("note on the alert's incident".to_owned(), pagerduty::body(post))
        },
        OutletSpec::Opsgenie(_) | OutletSpec::Jsm(_) => plain("note on the alert".to_owned(), opsgenie::body(post)),
        OutletSpec::Jira(spec) => {
            let seen = if spec.public { " that customers see" } else { "" };
            plain(format!("comment{seen} on {}", ticket()), jira::body(spec.public, post))
        }
        OutletSpec::ServiceNow(_) => plain(format!("work note on {}", ticket()), servicenow::body(post)),
        OutletSpec::GitHub(spec) => {
            let on = if ticket().bytes().all(|b| b.is_ascii_digit()) { format!("#{}", spec.issue) } else { ticket() };
            plain(format!("comment in {} on {on}", spec.repository), github::body(post))
        }
        OutletSpec::Email(spec) => {
            plain(format!("e-mail to {} from {}", spec.to.join(", "), spec.from), email::render(post, spec))
        }
        OutletSpec::Teams(hook) => {
            plain(format!("card by the workflow's webhook `{}`", hook.secret), hook::render_teams(post))
        }
        OutletSpec::Webhook(spec) => {
            let body = webhook::body(post).map_err(webhook::unwritten)?;
            Preview {
                to: format!("POST {}", spec.url),
                headers: webhook::headers(post, &format!("v1,(signed with `{}`)", spec.secret)),
                body: serde_json::from_str(&body).map_err(webhook::unwritten)?,
            }
        }
    })
}
