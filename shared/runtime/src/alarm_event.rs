//! HTTP, and beside it the CloudWatch alarms that AWS hands to a function without any HTTP.

use std::{panic::AssertUnwindSafe, sync::Arc};

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use futures_util::FutureExt;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use ports::{HandleHttp, HandleInvocation, chain};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::{failure::panic_text, http_event};

/// As [`run_http`](crate::run_http), and takes CloudWatch alarms too: the events of EventBridge's source `aws.cloudwatch`,
/// and what an alarm action hands over.
///
/// They are told apart by what only AWS can write, the envelope: one that has an HTTP request is an HTTP request, whatever
/// its body says. An alarm that is not taken, and an envelope of neither kind, fail the invocation, so that AWS tries
/// again.
///
/// # Errors
/// When the Runtime API cannot be reached.
pub async fn run_http_and_alarms<H: HandleHttp + HandleInvocation>(handler: Arc<H>) -> Result<(), Error> {
    let handler = handler.as_ref();
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async move {
        take(handler, event.payload.get()).await
    }))
    .await
}

/// What Lambda is given back: to an alarm, nothing.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Http(Box<ApiGatewayV2httpResponse>),
    Alarm(()),
}

/// What tells an alarm's envelope from others.
#[derive(Deserialize)]
struct AlarmEnvelope<'e> {
    #[serde(borrow)]
    source: &'e str,
    /// EventBridge's.
    detail: Option<IgnoredAny>,
    /// The alarm's own.
    #[serde(rename = "alarmData")]
    alarm_data: Option<IgnoredAny>,
    /// That of HTTP, which no alarm has.
    #[serde(rename = "rawPath")]
    raw_path: Option<IgnoredAny>,
}

impl AlarmEnvelope<'_> {
    fn is_alarm(&self) -> bool {
        let has_alarm = self.detail.is_some() || self.alarm_data.is_some();
        self.source == "aws.cloudwatch" && has_alarm && self.raw_path.is_none()
    }
}

pub(crate) async fn take<H: HandleHttp + HandleInvocation>(handler: &H, event: &str) -> Result<Answer, Error> {
    let request = serde_json::from_str::<ApiGatewayV2httpRequest>(event);
    // Nothing but HTTP has a path.
    if let Ok(request) = request
        && request.raw_path.is_some()
    {
        return Ok(Answer::Http(Box::new(http_event::answer(handler, request).await)));
    }
    let alarm = serde_json::from_str::<AlarmEnvelope<'_>>(event);
    if !alarm.is_ok_and(|alarm| alarm.is_alarm()) {
        tracing::error!("the function was invoked with neither an HTTP request nor a CloudWatch alarm");
        return Err("this is neither an HTTP request nor a CloudWatch alarm".into());
    }
    match AssertUnwindSafe(handler.alarm(event.as_bytes())).catch_unwind().await {
        Ok(Ok(())) => Ok(Answer::Alarm(())),
        Ok(Err(error)) => {
            tracing::error!(error = chain(error.as_ref()), "an alarm was not taken and comes again");
            Err(error)
        }
        Err(payload) => {
            tracing::error!(error = panic_text(payload.as_ref()), "the handler panicked");
            Err("the handler panicked".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use bytes::Bytes;
    use http::{Request, Response};
    use serde_json::{Value, json};

    use super::*;

    /// Writes down what it was given, and does what the region says.
    #[derive(Default)]
    struct Script {
        requests: Mutex<Vec<String>>,
        alarms: Mutex<Vec<Value>>,
    }

    #[async_trait]
    impl HandleHttp for Script {
        async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
            self.requests.lock().unwrap().push(request.uri().path().to_owned());
            Response::new(Bytes::new())
        }
    }

    #[async_trait]
    impl HandleInvocation for Script {
        async fn alarm(&self, event: &[u8]) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            let event: Value = serde_json::from_slice(event).unwrap();
            let region = event["region"].as_str().unwrap_or_default().to_owned();
            self.alarms.lock().unwrap().push(event);
            match region.as_str() {
                "broken" => Err("it did not work".into()),
                "panic" => panic!("oh"),
                _ => Ok(()),
            }
        }
    }

    async fn given(event: &Value) -> (Result<Answer, Error>, usize, usize) {
        let script = Script::default();
        let answer = take(&script, &event.to_string()).await;
        let counts = (script.requests.lock().unwrap().len(), script.alarms.lock().unwrap().len());
        (answer, counts.0, counts.1)
    }

    fn http(body: &Value) -> Value {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/hooks/x", "rawQueryString": "",
            "headers": {"content-type": "application/json"}, "body": body.to_string(), "isBase64Encoded": false,
            "requestContext": {"stage": "$default", "http": {"method": "POST", "path": "/hooks/x"}}
        })
    }

    fn event_bridge(region: &str) -> Value {
        json!({
            "version": "0", "id": "7f3c", "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch",
            "account": "111122223333", "time": "2026-03-02T09:40:00Z", "region": region, "resources": [],
            "detail": {"alarmName": "checkout"}
        })
    }

    #[tokio::test]
    async fn each_envelope_goes_where_it_belongs() {
        let (answer, requests, alarms) = given(&http(&json!({}))).await;
        assert!(matches!(answer, Ok(Answer::Http(_))) && (requests, alarms) == (1, 0));
        let direct = json!({"source": "aws.cloudwatch", "alarmArn": "arn", "accountId": "1", "alarmData": {}});
        for alarm in [event_bridge("eu-central-1"), direct] {
            let (answer, requests, alarms) = given(&alarm).await;
            assert_eq!(serde_json::to_value(answer.unwrap()).unwrap(), Value::Null);
            assert_eq!((requests, alarms), (0, 1), "{alarm}");
        }
    }

    #[tokio::test]
    async fn i1_no_http_request_passes_for_an_alarm() {
        let mut forged = http(&event_bridge("eu-central-1"));
        for body in [None, Some(("source", json!("aws.cloudwatch"))), Some(("detail", json!({})))] {
            if let Some((key, value)) = body {
                forged[key] = value;
            }
            let (answer, requests, alarms) = given(&forged).await;
            assert!(matches!(answer, Ok(Answer::Http(_))) && (requests, alarms) == (1, 0), "{forged}");
        }
        // Also when it cannot be read as one.
        forged["requestContext"] = json!(null);
        let (answer, requests, alarms) = given(&forged).await;
        assert!(answer.is_err() && (requests, alarms) == (0, 0), "{forged}");
    }

    #[tokio::test]
    async fn i2_an_alarm_that_is_not_taken_fails_the_invocation() {
        for region in ["broken", "panic"] {
            let (answer, _, alarms) = given(&event_bridge(region)).await;
            assert!(answer.is_err() && alarms == 1, "{region}");
        }
    }

    #[tokio::test]
    async fn i5_an_envelope_of_neither_kind_fails_the_invocation() {
        let other_source = json!({"source": "aws.ec2", "detail": {}});
        for odd in
            [json!({}), json!([]), json!(7), json!({"Records": []}), json!({"source": "aws.cloudwatch"}), other_source]
        {
            let (answer, requests, alarms) = given(&odd).await;
            assert!(answer.is_err() && (requests, alarms) == (0, 0), "{odd}");
        }
    }
}
