//! What people ask for in Slack: who may is said by the catalog, and the one who asked is told at once. The work is a message
//! in the queue, as for every event; a Command is on its way when that was accepted, and not before (I2).

use std::{collections::BTreeMap, error::Error, fmt::Write as _, time::Duration};

use bytes::Bytes;
use catalog::{
    expr::Scope,
    model::{Parameter, Source},
};
use domain::{ChatAnswer, ChatPlace, ChatReply, CommandRequest, EventId, InvestigateMessage, Name, RunId};
use http::{Response, StatusCode};
use ports::{Queue, chain};
use serde_json::{Map, Value, json};
use sources::{Ask, Asked, FromSlack, VerifiedPayload, ask};

use crate::{
    Ingest,
    handler::RETRY_QUEUE,
    problem::{Problem, respond},
};

/// How long an answer to Slack may take. Slack waits 3 s, the way and TLS included, and tells the one who asked nothing but
/// that it did not work.
pub(crate) const ANSWER_SLACK_WITHIN: Duration = Duration::from_millis(2500);

/// How long the queue has of that: what is left is for saying that it did not take the message.
const QUEUE_WITHIN: Duration = Duration::from_millis(1500);

impl Ingest {
    /// Answers a verified request of Slack, whose body is `raw`.
    pub(crate) async fn slack(
        &self,
        source: &Source,
        payload: &VerifiedPayload<'_>,
        raw: &[u8],
    ) -> Result<Response<Bytes>, Problem> {
        let unavailable = |_: Box<dyn Error + Send + Sync>| Problem::unavailable(RETRY_QUEUE);
        match sources::from_slack(source, payload, self.clock.now()) {
            FromSlack::Asked(asked) if asked.slash => {
                let text = self.command(source, &asked).await;
                let answer = json!({ "response_type": "ephemeral", "text": escape(&text) });
                Ok(respond(StatusCode::OK, "application/json", &answer))
            }
            FromSlack::Asked(asked) => {
                let (id, message) = self.mention(source, &asked);
                self.send_one(source, &message).await.map_err(unavailable)?;
                Ok(respond(StatusCode::ACCEPTED, "application/json", &json!({ "event": id })))
            }
            FromSlack::Pressed(press) => {
                self.send_one(source, &InvestigateMessage::PressV1 { press }).await.map_err(unavailable)?;
                Ok(Response::new(Bytes::new()))
            }
            read => {
                let told = self.take(source, payload).await.map_err(unavailable)?;
                Ok(match read {
                    FromSlack::Challenge(challenge) => {
                        respond(StatusCode::OK, "application/json", &json!({ "challenge": challenge }))
                    }
                    // Of what answers a click Slack reads the body, and shows an error for what it does not know.
                    _ if !raw.trim_ascii_start().starts_with(b"{") => Response::new(Bytes::new()),
                    _ => respond(StatusCode::ACCEPTED, "application/json", &told),
                })
            }
        }
    }

    /// What the one who wrote a slash command is told. Slack shows whatever is not 200 as an error of its own, so what did not
    /// work is told with 200, too.
    async fn command(&self, source: &Source, asked: &Asked) -> String {
        let (text, message) = self.decide(source, asked);
        let Some(message) = message else { return text };
        match tokio::time::timeout(QUEUE_WITHIN, self.send_one(source, &message)).await {
            Ok(Ok(())) => text,
            Ok(Err(_)) => "This was not started: the queue did not take it. Try again in a moment.".to_owned(),
            Err(_) => {
                let error = "the queue has not answered in time";
                tracing::error!(source = source.name.as_str(), permanent = false, error, "the events were not taken");
                "The queue has not confirmed this in time, so it may not be started. Look whether something comes \
                       before you try again."
                    .to_owned()
            }
        }
    }

    /// The message that follows from a mention: the request, or what who wrote it is to be told.
    fn mention(&self, source: &Source, asked: &Asked) -> (EventId, InvestigateMessage) {
        let (text, message) = self.decide(source, asked);
        let told = || reply(asked, ChatAnswer::Text { text });
        (id(asked), message.unwrap_or_else(told))
    }

    /// What follows from what was asked, and what who asked is told.
    fn decide(&self, source: &Source, asked: &Asked) -> (String, Option<InvestigateMessage>) {
        match ask(&asked.words) {
            Err(wrong) => (format!("{wrong}\n{}", self.help(source, asked)), None),
            Ok(Ask::Help) => (self.help(source, asked), None),
            Ok(Ask::Last) => {
                let commands = source.allows(&asked.place).map(|entry| entry.command.clone()).collect();
                let looking = "Looking for the newest RunSessions of this channel.".to_owned();
                (looking, Some(reply(asked, ChatAnswer::Last { commands })))
            }
            Ok(Ask::Run { command, with }) => match self.request(source, asked, &command, with) {
                Ok(request) => {
                    let run = RunId::opened_by(request.id);
                    let text = format!("`{command}` is on its way ({run}). The answer comes into this channel.");
                    (text, Some(InvestigateMessage::CommandV1 { request: Box::new(request) }))
                }
                Err(refused) => (refused, None),
            },
        }
    }

    /// The request, if the catalog allows it and the parameters fit.
    fn request(
        &self,
        source: &Source,
        asked: &Asked,
        command: &str,
        with: BTreeMap<String, String>,
    ) -> Result<CommandRequest, String> {
        let entry = source.permits(command, &asked.place);
        let entry = entry.map_err(|why| format!("{why} `{} help` lists what you may run here.", asked.called))?;
        let known = self.catalog.commands.get(&entry.command);
        let known = known.ok_or_else(|| format!("The catalog has no Command `{command}`."))?;
        if let Some((name, _)) = with.iter().find(|(_, value)| value.contains("${{")) {
            return Err(format!(
                "`{command}` was not started: `{name}` is taken as it is written, so leave out `${{{{`."
            ));
        }
        let with: Map<String, Value> = with.into_iter().map(|(name, value)| (name, value.into())).collect();
        let given = with.clone().into_iter().collect();
        if let Err(errors) = catalog::bind(&known.parameters, &given, &Scope::new().with("alert", &json!({}))) {
            let mut text = format!("`{command}` was not started:");
            for error in errors {
                // Writing to a String cannot fail.
                let _ = write!(text, "\n• {error}");
            }
            let _ = write!(text, "\n{}", usage(asked, &known.name, &known.parameters));
            return Err(text);
        }
        Ok(CommandRequest {
            id: id(asked),
            command: entry.command.clone(),
            with,
            by: asked.place.to_string(),
            requested_at: asked.at,
            asked_in: Some(asked.place.clone()),
            assistant: entry.assistant.clone(),
        })
    }

    /// What may be asked for here, by whoever asks.
    fn help(&self, source: &Source, asked: &Asked) -> String {
        let allowed = source.allows(&asked.place);
        let mut entries: Vec<&Name> = allowed.map(|entry| &entry.command).collect();
        entries.sort_unstable();
        entries.dedup();
        let mut text = String::new();
        for command in entries.iter().filter_map(|name| self.catalog.commands.get(*name)) {
            let usage = usage(asked, &command.name, &command.parameters);
            let _ = writeln!(text, "• {usage}: {}", command.description);
            for (name, parameter) in &command.parameters {
                if let Some(description) = &parameter.description {
                    let _ = writeln!(text, "    `{name}`: {description}");
                }
            }
        }
        let head = match text.is_empty() {
            true => format!(
                "You may run nothing here: `commands` of the Source `{}` in the catalog says who may run what from which \
                 channel (this is `{}`, you are `{}`).\n",
                source.name, asked.place.channel, asked.place.user
            ),
            false => "What you may run here:\n".to_owned(),
        };
        format!("{head}{text}`{} last` shows the newest RunSessions of this channel.", asked.called)
    }

    async fn send_one(
        &self,
        source: &Source,
        message: &InvestigateMessage,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let body = serde_json::to_string(message)?;
        let sent = self.queue.send(Queue::Investigate, &body, source.name.as_str(), Duration::ZERO).await;
        sent.inspect_err(|error| {
            let permanent = !error.is_transient();
            let said = chain(error);
            tracing::error!(source = source.name.as_str(), permanent, error = said, "the events were not taken");
        })?;
        tracing::info!(source = source.name.as_str(), "what was asked for is taken");
        Ok(())
    }
}

/// How a Command is written: `name=string` must stand, `[name=default]` may.
fn usage(asked: &Asked, command: &Name, parameters: &BTreeMap<String, Parameter>) -> String {
    let mut text = format!("`{} run {command}", asked.called);
    for (name, parameter) in parameters {
        let _ = match &parameter.default {
            None => write!(text, " {name}={}", parameter.parameter_type.as_str().to_ascii_uppercase()),
            Some(Value::String(default)) => write!(text, " [{name}={default}]"),
            Some(default) => write!(text, " [{name}={default}]"),
        };
    }
    text.push('`');
    text
}

/// The same for the same request, so that one that comes again is the same run.
fn id(asked: &Asked) -> EventId {
    EventId::of_request(&asked.place.source, &asked.request, asked.at)
}

fn reply(asked: &Asked, answer: ChatAnswer) -> InvestigateMessage {
    // What only one person sees is not shown in a thread that does not stand yet.
    let thread = asked.place.thread.clone().filter(|_| asked.in_thread);
    InvestigateMessage::ReplyV1 {
        reply: Box::new(ChatReply {
            id: id(asked),
            place: ChatPlace { thread, ..asked.place.clone() },
            asked_at: asked.at,
            response_url: asked.response_url.clone(),
            answer,
        }),
    }
}

/// The three characters by which text becomes a mention or a link in Slack.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
