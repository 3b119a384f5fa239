//! What a handler is: the same in a Lambda function and in the local world.

use std::error::Error;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use crate::{Queue, Receipt};

/// One received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Where it came from.
    pub queue: Queue,
    /// What it says.
    pub body: String,
    /// Names this receipt.
    pub receipt: Receipt,
    /// How often it was received, this time included; the queue gives up after a set number.
    pub receives: u32,
}

/// Takes messages.
#[async_trait]
pub trait HandleMessage: Send + Sync {
    /// Does what the message asks. `Ok` lets the queue delete it; an error leaves it there, to come back when its
    /// visibility ends. `deadline` is when this invocation is ended by force.
    ///
    /// # Errors
    /// Whatever kept it from being done. The caller logs it once, with its chain of sources.
    async fn handle(&self, message: &Received, deadline: Timestamp) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// Takes what AWS itself invokes the function with, beside HTTP and queues.
#[async_trait]
pub trait HandleInvocation: Send + Sync {
    /// Takes a CloudWatch alarm: `event` is what EventBridge or the alarm handed over, JSON. `Ok` says that it is kept; an
    /// error has AWS invoke again.
    ///
    /// # Errors
    /// Whatever kept it from being done. The caller logs it once, with its chain of sources.
    async fn alarm(&self, event: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// Answers HTTP requests. Errors are answers.
#[async_trait]
pub trait HandleHttp: Send + Sync {
    /// Answers one request whose body is whole and as it was sent.
    async fn handle(&self, request: http::Request<Bytes>) -> http::Response<Bytes>;
}
