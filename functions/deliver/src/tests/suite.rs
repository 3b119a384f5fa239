//! What holds for every kind of outlet, from the message to what people see: the real handler and table, and the providers'
//! answers over HTTP.

mod edited;
mod killed;
mod limited;
mod standing;
mod troubled;

use std::time::Duration;

use domain::{
    AlertNoteSpec, EmailSpec, GitHubSpec, HookSpec, JiraSpec, OutletSpec, RunId, ServiceNowSpec, SlackSpec, TargetState,
};
use inbox::{Endpoint, Inbox, Moment, Posted, Service};
use outlets::Style;
use ports::Received;

use super::support::{World, pagerduty, world};

/// One kind of outlet, and what stands in for its provider.
struct Subject {
    spec: OutletSpec,
    service: Service,
    /// Where it posts, and where it edits.
    post: Endpoint,
    edit: Endpoint,
    /// What is removed to make the place of its posts vanish; empty where the provider cannot say that.
    place: &'static str,
    /// Whether an earlier post is found again, or known again by the receiver.
    found_again: bool,
}

/// One of each kind, in a world with `inbox`.
fn every(inbox: &Inbox) -> Vec<OutletSpec> {
    let at = |path: &str| format!("{}/{path}", inbox.url());
    let note = |api: &str| AlertNoteSpec { note: true, secret: None, api: Some(at(api)) };
    let webhook = domain::WebhookSpec { url: inbox.webhook("team"), secret: "hook-key".to_owned() };
    vec![
        OutletSpec::Slack(SlackSpec::channel("#ops")),
        OutletSpec::SlackWebhook(HookSpec { secret: "slack-hook".to_owned() }),
        pagerduty(),
        OutletSpec::Opsgenie(note("opsgenie")),
        OutletSpec::Jsm(note("jsm")),
        OutletSpec::Jira(JiraSpec { site: at("jira"), issue: "OPS-12".to_owned(), secret: None, public: false }),
        OutletSpec::ServiceNow(ServiceNowSpec {
            instance: at("servicenow"),
            incident: "INC0010001".to_owned(),
            secret: None,
        }),
        OutletSpec::GitHub(GitHubSpec {
            repository: "acme/checkout".to_owned(),
            issue: "7".to_owned(),
            secret: None,
            api: Some(at("github")),
        }),
        OutletSpec::Teams(HookSpec { secret: "teams-hook".to_owned() }),
        mail(),
        OutletSpec::Webhook(webhook),
    ]
}

pub fn mail() -> OutletSpec {
    let (to, from) = (vec!["oncall@example.com".to_owned()], "firstlook@example.com".to_owned());
    OutletSpec::Email(EmailSpec { to, from, region: None })
}

/// A new kind of outlet does not compile until it is here, and fails below until it is in [`every`] too.
fn subject(spec: OutletSpec) -> Subject {
    let alert = "Q2VJ1C2G2EXAMP";
    let (service, place, found_again) = match &spec {
        OutletSpec::Slack(_) => (Service::Slack, "ops", true),
        OutletSpec::SlackWebhook(_) => (Service::SlackWebhook, "team", false),
        OutletSpec::PagerDuty(_) => (Service::PagerDuty, alert, true),
        OutletSpec::Opsgenie(_) => (Service::Opsgenie, alert, true),
        OutletSpec::Jsm(_) => (Service::Jsm, alert, true),
        OutletSpec::Jira(_) => (Service::Jira, "OPS-12", true),
        OutletSpec::ServiceNow(_) => (Service::ServiceNow, "INC0010001", true),
        OutletSpec::GitHub(_) => (Service::GitHub, "acme/checkout#7", true),
        OutletSpec::Teams(_) => (Service::Teams, "team", false),
        OutletSpec::Email(_) => (Service::Email, "oncall@example.com", false),
        OutletSpec::Webhook(_) => (Service::Webhook, "", true),
    };
    let (post, edit) = match service {
        Service::Slack => (Endpoint::SlackPost, Endpoint::SlackUpdate),
        Service::PagerDuty => (Endpoint::PagerDutyPost, Endpoint::Unknown),
        Service::Webhook => (Endpoint::Webhook, Endpoint::Webhook),
        other => (Endpoint::Post(other), Endpoint::Edit(other)),
    };
    Subject { spec, service, post, edit, place, found_again }
}

#[tokio::test]
async fn no_kind_of_outlet_is_left_out() {
    let schema = schemars::schema_for!(OutletSpec);
    let kinds = schema.get("oneOf").and_then(serde_json::Value::as_array).unwrap();
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind["required"][0].as_str().unwrap()).collect();
    let known: Vec<&str> = every(&world().await.inbox).iter().map(OutletSpec::kind).collect();
    assert_eq!(known, kinds);
}

/// Makes a world for each kind and checks it there.
async fn each(check: impl AsyncFn(World, Subject)) {
    let kinds = every(&world().await.inbox).len();
    for kind in 0..kinds {
        let world = world().await;
        // The channel exists, whoever has posted there.
        world.inbox.say("ops", "hello");
        let spec = every(&world.inbox).swap_remove(kind);
        check(world, subject(spec)).await;
    }
}

impl Subject {
    fn name(&self) -> &'static str {
        self.spec.kind()
    }

    fn style(&self) -> Style {
        Style::of(&self.spec)
    }

    /// A run that has concluded, and the news of it.
    async fn concluded(&self, world: &World) -> (RunId, Received) {
        let run = world.open(std::slice::from_ref(&self.spec)).await;
        world.evidence(run).await;
        let last = world.conclude(run).await;
        (run, world.news(run, self.name(), last))
    }

    /// A run whose first findings stand, which has concluded since, and the news of that: of an edit, or of one more revision.
    /// Nothing where a kind is posted to once.
    async fn changed(&self, world: &World) -> Option<(RunId, Received)> {
        if self.style() == Style::OnceConcluded {
            return None;
        }
        let run = world.open(std::slice::from_ref(&self.spec)).await;
        world.evidence(run).await;
        world.handle(&world.news(run, self.name(), 2)).await.unwrap();
        let last = world.conclude(run).await;
        world.clock.forward(crate::BETWEEN_EDITS);
        Some((run, world.news(run, self.name(), last)))
    }

    /// How many posts there are when a run has changed: what is edited stays one.
    fn after_a_change(&self) -> usize {
        if self.style() == Style::EachRevision { 2 } else { 1 }
    }

    /// What people see of `run`: each post once, however often its receiver got it, and none that was deleted.
    fn seen(&self, world: &World, run: RunId) -> Vec<Posted> {
        let mut seen: Vec<Posted> = Vec::new();
        for post in world.inbox.posts() {
            let ours =
                post.service == self.service && !post.deleted && post.body.to_string().contains(&run.to_string());
            if ours && !seen.iter().any(|known| known.id == post.id) {
                seen.push(post);
            }
        }
        seen
    }

    /// The target shows the conclusion, and people see `posts` of the run.
    async fn stands(&self, world: &World, run: RunId, posts: usize) {
        let (name, revision) = (self.name(), world.revision(run).await);
        let target = world.target(run, name).await;
        assert_eq!((target.state, target.revision), (TargetState::Sent, revision), "{name}: {:?}", target.last_error);
        assert_eq!((target.attempts, target.lease, target.limited_since), (0, None, None), "{name}");
        let seen = self.seen(world, run);
        assert_eq!(seen.len(), posts, "{name}: {seen:?}");
        let newest = seen.last().unwrap().current().to_string();
        assert!(newest.contains("The last word"), "{name}: {newest}");
    }

    /// How long it is waited where the provider is asked to ask for `seconds`: SES never says how long.
    fn wait(&self, seconds: u64) -> Duration {
        Duration::from_secs(if self.service == Service::Email { 10 } else { seconds })
    }

    /// What a refusal with `status` says: AWS names it by a code.
    fn refusal(&self, status: u16) -> String {
        if self.service == Service::Email { "SES".to_owned() } else { status.to_string() }
    }

    /// How many posts there are when one may have been made before and the next try cannot see it.
    fn after_a_lost_answer(&self) -> usize {
        if self.found_again { 1 } else { 2 }
    }
}

/// Handles `news` and is killed at `moment` of its request to `endpoint`.
pub async fn killed_at(world: &World, news: &Received, endpoint: Endpoint, moment: Moment) {
    let mut arrivals = world.inbox.subscribe();
    tokio::select! {
        biased;
        () = async {
            loop {
                let arrival = arrivals.recv().await.unwrap();
                if (arrival.endpoint, arrival.moment) == (endpoint, moment) {
                    return;
                }
            }
        } => {}
        handled = world.handle(news) => panic!("it was not killed: {handled:?}"),
    }
}
