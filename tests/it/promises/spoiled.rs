//! P1 and P9: what is spoiled, or gone, while a campaign is under way. Every message still comes to
//! an end that has a code, and nobody else's waits for it.

use super::{
    account::{Account, on_screen},
    invariants::final_and_counted,
    system::{heal, pass, pass_a_quarter, system},
};
use crate::{
    events::record,
    parts::{Device, app, handoff},
    world::{CLUB, SHOP, World, text},
};
use local::{faults::Rule, mischief::Mischief};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// A text that no log line may have.
const TEXT: &str = "a word for nobody else";

/// An item of that kind that is nothing of the sort.
fn garbage(kind: &Value, pk: &str, sk: &str) -> Value {
    json!({
        "pk": {"S": pk}, "sk": {"S": sk}, "kind": kind,
        "account": {"S": "acme"}, "campaign": {"N": "7"}, "recipients": {"S": TEXT},
        "phase": {"S": TEXT}, "text": {"N": "7"}, "entry": {"S": TEXT}, "state": {"S": TEXT},
        "created_at": {"S": TEXT}, "revision": {"S": TEXT},
    })
}

/// How often a function said that a record cannot be read.
fn told_unreadable(world: &World, function: &str) -> usize {
    let lines = world.stack.logs();
    let says = |line: &&local::logs::Line| {
        line.function == function && line.text.contains("a record of the stream cannot be read")
    };
    lines.iter().filter(says).count()
}

/// The part of a campaign, as it is stored.
fn part(world: &World, campaign: &str) -> Value {
    let pk = format!("A#acme#P#{campaign}");
    let is_it = |item: &Value| item["pk"]["S"] == pk && item["kind"]["S"] == "chunk";
    world.table().into_iter().find(is_it).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p9_stream_records_that_cannot_be_read_block_nothing_and_are_told() {
    let world = system(3).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    account.log_in_all(&["ana", "ben"]).await;
    let kinds = ["chunk", "message", "entry", "conversation", "novelty"];
    let poison = |round: &str| {
        for kind in kinds {
            let pk = format!("A#acme#X#{round}");
            world.put_item(&garbage(&json!({"S": kind}), &pk, kind));
        }
        world.put_item(&garbage(
            &json!({"N": "1"}),
            &format!("A#acme#X#{round}"),
            "none",
        ));
    };
    poison("before");
    let campaign = account.launch(&["ana", "ben"], 24).await;
    poison("between");
    let conversation = account.write("cy").await;
    poison("after");
    account.close(&conversation).await;
    stack.settled().await.unwrap();

    assert_eq!(account.count(&campaign, "sent").await, 2);
    final_and_counted(&account, &campaign).await;
    let events = stack.topic_messages().len();
    assert!(events >= 2, "the conversation was told of: {events}");
    assert_eq!(
        told_unreadable(&world, "dispatch"),
        9,
        "three kinds of its own"
    );
    assert_eq!(
        told_unreadable(&world, "tally"),
        12,
        "four kinds of its own"
    );
    assert!(stack.queue("StreamDeadLetters").unwrap().is_empty());
    for line in stack.logs() {
        assert!(
            !line.text.contains(TEXT),
            "{}: {}",
            line.function,
            line.text
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_a_campaign_whose_stream_record_is_poisoned_is_sent_by_the_sweep() {
    let world = system(1).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    account.log_in_all(&["ana", "ben"]).await;
    for function in ["dispatch", "tally"] {
        stack.faults().add(Rule::lost_records(function, 1));
    }
    let campaign = account.launch(&["ana"], 24).await;
    stack.settled().await.unwrap();
    // What the stream tells of the part is poison; a moment later, the part is as it was.
    let part = part(&world, &campaign);
    let (pk, sk) = (text(&part["pk"]["S"]), text(&part["sk"]["S"]));
    world.delete_item(&part);
    world.put_item(&garbage(&part["kind"], &pk, &sk));
    world.put_item(&part);
    let next = account.launch(&["ben"], 24).await;
    stack.settled().await.unwrap();
    assert_eq!(account.count(&next, "sent").await, 1, "it blocks nobody");
    assert_eq!(told_unreadable(&world, "dispatch"), 1);
    assert_eq!(account.count(&campaign, "queued").await, 1);

    pass_a_quarter(stack).await;
    assert_eq!(account.count(&campaign, "sent").await, 1);
    final_and_counted(&account, &campaign).await;
    assert_eq!(on_screen(&world, &Device::iphone("ana")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_a_part_or_a_mark_that_cannot_be_read_keeps_no_other_campaign_from_the_sweep() {
    let world = system(1).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    account.log_in_all(&["ana", "ben"]).await;
    for function in ["dispatch", "tally"] {
        stack.faults().add(Rule::lost_records(function, 2));
    }
    let spoiled = account.launch(&["ana"], 24).await;
    let lost = account.launch(&["ben"], 24).await;
    stack.settled().await.unwrap();
    let part = part(&world, &spoiled);
    let (pk, sk) = (text(&part["pk"]["S"]), text(&part["sk"]["S"]));
    world.put_item(&garbage(&part["kind"], &pk, &sk));
    // And a mark of the sweep's own, in each of its partitions, in front of all others.
    let marks: Vec<_> = world
        .table()
        .into_iter()
        .filter(|item| text(&item["pk"]["S"]).starts_with("DUE#"))
        .collect();
    assert!(!marks.is_empty());
    for mark in &marks {
        let first = "000000000000001#acme#spoiled";
        world.put_item(&garbage(
            &json!({"S": "due"}),
            &text(&mark["pk"]["S"]),
            first,
        ));
    }

    pass(stack, Duration::from_mins(16)).await;
    let swept = stack.invoke_schedule("sweep").await;
    assert!(swept.is_err(), "that it failed is seen: {swept:?}");
    stack.quiet().await.unwrap();
    assert_eq!(account.count(&lost, "sent").await, 1);
    // Somebody mends it.
    world.put_item(&part);
    pass_a_quarter(stack).await;
    assert_eq!(account.count(&spoiled, "sent").await, 1);
    final_and_counted(&account, &spoiled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p9_records_that_were_given_up_are_handed_over_again_without_harm() {
    let world = system(1).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    account.log_in_all(&["ana"]).await;
    for function in ["dispatch", "tally"] {
        stack.faults().add(Rule::lost_records(function, 1));
    }
    let campaign = account.launch(&["ana"], 24).await;
    stack.settled().await.unwrap();
    assert_eq!(account.count(&campaign, "queued").await, 1);
    let event = json!({"Records": [record(&part(&world, &campaign))]});
    for _ in 0..2 {
        for function in ["dispatch", "tally"] {
            let answer = stack.invoke(function, event.clone()).await.unwrap();
            assert_eq!(answer, json!({"batchItemFailures": []}), "{function}");
        }
        stack.settled().await.unwrap();
        assert_eq!(account.count(&campaign, "sent").await, 1);
    }
    assert_eq!(on_screen(&world, &Device::iphone("ana")), (1, 1));
    final_and_counted(&account, &campaign).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p6_a_secret_that_is_missing_or_no_key_costs_nobody_before_the_lookback_ends() {
    let world = system(3).await;
    let stack = &world.stack;
    let spoil = |account: &str, kind: &str, secret: Option<&str>| {
        let name = format!("overture/{account}/{kind}/spoiled");
        match secret {
            Some(value) => stack.put_secret(&name, value).unwrap(),
            None => format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}"),
        }
    };
    let p8 = stack.sandbox().apns_key().pem;
    let service = stack.sandbox().service_account().to_string();
    let cases = [
        ("missing", None, None),
        ("no-key", Some("not a key"), Some("not a key")),
        ("empty", Some("{}"), Some("{}")),
        // Each has the other's.
        ("swapped", Some(service.as_str()), Some(p8.as_str())),
    ];
    let mut under_way = Vec::new();
    for (name, apns, fcm) in cases {
        let account = Account::open(&world, name).await;
        let mut body = app(stack, name, SHOP);
        body["ios"]["credential"] = spoil(name, "apns", apns).into();
        body["android"]["credential"] = spoil(name, "fcm", fcm).into();
        let path = format!("apps/{SHOP}");
        account.admin().put(&path, body).await.ok(200);
        account.log_in_all(&["ana"]).await;
        account.log_in("ben", &Device::android("ben")).await.ok(200);
        let campaign = account.launch(&["ana", "ben"], 1).await;
        under_way.push((account, campaign));
    }
    stack.quiet().await.unwrap();
    for (account, campaign) in &under_way {
        let waiting = account.count(campaign, "queued").await;
        assert_eq!(waiting, 2, "{}: somebody may mend it yet", account.name);
    }
    for _ in 0..5 {
        pass(stack, Duration::from_mins(16)).await;
    }
    stack.settled().await.unwrap();
    for (account, campaign) in &under_way {
        final_and_counted(account, campaign).await;
        for consumer in ["ana", "ben"] {
            let told = account.history(campaign, consumer).await;
            // It failed at its last try, or its lookback ended while the app was paused.
            let state = text(&told["state"]);
            assert!(["FAILED", "EXPIRED"].contains(&state.as_str()), "{told:#}");
            assert_eq!(told["code"], "CREDENTIALS_REFUSED", "{told:#}");
            let timeline = told["timeline"].to_string();
            assert!(timeline.contains("credential_"), "{told:#}");
        }
    }
    assert!(stack.sandbox().pushes().is_empty(), "no gateway was asked");
    assert!(stack.queue("SendDeadLetters").unwrap().is_empty());
}

/// A campaign to them that is on the queue, and has not been looked at.
async fn waiting(account: &Account<'_>, consumers: &[&str]) -> String {
    let stack = &account.world.stack;
    let queue = stack.queue("SendQueue").unwrap();
    queue.faults(Mischief::seeded(1).delay(1.0, Duration::from_mins(9)));
    let campaign = account.launch(consumers, 24).await;
    stack.quiet().await.unwrap();
    queue.faults(Mischief::default());
    assert_eq!(account.under_way(&campaign).await, consumers.len() as u64);
    campaign
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_a_message_whose_handoffs_app_is_deleted_meanwhile_says_so() {
    let world = system(3).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    let both = handoff("Both", &[SHOP, CLUB], "Hello ${{1}}");
    let both = text(&account.admin().post("handoffs", both).await.ok(201)["id"]);
    account.log_in_all(&["ana", "ben"]).await;
    let club = Device::iphone("bens-club").with(CLUB);
    account.log_in("ben", &club).await.ok(200);
    let queue = stack.queue("SendQueue").unwrap();
    queue.faults(Mischief::seeded(1).delay(1.0, Duration::from_mins(9)));
    let mut body = account.body(&["ana", "ben"], 24);
    body["templateId"] = both.into();
    let made = account.admin().post("campaign", body).await.ok(202);
    let campaign = text(&made["proactiveCampaignId"]);
    stack.quiet().await.unwrap();
    queue.faults(Mischief::default());

    let deleted = account.admin().delete(&format!("apps/{SHOP}")).await;
    assert!(deleted.status < 300, "{deleted:?}");
    pass(stack, Duration::from_mins(10)).await;
    stack.settled().await.unwrap();
    let told = account.history(&campaign, "ana").await;
    assert_eq!(
        (&told["state"], &told["code"]),
        (&json!("FAILED"), &json!("APP_NOT_CONFIGURED")),
        "{told:#}"
    );
    assert_eq!(
        account.state(&campaign, "ben").await,
        "SENT",
        "by the other app"
    );
    assert_eq!(on_screen(&world, &club), (1, 1));
    final_and_counted(&account, &campaign).await;
}

/// Calls of everybody to an account, none of which may end in a fault of ours.
async fn no_call_faults(account: &Account<'_>, campaign: &str) {
    let (admin, ana) = (account.admin(), account.consumer("ana"));
    let paths = [
        "apps".to_owned(),
        format!("apps/{SHOP}"),
        "skills".to_owned(),
        "skills/sales".to_owned(),
        "settings".to_owned(),
        "clients".to_owned(),
        "handoffs".to_owned(),
        format!("campaign/{campaign}"),
        format!("campaign/{campaign}/conversations"),
        format!("campaign/{campaign}/recipients"),
        format!("campaign/{campaign}/recipients/ana"),
        "conversations?skill=sales".to_owned(),
        format!("/api/account/{}/app/prmsg/handoffs/list", account.name),
        format!(
            "/api/account/{}/app/prmsg/campaigns/{campaign}/",
            account.name
        ),
    ];
    for path in paths {
        let answer = admin.get(&path).await;
        assert!(answer.status < 500, "{path}: {answer:?}");
    }
    let body = account.body(&["ana"], 24);
    let answer = admin.post("campaign", body).await;
    assert!((400..500).contains(&answer.status), "{answer:?}");
    for path in ["me/messages", "me/conversation"] {
        let answer = ana.get(path).await;
        assert!(answer.status < 500, "{path}: {answer:?}");
    }
    let phone = Device::iphone("ana");
    let path = format!("me/devices/{}", phone.id);
    for answer in [
        ana.put(&path, phone.body()).await,
        ana.post("me/conversation/messages", json!({"text": "Hello?"}))
            .await,
        ana.send(Method::DELETE, &path, &[], None).await,
    ] {
        assert!(answer.status < 500, "{answer:?}");
    }
    let token = account
        .world
        .token_call(&account.name, "crm", "secret")
        .await;
    assert!((400..500).contains(&token.status), "{token:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_messages_of_an_account_that_is_deleted_meanwhile_come_to_an_end() {
    let world = system(3).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    let other = Account::open(&world, "other").await;
    account.log_in_all(&["ana", "ben"]).await;
    other.log_in_all(&["ana"]).await;
    let campaign = waiting(&account, &["ana", "ben", "nobody"]).await;
    // Its settings, apps, skills, clients and handoffs.
    for item in world.table().iter().filter(|i| i["pk"]["S"] == "A#acme") {
        world.delete_item(item);
    }
    pass(stack, Duration::from_mins(10)).await;
    stack.settled().await.unwrap();
    for (consumer, code) in [
        ("ana", "APP_NOT_CONFIGURED"),
        ("ben", "APP_NOT_CONFIGURED"),
        ("nobody", "CONSUMER_NOT_REGISTERED"),
    ] {
        let told = account.history(&campaign, consumer).await;
        assert_eq!(told["code"], code, "{told:#}");
        assert_eq!(told["state"], "FAILED", "{told:#}");
    }
    final_and_counted(&account, &campaign).await;
    no_call_faults(&account, &campaign).await;
    stack.settled().await.unwrap();
    assert!(stack.queue("SendDeadLetters").unwrap().is_empty());

    let next = other.launch(&["ana"], 24).await;
    stack.settled().await.unwrap();
    assert_eq!(other.state(&next, "ana").await, "SENT", "others go on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_messages_of_an_account_of_which_nothing_is_left_come_to_an_end() {
    let world = system(3).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    account.log_in_all(&["ana", "ben"]).await;
    let campaign = waiting(&account, &["ana", "ben"]).await;
    for item in world.table() {
        let pk = text(&item["pk"]["S"]);
        if pk == "A#acme" || pk.starts_with("A#acme#") {
            world.delete_item(&item);
        }
    }
    pass(stack, Duration::from_mins(10)).await;
    for _ in 0..2 {
        pass_a_quarter(stack).await;
    }
    stack.settled().await.unwrap();
    let messages: Vec<_> = world
        .table()
        .into_iter()
        .filter(|item| item["kind"]["S"] == "message")
        .collect();
    assert_eq!(messages.len(), 2);
    for message in messages {
        let stored = message.to_string();
        assert!(stored.contains("CAMPAIGN_GONE"), "{message:#}");
    }
    account
        .admin()
        .get(&format!("campaign/{campaign}"))
        .await
        .problem(404, "NOT_FOUND");
    no_call_faults(&account, &campaign).await;
    heal(stack);
    stack.settled().await.unwrap();
    assert!(stack.queue("SendDeadLetters").unwrap().is_empty());
    assert!(stack.sandbox().pushes().is_empty());
}
