//! The metric filters of `infra/observability.yaml`, read as CloudWatch reads them.

use std::{collections::BTreeSet, fs};

use domain::{EventId, RunId};
use jiff::Timestamp;
use serde_json::Value;
use store::Accepted;

use super::{
    build,
    template::{resources, template},
};

/// One filter.
#[derive(Debug)]
pub struct Filter {
    /// The metric that it counts.
    pub metric: String,
    /// The log group, with the stack's name as a parameter.
    pub log_group: String,
    /// Fields and their texts, all of which must stand.
    wanted: Vec<(String, String)>,
    /// The field that is added up; without one lines are counted.
    value: Option<String>,
}

impl Filter {
    /// Whether it counts this line.
    pub fn matches(&self, line: &str) -> bool {
        let Ok(line) = serde_json::from_str::<Value>(line) else { return false };
        self.wanted.iter().all(|(field, text)| line[field] == text.as_str())
    }

    /// What it adds to its metric for this line.
    pub fn adds(&self, line: &str) -> Option<f64> {
        let Some(field) = &self.value else { return self.matches(line).then_some(1.0) };
        let said: Value = serde_json::from_str(line).ok()?;
        said[field].as_f64().filter(|_| self.matches(line))
    }
}

/// `{ ($.message = "event taken") && ($.accepted = "opened") }`, which is all of the language that is used here
/// (CloudWatch Logs User Guide, "Filter pattern syntax for metric filters", JSON).
fn wanted(pattern: &str) -> Vec<(String, String)> {
    let inside = pattern.strip_prefix("{ ").and_then(|rest| rest.strip_suffix(" }")).expect("a JSON pattern");
    let term = |term: &str| {
        let term = term.strip_prefix("($.").and_then(|rest| rest.strip_suffix("\")")).expect("a term in parentheses");
        let (field, text) = term.split_once(" = \"").expect("a comparison with a text");
        assert!(!text.contains(['"', '*', '\\']) && !field.contains(['.', '[']), "{pattern}");
        (field.to_owned(), text.to_owned())
    };
    inside.split(" && ").map(term).collect()
}

/// Those of the template.
pub fn filters() -> Vec<Filter> {
    let watch = template("observability.yaml");
    let read = |(name, filter): (&String, &Value)| {
        let properties = &filter["Properties"];
        let [made] = properties["MetricTransformations"].as_array().unwrap().as_slice() else { panic!("{name}") };
        assert_eq!(made["MetricName"], name.as_str());
        let value = made["MetricValue"].as_str().unwrap();
        let value = value.strip_prefix("$.").map(str::to_owned).or_else(|| (value == "1").then_some(String::new()));
        let value = value.filter(|field| !field.contains(['.', '['])).unwrap_or_else(|| panic!("{name}: its value"));
        // CloudWatch has no unit for dollars.
        assert_eq!(made["Unit"], if value.ends_with("usd") { "None" } else { "Count" }, "{name}");
        assert_eq!(made["MetricNamespace"]["Fn::Sub"], "Firstlook/${Firstlook}");
        Filter {
            metric: name.clone(),
            log_group: properties["LogGroupName"]["Fn::Sub"].as_str().unwrap().to_owned(),
            wanted: wanted(properties["FilterPattern"].as_str().unwrap()),
            value: Some(value).filter(|value| !value.is_empty()),
        }
    };
    resources(&watch, "AWS::Logs::MetricFilter").into_iter().map(read).collect()
}

/// A line that is said otherwise one day would be counted no more, and nobody would see it.
#[test]
fn each_filter_counts_a_line_that_its_function_says() {
    let main = template("template.yaml");
    for filter in filters() {
        let Some(function) = filter.log_group.strip_prefix("/aws/lambda/${Firstlook}-") else {
            assert_eq!(filter.log_group, "/aws/apigateway/${Firstlook}");
            let log = &main["Resources"]["ApiStage"]["Properties"]["AccessLogSettings"]["Format"];
            for (field, _) in &filter.wanted {
                assert!(log.as_str().unwrap().contains(&format!("\"{field}\":\"$context.{field}\"")), "{log}");
            }
            continue;
        };
        // What the engine says stands in the log of investigate.
        let engine = (function == "investigate").then_some("shared/engine/src/reader");
        let source: String = [format!("functions/{function}/src").as_str()]
            .into_iter()
            .chain(engine)
            .flat_map(|folder| fs::read_dir(build::workspace().join(folder)).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| fs::read_to_string(path).unwrap())
            .collect();
        let (field, message) = &filter.wanted[0];
        assert_eq!(field, "message");
        let said = source.matches(&format!("\"{message}\"")).count();
        assert!(said > 0, "{}: {function} never says `{message}`", filter.metric);
        for field in filter.wanted[1..].iter().map(|(field, _)| field).chain(&filter.value) {
            assert!(source.contains(&format!("{field} = ")), "{}: no line of {function} has `{field}`", filter.metric);
        }
    }
}

#[test]
fn whatever_becomes_of_an_event_has_a_filter() {
    let run = RunId::opened_by(EventId::mint(Timestamp::UNIX_EPOCH, 1));
    let became = [
        Accepted::Opened(run),
        Accepted::Attached(run),
        Accepted::Gathered(run),
        Accepted::Duplicate(run),
        Accepted::Unmatched,
    ];
    for accepted in became {
        // No arm for anything else: another outcome needs a filter too.
        let name = match accepted {
            Accepted::Opened(_) => "Opened",
            Accepted::Attached(_) => "Attached",
            Accepted::Gathered(_) => "Gathered",
            Accepted::Duplicate(_) => "Duplicates",
            Accepted::Unmatched => "Unmatched",
        };
        let line = serde_json::json!({"message": "event taken", "accepted": accepted.as_str()}).to_string();
        let counted: Vec<String> =
            filters().into_iter().filter(|filter| filter.matches(&line)).map(|filter| filter.metric).collect();
        assert_eq!(counted, [name]);
    }
}

/// docs/deploy.md has a row for each metric, and each stands on the dashboard.
#[test]
fn each_metric_is_documented_and_shown() {
    let page = fs::read_to_string(build::workspace().join("docs/deploy.md")).unwrap();
    let (_, table) = page.split_once("## Metrics\n").unwrap();
    let rows =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name.to_owned()));
    let documented: BTreeSet<String> = rows.take_while(|name| name.chars().next().unwrap().is_uppercase()).collect();
    let counted: BTreeSet<String> = filters().into_iter().map(|filter| filter.metric).collect();
    assert_eq!(documented, counted);
    let watch = template("observability.yaml");
    let dashboard = watch["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"].as_str().unwrap();
    for metric in &counted {
        assert!(dashboard.contains(&format!("\"{metric}\"]")), "{metric} is not on the dashboard");
    }
    let body = dashboard.replace("${AWS::Region}", "eu-central-1");
    serde_json::from_str::<Value>(&body).expect("the dashboard is JSON");
}
