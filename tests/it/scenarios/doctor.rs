//! `firstlook doctor --stack NAME` against the deployed stack: what it says, and that it only reads.

use jiff::{Timestamp, tz::TimeZone};
use ports::Queue;

use super::{
    aws::Aws,
    command_line::{Said, Terminal, steady},
    schedule,
};
use crate::{
    aws_world::deploy::STACK,
    support::{
        catalog::NIGHTLY_AT,
        world::{World, until},
    },
};

/// Calls it, and holds it to having changed nothing anywhere.
async fn look(world: &Aws, terminal: &Terminal, words: &[&str]) -> Said {
    let queues = [Queue::Investigate, Queue::InvestigateDlq, Queue::Deliver, Queue::DeliverDlq];
    for queue in queues {
        until(&format!("{queue:?} to be empty"), async || (world.depth(queue).await == 0).then_some(())).await;
    }
    let day = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let runs = async || world.reader().runs_of_day(day, 1_000, None).await.unwrap().runs;
    let (posts, asked, read, before) =
        (world.inbox().posts().len(), world.inbox().requests().len(), world.models().calls().len(), runs().await);
    let api = world.deployment.api();
    api.trail(true).await;
    let start = Timestamp::now();
    let said = terminal.call(&[&["doctor", "--stack", STACK, "--url", "URL"][..], words].concat()).await;
    let called = api.called_since(start).await;
    api.trail(false).await;
    assert!(!said.stderr.contains("panicked"), "{said:?}");

    assert!((10..50).contains(&called.len()), "of all calls the newest 50 are known: {called:?}");
    assert!(called.iter().all(|(_, reads)| *reads), "{called:?}");
    assert_eq!(world.inbox().posts().len(), posts);
    let requests = world.inbox().requests();
    assert!(requests.len() > asked, "nobody was asked");
    assert!(requests[asked..].iter().all(|request| request.method == "GET"), "{:?}", &requests[asked..]);
    assert_eq!(world.models().calls().len(), read, "a model was asked for a turn");
    for queue in queues {
        assert_eq!(world.depth(queue).await, 0, "{queue:?}");
    }
    assert_eq!(runs().await, before);
    said
}

/// First as it stands after a deploy, with what is missing yet; then with all of it.
pub async fn i13_a_look_at_the_whole_setup_of_a_stack_only_reads(world: &Aws) {
    let terminal = Terminal::open(world).await;
    let said = look(world, &terminal, &[]).await;
    steady(&terminal, &said.stdout, |settings, text| settings.bind(|| insta::assert_snapshot!("doctor", text)));
    assert_eq!((said.code, said.stderr.as_str()), (1, "looking\n"), "{said:?}");

    // Each thing as it was said to be mended: those of the catalog are not deployed.
    world.inbox().open_channel("told");
    terminal.change_catalog("note: true }", "note: true, from: firstlook@example.com }");
    terminal.change_catalog("eu.anthropic.claude-of-the-scenarios-v1:0", "anthropic.claude-3-haiku-20240307-v1:0");
    world.deployment.api().verify_domain("example.com").await;
    world.deployment.schedule(NIGHTLY_AT).await;
    // It is long due, and must not run in the middle of a look.
    schedule::i3_what_the_clock_says_becomes_one_run_and_its_delivery(world).await;
    let topic = world.deployment.api().topic("people").await;
    world.deployment.watch(&topic).await;
    world.deployment.take_alarms(&topic).await;
    let said = look(world, &terminal, &["--json"]).await;
    assert_eq!((said.code, said.stderr.as_str()), (0, "looking\n"), "{said:?}");
    let seen = said.json();
    let what = |standing: &str| -> Vec<String> {
        let groups = seen["groups"].as_array().unwrap().iter();
        let checks = groups.flat_map(|group| group["checks"].as_array().unwrap());
        checks
            .filter(|check| check["standing"] == standing)
            .map(|check| check["what"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(what("mend"), Vec::<String>::new());
    for well in [
        "alarms that are quiet: 15 of 15",
        "queue firstlook-alarms-dlq: no dead letters",
        "Schedule nightly is deployed",
    ] {
        assert!(what("ok").iter().any(|what| what == well), "{well}: {seen:#}");
    }
}
