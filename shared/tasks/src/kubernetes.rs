//! `kubernetes`: what stands in a cluster, by its API (kubernetes.io/docs/reference/kubernetes-api). GET only.

mod eks;
mod logs;
mod pods;
mod seen;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use catalog::model::{Cluster, KubernetesRead, KubernetesRun};
use domain::Name;
use engine::{Answer, Called};
use jiff::Timestamp;
use net::AddressPolicy;
use ports::Clock;
use reqwest::Client;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout};

use crate::{
    api::{ANSWER_CAP, Api, Reply},
    aws::Cloud,
    common::{elapsed_ms, late, limit, one_line},
    http::Http,
    keys::Keys,
};

/// How many things a page of a list has, and how many pages are read.
const PAGE: &str = "500";
const PAGES: usize = 4;
/// How many things are kept of a list.
pub(crate) const KEPT: usize = 100;
/// How much of the server's own words is kept, in characters.
const WORDS: usize = 300;

/// What a 401 means for a Cluster with a secret.
const NO_TOKEN: &str = "the Cluster's secret is not a token that it takes";
/// What it means for one of EKS.
const NO_ENTRY: &str = "the role that asks has no access entry there, see docs/tasks/kubernetes.md";

/// Whose answers these are.
const WHOSE: &str = "the Kubernetes API";

/// The clusters of the catalog, and the client of each that has an authority of its own.
pub(crate) struct Clusters {
    clusters: BTreeMap<Name, Cluster>,
    clients: Mutex<HashMap<Name, Client>>,
    /// What AWS said of those of EKS.
    described: Mutex<HashMap<Name, eks::Described>>,
}

impl Clusters {
    pub(crate) fn new(clusters: BTreeMap<Name, Cluster>) -> Self {
        Self { clusters, clients: Mutex::default(), described: Mutex::default() }
    }

    fn described(&self) -> MutexGuard<'_, HashMap<Name, eks::Described>> {
        self.described.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client that trusts the cluster's authority, or the one of all where it has none.
    fn client(&self, http: &Http, cluster: &Cluster) -> Result<Client, String> {
        let Some(ca) = &cluster.ca else { return Ok(http.client.clone()) };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&cluster.name) {
            return Ok(client.clone());
        }
        let wrong = || format!("the `ca` of the Cluster `{}` is no certificate", cluster.name);
        let pem = if ca.contains("-----BEGIN") {
            ca.clone().into_bytes()
        } else {
            let packed: String = ca.chars().filter(|c| !c.is_whitespace()).collect();
            STANDARD.decode(packed).map_err(|_| wrong())?
        };
        let options = net::Options { policy: http.policy.clone(), only_ca: Some(pem), ..net::Options::default() };
        let client = net::client(&options).map_err(|_| wrong())?;
        clients.insert(cluster.name.clone(), client.clone());
        Ok(client)
    }
}

/// What was read: the fields of `result` but for `notes` and `elapsed_ms`, and for `unread` where all was read, and a line for people.
pub(crate) struct Read {
    pub(crate) summary: String,
    pub(crate) fields: Map<String, Value>,
    pub(crate) notes: Vec<String>,
}

pub(crate) async fn call(
    http: &Http,
    keys: &Keys,
    clock: &dyn Clock,
    clusters: &Clusters,
    cloud: &Cloud,
    run: &KubernetesRun<String>,
) -> Called {
    let limit = limit(run.timeout);
    let cluster = clusters.clusters.get(&run.cluster);
    let url = cluster.and_then(|cluster| cluster.url.clone()).unwrap_or_default();
    let mut request = json!({"method": "GET", "cluster": run.cluster, "url": url, "read": word(run.read)});
    if let (Some(shown), Some(eks)) = (request.as_object_mut(), cluster.and_then(|cluster| cluster.eks.as_ref())) {
        shown.insert("eks".to_owned(), json!(eks));
    }
    if let Some(shown) = request.as_object_mut() {
        let texts = [("namespace", &run.namespace), ("name", &run.name), ("container", &run.container)];
        shown.extend(texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), json!(text.as_ref()?)))));
        if !run.labels.is_empty() {
            shown.insert("labels".to_owned(), json!(run.labels));
        }
        if run.read == KubernetesRead::Logs {
            shown.insert("previous".to_owned(), json!(run.previous));
            shown.insert("lines".to_owned(), json!(run.lines));
        }
    }
    let Some(cluster) = cluster else {
        return Called { request, answer: Err(format!("the catalog has no Cluster `{}`", run.cluster)) };
    };
    let asked = async {
        let cluster = &clusters.found(cloud, cluster, limit).await?;
        let client = clusters.client(http, cluster)?;
        let whole = Whole { client: &client, policy: &http.policy, keys, now: clock.now(), cloud, cluster };
        ask(&whole, run, limit).await
    };
    let answer = match timeout(limit, asked).await {
        Ok(answer) => answer,
        Err(_) if url.is_empty() => Err(format!("the Cluster `{}` gave no whole answer within {limit:?}", run.cluster)),
        Err(_) => Err(late(&url, limit)),
    };
    Called { request, answer }
}

fn word(read: KubernetesRead) -> &'static str {
    match read {
        KubernetesRead::Workloads => "workloads",
        KubernetesRead::Pods => "pods",
        KubernetesRead::Events => "events",
        KubernetesRead::Logs => "logs",
        KubernetesRead::Nodes => "nodes",
    }
}

/// A cluster with all that a call to it takes.
struct Whole<'a> {
    client: &'a Client,
    policy: &'a AddressPolicy,
    keys: &'a Keys,
    now: Timestamp,
    cloud: &'a Cloud,
    cluster: &'a Cluster,
}

async fn ask(whole: &Whole<'_>, run: &KubernetesRun<String>, within: Duration) -> Result<Answer, String> {
    let Whole { client, policy, keys, now, cloud, cluster } = *whole;
    let url = cluster.url.as_deref().unwrap_or_default();
    let base = url.trim().parse().map_err(|error| format!("the Cluster's url is not a URL: {error}"))?;
    policy.check_url(&base).map_err(|refused| refused.to_string())?;
    let filter = Filter::of(run)?;
    let proof = match &cluster.eks {
        Some(eks) => Some(eks::proof(cloud, keys, eks, &base, within).await?),
        None => keys.proof(cluster.auth.as_ref(), policy, &base).await?,
    };
    let api = Api::new(client, policy, keys, base).with("accept", "application/json, */*")?.proven(proof);
    let started = Instant::now();
    let read = match run.read {
        KubernetesRead::Workloads => seen::workloads(&api, &filter, now).await,
        KubernetesRead::Pods => pods::pods(&api, &filter, now).await,
        KubernetesRead::Events => seen::events(&api, &filter).await,
        KubernetesRead::Logs => logs::logs(&api, &filter, run).await,
        KubernetesRead::Nodes => seen::nodes(&api, &filter, now).await,
    };
    let Read { summary, mut fields, notes } = read.map_err(|reason| match cluster.eks {
        Some(_) => reason.replace(NO_TOKEN, NO_ENTRY),
        None => reason,
    })?;
    fields.insert("notes".to_owned(), json!(notes));
    fields.entry("unread").or_insert_with(|| json!([]));
    fields.insert("elapsed_ms".to_owned(), json!(elapsed_ms(started)));
    Ok(Answer { summary, result: Value::Object(fields) })
}

/// What is asked for, checked: values of inputs are names and values of labels and nothing else (I8).
pub(crate) struct Filter {
    pub(crate) namespace: String,
    pub(crate) name: Option<String>,
    pub(crate) labels: String,
}

impl Filter {
    fn of(run: &KubernetesRun<String>) -> Result<Self, String> {
        let namespace = run.namespace.as_deref().unwrap_or_default();
        if run.read != KubernetesRead::Nodes {
            named("namespace", namespace)?;
        }
        for (what, text) in [("name", &run.name), ("container", &run.container)] {
            if let Some(text) = text {
                named(what, text)?;
            }
        }
        for (key, value) in &run.labels {
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            let long = value.len() > 63 || key.len() > 317;
            if long || !value.bytes().all(legal) || !key.bytes().all(|byte| legal(byte) || byte == b'/') {
                return Err(format!("`{}` is not a label and its value", one_line(&format!("{key}={value}"), 100)));
            }
        }
        let labels: Vec<String> = run.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        Ok(Self { namespace: namespace.to_owned(), name: run.name.clone(), labels: labels.join(",") })
    }

    /// Whether this name is the one that is asked for, or of what belongs to it.
    pub(crate) fn takes(&self, name: &str) -> bool {
        self.name
            .as_deref()
            .is_none_or(|wanted| name.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
    }

    /// The path of a list in the namespace, behind `prefix`.
    pub(crate) fn path<'p>(&'p self, prefix: &[&'p str], resource: &'p str) -> Vec<&'p str> {
        let mut path = prefix.to_vec();
        path.extend(["namespaces", self.namespace.as_str(), resource]);
        path
    }
}

/// A name of Kubernetes: RFC 1123, with dots.
fn named(what: &str, text: &str) -> Result<(), String> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if text.len() > 253 || !text.bytes().all(legal) || !(text.starts_with(ends) && text.ends_with(ends)) {
        return Err(format!("`{}` is not a {what} of Kubernetes", one_line(text, 100)));
    }
    Ok(())
}

/// A list of the API, and whether there is more of it than was read.
pub(crate) async fn list(
    api: &Api<'_>,
    path: &[&str],
    query: &[(&str, &str)],
    group: &str,
) -> Result<(Vec<Value>, bool), String> {
    let resource = path.last().copied().unwrap_or_default();
    let mut items = Vec::new();
    let mut go_on = String::new();
    for _ in 0..PAGES {
        let mut query: Vec<(&str, &str)> = query.iter().copied().filter(|(_, value)| !value.is_empty()).collect();
        query.push(("limit", PAGE));
        if !go_on.is_empty() {
            query.push(("continue", &go_on));
        }
        let reply = api.get(path, &query, ANSWER_CAP).await?;
        // The list has changed for too long since its first page: what was read stands.
        if reply.status == 410 && !items.is_empty() {
            return Ok((items, true));
        }
        let mut page: Value = good(&reply, "list", resource, group)?.json(WHOSE)?;
        let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) else {
            return Err(format!("{} answered {}, and not as {WHOSE} does", reply.place, reply.status));
        };
        items.extend(more);
        go_on = text(&page, "/metadata/continue").to_owned();
        if go_on.is_empty() {
            return Ok((items, false));
        }
    }
    Ok((items, true))
}

/// The reply, when it is no refusal; else what to do about that.
pub(crate) fn good<'r>(reply: &'r Reply, verb: &str, resource: &str, group: &str) -> Result<&'r Reply, String> {
    if reply.is_good() {
        return Ok(reply);
    }
    let place = &reply.place;
    let words = words(reply);
    let group = if group.is_empty() { String::new() } else { format!(" of the group `{group}`") };
    Err(match reply.status {
        401 => format!("{place} answered 401: {NO_TOKEN} ({words})"),
        403 => format!(
            "{place} answered 403: add `{verb}` on `{resource}`{group} to the role of the Cluster's account, see \
             docs/tasks/kubernetes.md ({words})"
        ),
        404 => format!("{place} answered 404: there is no such thing, or the Cluster's url is wrong ({words})"),
        429 => format!("{place} answered 429: the cluster takes no more requests for now ({words})"),
        status => format!("{place} answered {status}: {words}"),
    })
}

/// What the API says of a refusal: the message of a `Status`, else the beginning of the text.
pub(crate) fn words(reply: &Reply) -> String {
    let status: Option<Value> = serde_json::from_slice(&reply.bytes).ok();
    let message = status.as_ref().map(|status| text(status, "/message")).filter(|message| !message.is_empty());
    one_line(message.unwrap_or(&reply.text()), WORDS)
}

/// The text at a JSON pointer; empty without one.
pub(crate) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a JSON pointer; 0 without one, as the API leaves out zeros.
pub(crate) fn count(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// The list at a JSON pointer; empty without one.
pub(crate) fn items<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Whole seconds since the thing was made; null when it does not say.
pub(crate) fn age(value: &Value, now: Timestamp) -> Value {
    let made: Option<Timestamp> = text(value, "/metadata/creationTimestamp").parse().ok();
    made.map_or(Value::Null, |made| json!(now.as_second().saturating_sub(made.as_second()).max(0)))
}

/// The images of a pod's containers, or of a template's, at a pointer to the pod's spec.
pub(crate) fn images(value: &Value, spec: &str) -> Vec<String> {
    items(value, &format!("{spec}/containers")).iter().map(|one| text(one, "/image").to_owned()).collect()
}

/// The conditions at `/status/conditions`.
pub(crate) fn conditions(value: &Value) -> Vec<Value> {
    let conditions = items(value, "/status/conditions").iter().take(20);
    let shown = conditions.map(|one| {
        json!({
            "type": text(one, "/type"),
            "status": text(one, "/status"),
            "reason": text(one, "/reason"),
            "message": one_line(text(one, "/message"), WORDS),
        })
    });
    shown.collect()
}

/// Keeps the first of a list, and says what was left out.
pub(crate) fn keep(list: &mut Vec<Value>, what: &str, more: bool, notes: &mut Vec<String>) {
    if list.len() > KEPT {
        notes.push(format!("the first {KEPT} of {} {what} are kept", list.len()));
        list.truncate(KEPT);
    }
    if more {
        notes.push(format!("there are more {what} than were read"));
    }
}

/// Fields of a result.
pub(crate) fn fields<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
