//! How the setup of each outlet is seen: all good, and each fault with its own advice. Nothing is ever posted.

use domain::{
    AlertNoteSpec, EmailSpec, GitHubSpec, HookSpec, JiraSpec, OutletSpec, PagerDutySpec, ServiceNowSpec, SlackSpec,
    WebhookSpec,
};
use inbox::{Endpoint, Fault, Inbox, Service};
use insta::assert_snapshot;
use ports::{SetupCheck, Standing};

use super::{Keys, SIGNING, inbox, keys, now};
use crate::{OpenOutlet, Outlets};

/// One setup, and the keys that are other than they should be.
struct Case {
    name: &'static str,
    inbox: Inbox,
    spec: OutletSpec,
    keys: Keys,
}

async fn case(
    name: &'static str,
    set_up: impl FnOnce(&Inbox),
    spec: impl FnOnce(&Inbox) -> OutletSpec,
    keys: &[(&'static str, &'static str)],
) -> Case {
    let inbox = inbox().await;
    set_up(&inbox);
    let mut all = all_keys();
    for (name, key) in keys {
        all.cached.insert(name, vec![*key]);
    }
    let spec = spec(&inbox);
    Case { name, inbox, spec, keys: all }
}

fn all_keys() -> Keys {
    let mut all = keys();
    for (name, key) in [
        ("opsgenie-api-key", "og-key"),
        ("jsm-api-key", "jsm-key"),
        ("jira-login", "bot@example.com:token"),
        ("servicenow-login", "firstlook:word"),
        ("github-token", "github_pat_x"),
        ("hook-key", SIGNING),
        ("slack-url", "https://hooks.slack.com/services/T0/B0/x"),
        ("trigger-url", "https://hooks.slack.com/triggers/T0/1/x"),
        ("teams-url", "https://example.webhook.office.com/x"),
    ] {
        all.cached.insert(name, vec![key]);
    }
    all
}

fn lines(checks: &[SetupCheck], inbox: &Inbox) -> String {
    let line = |check: &SetupCheck| match &check.standing {
        Standing::Ok => format!("ok    {}\n", check.what),
        Standing::Mend(advice) => format!("mend  {}\n      {advice}\n", check.what),
        Standing::Unreachable(why) => format!("away  {}\n      {why}\n", check.what),
        Standing::CannotTell => format!("?     {}\n", check.what),
    };
    checks.iter().map(line).collect::<String>().replace(&inbox.address().to_string(), "ADDRESS")
}

async fn seen(case: Case) -> String {
    let outlets = Outlets::new(super::settings(&case.inbox), std::sync::Arc::new(case.keys)).unwrap();
    let outlets = outlets.with_aws(super::aws(&case.inbox.ses()));
    let found = outlets.open(&case.spec).await.unwrap().check(now()).await;
    reads_only(&case.inbox);
    format!("== {}\n{}", case.name, lines(&found, &case.inbox))
}

fn reads_only(inbox: &Inbox) {
    assert!(inbox.posts().is_empty(), "something was posted");
    let requests = inbox.requests();
    assert!(requests.iter().all(|request| request.method == "GET"), "{requests:#?}");
    assert!(requests.iter().all(|request| request.endpoint != Endpoint::Unknown), "{requests:#?}");
}

async fn all(cases: Vec<Case>) -> String {
    let mut text = Vec::new();
    for case in cases {
        text.push(seen(case).await);
    }
    text.join("\n")
}

const ID: &str = "C0CHECKOUT1";

fn slack(channel: &'static str) -> impl FnOnce(&Inbox) -> OutletSpec {
    move |_| OutletSpec::Slack(SlackSpec::channel(channel))
}

fn well(_: &Inbox) {}

#[tokio::test]
async fn slack_is_seen_by_its_token_its_scopes_and_its_channel() {
    let fault = |endpoint, fault: Fault| move |inbox: &Inbox| inbox.fault(endpoint, fault);
    let cases = vec![
        case("a channel by its name", |inbox| inbox.open_channel("ops"), slack("#ops"), &[]).await,
        case("a private channel by its name", |inbox| inbox.open_private_channel("ops"), slack("#ops"), &[]).await,
        case("a channel by its id", well, slack(ID), &[]).await,
        case("a token that is none", well, slack(ID), &[("slack-bot-token", "nothing")]).await,
        case("a token with a line break after it", well, slack(ID), &[("slack-bot-token", " xoxb-1\n")]).await,
        case(
            "a token with something in it that no header takes",
            well,
            slack(ID),
            &[("slack-bot-token", "xoxb-1\nxoxb-2")],
        )
        .await,
        case(
            "a token that was revoked",
            fault(Endpoint::SlackAuth, Fault::SlackError("token_revoked")),
            slack(ID),
            &[],
        )
        .await,
        case("scopes are missing", |inbox| inbox.grant(Service::Slack, &["channels:read"]), slack(ID), &[]).await,
        case(
            "only what a channel by its id needs",
            |inbox| inbox.grant(Service::Slack, &["chat:write", "channels:history"]),
            slack(ID),
            &[],
        )
        .await,
        case(
            "the same, and the bot is not in it",
            |inbox| {
                inbox.grant(Service::Slack, &["chat:write", "channels:history"]);
                inbox.leave_channel(ID);
            },
            slack(ID),
            &[],
        )
        .await,
        case(
            "a private one whose scope is missing",
            |inbox| {
                inbox.open_private_channel("ops");
                inbox.grant(Service::Slack, &["chat:write", "channels:read", "groups:read", "channels:history"]);
            },
            slack("#ops"),
            &[],
        )
        .await,
        case(
            "a private one by its id, whose scope is missing",
            |inbox| {
                inbox.open_private_channel(ID);
                inbox.grant(Service::Slack, &["chat:write", "channels:history"]);
            },
            slack(ID),
            &[],
        )
        .await,
        case(
            "only what a private one by its id needs",
            |inbox| {
                inbox.open_private_channel(ID);
                inbox.grant(Service::Slack, &["chat:write", "groups:history"]);
            },
            slack(ID),
            &[],
        )
        .await,
        case("neither scope to search with", |inbox| inbox.grant(Service::Slack, &["chat:write"]), slack(ID), &[])
            .await,
        case("the bot is not in it, by its id", |inbox| inbox.leave_channel(ID), slack(ID), &[]).await,
        case("the bot is not in it, by its name", |inbox| inbox.leave_channel("ops"), slack("#ops"), &[]).await,
        case("it is archived", |inbox| inbox.close(ID), slack(ID), &[]).await,
        case("there is none", |inbox| inbox.remove_channel(ID), slack(ID), &[]).await,
        case("a talk with one person", well, slack("D0PERSON01"), &[]).await,
        case(
            "a talk with one person, and its scope",
            |inbox| inbox.grant(Service::Slack, &["chat:write", "im:history"]),
            slack("D0PERSON01"),
            &[],
        )
        .await,
        case(
            "a rate limit",
            fault(Endpoint::SlackAuth, Fault::Status { status: 429, retry_after: Some(3) }),
            slack(ID),
            &[],
        )
        .await,
    ];
    assert_snapshot!("setup_slack", all(cases).await);
}

#[tokio::test]
async fn what_people_ask_for_in_slack_needs_scopes_of_its_own_and_the_bot_in_each_channel() {
    let mut text = String::new();
    for (name, scopes) in [("all", None), ("as a bot that only posts", Some(["chat:write", "channels:read"]))] {
        let inbox = inbox().await;
        if let Some(scopes) = scopes {
            inbox.grant(Service::Slack, &scopes);
        }
        inbox.leave_channel("C0OTHER0001");
        let outlets = Outlets::new(super::settings(&inbox), std::sync::Arc::new(all_keys())).unwrap();
        let found = outlets.check_chat(&[ID, "C0OTHER0001"], now()).await;
        reads_only(&inbox);
        text.push_str(&format!("== {name}\n{}\n", lines(&found, &inbox)));
    }
    assert_snapshot!("setup_slack_chat", text);
}

#[tokio::test]
async fn pagerduty_is_seen_by_its_key_and_the_user_of_its_notes() {
    let spec = |from: Option<&'static str>| {
        move |_: &Inbox| OutletSpec::PagerDuty(PagerDutySpec { note: true, from: from.map(str::to_owned) })
    };
    let look = Endpoint::Look(Service::PagerDuty);
    let status = |status| move |inbox: &Inbox| inbox.fault(look, Fault::Status { status, retry_after: None });
    let cases = vec![
        case("an account's key with a user", well, spec(Some("Firstlook@example.com")), &[]).await,
        case("a user's own key", well, spec(None), &[("pagerduty-api-key", "u+own")]).await,
        case("an account's key without a user", well, spec(None), &[]).await,
        case("a user that is not there", well, spec(Some("gone@example.com")), &[]).await,
        case(
            "a user that is a stakeholder",
            |inbox| inbox.pagerduty_role("read_only_user"),
            spec(Some("firstlook@example.com")),
            &[],
        )
        .await,
        case("a key that is refused", status(401), spec(None), &[]).await,
        case("a server that fails", status(503), spec(None), &[]).await,
    ];
    assert_snapshot!("setup_pagerduty", all(cases).await);
}

#[tokio::test]
async fn opsgenie_and_jsm_are_seen_by_their_key() {
    let spec = |kind: fn(AlertNoteSpec) -> OutletSpec, path: &'static str| {
        move |inbox: &Inbox| {
            kind(AlertNoteSpec { note: true, secret: None, api: Some(format!("{}/{path}", inbox.url())) })
        }
    };
    let status = |service, status| {
        move |inbox: &Inbox| inbox.fault(Endpoint::Look(service), Fault::Status { status, retry_after: None })
    };
    let cases = vec![
        case("good", well, spec(OutletSpec::Opsgenie, "opsgenie"), &[]).await,
        case("good, jsm", well, spec(OutletSpec::Jsm, "jsm"), &[]).await,
        case("a key that is refused", status(Service::Opsgenie, 403), spec(OutletSpec::Opsgenie, "opsgenie"), &[])
            .await,
        case("a plan without it", status(Service::Jsm, 402), spec(OutletSpec::Jsm, "jsm"), &[]).await,
    ];
    assert_snapshot!("setup_alert_notes", all(cases).await);
}

#[tokio::test]
async fn jira_is_seen_by_its_login_and_what_that_may() {
    let spec = |issue: &'static str| {
        move |inbox: &Inbox| {
            let site = format!("{}/jira", inbox.url());
            OutletSpec::Jira(JiraSpec { site, issue: issue.to_owned(), secret: None, public: false })
        }
    };
    let nowhere = |_: &Inbox| {
        let site = "http://127.0.0.1:1/".to_owned();
        OutletSpec::Jira(JiraSpec { site, issue: "OPS-12".to_owned(), secret: None, public: false })
    };
    let look = Endpoint::Look(Service::Jira);
    let cases = vec![
        case("an issue", well, spec("OPS-12"), &[]).await,
        case("what the alert names", well, spec("${{ alert.labels.jira }}"), &[]).await,
        case(
            "a login that is refused",
            move |inbox| inbox.fault(look, Fault::Status { status: 401, retry_after: None }),
            spec("OPS-12"),
            &[],
        )
        .await,
        case("permissions are missing", |inbox| inbox.deny("EDIT_OWN_COMMENTS"), spec("OPS-12"), &[]).await,
        case(
            "permissions are missing everywhere",
            |inbox| {
                inbox.deny("ADD_COMMENTS");
                inbox.deny("EDIT_OWN_COMMENTS");
            },
            spec("${{ alert.labels.jira }}"),
            &[],
        )
        .await,
        case("an issue that is not there", |inbox| inbox.remove_incident("OPS-12"), spec("OPS-12"), &[]).await,
        case(
            "another address",
            move |inbox| inbox.fault(look, Fault::Redirect("/login".to_owned())),
            spec("OPS-12"),
            &[],
        )
        .await,
        case("nobody is there", well, nowhere, &[]).await,
    ];
    assert_snapshot!("setup_jira", all(cases).await);
}

#[tokio::test]
async fn servicenow_is_seen_by_the_tables_that_its_user_reads() {
    let spec = |incident: &'static str| {
        move |inbox: &Inbox| {
            let instance = format!("{}/servicenow", inbox.url());
            OutletSpec::ServiceNow(ServiceNowSpec { instance, incident: incident.to_owned(), secret: None })
        }
    };
    let list = Endpoint::List(Service::ServiceNow);
    let cases = vec![
        case("an incident", well, spec("INC0010001"), &[]).await,
        case("what the alert names", well, spec("${{ alert.labels.snow }}"), &[]).await,
        case(
            "a login that is refused",
            move |inbox| inbox.fault(list, Fault::Status { status: 401, retry_after: None }),
            spec("INC0010001"),
            &[],
        )
        .await,
        case("no incidents", |inbox| inbox.deny("incident"), spec("INC0010001"), &[]).await,
        case("no journal", |inbox| inbox.deny("sys_journal_field"), spec("INC0010001"), &[]).await,
        case("an incident that is not there", |inbox| inbox.remove_incident("INC0010001"), spec("INC0010001"), &[])
            .await,
    ];
    assert_snapshot!("setup_servicenow", all(cases).await);
}

#[tokio::test]
async fn github_is_seen_by_its_repository_and_what_a_token_says_of_itself() {
    let spec = |issue: &'static str| {
        move |inbox: &Inbox| {
            OutletSpec::GitHub(GitHubSpec {
                repository: "acme/checkout".to_owned(),
                issue: issue.to_owned(),
                secret: None,
                api: Some(format!("{}/github", inbox.url())),
            })
        }
    };
    let look = Endpoint::Look(Service::GitHub);
    let classic = [("github-token", "ghp_x")];
    let cases = vec![
        case("a fine-grained token", well, spec("12"), &[]).await,
        case("a classic token", well, spec("${{ alert.labels.github }}"), &classic).await,
        case(
            "a classic token without the scope",
            |inbox| inbox.grant(Service::GitHub, &["read:user", "public_repo"]),
            spec("12"),
            &classic,
        )
        .await,
        case(
            "a token that is refused",
            move |inbox| inbox.fault(look, Fault::Status { status: 401, retry_after: None }),
            spec("12"),
            &[],
        )
        .await,
        case(
            "a limit that is told in words",
            move |inbox| {
                let message = "You have exceeded a secondary rate limit.";
                inbox.fault(look, Fault::Says { status: 403, message });
            },
            spec("12"),
            &[],
        )
        .await,
        case("a repository that is not seen", |inbox| inbox.remove_incident("acme/checkout"), spec("12"), &[]).await,
        case("a repository without issues", |inbox| inbox.deny("acme/checkout"), spec("12"), &[]).await,
        case("an archived repository", |inbox| inbox.close("acme/checkout"), spec("12"), &[]).await,
        case("a locked issue", |inbox| inbox.close("acme/checkout#12"), spec("12"), &[]).await,
        case("an issue that is not there", |inbox| inbox.remove_incident("acme/checkout#12"), spec("12"), &[]).await,
    ];
    assert_snapshot!("setup_github", all(cases).await);
}

#[tokio::test]
async fn webhooks_are_seen_as_far_as_nothing_is_posted() {
    let hook = |kind: fn(HookSpec) -> OutletSpec, key: &'static str| {
        move |_: &Inbox| kind(HookSpec { secret: key.to_owned() })
    };
    let webhook = |url: fn(&Inbox) -> String| {
        move |inbox: &Inbox| OutletSpec::Webhook(WebhookSpec { url: url(inbox), secret: "hook-key".to_owned() })
    };
    let cases = vec![
        case("an incoming webhook", well, hook(OutletSpec::SlackWebhook, "slack-url"), &[]).await,
        case("a workflow's trigger", well, hook(OutletSpec::SlackWebhook, "trigger-url"), &[]).await,
        case("a Teams workflow", well, hook(OutletSpec::Teams, "teams-url"), &[]).await,
        case("a receiver", well, webhook(|inbox| inbox.webhook("team")), &[]).await,
        case(
            "a receiver that speaks no TLS",
            well,
            webhook(|inbox| inbox.webhook("team").replace("http:", "https:")),
            &[],
        )
        .await,
        case("a receiver that is not there", well, webhook(|_| "http://127.0.0.1:1/team".to_owned()), &[]).await,
    ];
    assert_snapshot!("setup_webhooks", all(cases).await);
}

#[tokio::test]
async fn mail_is_seen_by_the_account_and_its_identities() {
    let mail = |from: &'static str| {
        move |_: &Inbox| {
            let to = vec!["oncall@example.com".to_owned(), "boss@example.org".to_owned()];
            OutletSpec::Email(EmailSpec { to, from: from.to_owned(), region: Some("eu-west-1".to_owned()) })
        }
    };
    let look = Endpoint::Look(Service::Email);
    let cases = vec![
        case("good", well, mail("look@example.com"), &[]).await,
        case(
            "by the domain above",
            |inbox| inbox.remove_incident("ops.example.com"),
            mail("look@ops.example.com"),
            &[],
        )
        .await,
        case(
            "the sandbox, and a recipient that is not verified",
            |inbox| {
                inbox.deny("production access");
                inbox.remove_incident("example.org");
            },
            mail("look@example.com"),
            &[],
        )
        .await,
        case("a sender that is not verified yet", |inbox| inbox.deny("example.com"), mail("look@example.com"), &[])
            .await,
        case("a sender that is none", |inbox| inbox.remove_incident("example.com"), mail("look@example.com"), &[])
            .await,
        case("sending is paused", |inbox| inbox.deny("sending"), mail("look@example.com"), &[]).await,
        case(
            "rights that are missing",
            move |inbox| inbox.fault(look, Fault::Status { status: 403, retry_after: None }),
            mail("look@example.com"),
            &[],
        )
        .await,
    ];
    assert_snapshot!("setup_email", all(cases).await);
}
