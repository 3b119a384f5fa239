//! What became of events, as the metric filters of `infra/observability.yaml` count it in the log of the functions.

use super::{aws::Aws, incident, storm};
use crate::{
    aws_world::metrics::{Filter, filters},
    support::{
        pages::page,
        world::{World, settled, until},
    },
};

/// Events of every kind of outcome, in the log that the deployed functions wrote of them.
pub async fn i3_what_is_over_max_open_is_gathered_and_all_of_it_is_in_the_metrics(world: &Aws) {
    let storm = storm::i3_what_is_over_max_open_is_gathered_until_there_is_room(world).await;
    let name = incident("metrics");
    let event = |kind: &str, service: &str, delivery: &str| {
        page(&format!("incident.{kind}"), &name, service, &format!("{name}-{delivery}"), "2026-11-22T10:00:00Z")
    };
    let opens = event("triggered", "PCHAT", "1");
    let run = world.post("pagerduty", &opens).await.run();
    settled(world, run).await;
    assert_eq!(world.post("pagerduty", &opens).await.status, 202);
    assert_eq!(world.post("pagerduty", &event("acknowledged", "PCHAT", "2")).await.status, 202);
    assert_eq!(world.post("pagerduty", &event("triggered", "PNOBODY", "3")).await.status, 202);
    let mut forged = opens;
    forged.body.push(b' ');
    assert_eq!(world.post("pagerduty", &forged).await.status, 401);

    // Other scenarios run beside this one: only what names its runs or its source is exact.
    let api = world.deployment.api();
    let all = filters();
    let of = |metric: &str| all.iter().find(|filter| filter.metric == metric).unwrap_or_else(|| panic!("no {metric}"));
    let count = async |filter: &Filter, about: &str| {
        let lines = api.log(&filter.log_group.replace("${Firstlook}", crate::aws_world::deploy::STACK)).await;
        lines.iter().filter(|line| line.contains(about) && filter.matches(line)).count()
    };
    let (run, storm) = (run.to_string(), storm.to_string());
    for (metric, about, times) in [
        ("Opened", &run, 1),
        ("Duplicates", &run, 1),
        ("Attached", &run, 1),
        ("Opened", &storm, 1),
        ("Gathered", &storm, 1),
    ] {
        let what = format!("{metric} of {about}");
        until(&what, async || (count(of(metric), about).await == times).then_some(())).await;
    }
    for (metric, about) in
        [("Accepted", "pagerduty"), ("Refused", "pagerduty"), ("Unmatched", "pagerduty"), ("Delivered", run.as_str())]
    {
        until(metric, async || (count(of(metric), about).await > 0).then_some(())).await;
    }
}
