//! A model reads what the checks found: through each wire format, and with everything that such a model does wrong.

use domain::{Confidence, Entry, RunStatus, RunView};
use inbox::{ModelCall, ModelServer, Reply, Service, Wire};
use serde_json::json;

use super::{World, incident};
use crate::support::{
    pages::page,
    world::{posts, settled},
};

const AT: &str = "2026-11-22T10:00:00Z";

/// A model whose replies follow from the conversation, so that scenarios can share it: the incident's name says how it
/// behaves.
pub async fn start() -> ModelServer {
    let models = ModelServer::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    models.take_key("sk-of-the-scenarios");
    models.read_with(reply);
    models
}

fn reply(call: &ModelCall) -> Reply {
    let prompt = call.heard.prompt();
    let title = prompt.split("title: Orders of ").nth(1).unwrap_or_default();
    let incident = title.split(' ').next().unwrap_or_default().to_owned();
    match () {
        () if incident.starts_with("QMALFORMED") => Reply::text("It is the database."),
        () if incident.starts_with("QREFUSED") => Reply::Refuses("I will not.".to_owned()),
        () if incident.starts_with("QBUSY") => Reply::busy(429, 1),
        () if incident.starts_with("QOVERLOADED") => Reply::status(529),
        () if incident.starts_with("QHANGING") => Reply::Hang,
        () if incident.starts_with("QDENIED") => Reply::status(403),
        () if call.heard.called("shop") == 0 => Reply::calls([
            ("shop", json!({"incident": incident, "check": "basket"})),
            ("read_evidence", json!({"step": "orders"})),
        ]),
        () => Reply::call(
            "answer",
            json!({
                "summary": "Orders fail: their service answers 503",
                "impact": "Nobody can order.",
                "probable_cause": {"text": "The service of orders is down.", "confidence": "high", "claims": [
                    {"text": "It answers 503.", "step": "orders", "quote": "\"status\": 503"},
                    {"text": "The baskets are fine.", "step": "assistant.1_1.shop", "quote": "\"status\": 200"},
                    {"text": "It was deployed at noon.", "step": "orders", "quote": "deployed at noon"},
                ]},
                "other_hypotheses": [],
                "ruled_out": [],
                "gaps": ["No log was read."],
                "next_steps": ["Read the log of the orders."],
            }),
        ),
    }
}

pub async fn i11_a_model_of_messages_reads_and_cites(world: &dyn World) {
    reads_and_cites(world, "PMESSAGES", "messages", Wire::Anthropic).await;
}

pub async fn i11_a_model_of_chat_completions_reads_and_cites(world: &dyn World) {
    reads_and_cites(world, "PCOMPLETIONS", "completions", Wire::Openai).await;
}

/// Only where Bedrock can be led to the scripted server.
pub async fn i11_a_model_of_converse_reads_and_cites(world: &dyn World) {
    reads_and_cites(world, "PCONVERSE", "converse", Wire::Bedrock).await;
}

async fn reads_and_cites(world: &dyn World, service: &str, model: &str, wire: Wire) {
    let incident = incident("READ");
    let run = world.post("pagerduty", &page("incident.triggered", &incident, service, &incident, AT)).await.run();
    let view = settled(world, run).await;
    assert_eq!(view.run.status, RunStatus::Concluded);
    let report = view.run.report.as_ref().unwrap();
    let reading = report.reading.as_ref().unwrap_or_else(|| panic!("not read: {:?}", report.remarks));
    assert_eq!((report.read_by.as_str(), report.headline()), (model, "Orders fail: their service answers 503"));
    let cause = reading.cause.as_ref().unwrap();
    let steps: Vec<&str> = cause.claims.iter().map(|claim| claim.step.as_str()).collect();
    assert_eq!((cause.confidence, steps), (Confidence::Medium, vec!["orders", "assistant.1_1.shop"]));
    assert_eq!(reading.hypotheses.len(), 1, "the claim that no quote shows");
    assert!(reading.hypotheses[0].demoted.is_some());

    // The evidence stood before the model was asked, and was read in two turns, each recorded and counted.
    assert!(view.run.evidence_at.unwrap() <= view.run.ended_at.unwrap());
    assert_eq!(view.run.cost.turns, 2);
    assert!(view.run.cost.usd.nanos() > 0 && view.run.cost.lost_turns == 0, "{:?}", view.run.cost);
    assert!(view.run.prompt_bytes.unwrap() <= 25_000);
    let turns = view.transcript.iter().filter(|entry| matches!(entry, Entry::Turn(_))).count();
    assert_eq!(turns, 2);
    assert_eq!(world.shop().hits(&incident)["basket"], 1, "the tool ran its Task once");
    assert!(world.models().calls().iter().any(|call| call.wire == wire && call.paid));
    assert!(world.models().paid_twice().iter().all(|call| !call.heard.prompt().contains(&incident)));

    let slack = posts(world, Service::Slack, run);
    assert_eq!(slack.len(), 1, "I4: one post, edited");
    let shown = slack[0].current().to_string();
    for said in
        ["Probable cause (medium confidence)", "Not proven: It was deployed at noon.", "Read the log of the orders."]
    {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    // I9: what the shop let slip reached neither the model nor the record.
    let heard = format!("{:?}", world.models().calls());
    let stored = serde_json::to_string(&view).unwrap();
    assert!(!heard.contains("hunter2-of-the-shop") && !stored.contains("hunter2-of-the-shop"));
    assert!(!stored.contains("sk-of-the-scenarios"));
}

/// Each goes its own wrong way, at the same time.
pub async fn i10_i14_a_model_that_misbehaves_keeps_no_run_from_its_conclusion(world: &dyn World) {
    let ways = [
        ("MALFORMED", "PMESSAGES", "3 replies of the model could not be used"),
        ("REFUSED", "PCOMPLETIONS", "the model declined to answer"),
        ("BUSY", "PMESSAGES", "it was tried 5 times"),
        ("OVERLOADED", "PMESSAGES", "overloaded (529)"),
        ("HANGING", "PMESSAGES", "time"),
        ("DENIED", "PCOMPLETIONS", ""),
    ];
    let mut runs = Vec::new();
    for (way, service, reason) in ways {
        let incident = incident(way);
        let page = page("incident.triggered", &incident, service, &incident, AT);
        runs.push((world.post("pagerduty", &page).await.run(), way, reason));
    }
    for (run, way, reason) in runs {
        unread(&settled(world, run).await, way, reason);
        let shown = posts(world, Service::Slack, run)[0].current().to_string();
        assert!(shown.contains("Not read by the model"), "{way}: {shown}");
    }
}

fn unread(view: &RunView, way: &str, reason: &str) {
    assert_eq!(view.run.status, RunStatus::Concluded, "{way}");
    let report = view.run.report.as_ref().unwrap();
    assert!(report.reading.is_none() && report.read_by == "none", "{way}");
    let said = report.remarks.iter().find(|remark| remark.starts_with("Not read by the model"));
    assert!(said.is_some_and(|said| said.contains(reason)), "{way}: {:?}", report.remarks);
    assert_eq!(report.issues.len(), 2, "{way}: the checks' findings stand");
}
