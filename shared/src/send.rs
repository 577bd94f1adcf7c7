//! The sender: one message to one consumer, claimed before it leaves, recorded after.
//!
//! A claim says "attempt n is mine until then"; nobody else sends meanwhile. What the
//! gateways answer is recorded after the attempt. When a sender dies in between, its claim
//! runs out and the next one tries again under the same collapse id, so that a device
//! shows one notification however often it was handed over.

mod answer;
mod attempt;
mod chat;
mod claim;
mod decide;
mod devices;
mod message;

pub use answer::backoff;
pub use attempt::{Attempt, Next};
pub use chat::CHAT_LIFE;
pub use claim::{Before, CLAIM, Claim, Claims};
pub use message::PUT_OFF;

use crate::{
    account::{ReadApps, ReadSettings, Service},
    breaker::{Pauses, Recent},
    campaign::ReadCampaigns,
    clock::Clock,
    conversation::{AddEntries, ReadConversation, ReadStanding},
    device::DeadDevices,
    dispatch::{Enqueue, Holds, Job},
    id::CampaignId,
    message::MessageKey,
    pace::Pacer,
    push::Push,
    store::Unavailable,
};
use jiff::Timestamp;
use std::time::Duration;

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

impl From<Done> for Handled {
    fn from(done: Done) -> Self {
        let recorded = None;
        Self { done, recorded }
    }
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
