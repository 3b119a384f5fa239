//! Nobl9's webhook alert method: the fields that it is told to send, named as Nobl9's variables are
//! (github.com/nobl9/nobl9-go, manifest/v1alpha/alertmethod/notification_template.go; docs.nobl9.com, Webhook alert method).
//! docs/sources/nobl9.md has the method to apply; bodies of Nobl9's own example template are read as far as they go.
//!
//! Nobl9 tells of an alert once, when it is triggered, and not of its end.

use std::collections::BTreeMap;

use domain::{Alert, AlertSeverity, EventKind, Slo};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    fields::{Fields, listed},
    slo::{shown, split_number},
};
use crate::{
    json::{self, decimal},
    said::{Said, alert, links, service},
};

const SLO: [&str; 2] = ["sloname", "slo"];
const OBJECTIVE: [&str; 2] = ["objectivename", "experiencename"];
const POLICY: [&str; 2] = ["alertpolicyname", "alertpolicy"];
const PROJECT: [&str; 2] = ["projectname", "project"];

pub(crate) fn read(body: &Value, received_at: Timestamp) -> Vec<Said<'_>> {
    vec![event(body, &Fields::of(body, is_variable), received_at)]
}

/// `$slo_name`, `$alert_policy_conditions[]`: what Nobl9 does not know stays as it is.
fn is_variable(text: &str) -> bool {
    text.strip_prefix('$').is_some_and(|name| {
        let name = name.strip_suffix("[]").unwrap_or(name);
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    })
}

fn event<'a>(body: &Value, fields: &Fields, received_at: Timestamp) -> Said<'a> {
    let (slo, policy) = (fields.said(&SLO), fields.said(&POLICY));
    if slo.is_none() && policy.is_none() {
        let reason =
            "the body names neither an SLO nor an alert policy: apply the alert method of docs/sources/nobl9.md";
        return Said::unknown("", reason);
    }
    let at = fields.time(&["isotimestamp", "timestamp"]);
    // Without the alert's own id what can alert but once at a time stands for it.
    let external_id = fields.said(&["alertid"]).map_or_else(
        || {
            let part = |names: &[&str]| fields.said(names).unwrap_or_default();
            format!("{}|{}|{}|{}", part(&PROJECT), part(&SLO), part(&OBJECTIVE), part(&POLICY))
        },
        str::to_owned,
    );
    let delivery = at.map(|at| format!("{external_id}|{at}"));
    let conditions = conditions(body, fields);
    let alert = alert_of(fields, &conditions, at.unwrap_or(received_at));
    Said {
        delivery,
        external_id: Some(external_id),
        at,
        alert: Some(alert),
        ..Said::new(EventKind::Triggered, "alert")
    }
}

/// The alert policy's conditions: the list, where it is there, else the one text that names them all.
fn conditions(body: &Value, fields: &Fields) -> Vec<String> {
    let listed = ["alert_policy_conditions[]", "alert_policy_conditions", "alerting_conditions"];
    let list = listed.iter().find_map(|name| body.get(*name)?.as_array());
    let list: Vec<String> = list.into_iter().flatten().filter_map(json::scalar).collect();
    if list.is_empty() {
        let text = fields.said(&["alertpolicyconditionstext", "alertpolicyconditions[]", "alertingconditions"]);
        return text.into_iter().flat_map(|text| text.split(", ")).map(str::to_owned).collect();
    }
    list
}

fn alert_of(fields: &Fields, conditions: &[String], started_at: Timestamp) -> Alert {
    let said = |names: &[&str]| fields.said(names).unwrap_or_default();
    let (slo, policy) = (said(&SLO), said(&POLICY));
    let no_data = said(&["anomalytype"]).eq_ignore_ascii_case("nodata");
    let title = match (policy, slo) {
        ("", slo) => format!("SLO {slo}"),
        (policy, "") => policy.to_owned(),
        (policy, slo) => format!("{policy}: SLO {slo}"),
    };
    let title = if no_data { format!("{title} has no data") } else { title };
    // The SLO's own labels count first, then those of what it belongs to.
    let mut labels = listed(said(&["slolabelstext"]));
    for of in ["servicelabelstext", "alertpolicylabelstext"] {
        for (name, value) in listed(said(&[of])) {
            labels.entry(name).or_insert(value);
        }
    }
    let places: [(&str, &[&str]); 6] = [
        ("project", &PROJECT),
        ("slo", &SLO),
        ("objective_name", &OBJECTIVE),
        ("alert_policy", &POLICY),
        ("organization", &["organization"]),
        ("no_data_alert_after", &["nodataalertafter"]),
    ];
    for (name, places) in places {
        if let Some(value) = fields.said(places) {
            labels.insert(name.to_owned(), value.to_owned());
        }
    }
    let description = [said(&["alertpolicydescription"]), &conditions.join("\n")].join("\n");
    Alert {
        description,
        priority: said(&["severity"]).to_owned(),
        service: service(said(&["servicename", "service"])),
        team: labels.get("team").cloned().unwrap_or_default(),
        links: links([("SLO in Nobl9", fields.said(&["slodetailslink"]))]),
        slo: slo_of(slo, fields, &labels, conditions),
        labels,
        ..alert(title, json::severity(said(&["severity"])).unwrap_or(AlertSeverity::High), started_at)
    }
}

/// No variable of Nobl9 says what the target is, nor over which time: a field of one's own may, or a label of the SLO.
fn slo_of(name: &str, fields: &Fields, labels: &BTreeMap<String, String>, conditions: &[String]) -> Slo {
    let own = |names: &[&str], label: &[&str]| {
        let label = || label.iter().find_map(|name| labels.get(*name));
        fields.said(names).map(str::to_owned).or_else(|| label().cloned()).unwrap_or_default()
    };
    let objective = decimal(&own(&["objective", "target"], &["objective", "target", "slo_objective"]));
    Slo {
        name: name.to_owned(),
        objective: shown(objective.map(|part| if part <= 1.0 { part * 100.0 } else { part })),
        window: own(&["window", "timewindow"], &["window", "slo_window", "time_window"]),
        burn_rate: shown(conditions.iter().find_map(|one| named(one, "burn rate"))),
        budget_remaining: shown(
            conditions
                .iter()
                .filter(|one| !one.contains("exhausted"))
                .find_map(|one| named(one, "emaining error budget").or_else(|| named(one, "emaining budget"))),
        ),
    }
}

/// The first number behind `words`: 10 of `Remaining error budget is 10%`.
fn named(condition: &str, words: &str) -> Option<f64> {
    let (_, after) = condition.split_once(words)?;
    let digits = after.find(|c: char| c.is_ascii_digit())?;
    split_number(after.get(digits..)?).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_says_its_number() {
        for (condition, burn_rate, left) in [
            (
                "Average error budget burn rate is greater or equal to 14.4 and this condition lasts for 5 minutes",
                Some(14.4),
                None,
            ),
            ("Average error budget burn rate is >= 3x over 1h", Some(3.0), None),
            ("Remaining error budget is 10%", None, Some(10.0)),
            ("Remaining error budget would be exhausted in 72 hours", None, Some(72.0)),
            ("Error budget would be exhausted in 15 minutes and this condition lasts for 1 hour", None, None),
            ("burn rate", None, None),
            ("burn rate is 1e", None, None),
        ] {
            assert_eq!(named(condition, "burn rate"), burn_rate, "{condition}");
            assert_eq!(named(condition, "emaining error budget"), left, "{condition}");
        }
    }
}
