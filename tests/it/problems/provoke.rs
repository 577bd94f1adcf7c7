//! A call for every kind of problem that is answered with it. A kind without one does not compile.

use crate::{
    bad_input::spoilt,
    parts::{Device, app, caller, campaign, handoff},
    world::{Answer, Brand, CLUB, Consumer, SHOP, Session, World, text},
};
use axum::{
    body::{Body, to_bytes},
    http::Request,
};
use domain::{clock::SystemClock, id::TransactionId};
use dynamodb::Table;
use functions::Ports;
use futures_util::future::join_all;
use jiff::SignedDuration;
use lambda::Kind;
use local::{
    TokenRequest,
    faults::{Fault, Rule},
};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::dynamodb::Emulator;
use tower::ServiceExt as _;

const JSON: &str = "application/json";

/// A brand with a handoff and a consumer.
pub(super) struct Stage<'w> {
    brand: Brand<'w>,
    ana: Consumer<'w>,
    greeting: String,
}

impl<'w> Stage<'w> {
    pub(super) async fn set(world: &'w World) -> Self {
        let brand = world.brand("acme").await;
        Self {
            ana: brand.with_iphone("ana").await,
            greeting: brand.greeting().await,
            brand,
        }
    }

    /// The answer to a call that is wrong in this way. It leaves no fault behind.
    #[expect(clippy::too_many_lines, reason = "a line or a few for each kind")]
    pub(super) async fn provoke(&self, kind: Kind) -> Answer {
        let Self { brand, ana, .. } = self;
        let write = async |body: Value| ana.post("me/conversation/messages", body).await;
        match kind {
            Kind::MalformedJson => self.campaign_as(JSON, "{".to_owned()).await,
            Kind::InvalidQuery => brand.get("campaign/x1/recipients?limit=500").await,
            Kind::InvalidHeader => self.keyed("with space", self.good()).await,
            Kind::InvalidCursor => brand.get("campaign/x1/recipients?cursor=abc").await,

            Kind::Unauthorized => self.with_token("garbage").get("handoffs").await,
            Kind::TokenExpired => self.with_token(self.expired()).get("handoffs").await,
            Kind::WrongTokenKind => ana.get("handoffs").await,
            Kind::InvalidClient => self.brand.world.token_call("acme", "crm", "wrong").await,
            Kind::Forbidden => self.agent("eve").put("skills/vip", json!({})).await,

            Kind::NotFound => brand.get("campaign/nope123456").await,
            Kind::MethodNotAllowed => self.patch_settings().await,
            Kind::UnsupportedMediaType => self.campaign_as("text/plain", "hello".into()).await,
            Kind::PayloadTooLarge => {
                let body = format!("{{\"campaignName\": \"{}\"}}", "x".repeat(1024 * 1024));
                self.campaign_as(JSON, body).await
            }

            Kind::NameTaken => brand.post("handoffs", Self::greeting()).await,
            Kind::Changed => {
                let path = format!("handoffs/{}", self.greeting);
                let headers = [("if-match", "\"77\"")];
                brand
                    .send(Method::PUT, &path, &headers, Some(Self::greeting()))
                    .await
            }
            Kind::HandoffInUse => {
                let id = brand
                    .handoff(handoff("In use", &[SHOP], "Hello ${{1}}"))
                    .await;
                brand.launch(campaign(&id, &["ana"])).await;
                brand.delete(&format!("handoffs/{id}")).await
            }
            Kind::LimitReached => self.apps_without_end().await,
            Kind::NotEligible => self.invite_a_stranger().await,
            Kind::WebhookDisabled => {
                let url = brand.world.stack.sandbox().webhook_url("crm");
                let off = json!({"url": url, "disabled": true});
                brand.put("webhooks/crm", off).await.ok(201);
                let now = brand.world.stack.clock().now();
                let hour = json!({"from": now - SignedDuration::from_hours(1), "to": now});
                brand.post("webhooks/crm/replay", hour).await
            }
            Kind::IdempotencyInFlight => {
                self.strike(
                    "create-campaign",
                    "TransactWriteItems",
                    Fault::Conflict("#ONCE#"),
                );
                self.mended(self.keyed("k-in-flight", self.good()).await)
            }
            Kind::ConversationTaken => {
                let path = self.conversation_of("ben").await;
                self.act(&self.agent("eve"), &path, "accept").await.ok(200);
                self.act(&self.agent("max"), &path, "accept").await
            }
            Kind::ConversationWaiting => {
                let path = self.conversation_of("cem").await;
                let said = json!({"text": "Hello"});
                self.agent("eve")
                    .post(&format!("{path}/messages"), said)
                    .await
            }
            Kind::ConversationClosed => {
                let (path, eve) = (self.conversation_of("dea").await, self.agent("eve"));
                self.act(&eve, &path, "accept").await.ok(200);
                self.act(&eve, &path, "close").await.ok(200);
                eve.post(&format!("{path}/messages"), json!({"text": "Hello"}))
                    .await
            }
            Kind::ConversationBusy => {
                let path = self.conversation_of("fay").await;
                self.strike("agent", "TransactWriteItems", Fault::Conflict("#V#"));
                self.mended(self.act(&self.agent("eve"), &path, "accept").await)
            }
            Kind::AccountPaused => {
                let paused = brand.world.brand("paused").await;
                let pause = json!({"paused": true});
                paused.operator.put("settings", pause).await.ok(200);
                paused.post("campaign", campaign("H1", &["ana"])).await
            }
            Kind::NoDefaultSkill => {
                let bare = brand.world.brand("bare").await;
                let gone = json!({"defaultSkill": null});
                bare.operator.put("settings", gone).await.ok(200);
                let said = json!({"text": "Hello"});
                bare.consumer("ana")
                    .post("me/conversation/messages", said)
                    .await
            }

            Kind::InvalidBody => {
                let misspelt = spoilt(&self.good(), "/campaignNmae", "\"Spring\"");
                brand.post("campaign", misspelt).await
            }
            Kind::InvalidId => self.log_in("appName", "a shop").await,
            Kind::InvalidName => self.handoff_with("/name", "\"\"").await,
            Kind::InvalidText => {
                let place = "/channels/0/messageComponents/0/messageText";
                self.handoff_with(place, "\"Hello ${{0}}\"").await
            }
            Kind::InvalidLookback => self.handoff_with("/lookbackPeriodDay", "31").await,
            Kind::InvalidApps => self.handoff_with("/channels/0/appNames", "[]").await,
            Kind::InvalidApp => {
                let mut app = app(&brand.world.stack, "acme", CLUB);
                app.as_object_mut()
                    .unwrap()
                    .retain(|name, _| name == "identity");
                brand.put(&format!("apps/{CLUB}"), app).await
            }
            Kind::InvalidLimit => {
                let limits = json!({"limits": {"sendsPerSecond": 0}});
                brand.operator.put("settings", limits).await
            }
            Kind::InvalidRole => {
                let above = json!({"name": "crm", "roles": ["operator"]});
                brand.post("clients", above).await
            }
            Kind::InvalidPushToken => self.log_in("pushToken", "../../oauth").await,
            Kind::UnknownSkill => self.campaign_with("/skill", "\"chess\"").await,
            Kind::UnknownHandoff => self.campaign_with("/templateId", "\"H999\"").await,
            Kind::UnknownApp => {
                let place = "/channels/0/appNames";
                self.handoff_with(place, "[\"com.example.none\"]").await
            }
            Kind::UnknownMessage => {
                let none = TransactionId::at(brand.world.stack.clock().now()).to_string();
                write(json!({"text": "Yes", "proactiveMessageId": none})).await
            }
            Kind::RecipientCount => self.campaign_with("/consumers", "[]").await,
            Kind::ConsentRequired => self.campaign_with("/consent", "false").await,
            Kind::NotSupported => self.campaign_with("/schedulingMetrics", "{}").await,
            Kind::IdempotencyKeyReused => {
                self.keyed("k-reused", self.good()).await.ok(202);
                let other = spoilt(&self.good(), "/skill", "\"support\"");
                self.keyed("k-reused", other).await
            }

            Kind::TooManyRequests => self.inbox_at_once().await,
            Kind::DailyLimitReached => {
                let limits = |n: u32| json!({"limits": {"recipientsPerDay": n}});
                brand.operator.put("settings", limits(1)).await.ok(200);
                let full = brand.post("campaign", self.good()).await;
                brand
                    .operator
                    .put("settings", limits(100_000))
                    .await
                    .ok(200);
                full
            }
            Kind::Internal => unguarded().await,
            Kind::Unavailable => {
                self.strike("create-handoff", "", Fault::Failed);
                self.mended(brand.get("handoffs").await)
            }
        }
    }

    fn good(&self) -> Value {
        campaign(&self.greeting, &["ana"])
    }

    fn greeting() -> Value {
        handoff("Greeting", &[SHOP], "Hello ${{1}}")
    }

    async fn campaign_with(&self, place: &str, json: &str) -> Answer {
        let body = spoilt(&self.good(), place, json);
        self.brand.post("campaign", body).await
    }

    async fn handoff_with(&self, place: &str, json: &str) -> Answer {
        let body = spoilt(&Self::greeting(), place, json);
        self.brand.post("handoffs", body).await
    }

    async fn campaign_as(&self, kind: &str, body: String) -> Answer {
        let path = "/api/v2/account/acme/campaign";
        let (world, token) = (self.brand.world, Some(self.brand.token.as_str()));
        world
            .call(Method::POST, path, token, &[], Some((kind, body)))
            .await
    }

    async fn keyed(&self, key: &str, body: Value) -> Answer {
        let headers = [("idempotency-key", key)];
        self.brand
            .send(Method::POST, "campaign", &headers, Some(body))
            .await
    }

    async fn log_in(&self, field: &str, value: &str) -> Answer {
        let mut phone = Device::iphone("ana").body();
        phone[field] = value.into();
        self.ana.put("me/devices/d1", phone).await
    }

    fn with_token(&self, token: impl Into<String>) -> Session<'w> {
        self.brand.world.session("acme", token)
    }

    fn expired(&self) -> String {
        let request = TokenRequest {
            role: "admin".to_owned(),
            account: "acme".to_owned(),
            subject: "crm".to_owned(),
            skills: Vec::new(),
            expires_in: -3600,
        };
        self.brand.world.stack.issue(&request).unwrap()
    }

    fn agent(&self, name: &str) -> Session<'w> {
        let token = self
            .brand
            .world
            .stack
            .token("agent", "acme", name, &["support"]);
        self.with_token(token.unwrap())
    }

    async fn act(&self, agent: &Session<'_>, conversation: &str, step: &str) -> Answer {
        let path = format!("{conversation}/{step}");
        agent.send(Method::POST, &path, &[], None).await
    }

    /// A conversation that waits; its path.
    async fn conversation_of(&self, consumer: &str) -> String {
        let wrote = self.brand.consumer(consumer).write("Hello?").await;
        format!("conversations/{}", text(&wrote["conversationId"]))
    }

    /// From now on each such call of the function to DynamoDB fails so.
    fn strike(&self, function: &str, operation: &str, fault: Fault) {
        self.brand.world.stack.faults().add(Rule {
            function: Some(function.to_owned()),
            times: u32::MAX,
            ..Rule::once(format!("dynamodb:{operation}"), fault)
        });
    }

    /// The answer; no call fails any more.
    fn mended(&self, answer: Answer) -> Answer {
        self.brand.world.stack.faults().clear();
        answer
    }

    /// API Gateway knows no such route: the function's own answer.
    async fn patch_settings(&self) -> Answer {
        let path = "/api/v2/account/acme/settings";
        let token = format!("Bearer {}", self.brand.token);
        let event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
            "headers": {"host": "localhost", "authorization": token},
            "requestContext": {
                "accountId": "000000000000", "apiId": "local", "stage": "$default",
                "requestId": "r-1", "routeKey": "$default", "domainName": "localhost",
                "domainPrefix": "local", "time": "12/Mar/2026:19:03:58 +0000",
                "timeEpoch": 1_773_342_238_000_i64,
                "http": {"method": "PATCH", "path": path, "protocol": "HTTP/1.1",
                         "sourceIp": "127.0.0.1", "userAgent": "test"},
            },
            "isBase64Encoded": false,
        });
        self.brand.world.event("account", event).await
    }

    /// Invites a caller who has no app.
    async fn invite_a_stranger(&self) -> Answer {
        let Self { brand, .. } = self;
        let id = brand.handoff_for_calls("Go on here").await;
        let call = async |path: &str, body: Value| {
            let path = format!("/api/account/acme/{path}?v=2.0");
            brand.post(&path, body).await
        };
        let seen = call("eligibility", caller(&id, "stranger")).await.ok(200);
        call("invite", json!({"callId": seen["callId"]})).await
    }

    /// Configures apps until the account can have no more.
    async fn apps_without_end(&self) -> Answer {
        let some = app(&self.brand.world.stack, "acme", SHOP);
        for n in 0.. {
            let path = format!("apps/com.example.n{n}");
            let answer = self.brand.put(&path, some.clone()).await;
            if answer.status != 200 {
                return answer;
            }
        }
        unreachable!("an account has 50 apps at most")
    }

    /// Reads one consumer's inbox until that is too fast.
    async fn inbox_at_once(&self) -> Answer {
        let kim = self.brand.consumer("kim");
        loop {
            let answers = join_all((0..30).map(|_| kim.get("me/messages"))).await;
            if let Some(answer) = answers.into_iter().find(|answer| answer.status != 200) {
                return answer;
            }
        }
    }
}

/// What no call can provoke: a function's own routes that were put behind no guard.
async fn unguarded() -> Answer {
    let emulator = Emulator::start().await;
    let ports = Ports {
        table: Table::new(
            emulator.client(),
            emulator.table(),
            SignedDuration::from_hours(24),
        ),
        clock: SystemClock::default(),
    };
    let router = functions::create_campaign::routes().with_state(ports);
    let path = "/api/v2/account/acme/campaign";
    let request = Request::post(path).body(Body::from("{}")).unwrap();
    let (head, body) = lambda::app(router)
        .oneshot(request)
        .await
        .unwrap()
        .into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Answer::of(path, head.status.as_u16(), head.headers, &body)
}
