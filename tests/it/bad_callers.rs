//! Callers who may not, and bodies that cannot be read: nothing stored, nothing sent.

use crate::{
    bad_input::{nothing_was_sent, stored},
    parts::{Device, campaign},
    world::{Answer, Session, World},
};
use local::TokenRequest;
use reqwest::Method;
use serde_json::json;

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
        let answer = world
            .call(Method::POST, campaigns, Some(garbage), &[], body())
            .await;
        answer.problem(401, "UNAUTHORIZED");
    }
    let problem = post(&expired("admin")).await.problem(401, "TOKEN_EXPIRED");
    assert!(
        problem["message"].is_string(),
        "LivePerson's clients read it: {problem}"
    );
    read(&expired("consumer"))
        .await
        .problem(401, "TOKEN_EXPIRED");
    post(&ana).await.problem(401, "WRONG_TOKEN_KIND");
    read(&brand).await.problem(401, "WRONG_TOKEN_KIND");
    post(&world.session("acme", other.token.clone()))
        .await
        .problem(404, "NOT_FOUND");
    let foreign = world.session("acme", other.consumer("ana").token.clone());
    read(&foreign).await.problem(401, "UNAUTHORIZED");
    let agent = world.staff("acme", "agent", &["sales"]).await;
    post(&agent).await.problem(403, "FORBIDDEN");
    let leader = world.staff("acme", "agent-manager", &[]).await;
    post(&leader).await.problem(403, "FORBIDDEN");
    let limits = json!({"limits": {"sendsPerSecond": 4000}});
    brand
        .put("settings", limits)
        .await
        .problem(403, "FORBIDDEN");
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
        world
            .call(Method::POST, path, token, &[], Some((kind, body)))
            .await
    };
    let json = "application/json";
    for broken in ["", "{", "{\"campaignName\": }", "nothing", "{} {}"] {
        post(json, broken.to_owned())
            .await
            .problem(400, "MALFORMED_JSON");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let nested = post(json, deep).await;
    assert!([400, 422].contains(&nested.status), "{nested:?}");
    let huge = format!("{{\"campaignName\": \"{}\"}}", "x".repeat(2 * 1024 * 1024));
    post(json, huge).await.problem(413, "PAYLOAD_TOO_LARGE");
    post("text/plain", "hello".to_owned())
        .await
        .problem(415, "UNSUPPORTED_MEDIA_TYPE");
    for wrong in ["[]", "null", "7", "\"text\""] {
        post(json, wrong.to_owned())
            .await
            .problem(422, "INVALID_BODY");
    }
    let missing = post(json, "{}".to_owned())
        .await
        .problem(422, "INVALID_BODY");
    assert_eq!(
        missing["errors"][0]["detail"],
        "Fields missing in request: campaignName"
    );
    let device = brand.consumer("ana");
    let mut phone = Device::iphone("ana").body();
    phone["pushToken"] = json!("../../oauth");
    device
        .put("me/devices/d1", phone)
        .await
        .problem(422, "INVALID_PUSH_TOKEN");
    assert_eq!(stored(&world), before);
    nothing_was_sent(&world).await;
}
