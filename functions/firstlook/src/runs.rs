//! `run`, `runs` and `link`: the same verbs in the local world and on a stack.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use catalog::Catalog;
use console::words;
use domain::{CommandRequest, EventId, InvestigateMessage, Name, RunId, RunStatus, RunView};
use jiff::{ToSpan, civil::Date, tz::TimeZone};
use local::Folder;
use ports::{Clock, Entropy, OsEntropy, Queue, ReadSecret, SendMessage, SystemClock};
use serde_json::{Map, Value, json};
use store::{Reader, RunPage, UnmatchedPage, link::Scope};

use crate::{
    catalogs,
    cli::{Link, Run, Runs, World as Which},
    failure::Failure,
    follow::{Follower, Progress},
    out::{self, Style},
    preview, report,
    stack::{Address, Stack},
    world::{self, World},
};

/// How many days back `runs list` looks for one with runs.
const LOOK_BACK: usize = 7;

/// Which table is read.
pub fn reader(which: &Which) -> Result<Reader, Failure> {
    match &which.stack {
        Some(name) => Ok(Stack::connect(name)?.reader()),
        None => Ok(existing(&which.data)?.store.reader()),
    }
}

/// The local world in `folder`, which must be there.
pub fn existing(folder: &Path) -> Result<World, Failure> {
    World::open_existing(folder)?.ok_or_else(|| {
        Failure::because(format!(
            "there is no local world in {}: `firstlook dev` makes one, --data names another, --stack NAME a deployed one",
            folder.display()
        ))
    })
}

/// `firstlook run`.
pub async fn run(args: &Run) -> Result<(), Failure> {
    let with: Map<String, Value> =
        args.with.iter().map(|(key, value)| (key.clone(), Value::String(value.clone()))).collect();
    let now = SystemClock.now();
    let request = CommandRequest {
        id: EventId::mint(now, OsEntropy.random()),
        command: args.command.clone(),
        with,
        by: whoami(),
        requested_at: now,
        asked_in: None,
        assistant: args.assistant.clone(),
    };
    let view = match &args.world.stack {
        Some(name) => run_on_stack(&Stack::connect(name)?, request).await?,
        None => run_here(args, request).await?,
    };
    if !args.preview.is_empty() {
        // `run_here` has printed them.
    } else if args.json {
        out::print(&serde_json::to_string_pretty(&view)?)?;
    } else {
        out::print(&report::text(&view, Style::of_stdout()))?;
    }
    if view.run.status == RunStatus::Concluded { Ok(()) } else { Err(Failure::Told) }
}

async fn run_here(args: &Run, request: CommandRequest) -> Result<RunView, Failure> {
    let catalog = catalogs::load_for(&args.catalog, Some(&args.command))?;
    check_request(&catalog, &request)?;
    let previewed = preview::wanted(&catalog, &args.command, &args.preview)?;
    let world = World::open(Folder::open(&args.world.data)?)?;
    let worker = world.work_investigate(&catalog)?;
    let run = send(&world.queues, request).await?;
    let progress = Progress::begin("investigating");
    let view = Follower::new(world.store.reader(), run, Duration::from_millis(50)).until_its_end(&progress).await;
    drop(progress);
    world::stop(vec![worker]).await;
    let view = view?;
    if view.run.catalog != catalog.digest {
        out::say(
            "note: another process took this run, with the catalog that it has loaded: start `firstlook dev` again after a change",
        );
    }
    if !previewed.is_empty() {
        let link = world.link(&world_url(&world), Scope::Run(view.run.id), store::link::DAYS).await?;
        out::print(&preview::text(&view, &previewed, &link, world.clock.now(), Style::of_stdout())?)?;
    }
    Ok(view)
}

async fn run_on_stack(stack: &Stack, request: CommandRequest) -> Result<RunView, Failure> {
    let queues = stack.queues(&[Queue::Investigate]).await?;
    let run = send(&queues, request).await?;
    let progress = Progress::begin(&format!("sent as {run}; waiting for the stack"));
    Follower::new(stack.reader(), run, Duration::from_secs(1)).until_its_end(&progress).await
}

/// Says at once what the run would fail by.
fn check_request(catalog: &Catalog, request: &CommandRequest) -> Result<(), Failure> {
    if !catalog.commands.contains_key(&request.command) {
        let known: Vec<&str> = catalog.commands.keys().map(Name::as_str).collect();
        let reason = format!("the catalog has no Command `{}`; it has {}", request.command, known.join(", "));
        return Err(Failure::Usage(reason));
    }
    if let Some(name) = request.assistant.as_ref().filter(|name| !catalog.assistants.contains_key(*name)) {
        let known: Vec<&str> = catalog.assistants.keys().map(Name::as_str).collect();
        let has = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(Failure::Usage(format!("the catalog has no Assistant `{name}`; it has {has}")));
    }
    let given: BTreeMap<String, Value> = request.with.clone().into_iter().collect();
    engine::parameters(catalog, &request.command, &given, None).map_err(Failure::Usage)?;
    Ok(())
}

async fn send(queue: &dyn SendMessage, request: CommandRequest) -> Result<RunId, Failure> {
    let run = RunId::opened_by(request.id);
    let group = request.command.to_string();
    let body = serde_json::to_string(&InvestigateMessage::CommandV1 { request: Box::new(request) })?;
    queue.send(Queue::Investigate, &body, &group, Duration::ZERO).await?;
    Ok(run)
}

/// Who asks, for people.
fn whoami() -> String {
    let named = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    named("USER").or_else(|| named("USERNAME")).unwrap_or_else(|| "the command line".to_owned())
}

/// `firstlook runs`.
pub async fn runs(args: &Runs) -> Result<(), Failure> {
    match args {
        Runs::List { day, limit, json, world } => list(&reader(world)?, *day, *limit, *json).await,
        Runs::Show { id, json, world } => {
            let Some(mut view) = reader(world)?.view(*id).await? else {
                return Err(Failure::because(format!(
                    "there is no run {id}; they are kept for {} days",
                    store::RUN_DAYS
                )));
            };
            if *json {
                view.run.lease = None;
                view.targets.iter_mut().for_each(|target| target.lease = None);
                out::print(&serde_json::to_string_pretty(&view)?)?;
            } else {
                out::print(&report::text(&view, Style::of_stdout()))?;
            }
            Ok(())
        }
    }
}

async fn list(reader: &Reader, day: Option<Date>, limit: usize, as_json: bool) -> Result<(), Failure> {
    let today = SystemClock.now().to_zoned(TimeZone::UTC).date();
    let (day, runs, unmatched) = match day {
        Some(day) => {
            (day, reader.runs_of_day(day, limit, None).await?, reader.unmatched_of_day(day, limit, None).await?)
        }
        None => newest_day(reader, today, limit).await?,
    };
    if as_json {
        let mut runs = runs.runs;
        runs.iter_mut().for_each(|run| run.lease = None);
        let all = json!({"day": day, "runs": runs, "unmatched": unmatched.events});
        out::print(&serde_json::to_string_pretty(&all)?)?;
        return Ok(());
    }
    let style = Style::of_stdout();
    for run in &runs.runs {
        out::print(&report::line(run, style))?;
    }
    for event in &unmatched.events {
        let at = event.received_at.strftime("%Y-%m-%d %H:%M:%S");
        let (summary, reason) = (words::plain(&event.summary), words::plain(&event.reason));
        out::print(&format!("{}  {at}  {:<13}  {summary}  {}", event.id, "unmatched", style.dim(&reason)))?;
    }
    if runs.runs.is_empty() && unmatched.events.is_empty() {
        out::say(&format!("nothing came on {day} (UTC)"));
    }
    if runs.next.is_some() || unmatched.next.is_some() {
        out::say(&format!("there are more on {day}: --limit shows more of them"));
    }
    Ok(())
}

/// The newest of the last days that has anything.
async fn newest_day(reader: &Reader, today: Date, limit: usize) -> Result<(Date, RunPage, UnmatchedPage), Failure> {
    let mut day = today;
    for _ in 0..LOOK_BACK {
        let runs = reader.runs_of_day(day, limit, None).await?;
        let unmatched = reader.unmatched_of_day(day, limit, None).await?;
        if !runs.runs.is_empty() || !unmatched.events.is_empty() {
            return Ok((day, runs, unmatched));
        }
        day = day.checked_sub(1.day())?;
    }
    Ok((today, RunPage::default(), UnmatchedPage::default()))
}

/// `firstlook link`.
pub async fn link(args: &Link) -> Result<(), Failure> {
    let scope = args.run.map_or(Scope::List, Scope::Run);
    let (base, secrets): (String, Arc<dyn ReadSecret>) = match &args.world.stack {
        Some(name) => Stack::connect(name)?.address(Address::Console, args.url.as_deref(), &args.world).await?,
        None => {
            let world = existing(&args.world.data)?;
            (args.url.clone().unwrap_or_else(|| world_url(&world)), Arc::clone(&world.secrets) as Arc<_>)
        }
    };
    let link = world::sign_link(secrets.as_ref(), &SystemClock, &base, scope, args.days.into()).await?;
    Ok(out::print(&link)?)
}

/// Where the world's server is, or would be.
pub fn world_url(world: &World) -> String {
    let told = std::fs::read_to_string(world.url_file()).map(|url| url.trim().to_owned());
    told.ok().filter(|url| !url.is_empty()).unwrap_or_else(|| "http://127.0.0.1:4400".to_owned())
}
