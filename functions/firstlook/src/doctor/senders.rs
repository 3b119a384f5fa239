//! Sources: whether their secrets stand, and whether Slack lets the bot hear what people ask.

use std::{collections::BTreeSet, sync::Arc};

use catalog::model::{Scheme, SourceType};
use ports::SetupCheck;

use super::{Doctor, Form, Group};

impl Doctor {
    pub(super) fn sources(&self) -> Vec<Group> {
        let mut groups = Vec::new();
        for source in self.catalog.sources.values() {
            let mut group = Group::new(format!("Source {}", source.name), source.source_type.as_str());
            let form = match source.scheme() {
                Some(Scheme::StandardWebhooks) => Form::SigningKey,
                Some(Scheme::Basic) => Form::Login("user:password"),
                _ => Form::Sender,
            };
            let (secrets, key) = (Arc::clone(&self.secrets), source.verify.secret.clone());
            let signs = key.clone().unwrap_or_default();
            group = group.look(async move {
                let mut found = Vec::new();
                match key {
                    Some(key) => {
                        secrets.check(&key, form, &mut found).await;
                    }
                    None => found.push(SetupCheck::ok("it needs no secret: AWS itself vouches for what comes")),
                }
                found
            });
            // What AWS itself hands over has no URL.
            if let Some(doors) = self.doors.clone().filter(|_| source.scheme() != Some(Scheme::Iam)) {
                let name = source.name.clone();
                group = group.look(async move { vec![doors.check_hook(&name).await] });
            }
            if source.source_type == SourceType::Slack {
                let channels = source.commands.iter().flat_map(|command| command.channels.clone());
                let channels: BTreeSet<String> = channels.collect();
                let (secrets, outlets, clock) =
                    (Arc::clone(&self.secrets), Arc::clone(&self.outlets), Arc::clone(&self.clock));
                group = group.look(async move {
                    let mut found = Vec::new();
                    if secrets.check(outlets::slack::TOKEN_KEY, Form::SlackToken, &mut found).await {
                        let channels: Vec<&str> = channels.iter().map(String::as_str).collect();
                        found.extend(outlets.check_chat(&channels, clock.now()).await);
                    }
                    // Slack shows it to nobody but who looks at the app's own settings.
                    found.push(SetupCheck::cannot_tell(format!(
                        "whether the app has its Request URLs (Slash Commands, Event Subscriptions, Interactivity), and \
                         `{signs}` is its signing secret: ask it something in Slack and press a button (docs/sources/slack.md)"
                    )));
                    found
                });
            }
            groups.push(group);
        }
        groups
    }
}
