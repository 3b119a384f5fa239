//! API Gateway's payload format 2.0 and HTTP.

use std::{panic::AssertUnwindSafe, sync::Arc};

use aws_lambda_events::{
    apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    encodings::Body,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use ports::{HandleHttp, chain};

use crate::failure::panic_text;

/// `Retry-After` after a panic, in seconds.
const RETRY_AFTER: &str = "5";

/// Serves requests that API Gateway (payload format 2.0) or a function URL hands to this function, until Lambda ends it.
///
/// A request whose envelope holds no request is answered with 400, and a handler that panics with 503: what it did
/// not take shall come again, and there are senders that repeat on 503 and not on 500.
///
/// # Errors
/// When the Runtime API cannot be reached.
pub async fn run_http(handler: Arc<dyn HandleHttp>) -> Result<(), Error> {
    lambda_runtime::run(service_fn(|event: LambdaEvent<ApiGatewayV2httpRequest>| async {
        Ok::<_, Error>(answer(handler.as_ref(), event.payload).await)
    }))
    .await
}

pub(crate) async fn answer(handler: &dyn HandleHttp, event: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let response = match request_of(event) {
        Ok(request) => AssertUnwindSafe(handler.handle(request)).catch_unwind().await.unwrap_or_else(|payload| {
            tracing::error!(error = panic_text(payload.as_ref()), "the handler panicked");
            let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, "the request could not be handled");
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
            response
        }),
        Err(error) => {
            tracing::warn!(error = chain(&error), "the envelope holds no request");
            problem(StatusCode::BAD_REQUEST, "the request could not be read")
        }
    };
    event_of(response)
}

/// Why an envelope holds no HTTP request.
#[derive(Debug, thiserror::Error)]
enum EnvelopeError {
    #[error("the body is not base64")]
    Body(#[source] base64::DecodeError),
    #[error("the path or query is not a URI")]
    Uri(#[source] http::Error),
}

fn request_of(event: ApiGatewayV2httpRequest) -> Result<Request<Bytes>, EnvelopeError> {
    let body = match event.body {
        None => Bytes::new(),
        Some(text) if event.is_base64_encoded => STANDARD.decode(text).map_err(EnvelopeError::Body)?.into(),
        Some(text) => text.into(),
    };
    let raw_path = event.raw_path.unwrap_or_default();
    let path = without_stage(&raw_path, event.request_context.stage.as_deref());
    let uri = match event.raw_query_string.as_deref() {
        None | Some("") => path.to_owned(),
        Some(query) => format!("{path}?{query}"),
    };
    let mut request =
        Request::builder().method(event.request_context.http.method).uri(uri).body(body).map_err(EnvelopeError::Uri)?;
    *request.headers_mut() = event.headers;
    // Format 2.0 takes cookies out of the headers.
    if let Some(Ok(cookies)) = event.cookies.map(|cookies| HeaderValue::try_from(cookies.join("; "))) {
        request.headers_mut().insert(header::COOKIE, cookies);
    }
    Ok(request)
}

/// Any stage but `$default` stands before the path.
fn without_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    let stripped = stage
        .filter(|stage| *stage != "$default")
        .and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage))
        .filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match stripped.unwrap_or(path) {
        "" => "/",
        path => path,
    }
}

fn event_of(response: Response<Bytes>) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let mut event = ApiGatewayV2httpResponse::default();
    event.status_code = i64::from(parts.status.as_u16());
    for name in parts.headers.keys() {
        let values = parts.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        if name == header::SET_COOKIE {
            event.cookies.extend(values.map(str::to_owned));
        } else if let Ok(joined) = HeaderValue::try_from(values.collect::<Vec<_>>().join(", ")) {
            // Format 2.0 knows one value for each name.
            event.headers.insert(name, joined);
        }
    }
    event.body = match String::from_utf8(body.into()) {
        Ok(text) => Some(Body::Text(text)),
        Err(not_text) => {
            event.is_base64_encoded = true;
            Some(Body::Text(STANDARD.encode(not_text.as_bytes())))
        }
    };
    event
}

fn problem(status: StatusCode, title: &str) -> Response<Bytes> {
    let body = format!(r#"{{"type":"about:blank","title":"{title}","status":{}}}"#, status.as_u16());
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    *response.headers_mut() = headers;
    response
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn event(changes: Value) -> ApiGatewayV2httpRequest {
        let mut event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/hooks/pagerduty", "rawQueryString": "",
            "headers": {"content-type": "application/json", "x-many": "a,b"},
            "requestContext": {"stage": "$default", "http": {"method": "POST", "path": "/hooks/pagerduty"}},
            "isBase64Encoded": false
        });
        for (key, value) in changes.as_object().unwrap() {
            event[key] = value.clone();
        }
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn a_request_comes_out_as_it_was_sent() {
        let request = request_of(event(json!({"body": "{\"a\": 1 }", "rawQueryString": "x=1&y=%20"}))).unwrap();
        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri(), "/hooks/pagerduty?x=1&y=%20");
        assert_eq!(request.headers()["x-many"], "a,b");
        assert_eq!(request.body().as_ref(), b"{\"a\": 1 }");
    }

    #[test]
    fn a_base64_body_is_decoded_to_its_bytes() {
        let request = request_of(event(json!({"body": "/wD+", "isBase64Encoded": true}))).unwrap();
        assert_eq!(request.body().as_ref(), [0xff, 0x00, 0xfe]);
        assert!(request_of(event(json!({"body": "?", "isBase64Encoded": true}))).is_err());
    }

    #[test]
    fn a_named_stage_is_not_a_part_of_the_path() {
        for (path, stage, wanted) in [
            ("/prod/hooks/x", Some("prod"), "/hooks/x"),
            ("/prod", Some("prod"), "/"),
            ("/production/x", Some("prod"), "/production/x"),
            ("/hooks/x", Some("$default"), "/hooks/x"),
            ("", None, "/"),
        ] {
            assert_eq!(without_stage(path, stage), wanted, "{path}");
        }
    }

    #[test]
    fn cookies_come_back_as_a_header() {
        let request = request_of(event(json!({"cookies": ["a=1", "b=2"]}))).unwrap();
        assert_eq!(request.headers()["cookie"], "a=1; b=2");
    }

    #[test]
    fn an_answer_keeps_status_headers_and_bytes() {
        let response = Response::builder()
            .status(405)
            .header("allow", "POST")
            .header("vary", "a")
            .header("vary", "b")
            .header("set-cookie", "c=1")
            .body(Bytes::from_static(b"no"))
            .unwrap();
        let event = serde_json::to_value(event_of(response)).unwrap();
        assert_eq!(event["statusCode"], 405);
        assert_eq!(event["headers"], json!({"allow": "POST", "vary": "a, b"}));
        assert_eq!(event["cookies"], json!(["c=1"]));
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("no"), &json!(false)));

        let event = serde_json::to_value(event_of(Response::new(Bytes::from_static(&[0xff])))).unwrap();
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("/w=="), &json!(true)));
    }

    struct Panics;

    #[async_trait]
    impl HandleHttp for Panics {
        async fn handle(&self, _: Request<Bytes>) -> Response<Bytes> {
            panic!("oh")
        }
    }

    #[tokio::test]
    async fn i5_a_handler_that_panics_asks_for_the_request_once_more() {
        let event = answer(&Panics, event(json!({}))).await;
        assert_eq!((event.status_code, &event.headers["retry-after"]), (503, &HeaderValue::from_static("5")));
        assert_eq!(event.headers["content-type"], "application/problem+json");
    }

    #[tokio::test]
    async fn an_envelope_without_a_request_is_answered_with_400() {
        let event = answer(&Panics, event(json!({"rawPath": "/a b"}))).await;
        assert_eq!(event.status_code, 400);
    }

    proptest! {
        #[test]
        fn any_body_survives_the_way_in_and_out(body: Vec<u8>) {
            let envelope = event(json!({"body": STANDARD.encode(&body), "isBase64Encoded": true}));
            let request = request_of(envelope).unwrap();
            prop_assert_eq!(request.body().as_ref(), body.as_slice());
            let answer = serde_json::to_value(event_of(Response::new(request.into_body()))).unwrap();
            let text = answer["body"].as_str().unwrap();
            let back = if answer["isBase64Encoded"] == true { STANDARD.decode(text).unwrap() } else { text.as_bytes().to_vec() };
            prop_assert_eq!(back, body);
        }

        #[test]
        fn no_path_or_query_panics(path: String, query: String, stage: Option<String>) {
            let context = json!({"stage": stage, "http": {"method": "GET"}});
            let _ = request_of(event(json!({"rawPath": path, "rawQueryString": query, "requestContext": context})));
        }
    }
}
