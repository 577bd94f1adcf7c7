//! Poison: a queue message that cannot be read reaches the dead letters and blocks nothing.

use crate::{
    parts::{campaign, crowd, proactive},
    world::World,
};
use reqwest::Method;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_reaches_the_dead_letters_and_blocks_nothing() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let crowd = crowd("c", 12);
    for id in &crowd {
        brand.with_iphone(id).await;
    }
    let queue = world.stack.queue("SendQueue").unwrap();
    let poisons = ["not a job", "{}", r#"{"kind":"message"}"#];
    for poison in poisons {
        queue.push(poison);
    }
    let made = brand
        .launch(campaign(&brand.greeting().await, &crowd))
        .await;
    for poison in poisons {
        queue.push(poison);
    }
    let dead = world.stack.queue("SendDeadLetters").unwrap();
    for _ in 0..10 {
        world.stack.quiet().await.unwrap();
        if dead.len() == 6 {
            break;
        }
        world.stack.advance(Duration::from_secs(121)).await;
    }
    world.stack.settled().await.unwrap();
    let bodies: Vec<_> = dead.messages().into_iter().map(|m| m.body).collect();
    assert_eq!(bodies.len(), 6, "{bodies:?}");
    assert!(
        bodies.iter().all(|body| poisons.contains(&body.as_str())),
        "{bodies:?}"
    );
    assert_eq!(dead.messages()[0].receives, 5);
    assert_eq!(proactive(&world.stack).len(), 12);
    assert_eq!(brand.look(&made).await["counts"]["sent"], 12);

    // Putting them back is safe: they come again, and nothing else does.
    let redrive = async |name: &str| {
        let path = format!("/_local/queues/{name}/redrive");
        world.call(Method::POST, &path, None, &[], None).await
    };
    let moved = redrive("SendDeadLetters").await.ok(200);
    assert_eq!(moved["moved"], 6);
    world.stack.quiet().await.unwrap();
    assert_eq!(proactive(&world.stack).len(), 12);
    // No queue's, and none at all.
    let refused = redrive("StreamDeadLetters").await.ok(400);
    assert!(
        refused["error"]
            .as_str()
            .unwrap()
            .contains("StreamDeadLetters")
    );
    let refused = redrive("Nothing").await.ok(404);
    assert!(
        refused["error"]
            .as_str()
            .unwrap()
            .contains("SendDeadLetters")
    );
}
