//! What a brand can do wrong: each its own clear problem, nothing stored, nothing sent.

use crate::{
    parts::{campaign, crowd, handoff, pushes_to, recipient, shown},
    world::{Brand, CLUB, SHOP, World, list, text},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One thing wrong: where it is put into a good body, as what JSON (nothing: it is left out), and
/// the code and pointer of the problem.
type Case<'c> = (&'c str, &'c str, &'c str, &'c str);

/// `good` with the one thing wrong.
pub(crate) fn spoilt(good: &Value, place: &str, json: &str) -> Value {
    let mut body = good.clone();
    let (parent, name) = place.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if json.is_empty() {
        parent.remove(name).unwrap();
    } else {
        parent.insert(name.to_owned(), serde_json::from_str(json).unwrap());
    }
    body
}

/// What there is to compare: nothing of it changes by a call that is refused.
pub(crate) fn stored(world: &World) -> BTreeMap<String, usize> {
    world.items()
}

/// Posts each case, and checks that it is refused as it says and leaves no trace.
async fn refuse(brand: &Brand<'_>, path: &str, good: &Value, cases: &[Case<'_>]) {
    let before = stored(brand.world);
    for (place, json, code, pointer) in cases {
        let what: String = format!("{place} {json}").chars().take(100).collect();
        let answer = brand.post(path, spoilt(good, place, json)).await;
        assert_eq!(answer.status, 422, "{what}: {answer:?}");
        let problem = answer.problem(422, code);
        assert_eq!(problem["retryable"], false, "{what}");
        assert_eq!(problem["safeToResend"], true, "{what}");
        let [error] = list(&problem["errors"]).try_into().unwrap();
        assert_eq!(error["pointer"], *pointer, "{what}: {problem:#}");
        assert!(!text(&error["detail"]).is_empty(), "{what}");
        assert_eq!(stored(brand.world), before, "{what} was stored");
    }
    nothing_was_sent(brand.world).await;
}

pub(crate) async fn nothing_was_sent(world: &World) {
    world.stack.settled().await.unwrap();
    assert_eq!(world.stack.pushes(), Vec::<Value>::new());
    assert_eq!(world.stack.usage().of("send", "dynamodb:").calls, 0);
}

/// What is wrong with a campaign, whatever the account has.
const CAMPAIGNS: &[Case<'_>] = &[
    ("/consumers", "[]", "RECIPIENT_COUNT", "/consumers"),
    ("/consent", "false", "CONSENT_REQUIRED", "/consent"),
    ("/consent", "\"yes\"", "INVALID_BODY", "/consent"),
    ("/consent", "", "INVALID_BODY", "/consent"),
    ("/skill", "\"chess\"", "UNKNOWN_SKILL", "/skill"),
    ("/templateId", "\"H999\"", "UNKNOWN_HANDOFF", "/templateId"),
    (
        "/templateId",
        "\"1234567890\"",
        "UNKNOWN_HANDOFF",
        "/templateId",
    ),
    ("/campaignName", "\" \"", "INVALID_NAME", "/campaignName"),
    (
        "/outboundNumber",
        "\"1555\"",
        "NOT_SUPPORTED",
        "/outboundNumber",
    ),
    (
        "/lookbackPeriodMinute",
        "59",
        "INVALID_LOOKBACK",
        "/lookbackPeriodDay",
    ),
    (
        "/lookbackPeriodDay",
        "31",
        "INVALID_LOOKBACK",
        "/lookbackPeriodDay",
    ),
    (
        "/lookbackPeriodHour",
        "24",
        "INVALID_LOOKBACK",
        "/lookbackPeriodHour",
    ),
    (
        "/openConversation",
        "\"perhaps\"",
        "INVALID_BODY",
        "/openConversation",
    ),
    ("/lookBackPeriod", "1", "INVALID_BODY", "/lookBackPeriod"),
];

/// What In-App does not have, and where in a campaign others put it.
const OF_OTHER_CHANNELS: &[(&str, &str)] = &[
    ("/schedulingMetrics", r#"{"windows": [{"day": "MONDAY"}]}"#),
    ("/consumers/0/customerInfo", r#"{"ctype": "vip"}"#),
    ("/consumers/0/personalInfo", r#"{"firstname": "Ana"}"#),
    ("/consumers/0/headerVariables", r#"{"image": "https://x"}"#),
    ("/consumers/0/buttonVariables", r#"{"1": "x"}"#),
    ("/consumers/0/consumerContent/sms", r#""15550001111""#),
    ("/consumers/0/consumerContent/wa", r#""15550001111""#),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_that_cannot_be_is_refused_as_a_whole() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    brand.with_iphone("ana").await;
    let good = campaign(&brand.greeting().await, &["ana"]);
    let foreign = json!(world.brand("other").await.greeting().await).to_string();
    let many = campaign("H1", &crowd("c", 101))["consumers"].to_string();

    refuse(&brand, "campaign", &good, CAMPAIGNS).await;
    let other_channels: Vec<Case<'_>> = OF_OTHER_CHANNELS
        .iter()
        .map(|(place, json)| (*place, *json, "NOT_SUPPORTED", *place))
        .collect();
    refuse(&brand, "campaign", &good, &other_channels).await;
    let of_this_account: [Case<'_>; 2] = [
        ("/consumers", &many, "RECIPIENT_COUNT", "/consumers"),
        ("/templateId", &foreign, "UNKNOWN_HANDOFF", "/templateId"),
    ];
    refuse(&brand, "campaign", &good, &of_this_account).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_can_be_checked_without_being_sent() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    brand.with_iphone("ana").await;
    let good = campaign(&brand.greeting().await, &["ana"]);
    let before = stored(&world);
    let bad = spoilt(&good, "/skill", "\"chess\"");
    let refused = brand.post("campaign?validate=true", bad).await;
    refused.problem(422, "UNKNOWN_SKILL");
    let checked = brand.post("campaign?validate=true", good).await.ok(200);
    assert_eq!(list(&checked["acceptedConsumers"]).len(), 1);
    assert_eq!(checked["proactiveCampaignId"], Value::Null);
    assert_eq!(stored(&world), before);
    nothing_was_sent(&world).await;
}

const APPS: &str = "/channels/0/appNames";
const PARTS: &str = "/channels/0/messageComponents";
const IMAGE: &str = r#"{"type": "image", "url": "${{4}}", "isClickable": true}"#;
const TEXT: &str = r#"{"type": "text", "messageText": "Hello"}"#;
const SMS: &str = r#"{"type": "sms", "outboundnumber": "1555"}"#;

/// What is wrong with a handoff.
const HANDOFFS: &[Case<'_>] = &[
    (APPS, r#"["a", "b", "c", "d", "e"]"#, "INVALID_APPS", APPS),
    (APPS, "[]", "INVALID_APPS", APPS),
    (
        APPS,
        r#"["com.example.shop", "com.example.shop"]"#,
        "INVALID_APPS",
        APPS,
    ),
    (
        APPS,
        r#"["com.example.shop", "com.example.none"]"#,
        "UNKNOWN_APP",
        APPS,
    ),
    ("/channels", "[]", "INVALID_BODY", "/channels"),
    (
        "/lookbackPeriodDay",
        "31",
        "INVALID_LOOKBACK",
        "/lookbackPeriodDay",
    ),
    (
        "/lookbackPeriodDay",
        "0",
        "INVALID_LOOKBACK",
        "/lookbackPeriodDay",
    ),
    ("/name", "\"<b>\"", "INVALID_NAME", "/name"),
    ("/source", "\"PIGEON\"", "INVALID_BODY", "/source"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handoff_that_cannot_be_is_refused() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let good = handoff("Offer", &[SHOP], "Hello ${{1}}");
    refuse(&brand, "handoffs", &good, HANDOFFS).await;

    let inapp = good["channels"][0].to_string();
    let part = |n: u8, name: &str| format!("{PARTS}/{n}/{name}");
    let (link, placeholder) = (part(0, "url"), part(0, "messageText"));
    let cases: [Case<'_>; 7] = [
        (
            PARTS,
            &format!("[{TEXT}, {IMAGE}]"),
            "NOT_SUPPORTED",
            &part(1, "type"),
        ),
        (
            PARTS,
            &format!("[{IMAGE}]"),
            "NOT_SUPPORTED",
            &part(0, "type"),
        ),
        (PARTS, &format!("[{TEXT}, {TEXT}]"), "INVALID_BODY", PARTS),
        (&link, "\"https://x\"", "NOT_SUPPORTED", &link),
        (
            &placeholder,
            "\"Hello ${{0}}\"",
            "INVALID_TEXT",
            &placeholder,
        ),
        (
            "/channels",
            &format!("[{inapp}, {SMS}]"),
            "NOT_SUPPORTED",
            "/channels/1/type",
        ),
        (
            "/channels",
            &format!("[{SMS}]"),
            "NOT_SUPPORTED",
            "/channels/0/type",
        ),
    ];
    refuse(&brand, "handoffs", &good, &cases).await;

    let mut short = good.clone();
    short["lookbackPeriodDay"] = json!(0);
    short["lookbackPeriodMinute"] = json!(59);
    let refused = brand.post("handoffs", short.clone()).await;
    refused.problem(422, "INVALID_LOOKBACK");
    short["lookbackPeriodMinute"] = json!(0);
    short["lookbackPeriodHour"] = json!(1);
    brand.handoff(short).await;
    brand.handoff(handoff("Both", &[SHOP, CLUB], "Hello")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_recipient_fails_alone() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    for id in ["ana", "ben"] {
        brand.with_iphone(id).await;
    }
    let variables = |id: &str, variables: Value| json!({"consumerContent": {"inapp": id}, "variables": variables});
    let long = "x".repeat(1551);
    let bad = [
        (recipient("ana"), "DUPLICATE_NUMBER"),
        (variables("eve", json!({})), "MISSING_VARIABLE=1"),
        (
            variables("eve", json!({"1": "a", "2": "b"})),
            "TOO_MANY_VARIABLES",
        ),
        (variables("eve", json!({"2": "b"})), "MISSING_VARIABLE=1"),
        (variables("eve", json!({"1": 7})), "VARIABLE_NOT_STRING=1"),
        (
            variables("eve", json!({"1": null})),
            "VARIABLE_NOT_STRING=1",
        ),
        (variables("eve", json!({"1": long})), "VARIABLE_TOO_LONG=1"),
        (
            json!({"consumerContent": {}, "variables": {"1": "a"}}),
            "MISSING_CONSUMER_INFORMATION==INAPP",
        ),
        (
            variables("", json!({"1": "a"})),
            "MISSING_CONSUMER_INFORMATION==INAPP",
        ),
    ];
    let mut body = campaign(&brand.greeting().await, &["ana"]);
    let consumers = body["consumers"].as_array_mut().unwrap();
    consumers.extend(bad.iter().map(|(consumer, _)| consumer.clone()));
    consumers.push(recipient("ben"));

    let answer = brand.launch(body).await;
    let accepted = list(&answer["acceptedConsumers"]);
    let ids: Vec<_> = accepted
        .iter()
        .map(|a| text(&a["consumerContent"]["inapp"]))
        .collect();
    assert_eq!(ids, ["ana", "ben"]);
    let failed = list(&answer["failedConsumers"]);
    assert_eq!(failed.len(), bad.len());
    for (failed, (consumer, message)) in failed.iter().zip(&bad) {
        assert_eq!(failed["errorMessage"], *message, "{consumer}");
        assert_eq!(failed["consumerContent"], consumer["consumerContent"]);
        assert_eq!(failed["variables"], consumer["variables"]);
    }
    world.stack.settled().await.unwrap();
    for id in ["ana", "ben"] {
        let [push] = pushes_to(&world.stack, id).try_into().unwrap();
        assert_eq!(shown(&push), format!("Hello {id}"));
    }
    assert_eq!(world.stack.pushes().len(), 2);
    let counts = brand.look(&answer).await["counts"].clone();
    assert_eq!(
        (&counts["accepted"], &counts["sent"]),
        (&json!(2), &json!(2))
    );
}
