//! LivePerson's documented calls, as its documents print them, answered field by field as its
//! clients read them.
//!
//! Only values are put into what is printed: ids, and the times of a report.

use crate::{
    parts::{Device, handoff},
    world::{Answer, Brand, SHOP, World, list, text},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// The campaign of the documents.
const CAMPAIGN: &str = r#"{
  "campaignName": "Renewal-Nov",
  "skill": "sales",
  "templateId": "H1234567890",
  "consent": true,
  "consumers": [
    { "consumerContent": { "inapp": "user-0001" },
      "variables": { "1": "Hi Ana, your card is on its way." } }
  ]
}"#;

/// The text component of the documents' handoff.
const COMPONENT: &str = r#"{ "type": "text", "messageText": "${{3}}", "notificationTitle": "Hello ${{1}}",
      "notificationMessage": "About ${{2}}", "isSameMessageForNotification": true,
      "variables": ["1","2","3"] }"#;

/// The filters of the documents' transactions report.
const TRANSACTIONS: &str = r#"{ "offset": 0, "limit": 1000,
  "filters": { "channels": ["inapp"], "skills": ["sales"],
               "messagestatus": ["FAILED","READ"], "transactionids": ["<uuid>"] } }"#;

/// The names of an object's fields, in the order of the alphabet.
#[track_caller]
fn fields(object: &Value) -> Vec<&str> {
    let object = object.as_object().expect("an object");
    let mut names: Vec<_> = object.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// What is checked by its form: it differs from call to call.
#[track_caller]
fn is_uuid(value: &Value) {
    let id: uuid::Uuid = text(value).parse().expect("a UUID");
    assert_eq!(id.to_string(), text(value));
}

#[track_caller]
fn is_number(value: &Value) {
    let id = text(value);
    assert!(
        id.len() == 10 && id.bytes().all(|b| b.is_ascii_digit()),
        "{id}"
    );
}

#[track_caller]
fn is_time(value: &Value) {
    let _: jiff::Timestamp = text(value).parse().expect("a time in UTC");
}

async fn send(brand: &Brand<'_>, method: Method, path: &str, body: Option<String>) -> Answer {
    let body = body.map(|body| ("application/json", body));
    let token = Some(brand.token.as_str());
    brand.world.call(method, path, token, &[], body).await
}

/// A handoff whose text is its first variable, as the documents' campaign needs it.
async fn card(brand: &Brand<'_>) -> String {
    brand.handoff(handoff("Card", &[SHOP], "${{1}}")).await
}

async fn create(brand: &Brand<'_>, body: String) -> Answer {
    let path = format!("/api/v2/account/{}/campaign", brand.account);
    send(brand, Method::POST, &path, Some(body)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_given_for_an_id_and_a_secret() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let made = json!({"name": "crm", "roles": ["campaign-manager"]});
    let client = brand.post("clients", made).await.ok(201);
    let (id, secret) = (text(&client["clientId"]), text(&client["clientSecret"]));
    let token = world.token_call("acme", &id, &secret).await;
    assert_eq!(token.header("content-type"), "application/json");
    let token = token.ok(200);
    assert_eq!(fields(&token), ["access_token", "expires_in", "token_type"]);
    assert_eq!(token["token_type"], "Bearer");

    let token = text(&token["access_token"]);
    let part = |n: usize| -> Value {
        let part = token.split('.').nth(n).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(token.split('.').count(), 3);
    assert_eq!(fields(&part(0)), ["alg", "kid", "typ"]);
    let claims = part(1);
    assert_eq!(claims["aud"], "acme", "the account");
    let (from, until) = (
        claims["iat"].as_i64().unwrap(),
        claims["exp"].as_i64().unwrap(),
    );
    assert_eq!(until - from, 3_600, "one hour");
    assert!(claims["iss"].is_string());

    let path = "/api/v2/account/acme/handoffs";
    let call = async || world.call(Method::GET, path, Some(&token), &[], None).await;
    call().await.ok(200);
    world.stack.advance(Duration::from_secs(3_661)).await;
    let expired = call().await.problem(401, "TOKEN_EXPIRED");
    assert_eq!(expired["message"], "jwt expired");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_are_looked_up_without_a_token() {
    let world = World::start().await;
    let host = world
        .stack
        .url()
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    for service in ["sentinel", "proactiveHandoff", "agentVep"] {
        let path = format!("/api/account/acme/service/{service}/baseURI.json?version=1.0");
        let answer = world.call(Method::GET, &path, None, &[], None).await;
        assert_eq!(
            answer.ok(200),
            json!({"service": service, "account": "acme", "baseURI": host})
        );
    }
}

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
    let pushes = crate::parts::pushes_to(&world.stack, "user-0001");
    assert_eq!(pushes.len(), 1);
    assert_eq!(
        crate::parts::shown(&pushes[0]),
        "Hi Ana, your card is on its way."
    );

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
    let pushes = crate::parts::pushes_to(&world.stack, "user-0001");
    assert_eq!(crate::parts::shown(&pushes[0]), "It is on its way.");
    assert_eq!(pushes[0].payload["aps"]["alert"]["title"], "Hello Ana");
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
