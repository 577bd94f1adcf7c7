//! What those who measure are told of a message: each attempt once, and once that it left.

use crate::world::{World, secs, token};
use domain::{
    failure::Failure,
    push::Undelivered,
    send::{Next, Recorded},
};

fn busy() -> Undelivered {
    Undelivered::Later {
        after: None,
        reason: "busy".into(),
    }
}

fn told(world: &World) -> Vec<Recorded> {
    std::mem::take(&mut *world.recorded.lock().unwrap())
}

#[tokio::test]
async fn each_attempt_is_told_once_with_what_came_of_it() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let accepted = world.campaign(&["ana", "ben"]).await;
    let begun = world.now();
    world.run().await;
    let told = told(&world);
    let nexts: Vec<_> = told.iter().map(|r| (r.left, r.next.clone())).collect();
    let unknown = Next::Failed(Failure::ConsumerNotRegistered);
    assert_eq!(nexts, [(true, Next::Sent), (false, unknown)]);
    for recorded in told {
        assert_eq!(recorded.campaign, accepted.campaign.id);
        assert_eq!(recorded.key.account, world.account);
        assert_eq!(recorded.key.transaction.made_at(), begun, "its acceptance");
        assert!(recorded.late.is_zero(), "{recorded:?}");
    }
}

#[tokio::test]
async fn what_left_for_one_device_left_once_though_another_is_tried_again() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.log_in("ana", "t2").await;
    world.gateways.answer(&token("t2"), busy());
    world.campaign(&["ana"]).await;
    world.run_for(secs(3_600)).await;
    let told = told(&world);
    assert!(told.len() > 1, "{told:?}");
    assert!(matches!(told[0].next, Next::Again { .. }), "{told:?}");
    assert_eq!(told.last().unwrap().next, Next::Sent);
    let left: Vec<_> = told.iter().map(|recorded| recorded.left).collect();
    let mut once = vec![false; told.len()];
    once[0] = true;
    assert_eq!(left, once);
}

#[tokio::test]
async fn a_job_that_comes_late_tells_by_how_much() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.campaign(&["ana"]).await;
    world.pump().await;
    world.clock.advance(secs(7));
    world.run().await;
    let [recorded] = told(&world).try_into().unwrap();
    assert_eq!(recorded.late.as_secs(), 7);
}
