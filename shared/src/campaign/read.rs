//! Reading campaigns, their parts and their counts.

use super::{Campaign, Chunk};
use crate::{
    board::Board,
    id::{AccountId, CampaignId},
    store::Unavailable,
};
use serde::{Deserialize, Serialize};
use std::future::Future;

/// Reads campaigns.
pub trait ReadCampaigns: Send + Sync {
    /// The campaign, if the account has it, as of this instant.
    fn campaign(
        &self,
        account: &AccountId,
        id: &CampaignId,
    ) -> impl Future<Output = Result<Option<Campaign>, Unavailable>> + Send;

    /// The campaign as it was accepted: that it was cancelled since may not be told.
    fn accepted(
        &self,
        account: &AccountId,
        id: &CampaignId,
    ) -> impl Future<Output = Result<Option<Campaign>, Unavailable>> + Send;

    /// The campaign with the counts of all its parts, in their order, in one request.
    fn overview(
        &self,
        account: &AccountId,
        id: &CampaignId,
    ) -> impl Future<Output = Result<Option<(Campaign, Vec<Board>)>, Unavailable>> + Send;

    /// A part of the campaign's recipients.
    fn chunk(
        &self,
        account: &AccountId,
        id: &CampaignId,
        number: u32,
    ) -> impl Future<Output = Result<Option<Chunk>, Unavailable>> + Send;

    /// The campaign with a part of its recipients, if it has that one, in one request.
    fn part(
        &self,
        account: &AccountId,
        id: &CampaignId,
        number: u32,
    ) -> impl Future<Output = Result<Option<(Campaign, Option<Chunk>)>, Unavailable>> + Send;

    /// The parts that there are of those asked for, each with its campaign, in their order, in one
    /// request for each 50 of them, or 16 MB.
    fn parts_of(
        &self,
        account: &AccountId,
        wanted: &[(CampaignId, u32)],
    ) -> impl Future<Output = Result<Vec<(Campaign, Chunk)>, Unavailable>> + Send;

    /// The campaign with all its recipients, in one request for each MB of them.
    fn whole(
        &self,
        account: &AccountId,
        id: &CampaignId,
    ) -> impl Future<Output = Result<Option<(Campaign, Vec<Chunk>)>, Unavailable>> + Send;

    /// The campaign with the counts of all its parts and the recipients of one, in one request.
    /// Whoever asks for another part than the first says how many there are.
    fn overview_of(
        &self,
        account: &AccountId,
        id: &CampaignId,
        spot: Spot,
    ) -> impl Future<Output = Result<Option<Overview>, Unavailable>> + Send;

    /// The counts of all parts, in their order.
    fn boards(
        &self,
        account: &AccountId,
        id: &CampaignId,
    ) -> impl Future<Output = Result<Vec<Board>, Unavailable>> + Send;
}

/// A campaign with the counts of all its parts and the recipients of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// The campaign.
    pub campaign: Campaign,
    /// The counts, in the order of the parts.
    pub boards: Vec<Board>,
    /// The part, if the campaign has it.
    pub chunk: Option<Chunk>,
}

/// A place in a campaign's recipients, for reading them page by page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// The part, from 0.
    pub part: u32,
    /// The recipient within the part, from 0.
    pub index: u32,
    /// How many parts there are; 0 at the start, where nobody knows yet.
    pub parts: u32,
}

impl Spot {
    /// Where the page goes on that has `read` recipients of `chunk` from here; `None` at the
    /// campaign's end.
    pub(super) fn after(self, read: usize, chunk: &Chunk, campaign: &Campaign) -> Option<Self> {
        let parts = u32::try_from(campaign.parts.len()).unwrap_or(u32::MAX);
        let index = self.index + u32::try_from(read).unwrap_or(u32::MAX);
        let next = if (index as usize) < chunk.recipients.len() {
            Self { index, ..self }
        } else {
            Self {
                part: self.part + 1,
                index: 0,
                ..self
            }
        };
        (next.part < parts).then_some(Self { parts, ..next })
    }
}
