//! What the sender said.

use domain::{Alert, Link};
use maud::{Markup, html};

use crate::words;

/// How many labels and links stand on the page.
const MOST: usize = 40;

pub(super) fn section(alert: &Alert) -> Markup {
    html! {
        section {
            h2 { "Alert" }
            div.card {
                dl {
                    dt { "Severity" }
                    dd {
                        (words::alert_severity(alert.severity))
                        @if !alert.urgency.is_empty() { ", urgency " (alert.urgency) }
                        @if !alert.priority.is_empty() { ", priority " (alert.priority) }
                    }
                    @if !alert.service.name.is_empty() || !alert.service.id.is_empty() {
                        dt { "Service" }
                        dd { (alert.service.name) @if !alert.service.id.is_empty() { " " span.soft { (alert.service.id) } } }
                    }
                    @if !alert.team.is_empty() { dt { "Team" } dd { (alert.team) } }
                    dt { "Began" } dd { (words::moment(alert.started_at)) }
                    dt { "Sender's id" } dd { (alert.external_id) }
                    @if !alert.labels.is_empty() {
                        dt { "Labels" }
                        dd { div.labels {
                            @for (name, value) in alert.labels.iter().take(MOST) { code { (name) "=" (value) } }
                            @if alert.labels.len() > MOST { span.soft { "and " (alert.labels.len() - MOST) " more" } }
                        } }
                    }
                    @if !alert.links.is_empty() {
                        dt { "Links" }
                        dd { @for link in alert.links.iter().take(MOST) { div { (leads_out(link)) } } }
                    }
                    @if !alert.description.is_empty() { dt { "Says" } dd { (words::head(&alert.description, 4096).0) } }
                }
            }
        }
    }
}

/// A link that the sender gave: only to the web, and with the name of where it leads, whatever its title says.
fn leads_out(link: &Link) -> Markup {
    match url::Url::parse(&link.url) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => html! {
            a href=(url) rel="noopener noreferrer nofollow" { (link.title) }
            " " span.soft { "leads to " (url.host_str().unwrap_or_default()) }
        },
        _ => html! { (link.title) " " span.soft { (link.url) } },
    }
}
