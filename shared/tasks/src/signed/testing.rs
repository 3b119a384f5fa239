//! A loopback server that answers as AWS does, for the tests of the kinds.

use serde_json::{Value, json};

use crate::{
    aws,
    testing::{At, Server, answer, serve},
};

/// When the tests are.
pub(crate) const NOW: &str = "2026-03-01T12:00:00Z";

/// One request, as AWS would read it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The operation of the JSON and Query protocols, `GET /path?query` of REST.
    pub(crate) what: String,
    /// The JSON of its body; of a form its fields.
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn of(request: &str) -> Self {
        let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
        let target = head.lines().find_map(|line| line.strip_prefix("x-amz-target: "));
        let form: Value = form_urlencoded::parse(body.as_bytes())
            .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let line = head.lines().next().unwrap_or_default();
        let what = match (target, form.get("Action")) {
            (Some(target), _) => target.rsplit('.').next().unwrap_or_default().to_owned(),
            (None, Some(action)) => action.as_str().unwrap_or_default().to_owned(),
            (None, None) => line.trim_end_matches(" HTTP/1.1").to_owned(),
        };
        Self { what, body: serde_json::from_str(body).unwrap_or(form) }
    }
}

/// AWS on loopback.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) cloud: aws::Cloud,
    pub(crate) clock: At,
}

impl World {
    pub(crate) async fn new(reply: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let server = serve(move |request| reply(&Asked::of(request))).await;
        let cloud = crate::testing::aws(server.address);
        Self { server, cloud, clock: At::new(NOW) }
    }

    /// What was asked, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.server.requests().iter().map(|request| Asked::of(request)).collect()
    }

    /// The operations, in order.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.what).collect()
    }
}

pub(crate) fn ok(body: Value) -> Vec<u8> {
    answer("200 OK", &[("content-type", "application/x-amz-json-1.1")], body.to_string())
}

/// An error of the JSON protocols.
pub(crate) fn refused(code: &str, message: &str) -> Vec<u8> {
    let body = json!({"__type": format!("com.amazonaws.logs.v20140328#{code}"), "message": message});
    answer("400 Bad Request", &[("content-type", "application/x-amz-json-1.1")], body.to_string())
}

/// What AWS says to who lacks a permission.
pub(crate) fn denied(action: &str) -> Vec<u8> {
    refused(
        "AccessDeniedException",
        &format!(
            "User: arn:aws:sts::111122223333:assumed-role/firstlook/investigate is not authorized to perform: {action} because no identity-based policy allows the {action} action"
        ),
    )
}
