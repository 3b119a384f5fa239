//! Accounts, and what the AWS task kinds share.

use std::{sync::LazyLock, time::Duration};

use regex::Regex;

use super::{Desk, Spot};
use crate::{
    aws::{NotAsked, operation},
    bind::cut,
    expr::Template,
    model::{AwsApiRun, CloudwatchAlarmsRun, CloudwatchMetricsRun, Nested, Parameters},
    problem::Code,
    schema::DocKind,
};

/// The most pages of an answer.
const PAGES: u32 = 10;

// Constants, so that a pattern that does not compile is found by any test.
static ROLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\Aarn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+\z").ok());
static REGION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\A[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}\z").ok());
static EXTERNAL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\A[A-Za-z0-9_+=,.@:/-]{2,}\z").ok());

fn fits(pattern: &Option<Regex>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// Accounts, and the places of all tasks.
pub(super) fn check(desk: &mut Desk<'_>) {
    let catalog = desk.catalog;
    for (name, account) in &catalog.accounts {
        let spot = Spot::new(DocKind::Account, name);
        if !fits(&ROLE, &account.role) {
            let message = format!("`{}` is not the ARN of a role", cut(&account.role));
            desk.report(
                &spot.to("role"),
                Code::BadValue,
                message,
                "write it as arn:aws:iam::111122223333:role/firstlook-read",
            );
        }
        if let Some(id) = account.external_id.as_ref().filter(|id| !fits(&EXTERNAL, id)) {
            let message = format!("`{}` is not an external id", cut(id));
            desk.report(
                &spot.to("external_id"),
                Code::BadValue,
                message,
                "2 to 1224 letters, digits and `+=,.@:/-`, as the role's trust policy has it",
            );
        }
        region(desk, &spot.to("region"), account.region.as_deref());
    }
    for (name, cluster) in &catalog.clusters {
        let Some(eks) = &cluster.eks else { continue };
        let spot = Spot::new(DocKind::Cluster, name).to("eks");
        if let Some(account) = &eks.account {
            desk.refers(&spot.to("account"), DocKind::Account, account);
        }
        region(desk, &spot.to("region"), eks.region.as_deref());
    }
    for (name, task) in &catalog.tasks {
        let Some(place) = task.run.place() else { continue };
        let spot = Spot::new(DocKind::Task, name).to("run").to(task.run.kind());
        if let Some(account) = place.account {
            desk.refers(&spot.to("account"), DocKind::Account, account);
        }
        region(desk, &spot.to("region"), place.region);
    }
}

pub(super) fn region(desk: &mut Desk<'_>, spot: &Spot<'_>, region: Option<&str>) {
    if let Some(region) = region.filter(|region| !fits(&REGION, region)) {
        let message = format!("`{}` is not an AWS region", cut(region));
        desk.report(spot, Code::BadValue, message, "write it as eu-central-1; it cannot be filled from an input");
    }
}

/// Every text within `parameters`, with its place.
pub(super) fn texts<'n>(
    spot: &Spot<'n>,
    parameters: &Parameters<Template>,
    see: &mut impl FnMut(&Spot<'n>, &Template),
) {
    for (name, value) in parameters {
        nested(&spot.key(name), value, see);
    }
}

fn nested<'n>(spot: &Spot<'n>, value: &Nested<Template>, see: &mut impl FnMut(&Spot<'n>, &Template)) {
    match value {
        Nested::Text(template) => see(spot, template),
        Nested::List(list) => {
            for (place, item) in list.iter().enumerate() {
                nested(&spot.item(place), item, see);
            }
        }
        Nested::Map(map) => texts(spot, map, see),
        Nested::Bool(_) | Nested::Number(_) => {}
    }
}

/// The operation of `aws-api`, and what it needs.
pub(super) fn api(desk: &mut Desk<'_>, spot: &Spot<'_>, run: &AwsApiRun<Template>) {
    let (service, name) = (cut(&run.service), cut(&run.operation));
    let near =
        |near: Option<&str>, or: &str| near.map_or_else(|| or.to_owned(), |near| format!("did you mean `{near}`?"));
    let at = spot.to("operation");
    match operation(&run.service, &run.operation) {
        Ok(found) => {
            if run.pages.is_some_and(|pages| pages > 1) && found.pages.is_none() {
                let message = format!("`{name}` answers in one page");
                desk.report(&spot.to("pages"), Code::BadValue, message, "leave `pages` out");
            }
            for label in found.http.iter().flat_map(|(_, path, _)| crate::aws::labels(path)) {
                if !run.parameters.contains_key(label) {
                    let message = format!("`{name}` is not told its `{label}`");
                    let help = format!("add `parameters: {{ {label}: ... }}`");
                    desk.report(&spot.to("parameters"), Code::MissingKey, message, help);
                }
            }
        }
        Err(NotAsked::Service(nearest)) => {
            let help = near(nearest, "docs/tasks/aws-api.md lists the services that there are");
            desk.report(&spot.to("service"), Code::BadValue, format!("there is no service `{service}` here"), help);
        }
        Err(NotAsked::Operation(nearest)) => {
            let message = format!("AWS publishes no access level of `{service}` `{name}`, so it is not asked");
            desk.report(&at, Code::BadValue, message, near(nearest, "write it as AWS's API reference does"));
        }
        Err(NotAsked::Level(level)) => {
            let message = format!("`{service}` `{name}` is not read-only: AWS's access level of it is {level}");
            desk.report(&at, Code::NotReadOnly, message, "a Task reads: ask an operation of the level List or Read");
        }
        Err(NotAsked::Reason(why)) => {
            let message = format!("`{service}` `{name}` is not asked: {why}");
            desk.report(
                &at,
                Code::NotReadOnly,
                message,
                "ask an operation that describes the thing: docs/tasks/aws-api.md",
            );
        }
    }
    if run.pages.is_some_and(|pages| pages == 0 || pages > PAGES) {
        let message = format!("{} pages cannot be read", run.pages.unwrap_or_default());
        desk.report(&spot.to("pages"), Code::OutOfBounds, message, format!("write 1 to {PAGES}"));
    }
}

/// The longest window of `cloudwatch-metrics`, and the longest that CloudWatch keeps changes of alarms.
const DAY: Duration = Duration::from_secs(24 * 3600);
const THIRTY_DAYS: Duration = Duration::from_secs(30 * 24 * 3600);

/// The window and the statistic of `cloudwatch-metrics`.
pub(super) fn metrics(desk: &mut Desk<'_>, spot: &Spot<'_>, run: &CloudwatchMetricsRun<Template>) {
    if run.last.0 < Duration::from_secs(60) || run.last.0 > DAY {
        let message = format!("a window of {} is not compared", run.last);
        desk.report(&spot.to("last"), Code::OutOfBounds, message, "write 1m to 24h");
    }
    if let Some(period) = run.period
        && (period.0.is_zero() || !period.0.as_secs().is_multiple_of(60) || period.0 > run.last.0)
    {
        let message = format!("a point of {period} does not fit");
        desk.report(
            &spot.to("period"),
            Code::OutOfBounds,
            message,
            "write whole minutes, at most the window; or leave it out",
        );
    }
    let percentile = |text: &str| text.parse::<f64>().is_ok_and(|percent| (0.0..=100.0).contains(&percent));
    let known = ["Average", "Sum", "Minimum", "Maximum", "SampleCount"].contains(&run.statistic.as_str());
    if !known && !run.statistic.strip_prefix('p').is_some_and(percentile) {
        let message = format!("`{}` is not a statistic", cut(&run.statistic));
        let help = "write Average, Sum, Minimum, Maximum, SampleCount or a percentile such as p99";
        desk.report(&spot.to("statistic"), Code::BadValue, message, help);
    }
    if run.dimensions.len() > 30 {
        desk.report(&spot.to("dimensions"), Code::OutOfBounds, "a metric has at most 30 dimensions", "take some out");
    }
}

/// Which alarms, and how far back.
pub(super) fn alarms(desk: &mut Desk<'_>, spot: &Spot<'_>, run: &CloudwatchAlarmsRun<Template>) {
    if run.name.is_some() == run.prefix.is_some() {
        let message = "one of `name` and `prefix` says which alarms";
        desk.report(spot, Code::BadValue, message, "write `name` for one alarm, `prefix` for those that begin so");
    }
    if run.last.0.is_zero() || run.last.0 > THIRTY_DAYS {
        let message = format!("changes of the last {} are not to be had", run.last);
        desk.report(
            &spot.to("last"),
            Code::OutOfBounds,
            message,
            "write at most 720h: CloudWatch keeps them for 30 days",
        );
    }
}
