//! The routes `sns` and `proxy`: the brand's own credentials and endpoints, from campaign to device.

use crate::{
    parts::{Device, campaign, custom, shown},
    world::{Brand, SHOP, World},
};
use reqwest::Method;
use sandbox::{Answer, scripts};
use serde_json::{Value, json};
use std::time::Duration;

const APPLICATION: &str = "arn:aws:sns:eu-west-1:123456789012:app/APNS/overture.acme.shop";

/// A brand whose app is reached over SNS on iOS and over the brand's own endpoint on Android.
async fn brand(world: &World) -> Brand<'_> {
    let brand = world.brand("acme").await;
    let sandbox = world.stack.sandbox();
    let secret = sandbox.brand().proxy_secret().to_string();
    let secret = world
        .stack
        .put_secret("overture/acme/proxy", &secret)
        .unwrap();
    let path = format!("apps/{SHOP}");
    let mut app = brand.operator.get(&path).await.ok(200);
    app.as_object_mut().unwrap().remove("appName");
    app["ios"] = json!({"route": "sns", "platformApplicationArn": APPLICATION});
    app["android"] = json!({
        "route": "proxy", "url": sandbox.proxy_url(), "credential": secret,
        "headers": {"X-Brand": "acme"},
    });
    let answer = brand.operator.put(&path, app.clone()).await.ok(200);
    for platform in ["ios", "android"] {
        assert_eq!(answer[platform], app[platform], "as it was put");
    }
    brand
}

/// What SNS took, in the form of `GET /_local/pushes`.
async fn by_sns(world: &World) -> Vec<Value> {
    let path = "/_local/pushes?account=acme";
    let pushes = world.call(Method::GET, path, None, &[], None).await.ok(200);
    let mut pushes = pushes.as_array().unwrap().clone();
    pushes.retain(|push| push["gateway"] == "sns");
    pushes
}

/// A message's state, and its code.
async fn state(brand: &Brand<'_>, made: &Value, consumer: &str) -> (Value, Value) {
    let seen = brand.recipient(made, consumer).await;
    (seen["state"].clone(), seen["code"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_goes_out_over_sns_and_a_proxy() {
    let world = World::start().await;
    let brand = brand(&world).await;
    let (ana, ben) = (Device::iphone("ana"), Device::iphone("ben"));
    let (cem, dea) = (Device::android("cem"), Device::android("dea"));
    for (owner, device) in [("ana", &ana), ("ben", &ben), ("cem", &cem), ("dea", &dea)] {
        brand.consumer(owner).log_in(device).await;
    }
    let sandbox = world.stack.sandbox();
    let busy = Answer::reason("503").once().retry_after("7");
    sandbox.script(&dea.token, [busy]);
    let handoff = brand.greeting().await;
    let everybody = ["ana", "ben", "cem", "dea"];
    let made = brand.launch(campaign(&handoff, &everybody)).await;
    world.stack.quiet().await.unwrap();
    assert_eq!(brand.look(&made).await["counts"]["sent"], 3, "one waits");
    world.stack.advance(Duration::from_mins(2)).await;
    world.stack.settled().await.unwrap();
    let seen = brand.look(&made).await;
    assert_eq!(
        (&seen["state"], &seen["counts"]["sent"]),
        (&json!("FINISHED"), &json!(4))
    );

    let pushes = by_sns(&world).await;
    assert_eq!(pushes.len(), 2, "{pushes:#?}");
    for push in &pushes {
        let payload: Value =
            serde_json::from_str(push["payload"]["APNS"].as_str().unwrap()).unwrap();
        let owner = payload["externalConsumerId"].as_str().unwrap();
        assert_eq!(payload["aps"]["alert"]["body"], format!("Hello {owner}"));
        let token = if owner == "ana" {
            &ana.token
        } else {
            &ben.token
        };
        assert_eq!(push["deviceToken"], token.as_str());
        let headers = &push["headers"];
        assert_eq!(
            headers["AWS.SNS.MOBILE.APNS.COLLAPSE_ID"],
            payload["transactionId"]
        );
    }

    let pushes = sandbox.pushes();
    let to_dea: Vec<_> = pushes
        .iter()
        .filter(|p| p.device_token == dea.token)
        .collect();
    let [refused, taken] = to_dea[..] else {
        panic!("{to_dea:#?}")
    };
    assert_eq!((refused.status, taken.status), (503, 200));
    assert!(
        taken.at.duration_since(refused.at).as_secs() >= 7,
        "as long as was asked for"
    );
    assert_eq!(refused.headers["webhook-id"], taken.headers["webhook-id"]);
    assert_eq!(
        (shown(taken), custom(taken, "externalConsumerId").as_str()),
        ("Hello dea", "dea")
    );
    assert_eq!(taken.headers["x-brand"], "acme");
    let visible = sandbox.visible();
    assert!(
        visible.iter().all(|device| device.visible == 1),
        "{visible:?}"
    );

    // SNS found out that a device is gone: from now on nobody asks for it.
    world.stack.set_endpoint_enabled(&ben.token, false);
    let brand = brand.refreshed();
    let made = brand.launch(campaign(&handoff, &everybody)).await;
    world.stack.settled().await.unwrap();
    let gone = (json!("FAILED"), json!("DEVICE_GONE"));
    assert_eq!(state(&brand, &made, "ben").await, gone);
    assert_eq!(brand.look(&made).await["counts"]["sent"], 3);
    let made = brand.launch(campaign(&handoff, &["ben"])).await;
    world.stack.settled().await.unwrap();
    let none = (json!("FAILED"), json!("NO_DEVICE"));
    assert_eq!(state(&brand, &made, "ben").await, none);

    // The same device logs in again, and SNS's endpoint lives on.
    brand.consumer("ben").log_in(&ben).await;
    brand.launch(campaign(&handoff, &["ben"])).await;
    world.stack.settled().await.unwrap();
    assert_eq!(by_sns(&world).await.len(), 4);
    no_log_tells(&world, &[&ana, &ben, &cem, &dea]);
    sns_is_called_as_the_template_allows(&world);
}

fn sns_is_called_as_the_template_allows(world: &World) {
    let unused = world.stack.unused_rights();
    let unused: Vec<_> = unused["send"]
        .iter()
        .filter(|right| right.action.starts_with("sns:"))
        .map(|right| (right.action.as_str(), right.resource.split(':').next_back()))
        .collect();
    // SNS's own table of actions names no resource for these. Both are allowed on both.
    let (endpoints, apps) = (Some("endpoint/*/overture.*"), Some("app/*/overture.*"));
    assert_eq!(
        unused,
        [
            ("sns:CreatePlatformEndpoint", endpoints),
            ("sns:GetEndpointAttributes", apps),
            ("sns:SetEndpointAttributes", apps),
        ]
    );
}

fn no_log_tells(world: &World, devices: &[&Device]) {
    let secret = world.stack.sandbox().brand().proxy_secret();
    let mut secrets: Vec<_> = devices.iter().map(|device| device.token.as_str()).collect();
    secrets.extend(["password", "signingSecret"].map(|name| secret[name].as_str().unwrap()));
    for line in world.stack.logs() {
        let leaked = secrets.iter().find(|secret| line.text.contains(**secret));
        assert_eq!(leaked, None, "{}: {}", line.function, line.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_refuses_a_token_keeps_it_and_one_that_says_gone_does_not() {
    let world = World::start().await;
    let brand = brand(&world).await;
    let (cem, dea) = (Device::android("cem"), Device::android("dea"));
    brand.consumer("cem").log_in(&cem).await;
    brand.consumer("dea").log_in(&dea).await;
    let sandbox = world.stack.sandbox();
    sandbox.script(&cem.token, [Answer::reason("403").once()]);
    sandbox.script(&dea.token, [Answer::reason("410").once()]);
    let handoff = brand.greeting().await;
    let first = brand.launch(campaign(&handoff, &["cem", "dea"])).await;
    world.stack.settled().await.unwrap();
    let second = brand.launch(campaign(&handoff, &["cem", "dea"])).await;
    world.stack.settled().await.unwrap();
    assert_eq!(state(&brand, &first, "cem").await.1, "NOTIFICATION_REFUSED");
    assert_eq!(state(&brand, &first, "dea").await.1, "DEVICE_GONE");
    assert_eq!(state(&brand, &second, "cem").await.0, "SENT");
    assert_eq!(state(&brand, &second, "dea").await.1, "NO_DEVICE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deployed_no_private_address_is_called() {
    // As it is deployed: the variable is not set, which is what an empty one means.
    let world = World::start_with(&[("OUTBOUND_PRIVATE", "")]).await;
    let brand = brand(&world).await;
    let cem = Device::android("cem");
    brand.consumer("cem").log_in(&cem).await;
    let sandbox = world.stack.sandbox();
    sandbox.script(scripts::PROXY, [Answer::accept()]);
    let made = brand
        .launch(campaign(&brand.greeting().await, &["cem"]))
        .await;
    world.stack.quiet().await.unwrap();
    assert!(sandbox.pushes().is_empty());
    let seen = brand.recipient(&made, "cem").await;
    assert!(
        seen["timeline"].to_string().contains("endpoint_not_public"),
        "{seen:#}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_that_cannot_be_is_refused_with_its_field() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let path = format!("apps/{SHOP}");
    let mut app = brand.operator.get(&path).await.ok(200);
    app.as_object_mut().unwrap().remove("appName");
    let others = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:overture/other/proxy";
    let proxy = |name: &str, value: Value| {
        let mut route = json!({"route": "proxy", "url": "https://push.example.com/"});
        route[name] = value;
        route
    };
    for (route, pointer) in [
        (proxy("url", json!("https://169.254.169.254/")), "/ios/url"),
        (proxy("url", json!("http://push.example.com/")), "/ios/url"),
        (proxy("credential", json!(others)), "/ios/credential"),
        (
            proxy("headers", json!({"Authorization": "Basic eDp5"})),
            "/ios/headers",
        ),
        (
            json!({"route": "sns", "platformApplicationArn": APPLICATION.replace("APNS", "GCM")}),
            "/ios/platformApplicationArn",
        ),
    ] {
        app["ios"] = route;
        let refused = brand.operator.put(&path, app.clone()).await;
        assert!(
            (400..500).contains(&refused.status),
            "{pointer}: {refused:?}"
        );
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{refused:?}");
    }
}
