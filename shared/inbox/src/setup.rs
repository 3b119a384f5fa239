//! What stands otherwise than an outlet needs it: rights that are missing, channels that the bot is not in.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::PoisonError,
};

use crate::{Inbox, Service};

/// How the providers are set up. By default everything is as it should be.
#[derive(Default)]
pub(crate) struct Setup {
    granted: BTreeMap<Service, Vec<String>>,
    denied: BTreeSet<String>,
    closed: BTreeSet<String>,
    private: BTreeSet<String>,
    left: BTreeSet<String>,
    role: Option<String>,
}

impl Setup {
    /// The scopes of a token, where they were said.
    pub fn granted(&self, service: Service) -> Option<Vec<String>> {
        self.granted.get(&service).cloned()
    }

    pub fn is_denied(&self, what: &str) -> bool {
        self.denied.contains(what)
    }

    pub fn is_closed(&self, what: &str) -> bool {
        self.closed.contains(what)
    }

    /// Whether the Slack channel, by id and name, is archived.
    pub fn is_archived(&self, (id, name): (&str, &str)) -> bool {
        self.closed.contains(id) || self.closed.contains(name)
    }

    /// What was closed is open again.
    pub fn reopen(&mut self) {
        self.closed.clear();
    }

    pub fn is_private(&self, (id, name): (&str, &str)) -> bool {
        self.private.contains(id) || self.private.contains(name)
    }

    pub fn is_member(&self, (id, name): (&str, &str)) -> bool {
        !self.left.contains(id) && !self.left.contains(name)
    }

    /// The role of PagerDuty's one user.
    pub fn role(&self) -> &str {
        self.role.as_deref().unwrap_or("limited_user")
    }
}

impl Inbox {
    fn set_up(&self, change: impl FnOnce(&mut Setup)) {
        change(&mut self.shared.world.lock().unwrap_or_else(PoisonError::into_inner).setup);
    }

    /// The token of `service` has only these scopes: Slack's bot, a classic one of GitHub (`ghp_...`).
    pub fn grant(&self, service: Service, scopes: &[&str]) {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.set_up(|setup| {
            setup.granted.insert(service, scopes);
        });
    }

    /// What may not be done or seen: a permission of Jira (`ADD_COMMENTS`), a table of ServiceNow, the issues of a
    /// repository; `sending` or `production access` of SES, or an identity of it that is not verified yet.
    pub fn deny(&self, what: &str) {
        self.set_up(|setup| {
            setup.denied.insert(what.to_owned());
        });
    }

    /// What takes nothing new: a Slack channel or a repository is archived, an issue (`owner/name#7`) locked.
    pub fn close(&self, what: &str) {
        self.set_up(|setup| {
            setup.closed.insert(what.to_owned());
        });
    }

    /// There is a private Slack channel `name` (or id), and the bot is in it.
    pub fn open_private_channel(&self, name: &str) {
        self.open_channel(name);
        self.set_up(|setup| {
            setup.private.insert(name.to_owned());
        });
    }

    /// The bot is not in the Slack channel `name` (or id).
    pub fn leave_channel(&self, name: &str) {
        self.open_channel(name);
        self.set_up(|setup| {
            setup.left.insert(name.to_owned());
        });
    }

    /// PagerDuty's one user, `firstlook@example.com`, has this role.
    pub fn pagerduty_role(&self, role: &str) {
        self.set_up(|setup| setup.role = Some(role.to_owned()));
    }
}
