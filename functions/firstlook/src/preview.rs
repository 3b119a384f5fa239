//! `run ... --preview`: what outlets would be sent. Nothing here can send.

use catalog::{Catalog, targets};
use console::words;
use domain::{Continues, Name, OutletSpec, RunView, Shown, SlackSpec, Target, TargetSpec};
use inbox::Service;
use jiff::Timestamp;
use outlets::{OutletError, Post, Preview};
use serde_json::{Value, json};

use crate::{failure::Failure, out::Style, posts};

/// The outlets that can be asked for, each as it stands where the catalog names none.
fn known() -> Vec<OutletSpec> {
    let specs = [
        json!({ "slack": { "channel": "#channel" } }),
        json!({ "slack-webhook": { "secret": "slack-webhook" } }),
        json!({ "pagerduty": { "note": true } }),
        json!({ "opsgenie": { "note": true } }),
        json!({ "jsm": { "note": true } }),
        json!({ "jira": { "site": "https://example.atlassian.net", "issue": "" } }),
        json!({ "servicenow": { "instance": "https://example.service-now.com", "incident": "" } }),
        json!({ "github": { "repository": "owner/name", "issue": "" } }),
        json!({ "e-mail": { "to": ["oncall@example.com"], "from": "firstlook@example.com" } }),
        json!({ "teams": { "secret": "teams-webhook" } }),
        json!({ "webhook": { "url": "https://example.com/firstlook", "secret": "webhook-signing" } }),
    ];
    specs.into_iter().filter_map(|spec| serde_json::from_value(spec).ok()).collect()
}

/// One outlet to be shown.
#[derive(Debug, PartialEq)]
pub struct Wanted {
    spec: TargetSpec,
    /// Whose target it is; nothing where the catalog has none of this name.
    of: Option<String>,
}

/// What is asked for by `names`: for each the target of that name that what runs `command` has, else any of the catalog's, else
/// a stand-in.
///
/// # Errors
/// [`Failure::Usage`] with the names that there are.
pub fn wanted(catalog: &Catalog, command: &Name, names: &[String]) -> Result<Vec<Wanted>, Failure> {
    let workflows = catalog.workflows.values().map(|workflow| {
        let runs = &workflow.investigate.command == command;
        (runs, format!("Workflow {}", workflow.name), targets(&workflow.deliver, None))
    });
    let schedules = catalog.schedules.values().map(|schedule| {
        let runs = &schedule.command == command;
        (runs, format!("Schedule {}", schedule.name), targets(&schedule.deliver, None))
    });
    let mut all: Vec<_> = workflows.chain(schedules).collect();
    // Those of this Command first; else as they stand.
    all.sort_by_key(|(runs, ..)| !runs);
    let known = known();
    let find = |name: &str| {
        let of_catalog = all.iter().find_map(|(_, of, targets)| {
            let spec = targets.iter().find(|target| target.name == name)?.clone();
            Some(Wanted { spec, of: Some(of.clone()) })
        });
        of_catalog.or_else(|| {
            let outlet = known.iter().find(|outlet| outlet.kind() == name)?.clone();
            let spec = targets(&[outlet.into()], None).into_iter().next()?;
            Some(Wanted { spec, of: None })
        })
    };
    names
        .iter()
        .map(|name| name.trim())
        .map(|name| {
            find(name).ok_or_else(|| {
                let mut names: Vec<&str> = known.iter().map(OutletSpec::kind).collect();
                let more = all.iter().flat_map(|(_, _, targets)| targets).map(|target| target.name.as_str());
                names.extend(more);
                names.sort_unstable();
                names.dedup();
                Failure::Usage(format!("there is no outlet `{name}`; there are {}", names.join(", ")))
            })
        })
        .collect()
}

/// What each of `wanted` would be sent of `view`, whose page `link` opens.
///
/// # Errors
/// [`OutletError`]; a body cannot be written.
pub fn text(
    view: &RunView,
    wanted: &[Wanted],
    link: &str,
    now: Timestamp,
    style: Style,
) -> Result<String, OutletError> {
    let shown = Shown { run: view.run.clone(), steps: view.steps.clone(), ratings: view.ratings.clone() };
    let mut parts = Vec::new();
    for Wanted { spec, of } in wanted {
        // What is missing in them stands as nothing, as it would in the delivery.
        let words = spec.text.as_ref().map(|_| catalog::words(spec, &view.run).0);
        let mut show = |target: &Target, of: &str| {
            let post = Post { view: &shown, target, words: words.as_ref(), link: Some(link), previous: None, now };
            let preview = outlets::preview(&post)?;
            parts.push(format!(
                "{} {}\n\n{}",
                style.bold(&format!("{}: {}", target.spec.name, preview.to)),
                style.dim(&format!("({of})")),
                body(&spec.outlet, &preview)
            ));
            Ok(further(&post))
        };
        let target = Target::new(spec.clone(), now);
        let mut of = of.as_deref().unwrap_or("the catalog has no such target: a stand-in").to_owned();
        if let (Ok(false), Some(when)) = (catalog::wanted(spec, &view.run), &spec.when) {
            of.push_str(&format!("; its condition does not hold, so nothing would be posted: {when}"));
        }
        for part in show(&target, &of)? {
            show(&part, "in the thread of the message above")?;
        }
    }
    Ok(parts.join("\n\n"))
}

/// The targets of what has no room in the message of `post`, which stand in its thread once the run has ended.
fn further(post: &Post<'_>) -> Vec<Target> {
    let OutletSpec::Slack(slack) = &post.target.spec.outlet else { return vec![] };
    if !post.view.run.status.is_terminal() || post.target.continues.is_some() {
        return vec![];
    }
    let name = &post.target.spec.name;
    let thread = Some(slack.thread.clone().unwrap_or_else(|| "(that of the message above)".to_owned()));
    let part = |part| {
        let mut spec = post.target.spec.clone();
        spec.outlet = OutletSpec::Slack(SlackSpec { thread: thread.clone(), ..slack.clone() });
        Target { continues: Some(Continues { target: name.clone(), part }), ..Target::new(spec, post.now) }
    };
    (0..outlets::slack::parts(post)).map(part).collect()
}

/// As a person would see it, and where that is not all there is, the JSON below.
fn body(outlet: &OutletSpec, preview: &Preview) -> String {
    let (service, json) = match outlet {
        OutletSpec::Slack(_) => (Some(Service::Slack), true),
        OutletSpec::SlackWebhook(_) => (Some(Service::SlackWebhook), true),
        OutletSpec::Jira(_) => (Some(Service::Jira), true),
        OutletSpec::Teams(_) => (Some(Service::Teams), true),
        OutletSpec::PagerDuty(_) => (Some(Service::PagerDuty), false),
        OutletSpec::Opsgenie(_) => (Some(Service::Opsgenie), false),
        OutletSpec::Jsm(_) => (Some(Service::Jsm), false),
        OutletSpec::ServiceNow(_) => (Some(Service::ServiceNow), false),
        OutletSpec::GitHub(_) => (Some(Service::GitHub), false),
        OutletSpec::Email(_) => return mail(&preview.body),
        OutletSpec::Webhook(_) => (None, true),
    };
    let mut parts = Vec::new();
    if !preview.headers.is_empty() {
        parts.push(
            preview.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n"),
        );
    }
    if let Some(service) = service {
        parts.push(drawn(&posts::drawn(service, &preview.body, usize::MAX)));
    }
    if json {
        parts.push(words::plain(&serde_json::to_string_pretty(&preview.body).unwrap_or_default()));
    }
    parts.join("\n\n")
}

/// A mail as it goes out: its header, its text, and the source of its HTML.
fn mail(body: &Value) -> String {
    let said = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let list = |pointer: &str| body.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    let to: Vec<&str> = list("/Destination/ToAddresses").filter_map(Value::as_str).collect();
    let field = |name: &str, value: &str| words::plain(&format!("{name}: {value}"));
    let mut header = vec![
        field("From", said("/FromEmailAddress")),
        field("To", &to.join(", ")),
        field("Subject", said("/Content/Simple/Subject/Data")),
    ];
    header.extend(list("/Content/Simple/Headers").map(|one| {
        let of = |part: &str| one.get(part).and_then(Value::as_str).unwrap_or_default();
        field(of("Name"), of("Value"))
    }));
    let text = drawn(said("/Content/Simple/Body/Text/Data").trim_end());
    let html = words::plain(said("/Content/Simple/Body/Html/Data"));
    format!("{}\n\n{text}\n\ntext/html:\n\n{html}", header.join("\n"))
}

/// What a person would see, beside a bar.
fn drawn(text: &str) -> String {
    let lines = text.lines().map(|line| words::plain(&format!("  | {line}")).trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
