//! What answers at the addresses of a stack: ingest to a webhook's URL, console to its list. Both are asked for what they refuse, so
//! that nothing comes of it.

use std::path::PathBuf;

use domain::Name;
use ports::SetupCheck;
use serde_json::Value;
use url::Url;

use crate::send;

/// Where the stack's functions are reached, and whose certificates are trusted there.
#[derive(Debug, Clone)]
pub(super) struct Doors {
    /// The stack's name.
    pub stack: String,
    /// Where webhooks go.
    pub hooks: String,
    /// Where the pages are.
    pub console: String,
    /// A PEM file with more roots.
    pub extra_ca: Option<PathBuf>,
}

impl Doors {
    /// Whether its ingest takes webhooks of `source`: a GET is refused by it with 405, a Source that it does not know with 404.
    pub async fn check_hook(&self, source: &Name) -> SetupCheck {
        let url = match send::hook(&self.hooks, source) {
            Ok(url) => url,
            Err(_) => return not_an_address(&self.hooks),
        };
        let what = format!("its URL {url}");
        match self.ask(&url, &what).await {
            Err(check) => check,
            Ok((405, _)) => SetupCheck::ok(format!("{what} takes webhooks")),
            Ok((404, body)) if is_ingests(&body) => SetupCheck::mend(
                format!("{what}: the catalog that is deployed has no such Source"),
                "render this catalog and deploy the functions with it (docs/deploy.md)",
            ),
            Ok((status, _)) => self.other("ingest", what, status),
        }
    }

    /// Whether its console answers: who has no link is refused with 403.
    pub async fn check_console(&self) -> SetupCheck {
        // `--url` may be either address, as it may for `send`.
        let base = self.console.trim_end_matches('/');
        let Ok(url) = format!("{}/runs", base.strip_suffix("/hooks").unwrap_or(base)).parse::<Url>() else {
            return not_an_address(&self.console);
        };
        let what = format!("its console at {url}");
        match self.ask(&url, &what).await {
            Err(check) => check,
            Ok((403, _)) => SetupCheck::ok(format!("{what} answers")),
            Ok((status, _)) => self.other("console", what, status),
        }
    }

    async fn ask(&self, url: &Url, what: &str) -> Result<(u16, String), SetupCheck> {
        let asked = send::get(url, self.extra_ca.clone()).await;
        asked.map_err(|error| SetupCheck::unreachable(what, ports::chain(&error)))
    }

    fn other(&self, function: &str, what: String, status: u16) -> SetupCheck {
        match status {
            404 => SetupCheck::mend(
                format!("{what}: nothing of Firstlook's is there"),
                "is it the address of this stack? `--url` names another; else deploy it again (docs/deploy.md)",
            ),
            500.. => SetupCheck::mend(
                format!("{what} answers {status}"),
                format!("the log of {}-{function} says why", self.stack),
            ),
            _ => SetupCheck::cannot_tell(format!("{what}: it answers {status}, so something stands before it")),
        }
    }
}

fn not_an_address(text: &str) -> SetupCheck {
    SetupCheck::mend(format!("`{text}` is no address"), "is it a stack of infra/template.yaml? `--url` names another")
}

/// Whether ingest itself says so, and not the API before it, whose 404 is `{"message":"Not Found"}`.
fn is_ingests(body: &str) -> bool {
    let said: Value = serde_json::from_str(body).unwrap_or_default();
    said.get("type").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("unknown-source"))
}

#[cfg(test)]
mod tests {
    use axum::{
        Json, Router,
        http::StatusCode,
        routing::{get, post},
    };
    use ports::Standing;
    use serde_json::json;

    use super::*;

    async fn doors(app: Router) -> Doors {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Doors { stack: "prod".to_owned(), hooks: format!("{url}/hooks"), console: format!("{url}/"), extra_ca: None }
    }

    #[tokio::test]
    async fn what_answers_is_told_apart_from_what_does_not() {
        let unknown = json!({ "type": "urn:firstlook:problem:unknown-source", "status": 404 });
        let app = Router::new()
            .route("/hooks/known", post(|| async {}))
            .route("/hooks/unknown", get(|| async { (StatusCode::NOT_FOUND, Json(unknown)) }))
            .route("/hooks/broken", get(|| async { (StatusCode::BAD_GATEWAY, "{}") }))
            .route("/hooks/guarded", get(|| async { (StatusCode::UNAUTHORIZED, "who are you") }))
            .route("/runs", get(|| async { (StatusCode::FORBIDDEN, "<!DOCTYPE html>") }));
        let doors = doors(app).await;
        for console in [&doors.console, &doors.hooks] {
            let check = Doors { console: console.clone(), ..doors.clone() }.check_console().await;
            assert!(check.standing == Standing::Ok, "{check:?}");
        }
        let hook = async |name: &str| doors.check_hook(&name.parse().unwrap()).await;
        assert_eq!(hook("known").await.standing, Standing::Ok);
        for (name, said, advice) in [
            ("unknown", "has no such Source", "render"),
            ("elsewhere", "nothing of Firstlook's", "--url"),
            ("broken", "502", "prod-ingest"),
        ] {
            let check = hook(name).await;
            assert!(check.what.contains(said), "{check:?}");
            assert!(matches!(&check.standing, Standing::Mend(told) if told.contains(advice)), "{check:?}");
        }
        assert_eq!(hook("guarded").await.standing, Standing::CannotTell);
        let gone = Doors { hooks: "http://127.0.0.1:1/hooks".to_owned(), ..doors.clone() };
        let check = gone.check_hook(&"known".parse().unwrap()).await;
        assert!(matches!(check.standing, Standing::Unreachable(_)), "{check:?}");
        let wrong = Doors { hooks: "nowhere".to_owned(), console: "nowhere".to_owned(), ..doors };
        for check in [wrong.check_hook(&"known".parse().unwrap()).await, wrong.check_console().await] {
            assert!(matches!(check.standing, Standing::Mend(_)), "{check:?}");
        }
    }
}
