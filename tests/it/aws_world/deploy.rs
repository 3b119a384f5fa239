//! `infra/template.yaml`, deployed on an emulator.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use dynamo::DynamoTable;
use firstlook_aws::{AwsEnv, Clients, SqsQueues};
use ports::Queue;
use serde_json::Value;

use super::{
    api::{Api, REGION, ROOT, texts},
    build,
    emulator::{Emulator, EmulatorOptions, free_port},
};
use crate::support::proxy::Proxy;

/// The stack's name.
pub const STACK: &str = "firstlook";
const BUCKET: &str = "firstlook-deploys";
/// How long CloudFormation may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// What is deployed.
#[derive(Debug, Clone)]
pub struct Options {
    /// The compiled catalog.
    pub catalog: Vec<u8>,
    /// The keys of the secret.
    pub secret: Value,
    /// The template's parameters that are not left at their defaults.
    pub parameters: BTreeMap<&'static str, String>,
    /// Whether the emulator enforces the roles, and speaks TLS.
    pub auth: bool,
    /// Whether a [`Proxy`] stands between the functions and AWS. It does not speak TLS.
    pub proxy: bool,
}

impl Options {
    /// Deploys `catalog`, with timings that a test can wait for: a killed run goes on after two seconds, a message in
    /// nobody's hands comes back after so long that only the lease can have brought it.
    pub fn new(catalog: Vec<u8>, secret: Value) -> Self {
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        let parameters = [
            ("Architecture", architecture),
            // The emulator runs a function in the folder of its zip, which is not /var/task.
            ("CatalogPath", "catalog.json"),
            ("LeaseSeconds", "2"),
            ("InvestigateSeconds", "10"),
            ("InvestigateVisibilitySeconds", "900"),
            ("DeliverSeconds", "10"),
            ("DeliverVisibilitySeconds", "900"),
            ("DeletionProtection", "false"),
        ];
        let parameters = parameters.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        Self { catalog, secret, parameters, auth: false, proxy: false }
    }

    /// Sets a parameter of the template.
    pub fn parameter(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.parameters.insert(name, value.into());
        self
    }
}

/// A deployed stack. Its emulator ends with it.
pub struct Deployment {
    emulator: Emulator,
    proxy: Option<Proxy>,
    options: Options,
    outputs: BTreeMap<String, String>,
}

impl Deployment {
    /// Starts an emulator and deploys the template on it.
    pub async fn new(options: Options) -> Self {
        assert!(!(options.auth && options.proxy), "the proxy cannot read what is encrypted");
        let port = free_port();
        let proxy = if options.proxy { Some(Proxy::start(port).await) } else { None };
        let functions_call = proxy.as_ref().map(Proxy::url);
        let emulator = Emulator::start(&EmulatorOptions { auth: options.auth, functions_call, port: Some(port) }).await;
        let mut deployment = Self { emulator, proxy, options, outputs: BTreeMap::new() };
        let here = format!(
            "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        deployment.api().put(&format!("/{BUCKET}"), here.into_bytes()).await;
        deployment.deploy("CreateStack", "CREATE_COMPLETE").await;
        let secret = deployment.options.secret.clone();
        deployment.put_secret(&secret).await;
        deployment
    }

    /// Deploys again, with another catalog and nothing else changed.
    pub async fn change_catalog(&mut self, catalog: Vec<u8>) {
        self.options.catalog = catalog;
        self.deploy("UpdateStack", "UPDATE_COMPLETE").await;
    }

    /// Gives the secret this value; the one before becomes the previous one.
    pub async fn put_secret(&self, keys: &Value) {
        let request = self.clients().secrets_manager().put_secret_value();
        let put = request.secret_id(self.output("SecretArn")).secret_string(keys.to_string()).send().await;
        put.expect("a new version of the secret");
    }

    /// An output of the stack.
    pub fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("no output `{name}` in {:?}", self.outputs))
    }

    /// Where `path`, such as `/hooks/pagerduty`, is served.
    pub fn url(&self, path: &str) -> String {
        format!("{}/_aws/execute-api/{}/$default{path}", self.emulator.url(), self.output("ApiId"))
    }

    /// The way to the emulated AWS as its root user. Made anew each time: the connections of a client end with the
    /// runtime of the test that made it.
    pub fn clients(&self) -> Clients {
        clients_trusting(&self.emulator.url(), self.emulator.ca())
    }

    /// The same way for another process, as its environment.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        AwsEnv::NAMES
            .into_iter()
            .filter_map(|name| Some((name, variable(name, &self.emulator.url(), self.emulator.ca())?)))
            .collect()
    }

    /// A client for [`Deployment::url`].
    pub fn client(&self) -> reqwest::Client {
        super::client_trusting(self.emulator.ca().map(Path::to_owned)).expect("a client")
    }

    /// The stack's table.
    pub fn table(&self) -> DynamoTable {
        DynamoTable::new(&self.clients(), self.output("TableName"))
    }

    /// The stack's queues.
    pub fn queues(&self) -> SqsQueues {
        let url = |name: &str| self.output(name).to_owned();
        let urls = [
            (Queue::Investigate, url("InvestigateQueueUrl")),
            (Queue::InvestigateDlq, url("InvestigateDlqUrl")),
            (Queue::Deliver, url("DeliverQueueUrl")),
            (Queue::DeliverDlq, url("DeliverDlqUrl")),
        ];
        SqsQueues::new(self.clients().sqs(), urls)
    }

    /// The dead letters of the alarms' stack.
    pub async fn alarm_letters(&self) -> SqsQueues {
        SqsQueues::of_stack(self.clients().sqs(), STACK, &[Queue::AlarmsDlq]).await.expect("the queue")
    }

    /// What stands between the functions and AWS, if it was asked for.
    pub fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().expect("a deployment with a proxy")
    }

    /// What the emulator and the functions have logged, for whoever looks for why a test failed. Blocks.
    pub fn log(&self) -> String {
        let functions = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let mut lines = Vec::new();
                for function in build::FUNCTIONS {
                    lines.push(format!("\n-- {function}"));
                    lines.extend(self.api().log(&format!("/aws/lambda/{STACK}-{function}")).await);
                }
                lines.join("\n")
            })
        };
        // A runtime cannot be blocked on inside another one.
        let functions = std::thread::scope(|scope| scope.spawn(functions).join()).unwrap_or_default();
        format!("{}{functions}", self.emulator.log())
    }

    /// The folder in which the emulator and the functions run.
    pub fn folder(&self) -> &Path {
        self.emulator.folder()
    }

    /// Calls the APIs for which no client is linked.
    pub fn api(&self) -> Api {
        Api::new(self.emulator.url(), self.client())
    }

    /// Deploys `infra/observability.yaml` beside the stack. Its alarms tell the topic of this ARN; nobody where it is empty.
    pub async fn watch(&self, topic: &str) {
        let template = fs::read_to_string(build::workspace().join("infra/observability.yaml")).expect("the template");
        let parameters = [("ApiId", self.output("ApiId").to_owned()), ("Topic", topic.to_owned())];
        self.deploy_beside("watch", template, parameters).await;
    }

    /// Deploys the Schedules of the catalog beside the stack, as `firstlook render` writes them. What is due is due `at`: the
    /// emulator leaves the Scheduler's own words in the message as they are.
    pub async fn schedule(&self, at: &str) {
        let template = self.catalog().to_schedules();
        let word = "<aws.scheduler.scheduled-time>";
        assert!(template.contains(word), "{template}");
        self.deploy_beside("schedules", template.replace(word, at), []).await;
    }

    /// Deploys what investigate may ask of AWS and as whom deliver may send for `catalog`, as `firstlook render` writes it.
    pub async fn permit(&self, catalog: &catalog::Catalog) {
        let api = self.api();
        let name = format!("{STACK}-permissions");
        let roles = ["InvestigateRole", "DeliverRole"].map(|name| (name, self.output(name).to_owned()));
        let form = form(&name, catalog.to_permissions(), roles);
        api.cloudformation("CreateStack", &form).await.unwrap_or_else(|error| panic!("{error}"));
        self.wait_for(&api, &name, "CREATE_COMPLETE").await;
    }

    /// The catalog that is deployed.
    pub fn catalog(&self) -> catalog::Catalog {
        catalog::Catalog::from_compiled(&self.options.catalog).expect("the catalog")
    }

    /// Deploys a template that names what the stack has.
    async fn deploy_beside<const N: usize>(&self, what: &str, template: String, more: [(&'static str, String); N]) {
        let api = self.api();
        let name = format!("{STACK}-{what}");
        let parameters = [("Firstlook", STACK.to_owned())].into_iter().chain(more);
        let form = form(&name, template, parameters);
        api.cloudformation("CreateStack", &form).await.unwrap_or_else(|error| panic!("{error}"));
        self.wait_for(&api, &name, "CREATE_COMPLETE").await;
    }

    /// Deploys `infra/cloudwatch.yaml` beside the stack. Its alarm tells the topic of this ARN; nobody where it is empty.
    pub async fn take_alarms(&self, topic: &str) {
        let api = self.api();
        let template = fs::read_to_string(build::workspace().join("infra/cloudwatch.yaml")).expect("the template");
        let output = |name: &'static str| (name, self.output(name).to_owned());
        let topic = ("Topic", topic.to_owned());
        let parameters = [("Firstlook", STACK.to_owned()), output("IngestArn"), output("IngestRole"), topic];
        let name = format!("{STACK}-alarms");
        let form = form(&name, template, parameters);
        api.cloudformation("CreateStack", &form).await.unwrap_or_else(|error| panic!("{error}"));
        self.wait_for(&api, &name, "CREATE_COMPLETE").await;
    }

    /// Invokes ingest as AWS does with an event that nobody waits for, and gives the status.
    pub async fn invoke_ingest(&self, event: Vec<u8>) -> u16 {
        self.api().invoke(&format!("{STACK}-ingest"), "live", event).await
    }

    async fn deploy(&mut self, action: &str, wanted: &str) {
        let api = self.api();
        let mut template = fs::read_to_string(build::workspace().join("infra/template.yaml")).expect("the template");
        for (function, bootstrap) in build::FUNCTIONS.iter().zip(build::bootstraps().await) {
            let package = build::zip(function, bootstrap, &self.options.catalog);
            // As `sam deploy` does: named by what is in it, so that another content is another address.
            let key = format!("{function}-{}.zip", digest(&package));
            api.put(&format!("/{BUCKET}/{key}"), package).await;
            let local = format!("CodeUri: ../target/lambda/{function}/");
            assert!(template.contains(&local), "the template has no `{local}`");
            template = template.replace(&local, &format!("CodeUri: s3://{BUCKET}/{key}"));
        }
        let parameters = self.options.parameters.iter().map(|(name, value)| (*name, value.clone()));
        let form = form(STACK, template, parameters);
        api.cloudformation(action, &form).await.unwrap_or_else(|error| panic!("{error}"));
        let described = self.wait_for(&api, STACK, wanted).await;
        let keys = texts(&described, "OutputKey").into_iter().map(str::to_owned);
        let values = texts(&described, "OutputValue").into_iter().map(str::to_owned);
        self.outputs = keys.zip(values).collect();
    }

    async fn wait_for(&self, api: &Api, stack: &str, wanted: &str) -> String {
        let name = [("StackName".to_owned(), stack.to_owned())];
        let given_up = tokio::time::Instant::now() + PATIENCE;
        loop {
            let described = api.cloudformation("DescribeStacks", &name).await.unwrap_or_else(|error| panic!("{error}"));
            let status = texts(&described, "StackStatus").first().copied().unwrap_or_default().to_owned();
            if status == wanted {
                return described;
            }
            let under_way = status.ends_with("_IN_PROGRESS") && !status.contains("ROLLBACK");
            if !under_way || tokio::time::Instant::now() > given_up {
                let events = api.cloudformation("DescribeStackEvents", &name).await.unwrap_or_default();
                let reasons = texts(&events, "ResourceStatusReason").join("\n");
                panic!("{stack} is {status} and not {wanted}:\n{reasons}\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The parameters of CloudFormation's `CreateStack` and `UpdateStack`.
fn form(
    stack: &str,
    template: String,
    parameters: impl IntoIterator<Item = (&'static str, String)>,
) -> Vec<(String, String)> {
    let mut form = vec![("StackName".to_owned(), stack.to_owned()), ("TemplateBody".to_owned(), template)];
    for (n, capability) in ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"].iter().enumerate() {
        form.push((format!("Capabilities.member.{}", n + 1), (*capability).to_owned()));
    }
    for (n, (name, value)) in parameters.into_iter().enumerate() {
        form.push((format!("Parameters.member.{}.ParameterKey", n + 1), name.to_owned()));
        form.push((format!("Parameters.member.{}.ParameterValue", n + 1), value));
    }
    form
}

/// The way to an emulator as its root user.
pub fn clients(url: &str) -> Clients {
    clients_trusting(url, None)
}

fn clients_trusting(url: &str, ca: Option<&Path>) -> Clients {
    let env = AwsEnv::read(|name| variable(name, url, ca));
    firstlook_aws::connect(&env.expect("an environment")).expect("clients")
}

/// What leads the root user to the emulator at `url`.
fn variable(name: &str, url: &str, ca: Option<&Path>) -> Option<String> {
    match name {
        "AWS_REGION" => Some(REGION.to_owned()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some(ROOT.to_owned()),
        "AWS_ENDPOINT_URL" => Some(url.to_owned()),
        "AWS_CA_BUNDLE" => ca.map(|ca| ca.display().to_string()),
        _ => None,
    }
}

fn digest(bytes: &[u8]) -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
