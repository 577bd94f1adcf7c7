//! Campaigns, the parts of their recipients and what calls are remembered by, as they are stored.

use crate::{key::Attributes, read::from_item, table::unavailable, time};
use domain::{
    campaign::{Campaign, CampaignName, Chunk, Heads, OpenConversation, Recipient},
    handoff::{Apps, Content, Source},
    id::{AccountId, CampaignId, HandoffId, SkillName},
    ivr::Deflection,
    origin::{self, Origin},
    store::Unavailable,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A campaign as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    kind: String,
    account: AccountId,
    pub(super) id: CampaignId,
    name: CampaignName,
    skill: SkillName,
    handoff: HandoffId,
    source: Source,
    apps: Apps,
    content: Content,
    route_all: bool,
    open_conversation: OpenConversation,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    test: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deflection: Option<Deflection>,
    le_campaign: String,
    le_engagement: String,
    trace: String,
    parts: Vec<u32>,
    #[serde(with = "time")]
    created_at: Timestamp,
    #[serde(with = "time")]
    lookback_ends_at: Timestamp,
    #[serde(
        with = "time::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    cancelled_at: Option<Timestamp>,
    ttl: i64,
}

impl Item {
    pub(crate) const KIND: &str = "campaign";

    pub(super) fn new(c: &Campaign, ttl: i64) -> Self {
        Self {
            kind: Self::KIND.to_owned(),
            account: c.account.clone(),
            id: c.id.clone(),
            name: c.name.clone(),
            skill: c.skill.clone(),
            handoff: c.handoff.clone(),
            source: c.source,
            apps: c.apps.clone(),
            content: c.content.clone(),
            route_all: c.route_all,
            open_conversation: c.open_conversation,
            test: c.test,
            deflection: c.deflection.clone(),
            le_campaign: c.le_campaign.clone(),
            le_engagement: c.le_engagement.clone(),
            trace: c.trace.clone(),
            parts: c.parts.clone(),
            created_at: c.created_at,
            lookback_ends_at: c.lookback_ends_at,
            cancelled_at: c.cancelled_at,
            ttl,
        }
    }
}

impl From<Item> for Campaign {
    fn from(item: Item) -> Self {
        Self {
            account: item.account,
            id: item.id,
            name: item.name,
            skill: item.skill,
            handoff: item.handoff,
            source: item.source,
            apps: item.apps,
            content: item.content,
            route_all: item.route_all,
            open_conversation: item.open_conversation,
            test: item.test,
            deflection: item.deflection,
            le_campaign: item.le_campaign,
            le_engagement: item.le_engagement,
            trace: item.trace,
            parts: item.parts,
            created_at: item.created_at,
            lookback_ends_at: item.lookback_ends_at,
            cancelled_at: item.cancelled_at,
        }
    }
}

/// A part of a campaign's recipients as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ChunkItem {
    kind: String,
    account: AccountId,
    campaign: CampaignId,
    number: u32,
    #[serde(with = "time")]
    created_at: Timestamp,
    #[serde(with = "time")]
    lookback_ends_at: Timestamp,
    sends_per_second: u32,
    heads: Heads,
    #[serde(
        default,
        deserialize_with = "origin::kept",
        skip_serializing_if = "Option::is_none"
    )]
    origin: Option<Origin>,
    /// As JSON: the recipients' attributes would cost their names a hundred times.
    recipients: String,
    ttl: i64,
}

impl ChunkItem {
    pub(crate) const KIND: &str = "chunk";

    pub(super) fn new(chunk: &Chunk, ttl: i64) -> Result<Self, Unavailable> {
        Ok(Self {
            kind: Self::KIND.to_owned(),
            account: chunk.account.clone(),
            campaign: chunk.campaign.clone(),
            number: chunk.number,
            created_at: chunk.created_at,
            lookback_ends_at: chunk.lookback_ends_at,
            sends_per_second: chunk.sends_per_second,
            heads: chunk.heads.clone(),
            origin: chunk.origin.clone(),
            recipients: serde_json::to_string(&chunk.recipients).map_err(unavailable)?,
            ttl,
        })
    }
}

impl TryFrom<ChunkItem> for Chunk {
    type Error = Unavailable;

    fn try_from(item: ChunkItem) -> Result<Self, Unavailable> {
        let recipients: Vec<Recipient> =
            serde_json::from_str(&item.recipients).map_err(unavailable)?;
        Ok(Self {
            account: item.account,
            campaign: item.campaign,
            number: item.number,
            created_at: item.created_at,
            lookback_ends_at: item.lookback_ends_at,
            sends_per_second: item.sends_per_second,
            heads: item.heads,
            origin: item.origin,
            recipients,
        })
    }
}

/// What a call is remembered by.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OnceItem {
    pub(super) kind: String,
    pub(super) campaign: CampaignId,
    pub(super) fingerprint: String,
    pub(super) ttl: i64,
}

/// How many recipients an account's campaigns had on a day.
#[derive(Debug, Deserialize)]
pub(super) struct QuotaItem {
    pub(super) recipients: u32,
}

/// The campaign that an earlier call made, and that call's fingerprint, if it still counts.
pub(crate) fn earlier(
    item: Attributes,
    now: Timestamp,
) -> Result<Option<(CampaignId, String)>, Unavailable> {
    let once: OnceItem = from_item(item).map_err(unavailable)?;
    // DynamoDB removes what is past its time some days late.
    let counts = once.ttl > now.as_second();
    Ok(counts.then_some((once.campaign, once.fingerprint)))
}

/// A campaign in the order of time.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ByTimeItem {
    pub(super) kind: String,
    pub(crate) campaign: CampaignId,
    /// Not in what earlier releases wrote, as are the parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) heads: Option<Heads>,
    #[serde(default)]
    pub(crate) parts: Vec<u32>,
    pub(super) ttl: i64,
}
