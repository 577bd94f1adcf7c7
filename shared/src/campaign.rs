//! Campaigns: accepting one API call with its recipients, cancelling, and reading on.

use crate::{
    account::Limits,
    audit::Author,
    board::Board,
    clock::Clock,
    handoff::{self, Apps, Content, Handoff, HandoffName, InvalidName, Source},
    id::{AccountId, CallId, CampaignId, ConsumerId, HandoffId, SkillName, TransactionId, digits},
    ivr::Deflection,
    lookback::Lookback,
    message::{Message, MessageKey, Place, ReadMessages},
    store::Unavailable,
    text::{self, MAX_VARIABLE_CHARS, Placeholder, Variables},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

/// What to do with a consumer who has an open conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpenConversation {
    /// Fail the message.
    #[default]
    Fail,
    /// Post the message into the conversation.
    Append,
    /// Send when it closes, if the lookback has not ended.
    Hold,
}

/// A campaign's name: 1 to 255 characters; agents see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignName(String);

impl CampaignName {
    /// Parses a name, trimming it.
    ///
    /// # Errors
    /// When it is blank, too long, or holds `<`, `>` or a control character.
    pub fn parse(raw: &str) -> Result<Self, InvalidName> {
        handoff::name(raw, 255).map(Self)
    }

    /// A handoff's name, as that of what it sends.
    pub(crate) fn of(handoff: &HandoffName) -> Self {
        Self(handoff.as_str().to_owned())
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A campaign that was accepted: everything its messages need, as it was at that instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// Whose it is.
    pub account: AccountId,
    /// Which one.
    pub id: CampaignId,
    /// What people call it.
    pub name: CampaignName,
    /// Where replies go.
    pub skill: SkillName,
    /// The handoff it was made from.
    pub handoff: HandoffId,
    /// What started it.
    pub source: Source,
    /// The apps whose devices are notified, in order.
    pub apps: Apps,
    /// The texts.
    pub content: Content,
    /// Whether conversations started anew within the lookback go to its skill too.
    pub route_all: bool,
    /// What to do with open conversations.
    pub open_conversation: OpenConversation,
    /// Whether it only tries something out: it is sent as any other, and is in no report.
    pub test: bool,
    /// The call that an IVR deflected with it, if one did.
    pub deflection: Option<Deflection>,
    /// The campaign object for routing.
    pub le_campaign: String,
    /// The engagement object for routing.
    pub le_engagement: String,
    /// The trace of the call that made it, for support.
    pub trace: String,
    /// How many recipients were accepted, in each part that they are kept in.
    pub parts: Vec<u32>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When its messages' lookback ends.
    pub lookback_ends_at: Timestamp,
    /// When it was cancelled.
    pub cancelled_at: Option<Timestamp>,
}

impl Campaign {
    /// How many recipients were accepted.
    #[must_use]
    pub fn recipients(&self) -> u32 {
        self.parts.iter().sum()
    }

    /// The numbers of its parts with the place of each one's first recipient.
    pub fn chunks(&self) -> impl Iterator<Item = (u32, u32)> {
        (0..).zip(self.parts.iter().scan(0, |next, size| {
            let first = *next;
            *next += size;
            Some(first)
        }))
    }
}

/// A recipient that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The message to them.
    pub transaction: TransactionId,
    /// The person.
    pub consumer: ConsumerId,
    /// What fills the texts' placeholders.
    pub variables: Variables,
}

/// A part of a campaign's recipients, with what it takes to send to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Whose it is.
    pub account: AccountId,
    /// The campaign.
    pub campaign: CampaignId,
    /// Which part, from 0.
    pub number: u32,
    /// When the campaign was accepted.
    pub created_at: Timestamp,
    /// When the messages' lookback ends.
    pub lookback_ends_at: Timestamp,
    /// The account's pace when the campaign was accepted.
    pub sends_per_second: u32,
    /// Under which heads the messages are counted.
    pub heads: Heads,
    /// The recipients, in the order of the call.
    pub recipients: Vec<Recipient>,
}

impl Chunk {
    /// The most recipients in a part: it is one item of the store, and its board another.
    pub const SIZE: usize = 100;
    /// The most bytes of its recipients' ids and variables: an item holds 400 KB.
    pub const BYTES: usize = 300_000;

    /// The key of the recipient's message.
    #[must_use]
    pub fn key(&self, recipient: &Recipient) -> MessageKey {
        MessageKey {
            account: self.account.clone(),
            consumer: recipient.consumer.clone(),
            transaction: recipient.transaction,
        }
    }

    /// Where in the campaign recipient `index` of this part stands.
    #[must_use]
    pub fn place(&self, index: u32) -> Place {
        Place {
            campaign: self.campaign.clone(),
            chunk: self.number,
            index,
        }
    }
}

/// Under which heads an account's reports count a campaign's messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Heads {
    /// The skill.
    pub skill: SkillName,
    /// The handoff.
    pub handoff: HandoffId,
    /// What started the campaign, in reports' words: `prmsg` or `c2m`; of one that is in no
    /// report, `test`.
    pub app: String,
}

/// The head under which nobody looks.
const TEST: &str = "test";

/// A recipient as the caller wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The `inapp` address, if there was one.
    pub consumer: Option<String>,
    /// The variables; `None` for a value that is no string.
    pub variables: BTreeMap<String, Option<String>>,
}

/// Why a recipient was not accepted. Shown in LivePerson's own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No `inapp` address.
    #[error("MISSING_CONSUMER_INFORMATION==INAPP")]
    NoConsumer,
    /// The address cannot be a consumer's id.
    #[error("INVALID_CONSUMER_ID")]
    InvalidConsumer,
    /// The same consumer stands earlier in the campaign.
    #[error("DUPLICATE_NUMBER")]
    Duplicate,
    /// A value is no string.
    #[error("VARIABLE_NOT_STRING={0}")]
    NotString(String),
    /// A placeholder has no value.
    #[error("MISSING_VARIABLE={0}")]
    Missing(Placeholder),
    /// There is a value without a placeholder.
    #[error("TOO_MANY_VARIABLES")]
    TooMany,
    /// A value is longer than 1,550 characters.
    #[error("VARIABLE_TOO_LONG={0}")]
    TooLong(Placeholder),
    /// A value holds control characters.
    #[error("INVALID_VARIABLE={0}")]
    Unprintable(Placeholder),
    /// No gateway could take the message.
    #[error("MESSAGE_TOO_LARGE")]
    TooLarge,
    /// There would be nothing to show.
    #[error("MESSAGE_EMPTY")]
    Empty,
}

/// A caller's promise that equal calls are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key: 1 to 255 visible ASCII characters.
    pub key: IdempotencyKey,
    /// A digest of the request, to tell equal calls.
    pub fingerprint: String,
}

/// An idempotency key: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Parses a key; `None` when it is empty, too long or holds other characters.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        ((1..=255).contains(&raw.len()) && raw.bytes().all(|b| b.is_ascii_graphic()))
            .then(|| Self(raw.to_owned()))
    }

    /// The key of an invitation to a call: no caller's, for it holds a space.
    pub(crate) fn of_call(call: &CallId) -> Self {
        Self(format!("call {call}"))
    }

    /// The key itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How long an idempotency key is remembered, in hours.
pub const IDEMPOTENCY_HOURS: i64 = 24;

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
    /// The call's trace.
    pub trace: String,
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
    /// Other calls kept the store from storing it; nothing was done.
    #[error("other campaigns of the account were being accepted")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// What accepting has to look up first.
#[derive(Clone, Debug)]
pub struct Groundwork {
    /// The account's limits.
    pub limits: Limits,
    /// Whether the account has the skill.
    pub has_skill: bool,
    /// The handoff, if the account has it.
    pub handoff: Option<Handoff>,
    /// When the lookback of the last message of that handoff ends.
    pub lives_until: Option<Timestamp>,
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

/// Accepts campaigns.
pub trait AcceptCampaigns: Send + Sync {
    /// Looks up, in one consistent request, what a campaign rests on. An idempotency key
    /// counts for [`IDEMPOTENCY_HOURS`] before `now`.
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

/// Reads campaigns.
pub trait ReadCampaigns: Send + Sync {
    /// The campaign, if the account has it, as of this instant.
    fn campaign(
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

    /// The counts of all parts, in their order.
    fn boards(
        &self,
        account: &AccountId,
        id: &CampaignId,
    ) -> impl Future<Output = Result<Vec<Board>, Unavailable>> + Send;
}

/// Cancels campaigns.
pub trait CancelCampaigns: Send + Sync {
    /// Marks the campaign as cancelled, if it was not; whether the account has it.
    fn cancel(
        &self,
        by: &Author,
        id: &CampaignId,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}

/// Checks a recipient against the texts.
pub(crate) fn check(
    draft: &Draft,
    content: &Content,
    seen: &mut BTreeSet<ConsumerId>,
) -> Result<(ConsumerId, Variables), Refusal> {
    let raw = draft
        .consumer
        .as_deref()
        .filter(|raw| !raw.is_empty())
        .ok_or(Refusal::NoConsumer)?;
    let consumer: ConsumerId = raw.parse().map_err(|_| Refusal::InvalidConsumer)?;
    if seen.contains(&consumer) {
        return Err(Refusal::Duplicate);
    }
    if let Some((name, _)) = draft.variables.iter().find(|(_, value)| value.is_none()) {
        return Err(Refusal::NotString(name.chars().take(32).collect()));
    }
    let mut variables = Variables::new();
    for placeholder in content.placeholders() {
        let value = draft
            .variables
            .get(&placeholder.to_string())
            .and_then(Option::as_ref)
            .ok_or(Refusal::Missing(placeholder))?;
        if value.chars().count() > MAX_VARIABLE_CHARS {
            return Err(Refusal::TooLong(placeholder));
        }
        text::printable(value).map_err(|_| Refusal::Unprintable(placeholder))?;
        variables.insert(placeholder, value.clone());
    }
    if draft.variables.len() > variables.len() {
        return Err(Refusal::TooMany);
    }
    let rendered = content.render(&variables);
    if rendered.is_blank() {
        return Err(Refusal::Empty);
    }
    if !rendered.fits() {
        return Err(Refusal::TooLarge);
    }
    seen.insert(consumer.clone());
    Ok((consumer, variables))
}

/// A recipient that can be sent to, and why another cannot.
type Checked = (Vec<(ConsumerId, Variables)>, Vec<(usize, Refusal)>);

/// Sorts recipients into those that can be sent to and those that cannot. A bad one never
/// stops another.
fn sort_out(drafts: &[Draft], content: &Content) -> Checked {
    let mut seen = BTreeSet::new();
    let (mut good, mut refused) = (Vec::new(), Vec::new());
    for (index, draft) in drafts.iter().enumerate() {
        match check(draft, content, &mut seen) {
            Ok(recipient) => good.push(recipient),
            Err(refusal) => refused.push((index, refusal)),
        }
    }
    (good, refused)
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
        let limits = ground.limits;
        let limit = limits
            .recipients_per_campaign
            .min(limits.recipients_per_day);
        let given = order.recipients.len();
        if given == 0 || u32::try_from(given).map_or(true, |n| n > limit) {
            return Err(CreateError::RecipientCount { limit, given });
        }
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
        if dry_run {
            return Ok(accepted(campaign, recipients));
        }
        let acceptance = Acceptance {
            chunks: cut(&campaign, limits.sends_per_second, &parts),
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
                let resets_at = end_of_day(now);
                return Err(CreateError::DayFull {
                    limit: limits.recipients_per_day,
                    given: acceptance.campaign.recipients(),
                    resets_at,
                    resets_in: resets_at.duration_since(now),
                });
            }
            Err(AcceptError::Store(e)) => return Err(e.into()),
        }
    }
    Err(CreateError::Busy)
}

/// When the day (UTC) of `now` ends.
fn end_of_day(now: Timestamp) -> Timestamp {
    const DAY: i64 = 24 * 60 * 60;
    let next = (now.as_second().div_euclid(DAY) + 1) * DAY;
    Timestamp::from_second(next).unwrap_or(Timestamp::MAX)
}

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
        trace: order.trace.clone(),
        parts: parts
            .iter()
            .map(|part| u32::try_from(part.len()).unwrap_or(u32::MAX))
            .collect(),
        created_at: now,
        lookback_ends_at: order.lookback.unwrap_or(design.lookback).ends_at(now),
        cancelled_at: None,
    }
}

/// Cuts recipients into parts that each fit an item of the store.
fn parts(recipients: &[Recipient]) -> Vec<&[Recipient]> {
    let (mut parts, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (at, recipient) in recipients.iter().enumerate() {
        let variables = recipient.variables.values().map(|v| v.len() + 8);
        let size = recipient.consumer.as_str().len() + 100 + variables.sum::<usize>();
        if at > start && (at - start == Chunk::SIZE || bytes + size > Chunk::BYTES) {
            parts.push(&recipients[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    if start < recipients.len() {
        parts.push(&recipients[start..]);
    }
    parts
}

fn cut(campaign: &Campaign, sends_per_second: u32, parts: &[&[Recipient]]) -> Vec<Chunk> {
    parts
        .iter()
        .zip(0..)
        .map(|(recipients, number)| Chunk {
            account: campaign.account.clone(),
            campaign: campaign.id.clone(),
            number,
            created_at: campaign.created_at,
            lookback_ends_at: campaign.lookback_ends_at,
            sends_per_second,
            heads: Heads {
                skill: campaign.skill.clone(),
                handoff: campaign.handoff.clone(),
                app: match campaign.source {
                    _ if campaign.test => TEST.to_owned(),
                    Source::Proactive => "prmsg".to_owned(),
                    Source::Ivr => "c2m".to_owned(),
                },
            },
            recipients: recipients.to_vec(),
        })
        .collect()
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
    let campaign = store
        .campaign(account, id)
        .await?
        .ok_or(CreateError::InFlight)?;
    let mut recipients = Vec::new();
    for (number, _) in campaign.chunks() {
        let chunk = store.chunk(account, id, number).await?;
        recipients.extend(chunk.into_iter().flat_map(|c| c.recipients));
    }
    let (_, refused) = sort_out(&order.recipients, &campaign.content);
    Ok(Accepted {
        campaign,
        recipients,
        refused,
        replayed: true,
    })
}

/// A recipient of a campaign with its message, if its turn has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The recipient.
    pub recipient: Recipient,
    /// The message.
    pub message: Option<Message>,
}

/// A page of a campaign's recipients from place `offset`, at most `limit` and at most one
/// part of the campaign at a time. Empty past the end.
///
/// # Errors
/// When the store fails.
pub async fn recipients<S>(
    store: &S,
    campaign: &Campaign,
    offset: u32,
    limit: u32,
) -> Result<Vec<Standing>, Unavailable>
where
    S: ReadCampaigns + ReadMessages,
{
    let Some((number, first)) = campaign
        .chunks()
        .take_while(|(_, first)| *first <= offset)
        .last()
    else {
        return Ok(Vec::new());
    };
    let Some(chunk) = store.chunk(&campaign.account, &campaign.id, number).await? else {
        return Ok(Vec::new());
    };
    let wanted: Vec<_> = chunk
        .recipients
        .iter()
        .skip((offset - first) as usize)
        .take(limit as usize)
        .cloned()
        .collect();
    let keys: Vec<_> = wanted.iter().map(|r| chunk.key(r)).collect();
    let mut found: BTreeMap<_, _> = store
        .messages(&keys)
        .await?
        .into_iter()
        .map(|m| (m.key.transaction, m))
        .collect();
    Ok(wanted
        .into_iter()
        .map(|recipient| Standing {
            message: found.remove(&recipient.transaction),
            recipient,
        })
        .collect())
}

/// The campaign's recipient of that id, if it has it.
///
/// # Errors
/// When the store fails.
pub async fn recipient<S>(
    store: &S,
    campaign: &Campaign,
    consumer: &ConsumerId,
) -> Result<Option<Standing>, Unavailable>
where
    S: ReadCampaigns + ReadMessages,
{
    for (number, _) in campaign.chunks() {
        let chunk = store.chunk(&campaign.account, &campaign.id, number).await?;
        let Some(chunk) = chunk else { continue };
        let Some(recipient) = chunk.recipients.iter().find(|r| r.consumer == *consumer) else {
            continue;
        };
        let message = store.messages(&[chunk.key(recipient)]).await?.pop();
        return Ok(Some(Standing {
            recipient: recipient.clone(),
            message,
        }));
    }
    Ok(None)
}
