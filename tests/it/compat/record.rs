//! The record of a release: what it left in the table and the queues, and what it answered, at one
//! moment of a story in which every kind of item is written and messages of every kind wait.
//!
//! `release.json` is the last release's, and is written anew when there is a new one:
//! `UPDATE_RELEASE=1 cargo test -p functions --test it compat::`. It holds no key: what is of one
//! world alone (ports, keys of the sandbox) stands there as a name in angle brackets.

use crate::{
    brand::{Brand, Consumer},
    parts::{Device, app, caller, campaign, handoff},
    webhooks::{forget, hook},
    world::{CLUB, SHOP, World, list, text},
};
use jiff::Timestamp;
use local::{
    Options,
    faults::{Fault, Rule},
};
use reqwest::Method;
use sandbox::Answer as Gateway;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{fs, path::PathBuf, time::Duration};

/// When the record is made: so far ahead that its lookbacks and retentions do not end before the
/// stack's clock is put there again, and within 32 bits.
const AT: &str = "2035-03-01T12:00:00Z";

/// The account of the record.
pub(super) const ACCOUNT: &str = "release";

/// What a release wrote.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Record {
    /// The stack's clock.
    pub(super) at: Timestamp,
    /// What the story's steps need to go on.
    pub(super) names: Names,
    /// What was answered.
    pub(super) answers: Vec<Told>,
    /// The bodies of the messages that wait for `send`.
    pub(super) jobs: Vec<Value>,
    /// The bodies of those that wait for `deliver`.
    pub(super) deliveries: Vec<Value>,
    /// Every item of the table.
    pub(super) items: Vec<Value>,
}

/// Ids of the story.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Names {
    pub(super) greeting: String,
    /// The campaign under the idempotency key.
    pub(super) told: String,
    /// All of them.
    pub(super) campaigns: Vec<String>,
    pub(super) conversation_of_ana: String,
    /// The id of what Ana wrote under a client message's id.
    pub(super) said: String,
    pub(super) conversation_of_cy: String,
    /// The call that an IVR asked about.
    pub(super) call: String,
}

/// An answer to a reading call.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Told {
    pub(super) role: String,
    pub(super) subject: String,
    pub(super) path: String,
    pub(super) body: Value,
}

impl Record {
    fn file() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/compat/release.json")
    }

    /// The last release's.
    pub(super) fn of_last_release() -> Self {
        serde_json::from_str(&fs::read_to_string(Self::file()).unwrap()).unwrap()
    }

    pub(super) fn save(&self) {
        let json = serde_json::to_string_pretty(self).unwrap();
        fs::write(Self::file(), json + "\n").unwrap();
    }
}

/// A system at the time of the records, whose functions cope with failed calls themselves.
pub(super) async fn world_at(at: Timestamp) -> World {
    let world = World::start_as(Options {
        env: [("AWS_MAX_ATTEMPTS".to_owned(), "1".to_owned())].into(),
        ..Options::default()
    })
    .await;
    let ahead = at.as_millisecond() - world.stack.clock().now_ms();
    let ahead = Duration::from_millis(
        ahead
            .try_into()
            .expect("a record of the past: make it anew"),
    );
    world.stack.advance(ahead).await;
    // Webhooks' secrets are derived from it: a key of nobody.
    let key = json!({"current": "of-the-record-of-a-release", "previous": ""}).to_string();
    world
        .stack
        .put_secret("overture-WebhookSecret", &key)
        .unwrap();
    world
}

/// What stands in the record for what is of one world alone.
pub(super) fn names_of(world: &World) -> Vec<(&'static str, String)> {
    let sandbox = world.stack.sandbox();
    let key = sandbox.apns_key();
    vec![
        ("<webhook>", sandbox.webhook_url("crm")),
        ("<jwks>", sandbox.jwks_url()),
        ("<issuer>", sandbox.issuer()),
        ("<key>", key.key_id),
        ("<team>", key.team_id),
        ("<project>", text(&sandbox.service_account()["project_id"])),
    ]
}

/// The value in which every text is what `change` makes of it.
pub(super) fn changed(value: Value, change: &impl Fn(String) -> String) -> Value {
    match value {
        Value::String(text) => change(text).into(),
        Value::Array(all) => all.into_iter().map(|one| changed(one, change)).collect(),
        Value::Object(all) => {
            let all = all.into_iter();
            Value::Object(all.map(|(key, one)| (key, changed(one, change))).collect())
        }
        other => other,
    }
}

/// Lets no more calls of a function succeed, until the faults are cleared.
fn stop(world: &World, function: &str) {
    world.stack.faults().add(Rule {
        action: "dynamodb:".to_owned(),
        function: Some(function.to_owned()),
        after: 0,
        times: u32::MAX,
        fault: Fault::Failed,
    });
}

async fn act(agent: &crate::world::Session<'_>, conversation: &str, step: &str) {
    let path = format!("conversations/{conversation}/{step}");
    agent.send(Method::POST, &path, &[], None).await.ok(200);
}

/// A campaign to them.
async fn launch(brand: &Brand<'_>, handoff: &str, to: &[&str], with: Value) -> String {
    let mut body = campaign(handoff, to);
    for (name, value) in with.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    text(&brand.launch(body).await["proactiveCampaignId"])
}

/// What Ana writes, under an id of her app.
pub(super) async fn ana_says(ana: &Consumer<'_>) -> Value {
    let said = json!({"text": "Yes, please! 🙏", "clientMessageId": "c-1"});
    ana.post("me/conversation/messages", said).await.ok(201)
}

/// The campaign under the idempotency key.
pub(super) async fn tell(brand: &Brand<'_>, greeting: &str) -> crate::world::Answer {
    let body = campaign(greeting, &["ana", "ben", "cy", "stranger"]);
    let key = [("idempotency-key", "k-1")];
    brand.send(Method::POST, "campaign", &key, Some(body)).await
}

/// Plays the story up to the moment of the record.
pub(super) async fn make() -> Record {
    let world = world_at(AT.parse().unwrap()).await;
    let (stack, brand) = (&world.stack, world.brand(ACCOUNT).await);
    hook(&brand, "crm").await;
    let greeting = brand.greeting().await;
    for id in ["ana", "cy", "eva", "hal"] {
        brand.with_iphone(id).await;
    }
    brand.consumer("ben").log_in(&Device::android("ben")).await;
    let club = Device::iphone("dea").with(CLUB);
    brand.consumer("dea").log_in(&club).await;

    // A conversation without a campaign, which fails a message and holds another.
    let cy = brand.consumer("cy").write("Is anybody there?").await;
    let told = text(&tell(&brand, &greeting).await.ok(202)["proactiveCampaignId"]);
    let held = json!({"openConversation": "hold", "campaignName": "Held"});
    let held = launch(&brand, &greeting, &["cy"], held).await;
    stack.settled().await.unwrap();

    // One that was reported on, and is answered; and one that is over.
    let (ana, ben) = (brand.consumer("ana"), brand.consumer("ben"));
    let message = text(&ana.inbox().await[0]["id"]);
    for kind in ["DELIVERED", "READ"] {
        ana.report(&message, kind).await;
    }
    let said = ana_says(&ana).await;
    let conversation_of_ana = text(&said["conversationId"]);
    let over = text(&ben.write("Not now").await["conversationId"]);
    let agent = world.staff(ACCOUNT, "agent", &["sales", "support"]).await;
    for (conversation, step) in [
        (&conversation_of_ana, "accept"),
        (&over, "accept"),
        (&over, "close"),
    ] {
        act(&agent, conversation, step).await;
    }
    let calls = brand
        .handoff_for_calls("Go on here: we have your call.")
        .await;
    let path = format!("/api/account/{ACCOUNT}/eligibility?v=2.0");
    let call = brand.post(&path, caller(&calls, "eva")).await.ok(200);
    stack.settled().await.unwrap();

    // An app that is paused, and a message that its gateway puts off.
    let broken = format!("overture/{ACCOUNT}/{CLUB}/apns");
    stack.put_secret(&broken, "no key at all").unwrap();
    let of_club = brand
        .handoff(handoff("Club", &[CLUB], "Hello ${{1}}"))
        .await;
    let paused = launch(
        &brand,
        &of_club,
        &["dea"],
        json!({"campaignName": "Paused"}),
    )
    .await;
    let later = Gateway::reason("TooManyRequests").retry_after("600").once();
    stack
        .sandbox()
        .script(&Device::iphone("eva").token, [later]);
    let put_off = launch(
        &brand,
        &greeting,
        &["eva"],
        json!({"campaignName": "Put off"}),
    )
    .await;
    stack.quiet().await.unwrap();

    // An event that its webhook did not take, and messages that nobody has looked at.
    let down = Gateway::reason("503");
    stack.sandbox().script("/webhooks/crm", [down]);
    let fresh = launch(
        &brand,
        &greeting,
        &["ben"],
        json!({"campaignName": "Fresh"}),
    )
    .await;
    stack.quiet().await.unwrap();
    stop(&world, "send");
    stop(&world, "deliver");
    let last = launch(&brand, &greeting, &["hal"], json!({"campaignName": "Last"})).await;
    let answer = json!({"text": "Gladly 😀"});
    let path = format!("conversations/{conversation_of_ana}/messages");
    agent.post(&path, answer).await.ok(201);
    stack.quiet().await.unwrap();

    let names = Names {
        greeting,
        campaigns: vec![told.clone(), held, paused, put_off, fresh, last],
        told,
        conversation_of_ana,
        said: text(&said["messageId"]),
        conversation_of_cy: text(&cy["conversationId"]),
        call: text(&call["callId"]),
    };
    taken(&world, names).await
}

/// The record of this moment.
async fn taken(world: &World, names: Names) -> Record {
    let at = world.stack.clock().now();
    let answers = answers(world, &names, at).await;
    let bodies = |queue: &str| {
        let messages = world.stack.queue(queue).unwrap().messages();
        let bodies = messages
            .iter()
            .map(|m| serde_json::from_str(&m.body).unwrap());
        bodies.collect::<Vec<Value>>()
    };
    let record = Record {
        at,
        names,
        answers,
        jobs: bodies("SendQueue"),
        deliveries: bodies("WebhookQueue"),
        items: world.table(),
    };
    let mut record = serde_json::to_value(record).unwrap();
    for (name, value) in names_of(world) {
        record = changed(record, &|text| text.replace(&value, name));
    }
    serde_json::from_value(record).unwrap()
}

/// What the reading calls answer, the second pages of listings among them.
async fn answers(world: &World, names: &Names, at: Timestamp) -> Vec<Told> {
    let Names {
        greeting,
        told,
        conversation_of_ana,
        ..
    } = names;
    let of = format!("/api/account/{ACCOUNT}/app/prmsg");
    let hour = 3_600_000;
    let now = at.as_millisecond();
    let window = format!(
        "attemptedStartTime={}&attemptedEndTime={}",
        now - hour,
        now + hour
    );
    let mut paths: Vec<(&str, &str, String)> = Vec::new();
    let mut add = |role, subject, path: &str| paths.push((role, subject, path.to_owned()));
    for path in [
        "apps",
        "skills",
        "settings",
        "clients",
        "webhooks",
        "handoffs",
        "audit?limit=2",
        &format!("apps/{CLUB}"),
        &format!("handoffs/{greeting}"),
        &format!("/api/account/{ACCOUNT}/app/prmsg/handoffs/list"),
        &format!("{of}/analytics/?{window}"),
        &format!("campaign/{told}/recipients?limit=1"),
        &format!("campaign/{told}/conversations?limit=1"),
        &format!("{of}/campaigns/{told}/?limit=1"),
    ] {
        add("operator", "ops", path);
    }
    for campaign in &names.campaigns {
        add("operator", "ops", &format!("campaign/{campaign}"));
        add(
            "operator",
            "ops",
            &format!("campaign/{campaign}/recipients"),
        );
        add(
            "operator",
            "ops",
            &format!("{of}/campaigns/{campaign}/analytics/"),
        );
    }
    for consumer in ["ana", "ben", "cy", "dea", "eva", "hal"] {
        add("consumer", consumer, "me/messages");
        add("consumer", consumer, "me/conversation");
    }
    for state in ["waiting", "open", "closed"] {
        let path = format!("conversations?skill=support&state={state}");
        add("agent", "agent-1", &path);
        add("agent", "agent-1", &path.replace("support", "sales"));
    }
    add(
        "agent",
        "agent-1",
        &format!("conversations/{conversation_of_ana}"),
    );

    let mut all = Vec::new();
    for (role, subject, path) in paths {
        let body = ask(world, role, subject, &path).await;
        let cursor = body["cursor"].as_str().map(str::to_owned);
        all.push(told_so(role, subject, path.clone(), body));
        if let Some(cursor) = cursor {
            let next = format!("{path}&cursor={cursor}");
            let body = ask(world, role, subject, &next).await;
            all.push(told_so(role, subject, next, body));
        }
    }
    let pages = all.iter().filter(|told| told.path.contains("cursor="));
    assert!(pages.count() >= 4, "listings with cursors");
    all
}

fn told_so(role: &str, subject: &str, path: String, body: Value) -> Told {
    let (role, subject) = (role.to_owned(), subject.to_owned());
    Told {
        role,
        subject,
        path,
        body,
    }
}

/// A reading call of somebody.
pub(super) async fn ask(world: &World, role: &str, subject: &str, path: &str) -> Value {
    let skills = ["sales", "support"];
    let token = world.stack.token(role, ACCOUNT, subject, &skills).unwrap();
    world.session(ACCOUNT, token).get(path).await.ok(200)
}

/// The secrets of the brand's apps, which no record holds.
pub(super) fn put_credentials(world: &World) {
    for name in [SHOP, CLUB] {
        app(&world.stack, ACCOUNT, name);
    }
    forget(world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_has_every_kind_of_item_and_of_message() {
    let record = make().await;
    let keys: Vec<_> = record
        .items
        .iter()
        .map(|item| (text(&item["pk"]["S"]), text(&item["sk"]["S"])))
        .collect();
    let rows = crate::template::read("shared/crates/dynamodb/src/key.rs");
    let mut kinds = 0;
    for row in rows.lines().filter(|line| line.starts_with("//! | ")) {
        let cells: Vec<_> = row.split('`').collect();
        let [_, pk, _, sk, _] = cells.as_slice() else {
            continue;
        };
        if pk.contains("queue") || *pk == "pk" {
            continue;
        }
        kinds += 1;
        let is_there = keys.iter().any(|(p, s)| fits(p, pk) && fits(s, sk));
        assert!(is_there, "the record lacks: {row}");
    }
    assert!(kinds > 25, "{kinds} rows");
    // A message's job that is new, one that is tried again, and a chat's; an event that is new, and
    // one that is told again.
    assert!(record.jobs.len() >= 4, "{:#?}", record.jobs);
    assert!(record.deliveries.len() >= 2, "{:#?}", record.deliveries);
    let kinds: Vec<_> = record.jobs.iter().map(|job| text(&job["type"])).collect();
    assert!(kinds.iter().any(|kind| kind != &kinds[0]), "{kinds:?}");
    let tries = |all: &[Value]| -> Vec<_> { all.iter().map(|j| j["attempt"].clone()).collect() };
    for (what, tries) in [
        ("jobs", tries(&record.jobs)),
        ("deliveries", tries(&record.deliveries)),
    ] {
        assert!(tries.contains(&json!(0)), "{what}: {tries:?}");
        assert!(
            tries.iter().any(|n| n.as_u64() > Some(0)),
            "{what}: {tries:?}"
        );
    }
    let events = record.items.iter().filter(|i| i["kind"]["S"] == "events");
    assert!(events.count() > 2);
    assert!(list(&json!(record.answers)).len() > 30);
    if is_update() {
        record.save();
    }
}

/// Whether the text is as the pattern says, in which `<…>` is anything but nothing.
fn fits(text: &str, pattern: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('<') else {
        return text == pattern;
    };
    let (_, rest) = rest.split_once('>').unwrap_or_default();
    let Some(text) = text.strip_prefix(head) else {
        return false;
    };
    let mut ends = text
        .char_indices()
        .skip(1)
        .map(|(at, _)| at)
        .chain([text.len()]);
    !text.is_empty() && ends.any(|end| fits(&text[end..], rest))
}

#[expect(
    clippy::disallowed_methods,
    reason = "whether to update is for whoever tests"
)]
fn is_update() -> bool {
    std::env::var("UPDATE_RELEASE").is_ok()
}
