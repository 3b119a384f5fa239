//! `doctor`: how everything stands that the catalog names outside of itself, by requests that only read, and what to mend.

mod alarms;
mod doors;
mod endpoints;
mod schedules;
mod secrets;
mod senders;
mod show;
mod stack;
#[cfg(test)]
mod tests;

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use awscall::{Aws, AwsError, AwsRequest, Place};
use catalog::Catalog;
use domain::OutletSpec;
use local::FileSecrets;
use models::{Models, ModelsOptions};
use net::AddressPolicy;
use outlets::{OpenOutlet, Outlets, Settings};
use ports::{Clock, ReadSecret, SetupCheck, Standing, SystemClock};
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};

use crate::{
    catalogs,
    cli::Doctor as Args,
    failure::Failure,
    follow::Progress,
    out::{self, Style},
    stack::Stack,
    world,
};
use doors::Doors;
use secrets::{Form, Secrets};

/// How many things are looked at side by side.
const AT_ONCE: usize = 8;

/// How long one of them may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long one call of AWS may take.
const AWS_WITHIN: Duration = Duration::from_secs(10);

type Looking = Pin<Box<dyn Future<Output = Vec<SetupCheck>> + Send>>;

/// What belongs together.
pub struct Group {
    /// What it is: `Source pagerduty`.
    pub name: String,
    /// What of the catalog needs it, or of what kind it is; may be empty.
    pub of: String,
    jobs: Vec<Looking>,
    /// What was seen.
    pub checks: Vec<SetupCheck>,
}

impl Group {
    fn new(name: impl Into<String>, of: impl Into<String>) -> Self {
        Self { name: name.into(), of: of.into(), jobs: Vec::new(), checks: Vec::new() }
    }

    fn look(mut self, job: impl Future<Output = Vec<SetupCheck>> + Send + 'static) -> Self {
        self.jobs.push(Box::pin(job));
        self
    }
}

/// What is looked at, and by which ways.
struct Doctor {
    catalog: Arc<Catalog>,
    secrets: Arc<Secrets>,
    outlets: Arc<Outlets>,
    models: Arc<Models>,
    aws: Option<Aws>,
    clock: Arc<dyn Clock>,
    /// The name of the stack; none is the local world.
    stack: Option<String>,
    /// Where the stack is reached, if that is known.
    doors: Option<Doors>,
}

/// `firstlook doctor`.
pub async fn doctor(args: &Args) -> Result<(), Failure> {
    let catalog = catalogs::load(&args.catalog)?;
    let progress = Progress::begin("looking");
    let groups = match &args.world.stack {
        None => {
            let file = args.world.data.join("secrets.json");
            let secrets = Secrets::new(Arc::new(FileSecrets::new(&file)), secrets::Place::File(file));
            of_world(catalog, secrets, world::providers()?).await?
        }
        Some(name) => {
            let stack = Stack::connect(name)?;
            let aws = stack.way_to_aws()?;
            let seen = Box::pin(stack::look(&stack, &aws, args, &catalog)).await;
            let settings = match seen.settings {
                Some(settings) => settings,
                None => world::providers()?,
            };
            let doctor = Doctor::new(catalog, seen.secrets, settings, Some(aws), Some(name.clone()))?;
            let doctor = Doctor { doors: seen.doors, ..doctor };
            let mut groups = vec![seen.group];
            groups.extend(doctor.groups());
            run(groups).await
        }
    };
    drop(progress);
    let groups = show::settled(groups, args.world.stack.is_none());
    if args.json {
        out::print(&serde_json::to_string_pretty(&show::json(&groups))?)?;
    } else {
        out::print(&show::text(&groups, Style::of_stdout()))?;
    }
    let mended = |group: &&Group| group.checks.iter().any(|check| matches!(check.standing, Standing::Mend(_)));
    let faulty: Vec<&Group> = groups.iter().filter(mended).collect();
    if args.world.stack.is_none() && faulty.iter().any(|group| group.name.starts_with("Target ")) {
        out::say("note: `dev` needs no key of a target unless it is told --live: its inbox takes what they would get");
    }
    if faulty.is_empty() { Ok(()) } else { Err(Failure::Told) }
}

/// What is seen of the local world.
async fn of_world(catalog: Arc<Catalog>, secrets: Secrets, settings: Settings) -> Result<Vec<Group>, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let aws = match firstlook_aws::AwsEnv::from_process() {
        Ok(env) => Some(investigate::context::way_to_aws(&env, &clock)?),
        Err(_) => None,
    };
    let doctor = Doctor::new(catalog, secrets, settings, aws, None)?;
    Ok(run(doctor.groups()).await)
}

impl Doctor {
    fn new(
        catalog: Arc<Catalog>,
        secrets: Secrets,
        settings: Settings,
        aws: Option<Aws>,
        stack: Option<String>,
    ) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let secrets = Arc::new(secrets);
        let mut outlets = Outlets::new(settings, Arc::clone(&secrets) as Arc<dyn ReadSecret>)?;
        if let Some(aws) = &aws {
            outlets = outlets.with_aws(aws.clone());
        }
        let outlets = Arc::new(outlets);
        let of_models = ModelsOptions {
            secrets: Arc::clone(&secrets) as Arc<_>,
            clock: Arc::clone(&clock),
            aws: aws.clone(),
            extra_ca: None,
        };
        let models = Arc::new(Models::new(&catalog, of_models)?);
        Ok(Self { catalog, secrets, outlets, models, aws, clock, stack, doors: None })
    }

    fn groups(&self) -> Vec<Group> {
        let mut groups = self.sources();
        groups.extend(self.targets());
        groups.extend(self.tasks());
        groups.extend(self.models());
        groups
    }

    fn targets(&self) -> Vec<Group> {
        let mut targets: Vec<(&OutletSpec, Vec<String>)> = Vec::new();
        for (of, outlet) in world::outlets(&self.catalog) {
            match targets.iter_mut().find(|(known, _)| *known == outlet) {
                Some((_, all)) => all.push(of),
                None => targets.push((outlet, vec![of])),
            }
        }
        let group = |(outlet, of): (&OutletSpec, Vec<String>)| {
            let (spec, outlets, clock) = (outlet.clone(), Arc::clone(&self.outlets), Arc::clone(&self.clock));
            let secrets = Arc::clone(&self.secrets);
            let name = format!("Target {} {}", outlet.kind(), show::place(outlet));
            Group::new(name.trim_end(), of.join(", ")).look(async move {
                let mut found = Vec::new();
                let stands = match (Form::of_outlet(&spec), spec.secret()) {
                    (Some(form), Some(key)) => secrets.check(key, form, &mut found).await,
                    _ => true,
                };
                if stands {
                    match outlets.open(&spec).await {
                        Ok(outlet) => found.extend(outlet.check(clock.now()).await),
                        Err(error) => found.push(SetupCheck::mend("the target", error.to_string())),
                    }
                }
                found
            })
        };
        targets.into_iter().map(group).collect()
    }

    /// What Tasks need: keys, places that they ask, AWS.
    fn tasks(&self) -> Vec<Group> {
        let mut group = Group::new("Tasks", "");
        for (key, tasks) in self.catalog.task_secrets() {
            let (key, of, secrets) = (key.to_owned(), endpoints::names(&tasks), Arc::clone(&self.secrets));
            group = group.look(async move {
                let mut found = Vec::new();
                secrets.check_for(&key, &format!(" for {of}"), Form::Text, &mut found).await;
                found
            });
        }
        let policy = AddressPolicy::new(tasks::named_hosts(&self.catalog));
        for endpoint in endpoints::of(&self.catalog) {
            let policy = policy.clone();
            group = group.look(async move { vec![endpoint.check(&policy).await] });
        }
        for cluster in endpoints::of_eks(&self.catalog) {
            let (aws, policy) = (self.aws.clone(), policy.clone());
            group = group.look(async move { vec![cluster.check(aws.as_ref(), &policy).await] });
        }
        let mut groups = if group.jobs.is_empty() { vec![] } else { vec![group] };
        let needs = self.catalog.needs();
        if self.stack.is_some() && !(needs.own.is_empty() && needs.accounts.is_empty() && needs.mail.is_empty()) {
            let mut permissions = Group::new("Permissions", "for Tasks, Models and mail");
            permissions.checks.push(SetupCheck::cannot_tell(
                "whether the functions' roles have what this catalog needs of AWS: deploy target/lambda/permissions.yaml \
                 after each `firstlook render` that changes it (docs/deploy.md, Permissions)",
            ));
            groups.push(permissions);
        }
        // On a stack it is the role of investigate that asks, and not who looks.
        if self.stack.is_none() && !(needs.own.is_empty() && needs.accounts.is_empty()) {
            let aws = self.aws.clone();
            groups.push(Group::new("AWS", "for Tasks and Models").look(async move { vec![who(aws.as_ref()).await] }));
        }
        groups
    }

    fn models(&self) -> Vec<Group> {
        let group = |model: &catalog::model::Model| {
            let (model, models, secrets) = (model.clone(), Arc::clone(&self.models), Arc::clone(&self.secrets));
            let of = format!("{}, {}", model.provider.as_str(), model.id);
            Group::new(format!("Model {}", model.name), of).look(async move {
                let mut found = Vec::new();
                let stands = match &model.secret {
                    Some(key) => secrets.check(key, Form::Text, &mut found).await,
                    None => true,
                };
                if stands {
                    found.push(models.check(&model).await);
                }
                found
            })
        };
        self.catalog.models.values().map(group).collect()
    }
}

/// As whom AWS is asked from here.
async fn who(aws: Option<&Aws>) -> SetupCheck {
    let what = "the credentials in the environment";
    let Some(aws) = aws else {
        return SetupCheck::mend(
            what,
            "there are none, or no AWS_REGION; this puts your profile's there: eval \"$(aws configure export-credentials \
             --format env)\"",
        );
    };
    let request = AwsRequest::Query {
        service: "sts",
        signing: "sts",
        action: "GetCallerIdentity",
        version: "2011-06-15",
        params: &[],
    };
    match aws.call(&Place::default(), &request, AWS_WITHIN).await {
        Ok(answer) => {
            let arn = answer.body.get("Arn").and_then(serde_json::Value::as_str).unwrap_or_default();
            SetupCheck::ok(format!("{what} are {arn}"))
        }
        Err(AwsError::Unreachable { reason, .. }) => SetupCheck::unreachable(what, reason),
        Err(error @ (AwsError::Expired { .. } | AwsError::BadKeys { .. } | AwsError::NoCredentials)) => {
            SetupCheck::mend(what, error.to_string())
        }
        Err(error) => SetupCheck::cannot_tell(format!("{what}: {error}")),
    }
}

/// Looks at everything, so many at once.
async fn run(mut groups: Vec<Group>) -> Vec<Group> {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut looking = JoinSet::new();
    for (at, group) in groups.iter_mut().enumerate() {
        for (number, job) in std::mem::take(&mut group.jobs).into_iter().enumerate() {
            let room = Arc::clone(&room);
            looking.spawn(async move {
                // It is never closed.
                let _place = room.acquire().await;
                let found = timeout(PATIENCE, job).await.unwrap_or_else(|_| {
                    vec![SetupCheck::cannot_tell(format!("it did not answer within {} s", PATIENCE.as_secs()))]
                });
                (at, number, found)
            });
        }
    }
    let mut found: Vec<(usize, usize, Vec<SetupCheck>)> = Vec::new();
    while let Some(done) = looking.join_next().await {
        match done {
            Ok(done) => found.push(done),
            Err(error) => tracing::error!(error = ports::chain(&error), "a check ended without a word"),
        }
    }
    found.sort_by_key(|(at, number, _)| (*at, *number));
    for (at, _, checks) in found {
        if let Some(group) = groups.get_mut(at) {
            group.checks.extend(checks);
        }
    }
    groups
}
