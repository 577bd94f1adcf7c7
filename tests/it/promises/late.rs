//! P5, nothing is shown after the lookback; P6, a gateway that is down for hours loses nothing.

use super::{
    account::{Account, on_screen},
    invariants::{final_and_counted, shown_once_and_in_time},
    system::{heal, pass, pass_a_quarter, sweep, system},
};
use crate::parts::{Device, crowd, custom};
use local::mischief::Mischief;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p5_a_message_that_the_queue_kept_past_its_lookback_expires() {
    let world = system(1).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    let crowd = crowd("c", 4);
    account.log_in_all(&crowd).await;
    let slow = Mischief::seeded(5)
        .delay(1.0, Duration::from_hours(40))
        .repeat(1.0, 2);
    stack.queue("SendQueue").unwrap().faults(slow);
    let campaign = account.launch(&crowd, 1).await;
    stack.quiet().await.unwrap();
    pass(stack, Duration::from_mins(61)).await;
    let sent = account.count(&campaign, "sent").await;
    let pushes = stack.sandbox().pushes().len();
    heal(stack);
    sweep(stack).await;
    pass(stack, Duration::from_hours(40)).await;
    stack.settled().await.unwrap();
    assert_eq!(account.count(&campaign, "expired").await, 4 - sent);
    assert_eq!(
        stack.sandbox().pushes().len(),
        pushes,
        "nothing was even tried"
    );
    final_and_counted(&account, &campaign).await;
    shown_once_and_in_time(&world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p5_a_message_held_past_its_lookback_is_not_sent_when_the_conversation_closes() {
    let world = system(1).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    account.log_in_all(&["ana", "ben"]).await;
    let ana = account.write("ana").await;
    let ben = account.write("ben").await;
    let campaign = account.launch_as(&["ana", "ben"], 1, "hold").await;
    stack.settled().await.unwrap();
    assert_eq!(account.count(&campaign, "held").await, 2);
    pass(stack, Duration::from_mins(61)).await;
    // The one is closed before the sweep comes, the other after.
    account.close(&ana).await;
    stack.settled().await.unwrap();
    sweep(stack).await;
    account.close(&ben).await;
    stack.settled().await.unwrap();
    assert_eq!(account.count(&campaign, "expired").await, 2);
    final_and_counted(&account, &campaign).await;
    assert!(
        stack.sandbox().pushes().is_empty(),
        "{:#?}",
        stack.sandbox().pushes()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p5_nothing_arrives_when_a_gateway_comes_back_after_the_lookback() {
    let world = system(1).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    let crowd = crowd("c", 4);
    account.log_in_all(&crowd).await;
    stack.sandbox().set_apns_reachable(false);
    let campaign = account.launch(&crowd, 1).await;
    for _ in 0..5 {
        pass_a_quarter(stack).await;
    }
    stack.settled().await.unwrap();
    final_and_counted(&account, &campaign).await;
    assert_eq!(account.count(&campaign, "sent").await, 0);
    heal(stack);
    for _ in 0..3 {
        pass_a_quarter(stack).await;
    }
    stack.settled().await.unwrap();
    assert!(
        stack.sandbox().pushes().is_empty(),
        "{:#?}",
        stack.sandbox().pushes()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p6_gateways_that_are_down_for_hours_lose_and_repeat_nothing() {
    let world = system(1).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    let crowd = crowd("c", 20);
    for (n, consumer) in crowd.iter().enumerate() {
        let device = if n % 2 == 0 {
            Device::iphone(consumer)
        } else {
            Device::android(consumer)
        };
        account.log_in(consumer, &device).await.ok(200);
    }
    stack.sandbox().set_apns_reachable(false);
    stack.sandbox().set_fcm_reachable(false);
    let campaign = account.launch(&crowd, 24).await;
    for _ in 0..30 {
        pass_a_quarter(stack).await;
        assert_eq!(
            account.under_way(&campaign).await,
            20,
            "after eight hours, too"
        );
    }
    assert!(
        stack.queue("SendDeadLetters").unwrap().is_empty(),
        "an outage kills no message"
    );
    heal(stack);
    for _ in 0..4 {
        pass_a_quarter(stack).await;
    }
    stack.settled().await.unwrap();
    assert_eq!(account.count(&campaign, "sent").await, 20);
    final_and_counted(&account, &campaign).await;
    let pushes = stack.sandbox().pushes();
    assert_eq!(pushes.len(), 20, "each once");
    for consumer in &crowd {
        assert!(
            pushes
                .iter()
                .any(|push| custom(push, "externalConsumerId") == *consumer)
        );
        let history = account.history(&campaign, consumer).await.to_string();
        assert!(
            history.len() < 4096,
            "hours of tries leave a short history: {history}"
        );
    }
    assert_eq!(on_screen(&world, &Device::iphone(&crowd[0])), (1, 1));
}
