use std::path::Path;

use insta::assert_snapshot;

use super::*;

/// The RunSession that the console's pages are tested with, too.
const VIEW: &str = include_str!("../../../console/src/tests/view.json");

const CATALOG: &str = r##"
kind: Source
name: tool
type: webhook
verify: { secret: tool-signing, scheme: bearer }
map: { external_id: body.id, title: body.title }
---
kind: Task
name: port-open
access: read-only
title: Check that the port takes connections
run: { tcp: { host: shop.example, port: "443" } }
issues:
  - { when: "!result.connected", severity: 1, title: It takes no connections, next_steps: ["Look at it."] }
---
kind: Command
name: other
description: Something else
tasks: [{ id: port, task: port-open }]
---
kind: Command
name: triage
description: Is it there
tasks: [{ id: port, task: port-open }]
---
kind: Workflow
name: another
trigger: { sources: [tool], when: alert.title == "a" }
investigate: { command: other }
deliver: [slack: { channel: "#other" }, teams: { secret: other-teams }]
---
kind: Workflow
name: pages
trigger: { sources: [tool], when: alert.title == "b" }
investigate: { command: triage }
deliver:
  - slack: { channel: "#oncall" }
  - slack: { channel: "#managers" }
  - jira: { site: "https://example.atlassian.net", issue: "${{ alert.labels.jira }}" }
  - github: { repository: acme/checkout, issue: "12" }
  - webhook: { url: "https://hooks.example.com/firstlook", secret: team-hook }
"##;

fn catalog() -> Catalog {
    let loaded = catalog::load_texts([(Path::new("all.yaml"), CATALOG)]);
    loaded.catalog.unwrap_or_else(|| panic!("{:#?}", loaded.problems))
}

fn named(names: &[&str]) -> Result<Vec<Wanted>, Failure> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    wanted(&catalog(), &"triage".parse().unwrap(), &names)
}

fn shown(names: &[&str]) -> String {
    let view: RunView = serde_json::from_str(VIEW).unwrap();
    let Ok(wanted) = named(names) else { panic!("{names:?}") };
    let now = view.run.ended_at.unwrap();
    let link = format!("http://127.0.0.1:4400/runs/{}?exp=1&sig=a_b", view.run.id);
    text(&view, &wanted, &link, now, Style::Plain).unwrap()
}

#[test]
fn a_slack_message_is_drawn_and_shown_as_it_would_be_sent() {
    assert_snapshot!("slack", shown(&["slack"]));
}

#[test]
fn notes_and_comments_are_shown_as_people_would_read_them() {
    assert_snapshot!("notes", shown(&["pagerduty", "servicenow", "github", "opsgenie"]));
}

#[test]
fn a_mail_is_shown_with_its_header_and_both_of_its_parts() {
    let text = shown(&["e-mail"]);
    let (text, html) = text.split_once("\n\ntext/html:\n\n").unwrap();
    assert_snapshot!("mail", text);
    assert!(html.starts_with("<!DOCTYPE html><html") && html.ends_with("</html>"), "{html}");
}

#[test]
fn documents_and_cards_are_drawn_above_their_json() {
    assert_snapshot!("documents", shown(&["jira", "teams"]));
}

#[test]
fn i9_a_webhook_is_shown_with_its_headers_and_without_its_signature() {
    assert_snapshot!("webhook", shown(&["webhook"]));
}

#[test]
fn the_target_is_the_commands_own_then_the_catalogs_then_a_stand_in() {
    let Ok(found) = named(&["slack", " slack-2", "teams", "jsm"]) else { panic!() };
    let found: Vec<(String, Option<&str>)> = found
        .iter()
        .map(|wanted| (serde_json::to_string(&wanted.spec.outlet).unwrap(), wanted.of.as_deref()))
        .collect();
    assert_eq!(
        found,
        [
            (r##"{"slack":{"channel":"#oncall"}}"##.to_owned(), Some("Workflow pages")),
            (r##"{"slack":{"channel":"#managers"}}"##.to_owned(), Some("Workflow pages")),
            (r#"{"teams":{"secret":"other-teams"}}"#.to_owned(), Some("Workflow another")),
            (r#"{"jsm":{"note":true}}"#.to_owned(), None),
        ]
    );
}

#[test]
fn an_outlet_that_is_none_is_refused_with_the_list() {
    let Err(Failure::Usage(reason)) = named(&["slack", "irc"]) else { panic!("it was taken") };
    assert_eq!(
        reason,
        "there is no outlet `irc`; there are e-mail, github, jira, jsm, opsgenie, pagerduty, servicenow, slack, slack-2, \
         slack-webhook, teams, webhook"
    );
    // Every outlet of a catalog has a stand-in, or a catalog without it could not show it.
    assert_eq!(known().len(), 11);
}
