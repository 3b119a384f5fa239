use std::time::Duration;

use inbox::{Endpoint, Fault, Service};

use super::{inbox, keys, open, post, views};
use crate::OutletError;

#[tokio::test]
async fn a_note_is_written_in_the_name_of_a_user_and_found_by_its_last_line() {
    let inbox = inbox().await;
    let target = views::pagerduty(Some("oncall@example.com"));
    let view = views::concluded();
    let outlet = open(&inbox, keys(), &target.spec.outlet).await.unwrap();
    let post = post(&view, &target);
    assert_eq!(outlet.find(&post).await.unwrap(), None);
    let id = outlet.post(&post).await.unwrap();
    assert_eq!(outlet.find(&post).await.unwrap(), Some(id.clone()));

    let posts = inbox.posts();
    assert_eq!((posts.len(), posts[0].service, posts[0].place.as_str()), (1, Service::PagerDuty, "Q2VJ1C2G2EXAMP"));
    let request = &inbox.requests()[1];
    assert_eq!(request.headers["from"], "oncall@example.com");
    assert_eq!(request.headers["accept"], "application/vnd.pagerduty+json;version=2");
    let mut second = views::pagerduty(None);
    second.spec.name = "pagerduty-2".to_owned();
    let other = super::post(&view, &second);
    assert_eq!(outlet.find(&other).await.unwrap(), None, "a second target of the run has a note of its own");
    let error = outlet.edit(&id, &post).await.unwrap_err();
    assert!(matches!(error, OutletError::Permanent { .. }), "{error:?}");
}

#[tokio::test]
async fn i4_a_note_whose_answer_was_lost_is_found_again() {
    for fault in [Fault::CloseAfterAccepting, Fault::StatusAfterAccepting(502)] {
        let inbox = inbox().await;
        let target = views::pagerduty(None);
        let view = views::hostile();
        let outlet = open(&inbox, keys(), &target.spec.outlet).await.unwrap();
        inbox.fault(Endpoint::PagerDutyPost, fault);
        let error = outlet.post(&post(&view, &target)).await.unwrap_err();
        assert!(matches!(error, OutletError::Ambiguous { .. }), "{error:?}");
        let found = outlet.find(&post(&view, &target)).await.unwrap();
        assert_eq!(found, Some(inbox.posts()[0].id.clone()));
    }
}

#[tokio::test]
async fn what_pagerduty_answers_is_told_apart() {
    let inbox = inbox().await;
    let target = views::pagerduty(None);
    let view = views::concluded();
    let outlet = open(&inbox, keys(), &target.spec.outlet).await.unwrap();
    let post = post(&view, &target);
    for (code, hint) in [
        (400, "`from`"),
        (401, "pagerduty-api-key"),
        (402, "plan"),
        (403, "read-only"),
        (404, "not there any more"),
        (422, "422"),
    ] {
        inbox.fault(Endpoint::PagerDutyPost, Fault::status(code, None));
        let error = outlet.post(&post).await.unwrap_err();
        assert!(matches!(&error, OutletError::Permanent { reason } if reason.contains(hint)), "{code}: {error:?}");
    }
    for (after, seconds) in [(Some(11), 11), (None, 60)] {
        for endpoint in [Endpoint::PagerDutyPost, Endpoint::PagerDutyList] {
            inbox.fault(endpoint, Fault::status(429, after));
        }
        let limited =
            OutletError::Limited { reason: "PagerDuty asks to wait".into(), wait: Duration::from_secs(seconds) };
        assert_eq!(outlet.post(&post).await.unwrap_err(), limited);
        assert_eq!(outlet.find(&post).await.unwrap_err(), limited);
    }
    inbox.fault(Endpoint::PagerDutyPost, Fault::status(500, None));
    assert!(matches!(outlet.post(&post).await.unwrap_err(), OutletError::Ambiguous { .. }));
    inbox.fault(Endpoint::PagerDutyList, Fault::status(500, None));
    assert!(matches!(outlet.find(&post).await.unwrap_err(), OutletError::Transient { .. }));
    inbox.fault(Endpoint::PagerDutyPost, Fault::Redirect(inbox.webhook("x")));
    assert!(matches!(outlet.post(&post).await.unwrap_err(), OutletError::Permanent { .. }));
    assert!(inbox.posts().is_empty());
    inbox.remove_incident("Q2VJ1C2G2EXAMP");
    let gone = outlet.post(&post).await.unwrap_err();
    assert!(matches!(&gone, OutletError::Permanent { reason } if reason.contains("Incident Not Found")), "{gone:?}");
}

#[tokio::test]
async fn i8_an_alert_cannot_choose_another_path() {
    let inbox = inbox().await;
    let target = views::pagerduty(None);
    let outlet = open(&inbox, keys(), &target.spec.outlet).await.unwrap();
    for id in ["", "../users", "P1/merge", "P1?x", "P1%2Fx", "P 1", &"P".repeat(65)] {
        let mut view = views::concluded();
        view.run.alert.as_mut().unwrap().external_id = id.to_owned();
        for error in [
            outlet.post(&post(&view, &target)).await.unwrap_err(),
            outlet.find(&post(&view, &target)).await.unwrap_err(),
        ] {
            assert!(matches!(error, OutletError::Permanent { .. }), "{error:?}");
        }
    }
    let mut view = views::concluded();
    view.run.alert = None;
    assert!(matches!(outlet.post(&post(&view, &target)).await.unwrap_err(), OutletError::Permanent { .. }));
    assert!(inbox.requests().is_empty());
}

#[tokio::test]
async fn a_rotated_key_is_read_again_and_used() {
    let inbox = inbox().await;
    let target = views::pagerduty(None);
    let rotated = keys();
    rotated.newer.lock().unwrap().insert(crate::pagerduty::API_KEY, vec!["pd-key-2"]);
    let outlet = open(&inbox, rotated, &target.spec.outlet).await.unwrap();
    inbox.fault(Endpoint::PagerDutyPost, Fault::status(401, None));
    outlet.post(&post(&views::concluded(), &target)).await.unwrap();
    assert_eq!((inbox.requests().len(), inbox.posts().len()), (2, 1));
}
