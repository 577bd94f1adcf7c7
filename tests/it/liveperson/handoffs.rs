//! The listings of handoffs, and a campaign of what they show.

use super::{CAMPAIGN, create, fields, is_time, send};
use crate::{
    parts::{pushes_to, shown},
    world::{SHOP, World, list, text},
};
use reqwest::Method;
use serde_json::{Value, json};

/// The text component of the documents' handoff.
const COMPONENT: &str = r#"{ "type": "text", "messageText": "${{3}}", "notificationTitle": "Hello ${{1}}",
      "notificationMessage": "About ${{2}}", "isSameMessageForNotification": true,
      "variables": ["1","2","3"] }"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handoffs_are_listed_in_liveperson_s_shape() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let component: Value = serde_json::from_str(COMPONENT).unwrap();
    let made = json!({
        "name": "Renewal", "lookbackPeriodDay": 2, "lookbackPeriodHour": 3,
        "routeAllWithinLookback": true,
        "channels": [{"type": "inapp", "appNames": [SHOP], "language": "en",
            "messageComponents": [component]}],
    });
    let made = brand.post("handoffs", made).await.ok(201);
    for path in [
        "/api/account/acme/app/prmsg/handoffs/list?v=1&limit=30&offset=0",
        "/api/account/acme/app/prmsg/handoffs/list/channel/inapp?v=1",
    ] {
        let answer = send(&brand, Method::GET, path, None).await.ok(200);
        let [listed] = list(&answer["handoffs"]).try_into().unwrap();
        assert_eq!(listed, made, "{path}");
        assert_eq!(
            fields(&listed),
            [
                "channels",
                "createdAt",
                "id",
                "lookbackPeriodDay",
                "lookbackPeriodHour",
                "name",
                "routeAllWithinLookback",
                "source",
                "updatedAt",
            ]
        );
        assert!(text(&listed["id"]).starts_with('H'));
        assert_eq!(listed["name"], "Renewal");
        assert_eq!(listed["lookbackPeriodDay"], 2);
        assert_eq!(listed["lookbackPeriodHour"], 3);
        assert_eq!(listed["routeAllWithinLookback"], true);
        is_time(&listed["createdAt"]);
        is_time(&listed["updatedAt"]);
        let channel = json!({"type": "inapp", "appNames": [SHOP], "language": "en",
            "messageComponents": [component]});
        assert_eq!(listed["channels"], json!([channel]), "as it was made");
    }
    for channel in ["wa", "sms-twilio", "apple-twilio", "googlercs"] {
        let path = format!("/api/account/acme/app/prmsg/handoffs/list/channel/{channel}?v=1");
        let answer = send(&brand, Method::GET, &path, None).await.ok(200);
        assert_eq!(answer["handoffs"], json!([]), "{channel}");
    }

    // The message is shown in the place of the notification's text, all variables are needed.
    brand.with_iphone("user-0001").await;
    let body = CAMPAIGN.replace("H1234567890", &text(&made["id"])).replace(
        r#"{ "1": "Hi Ana, your card is on its way." }"#,
        r#"{ "1": "Ana", "2": "your card", "3": "It is on its way." }"#,
    );
    let answer = create(&brand, body).await.ok(202);
    assert_eq!(answer["failedConsumers"], json!([]));
    world.stack.settled().await.unwrap();
    let pushes = pushes_to(&world.stack, "user-0001");
    assert_eq!(shown(&pushes[0]), "It is on its way.");
    assert_eq!(pushes[0].payload["aps"]["alert"]["title"], "Hello Ana");
}
