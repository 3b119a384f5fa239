use std::fmt::Write as _;

use super::*;
use crate::testing::{At, Held, Server, answer, loopback, serve, stalled};

const NOW: &str = "2026-03-08T12:00:00Z";

fn run(url: String) -> GithubRun<String> {
    let run = json!({"repository": "acme/checkout", "secret": "gh", "url": url, "timeout": "20s"});
    serde_json::from_value(run).unwrap()
}

async fn ask_it(run: &GithubRun<String>) -> Called {
    let keys = Held::keys([("gh", &["the-gh-token"])]);
    keys.hide(call(&Http::new(loopback(), None).unwrap(), &keys, &At::new(NOW), run).await)
}

fn path(request: &str) -> &str {
    request.split(' ').nth(1).unwrap_or_default()
}

fn ci(id: u64, conclusion: &str, at: &str) -> Value {
    json!({"id": id, "workflow_id": 1, "name": "CI", "head_sha": format!("s{id}"), "event": "push", "display_title": "t",
        "conclusion": conclusion, "created_at": format!("2026-03-08T{at}Z"), "html_url": "https://x/r"})
}

const REPOSITORY: &str = r#"{"default_branch":"main","html_url":"https://github.com/acme/checkout"}"#;

/// The API of a repository whose CI fails since 11:00.
fn body(path: &str) -> String {
    match path.strip_prefix("/api/v3/repos/acme/checkout").unwrap_or_default() {
        "" => REPOSITORY.to_owned(),
        one if one.starts_with("/deployments/9/statuses") => {
            r#"[{"state":"failure","created_at":"2026-03-08T11:31:00Z","log_url":"https://x/log"}]"#.to_owned()
        }
        one if one.starts_with("/deployments?") => json!([
            {"id": 9, "environment": "prod", "ref": "v7", "sha": "s9", "creator": {"login": "kim"}, "created_at": "2026-03-08T11:30:00Z"},
            {"id": 8, "environment": "prod", "ref": "v6", "sha": "s8", "created_at": "2026-03-07T11:30:00Z"},
        ])
        .to_string(),
        one if one.starts_with("/pulls?") => json!([
            {"number": 3, "title": "later", "merged_at": "2026-03-08T11:00:00Z", "updated_at": "2026-03-08T11:00:00Z"},
            {"number": 2, "title": "closed", "merged_at": null, "updated_at": "2026-03-08T10:30:00Z"},
            {"number": 1, "title": "earlier", "merged_at": "2026-03-08T09:00:00Z", "updated_at": "2026-03-08T09:00:00Z",
                "user": {"login": "lee"}, "merge_commit_sha": "m1", "html_url": "https://x/1"},
            {"number": 0, "title": "old", "merged_at": "2026-03-01T09:00:00Z", "updated_at": "2026-03-08T08:00:00Z"},
        ])
        .to_string(),
        one if one.starts_with("/actions/runs?") => {
            let mut other = ci(20, "success", "11:50:00");
            other["workflow_id"] = json!(2);
            json!({"total_count": 5, "workflow_runs": [other, ci(14, "failure", "11:40:00"), ci(13, "cancelled", "11:35:00"),
                ci(12, "failure", "11:00:00"), ci(11, "success", "10:00:00"), ci(10, "failure", "09:30:00")]})
            .to_string()
        }
        one if one.starts_with("/actions/runs/14/jobs?") => json!({"jobs": [
            {"name": "build", "conclusion": "success", "steps": []},
            {"name": "test", "conclusion": "failure", "html_url": "https://x/j",
                "steps": [{"name": "checkout", "conclusion": "success"}, {"name": "cargo test", "conclusion": "failure"}]},
        ]})
        .to_string(),
        one => panic!("asked for {one}"),
    }
}

async fn github() -> Server {
    serve(|request| answer("200 OK", &[("content-type", "application/json")], body(path(request)))).await
}

#[tokio::test]
async fn deployments_merges_and_what_fails_since_the_last_green_run_are_told() {
    let server = github().await;
    let called = ask_it(&run(server.url("/api/v3"))).await;
    let answer = called.answer.unwrap();
    assert_eq!(
        answer.summary,
        "acme/checkout: 2 deployments, 2 pull requests merged, 1 workflow failing; prod has v7 since 2026-03-08T11:30:00Z"
    );
    let result = answer.result;
    assert_eq!(
        result["deployments"][0],
        json!({"id": 9, "environment": "prod", "ref": "v7", "sha": "s9", "by": "kim", "created_at": "2026-03-08T11:30:00Z",
            "state": "failure", "state_at": "2026-03-08T11:31:00Z", "description": "", "url": "https://x/log"})
    );
    assert_eq!(result["deployments"][1]["state"], json!(""), "only the newest of an environment is asked for");
    assert_eq!(
        result["pulls"][1],
        json!({"number": 1, "title": "earlier", "by": "lee", "merged_at": "2026-03-08T09:00:00Z", "sha": "m1",
            "url": "https://x/1", "after_green": false})
    );
    assert_eq!((&result["pulls"][0]["number"], &result["pulls"][0]["after_green"]), (&json!(3), &json!(true)));
    let failures = result["failures"].as_array().unwrap();
    assert_eq!(failures.iter().map(|one| one["id"].as_u64().unwrap()).collect::<Vec<_>>(), [14, 12]);
    assert_eq!(failures[0]["jobs"], json!([{"name": "test", "steps": ["cargo test"], "url": "https://x/j"}]));
    assert_eq!((&failures[0]["green_sha"], &result["green_at"]), (&json!("s11"), &json!("2026-03-08T10:00:00Z")));
    assert_eq!((&result["failing"], &result["notes"], &result["branch"]), (&json!(1), &json!([]), &json!("main")));
}

#[tokio::test]
async fn i7_every_request_is_a_get_with_the_token_and_i9_the_token_is_not_kept() {
    let server = serve(|request| match path(request) {
        "/repos/acme/checkout" => answer("200 OK", &[], r#"{"default_branch":"the-gh-token"}"#),
        one if one.contains("/runs") => answer("200 OK", &[], r#"{"workflow_runs":[]}"#),
        _ => answer("200 OK", &[], "[]"),
    })
    .await;
    let called = ask_it(&run(server.url(""))).await;
    assert!(called.answer.is_ok() && !format!("{called:?}").contains("the-gh-token"), "{called:?}");
    assert_eq!(called.request["auth"], json!("bearer, by the key gh"));
    for request in server.requests() {
        assert!(request.starts_with("GET ") && request.contains("authorization: Bearer the-gh-token\r\n"), "{request}");
        assert!(request.contains("x-github-api-version: 2022-11-28\r\n"), "{request}");
    }
    let public = GithubRun { secret: None, ..run(server.url("")) };
    ask_it(&public).await.answer.unwrap();
    assert!(!server.requests().pop().unwrap().contains("authorization"));
}

#[tokio::test]
async fn a_renamed_repository_is_followed_on_the_same_server_and_to_no_other() {
    let server = serve(|request| match path(request) {
        "/repos/acme/checkout" => answer("301 Moved Permanently", &[("location", "/repositories/7")], "{}"),
        "/repositories/7" => answer("200 OK", &[], REPOSITORY),
        one if one.contains("/runs") => answer("200 OK", &[], r#"{"workflow_runs":[]}"#),
        _ => answer("200 OK", &[], "[]"),
    })
    .await;
    assert!(ask_it(&run(server.url(""))).await.answer.is_ok());
    let elsewhere = serve(|_| answer("302 Found", &[("location", "http://169.254.169.254/")], "")).await;
    let reason = ask_it(&run(elsewhere.url(""))).await.answer.unwrap_err();
    assert!(reason.contains("answered 302 and points to http://169.254.169.254:80"), "{reason}");
}

#[tokio::test]
async fn a_used_up_limit_says_for_how_long_and_what_may_not_be_read_says_what_it_takes() {
    // 2026-03-08T12:10:00Z.
    let used_up = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1772971800")];
    let scope = [("x-ratelimit-remaining", "50"), ("x-accepted-github-permissions", "actions=read")];
    type Headers<'h> = &'h [(&'h str, &'h str)];
    let cases: [(&str, Headers<'_>, &str); 8] = [
        ("403 Forbidden", &used_up, "answered 403: the rate limit is used up for 600 s (no)"),
        ("429 Too Many Requests", &used_up, "answered 429: the rate limit is used up for 600 s"),
        ("403 Forbidden", &[("retry-after", "60")], "answered 403: the rate limit is used up for 60 s"),
        ("403 Forbidden", &scope, "answered 403: the token may not read this; it takes actions=read (no)"),
        ("401 Unauthorized", &[], "is not a token that it takes (no)"),
        ("404 Not Found", &[], "there is no such thing, or the token may not see it (no)"),
        ("502 Bad Gateway", &[], "answered 502: no"),
        ("200 OK", &[("content-type", "text/html")], "the answer is not"),
    ];
    for (status, headers, said) in cases {
        let (headers, body) = (headers.to_vec(), if status == "200 OK" { "[]" } else { r#"{"message":"no"}"# });
        let all: Vec<(String, String)> = headers.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let server = serve(move |_| {
            let all: Vec<(&str, &str)> = all.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            answer(status, &all, body)
        })
        .await;
        let called = ask_it(&run(server.url(""))).await;
        let told = called.answer.map_or_else(|reason| reason, |answer| answer.result["unread"].to_string());
        assert!(told.contains(said), "{told}");
    }
}

#[tokio::test]
async fn one_part_that_cannot_be_read_is_a_note() {
    let server = serve(|request| match path(request) {
        one if one.contains("/actions/") => answer("403 Forbidden", &[], r#"{"message":"Resource not accessible"}"#),
        "/repos/acme/checkout" => answer("200 OK", &[], REPOSITORY),
        _ => answer("200 OK", &[], "[]"),
    })
    .await;
    let result = ask_it(&run(server.url(""))).await.answer.unwrap().result;
    assert!(result["unread"][0].as_str().unwrap().starts_with("the workflow runs could not be read"), "{result}");
    assert_eq!((&result["failing"], &result["green_at"]), (&json!(0), &json!("")));
}

#[tokio::test]
async fn i8_a_repository_is_two_names_and_nothing_else() {
    let server = github().await;
    for bad in ["", "acme", "acme/", "acme/checkout/contents", "acme/..", "acme/a?x", "acme/a b", "../x"] {
        let elsewhere = GithubRun { repository: bad.to_owned(), ..run(server.url("")) };
        assert!(ask_it(&elsewhere).await.answer.unwrap_err().contains("is not a repository"), "{bad}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn long_histories_have_a_bound_and_a_slow_answer_is_not_waited_for() {
    let server = serve(|request| match path(request) {
        "/repos/acme/checkout" => answer("200 OK", &[], REPOSITORY),
        one if one.contains("/actions/runs?") => answer("200 OK", &[], r#"{"workflow_runs":[]}"#),
        one if one.contains("/pulls?") => {
            let mut pulls = String::new();
            for number in 0..100 {
                let _ = write!(
                    pulls,
                    r#"{{"number":{number},"merged_at":"2026-03-08T11:00:00Z","updated_at":"2026-03-08T11:00:00Z"}},"#
                );
            }
            answer("200 OK", &[], format!("[{}]", pulls.trim_end_matches(',')))
        }
        _ => answer("200 OK", &[], "[]"),
    })
    .await;
    let result = ask_it(&run(server.url(""))).await.answer.unwrap().result;
    assert_eq!((result["pulls"].as_array().unwrap().len(), &result["pulls_total"]), (KEPT, &json!(300)));
    assert_eq!(result["notes"], json!(["the first 50 of 300 pull requests are kept"]));
    let slow = stalled(b"{").await;
    let hurried = GithubRun { timeout: "100ms".parse().unwrap(), ..run(slow.url("")) };
    assert!(ask_it(&hurried).await.answer.unwrap_err().ends_with("gave no whole answer within 100ms"));
}
