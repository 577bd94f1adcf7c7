//! What became of a campaign's recipients: each with the message to them.

use super::{Campaign, Chunk, ReadCampaigns, Recipient, Spot};
use crate::{
    board::Board,
    id::{AccountId, CampaignId, ConsumerId, TransactionId},
    message::{Message, ReadMessages},
    store::Unavailable,
};
use std::collections::BTreeMap;

/// A recipient of a campaign with its message, if its turn has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The recipient.
    pub recipient: Recipient,
    /// The message.
    pub message: Option<Message>,
}

impl Standing {
    /// The recipient with its message, which is taken out of those `found`.
    fn of(recipient: Recipient, found: &mut BTreeMap<TransactionId, Message>) -> Self {
        Self {
            message: found.remove(&recipient.transaction),
            recipient,
        }
    }
}

fn by_transaction(messages: Vec<Message>) -> BTreeMap<TransactionId, Message> {
    messages
        .into_iter()
        .map(|m| (m.key.transaction, m))
        .collect()
}

/// A page of a campaign's recipients.
#[derive(Clone, Debug)]
pub struct Recipients {
    /// The campaign.
    pub campaign: Campaign,
    /// The recipients, in the order of the call.
    pub page: Vec<Standing>,
    /// Where the next page starts, if there is one.
    pub next: Option<Spot>,
}

/// A page of a campaign's recipients, at most `limit`, and of one part of the campaign: the
/// campaign and the part in one request, the messages in another. Empty past the end; `None`
/// when the account has no such campaign.
///
/// # Errors
/// When the store fails.
pub async fn recipients<S>(
    store: &S,
    account: &AccountId,
    id: &CampaignId,
    from: Spot,
    limit: u32,
) -> Result<Option<Recipients>, Unavailable>
where
    S: ReadCampaigns + ReadMessages,
{
    let Some((campaign, chunk)) = store.part(account, id, from.part).await? else {
        return Ok(None);
    };
    page(store, campaign, chunk, from, limit).await.map(Some)
}

/// The same page, with the counts of all parts, in as many requests.
///
/// # Errors
/// When the store fails.
pub async fn counted_recipients<S>(
    store: &S,
    account: &AccountId,
    id: &CampaignId,
    from: Spot,
    limit: u32,
) -> Result<Option<(Recipients, Vec<Board>)>, Unavailable>
where
    S: ReadCampaigns + ReadMessages,
{
    let Some(overview) = store.overview_of(account, id, from).await? else {
        return Ok(None);
    };
    let page = page(store, overview.campaign, overview.chunk, from, limit).await?;
    Ok(Some((page, overview.boards)))
}

async fn page<S: ReadMessages>(
    store: &S,
    campaign: Campaign,
    chunk: Option<Chunk>,
    from: Spot,
    limit: u32,
) -> Result<Recipients, Unavailable> {
    let (page, next) = match chunk {
        Some(chunk) => {
            let page = stand(store, &chunk, from.index, limit).await?;
            let next = from.after(page.len(), &chunk, &campaign);
            (page, next)
        }
        None => (Vec::new(), None),
    };
    Ok(Recipients {
        campaign,
        page,
        next,
    })
}

/// The account's campaign of that id with its recipient of that id, if it has them: all
/// recipients in one request for each MB of them, the message in another.
///
/// # Errors
/// When the store fails.
pub async fn recipient<S>(
    store: &S,
    account: &AccountId,
    id: &CampaignId,
    consumer: &ConsumerId,
) -> Result<Option<(Campaign, Standing)>, Unavailable>
where
    S: ReadCampaigns + ReadMessages,
{
    let Some((campaign, chunks)) = store.whole(account, id).await? else {
        return Ok(None);
    };
    let found = chunks.iter().find_map(|chunk| {
        let mut recipients = (0..).zip(&chunk.recipients);
        let (index, _) = recipients.find(|(_, r)| r.consumer == *consumer)?;
        Some((chunk, index))
    });
    let Some((chunk, index)) = found else {
        return Ok(None);
    };
    let standing = stand(store, chunk, index, 1).await?.pop();
    Ok(standing.map(|standing| (campaign, standing)))
}

/// All recipients of some parts of campaigns: the parts in one request for each 50 of them, the
/// messages in one for each 100.
///
/// # Errors
/// When the store fails.
pub async fn of_parts<S>(
    store: &S,
    account: &AccountId,
    wanted: &[(CampaignId, u32)],
) -> Result<Vec<(Campaign, Vec<Standing>)>, Unavailable>
where
    S: ReadCampaigns + ReadMessages,
{
    let parts = store.parts_of(account, wanted).await?;
    let keys = |(_, chunk): &(Campaign, Chunk)| {
        let recipients = chunk.recipients.iter();
        recipients.map(|r| chunk.key(r)).collect::<Vec<_>>()
    };
    let keys: Vec<_> = parts.iter().flat_map(keys).collect();
    let mut found = by_transaction(store.messages(&keys).await?);
    let mut stand = |recipient| Standing::of(recipient, &mut found);
    Ok(parts
        .into_iter()
        .map(|(campaign, chunk)| {
            let standings = chunk.recipients.into_iter().map(&mut stand).collect();
            (campaign, standings)
        })
        .collect())
}

/// Some of a part's recipients, with their messages, in one request.
pub(crate) async fn stand<S: ReadMessages>(
    store: &S,
    chunk: &Chunk,
    from: u32,
    limit: u32,
) -> Result<Vec<Standing>, Unavailable> {
    let recipients = chunk.recipients.iter();
    let wanted = recipients.skip(from as usize).take(limit as usize);
    let wanted: Vec<_> = wanted.cloned().collect();
    let keys: Vec<_> = wanted.iter().map(|r| chunk.key(r)).collect();
    let mut found = by_transaction(store.messages(&keys).await?);
    Ok(wanted
        .into_iter()
        .map(|recipient| Standing::of(recipient, &mut found))
        .collect())
}
