//! What the store keeps of handoffs, and how their use cases read and write it.

use super::{Apps, Handoff, HandoffName};
use crate::{
    audit::Author,
    id::{AccountId, AppName, CampaignId, HandoffId},
    store::Unavailable,
};
use jiff::Timestamp;
use std::future::Future;

/// Keeps handoffs.
pub trait HandoffStore: Send + Sync {
    /// Adds a handoff.
    ///
    /// MUST return [`InsertError::NameTaken`] if the account has one of that name,
    /// whatever its case, and [`InsertError::IdTaken`] if it has one of that id.
    fn insert(
        &self,
        by: &Author,
        handoff: &Handoff,
    ) -> impl Future<Output = Result<(), InsertError>> + Send;

    /// The handoff, if the account has it.
    fn find(
        &self,
        account: &AccountId,
        id: &HandoffId,
    ) -> impl Future<Output = Result<Option<Handoff>, Unavailable>> + Send;

    /// The handoff, and which of `apps` the account has, as of this instant, in one request.
    fn find_with(
        &self,
        account: &AccountId,
        id: &HandoffId,
        apps: &Apps,
    ) -> impl Future<Output = Result<Found, Unavailable>> + Send;

    /// The account's apps and how many handoffs it has, in one request for each MB of them.
    fn shelf(&self, account: &AccountId)
    -> impl Future<Output = Result<Shelf, Unavailable>> + Send;

    /// All handoffs of the account, oldest first; at most [`MAX_HANDOFFS`](super::MAX_HANDOFFS).
    fn list(
        &self,
        account: &AccountId,
    ) -> impl Future<Output = Result<Vec<Handoff>, Unavailable>> + Send;

    /// Puts `new` in the place of `old`, if `old` is still what is stored.
    ///
    /// MUST return [`ReplaceError::Changed`] if it is not, and
    /// [`ReplaceError::NameTaken`] if another handoff has the new name.
    fn replace(
        &self,
        by: &Author,
        old: &Handoff,
        new: &Handoff,
    ) -> impl Future<Output = Result<(), ReplaceError>> + Send;

    /// Removes the handoff and frees its name. From then on no campaign of it is accepted.
    ///
    /// MUST return [`RemoveError::Changed`] if the handoff is not what is stored any more,
    /// and [`RemoveError::Live`] if the lookback of a message of it ends after the change.
    fn remove(
        &self,
        by: &Author,
        handoff: &Handoff,
    ) -> impl Future<Output = Result<(), RemoveError>> + Send;

    /// The handoff's campaigns whose lookback ends after `now`, as of this instant, and the
    /// handoff's state, which is not known of some that are older than this release.
    fn running(
        &self,
        account: &AccountId,
        id: &HandoffId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Running, Unavailable>> + Send;

    /// Cancels the `running` campaigns, those that were not yet, and removes the handoff as
    /// [`Self::remove`] does, whatever lives: in one request for up to 96 of them.
    ///
    /// MUST return [`RemoveError::Live`], with the handoff not removed, if a campaign was
    /// accepted since `running` was read.
    fn stop(
        &self,
        by: &Author,
        handoff: &Tag,
        running: &Running,
    ) -> impl Future<Output = Result<(), RemoveError>> + Send;
}

/// What making a handoff depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    /// The account's apps.
    pub apps: Vec<AppName>,
    /// How many handoffs it has.
    pub handoffs: usize,
}

/// What changing a handoff depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The handoff, if the account has it.
    pub handoff: Option<Handoff>,
    /// Those of the apps asked for that the account has.
    pub apps: Vec<AppName>,
}

/// What still goes on of a handoff.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// The handoff's state, if it is known.
    pub handoff: Option<Tag>,
    /// How many campaigns of it were ever accepted.
    pub accepted: u64,
    /// The campaigns that go on, in the order in which their lookbacks end.
    pub campaigns: Vec<CampaignId>,
}

/// A state of a handoff: what removing it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Which handoff.
    pub id: HandoffId,
    /// What people call it.
    pub name: HandoffName,
    /// Which state of it this is.
    pub version: u32,
}

/// Why a handoff was not added.
#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    /// The account has a handoff of that name.
    #[error("the account has a handoff of that name")]
    NameTaken,
    /// The account has a handoff of that id.
    #[error("the account has a handoff of that id")]
    IdTaken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// Why a handoff was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// Another handoff has the name.
    #[error("the account has another handoff of that name")]
    NameTaken,
    /// Somebody changed or deleted it meanwhile.
    #[error("the handoff was changed meanwhile")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// Why a handoff was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// Somebody changed or deleted it meanwhile.
    #[error("the handoff was changed meanwhile")]
    Changed,
    /// Messages of it live.
    #[error("messages of the handoff live")]
    Live,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}
