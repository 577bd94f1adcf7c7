//! LivePerson's Connect to Messaging calls, as its documents print them, answered field by field
//! as its clients read them.

use crate::{
    parts::{Device, pushes_to, shown},
    world::{Answer, Brand, CLUB, Session, World, list, text},
};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

/// The eligibility request of the documents, for In-App.
const ELIGIBILITY: &str = r#"{
    "consumerPhoneNumber": "+12061234567",
    "handoffId": "H123456789",    
    "skill": "support",
    "ivrNumber": "180000",
    "consumerId": "james"
}"#;

/// The invite request of the documents.
const INVITE: &str = r#"{
    "callId":"ec88bd52-3d1e-40a7-a2fc-95565a528258"
}"#;

/// The call id that they print.
const PRINTED: &str = "ec88bd52-3d1e-40a7-a2fc-95565a528258";

async fn call(session: &Session<'_>, path: &str, body: &str) -> Answer {
    let path = format!("/api/account/acme/{path}");
    let body = Some(("application/json", body.to_owned()));
    let token = Some(session.token.as_str());
    session
        .world
        .call(Method::POST, &path, token, &[], body)
        .await
}

async fn check(session: &Session<'_>, body: &str) -> Answer {
    call(session, "eligibility?v=2.0", body).await
}

async fn invite(session: &Session<'_>, body: &str) -> Answer {
    call(session, "invite?v=2.0", body).await
}

/// A printed body with other values in some of its fields; null takes one out.
fn with(printed: &str, values: &Value) -> String {
    let mut body: Value = serde_json::from_str(printed).unwrap();
    for (name, value) in values.as_object().unwrap() {
        let fields = body.as_object_mut().unwrap();
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    body.to_string()
}

/// An error as Connect to Messaging documents it, which is a problem as well.
#[track_caller]
fn refused(answer: Answer, status: u16, code: &str, number: u16, words: &str) {
    let body = answer.problem(status, code);
    assert_eq!(body["errorCode"], number, "{body:#}");
    assert_eq!(body["errorMessage"], words, "{body:#}");
}

/// What an eligible caller is answered.
#[track_caller]
fn eligible(answer: Answer) -> String {
    let answer = answer.ok(200);
    let id = text(&answer["callId"]);
    let expected = json!({
        "availableChannels": ["inapp"], "recommendedChannelName": "inapp", "eligible": true,
        "callId": id,
    });
    assert_eq!(answer, expected);
    let parsed: uuid::Uuid = id.parse().unwrap();
    assert_eq!(parsed.get_version_num(), 4);
    id
}

/// What a caller is answered who is not.
#[track_caller]
fn not_eligible(answer: Answer, reason: &str) -> String {
    let answer = answer.ok(200);
    let id = text(&answer["callId"]);
    let expected = json!({
        "availableChannels": [], "recommendedChannelName": "", "eligible": false,
        "callId": id, "reason": reason,
    });
    assert_eq!(answer, expected);
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_is_checked_and_invited_as_printed() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let james = brand.with_iphone("james").await;
    let handoff = brand
        .handoff_for_calls("Go on here: we have your call.")
        .await;
    let asked = ELIGIBILITY.replace("H123456789", &handoff);
    let id = eligible(check(&brand, &asked).await);
    assert!(pushes_to(&world.stack, "james").is_empty(), "only checked");

    let printed = INVITE.replace(PRINTED, &id);
    let before = jiff::Timestamp::from_millisecond(world.stack.clock().now_ms()).unwrap();
    for _ in 0..2 {
        let answer = invite(&brand, &printed).await.ok(200);
        assert_eq!(answer, json!({"callId": id}));
    }
    world.stack.settled().await.unwrap();
    let pushes = pushes_to(&world.stack, "james");
    assert_eq!(pushes.len(), 1, "a call is invited once");
    assert_eq!(shown(&pushes[0]), "Go on here: we have your call.");
    assert_eq!(pushes[0].payload["backendService"], "c2m");

    // The reply goes to the call's skill, and the agent sees what led to it.
    let replied = james.write("Here I am").await;
    assert_eq!(replied["skill"], "support");
    let agent = world.staff("acme", "agent", &["support"]).await;
    let path = format!("conversations/{}", text(&replied["conversationId"]));
    let seen = agent.get(&path).await.ok(200);
    assert_eq!(seen["campaignInfo"]["source"], "IVR");
    assert_eq!(seen["campaignInfo"]["campaignName"], "Calls");
    world.stack.settled().await.unwrap();
    is_reported(&brand, &handoff, before).await;
}

/// Whether the reports of `c2m` have the invitation, and those of `prmsg` do not.
async fn is_reported(brand: &Brand<'_>, handoff: &str, invited: jiff::Timestamp) {
    let now = brand.world.stack.clock().now_ms();
    let window = format!(
        "?attemptedStartTime={}&attemptedEndTime={}",
        now - 3_600_000,
        now + 3_600_000
    );
    let rows = async |app: &str| {
        let path = format!("/api/account/acme/app/{app}/transactions/{window}&v=2.0");
        let answer = brand.post(&path, json!({})).await.ok(200);
        list(&answer["transactions"])
    };
    assert_eq!(rows("prmsg").await, Vec::<Value>::new());
    let [row] = rows("c2m").await.try_into().unwrap();
    for (name, value) in [
        ("ivrNumber", "180000"),
        ("handOffId", handoff),
        ("consumerId", "james"),
        ("skill", "support"),
        ("channel", "inapp"),
        ("messageStatus", "RESPONDED"),
    ] {
        assert_eq!(row[name], value, "{name}");
    }
    let time = |name: &str| text(&row[name]).parse::<jiff::Timestamp>().unwrap();
    assert!(time("eligibleTime") <= time("inviteTime"));
    assert!(time("inviteTime") >= invited && time("sentTime") >= time("inviteTime"));
    let path = format!("/api/account/acme/app/c2m/analytics/{window}");
    let answer = brand.get(&path).await.ok(200);
    let [day] = list(&answer["analytics"]).try_into().unwrap();
    for name in ["attempted", "sent", "conversationscreated"] {
        assert_eq!(day[name], 1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_the_app_cannot_reach_is_not_eligible() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let handoff = brand.handoff_for_calls("Go on here.").await;
    let asked = ELIGIBILITY.replace("H123456789", &handoff);
    let stranger = not_eligible(check(&brand, &asked).await, "CONSUMER_NOT_REGISTERED");
    let james = brand.consumer("james");
    james.log_in(&Device::iphone("james").with(CLUB)).await;
    not_eligible(check(&brand, &asked).await, "NO_DEVICE");
    james.log_in(&Device::android("james")).await;
    eligible(check(&brand, &asked).await);
    james.write("Hello?").await;
    not_eligible(check(&brand, &asked).await, "OPEN_CONVERSATION");
    let answer = invite(&brand, &INVITE.replace(PRINTED, &stranger)).await;
    refused(answer, 400, "NOT_ELIGIBLE", 1400, "Message cannot be sent");
    world.stack.settled().await.unwrap();
    assert!(pushes_to(&world.stack, "james").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_is_refused_with_the_documented_numbers() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let handoff = brand.handoff_for_calls("Hello ${{1}}").await;
    let proactive = brand.greeting().await;
    let asked = ELIGIBILITY.replace("H123456789", &handoff);
    let invalid = "Invalid request";
    for (values, code, number, words) in [
        (
            json!({"consumerPhoneNumber": "2061234567"}),
            "INVALID_BODY",
            1001,
            "Invalid customerPhoneNumber",
        ),
        (
            json!({"consumerPhoneNumber": "+1206123456789012"}),
            "INVALID_BODY",
            1001,
            "Invalid customerPhoneNumber",
        ),
        (
            json!({"consumerPhoneNumber": null}),
            "INVALID_BODY",
            1000,
            invalid,
        ),
        (json!({"consumerId": null}), "INVALID_BODY", 1000, invalid),
        (json!({"consumerId": ""}), "INVALID_ID", 1000, invalid),
        (json!({"skill": null}), "INVALID_BODY", 1000, invalid),
        (json!({"handoffId": null}), "INVALID_BODY", 1000, invalid),
        (
            json!({"sdes": [{"type": "personal", "info": {}}]}),
            "NOT_SUPPORTED",
            1000,
            invalid,
        ),
        (
            json!({"ivrNumber": "1".repeat(33)}),
            "INVALID_BODY",
            1000,
            invalid,
        ),
        (json!({"unknown": 1}), "INVALID_BODY", 1000, invalid),
        (
            json!({"skill": "nobody"}),
            "UNKNOWN_SKILL",
            1300,
            "No engagement found for skill nobody",
        ),
        (
            json!({"handoffId": "H123456789"}),
            "UNKNOWN_HANDOFF",
            1500,
            "No handoff is available",
        ),
        (
            json!({"handoffId": proactive}),
            "UNKNOWN_HANDOFF",
            1500,
            "No handoff is available",
        ),
        (json!({}), "INVALID_BODY", 1000, invalid),
        (
            json!({"templateVariables": {"1": 7}}),
            "INVALID_BODY",
            1000,
            invalid,
        ),
    ] {
        let answer = check(&brand, &with(&asked, &values)).await;
        refused(answer, 400, code, number, words);
    }
    let variables = json!({"templateVariables": {"1": "James"}});
    not_eligible(
        check(&brand, &with(&asked, &variables)).await,
        "CONSUMER_NOT_REGISTERED",
    );
    for version in ["", "?v=1.0"] {
        let answer = call(&brand, &format!("eligibility{version}"), &asked).await;
        refused(answer, 400, "INVALID_QUERY", 1002, "Invalid version");
    }
    let answer = check(&brand, "{").await;
    refused(answer, 400, "MALFORMED_JSON", 1000, invalid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_and_types_are_refused_with_the_documented_numbers() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let asked = ELIGIBILITY.to_owned();
    let agent = world.staff("acme", "agent", &["support"]).await;
    let words = "Not enough privilege to perform this operation";
    refused(check(&agent, &asked).await, 403, "FORBIDDEN", 1101, words);
    let nobody = world.session("acme", "none");
    let words = "Invalid Bearer token";
    refused(
        check(&nobody, &asked).await,
        401,
        "UNAUTHORIZED",
        1100,
        words,
    );
    let path = "/api/account/acme/eligibility?v=2.0";
    let token = Some(brand.token.as_str());
    let body = Some(("text/plain", "skill=support".to_owned()));
    let answer = world.call(Method::POST, path, token, &[], body).await;
    let words = "Unsupported Media Type";
    refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE", 1015, words);
    let theirs = world.brand("other").await;
    let answer = check(&theirs, &asked).await;
    refused(answer, 404, "NOT_FOUND", 1004, "Not Found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_refused_with_the_documented_numbers() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    brand.with_iphone("james").await;
    let handoff = brand.handoff_for_calls("Go on here.").await;
    let asked = ELIGIBILITY.replace("H123456789", &handoff);
    let id = eligible(check(&brand, &asked).await);
    let printed = INVITE.replace(PRINTED, &id);
    let invalid = "Invalid request";
    for (values, code, number, words) in [
        (json!({"callId": null}), "INVALID_BODY", 1000, invalid),
        (json!({"callId": "1"}), "INVALID_ID", 1000, invalid),
        (
            json!({"overrideMessage": "Hi"}),
            "NOT_SUPPORTED",
            1000,
            invalid,
        ),
        (
            json!({"overrideChannel": "sms"}),
            "NOT_SUPPORTED",
            1900,
            "Overridden channel is not available",
        ),
        (
            json!({"overrideSkill": "nobody"}),
            "UNKNOWN_SKILL",
            1901,
            "No engagement provided for the overridden skill",
        ),
    ] {
        let answer = invite(&brand, &with(&printed, &values)).await;
        refused(answer, 400, code, number, words);
    }
    let answer = call(&brand, "invite?v=1.0", &printed).await;
    refused(answer, 400, "INVALID_QUERY", 1002, "Invalid version");
    refused(
        invite(&brand, INVITE).await,
        404,
        "NOT_FOUND",
        1004,
        "Not Found",
    );
    let theirs = world.brand("other").await;
    let path = "/api/account/other/invite?v=2.0";
    let answer = theirs.post(path, json!({"callId": id})).await;
    refused(answer, 404, "NOT_FOUND", 1004, "Not Found");

    let other = with(
        &printed,
        &json!({"overrideChannel": "INAPP", "overrideSkill": "sales"}),
    );
    assert_eq!(invite(&brand, &other).await.ok(200), json!({"callId": id}));
    refused(
        invite(&brand, &printed).await,
        400,
        "IDEMPOTENCY_KEY_REUSED",
        1000,
        invalid,
    );
    world.stack.settled().await.unwrap();
    assert_eq!(pushes_to(&world.stack, "james").len(), 1);

    // A deleted handoff invites nobody, however recently a caller was checked.
    let id = eligible(check(&brand, &asked).await);
    brand
        .delete(&format!("handoffs/{handoff}?stop=true"))
        .await
        .ok(204);
    let answer = invite(&brand, &INVITE.replace(PRINTED, &id)).await;
    refused(
        answer,
        400,
        "UNKNOWN_HANDOFF",
        1500,
        "No handoff is available",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_have_a_pace_of_their_own() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let handoff = brand.handoff_for_calls("Go on here.").await;
    let asked = ELIGIBILITY.replace("H123456789", &handoff);
    let limits = json!({
        "recipientsPerCampaign": 100, "sendsPerSecond": 10, "requestsPerSecond": 1,
    });
    let settings = json!({"defaultSkill": "support", "limits": limits});
    brand.operator.put("settings", settings).await.ok(200);
    let many = join_all((0..20).map(|_| check(&brand, &asked))).await;
    let (taken, late): (Vec<_>, Vec<_>) = many.into_iter().partition(|a| a.status == 200);
    assert!(!taken.is_empty() && !late.is_empty(), "one call per second");
    for answer in taken.iter().chain(&late) {
        assert_eq!(answer.header("ratelimit-limit"), "1");
    }
    for answer in late {
        // Two, when one that came a moment later was taken first.
        let after = answer.header("retry-after");
        assert!(["1", "2"].contains(&after), "{after}");
        refused(answer, 429, "TOO_MANY_REQUESTS", 1029, "Rate limit hit");
    }
    brand.get("handoffs").await.ok(200);
}
