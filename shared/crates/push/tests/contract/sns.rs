//! Amazon SNS: on the local stack's emulation, and on one that we did not write.
//!
//! `tests/sns/run` starts the latter and sets `SNS_ENDPOINT` to where it is.

use crate::support::{TEXT, TOKEN, World, aws};
use aws_sdk_sns::Client;
use domain::{
    account::Route,
    device::{Environment, Platform},
    push::{
        Push as _, Receipt, Target, Undelivered,
        Undelivered::{DeviceGone, Later, Refused, Rejected},
    },
};
use jiff::Timestamp;
use local::sns::Alone;
use serde_json::{Value, json};

/// An application of SNS with its route, and a client to look behind the adapter.
struct Application<'a> {
    world: &'a World,
    client: &'a Client,
    platform: Platform,
    arn: String,
}

impl<'a> Application<'a> {
    async fn new(world: &'a World, client: &'a Client, service: &str, name: &str) -> Self {
        let made = client
            .create_platform_application()
            .name(name)
            .platform(service)
            .attributes("PlatformCredential", "credential")
            .attributes("PlatformPrincipal", "principal")
            .send()
            .await
            .unwrap();
        let platform = match service {
            "GCM" => Platform::Android,
            _ => Platform::Ios,
        };
        Self {
            world,
            client,
            platform,
            arn: made.platform_application_arn.unwrap(),
        }
    }

    fn route(&self) -> Route {
        Route::Sns {
            platform_application_arn: self.arn.clone(),
        }
    }

    /// Pushes to a token that was registered so many seconds after 1970.
    async fn push(&self, token: &str, registered_at: i64) -> Result<Receipt, Undelivered> {
        let (route, token) = (self.route(), token.parse().unwrap());
        let target = Target {
            registered_at: Timestamp::from_second(registered_at).unwrap(),
            ..World::target(self.platform, &route, &token)
        };
        let notification = self.world.notification();
        let pushed = self.world.gateways.push(target, &notification).await;
        let shown = format!("{pushed:?}");
        assert!(
            !shown.contains(token.expose()) && !shown.contains(TEXT),
            "{shown}"
        );
        pushed
    }

    /// The token's endpoint, as it was made for a registration.
    async fn endpoint(&self, token: &str, user_data: &str) -> String {
        let made = self
            .client
            .create_platform_endpoint()
            .platform_application_arn(&self.arn)
            .token(token)
            .custom_user_data(user_data);
        made.send().await.unwrap().endpoint_arn.unwrap()
    }

    async fn enable(&self, endpoint: &str, enabled: bool) {
        let set = self.client.set_endpoint_attributes().endpoint_arn(endpoint);
        let set = set.attributes("Enabled", enabled.to_string());
        set.send().await.unwrap();
    }

    /// Whether the emulation refuses a message for a disabled endpoint, as SNS does.
    async fn minds_disabled(&self, endpoint: &str) -> bool {
        let direct = self.client.publish().target_arn(endpoint).message("direct");
        direct.send().await.is_err()
    }
}

/// What every emulation has to bear: all calls that the adapter makes, in every order.
async fn conforms(world: &World, url: &str) {
    let client = Client::new(&aws(url).await);
    let ios = Application::new(world, &client, "APNS", "shop").await;
    let android = Application::new(world, &client, "GCM", "shop").await;
    for application in [&ios, &android] {
        let token = format!("{}{}", "ab".repeat(31), application.platform as u8 + 10);
        let first = application.push(&token, 1).await.unwrap();
        let second = application.push(&token, 1).await.unwrap();
        assert!(!first.id.is_empty() && first.id != second.id);
        let endpoint = application.endpoint(&token, "overture 1000").await;

        // The token is registered once more, and its endpoint is the same.
        application.push(&token, 2).await.unwrap();
        let mut others = token.clone();
        others.replace_range(..2, "cd");
        let other = application.endpoint(&others, "what its owner keeps").await;
        assert_ne!(other, endpoint);
        application.push(&others, 2).await.unwrap();
        let read = client.get_endpoint_attributes().endpoint_arn(&other);
        let kept = read.send().await.unwrap().attributes.unwrap_or_default();
        assert!(
            kept.get("CustomUserData")
                .is_none_or(|data| data == "what its owner keeps")
        );

        let delete = client.delete_endpoint().endpoint_arn(&endpoint);
        delete.send().await.unwrap();
        application.push(&token, 2).await.unwrap();

        let endpoint = application.endpoint(&token, "overture 2000").await;
        application.enable(&endpoint, false).await;
        if application.minds_disabled(&endpoint).await {
            let reason = "EndpointDisabled".into();
            let gone = DeviceGone {
                since: None,
                reason,
            };
            assert_eq!(application.push(&token, 2).await, Err(gone));
        } else {
            println!("{url} takes messages for disabled endpoints");
        }
    }
    let delete = client.delete_platform_application();
    delete
        .platform_application_arn(&ios.arn)
        .send()
        .await
        .unwrap();
    let reason = "NotFound".into();
    assert_eq!(ios.push(TOKEN, 1).await, Err(Refused { reason }));
}

#[tokio::test]
async fn the_local_stacks_sns_bears_it() {
    let sns = Alone::start().await.unwrap();
    let world = World::new().await.with_sns(sns.url()).await;
    conforms(&world, sns.url()).await;
}

#[tokio::test]
async fn an_sns_that_we_did_not_write_bears_it() {
    #[expect(clippy::disallowed_methods, reason = "this is how the test is told")]
    let Ok(url) = std::env::var("SNS_ENDPOINT") else {
        println!("skipped: SNS_ENDPOINT is not set, see tests/sns/run");
        return;
    };
    let world = World::new().await.with_sns(&url).await;
    conforms(&world, &url).await;
}

/// The adapter and the local stack's SNS.
async fn local() -> (World, Alone, Client) {
    let sns = Alone::start().await.unwrap();
    let world = World::new().await.with_sns(sns.url()).await;
    let client = Client::new(&aws(sns.url()).await);
    (world, sns, client)
}

/// The only message, and the payload of its platform.
fn only(sns: &Alone, platform: &str) -> (local::sns::Published, Value) {
    let [published] = sns.published().try_into().unwrap();
    assert_eq!(published.token.as_deref(), Some(TOKEN));
    assert_eq!(published.structure.as_deref(), Some("json"));
    let message: Value = serde_json::from_str(&published.message).unwrap();
    assert_eq!(message["default"], TEXT);
    let payload = message[platform].as_str().unwrap();
    (published.clone(), serde_json::from_str(payload).unwrap())
}

#[tokio::test]
async fn apple_is_told_all_by_way_of_sns() {
    for (service, environment) in [
        ("APNS", Environment::Production),
        ("APNS_SANDBOX", Environment::Sandbox),
    ] {
        let (world, sns, client) = local().await;
        let shop = Application::new(&world, &client, service, "shop").await;
        let notification = world.notification();
        let pushed = world
            .push_as(Platform::Ios, &shop.route(), environment, &notification)
            .await;
        pushed.unwrap();
        let (published, payload) = only(&sns, service);
        assert_eq!(payload["aps"]["alert"]["body"], TEXT);
        assert_eq!(payload["externalConsumerId"], "alice");
        let mut attributes = published.attributes;
        let ttl = attributes.remove(&format!("AWS.SNS.MOBILE.{service}.TTL"));
        assert_eq!(
            ttl.as_deref(),
            Some("2419200"),
            "SNS keeps four weeks at most"
        );
        let attributes: Vec<_> = attributes.iter().map(|(n, v)| (&**n, &**v)).collect();
        assert_eq!(
            attributes,
            [
                ("AWS.SNS.MOBILE.APNS.COLLAPSE_ID", "one"),
                ("AWS.SNS.MOBILE.APNS.PRIORITY", "10"),
                ("AWS.SNS.MOBILE.APNS.PUSH_TYPE", "alert"),
            ]
        );
    }
}

#[tokio::test]
async fn google_is_told_all_by_way_of_sns() {
    let (world, sns, client) = local().await;
    let shop = Application::new(&world, &client, "GCM", "shop").await;
    shop.push(TOKEN, 1).await.unwrap();
    let (published, payload) = only(&sns, "GCM");
    let message = &payload["fcmV1Message"]["message"];
    assert_eq!(message["notification"]["body"], TEXT);
    assert_eq!(message["data"]["externalConsumerId"], "alice");
    let android = json!({
        "priority": "HIGH", "ttl": "2419200s", "collapse_key": "one", "notification": {"tag": "one"},
    });
    assert_eq!(message["android"], android);
    assert!(message.get("token").is_none(), "SNS knows it");
    assert_eq!(published.attributes["AWS.SNS.MOBILE.FCM.TTL"], "2419200");
}

#[tokio::test]
async fn a_token_of_another_world_is_not_sent_there() {
    let (world, sns, client) = local().await;
    let shop = Application::new(&world, &client, "APNS", "shop").await;
    let notification = world.notification();
    let pushed = world
        .push_as(
            Platform::Ios,
            &shop.route(),
            Environment::Sandbox,
            &notification,
        )
        .await;
    let reason = "other_environment".into();
    assert_eq!(pushed, Err(Rejected { reason }));
    assert!(sns.published().is_empty());
}

#[tokio::test]
async fn a_device_that_registers_again_is_enabled_again() {
    let (world, sns, client) = local().await;
    let shop = Application::new(&world, &client, "GCM", "shop").await;
    shop.push(TOKEN, 1).await.unwrap();
    let endpoint = shop.endpoint(TOKEN, "overture 1000").await;
    shop.enable(&endpoint, false).await;
    assert!(matches!(shop.push(TOKEN, 1).await, Err(DeviceGone { .. })));
    assert!(matches!(shop.push(TOKEN, 1).await, Err(DeviceGone { .. })));
    shop.push(TOKEN, 2).await.unwrap();
    shop.enable(&endpoint, false).await;
    assert!(matches!(shop.push(TOKEN, 2).await, Err(DeviceGone { .. })));
    assert!(
        matches!(shop.push(TOKEN, 1).await, Err(DeviceGone { .. })),
        "an older registration enables nothing"
    );
    assert_eq!(sns.published().len(), 2);
}

#[tokio::test]
async fn a_device_with_a_new_token_is_reached_by_an_endpoint_of_that_token() {
    let (world, sns, client) = local().await;
    let shop = Application::new(&world, &client, "GCM", "shop").await;
    let renewed = TOKEN.replace("0123", "4567");
    shop.push(TOKEN, 1).await.unwrap();
    let old = shop.endpoint(TOKEN, "overture 1000").await;
    // As the platform does when the app gave up the old token.
    shop.enable(&old, false).await;
    shop.push(&renewed, 2).await.unwrap();
    shop.push(&renewed, 2).await.unwrap();
    let published = sns.published();
    let tokens: Vec<_> = published.iter().map(|p| p.token.as_deref()).collect();
    assert_eq!(tokens, [Some(TOKEN), Some(&renewed), Some(&renewed)]);
    assert_eq!(published[1].target, published[2].target);
    assert_ne!(published[1].target, old);
    assert!(
        matches!(shop.push(TOKEN, 1).await, Err(DeviceGone { .. })),
        "the old one stays disabled"
    );
}

#[tokio::test]
async fn an_endpoint_of_somebody_else_is_theirs_to_enable() {
    let (world, _sns, client) = local().await;
    let shop = Application::new(&world, &client, "GCM", "shop").await;
    let endpoint = shop.endpoint(TOKEN, "user 4711").await;
    shop.push(TOKEN, 1).await.unwrap();
    shop.enable(&endpoint, false).await;
    assert!(matches!(shop.push(TOKEN, 2).await, Err(DeviceGone { .. })));
    shop.enable(&endpoint, true).await;
    shop.push(TOKEN, 3).await.unwrap();
    assert_eq!(shop.endpoint(TOKEN, "user 4711").await, endpoint);
}

#[tokio::test]
async fn a_malformed_token_is_rejected_and_kept() {
    let (world, _sns, client) = local().await;
    let shop = Application::new(&world, &client, "APNS", "shop").await;
    let reason = "InvalidParameter".into();
    assert_eq!(
        shop.push("no-hexadecimal", 1).await,
        Err(Rejected { reason })
    );
}

#[tokio::test]
async fn an_application_that_is_disabled_refuses_all() {
    let (world, _sns, client) = local().await;
    let shop = Application::new(&world, &client, "GCM", "shop").await;
    let set = client.set_platform_application_attributes();
    let set = set
        .platform_application_arn(&shop.arn)
        .attributes("Enabled", "false");
    set.send().await.unwrap();
    let reason = "PlatformApplicationDisabled".into();
    assert_eq!(shop.push(TOKEN, 1).await, Err(Refused { reason }));
}

#[tokio::test]
async fn sns_is_asked_later_when_it_does_not_answer() {
    let (world, sns, client) = local().await;
    let shop = Application::new(&world, &client, "GCM", "shop").await;
    let arn = shop.arn.clone();
    drop(sns);
    let world = World::new().await.with_sns("http://127.0.0.1:9").await;
    let shop = Application {
        world: &world,
        client: &client,
        platform: Platform::Android,
        arn,
    };
    assert!(matches!(shop.push(TOKEN, 1).await, Err(Later { .. })));
}
