//! The whole output against the providers' servers: all is well, and each thing is wrong in its own way.

use std::{collections::BTreeMap, path::Path};

use ::inbox::{Inbox, ModelServer, Service, Wire};
use insta::assert_snapshot;

use super::*;

const CATALOG: &str = r##"
kind: Source
name: pagerduty
type: pagerduty
verify: { secret: pagerduty-signing }
---
kind: Source
name: tickets
type: webhook
verify: { secret: tickets-signing, scheme: standard-webhooks }
map: { external_id: body.id, title: body.title }
---
kind: Source
name: slack
type: slack
verify: { secret: slack-signing }
commands: [{ command: triage, channels: [C0ONCALL001] }]
---
kind: Source
name: alarms
type: cloudwatch
verify: { topics: ["arn:aws:sns:eu-central-1:123456789012:alarms"] }
---
kind: Cluster
name: prod
url: https://127.0.0.1:1
auth: { bearer: cluster-token }
---
kind: Task
name: latency
access: read-only
title: How slow it is
inputs: { prometheus: { type: url } }
run: { promql: { url: "${{ inputs.prometheus }}", query: up, auth: { basic: prometheus-login } } }
issues: [{ when: "result.series_total == 0", severity: 3, title: Nothing is up, next_steps: ["Look at it."] }]
---
kind: Task
name: lines
access: read-only
title: What it says
run: { loki: { url: "INBOX", query: '{app="checkout"}', range: { last: 15m } } }
issues: [{ when: "result.lines_total > 0", severity: 3, title: It complains, next_steps: ["Look at it."] }]
---
kind: Command
name: triage
description: Is it there
parameters: { prometheus: { type: url, default: "INBOX" } }
tasks:
  - { id: latency, task: latency, with: { prometheus: "${{ params.prometheus }}" } }
  - { id: lines, task: lines }
---
kind: Model
name: opus
provider: anthropic
id: claude-opus-4-1
url: "ANTHROPIC"
secret: anthropic-key
---
kind: Model
name: local
provider: openai
id: qwen3:32b
url: "OPENAI"
---
kind: Assistant
name: cathy
description: Reads what the checks found
model: opus
limits: { time: 1m }
---
kind: Assistant
name: carl
description: Reads what the checks found
model: local
limits: { time: 1m }
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage, assistant: cathy }
deliver:
  - slack: { channel: "#oncall" }
  - slack: { channel: C0MANAGERS1 }
  - pagerduty: { note: true, from: firstlook@example.com }
  - jira: { site: "INBOX/jira", issue: "${{ alert.labels.jira }}" }
  - webhook: { url: "INBOX/webhook", secret: team-hook }
---
kind: Workflow
name: tickets
trigger: { sources: [tickets] }
investigate: { command: triage, assistant: carl }
deliver:
  - slack: { channel: "#oncall" }
  - servicenow: { instance: "INBOX/servicenow", incident: "${{ alert.labels.snow }}" }
  - github: { repository: acme/checkout, issue: "12", api: "INBOX/github" }
  - teams: { secret: teams-url }
  - slack-webhook: { secret: team-slack }
"##;

/// What stands in the secret when all is well.
const SECRETS: [(&str, &str); 15] = [
    ("pagerduty-signing", "bG9uZ2VyIHRoYW4gdGhhdA"),
    ("tickets-signing", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ("slack-signing", "8f742231b10e8888abcd99yyyzzz85a5"),
    ("slack-bot-token", "xoxb-1-a"),
    ("pagerduty-api-key", "pd-key-1"),
    ("jira-login", "bot@example.com:word"),
    ("servicenow-login", "firstlook:word"),
    ("github-token", "ghp_x"),
    ("team-hook", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ("teams-url", "https://example.webhook.office.com/x"),
    ("team-slack", "https://hooks.slack.com/services/T0/B0/x"),
    ("prometheus-login", "reader:word"),
    ("anthropic-key", "sk-ant-1"),
    ("cluster-token", "eyJhbGciOi"),
    ("unused", "x"),
];

struct Stage {
    inbox: Inbox,
    models: ModelServer,
    /// One of the team's own, without a key.
    own: ModelServer,
    secrets: BTreeMap<String, String>,
}

impl Stage {
    async fn new() -> Self {
        let address = "127.0.0.1:0".parse().unwrap();
        let inbox = Inbox::start(address, Arc::new(SystemClock)).await.unwrap();
        inbox.open_channel("oncall");
        let models = ModelServer::start(address).await.unwrap();
        models.take_key("sk-ant-1");
        models.serve_models(&["claude-opus-4-1"]);
        let own = ModelServer::start(address).await.unwrap();
        own.serve_models(&["llama3:latest", "qwen3:32b"]);
        let secrets = SECRETS.map(|(key, value)| (FileSecrets::variable(key), value.to_owned()));
        Self { inbox, models, own, secrets: secrets.into() }
    }

    fn without(&mut self, key: &str) {
        self.secrets.remove(&FileSecrets::variable(key));
    }

    fn put(&mut self, key: &str, value: &str) {
        self.secrets.insert(FileSecrets::variable(key), value.to_owned());
    }

    /// The output for the local world, and that nothing but reads was asked for.
    async fn text(&self, catalog: &str) -> String {
        let groups = self.groups(catalog, true).await;
        let text = show::text(&groups, Style::Plain);
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
        text.replace(&self.inbox.address().to_string(), "INBOX")
    }

    async fn groups(&self, catalog: &str, here: bool) -> Vec<Group> {
        self.groups_of(catalog, here, None, None).await
    }

    async fn groups_of(&self, catalog: &str, here: bool, aws: Option<Aws>, stack: Option<&str>) -> Vec<Group> {
        let text = catalog
            .replace("INBOX", &self.inbox.url())
            .replace("ANTHROPIC", &self.models.url(Wire::Anthropic))
            .replace("OPENAI", &self.own.url(Wire::Openai));
        let loaded = ::catalog::load_texts([(Path::new("all.yaml"), text.as_str())]);
        let catalog = Arc::new(loaded.catalog.unwrap_or_else(|| panic!("{:#?}", loaded.problems)));
        let known = self.secrets.clone();
        let file = Path::new(".firstlook/secrets.json");
        let secrets = FileSecrets::with_environment("/nowhere/secrets.json", move |name| known.get(name).cloned());
        let secrets = Secrets::new(Arc::new(secrets), secrets::Place::File(file.to_owned()));
        let settings = Settings {
            slack_api: self.inbox.slack_api().parse().unwrap(),
            pagerduty_api: self.inbox.pagerduty_api().parse().unwrap(),
            inbox: None,
        };
        let Ok(doctor) = Doctor::new(catalog, secrets, settings, aws, stack.map(str::to_owned)) else {
            panic!("no doctor")
        };
        let groups = show::settled(run(doctor.groups()).await, here);
        let requests = self.inbox.requests();
        assert!(
            self.inbox.posts().is_empty() && self.models.calls().is_empty() && self.own.calls().is_empty(),
            "it did more than to look"
        );
        assert!(requests.iter().all(|request| request.method == "GET"), "{requests:#?}");
        groups
    }
}

#[tokio::test]
async fn i13_a_setup_that_is_well_is_said_to_be_and_only_read() {
    let stage = Stage::new().await;
    let catalog = CATALOG
        .replace("kind: Cluster\nname: prod\nurl: https://127.0.0.1:1\nauth: { bearer: cluster-token }\n---\n", "");
    let text = stage.text(&catalog).await;
    assert!(!text.contains("mend"), "{text}");
    assert_eq!((stage.models.looks(), stage.own.looks()), (1, 1));
    assert_snapshot!("well", text);
}

#[tokio::test]
async fn each_thing_that_is_wrong_has_its_own_mend() {
    let mut stage = Stage::new().await;
    stage.without("pagerduty-signing");
    stage.put("tickets-signing", "whsec_...");
    stage.put("team-hook", "not a key");
    stage.put("teams-url", "teams");
    stage.put("team-slack", "https://hooks.slack.com/triggers/T0/1/x");
    stage.put("anthropic-key", "sk-ant-2");
    stage.own.serve_models(&["llama3:latest"]);
    stage.put("servicenow-login", "firstlook");
    stage.without("prometheus-login");
    stage.inbox.grant(Service::Slack, &["chat:write", "channels:read", "groups:read", "channels:history"]);
    stage.inbox.leave_channel("C0MANAGERS1");
    stage.inbox.remove_channel("C0ONCALL001");
    stage.inbox.pagerduty_role("read_only_user");
    stage.inbox.deny("ADD_COMMENTS");
    stage.inbox.close("acme/checkout");
    let catalog = CATALOG.replace("run: { loki: { url: \"INBOX\"", "run: { loki: { url: \"http://127.0.0.1:1\"");
    let catalog = format!(
        "{catalog}---\nkind: Task\nname: pods\naccess: read-only\ntitle: How its pods are\n\
         run: {{ kubernetes: {{ cluster: prod, namespace: checkout, read: pods }} }}\n\
         issues: [{{ when: \"false\", severity: 3, title: None, next_steps: [\"Look at it.\"] }}]\n"
    );
    assert_snapshot!("wrong", stage.text(&catalog).await);
}

#[tokio::test]
async fn what_is_wrong_for_all_targets_of_a_kind_is_said_once() {
    let mut stage = Stage::new().await;
    stage.put("slack-bot-token", "xoxp-1");
    let groups = stage.groups(CATALOG, true).await;
    let of = |name: &str| {
        let group = groups.iter().find(|group| group.name == name).unwrap();
        group.checks.iter().map(|check| check.what.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of("Target slack #oncall"), ["secret `slack-bot-token` is a user's token and not the bot's"]);
    assert_eq!(of("Target slack C0MANAGERS1"), ["it was not looked at: mend what is said above first"]);
}

#[tokio::test]
async fn a_place_that_only_the_functions_may_reach_is_not_to_be_mended() {
    let stage = Stage::new().await;
    let catalog = CATALOG.replace("INBOX/webhook", "http://127.0.0.1:1/webhook");
    let standing = |groups: &[Group]| {
        let group = groups.iter().find(|group| group.name == "Target webhook 127.0.0.1:1").unwrap();
        group.checks.last().unwrap().clone()
    };
    let here = standing(&stage.groups(&catalog, true).await);
    assert!(matches!(&here.standing, Standing::Mend(advice) if advice.contains("connection refused")), "{here:?}");
    let elsewhere = standing(&stage.groups(&catalog, false).await);
    assert!(elsewhere.standing == Standing::CannotTell && elsewhere.what.contains("from here"), "{elsewhere:?}");
}

#[tokio::test]
async fn scripts_get_the_same_as_people() {
    let mut stage = Stage::new().await;
    stage.without("github-token");
    let groups = stage.groups(CATALOG, true).await;
    let json = show::json(&groups);
    let github = json["groups"]
        .as_array()
        .unwrap()
        .iter()
        .find(|group| group["name"] == "Target github acme/checkout 12" && group["of"] == "Workflow tickets");
    let check = &github.unwrap()["checks"][0];
    assert_eq!((&check["standing"], &check["what"]), (&"mend".into(), &"secret `github-token`: there is none".into()));
    assert!(check["mend"].as_str().unwrap().contains("FIRSTLOOK_SECRET_GITHUB_TOKEN"), "{check}");
    assert_eq!(json["mend"], 1, "{json:#}");
}

/// The catalog with these clusters of EKS, and a Task on each.
fn with_clusters(eks: &[&str]) -> String {
    let cluster = |name: &&str| {
        format!(
            "---\nkind: Cluster\nname: {name}\neks: {{ name: {name} }}\n---\nkind: Task\nname: pods-{name}\naccess: read-only\n\
             title: How its pods are\nrun: {{ kubernetes: {{ cluster: {name}, namespace: checkout, read: pods }} }}\n\
             issues: [{{ when: \"false\", severity: 3, title: None, next_steps: [\"Look at it.\"] }}]\n"
        )
    };
    let tasks = eks.iter().map(|name| format!("  - {{ id: {name}, task: pods-{name} }}\n")).collect::<String>();
    let catalog =
        CATALOG.replace("  - { id: lines, task: lines }\n", &format!("  - {{ id: lines, task: lines }}\n{tasks}"));
    catalog + &eks.iter().map(cluster).collect::<String>()
}

/// AWS where `app` answers for it.
pub(super) async fn aws_at(app: axum::Router) -> Aws {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let env = firstlook_aws::AwsEnv::read(|name| match name {
        "AWS_REGION" => Some("eu-central-1".to_owned()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("x".to_owned()),
        "AWS_ENDPOINT_URL" => Some(format!("http://{address}")),
        _ => None,
    });
    let env = env.unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    investigate::context::way_to_aws(&env, &clock).unwrap()
}

/// What AWS says of clusters: `shop` stands at `endpoint`, the others do not.
async fn eks(endpoint: String) -> Aws {
    let app = axum::Router::new().fallback(move |request: axum::http::Request<axum::body::Body>| {
        let endpoint = endpoint.clone();
        async move {
            let cluster = |said: serde_json::Value| (200, serde_json::json!({ "cluster": said }));
            let refused =
                |status, code: &str, said: &str| (status, serde_json::json!({ "__type": code, "message": said }));
            let (status, body) = match (request.method().as_str(), request.uri().path()) {
                ("GET", "/clusters/shop") => cluster(serde_json::json!({
                    "endpoint": endpoint, "certificateAuthority": { "data": "QQ==" }, "status": "ACTIVE",
                })),
                ("GET", "/clusters/new") => cluster(serde_json::json!({ "status": "CREATING" })),
                ("GET", "/clusters/kept") => refused(
                    403,
                    "AccessDeniedException",
                    "User: x is not authorized to perform: eks:DescribeCluster on resource: y",
                ),
                _ => refused(404, "ResourceNotFoundException", "No cluster found for name: gone."),
            };
            (axum::http::StatusCode::from_u16(status).unwrap(), axum::Json(body))
        }
    });
    aws_at(app).await
}

#[tokio::test]
async fn aws_is_asked_where_a_cluster_of_eks_is() {
    let stage = Stage::new().await;
    let catalog = with_clusters(&["shop", "new", "kept", "gone"]);
    let of = |groups: &[Group], name: &str| {
        let group = groups.iter().find(|group| group.name == "Tasks").unwrap();
        group.checks.iter().find(|check| check.what.contains(&format!("`pods-{name}`"))).unwrap().clone()
    };
    let nobody = stage.groups(&catalog, true).await;
    for name in ["shop", "new", "kept", "gone"] {
        let check = of(&nobody, name);
        assert!(check.standing == Standing::CannotTell && check.what.contains("no AWS credentials"), "{check:?}");
    }
    let aws = eks(format!("https://{}", stage.inbox.address())).await;
    let seen = stage.groups_of(&catalog, true, Some(aws), None).await;
    assert_eq!(of(&seen, "shop").standing, Standing::Ok, "{:?}", of(&seen, "shop"));
    assert!(of(&seen, "shop").what.contains("takes connections"), "{:?}", of(&seen, "shop"));
    for (name, word) in [("new", "CREATING"), ("kept", "eks:DescribeCluster")] {
        let check = of(&seen, name);
        assert!(check.standing == Standing::CannotTell && check.what.contains(word), "{check:?}");
    }
    let gone = of(&seen, "gone");
    assert!(matches!(&gone.standing, Standing::Mend(advice) if advice.contains("`region`")), "{gone:?}");
}

#[tokio::test]
async fn of_a_stack_it_is_said_that_nobody_looked_at_the_permissions() {
    let stage = Stage::new().await;
    let permissions = async |catalog: &str, stack: Option<&str>| {
        let groups = stage.groups_of(catalog, false, None, stack).await;
        groups.into_iter().find(|group| group.name == "Permissions").map(|group| group.checks)
    };
    let needing = with_clusters(&["shop"]);
    assert_eq!(permissions(CATALOG, Some("prod")).await, None, "it needs nothing of AWS");
    assert_eq!(permissions(&needing, None).await, None);
    let said = permissions(&needing, Some("prod")).await.unwrap();
    assert_eq!((said.len(), &said[0].standing), (1, &Standing::CannotTell));
    assert!(said[0].what.contains("target/lambda/permissions.yaml"), "{said:?}");
}
