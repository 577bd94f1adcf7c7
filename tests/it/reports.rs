//! LivePerson's Outbound Reporting tells the story's numbers.

use crate::{
    story::Story,
    world::{list, text},
};
use serde_json::{Value, json};

/// Whether every report agrees: `all` were asked for, `reached` were sent, ana read, replied and
/// was served; three gone phones were tried once more, for another skill.
pub(crate) async fn agree(story: &Story<'_>, all: u64, reached: u64) {
    let numbers = json!({
        "attempted": all, "eligible": all - 2, "sent": reached, "delivered": 1, "read": 1,
        "conversationscreated": 1, "conversationsclosed": 1, "failed": 6, "skipped": 0,
        "expired": 0, "cancelled": 0,
        "error_aggregation": {"proactive_5803": 3, "proactive_28": 2, "proactive_1800": 1},
    });
    campaign_reports(story, &numbers).await;
    account_analytics(story, &numbers).await;
    transactions(story, all).await;
}

/// Whether `report` has each of the numbers.
#[track_caller]
fn has(report: &Value, numbers: &Value) {
    for (name, number) in numbers.as_object().unwrap() {
        assert_eq!(&report[name], number, "{name} of {report:#}");
    }
}

fn app(story: &Story<'_>) -> String {
    format!("/api/account/{}/app/prmsg", story.brand.account)
}

/// From an hour ago to in an hour.
fn window(story: &Story<'_>) -> String {
    let now = story.brand.world.stack.clock().now_ms();
    let hour = 3_600_000;
    format!(
        "attemptedStartTime={}&attemptedEndTime={}",
        now - hour,
        now + hour
    )
}

async fn campaign_reports(story: &Story<'_>, numbers: &Value) {
    let Story {
        brand, campaign, ..
    } = story;
    let id = text(&campaign["proactiveCampaignId"]);
    let path = format!("{}/campaigns/{id}", app(story));
    let analytics = brand.get(&format!("{path}/analytics/")).await.ok(200);
    has(&analytics, numbers);

    let rows = brand.get(&format!("{path}/")).await.ok(200);
    let rows = list(&rows["consumersReport"]);
    assert_eq!(rows.len(), story.people.len());
    let of = |consumer: &str| {
        let row = rows.iter().find(|row| row["consumerId"] == consumer);
        row.unwrap().clone()
    };
    let ana = of("iphone-0");
    assert_eq!(ana["status"], "RESPONDED");
    assert_eq!(ana["conversationId"], story.conversation.as_str());
    assert_eq!(ana["errorCode"], Value::Null);
    let busy = of("busy");
    assert_eq!(busy["status"], "FAILED");
    assert_eq!(busy["errorSource"], "proactive");
    assert_eq!(busy["errorCode"], "1800");
    assert!(!text(&busy["errorMessage"]).is_empty());
}

async fn account_analytics(story: &Story<'_>, numbers: &Value) {
    let brand = &story.brand;
    let path = format!("{}/analytics/?{}", app(story), window(story));
    let all = brand.get(&path).await.ok(200);
    assert_eq!(all["requestMetadata"]["accountId"], brand.account.as_str());
    let rows = list(&all["analytics"]);
    let of = |skill: &str| rows.iter().find(|row| row["skill"] == skill).unwrap();
    assert_eq!(rows.len(), 2, "{all:#}");
    assert_eq!(of("sales")["channel"], "inapp");
    has(of("sales"), numbers);
    has(
        of("support"),
        &json!({"attempted": 3, "failed": 3, "error_aggregation": {"proactive_16": 3}}),
    );

    let filters = json!({"channels": ["inapp"], "skills": ["sales"], "source": ["API"]});
    let some = brand.post(&path, filters).await.ok(200);
    assert_eq!(some["analytics"], json!([of("sales")]));
}

async fn transactions(story: &Story<'_>, all: u64) {
    let brand = &story.brand;
    let path = format!("{}/transactions/?{}&v=2.0", app(story), window(story));
    let page = json!({"offset": 0, "limit": 5000, "filters": {"skills": ["sales"]}});
    let rows = brand.post(&path, page).await.ok(200);
    assert_eq!(rows["page"]["count"], all);
    let rows = list(&rows["transactions"]);
    let ana = rows
        .iter()
        .find(|row| row["consumerId"] == "iphone-0")
        .unwrap();
    assert_eq!(ana["messageStatus"], "RESPONDED");
    assert_eq!(ana["conversationId"], story.conversation.as_str());
    let moments = [
        "attemptedTime",
        "sentTime",
        "deliveredTime",
        "readTime",
        "conversationsCreatedTime",
        "conversationsClosedTime",
    ];
    let moments: Vec<jiff::Timestamp> = moments
        .iter()
        .map(|name| text(&ana[*name]).parse().unwrap())
        .collect();
    assert!(moments.is_sorted(), "{ana:#}");
    assert_eq!(ana["failedTime"], Value::Null);

    let failed = json!({"filters": {"skills": ["sales"], "messagestatus": ["FAILED"]}});
    let rows = brand.post(&path, failed).await.ok(200);
    let rows = list(&rows["transactions"]);
    assert_eq!(rows.len(), 6);
    assert!(rows.iter().all(|row| row["failedTime"].is_string()));
    let one = json!({"filters": {"transactionids": [ana["transactionId"]]}});
    let rows = brand.post(&path, one).await.ok(200);
    assert_eq!(rows["transactions"], json!([ana]));
}
