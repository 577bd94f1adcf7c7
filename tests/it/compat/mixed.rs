//! The last release's binaries and these, taking turns at one table and its queues, as they do
//! while a deployment shifts traffic: `tests/compat/run` builds the others and plays this.

use crate::{promises::play_seeds, story, world::World};
use local::Options;
use std::path::PathBuf;

/// The folder of the last release's binaries.
fn last_release() -> PathBuf {
    let folder = std::env::var_os("OVERTURE_LAST_RELEASE");
    folder
        .expect("OVERTURE_LAST_RELEASE: a folder of binaries; tests/compat/run makes one")
        .into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the last release's binaries: tests/compat/run"]
async fn both_releases_play_the_story_together() {
    let world = World::start_as(Options {
        beside: Some(last_release()),
        ..Options::default()
    })
    .await;
    story::play(&world, &story::FEW).await;
    let counts = world.stack.invocations_by_release();
    for function in [
        "create-campaign",
        "dispatch",
        "send",
        "tally",
        "agent",
        "report",
    ] {
        let [these, others] = counts[function].as_slice() else {
            panic!("{function} has no binary in the last release");
        };
        assert!(
            *these > 0 && *others > 0,
            "{function}: {these} and {others}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the last release's binaries: tests/compat/run"]
async fn whatever_happens_every_promise_holds_between_releases() {
    play_seeds(1, 0, Some(&last_release())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the last release's binaries: tests/compat/run"]
async fn whatever_happens_every_promise_holds_between_releases_when_calls_are_repeated() {
    play_seeds(3, 1, Some(&last_release())).await;
}
