//! `replay`: an event of a RunSession, posted to its Source once more.

use std::time::Duration;

use catalog::model::{Source, SourceType};
use console::words;
use domain::{AttachedEvent, Attachment, EventId, RawFragment, RunId, RunView, Trigger};
use engine::Redactor;
use serde_json::{Value, json};
use store::Reader;
use tokio::time::{Instant, sleep};

use crate::{catalogs, cli::Replay, failure::Failure, out, runs, send};

/// How long it is looked for what came of the event.
const PATIENCE: Duration = Duration::from_secs(30);

/// `firstlook replay`. What came of it goes to stdout.
pub async fn replay(args: &Replay) -> Result<(), Failure> {
    let catalog = catalogs::load(&args.hooks.catalog)?;
    let reader = runs::reader(&args.hooks.world)?;
    let Some(view) = reader.view(args.run).await? else {
        let reason = format!("there is no run {}; they are kept for {} days", args.run, store::RUN_DAYS);
        return Err(Failure::because(reason));
    };
    let event = chosen(&view, args.event)?;
    let source = match (&args.source, &view.run.trigger) {
        (Some(name), _) | (None, Trigger::Event { source: name, .. }) => send::source(&catalog, name)?,
        _ => {
            return Err(Failure::Usage("no event opened this run: say with --source where its events are from".into()));
        }
    };
    let refused = |why: String| Failure::because(format!("{} cannot be replayed: {why}", event.id));
    let raw = event.raw.as_ref().ok_or_else(|| refused("a duplicate is recorded without its body".to_owned()))?;
    let body = body_of(source, raw, &Redactor::of(&catalog)).map_err(refused)?;
    let (status, text) = send::signed(&args.hooks, source, body.into_bytes()).await?;
    if !(200..300).contains(&status) {
        out::print(&words::plain(&text))?;
        return Err(Failure::Told);
    }
    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
    let Some(id) = answer.get("event").and_then(Value::as_str).and_then(|id| id.parse::<EventId>().ok()) else {
        // Several, or what answers is no Firstlook.
        out::print(&words::plain(&text))?;
        return Ok(());
    };
    let every = Duration::from_millis(if args.hooks.world.stack.is_some() { 1000 } else { 100 });
    let came = match answer.get("reason").and_then(Value::as_str) {
        Some(reason) => format!("{id} led nowhere: {}", words::plain(reason)),
        None => came_of(&reader, args.run, id, every).await?,
    };
    Ok(out::print(&came)?)
}

/// The event that was asked for, or the one that opened the run.
fn chosen(view: &RunView, wanted: Option<EventId>) -> Result<&AttachedEvent, Failure> {
    let is = |event: &&AttachedEvent| match wanted {
        Some(id) => event.id == id,
        None => event.attachment == Attachment::Opened,
    };
    view.events.iter().find(is).ok_or_else(|| {
        let known: Vec<_> = view.events.iter().map(|event| event.id.to_string()).collect();
        Failure::Usage(match (wanted, known.is_empty()) {
            (_, true) => format!("{} has no event on its record: nothing can be replayed", view.run.id),
            (Some(id), false) => format!("{} has no event {id}; it has {}", view.run.id, known.join(", ")),
            (None, false) => format!("no event opened {}: say which with --event: {}", view.run.id, known.join(", ")),
        })
    })
}

/// What is posted: the event's own part of what its sender posted, as a body of its own. What is not whole any more is not
/// sent, since it would be another event.
fn body_of(source: &Source, raw: &RawFragment, redactor: &Redactor) -> Result<String, String> {
    if raw.cut_bytes > 0 {
        return Err(format!("{} bytes of its body were cut off when it was stored", raw.cut_bytes));
    }
    if redactor.has_masked(&raw.text) {
        return Err("redaction took something out of its body, which nobody has any more".to_owned());
    }
    let read: Value = serde_json::from_str(&raw.text).map_err(|_| "its body is not JSON".to_owned())?;
    let is_alert = read.get("alerts").is_none() && read.get("labels").is_some();
    match source.source_type {
        SourceType::Alertmanager | SourceType::Grafana if is_alert => {
            match read.get("status").and_then(Value::as_str) {
                // One of a group; its labels have what the group has in common.
                Some(status) => Ok(json!({ "version": "4", "status": status, "alerts": [read] }).to_string()),
                None => Err("its group said how it stands, and it itself does not".to_owned()),
            }
        }
        SourceType::Slack => Err("what people do in Slack is done again in Slack".to_owned()),
        _ => Ok(raw.text.clone()),
    }
}

/// What came of the replayed event `id`, as the table says.
async fn came_of(reader: &Reader, run: RunId, id: EventId, every: Duration) -> Result<String, Failure> {
    let end = Instant::now() + PATIENCE;
    loop {
        let own = RunId::opened_by(id);
        if reader.view(own).await?.is_some() {
            return Ok(format!("{id} opened {own}"));
        }
        let view = reader.view(run).await?;
        let found = view.and_then(|view| view.events.into_iter().find(|event| event.id == id));
        match found.map(|event| event.attachment) {
            Some(Attachment::Duplicate) => {
                return Ok(format!(
                    "{id} is a duplicate of {run}: its delivery is the one that had come, so nothing was done anew"
                ));
            }
            Some(_) => return Ok(format!("{id} attached to {run}")),
            None if Instant::now() < end => sleep(every).await,
            None => {
                return Ok(format!(
                    "{id} was taken, and is neither on {run} nor a run of its own by now: `firstlook runs list` shows the newest"
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &str, raw: &RawFragment) -> Result<String, String> {
        let verify = json!({"secret": "k"});
        let source: Source = serde_json::from_value(json!({"name": "s", "type": kind, "verify": verify})).unwrap();
        body_of(&source, raw, &Redactor::default())
    }

    #[test]
    fn what_is_whole_is_sent_as_it_was_and_what_is_not_is_refused() {
        let whole = RawFragment::keep(r#"{"event": {"id": "1"}}"#);
        assert_eq!(of("pagerduty", &whole).as_ref(), Ok(&whole.text));
        let cut = RawFragment { cut_bytes: 12, ..whole.clone() };
        assert!(of("pagerduty", &cut).unwrap_err().starts_with("12 bytes"));
        assert!(of("pagerduty", &RawFragment::keep(r#"{"token": "[redacted]"}"#)).unwrap_err().contains("redaction"));
        assert_eq!(of("webhook", &RawFragment::keep("a=1&b=2")).unwrap_err(), "its body is not JSON");
    }

    #[test]
    fn an_alert_of_a_group_is_sent_as_a_group_of_its_own() {
        let alert = json!({"status": "firing", "labels": {"alertname": "Down"}, "fingerprint": "f1"});
        for kind in ["alertmanager", "grafana"] {
            let body: Value = serde_json::from_str(&of(kind, &RawFragment::keep(&alert.to_string())).unwrap()).unwrap();
            assert_eq!((&body["status"], &body["alerts"]), (&json!("firing"), &json!([alert])));
        }
        let silent = RawFragment::keep(r#"{"labels": {"alertname": "Down"}}"#);
        assert!(of("alertmanager", &silent).unwrap_err().contains("its group"));
    }
}
