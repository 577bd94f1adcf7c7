//! Campaigns that only try something out: sent as any other, and in no report.

use crate::{
    parts::{campaign, proactive},
    world::{World, list, text},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_campaign_is_sent_and_is_in_no_report() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    brand.with_iphone("ana").await;
    let handoff = brand.greeting().await;
    let mut body = campaign(&handoff, &["ana", "stranger"]);
    body["test"] = json!("yes");
    let refused = brand.post("campaign", body.clone()).await;
    assert_eq!(
        refused.problem(422, "INVALID_BODY")["errors"][0]["pointer"],
        "/test"
    );
    body["test"] = json!(true);
    let tried = brand.launch(body).await;
    let real = brand.launch(campaign(&handoff, &["ana"])).await;
    world.stack.settled().await.unwrap();
    assert_eq!(proactive(&world.stack).len(), 2, "both are sent");
    let seen = brand.look(&tried).await;
    assert_eq!(seen["test"], true);
    assert_eq!(seen["counts"]["sent"], 1);
    assert_eq!(seen["counts"]["failed"], 1);
    assert_eq!(brand.look(&real).await["test"], false);
    let ana = brand.consumer("ana");
    assert_eq!(ana.inbox().await.len(), 2, "and both are read");
    ana.write("Hello").await;
    world.stack.settled().await.unwrap();

    let now = world.stack.clock().now_ms();
    let window = format!(
        "?attemptedStartTime={}&attemptedEndTime={}",
        now - 3_600_000,
        now + 3_600_000
    );
    let app = "/api/account/acme/app/prmsg";
    let counted = brand
        .get(&format!("{app}/analytics/{window}"))
        .await
        .ok(200);
    let [row] = list(&counted["analytics"]).try_into().unwrap();
    assert_eq!((&row["attempted"], &row["sent"]), (&json!(1), &json!(1)));
    assert_eq!(row["failed"], 0);
    let path = format!("{app}/transactions/{window}");
    let rows = brand.post(&path, json!({})).await.ok(200);
    assert_eq!(rows["page"]["count"], 1);
    let campaign = &rows["transactions"][0]["proactiveCampaignId"];
    assert_eq!(campaign, &real["proactiveCampaignId"]);
    for (made, status) in [(&tried, 404), (&real, 200)] {
        let id = text(&made["proactiveCampaignId"]);
        for report in ["", "analytics/"] {
            let answer = brand.get(&format!("{app}/campaigns/{id}/{report}")).await;
            assert_eq!(answer.status, status, "{answer:?}");
        }
    }
}
