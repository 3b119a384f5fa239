//! `dns`: one lookup, asked of the name servers themselves.
//!
//! Not of the system's resolver, which mixes in its hosts file, its search list and its cache. That a name does not
//! exist is an answer; that no server could say is a failure.

#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use catalog::model::{DnsRecord, DnsRun, Span};
use engine::{Answer, Called};
use hickory_resolver::{
    Resolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    lookup::Lookup,
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{Name, RData, Record, RecordType},
    },
    system_conf::read_system_conf,
};
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::common::{counted, elapsed_ms, limit, one_line};

/// How many answers are kept.
const ANSWERS: usize = 100;
/// How long one answer may be, in characters.
const ANSWER_CAP: usize = 1000;

/// Whom to ask.
pub(crate) struct NameServers {
    servers: Vec<NameServerConfig>,
    /// What to add to a failure, when they are not what was configured.
    remark: &'static str,
}

impl NameServers {
    /// These, or the system's when there are none. Read once: a look at a file does not belong into a call.
    pub(crate) fn new(given: &[SocketAddr]) -> Self {
        if !given.is_empty() {
            return Self { servers: given.iter().map(|address| server(*address)).collect(), remark: "" };
        }
        match read_system_conf() {
            Ok((config, _)) if !config.name_servers().is_empty() => {
                Self { servers: config.name_servers().to_vec(), remark: "" }
            }
            // resolv.conf(5): without the file, the server on this machine is asked. A public one would be told names
            // that are nobody else's business.
            _ => Self {
                servers: vec![server(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 53))],
                remark: ", since this machine's resolv.conf names no server",
            },
        }
    }

    fn in_words(&self) -> String {
        let addresses: Vec<_> = self.servers.iter().map(|server| server.ip.to_string()).collect();
        format!("{}{}", addresses.join(", "), self.remark)
    }
}

fn server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()]
        .into_iter()
        .map(|mut connection| {
            connection.port = address.port();
            connection
        })
        .collect();
    NameServerConfig::new(address.ip(), true, connections)
}

pub(crate) async fn call(servers: &NameServers, run: &DnsRun<String>) -> Called {
    let record = record_type(run.record);
    let request = json!({"name": run.name, "record": record.to_string()});
    let limit = limit(run.timeout);
    let answer = match timeout(limit, ask(servers, run, record, limit)).await {
        Ok(answer) => answer,
        Err(_) => Err(no_server(servers, limit)),
    };
    Called { request, answer }
}

async fn ask(
    servers: &NameServers,
    run: &DnsRun<String>,
    record: RecordType,
    limit: Duration,
) -> Result<Answer, String> {
    let name = name(&run.name)?;
    let config = ResolverConfig::from_parts(None, Vec::new(), servers.servers.clone());
    let mut options = ResolverOpts::default();
    options.use_hosts_file = ResolveHosts::Never;
    options.cache_size = 0;
    options.try_tcp_on_error = true;
    // A lost packet is asked for twice more within the limit.
    options.attempts = 2;
    options.timeout = limit / 3;
    let resolver = Resolver::builder_with_config(config, TokioRuntimeProvider::default())
        .with_options(options)
        .build()
        .map_err(|error| format!("the resolver cannot be set up: {error}"))?;
    let started = Instant::now();
    let found = resolver.lookup(name, record).await;
    let elapsed_ms = elapsed_ms(started);
    let (answers, code) = match found {
        Ok(found) => (texts(&found, record), code(found.message().metadata.response_code)),
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => (Vec::new(), code(none.response_code)),
        Err(NetError::Dns(DnsError::ResponseCode(refused))) => {
            return Err(format!("the name server answered {} (asked {})", code(refused), servers.in_words()));
        }
        Err(NetError::Timeout) => return Err(no_server(servers, limit)),
        Err(NetError::Io(error)) => {
            return Err(format!(
                "no name server could be asked: {} (tried {})",
                net::reason(&*error),
                servers.in_words()
            ));
        }
        Err(error) => {
            return Err(format!(
                "the lookup failed: {} (asked {})",
                one_line(&error.to_string(), 200),
                servers.in_words()
            ));
        }
    };
    let summary = match answers.as_slice() {
        [] if code == "NOERROR" => format!("{record} {} has no records", run.name),
        [] => format!("{record} {}: {code}", run.name),
        [first] => format!("{record} {} = {first}", run.name),
        [first, rest @ ..] => {
            format!("{record} {} = {first} and {}", run.name, counted(rest.len(), "more", "more"))
        }
    };
    let result = json!({
        "answers": answers,
        "code": code,
        "elapsed_ms": elapsed_ms,
    });
    Ok(Answer { summary: one_line(&summary, 300), result })
}

fn no_server(servers: &NameServers, limit: Duration) -> String {
    format!("no name server answered within {} (asked {})", Span(limit), servers.in_words())
}

/// The name, which is always a whole one: no search list is put behind it.
fn name(text: &str) -> Result<Name, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("the name is empty".to_owned());
    }
    if text.parse::<IpAddr>().is_ok() {
        return Err(format!("`{text}` is an address: a dns task looks up a name"));
    }
    let mut name = Name::from_str_relaxed(text).map_err(|error| {
        format!("`{}` is not a DNS name: {}", one_line(text, 100), one_line(&error.to_string(), 100))
    })?;
    name.set_fqdn(true);
    Ok(name)
}

fn record_type(record: DnsRecord) -> RecordType {
    match record {
        DnsRecord::A => RecordType::A,
        DnsRecord::Aaaa => RecordType::AAAA,
        DnsRecord::Cname => RecordType::CNAME,
        DnsRecord::Mx => RecordType::MX,
        DnsRecord::Ns => RecordType::NS,
        DnsRecord::Srv => RecordType::SRV,
        DnsRecord::Txt => RecordType::TXT,
    }
}

/// The code as `dig` writes it: `NOERROR`, `NXDOMAIN`, `SERVFAIL`.
fn code(code: ResponseCode) -> String {
    format!("{code:?}").to_uppercase()
}

/// The records that were asked for, as texts in an order that does not change from one answer to the next: servers
/// rotate theirs.
fn texts(found: &Lookup, record: RecordType) -> Vec<String> {
    let mut records: Vec<&Record> = found.answers().iter().filter(|answer| answer.record_type() == record).collect();
    records.sort_by_cached_key(|record| (preference(&record.data), text(&record.data)));
    let mut texts: Vec<_> = records.into_iter().map(|record| text(&record.data)).collect();
    texts.dedup();
    texts.truncate(ANSWERS);
    texts
}

fn preference(data: &RData) -> u16 {
    match data {
        RData::MX(exchange) => exchange.preference,
        RData::SRV(service) => service.priority,
        _ => 0,
    }
}

/// As a zone file would write it, names without their last dot.
fn text(data: &RData) -> String {
    let text = match data {
        // Its strings are one text, cut where a string could not be longer.
        RData::TXT(text) => text.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect(),
        other => other.to_string(),
    };
    let text = match data {
        RData::CNAME(_) | RData::MX(_) | RData::NS(_) | RData::SRV(_) => {
            text.strip_suffix('.').filter(|name| !name.is_empty() && !name.ends_with(' ')).unwrap_or(&text).to_owned()
        }
        _ => text,
    };
    one_line(&text, ANSWER_CAP)
}
