use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{Router, body::Body, extract::State};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use ports::HandleHttp;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::timeout};

/// The largest body that reaches a handler, in bytes: a little over the 1 MiB that ingest takes, so that ingest itself
/// says what is too large.
pub const REQUEST_CAP: usize = 1024 * 1024 + 64 * 1024;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Which handler answers which paths.
#[derive(Default)]
pub struct Routes {
    routes: Vec<Route>,
}

struct Route {
    prefix: &'static str,
    local_only: bool,
    handler: Arc<dyn HandleHttp>,
}

impl Routes {
    /// No routes: everything is 404.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `handler` answers `prefix` itself and what follows it after a `/` or a `.`, such as `/runs`, `/runs/x` and
    /// `/runs.json`. Of several that fit, the first one answers.
    #[must_use]
    pub fn route(mut self, prefix: &'static str, handler: Arc<dyn HandleHttp>) -> Self {
        self.routes.push(Route { prefix, local_only: false, handler });
        self
    }

    /// The same for pages that need no link and no signature: they are shown only to who asks for a loopback name, so
    /// that neither a tunnel nor a page that rebinds its DNS name can read them.
    #[must_use]
    pub fn local_route(mut self, prefix: &'static str, handler: Arc<dyn HandleHttp>) -> Self {
        self.routes.push(Route { prefix, local_only: true, handler });
        self
    }
}

#[async_trait]
impl HandleHttp for Routes {
    async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path();
        let fits = |route: &&Route| {
            path.strip_prefix(route.prefix)
                .is_some_and(|rest| rest.is_empty() || route.prefix.ends_with('/') || rest.starts_with(['/', '.']))
        };
        match self.routes.iter().find(fits) {
            None => plain(StatusCode::NOT_FOUND, "there is nothing here\n"),
            Some(route) if route.local_only && !asks_for_loopback(&request) => {
                plain(StatusCode::FORBIDDEN, "this page is shown under 127.0.0.1 and localhost only\n")
            }
            Some(route) => route.handler.handle(request).await,
        }
    }
}

fn asks_for_loopback(request: &Request<Bytes>) -> bool {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

fn plain(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// An HTTP/1.1 server that hands whole requests to a handler.
pub struct HttpServer {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<io::Result<()>>,
}

impl HttpServer {
    /// Listens on `address` (port 0: any free one) and begins to answer.
    ///
    /// # Errors
    /// What the system said, such as that the port is taken.
    pub async fn start(address: SocketAddr, handler: Arc<dyn HandleHttp>) -> io::Result<Self> {
        Self::serve(TcpListener::bind(address).await?, handler)
    }

    /// The same on a listener that stands: for who must know the address before the handler is made.
    ///
    /// # Errors
    /// What the system said.
    pub fn serve(listener: TcpListener, handler: Arc<dyn HandleHttp>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let router = Router::new().fallback(answer).with_state(handler);
        let (stop, mut stopping) = watch::channel(false);
        let stopped = async move {
            // Ends also when the server object is gone.
            let _ = stopping.wait_for(|stop| *stop).await;
        };
        let task = tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await });
        Ok(Self { address, stop, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL that it answers at, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes no new requests, and waits up to `grace` for those in hand.
    pub async fn stop(mut self, grace: Duration) {
        // Nobody listens any more only when the task has already ended.
        let _ = self.stop.send(true);
        if timeout(grace, &mut self.task).await.is_err() {
            tracing::debug!("the server was stopped with connections open");
        }
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(handler): State<Arc<dyn HandleHttp>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let response = match timeout(BODY_TIMEOUT, axum::body::to_bytes(body, REQUEST_CAP)).await {
        Ok(Ok(body)) => handler.handle(Request::from_parts(head, body)).await,
        Ok(Err(_)) => plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large, or broke off\n"),
        Err(_) => plain(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time\n"),
    };
    response.map(Body::from)
}
