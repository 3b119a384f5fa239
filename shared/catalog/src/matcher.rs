//! Which one workflow an event gets.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, HashMap},
};

use domain::{Alert, EventKind, Name};
use serde_json::{Value, json};

use crate::{
    Catalog,
    bind::cut,
    equality::{Conditions, Path, text_at},
    expr::{ExprError, Expression, Scope, Template},
    model::{Incident, Workflow},
};

/// How many workflows a refusal names.
const NAMED: usize = 3;

/// What the catalog says to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// This one workflow wants it.
    Workflow {
        /// Its name.
        name: Name,
        /// The incident key, evaluated; never empty as long as the alert's external id is not.
        incident_key: String,
    },
    /// None wants it.
    None {
        /// What was tried, in one sentence for people.
        reason: String,
    },
}

/// The workflows, indexed by source, event kind and equality conditions: what an event costs depends on how many
/// workflows could want it, not on how many there are.
#[derive(Debug)]
pub struct Matcher {
    /// In the order in which they are asked: priority, then name.
    workflows: Vec<Asked>,
    /// Who listens, by source and event kind.
    listeners: HashMap<Name, BTreeMap<EventKind, Index>>,
}

#[derive(Debug)]
struct Asked {
    name: Name,
    conditions: Conditions,
    when: Option<Expression>,
    key: Template,
}

/// The listeners of one source and event kind, as places in [`Matcher::workflows`].
#[derive(Debug, Default)]
struct Index {
    all: Vec<usize>,
    /// Those of whom one equality condition is known, by its path and then by its values.
    by_path: HashMap<Path, HashMap<String, Vec<usize>>>,
    /// Those who state none.
    others: Vec<usize>,
}

impl Index {
    fn build(all: Vec<usize>, workflows: &[Asked]) -> Self {
        let conditions = |place: &usize| workflows.get(*place).map(|asked| asked.conditions.all.as_slice());
        let mut shared: HashMap<(&Path, &str), usize> = HashMap::new();
        for equality in all.iter().filter_map(conditions).flatten() {
            for value in &equality.values {
                *shared.entry((&equality.path, value)).or_default() += 1;
            }
        }
        let mut by_path: HashMap<Path, HashMap<String, Vec<usize>>> = HashMap::new();
        let mut others = Vec::new();
        for place in &all {
            // Of several conditions the one that fewest share tells most: `urgency == "high"` tells little.
            let rarest = conditions(place).unwrap_or_default().iter().min_by_key(|equality| {
                let count = |value: &String| shared.get(&(&equality.path, value.as_str())).copied().unwrap_or(0);
                equality.values.iter().map(count).sum::<usize>()
            });
            match rarest {
                Some(equality) => {
                    let of_path = by_path.entry(equality.path.clone()).or_default();
                    for value in &equality.values {
                        of_path.entry(value.clone()).or_default().push(*place);
                    }
                }
                None => others.push(*place),
            }
        }
        Self { all, by_path, others }
    }

    /// The places of those that may want an event, in the order in which they are asked.
    fn candidates(&self, root: &Value) -> Vec<usize> {
        let found = |(path, by_value): (&Path, &HashMap<String, Vec<usize>>)| {
            text_at(root, path).and_then(|text| by_value.get(text)).cloned().unwrap_or_default()
        };
        let mut places: Vec<usize> = self.by_path.iter().flat_map(found).chain(self.others.iter().copied()).collect();
        places.sort_unstable();
        places
    }
}

impl Matcher {
    /// The index of this catalog's workflows.
    #[must_use]
    pub fn new(catalog: &Catalog) -> Self {
        let mut ordered: Vec<(&Name, &Workflow)> = catalog.workflows.iter().collect();
        ordered.sort_by(|(one, a), (other, b)| b.priority.cmp(&a.priority).then_with(|| one.cmp(other)));
        let mut places: HashMap<Name, BTreeMap<EventKind, Vec<usize>>> = HashMap::new();
        let mut workflows = Vec::with_capacity(ordered.len());
        for (place, (name, workflow)) in ordered.into_iter().enumerate() {
            let when = workflow.trigger.when.as_ref();
            let known = catalog.conditions.get(name).cloned();
            workflows.push(Asked {
                name: name.clone(),
                conditions: known.unwrap_or_else(|| Conditions::of(when)),
                when: when.cloned(),
                key: workflow.incident.key.clone(),
            });
            for source in &workflow.trigger.sources {
                let kinds = places.entry(source.clone()).or_default();
                for kind in &workflow.trigger.events {
                    let listening = kinds.entry(*kind).or_default();
                    // A source or kind that is named twice listens once.
                    if listening.last() != Some(&place) {
                        listening.push(place);
                    }
                }
            }
        }
        let index = |places: BTreeMap<EventKind, Vec<usize>>| {
            places.into_iter().map(|(kind, places)| (kind, Index::build(places, &workflows))).collect()
        };
        let listeners = places.into_iter().map(|(source, kinds)| (source, index(kinds))).collect();
        Self { workflows, listeners }
    }

    /// The one workflow that an event of `kind` from `source` gets: of those that want it the one with the highest
    /// priority, of equal ones the first by name. Always the same one.
    ///
    /// A `when` that has no value for this event (a label that it does not carry) does not want it. An incident key that
    /// has no value or is empty is the alert's external id.
    #[must_use]
    pub fn choose(&self, source: &Name, kind: EventKind, alert: &Alert) -> Choice {
        self.choose_with(source, kind, alert, |when, scope| when.holds(scope))
    }

    fn choose_with(
        &self,
        source: &Name,
        kind: EventKind,
        alert: &Alert,
        mut holds: impl FnMut(&Expression, &Scope) -> Result<bool, ExprError>,
    ) -> Choice {
        let none = |reason: String| Choice::None { reason };
        let Some(kinds) = self.listeners.get(source) else {
            return none(format!("no workflow listens to source `{source}`"));
        };
        let Some(index) = kinds.get(&kind) else {
            return none(format!("no workflow listens to `{}` events of source `{source}`", kind.as_str()));
        };
        let Ok(alert_value) = serde_json::to_value(alert) else {
            return none("the alert cannot be written as JSON".to_owned());
        };
        let root = json!({"alert": alert_value, "event": {"kind": kind.as_str(), "source": source}});
        // Most events are decided by equality alone and never need it.
        let scope = OnceCell::new();
        let scope = || scope.get_or_init(|| scope_of(&root));

        let mut refusals: BTreeMap<usize, String> = BTreeMap::new();
        for place in index.candidates(&root) {
            let Some(asked) = self.workflows.get(place) else { continue };
            if !asked.conditions.all.iter().all(|equality| equality.holds(&root)) {
                continue;
            }
            let wanted = match &asked.when {
                Some(when) if !asked.conditions.whole => holds(when, scope()),
                _ => Ok(true),
            };
            let refusal = match wanted {
                Ok(true) => {
                    let incident_key = incident_key(&asked.key, alert, scope);
                    return Choice::Workflow { name: asked.name.clone(), incident_key };
                }
                Ok(false) => "`when` is false".to_owned(),
                Err(error) => said(&error),
            };
            if refusals.len() < NAMED {
                refusals.insert(place, refusal);
            }
        }
        none(self.refusal(source, &index.all, &root, &refusals))
    }

    fn refusal(&self, source: &Name, all: &[usize], root: &Value, asked: &BTreeMap<usize, String>) -> String {
        let each: Vec<String> = all
            .iter()
            .take(NAMED)
            .filter_map(|place| {
                let workflow = self.workflows.get(*place)?;
                let fails = workflow.conditions.all.iter().find(|equality| !equality.holds(root));
                let why = match (fails, asked.get(place)) {
                    (Some(equality), _) => format!("`{}` is false", cut(&equality.written())),
                    (None, Some(why)) => why.clone(),
                    (None, None) => "`when` is false".to_owned(),
                };
                Some(format!("`{}`: {why}", workflow.name))
            })
            .collect();
        let listen = match all.len() {
            1 => "1 workflow listens".to_owned(),
            many => format!("{many} workflows listen"),
        };
        let more = match all.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        format!("{listen} to `{source}`, none wants it: {}{more}", each.join("; "))
    }
}

fn scope_of(root: &Value) -> Scope {
    let part = |name: &str| root.get(name).cloned().unwrap_or_default();
    Scope::new().with("alert", &part("alert")).with("event", &part("event"))
}

fn incident_key<'s>(key: &Template, alert: &Alert, scope: impl Fn() -> &'s Scope) -> String {
    if key.source() == Incident::default().key.source() {
        return alert.external_id.clone();
    }
    match key.render(scope()) {
        Ok(rendered) if !rendered.trim().is_empty() => rendered,
        _ => alert.external_id.clone(),
    }
}

fn said(error: &ExprError) -> String {
    match error {
        ExprError::Evaluation { expression, reason, .. } => {
            format!("`{}` has no value ({})", cut(expression), cut(reason))
        }
        other => cut(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert() -> Alert {
        serde_json::from_value(json!({
            "external_id": "Q1", "title": "checkout is down", "severity": "high", "urgency": "high",
            "service": {"id": "PCHK", "name": "checkout"}, "labels": {"namespace": "shop", "k8s.io/app": "api"},
            "started_at": "2026-01-01T00:00:00Z",
        }))
        .unwrap()
    }

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn workflow(given: &str, trigger: Value) -> Workflow {
        let mut document = json!({"name": given, "investigate": {"command": "c"}, "trigger": {"sources": ["pd"]}});
        for (key, value) in trigger.as_object().unwrap() {
            match key.as_str() {
                "priority" | "incident" => document[key] = value.clone(),
                _ => document["trigger"][key] = value.clone(),
            }
        }
        serde_json::from_value(document).unwrap()
    }

    fn catalog(workflows: Vec<Workflow>) -> Catalog {
        Catalog { workflows: workflows.into_iter().map(|one| (one.name.clone(), one)).collect(), ..Catalog::default() }
    }

    fn choose(catalog: &Catalog, kind: EventKind) -> String {
        match Matcher::new(catalog).choose(&name("pd"), kind, &alert()) {
            Choice::Workflow { name, incident_key } => format!("{name} {incident_key}"),
            Choice::None { reason } => reason,
        }
    }

    #[test]
    fn i3_the_highest_priority_wins_and_ties_go_by_name() {
        let all = vec![
            workflow("c", json!({"when": "alert.urgency == 'high'"})),
            workflow("b", json!({"when": "alert.title.contains('down')"})),
            workflow("a", json!({"priority": 1, "when": "alert.urgency == 'low'"})),
            workflow("d", json!({"priority": -1})),
        ];
        assert_eq!(choose(&catalog(all.clone()), EventKind::Triggered), "b Q1");
        let mut more = all;
        more.push(workflow("z", json!({"priority": 7, "when": r#"alert.labels["k8s.io/app"] == "api""#})));
        assert_eq!(choose(&catalog(more), EventKind::Triggered), "z Q1");
    }

    #[test]
    fn i14_the_reason_says_what_was_tried() {
        let some = catalog(vec![
            workflow("a", json!({"when": "alert.service.id == 'X'"})),
            workflow("b", json!({"when": "alert.labels.foo == 'x' || false"})),
            workflow("c", json!({"when": "alert.title.contains('up')"})),
            workflow("d", json!({"when": "alert.title"})),
        ]);
        assert_eq!(choose(&Catalog::default(), EventKind::Triggered), "no workflow listens to source `pd`");
        assert_eq!(choose(&some, EventKind::Reopened), "no workflow listens to `reopened` events of source `pd`");
        assert_eq!(
            choose(&some, EventKind::Triggered),
            "4 workflows listen to `pd`, none wants it: `a`: `alert.service.id == \"X\"` is false; \
             `b`: `alert.labels.foo == 'x' || false` has no value (No such key: foo); `c`: `when` is false; and 1 more"
        );
    }

    #[test]
    fn an_incident_key_without_a_value_is_the_external_id() {
        for (key, wanted) in [
            ("${{ alert.labels.namespace }}/${{ alert.service.name }}", "shop/checkout"),
            ("${{ alert.labels.absent }}", "Q1"),
            ("${{ alert.team }}", "Q1"),
            ("${{ alert. }}", "Q1"),
            ("${{ event.kind }}-${{ event.source }}", "triggered-pd"),
        ] {
            let chosen = choose(&catalog(vec![workflow("a", json!({"incident": {"key": key}}))]), EventKind::Triggered);
            assert_eq!(chosen, format!("a {wanted}"));
        }
    }

    #[test]
    fn ten_thousand_workflows_evaluate_what_ten_do() {
        for many in [10, 10_000] {
            let workflows = (0..many).map(|number| {
                let service = if number == 7 { "PCHK".to_owned() } else { format!("P{number}") };
                let when = format!("alert.urgency == 'high' && alert.service.id == '{service}' && alert.title != ''");
                workflow(&format!("w{number}"), json!({"when": when}))
            });
            let mut catalog = catalog(workflows.collect());
            catalog.conditions = catalog
                .workflows
                .iter()
                .map(|(name, one)| (name.clone(), Conditions::of(one.trigger.when.as_ref())))
                .collect();
            let mut evaluated = Vec::new();
            let choice =
                Matcher::new(&catalog).choose_with(&name("pd"), EventKind::Triggered, &alert(), |when, scope| {
                    evaluated.push(when.source().to_owned());
                    when.holds(scope)
                });
            assert!(matches!(choice, Choice::Workflow { name, .. } if name.as_str() == "w7"));
            assert_eq!(evaluated.len(), 1, "{many}: {evaluated:?}");
        }
    }

    #[test]
    fn what_equality_decides_alone_is_not_evaluated() {
        let one =
            catalog(vec![workflow("a", json!({"when": "alert.urgency == 'high' && event.kind in ['triggered']"}))]);
        let choice = Matcher::new(&one)
            .choose_with(&name("pd"), EventKind::Triggered, &alert(), |when, _| panic!("{when:?} was evaluated"));
        assert!(matches!(choice, Choice::Workflow { .. }));
    }
}
