//! Prometheus Alertmanager's `webhook_config`, versions 3 and 4 and the unversioned bodies before them, and what speaks the
//! same form (Mimir, VictoriaMetrics). It signs nothing (prometheus/alertmanager, notify/webhook).

use domain::Alert;
use jiff::Timestamp;
use serde_json::Value;

use super::prometheus::One;
use crate::{
    json::text,
    said::{Said, links},
};

/// A body that is no [`Group`](super::prometheus::Group).
pub(crate) fn read(body: &Value, _: Timestamp) -> Vec<Said<'_>> {
    let reason = if body.is_array() {
        "the body is a list of alerts, which is what goes into an Alertmanager: send what comes out of it (`webhook_config`)"
    } else {
        "the body has no list `alerts`, so it is no Alertmanager webhook: leave its `payload` as it is by default"
    };
    vec![Said::unknown("", reason)]
}

pub(super) fn dress(one: &One<'_>, alert: &mut Alert) {
    alert.links = links([
        ("Runbook", one.runbook()),
        ("Dashboard", one.annotation(&["dashboard_url", "dashboard", "dashboardURL", "dashboardUrl"])),
        ("Prometheus", text(one.element, "/generatorURL")),
        ("Alertmanager", text(one.body, "/externalURL")),
    ]);
}
