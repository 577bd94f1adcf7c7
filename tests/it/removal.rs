//! An account that is deleted: nobody is let in, nothing leaves, nothing of it is left, and the
//! others' items are what they were.

use crate::{
    parts::{caller, campaign, pushes_to},
    webhooks::hook,
    world::{Brand, SHOP, World},
};
use domain::{
    access::Role,
    account,
    audit::Author,
    clock::{Clock as _, SystemClock},
    id::AccountId,
};
use dynamodb::{RemoveError, Table};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path};
use testkit::dynamodb::Emulator;

/// The keys of the table that keys.rs tells of: of partition and of place in it.
fn known_keys() -> Vec<(String, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("shared/crates/dynamodb/src/key.rs");
    let source = fs::read_to_string(source).unwrap();
    // An index's keys are attributes of items that have others.
    let table = source
        .lines()
        .take_while(|line| !line.starts_with("//! | index"));
    let rows = table.filter(|line| line.starts_with("//! | "));
    let keys = rows.map(|row| row.split('`').collect::<Vec<_>>());
    keys.filter(|cells| cells.len() == 5 && cells[1] != "pk")
        .map(|cells| (cells[1].to_owned(), cells[3].to_owned()))
        .collect()
}

/// Whether a key has this form, in which `<…>` stands for anything.
fn has_form(key: &str, form: &str) -> bool {
    let (key, form): (Vec<_>, Vec<_>) = (key.split('#').collect(), form.split('#').collect());
    key.len() == form.len()
        && (key.iter().zip(form)).all(|(part, of)| of.starts_with('<') || *part == of)
}

fn key(item: &Value) -> (&str, &str) {
    let part = |name: &str| item[name]["S"].as_str().unwrap();
    (part("pk"), part("sk"))
}

fn names(item: &Value, account: &str) -> bool {
    item.to_string().contains(account)
}

/// An account in which there is one of everything.
async fn full<'w>(world: &'w World, name: &str) -> Brand<'w> {
    let brand = world.brand(name).await;
    hook(&brand, "crm").await;
    let ana = brand.with_iphone("ana").await;
    brand.with_iphone("ben").await;
    let handoff = brand.greeting().await;
    let once = [("idempotency-key", "k1")];
    let body = Some(campaign(&handoff, &["ana", "ben"]));
    brand
        .send(Method::POST, "campaign", &once, body)
        .await
        .ok(202);
    world.stack.quiet().await.unwrap();
    let said = json!({"text": "Yes!", "clientMessageId": "c-1"});
    ana.post("me/conversation/messages", said).await.ok(201);
    let mut held = campaign(&handoff, &["ana"]);
    held["openConversation"] = "hold".into();
    brand.launch(held).await;
    world.stack.quiet().await.unwrap();
    let for_calls = brand.handoff_for_calls("Hello").await;
    let path = format!("/api/account/{name}/eligibility?v=2.0");
    brand.post(&path, caller(&for_calls, "ben")).await.ok(200);
    let secret = format!("overture/{name}/{SHOP}/apns");
    world.stack.put_secret(&secret, "no key at all").unwrap();
    // The sender keeps what it read.
    world.stack.kill("send").unwrap();
    brand.launch(campaign(&handoff, &["ben"])).await;
    world.stack.quiet().await.unwrap();
    brand
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_a_deleted_account_and_all_of_the_others() {
    let world = World::start().await;
    let gone = full(&world, "leaving-brand").await;
    full(&world, "staying-brand").await;
    let (gone_id, stays): (AccountId, &str) = ("leaving-brand".parse().unwrap(), "staying-brand");
    let before = world.table();
    for name in [gone_id.as_str(), stays] {
        let of_it: Vec<_> = before
            .iter()
            .filter(|item| names(item, name))
            .map(key)
            .collect();
        for (pk, sk) in known_keys() {
            let is_there = of_it
                .iter()
                .any(|k| has_form(k.0, &pk) && has_form(k.1, &sk));
            assert!(is_there, "{name} has no {pk} {sk}: this test must make one");
        }
    }

    let emulator = Emulator::serving(world.stack.database()).await;
    let name = "overture-Table";
    let table = Table::new(emulator.client(), name, SignedDuration::ZERO);
    let refused = table.remove_all_of(&gone_id).await;
    assert!(
        matches!(refused, Err(RemoveError::Served(_))),
        "it is served: {refused:?}"
    );
    let by = Author {
        account: gone_id.clone(),
        subject: "ops".into(),
        roles: vec![Role::Operator],
        at: SystemClock::default().now(),
    };
    account::end(&table, &by).await.unwrap();
    // Functions keep that an account is served for a minute, the sender for some seconds.
    world.stack.advance(std::time::Duration::from_mins(6)).await;
    gone.get("settings").await.problem(404, "NOT_FOUND");
    gone.operator.get("audit").await.problem(404, "NOT_FOUND");
    let consumer = gone.consumer("ana");
    consumer.get("me/messages").await.problem(404, "NOT_FOUND");
    world.stack.invoke_schedule("sweep").await.unwrap();
    world.stack.quiet().await.unwrap();

    let others = |items: Vec<Value>| -> BTreeSet<String> {
        let of_them = items.into_iter().filter(|item| names(item, stays));
        // Whatever its functions go on with meanwhile is no matter of the removal.
        of_them.map(|item| item.to_string()).collect()
    };
    let unchanged = others(world.table());
    assert!(table.count_of(&gone_id).await.unwrap() > 30);
    let removed = table.remove_all_of(&gone_id).await.unwrap();
    assert!(removed > 30, "{removed} items");
    assert_eq!(
        others(world.table()),
        unchanged,
        "the other's are what they were"
    );
    world.stack.quiet().await.unwrap();
    assert_eq!(table.count_of(&gone_id).await.unwrap(), 0);
    assert_eq!(table.remove_all_of(&gone_id).await.unwrap(), 0);
    let left = world.table();
    let left: Vec<_> = left
        .iter()
        .filter(|item| names(item, gone_id.as_str()))
        .collect();
    let [mark] = left.try_into().unwrap();
    assert_eq!(key(mark), ("A#leaving-brand", "SETTINGS"));
    assert_eq!(mark["service"]["S"], "ended");
    gone.get("settings").await.problem(404, "NOT_FOUND");

    // Nobody comes back for what was under way.
    world
        .stack
        .advance(std::time::Duration::from_hours(2))
        .await;
    world.stack.invoke_schedule("sweep").await.unwrap();
    world.stack.quiet().await.unwrap();
    assert_eq!(table.count_of(&gone_id).await.unwrap(), 0);
    assert!(
        pushes_to(&world.stack, "ben").len() <= 2,
        "one of each brand"
    );
}
