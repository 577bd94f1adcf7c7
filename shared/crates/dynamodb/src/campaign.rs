//! Campaigns and the parts of their recipients: reading and cancelling them.

mod accept;
mod item;

pub(crate) use item::{ByTimeItem, ChunkItem, Item, earlier};

use crate::{
    Table, board,
    key::{Attributes, Key, Range},
    read::{from_item, kind},
    table::{Change, Write, at, unavailable},
};
use domain::{
    audit::{Action, Author},
    board::Board,
    campaign::{Campaign, CancelCampaigns, Chunk, Overview, ReadCampaigns, Spot},
    id::{AccountId, CampaignId},
    store::Unavailable,
};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};

/// The most parts of a campaign that one request can ask for beside two more items.
const MOST_PARTS: u32 = 98;

/// What was found of a campaign.
struct Pieces {
    campaign: Campaign,
    boards: Vec<Board>,
    chunks: Vec<Chunk>,
}

/// Tells a campaign's items apart; `None` when it is not among them.
fn sorted(items: Vec<Attributes>) -> Result<Option<Pieces>, Unavailable> {
    let (mut campaign, mut boards, mut chunks) = (None, Vec::new(), Vec::new());
    for item in items {
        match kind(&item) {
            Some(Item::KIND) => {
                let item: Item = from_item(item).map_err(unavailable)?;
                campaign = Some(item.into());
            }
            Some(ChunkItem::KIND) => {
                let item: ChunkItem = from_item(item).map_err(unavailable)?;
                chunks.push(item.try_into()?);
            }
            _ => boards.push(board::read(item)?),
        }
    }
    boards.sort_by_key(|board: &Board| board.chunk);
    chunks.sort_by_key(|chunk: &Chunk| chunk.number);
    Ok(campaign.map(|campaign| Pieces {
        campaign,
        boards,
        chunks,
    }))
}

impl ReadCampaigns for Table {
    async fn campaign(
        &self,
        account: &AccountId,
        id: &CampaignId,
    ) -> Result<Option<Campaign>, Unavailable> {
        let item = self.get::<Item>(&Key::campaign(account, id)).await?;
        Ok(item.map(Campaign::from))
    }

    async fn accepted(
        &self,
        account: &AccountId,
        id: &CampaignId,
    ) -> Result<Option<Campaign>, Unavailable> {
        let key = (account.clone(), id.clone());
        let kept = self.kept_campaigns();
        let found = kept.get(&key, || self.campaign(account, id)).await?;
        if found.is_none() {
            kept.forget(&key);
        }
        Ok(found)
    }

    async fn overview(
        &self,
        account: &AccountId,
        id: &CampaignId,
    ) -> Result<Option<(Campaign, Vec<Board>)>, Unavailable> {
        let range = Range::overview(account, id);
        let items = self.query(&range, false, None).await?;
        Ok(sorted(items)?.map(|found| (found.campaign, found.boards)))
    }

    async fn chunk(
        &self,
        account: &AccountId,
        id: &CampaignId,
        number: u32,
    ) -> Result<Option<Chunk>, Unavailable> {
        self.get::<ChunkItem>(&Key::chunk(account, id, number))
            .await?
            .map(Chunk::try_from)
            .transpose()
    }

    async fn part(
        &self,
        account: &AccountId,
        id: &CampaignId,
        number: u32,
    ) -> Result<Option<(Campaign, Option<Chunk>)>, Unavailable> {
        let keys = [Key::campaign(account, id), Key::chunk(account, id, number)];
        let found = sorted(self.get_all(&keys).await?)?;
        Ok(found.map(|found| (found.campaign, found.chunks.into_iter().next())))
    }

    async fn parts_of(
        &self,
        account: &AccountId,
        wanted: &[(CampaignId, u32)],
    ) -> Result<Vec<(Campaign, Chunk)>, Unavailable> {
        let campaigns: BTreeSet<_> = wanted.iter().map(|(id, _)| id).collect();
        let campaigns = campaigns.into_iter().map(|id| Key::campaign(account, id));
        let chunks = wanted
            .iter()
            .map(|(id, number)| Key::chunk(account, id, *number));
        let keys: Vec<_> = campaigns.chain(chunks).collect();
        let (mut campaigns, mut chunks) = (HashMap::new(), HashMap::new());
        for item in self.get_all(&keys).await? {
            if kind(&item) == Some(Item::KIND) {
                let campaign: Item = from_item(item).map_err(unavailable)?;
                campaigns.insert(campaign.id.clone(), Campaign::from(campaign));
            } else {
                let chunk: ChunkItem = from_item(item).map_err(unavailable)?;
                let chunk = Chunk::try_from(chunk)?;
                chunks.insert((chunk.campaign.clone(), chunk.number), chunk);
            }
        }
        let found = wanted.iter().filter_map(|part| {
            let campaign = campaigns.get(&part.0)?.clone();
            Some((campaign, chunks.remove(part)?))
        });
        Ok(found.collect())
    }

    async fn whole(
        &self,
        account: &AccountId,
        id: &CampaignId,
    ) -> Result<Option<(Campaign, Vec<Chunk>)>, Unavailable> {
        let items = self.query(&Range::whole(account, id), false, None).await?;
        Ok(sorted(items)?.map(|found| (found.campaign, found.chunks)))
    }

    async fn overview_of(
        &self,
        account: &AccountId,
        id: &CampaignId,
        spot: Spot,
    ) -> Result<Option<Overview>, Unavailable> {
        let items = if spot.part == 0 {
            let range = Range::overview_and_first(account, id);
            self.query(&range, false, None).await?
        } else {
            let boards = (0..spot.parts.min(MOST_PARTS)).map(|n| Key::board(account, id, n));
            let rest = [
                Key::campaign(account, id),
                Key::chunk(account, id, spot.part),
            ];
            let keys: Vec<_> = boards.chain(rest).collect();
            self.get_all(&keys).await?
        };
        Ok(sorted(items)?.map(|found| Overview {
            campaign: found.campaign,
            boards: found.boards,
            chunk: found.chunks.into_iter().next(),
        }))
    }

    async fn boards(
        &self,
        account: &AccountId,
        id: &CampaignId,
    ) -> Result<Vec<Board>, Unavailable> {
        self.all_boards(account, id).await
    }
}

/// The write that cancels a campaign, if it is there and was not cancelled.
pub(crate) fn cancellation(account: &AccountId, id: &CampaignId, now: Timestamp) -> Write {
    let change = Change::new("SET cancelled_at = if_not_exists(cancelled_at, :now)")
        .only_if("attribute_exists(pk)")
        .value(":now", at(now));
    Write::update(Key::campaign(account, id), change)
}

impl CancelCampaigns for Table {
    async fn cancel(&self, by: &Author, id: &CampaignId) -> Result<bool, Unavailable> {
        let write = cancellation(&by.account, id, by.at);
        self.change(write, by, Action::CampaignCancelled, id).await
    }
}
