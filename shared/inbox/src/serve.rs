use std::{future, io, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use http::{StatusCode, request::Parts};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet};
use tower::ServiceExt;

use crate::{
    Arrival, Endpoint,
    state::{Ending, Shared},
};

/// The most bytes of a body that are read; SES takes the largest, mails of 40 MB.
const BODY: usize = 64 * 1024 * 1024;

/// Marks a response that is never sent: the connection is closed in its place.
#[derive(Clone)]
struct Close;

/// Serves until the task is aborted, and with it every connection.
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        let router = router.clone();
        connections.spawn(async move {
            let service = service_fn(move |request: http::Request<Incoming>| answer(router.clone(), request));
            // An error here is the client's going away, or a scripted close.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(router: Router, request: http::Request<Incoming>) -> io::Result<Response> {
    let Ok(response) = router.oneshot(request).await;
    match response.extensions().get::<Close>() {
        Some(Close) => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
        None => Ok(response),
    }
}

/// Announces that the request was done, and ends it as was asked.
pub(crate) async fn end(shared: &Shared, arrival: Arrival, ending: Ending, answer: Response) -> Response {
    shared.accepted(arrival);
    match ending {
        Ending::Answer | Ending::Later(_) => answer,
        Ending::Hang => future::pending().await,
        Ending::Drip => dripping(),
        Ending::Status(status) => status.into_response(),
        Ending::Close => closed(),
    }
}

/// White space, with which JSON may begin, by a byte a second.
fn dripping() -> Response {
    let bytes = stream::unfold((), async |()| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, io::Error>(Bytes::from_static(b" ")), ()))
    });
    Body::from_stream(bytes).into_response()
}

/// In the place of an answer: the connection is closed.
pub(crate) fn closed() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.extensions_mut().insert(Close);
    response
}

/// A request's parts and its body; an unreadable one is taken as empty.
pub(crate) async fn whole(request: Request) -> (Parts, Bytes) {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY).await.unwrap_or_default();
    (parts, body)
}

/// Before any request: what was answered long ago, and is accepted only now.
pub(crate) async fn late(
    State((shared, router)): State<(Arc<Shared>, Router)>,
    request: Request,
    next: Next,
) -> Response {
    accept_late(&shared, &router).await;
    next.run(request).await
}

pub(crate) async fn accept_late(shared: &Shared, router: &Router) {
    for request in shared.due() {
        let Ok(_) = router.clone().oneshot(request).await;
    }
}

/// What no provider here has.
pub(crate) async fn unknown(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = whole(request).await;
    let _ = shared.arrive(Endpoint::Unknown, &parts, &body);
    StatusCode::NOT_FOUND.into_response()
}
