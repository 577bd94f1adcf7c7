//! P3, nobody harms another; P9, what cannot be handled reaches the dead letters and blocks nothing.

use super::{
    account::{Account, on_screen, tries},
    invariants::final_and_counted,
    system::{heal, pass, system},
};
use crate::parts::{Device, crowd};
use local::faults::{Fault, Rule};
use sandbox::Answer;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p3_one_device_that_always_breaks_harms_nobody_else() {
    let world = system(3).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    let poisons = [
        ("resets", Answer::reason(Answer::RESET)),
        ("goes", Answer::reason(Answer::GO_AWAY)),
        ("fails", Answer::reason("InternalServerError")),
        ("hangs", Answer::accept().after(Duration::from_hours(1))),
        (
            "puts-off",
            Answer::reason("TooManyRequests").retry_after("3600"),
        ),
    ];
    let mut all = crowd("c", 5);
    account.log_in_all(&all).await;
    for (id, poison) in &poisons {
        account.log_in_all(&[id]).await;
        stack
            .sandbox()
            .script(&Device::iphone(id).token, [poison.clone()]);
        all.push((*id).to_owned());
    }
    // One of them has another phone: their message is sent, whatever the first one does.
    let android = Device::android("fails");
    account.log_in("fails", &android).await.ok(200);

    let campaign = account.launch(&all, 1).await;
    stack.quiet().await.unwrap();
    for consumer in &all[..5] {
        assert_eq!(account.state(&campaign, consumer).await, "SENT");
        assert_eq!(
            on_screen(&world, &Device::iphone(consumer)),
            (1, 1),
            "at the first try"
        );
    }
    assert_eq!(account.state(&campaign, "fails").await, "SENT");
    assert_eq!(on_screen(&world, &android), (1, 1));
    for _ in 0..6 {
        pass(stack, Duration::from_mins(16)).await;
    }
    stack.settled().await.unwrap();
    final_and_counted(&account, &campaign).await;
    for (id, _) in &poisons {
        let told = account.history(&campaign, id).await;
        let over: &[_] = match *id {
            "fails" => &["SENT"],
            _ => &["FAILED", "EXPIRED"],
        };
        let state = told["state"].as_str().unwrap();
        assert!(over.contains(&state), "{told:#}");
        assert_eq!(on_screen(&world, &Device::iphone(id)), (0, 0), "{id}");
    }
    assert_eq!(tries(&world, &android), 1, "what took it is left alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p3_another_account_is_not_touched_by_one_whose_everything_fails() {
    let world = system(1).await;
    let stack = &world.stack;
    let (bad, good) = (
        Account::open(&world, "bad").await,
        Account::open(&world, "good").await,
    );
    let (victims, others) = (crowd("v", 5), crowd("o", 5));
    bad.log_in_all(&victims).await;
    good.log_in_all(&others).await;
    for consumer in &victims {
        let token = Device::iphone(consumer).token;
        stack
            .sandbox()
            .script(&token, [Answer::reason("InvalidProviderToken")]);
    }
    let refused = bad.launch(&victims, 1).await;
    let campaign = good.launch(&others, 1).await;
    stack.quiet().await.unwrap();
    assert_eq!(good.count(&campaign, "sent").await, 5);
    assert_eq!(
        bad.count(&refused, "queued").await,
        5,
        "somebody may mend it yet"
    );
    pass(stack, Duration::from_mins(59)).await;
    pass(stack, Duration::from_mins(16)).await;
    stack.settled().await.unwrap();
    assert_eq!(bad.count(&refused, "sent").await, 0);
    final_and_counted(&bad, &refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p9_a_job_that_fails_every_time_reaches_the_dead_letters_and_is_sent_once_put_back() {
    let world = system(1).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    let (queue, dead) = (
        stack.queue("SendQueue").unwrap(),
        stack.queue("SendDeadLetters").unwrap(),
    );
    account.log_in_all(&["ana", "ben"]).await;
    stack.faults().add(Rule {
        action: "dynamodb:UpdateItem".to_owned(),
        function: Some("send".to_owned()),
        after: 0,
        times: 5,
        fault: Fault::Failed,
    });
    let given_up = account.launch(&["ana"], 24).await;
    for _ in 0..5 {
        pass(stack, Duration::from_secs(121)).await;
    }
    assert!(stack.faults().are_spent());
    assert_eq!((queue.len(), dead.len()), (0, 1), "five tries");
    assert_eq!(
        account.count(&given_up, "queued").await,
        1,
        "it is not forgotten"
    );
    let next = account.launch(&["ben"], 24).await;
    stack.settled().await.unwrap();
    assert_eq!(
        account.state(&next, "ben").await,
        "SENT",
        "and blocks nothing"
    );

    heal(stack);
    let letters = dead.messages();
    dead.redrive_to(&queue);
    stack.settled().await.unwrap();
    assert_eq!(account.state(&given_up, "ana").await, "SENT");
    // Once more, as an operator may: nothing comes of it.
    for letter in letters {
        queue.push(letter.body);
    }
    stack.settled().await.unwrap();
    assert_eq!(on_screen(&world, &Device::iphone("ana")), (1, 1));
    final_and_counted(&account, &given_up).await;
}
