//! Comments on tickets: who sees them, and what the trackers answer.

use std::time::Duration;

use domain::{GitHubSpec, JiraSpec, OutletSpec, Target};
use inbox::{Endpoint, Fault, Inbox, Service};
use serde_json::json;

use super::{inbox, keys, open, post, views};
use crate::{Outlet, OutletError};

/// A target of this kind, and its outlet.
async fn opened(inbox: &Inbox, spec: OutletSpec) -> (Target, Box<dyn Outlet>) {
    let mut keys = keys();
    keys.cached.insert("jira-login", vec!["bot@example.com:token"]);
    keys.cached.insert("github-token", vec!["gh-token"]);
    let target = views::target(spec);
    let outlet = open(inbox, keys, &target.spec.outlet).await.unwrap();
    (target, outlet)
}

async fn jira(inbox: &Inbox, public: bool) -> (Target, Box<dyn Outlet>) {
    let (site, issue) = (format!("{}/jira", inbox.url()), "OPS-12".to_owned());
    opened(inbox, OutletSpec::Jira(JiraSpec { site, issue, secret: None, public })).await
}

async fn github(inbox: &Inbox) -> (Target, Box<dyn Outlet>) {
    let (repository, api) = ("acme/checkout".to_owned(), Some(format!("{}/github", inbox.url())));
    opened(inbox, OutletSpec::GitHub(GitHubSpec { repository, issue: "7".to_owned(), secret: None, api })).await
}

#[tokio::test]
async fn a_limit_of_which_github_says_nothing_but_in_words_is_waited_out() {
    let inbox = inbox().await;
    let (target, outlet) = github(&inbox).await;
    let view = views::concluded();
    let id = outlet.post(&post(&view, &target)).await.unwrap();
    for message in [
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
        "You have triggered an abuse detection mechanism. Please wait a few minutes before you try again.",
    ] {
        for endpoint in [Endpoint::Post, Endpoint::Edit, Endpoint::List] {
            inbox.fault(endpoint(Service::GitHub), Fault::Says { status: 403, message });
        }
        let limited = OutletError::Limited { reason: "GitHub asks to wait".into(), wait: Duration::from_secs(60) };
        assert_eq!(outlet.post(&post(&view, &target)).await.unwrap_err(), limited);
        assert_eq!(outlet.edit(&id, &post(&view, &target)).await.unwrap_err(), limited);
        assert_eq!(outlet.find(&post(&view, &target)).await.unwrap_err(), limited);
    }
    let message = "Resource not accessible by integration";
    inbox.fault(Endpoint::Post(Service::GitHub), Fault::Says { status: 403, message });
    let refused = outlet.post(&post(&view, &target)).await.unwrap_err();
    assert!(matches!(&refused, OutletError::Permanent { reason } if reason.contains(message)), "{refused:?}");
}

#[tokio::test]
async fn i9_a_jira_comment_is_hidden_from_customers_also_after_an_edit_unless_the_team_shows_it() {
    for public in [false, true] {
        let inbox = inbox().await;
        let (target, outlet) = jira(&inbox, public).await;
        let view = views::concluded();
        let id = outlet.post(&post(&view, &target)).await.unwrap();
        outlet.edit(&id, &post(&view, &target)).await.unwrap();
        let posted = inbox.posts().remove(0);
        let said = json!([{ "key": "sd.public.comment", "value": { "internal": !public } }]);
        assert_eq!(posted.edits.len(), 1);
        assert_eq!((&posted.body["properties"], &posted.current()["properties"]), (&said, &said));
    }
}

#[tokio::test]
async fn what_is_answered_to_an_edit_is_told_apart_and_is_never_ambiguous() {
    for service in [Service::Jira, Service::GitHub] {
        let inbox = inbox().await;
        let (target, outlet) = if service == Service::Jira { jira(&inbox, false).await } else { github(&inbox).await };
        let view = views::concluded();
        let id = outlet.post(&post(&view, &target)).await.unwrap();
        let answered = async |fault: Fault| {
            inbox.fault(Endpoint::Edit(service), fault);
            outlet.edit(&id, &post(&view, &target)).await.unwrap_err()
        };
        for (seconds, wait) in [(Some(11), 11), (None, if service == Service::Jira { 30 } else { 60 })] {
            let limited = answered(Fault::status(429, seconds)).await;
            let asked = Duration::from_secs(wait);
            assert!(matches!(limited, OutletError::Limited { wait, .. } if wait == asked), "{service:?}: {limited:?}");
        }
        let elsewhere = Fault::Redirect(inbox.webhook("elsewhere"));
        let gone = if service == Service::Jira { "is not there any more" } else { "the comment is not there" };
        for (fault, word) in [
            (Fault::status(400, None), "400"),
            (Fault::status(401, None), target.spec.outlet.secret().unwrap()),
            (Fault::status(403, None), "403"),
            (Fault::status(404, None), gone),
            (Fault::status(410, None), "410"),
            (Fault::status(422, None), "422"),
            (elsewhere, "redirects are not followed"),
        ] {
            let refused = answered(fault).await;
            let said = matches!(&refused, OutletError::Permanent { reason } if reason.contains(word));
            assert!(said, "{service:?} {word}: {refused:?}");
        }
        assert!(inbox.posts()[0].edits.is_empty(), "{service:?}");
        for (edits, fault) in [
            (0, Fault::status(408, None)),
            (0, Fault::status(500, None)),
            (0, Fault::status(503, None)),
            (1, Fault::StatusAfterAccepting(502)),
            (2, Fault::CloseAfterAccepting),
        ] {
            let again = answered(fault).await;
            assert!(matches!(again, OutletError::Transient { .. }), "{service:?}: {again:?}");
            assert_eq!(inbox.posts()[0].edits.len(), edits, "{service:?}: twice does no harm");
        }
        outlet.edit(&id, &post(&view, &target)).await.unwrap();
        inbox.delete(&id);
        let deleted = outlet.edit(&id, &post(&view, &target)).await.unwrap_err();
        assert!(matches!(&deleted, OutletError::Deleted { .. }), "{service:?}: {deleted:?}");
        // The issue may not be seen any more, either: somebody may mend that.
        inbox.fault(Endpoint::List(service), Fault::status(404, None));
        let unseen = outlet.edit(&id, &post(&view, &target)).await.unwrap_err();
        let said = matches!(&unseen, OutletError::Permanent { reason } if reason.contains(gone));
        assert!(said && inbox.posts().len() == 1, "{service:?}: {unseen:?}");
    }
}
