//! E-mail: what of it no other outlet has.

use std::time::Duration;

use domain::{EmailSpec, OutletSpec, Shown, Target};
use inbox::{Endpoint, Fault, Inbox, Service};
use proptest::prelude::*;

use super::{LINK, inbox, keys, post, views};
use crate::{OpenOutlet, OutletError, Outlets, Post, email};

fn spec() -> EmailSpec {
    let to = ["oncall@example.com", "lead@example.com"].map(str::to_owned).into();
    EmailSpec { to, from: "firstlook@ops.example.com".to_owned(), region: Some("eu-west-1".to_owned()) }
}

fn target() -> Target {
    views::target(OutletSpec::Email(spec()))
}

async fn try_once(inbox: &Inbox, target: &Target) -> Result<String, OutletError> {
    let outlet = super::open(inbox, keys(), &target.spec.outlet).await.unwrap();
    outlet.post(&post(&views::concluded(), target)).await
}

#[tokio::test]
async fn a_mail_names_its_sender_its_readers_and_its_incident() {
    let inbox = inbox().await;
    let id = try_once(&inbox, &target()).await.unwrap();
    let posts = inbox.posts();
    assert_eq!((posts.len(), &posts[0].id), (1, &id));
    assert_eq!(posts[0].place, "oncall@example.com, lead@example.com");
    assert_eq!(posts[0].body["FromEmailAddress"], "Firstlook <firstlook@ops.example.com>");
    assert!(inbox.requests()[0].headers["x-amz-date"].starts_with("20270115T"), "it is signed");
}

#[tokio::test]
async fn what_ses_refuses_is_told_apart() {
    let target = target();
    for (said, mend) in [
        ("MessageRejected: Email address is not verified. The following identities failed", "in SES in eu-west-1"),
        ("MessageRejected: Transaction failed: virus found", "virus found"),
        ("MailFromDomainNotVerifiedException: m", "MX record"),
        ("AccountSuspendedException: m", "its support says why"),
        ("SendingPausedException: m", "resume it"),
        ("MessageRejected: Sending paused for this account.", "resume it"),
        ("AccessDeniedException: not authorized to perform `ses:SendEmail'", "firstlook render"),
        ("NotFoundException: Configuration set", "Configuration set"),
        ("BadRequestException: m", "m"),
    ] {
        let inbox = inbox().await;
        inbox.fault(Endpoint::Post(Service::Email), Fault::SlackError(said));
        let error = try_once(&inbox, &target).await.unwrap_err();
        assert!(matches!(&error, OutletError::Permanent { reason } if reason.contains(mend)), "{error:?}");
    }
    for (said, wait) in [
        ("TooManyRequestsException: Maximum sending rate exceeded.", 10),
        ("ThrottlingException: Daily message quota exceeded.", 900),
        ("LimitExceededException: m", 10),
    ] {
        let inbox = inbox().await;
        inbox.fault(Endpoint::Post(Service::Email), Fault::SlackError(said));
        let error = try_once(&inbox, &target).await.unwrap_err();
        let wait = Duration::from_secs(wait);
        assert!(matches!(&error, OutletError::Limited { wait: asked, .. } if *asked == wait), "{said}: {error:?}");
        assert_eq!(inbox.requests().len(), 1, "it is tried once and left to the queue");
    }
    let inbox = inbox().await;
    inbox.fault(Endpoint::Post(Service::Email), Fault::SlackError("ExpiredTokenException: m"));
    let error = try_once(&inbox, &target).await.unwrap_err();
    assert!(matches!(&error, OutletError::Transient { .. }), "{error:?}");
}

#[tokio::test]
async fn i4_a_mail_that_may_be_on_its_way_is_sent_once_more_and_says_so() {
    let (inbox, view) = (inbox().await, views::concluded());
    let mut target = target();
    let outlet = super::open(&inbox, keys(), &target.spec.outlet).await.unwrap();
    target.in_doubt = 1;
    assert_eq!(outlet.find(&post(&view, &target)).await.unwrap(), None);
    assert!(!email::text(&post(&view, &target)).contains("twice"));
    target.in_doubt = 2;
    assert!(email::text(&post(&view, &target)).starts_with("An earlier try"));
    assert!(email::html(&post(&view, &target)).contains("You may have it twice."));
    let error = outlet.find(&post(&view, &target)).await.unwrap_err();
    assert!(matches!(&error, OutletError::Permanent { reason } if reason.contains("may have been sent")), "{error:?}");
}

#[tokio::test]
async fn nobody_there_is_no_mail_and_no_answer_may_be_one() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (inbox, target) = (inbox().await, target());
    let outlets = Outlets::new(super::settings(&inbox), std::sync::Arc::new(keys())).unwrap();
    let missing = outlets.open(&target.spec.outlet).await.map(|_| ()).unwrap_err();
    assert!(matches!(&missing, OutletError::Permanent { reason } if reason.contains("credentials")), "{missing:?}");
    let outlet = outlets.with_aws(super::aws(&format!("http://{closed}"))).open(&target.spec.outlet).await.unwrap();
    let error = outlet.post(&post(&views::concluded(), &target)).await.unwrap_err();
    assert!(matches!(&error, OutletError::Transient { .. }), "{error:?}");
}

#[tokio::test]
async fn i8_an_address_that_is_not_one_is_not_sent_to() {
    let inbox = inbox().await;
    for wrong in ["a@example.com, b@example.com", "a@example.com\r\nBcc: b@example.com", "A <a@example.com>"] {
        for (to, from) in [(wrong, "f@example.com"), ("t@example.com", wrong)] {
            let spec = EmailSpec { to: vec![to.to_owned()], from: from.to_owned(), region: None };
            let target = views::target(OutletSpec::Email(spec));
            let error = try_once(&inbox, &target).await.unwrap_err();
            assert!(matches!(&error, OutletError::Permanent { .. }), "{error:?}");
        }
    }
    assert!(inbox.requests().is_empty());
}

fn header(view: &Shown, name: &str) -> String {
    let target = target();
    let body = email::render(&post(view, &target), &spec());
    let headers = body["Content"]["Simple"]["Headers"].as_array().unwrap().clone();
    let found = headers.iter().find(|header| header["Name"] == name).unwrap();
    found["Value"].as_str().unwrap().to_owned()
}

#[test]
fn mails_of_one_incident_answer_to_the_same() {
    let (one, again, mut other) = (views::concluded(), views::resolved(), views::concluded());
    assert_eq!(header(&one, "References"), header(&again, "References"));
    assert_eq!(header(&one, "References"), header(&one, "In-Reply-To"));
    assert!(header(&one, "References").ends_with(".incident@ops.example.com>"));
    other.run.alert.as_mut().unwrap().external_id = "x>\r\nBcc: <b@example.com".to_owned();
    let named = header(&other, "References");
    assert_ne!(named, header(&one, "References"));
    assert_eq!(named.len(), header(&one, "References").len());
}

fn tags(html: &str) -> Vec<String> {
    html.split('<').skip(1).map(|piece| piece.split(['>', ' ']).next().unwrap().to_owned()).collect()
}

fn is_safe(post: &Post<'_>) {
    let subject = email::subject(post);
    assert!(!subject.chars().any(char::is_control) && subject.chars().count() <= 150, "{subject:?}");
    let html = email::html(post);
    let known = [
        "!DOCTYPE", "html", "head", "meta", "title", "body", "div", "h1", "h2", "p", "b", "br", "span", "ul", "ol",
        "li", "a",
    ];
    for tag in tags(&html) {
        assert!(known.contains(&tag.trim_start_matches('/')), "{tag} in {html}");
    }
    for link in html.split("href=\"").skip(1) {
        let link = link.split('"').next().unwrap();
        assert!(link.starts_with("https://console.example.com/"), "{link}");
    }
    let inside = html.split('<').skip(1).map(|piece| piece.split('>').next().unwrap());
    for tag in inside.filter(|tag| !tag.starts_with('/')) {
        let loads = ["src=", "url(", "@import", " on", "background="].iter().any(|part| tag.contains(part));
        assert!(!loads, "{tag}");
    }
}

#[test]
fn nothing_from_an_alert_comes_alive_in_a_mail() {
    let mut view = views::hostile();
    view.run.title = "a\r\nBcc: evil@evil.example".to_owned();
    view.run.report.as_mut().unwrap().verdict =
        "<img src=x onerror=alert(1)> https://evil.example/x \"><a href=\"//evil.example\">\r\nBcc: a@evil.example"
            .to_owned();
    let target = target();
    let post = post(&view, &target);
    is_safe(&post);
    let html = email::html(&post);
    // In the body; a title is shown by no mail program as anything but text.
    let body = html.split("<body").nth(1).unwrap();
    assert!(!body.contains("evil.example") && !body.contains("https://evil"), "{body}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_text_stays_text_in_a_mail(text in "\\PC{0,300}", issues in 0_usize..20) {
        let mut view = views::gaps();
        view.run.title.clone_from(&text);
        let report = view.run.report.as_mut().unwrap();
        report.verdict.clone_from(&text);
        let mut one = report.issues[0].clone();
        one.issue.title.clone_from(&text);
        one.issue.details.clone_from(&text);
        one.issue.reproduce.clone_from(&text);
        report.issues = vec![one; issues];
        let target = target();
        is_safe(&post(&view, &target));
    }
}

#[test]
fn the_largest_mail_is_below_what_gmail_cuts_and_says_that_it_is_cut() {
    for unit in ["word ", "A sentence. ", "&", "🧑‍🚒", "תקלה "] {
        let (view, target) = (views::huge(unit), target());
        for link in [None, Some(LINK)] {
            let html = email::html(&Post { link, ..post(&view, &target) });
            assert!(html.len() < 102_000, "{} bytes of {unit}", html.len());
            assert_eq!(html.contains("Shortened: open the whole RunSession"), link.is_some());
            assert!(html.contains(" more</p>"));
        }
    }
}
