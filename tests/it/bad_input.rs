//! What a brand can do wrong: each its own clear problem, nothing stored, nothing sent.

use crate::{
    parts::{Device, campaign, crowd, handoff, pushes_to, recipient, shown},
    world::{Answer, Brand, CLUB, SHOP, Session, World, list, text},
};
use local::TokenRequest;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A body that is refused, and how.
struct Case {
    what: &'static str,
    body: Value,
    status: u16,
    code: &'static str,
    /// Where the problem is; empty when it is not in the body.
    pointer: &'static str,
}

/// A case that is `base`, with `value` at `place`.
fn with(
    what: &'static str,
    base: &Value,
    place: &str,
    value: Value,
    (code, pointer): (&'static str, &'static str),
) -> Case {
    let mut body = base.clone();
    let (parent, name) = place.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap() {
        Value::Object(map) => drop(map.insert(name.to_owned(), value)),
        Value::Array(all) => all[name.parse::<usize>().unwrap()] = value,
        other => panic!("{place}: {other}"),
    }
    Case {
        what,
        body,
        status: 422,
        code,
        pointer,
    }
}

/// What there is to compare: nothing of it changes by a call that is refused.
fn stored(world: &World) -> BTreeMap<String, usize> {
    world.items()
}

/// Posts each case, and checks that it is refused as it says and leaves no trace.
async fn refuse(brand: &Brand<'_>, path: &str, cases: Vec<Case>) {
    let before = stored(brand.world);
    for case in cases {
        let answer = brand.post(path, case.body).await;
        let what = case.what;
        assert_eq!(answer.status, case.status, "{what}: {answer:?}");
        let problem = answer.problem(case.status, case.code);
        assert_eq!(problem["retryable"], false, "{what}");
        assert_eq!(problem["safeToResend"], true, "{what}");
        if !case.pointer.is_empty() {
            let [error] = list(&problem["errors"]).try_into().unwrap();
            assert_eq!(error["pointer"], case.pointer, "{what}: {problem:#}");
            assert!(!text(&error["detail"]).is_empty(), "{what}");
        }
        assert_eq!(stored(brand.world), before, "{what} was stored");
    }
    nothing_was_sent(brand.world).await;
}

async fn nothing_was_sent(world: &World) {
    world.stack.settled().await.unwrap();
    assert_eq!(world.stack.pushes(), Vec::<Value>::new());
    assert_eq!(world.stack.usage().of("overture-Send", "dynamodb:").calls, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_that_cannot_be_is_refused_as_a_whole() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    brand.with_iphone("ana").await;
    let good = campaign(&brand.greeting().await, &["ana"]);
    let foreign = world.brand("other").await.greeting().await;
    let many = campaign("H1", &crowd("c", 101))["consumers"].clone();
    let mut no_consent = good.clone();
    no_consent.as_object_mut().unwrap().remove("consent");
    let window = json!({"windows": [{"day": "MONDAY"}]});

    let campaigns = |place: &str, value: Value, what, refusal| with(what, &good, place, value, refusal);
    let cases = vec![
        campaigns("/consumers", json!([]), "no recipients", ("RECIPIENT_COUNT", "/consumers")),
        campaigns("/consumers", many, "101 recipients", ("RECIPIENT_COUNT", "/consumers")),
        campaigns("/consent", json!(false), "no consent", ("CONSENT_REQUIRED", "/consent")),
        campaigns("/consent", json!("yes"), "a consent that is text", ("INVALID_BODY", "/consent")),
        Case { what: "absent consent", body: no_consent, status: 422, code: "INVALID_BODY", pointer: "/consent" },
        campaigns("/skill", json!("chess"), "an unknown skill", ("UNKNOWN_SKILL", "/skill")),
        campaigns("/templateId", json!("H999"), "an unknown handoff", ("UNKNOWN_HANDOFF", "/templateId")),
        campaigns("/templateId", json!("1234567890"), "no handoff", ("UNKNOWN_HANDOFF", "/templateId")),
        campaigns("/templateId", json!(foreign), "another's handoff", ("UNKNOWN_HANDOFF", "/templateId")),
        campaigns("/campaignName", json!(" "), "a blank name", ("INVALID_NAME", "/campaignName")),
        campaigns("/schedulingMetrics", window, "a schedule", ("NOT_SUPPORTED", "/schedulingMetrics")),
        campaigns("/outboundNumber", json!("1555"), "a number", ("NOT_SUPPORTED", "/outboundNumber")),
        campaigns("/consumers/0/customerInfo", json!({"ctype": "vip"}), "an SDE",
            ("NOT_SUPPORTED", "/consumers/0/customerInfo")),
        campaigns("/consumers/0/personalInfo", json!({"firstname": "Ana"}), "another SDE",
            ("NOT_SUPPORTED", "/consumers/0/personalInfo")),
        campaigns("/consumers/0/headerVariables", json!({"image": "https://x"}), "a rich header",
            ("NOT_SUPPORTED", "/consumers/0/headerVariables")),
        campaigns("/consumers/0/buttonVariables", json!({"1": "x"}), "a button",
            ("NOT_SUPPORTED", "/consumers/0/buttonVariables")),
        campaigns("/consumers/0/consumerContent/sms", json!("15550001111"), "SMS beside In-App",
            ("NOT_SUPPORTED", "/consumers/0/consumerContent/sms")),
        campaigns("/consumers/0/consumerContent", json!({"wa": "15550001111"}), "WhatsApp",
            ("NOT_SUPPORTED", "/consumers/0/consumerContent/wa")),
        campaigns("/lookbackPeriodMinute", json!(59), "59 minutes", ("INVALID_LOOKBACK", "/lookbackPeriodDay")),
        campaigns("/lookbackPeriodDay", json!(31), "31 days", ("INVALID_LOOKBACK", "/lookbackPeriodDay")),
        campaigns("/lookbackPeriodHour", json!(24), "24 hours", ("INVALID_LOOKBACK", "/lookbackPeriodHour")),
        campaigns("/openConversation", json!("perhaps"), "an unknown policy", ("INVALID_BODY", "/openConversation")),
        campaigns("/lookBackPeriod", json!(1), "an unknown field", ("INVALID_BODY", "/lookBackPeriod")),
    ];
    refuse(&brand, "campaign", cases).await;
    // What is refused is refused when it is only to be checked, too, and a good one passes.
    let before = stored(&world);
    let mut bad = good.clone();
    bad["skill"] = json!("chess");
    brand.post("campaign?validate=true", bad).await.problem(422, "UNKNOWN_SKILL");
    let checked = brand.post("campaign?validate=true", good).await.ok(200);
    assert_eq!(list(&checked["acceptedConsumers"]).len(), 1);
    assert_eq!(checked["proactiveCampaignId"], Value::Null);
    assert_eq!(stored(&world), before);
    nothing_was_sent(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handoff_that_cannot_be_is_refused() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let good = handoff("Offer", &[SHOP], "Hello ${{1}}");
    let image = json!({"type": "image", "url": "${{4}}", "isClickable": true});
    let text = good["channels"][0]["messageComponents"][0].clone();
    let inapp = good["channels"][0].clone();
    let sms = json!({"type": "sms", "outboundnumber": "1555", "messageComponents": [text]});
    let apps = |count: usize| json!(crowd("app", count));
    let parts = "/channels/0/messageComponents";

    let cases = vec![
        with("an image", &good, parts, json!([text, image]),
            ("NOT_SUPPORTED", "/channels/0/messageComponents/1/type")),
        with("an image alone", &good, parts, json!([image]),
            ("NOT_SUPPORTED", "/channels/0/messageComponents/0/type")),
        with("two texts", &good, parts, json!([text, text]), ("INVALID_BODY", parts)),
        with("a link", &good, "/channels/0/messageComponents/0/url", json!("https://x"),
            ("NOT_SUPPORTED", "/channels/0/messageComponents/0/url")),
        with("5 apps", &good, "/channels/0/appNames", apps(5), ("INVALID_APPS", "/channels/0/appNames")),
        with("no app", &good, "/channels/0/appNames", apps(0), ("INVALID_APPS", "/channels/0/appNames")),
        with("an app twice", &good, "/channels/0/appNames", json!([SHOP, SHOP]),
            ("INVALID_APPS", "/channels/0/appNames")),
        with("an app that is not configured", &good, "/channels/0/appNames", json!([SHOP, "com.example.none"]),
            ("UNKNOWN_APP", "/channels/0/appNames/1")),
        with("In-App and SMS", &good, "/channels", json!([inapp, sms]), ("NOT_SUPPORTED", "/channels/1/type")),
        with("SMS", &good, "/channels", json!([sms]), ("NOT_SUPPORTED", "/channels/0/type")),
        with("no channel", &good, "/channels", json!([]), ("INVALID_BODY", "/channels")),
        with("31 days", &good, "/lookbackPeriodDay", json!(31), ("INVALID_LOOKBACK", "/lookbackPeriodDay")),
        with("no time at all", &good, "/lookbackPeriodDay", json!(0), ("INVALID_LOOKBACK", "/lookbackPeriodDay")),
        with("a placeholder that is none", &good, "/channels/0/messageComponents/0/messageText",
            json!("Hello ${{0}}"), ("INVALID_TEXT", "/channels/0/messageComponents/0/messageText")),
        with("markup in the title", &good, "/name", json!("<b>"), ("INVALID_NAME", "/name")),
        with("a source that is none", &good, "/source", json!("PIGEON"), ("INVALID_BODY", "/source")),
    ];
    refuse(&brand, "handoffs", cases).await;
    let mut short = good.clone();
    short["lookbackPeriodDay"] = json!(0);
    short["lookbackPeriodMinute"] = json!(59);
    brand.post("handoffs", short.clone()).await.problem(422, "INVALID_LOOKBACK");
    short["lookbackPeriodMinute"] = json!(0);
    short["lookbackPeriodHour"] = json!(1);
    brand.post("handoffs", short).await.ok(201);
    let four = handoff("Both", &[SHOP, CLUB], "Hello");
    brand.post("handoffs", four).await.ok(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_recipient_fails_alone() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    for id in ["ana", "ben"] {
        brand.with_iphone(id).await;
    }
    let variables = |id: &str, variables: Value| {
        json!({"consumerContent": {"inapp": id}, "variables": variables})
    };
    let long = "x".repeat(1551);
    let bad = [
        (recipient("ana"), "DUPLICATE_NUMBER"),
        (variables("eve", json!({})), "MISSING_VARIABLE=1"),
        (variables("eve", json!({"1": "a", "2": "b"})), "TOO_MANY_VARIABLES"),
        (variables("eve", json!({"2": "b"})), "MISSING_VARIABLE=1"),
        (variables("eve", json!({"1": 7})), "VARIABLE_NOT_STRING=1"),
        (variables("eve", json!({"1": null})), "VARIABLE_NOT_STRING=1"),
        (variables("eve", json!({"1": long})), "VARIABLE_TOO_LONG=1"),
        (json!({"consumerContent": {}, "variables": {"1": "a"}}), "MISSING_CONSUMER_INFORMATION==INAPP"),
        (variables("", json!({"1": "a"})), "MISSING_CONSUMER_INFORMATION==INAPP"),
    ];
    let mut body = campaign(&brand.greeting().await, &["ana"]);
    let consumers = body["consumers"].as_array_mut().unwrap();
    consumers.extend(bad.iter().map(|(consumer, _)| consumer.clone()));
    consumers.push(recipient("ben"));

    let answer = brand.launch(body).await;
    let accepted = list(&answer["acceptedConsumers"]);
    let ids: Vec<_> = accepted.iter().map(|a| text(&a["consumerContent"]["inapp"])).collect();
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
    assert_eq!((&counts["accepted"], &counts["sent"]), (&json!(2), &json!(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_call_is_told_why() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let ana = brand.with_iphone("ana").await;
    let other = world.brand("other").await;
    let good = campaign(&brand.greeting().await, &["ana"]);
    let expired = |role: &str| {
        let request = TokenRequest {
            role: role.to_owned(),
            account: "acme".to_owned(),
            subject: "ana".to_owned(),
            skills: Vec::new(),
            expires_in: -3600,
        };
        world.session("acme", world.stack.issue(&request).unwrap())
    };
    let before = stored(&world);
    let post = async |session: &Session<'_>| session.post("campaign", good.clone()).await;
    let read = async |session: &Session<'_>| session.get("me/messages").await;

    let body = || Some(("application/json", good.to_string()));
    let campaigns = "/api/v2/account/acme/campaign";
    let nobody = world.call(Method::POST, campaigns, None, &[], body()).await;
    nobody.problem(401, "UNAUTHORIZED");
    for garbage in ["garbage", "a.b.c", ""] {
        let answer = world.call(Method::POST, campaigns, Some(garbage), &[], body()).await;
        answer.problem(401, "UNAUTHORIZED");
    }
    let problem = post(&expired("admin")).await.problem(401, "TOKEN_EXPIRED");
    assert!(problem["message"].is_string(), "LivePerson's clients read it: {problem}");
    read(&expired("consumer")).await.problem(401, "TOKEN_EXPIRED");
    post(&ana).await.problem(401, "WRONG_TOKEN_KIND");
    read(&brand).await.problem(401, "WRONG_TOKEN_KIND");
    post(&world.session("acme", other.token.clone())).await.problem(404, "NOT_FOUND");
    let foreign = world.session("acme", other.consumer("ana").token.clone());
    read(&foreign).await.problem(401, "UNAUTHORIZED");
    let agent = world.staff("acme", "agent", &["sales"]).await;
    post(&agent).await.problem(403, "FORBIDDEN");
    let leader = world.staff("acme", "agent-manager", &[]).await;
    post(&leader).await.problem(403, "FORBIDDEN");
    let limits = json!({"limits": {"sendsPerSecond": 4000}});
    brand.put("settings", limits).await.problem(403, "FORBIDDEN");
    let wrong = world.token_call("acme", "operator", "wrong").await;
    wrong.problem(401, "INVALID_CLIENT");

    assert_eq!(stored(&world), before);
    nothing_was_sent(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_cannot_be_read_is_refused() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let before = stored(&world);
    let post = async |kind: &'static str, body: String| -> Answer {
        let path = "/api/v2/account/acme/campaign";
        let token = Some(brand.token.as_str());
        world.call(Method::POST, path, token, &[], Some((kind, body))).await
    };
    let json = "application/json";
    for broken in ["", "{", "{\"campaignName\": }", "nothing", "{} {}"] {
        post(json, broken.to_owned()).await.problem(400, "MALFORMED_JSON");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let nested = post(json, deep).await;
    assert!([400, 422].contains(&nested.status), "{nested:?}");
    let huge = format!("{{\"campaignName\": \"{}\"}}", "x".repeat(2 * 1024 * 1024));
    post(json, huge).await.problem(413, "PAYLOAD_TOO_LARGE");
    post("text/plain", "hello".to_owned()).await.problem(415, "UNSUPPORTED_MEDIA_TYPE");
    for wrong in ["[]", "null", "7", "\"text\""] {
        post(json, wrong.to_owned()).await.problem(422, "INVALID_BODY");
    }
    let missing = post(json, "{}".to_owned()).await.problem(422, "INVALID_BODY");
    assert_eq!(missing["errors"][0]["detail"], "Fields missing in request: campaignName");
    let device = brand.consumer("ana");
    let mut phone = Device::iphone("ana").body();
    phone["pushToken"] = json!("../../oauth");
    device.put("me/devices/d1", phone).await.problem(422, "INVALID_PUSH_TOKEN");
    assert_eq!(stored(&world), before);
    nothing_was_sent(&world).await;
}
