//! What accepting a campaign looks up, and what it stores in one transaction.

use super::{Campaign, Chunk, Idempotency, IdempotencyKey};
use crate::{
    account::{Limits, Service},
    audit::Author,
    handoff::Handoff,
    id::{AccountId, CampaignId, HandoffId, SkillName},
    store::Unavailable,
};
use jiff::Timestamp;
use std::future::Future;

/// Accepts campaigns.
pub trait AcceptCampaigns: Send + Sync {
    /// Looks up, in one consistent request, what a campaign rests on. An idempotency key
    /// counts for [`IDEMPOTENCY_HOURS`](super::IDEMPOTENCY_HOURS) before `now`.
    fn groundwork(
        &self,
        account: &AccountId,
        skill: Option<&SkillName>,
        handoff: Option<&HandoffId>,
        idempotency: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Groundwork, Unavailable>> + Send;

    /// Stores all of it in one transaction, or nothing: the campaign, its recipients, that
    /// messages of its handoff live until its lookback ends, and its recipients among the
    /// day's (UTC).
    ///
    /// MUST return [`AcceptError::HandoffMoved`] if the handoff was deleted, and
    /// [`AcceptError::DayFull`] if the day's recipients would pass the limit.
    fn accept(
        &self,
        acceptance: &Acceptance,
    ) -> impl Future<Output = Result<(), AcceptError>> + Send;
}

/// What accepting has to look up first.
#[derive(Clone, Debug)]
pub struct Groundwork {
    /// The account's limits.
    pub limits: Limits,
    /// Whether the account is served.
    pub service: Service,
    /// Whether the account has the skill.
    pub has_skill: bool,
    /// The handoff, if the account has it.
    pub handoff: Option<Handoff>,
    /// When the lookback of the last message of that handoff ends.
    pub lives_until: Option<Timestamp>,
    /// How many recipients the account's campaigns had today, if that was looked up.
    pub recipients_today: u32,
    /// The campaign that an earlier call with the idempotency key made, and that call's
    /// fingerprint.
    pub earlier: Option<(CampaignId, String)>,
}

/// Everything that accepting stores.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// The campaign.
    pub campaign: Campaign,
    /// Its recipients, in parts.
    pub chunks: Vec<Chunk>,
    /// Until when messages of the handoff live, as [`Groundwork`] told.
    pub lives_until: Option<Timestamp>,
    /// The most recipients of the account on the day of the campaign.
    pub recipients_per_day: u32,
    /// What to remember the call by.
    pub idempotency: Option<Idempotency>,
    /// Who posted it.
    pub by: Author,
}

/// Why a campaign was not stored.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// An earlier call with the idempotency key made one.
    #[error("the idempotency key was used")]
    KeyUsed,
    /// The campaign's id is taken.
    #[error("the campaign's id is taken")]
    IdTaken,
    /// Another call with the idempotency key is under way.
    #[error("another call is under way")]
    Conflict,
    /// The handoff was deleted, or its messages live longer than was told.
    #[error("the handoff is not what it was")]
    HandoffMoved,
    /// The day's recipients would be more than the account may have.
    #[error("the day's recipients are used up")]
    DayFull,
    /// Other campaigns of the account were being accepted all the time.
    #[error("other campaigns are being accepted")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}
