//! The main job, whole: a handoff, a campaign of 100, pushes, a tap, a reply, an agent, reports.

use crate::{
    arrivals,
    parts::{Device, crowd, custom, proactive, shown},
    reports,
    world::{Brand, CLUB, Consumer, PATIENCE, SHOP, World, list, text},
};
use local::Stack;
use reqwest::Method;
use sandbox::{Answer, Push};
use serde_json::{Value, json};

/// A day, in milliseconds: the handoff's lookback.
pub(crate) const DAY: i64 = 86_400_000;

/// How many recipients have which phones.
pub(crate) struct Cast {
    pub(crate) iphones: usize,
    pub(crate) androids: usize,
    pub(crate) both: usize,
}

/// The campaign of 100: these, 3 whose phone is gone, 2 who never logged in and 1 who is
/// in a conversation.
pub(crate) const HUNDRED: Cast = Cast {
    iphones: 60,
    androids: 30,
    both: 4,
};

/// The same in small.
pub(crate) const FEW: Cast = Cast {
    iphones: 6,
    androids: 3,
    both: 2,
};

impl Cast {
    const fn reached(&self) -> usize {
        self.iphones + self.androids + self.both
    }

    const fn pushes(&self) -> usize {
        self.reached() + self.both
    }

    const fn all(&self) -> usize {
        self.reached() + 6
    }
}

/// What the chat shows to a recipient.
fn chat_text(consumer: &str) -> String {
    format!("Dear {consumer}, 20 % off for the family 👨‍👩‍👧‍👦 🇬🇧 Shall we talk? 👋🏽")
}

/// What the notification says to a recipient.
fn push_text(consumer: &str) -> String {
    format!("Hi {consumer} 👨‍👩‍👧‍👦: 20 % off 🇬🇧")
}

fn the_handoff() -> Value {
    json!({
        "name": "Family offer",
        "lookbackPeriodDay": 1,
        "lookbackPeriodHour": 0,
        "channels": [{
            "type": "inapp", "appNames": [SHOP, CLUB], "language": "en-GB",
            "messageComponents": [{
                "type": "text",
                "messageText": "Dear ${{1}}, ${{2}} off for the family 👨‍👩‍👧‍👦 🇬🇧 Shall we talk? 👋🏽",
                "notificationTitle": "An offer 🎉",
                "notificationMessage": "Hi ${{1}} 👨‍👩‍👧‍👦: ${{2}} off 🇬🇧",
                "isSameMessageForNotification": false,
                "variables": ["1", "2"],
            }],
        }],
    })
}

/// The story's people, and what came of it.
pub(crate) struct Story<'w> {
    pub(crate) brand: Brand<'w>,
    pub(crate) campaign: Value,
    pub(crate) conversation: String,
    pub(crate) people: Vec<String>,
    pub(crate) tokens: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_handoff_to_a_reply_and_its_report() {
    let world = World::start().await;
    play(&world, &HUNDRED).await;
}

/// The whole story, with its checks.
pub(crate) async fn play<'w>(world: &'w World, cast: &Cast) -> Story<'w> {
    // At this pace a hundred take three seconds, in which the counts are watched.
    let brand = world.brand_sending("acme", 40).await;
    let handoff = brand.handoff(the_handoff()).await;
    let (people, tokens) = log_in_all(&brand, cast).await;

    let consumers: Vec<_> = people
        .iter()
        .map(|p| json!({"consumerContent": {"inapp": p}, "variables": {"1": p, "2": "20 %"}}))
        .collect();
    assert_eq!(consumers.len(), cast.all());
    let campaign = brand
        .launch(json!({
            "campaignName": "Spring", "skill": "sales", "templateId": handoff, "consent": true,
            "consumers": consumers,
        }))
        .await;
    assert_eq!(campaign["failedConsumers"], json!([]));
    let accepted = list(&campaign["acceptedConsumers"]);
    assert_eq!(accepted.len(), cast.all());

    let seen = watch(&brand, &campaign).await;
    assert_eq!(seen["counts"], counts(cast, 0), "{seen}");
    assert_eq!(proactive(&world.stack).len(), cast.pushes());
    arrivals::are_exact(&brand, &campaign, &seen, push_text);
    failures_are_told(&brand, &campaign).await;
    gone_devices_are_gone(&brand, &handoff).await;

    let ana = brand.consumer("iphone-0");
    ana_reads(&brand, &campaign, &ana).await;
    let conversation = ana_replies(&campaign, &ana).await;
    walter_writes(&brand).await;
    an_agent_serves(&brand, &campaign, &ana, &conversation).await;

    world.stack.settled().await.unwrap();
    let seen = brand.look(&campaign).await;
    assert_eq!(seen["counts"], counts(cast, 1), "{seen}");
    let story = Story {
        brand,
        campaign,
        conversation,
        people,
        tokens,
    };
    reports::agree(&story, cast.all() as u64, cast.reached() as u64).await;
    story
}

/// The campaign's final counts, when so many have read and answered.
fn counts(cast: &Cast, engaged: usize) -> Value {
    json!({
        "accepted": cast.all(), "queued": 0, "sending": 0, "held": 0, "sent": cast.reached(),
        "failed": 6, "skipped": 0, "expired": 0, "cancelled": 0,
        "delivered": engaged, "read": engaged, "responded": engaged,
    })
}

/// Everyone's phones: all ids, and all push tokens.
async fn log_in_all(brand: &Brand<'_>, cast: &Cast) -> (Vec<String>, Vec<String>) {
    let (mut people, mut tokens) = (Vec::new(), Vec::new());
    let iphones = crowd("iphone", cast.iphones);
    let androids = crowd("android", cast.androids);
    let both = crowd("both", cast.both);
    for (n, id) in iphones.iter().chain(&androids).chain(&both).enumerate() {
        let consumer = brand.consumer(id);
        let mut devices = Vec::new();
        if !id.starts_with("android") {
            devices.push(Device::iphone(id));
        }
        if !id.starts_with("iphone") {
            devices.push(Device::android(id));
        }
        for device in devices {
            // Some have the brand's other app.
            let device = if n % 3 == 1 {
                device.with(CLUB)
            } else {
                device
            };
            consumer.log_in(&device).await;
            tokens.push(device.token);
        }
        people.push(id.clone());
    }
    let sandbox = brand.world.stack.sandbox();
    for (id, device, reason) in [
        ("gone-0", Device::iphone("gone-0"), "Unregistered"),
        ("gone-1", Device::iphone("gone-1"), "BadDeviceToken"),
        ("gone-2", Device::android("gone-2"), "UNREGISTERED"),
    ] {
        brand.consumer(id).log_in(&device).await;
        sandbox.script(&device.token, [Answer::reason(reason)]);
        tokens.push(device.token);
        people.push(id.to_owned());
    }
    people.extend(crowd("stranger", 2));
    let busy = brand.with_iphone("busy").await;
    let replied = busy.write("Is anybody there?").await;
    assert_eq!(replied["skill"], "support");
    people.push(busy.id.clone());
    (people, tokens)
}

/// Looks at the counts, which add up every time, until the campaign is over.
async fn watch(brand: &Brand<'_>, campaign: &Value) -> Value {
    let until_it_is_over = async {
        loop {
            let seen = brand.look(campaign).await;
            if seen["state"] != "SENDING" {
                return seen;
            }
        }
    };
    let seen = tokio::time::timeout(PATIENCE, until_it_is_over)
        .await
        .unwrap();
    assert_eq!(seen["state"], "FINISHED", "{seen}");
    brand.world.stack.settled().await.unwrap();
    brand.look(campaign).await
}

async fn failures_are_told(brand: &Brand<'_>, campaign: &Value) {
    for (consumer, code, number) in [
        ("gone-0", "DEVICE_GONE", "proactive_5803"),
        ("gone-1", "DEVICE_GONE", "proactive_5803"),
        ("gone-2", "DEVICE_GONE", "proactive_5803"),
        ("stranger-0", "CONSUMER_NOT_REGISTERED", "proactive_28"),
        ("stranger-1", "CONSUMER_NOT_REGISTERED", "proactive_28"),
        ("busy", "OPEN_CONVERSATION", "proactive_1800"),
    ] {
        let told = brand.recipient(campaign, consumer).await;
        assert_eq!(told["state"], "FAILED", "{told}");
        assert_eq!(told["code"], code, "{told}");
        assert_eq!(told["errorCode"], number, "{told}");
        assert_eq!(told["text"], chat_text(consumer));
        assert!(
            list(&told["timeline"])
                .iter()
                .any(|e| e["event"] == "FAILED"),
            "{told}"
        );
    }
    let id = text(&campaign["proactiveCampaignId"]);
    let statuses = brand
        .get(&format!("campaign/{id}/conversations"))
        .await
        .ok(200);
    assert_eq!(statuses["campaignStatus"], "FINISHED");
    let statuses = list(&statuses["conversations"]);
    let failed = statuses.iter().filter(|c| c["status"] == "FAILED");
    assert_eq!(failed.count(), 6);
}

/// The gateways are not asked again for a phone that they called gone.
async fn gone_devices_are_gone(brand: &Brand<'_>, handoff: &str) {
    let stack = &brand.world.stack;
    let asked = stack.sandbox().pushes().len();
    let gone: Vec<_> = crowd("gone", 3)
        .into_iter()
        .map(|p| json!({"consumerContent": {"inapp": p}, "variables": {"1": p, "2": "20 %"}}))
        .collect();
    let campaign = brand
        .launch(json!({
            "campaignName": "Again", "skill": "support", "templateId": handoff, "consent": true,
            "consumers": gone,
        }))
        .await;
    stack.settled().await.unwrap();
    assert_eq!(brand.look(&campaign).await["counts"]["failed"], 3);
    for consumer in crowd("gone", 3) {
        assert_eq!(
            brand.recipient(&campaign, &consumer).await["code"],
            "NO_DEVICE"
        );
    }
    assert_eq!(stack.sandbox().pushes().len(), asked);
}

async fn ana_reads(brand: &Brand<'_>, campaign: &Value, ana: &Consumer<'_>) {
    let inbox = ana.get("me/messages").await.ok(200);
    assert_eq!(inbox["unread"], 1);
    let [message] = list(&inbox["messages"]).try_into().unwrap();
    assert_eq!(message["id"], campaign["acceptedConsumers"][0]["id"]);
    assert_eq!(message["text"], chat_text(&ana.id));
    assert_eq!(message["title"], "An offer 🎉");
    assert_eq!(message["state"], "SENT");
    let id = text(&message["id"]);
    for kind in ["DELIVERED", "DELIVERED", "READ", "READ"] {
        ana.report(&id, kind).await;
    }
    brand.world.stack.settled().await.unwrap();
    let counts = brand.look(campaign).await["counts"].clone();
    assert_eq!(
        (&counts["delivered"], &counts["read"]),
        (&json!(1), &json!(1))
    );
    let told = brand.recipient(campaign, &ana.id).await;
    assert_eq!(told["state"], "READ");
    for event in ["DELIVERED", "READ"] {
        let lines = list(&told["timeline"]);
        let told = lines.iter().filter(|line| line["event"] == event);
        assert_eq!(told.count(), 1, "{lines:?}");
    }
    let [message] = ana.inbox().await.try_into().unwrap();
    assert_eq!(message["state"], "READ");
}

/// The conversation's id.
async fn ana_replies(campaign: &Value, ana: &Consumer<'_>) -> String {
    let message = json!({
        "text": "Yes, please! 🙏", "clientMessageId": "c-1",
        "proactiveMessageId": campaign["acceptedConsumers"][0]["id"],
    });
    let path = "me/conversation/messages";
    let replied = ana.post(path, message.clone()).await.ok(201);
    assert_eq!(replied["skill"], "sales");
    assert_eq!(replied["state"], "waiting");
    let again = ana.post(path, message).await.ok(201);
    assert_eq!(again["messageId"], replied["messageId"], "a retry is safe");
    let expected = [
        ("proactive".to_owned(), chat_text(&ana.id)),
        ("chat".to_owned(), "Yes, please! 🙏".to_owned()),
    ];
    assert_eq!(
        ana.chat().await,
        expected,
        "the message first, and no welcome"
    );
    text(&replied["conversationId"])
}

/// Someone to whom no message was sent.
async fn walter_writes(brand: &Brand<'_>) {
    let walter = brand.with_iphone("walter").await;
    let replied = walter.write("Hello?").await;
    assert_eq!(replied["skill"], "support");
    let expected = [
        ("chat".to_owned(), "Hello?".to_owned()),
        ("welcome".to_owned(), "Welcome!".to_owned()),
    ];
    assert_eq!(walter.chat().await, expected);
}

async fn an_agent_serves(brand: &Brand<'_>, campaign: &Value, ana: &Consumer<'_>, id: &str) {
    let world = brand.world;
    let agent = world.staff(&brand.account, "agent", &["sales"]).await;
    let queue = agent
        .get("conversations?skill=sales&state=waiting")
        .await
        .ok(200);
    let [waiting] = list(&queue["conversations"]).try_into().unwrap();
    assert_eq!(waiting["id"], id);
    assert_eq!(waiting["consumerId"], ana.id);
    assert_eq!(waiting["source"], "PROACTIVE");

    let path = format!("conversations/{id}");
    let other = world.staff(&brand.account, "agent", &["support"]).await;
    other.get(&path).await.problem(404, "NOT_FOUND");
    let early = agent
        .post(&format!("{path}/messages"), json!({"text": "Hi"}))
        .await;
    early.problem(409, "CONVERSATION_WAITING");

    let no_body = agent
        .send(Method::POST, &format!("{path}/accept"), &[], None)
        .await;
    no_body.ok(200);
    let seen = agent.get(&path).await.ok(200);
    assert_eq!(seen["conversation"]["state"], "open");
    assert_eq!(seen["conversation"]["skill"], "sales");
    assert_eq!(seen["campaignInfo"]["campaignName"], "Spring");
    assert_eq!(seen["campaignInfo"]["campaignId"], campaign["leCampaignId"]);
    assert_eq!(
        seen["campaignInfo"]["engagementId"],
        campaign["leEngagementId"]
    );
    assert_eq!(seen["campaignInfo"]["source"], "PROACTIVE");
    assert_eq!(seen["consumerInfo"]["consumerId"], ana.id);
    assert_eq!(seen["consumerInfo"]["city"], "Leeds");
    assert_eq!(seen["transcript"][0]["kind"], "proactive");
    assert_eq!(seen["transcript"][0]["from"], "brand");
    assert_eq!(seen["transcript"][0]["text"], chat_text(&ana.id));
    assert_eq!(seen["transcript"][1]["from"], "consumer");

    let before = chat_pushes(&world.stack).len();
    let answer = json!({"text": "Gladly 😀"});
    agent
        .post(&format!("{path}/messages"), answer)
        .await
        .ok(201);
    world.stack.settled().await.unwrap();
    let pushes = chat_pushes(&world.stack);
    assert_eq!(pushes.len(), before + 1);
    let push = pushes.last().unwrap();
    assert_eq!(push.device_token, Device::iphone(&ana.id).token);
    assert_eq!(shown(push), "Gladly 😀");
    assert_eq!(custom(push, "conversationId"), id);

    let last = ana.chat().await.pop().unwrap();
    assert_eq!(last, ("chat".to_owned(), "Gladly 😀".to_owned()));
    let closed = agent
        .send(Method::POST, &format!("{path}/close"), &[], None)
        .await;
    closed.ok(200);
    let queue = agent
        .get("conversations?skill=sales&state=waiting")
        .await
        .ok(200);
    assert_eq!(queue["conversations"], json!([]));
    let chat = ana.get("me/conversation").await.ok(200);
    assert_eq!(
        chat["conversation"],
        Value::Null,
        "nothing is open any more"
    );
}

/// The pushes of conversations.
fn chat_pushes(stack: &Stack) -> Vec<Push> {
    let mut pushes = stack.sandbox().pushes();
    pushes.retain(|p| p.accepted && custom(p, "backendService") == "ams");
    pushes
}
