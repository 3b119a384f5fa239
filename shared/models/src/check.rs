//! Whether a Model can be asked, without a turn that anybody pays for: every provider says for nothing what models there are.
//!
//! Sources: `GET /v1/models/{id}` of Anthropic, `GET /v1/models` of OpenAI and of the servers that speak its API, Bedrock's
//! `GetFoundationModel` and `GetInferenceProfile`.

use std::time::Duration;

use awscall::{Aws, AwsError, AwsRequest};
use catalog::model::{Model, Provider};
use http::{HeaderName, header::AUTHORIZATION};
use net::where_to;
use ports::SetupCheck;
use serde_json::Value;
use url::Url;

use crate::{
    Models, anthropic,
    ask::{Http, Looked, path},
    openai,
};

/// How long a look may take.
const WITHIN: Duration = Duration::from_secs(10);

/// How many of the models that a server lists are named.
const NAMED: usize = 5;

impl Models {
    /// How the setup of `model` stands: its API can be reached, takes the key and has the model. It asks for no turn.
    pub async fn check(&self, model: &Model) -> SetupCheck {
        let what = format!("the model `{}`", model.id);
        match model.provider {
            Provider::Anthropic => self.http.of_anthropic(model, &what).await,
            Provider::Openai => self.http.of_openai(model, &what).await,
            Provider::Bedrock => of_bedrock(self.aws.as_ref(), model, &what).await,
        }
    }
}

impl Http {
    async fn of_anthropic(&self, model: &Model, what: &str) -> SetupCheck {
        let rest = format!("v1/models/{}", catalog::encoded(&model.id));
        let Ok(url) = path(model.url.as_deref().unwrap_or(anthropic::API), &rest) else { return no_url(what) };
        let headers = [("anthropic-version", anthropic::VERSION)];
        let key = |key: &str| (HeaderName::from_static("x-api-key"), key.to_owned());
        match self.look(model, &url, &headers, key, anthropic::refusal, WITHIN).await {
            Looked::Said(_) => SetupCheck::ok(format!("{what} is there, and the key is taken")),
            // A gateway need not have this call.
            Looked::Refused(404 | 405 | 501, _) if model.url.is_some() => no_such_call(what, &url),
            looked => seen(what, &url, looked),
        }
    }

    async fn of_openai(&self, model: &Model, what: &str) -> SetupCheck {
        let Ok(url) = path(model.url.as_deref().unwrap_or_default(), "models") else { return no_url(what) };
        let key = |key: &str| (AUTHORIZATION, format!("Bearer {key}"));
        let body = match self.look(model, &url, &[], key, openai::refusal, WITHIN).await {
            Looked::Said(body) => body,
            Looked::Refused(404 | 405 | 501, _) => return no_such_call(what, &url),
            looked => return seen(what, &url, looked),
        };
        let listed = body.get("data").and_then(Value::as_array).into_iter().flatten();
        let listed: Vec<&str> = listed.filter_map(|one| one.get("id").and_then(Value::as_str)).collect();
        // Ollama takes `name` for `name:latest`.
        let is_it = |id: &&&str| **id == model.id || id.strip_suffix(":latest") == Some(&model.id);
        let taken = if model.secret.is_some() { ", and the key is taken" } else { "" };
        if listed.iter().any(|id| is_it(&id)) {
            return SetupCheck::ok(format!("{what} is there{taken}"));
        }
        if listed.is_empty() {
            return SetupCheck::cannot_tell(format!("{what}: the server answers{taken}, and lists no models"));
        }
        let mut named: Vec<String> = listed.iter().take(NAMED).map(|id| format!("`{}`", plain(id))).collect();
        if listed.len() > NAMED {
            named.push(format!("{} more", listed.len() - NAMED));
        }
        SetupCheck::mend(what, format!("the server does not list it: it has {}; name one in `id`", named.join(", ")))
    }
}

async fn of_bedrock(aws: Option<&Aws>, model: &Model, what: &str) -> SetupCheck {
    let Some(aws) = aws else {
        return SetupCheck::cannot_tell(format!("{what}: there are no credentials of AWS to look with"));
    };
    let id = catalog::encoded(&model.id);
    let path = if model.is_profile() {
        format!("/inference-profiles/{id}")
    } else if !model.id.starts_with("arn:") || model.id.contains(":foundation-model/") {
        format!("/foundation-models/{id}")
    } else {
        return SetupCheck::cannot_tell(format!("{what}: it shows when it is asked"));
    };
    let request =
        AwsRequest::Rest { service: "bedrock", signing: "bedrock", method: "GET", path: &path, query: &[], body: None };
    let there = awscall::Place { region: model.region.clone(), role: None };
    let region = aws.region(&there).to_owned();
    match aws.call(&there, &request, WITHIN).await {
        Ok(answer) => {
            let status = ["/modelDetails/modelLifecycle/status", "/status"].map(|pointer| answer.body.pointer(pointer));
            match status.into_iter().flatten().find_map(Value::as_str) {
                Some("LEGACY") => SetupCheck::ok(format!("{what} is there in {region}; AWS is about to retire it")),
                _ => SetupCheck::ok(format!("{what} is there in {region}")),
            }
        }
        Err(AwsError::NotFound { message, .. } | AwsError::Refused { message, status: 400, .. }) => SetupCheck::mend(
            what,
            format!("Bedrock has none of this id in {region} ({}): mend `id` or `region`", plain(&message)),
        ),
        Err(AwsError::Unreachable { reason, .. }) => SetupCheck::unreachable(what, reason),
        Err(AwsError::Denied { action, .. }) => {
            SetupCheck::cannot_tell(format!("{what}: these credentials may not look ({action})"))
        }
        Err(error @ (AwsError::Expired { .. } | AwsError::BadKeys { .. } | AwsError::NoCredentials)) => {
            SetupCheck::mend(what, error.to_string())
        }
        Err(error) => SetupCheck::cannot_tell(format!("{what}: {error}")),
    }
}

fn seen(what: &str, url: &Url, looked: Looked) -> SetupCheck {
    match looked {
        Looked::Said(_) => SetupCheck::ok(what),
        Looked::Unreachable(why) => SetupCheck::unreachable(format!("{what} at {}", where_to(url)), why),
        Looked::Refused(_, engine::model::ModelError::Permanent { reason, .. }) => {
            // Which model, is said already.
            SetupCheck::mend(what, reason.split_once("`: ").map_or(reason.as_str(), |(_, rest)| rest))
        }
        Looked::Refused(_, error) => SetupCheck::cannot_tell(error.to_string()),
    }
}

fn no_url(what: &str) -> SetupCheck {
    SetupCheck::mend(what, "the Model's `url` is not a URL: mend it")
}

fn no_such_call(what: &str, url: &Url) -> SetupCheck {
    SetupCheck::cannot_tell(format!("{what}: {} answers, but does not say which models it has", where_to(url)))
}

/// What a server says, on one line.
fn plain(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(200).collect()
}
