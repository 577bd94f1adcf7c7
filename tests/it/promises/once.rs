//! P2, one notification per message and device; P4, one campaign per idempotency key.

use super::{
    account::{Account, on_screen, tries},
    system::{heal, pass, pass_a_quarter, system},
};
use crate::{
    parts::{Device, crowd},
    world::{Answer as Response, PATIENCE, World, text},
};
use local::{
    faults::{Fault, Rule},
    mischief::Mischief,
};
use reqwest::Method;
use sandbox::Answer;
use serde_json::Value;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_a_push_whose_answer_is_lost_is_tried_again_and_seen_once() {
    let world = system(3).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    let devices = [Device::iphone("ana"), Device::android("ana")];
    for device in &devices {
        account.log_in("ana", device).await.ok(200);
        stack
            .sandbox()
            .script(&device.token, [Answer::reason(Answer::LOSE).times(2)]);
    }
    let campaign = account.launch(&["ana"], 24).await;
    for _ in 0..3 {
        pass(stack, Duration::from_mins(1)).await;
    }
    stack.settled().await.unwrap();
    assert_eq!(account.state(&campaign, "ana").await, "SENT");
    for device in &devices {
        assert_eq!(on_screen(&world, device), (1, 3), "{}", device.id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_messages_that_the_queue_repeats_five_times_are_sent_once() {
    let world = system(3).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    let crowd = crowd("c", 6);
    account.log_in_all(&crowd).await;
    let trouble = Mischief::seeded(2)
        .repeat(1.0, 5)
        .delay(0.5, Duration::from_secs(90));
    stack.queue("SendQueue").unwrap().faults(trouble.reorder());
    let campaign = account.launch(&crowd, 24).await;
    for _ in 0..4 {
        pass(stack, Duration::from_mins(1)).await;
    }
    stack.settled().await.unwrap();
    assert_eq!(account.count(&campaign, "sent").await, 6);
    for consumer in &crowd {
        assert_eq!(
            on_screen(&world, &Device::iphone(consumer)),
            (1, 1),
            "{consumer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_a_sender_killed_after_the_push_and_before_its_record_shows_it_once() {
    let world = system(1).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    account.log_in_all(&["ana"]).await;
    // The claim is the first, the record the second.
    let hangs = Rule {
        action: "dynamodb:UpdateItem".to_owned(),
        function: Some("send".to_owned()),
        after: 1,
        times: 1,
        fault: Fault::Hangs,
    };
    stack.faults().add(hangs);
    let campaign = account.launch(&["ana"], 24).await;
    assert!(stack.until(PATIENCE, |s| s.faults().are_spent()).await);
    let ana = Device::iphone("ana");
    assert_eq!(on_screen(&world, &ana), (1, 1), "it left");
    stack.kill("send").unwrap();
    heal(stack);
    pass(stack, Duration::from_secs(121)).await;
    stack.settled().await.unwrap();
    assert_eq!(account.state(&campaign, "ana").await, "SENT");
    assert_eq!(
        on_screen(&world, &ana),
        (1, 2),
        "handed over twice, seen once"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_a_device_that_took_it_is_left_alone_while_another_is_tried_again() {
    let world = system(3).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    let (iphone, android) = (Device::iphone("ana"), Device::android("ana"));
    for device in [&iphone, &android] {
        account.log_in("ana", device).await.ok(200);
    }
    stack
        .sandbox()
        .script(&android.token, [Answer::reason("UNAVAILABLE").times(3)]);
    let campaign = account.launch(&["ana"], 24).await;
    for _ in 0..4 {
        pass(stack, Duration::from_mins(1)).await;
    }
    stack.settled().await.unwrap();
    assert_eq!(account.state(&campaign, "ana").await, "SENT");
    assert_eq!(tries(&world, &iphone), 1);
    assert_eq!(
        (tries(&world, &android), on_screen(&world, &android)),
        (4, (1, 1))
    );
}

/// Posts the same campaign under the same key.
async fn post(account: &Account<'_>, key: &str, body: &Value) -> Response {
    let headers = [("idempotency-key", key)];
    account
        .admin()
        .send(Method::POST, "campaign", &headers, Some(body.clone()))
        .await
}

/// Every call fails in some way until the last; there is one campaign, and one push.
async fn sends_once(world: &World, name: &str, fault: Fault, after: u32) {
    let (stack, account) = (&world.stack, Account::open(world, name).await);
    account.log_in_all(&[name]).await;
    stack.settled().await.unwrap();
    stack.faults().add(Rule {
        action: "dynamodb:".to_owned(),
        function: Some("create-campaign".to_owned()),
        after,
        times: 2,
        fault,
    });
    let body = account.body(&[name], 24);
    let mut made = Vec::new();
    for _ in 0..3 {
        let together = tokio::join!(
            post(&account, "k-1", &body),
            post(&account, "k-1", &body),
            post(&account, "k-1", &body)
        );
        for answer in <[Response; 3]>::from(together) {
            match answer.status {
                202 => made.push(text(&answer.body["proactiveCampaignId"])),
                409 => drop(answer.problem(409, "IDEMPOTENCY_IN_FLIGHT")),
                // Whatever came of it, the same call may be made again.
                _ => {
                    let problem = answer.ok(503);
                    assert_eq!(problem["safeToResend"], true, "{problem:#}");
                }
            }
        }
    }
    heal(stack);
    let last = post(&account, "k-1", &body).await.ok(202);
    made.push(text(&last["proactiveCampaignId"]));
    made.dedup();
    assert_eq!(made.len(), 1, "{made:?}");
    stack.settled().await.unwrap();
    assert_eq!(account.state(&made[0], name).await, "SENT");
    assert_eq!(on_screen(world, &Device::iphone(name)), (1, 1));
    pass_a_quarter(stack).await;
    assert_eq!(on_screen(world, &Device::iphone(name)), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p4_the_same_key_sends_once_whatever_call_fails() {
    let world = system(1).await;
    for fault in [Fault::AnswerLost, Fault::Failed, Fault::Throttled] {
        for after in [0, 2, 4] {
            let name = format!("{fault:?}-{after}").to_lowercase();
            sends_once(&world, &name, fault, after).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p4_an_acceptance_whose_answer_is_lost_is_replayed() {
    for attempts in [1, 3] {
        let world = system(attempts).await;
        let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
        account.log_in_all(&["ana"]).await;
        let rule = Rule::once("dynamodb:TransactWriteItems", Fault::AnswerLost);
        stack.faults().add(rule);
        let body = account.body(&["ana"], 24);
        let first = post(&account, "k-1", &body).await;
        assert!(stack.faults().are_spent());
        // The SDK's own second attempt finds what the first one did.
        assert_eq!(
            first.status,
            if attempts == 1 { 503 } else { 202 },
            "{first:?}"
        );
        let again = post(&account, "k-1", &body).await;
        assert_eq!(again.header("idempotent-replayed"), "true");
        let campaign = text(&again.ok(202)["proactiveCampaignId"]);
        stack.settled().await.unwrap();
        assert_eq!(account.state(&campaign, "ana").await, "SENT");
        assert_eq!(on_screen(&world, &Device::iphone("ana")), (1, 1));
    }
}
