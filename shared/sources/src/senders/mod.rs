//! One module for each sender whose form is known: what its bodies say. They only read; what is verified, cut and checked
//! for all of them stands beside them.

use catalog::model::SourceType;
use jiff::Timestamp;
use serde_json::Value;

use crate::said::Said;

mod alertmanager;
mod azure_monitor;
mod better_stack;
mod cloudwatch;
mod datadog;
mod dynatrace;
mod fields;
mod gcp_monitoring;
mod github;
mod grafana;
mod incident_io;
mod newrelic;
mod nobl9;
mod opsgenie;
mod pagerduty;
mod prometheus;
mod sentry;
pub(crate) mod slack;
mod slo;
mod splunk_oncall;
mod statuspage;
mod zabbix;

pub(crate) use prometheus::Group;

/// Reads the events of a body, with the time at which it came. None means that it holds none.
pub(crate) type Read = for<'a> fn(&'a Value, Timestamp) -> Vec<Said<'a>>;

/// Who reads the bodies of `sender`; nobody those of `webhook`, whose form only its `map` knows.
pub(crate) fn reader(sender: SourceType) -> Option<Read> {
    Some(match sender {
        SourceType::Webhook => return None,
        SourceType::Pagerduty => pagerduty::read,
        SourceType::Opsgenie | SourceType::Jsm => opsgenie::read,
        SourceType::Alertmanager => alertmanager::read,
        SourceType::Grafana => grafana::read,
        SourceType::Datadog => datadog::read,
        SourceType::Sentry => sentry::read,
        SourceType::Newrelic => newrelic::read,
        SourceType::AzureMonitor => azure_monitor::read,
        SourceType::GcpMonitoring => gcp_monitoring::read,
        SourceType::IncidentIo => incident_io::read,
        SourceType::SplunkOncall => splunk_oncall::read,
        SourceType::Dynatrace => dynatrace::read,
        SourceType::Zabbix => zabbix::read,
        SourceType::BetterStack => better_stack::read,
        SourceType::Statuspage => statuspage::read,
        SourceType::Github => github::read,
        SourceType::Cloudwatch => cloudwatch::read,
        SourceType::Nobl9 => nobl9::read,
        SourceType::Slack => slack::read,
    })
}

/// The group of alerts that a body is, of those senders that send groups. It is read by that, and any other body by [`reader`].
pub(crate) fn group(sender: SourceType, body: &Value) -> Option<Group> {
    match sender {
        SourceType::Alertmanager => Group::of(body, alertmanager::dress),
        SourceType::Grafana => Group::of(body, grafana::dress),
        _ => None,
    }
}

/// The body as its reader takes it: what CloudWatch says travels as text within the JSON of SNS.
pub(crate) fn opened(sender: SourceType, body: Value) -> Value {
    if sender == SourceType::Cloudwatch { cloudwatch::opened(body) } else { body }
}
