//! The tables of `infra/docs/push.md`, walked: each row is brought about at a gateway, pushed to
//! through its adapter, and what the adapter makes of it is given to the domain.

use crate::support::{ACCOUNT, P8, TOKEN, World};
use domain::{
    account::{self, Headers, Route, SkillStore as _},
    breaker::Recent,
    campaign::{self, CampaignName, Draft, OpenConversation, Order},
    clock::Clock as _,
    conversation::ReadStanding as _,
    device::{self, Device, Environment, Platform},
    dispatch::{Delayed, Job, dispatch},
    handoff,
    message::{MessageKey, ReadMessages as _},
    push::{Custom, Push as _, Undelivered},
    send::send,
};
use jiff::SignedDuration;
use local::sns::Alone;
use push::{Gateways, Settings};
use sandbox::{Answer, scripts};
use std::{collections::BTreeMap, fs, path::Path, sync::atomic::Ordering, time::Duration};
use testkit::{
    FixedClock,
    contract::sample,
    memory::{self, Queue, Record, Store},
};

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:1:secret:overture/demo/proxy";

/// A row, by the names of its columns.
type Row = BTreeMap<String, String>;

/// The rows of the page's table under that heading.
fn rows(heading: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../infra/docs/push.md");
    let page = fs::read_to_string(path).unwrap();
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut lines = section.lines().filter(|line| line.starts_with("| "));
    let cells = |line: &str| -> Vec<String> {
        let cells = line.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    let names = cells(lines.next().unwrap());
    let row = |line| names.iter().cloned().zip(cells(line)).collect();
    let rows: Vec<Row> = lines.map(row).collect();
    assert!(rows.len() > 8, "{heading}: {}", rows.len());
    rows
}

/// The gateway's word of a row: what stands first in it.
fn word(row: &Row) -> &str {
    let named = ["reason", "word", "error", "status"];
    let cell = named.iter().find_map(|name| row.get(*name)).unwrap();
    cell.trim_matches('`')
}

fn class(undelivered: &Undelivered) -> &'static str {
    match undelivered {
        Undelivered::DeviceGone { .. } => "device gone",
        Undelivered::Refused { .. } => "credentials refused",
        Undelivered::Rejected { .. } => "rejected",
        Undelivered::Later { .. } => "later",
    }
}

/// Checks an answer against its row, and what the domain makes of it.
async fn is_as_told(row: &Row, undelivered: Undelivered) {
    assert_eq!(class(&undelivered), row["class"], "{row:?}");
    let last = Last::word(&Answered::By(undelivered)).await;
    assert_eq!(last.code, row["code when no device took it"], "{row:?}");
    assert_eq!(
        last.forgotten,
        row["what Overture does"].starts_with("forgets the token"),
        "{row:?}"
    );
}

/// What the only device of a message says.
enum Answered {
    By(Undelivered),
    NoRoute,
}

/// How a message ends whose lookback ends with this answer.
struct Last {
    code: String,
    forgotten: bool,
}

impl Last {
    async fn word(answered: &Answered) -> Self {
        let (store, queue, clock) = (Store::default(), Queue::default(), FixedClock::default());
        let account = "demo".parse().unwrap();
        let by = sample::author(&account, clock.now());
        let skill = account::Skill {
            name: sample::skill("sales"),
            description: None,
        };
        store.put_skill(&by, &skill).await.unwrap();
        let mut app = sample::app(sample::app_name().as_str());
        if let Answered::NoRoute = answered {
            app.ios = None;
        }
        account::save_app(&store, &by, app).await.unwrap();
        let design = sample::design("Sale", "Hello");
        let handoff = handoff::create(&store, &by, design).await;
        let ana = sample::consumer("ana");
        let phone: Device = sample::device("phone", TOKEN, clock.now());
        let phone = device::log_in(&store, &clock, &account, &ana, phone).await;
        let order = Order {
            name: CampaignName::parse("Spring").unwrap(),
            skill: "sales".into(),
            handoff: handoff.unwrap().id.to_string(),
            lookback: None,
            open_conversation: OpenConversation::Fail,
            test: false,
            deflection: None,
            recipients: vec![Draft {
                consumer: Some("ana".into()),
                variables: BTreeMap::new(),
            }],
            idempotency: None,
            trace: "trace".into(),
        };
        let accepted = campaign::create(&store, &clock, &by, order, false).await;
        let transaction = accepted.unwrap().recipients[0].transaction;
        for record in store.stream() {
            if let Record::Chunk(chunk) = record {
                dispatch(&store, &queue, &clock, &chunk).await.unwrap();
            }
        }
        let [Delayed { job, .. }] = queue.take().try_into().unwrap();
        let Job::Message(mut job) = job else {
            panic!("a message")
        };
        // There is time for this try, and for no other.
        job.lookback_ends_at = clock.now() + SignedDuration::from_nanos(1);
        job.not_before = clock.now();
        let gateways = memory::Gateways::default();
        if let Answered::By(undelivered) = answered {
            gateways.answer(&phone.unwrap().token, undelivered.clone());
        }
        let (recent, job) = (Recent::default(), Job::Message(job));
        let handled = send(&store, &queue, &gateways, &clock, &recent, job).await;
        handled.unwrap();
        let key = MessageKey {
            account: account.clone(),
            consumer: ana.clone(),
            transaction,
        };
        let message = store.messages(&[key]).await.unwrap().pop().unwrap();
        let failure = message.failure.unwrap();
        let standing = store.standing(&account, &ana).await.unwrap();
        Self {
            code: format!("`{}` (`{}`)", failure.as_str(), failure.code()),
            forgotten: standing.devices.is_empty(),
        }
    }
}

/// Pushes to a gateway that answers each row of a table.
async fn walk(world: &World, route: &Route, heading: &str) {
    for row in rows(heading) {
        let reason = word(&row);
        let told = Answer::reason(reason).timestamp(world.now().as_millisecond());
        world.sandbox.script(TOKEN, [told]);
        world.sandbox.clear_pushes();
        let undelivered = world.push(route).await.unwrap_err();
        let push = world.sandbox.pushes().pop().unwrap();
        assert_eq!(push.reason.as_deref(), Some(reason));
        if row["status"].parse::<u16>().is_ok() {
            assert_eq!(push.status.to_string(), row["status"], "{row:?}");
        }
        assert_eq!(undelivered.reason(), reason);
        is_as_told(&row, undelivered).await;
    }
}

#[tokio::test]
async fn every_reason_of_apns_is_as_told() {
    let world = World::new().await;
    walk(&world, &world.apns(), "APNs").await;
}

#[tokio::test]
async fn every_code_of_fcm_is_as_told() {
    let world = World::new().await;
    walk(&world, &world.fcm(), "FCM").await;
}

fn proxy(url: &str) -> Route {
    Route::Proxy {
        url: url.to_owned(),
        credential: Some(SECRET.to_owned()),
        headers: Headers::default(),
    }
}

/// The sandbox's push proxy with its secret.
fn proxy_of(world: &World) -> Route {
    let secret = world.sandbox.brand().proxy_secret();
    world.secrets.put(SECRET, &secret.to_string());
    proxy(&world.sandbox.proxy_url())
}

#[tokio::test]
async fn every_status_of_a_push_proxy_is_as_told() {
    let world = World::new().await;
    let route = proxy_of(&world);
    for row in rows("Push proxy") {
        let status = word(&row);
        let told = Answer::reason(status).once();
        world.sandbox.script(scripts::PROXY, [told]);
        let undelivered = world.push(&route).await.unwrap_err();
        let push = world.sandbox.pushes().pop().unwrap();
        assert_eq!(push.status.to_string(), status);
        assert_eq!(undelivered.reason(), format!("http_{status}"));
        is_as_told(&row, undelivered).await;
    }
    for (others, like) in [
        ("300", "301"),
        ("304", "301"),
        ("409", "400"),
        ("418", "400"),
        ("501", "500"),
        ("511", "500"),
    ] {
        let told = Answer::reason(others).once();
        world.sandbox.script(scripts::PROXY, [told]);
        let undelivered = world.push(&route).await.unwrap_err();
        let rows = rows("Push proxy");
        let row = rows.iter().find(|row| word(row) == like).unwrap();
        assert_eq!(class(&undelivered), row["class"], "{others}");
    }
}

fn application(service: &str) -> Route {
    Route::Sns {
        platform_application_arn: format!("arn:aws:sns:eu-west-1:111122223333:app/{service}/shop"),
    }
}

#[tokio::test]
async fn every_error_of_sns_is_as_told() {
    let sns = Alone::start().await.unwrap();
    let world = World::new().await.with_sns(sns.url()).await;
    let route = application("GCM");
    let mut met = 0;
    for row in rows("SNS") {
        let status = row["status"].parse().unwrap();
        for code in [word(&row).to_owned(), format!("{}Exception", word(&row))] {
            // Its endpoint is made anew.
            let world = World::new().await.with_sns(sns.url()).await;
            let operation = match row["about"].as_str() {
                "application" => "CreatePlatformEndpoint",
                "endpoint" => "Publish",
                about => panic!("{about}"),
            };
            sns.refuse(operation, status, &code);
            let undelivered = world.push(&route).await.unwrap_err();
            assert_eq!(undelivered.reason(), word(&row), "{code}");
            is_as_told(&row, undelivered).await;
            sns.relent();
            met += 1;
        }
    }
    assert!(world.push(&route).await.is_ok(), "after {met} refusals");
}

/// Brings about one of our own words.
async fn of_our_own(reason: &str) -> Undelivered {
    let mut world = World::new().await;
    let mut notification = world.notification();
    let (mut platform, mut route) = (Platform::Ios, world.apns());
    let elsewhere = Settings {
        apns: "https://localhost:9".to_owned(),
        ..world.settings()
    };
    let at = |settings: &Settings, world: &World| {
        Gateways::new(settings, world.secrets.clone(), world.clock()).unwrap()
    };
    let sns = Alone::start().await.unwrap();
    match reason {
        "expired" => notification.expires_at = world.now(),
        "payload_too_large" => {
            if let Custom::Proactive { le_campaign, .. } = &mut notification.custom {
                *le_campaign = "1".repeat(4096);
            }
        }
        "credential_unreadable" => world.secrets.forget(P8),
        "credential_malformed" => world.secrets.put(P8, "not a key"),
        "credential_unavailable" => world.secrets.down.store(1, Ordering::Relaxed),
        "timeout" => {
            let silent = Answer::accept().after(Duration::from_mins(1));
            world.sandbox.script(TOKEN, [silent]);
        }
        "unreachable" => world.gateways = at(&elsewhere, &world),
        "connection_lost" => {
            let reset = Answer::reason(Answer::RESET);
            world.sandbox.script(TOKEN, [reset]);
        }
        "unknown" => {
            let novelty = Answer::reason("no word").status(502);
            world.sandbox.script(TOKEN, [novelty]);
        }
        "endpoint_not_public" => {
            route = proxy_of(&world);
            let deployed = Settings {
                outbound_private: false,
                ..world.settings()
            };
            world.gateways = at(&deployed, &world);
        }
        "bad_url" => {
            proxy_of(&world);
            route = proxy("not a URL");
        }
        "other_environment" => route = application("APNS_SANDBOX"),
        "bad_application" => route = application("ADM"),
        "unreadable_access_token" => {
            (platform, route) = (Platform::Android, world.fcm());
            world
                .secrets
                .put(ACCOUNT, &world.sandbox.service_account().to_string());
            let empty = Answer::reason("none").status(200);
            world.sandbox.script(scripts::OAUTH, [empty]);
        }
        "unreadable_endpoint" => {
            (platform, route) = (Platform::Android, application("GCM"));
            world = world.with_sns(sns.url()).await;
            let empty = "<CreatePlatformEndpointResponse><CreatePlatformEndpointResult/></CreatePlatformEndpointResponse>";
            sns.tell("CreatePlatformEndpoint", 200, empty);
        }
        other => panic!("how does `{other}` come about?"),
    }
    let token = TOKEN.parse().unwrap();
    let target = domain::push::Target {
        environment: Environment::Production,
        ..World::target(platform, &route, &token)
    };
    let pushed = world.gateways.push(target, &notification).await;
    pushed.unwrap_err()
}

#[tokio::test]
async fn every_word_of_our_own_is_as_told() {
    for row in rows("Our own words") {
        match word(&row) {
            // The domain's own: no gateway is asked.
            "no-route" => {
                let last = Last::word(&Answered::NoRoute).await;
                assert_eq!(last.code, row["code when no device took it"]);
                assert!(!last.forgotten);
            }
            // Nothing from outside brings a fault of ours about.
            "bad_attribute" | "bad_request" => {
                assert!(
                    row["what it means"].starts_with("A fault of ours"),
                    "{row:?}"
                );
            }
            reason => {
                let undelivered = of_our_own(reason).await;
                assert_eq!(undelivered.reason(), reason);
                is_as_told(&row, undelivered).await;
            }
        }
    }
}

/// Every word that the adapters put in the place of a gateway's stands in the table.
#[test]
fn no_word_of_our_own_is_untold() {
    let told = rows("Our own words");
    let mut found = 0;
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            let source = source.split("#[cfg(test)]").next().unwrap();
            let reasons = source.split("reason: \"").skip(1);
            for rest in reasons.chain(source.split("later(\"").skip(1)) {
                let reason = rest.split('"').next().unwrap();
                if reason.starts_with(char::is_uppercase) {
                    continue; // A gateway's own.
                }
                let is_ours = |row: &Row| word(row) == reason;
                assert!(
                    told.iter().any(is_ours),
                    "infra/docs/push.md lacks `{reason}` of {}",
                    path.display()
                );
                found += 1;
            }
        }
    }
    assert!(found > 10, "{found}");
}
