//! Accepting one API call with its recipients.

use super::{
    AcceptCampaigns, AcceptError, Acceptance, Campaign, CampaignName, Draft, Groundwork,
    Idempotency, OpenConversation, ReadCampaigns, Recipient, Refusal,
    check::sort_out,
    chunk::{cut, parts},
};
use crate::{
    account::{Limits, Service},
    audit::Author,
    clock::Clock,
    handoff::Handoff,
    id::{AccountId, CampaignId, HandoffId, SkillName, TransactionId, digits},
    ivr::Deflection,
    lookback::Lookback,
    origin::Trace,
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};

/// A campaign as a caller asks for it.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its name.
    pub name: CampaignName,
    /// The skill's name, as written.
    pub skill: String,
    /// The handoff's id, as written.
    pub handoff: String,
    /// Another lookback than the handoff's.
    pub lookback: Option<Lookback>,
    /// What to do with open conversations.
    pub open_conversation: OpenConversation,
    /// Whether it is in no report.
    pub test: bool,
    /// The call that an IVR deflects with it, if one does.
    pub deflection: Option<Deflection>,
    /// The recipients.
    pub recipients: Vec<Draft>,
    /// Whether equal calls are one.
    pub idempotency: Option<Idempotency>,
    /// The call.
    pub trace: Trace,
}

/// What a call for a campaign led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The campaign.
    pub campaign: Campaign,
    /// The recipients it has, in the order of the call.
    pub recipients: Vec<Recipient>,
    /// Those it has not: their place in the call, and why.
    pub refused: Vec<(usize, Refusal)>,
    /// Whether an earlier equal call made it.
    pub replayed: bool,
}

/// Why no campaign was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// No recipients, or more than the account's limit.
    #[error("a campaign of this account has 1 to {limit} recipients, this one has {given}")]
    RecipientCount {
        /// The account's limit.
        limit: u32,
        /// What was given.
        given: usize,
    },
    /// The skill is none of the account's.
    #[error("the account has no skill of that name")]
    UnknownSkill,
    /// The handoff is none of the account's.
    #[error("the account has no handoff of that id")]
    UnknownHandoff,
    /// The idempotency key came with another request before.
    #[error("the Idempotency-Key was used with another request")]
    KeyReused,
    /// An equal call is under way.
    #[error("a call with this Idempotency-Key is under way")]
    InFlight,
    /// The account's recipients of this day are used up.
    #[error(
        "the account may have {limit} recipients a day, this campaign's {given} would pass that: the count starts anew at {resets_at}"
    )]
    DayFull {
        /// The account's limit.
        limit: u32,
        /// How many recipients the campaign would have.
        given: u32,
        /// When the next day begins.
        resets_at: Timestamp,
        /// How long that is from now.
        resets_in: SignedDuration,
    },
    /// An operator paused the account.
    #[error("the account is paused: its operator ends that")]
    Paused,
    /// The account is no longer served.
    #[error("the account is no longer served")]
    Ended,
    /// Other calls kept the store from storing it; nothing was done.
    #[error("other campaigns of the account were being accepted")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// How often what a campaign rests on is looked up because it changed meanwhile.
const TRIES: usize = 10;

/// Accepts a campaign: from here on none of its messages can be lost.
///
/// With `dry_run` everything is checked and nothing is stored or sent.
///
/// # Errors
/// When the whole call is refused, or the store fails.
pub async fn create<S>(
    store: &S,
    clock: &impl Clock,
    by: &Author,
    order: Order,
    dry_run: bool,
) -> Result<Accepted, CreateError>
where
    S: AcceptCampaigns + ReadCampaigns,
{
    create_on(store, clock, by, order, dry_run, None).await
}

/// Accepts a campaign as [`create`] does, whose groundwork the caller may have looked up.
pub(crate) async fn create_on<S>(
    store: &S,
    clock: &impl Clock,
    by: &Author,
    order: Order,
    dry_run: bool,
    mut known: Option<Groundwork>,
) -> Result<Accepted, CreateError>
where
    S: AcceptCampaigns + ReadCampaigns,
{
    let skill: Option<SkillName> = order.skill.parse().ok();
    let handoff: Option<HandoffId> = order.handoff.parse().ok();
    let key = order.idempotency.as_ref().map(|i| &i.key);
    for _ in 0..TRIES {
        let now = clock.now();
        let ground = match known.take() {
            Some(known) => known,
            None => {
                store
                    .groundwork(&by.account, skill.as_ref(), handoff.as_ref(), key, now)
                    .await?
            }
        };
        if let Some((campaign, fingerprint)) = ground.earlier {
            return replay(store, &by.account, &campaign, &fingerprint, &order).await;
        }
        match ground.service {
            Service::Full => {}
            Service::Paused => return Err(CreateError::Paused),
            Service::Ended => return Err(CreateError::Ended),
        }
        let limits = ground.limits;
        check_count(order.recipients.len(), &limits)?;
        let skill = skill
            .clone()
            .filter(|_| ground.has_skill)
            .ok_or(CreateError::UnknownSkill)?;
        let handoff = ground.handoff.ok_or(CreateError::UnknownHandoff)?;

        let (good, refused) = sort_out(&order.recipients, &handoff.design.content);
        if order.deflection.is_some() && good.is_empty() {
            // The handoff was changed since the caller was checked.
            return Err(CreateError::UnknownHandoff);
        }
        let recipients: Vec<_> = good
            .into_iter()
            .map(|(consumer, variables)| Recipient {
                transaction: TransactionId::at(now),
                consumer,
                variables,
            })
            .collect();
        let parts = parts(&recipients);
        let campaign = draw_up(&order, skill, handoff, &parts, now);
        let accepted = |campaign, recipients| Accepted {
            campaign,
            recipients,
            refused,
            replayed: false,
        };
        let given = campaign.recipients();
        if given > 0 && ground.recipients_today.saturating_add(given) > limits.recipients_per_day {
            return Err(day_full(&campaign, limits.recipients_per_day));
        }
        if dry_run {
            return Ok(accepted(campaign, recipients));
        }
        let acceptance = Acceptance {
            chunks: cut(&campaign, limits.sends_per_second, &order.trace, &parts),
            campaign,
            lives_until: ground.lives_until,
            recipients_per_day: limits.recipients_per_day,
            idempotency: order.idempotency.clone(),
            by: by.clone(),
        };
        match store.accept(&acceptance).await {
            Ok(()) => return Ok(accepted(acceptance.campaign, recipients)),
            // All are looked at again: the other call's answer, a new id, the handoff anew.
            Err(AcceptError::KeyUsed | AcceptError::IdTaken | AcceptError::HandoffMoved) => {}
            Err(AcceptError::Conflict) => return Err(CreateError::InFlight),
            Err(AcceptError::Busy) => return Err(CreateError::Busy),
            Err(AcceptError::DayFull) => {
                return Err(day_full(&acceptance.campaign, limits.recipients_per_day));
            }
            Err(AcceptError::Store(e)) => return Err(e.into()),
        }
    }
    Err(CreateError::Busy)
}

/// Whether a campaign of the account may have so many recipients.
fn check_count(given: usize, limits: &Limits) -> Result<(), CreateError> {
    let limit = limits
        .recipients_per_campaign
        .min(limits.recipients_per_day);
    if given == 0 || u32::try_from(given).map_or(true, |n| n > limit) {
        return Err(CreateError::RecipientCount { limit, given });
    }
    Ok(())
}

/// That a campaign's recipients are too many for what is left of its day.
fn day_full(campaign: &Campaign, limit: u32) -> CreateError {
    let now = campaign.created_at;
    let resets_at = end_of_day(now);
    CreateError::DayFull {
        limit,
        given: campaign.recipients(),
        resets_at,
        resets_in: resets_at.duration_since(now),
    }
}

/// When the day (UTC) of `now` ends.
fn end_of_day(now: Timestamp) -> Timestamp {
    const DAY: i64 = 24 * 60 * 60;
    let next = (now.as_second().div_euclid(DAY) + 1) * DAY;
    Timestamp::from_second(next).unwrap_or(Timestamp::MAX)
}

/// The campaign that an order makes of its handoff, `now`.
fn draw_up(
    order: &Order,
    skill: SkillName,
    handoff: Handoff,
    parts: &[&[Recipient]],
    now: Timestamp,
) -> Campaign {
    let design = handoff.design;
    Campaign {
        account: handoff.account,
        id: CampaignId::random(),
        name: order.name.clone(),
        skill,
        handoff: handoff.id,
        source: design.source,
        apps: design.apps,
        content: design.content,
        route_all: design.route_all,
        open_conversation: order.open_conversation,
        test: order.test,
        deflection: order.deflection.clone(),
        le_campaign: digits(),
        le_engagement: digits(),
        trace: order.trace.id.clone(),
        parts: parts
            .iter()
            .map(|part| u32::try_from(part.len()).unwrap_or(u32::MAX))
            .collect(),
        created_at: now,
        lookback_ends_at: order.lookback.unwrap_or(design.lookback).ends_at(now),
        cancelled_at: None,
    }
}

/// Answers an equal call as the first one was answered.
///
/// Nothing of the answer is stored: the request is the same, the campaign keeps the texts
/// it was checked against, and its recipients keep their ids.
async fn replay(
    store: &impl ReadCampaigns,
    account: &AccountId,
    id: &CampaignId,
    fingerprint: &str,
    order: &Order,
) -> Result<Accepted, CreateError> {
    let same = order
        .idempotency
        .as_ref()
        .is_some_and(|i| i.fingerprint == fingerprint);
    if !same {
        return Err(CreateError::KeyReused);
    }
    let whole = store.whole(account, id).await?;
    let (campaign, chunks) = whole.ok_or(CreateError::InFlight)?;
    let recipients = chunks.into_iter().flat_map(|c| c.recipients).collect();
    let (_, refused) = sort_out(&order.recipients, &campaign.content);
    Ok(Accepted {
        campaign,
        recipients,
        refused,
        replayed: true,
    })
}
