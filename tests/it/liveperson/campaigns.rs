//! Creating a campaign, and what became of its recipients.

use super::{CAMPAIGN, card, create, fields, is_number, is_uuid, send};
use crate::{
    parts::{pushes_to, shown},
    world::{World, list, text},
};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_is_created_as_printed() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    brand.with_iphone("user-0001").await;
    let id = card(&brand).await;
    let printed = CAMPAIGN.replace("H1234567890", &id);
    let made = create(&brand, printed.clone()).await.ok(202);
    assert_eq!(
        fields(&made),
        [
            "acceptedConsumers",
            "failedConsumers",
            "leCampaignId",
            "leEngagementId",
            "proactiveCampaignId",
            "requestTraceId",
        ]
    );
    let short = text(&made["proactiveCampaignId"]);
    assert!(short.len() <= 10 && short.bytes().all(|b| b.is_ascii_alphanumeric()));
    is_number(&made["leCampaignId"]);
    is_number(&made["leEngagementId"]);
    is_uuid(&made["requestTraceId"]);
    assert_eq!(made["failedConsumers"], json!([]));
    let [accepted] = list(&made["acceptedConsumers"]).try_into().unwrap();
    is_uuid(&accepted["id"]);
    assert_eq!(
        accepted,
        json!({"id": accepted["id"], "consumerContent": {"inapp": "user-0001"}})
    );
    world.stack.settled().await.unwrap();
    let pushes = pushes_to(&world.stack, "user-0001");
    assert_eq!(pushes.len(), 1);
    assert_eq!(shown(&pushes[0]), "Hi Ana, your card is on its way.");

    // What fails the whole call: a field that is missing, a wrong skill, a wrong handoff.
    for field in [
        "campaignName",
        "skill",
        "templateId",
        "consent",
        "consumers",
    ] {
        let mut body: Value = serde_json::from_str(&printed).unwrap();
        body.as_object_mut().unwrap().remove(field);
        let refused = create(&brand, body.to_string()).await;
        let refused = refused.problem(422, "INVALID_BODY");
        assert_eq!(
            refused["message"],
            format!("Fields missing in request: {field}")
        );
        is_uuid(&refused["requestTraceId"]);
    }
    let wrong = printed.replace("\"sales\"", "\"nobody\"");
    create(&brand, wrong).await.problem(422, "UNKNOWN_SKILL");
    create(&brand, CAMPAIGN.to_owned())
        .await
        .problem(422, "UNKNOWN_HANDOFF");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_recipient_fails_alone_in_liveperson_s_words() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let id = card(&brand).await;
    let good = r#"{ "consumerContent": { "inapp": "user-0001" },
      "variables": { "1": "Hi Ana, your card is on its way." } }"#;
    let bad = [
        (
            json!({"consumerContent": {"inapp": "user-0001"}, "variables": {"1": "again"}}),
            "DUPLICATE_NUMBER",
        ),
        (
            json!({"consumerContent": {}, "variables": {"1": "a"}}),
            "MISSING_CONSUMER_INFORMATION==INAPP",
        ),
        (
            json!({"consumerContent": {"inapp": "user-0002"}, "variables": {}}),
            "MISSING_VARIABLE=1",
        ),
        (
            json!({"consumerContent": {"inapp": "user-0003"}, "variables": {"1": "a", "2": "b"}}),
            "TOO_MANY_VARIABLES",
        ),
        (
            json!({"consumerContent": {"inapp": "user-0004"}, "variables": {"1": 7}}),
            "VARIABLE_NOT_STRING=1",
        ),
    ];
    let mut all = good.to_owned();
    for (consumer, _) in &bad {
        all = format!("{all}, {consumer}");
    }
    let body = CAMPAIGN.replace("H1234567890", &id).replace(good, &all);
    let made = create(&brand, body).await.ok(202);
    let failed = list(&made["failedConsumers"]);
    let expected: Vec<_> = bad
        .into_iter()
        .map(|(mut consumer, why)| {
            consumer["errorMessage"] = why.into();
            consumer
        })
        .collect();
    assert_eq!(failed, expected, "what came, with why");
    assert_eq!(list(&made["acceptedConsumers"]).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statuses_of_recipients_have_liveperson_s_names() {
    let world = World::start().await;
    let brand = world.brand_sending("acme", 1).await;
    let ana = brand.with_iphone("user-0001").await;
    let body: Value =
        serde_json::from_str(&CAMPAIGN.replace("H1234567890", &card(&brand).await)).unwrap();
    let mut three = body.clone();
    for other in ["stranger", "user-0002"] {
        let mut consumer = body["consumers"][0].clone();
        consumer["consumerContent"]["inapp"] = other.into();
        three["consumers"].as_array_mut().unwrap().push(consumer);
    }
    brand.with_iphone("user-0002").await;
    let made = create(&brand, three.to_string()).await.ok(202);
    let id = text(&made["proactiveCampaignId"]);
    let path = format!("/api/v2/account/acme/campaign/{id}/conversations");
    let look = async || send(&brand, Method::GET, &path, None).await.ok(200);

    // At one message per second the last two wait.
    world.stack.quiet().await.unwrap();
    let seen = look().await;
    assert_eq!(fields(&seen), ["campaignStatus", "conversations"]);
    let ids: Vec<_> = list(&made["acceptedConsumers"])
        .into_iter()
        .map(|accepted| accepted["id"].clone())
        .collect();
    let last = &seen["conversations"][2];
    let waits = json!({
        "id": ids[2], "status": "NOT_SENT", "conversationId": null, "errorMessage": null,
    });
    if seen["campaignStatus"] == "SENDING" {
        assert_eq!(last, &waits);
    }
    world.stack.settled().await.unwrap();
    let replied = ana.write("Thank you").await;
    world.stack.settled().await.unwrap();
    let seen = look().await;
    let told = |n: usize, status: &str, conversation: Value, error: Value| json!({"id": ids[n], "status": status, "conversationId": conversation, "errorMessage": error});
    let expected = json!({
        "campaignStatus": "FINISHED",
        "conversations": [
            told(0, "DELIVERED", replied["conversationId"].clone(), Value::Null),
            told(1, "FAILED", Value::Null, "proactive_28".into()),
            told(2, "DELIVERED", Value::Null, Value::Null),
        ],
    });
    assert_eq!(seen, expected);
}
