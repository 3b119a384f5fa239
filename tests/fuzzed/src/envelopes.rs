//! What AWS hands to a function, and what the queues and the table give back.

use std::{
    error::Error,
    fmt::Debug,
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{DeliverMessage, Event, InvestigateMessage, Report, Run, Step, Target};
use http::{Request, Response};
use jiff::Timestamp;
use ports::{HandleHttp, HandleInvocation, HandleMessage, Queue, Received};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::now;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().expect("a runtime"));

/// Takes everything, and notes what it should not have been given: a panic of a handler is caught.
#[derive(Default)]
struct Takes {
    passed_for_alarm: AtomicBool,
}

#[async_trait]
impl HandleHttp for Takes {
    async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        Response::new(request.into_body())
    }
}

#[async_trait]
impl HandleInvocation for Takes {
    async fn alarm(&self, event: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        // What nests too deep for a value is the source's to refuse.
        if let Ok(event) = serde_json::from_slice::<Value>(event)
            && (event["source"] != "aws.cloudwatch" || event["rawPath"].is_string())
        {
            self.passed_for_alarm.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Takes what says so.
#[async_trait]
impl HandleMessage for Takes {
    async fn handle(&self, message: &Received, _: Timestamp) -> Result<(), Box<dyn Error + Send + Sync>> {
        if message.body == "ok" { Ok(()) } else { Err("not taken".into()) }
    }
}

/// What ingest is invoked with: an HTTP request has an answer, an alarm is taken, anything else fails (I1).
pub fn envelope(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        let takes = Takes::default();
        drop(RUNTIME.block_on(runtime::fuzzing::http_or_alarm(&takes, text)));
        assert!(!takes.passed_for_alarm.into_inner(), "something passes for an alarm");
    }
}

/// A batch of SQS: each record that is not taken comes back, or the whole batch does (I5).
pub fn records(data: &[u8]) {
    let Ok(batch) = serde_json::from_slice::<Value>(data) else { return };
    let failed = RUNTIME.block_on(runtime::fuzzing::messages(Queue::Deliver, &Takes::default(), data, now()));
    let records = batch["Records"].as_array().map_or(&[][..], Vec::as_slice);
    let taken = records.iter().filter(|record| record["body"] == "ok").count();
    if let Ok(failed) = failed {
        assert_eq!(failed + taken, records.len());
    }
}

/// JSON that the queues and the table hold: what can be read is the same when it is written and read again.
pub fn record(data: &[u8]) {
    same::<InvestigateMessage>(data);
    same::<DeliverMessage>(data);
    same::<Event>(data);
    same::<Run>(data);
    same::<Step>(data);
    same::<Target>(data);
    same::<Report>(data);
}

fn same<T: DeserializeOwned + Serialize + PartialEq + Debug>(data: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(data) {
        let written = serde_json::to_vec(&value).expect("JSON");
        assert_eq!(serde_json::from_slice::<T>(&written).expect("what is written can be read"), value);
    }
}
