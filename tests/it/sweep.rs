//! The sweep: a message that was lost on its way is found and sent.

use crate::{
    parts::{campaign, crowd, proactive},
    world::World,
};
use local::mischief::Mischief;
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_the_queue_lost_are_sent_after_all() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let crowd = crowd("c", 12);
    for id in &crowd {
        brand.with_iphone(id).await;
    }
    let queue = world.stack.queue("SendQueue").unwrap();
    queue.faults(Mischief::seeded(3).drop(0.5));
    let made = brand
        .launch(campaign(&brand.greeting().await, &crowd))
        .await;
    world.stack.settled().await.unwrap();
    let seen = brand.look(&made).await;
    let (sent, lost) = (&seen["counts"]["sent"], &seen["counts"]["queued"]);
    assert!(sent != &json!(0) && lost != &json!(0), "{seen}");
    queue.faults(Mischief::default());

    world.stack.invoke_schedule("sweep").await.unwrap();
    world.stack.settled().await.unwrap();
    assert_eq!(
        &brand.look(&made).await["counts"]["queued"],
        lost,
        "it is not late yet"
    );

    world.stack.advance(Duration::from_mins(20)).await;
    world.stack.invoke_schedule("sweep").await.unwrap();
    world.stack.settled().await.unwrap();
    let seen = brand.look(&made).await;
    assert_eq!(
        (&seen["state"], &seen["counts"]["sent"]),
        (&json!("FINISHED"), &json!(12))
    );
    assert_eq!(proactive(&world.stack).len(), 12, "each once");

    world.stack.advance(Duration::from_mins(20)).await;
    world.stack.invoke_schedule("sweep").await.unwrap();
    world.stack.settled().await.unwrap();
    assert_eq!(proactive(&world.stack).len(), 12, "and never again");
}
