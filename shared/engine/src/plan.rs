//! What a Command comes to for one alert: its entries in order, the Slxs' tasks in their place.

use std::collections::BTreeMap;

use catalog::{
    Catalog,
    expr::Expression,
    model::{Bindings, Command, Task, TaskRef},
};
use domain::{Alert, Name, Step, StepId};

use crate::slx::{self, Matched};

/// The most steps that a run takes; the table's step numbers have four digits.
pub const MAX_STEPS: usize = 200;

/// One step to be taken.
#[derive(Debug, Clone)]
pub struct Planned<'a> {
    /// Its id, which is its name in `steps`.
    pub id: StepId,
    /// Its place, from 0.
    pub index: u32,
    /// The Task.
    pub task: &'a Task,
    /// The Task's inputs, not yet rendered.
    pub with: &'a Bindings,
    /// Steps that must have ended before.
    pub needs: Vec<StepId>,
    /// What must all be true, else it is not wanted: the entry's own, and for an Slx's Task that of both.
    pub when: Vec<&'a Expression>,
    /// The Slx that it belongs to.
    pub slx: Option<&'a Name>,
}

/// The plan, and how many steps were left off it.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// In order of their places.
    pub steps: Vec<Planned<'a>>,
    /// Steps over [`MAX_STEPS`], which are not taken.
    pub left_off: usize,
    /// The Slxs that the alert speaks of.
    pub slxs: Vec<Matched<'a>>,
    /// Whether the Command asks for their Tasks.
    pub asks_slxs: bool,
}

impl Plan<'_> {
    /// Lets every step that is done keep the place where it is recorded. The run may have begun under another catalog, or
    /// under this one with another between; so a step that is not done and whose place is taken by another one is
    /// numbered after all of them. Where nothing disagrees, nothing changes.
    pub(crate) fn keep_places(&mut self, done: &[Step]) {
        let places = done.iter().map(|step| step.index).chain(self.steps.iter().map(|planned| planned.index));
        let mut next = places.max().map_or(0, |last| last + 1);
        for planned in &mut self.steps {
            if let Some(step) = done.iter().find(|step| step.id == planned.id) {
                planned.index = step.index;
            } else if done.iter().any(|step| step.index == planned.index) {
                planned.index = next;
                next += 1;
            }
        }
    }
}

/// The plan of `command` for `alert`. The same catalog and alert always give the same plan, so a run that is resumed
/// finds its steps again.
#[must_use]
pub fn plan<'a>(catalog: &'a Catalog, command: &'a Command, alert: Option<&Alert>) -> Plan<'a> {
    let slxs = slx::matched(catalog, alert);
    let mut steps: Vec<Planned<'a>> = Vec::new();
    // An entry of the Command stands for one step, or for all steps of its Slxs.
    let mut entries: BTreeMap<&str, Vec<StepId>> = BTreeMap::new();
    for entry in &command.tasks {
        let needs: Vec<StepId> =
            entry.needs.iter().filter_map(|name| entries.get(name.as_str())).flatten().cloned().collect();
        let first = steps.len();
        if entry.slx.is_some() {
            for Matched { slx, .. } in &slxs {
                for own in &slx.tasks {
                    let id = StepId::new(format!("{}.{}.{}", entry.id, slx.name, own.id));
                    let inner = own.needs.iter().map(|need| StepId::new(format!("{}.{}.{need}", entry.id, slx.name)));
                    let needs = needs.iter().cloned().chain(inner).collect();
                    let when = entry.when.iter().chain(&own.when).collect();
                    steps.extend(planned(catalog, own, id, needs, when, Some(&slx.name)));
                }
            }
        } else {
            let id = StepId::new(entry.id.as_str());
            steps.extend(planned(catalog, entry, id, needs, entry.when.iter().collect(), None));
        }
        let taken = steps.iter().skip(first).map(|step| step.id.clone()).collect();
        entries.insert(entry.id.as_str(), taken);
    }
    let left_off = steps.len().saturating_sub(MAX_STEPS);
    steps.truncate(MAX_STEPS);
    for (index, step) in (0..).zip(&mut steps) {
        step.index = index;
    }
    Plan { steps, left_off, slxs, asks_slxs: command.tasks.iter().any(|entry| entry.slx.is_some()) }
}

fn planned<'a>(
    catalog: &'a Catalog,
    entry: &'a TaskRef,
    id: StepId,
    needs: Vec<StepId>,
    when: Vec<&'a Expression>,
    slx: Option<&'a Name>,
) -> Option<Planned<'a>> {
    let task = catalog.tasks.get(entry.task.as_ref()?)?;
    Some(Planned { id, index: 0, task, with: &entry.with, needs, when, slx })
}
