//! Which Slxs an alert speaks of, and why.

use std::collections::BTreeMap;

use catalog::{
    Catalog,
    model::{Slx, Tags},
};
use domain::Alert;
use url::Url;

/// An Slx that an alert speaks of.
#[derive(Debug, Clone)]
pub struct Matched<'a> {
    /// The Slx.
    pub slx: &'a Slx,
    /// What of it was found where in the alert, as in "its tag `team: payments` is the alert's team". Only the catalog's
    /// own words.
    pub why: String,
}

/// The Slxs of `catalog` that `alert` speaks of, by name.
#[must_use]
pub fn matched<'a>(catalog: &'a Catalog, alert: Option<&Alert>) -> Vec<Matched<'a>> {
    let Some(alert) = alert else { return Vec::new() };
    let said = Said::of(alert);
    catalog.slxs.values().filter_map(|slx| Some(Matched { slx, why: said.speaks_of(slx)? })).collect()
}

/// What an alert says that tags and links are held against, in lower case.
pub(crate) struct Said {
    /// By tag's name and value: where it stands.
    tags: BTreeMap<(String, String), &'static str>,
    links: Vec<Url>,
}

impl Said {
    pub(crate) fn nothing() -> Self {
        Self { tags: BTreeMap::new(), links: Vec::new() }
    }

    pub(crate) fn of(alert: &Alert) -> Self {
        let mut said = Self::nothing();
        said.say("service", &alert.service.id, "the alert's service");
        said.say("service", &alert.service.name, "the alert's service");
        said.say("team", &alert.team, "the alert's team");
        for (name, value) in &alert.labels {
            said.say(name, value, "a label of the alert");
            // A bare word among tags, as most senders' modules have it.
            if value.trim().is_empty() {
                said.say("tags", name, "a tag of the alert");
            }
        }
        // Bare words and pairs in one text, as senders whose tags are a list have them.
        for tag in alert.labels.get("tags").into_iter().flat_map(|tags| tags.split(',')) {
            said.say("tags", tag, "a tag of the alert");
            if let Some((name, value)) = tag.split_once(':') {
                said.say(name, value, "a tag of the alert");
            }
        }
        said.links = alert.links.iter().filter_map(|link| Url::parse(&link.url).ok()).collect();
        said
    }

    fn say(&mut self, name: &str, value: &str, place: &'static str) {
        let value = value.trim();
        if !value.is_empty() {
            let tag = (name.trim().to_lowercase(), value.to_lowercase());
            self.tags.entry(tag).or_insert(place);
        }
    }

    /// Lets what is known of an Slx count as said, for what is asked by tag.
    pub(crate) fn with(mut self, tags: &Tags) -> Self {
        for (name, values) in tags {
            values.all().iter().for_each(|value| self.say(name, value, "a tag of the Slx"));
        }
        self
    }

    fn place(&self, name: &str, value: &str) -> Option<&'static str> {
        self.tags.get(&(name.to_lowercase(), value.trim().to_lowercase())).copied()
    }

    /// Whether all of `tags` are said, each with one of its values.
    pub(crate) fn has_all(&self, tags: &Tags) -> bool {
        tags.iter().all(|(name, values)| values.all().iter().any(|value| self.place(name, value).is_some()))
    }

    fn speaks_of(&self, slx: &Slx) -> Option<String> {
        let tags = slx.tags.iter().flat_map(|(name, values)| values.all().iter().map(move |value| (name, value)));
        let by_tag = tags
            .filter_map(|(name, value)| Some((name, value, self.place(name, value)?)))
            .map(|(name, value, place)| format!("its tag `{name}: {value}` is {place}"))
            .next();
        by_tag.or_else(|| {
            let link = slx.links.iter().find(|link| self.links.iter().any(|given| leads_to(given, link)))?;
            Some(format!("the alert links to its page `{link}`"))
        })
    }
}

/// Whether `given` is the page `known`, or one below it: on the same host, in the folder that `known` names, with all of
/// its query. A `known` without a scheme is a host.
fn leads_to(given: &Url, known: &str) -> bool {
    if !known.contains("://") {
        return given.host_str().is_some_and(|host| host.eq_ignore_ascii_case(known));
    }
    let Ok(known) = Url::parse(known) else { return false };
    let folder = known.path().trim_end_matches('/');
    let below = given.path().strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    given.host() == known.host()
        && given.port_or_known_default() == known.port_or_known_default()
        && below
        && known.query_pairs().all(|pair| given.query_pairs().any(|other| other == pair))
}

#[cfg(test)]
mod tests {
    use domain::{AlertSeverity, Link, Service, Slo};
    use serde_json::json;

    use super::*;

    fn alert(labels: &[(&str, &str)], links: &[&str]) -> Alert {
        Alert {
            external_id: String::new(),
            title: "x".into(),
            description: String::new(),
            severity: AlertSeverity::High,
            urgency: String::new(),
            priority: String::new(),
            service: Service { id: "PCHKOUT".into(), name: "Checkout".into() },
            team: "Payments".into(),
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            links: links.iter().map(|url| Link { title: String::new(), url: (*url).to_owned() }).collect(),
            slo: Slo::default(),
            started_at: "2026-11-22T10:00:00Z".parse().unwrap(),
        }
    }

    fn why(slx: serde_json::Value, alert: &Alert) -> Option<String> {
        let mut slx = slx;
        slx["name"] = json!("one");
        let catalog: Catalog = serde_json::from_value(json!({
            "digest": "", "sources": {}, "workflows": {}, "commands": {}, "tasks": {}, "assistants": {}, "rules": {},
            "knowledge": {}, "schedules": {}, "slxs": {"one": slx},
        }))
        .unwrap();
        matched(&catalog, Some(alert)).pop().map(|found| found.why)
    }

    #[test]
    fn a_tag_is_found_wherever_senders_write_it() {
        for (tags, labels, wanted) in [
            (json!({"service": "pchkout"}), &[][..], Some("its tag `service: pchkout` is the alert's service")),
            (json!({"service": ["cart", "checkout"]}), &[], Some("its tag `service: checkout` is the alert's service")),
            (json!({"team": "payments"}), &[], Some("its tag `team: payments` is the alert's team")),
            // Prometheus, CloudWatch dimensions, a map that a person wrote.
            (
                json!({"namespace": "shop"}),
                &[("namespace", "shop")],
                Some("its tag `namespace: shop` is a label of the alert"),
            ),
            (
                json!({"queuename": "orders-dlq"}),
                &[("QueueName", "orders-dlq")],
                Some("its tag `queuename: orders-dlq` is a label of the alert"),
            ),
            // Opsgenie, JSM, Splunk On-Call: one text of words and pairs.
            (
                json!({"env": "prod"}),
                &[("tags", "critical, env:prod")],
                Some("its tag `env: prod` is a tag of the alert"),
            ),
            (
                json!({"tags": "checkout"}),
                &[("tags", "Checkout, x")],
                Some("its tag `tags: checkout` is a tag of the alert"),
            ),
            (json!({"tags": "checkout"}), &[("checkout", "")], Some("its tag `tags: checkout` is a tag of the alert")),
            // One is enough; a part of a value is not, nor is the value of another name.
            (json!({"env": "eu", "team": "payments"}), &[], Some("its tag `team: payments` is the alert's team")),
            (json!({"env": "prod"}), &[("env", "production"), ("stage", "prod")], None),
            (json!({"env": "prod"}), &[("tags", "notenv:prod, env:prod-eu")], None),
            (json!({"env": ""}), &[("env", "")], None),
        ] {
            let found = why(json!({"tags": tags}), &alert(labels, &[]));
            assert_eq!(found.as_deref(), wanted, "{tags} in {labels:?}");
        }
    }

    #[test]
    fn a_link_is_found_by_its_host_or_by_what_it_begins_with() {
        let dashboard = "https://grafana.example/d/abc/checkout?var-ns=shop&from=now-1h";
        for (known, wanted) in [
            ("grafana.example", true),
            ("GRAFANA.example", true),
            ("https://grafana.example/d/abc", true),
            ("https://grafana.example/d/abc/", true),
            ("https://grafana.example/d/abc?var-ns=shop", true),
            ("https://grafana.example/d/abc?var-ns=cart", false),
            ("https://grafana.example/d/ab", false),
            ("https://grafana.example:8443/d/abc", false),
            ("https://grafana.example.evil/d/abc", false),
            ("example", false),
        ] {
            let found = why(json!({"links": [known]}), &alert(&[], &["not a link", dashboard]));
            assert_eq!(found, wanted.then(|| format!("the alert links to its page `{known}`")), "{known}");
        }
    }

    #[test]
    fn without_an_alert_nothing_is_spoken_of() {
        assert!(matched(&Catalog::default(), None).is_empty());
    }
}
