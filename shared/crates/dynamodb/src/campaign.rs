//! Campaigns and the parts of their recipients, as they are stored, and what accepting one
//! writes: everything, in one transaction.

use crate::{
    Table,
    account::SettingsItem,
    board, handoff,
    key::{Attributes, Key, Range},
    read::from_item,
    sweep,
    table::{Change, Verdict, Write, at, n, s, unavailable},
    time,
};
use domain::{
    account::Settings,
    audit::{Action, Author},
    board::Board,
    campaign::{
        AcceptCampaigns, AcceptError, Acceptance, Campaign, CampaignName, CancelCampaigns, Chunk,
        Groundwork, Heads, IDEMPOTENCY_HOURS, Idempotency, IdempotencyKey, OpenConversation,
        Overview, ReadCampaigns, Recipient, Spot,
    },
    handoff::{Apps, Content, Source},
    id::{AccountId, CampaignId, HandoffId, SkillName},
    ivr::Deflection,
    origin::{self, Origin},
    store::Unavailable,
};
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};
use tokio::time::sleep;

/// A campaign as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    kind: String,
    account: AccountId,
    id: CampaignId,
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

    fn new(c: &Campaign, ttl: i64) -> Self {
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

    fn new(chunk: &Chunk, ttl: i64) -> Result<Self, Unavailable> {
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
struct OnceItem {
    kind: String,
    campaign: CampaignId,
    fingerprint: String,
    ttl: i64,
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
    kind: String,
    pub(crate) campaign: CampaignId,
    /// Not in what earlier releases wrote, as are the parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) heads: Option<Heads>,
    #[serde(default)]
    pub(crate) parts: Vec<u32>,
    ttl: i64,
}

pub(crate) fn is(item: &Attributes, key: &Key) -> bool {
    let has = |name, value: &String| item.get(name).and_then(|a| a.as_s().ok()) == Some(value);
    has("pk", &key.pk) && has("sk", &key.sk)
}

impl AcceptCampaigns for Table {
    async fn groundwork(
        &self,
        account: &AccountId,
        skill: Option<&SkillName>,
        handoff_id: Option<&HandoffId>,
        idempotency: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Groundwork, Unavailable> {
        let settings = Key::settings(account);
        let skill = skill.map(|name| Key::skill(account, name));
        let handoff = handoff_id.map(|id| Key::handoff(account, id));
        let state = handoff_id.map(|id| Key::handoff_state(account, id));
        let once = idempotency.map(|key| Key::once(account, key.as_str()));
        let keys: Vec<_> = [
            Some(&settings),
            skill.as_ref(),
            handoff.as_ref(),
            state.as_ref(),
            once.as_ref(),
        ]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
        let mut items = self.get_all(&keys).await?;
        let mut take = |key: Option<&Key>| {
            let at = items
                .iter()
                .position(|item| key.is_some_and(|k| is(item, k)))?;
            Some(items.swap_remove(at))
        };
        let settings = take(Some(&settings))
            .map(|item| {
                from_item::<_, SettingsItem>(item)
                    .map_err(unavailable)?
                    .try_into()
            })
            .transpose()?
            .unwrap_or_else(Settings::default);
        let handoff = take(handoff.as_ref())
            .map(|item| from_item::<_, handoff::Item>(item).map_err(unavailable))
            .transpose()?;
        let state = take(state.as_ref())
            .map(|item| from_item::<_, handoff::StateItem>(item).map_err(unavailable))
            .transpose()?;
        let earlier = take(once.as_ref())
            .map(|item| earlier(item, now))
            .transpose()?
            .flatten();
        Ok(Groundwork {
            limits: settings.limits,
            service: settings.service,
            has_skill: take(skill.as_ref()).is_some(),
            handoff: handoff.map(Into::into),
            lives_until: state.and_then(|state| state.live_until),
            earlier,
        })
    }

    async fn accept(&self, acceptance: &Acceptance) -> Result<(), AcceptError> {
        let (parts, writes): (Vec<_>, Vec<_>) = self.writes(acceptance)?.into_iter().unzip();
        for pause in PAUSES {
            let verdicts = self.attempt(writes.clone()).await?;
            if verdicts.is_empty() {
                return Ok(());
            }
            let first = |is: fn(&Verdict) -> bool| parts.get(verdicts.iter().position(is)?);
            let refused = first(Verdict::is_refused);
            match (refused, first(|verdict| *verdict == Verdict::Conflict)) {
                (Some(Part::Campaign), _) => return Err(AcceptError::IdTaken),
                (Some(Part::Once), _) => return Err(AcceptError::KeyUsed),
                (Some(Part::Handoff), _) => return Err(AcceptError::HandoffMoved),
                (Some(Part::Quota), _) => return Err(AcceptError::DayFull),
                // An equal call: it is told so rather than waited for.
                (_, Some(Part::Once)) => return Err(AcceptError::Conflict),
                // The account's campaigns share the day's count and their handoffs' state.
                _ => sleep(pause.mul_f64(0.5 + jitter(&acceptance.campaign.id))).await,
            }
        }
        Err(AcceptError::Busy)
    }
}

/// How long to wait, on average, each time that another campaign of the account is being
/// accepted: a transaction takes some 10 milliseconds.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(40),
    Duration::from_millis(80),
    Duration::from_millis(160),
    Duration::ZERO,
];

/// A number from 0 to 1 that is as random as the id, so that campaigns do not keep step.
fn jitter(id: &CampaignId) -> f64 {
    let sum = id
        .as_str()
        .bytes()
        .fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    f64::from(sum) / f64::from(u8::MAX)
}

/// What a write of an acceptance is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Campaign,
    Once,
    Handoff,
    Quota,
    Other,
}

impl Table {
    /// All that accepting writes.
    fn writes(&self, acceptance: &Acceptance) -> Result<Vec<(Part, Write)>, Unavailable> {
        let campaign = &acceptance.campaign;
        let (account, id, now) = (&campaign.account, &campaign.id, campaign.created_at);
        let ttl = self.expiry(now);
        let mut writes = vec![
            (
                Part::Campaign,
                Write::insert(&Key::campaign(account, id), &Item::new(campaign, ttl))?,
            ),
            (
                Part::Other,
                Write::put(
                    &Key::campaign_by_time(account, now, id),
                    &ByTimeItem {
                        kind: "campaign-by-time".to_owned(),
                        campaign: id.clone(),
                        heads: Some(campaign.heads()),
                        parts: campaign.parts.clone(),
                        ttl,
                    },
                )?,
            ),
            (Part::Other, sweep::mark(account, id, now)?),
            (
                Part::Other,
                self.told(&acceptance.by, Action::CampaignAccepted, id)?,
            ),
        ];
        if let Some(Idempotency { key, fingerprint }) = &acceptance.idempotency {
            let item = OnceItem {
                kind: "once".to_owned(),
                campaign: id.clone(),
                fingerprint: fingerprint.clone(),
                ttl: now.as_second() + IDEMPOTENCY_HOURS * 3600,
            };
            writes.push((
                Part::Once,
                Write::put(&Key::once(account, key.as_str()), &item)?
                    .only_if("attribute_not_exists(pk) OR #ttl <= :now")
                    .name("#ttl", "ttl")
                    .value(":now", n(now.as_second())),
            ));
        }
        if campaign.recipients() > 0 {
            let [state, run] = handoff::live_on(campaign, acceptance.lives_until)?;
            writes.push((Part::Handoff, state));
            writes.push((Part::Other, run));
            writes.push((Part::Quota, quota(campaign, acceptance.recipients_per_day)));
        }
        for chunk in &acceptance.chunks {
            let key = Key::chunk(account, id, chunk.number);
            let item = ChunkItem::new(chunk, ttl)?;
            writes.push((Part::Other, Write::put(&key, &item)?));
            writes.push((Part::Other, board::first(chunk, ttl)?));
        }
        Ok(writes)
    }
}

/// Counts a campaign's recipients among those of its day, if they are no more than `limit`.
fn quota(campaign: &Campaign, limit: u32) -> Write {
    const KEPT: i64 = 7 * 24 * 3_600;
    let (given, now) = (campaign.recipients(), campaign.created_at);
    let date = now.to_zoned(TimeZone::UTC).date();
    // More than the limit leave no room at all.
    let room = i64::from(limit) - i64::from(given);
    let change = Change::new("SET kind = :kind, #ttl = :ttl ADD recipients :given")
        .only_if("(attribute_not_exists(recipients) AND :room >= :none) OR recipients <= :room")
        .name("#ttl", "ttl")
        .value(":kind", s("quota"))
        .value(":ttl", n(now.as_second() + KEPT))
        .value(":given", n(given))
        .value(":none", n(0))
        .value(":room", n(room));
    Write::update(Key::quota(&campaign.account, date), change)
}

/// The write that cancels a campaign, if it is there and was not cancelled.
pub(crate) fn cancellation(account: &AccountId, id: &CampaignId, now: Timestamp) -> Write {
    let change = Change::new("SET cancelled_at = if_not_exists(cancelled_at, :now)")
        .only_if("attribute_exists(pk)")
        .value(":now", at(now));
    Write::update(Key::campaign(account, id), change)
}

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
        let kind = item.get("kind").and_then(|kind| kind.as_s().ok()).cloned();
        match kind.as_deref() {
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
            let kind = item.get("kind").and_then(|kind| kind.as_s().ok());
            if kind.is_some_and(|kind| kind == Item::KIND) {
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

impl CancelCampaigns for Table {
    async fn cancel(&self, by: &Author, id: &CampaignId) -> Result<bool, Unavailable> {
        let write = cancellation(&by.account, id, by.at);
        self.change(write, by, Action::CampaignCancelled, id).await
    }
}
