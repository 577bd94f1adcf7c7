//! What the functions measure: lines of the log of which CloudWatch makes metrics, with ids and
//! without a word that somebody wrote.

use crate::{
    parts::campaign,
    story::{FEW, play},
    world::{PATIENCE, World, list, text},
};
use lambda::Metric;
use local::{
    Stack,
    faults::{Fault, Rule},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The functions' lines that are JSON, each with its function.
pub(crate) fn lines(stack: &Stack) -> Vec<(String, Value)> {
    let lines = stack.logs().into_iter();
    lines
        .filter_map(|line| Some((line.function, serde_json::from_str(&line.text).ok()?)))
        .collect()
}

/// The lines of metrics, each with its function.
pub(crate) fn measured(stack: &Stack) -> Vec<(String, Value)> {
    let mut all = lines(stack);
    all.retain(|(_, line)| !line["_aws"].is_null());
    all
}

/// What a metric's values come to.
pub(crate) fn sum(stack: &Stack, metric: Metric) -> u64 {
    values(stack, metric).iter().sum()
}

fn values(stack: &Stack, metric: Metric) -> Vec<u64> {
    let lines = measured(stack).into_iter();
    let of = |(_, line): (String, Value)| match &line[metric.name()] {
        Value::Array(values) => values.iter().filter_map(Value::as_u64).collect(),
        value => value.as_u64().into_iter().collect::<Vec<_>>(),
    };
    lines.flat_map(of).collect()
}

/// Waits until a metric's values come to so much: a log is read a moment after it is written.
pub(crate) async fn comes_to(stack: &Stack, metric: Metric, wanted: u64) {
    let came = stack.until(PATIENCE, |stack| sum(stack, metric) >= wanted);
    came.await;
    assert_eq!(sum(stack, metric), wanted, "{metric:?}");
}

/// A line is what CloudWatch takes, and has metrics of the table alone.
fn is_well_formed(function: &str, line: &Value) {
    let [directive] = list(&line["_aws"]["CloudWatchMetrics"]).try_into().unwrap();
    assert_eq!(directive["Namespace"], "Overture/dev");
    assert!(line["_aws"]["Timestamp"].is_i64(), "{line}");
    let [dimensions] = list(&directive["Dimensions"]).try_into().unwrap();
    let dimensions: Vec<_> = list(&dimensions).iter().map(text).collect();
    for metric in list(&directive["Metrics"]) {
        let name = text(&metric["Name"]);
        let known = Metric::ALL.iter().find(|known| known.name() == name);
        let known = known.unwrap_or_else(|| panic!("{name} is no metric of ours"));
        assert_eq!(metric["Unit"], known.unit().as_str());
        let wanted: Vec<_> = known.dimension().into_iter().collect();
        assert_eq!(dimensions, wanted, "{name}");
        assert!(
            known.from().split(", ").any(|from| from == function),
            "{name} of {function}"
        );
        assert!(!line[&name].is_null(), "{line}");
    }
    for dimension in dimensions {
        assert!(line[&dimension].is_string(), "{line}");
    }
    assert!(text(&line["requestId"]).len() > 8, "{line}");
    assert!(text(&line["function"]).starts_with("overture-"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_is_measured_from_its_acceptance_to_its_reports() {
    let world = World::start().await;
    let story = play(&world, &FEW).await;
    let stack = &world.stack;
    // Three of its recipients got a second campaign, which finds none of their phones.
    let (all, reached, again) = (17, 11, 3);
    comes_to(stack, Metric::Accepted, all + again).await;
    comes_to(stack, Metric::Sent, reached).await;
    comes_to(stack, Metric::Failed, all - reached + again).await;
    assert_eq!(sum(stack, Metric::Faults), 0, "nobody has to mend anything");
    assert_eq!(sum(stack, Metric::GivenBack), 0);
    assert_eq!(values(stack, Metric::TimeToSent).len() as u64, reached);
    let attempts = values(stack, Metric::Lateness).len() as u64;
    assert_eq!(attempts, all + again + sum(stack, Metric::Retried));
    assert!(!values(stack, Metric::ReportLag).is_empty());

    let mut codes = BTreeMap::new();
    for (function, line) in measured(stack) {
        is_well_formed(&function, &line);
        if let Some(count) = line["Failed"].as_u64() {
            *codes.entry(text(&line["Code"])).or_default() += count;
        }
    }
    let expected = [
        ("CONSUMER_NOT_REGISTERED", 2),
        ("DEVICE_GONE", 3),
        ("NO_DEVICE", 3),
        ("OPEN_CONVERSATION", 1),
    ];
    let expected = expected.map(|(code, count)| (code.to_owned(), count));
    assert_eq!(codes, BTreeMap::from(expected));

    // Each message's id leads to what became of it.
    let id = &story.campaign["proactiveCampaignId"];
    let of_it = |(_, line): &(String, Value)| line["account"] == "acme" && line["campaign"] == *id;
    let told = measured(stack).into_iter().filter(of_it);
    let told: BTreeSet<_> = told
        .filter(|(function, _)| function == "send")
        .flat_map(|(_, line)| list(&line["transactions"]))
        .map(|id| text(&id))
        .collect();
    let accepted = list(&story.campaign["acceptedConsumers"]);
    let ids: BTreeSet<_> = accepted.iter().map(|one| text(&one["id"])).collect();
    assert_eq!(told, ids);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_accepted_counts_once_and_what_is_refused_counts_too() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let mut wanted = campaign(&brand.greeting().await, &["ana", "ben"]);
    let nobody = json!({"consumerContent": {"inapp": ""}, "variables": {}});
    let recipients = wanted["consumers"].as_array_mut().unwrap();
    recipients.push(nobody);
    let call = async |path: &str| {
        let headers = [("idempotency-key", "once")];
        let method = reqwest::Method::POST;
        let body = Some(wanted.clone());
        brand.send(method, path, &headers, body).await
    };
    call("campaign?validate=true").await.ok(200);
    for _ in 0..3 {
        call("campaign").await.ok(202);
    }
    world.stack.settled().await.unwrap();
    comes_to(&world.stack, Metric::Failed, 2).await;
    comes_to(&world.stack, Metric::Accepted, 2).await;
    comes_to(&world.stack, Metric::Refused, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_fails_is_measured_and_its_lines_say_whose_it_is() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    brand.with_iphone("ana").await;
    let handoff = brand.greeting().await;
    let stack = &world.stack;
    // More often than the SDK tries again.
    for (function, action) in [("send", "dynamodb:"), ("dispatch", "sqs:")] {
        stack.faults().add(Rule {
            function: Some(function.to_owned()),
            times: 3,
            ..Rule::once(action, Fault::Failed)
        });
    }
    let made = brand.launch(campaign(&handoff, &["ana"])).await;
    stack.until(PATIENCE, |s| s.faults().are_spent()).await;
    stack
        .until(PATIENCE, |s| sum(s, Metric::GivenBack) >= 2)
        .await;

    let (id, message) = (
        &made["proactiveCampaignId"],
        &made["acceptedConsumers"][0]["id"],
    );
    for (function, says) in [
        ("send", "goes back to its queue"),
        ("dispatch", "the stream is stuck"),
    ] {
        let (_, measured) = measured(stack)
            .into_iter()
            .find(|(from, line)| from == function && line["GivenBack"] == 1)
            .unwrap();
        assert_eq!(
            (&measured["account"], &measured["campaign"]),
            (&json!("acme"), id)
        );
        let said = lines(stack).into_iter().find(|(from, line)| {
            let message = line["fields"]["message"].as_str();
            from == function && message.is_some_and(|m| m.contains(says))
        });
        let (_, said) = said.unwrap();
        assert_eq!(said["level"], "ERROR");
        assert_eq!(spanned(&said, "account"), "acme");
        assert_eq!(spanned(&said, "campaign"), *id);
        assert_eq!(spanned(&said, "requestId"), measured["requestId"]);
        if function == "send" {
            assert_eq!(spanned(&said, "transaction"), *message);
        }
    }
}

/// What the spans around a line say.
pub(crate) fn spanned(line: &Value, field: &str) -> Value {
    let spans = line["spans"].as_array().into_iter().flatten();
    let said = spans.filter_map(|span| span.get(field)).next_back();
    said.cloned().unwrap_or_default()
}
