//! From the findings of all steps to those of a report: as the Rules have them, the same one once, worst first.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use catalog::{
    Catalog,
    expr::{ExprError, Scope},
    model::{Effect, Rule},
};
use domain::{Alert, Issue, MergedIssue, Name, Step, Suppressed};
use serde_json::json;

use crate::{
    findings::{LINE_CAP, TITLE_CAP, cap, cap_issue},
    knowledge,
};

/// The most titles that are told of what one Rule suppressed.
const SUPPRESSED_TITLES: usize = 5;

/// What came of the findings of all steps.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    /// Worst first, then those that more steps found, then in the order they were found.
    pub issues: Vec<MergedIssue>,
    /// What each Rule suppressed.
    pub suppressed: Vec<Suppressed>,
    /// What Rules did, and which could not be applied.
    pub remarks: Vec<String>,
}

/// The findings of `steps`. Two are the same where they are about one thing and one fault: the same `fault` where both name one,
/// else the same title, whatever its case, quotes and full stop. The worst of them speaks for all.
pub(crate) fn merged(catalog: &Catalog, alert: Option<&Alert>, steps: &[Step]) -> Merged {
    let rules = Rules::of(catalog, alert);
    let mut all = Merged::default();
    let mut suppressed: BTreeMap<&Name, Suppressed> = BTreeMap::new();
    let mut broken = BTreeSet::new();
    for step in steps {
        for issue in &step.issues {
            match rules.read(issue, &mut all.remarks, &mut broken) {
                Ok(issue) => merge(&mut all.issues, issue, step),
                Err(rule) => {
                    let entry = suppressed.entry(&rule.name).or_insert_with(|| Suppressed {
                        rule: rule.name.clone(),
                        reason: cap(rule.reason.clone(), LINE_CAP),
                        count: 0,
                        titles: vec![],
                    });
                    entry.count += 1;
                    let title = cap(issue.title.clone(), TITLE_CAP);
                    if entry.titles.len() < SUPPRESSED_TITLES && !entry.titles.contains(&title) {
                        entry.titles.push(title);
                    }
                }
            }
        }
    }
    for merged in &mut all.issues {
        cap_issue(&mut merged.issue);
    }
    // Stable: what is equal stays in the order it was found.
    all.issues.sort_by_key(|merged| (merged.issue.severity, Reverse(merged.steps.len())));
    all.suppressed = suppressed.into_values().collect();
    all.remarks.extend(broken);
    all
}

fn merge(found: &mut Vec<MergedIssue>, issue: Issue, step: &Step) {
    let Some(other) = found.iter_mut().find(|other| is_same(&other.issue, &issue)) else {
        found.push(MergedIssue { issue, last_seen_at: None, steps: vec![step.id.clone()] });
        return;
    };
    let last = other.last_seen_at.unwrap_or(other.issue.observed_at).max(issue.observed_at);
    let first = other.issue.observed_at.min(issue.observed_at);
    let also = if issue.severity < other.issue.severity { std::mem::replace(&mut other.issue, issue) } else { issue };
    let one = &mut other.issue;
    one.observed_at = first;
    other.last_seen_at = (last > first).then_some(last);
    for next in also.next_steps {
        if !one.next_steps.contains(&next) {
            one.next_steps.push(next);
        }
    }
    // What another step saw of it in other words is evidence of its own.
    if !also.actual.is_empty() && also.actual != one.actual && !one.details.contains(&also.actual) {
        let line = if one.details.is_empty() { "" } else { "\n" };
        one.details.push_str(&format!("{line}Also found: {}", also.actual));
    }
    if !other.steps.contains(&step.id) {
        other.steps.push(step.id.clone());
    }
}

fn is_same(one: &Issue, other: &Issue) -> bool {
    let plain = |text: &str| {
        let quotes = ['`', '"', '\''];
        text.trim().trim_end_matches(['.', '!', '/']).replace(quotes, "").to_lowercase()
    };
    let fault = match (one.fault.as_str(), other.fault.as_str()) {
        ("", _) | (_, "") => plain(&one.title) == plain(&other.title),
        (one, other) => one == other,
    };
    fault && plain(&one.resource) == plain(&other.resource)
}

/// The Rules that are about this alert and its things: those of a higher `priority` first, then by name.
struct Rules<'a> {
    rules: Vec<&'a Rule>,
    alert: Option<&'a Alert>,
}

impl<'a> Rules<'a> {
    fn of(catalog: &'a Catalog, alert: Option<&'a Alert>) -> Self {
        let things = knowledge::things(catalog, alert, &[]);
        let mut rules: Vec<&Rule> = catalog
            .rules
            .values()
            .filter(|rule| rule.tags.is_empty() || things.iter().any(|thing| thing.has_all(&rule.tags)))
            .collect();
        rules.sort_by_key(|rule| Reverse(rule.priority));
        Self { rules, alert }
    }

    /// `issue` as the Rules have it, each as the one before left it; the Rule that suppresses it when one does. What they did
    /// stands in `remarks`, and what kept one from being applied in `broken`.
    fn read(&self, issue: &Issue, remarks: &mut Vec<String>, broken: &mut BTreeSet<String>) -> Result<Issue, &'a Rule> {
        let mut issue = issue.clone();
        let mut did = Vec::new();
        for rule in &self.rules {
            let scope = Scope::new().with("issue", &json!(issue)).with("alert", &json!(self.alert));
            match rule.when.holds(&scope) {
                Ok(true) => {}
                // A field that this alert lacks, or the alert of a run that has none: the Rule is not about it.
                Err(ExprError::Evaluation { absent: true, .. }) => continue,
                Err(_) if self.alert.is_none() => continue,
                Ok(false) => continue,
                Err(error) => {
                    broken.insert(format!("Rule `{}` could not be applied: {error}.", rule.name));
                    continue;
                }
            }
            let done = match &rule.then {
                Effect::Suppress(true) => return Err(rule),
                Effect::Suppress(false) => continue,
                Effect::Severity(severity) if *severity == issue.severity => continue,
                Effect::Severity(severity) => {
                    let before = std::mem::replace(&mut issue.severity, *severity);
                    format!("ranked \"{}\" {severity} instead of {before}", issue.title)
                }
                Effect::Reframe(text) => {
                    if !issue.details.is_empty() {
                        issue.details.push('\n');
                    }
                    issue.details.push_str(text);
                    format!("reframed \"{}\"", issue.title)
                }
            };
            did.push(format!("Rule `{}` {done}: {}", rule.name, rule.reason));
        }
        // Not of what is suppressed in the end, and once of what several steps found.
        did.retain(|done| !remarks.contains(done));
        remarks.extend(did);
        Ok(issue)
    }
}

#[cfg(test)]
mod tests {
    use domain::{Evidence, Outcome, Severity, StepId};
    use serde_json::Value;

    use super::*;

    fn issue(title: &str, resource: &str, severity: Severity) -> Issue {
        Issue {
            severity,
            title: title.into(),
            expected: "200".into(),
            actual: format!("as in {title}"),
            details: String::new(),
            reproduce: String::new(),
            next_steps: vec![format!("Look at {resource}.")],
            resource: resource.into(),
            fault: String::new(),
            observed_at: "2026-11-22T10:00:00Z".parse().unwrap(),
        }
    }

    fn step(index: u32, issues: Vec<Issue>) -> Step {
        Step {
            id: StepId::new(format!("s{index}")),
            index,
            title: "x".into(),
            task: "look".parse().unwrap(),
            kind: "http".into(),
            resource: String::new(),
            started_at: "2026-11-22T10:00:00Z".parse().unwrap(),
            elapsed_ms: 1,
            outcome: Outcome::Ok,
            request: Value::Null,
            evidence: Evidence::default(),
            issues,
        }
    }

    fn rules(rules: Value) -> Catalog {
        let named: serde_json::Map<String, Value> = rules
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| (rule["name"].as_str().unwrap().to_owned(), rule.clone()))
            .collect();
        serde_json::from_value(json!({
            "digest": "", "sources": {}, "workflows": {}, "commands": {}, "tasks": {}, "assistants": {}, "rules": named,
            "knowledge": {}, "schedules": {}, "slxs": {},
        }))
        .unwrap()
    }

    #[test]
    fn one_fault_of_one_thing_is_one_finding_whoever_found_it() {
        let mut worse = issue("`Checkout` answers 503.", "https://checkout/", Severity::Critical);
        worse.observed_at = "2026-11-22T10:00:09Z".parse().unwrap();
        worse.next_steps.push("Look at https://checkout.".into());
        let steps = [
            step(0, vec![issue("checkout answers 503", "https://checkout", Severity::Major)]),
            step(1, vec![worse.clone(), issue("checkout answers 503", "https://other", Severity::Minor)]),
            step(2, vec![issue("checkout answers 500", "https://checkout", Severity::Minor)]),
        ];
        let found = merged(&Catalog::default(), None, &steps).issues;
        let told: Vec<_> = found.iter().map(|one| (one.issue.title.as_str(), one.steps.len())).collect();
        assert_eq!(told, [("`Checkout` answers 503.", 2), ("checkout answers 503", 1), ("checkout answers 500", 1)]);
        let one = &found[0];
        assert_eq!(
            (one.issue.observed_at.to_string(), one.last_seen_at),
            ("2026-11-22T10:00:00Z".into(), Some(worse.observed_at))
        );
        assert_eq!(one.issue.next_steps, ["Look at https://checkout/.", "Look at https://checkout."]);
        assert_eq!(one.issue.details, "Also found: as in checkout answers 503");
    }

    #[test]
    fn a_named_fault_is_the_same_in_any_words() {
        let named = |title: &str, fault: &str| Issue { fault: fault.into(), ..issue(title, "orders", Severity::Major) };
        let steps = [
            step(0, vec![named("418 orders wait", "backlog")]),
            step(1, vec![named("The oldest order is 9 minutes old", "backlog"), named("418 orders wait", "stuck")]),
        ];
        let found = merged(&Catalog::default(), None, &steps).issues;
        assert_eq!(found.iter().map(|one| one.steps.len()).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn what_rules_suppress_is_counted_with_their_reason() {
        let catalog = rules(json!([
            {"name": "night", "when": "issue.severity > 2", "then": {"suppress": true}, "reason": "Nobody is awake."},
            {"name": "known", "priority": 5, "when": "issue.title.startsWith(\"a\")", "then": {"severity": 4}, "reason": "Known."},
        ]));
        let steps =
            [step(0, vec![issue("a is slow", "a", Severity::Critical), issue("b is slow", "b", Severity::Minor)])];
        let all = merged(&catalog, None, &steps);
        assert!(all.issues.is_empty(), "the higher priority ranks first, and the other sees what it made of it");
        let [one] = all.suppressed.as_slice() else { panic!("{all:?}") };
        assert_eq!((one.rule.as_str(), one.reason.as_str(), one.count), ("night", "Nobody is awake.", 2));
        assert_eq!(one.titles, ["a is slow", "b is slow"]);
        assert_eq!(all.remarks, [] as [&str; 0], "what ranked a finding that is suppressed is no news");
    }

    #[test]
    fn a_rule_that_cannot_be_applied_says_so_and_one_that_is_about_another_alert_does_not() {
        let catalog = rules(json!([
            {"name": "broken", "when": "issue.title > 3", "then": {"suppress": true}, "reason": "x"},
            {"name": "other", "when": "alert.labels.zone == \"a\"", "then": {"suppress": true}, "reason": "x"},
            {"name": "tagged", "tags": {"env": "prod"}, "when": "true", "then": {"suppress": true}, "reason": "x"},
        ]));
        let alert: Alert = serde_json::from_value(json!({
            "external_id": "1", "title": "x", "severity": "high", "started_at": "2026-11-22T10:00:00Z",
        }))
        .unwrap();
        let steps = [step(0, vec![issue("a", "a", Severity::Minor), issue("b", "b", Severity::Minor)])];
        let all = merged(&catalog, Some(&alert), &steps);
        assert_eq!(all.issues.len(), 2);
        let [remark] = all.remarks.as_slice() else { panic!("{all:?}") };
        assert!(remark.starts_with("Rule `broken` could not be applied: `issue.title > 3`"), "{remark}");
        let labels = [("env".to_owned(), "prod".to_owned())].into();
        assert!(merged(&catalog, Some(&Alert { labels, ..alert }), &steps).issues.is_empty());
    }
}
