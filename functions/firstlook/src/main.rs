//! The command line of Firstlook, and the wiring of its local world.

mod cases;
mod catalogs;
mod cli;
mod demo;
mod dev;
mod doctor;
mod drawn;
mod failure;
mod follow;
mod inbox_page;
mod out;
mod posts;
mod preview;
mod redrive;
mod replay;
mod report;
mod runs;
mod send;
mod shelf;
mod stack;
mod world;

use std::process::ExitCode;

use clap::Parser;
use tracing::Level;
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
};

use crate::{
    cli::{Cli, Verb},
    failure::Failure,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    log(&cli);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(error).exit(),
    };
    match runtime.block_on(act(&cli.verb)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.exit(),
    }
}

async fn act(verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Demo(args) => demo::demo(args).await,
        Verb::Check(args) => catalogs::check(args),
        Verb::Render(args) => catalogs::render(args),
        Verb::Test(args) => cases::test(args),
        Verb::Library(args) => shelf::library(args),
        Verb::Dev(args) => dev::dev(args).await,
        Verb::Doctor(args) => doctor::doctor(args).await,
        Verb::Run(args) => runs::run(args).await,
        Verb::Send(args) => send::send(args).await,
        Verb::Replay(args) => replay::replay(args).await,
        Verb::Runs(args) => runs::runs(args).await,
        Verb::Redrive(args) => redrive::redrive(args).await,
        Verb::Link(args) => runs::link(args).await,
    }
}

/// The log, on stderr. `dev` shows what its handlers do; the other verbs tell their own story, and only what goes wrong
/// interrupts it. What libraries say below a warning is not heard: it may hold headers and bodies (I9).
fn log(cli: &Cli) {
    let quiet = if matches!(cli.verb, Verb::Dev(_)) { Level::INFO } else { Level::WARN };
    let level = match cli.verbose {
        0 => quiet,
        1 => Level::INFO.max(quiet),
        _ => Level::DEBUG,
    };
    let ours = ["firstlook", "ingest", "investigate", "deliver", "console"];
    let targets = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_targets(ours.map(|target| (target, LevelFilter::from_level(level))));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(out::Style::of_stderr() == out::Style::Dressed)
        .with_target(false)
        .with_filter(targets);
    // Nobody else sets one in this process.
    let _ = tracing::subscriber::set_global_default(Registry::default().with(lines));
}
