//! P1, conservation: what was lost on its way is found, and every count is right in the end.

use super::{
    account::{Account, on_screen},
    invariants::{final_and_counted, totals_are_sums},
    system::{calls, heal, kill_after, pass, pass_a_quarter, sweep, system},
};
use crate::{
    parts::{Device, crowd},
    world::PATIENCE,
};
use local::{
    faults::{Fault, Rule},
    mischief::Mischief,
};
use sandbox::Answer;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_queue_messages_that_are_all_lost_are_found_by_the_sweep() {
    let world = system(1).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    let crowd = crowd("c", 5);
    account.log_in_all(&crowd).await;
    let queue = stack.queue("SendQueue").unwrap();
    queue.faults(Mischief::seeded(1).drop(1.0));
    let campaign = account.launch(&crowd, 24).await;
    stack.settled().await.unwrap();
    assert_eq!(account.count(&campaign, "queued").await, 5);
    // The first that the sweep puts there are lost, too.
    pass_a_quarter(stack).await;
    assert_eq!(account.count(&campaign, "queued").await, 5);
    heal(stack);
    pass_a_quarter(stack).await;
    assert_eq!(account.count(&campaign, "sent").await, 5);
    for consumer in &crowd {
        assert_eq!(on_screen(&world, &Device::iphone(consumer)), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_a_campaign_whose_stream_record_is_lost_is_dispatched_and_counted_by_the_sweep() {
    let world = system(1).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    let since = stack.clock().now_ms() - 1000;
    account.log_in_all(&["ana", "ben"]).await;
    stack.settled().await.unwrap();
    for function in ["dispatch", "tally"] {
        stack.faults().add(Rule::lost_records(function, 1));
    }
    let campaign = account.launch(&["ana", "ben"], 24).await;
    stack.settled().await.unwrap();
    assert!(stack.faults().are_spent());
    assert_eq!(account.count(&campaign, "queued").await, 2);
    pass_a_quarter(stack).await;
    assert_eq!(account.count(&campaign, "sent").await, 2);
    final_and_counted(&account, &campaign).await;
    pass_a_quarter(stack).await;
    totals_are_sums(&account, &[campaign], since).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_a_message_whose_last_change_never_reached_the_count_is_counted_by_the_sweep() {
    let world = system(1).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    let since = stack.clock().now_ms() - 1000;
    account.log_in_all(&["ana"]).await;
    stack.settled().await.unwrap();
    // The claim and its outcome; the campaign itself is counted before.
    stack
        .queue("SendQueue")
        .unwrap()
        .faults(Mischief::seeded(1).delay(1.0, Duration::from_mins(9)));
    let campaign = account.launch(&["ana"], 24).await;
    stack.quiet().await.unwrap();
    stack.faults().add(Rule::lost_records("tally", 2));
    stack.advance(Duration::from_mins(10)).await;
    stack.settled().await.unwrap();
    assert_eq!(account.state(&campaign, "ana").await, "SENT");
    assert_eq!(
        account.count(&campaign, "queued").await,
        1,
        "the count has not heard of it"
    );
    heal(stack);
    pass_a_quarter(stack).await;
    final_and_counted(&account, &campaign).await;
    totals_are_sums(&account, &[campaign], since).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_a_claim_whose_sender_died_and_whose_message_is_lost_is_finished_by_the_sweep() {
    let world = system(1).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    account.log_in_all(&["ana"]).await;
    // The settings are read and the claim is done; what would be read next is never answered.
    let hangs = Rule {
        action: "dynamodb:".to_owned(),
        function: Some("send".to_owned()),
        after: 2,
        times: 1,
        fault: Fault::Hangs,
    };
    stack.faults().add(hangs);
    let campaign = account.launch(&["ana"], 24).await;
    assert!(stack.until(PATIENCE, |s| s.faults().are_spent()).await);
    stack.kill("send").unwrap();
    stack.queue("SendQueue").unwrap().purge();
    stack.settled().await.unwrap();
    assert_eq!(account.state(&campaign, "ana").await, "SENDING");
    assert_eq!(account.count(&campaign, "sending").await, 1);
    pass_a_quarter(stack).await;
    assert_eq!(account.state(&campaign, "ana").await, "SENT");
    final_and_counted(&account, &campaign).await;
    assert_eq!(on_screen(&world, &Device::iphone("ana")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_a_retry_that_never_reached_the_queue_is_found_by_the_sweep() {
    let world = system(1).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    account.log_in_all(&["ana"]).await;
    let ana = Device::iphone("ana");
    stack
        .sandbox()
        .script(&ana.token, [Answer::reason("ServiceUnavailable").once()]);
    // Recorded, but the answer to that is lost; and with it, who is to queue it again.
    let lost = Rule {
        action: "dynamodb:UpdateItem".to_owned(),
        function: Some("send".to_owned()),
        after: 1,
        times: 1,
        fault: Fault::AnswerLost,
    };
    stack.faults().add(lost);
    let campaign = account.launch(&["ana"], 24).await;
    stack.quiet().await.unwrap();
    assert!(stack.faults().are_spent());
    stack.queue("SendQueue").unwrap().purge();
    assert_eq!(account.state(&campaign, "ana").await, "QUEUED");
    for _ in 0..3 {
        pass_a_quarter(stack).await;
    }
    assert_eq!(account.state(&campaign, "ana").await, "SENT");
    assert_eq!(on_screen(&world, &ana), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_a_message_held_for_a_conversation_that_closed_meanwhile_is_let_go_by_the_sweep() {
    let world = system(3).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    account.log_in_all(&["ana"]).await;
    let conversation = account.write("ana").await;
    stack.settled().await.unwrap();
    // The conversation closes before the hold is there; and the sender, once it has recorded
    // that it holds the message, dies before it looks again.
    for fault in [Fault::Slow(Duration::from_secs(3)), Fault::Hangs] {
        stack.faults().add(Rule {
            action: "dynamodb:PutItem".to_owned(),
            function: Some("send".to_owned()),
            after: 0,
            times: 1,
            fault,
        });
    }
    let campaign = account.launch_as(&["ana"], 24, "hold").await;
    let holds = |s: &local::Stack| calls(s, "send") >= 3;
    assert!(stack.until(PATIENCE, holds).await);
    account.close(&conversation).await;
    assert!(stack.until(PATIENCE, |s| s.faults().are_spent()).await);
    stack.kill("send").unwrap();
    heal(stack);
    pass(stack, Duration::from_secs(121)).await;
    stack.settled().await.unwrap();
    assert_eq!(account.state(&campaign, "ana").await, "HELD");
    for _ in 0..2 {
        pass_a_quarter(stack).await;
    }
    assert_eq!(account.state(&campaign, "ana").await, "SENT");
    assert_eq!(on_screen(&world, &Device::iphone("ana")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_a_sweep_that_is_killed_finishes_the_next_time() {
    let world = system(1).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    let crowd = crowd("c", 4);
    account.log_in_all(&crowd).await;
    let queue = stack.queue("SendQueue").unwrap();
    queue.faults(Mischief::seeded(1).drop(1.0));
    let campaign = account.launch(&crowd, 24).await;
    stack.settled().await.unwrap();
    heal(stack);
    pass(stack, Duration::from_mins(20)).await;
    for calls in 0..12 {
        let swept = stack.invoke_schedule("sweep");
        let (swept, ()) = tokio::join!(swept, kill_after_or_idle(stack, calls));
        drop(swept);
        counts_are_whole(&account, &campaign).await;
    }
    stack.quiet().await.unwrap();
    pass_a_quarter(stack).await;
    sweep(stack).await;
    assert_eq!(account.count(&campaign, "sent").await, 4);
    for consumer in &crowd {
        let (visible, _) = on_screen(&world, &Device::iphone(consumer));
        assert_eq!(visible, 1);
    }
}

async fn kill_after_or_idle(stack: &local::Stack, calls: u64) {
    kill_after(stack, "sweep", calls).await;
}

async fn counts_are_whole(account: &Account<'_>, campaign: &str) {
    assert_eq!(account.counts(campaign).await["accepted"], 4);
}
