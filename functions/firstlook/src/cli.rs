//! What the command line takes. Its help is the shortest manual there is, so it has examples that run as they stand.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::{EventId, Name, RunId};

/// Takes the first look at every alert.
///
/// An alert fires, and before the on-call engineer has found the laptop your team's own read-only checks have run and the
/// answer stands in Slack and in PagerDuty.
#[derive(Debug, Parser)]
#[command(name = "firstlook", version, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
    /// Say more on stderr; twice: still more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

const EXAMPLES: &str = "\
Begin here:
  firstlook demo                      the whole way of one alert, on this machine, with no account
  firstlook check infra/workspace     what is wrong with a catalog, with line and mend
  firstlook dev infra/workspace       a catalog at work on loopback

Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 something is wrong, 2 wrong usage.";

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Shows the whole way of one alert on this machine, with no account and nothing to install.
    ///
    /// Starts a small checkout service whose database refuses connections, the pipeline on SQLite, and an inbox that
    /// answers as Slack and PagerDuty do; sends a signed PagerDuty webhook; shows each step, the report, and what Slack,
    /// PagerDuty and a webhook received. Nothing in it is made up: every number was measured by a task that ran.
    #[command(after_help = "Examples:
  firstlook demo              stays, so that you can look around in the browser
  firstlook demo --once       ends when the deliveries stand; for scripts")]
    Demo(Demo),
    /// Names everything that is wrong with a catalog, with file, line and mend.
    #[command(after_help = "Examples:
  firstlook check catalog
  firstlook check catalog --compiled build/catalog.json   also fails when that file is not what `render` writes
  firstlook check catalog --json | jq '.[].code'")]
    Check(Check),
    /// Compiles a catalog into the one file that is deployed, and its Schedules and permissions into templates.
    #[command(after_help = "Examples:
  firstlook render infra/workspace                   beside the two functions that read it, to be deployed with them
  firstlook render catalog --out build/catalog.json --schedules build/schedules.yaml --permissions build/permissions.yaml")]
    Render(Render),
    /// Runs the cases that a catalog's documents carry, without a network.
    #[command(after_help = "Examples:
  firstlook test
  firstlook test --catalog infra/workspace
  firstlook test http-health --catalog infra/workspace")]
    Test(Test),
    /// Lists the shipped Tasks and Commands, or prints one.
    #[command(after_help = "Examples:
  firstlook library
  firstlook library http-service-triage
  firstlook library http-endpoint         put it into your catalog to change it: yours stands in its place")]
    Library(Library),
    /// Runs a catalog on loopback: hooks, workers, console and an inbox in place of Slack, PagerDuty, mail and the others.
    #[command(after_help = "Examples:
  firstlook dev catalog
  firstlook dev catalog --port 8080 --data /tmp/firstlook
  firstlook dev catalog --live        delivers to the real Slack, PagerDuty, mail and the others

Secrets stand in DATA/secrets.json, or in the environment as FIRSTLOOK_SECRET_<KEY>.")]
    Dev(Dev),
    /// Looks at every secret, channel, permission and endpoint that a catalog names, and says what to mend. Posts nothing.
    #[command(after_help = "Examples:
  firstlook doctor --catalog infra/workspace
  firstlook doctor --stack prod
  firstlook doctor --json | jq '.groups[].checks[] | select(.standing == \"mend\")'

It ends with 1 when something is to be mended.")]
    Doctor(Doctor),
    /// Runs one Command by hand and prints its report.
    #[command(after_help = "Examples:
  firstlook run checkout-triage
  firstlook run checkout-triage --with namespace=checkout --with depth=100
  firstlook run checkout-triage --json | jq .run.report.verdict
  firstlook run checkout-triage --preview slack,pagerduty   what these would be sent; nothing is
  firstlook run checkout-triage --stack prod")]
    Run(Run),
    /// Signs a webhook as its sender would, and posts it.
    #[command(after_help = "Examples:
  firstlook send events/webhooks/pagerduty/triggered.json --source pagerduty
  firstlook send alert.json --source tickets --stack prod
  firstlook send alert.json --source tickets --url https://firstlook.example.com --stack prod

The body is sent as it is, so the same file twice is one event and one duplicate.")]
    Send(Send),
    /// Posts an event of a RunSession to its Source once more, signed anew.
    #[command(after_help = "Examples:
  firstlook replay run_01KAPW8Z000000000000000001
  firstlook replay run_01KAPW8Z000000000000000001 --event evt_01KAPW8Z000000000000000002
  firstlook replay run_01KAPW8Z000000000000000001 --stack prod

It says what came of it: a RunSession that it opened or attached to, or that it is a delivery which had come already.")]
    Replay(Replay),
    /// Lists RunSessions, or shows one.
    #[command(
        subcommand,
        after_help = "Examples:
  firstlook runs list
  firstlook runs list --day 2026-01-31 --json
  firstlook runs show run_01KAPW8Z000000000000000001"
    )]
    Runs(Runs),
    /// Sends dead letters back to where they were for.
    #[command(after_help = "Examples:
  firstlook redrive                        all that there are
  firstlook redrive deliver --stack prod
  firstlook redrive alarms --stack prod    CloudWatch alarms that ingest could not take")]
    Redrive(Redrive),
    /// Prints a signed link to the console: to the list, or to one RunSession.
    #[command(after_help = "Examples:
  firstlook link
  firstlook link run_01KAPW8Z000000000000000001 --days 7
  firstlook link --stack prod")]
    Link(Link),
}

/// Which world.
#[derive(Debug, Clone, Args)]
pub struct World {
    /// The folder of the local world.
    #[arg(long, value_name = "DIR", default_value = ".firstlook")]
    pub data: PathBuf,
    /// The deployed stack of this name instead, with the credentials in the environment
    /// (`eval "$(aws configure export-credentials --format env)"`).
    #[arg(long, value_name = "NAME")]
    pub stack: Option<String>,
    /// The stack's secret, by ARN or name; default: its output SecretArn, and with --url NAME-secrets.
    #[arg(long, value_name = "ARN", requires = "stack")]
    pub secret_id: Option<String>,
}

#[derive(Debug, Args)]
pub struct Demo {
    /// End when the deliveries stand, instead of staying until Ctrl-C.
    #[arg(long)]
    pub once: bool,
    /// The folder of the demo's world; what an earlier demo left in it is removed.
    #[arg(long, value_name = "DIR", default_value = ".firstlook/demo")]
    pub data: PathBuf,
    /// The port to listen on; default: 4400, or any free one when that is taken.
    #[arg(long)]
    pub port: Option<u16>,
}

#[derive(Debug, Args)]
pub struct Check {
    /// The catalog's folder.
    pub dir: PathBuf,
    /// A file that `render` wrote: it must be what the catalog compiles to now.
    #[arg(long, value_name = "FILE")]
    pub compiled: Option<PathBuf>,
    /// A template of Schedules that `render` wrote: it must be what the catalog gives now.
    #[arg(long, value_name = "FILE")]
    pub schedules: Option<PathBuf>,
    /// A template of permissions that `render` wrote: it must be what the catalog gives now.
    #[arg(long, value_name = "FILE")]
    pub permissions: Option<PathBuf>,
    /// Print the problems as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Render {
    /// The catalog's folder.
    pub dir: PathBuf,
    /// Where to write; may stand several times.
    #[arg(
        long,
        value_name = "FILE",
        default_values = [
            "target/lambda/ingest/catalog.json",
            "target/lambda/investigate/catalog.json",
            "target/lambda/deliver/catalog.json"
        ]
    )]
    pub out: Vec<PathBuf>,
    /// Where to write the Schedules, as a CloudFormation template.
    #[arg(long, value_name = "FILE", default_value = "target/lambda/schedules.yaml")]
    pub schedules: PathBuf,
    /// Where to write what investigate may ask of AWS and deliver may send by e-mail, as a CloudFormation template.
    #[arg(long, value_name = "FILE", default_value = "target/lambda/permissions.yaml")]
    pub permissions: PathBuf,
}

#[derive(Debug, Args)]
pub struct Test {
    /// Only the cases with this text in their line.
    pub filter: Option<String>,
    /// The catalog's folder.
    #[arg(long, value_name = "DIR", default_value = "catalog")]
    pub catalog: PathBuf,
}

#[derive(Debug, Args)]
pub struct Library {
    /// The document to print; default: the list of all.
    pub name: Option<Name>,
}

#[derive(Debug, Args)]
pub struct Dev {
    /// The catalog's folder.
    pub dir: PathBuf,
    /// The folder of the local world.
    #[arg(long, value_name = "DIR", default_value = ".firstlook")]
    pub data: PathBuf,
    /// The port to listen on.
    #[arg(long, default_value_t = 4400)]
    pub port: u16,
    /// Deliver to the real Slack, PagerDuty, mail (SES) and the others instead of the inbox.
    #[arg(long)]
    pub live: bool,
}

#[derive(Debug, Args)]
pub struct Doctor {
    /// The catalog's folder.
    #[arg(long, value_name = "DIR", default_value = "catalog")]
    pub catalog: PathBuf,
    /// Where the stack's hooks and console are. Default: its outputs HooksUrl and ConsoleUrl.
    #[arg(long, requires = "stack")]
    pub url: Option<String>,
    /// Print what was seen as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub world: World,
}

#[derive(Debug, Args)]
pub struct Run {
    /// The Command.
    pub command: Name,
    /// A parameter of it.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub with: Vec<(String, String)>,
    /// The catalog's folder; not needed with --stack, which has its own.
    #[arg(long, value_name = "DIR", default_value = "catalog")]
    pub catalog: PathBuf,
    /// Let this Assistant read what the checks find, as a Workflow does. Its model is asked, and costs.
    #[arg(long, value_name = "NAME", conflicts_with = "stack")]
    pub assistant: Option<Name>,
    /// Print the whole RunSession as JSON.
    #[arg(long)]
    pub json: bool,
    /// Print what these outlets would be sent, in place of the report. Nothing is sent.
    #[arg(long, value_name = "OUTLET,...", value_delimiter = ',', conflicts_with_all = ["json", "stack"])]
    pub preview: Vec<String>,
    #[command(flatten)]
    pub world: World,
}

#[derive(Debug, Args)]
pub struct Send {
    /// The body, as the sender would send it.
    pub file: PathBuf,
    /// The Source.
    #[arg(long, value_name = "NAME")]
    pub source: Name,
    #[command(flatten)]
    pub hooks: Hooks,
}

/// Where webhooks go, and what signs them.
#[derive(Debug, Args)]
pub struct Hooks {
    /// The catalog's folder.
    #[arg(long, value_name = "DIR", default_value = "catalog")]
    pub catalog: PathBuf,
    /// Where the hooks are. Default: the stack's output HooksUrl, or the local world.
    #[arg(long)]
    pub url: Option<String>,
    /// The secret that signs; default: that of the world under the key that the Source names.
    #[arg(long, value_name = "SECRET", env = "FIRSTLOOK_SIGNING_SECRET", hide_env_values = true)]
    pub signing_secret: Option<String>,
    #[command(flatten)]
    pub world: World,
}

#[derive(Debug, Args)]
pub struct Replay {
    /// The RunSession.
    pub run: RunId,
    /// Which of its events; default: the one that opened it.
    #[arg(long, value_name = "ID")]
    pub event: Option<EventId>,
    /// The Source that it came from; default: that of the event that opened the RunSession.
    #[arg(long, value_name = "NAME")]
    pub source: Option<Name>,
    #[command(flatten)]
    pub hooks: Hooks,
}

#[derive(Debug, Subcommand)]
pub enum Runs {
    /// The RunSessions of a day, newest first, and the events that none followed from.
    List {
        /// The day (UTC); default: the newest day of the last seven that has any.
        #[arg(long)]
        day: Option<jiff::civil::Date>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// One JSON object with `runs` and `unmatched`.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        world: World,
    },
    /// One RunSession.
    Show {
        /// Its id.
        id: RunId,
        /// The whole of it as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        world: World,
    },
}

/// The queues that have dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RedriveQueue {
    Investigate,
    Deliver,
    /// CloudWatch alarms, which go to ingest again. Only on a stack.
    Alarms,
}

#[derive(Debug, Args)]
pub struct Redrive {
    /// Which; default: all that there are.
    pub queue: Option<RedriveQueue>,
    #[command(flatten)]
    pub world: World,
}

#[derive(Debug, Args)]
pub struct Link {
    /// The RunSession; default: the list of all.
    pub run: Option<RunId>,
    /// How long it opens.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=90))]
    pub days: u16,
    /// Where the console is. Default: the stack's output ConsoleUrl, or the local world.
    #[arg(long)]
    pub url: Option<String>,
    #[command(flatten)]
    pub world: World,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_value_may_hold_an_equals_sign() {
        assert_eq!(key_value("query=a=b"), Ok(("query".into(), "a=b".into())));
        assert_eq!(key_value("empty="), Ok(("empty".into(), String::new())));
        assert!(key_value("=x").is_err() && key_value("x").is_err());
    }

    /// Every example in the help is a command that is taken.
    #[test]
    fn the_examples_in_the_help_are_real() {
        let mut seen = 0;
        let mut command = Cli::command();
        command.build();
        let helps = command
            .get_subcommands()
            .filter_map(|verb| verb.get_after_help())
            .chain(command.get_after_help())
            .map(ToString::to_string)
            .collect::<Vec<_>>();
        for line in helps.iter().flat_map(|help| help.lines()) {
            let Some(example) = line.trim().strip_prefix("firstlook ") else { continue };
            let example = example.split("  ").next().unwrap().split(" | ").next().unwrap();
            let words = std::iter::once("firstlook").chain(example.split_whitespace());
            if let Err(error) = Cli::try_parse_from(words) {
                panic!("`firstlook {example}`: {error}");
            }
            seen += 1;
        }
        assert!(seen >= 20, "{seen}");
    }
}
