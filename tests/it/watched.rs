//! What watches the system: alarms and the dashboard use metrics that exist, each alarm has a page
//! that says what to do, and the page of metrics says what is so.

use crate::template::{alarms, document, each, read};
use domain::failure::Failure;
use lambda::Metric;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The namespace of our own metrics.
const OURS: &str = "Overture/${Stage}";

/// What AWS documents of the metrics that are used: namespace, name, dimensions.
///
/// * <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html>
/// * <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>
/// * <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html>
/// * <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html>
/// * <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html>
const OF_AWS: &[(&str, &[&str], &[&str])] = &[
    (
        "AWS/SQS",
        &[
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesVisible",
            "NumberOfMessagesSent",
        ],
        &["QueueName"],
    ),
    (
        "AWS/Lambda",
        &["Duration", "Errors", "IteratorAge", "Throttles"],
        &["FunctionName"],
    ),
    // Over all functions of the region.
    ("AWS/Lambda", &["ConcurrentExecutions", "Throttles"], &[]),
    (
        "AWS/DynamoDB",
        &[
            "ConsumedReadCapacityUnits",
            "ConsumedWriteCapacityUnits",
            "ReadThrottleEvents",
            "WriteThrottleEvents",
        ],
        &["TableName"],
    ),
    (
        "AWS/ApiGateway",
        &["4xx", "5xx", "Count", "Latency"],
        &["ApiId"],
    ),
    ("AWS/Logs", &["IncomingBytes"], &["LogGroupName"]),
];

/// A metric that an alarm or the dashboard uses.
#[derive(Debug)]
pub(crate) struct Used {
    namespace: String,
    name: String,
    dimensions: Vec<String>,
}

impl Used {
    /// As an alarm names it.
    fn of_alarm(metric: &Value) -> Self {
        let namespace = &metric["Namespace"];
        let namespace = namespace.as_str().or_else(|| namespace["!Sub"].as_str());
        let dimensions = each(&metric["Dimensions"]);
        let name = |dimension: &Value| dimension["Name"].as_str().unwrap().to_owned();
        Self {
            namespace: namespace.unwrap().to_owned(),
            name: metric["MetricName"].as_str().unwrap().to_owned(),
            dimensions: dimensions.iter().map(name).collect(),
        }
    }

    /// As the dashboard names it: namespace, name, and pairs of a dimension and its value.
    fn of_widget(metric: &Value) -> Self {
        let words = metric.as_array().unwrap().iter().filter_map(Value::as_str);
        let words: Vec<_> = words.map(str::to_owned).collect();
        Self {
            namespace: words[0].clone(),
            name: words[1].clone(),
            dimensions: words[2..].iter().step_by(2).cloned().collect(),
        }
    }

    /// Whether a filter makes it of the log.
    fn is_of_a_filter(&self) -> bool {
        let document = document();
        let resources = document["Resources"].as_object().unwrap().values();
        let mut filters = resources.filter(|r| r["Type"] == "AWS::Logs::MetricFilter");
        filters.any(|filter| {
            let made = &filter["Properties"]["MetricTransformations"][0];
            made["MetricName"] == *self.name && made["MetricNamespace"]["!Sub"] == OURS
        })
    }

    #[track_caller]
    fn exists(&self) {
        if self.namespace == OURS && self.is_of_a_filter() {
            assert!(self.dimensions.is_empty(), "{self:?}");
            return;
        }
        if self.namespace == OURS {
            let known = Metric::ALL.iter().find(|metric| metric.name() == self.name);
            let known = known.unwrap_or_else(|| panic!("{self:?} is none of ours"));
            let dimensions: Vec<_> = known.dimension().into_iter().collect();
            assert_eq!(self.dimensions, dimensions, "{self:?}");
            return;
        }
        let known = OF_AWS.iter().any(|(namespace, names, dimensions)| {
            self.namespace == *namespace
                && names.contains(&&*self.name)
                && self.dimensions == *dimensions
        });
        assert!(known, "AWS tells of no {self:?}");
    }
}

/// The metrics of an alarm.
pub(crate) fn metrics_of(alarm: &Value) -> Vec<Used> {
    if !alarm["MetricName"].is_null() {
        return vec![Used::of_alarm(alarm)];
    }
    let parts = each(&alarm["Metrics"]);
    let metrics = parts.iter().map(|part| &part["MetricStat"]["Metric"]);
    let metrics = metrics.filter(|metric| !metric.is_null());
    metrics.map(Used::of_alarm).collect()
}

/// The page that an alarm's description names.
fn page_of(alarm: &Value) -> String {
    let description = alarm["AlarmDescription"]["!Sub"].as_str().unwrap();
    let page = description.split_whitespace().last().unwrap();
    assert!(page.starts_with("infra/docs/runbooks/"), "{description}");
    page.to_owned()
}

#[test]
fn every_alarm_uses_metrics_that_exist_and_tells_somebody_when_it_begins_and_ends() {
    for (name, alarm) in alarms() {
        let metrics = metrics_of(&alarm);
        assert!((1..=10).contains(&metrics.len()), "{name}: {metrics:?}");
        metrics.iter().for_each(Used::exists);
        let topic = serde_json::json!([{"!Ref": "AlarmTopic"}]);
        assert_eq!(alarm["AlarmActions"], topic, "{name}");
        assert_eq!(alarm["OKActions"], topic, "{name}");
        assert_eq!(alarm["TreatMissingData"], "notBreaching", "{name}");
        // One series is what it is about; an expression knows the others by their ids.
        let parts = each(&alarm["Metrics"]);
        let returned = parts.iter().filter(|part| part["ReturnData"] != false);
        assert_eq!(returned.count(), usize::from(!parts.is_empty()), "{name}");
    }
}

#[test]
fn every_alarm_has_a_page_that_says_what_it_means_how_to_look_and_what_to_do() {
    let index = read("infra/docs/runbooks/README.md");
    for (name, alarm) in alarms() {
        let path = page_of(&alarm);
        let page = read(&path);
        assert!(page.contains(&format!("`{name}`")), "{path} lacks {name}");
        let headings: BTreeSet<_> = page
            .lines()
            .filter(|line| line.starts_with("##"))
            .map(|line| line.trim_start_matches('#').trim())
            .collect();
        for heading in ["What it means", "How to look", "What to do"] {
            assert!(headings.contains(heading), "{path} lacks: {heading}");
        }
        let file = path.rsplit('/').next().unwrap();
        let row = index
            .lines()
            .find(|line| line.contains(&format!("({file})")));
        assert!(
            row.is_some_and(|row| row.contains(&name)),
            "{name}: {row:?}"
        );
    }
}

#[test]
fn every_name_in_the_runbooks_commands_is_an_output_or_a_function() {
    let document = document();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/infra/docs/runbooks");
    let mut found = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let page = std::fs::read_to_string(&path).unwrap();
        for (call, section) in [("(output ", "Outputs"), ("(function_of ", "Resources")] {
            for rest in page.split(call).skip(1) {
                let name = rest.split(')').next().unwrap();
                if !name.starts_with(['"', '$']) {
                    let is_there = !document[section][name].is_null();
                    assert!(is_there, "{}: {section} lack {name}", path.display());
                    found += 1;
                }
            }
        }
    }
    assert!(found > 10, "{found}");
}

#[test]
fn the_dashboard_shows_metrics_that_exist_and_all_of_ours() {
    let document = document();
    let dashboard = &document["Resources"]["Dashboard"]["Properties"];
    let body = dashboard["DashboardBody"]["!Sub"].as_str().unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let widgets = body["widgets"].as_array().unwrap();
    let mut ours = BTreeSet::new();
    let mut taken = BTreeMap::new();
    for widget in widgets {
        let place = |name: &str| widget[name].as_u64().unwrap();
        for x in place("x")..place("x") + place("width") {
            for y in place("y")..place("y") + place("height") {
                assert!(x < 24, "{widget}");
                let other = taken.insert((x, y), widget);
                assert!(other.is_none(), "{widget} over {other:?}");
            }
        }
        for metric in each(&widget["properties"]["metrics"]) {
            if let Some(search) = metric[0]["expression"].as_str() {
                let all = format!("SEARCH('{{{OURS},Code}} MetricName=\"Failed\"', 'Sum', 300)");
                assert_eq!(search, all);
                ours.insert("Failed".to_owned());
                continue;
            }
            let used = Used::of_widget(&metric);
            used.exists();
            if used.namespace == OURS {
                ours.insert(used.name);
            }
        }
    }
    let all: BTreeSet<_> = Metric::ALL.iter().map(|m| m.name().to_owned()).collect();
    assert_eq!(ours, all);
}

#[test]
fn the_page_of_metrics_has_the_tables_of_the_code_and_the_template() {
    let page = read("infra/docs/metrics.md");
    let (_, metrics) = page.split_once("\n## Metrics\n").unwrap();
    let (metrics, rest) = metrics.split_once("\n## Alarms\n").unwrap();
    let (alarms_told, costs) = rest.split_once("\n## What it costs\n").unwrap();
    let rows: Vec<_> = metrics.lines().filter(|l| l.starts_with("| `")).collect();
    let row = |metric: &Metric| {
        let dimension = metric.dimension().map(|name| format!("`{name}`"));
        format!(
            "| `{}` | {} | {} | {} | {} |",
            metric.name(),
            metric.unit().as_str(),
            dimension.unwrap_or_default(),
            metric.from(),
            metric.meaning()
        )
    };
    let wanted: Vec<_> = Metric::ALL.iter().map(row).collect();
    assert_eq!(rows, wanted, "infra/docs/metrics.md");

    let told: BTreeSet<_> = alarms_told
        .lines()
        .filter_map(|line| line.strip_prefix("| [`")?.split_once("`](runbooks/"))
        .map(|(name, rest)| (name.to_owned(), rest.split(')').next().unwrap().to_owned()))
        .collect();
    let has = alarms().into_iter().map(|(name, alarm)| {
        let page = page_of(&alarm);
        (name, page.rsplit('/').next().unwrap().to_owned())
    });
    assert_eq!(told, has.collect());

    // What is counted in the costs.
    let watched: usize = alarms().values().map(|alarm| metrics_of(alarm).len()).sum();
    let custom = Metric::ALL.len() - 1 + Failure::ALL.len();
    for told in [
        format!(
            "| alarms: {watched} metrics at 0.10 | {}.{}0 |",
            watched / 10,
            watched % 10
        ),
        format!("| {custom} metrics at 0.30,"),
    ] {
        assert!(costs.contains(&told), "infra/docs/metrics.md lacks: {told}");
    }
}
