//! Campaigns: accepting one API call with its recipients, cancelling, and reading on.

use crate::{
    account::{Limits, Service},
    audit::Author,
    board::Board,
    clock::Clock,
    handoff::{self, Apps, Content, Handoff, HandoffName, InvalidName, Source},
    id::{AccountId, CallId, CampaignId, ConsumerId, HandoffId, SkillName, TransactionId, digits},
    ivr::Deflection,
    lookback::Lookback,
    message::{Message, MessageKey, Place, ReadMessages},
    origin::{Origin, Trace},
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
    /// Under which heads its messages are counted.
    #[must_use]
    pub fn heads(&self) -> Heads {
        let app = if self.test { TEST } else { self.source.app() };
        Heads {
            skill: self.skill.clone(),
            handoff: self.handoff.clone(),
            app: app.to_owned(),
        }
    }

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
    /// The call that made it, if that is traced.
    pub origin: Option<Origin>,
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

impl Heads {
    /// Whether the messages are in no report.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.app == TEST
    }
}

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

/// What accepting has to look up first.
#[derive(Clone, Debug)]
pub struct Groundwork {
    /// The account's limits.
    pub limits: Limits,
    /// Whether the account is served.
    pub service: Service,
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
    fn after(self, read: usize, chunk: &Chunk, campaign: &Campaign) -> Option<Self> {
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
        match ground.service {
            Service::Full => {}
            Service::Paused => return Err(CreateError::Paused),
            Service::Ended => return Err(CreateError::Ended),
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

fn cut(
    campaign: &Campaign,
    sends_per_second: u32,
    trace: &Trace,
    parts: &[&[Recipient]],
) -> Vec<Chunk> {
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
            heads: campaign.heads(),
            origin: trace.origin.clone(),
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

/// A recipient of a campaign with its message, if its turn has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The recipient.
    pub recipient: Recipient,
    /// The message.
    pub message: Option<Message>,
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
    let found = store.messages(&keys).await?;
    let mut found: BTreeMap<_, _> = found.into_iter().map(|m| (m.key.transaction, m)).collect();
    Ok(wanted
        .into_iter()
        .map(|recipient| Standing {
            message: found.remove(&recipient.transaction),
            recipient,
        })
        .collect())
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
    let found = store.messages(&keys).await?;
    let mut found: BTreeMap<_, _> = found.into_iter().map(|m| (m.key.transaction, m)).collect();
    let mut stand = |recipient: Recipient| Standing {
        message: found.remove(&recipient.transaction),
        recipient,
    };
    Ok(parts
        .into_iter()
        .map(|(campaign, chunk)| {
            let standings = chunk.recipients.into_iter().map(&mut stand).collect();
            (campaign, standings)
        })
        .collect())
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
