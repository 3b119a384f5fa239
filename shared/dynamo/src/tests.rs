//! What a write says when AWS does not answer as it should, against a stub that answers as it is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use firstlook_aws::{AwsEnv, connect};
use ports::{Condition, Item, Key, TableError, When, Write, WriteTable};
use serde_json::{Map, Value, json};

use crate::DynamoTable;

const DONE: (u16, &str) = (200, "{}");
const LOST: (u16, &str) = (500, r#"{"__type":"InternalServerError"}"#);
const THROTTLED: (u16, &str) = (400, r#"{"__type":"ProvisionedThroughputExceededException"}"#);
const REFUSED: (u16, &str) = (
    400,
    r#"{"__type":"ConditionalCheckFailedException","Item":{"pk":{"S":"P"},"sk":{"S":"S"},"who":{"S":"another"}}}"#,
);
const CONFLICT: (u16, &str) = (400, r#"{"__type":"TransactionConflictException"}"#);
const DENIED: (u16, &str) = (400, r#"{"__type":"AccessDeniedException","message":"not you"}"#);

/// The answers to come, and the calls that were made.
#[derive(Default)]
struct Stub {
    answers: Mutex<VecDeque<(u16, &'static str)>>,
    calls: Mutex<Vec<(String, Value)>>,
}

impl Stub {
    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().iter().map(|(name, _)| name.clone()).collect()
    }
}

async fn answer(State(stub): State<Arc<Stub>>, headers: HeaderMap, body: Bytes) -> (StatusCode, &'static str) {
    let target = headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
    stub.calls.lock().unwrap().push((target, serde_json::from_slice(&body).unwrap()));
    let (status, text) = stub.answers.lock().unwrap().pop_front().expect("a call too many");
    (StatusCode::from_u16(status).unwrap(), text)
}

async fn table(answers: &[(u16, &'static str)]) -> (DynamoTable, Arc<Stub>) {
    let stub = Arc::new(Stub { answers: Mutex::new(answers.iter().copied().collect()), ..Stub::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().route("/", post(answer)).with_state(Arc::clone(&stub));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let env = AwsEnv::read(|name| match name {
        "AWS_REGION" => Some("eu-central-1".into()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".into()),
        "AWS_ENDPOINT_URL" => Some(endpoint.clone()),
        _ => None,
    });
    (DynamoTable::new(&connect(&env.unwrap()).unwrap(), "runs"), stub)
}

fn key() -> Key {
    Key { pk: "P".into(), sk: "S".into() }
}

fn put(when: When) -> Write {
    let Value::Object(attributes) = json!({ "who": "me" }) else { unreachable!() };
    Write::Put { item: Item { key: key(), attributes }, when }
}

fn add() -> Write {
    Write::Update { key: key(), set: Map::new(), add: vec![("n", 1)], remove: vec![], when: When::always() }
}

#[tokio::test]
async fn a_single_write_is_tried_again_while_that_is_harmless() {
    let (table, stub) = table(&[LOST, THROTTLED, DONE]).await;
    table.transact(vec![put(When::always())]).await.unwrap();
    assert_eq!(stub.calls(), ["PutItem", "PutItem", "PutItem"]);
}

#[tokio::test]
async fn a_refusal_names_what_stands_there() {
    let (table, stub) = table(&[THROTTLED, REFUSED]).await;
    let Err(TableError::Refused(refusals)) = table.transact(vec![put(When::all([Condition::Absent]))]).await else {
        panic!("not refused")
    };
    assert_eq!(refusals[0].found.as_ref().unwrap().attributes["who"], "another");
    assert_eq!(stub.calls().len(), 2, "what was throttled was not done, so it is sure that another was first");
}

#[tokio::test]
async fn i3_a_refusal_that_may_be_our_own_lost_write_is_not_called_one() {
    let (table, _) = table(&[LOST, REFUSED]).await;
    let Err(TableError::Port(error)) = table.transact(vec![put(When::all([Condition::Absent]))]).await else {
        panic!("it says that it knows")
    };
    assert!(error.is_transient());
}

#[tokio::test]
async fn an_addition_whose_answer_was_lost_is_not_made_again() {
    let (table, stub) = table(&[THROTTLED, LOST]).await;
    let Err(TableError::Port(error)) = table.transact(vec![add()]).await else { panic!("it says that it knows") };
    assert!(error.is_transient());
    assert_eq!(stub.calls(), ["UpdateItem", "UpdateItem"]);
}

#[tokio::test]
async fn a_conflict_is_told_apart_and_a_denial_is_final() {
    let (table, stub) = table(&[CONFLICT, DENIED]).await;
    assert!(matches!(table.transact(vec![add()]).await, Err(TableError::Contended)));
    let Err(TableError::Port(error)) = table.transact(vec![add()]).await else { panic!("done, but denied") };
    assert!(!error.is_transient());
    assert_eq!(stub.calls().len(), 2);
}

#[tokio::test]
async fn i3_a_transaction_that_is_sent_again_is_the_same_one() {
    let (table, stub) = table(&[LOST, DONE]).await;
    let other = Write::Check { key: Key { pk: "P".into(), sk: "T".into() }, when: When::all([Condition::Absent]) };
    table.transact(vec![put(When::always()), other]).await.unwrap();
    let calls = stub.calls.lock().unwrap();
    assert_eq!(calls.len(), 2);
    assert!(calls[0].1["ClientRequestToken"].is_string());
    assert_eq!(calls[0].1["ClientRequestToken"], calls[1].1["ClientRequestToken"]);
}
