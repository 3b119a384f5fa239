//! Somebody asked for a Command.

use domain::{CommandRequest, OutletSpec, Run, RunId, SlackSpec, Trigger};
use engine::Redactor;
use serde_json::Value;

use crate::Investigate;

impl Investigate {
    /// The run that `request` asks for.
    pub(crate) fn requested(&self, request: &CommandRequest) -> Run {
        // Before anything of it is stored (I9).
        let redactor = Redactor::of(&self.engine.catalog);
        let mut given = Value::Object(request.with.clone());
        redactor.value(&mut given);
        let given = given.as_object().cloned().unwrap_or_default();
        // What stands in the place of a secret would be looked for as if it had been asked for.
        let masked = request.with.iter().find(|(name, value)| given.get(*name) != Some(*value)).map(|(name, _)| {
            format!("the value of `{name}` looks like a secret, so it is neither kept nor used: give a name by which it is found")
        });
        let given = given.into_iter().collect();
        let params = engine::parameters(&self.engine.catalog, &request.command, &given, None);
        let (trigger, deliver) = match &request.asked_in {
            // The answer stands where it was asked for.
            Some(place) => {
                let spec = SlackSpec { channel: place.channel.clone(), thread: place.thread.clone() };
                (Trigger::Chat(place.clone()), vec![OutletSpec::Slack(spec).into()])
            }
            None => (Trigger::Hand { who: request.by.clone() }, vec![]),
        };
        Run {
            trigger,
            targets: catalog::targets(&deliver, None),
            assistant: request.assistant.clone(),
            reason: masked.or_else(|| params.as_ref().err().cloned()).map(|reason| redactor.text(&reason).into_owned()),
            params: params.unwrap_or_default(),
            ..self.queued(RunId::opened_by(request.id), &request.command)
        }
    }
}
