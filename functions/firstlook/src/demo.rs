//! `demo`: the whole way of one alert, on this machine. What is shown was measured: the tasks really ask a small
//! service whose worker really cannot reach its database.

pub mod catalog;
pub mod checkout;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use ::catalog::Catalog;
use domain::{EventId, RunId};
use inbox::Inbox;
use jiff::Timestamp;
use local::Folder;
use ports::ReadSecret;
use serde_json::{Value, json};
use store::link::Scope;
use tokio::net::TcpListener;
use url::Url;

use crate::{
    catalogs::{self, FileError},
    cli::Demo,
    dev::{Running, Stop, start_inbox},
    failure::Failure,
    follow::{Follower, Progress, went_well},
    out::{self, Style},
    posts, report, send,
    world::{Outside, World},
};
use checkout::Service;

/// The port that is tried first.
const PORT: u16 = 4400;

/// The alert: a real sample of PagerDuty's form.
const WEBHOOK: &str = include_str!("../../../events/webhooks/pagerduty/triggered.json");

/// How many orders must wait, and how many connections be refused, before anybody would be paged.
const ALARM: (usize, u64) = (20, 10);

/// Where the team's own webhook would be; the inbox stands in for it.
const TEAM_WEBHOOK: &str = "https://tickets.example/hooks/firstlook";

/// How many lines of a webhook's body are shown.
const LINES: usize = 24;

/// `firstlook demo`.
pub async fn demo(args: &Demo) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    let style = Style::of_stderr();
    let shop = Service::start().await?;
    let world = World::open(Folder::open_fresh(&args.data)?)?;
    let catalog = write_catalog(&args.data.join("catalog"), &shop)?;
    world.make_up_secrets(&catalog)?;
    let inbox = Arc::new(start_inbox(&world).await?);
    let outside = Outside::Inbox(Arc::clone(&inbox));
    let running = Running::start(listen(args.port).await?, &world, &catalog, &outside)?;

    let told = tokio::select! {
        told = tell(&running, &world, &catalog, &shop, &inbox, style) => told.map(Some),
        () = stop.wanted() => Ok(None),
    };
    let ended = match told {
        Ok(Some(run)) if !args.once => {
            let invited = invite(&running, &world, &shop, run, &args.data, style).await;
            if invited.is_ok() {
                stop.wanted().await;
            }
            invited
        }
        Ok(Some(_)) => Ok(()),
        // Half a story is no success for a script.
        Ok(None) => Err(Failure::Told),
        Err(failure) => Err(failure),
    };
    running.stop().await;
    ended
}

async fn listen(port: Option<u16>) -> Result<TcpListener, Failure> {
    let bind = |port| TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port)));
    match port {
        Some(port) => Ok(bind(port).await?),
        None => match bind(PORT).await {
            Ok(listener) => Ok(listener),
            Err(_) => Ok(bind(0).await?),
        },
    }
}

/// Writes the catalog with the real ports into `folder`, to be looked at and changed, and reads it from there.
fn write_catalog(folder: &Path, shop: &Service) -> Result<Arc<Catalog>, Failure> {
    catalog::write(folder, shop, TEAM_WEBHOOK).map_err(FileError::new("write the catalog to", folder))?;
    catalogs::load(folder)
}

/// The story, from the fault to what stands in Slack.
async fn tell(
    running: &Running,
    world: &World,
    catalog: &Catalog,
    shop: &Service,
    inbox: &Inbox,
    style: Style,
) -> Result<RunId, Failure> {
    out::say(&style.bold("1. Something breaks"));
    out::say(&format!("   A deploy of the checkout service on {} changes the address of its database", shop.url()));
    out::say(&format!("   to 127.0.0.1:{}, where nobody listens.", shop.database_port()));
    let progress = Progress::begin("   Its orders pile up.");
    let (depth, refused) = ALARM;
    let waiting = shop.until_failing(refused, depth).await;
    drop(progress);
    out::say(&format!("   {waiting} orders wait and none is stored any more: somebody is paged."));

    out::say(&style.bold("2. PagerDuty sends its webhook"));
    let event = page(running, world, catalog).await?;
    let run = RunId::opened_by(event);
    out::say(&format!("   POST {}/hooks/pagerduty, signed: 202, {event}", running.url));

    out::say(&style.bold("3. The first look"));
    let mut follower = Follower::new(world.store.reader(), run, Duration::from_millis(20));
    let progress = Progress::begin("   investigating");
    follower.until_its_end(&progress).await?;
    progress.now("   delivering");
    let view = follower.until_delivered(&progress).await?;
    drop(progress);

    let page = Style::of_stdout();
    out::say(&style.bold("4. The report"));
    out::say("");
    out::print(&report::text(&view, page))?;
    out::say("");
    out::say(&style.bold("5. What arrived where people are"));
    let mut received = inbox.posts();
    received.sort_by_key(|posted| posted.service);
    for posted in received {
        let body = indented(&posts::body(&posted, LINES));
        out::print(&format!("\n{}\n{body}", page.bold(&posts::heading(&posted))))?;
    }
    if went_well(&view) {
        Ok(run)
    } else {
        out::say(&style.bad("the run did not conclude, or a delivery failed"));
        Err(Failure::Told)
    }
}

/// Sends the sample as PagerDuty would send it now, and gives the event's id.
async fn page(running: &Running, world: &World, catalog: &Catalog) -> Result<EventId, Failure> {
    let source = catalog
        .sources
        .get("pagerduty")
        .ok_or_else(|| Failure::because("the demo's catalog has no Source `pagerduty`"))?;
    let body = serde_json::to_vec(&happening_now(WEBHOOK, world.clock.now())?)?;
    let key = source.verify.secret.as_deref().ok_or_else(|| Failure::because("the demo's Source has no secret"))?;
    let secret = world.secrets.read(key).await?.into_iter().next();
    let secret = secret.ok_or_else(|| Failure::because("the demo has no signing secret"))?;
    let headers = sources::sign(source, &body, &secret, "demo", world.clock.now())?.headers;
    let url: Url = format!("{}/hooks/pagerduty", running.url).parse()?;
    let (status, answer) = send::post(&url, headers, body, None).await?;
    let answer: Value = serde_json::from_str(&answer).unwrap_or(Value::String(answer));
    let event = answer.pointer("/event").and_then(Value::as_str).and_then(|id| id.parse().ok());
    match (status, event) {
        (202, Some(event)) => Ok(event),
        _ => Err(Failure::because(format!("the webhook was answered with {status}: {answer}"))),
    }
}

/// The sample with the times of now: nothing else of it is changed.
fn happening_now(sample: &str, now: Timestamp) -> Result<Value, Failure> {
    let now = Timestamp::from_millisecond(now.as_millisecond())?;
    let mut webhook: Value = serde_json::from_str(sample)?;
    for pointer in ["/event/occurred_at", "/event/data/created_at"] {
        if let Some(time) = webhook.pointer_mut(pointer) {
            *time = json!(now);
        }
    }
    Ok(webhook)
}

async fn invite(
    running: &Running,
    world: &World,
    shop: &Service,
    run: RunId,
    data: &Path,
    style: Style,
) -> Result<(), Failure> {
    let url = &running.url;
    let data = data.display();
    out::say("");
    out::say(&style.bold("Look around (Ctrl-C ends it)"));
    out::say(&format!("   this RunSession  {}", world.link(url, Scope::Run(run), 1).await?));
    out::say(&format!("   all of them      {}", world.link(url, Scope::List, 1).await?));
    out::say(&format!("   the inbox        {url}/inbox"));
    out::say(&format!("   the service      {}/healthz", shop.url()));
    out::say(&format!("   the catalog      {data}/catalog"));
    out::say("");
    out::say("   Mend the service, and when its orders are done (half a minute) take another look:");
    out::say(&format!("     curl -X POST {}/mend", shop.url()));
    out::say(&format!("     firstlook run checkout-triage --catalog {data}/catalog --data {data}"));
    Ok(())
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  | {line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
