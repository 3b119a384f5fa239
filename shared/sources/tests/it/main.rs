//! What `sources` promises, shown on real captures (where they are at hand), on the project's own samples and on
//! arbitrary bytes.

#[cfg(test)]
mod alertmanager;
#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod azure_monitor;
#[cfg(test)]
mod better_stack;
#[cfg(test)]
mod captures;
#[cfg(test)]
mod cloudwatch;
#[cfg(test)]
mod datadog;
#[cfg(test)]
mod dynatrace;
#[cfg(test)]
mod gcp_monitoring;
#[cfg(test)]
mod github;
#[cfg(test)]
mod grafana;
#[cfg(test)]
mod incident_io;
#[cfg(test)]
mod newrelic;
#[cfg(test)]
mod nobl9;
#[cfg(test)]
mod opsgenie;
#[cfg(test)]
mod pagerduty;
#[cfg(test)]
mod reviewed;
#[cfg(test)]
mod schemes;
#[cfg(test)]
mod sentry;
#[cfg(test)]
mod slack;
#[cfg(test)]
mod sns;
#[cfg(test)]
mod splunk_oncall;
#[cfg(test)]
mod statuspage;
#[cfg(test)]
mod support;
#[cfg(test)]
mod webhook;
#[cfg(test)]
mod webhook_maps;
#[cfg(test)]
mod zabbix;
