//! What the sender said.

use domain::{Alert, Link};
use maud::{Markup, html};

use super::Sheet;
use crate::{
    room::Room,
    words::{self, short},
};

/// How urgent it is, and the way to the incident, for the head of the page.
pub(super) fn line(alert: &Alert, room: &mut Room) -> Markup {
    let link = alert.links.iter().find(|link| web(link).is_some());
    let link = link.and_then(|link| room.fit(html! { " · " (leads_out(link)) }));
    html! { p { "Alert: " (severity(alert)) @if let Some(link) = link { (link) } } }
}

fn severity(alert: &Alert) -> Markup {
    html! {
        b { (words::alert_severity(alert.severity)) }
        @if !alert.urgency.is_empty() { ", urgency " (short(&alert.urgency, 60)) }
        @if !alert.priority.is_empty() { ", priority " (short(&alert.priority, 60)) }
    }
}

pub(super) fn section(alert: &Alert, sheet: &Sheet<'_>, room: &mut Room) -> Markup {
    let named: Vec<(&String, &String)> = alert.labels.iter().collect();
    // What it says comes first, then where it leads, then its labels.
    let says = words::head(&alert.description, room.left().saturating_sub(FIXED).min(SAYS));
    let first = room.fit(html! {
        dt { "Severity" }
        dd { (severity(alert)) }
        @if !alert.service.name.is_empty() || !alert.service.id.is_empty() {
            dt { "Service" }
            dd { (short(&alert.service.name, 150)) @if !alert.service.id.is_empty() { " " span.soft { (short(&alert.service.id, 150)) } } }
        }
        @if !alert.team.is_empty() { dt { "Team" } dd { (short(&alert.team, 100)) } }
        dt { "Began" } dd { (words::moment(alert.started_at)) }
        dt { "Sender's id" } dd { (short(&alert.external_id, 150)) }
    });
    let said = room.fit(html! {
        @if !alert.description.is_empty() {
            dt { "Says" }
            dd { (says.0) @if says.1 > 0 { "… " span.soft { (words::bytes(says.1)) " more in " a href=(sheet.json) { "the JSON" } } } }
        }
    });
    let links = room.fill(&alert.links, |link| html! { div { (leads_out(link)) } });
    let labels = room.fill(&named, |(name, value)| html! { code { (short(name, 100)) "=" (short(value, 150)) } });
    html! {
        section {
            h2 { "Alert" }
            div.card {
                dl {
                    @if let Some(first) = first { (first) }
                    @if !labels.is_empty() {
                        dt { "Labels" }
                        dd { div.labels { (labels) } (labels.rest("label", "labels", &sheet.json)) }
                    }
                    @if !links.is_empty() { dt { "Links" } dd { (links) (links.rest("link", "links", &sheet.json)) } }
                    @if let Some(said) = said { (said) }
                }
            }
        }
    }
}

/// The most that stands of what the sender says.
const SAYS: usize = 1500;

/// The most that an alert takes beside that.
const FIXED: usize = 1100;

/// A link that the sender gave: only to the web, and with the name of where it leads, whatever its title says.
fn leads_out(link: &Link) -> Markup {
    let title = short(&link.title, 150);
    match web(link) {
        Some(url) => html! {
            a href=(url) rel="noopener noreferrer nofollow" { (title) }
            " " span.soft { "leads to " (short(url.host_str().unwrap_or_default(), 150)) }
        },
        None => html! { (title) " " span.soft { (short(&link.url, 200)) } },
    }
}

fn web(link: &Link) -> Option<url::Url> {
    let url = url::Url::parse(&link.url).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.as_str().len() <= MOST).then_some(url)
}

/// The longest link that is one: who would follow a longer one can copy it from the JSON.
const MOST: usize = 600;
