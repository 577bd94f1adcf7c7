//! Accepting a campaign: all that it rests on in one request, all that it writes in one transaction.

use super::item::{ByTimeItem, ChunkItem, Item, OnceItem, QuotaItem, earlier};
use crate::{
    Table,
    account::SettingsItem,
    board, handoff,
    key::Key,
    read::{from_item, take},
    sweep,
    table::{Change, Verdict, Write, n, s, unavailable},
};
use domain::{
    account::Settings,
    audit::Action,
    campaign::{
        AcceptCampaigns, AcceptError, Acceptance, Campaign, Groundwork, IDEMPOTENCY_HOURS,
        Idempotency, IdempotencyKey,
    },
    clock,
    id::{AccountId, CampaignId, HandoffId, SkillName},
    store::Unavailable,
};
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::sleep;

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
        let quota = Key::quota(account, clock::day(now));
        let keys: Vec<_> = [
            Some(&settings),
            Some(&quota),
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
        let mut take = |key: Option<&Key>| take(&mut items, key?);
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
        let quota = take(Some(&quota))
            .map(|item| from_item::<_, QuotaItem>(item).map_err(unavailable))
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
            recipients_today: quota.map_or(0, |quota| quota.recipients),
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
    let date = clock::day(now);
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
