//! RunSessions to look at: a common one, and one whose every text is an attack, each written by the store as runs write theirs.

use std::{path::Path, time::Duration};

use domain::{
    Disposition, Entry, Event, EventId, EventKind, RawFragment, Report, Run, RunId, RunStatus, RunView, Target,
    TargetSpec,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use store::{Claim, IncidentWindow, OpenLimits, Store, TargetClaim};

/// Would run, load, be markup, leave its attribute, its tag or the style, or be a link or a mention, wherever it came alive.
pub const PAYLOAD: &str = "\"'></title></style></textarea><script>window.ran=1;document.title='ran'</script>\
    <img src=http://elsewhere.example/x onerror=window.ran=1><svg/onload=window.ran=1><iframe srcdoc='<b>'></iframe>\
    <a href=javascript:window.ran=1>x</a> <!channel> <@U1> @all [x](http://elsewhere.example) \u{202e}${{ 7 * 7 }}";

const LONG: Duration = Duration::from_secs(3600);

/// The record of the console's own tests, with what a model has read in it.
pub fn common() -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/console/src/tests");
    let read = |name: &str| -> Value { serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap() };
    let (mut view, read) = (read("view.json"), read("reading.json"));
    for (name, value) in read["report"].as_object().unwrap() {
        view["run"]["report"][name] = value.clone();
    }
    view["run"]["cost"] = read["cost"].clone();
    view["transcript"] = read["transcript"].clone();
    view["run"]["report"]["suppressed"] = json!([
        {"rule": "quiet-nights", "reason": "Nobody orders at night.", "count": 2, "titles": ["Few orders come"]}]);
    view["run"]["last_time"] = json!({"fired_at": ["2025-11-18T20:00:00Z"], "runs": [
        {"id": "run_01KAPW8Z000000000000000009", "created_at": "2025-11-18T20:00:00Z", "verdict": "The database was full",
         "ratings": ["spot on"]}]});
    view["run"]["buttons"] = true.into();
    // The id of the inbox's first channel.
    view["run"]["asked_from"] = json!(["C0INBOX0001"]);
    view["ratings"] = json!([{"rating": "one hop short", "at": "2025-11-20T22:20:00Z", "by": {
        "source": "slack", "channel": "C024BE91L", "channel_name": "checkout-oncall", "user": "U1", "user_name": "alex"}}]);
    view
}

/// Puts the payload into every text of `view` that is not of a form: what still is a RunSession with it in its place could
/// have come with it.
pub fn infected(mut view: Value) -> (RunView, usize) {
    let mut places = Vec::new();
    texts(&view, String::new(), &mut places);
    let mut infected = 0;
    // A target's name is its key, and the catalog's.
    places.retain(|place| !(place.starts_with("/targets/") && place.ends_with("/name")));
    for place in places {
        let was = view.pointer(&place).unwrap().clone();
        *view.pointer_mut(&place).unwrap() = PAYLOAD.into();
        match serde_json::from_value::<RunView>(view.clone()) {
            Ok(_) => infected += 1,
            Err(_) => *view.pointer_mut(&place).unwrap() = was,
        }
    }
    view["run"]["alert"]["labels"] = json!({ (PAYLOAD): PAYLOAD });
    view["run"]["params"] = json!({ (PAYLOAD): PAYLOAD });
    let links = view["run"]["alert"]["links"].as_array_mut().unwrap();
    links.push(json!({"title": PAYLOAD, "url": format!("https://leads.example/{PAYLOAD}")}));
    links.push(json!({"title": "x", "url": "javascript:window.ran=1"}));
    (serde_json::from_value(view).unwrap(), infected)
}

fn texts(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::String(_) => places.push(at),
        Value::Array(list) => {
            for (place, value) in list.iter().enumerate() {
                texts(value, format!("{at}/{place}"), places);
            }
        }
        Value::Object(map) => {
            for (name, value) in map {
                texts(value, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), places);
            }
        }
        _ => {}
    }
}

/// Writes `view` as a run writes itself, opened now by an event, and gives its id. Its targets are `targets` where these are
/// given, still to be delivered; else its own, as they stand in it. It is a later look at what `last` looked at, if that is given.
pub async fn write(
    store: &Store,
    view: &RunView,
    targets: Option<&[TargetSpec]>,
    last: Option<&Run>,
    number: u128,
) -> RunId {
    let now = Timestamp::now();
    let event = Event {
        id: EventId::mint(now, number),
        source: "pagerduty".parse().unwrap(),
        source_type: "pagerduty".into(),
        kind: EventKind::Triggered,
        provider_kind: view.events[0].provider_kind.clone(),
        delivery_key: format!("opening-{number}"),
        external_id: Some(format!("Q{number}")),
        occurred_at: now,
        received_at: now,
        summary: view.events[0].summary.clone(),
        alert: view.run.alert.clone(),
        disposition: Disposition::Attaches,
        raw: view.events[0].raw.clone().unwrap_or(RawFragment { text: String::new(), cut_bytes: 0 }),
    };
    let own = || view.targets.iter().map(|target| target.spec.clone()).collect();
    let mut run = Run {
        id: RunId::opened_by(event.id),
        created_at: now,
        status: RunStatus::Queued,
        ended_at: None,
        evidence_at: None,
        lease: None,
        report: None,
        counts: domain::Counts::default(),
        targets: targets.map_or_else(own, <[TargetSpec]>::to_vec),
        trigger: domain::Trigger::Event { event: event.id, source: event.source.clone() },
        revision: 1,
        ..view.run.clone()
    };
    if let Some(last) = last {
        run = run.after(last);
    }
    if let Some(alert) = run.alert.as_mut().filter(|_| targets.is_some()) {
        // The incident that the notes are written on.
        alert.external_id = format!("Q{number}");
    }
    let incident = IncidentWindow {
        workflow: "checkout-pages".parse().unwrap(),
        key: format!("key-{number}"),
        window: LONG,
        limits: OpenLimits::default(),
    };
    store.open(&event, &run, &incident).await.unwrap();
    for (place, attached) in view.events.iter().enumerate().skip(1) {
        let attached = Event {
            id: EventId::mint(now, number * 1000 + u128::try_from(place).unwrap()),
            kind: EventKind::Annotated,
            provider_kind: attached.provider_kind.clone(),
            summary: attached.summary.clone(),
            delivery_key: format!("attached-{number}-{place}"),
            ..event.clone()
        };
        store.attach(&attached).await.unwrap();
    }
    let Claim::Claimed { token, .. } = store.claim_run(run.id, LONG).await.unwrap() else { panic!("somebody has it") };
    for step in &view.steps {
        store.record_step(run.id, token, step).await.unwrap();
    }
    for entry in &view.transcript {
        match entry {
            Entry::Opening(opening) => drop(store.open_reading(run.id, token, opening).await.unwrap()),
            Entry::Turn(turn) => drop(store.record_turn(run.id, token, turn, turn.usd, &[]).await.unwrap()),
            Entry::Call(call) => drop(store.record_call(run.id, token, call).await.unwrap()),
        }
    }
    match (&view.run.report, view.run.status) {
        (Some(report), RunStatus::Concluded) => conclude(store, run.id, token, report).await,
        _ => store.fail_run(run.id, token, view.run.reason.as_deref().unwrap_or_default()).await.unwrap(),
    }
    for said in &view.ratings {
        store.rate_run(run.id, said).await.unwrap();
    }
    for target in view.targets.iter().filter(|_| targets.is_none()) {
        let claimed = store.claim_target(run.id, &target.spec.name, LONG).await.unwrap();
        let TargetClaim::Claimed(Target { lease: Some(lease), .. }) = claimed else { panic!("{claimed:?}") };
        store.save_target(run.id, &Target { lease: None, ..target.clone() }, lease.token).await.unwrap();
    }
    run.id
}

async fn conclude(store: &Store, run: RunId, token: domain::LeaseToken, report: &Report) {
    store.conclude_run(run, token, report).await.unwrap();
}

/// An event that nothing follows from, all of whose texts are the payload.
pub async fn unmatched(store: &Store) {
    let now = Timestamp::now();
    let event = Event {
        id: EventId::mint(now, 77),
        source: "pagerduty".parse().unwrap(),
        source_type: "pagerduty".into(),
        kind: EventKind::Unknown,
        provider_kind: PAYLOAD.into(),
        delivery_key: "unmatched".into(),
        external_id: None,
        occurred_at: now,
        received_at: now,
        summary: PAYLOAD.into(),
        alert: None,
        disposition: Disposition::Unmatched { reason: PAYLOAD.into() },
        raw: RawFragment::keep(PAYLOAD),
    };
    store.unmatched(&event, PAYLOAD).await.unwrap();
}
