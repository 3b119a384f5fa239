//! The demo's catalog: real documents, with the places of what runs in this process put in.

use std::{fs, io, path::Path};

use super::checkout::Service;

const FILES: [(&str, &str); 4] = [
    ("workflow.yaml", include_str!("catalog/workflow.yaml")),
    ("command.yaml", include_str!("catalog/command.yaml")),
    ("tasks.yaml", include_str!("catalog/tasks.yaml")),
    ("checkout.md", include_str!("catalog/checkout.md")),
];

/// Writes the documents into `folder`, which is made if it is not there. Their checks look at `service`, and the
/// Workflow delivers to `team_webhook` beside Slack and PagerDuty.
///
/// The secret's keys that they name are `pagerduty-signing` and `team-webhook`.
///
/// # Errors
/// The folder or a file cannot be written.
pub fn write(folder: &Path, service: &Service, team_webhook: &str) -> io::Result<()> {
    let places = [
        ("CHECKOUT_URL", service.url()),
        ("PROMETHEUS_URL", service.prometheus()),
        // Before the shorter name that is a part of it.
        ("FORMER_DATABASE_PORT", service.former_database_port().to_string()),
        ("DATABASE_PORT", service.database_port().to_string()),
        ("TEAM_WEBHOOK", team_webhook.to_owned()),
    ];
    fs::create_dir_all(folder)?;
    for (name, text) in FILES {
        let text = places.iter().fold(text.to_owned(), |text, (place, value)| text.replace(place, value));
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
