//! `dev`: a catalog at work on loopback.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use catalog::{Catalog, model::Scheme};
use console::page::{Page, notice};
use http::{Request, Response, StatusCode};
use inbox::Inbox;
use local::{Folder, HttpServer, Routes, Worker};
use maud::html;
use ports::{HandleHttp, ReadSecret};
use store::link::Scope;
use tokio::net::TcpListener;

use crate::{
    catalogs::{self, FileError},
    cli::Dev,
    failure::Failure,
    inbox_page::InboxPage,
    out::{self, Style},
    world::{self, Outside, World, outlet_keys},
};

/// How often what has expired is removed.
const SWEEP: Duration = Duration::from_secs(3600);

/// How long a stopping server waits for what it is answering.
const GRACE: Duration = Duration::from_secs(3);

/// A world at work: its doors and its workers.
pub struct Running {
    /// Where it is, without a slash at the end.
    pub url: String,
    world: World,
    server: HttpServer,
    workers: Vec<Worker>,
    sweeper: tokio::task::JoinHandle<()>,
    timer: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Opens the doors on `listener` and begins to work.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn start(
        listener: TcpListener,
        world: &World,
        catalog: &Arc<Catalog>,
        outside: &Outside,
    ) -> Result<Self, Failure> {
        let mut routes =
            Routes::new().route("/hooks", Arc::new(world.ingest(catalog))).route("/runs", Arc::new(world.console()));
        if let Outside::Inbox(inbox) = outside {
            routes = routes.local_route("/inbox", Arc::new(InboxPage(Arc::clone(inbox))));
        }
        routes = routes.local_route("/", Arc::new(Landing { world: world.clone(), outside: outside.clone() }));
        let server = HttpServer::serve(listener, Arc::new(routes))?;
        let url = server.url();
        std::fs::write(world.url_file(), &url).map_err(FileError::new("write", &world.url_file()))?;
        let workers = vec![world.work_investigate(catalog)?, world.work_deliver(catalog, outside, url.clone())?];
        let timer = tokio::spawn(world.timer(catalog)?.run());
        let sweeping = world.clone();
        let sweeper = tokio::spawn(async move {
            let mut hours = tokio::time::interval(SWEEP);
            loop {
                hours.tick().await;
                sweeping.sweep().await;
            }
        });
        Ok(Self { url, world: world.clone(), server, workers, sweeper, timer })
    }

    /// Closes the doors, then lets the workers end what they have in hand.
    pub async fn stop(self) {
        self.sweeper.abort();
        self.timer.abort();
        // Only a help for other commands: one that is not there any more is not missed.
        let _ = std::fs::remove_file(self.world.url_file());
        self.server.stop(GRACE).await;
        world::stop(self.workers).await;
    }
}

/// `firstlook dev`.
pub async fn dev(args: &Dev) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    let catalog = catalogs::load(&args.dir)?;
    let world = World::open(Folder::open(&args.data)?)?;
    let made_up = world.make_up_secrets(&catalog)?;
    let outside = if args.live { Outside::Real } else { Outside::Inbox(Arc::new(start_inbox(&world).await?)) };
    let address = SocketAddr::from(([127, 0, 0, 1], args.port));
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::because(format!("{address} cannot be listened on ({error}): --port takes another"))
    })?;
    let running = Running::start(listener, &world, &catalog, &outside)?;
    greet(&running, &catalog, &outside, &made_up).await?;
    stop.wanted().await;
    out::say("stopping: what is in hand is ended first");
    running.stop().await;
    Ok(())
}

/// Hears that somebody wants this process to end: Ctrl-C, or a SIGTERM. From when it is made on, so that neither kills
/// what has just begun.
pub struct Stop {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    /// Begins to listen.
    ///
    /// # Errors
    /// What the system said.
    pub fn listen() -> std::io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Resolves when it is wanted.
    pub async fn wanted(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// An inbox on any free port: only this process calls it.
pub async fn start_inbox(world: &World) -> Result<Inbox, Failure> {
    Ok(Inbox::start(SocketAddr::from(([127, 0, 0, 1], 0)), Arc::clone(&world.clock)).await?)
}

async fn greet(running: &Running, catalog: &Catalog, outside: &Outside, made_up: &[String]) -> Result<(), Failure> {
    let style = Style::of_stderr();
    let (url, world) = (&running.url, &running.world);
    out::say(&style.bold(&format!("Firstlook is at work on {url} (Ctrl-C ends it)")));
    out::say("");
    for source in catalog.sources.values() {
        let kind = source.source_type.as_str();
        let note = match (&source.verify.secret, source.scheme()) {
            // Nothing invokes a function here.
            (_, Some(Scheme::Iam)) => continue,
            (Some(key), _) => format!("{kind}, secret `{key}`"),
            (None, _) => kind.to_owned(),
        };
        out::say(&format!("  hook     {url}/hooks/{}   {}", source.name, style.dim(&note)));
    }
    for (schedule, at) in world.timer(catalog)?.next() {
        out::say(&format!(
            "  due      {}   {}",
            at.strftime("%F %H:%M UTC"),
            style.dim(&format!("Schedule `{schedule}`"))
        ));
    }
    out::say(&format!("  console  {}", world.link(url, Scope::List, 1).await?));
    if matches!(outside, Outside::Inbox(_)) {
        out::say(&format!("  inbox    {url}/inbox   {}", style.dim("in place of Slack, PagerDuty, mail and webhooks")));
    }
    out::say(&format!("  data     {}", world.folder.path().display()));
    let secrets = world.folder.secrets();
    if !made_up.is_empty() {
        let keys = made_up.join("`, `");
        out::say("");
        out::say(&format!("  Made up secrets for `{keys}` in {}.", secrets.display()));
        out::say("  Give these to the senders, or put the senders' own there.");
    }
    if matches!(outside, Outside::Real) {
        for key in outlet_keys(catalog) {
            if world.secrets.read(&key).await.is_err() {
                out::say(&format!("  warning: no secret `{key}`: deliveries that need it will fail"));
            }
        }
    }
    for (key, tasks) in catalog.task_secrets() {
        if world.secrets.read(key).await.is_err() {
            let tasks: Vec<&str> = tasks.into_iter().map(domain::Name::as_str).collect();
            out::say(&format!("  warning: no secret `{key}`: calls of `{}` will fail", tasks.join("`, `")));
        }
    }
    for (key, models) in catalog.model_secrets() {
        if world.secrets.read(key).await.is_err() {
            let models: Vec<&str> = models.into_iter().map(domain::Name::as_str).collect();
            out::say(&format!("  warning: no secret `{key}`: the Model `{}` cannot be asked", models.join("`, `")));
        }
    }
    out::say("");
    Ok(())
}

/// What stands at `/`: where everything is.
struct Landing {
    world: World,
    outside: Outside,
}

#[async_trait]
impl HandleHttp for Landing {
    async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        if request.uri().path() != "/" {
            return notice(
                StatusCode::NOT_FOUND,
                "There is nothing here",
                html! { p { a href="/" { "What there is" } } },
            );
        }
        let list = match self.world.link("", Scope::List, 1).await {
            Ok(link) => link,
            Err(error) => {
                tracing::error!(error = ports::chain(&error), "no link can be signed");
                return notice(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "No link can be signed",
                    html! { p { "The log says why." } },
                );
            }
        };
        let body = html! {
            main {
                h1 { "A local world" }
                ul.card {
                    li { a href=(list) { "RunSessions" } }
                    @if matches!(self.outside, Outside::Inbox(_)) {
                        li { a href="/inbox" { "Inbox" } ": what Slack, PagerDuty, mail and the webhooks would have got" }
                    }
                }
                p.soft { "Data in " code { (self.world.folder.path().display()) } }
            }
        };
        Page::new("A local world", body).response()
    }
}
