use super::*;
use crate::testing::{At, Held, Server, answer, loopback, serve, stalled};

const NOW: &str = "2026-03-08T12:00:00Z";

fn run(url: String) -> PagerdutyRun<String> {
    serde_json::from_value(json!({"incident": "Q1ABC", "secret": "pd", "url": url, "timeout": "20s"})).unwrap()
}

async fn ask_it(run: &PagerdutyRun<String>) -> Called {
    let keys = Held::keys([("pd", &["the-pd-key"])]);
    keys.hide(call(&Http::new(loopback(), None).unwrap(), &keys, &At::new(NOW), run).await)
}

const INCIDENT: &str = r#"{"incident":{"id":"Q1ABC","incident_number":7,"title":"checkout is down","status":"triggered",
 "urgency":"high","priority":{"summary":"P1"},"service":{"id":"PSVC","summary":"Checkout"},
 "created_at":"2026-03-08T11:58:00Z","html_url":"https://x.pagerduty.com/incidents/Q1ABC"}}"#;
const ALERTS_BODY: &str = r#"{"alerts":[{"id":"A1","summary":"5xx","severity":"critical","status":"triggered","alert_key":"k",
 "created_at":"2026-03-08T11:58:00Z","body":{"details":{"pod":"a","rate":3.0},"cef_details":{"source_origin":"lb-1"}}}],"more":false}"#;
const CHANGES: &str = r#"{"change_events":[{"summary":"deploy 42","source":"ci","timestamp":"2026-03-08T11:50:00Z",
 "links":[{"href":"https://ci.example/42"}],"correlation_reason":{"reason":"most_recent"}}]}"#;

fn path(request: &str) -> &str {
    request.split(' ').nth(1).unwrap_or_default()
}

async fn pagerduty() -> Server {
    serve(|request| {
        let body = match path(request) {
            "/incidents/Q1ABC" => INCIDENT.to_owned(),
            one if one.starts_with("/incidents/Q1ABC/alerts?") => ALERTS_BODY.to_owned(),
            one if one.starts_with("/incidents/Q1ABC/related_change_events?") => CHANGES.to_owned(),
            one if one.contains("&offset=0") => json!({"more": true, "incidents": [
                {"id": "Q1ABC", "title": "checkout is down"}, {"id": "Q0", "incident_number": 5, "title": "checkout is down"},
            ]})
            .to_string(),
            _ => json!({"more": false, "incidents": [{"id": "Q2", "title": "slow"}]}).to_string(),
        };
        answer("200 OK", &[("content-type", "application/json")], body)
    })
    .await
}

#[tokio::test]
async fn the_alerts_the_repeats_and_the_changes_are_told() {
    let server = pagerduty().await;
    let called = ask_it(&run(server.url("/"))).await;
    let answer = called.answer.unwrap();
    assert_eq!(
        answer.summary,
        "checkout is down: 1 alert; 2 incidents before it, 1 with the same title; 1 related change"
    );
    let result = answer.result;
    assert_eq!(
        result["incident"],
        json!({"id": "Q1ABC", "number": 7, "title": "checkout is down", "status": "triggered", "urgency": "high",
            "created_at": "2026-03-08T11:58:00Z", "url": "https://x.pagerduty.com/incidents/Q1ABC", "priority": "P1",
            "service": "Checkout", "service_id": "PSVC"})
    );
    assert_eq!(
        result["alerts"],
        json!([{"id": "A1", "summary": "5xx", "severity": "critical", "status": "triggered", "key": "k",
            "created_at": "2026-03-08T11:58:00Z", "source": "lb-1", "details": {"pod": "a", "rate": 3}}])
    );
    assert_eq!(
        (&result["recent_total"], &result["repeats"], &result["recent"][0]["same_title"]),
        (&json!(2), &json!(1), &json!(true))
    );
    assert_eq!(
        result["changes"],
        json!([{"summary": "deploy 42", "source": "ci", "at": "2026-03-08T11:50:00Z", "url": "https://ci.example/42",
            "reason": "most_recent"}])
    );
    assert_eq!(result["notes"], json!([]));
    let recent = server.requests().into_iter().find(|one| one.contains("service_ids")).unwrap();
    assert!(
        recent.contains("service_ids%5B%5D=PSVC&since=2026-03-01T12%3A00%3A00Z&until=2026-03-08T12%3A00%3A00Z"),
        "{recent}"
    );
}

#[tokio::test]
async fn i7_every_request_is_a_get_with_the_key_and_i9_the_key_is_not_kept() {
    let server = serve(|request| {
        let echoed = format!(r#"{{"incident":{{"id":"Q1ABC","title":"{}"}},"alerts":[]}}"#, "the-pd-key");
        assert!(!request.is_empty());
        answer("200 OK", &[], echoed)
    })
    .await;
    let called = ask_it(&run(server.url(""))).await;
    assert!(!format!("{called:?}").contains("the-pd-key"), "{called:?}");
    assert_eq!(called.request["auth"], json!("token, by the key pd"));
    for request in server.requests() {
        assert!(
            request.starts_with("GET ") && request.contains("authorization: Token token=the-pd-key\r\n"),
            "{request}"
        );
        assert!(request.contains("accept: application/vnd.pagerduty+json;version=2\r\n"));
    }
}

#[tokio::test]
async fn what_the_plan_or_the_key_does_not_have_is_a_note() {
    let server = serve(|request| match path(request) {
        "/incidents/Q1ABC" => answer("200 OK", &[], INCIDENT),
        one if one.contains("related_change_events") => {
            answer("402 Payment Required", &[], r#"{"error":{"message":"AIOps"}}"#)
        }
        one if one.contains("/alerts") => answer("403 Forbidden", &[], ""),
        _ => answer("429 Too Many Requests", &[("ratelimit-reset", "42")], ""),
    })
    .await;
    let result = ask_it(&run(server.url(""))).await.answer.unwrap().result;
    let unread: Vec<&str> = result["unread"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    for (note, said) in unread.iter().zip([
        "403: the API key may not read this",
        "429: the rate limit is used up for 42 s",
        "402: the account's plan does not have it (AIOps)",
    ]) {
        assert!(note.contains(said), "{note}");
    }
    assert_eq!((unread.len(), &result["alerts"], &result["repeats"]), (3, &json!([]), &json!(0)));
}

#[tokio::test]
async fn without_the_incident_there_is_no_answer() {
    for (status, body, said) in [
        ("401 Unauthorized", "", "is not an API key that it takes"),
        ("403 Forbidden", "", "the API key may not read this"),
        (
            "404 Not Found",
            r#"{"error":{"message":"Not Found"}}"#,
            "there is no such incident in this account (Not Found)",
        ),
        ("429 Too Many Requests", "", "the rate limit is used up"),
        ("500 Internal Server Error", "oh\nno", "answered 500: oh no"),
        ("200 OK", "<html>", "not as the PagerDuty API does"),
    ] {
        let server = serve(move |_| answer(status, &[("content-type", "text/html")], body)).await;
        let reason = ask_it(&run(server.url(""))).await.answer.unwrap_err();
        assert!(reason.contains(said), "{reason}");
    }
}

#[tokio::test]
async fn i8_an_incident_is_an_id_and_nothing_else() {
    let server = pagerduty().await;
    for bad in ["", "../users", "Q1/alerts", "Q1?x", "Q 1"] {
        let elsewhere = PagerdutyRun { incident: bad.to_owned(), ..run(server.url("")) };
        assert!(ask_it(&elsewhere).await.answer.unwrap_err().contains("is not the id of an incident"));
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn details_of_any_size_and_endless_pages_have_bounds_and_a_slow_answer_is_not_waited_for() {
    let server = serve(|request| {
        if path(request).contains("/alerts") {
            let alert = json!({"id": "A", "body": {"details": {"x": "y".repeat(40_000)}}});
            return answer("200 OK", &[], json!({"alerts": vec![alert; 30], "more": true}).to_string());
        }
        answer("200 OK", &[], INCIDENT)
    })
    .await;
    let result = ask_it(&run(server.url(""))).await.answer.unwrap().result;
    assert_eq!((result["alerts"].as_array().unwrap().len(), &result["alerts_total"]), (ALERTS, &json!(90)));
    assert!(result["alerts"][0]["details"].as_str().unwrap().len() <= DETAILS + 4);
    assert!(result["notes"].to_string().contains("there are more alerts than the 90 that were read"));
    let slow = stalled(b"{").await;
    let hurried = PagerdutyRun { timeout: "100ms".parse().unwrap(), ..run(slow.url("")) };
    assert!(ask_it(&hurried).await.answer.unwrap_err().ends_with("gave no whole answer within 100ms"));
}
