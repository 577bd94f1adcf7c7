//! Every call of the API, in scenes: each makes what the next ones need.

use super::meter::{
    Meter,
    Who::{Admin, Agent, Consumer, Operator},
};
use crate::{
    parts::{Device, app, campaign, crowd, handoff},
    world::{CLUB, SHOP, list, text},
};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// Who has a phone.
const PHONES: [&str; 6] = ["ana", "ben", "cid", "dan", "fay", "gus"];

/// Makes every call.
pub(super) async fn play(meter: &mut Meter<'_>) {
    tokens(meter).await;
    configuration(meter).await;
    webhooks(meter).await;
    handoffs(meter).await;
    devices(meter).await;
    let made = campaigns(meter).await;
    chat(meter, &made).await;
    calls_of_ivrs(meter).await;
    ends(meter).await;
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
