//! What each call of the API costs in DynamoDB: no more than three requests, as
//! `infra/docs/calls.md` tells.

use crate::{
    parts::{Device, app, campaign, crowd, handoff},
    world::{Answer, Brand, CLUB, SHOP, World, list, text},
};
use domain::access::CALLS;
use jiff::SignedDuration;
use local::usage::Count;
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::PathBuf,
    time::{Duration, Instant},
};

const AGAIN: &str = "UPDATE_CALLS=1 cargo test -p functions --test it calls::";

/// The most requests of a call.
const MOST: u64 = 3;

/// The calls that make more, which the page explains.
const MORE: [(&str, u64); 1] = [("listTransactions", 4)];

/// The functions that answer no calls.
const BEHIND: [&str; 5] = ["deliver", "dispatch", "send", "tally", "sweep"];

/// Who has a phone.
const PHONES: [&str; 6] = ["ana", "ben", "cid", "dan", "fay", "gus"];

/// Who makes a call.
#[derive(Clone, Copy)]
enum Who {
    Operator,
    Admin,
    Agent,
    Consumer(&'static str),
}

use Who::{Admin, Agent, Consumer, Operator};

/// Measures calls.
struct Meter<'w> {
    world: &'w World,
    brand: Brand<'w>,
    rows: BTreeMap<String, Count>,
    warmed: usize,
    started: Instant,
}

/// For how long what functions keep is fresh enough: they keep it for a minute.
const FRESH: Duration = Duration::from_secs(30);

impl<'w> Meter<'w> {
    async fn new(world: &'w World) -> Self {
        Self {
            world,
            brand: world.brand("acme").await,
            rows: BTreeMap::new(),
            warmed: 0,
            started: Instant::now(),
        }
    }

    /// A call by someone whose token is new.
    async fn send(
        &self,
        who: Who,
        call: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let (role, subject) = match who {
            Operator => ("operator", "ops"),
            Admin => ("admin", "crm"),
            Agent => ("agent", "eve"),
            Consumer(id) => ("consumer", id),
        };
        let skills = ["sales", "support"];
        let token = self.world.stack.token(role, "acme", subject, &skills);
        let (method, path) = call.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let session = self.world.session("acme", token.unwrap());
        session.send(method, path, headers, body).await
    }

    /// Has every function read what it keeps of the account for a minute.
    async fn warm(&mut self) {
        if self.started.elapsed() > FRESH {
            // All functions start anew.
            self.world.stack.advance(Duration::ZERO).await;
            self.started = Instant::now();
        }
        for path in [
            "GET settings",
            "GET webhooks",
            "GET handoffs/H1",
            "GET campaign/none",
            "GET conversations/0190163d-8694-739b-aea5-966c26f8ad91",
            "GET /api/account/acme/app/prmsg/campaigns/none/analytics/",
        ] {
            let answer = self.send(Admin, path, &[], None).await;
            assert!(matches!(answer.status, 200 | 404), "{path}");
        }
        let unknown = json!({"callId": uuid::Uuid::new_v4().to_string()});
        let invite = "POST /api/account/acme/invite?v=2.0";
        let answer = self.send(Admin, invite, &[], Some(unknown)).await;
        answer.problem(404, "NOT_FOUND");
        let token = self.world.stack.token("admin", "acme", "crm", &[]);
        self.brand.session.token = token.unwrap();
        self.warmed += 1;
        let consumer = self.brand.consumer(&format!("warm-{}", self.warmed));
        consumer.get("me/messages").await.ok(200);
        consumer.get("me/conversation").await.ok(200);
    }

    /// Measures a call that is answered with a success; its answer.
    async fn cost(&mut self, name: &str, who: Who, call: &str, body: Option<Value>) -> Value {
        self.cost_with(name, who, call, &[], body).await
    }

    /// The same, when an equal call of another was made a moment ago.
    async fn cost_after(
        &mut self,
        before: (Who, &str, Value),
        name: &str,
        who: Who,
        call: &str,
        body: Value,
    ) -> Value {
        self.warm().await;
        let answer = self.send(before.0, before.1, &[], Some(before.2)).await;
        assert!((200..300).contains(&answer.status), "{:#}", answer.body);
        self.measure(name, who, call, &[], Some(body)).await
    }

    async fn cost_with(
        &mut self,
        name: &str,
        who: Who,
        call: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Value {
        self.warm().await;
        self.measure(name, who, call, headers, body).await
    }

    async fn measure(
        &mut self,
        name: &str,
        who: Who,
        call: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Value {
        self.world.stack.reset_usage();
        let answer = self.send(who, call, headers, body).await;
        let is_success = (200..300).contains(&answer.status);
        assert!(is_success, "{name}: {:#}", answer.body);
        self.count(name);
        answer.body
    }

    /// Writes down what was used since the meter was reset.
    fn count(&mut self, name: &str) {
        let usage = self.world.stack.usage();
        let mut sum = Count::default();
        for function in usage.0.keys().filter(|f| !BEHIND.contains(&f.as_str())) {
            let used = usage.of(function, "dynamodb:");
            sum.calls += used.calls;
            sum.read_units += used.read_units;
            sum.write_units += used.write_units;
        }
        if sum.calls > MOST {
            println!("{name}: {:#?}", usage.0);
        }
        assert!(self.rows.insert(name.to_owned(), sum).is_none(), "{name}");
    }

    async fn settled(&self) {
        self.world.stack.settled().await.unwrap();
    }
}

async fn tokens(meter: &mut Meter<'_>) {
    let made = json!({"name": "crm", "roles": ["admin"], "skills": []});
    let client = meter.cost("createClient", Admin, "POST clients", Some(made));
    let client = client.await;
    let (id, secret) = (text(&client["clientId"]), text(&client["clientSecret"]));
    for (name, given, status) in [
        ("giveToken", secret.as_str(), 200),
        ("giveToken with a wrong secret", "guess", 401),
    ] {
        meter.world.stack.reset_usage();
        let answer = meter.world.token_call("acme", &id, given).await;
        assert_eq!(answer.status, status);
        meter.count(name);
    }
    let uri = "GET /api/account/acme/service/sentinel/baseURI.json?version=1.0";
    meter.cost("tellBaseUri", Admin, uri, None).await;
    let rotate = format!("POST clients/{id}/rotate");
    meter.cost("rotateClient", Admin, &rotate, None).await;
    meter.cost("listClients", Admin, "GET clients", None).await;
    let delete = format!("DELETE clients/{id}");
    meter.cost("deleteClient", Admin, &delete, None).await;
}

async fn configuration(meter: &mut Meter<'_>) {
    let empty = || Some(json!({}));
    meter
        .cost("putSkill", Admin, "PUT skills/late", empty())
        .await;
    meter.cost("getSkill", Admin, "GET skills/late", None).await;
    meter.cost("listSkills", Admin, "GET skills", None).await;
    meter
        .cost("deleteSkill", Admin, "DELETE skills/late", None)
        .await;
    let app = app(&meter.world.stack, "acme", "com.example.late");
    let put = "PUT apps/com.example.late";
    meter.cost("putApp", Admin, put, Some(app.clone())).await;
    meter.cost("putApp again", Admin, put, Some(app)).await;
    let get = "GET apps/com.example.late";
    meter.cost("getApp", Admin, get, None).await;
    meter.cost("listApps", Admin, "GET apps", None).await;
    let delete = "DELETE apps/com.example.late";
    meter.cost("deleteApp", Admin, delete, None).await;
    let limits = json!({
        "recipientsPerCampaign": 4000, "sendsPerSecond": 4000, "requestsPerSecond": 4000,
    });
    let settings = json!({"defaultSkill": "support", "welcomeMessage": "Hi", "limits": limits});
    let put = "PUT settings";
    meter
        .cost("putSettings", Operator, put, Some(settings))
        .await;
    meter.cost("getSettings", Admin, "GET settings", None).await;
    meter.cost("listAudit", Admin, "GET audit", None).await;
}

async fn webhooks(meter: &mut Meter<'_>) {
    let url = meter.world.stack.sandbox().webhook_url("late");
    let body = || Some(json!({"url": url}));
    let put = "PUT webhooks/late";
    meter.cost("putWebhook", Admin, put, body()).await;
    meter.cost("putWebhook again", Admin, put, body()).await;
    let get = "GET webhooks/late";
    meter.cost("getWebhook", Admin, get, None).await;
    meter
        .cost("listWebhooks", Admin, "GET webhooks", None)
        .await;
    let test = "POST webhooks/late/test";
    meter.cost("testWebhook", Admin, test, None).await;
    let rotate = "POST webhooks/late/rotate";
    meter.cost("rotateWebhook", Admin, rotate, None).await;
    let now = meter.world.stack.clock().now();
    let hour = json!({"from": now - SignedDuration::from_hours(1), "to": now});
    let replay = "POST webhooks/late/replay";
    meter.cost("replayWebhook", Admin, replay, Some(hour)).await;
    let delete = "DELETE webhooks/late";
    meter.cost("deleteWebhook", Admin, delete, None).await;
}

async fn handoffs(meter: &mut Meter<'_>) {
    let body = handoff("Late", &[SHOP, CLUB], "Hello ${{1}}");
    let made = meter.cost("createHandoff", Admin, "POST handoffs", Some(body));
    let path = format!("handoffs/{}", text(&made.await["id"]));
    let to = |method: &str| format!("{method} {path}");
    meter.cost("getHandoff", Admin, &to("GET"), None).await;
    let body = Some(handoff("Later", &[SHOP], "Hello ${{1}}"));
    meter.cost("changeHandoff", Admin, &to("PUT"), body).await;
    let preview = format!("POST {path}/preview");
    let variables = Some(json!({"variables": {"1": "Ana"}}));
    meter
        .cost("previewHandoff", Admin, &preview, variables)
        .await;
    meter
        .cost("listHandoffs", Admin, "GET handoffs", None)
        .await;
    let all = "GET /api/account/acme/app/prmsg/handoffs/list?v=1";
    meter.cost("listAllHandoffs", Admin, all, None).await;
    let channel = "GET /api/account/acme/app/prmsg/handoffs/list/channel/inapp?v=1";
    meter
        .cost("listChannelHandoffs", Admin, channel, None)
        .await;
    meter
        .cost("deleteHandoff", Admin, &to("DELETE"), None)
        .await;
}

async fn devices(meter: &mut Meter<'_>) {
    let phone = Device::iphone("ana");
    let path = format!("me/devices/{}", phone.id);
    let put = format!("PUT {path}");
    let ana = Consumer("ana");
    let mut body = phone.body();
    meter
        .cost("logInDevice", ana, &put, Some(body.clone()))
        .await;
    let name = "logInDevice again";
    meter.cost(name, ana, &put, Some(body.clone())).await;
    body["pushToken"] = "f".repeat(64).into();
    let name = "logInDevice with a new token";
    meter.cost(name, ana, &put, Some(body.clone())).await;
    let name = "logInDevice with another's token";
    meter.cost(name, Consumer("ben"), &put, Some(body)).await;
    for kind in ["AGENT", "NONE", "ALL"] {
        let out = format!("DELETE {path}?type={kind}");
        let name = format!("logOutDevice, type {kind}");
        meter.cost(&name, Consumer("ben"), &out, None).await;
    }
    for id in PHONES {
        meter.brand.with_iphone(id).await;
    }
}

/// What is read of a campaign.
async fn read_campaign(meter: &mut Meter<'_>, made: &Value, mark: &str, last: &str) {
    let id = text(&made["proactiveCampaignId"]);
    let path = format!("GET campaign/{id}");
    let name = |name: &str| format!("{name}{mark}");
    meter.cost(&name("getCampaign"), Admin, &path, None).await;
    let report = format!("GET /api/account/acme/app/prmsg/campaigns/{id}");
    for (call, path, field) in [
        ("listRecipients", format!("{path}/recipients"), "recipients"),
        (
            "listCampaignConversations",
            format!("{path}/conversations"),
            "conversations",
        ),
        ("getCampaignReport", format!("{report}/"), "consumersReport"),
    ] {
        let (mut read, mut page) = (0, 0);
        let mut cursor = String::new();
        loop {
            page += 1;
            let name = match page {
                1 => name(call),
                page => format!("{}, page {page}", name(call)),
            };
            let answer = meter
                .cost(&name, Admin, &format!("{path}{cursor}"), None)
                .await;
            read += list(&answer[field]).len();
            match answer["cursor"].as_str() {
                Some(next) => cursor = format!("?cursor={next}"),
                None => break,
            }
        }
        assert_eq!(read, list(&made["acceptedConsumers"]).len(), "{call}");
    }
    let one = format!("{path}/recipients/{last}");
    meter.cost(&name("getRecipient"), Admin, &one, None).await;
    let counts = format!("{report}/analytics/");
    let call = name("getCampaignAnalytics");
    meter.cost(&call, Admin, &counts, None).await;
}

async fn campaigns(meter: &mut Meter<'_>) -> Value {
    let handoff = meter.brand.greeting().await;
    let mut ids = crowd("c", 100 - PHONES.len());
    ids.extend(PHONES.map(str::to_owned));
    let body = Some(campaign(&handoff, &ids));
    let (post, key) = ("POST campaign", [("idempotency-key", "k-1")]);
    let made = meter
        .cost_with("createCampaign", Admin, post, &key, body.clone())
        .await;
    let name = "createCampaign, an equal call";
    meter.cost_with(name, Admin, post, &key, body.clone()).await;
    let name = "createCampaign with validate=true";
    let validate = "POST campaign?validate=true";
    meter.cost(name, Admin, validate, body).await;
    meter.settled().await;
    read_campaign(meter, &made, "", "cid").await;

    let now = meter.world.stack.clock().now_ms();
    let window = format!(
        "?attemptedStartTime={}&attemptedEndTime={}",
        now - 3_600_000,
        now + 3_600_000
    );
    let app = "/api/account/acme/app/prmsg";
    let get = format!("GET {app}/analytics/{window}");
    meter.cost("getAnalytics", Admin, &get, None).await;
    let post = format!("POST {app}/analytics/{window}");
    let none = || Some(json!({}));
    meter.cost("filterAnalytics", Admin, &post, none()).await;
    let post = format!("POST {app}/transactions/{window}");
    meter.cost("listTransactions", Admin, &post, none()).await;
    made
}

async fn chat(meter: &mut Meter<'_>, made: &Value) {
    let accepted = list(&made["acceptedConsumers"]);
    let message = |id: &str| {
        let found = accepted
            .iter()
            .find(|a| a["consumerContent"]["inapp"] == id);
        text(&found.unwrap()["id"])
    };
    let (ana, ben) = (Consumer("ana"), Consumer("ben"));
    // Each by another: who called another function a moment ago is a write more for the pace.
    let dan = Consumer("dan");
    meter.cost("getInbox", dan, "GET me/messages", None).await;
    for (kind, id) in [("DELIVERED", "cid"), ("TAPPED", "fay"), ("READ", "gus")] {
        let report = format!("POST me/messages/{}/events", message(id));
        let event = json!({"type": kind, "at": meter.world.stack.clock().now().to_string()});
        let name = format!("reportMessage, type {kind}");
        meter.cost(&name, Consumer(id), &report, Some(event)).await;
    }
    let write = "POST me/conversation/messages";
    let said = |more: Value| {
        let mut body = json!({"text": "Hello"});
        let more = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(more);
        body
    };
    let hello = || said(json!({}));
    let name = "writeMessage, which answers a message";
    let before = (Consumer("dan"), write, hello());
    let replied = meter.cost_after(before, name, ana, write, hello()).await;
    let name = "writeMessage, into the open conversation";
    let mine = said(json!({"clientMessageId": "1"}));
    meter.cost(name, ana, write, Some(mine)).await;
    let name = "writeMessage, which names a message";
    let named = said(json!({"proactiveMessageId": message("ben")}));
    let before = (Consumer("fay"), write, hello());
    meter.cost_after(before, name, ben, write, named).await;
    let (name, zoe) = ("writeMessage, which answers none", Consumer("zoe"));
    let before = (Consumer("yan"), write, hello());
    meter.cost_after(before, name, zoe, write, hello()).await;
    let chat = meter
        .cost("getChat", ana, "GET me/conversation", None)
        .await;
    let first = text(&chat["messages"][0]["id"]);
    let on = format!("GET me/conversation?after={first}");
    meter.cost("getChat with after", ana, &on, None).await;

    let queue = "GET conversations?skill=sales";
    meter.cost("listConversations", Agent, queue, None).await;
    let path = format!("conversations/{}", text(&replied["conversationId"]));
    let get = format!("GET {path}");
    meter.cost("getConversation", Agent, &get, None).await;
    let accept = format!("POST {path}/accept");
    meter.cost("acceptConversation", Agent, &accept, None).await;
    let answer = format!("POST {path}/messages");
    meter
        .cost("answerConsumer", Agent, &answer, Some(hello()))
        .await;
    let transfer = format!("POST {path}/transfer");
    let skill = Some(json!({"skill": "support"}));
    meter
        .cost("transferConversation", Agent, &transfer, skill)
        .await;
    let close = format!("POST {path}/close");
    meter.cost("closeConversation", Agent, &close, None).await;
}

async fn calls_of_ivrs(meter: &mut Meter<'_>) {
    let handoff = meter.brand.handoff_for_calls("Go on here.").await;
    let check = "POST /api/account/acme/eligibility?v=2.0";
    let asked = json!({
        "consumerPhoneNumber": "+12061234567", "handoffId": handoff, "skill": "support",
        "consumerId": "cid",
    });
    let before = (Admin, check, asked.clone());
    let name = "checkEligibility";
    let call = meter.cost_after(before, name, Admin, check, asked).await;
    assert_eq!(call["eligible"], true);
    let invite = "POST /api/account/acme/invite?v=2.0";
    let id = || Some(json!({"callId": call["callId"]}));
    meter.cost("inviteCaller", Admin, invite, id()).await;
    meter.cost("inviteCaller again", Admin, invite, id()).await;
}

/// Campaigns that are called off, one by one and with their handoff.
async fn ends(meter: &mut Meter<'_>) {
    let body = handoff("Ends", &[SHOP], "Hello ${{1}}");
    let handoff = meter.brand.handoff(body).await;
    let large = campaign(&handoff, &crowd("l", 250));
    let made = meter.brand.launch(large).await;
    let path = format!("campaign/{}", text(&made["proactiveCampaignId"]));
    meter.settled().await;
    read_campaign(meter, &made, " of 250 recipients", "l-249").await;
    let cancel = format!("POST {path}/cancel");
    meter.cost("cancelCampaign", Admin, &cancel, None).await;
    for n in 0..20 {
        let body = campaign(&handoff, &[format!("e-{n}")]);
        meter.brand.launch(body).await;
    }
    let stop = format!("DELETE handoffs/{handoff}?stop=true");
    let name = "deleteHandoff with stop=true, of 21 campaigns";
    meter.cost(name, Admin, &stop, None).await;
}

/// The page with the table that was measured.
fn page(rows: &BTreeMap<String, Count>) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("infra/docs/calls.md");
    let page = fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once("| call |").unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    let mut table =
        String::from("| call | requests | read units | write units |\n|---|---|---|---|\n");
    for (name, count) in rows {
        let (word, more) = name.split_at(name.find([' ', ',']).unwrap_or(name.len()));
        let Count {
            calls,
            read_units,
            write_units,
        } = count;
        let row = format!("| `{word}`{more} | {calls} | {read_units} | {write_units} |\n");
        table.push_str(&row);
    }
    format!("{before}{table}\n{after}")
}

/// Whether the page is to be written anew.
#[expect(
    clippy::disallowed_methods,
    reason = "what a developer asks of the test, not a setting of a function"
)]
fn is_update() -> bool {
    env::var("UPDATE_CALLS").is_ok_and(|value| value == "1")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_makes_more_than_three_requests_and_the_page_tells_them() {
    let world = World::start().await;
    let mut meter = Meter::new(&world).await;
    tokens(&mut meter).await;
    configuration(&mut meter).await;
    webhooks(&mut meter).await;
    handoffs(&mut meter).await;
    devices(&mut meter).await;
    let made = campaigns(&mut meter).await;
    chat(&mut meter, &made).await;
    calls_of_ivrs(&mut meter).await;
    ends(&mut meter).await;

    let rows = meter.rows;
    for (name, count) in &rows {
        println!("{name:60} {count:?}");
    }
    let measured: BTreeSet<_> = rows
        .keys()
        .filter_map(|name| name.split([' ', ',']).next())
        .collect();
    let all: BTreeSet<_> = CALLS.iter().map(|(name, _)| *name).collect();
    assert_eq!(measured, all, "every call is measured");
    let more: Vec<_> = rows
        .iter()
        .filter(|(_, count)| count.calls > MOST)
        .map(|(name, count)| (name.as_str(), count.calls))
        .collect();
    assert_eq!(more, MORE, "calls of more than {MOST} requests");

    let told = page(&rows);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("infra/docs/calls.md");
    if is_update() {
        fs::write(path, told).unwrap();
        return;
    }
    let committed = fs::read_to_string(path).unwrap();
    assert_eq!(committed, told, "infra/docs/calls.md; again: {AGAIN}");
}
