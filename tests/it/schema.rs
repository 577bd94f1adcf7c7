//! A table or an item of another schema than this release's: what is missing is said, everything
//! else goes on, and nothing is lost.

use crate::{
    parts::{campaign, pushes_to},
    template::read,
    world::{Answer, World, text},
};
use local::Options;
use reqwest::Method;
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

/// What a function said at the level of an alarm.
fn faults(world: &World, function: &str) -> Vec<String> {
    let lines = world.stack.logs().into_iter();
    let lines = lines.filter(|line| line.function == function);
    lines
        .filter_map(|line| serde_json::from_str::<Value>(&line.text).ok())
        .filter(|line| line["level"] == "ERROR")
        .map(|line| line["fields"].to_string())
        .collect()
}

#[track_caller]
fn says(world: &World, function: &str, words: &str) {
    let all = faults(world, function);
    assert!(
        all.iter().any(|line| line.contains(words)),
        "{words}: {all:#?}"
    );
}

/// A system whose table is one that the template once might have made.
async fn world_of(name: &str, template: String) -> World {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("{name}.yaml"));
    fs::write(&file, template).unwrap();
    World::start_as(Options {
        template: file,
        env: [("AWS_MAX_ATTEMPTS".to_owned(), "1".to_owned())].into(),
        ..Options::default()
    })
    .await
}

/// An answer that tells callers to come again, and nothing of what is inside.
#[track_caller]
fn is_unavailable(answer: Answer) {
    let body = answer.ok(503);
    assert_eq!(body["code"], "UNAVAILABLE", "{body}");
    assert_eq!(body["retryable"], true);
    assert!(!body.to_string().contains("queue"), "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_without_the_index_is_said_and_all_else_goes_on() {
    let template = read("template.yaml");
    let (before, rest) = template
        .split_once("      GlobalSecondaryIndexes:\n")
        .unwrap();
    let (_, after) = rest.split_once("      StreamSpecification:\n").unwrap();
    let before = before
        .replace(
            "        - {AttributeName: queue_pk, AttributeType: S}\n",
            "",
        )
        .replace(
            "        - {AttributeName: queue_sk, AttributeType: S}\n",
            "",
        );
    let template = format!("{before}      StreamSpecification:\n{after}");
    let world = world_of("no-index", template).await;

    let brand = world.brand("acme").await;
    brand.with_iphone("ana").await;
    let made = brand
        .launch(campaign(&brand.greeting().await, &["ana"]))
        .await;
    world.stack.settled().await.unwrap();
    assert_eq!(brand.look(&made).await["counts"]["sent"], 1);
    let conversation = brand.consumer("ana").write("Hi").await;

    let agent = world.staff("acme", "agent", &["sales"]).await;
    is_unavailable(agent.get("conversations?skill=sales").await);
    says(&world, "agent", "index: queue");
    let id = text(&conversation["conversationId"]);
    let path = format!("conversations/{id}/accept");
    agent.send(Method::POST, &path, &[], None).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_with_other_keys_is_said() {
    let template = read("template.yaml")
        .replace(
            "{AttributeName: sk, KeyType",
            "{AttributeName: place, KeyType",
        )
        .replace(
            "{AttributeName: sk, AttributeType",
            "{AttributeName: place, AttributeType",
        );
    let world = world_of("other-keys", template).await;
    let token = world.stack.token("operator", "acme", "ops", &[]).unwrap();
    let operator = world.session("acme", token);
    is_unavailable(operator.get("settings").await);
    let all = faults(&world, "account");
    assert!(!all.is_empty());
    assert!(
        all.iter()
            .all(|line| line.contains("key") || line.contains("Key")),
        "{all:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_that_lacks_an_attribute_is_said_by_kind_and_harms_nobody_else() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    for id in ["ana", "ben"] {
        brand.with_iphone(id).await;
    }
    let greeting = brand.greeting().await;
    let of = |world: &World, kind: &str| {
        let is_it = |item: &Value| item["kind"]["S"] == kind;
        world.table().into_iter().find(is_it).unwrap()
    };
    let mut handoff = of(&world, "handoff");
    handoff.as_object_mut().unwrap().remove("design");
    let mut other = handoff.clone();
    other["sk"] = json!({"S": "HANDOFF#H1"});
    world.put_item(&other);
    is_unavailable(brand.get("handoffs/H1").await);
    says(
        &world,
        "create-handoff",
        "an item of the kind `handoff` cannot be read: missing field `design`",
    );

    let whole = of(&world, "device");
    let mut device = whole.clone();
    device.as_object_mut().unwrap().remove("platform");
    world.put_item(&device);
    let (spoiled, other) = if text(&device["pk"]["S"]).ends_with("#ana") {
        ("ana", "ben")
    } else {
        ("ben", "ana")
    };
    let made = brand.launch(campaign(&greeting, &["ana", "ben"])).await;
    world.stack.quiet().await.unwrap();
    assert_eq!(pushes_to(&world.stack, other).len(), 1);
    assert_eq!(pushes_to(&world.stack, spoiled).len(), 0);
    says(
        &world,
        "send",
        "an item of the kind `device` cannot be read: missing field `platform`",
    );
    assert_eq!(world.stack.queue("SendQueue").unwrap().len(), 1, "it waits");

    world.put_item(&whole);
    world.stack.queue("SendQueue").unwrap().hurry();
    world.stack.settled().await.unwrap();
    assert_eq!(pushes_to(&world.stack, spoiled).len(), 1);
    assert_eq!(brand.look(&made).await["counts"]["sent"], 2);
}
