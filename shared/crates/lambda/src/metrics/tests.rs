//! What is written of what was measured.

use super::*;

const AT: &str = "2026-01-01T00:00:00Z";

/// The lines of an invocation that measured these.
async fn told(measured: impl FnOnce()) -> Vec<Value> {
    let sheet = Sheet::default();
    SHEET.scope(sheet.clone(), async { measured() }).await;
    let lines = sheet.lines("Overture/test", "send", "r-1", AT.parse().unwrap());
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn message(campaign: &str) -> About {
    let id = TransactionId::at(AT.parse().unwrap());
    let (account, campaign) = ("acme".parse().unwrap(), campaign.parse().unwrap());
    About::message(&account, &campaign, id)
}

#[tokio::test]
async fn a_campaigns_values_are_one_line() {
    let (one, other) = (message("c1"), message("c1"));
    let lines = told(|| {
        for (about, took) in [(&one, 120), (&other, 80)] {
            measure(about, Metric::Sent, 1);
            measure(about, Metric::TimeToSent, took);
        }
    })
    .await;
    let mut ids = [&one, &other].map(|about| about.transaction.unwrap().to_string());
    ids.sort();
    assert_eq!(
        lines,
        [json!({
            "_aws": {"Timestamp": 1_767_225_600_000_i64, "CloudWatchMetrics": [{
                "Namespace": "Overture/test",
                "Dimensions": [[]],
                "Metrics": [
                    {"Name": "Sent", "Unit": "Count"},
                    {"Name": "TimeToSent", "Unit": "Milliseconds"},
                ],
            }]},
            "function": "send", "requestId": "r-1", "account": "acme", "campaign": "c1",
            "transactions": ids, "Sent": 2, "TimeToSent": [120, 80],
        })]
    );
}

#[tokio::test]
async fn campaigns_and_values_of_a_dimension_have_lines_of_their_own() {
    let lines = told(|| {
        for campaign in ["c1", "c2"] {
            measure(&message(campaign), Metric::Sent, 1);
        }
        for code in ["NO_DEVICE", "DEVICE_GONE", "NO_DEVICE"] {
            measure_by(&message("c1"), Metric::Failed, code, 1);
        }
    })
    .await;
    let heads: Vec<_> = lines
        .iter()
        .map(|line| (&line["campaign"], &line["Code"], &line["Failed"]))
        .collect();
    let null = Value::Null;
    let [c1, c2, gone, none] = ["c1", "c2", "DEVICE_GONE", "NO_DEVICE"].map(Value::from);
    assert_eq!(
        heads,
        [
            (&c1, &null, &null),
            (&c1, &gone, &1.into()),
            (&c1, &none, &2.into()),
            (&c2, &null, &null)
        ]
    );
    let dimensions = &lines[1]["_aws"]["CloudWatchMetrics"][0]["Dimensions"];
    assert_eq!(*dimensions, json!([["Code"]]));
}

#[tokio::test]
async fn no_line_has_more_values_than_it_may() {
    let lines = told(|| {
        for took in 0..250 {
            measure(&About::default(), Metric::Lateness, took);
        }
        measure(&About::default(), Metric::Sent, 250);
    })
    .await;
    let values: Vec<_> = lines
        .iter()
        .map(|line| line["Lateness"].as_array().unwrap().len())
        .collect();
    assert_eq!(values, [100, 100, 50]);
    let sent: Vec<_> = lines.iter().filter_map(|l| l["Sent"].as_u64()).collect();
    assert_eq!(sent, [250]);
}

#[tokio::test]
async fn what_measured_nothing_writes_nothing() {
    assert_eq!(told(|| {}).await, Vec::<Value>::new());
    // Outside of an invocation there is nobody to tell.
    measure(&About::default(), Metric::Sent, 1);
}
