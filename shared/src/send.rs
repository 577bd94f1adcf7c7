//! The sender: one message to one consumer, claimed before it leaves, recorded after.
//!
//! A claim says "attempt n is mine until then"; nobody else sends meanwhile. What the
//! gateways answer is recorded after the attempt. When a sender dies in between, its claim
//! runs out and the next one tries again under the same collapse id, so that a device
//! shows one notification however often it was handed over.

mod answer;
mod chat;
mod devices;

pub use answer::backoff;
pub use chat::CHAT_LIFE;

use crate::{
    account::{ReadApps, ReadSettings, Service},
    breaker::{Pauses, Recent},
    campaign::{OpenConversation, ReadCampaigns},
    clock::Clock,
    conversation::{
        AddEntries, Added, Author, Entry, Kind, Posted, ReadConversation, ReadStanding,
    },
    device::DeadDevices,
    dispatch::{Delayed, Enqueue, Holds, Job, MessageJob, release},
    failure::Failure,
    handoff::Rendered,
    id::{CampaignId, ConversationId, DeviceId, EntryId},
    message::{Event, Message, MessageKey},
    pace::{self, Pacer},
    push::Push,
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeSet, future::Future, time::Duration};

/// How long a claim holds. Longer than any attempt takes; shorter than the queue takes to
/// give a message to another.
pub const CLAIM: SignedDuration = SignedDuration::from_secs(30);

/// How long a message of a paused account waits before it is looked at again.
pub const PUT_OFF: SignedDuration = SignedDuration::from_mins(5);

/// What asking for a message led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is the caller's until the claim runs out.
    Granted(Before),
    /// Somebody else has it.
    Busy,
    /// It waits for a later attempt, not before then.
    Moved {
        /// The attempt.
        attempt: u32,
        /// Not before.
        not_before: Timestamp,
    },
    /// There is nothing more to do.
    Settled,
}

/// What the attempts before came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The devices that took it.
    pub taken: BTreeSet<DeviceId>,
    /// Whether a device reported it, which proves that one has it.
    pub reported: bool,
    /// Whether the consumer replied to it.
    pub answered: bool,
    /// What kept it from leaving the last time.
    pub trouble: Option<Failure>,
}

impl Before {
    /// What the attempts before made of a message.
    #[must_use]
    pub fn of(message: Message) -> Self {
        Self {
            reported: message.delivered_at.is_some(),
            answered: message.responded_at.is_some(),
            trouble: message.trouble,
            taken: message.taken,
        }
    }

    /// Whether it left, for one device at least.
    pub(crate) fn has_left(&self) -> bool {
        !self.taken.is_empty() || self.reported || self.answered
    }
}

/// What one attempt changed of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What the consumer is shown, if it was found out.
    pub rendered: Option<Rendered>,
    /// The devices that took it this time.
    pub taken: BTreeSet<DeviceId>,
    /// How it goes on.
    pub next: Next,
    /// What to add to its history.
    pub events: Vec<Event>,
    /// When.
    pub at: Timestamp,
}

/// How a message goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// It left; nothing more to do.
    Sent,
    /// It failed for good.
    Failed(Failure),
    /// Its lookback ended, and what had kept it from leaving, if it was tried.
    Expired(Option<Failure>),
    /// Its campaign was cancelled.
    Cancelled,
    /// It waits for the conversation to close.
    Held,
    /// It is tried again.
    Again {
        /// The attempt.
        attempt: u32,
        /// Not before.
        not_before: Timestamp,
        /// What keeps it from leaving.
        trouble: Failure,
    },
}

/// Keeps messages while they are sent.
pub trait Claims: Send + Sync {
    /// Claims the job's attempt of its message from `now` until `until`, in one write. The
    /// message keeps the job's origin.
    ///
    /// MUST grant it to one caller at a time: when the message does not exist yet, when it
    /// is queued for this attempt, or when the claim of this or an earlier attempt ran out.
    fn claim(
        &self,
        job: &MessageJob,
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<Claim, Unavailable>> + Send;

    /// Records what the attempt changed, if the claim of `attempt` still stands; whether it
    /// did.
    fn record(
        &self,
        key: &MessageKey,
        attempt: u32,
        outcome: &Attempt,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}

/// All that the sender keeps and reads.
pub trait SendStore:
    Claims
    + ReadCampaigns
    + ReadStanding
    + ReadApps
    + ReadSettings
    + ReadConversation
    + AddEntries
    + DeadDevices
    + Holds
    + Pacer
    + Pauses
{
}

impl<S> SendStore for S where
    S: Claims
        + ReadCampaigns
        + ReadStanding
        + ReadApps
        + ReadSettings
        + ReadConversation
        + AddEntries
        + DeadDevices
        + Holds
        + Pacer
        + Pauses
{
}

/// What happened to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// The queue can forget it.
    Through,
    /// The queue must give it again later: somebody else is at it.
    NotYet,
}

/// What doing a job came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// What the queue is to do with it.
    pub done: Done,
    /// What was recorded of a campaign's message, for those who measure: once for each attempt.
    pub recorded: Option<Recorded>,
}

/// An attempt at a campaign's message that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Which message.
    pub key: MessageKey,
    /// Its campaign.
    pub campaign: CampaignId,
    /// Whether it left with this attempt, and with none before.
    pub left: bool,
    /// How it goes on.
    pub next: Next,
    /// When.
    pub at: Timestamp,
    /// How long after its slot the attempt began.
    pub late: Duration,
}

impl From<Done> for Handled {
    fn from(done: Done) -> Self {
        let recorded = None;
        Self { done, recorded }
    }
}

/// Does one job. `recent` is what this process saw of the gateways so far.
///
/// # Errors
/// When a port fails; the queue gives the job again.
pub async fn send(
    store: &impl SendStore,
    queue: &impl Enqueue,
    gateways: &impl Push,
    clock: &impl Clock,
    recent: &Recent,
    job: Job,
) -> Result<Handled, Unavailable> {
    let sender = Sender {
        store,
        queue,
        gateways,
        clock,
        recent,
    };
    let service = store.settings(job.account()).await?.service;
    if service == Service::Ended {
        // Nothing is written of an account whose items are being removed.
        return Ok(Done::Through.into());
    }
    match job {
        Job::Message(job) => sender.message(job, service == Service::Paused).await,
        Job::Chat(job) => sender.chat(job).await.map(Handled::from),
    }
}

struct Sender<'a, S, Q, P, C> {
    store: &'a S,
    queue: &'a Q,
    gateways: &'a P,
    clock: &'a C,
    recent: &'a Recent,
}

impl<S, Q, P, C> Sender<'_, S, Q, P, C>
where
    S: SendStore,
    Q: Enqueue,
    P: Push,
    C: Clock,
{
    /// `paused` says that the account is.
    async fn message(&self, job: MessageJob, paused: bool) -> Result<Handled, Unavailable> {
        let now = self.clock.now();
        if paused && now < job.lookback_ends_at {
            let (attempt, ends) = (job.attempt, job.lookback_ends_at);
            let job = job.again(attempt, (now + PUT_OFF).min(ends));
            self.queue.enqueue(&[Delayed::until_due(job, now)]).await?;
            return Ok(Done::Through.into());
        }
        let Some(job) = self.in_its_turn(job, now).await? else {
            return Ok(Done::Through.into());
        };
        let until = now.checked_add(CLAIM).unwrap_or(now);
        match self.store.claim(&job, now, until).await? {
            Claim::Settled => Ok(Done::Through.into()),
            Claim::Busy => Ok(Done::NotYet.into()),
            // The sender before died after it recorded and before it queued.
            Claim::Moved {
                attempt,
                not_before,
            } => {
                let job = job.again(attempt, not_before);
                self.queue.enqueue(&[Delayed::until_due(job, now)]).await?;
                Ok(Done::Through.into())
            }
            Claim::Granted(mut before) => {
                if paused {
                    before.trouble = Some(Failure::AccountPaused);
                }
                let mut outcome = self.attempt(&job, &before).await?;
                if before.has_left() {
                    outcome = stays_sent(outcome);
                }
                let late = now.duration_since(job.not_before);
                let told = Recorded {
                    key: job.key.clone(),
                    campaign: job.place.campaign.clone(),
                    left: before.taken.is_empty()
                        && (outcome.next == Next::Sent || !outcome.taken.is_empty()),
                    next: outcome.next.clone(),
                    at: outcome.at,
                    late: Duration::try_from(late).unwrap_or_default(),
                };
                let stands = self.finish(job, outcome).await?;
                Ok(Handled {
                    done: Done::Through,
                    recorded: stands.then_some(told),
                })
            }
        }
    }

    /// The job when its turn has come; one whose turn is yet to come goes back to the queue.
    async fn in_its_turn(
        &self,
        job: MessageJob,
        now: Timestamp,
    ) -> Result<Option<MessageJob>, Unavailable> {
        if now >= job.lookback_ends_at {
            return Ok(Some(job));
        }
        let mut job = job;
        if !job.has_slot && now >= job.not_before {
            let slots = self
                .store
                .reserve(&job.key.account, 1, job.sends_per_second, now)
                .await?;
            job.not_before = slots.at(0);
            job.has_slot = true;
        }
        if job.has_slot && !pace::is_early(job.not_before, now) {
            return Ok(Some(job));
        }
        self.queue.enqueue(&[Delayed::until_due(job, now)]).await?;
        Ok(None)
    }

    /// Records an outcome, then does what follows from it; whether the claim still stood.
    async fn finish(&self, job: MessageJob, outcome: Attempt) -> Result<bool, Unavailable> {
        if outcome.next == Next::Held {
            self.store.hold(&job).await?;
        }
        if !self.store.record(&job.key, job.attempt, &outcome).await? {
            // The claim ran out and another has it: what follows is theirs.
            return Ok(false);
        }
        match outcome.next {
            Next::Again {
                attempt,
                not_before,
                ..
            } => {
                let job = job.again(attempt, not_before);
                let now = self.clock.now();
                self.queue.enqueue(&[Delayed::until_due(job, now)]).await?;
            }
            Next::Held => {
                // It may have closed before the message was held: then the hold is gone,
                // and nobody comes back for it.
                self.store.hold(&job).await?;
                let key = &job.key;
                let standing = self.store.standing(&key.account, &key.consumer).await?;
                if standing.conversation.is_none() {
                    release(
                        self.store,
                        self.queue,
                        self.clock,
                        &key.account,
                        &key.consumer,
                    )
                    .await?;
                }
            }
            _ => {}
        }
        Ok(true)
    }

    /// Looks at everything anew, now that the message is claimed, and sends it if it is
    /// still to be sent.
    async fn attempt(&self, job: &MessageJob, before: &Before) -> Result<Attempt, Unavailable> {
        let key = &job.key;
        let at = self.clock.now();
        let campaign = self
            .store
            .campaign(&key.account, &job.place.campaign)
            .await?;
        // First: what counts as cancelled since the call must not become anything else.
        if campaign.as_ref().is_some_and(|c| c.cancelled_at.is_some()) {
            let next = Next::Cancelled;
            return Ok(ends(at, next, "CANCELLED", "The campaign was cancelled."));
        }
        if at >= job.lookback_ends_at {
            return Ok(ends(
                at,
                Next::Expired(before.trouble),
                "EXPIRED",
                "The lookback ended before the message could leave.",
            ));
        }
        let Some(campaign) = campaign else {
            return Ok(fails(at, None, Failure::CampaignGone));
        };
        let rendered = campaign.content.render(&job.variables);
        if before.answered {
            // Whoever pushed it died before they could tell.
            return Ok(sent(at, rendered));
        }
        let standing = self.store.standing(&key.account, &key.consumer).await?;
        if standing.profile.is_none() {
            return Ok(fails(at, Some(rendered), Failure::ConsumerNotRegistered));
        }
        if let Some(conversation) = standing.conversation {
            match campaign.open_conversation {
                OpenConversation::Fail => {
                    return Ok(fails(at, Some(rendered), Failure::OpenConversation));
                }
                OpenConversation::Hold => {
                    return Ok(Attempt {
                        rendered: Some(rendered),
                        ..ends(
                            at,
                            Next::Held,
                            "HELD",
                            "The consumer has an open conversation; the message goes out when it closes.",
                        )
                    });
                }
                OpenConversation::Append => {
                    if self.append(job, conversation, &rendered, at).await? {
                        return Ok(Attempt {
                            rendered: Some(rendered),
                            ..ends(
                                at,
                                Next::Sent,
                                "APPENDED",
                                "Posted into the consumer's open conversation.",
                            )
                        });
                    }
                    // It closed meanwhile: the message goes out as a push.
                }
            }
        }
        self.to_devices(job, &campaign, &standing, before, rendered)
            .await
    }

    /// Posts the message into the consumer's open conversation; whether that took it.
    async fn append(
        &self,
        job: &MessageJob,
        conversation: ConversationId,
        rendered: &Rendered,
        at: Timestamp,
    ) -> Result<bool, Unavailable> {
        let key = &job.key;
        let Some(found) = self.store.conversation(&key.account, conversation).await? else {
            return Ok(false);
        };
        let posted = Posted {
            account: key.account.clone(),
            conversation,
            consumer: key.consumer.clone(),
            skill: found.skill,
            entry: Entry {
                id: EntryId::at(at),
                author: Author::Brand,
                originator: None,
                kind: Kind::Proactive,
                text: rendered.text.clone(),
                at,
                transaction: Some(key.transaction),
                origin: job.origin.clone(),
            },
        };
        // The transaction's id keeps a second try from posting it twice. With a space in it, it
        // is none that an app can give to what its consumer writes.
        let once = format!("message {}", key.transaction);
        let added = self.store.add(&posted, Some(&once), false).await?;
        Ok(added != Added::NotTaken)
    }
}

/// A message that comes to rest before any gateway was asked.
fn ends(at: Timestamp, next: Next, event: &str, detail: &str) -> Attempt {
    Attempt {
        rendered: None,
        taken: BTreeSet::new(),
        next,
        events: vec![Event::new(at, event, detail)],
        at,
    }
}

/// A message that left before, and needs no more.
const fn sent(at: Timestamp, rendered: Rendered) -> Attempt {
    Attempt {
        rendered: Some(rendered),
        taken: BTreeSet::new(),
        next: Next::Sent,
        events: Vec::new(),
        at,
    }
}

/// A message that fails before any gateway was asked.
fn fails(at: Timestamp, rendered: Option<Rendered>, failure: Failure) -> Attempt {
    Attempt {
        rendered,
        taken: BTreeSet::new(),
        next: Next::Failed(failure),
        events: vec![failed(at, failure)],
        at,
    }
}

/// The last line of a failed message's history.
fn failed(at: Timestamp, failure: Failure) -> Event {
    let detail = format!("{}: {}", failure.as_str(), failure.explanation());
    Event::new(at, "FAILED", detail)
}

/// What left for one device was sent, whatever keeps it from the others.
fn stays_sent(outcome: Attempt) -> Attempt {
    match outcome.next {
        Next::Failed(_) | Next::Expired(_) | Next::Cancelled => Attempt {
            next: Next::Sent,
            events: Vec::new(),
            ..outcome
        },
        _ => outcome,
    }
}
