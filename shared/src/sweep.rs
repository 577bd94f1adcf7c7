//! The sweep: finds campaigns whose messages got stuck, and gets them going again.
//!
//! Every accepted campaign leaves a mark at the time it should be looked at. The sweep
//! reads the marks that are due, compares the campaign's messages with where they should
//! be, corrects the counts, and puts on the queue again what nobody has. It never decides
//! the fate of a message itself: the sender does, as for every other.

use crate::{
    account::{ReadSettings, Service},
    board::{self, BoardStore, Change},
    campaign::{self, Campaign, Chunk, ReadCampaigns, Recipient, Standing},
    clock::Clock,
    conversation::ReadStanding,
    dispatch::{Enqueue, Holds, MessageJob, enqueue_paced, release},
    id::{AccountId, CampaignId, ConsumerId},
    journal::Journal,
    message::{Phase, ReadMessages},
    pace::Pacer,
    send::PUT_OFF,
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use std::future::Future;

/// How long after its acceptance a campaign is looked at first.
pub const FIRST_LOOK: SignedDuration = SignedDuration::from_mins(15);

/// How long a message may be late before it counts as stuck.
pub const GRACE: SignedDuration = SignedDuration::from_mins(5);

/// A campaign to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Whose it is.
    pub account: AccountId,
    /// The campaign.
    pub campaign: CampaignId,
    /// When to look.
    pub at: Timestamp,
    /// Whether it was left alone the last time, until all slots taken by then had come.
    pub waited: bool,
}

impl Due {
    /// The mark for a later look.
    fn later(&self, at: Timestamp, waited: bool) -> Self {
        Self {
            at,
            waited,
            ..self.clone()
        }
    }
}

/// Keeps the marks.
pub trait DueStore: Send + Sync {
    /// Some campaigns that are due at `now`, the longest overdue first in each of the
    /// store's partitions.
    fn due(&self, now: Timestamp) -> impl Future<Output = Result<Vec<Due>, Unavailable>> + Send;

    /// Puts `next` in the place of the mark, or removes it.
    fn reschedule(
        &self,
        due: &Due,
        next: Option<&Due>,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Campaigns looked at.
    pub campaigns: u32,
    /// Messages put on the queue again.
    pub requeued: u32,
}

/// What a look at a campaign led to.
#[derive(Debug, Default)]
struct Looked {
    /// When to look next, if there is more to come.
    next: Option<Due>,
    /// How many of its messages were stuck.
    requeued: u32,
    /// Why a part of it could not be looked at.
    failed: Option<Unavailable>,
}

/// What it takes to get a campaign going again: all that is kept of it, and the account's clock.
pub trait Campaigns:
    ReadCampaigns + ReadMessages + ReadStanding + BoardStore + Journal + Holds + Pacer
{
}

impl<S> Campaigns for S where
    S: ReadCampaigns + ReadMessages + ReadStanding + BoardStore + Journal + Holds + Pacer
{
}

/// Looks at every campaign that is due.
///
/// # Errors
/// When a port fails; what was not looked at stays due, behind the others: one that never can be
/// must not be in front of them for ever.
pub async fn sweep<S>(
    store: &S,
    queue: &impl Enqueue,
    clock: &impl Clock,
) -> Result<Swept, Unavailable>
where
    S: DueStore + ReadSettings + Campaigns,
{
    let (mut swept, mut failed) = (Swept::default(), None);
    for due in store.due(clock.now()).await? {
        // One that cannot be looked at must not keep the others from it.
        let looked = match look_at(store, queue, clock, &due).await {
            Ok(looked) => {
                swept.campaigns += 1;
                looked
            }
            Err(e) => Looked {
                next: Some(due.later(clock.now() + GRACE, false)),
                failed: Some(e),
                ..Looked::default()
            },
        };
        swept.requeued += looked.requeued;
        let rescheduled = store.reschedule(&due, looked.next.as_ref()).await;
        failed = rescheduled.err().or(looked.failed).or(failed);
    }
    failed.map_or(Ok(swept), Err)
}

/// Gets one campaign going again.
async fn look_at<S>(
    store: &S,
    queue: &impl Enqueue,
    clock: &impl Clock,
    due: &Due,
) -> Result<Looked, Unavailable>
where
    S: ReadSettings + Campaigns,
{
    let now = clock.now();
    let settings = store.settings(&due.account).await?;
    if settings.service == Service::Ended {
        return Ok(Looked::default());
    }
    let Some(campaign) = store.campaign(&due.account, &due.campaign).await? else {
        return Ok(Looked::default());
    };
    // Messages of a paused account wait in the queue, and come back from there some time after
    // the pause has ended.
    let resumed = settings.resumed_at;
    let is_back = |at: Timestamp| at + PUT_OFF + GRACE <= now;
    let waits = settings.service == Service::Paused || !resumed.is_none_or(is_back);
    if waits && now < campaign.lookback_ends_at {
        return Ok(Looked {
            next: Some(due.later(next_look(&campaign, now), false)),
            ..Looked::default()
        });
    }
    // While the account's clock is ahead, messages wait for their slots. Once the slots of an
    // earlier look have come it does not matter how far ahead the clock is by then: an account
    // that is never idle is looked at, too.
    if !due.waited && now < campaign.lookback_ends_at {
        let reserved = store.reserved_until(&due.account).await?;
        if let Some(until) = reserved.filter(|until| *until + GRACE > now) {
            return Ok(Looked {
                next: Some(due.later(until + GRACE, true)),
                ..Looked::default()
            });
        }
    }
    let (mut looked, mut open) = (Looked::default(), false);
    for (part, _) in campaign.chunks() {
        // A part that cannot be read must not keep the others from their end.
        match look_at_part(store, queue, clock, &campaign, part).await {
            Ok((more, requeued)) => {
                open |= more;
                looked.requeued += requeued;
            }
            Err(e) => looked.failed = Some(e),
        }
    }
    let at = match looked.failed {
        Some(_) => Some(now + GRACE),
        None => open.then(|| next_look(&campaign, now)),
    };
    looked.next = at.map(|at| due.later(at, false));
    Ok(looked)
}

/// Gets one part of a campaign going again: whether there is more to come of it, and how many of
/// its messages were stuck.
async fn look_at_part<S>(
    store: &S,
    queue: &impl Enqueue,
    clock: &impl Clock,
    campaign: &Campaign,
    number: u32,
) -> Result<(bool, u32), Unavailable>
where
    S: Campaigns,
{
    let (now, account) = (clock.now(), &campaign.account);
    let Some(chunk) = store.chunk(account, &campaign.id, number).await? else {
        return Ok((false, 0));
    };
    let standings = campaign::stand(store, &chunk, 0, u32::MAX).await?;
    correct(store, clock, &standings).await?;

    let (mut open, mut stuck) = (false, Vec::new());
    for (index, standing) in (0..).zip(&standings) {
        match verdict(campaign, standing, now) {
            Verdict::Settled => {}
            Verdict::Underway => open = true,
            Verdict::Held { attempt, over } => {
                open = true;
                let job = job(&chunk, index, &standing.recipient, now, attempt);
                let consumer = &job.key.consumer;
                if over || !in_conversation(store, account, consumer).await? {
                    // Remembered anew, should that have been lost: release finds it then.
                    store.hold(&job).await?;
                    release(store, queue, clock, account, consumer).await?;
                }
            }
            Verdict::Stuck { attempt } => {
                open = true;
                stuck.push(job(&chunk, index, &standing.recipient, now, attempt));
            }
        }
    }
    let requeued = u32::try_from(stuck.len()).unwrap_or(u32::MAX);
    enqueue_paced(store, queue, clock, account, stuck).await?;
    Ok((open, requeued))
}

/// Whether the consumer's conversation, which a message waits for, is still open. One that
/// closed while its sender died has nobody left to tell of it.
async fn in_conversation(
    store: &impl ReadStanding,
    account: &AccountId,
    consumer: &ConsumerId,
) -> Result<bool, Unavailable> {
    let standing = store.standing(account, consumer).await?;
    Ok(standing.conversation.is_some())
}

/// The job of a recipient's message, due now.
fn job(
    chunk: &Chunk,
    index: u32,
    recipient: &Recipient,
    now: Timestamp,
    attempt: u32,
) -> MessageJob {
    MessageJob {
        key: chunk.key(recipient),
        place: chunk.place(index),
        variables: recipient.variables.clone(),
        lookback_ends_at: chunk.lookback_ends_at,
        not_before: now,
        has_slot: false,
        sends_per_second: chunk.sends_per_second,
        attempt,
        origin: chunk.origin.clone(),
    }
}

/// After the grace again, or when the lookback ends if all that is left waits for that.
fn next_look(campaign: &Campaign, now: Timestamp) -> Timestamp {
    if now < campaign.lookback_ends_at {
        (now + FIRST_LOOK).min(campaign.lookback_ends_at)
    } else {
        now + GRACE
    }
}

/// Brings the counts in line with the messages, should changes have been lost on the way.
async fn correct<S>(
    store: &S,
    clock: &impl Clock,
    standings: &[Standing],
) -> Result<(), Unavailable>
where
    S: ReadCampaigns + BoardStore + Journal,
{
    let changes = standings
        .iter()
        .filter_map(|standing| standing.message.clone())
        .map(|message| Change::Message(Box::new(message)))
        .collect();
    board::tally(store, clock, changes).await
}

/// How a message stands with the sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It is in a final state.
    Settled,
    /// It waits for something that will come.
    Underway,
    /// It waits for a conversation to close.
    Held {
        /// Which try was held.
        attempt: u32,
        /// Whether its lookback ended.
        over: bool,
    },
    /// Nobody has it.
    Stuck {
        /// Which try is next.
        attempt: u32,
    },
}

fn verdict(campaign: &Campaign, standing: &Standing, now: Timestamp) -> Verdict {
    let over = now >= campaign.lookback_ends_at;
    let Some(message) = &standing.message else {
        let late = over || campaign.created_at + GRACE <= now;
        return if late {
            Verdict::Stuck { attempt: 0 }
        } else {
            Verdict::Underway
        };
    };
    match message.phase {
        phase if phase.is_final() => Verdict::Settled,
        Phase::Held => Verdict::Held {
            attempt: message.attempt,
            over,
        },
        _ if over || message.until.is_none_or(|until| until + GRACE <= now) => Verdict::Stuck {
            attempt: message.attempt,
        },
        _ => Verdict::Underway,
    }
}
