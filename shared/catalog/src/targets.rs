//! The targets of a run that is opened.

use domain::{Alert, OutletSpec, Run, TargetSpec, Trigger};
use serde_json::json;

use crate::{
    Catalog,
    expr::{Scope, Template},
    model::Deliver,
};

/// The targets of `deliver` by name: the outlet's, numbered where there are several of one kind. A ticket that the catalog
/// leaves to the alert is the one that `alert` names; where it names none it is empty, and the delivery will say so. A thread that
/// the alert does not name is none.
#[must_use]
pub fn targets(deliver: &[Deliver], alert: Option<&Alert>) -> Vec<TargetSpec> {
    let scope = Scope::new().with("alert", &json!(alert));
    let mut targets: Vec<TargetSpec> = Vec::with_capacity(deliver.len());
    for Deliver { outlet, when, text } in deliver {
        let same = targets.iter().filter(|target| target.outlet.kind() == outlet.kind()).count();
        let name = match same {
            0 => outlet.kind().to_owned(),
            others => format!("{}-{}", outlet.kind(), others + 1),
        };
        let ticket = outlet.ticket().map(|(text, _)| Template::new(text).render(&scope).unwrap_or_default());
        let outlet = match (ticket, outlet) {
            (Some(key), _) => outlet.clone().on(key.trim().to_owned()),
            (None, OutletSpec::Slack(slack)) => {
                let thread = slack.thread.as_ref().and_then(|thread| Template::new(thread).render(&scope).ok());
                OutletSpec::Slack(slack.clone().in_thread_of(&thread.unwrap_or_default()))
            }
            (None, _) => outlet.clone(),
        };
        targets.push(TargetSpec {
            name,
            outlet,
            when: when.as_ref().map(|when| when.source().to_owned()),
            text: text.as_ref().map(|text| text.source().to_owned()),
        });
    }
    targets
}

impl Catalog {
    /// What the target `name` of `run` is by now, where this catalog is another than the one by which the run was opened; nothing
    /// where it does not say. Numbers in names move when a list changes, so what is another target of the run, and what has only
    /// moved, is not meant. The one beside a target that tells what the run came to after all is what that target is.
    #[must_use]
    pub fn target_now(&self, run: &Run, name: &str) -> Option<TargetSpec> {
        if let Some(other) = TargetSpec::beside(name) {
            return Some(self.target_now(run, other)?.concluded());
        }
        let opened = run.targets.iter().find(|target| target.name == name)?;
        let deliver = match (&run.workflow, &run.trigger) {
            (Some(workflow), _) => &self.workflows.get(workflow)?.deliver,
            (None, Trigger::Schedule { name, .. }) => &self.schedules.get(name)?.deliver,
            (None, _) => return None,
        };
        let targets = targets(deliver, run.alert.as_ref());
        let stands = |list: &[TargetSpec], outlet: &OutletSpec| list.iter().any(|target| target.outlet == *outlet);
        let meant = |now: &&TargetSpec| {
            now.outlet == opened.outlet || !stands(&targets, &opened.outlet) && !stands(&run.targets, &now.outlet)
        };
        targets.iter().find(|target| target.name == name).filter(meant).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_beside_an_outlet_travels_with_its_target_and_through_a_compiled_catalog() {
        let entry = json!({ "slack": { "channel": "#ops" }, "when": "run.storm", "text": "see ${{ run.verdict }}" });
        let deliver: Deliver = serde_json::from_value(entry.clone()).unwrap();
        assert_eq!(serde_json::to_value(&deliver).unwrap(), entry);
        let [target] = <[TargetSpec; 1]>::try_from(targets(&[deliver], None)).unwrap();
        assert_eq!((target.name.as_str(), target.when.as_deref()), ("slack", Some("run.storm")));
        assert_eq!(target.text.as_deref(), Some("see ${{ run.verdict }}"));
    }

    #[test]
    fn a_thread_is_that_of_the_message_which_the_alert_names() {
        let deliver: Vec<Deliver> = serde_json::from_value(json!([
            { "slack": { "channel": "C0123ABCD", "thread": "${{ alert.labels.message }}" } },
            { "slack": { "channel": "C0123ABCD", "thread": "${{ alert.labels.missing }}" } },
            { "slack": { "channel": "#ops", "thread": "1700000000.000200" } },
        ]))
        .unwrap();
        let mut alert: Alert = serde_json::from_value(json!({
            "external_id": "1", "title": "t", "severity": "high", "started_at": "2027-01-15T08:00:00Z",
        }))
        .unwrap();
        let link = "https://shop.slack.com/archives/C0123ABCD/p1700000000000100";
        alert.labels.insert("message".to_owned(), link.to_owned());
        let threads = |alert| {
            let named = targets(&deliver, alert).into_iter().map(|target| match target.outlet {
                OutletSpec::Slack(slack) => slack.thread,
                other => panic!("{other:?}"),
            });
            named.collect::<Vec<_>>()
        };
        let fixed = Some("1700000000.000200".to_owned());
        assert_eq!(threads(Some(&alert)), [Some("1700000000.000100".to_owned()), None, fixed.clone()]);
        assert_eq!(threads(None), [None, None, fixed]);
    }

    #[test]
    fn a_ticket_is_the_one_that_the_alert_names() {
        let deliver: Vec<Deliver> = serde_json::from_value(json!([
            { "jira": { "site": "https://x.example", "issue": "${{ alert.labels.jira }}" } },
            { "jira": { "site": "https://x.example", "issue": "OPS-1" } },
            { "github": { "repository": "a/b", "issue": "${{ alert.labels.missing }}" } },
        ]))
        .unwrap();
        let mut alert: Alert = serde_json::from_value(json!({
            "external_id": "1", "title": "t", "severity": "high", "started_at": "2027-01-15T08:00:00Z",
        }))
        .unwrap();
        alert.labels.insert("jira".to_owned(), " OPS-12 ".to_owned());
        let targets = targets(&deliver, Some(&alert));
        let named = |target: &TargetSpec| (target.name.clone(), target.outlet.ticket().unwrap().0.to_owned());
        let named: Vec<(String, String)> = targets.iter().map(named).collect();
        let wanted = [("jira", "OPS-12"), ("jira-2", "OPS-1"), ("github", "")];
        assert_eq!(named, wanted.map(|(name, key)| (name.to_owned(), key.to_owned())));
    }

    #[test]
    fn i5_a_target_is_what_the_catalog_says_now_and_never_another_of_its_run() {
        let catalog = |deliver: serde_json::Value| {
            let workflow = json!({
                "name": "pages",
                "trigger": { "sources": ["pagerduty"] },
                "investigate": { "command": "triage" },
                "deliver": deliver,
            });
            let workflow = serde_json::from_value(workflow).unwrap();
            Catalog { workflows: [("pages".parse().unwrap(), workflow)].into(), ..Catalog::default() }
        };
        let slack = |channel: &str| json!({ "slack": { "channel": channel } });
        let at = jiff::Timestamp::UNIX_EPOCH;
        let opened = catalog(json!([slack("#a"), slack("#b"), { "pagerduty": { "note": true } }]));
        let run = Run {
            workflow: Some("pages".parse().unwrap()),
            targets: targets(&opened.workflows["pages"].deliver, None),
            ..Run::queued(domain::RunId::mint(at, 1), "triage".parse().unwrap(), "", at)
        };
        let now = |deliver, name| catalog(deliver).target_now(&run, name).map(|target| json!(target.outlet));
        let channel = |name: &str| Some(json!({ "slack": { "channel": name } }));
        let from = json!({ "pagerduty": { "note": true, "from": "a@example.com" } });
        assert_eq!(now(json!([slack("#a"), slack("C0B000000"), from]), "slack-2"), channel("C0B000000"));
        assert_eq!(now(json!([slack("#a"), slack("#b"), from]), "pagerduty"), Some(from.clone()));
        // What tells of the conclusion beside it, under its own name.
        let beside = catalog(json!([from])).target_now(&run, "pagerduty-concluded").unwrap();
        assert_eq!((beside.name.as_str(), json!(beside.outlet)), ("pagerduty-concluded", from.clone()));
        assert_eq!(now(json!([from]), "slack-concluded"), None);
        // What has moved, what was taken out, and what was never there.
        assert_eq!(now(json!([slack("#b"), slack("#a")]), "slack-2"), None);
        assert_eq!(now(json!([slack("#b")]), "slack"), None);
        assert_eq!(now(json!([slack("#new"), slack("#a"), slack("#b")]), "slack-2"), None);
        assert_eq!(now(json!([slack("#a")]), "slack-2"), None);
        assert_eq!(now(json!([slack("#a"), slack("#b"), slack("#c")]), "slack-3"), None);
        // What is said beside the outlet is mended too.
        let said = catalog(json!([{ "slack": { "channel": "#a" }, "text": "look" }])).target_now(&run, "slack");
        assert_eq!(said.and_then(|target| target.text), Some("look".to_owned()));
        // A run that nobody's list was opened by.
        let by_hand = Run { workflow: None, ..run.clone() };
        assert_eq!(opened.target_now(&by_hand, "slack"), None);
    }
}
