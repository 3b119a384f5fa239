//! Sentry's integration platform (Sentry documentation, Integration Platform Webhooks; one event in each request).
//!
//! The header `Sentry-Hook-Resource` says what a body is about, but is not signed, so the body's own form says it here. An
//! alert rule that fires on an issue and the issue's own changes share the id of the issue; a metric alert has its own ids.

use std::collections::BTreeMap;

use domain::{Alert, AlertSeverity, EventKind};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    json::{self, first, first_time, first_word, text, time, word},
    said::{Said, alert, links, service},
};

pub(crate) fn read(body: &Value, received_at: Timestamp) -> Vec<Said<'_>> {
    vec![event(body, received_at)]
}

fn event(body: &Value, received_at: Timestamp) -> Said<'_> {
    let action = text(body, "/action");
    let (Some(action), Some(data)) = (action, body.get("data").filter(|data| data.is_object())) else {
        let reason = if body.get("triggering_rules").is_some() || body.get("project_slug").is_some() {
            "this is the legacy WebHooks plugin of Sentry, which signs nothing: make an internal integration instead"
        } else {
            "the body has no `action` and `data`, so it is no webhook of Sentry's integration platform"
        };
        return Said::unknown(action.unwrap_or_default(), reason);
    };
    let part = |name: &str| data.get(name).filter(|part| part.is_object());
    if let Some(metric) = part("metric_alert") {
        metric_alert(action, data, metric, received_at)
    } else if let (Some(event), "triggered") = (part("event"), action) {
        event_alert(data, event, received_at)
    } else if let Some(issue) = part("issue") {
        issue_changed(action, data, issue, received_at)
    } else if data.get("comment_id").is_some() {
        comment(action, data)
    } else {
        // Every single error, installations, and what else there is.
        let about = ["error", "installation", "event"].into_iter().find(|name| data.get(name).is_some());
        Said::foreign(&about.map_or_else(|| action.to_owned(), |about| format!("{about}.{action}")))
    }
}

/// An alert rule fired on an event of an issue.
fn event_alert<'a>(data: &'a Value, event: &'a Value, received_at: Timestamp) -> Said<'a> {
    let word = "event_alert.triggered";
    let tags = json::labels(event.get("tags"));
    // What the button that tries a rule sends (getsentry/sentry, project_rule_actions.py).
    let made_up = json::word(event, "/fingerprint/0").starts_with("sample_evt:");
    if made_up || tags.get("sample_event").is_some_and(|is| is == "yes") {
        return Said::ping(word, "test of an alert rule");
    }
    let at = first_time(event, &["/datetime", "/timestamp", "/received"]);
    let rule = first(data, &["/triggered_rule", "/issue_alert/title"]).unwrap_or_default();
    let title = first(event, &["/title", "/metadata/title", "/message", "/culprit"]).unwrap_or("Sentry issue");
    let mut labels = labels(tags, event);
    for (key, value) in [("rule", rule), ("project_id", &json::word(event, "/project"))] {
        labels.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    }
    let level = first(event, &["/level"]).or(labels.get("level").map(String::as_str));
    let severity = severity(level);
    let project = in_path(text(event, "/url"), "projects", 1);
    let project = project.map_or_else(|| json::word(event, "/project"), str::to_owned);
    Said {
        // Two rules that fire on the same event are two alerts of the same issue.
        delivery: text(event, "/event_id").map(|id| format!("event_alert/{id}/{rule}")),
        external_id: issue_of(event),
        at,
        alert: Some(Alert {
            description: description(event),
            service: service(project),
            labels,
            links: links([("Sentry event", text(event, "/web_url"))]),
            ..alert(title, severity, at.unwrap_or(received_at))
        }),
        ..Said::new(EventKind::Triggered, word)
    }
}

/// The id of the issue that an event belongs to; where it is not said, its pages have it.
fn issue_of(event: &Value) -> Option<String> {
    first_word(event, &["/issue_id", "/groupID"]).or_else(|| {
        let pages = [text(event, "/issue_url"), text(event, "/web_url")];
        pages.into_iter().find_map(|url| in_path(url, "issues", 0)).map(str::to_owned)
    })
}

/// What stands in a URL's path behind `name`, `skip` parts further.
fn in_path<'t>(url: Option<&'t str>, name: &str, skip: usize) -> Option<&'t str> {
    let path = url?.split(['?', '#']).next()?;
    path.split('/').skip_while(|part| *part != name).nth(1 + skip).filter(|part| !part.is_empty())
}

/// An issue is new, or its state changed.
fn issue_changed<'a>(action: &str, data: &'a Value, issue: &'a Value, received_at: Timestamp) -> Said<'a> {
    let word = format!("issue.{action}");
    let kind = match (action, text(issue, "/status")) {
        ("created", _) => EventKind::Triggered,
        // It came back, or it grew; a person may say so too.
        ("unresolved", _) => EventKind::Reopened,
        ("resolved", _) => EventKind::Resolved,
        ("assigned", _) => EventKind::Escalated,
        // Nobody mended what is put away.
        ("archived" | "ignored", _) => EventKind::Updated,
        // An alert rule on an issue's activity.
        ("triggered", Some("resolved")) => EventKind::Resolved,
        ("triggered", Some("unresolved") | None) => EventKind::Triggered,
        ("triggered", Some(_)) => EventKind::Updated,
        _ => return Said::foreign(&word),
    };
    let named = text(issue, "/title").unwrap_or_default();
    // The issue of a sample event, which has no mark of its own (getsentry/sentry, samples.py).
    if kind == EventKind::Triggered && named.starts_with("This is an example ") && named.ends_with(" exception") {
        return Said::ping(word, named);
    }
    let id = first_word(issue, &["/id"]);
    let began = time(issue, "/firstSeen");
    let labels = labels(json::labels(issue.get("tags")), issue);
    let title = first(issue, &["/title", "/metadata/title", "/culprit"]).map(str::to_owned);
    let title =
        title.unwrap_or_else(|| format!("Sentry issue {}", json::word(issue, "/shortId")).trim_end().to_owned());
    let assignee = issue.get("assignedTo").filter(|to| text(to, "/type") == Some("team"));
    let page = first(issue, &["/web_url", "/permalink"]);
    Said {
        // An issue is created once. For the rest the body has no time of the change: the same issue resolved on two days
        // may be the same words, and those are two events. So its hash within five minutes has to do.
        delivery: id.as_ref().filter(|_| action == "created").map(|id| format!("issue/{id}/created")),
        external_id: id,
        at: began.filter(|_| action == "created"),
        summary: match kind {
            EventKind::Triggered | EventKind::Reopened => String::new(),
            _ => by(action, data, issue),
        },
        alert: Some(Alert {
            description: description(issue),
            priority: json::word(issue, "/priority"),
            service: service(first_word(issue, &["/project/slug", "/project/name", "/project/id"]).unwrap_or_default()),
            team: assignee.map(|team| json::word(team, "/name")).unwrap_or_default(),
            labels,
            links: links([("Sentry issue", page)]),
            ..alert(title, severity(text(issue, "/level")), began.unwrap_or(received_at))
        }),
        ..Said::new(kind, word)
    }
}

/// What was done and how: `resolved (now): ValueError: bad total`.
fn by(action: &str, data: &Value, issue: &Value) -> String {
    let how = first(data, &["/resolution_type"]).or_else(|| text(issue, "/substatus"));
    let how = how.map(|how| format!(" ({how})")).unwrap_or_default();
    format!("{action}{how}: {}", word(issue, "/title"))
}

/// A metric alert went over or under its thresholds. Its id is that of one such episode.
fn metric_alert<'a>(action: &str, data: &'a Value, metric: &'a Value, received_at: Timestamp) -> Said<'a> {
    let word = format!("metric_alert.{action}");
    let (kind, severity) = match action {
        "critical" => (EventKind::Triggered, AlertSeverity::Critical),
        "warning" => (EventKind::Triggered, AlertSeverity::Medium),
        "resolved" => (EventKind::Resolved, AlertSeverity::High),
        _ => return Said::foreign(&word),
    };
    let id = first_word(metric, &["/id", "/identifier"]);
    let began = first_time(metric, &["/date_started", "/date_detected", "/date_created"]);
    let rule = metric.get("alert_rule").unwrap_or(&Value::Null);
    let title = first(metric, &["/title"]).or_else(|| first(rule, &["/name"]));
    let title = title.or_else(|| text(data, "/description_title")).unwrap_or("Sentry metric alert");
    let project = first_word(metric, &["/projects/0"]).or_else(|| first_word(rule, &["/projects/0"]));
    let labels = [
        ("rule", "/name"),
        ("aggregate", "/aggregate"),
        ("query", "/query"),
        ("dataset", "/dataset"),
        ("environment", "/environment"),
        ("time_window", "/time_window"),
    ];
    let ends = time(metric, "/date_closed").filter(|_| kind == EventKind::Resolved);
    // An episode ends once. It may be critical, a warning and critical again, and nothing but the body tells these apart.
    let over = id.as_ref().zip(began).filter(|_| kind == EventKind::Resolved);
    let delivery = over.map(|(id, began)| {
        let ended = ends.map(|end| end.to_string()).unwrap_or_default();
        format!("metric_alert/{id}/{action}/{began}/{ended}")
    });
    Said {
        delivery,
        // Issues are counted on their own, so the same number names another thing.
        external_id: id.map(|id| format!("metric_alert/{id}")),
        at: if kind == EventKind::Resolved { ends } else { began },
        alert: Some(Alert {
            description: json::word(data, "/description_text"),
            service: service(project.unwrap_or_default()),
            labels: labels.into_iter().map(|(key, at)| (key.to_owned(), json::word(rule, at))).collect(),
            links: links([("Sentry alert", text(data, "/web_url"))]),
            ..alert(title, severity, began.unwrap_or(received_at))
        }),
        ..Said::new(kind, word)
    }
}

fn comment<'a>(action: &str, data: &'a Value) -> Said<'a> {
    let key = ["/comment_id", "/timestamp"].map(|at| word(data, at)).join("/");
    Said {
        delivery: Some(format!("comment/{action}/{key}")),
        external_id: first_word(data, &["/issue_id"]),
        at: time(data, "/timestamp"),
        summary: format!("comment {action}: {}", word(data, "/comment")),
        ..Said::new(
            if action == "created" { EventKind::Annotated } else { EventKind::Updated },
            format!("comment.{action}"),
        )
    }
}

/// An issue of which no level is said is an error.
fn severity(level: Option<&str>) -> AlertSeverity {
    level.and_then(json::severity).unwrap_or(AlertSeverity::High)
}

/// The message beyond the title, and where it happened. The rest of an event (request, user, variables) is about people and
/// stays out.
fn description(of: &Value) -> String {
    let title = text(of, "/title");
    let message = first(of, &["/message", "/metadata/value"]).filter(|message| Some(*message) != title);
    let culprit = text(of, "/culprit").map(|culprit| format!("in {culprit}"));
    [message.map(str::to_owned), culprit].into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// The tags but for the one that names a person, and the fields by which people choose.
fn labels(mut tags: BTreeMap<String, String>, of: &Value) -> BTreeMap<String, String> {
    tags.remove("user");
    let own = [
        ("level", "/level"),
        ("environment", "/environment"),
        ("release", "/release"),
        ("platform", "/platform"),
        ("culprit", "/culprit"),
        ("type", "/metadata/type"),
        ("short_id", "/shortId"),
        ("substatus", "/substatus"),
        ("issue_category", "/issueCategory"),
        ("issue_type", "/issueType"),
    ];
    for (key, at) in own {
        tags.entry(key.to_owned()).or_insert_with(|| word(of, at));
    }
    tags
}
