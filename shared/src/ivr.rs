//! IVR deflection: a caller is asked whether they go on in the app, and invited there.
//!
//! Two calls, as LivePerson's Connect to Messaging has them. [`check`] says whether the app can
//! reach the caller, and remembers what it looked at under a call id. [`invite`] sends the
//! handoff's message to that one consumer: a campaign of one, with everything that campaigns
//! keep to.

use crate::{
    account::{Limits, Service},
    audit::Author,
    campaign::{
        self, AcceptCampaigns, CampaignName, CreateError, Draft, Groundwork, IDEMPOTENCY_HOURS,
        Idempotency, IdempotencyKey, OpenConversation, Order, ReadCampaigns, Refusal,
    },
    clock::Clock,
    conversation::{ReadStanding, Standing},
    failure::Failure,
    handoff::{Apps, Handoff, Source},
    id::{AccountId, CallId, CampaignId, ConsumerId, HandoffId, SkillName},
    origin::Trace,
    store::Unavailable,
    text::Variables,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

/// For how many hours a caller can be invited after they were checked.
pub const CALL_HOURS: i64 = IDEMPOTENCY_HOURS;

/// What a campaign keeps of the call that led to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deflection {
    /// The number that was called, as the IVR gave it; empty when it gave none.
    pub ivr_number: String,
    /// When the caller was found to be reachable.
    pub eligible_at: Timestamp,
}

/// What an IVR tells of a caller.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The consumer, by the brand's own id.
    pub consumer: ConsumerId,
    /// The skill's name, as written.
    pub skill: String,
    /// The handoff's id, as written.
    pub handoff: String,
    /// What fills the texts' placeholders; `None` for a value that is no string.
    pub variables: BTreeMap<String, Option<String>>,
    /// The number that was called.
    pub ivr_number: String,
}

/// A call that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which one.
    pub id: CallId,
    /// Who called.
    pub consumer: ConsumerId,
    /// Where replies go.
    pub skill: SkillName,
    /// The handoff, as it was.
    pub handoff: Handoff,
    /// What fills its placeholders.
    pub variables: Variables,
    /// The number that was called.
    pub ivr_number: String,
    /// When it was checked.
    pub checked_at: Timestamp,
    /// What keeps the app from reaching the caller.
    pub obstacle: Option<Failure>,
}

impl Call {
    /// Until when the caller can be invited.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.checked_at + SignedDuration::from_hours(CALL_HOURS)
    }
}

/// What a check rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    /// Whether the account has the skill.
    pub has_skill: bool,
    /// The handoff, if the account has it.
    pub handoff: Option<Handoff>,
}

/// What an invitation rests on.
#[derive(Clone, Debug)]
pub struct Found {
    /// The call.
    pub call: Call,
    /// The account's limits.
    pub limits: Limits,
    /// Whether the account is served.
    pub service: Service,
    /// Whether the account has the skill that was asked for in the place of the call's.
    pub has_other_skill: bool,
    /// The campaign that an earlier invitation made, and that invitation's fingerprint.
    pub earlier: Option<(CampaignId, String)>,
}

/// Keeps calls.
pub trait CallStore: Send + Sync {
    /// Looks up what a check rests on. What was found may be up to a minute old; what is not
    /// there is not there at this instant.
    fn ground(
        &self,
        account: &AccountId,
        skill: &SkillName,
        handoff: &HandoffId,
    ) -> impl Future<Output = Result<Ground, Unavailable>> + Send;

    /// Keeps a call until its end.
    fn keep_call(&self, call: &Call) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// The account's call of that id, if it has not ended, with all that inviting the caller
    /// needs, in one consistent request.
    fn find_call(
        &self,
        account: &AccountId,
        id: &CallId,
        other_skill: Option<&SkillName>,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Found>, Unavailable>> + Send;
}

/// Why a call was not checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The skill is none of the account's.
    #[error("the account has no skill of that name")]
    UnknownSkill(String),
    /// The handoff is none of the account's, or none for calls.
    #[error("the account has no handoff of that id whose source is IVR")]
    UnknownHandoff,
    /// The handoff's texts cannot be filled with what was given.
    #[error("{0}")]
    Variables(Refusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// Says whether the app reaches a caller: they have a device that is sent to, with one of the
/// handoff's apps, and no open conversation, since the message would fail then.
///
/// # Errors
/// When the skill, the handoff or the variables are refused, or the store fails.
pub async fn check<S>(
    store: &S,
    clock: &impl Clock,
    account: &AccountId,
    caller: Caller,
) -> Result<Call, CheckError>
where
    S: CallStore + ReadStanding,
{
    let unknown = |name: &str| CheckError::UnknownSkill(name.chars().take(255).collect());
    let skill: SkillName = caller.skill.parse().map_err(|_| unknown(&caller.skill))?;
    let handoff: HandoffId = caller
        .handoff
        .parse()
        .map_err(|_| CheckError::UnknownHandoff)?;
    let ground = store.ground(account, &skill, &handoff).await?;
    if !ground.has_skill {
        return Err(unknown(&caller.skill));
    }
    let handoff = ground
        .handoff
        .filter(|handoff| handoff.design.source == Source::Ivr)
        .ok_or(CheckError::UnknownHandoff)?;
    let draft = Draft {
        consumer: Some(caller.consumer.to_string()),
        variables: caller.variables,
    };
    let (_, variables) = campaign::check(&draft, &handoff.design.content, &mut BTreeSet::new())
        .map_err(CheckError::Variables)?;
    let now = clock.now();
    let standing = store.standing(account, &caller.consumer).await?;
    let call = Call {
        id: CallId::random(),
        obstacle: obstacle(&standing, &handoff.design.apps, now),
        consumer: caller.consumer,
        skill,
        handoff,
        variables,
        ivr_number: caller.ivr_number,
        checked_at: now,
    };
    store.keep_call(&call).await?;
    Ok(call)
}

/// What would keep a message of these apps from leaving, as the sender decides it.
fn obstacle(standing: &Standing, apps: &Apps, now: Timestamp) -> Option<Failure> {
    let is_usable = |device: &crate::device::Device| {
        apps.as_slice().contains(&device.app) && !device.is_stale(now)
    };
    if standing.profile.is_none() {
        Some(Failure::ConsumerNotRegistered)
    } else if standing.conversation.is_some() {
        Some(Failure::OpenConversation)
    } else if standing.devices.iter().any(is_usable) {
        None
    } else {
        Some(Failure::NoDevice)
    }
}

/// Why a caller was not invited.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// There is no such call, or it was checked too long ago.
    #[error("the account has no call of that id that was checked in the last {CALL_HOURS} hours")]
    NotFound,
    /// The app could not reach the caller when they were checked.
    #[error("the caller cannot be reached in the app: {}", .0.as_str())]
    NotEligible(Failure),
    /// The other skill is none of the account's.
    #[error("the account has no skill of that name")]
    UnknownSkill,
    /// The message was refused as a campaign.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// Invites a caller into the app, once: the same invitation again changes nothing. The campaign
/// that it made, if it did.
///
/// # Errors
/// When the call is unknown or its caller not eligible, the skill is unknown, the message is
/// refused, or the store fails.
pub async fn invite<S>(
    store: &S,
    clock: &impl Clock,
    by: &Author,
    id: &CallId,
    other_skill: Option<&str>,
    trace: Trace,
) -> Result<Option<CampaignId>, InviteError>
where
    S: CallStore + AcceptCampaigns + ReadCampaigns,
{
    let other: Option<SkillName> = other_skill
        .map(str::parse)
        .transpose()
        .map_err(|_| InviteError::UnknownSkill)?;
    let key = IdempotencyKey::of_call(id);
    let found = store
        .find_call(&by.account, id, other.as_ref(), &key, by.at)
        .await?
        .ok_or(InviteError::NotFound)?;
    let fingerprint = other.as_ref().map_or_else(String::new, ToString::to_string);
    if let Some((_, before)) = found.earlier {
        return if before == fingerprint {
            Ok(None)
        } else {
            Err(CreateError::KeyReused.into())
        };
    }
    let call = found.call;
    if let Some(obstacle) = call.obstacle {
        return Err(InviteError::NotEligible(obstacle));
    }
    if other.is_some() && !found.has_other_skill {
        return Err(InviteError::UnknownSkill);
    }
    let ground = Groundwork {
        limits: found.limits,
        service: found.service,
        has_skill: true,
        // Longer than anything known: each invitation's lookback ends after the one's before.
        lives_until: None,
        recipients_today: 0,
        earlier: None,
        handoff: Some(call.handoff.clone()),
    };
    let order = order(call, other, Idempotency { key, fingerprint }, trace);
    let accepted = campaign::create_on(store, clock, by, order, false, Some(ground)).await?;
    Ok((!accepted.replayed).then_some(accepted.campaign.id))
}

/// The campaign of one that invites a caller.
fn order(call: Call, other: Option<SkillName>, once: Idempotency, trace: Trace) -> Order {
    let variables = call
        .variables
        .into_iter()
        .map(|(placeholder, value)| (placeholder.to_string(), Some(value)))
        .collect();
    Order {
        name: CampaignName::of(&call.handoff.design.name),
        skill: other.unwrap_or(call.skill).to_string(),
        handoff: call.handoff.id.to_string(),
        lookback: None,
        open_conversation: OpenConversation::Fail,
        test: false,
        deflection: Some(Deflection {
            ivr_number: call.ivr_number,
            eligible_at: call.checked_at,
        }),
        recipients: vec![Draft {
            consumer: Some(call.consumer.to_string()),
            variables,
        }],
        idempotency: Some(once),
        trace,
    }
}
