//! A consumer writes, or their conversation closes, at every await of the sender, for each policy.
//!
//! The sender stands still, or dies, after so many steps, and what else happens comes in between:
//! at once, or itself in the middle of what the sender does next. Whatever the order, a message has
//! one outcome, shows once, and never stays behind.

use crate::world::{World, add_up, secs, token};
use domain::{
    access::Role,
    campaign::{Accepted, OpenConversation},
    conversation::{Kind, ReadConversation, ReadStanding},
    dispatch::Announcement,
    dispatch::Job,
    failure::Failure,
    id::ConversationId,
    message::State,
    push::Custom,
    reply::{Reply, reply},
    send::CLAIM,
    sweep::{FIRST_LOOK, sweep},
};
use std::{collections::BTreeSet, future::Future, pin::pin};
use testkit::contract::sample;

const POLICIES: [OpenConversation; 3] = [
    OpenConversation::Fail,
    OpenConversation::Append,
    OpenConversation::Hold,
];

/// More awaits than anything has.
const MOST: u32 = 60;

/// What happens while a message is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meanwhile {
    /// The consumer writes, which opens a conversation.
    Write,
    /// Their conversation closes.
    Close,
    /// They write, and what that opened closes.
    WriteAndClose,
    /// Their conversation closes, and they write again.
    CloseAndWrite,
}

const MEANWHILE: [Meanwhile; 4] = [
    Meanwhile::Write,
    Meanwhile::Close,
    Meanwhile::WriteAndClose,
    Meanwhile::CloseAndWrite,
];

#[tokio::test]
async fn whatever_comes_between_two_steps_of_the_sender_a_message_has_one_outcome() {
    for policy in POLICIES {
        for meanwhile in MEANWHILE {
            for step in 0..MOST {
                let race = Race::new(policy, meanwhile).await;
                if Box::pin(race.between(step)).await {
                    break;
                }
                assert!(step + 1 < MOST, "the sender ends");
            }
        }
    }
}

#[tokio::test]
async fn whatever_runs_beside_the_sender_a_message_has_one_outcome() {
    for policy in POLICIES {
        for meanwhile in MEANWHILE {
            for step in 0..MOST {
                let (mut sent, mut done) = (false, false);
                for other in 1..MOST {
                    let race = Race::new(policy, meanwhile).await;
                    (sent, done) = Box::pin(race.beside(step, other)).await;
                    if done {
                        break;
                    }
                }
                assert!(done, "{meanwhile:?} ends");
                if sent {
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_sender_that_dies_before_the_consumer_acts_has_a_successor_that_ends_it() {
    for policy in POLICIES {
        for meanwhile in MEANWHILE {
            for step in 0..MOST {
                let race = Race::new(policy, meanwhile).await;
                if race.dies(step).await {
                    break;
                }
                assert!(step + 1 < MOST, "the sender ends");
            }
        }
    }
}

/// A message on its way, and what happens meanwhile.
struct Race {
    world: World,
    accepted: Accepted,
    job: Job,
    policy: OpenConversation,
    meanwhile: Meanwhile,
}

impl Race {
    async fn new(policy: OpenConversation, meanwhile: Meanwhile) -> Self {
        let world = World::new().await;
        world.log_in("ana", "t1").await;
        if matches!(meanwhile, Meanwhile::Close | Meanwhile::CloseAndWrite) {
            world.reply("ana", "Hi").await;
        }
        world.clock.advance(secs(1));
        let accepted = world.campaign_with(&["ana"], policy).await;
        let job = world.queue.take_jobs().remove(0);
        Self {
            world,
            accepted,
            job,
            policy,
            meanwhile,
        }
    }

    /// The sender stands still after so many steps while it happens, all at once; whether the
    /// sender was through before.
    async fn between(self, step: u32) -> bool {
        let mut sender = pin!(self.world.send(self.job.clone()));
        let sent = within(step, &mut sender).await;
        self.happen().await;
        let through = sent.is_some();
        match sent {
            Some(sent) => sent.unwrap(),
            None => sender.await.unwrap(),
        };
        self.check(&format!("{step} steps before"), false).await;
        through
    }

    /// As before, but what happens stands still after `other` steps until the sender is through.
    /// Whether the sender, and what happens, were through before.
    async fn beside(self, step: u32, other: u32) -> (bool, bool) {
        let mut sender = pin!(self.world.send(self.job.clone()));
        let sent = within(step, &mut sender).await;
        let mut happens = pin!(self.happen());
        let done = within(other, &mut happens).await.is_some();
        if sent.is_none() {
            sender.await.unwrap();
        }
        if !done {
            happens.await;
        }
        self.check(&format!("{step} steps before, {other} of them"), false)
            .await;
        (sent.is_some(), done)
    }

    /// The sender dies after so many steps, then it happens, and the queue gives the job again;
    /// whether the sender was through before.
    async fn dies(self, step: u32) -> bool {
        let sent = {
            let mut sender = pin!(self.world.send(self.job.clone()));
            within(step, &mut sender).await
        };
        self.happen().await;
        self.world.clock.advance(CLAIM);
        self.world.send(self.job.clone()).await.unwrap();
        self.check(&format!("death after {step} steps"), true).await;
        sent.is_some()
    }

    async fn happen(&self) {
        match self.meanwhile {
            Meanwhile::Write => self.write().await,
            Meanwhile::Close => self.close().await,
            Meanwhile::WriteAndClose => {
                self.write().await;
                self.close().await;
            }
            Meanwhile::CloseAndWrite => {
                self.close().await;
                self.write().await;
            }
        }
    }

    async fn write(&self) {
        let said = Reply {
            text: "Hello?".into(),
            message: None,
            client_message: None,
        };
        let ana = self.world.consumer("ana");
        reply(&self.world.store, &self.world.clock, &ana, &said)
            .await
            .unwrap();
        self.world.pump().await;
    }

    async fn close(&self) {
        let Some(open) = self.open().await else {
            return;
        };
        let admin = self.world.staff("root", Role::Admin, &[]);
        domain::agent::close(&self.world.store, &self.world.clock, &admin, open)
            .await
            .unwrap();
        self.world.pump().await;
    }

    async fn open(&self) -> Option<ConversationId> {
        let ana = sample::consumer("ana");
        let standing = self.world.store.standing(&self.world.account, &ana).await;
        standing.unwrap().conversation
    }

    /// Lets everything come to rest, and looks at what became of the message. What a sender did
    /// that died nobody was told.
    async fn check(&self, when: &str, died: bool) {
        let (world, what) = (
            &self.world,
            format!("{:?}, {:?}, {when}", self.policy, self.meanwhile),
        );
        self.rest().await;
        let state = world.message(&self.accepted, "ana").await.state();
        let open = self.open().await.is_some();
        assert!(
            state != State::Held || open && self.policy == OpenConversation::Hold,
            "{what}: held, though nothing holds it"
        );
        self.close().await;
        self.rest().await;
        let message = world.message(&self.accepted, "ana").await;
        let seen = self.seen();
        match message.state() {
            State::Sent | State::Responded => {}
            State::Failed => {
                assert_eq!(self.policy, OpenConversation::Fail, "{what}");
                assert_eq!(message.failure, Some(Failure::OpenConversation), "{what}");
                assert!(died || seen.is_empty(), "{what}: {seen:?}");
            }
            state => panic!("{what}: {state:?}"),
        }
        assert!(seen.len() <= 1, "{what}: {seen:?} {:#?}", message.timeline);
        let outcomes = |name: &str| message.timeline.iter().filter(|e| e.event == name).count();
        let (sent, appended) = (outcomes("SENT"), outcomes("APPENDED"));
        let failed = outcomes("FAILED");
        assert_eq!(
            sent + appended + failed,
            1,
            "{what}: {:#?}",
            message.timeline
        );
        let posted = self.appended().await;
        assert!(
            posted == appended || died && appended == 0 && posted == 1,
            "{what}: posted {posted} times"
        );
        let counts = world.counts(&self.accepted).await;
        assert!(add_up(&counts), "{what}: {counts:?}");
        assert_eq!(counts.queued + counts.sending + counts.held, 0, "{what}");
    }

    /// Time passes, the queue gives what waits, and the sweep finds what does not.
    async fn rest(&self) {
        let world = &self.world;
        world.run_for(secs(300)).await;
        for _ in 0..2 {
            world.clock.advance(FIRST_LOOK);
            let (store, queue, clock) = (&world.store, &world.queue, &world.clock);
            sweep(store, queue, clock).await.unwrap();
            world.run().await;
        }
    }

    /// What Ana's phone shows of the campaign: its own notification, or the chat's of the same
    /// text.
    fn seen(&self) -> BTreeSet<String> {
        let taken = self.world.gateways.taken(&token("t1")).into_iter();
        taken
            .filter(|n| matches!(n.custom, Custom::Proactive { .. }) || n.body == "Hello ana")
            .map(|n| n.collapse_id)
            .collect()
    }

    /// How often the message was posted into a conversation that did not begin with it.
    async fn appended(&self) -> usize {
        let told = self.world.topic.take().into_iter();
        let all: BTreeSet<_> = told
            .filter_map(|told| match told {
                Announcement::Conversation(event) => Some(event.conversation_id),
                Announcement::App(_) | Announcement::Webhook(_) => None,
            })
            .collect();
        let mut count = 0;
        for id in all {
            let store = &self.world.store;
            let conversation = store.conversation(&self.world.account, id).await.unwrap();
            let began_with_it = conversation.unwrap().campaign.is_some();
            let transcript = self.world.transcript(id).await;
            let proactive = transcript.iter().filter(|e| e.kind == Kind::Proactive);
            count += proactive.count() - usize::from(began_with_it);
        }
        count
    }
}

/// What the future comes to within so many steps.
async fn within<F: Future + Unpin>(steps: u32, future: &mut F) -> Option<F::Output> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = async {
            for _ in 0..steps {
                tokio::task::yield_now().await;
            }
        } => None,
    }
}
