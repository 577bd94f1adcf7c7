//! P7, a push token has one owner; P8, it is dropped for the allowed reasons only.

use super::{
    account::{Account, on_screen, tries},
    system::{pass, system},
};
use crate::{
    parts::{Device, pushes_to},
    world::World,
};
use local::faults::{Fault, Rule};
use sandbox::{Answer, Device as Declared, Environment};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p7_a_push_token_that_two_consumers_log_in_with_again_and_again_has_one_owner() {
    let world = system(3).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    let mut phone = Device::iphone("phone");
    for round in 0..8 {
        // Faults between the reads and the transaction, too.
        stack.faults().add(Rule {
            action: "dynamodb:TransactWriteItems".to_owned(),
            function: Some("consumer".to_owned()),
            after: round % 3,
            times: 1,
            fault: if round % 2 == 0 {
                Fault::AnswerLost
            } else {
                Fault::Throttled
            },
        });
        let mut other = phone.clone();
        "other-id".clone_into(&mut other.id);
        let answers = tokio::join!(
            account.log_in("ana", &phone),
            account.log_in("ben", &phone),
            account.log_in("ana", &other),
            account.log_in("ben", &phone),
            account.log_in("ana", &phone),
        );
        for answer in <[_; 5]>::from(answers) {
            assert!([200, 503].contains(&answer.status), "{answer:?}");
        }
        stack.faults().clear();
        let owner = if round % 2 == 0 { "ana" } else { "ben" };
        account.log_in(owner, &phone).await.ok(200);
        only_the_owner_gets_it(&world, &account, &phone, owner).await;
        phone
            .token
            .replace_range(..1, if round % 2 == 0 { "a" } else { "b" });
    }
}

/// A message to both reaches the phone once: as the owner's.
async fn only_the_owner_gets_it(world: &World, account: &Account<'_>, phone: &Device, owner: &str) {
    let stack = &world.stack;
    stack.sandbox().clear_pushes();
    let campaign = account.launch(&["ana", "ben"], 24).await;
    stack.settled().await.unwrap();
    let states = account.states(&campaign).await;
    let other = if owner == "ana" { "ben" } else { "ana" };
    assert_eq!(
        pushes_to(stack, other).len(),
        0,
        "{other} lost it to {owner}"
    );
    assert_eq!(states[owner], "SENT", "{states:?}");
    assert_eq!(states[other], "FAILED", "{states:?}");
    assert_eq!(on_screen(world, phone), (1, 1), "of {owner}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p7_a_phone_that_changes_hands_while_its_message_waits_shows_nothing_of_the_old_owner() {
    let world = system(3).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    let phone = Device::iphone("phone");
    account.log_in("ana", &phone).await.ok(200);
    stack.sandbox().script(
        &phone.token,
        [Answer::reason("TooManyRequests").retry_after("600").once()],
    );
    let campaign = account.launch(&["ana"], 24).await;
    stack.quiet().await.unwrap();
    account.log_in("ben", &phone).await.ok(200);
    pass(stack, Duration::from_mins(16)).await;
    stack.settled().await.unwrap();
    assert_eq!(account.state(&campaign, "ana").await, "FAILED");
    assert_eq!(on_screen(&world, &phone), (0, 0));
}

/// How often each of two more messages reaches the device, once it has answered so.
async fn reached_after(account: &Account<'_>, device: &Device, answer: Answer) -> usize {
    let (world, owner) = (account.world, device.id.split('-').next().unwrap());
    let stack = &world.stack;
    account.log_in(owner, device).await.ok(200);
    stack.sandbox().script(&device.token, [answer.once()]);
    for _ in 0..3 {
        account.launch(&[owner], 24).await;
        stack.quiet().await.unwrap();
        pass(stack, Duration::from_mins(1)).await;
    }
    stack.settled().await.unwrap();
    assert!(tries(world, device) > 0);
    on_screen(world, device).0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p8_a_token_is_dropped_only_when_its_gateway_gave_it_up_for_good() {
    let world = system(3).await;
    let account = Account::open(&world, "acme").await;
    let now = world.stack.clock().now_ms();
    let gone = |millis| Answer::reason("Unregistered").timestamp(millis);
    let iphones = [
        ("gone", gone(now + 3_600_000), 0),
        ("bad", Answer::reason("BadDeviceToken"), 0),
        // All three messages come, the first one at its second try.
        ("came", gone(now - 3_600_000), 3),
        ("late", Answer::reason("TooManyRequests"), 3),
        ("broken", Answer::reason("InternalServerError"), 3),
        // The refused message is not sent again; the device stays.
        ("large", Answer::reason("PayloadTooLarge"), 2),
        ("topic", Answer::reason("DeviceTokenNotForTopic"), 2),
        ("expired", Answer::reason("ExpiredToken"), 2),
    ];
    for (id, answer, reached) in iphones {
        let device = Device::iphone(id);
        assert_eq!(
            reached_after(&account, &device, answer).await,
            reached,
            "{id}"
        );
    }
    let androids = [
        ("a1", Answer::reason("UNREGISTERED"), 0),
        ("a2", Answer::reason("INVALID_ARGUMENT"), 2),
        ("a3", Answer::reason("SENDER_ID_MISMATCH"), 2),
        ("a4", Answer::reason("UNAVAILABLE"), 3),
        ("a5", Answer::reason("NOT_FOUND"), 3),
    ];
    for (id, answer, reached) in androids {
        let device = Device::android(id);
        assert_eq!(
            reached_after(&account, &device, answer).await,
            reached,
            "{id}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p8_a_token_is_asked_about_in_its_own_environment_only() {
    let world = system(3).await;
    let account = Account::open(&world, "acme").await;
    let (stack, phone) = (&world.stack, Device::iphone("dev"));
    let development = Declared {
        environment: Some(Environment::Development),
        ..Declared::default()
    };
    stack.sandbox().declare(&phone.token, development);
    let mut body = phone.body();
    body["environment"] = "sandbox".into();
    let path = format!("me/devices/{}", phone.id);
    account.consumer("dev").put(&path, body).await.ok(200);
    for _ in 0..2 {
        account.launch(&["dev"], 24).await;
    }
    stack.settled().await.unwrap();
    // Production would have said `BadDeviceToken`, and the device would be gone.
    assert_eq!(on_screen(&world, &phone), (2, 2));
    let elsewhere = |push: &sandbox::Push| push.environment != Some(Environment::Development);
    assert!(!stack.sandbox().pushes().iter().any(elsewhere));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p8_a_device_that_logs_in_again_while_its_gateway_gives_it_up_stays() {
    let world = system(3).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    account.log_in_all(&["ana"]).await;
    let ana = Device::iphone("ana");
    let gone = Answer::reason("BadDeviceToken").after(Duration::from_millis(500));
    stack.sandbox().script(&ana.token, [gone.once()]);
    // The sender is about to drop it when the consumer opens the app.
    stack.faults().add(Rule {
        action: "dynamodb:TransactWriteItems".to_owned(),
        function: Some("send".to_owned()),
        after: 0,
        times: 1,
        fault: Fault::Slow(Duration::from_secs(1)),
    });
    account.launch(&["ana"], 24).await;
    let dropping = |s: &local::Stack| s.faults().are_spent();
    assert!(stack.until(crate::world::PATIENCE, dropping).await);
    account.log_in_all(&["ana"]).await;
    stack.settled().await.unwrap();
    account.launch(&["ana"], 24).await;
    stack.settled().await.unwrap();
    assert_eq!(on_screen(&world, &ana), (1, 1));
}
