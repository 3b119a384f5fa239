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

/// How a model goes wrong in every turn, by the incident's name.
struct Way {
    name: &'static str,
    reply: fn() -> Reply,
    /// What people are told of it, by Messages, Chat Completions and Converse.
    told: [&'static str; 3],
}

const fn way(name: &'static str, reply: fn() -> Reply, told: [&'static str; 3]) -> Way {
    Way { name, reply, told }
}

const UNUSABLE: [&str; 3] = ["3 replies of the model could not be used"; 3];

const WAYS: [Way; 24] = [
    // Malformed: no answer, half of one, another one, too much.
    way("PROSE", || Reply::text("It is the database."), UNUSABLE),
    way("NOTHING", || Reply::Empty, UNUSABLE),
    way("ARGUMENTS", || Reply::CallsBadly { name: "answer".into(), arguments: "{\"summary\": \"Ord".into() }, UNUSABLE),
    way("SCHEMA", || Reply::call("answer", json!({"verdict": "all is well"})), UNUSABLE),
    way("CUTOFF", || Reply::CutOff("{\"summary\": \"Ord".into()), ["it was cut off at its limit of length"; 3]),
    way("NOTOOL", || Reply::call("restart_the_shop", json!({})), UNUSABLE),
    way("HTML", || Reply::Raw("<html>".into()), ["not JSON"; 3]),
    way("HALF", || Reply::Raw("{\"choices\": [{\"mess".into()), ["not JSON"; 3]),
    way("OTHER", || Reply::Raw("{\"ok\": true}".into()), ["has not the form of its API's answers"; 3]),
    way("HUGE", || Reply::Huge(5 * 1024 * 1024), ["more than 4 MB", "more than 4 MB", "longer than"]),
    // Refused, by the model or by its provider.
    way("REFUSED", || Reply::Refuses("I will not.".into()), ["the model declined to answer"; 3]),
    way(
        "UNKNOWNKEY",
        || Reply::status(401),
        ["does not take the API key", "does not take the API key", "refused the request"],
    ),
    way("DENIED", || Reply::status(403), ["may not use", "may not use", "there is no access"]),
    way("TOOLONG", || Reply::TooLong, ["the conversation is too long for it"; 3]),
    way("BROKE", || Reply::OutOfMoney, ["out of credit", "out of credit", "there is no access"]),
    way("ELSEWHERE", || Reply::Redirect("http://169.254.169.254/".into()), ["redirects", "redirects", "307"]),
    // Busy, broken or silent.
    way(
        "BUSY",
        || Reply::busy(429, 1),
        ["asked too often (429)", "asked too often (429)", "asked too often (ThrottlingException)"],
    ),
    way(
        "LATER",
        || Reply::busy(429, 600),
        ["does not reach to another try", "does not reach to another try", "asked too often (ThrottlingException)"],
    ),
    way("OVERLOADED", || Reply::status(529), ["overloaded (529)", "overloaded (529)", "529"]),
    way("UNAVAILABLE", || Reply::status(503), ["overloaded (503)", "overloaded (503)", "503"]),
    way("FAILED", || Reply::status(500), ["it failed (500)", "it failed (500)", "500"]),
    way("LATE", || Reply::status(408), ["did not get to answer (408)"; 3]),
    way("CLOSING", || Reply::Close, ["no answer from"; 3]),
    way("HANGING", || Reply::Hang, ["did not answer within"; 3]),
];

/// A service for each wire format.
const READ: [&str; 3] = ["PMESSAGES", "PCOMPLETIONS", "PCONVERSE"];

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
    // Behind a name stands a number.
    let name = incident.trim_start_matches('Q').trim_end_matches(|c: char| c.is_ascii_digit());
    match WAYS.iter().find(|way| way.name == name) {
        Some(way) => (way.reply)(),
        None if call.heard.called("shop") == 0 => Reply::calls([
            ("shop", json!({"incident": incident, "check": "basket"})),
            ("read_evidence", json!({"step": "orders"})),
        ]),
        None => Reply::call(
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

/// A page of `service`, whose Assistant reads with `model`: the run as it ends.
pub async fn reads_and_cites(world: &dyn World, service: &str, model: &str, wire: Wire) -> RunView {
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
    view
}

/// Each goes its own wrong way, at the same time; some of the ways, by the formats that both worlds have.
pub async fn i10_i14_a_model_that_misbehaves_keeps_no_run_from_its_conclusion(world: &dyn World) {
    let some = ["PROSE", "REFUSED", "BUSY", "OVERLOADED", "HANGING", "DENIED"];
    let ways = WAYS.iter().filter(|way| some.contains(&way.name));
    all_unread(world, ways.enumerate().map(|(place, way)| (way, place % 2))).await;
}

/// Every way by every format, where a hundred runs can be under way at once.
pub async fn i10_i14_whatever_a_model_answers_every_run_concludes_with_an_outcome(world: &dyn World) {
    all_unread(world, WAYS.iter().flat_map(|way| (0..READ.len()).map(move |wire| (way, wire)))).await;
}

async fn all_unread(world: &dyn World, ways: impl Iterator<Item = (&'static Way, usize)>) {
    let mut runs = Vec::new();
    for (way, wire) in ways {
        let incident = incident(way.name);
        let page = page("incident.triggered", &incident, READ[wire], &incident, AT);
        runs.push((world.post("pagerduty", &page).await.run(), way, wire));
    }
    for (run, way, wire) in runs {
        let (what, view) = (format!("{} of {}", way.name, READ[wire]), settled(world, run).await);
        unread(&view, &what, way.told[wire]);
        let shown = posts(world, Service::Slack, run);
        assert_eq!(shown.len(), 1, "{what}");
        let shown = shown[0].current().to_string();
        assert!(shown.contains("Not read by the model"), "{what}: {shown}");
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
