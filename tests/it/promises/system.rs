//! A system that is made to fail, and its way back.

use crate::world::{PATIENCE, World};
use local::{Options, Stack, mischief::Mischief};
use std::{path::Path, time::Duration};

/// Event sources wait no longer than this for a batch to fill: only time is saved.
const WINDOW: Duration = Duration::from_millis(20);
/// Longer than the queue hides a message, and than any backoff lasts.
const QUARTER: Duration = Duration::from_mins(16);

/// A whole system whose functions make so many attempts at each call to AWS: with one, every
/// failed call is theirs to cope with.
pub(super) async fn system(attempts: u32) -> World {
    system_beside(attempts, None).await
}

/// Such a system in which the binaries of another release, if there is one, take turns with these.
pub(super) async fn system_beside(attempts: u32, beside: Option<&Path>) -> World {
    World::start_as(Options {
        beside: beside.map(Path::to_owned),
        env: [("AWS_MAX_ATTEMPTS".to_owned(), attempts.to_string())].into(),
        window: Some(WINDOW),
        ..Options::default()
    })
    .await
}

/// Everything works again from here on; what is lost is lost.
pub(super) fn heal(stack: &Stack) {
    for name in stack.queues() {
        stack.queue(&name).unwrap().faults(Mischief::default());
    }
    stack.faults().clear();
    stack.sandbox().set_apns_reachable(true);
    stack.sandbox().set_fcm_reachable(true);
}

/// Lets time pass once everything that can be done now is done.
pub(super) async fn pass(stack: &Stack, time: Duration) {
    stack.quiet().await.unwrap();
    stack.advance(time).await;
    stack.quiet().await.unwrap();
}

/// Lets a quarter of an hour pass, and sweeps.
pub(super) async fn pass_a_quarter(stack: &Stack) {
    pass(stack, QUARTER).await;
    sweep(stack).await;
}

/// Sweeps as the schedule does, and waits for what follows.
pub(super) async fn sweep(stack: &Stack) {
    stack.invoke_schedule("sweep").await.unwrap();
    stack.quiet().await.unwrap();
}

/// How many calls to AWS the function has made.
pub(super) fn calls(stack: &Stack, function: &str) -> u64 {
    let usage = stack.usage();
    let of_function = usage.0.get(function);
    of_function.map_or(0, |calls| calls.values().map(|count| count.calls).sum())
}

/// Kills the function when it has made so many more calls to AWS, or when nothing is under way
/// any more.
pub(super) async fn kill_after(stack: &Stack, function: &str, more: u64) {
    let enough = calls(stack, function) + more;
    tokio::select! {
        biased;
        in_time = stack.until(PATIENCE, |s| calls(s, function) >= enough) => assert!(in_time),
        quiet = stack.quiet() => quiet.unwrap(),
    }
    stack.kill(function).unwrap();
}
