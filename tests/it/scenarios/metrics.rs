//! What became of events, as the metric filters of `infra/observability.yaml` count it in the log of the functions.

use inbox::Wire;

use super::{aws::Aws, incident, reading, storm};
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

/// What a model used stands in the log of investigate, from which the metrics are made, as it stands on the run.
pub async fn i11_i12_a_model_of_messages_reads_and_cites_and_what_it_used_is_in_the_metrics(world: &Aws) {
    let view = reading::reads_and_cites(world, "PMESSAGES", "messages", Wire::Anthropic).await;
    let (run, cost) = (view.run.id.to_string(), view.run.cost);
    let (api, all) = (world.deployment.api(), filters());
    let of = |metric: &str| all.iter().find(|filter| filter.metric == metric).unwrap_or_else(|| panic!("no {metric}"));
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    for (metric, wanted) in [
        ("Turns", cost.turns as f64),
        ("Tokens", cost.usage.total() as f64),
        ("Usd", cost.usd.usd()),
        ("TurnsLost", 0.0),
        ("UsdLost", 0.0),
    ] {
        let filter = of(metric);
        until(&format!("{metric} of {run}: {wanted}"), async || {
            let lines = api.log(&filter.log_group.replace("${Firstlook}", crate::aws_world::deploy::STACK)).await;
            let sum: f64 = lines.iter().filter(|line| line.contains(&run)).filter_map(|line| filter.adds(line)).sum();
            ((sum - wanted).abs() < 1e-9).then_some(())
        })
        .await;
    }
}
