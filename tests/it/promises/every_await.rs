//! A function that is killed, or whose call fails, at every await there is, one after the other.
//!
//! For n = 0, 1, 2, … a message is sent while the n-th call that the function makes to AWS never
//! comes back (and the function is killed there), or is done and answered with an error. That
//! goes on until a message gets through without an n-th call. The SDK makes one attempt, so that
//! n counts awaits of ours.

use super::{
    account::{Account, on_screen, tries},
    invariants::{final_and_counted, shown_once_and_in_time, totals_are_sums},
    system::{heal, pass, sweep, system},
};
use crate::{
    parts::Device,
    world::{PATIENCE, World},
};
use local::{
    Stack,
    faults::{Fault, Rule},
};
use sandbox::Answer;
use std::time::Duration;

/// What becomes of a message's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// It goes out at the first try.
    Plain,
    /// The gateway puts it off once.
    PutOff,
    /// One of two devices is gone.
    OneGone,
    /// It waits for a conversation that is closed after a while.
    Held,
    /// It is posted into a conversation.
    Appended,
    /// The consumer writes while the sender stands still; the message is to be appended.
    WrittenAppended,
    /// Likewise; the message is to be held, and the conversation is closed after a while.
    WrittenHeld,
}

impl Course {
    /// Whether the consumer writes while the message is being sent.
    fn is_written(self) -> bool {
        matches!(self, Self::WrittenAppended | Self::WrittenHeld)
    }
}

/// The most calls that anything takes.
const MOST: u32 = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_killed_at_any_call_sends_once() {
    let world = system(1).await;
    for course in [Course::Plain, Course::PutOff, Course::OneGone] {
        at_every_call(&world, "send", course, Fault::Hangs).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_killed_at_any_call_holds_and_appends_once() {
    let world = system(1).await;
    for course in [Course::Held, Course::Appended] {
        at_every_call(&world, "send", course, Fault::Hangs).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_killed_at_any_call_once_the_consumer_wrote_shows_the_message_once() {
    let world = system(1).await;
    for course in [Course::WrittenAppended, Course::WrittenHeld] {
        at_every_call(&world, "send", course, Fault::Hangs).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_loses_any_answer_sends_once() {
    let world = system(1).await;
    for course in [Course::Plain, Course::PutOff, Course::OneGone] {
        at_every_call(&world, "send", course, Fault::AnswerLost).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_loses_any_answer_holds_and_appends_once() {
    let world = system(1).await;
    for course in [Course::Held, Course::Appended] {
        at_every_call(&world, "send", course, Fault::AnswerLost).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outbox_killed_or_answered_badly_at_any_call_loses_nothing() {
    let world = system(1).await;
    for fault in [Fault::Hangs, Fault::AnswerLost, Fault::Failed] {
        at_every_call(&world, "dispatch", Course::Plain, fault).await;
        at_every_call(&world, "dispatch", Course::Held, fault).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_killed_or_answered_badly_at_any_call_counts_once() {
    let world = system(1).await;
    for fault in [Fault::Hangs, Fault::AnswerLost, Fault::Failed] {
        at_every_call(&world, "tally", Course::Plain, fault).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_killed_while_a_gateway_thinks_sends_once() {
    let world = system(1).await;
    let (stack, account) = (&world.stack, Account::open(&world, "acme").await);
    let (iphone, android) = (Device::iphone("ana"), Device::android("ana"));
    for device in [&iphone, &android] {
        account.log_in("ana", device).await.ok(200);
    }
    let slow = Answer::accept().after(Duration::from_hours(1));
    stack.sandbox().script(&iphone.token, [slow]);
    let campaign = account.launch(&["ana"], 24).await;
    // Both are asked at once; Google, who gives a token first, takes it while Apple thinks.
    stack.sandbox().wait_for_count(1, PATIENCE).await.unwrap();
    stack.kill("send").unwrap();
    stack.sandbox().forget(&iphone.token);
    for _ in 0..5 {
        pass(stack, Duration::from_secs(121)).await;
        if account.count(&campaign, "sent").await == 1 {
            break;
        }
    }
    assert_eq!(account.state(&campaign, "ana").await, "SENT");
    assert_eq!(on_screen(&world, &iphone).0, 1);
    assert_eq!(on_screen(&world, &android).0, 1);
}

/// Sends messages, each with the next call of the function struck, until there is none to strike.
async fn at_every_call(world: &World, function: &'static str, course: Course, fault: Fault) {
    let name = format!("{function}-{course:?}-{fault:?}").to_lowercase();
    let account = Account::open(world, &name).await;
    let since = world.stack.clock().now_ms() - 1000;
    let mut campaigns = Vec::new();
    for n in 0..MOST {
        let message = Message {
            account: &account,
            consumer: format!("{name}-{n}"),
            course,
        };
        let rule = Rule {
            action: String::new(),
            function: Some(function.to_owned()),
            after: n,
            times: 1,
            fault,
        };
        let (campaign, struck) = message.send(function, rule).await;
        message.check(&campaign, n).await;
        campaigns.push(campaign);
        if !struck {
            assert!(n > 1, "{name} makes calls");
            totals_are_sums(&account, &campaigns, since).await;
            return;
        }
    }
    panic!("{name} makes more than {MOST} calls");
}

/// A message to a consumer of its own.
struct Message<'a> {
    account: &'a Account<'a>,
    consumer: String,
    course: Course,
}

impl Message<'_> {
    /// Sends it with the rule in force, and brings it to its end; whether the rule struck.
    async fn send(&self, function: &str, rule: Rule) -> (String, bool) {
        let (account, stack) = (self.account, &self.account.world.stack);
        let consumer = &self.consumer;
        let mut hanging = (rule.fault == Fault::Hangs).then_some(function);
        self.log_in().await;
        let written = self.course.is_written();
        let mut open = match self.course {
            Course::Held | Course::Appended => Some(account.write(consumer).await),
            _ => None,
        };
        stack.settled().await.unwrap();
        stack.kill(function).unwrap();
        stack.faults().add(rule);
        let policy = match self.course {
            Course::Appended | Course::WrittenAppended => "append",
            _ => "hold",
        };
        let campaign = account.launch_as(&[consumer], 24, policy).await;
        if written {
            tokio::select! {
                biased;
                struck = stack.until(PATIENCE, |s| s.faults().are_spent()) => assert!(struck),
                quiet = stack.quiet() => quiet.unwrap(),
            }
            open = Some(account.write(consumer).await);
        }
        come_to_rest(stack, &mut hanging).await;
        if let (Course::Held | Course::WrittenHeld, Some(open)) = (self.course, &open) {
            if written {
                // The successor, which waits for the claim to run out, finds it still open.
                stack.advance(Duration::from_secs(121)).await;
                come_to_rest(stack, &mut hanging).await;
            }
            account.close(open).await;
            come_to_rest(stack, &mut hanging).await;
        }
        // With patience for what comes later: from the queue first, then by the sweep.
        let queue = stack.queue("SendQueue").unwrap();
        for round in 0..12 {
            if account.count(&campaign, "sent").await == 1 && queue.is_empty() {
                break;
            }
            let sweeps = round >= 6;
            let wait = if sweeps { 16 * 60 } else { 61 };
            stack.advance(Duration::from_secs(wait)).await;
            come_to_rest(stack, &mut hanging).await;
            if sweeps {
                sweep(stack).await;
            }
        }
        let struck = stack.faults().are_spent();
        heal(stack);
        stack.settled().await.unwrap();
        (campaign, struck)
    }

    async fn log_in(&self) {
        let (account, sandbox) = (self.account, self.account.world.stack.sandbox());
        account.log_in_all(&[&self.consumer]).await;
        let iphone = Device::iphone(&self.consumer);
        match self.course {
            Course::PutOff => {
                sandbox.script(
                    &iphone.token,
                    [Answer::reason("InternalServerError").once()],
                );
            }
            Course::OneGone => {
                let android = Device::android(&self.consumer);
                account.log_in(&self.consumer, &android).await.ok(200);
                sandbox.script(&android.token, [Answer::reason("UNREGISTERED")]);
            }
            _ => {}
        }
    }

    async fn check(&self, campaign: &str, n: u32) {
        let (account, world) = (self.account, self.account.world);
        let what = format!("{} with call {n} struck", self.consumer);
        let history = account.history(campaign, &self.consumer).await;
        let state = history["state"].as_str().unwrap();
        let responded = self.course.is_written() && state == "RESPONDED";
        assert!(state == "SENT" || responded, "{what}: {history:#}");
        final_and_counted(account, campaign).await;
        shown_once_and_in_time(world);
        let (visible, _) = on_screen(world, &Device::iphone(&self.consumer));
        assert_eq!(visible, 1, "{what}: {history:#}");
        if matches!(self.course, Course::Appended | Course::WrittenAppended) {
            let chat = account
                .consumer(&self.consumer)
                .get("me/conversation")
                .await;
            let chat = chat.ok(200)["messages"].to_string();
            assert_eq!(chat.matches("\"proactive\"").count(), 1, "{what}: {chat}");
        }
        if self.course == Course::OneGone {
            let android = Device::android(&self.consumer);
            assert!(tries(world, &android) > 0, "{what}");
            assert_eq!(on_screen(world, &android), (0, 0), "{what}");
        }
    }
}

/// Waits until everything that can be done now is done. A function that hangs is killed.
async fn come_to_rest(stack: &Stack, hanging: &mut Option<&str>) {
    if let Some(function) = *hanging {
        tokio::select! {
            biased;
            struck = stack.until(PATIENCE, |s| s.faults().are_spent()) => {
                assert!(struck);
                stack.kill(function).unwrap();
                *hanging = None;
            }
            quiet = stack.quiet() => quiet.unwrap(),
        }
    }
    stack.quiet().await.unwrap();
}
