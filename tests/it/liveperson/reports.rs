//! Outbound reporting: counts, recipients and transactions.

use super::{CAMPAIGN, card, create, is_time, send};
use crate::{
    parts::Device,
    world::{Brand, World, list, text},
};
use reqwest::Method;
use serde_json::{Value, json};

/// The filters of the documents' transactions report.
const TRANSACTIONS: &str = r#"{ "offset": 0, "limit": 1000,
  "filters": { "channels": ["inapp"], "skills": ["sales"],
               "messagestatus": ["FAILED","READ"], "transactionids": ["<uuid>"] } }"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_have_liveperson_s_rows() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let (campaign, ids) = reported(&brand).await;
    let app = "/api/account/acme/app/prmsg";
    let now = world.stack.clock().now_ms();
    let (from, until) = (now - 3_600_000, now + 3_600_000);
    let window = format!("?attemptedStartTime={from}&attemptedEndTime={until}");
    let asked = |filters: Value| {
        json!({
            "accountId": "acme", "app": "prmsg", "filters": filters,
            "attemptedStartTime": from, "attemptedEndTime": until,
        })
    };
    let counts = json!({
        "attempted": 2, "eligible": 1, "sent": 1, "delivered": 1, "read": 1,
        "conversationscreated": 0, "conversationsclosed": 0, "failed": 1, "skipped": 0,
        "csat": 0, "error_aggregation": {"proactive_28": 1},
        // Overture's own.
        "expired": 0, "cancelled": 0,
    });
    let with = |more: Value| {
        let mut row = counts.clone();
        let more = more.as_object().unwrap().clone();
        row.as_object_mut().unwrap().extend(more);
        row
    };

    let day = jiff::Timestamp::from_millisecond(now).unwrap();
    let day = day.strftime("%m-%d-%Y").to_string();
    let row = with(json!({"channel": "inapp", "skill": "sales", "transactionday": day}));
    let path = format!("{app}/analytics/{window}");
    let answer = send(&brand, Method::GET, &path, None).await.ok(200);
    assert_eq!(answer["analytics"], json!([row]));
    let all = json!({"channels": [], "skills": [], "handoffids": [], "source": []});
    assert_eq!(answer["requestMetadata"], asked(all));
    let filters = r#"{"channels":["inapp"],"skills":["sales"],"source":["API","UI","LPWF"]}"#;
    let answer = send(&brand, Method::POST, &path, Some(filters.into())).await;
    assert_eq!(answer.ok(200)["analytics"], json!([row]));

    let path = format!("{app}/campaigns/{campaign}/");
    let answer = send(&brand, Method::GET, &path, None).await.ok(200);
    let rows = list(&answer["consumersReport"]);
    let read = json!({
        "id": ids[0], "status": "READ", "consumerId": "user-0001", "conversationId": null,
        "errorSource": null, "errorCode": null, "errorMessage": null,
    });
    assert_eq!(rows[0], read);
    let failed = json!({
        "id": ids[1], "status": "FAILED", "consumerId": "stranger", "conversationId": null,
        "errorSource": "proactive", "errorCode": "28", "errorMessage": rows[1]["errorMessage"],
    });
    assert_eq!(rows[1], failed);
    assert!(!text(&rows[1]["errorMessage"]).is_empty());
    let path = format!("{app}/campaigns/{campaign}/analytics/");
    let answer = send(&brand, Method::GET, &path, None).await.ok(200);
    for (name, number) in counts.as_object().unwrap() {
        assert_eq!(&answer[name], number, "{name}");
    }

    let path = format!("{app}/transactions/{window}&v=2.0");
    for (id, status) in [(&ids[0], "READ"), (&ids[1], "FAILED")] {
        let printed = TRANSACTIONS.replace("<uuid>", id);
        let answer = send(&brand, Method::POST, &path, Some(printed.clone())).await;
        let answer = answer.ok(200);
        let printed: Value = serde_json::from_str(&printed).unwrap();
        let mut metadata = asked(printed["filters"].clone());
        // A set: in the order of the states.
        metadata["filters"]["messagestatus"] = json!(["READ", "FAILED"]);
        assert_eq!(answer["requestMetadata"], metadata);
        assert_eq!(
            answer["page"],
            json!({"count": 1, "offset": 0, "limit": 1000})
        );
        let [row] = list(&answer["transactions"]).try_into().unwrap();
        is_transaction(&row, &campaign, id, status);
    }
}

/// A campaign of the documents to someone who read it, and to a stranger; its id, and its
/// messages' ids.
async fn reported(brand: &Brand<'_>) -> (String, Vec<String>) {
    let ana = brand.consumer("user-0001");
    ana.log_in(&Device::iphone("user-0001")).await;
    let handoff = card(brand).await;
    let mut body: Value = serde_json::from_str(&CAMPAIGN.replace("H1234567890", &handoff)).unwrap();
    let stranger = json!({"consumerContent": {"inapp": "stranger"}, "variables": {"1": "Hi"}});
    body["consumers"].as_array_mut().unwrap().push(stranger);
    let made = create(brand, body.to_string()).await.ok(202);
    brand.world.stack.settled().await.unwrap();
    let ids: Vec<_> = list(&made["acceptedConsumers"])
        .iter()
        .map(|accepted| text(&accepted["id"]))
        .collect();
    ana.report(&ids[0], "DELIVERED").await;
    ana.report(&ids[0], "READ").await;
    brand.world.stack.settled().await.unwrap();
    (text(&made["proactiveCampaignId"]), ids)
}

/// Whether a row has all of the documents' fields, and no other.
#[track_caller]
fn is_transaction(row: &Value, campaign: &str, id: &str, status: &str) {
    let read = status == "READ";
    let consumer = if read { "user-0001" } else { "stranger" };
    let mut expected = json!({
        "channel": "inapp", "skill": "sales", "transactionId": id,
        "proactiveCampaignId": campaign, "handOffId": row["handOffId"],
        "consumerId": consumer, "conversationId": null,
        "initialSkill": "sales", "initialChannel": "inapp", "ivrNumber": "",
        "attemptedTime": row["attemptedTime"], "eligibleTime": null, "inviteTime": null,
        "sentTime": null, "deliveredTime": null, "readTime": null, "skippedTime": null,
        "failedTime": null, "cancelledTime": null, "optInsTime": null, "optOutsTime": null,
        "conversationsCreatedTime": null, "conversationsClosedTime": null,
        "errorSource": null, "errorCode": null, "errorMessage": null, "messageStatus": status,
    });
    is_time(&row["attemptedTime"]);
    assert!(text(&row["handOffId"]).starts_with('H'));
    let times: &[&str] = if read {
        &["sentTime", "deliveredTime", "readTime"]
    } else {
        expected["errorSource"] = "proactive".into();
        expected["errorCode"] = "28".into();
        expected["errorMessage"] = row["errorMessage"].clone();
        assert!(!text(&row["errorMessage"]).is_empty());
        &["failedTime"]
    };
    for time in times {
        is_time(&row[*time]);
        expected[*time] = row[*time].clone();
    }
    assert_eq!(row, &expected);
}
