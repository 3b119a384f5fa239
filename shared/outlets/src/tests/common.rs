//! What holds for every outlet that posts once, whatever its API looks like.

use std::time::Duration;

use domain::{
    AlertNoteSpec, EmailSpec, GitHubSpec, HookSpec, JiraSpec, OutletSpec, ServiceNowSpec, Shown, Taken, Target,
};
use inbox::{Endpoint, Fault, Inbox, Service};
use jiff::SignedDuration;

use super::{inbox, keys, post, views};
use crate::{Outlet, OutletError, Style};

/// One outlet, and what stands in for it.
pub(super) struct Subject {
    pub(super) inbox: Inbox,
    pub(super) target: Target,
    pub(super) service: Service,
    /// What is removed to make the target vanish.
    place: &'static str,
}

fn key(text: &str) -> String {
    text.to_owned()
}

/// A run whose alert has the ids that all of these look for.
pub(super) fn view() -> Shown {
    let mut view = views::concluded();
    let alert = view.run.alert.as_mut().unwrap();
    alert.external_id = "70413a06-38d6-4c85-92b8-5ebc900d42e2-1502709956288".to_owned();
    view
}

pub(super) async fn subjects() -> Vec<Subject> {
    let mut subjects = Vec::new();
    for service in [
        Service::SlackWebhook,
        Service::Opsgenie,
        Service::Jsm,
        Service::Jira,
        Service::ServiceNow,
        Service::GitHub,
        Service::Teams,
        Service::Email,
    ] {
        let inbox = inbox().await;
        let at = |path: &str| format!("{}/{path}", inbox.url());
        let note = |api: &str| AlertNoteSpec { note: true, secret: None, api: Some(at(api)) };
        let hook = || HookSpec { secret: "hook-url".to_owned() };
        let alert = "70413a06-38d6-4c85-92b8-5ebc900d42e2-1502709956288";
        let (spec, place) = match service {
            Service::SlackWebhook => (OutletSpec::SlackWebhook(hook()), "team"),
            Service::Opsgenie => (OutletSpec::Opsgenie(note("opsgenie")), alert),
            Service::Jsm => (OutletSpec::Jsm(note("jsm")), alert),
            Service::Jira => (
                OutletSpec::Jira(JiraSpec { site: at("jira"), issue: key("OPS-12"), secret: None, public: false }),
                "OPS-12",
            ),
            Service::ServiceNow => {
                let incident = key("INC0010001");
                let spec = ServiceNowSpec { instance: at("servicenow"), incident, secret: None };
                (OutletSpec::ServiceNow(spec), "INC0010001")
            }
            Service::GitHub => {
                let repository = "acme/checkout".to_owned();
                let spec = GitHubSpec { repository, issue: key("7"), secret: None, api: Some(at("github")) };
                (OutletSpec::GitHub(spec), "acme/checkout#7")
            }
            Service::Email => {
                let from = "firstlook@example.com".to_owned();
                let to = "oncall@example.com";
                (OutletSpec::Email(EmailSpec { to: vec![to.to_owned()], from, region: None }), to)
            }
            _ => (OutletSpec::Teams(hook()), "team"),
        };
        subjects.push(Subject { inbox, target: views::target(spec), service, place });
    }
    subjects
}

impl Subject {
    pub(super) async fn open(&self) -> Box<dyn Outlet> {
        let mut keys = keys();
        let path = self.target.spec.outlet.kind();
        let hook: &'static str = format!("{}/{path}/{}", self.inbox.url(), self.place).leak();
        for (name, value) in [
            ("opsgenie-api-key", "og-key"),
            ("jsm-api-key", "jsm-key"),
            ("jira-login", "bot@example.com:token"),
            ("servicenow-login", "firstlook:pass:word"),
            ("github-token", "gh-token"),
            ("hook-url", hook),
        ] {
            keys.cached.insert(name, vec![value]);
        }
        super::open(&self.inbox, keys, &self.target.spec.outlet).await.unwrap()
    }

    /// Whether it can be seen what stands there.
    fn can_be_read(&self) -> bool {
        !matches!(self.service, Service::SlackWebhook | Service::Teams | Service::Email)
    }

    fn edits(&self) -> bool {
        Style::of(&self.target.spec.outlet) == Style::Edited
    }
}

#[tokio::test]
async fn i4_what_was_posted_is_found_and_is_one() {
    for subject in subjects().await {
        let (outlet, view) = (subject.open().await, view());
        let post = post(&view, &subject.target);
        assert_eq!(outlet.find(&post).await.unwrap(), None, "{:?}", subject.service);
        let id = outlet.post(&post).await.unwrap();
        let posts = subject.inbox.posts();
        assert_eq!((posts.len(), posts[0].service, posts[0].place.as_str()), (1, subject.service, subject.place));
        let found = outlet.find(&post).await.unwrap();
        assert_eq!(found.is_some(), subject.can_be_read(), "{:?}", subject.service);
        if subject.edits() {
            assert_eq!(found, Some(id.clone()), "{:?}", subject.service);
        }
        let mut other = subject.target.clone();
        other.spec.name.push_str("-2");
        assert_eq!(outlet.find(&super::post(&view, &other)).await.unwrap(), None, "another target of the run");
    }
}

#[tokio::test]
async fn what_can_be_edited_is_edited_in_place_and_the_rest_is_not() {
    for subject in subjects().await {
        let outlet = subject.open().await;
        let (first, second) = (view(), views::resolved());
        let id = outlet.post(&post(&first, &subject.target)).await.unwrap();
        let edited = outlet.edit(&id, &post(&second, &subject.target)).await;
        let posts = subject.inbox.posts();
        assert_eq!(posts.len(), 1, "{:?}", subject.service);
        assert_eq!((edited.is_ok(), posts[0].edits.len()), (subject.edits(), usize::from(subject.edits())));
        if subject.edits() {
            outlet.edit(&id, &post(&second, &subject.target)).await.unwrap();
            let gone = outlet.edit("99999999", &post(&second, &subject.target)).await.unwrap_err();
            assert!(matches!(&gone, OutletError::Permanent { .. }), "{gone:?}: a person has deleted it");
        }
    }
}

#[tokio::test]
async fn i4_a_post_whose_answer_was_lost_is_ambiguous_and_found_again() {
    for fault in [Fault::CloseAfterAccepting, Fault::StatusAfterAccepting(502)] {
        for subject in subjects().await {
            let (outlet, view) = (subject.open().await, view());
            subject.inbox.fault(Endpoint::Post(subject.service), fault.clone());
            let error = outlet.post(&post(&view, &subject.target)).await.unwrap_err();
            assert!(matches!(error, OutletError::Ambiguous { .. }), "{:?}: {error:?}", subject.service);
            assert_eq!(subject.inbox.posts().len(), 1);
            let found = outlet.find(&post(&view, &subject.target)).await.unwrap();
            assert_eq!(found.is_some(), subject.can_be_read(), "{:?}", subject.service);
        }
    }
}

#[tokio::test]
async fn i4_the_mark_of_a_target_that_begins_the_mark_of_another_finds_nothing_there() {
    for subject in subjects().await {
        let (outlet, view) = (subject.open().await, view());
        let mut second = subject.target.clone();
        second.spec.name.push_str("-2");
        outlet.post(&post(&view, &second)).await.unwrap();
        let first = post(&view, &subject.target);
        assert_eq!(outlet.find(&first).await.unwrap(), None, "{:?}", subject.service);
        outlet.post(&first).await.unwrap();
        assert_eq!(subject.inbox.posts().len(), 2, "{:?}: each has its own", subject.service);
        let found = outlet.find(&first).await.unwrap();
        assert_eq!(found.is_some(), subject.can_be_read(), "{:?}", subject.service);
    }
}

#[tokio::test]
async fn i4_what_cannot_be_looked_up_is_sent_once_more_and_then_given_up() {
    for subject in subjects().await {
        let (outlet, view) = (subject.open().await, view());
        let mut target = subject.target.clone();
        target.in_doubt = 1;
        assert_eq!(outlet.find(&post(&view, &target)).await.unwrap(), None, "{:?}", subject.service);
        target.in_doubt = 2;
        let found = outlet.find(&post(&view, &target)).await;
        if subject.can_be_read() {
            assert_eq!(found.unwrap(), None, "{:?}: it was looked up", subject.service);
            continue;
        }
        let is_told = |reason: &str| reason.contains("to 2 m") && reason.contains("may have been");
        assert!(matches!(&found, Err(OutletError::Permanent { reason }) if is_told(reason)), "{found:?}");
    }
}

#[tokio::test]
async fn a_provider_that_asks_to_wait_is_waited_for() {
    for subject in subjects().await {
        let (outlet, view) = (subject.open().await, view());
        subject.inbox.fault(Endpoint::Post(subject.service), Fault::status(429, 11));
        let limited = outlet.post(&post(&view, &subject.target)).await.unwrap_err();
        // SES never says how long.
        let asked = Duration::from_secs(if subject.service == Service::Email { 10 } else { 11 });
        let wait = matches!(limited, OutletError::Limited { wait, .. } if wait == asked);
        assert!(wait, "{:?}: {limited:?}", subject.service);
        assert!(subject.inbox.posts().is_empty());
    }
}

#[tokio::test]
async fn what_is_refused_says_what_to_mend() {
    for subject in subjects().await {
        let (outlet, view) = (subject.open().await, view());
        for (status, permanent) in [(400, true), (401, true), (403, true), (404, true), (307, true), (503, false)] {
            let fault = match status {
                307 => Fault::Redirect(subject.inbox.webhook("elsewhere")),
                status => Fault::status(status, None),
            };
            subject.inbox.fault(Endpoint::Post(subject.service), fault);
            let error = outlet.post(&post(&view, &subject.target)).await.unwrap_err();
            let is_permanent = matches!(error, OutletError::Permanent { .. });
            assert_eq!(is_permanent, permanent, "{:?} {status}: {error:?}", subject.service);
            let said = error.to_string();
            // AWS says what is wrong with a request's keys by a code, and not by a status.
            let by_code = subject.service == Service::Email;
            assert!(by_code || said.contains(&status.to_string()), "{said}");
            assert!(
                !said.contains("aws-secret")
                    && !said.contains("og-key")
                    && !said.contains("token@")
                    && !said.contains("/team"),
                "{said}"
            );
        }
        assert!(subject.inbox.posts().is_empty());
    }
}

#[tokio::test]
async fn a_place_that_is_gone_is_a_failure_that_says_so() {
    for subject in subjects().await {
        let (outlet, view) = (subject.open().await, view());
        subject.inbox.remove_incident(subject.place);
        let error = outlet.post(&post(&view, &subject.target)).await.unwrap_err();
        assert!(matches!(error, OutletError::Permanent { .. }), "{:?}: {error:?}", subject.service);
    }
}

#[tokio::test]
async fn a_search_that_cannot_be_made_posts_nothing_on_a_guess() {
    for subject in subjects().await.into_iter().filter(Subject::can_be_read) {
        let (outlet, view) = (subject.open().await, view());
        for status in [403, 500] {
            subject.inbox.fault(Endpoint::List(subject.service), Fault::status(status, None));
            assert!(outlet.find(&post(&view, &subject.target)).await.is_err(), "{:?} {status}", subject.service);
        }
    }
}

#[tokio::test]
async fn i8_what_an_alert_names_is_a_ticket_or_nothing() {
    for subject in subjects().await.into_iter().filter(|subject| subject.target.spec.outlet.ticket().is_some()) {
        let (outlet, view) = (subject.open().await, view());
        for wrong in ["", "../../x", "OPS-1/../../x", "INC1^ORnumber=INC2", "7/../8", "7?x=1"] {
            let mut target = subject.target.clone();
            target.spec.outlet = target.spec.outlet.on(wrong.to_owned());
            let error = outlet.post(&post(&view, &target)).await.unwrap_err();
            assert!(matches!(&error, OutletError::Permanent { reason } if reason.contains("such as")), "{error:?}");
        }
        assert!(subject.inbox.requests().is_empty());
    }
}

#[tokio::test]
async fn a_note_that_opsgenie_took_and_could_not_write_is_a_failure() {
    for subject in subjects().await {
        if !matches!(subject.service, Service::Opsgenie | Service::Jsm) {
            continue;
        }
        let (outlet, view) = (subject.open().await, view());
        subject.inbox.fault(Endpoint::Status(subject.service), Fault::status(404, None));
        outlet.post(&post(&view, &subject.target)).await.unwrap();
        subject.inbox.remove_incident(subject.place);
        let error = outlet.post(&post(&view, &subject.target)).await.unwrap_err();
        assert!(matches!(&error, OutletError::Permanent { reason } if reason.contains("does not exist")), "{error:?}");
    }
}

#[tokio::test]
async fn i4_a_note_that_was_taken_is_asked_for_and_not_written_again_before_that_is_decided() {
    for subject in subjects().await {
        if !matches!(subject.service, Service::Opsgenie | Service::Jsm) {
            continue;
        }
        let (outlet, view) = (subject.open().await, view());
        let status = Endpoint::Status(subject.service);
        subject.inbox.fault(status, Fault::status(403, None));
        let taken = outlet.post(&post(&view, &subject.target)).await.unwrap_err();
        let OutletError::Taken { request, .. } = taken else { panic!("{taken:?}: it may be written by now") };
        assert_eq!(request, subject.inbox.posts()[0].id);
        let taken = |request: &str, ago: i64| {
            let at = super::now() - SignedDuration::from_mins(ago);
            Target { taken: Some(Taken { request: request.to_owned(), at }), ..subject.target.clone() }
        };
        let found = outlet.find(&post(&view, &taken(&request, 0))).await;
        assert_eq!(found.unwrap(), Some(request), "{:?}", subject.service);

        let mut other = taken("43a29c5c-3dbf-4fa4-9c26-0000000000ff", 9);
        other.spec.name.push_str("-2");
        // What has no `isSuccess` decides nothing either.
        for undecided in [404, 200] {
            subject.inbox.fault(status, Fault::status(undecided, None));
            let error = outlet.find(&post(&view, &other)).await.unwrap_err();
            assert!(matches!(&error, OutletError::Transient { .. }), "{:?}: {error:?}", subject.service);
        }
        subject.inbox.fault(status, Fault::status(429, 7));
        let limited = outlet.find(&post(&view, &other)).await.unwrap_err();
        assert!(matches!(limited, OutletError::Limited { .. }), "{:?}: {limited:?}", subject.service);
        let mut long = taken("43a29c5c-3dbf-4fa4-9c26-0000000000ff", 11);
        long.spec.name.push_str("-2");
        assert_eq!(outlet.find(&post(&view, &long)).await.unwrap(), None, "nobody waits for ever");
    }
}

#[tokio::test]
async fn a_work_note_that_servicenow_left_out_is_a_failure() {
    for subject in subjects().await {
        let mut target = subject.target.clone();
        let OutletSpec::ServiceNow(spec) = &mut target.spec.outlet else { continue };
        spec.incident = key(inbox::READ_ONLY);
        let subject = Subject { target, ..subject };
        let error = subject.open().await.post(&post(&view(), &subject.target)).await.unwrap_err();
        assert!(matches!(&error, OutletError::Permanent { reason } if reason.contains("work_notes")), "{error:?}");
    }
}
