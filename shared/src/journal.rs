//! The log of events: what webhooks are told, and are told again on request.
//!
//! Only accounts that have a webhook have one. Events of a campaign are numbered without gaps;
//! a page and the number of its last event are written together, and those of messages together
//! with the board that says which changes were taken in. So a change that is given again makes
//! no second event, and no number is used twice or left out.

use crate::{
    board::{self, Course},
    breaker::Pause,
    campaign::{Campaign, ReadCampaigns},
    clock::Clock,
    conversation::{Conversation, Posted, ReadConversation},
    event::{self, Event, Kind},
    id::{AccountId, CampaignId},
    origin::Origin,
    store::Unavailable,
    webhook::ReadWebhooks,
};
use jiff::{SignedDuration, Timestamp, civil::Date};
use std::future::Future;

/// How long events are kept.
pub const KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The most events of a page, but for those that one change adds at once.
pub const MOST: usize = 100;

/// Events that are recorded at once: of one account, and of one campaign or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Whose they are.
    pub account: AccountId,
    /// When they are recorded.
    pub at: Timestamp,
    /// The campaign, and the number of its newest event before these.
    pub campaign: Option<(CampaignId, u64)>,
    /// The events, numbered.
    pub events: Vec<Event>,
}

impl Page {
    /// A page of events, numbered after `last` if they are a campaign's; `None` without events.
    #[must_use]
    pub fn of(
        account: &AccountId,
        campaign: Option<(CampaignId, u64)>,
        events: Vec<Event>,
        now: Timestamp,
    ) -> Option<Self> {
        let first = campaign.as_ref().map_or(0, |(_, last)| last + 1);
        let events: Vec<_> = (first..)
            .zip(events)
            .map(|(sequence, event)| event.numbered(sequence))
            .collect();
        (!events.is_empty()).then(|| Self {
            account: account.clone(),
            at: now,
            campaign,
            events,
        })
    }

    /// The number of the campaign's newest event once the page is there.
    #[must_use]
    pub fn last_number(&self) -> u64 {
        let before = self.campaign.as_ref().map_or(0, |(_, last)| *last);
        before + u64::try_from(self.events.len()).unwrap_or_default()
    }
}

/// What recording a page led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is there.
    Done,
    /// Its event was recorded before.
    Before,
    /// Others took its numbers.
    Moved,
}

/// Keeps the log.
pub trait Journal: ReadWebhooks {
    /// The number of the campaign's newest event; 0 before the first.
    fn last_number(
        &self,
        account: &AccountId,
        campaign: &CampaignId,
    ) -> impl Future<Output = Result<u64, Unavailable>> + Send;

    /// Records a page of one event, if no event of its id was recorded before and the campaign's
    /// newest number is still the one before it.
    fn record(&self, page: &Page) -> impl Future<Output = Result<Recorded, Unavailable>> + Send;
}

/// A page as it is read, and where it stands among those of its day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Where it stands.
    pub place: String,
    /// Its events.
    pub events: Vec<Event>,
}

/// Reads the log.
pub trait ReadJournal: Send + Sync {
    /// At most `limit` pages that were recorded on `day` (UTC) and within `range`, its end left
    /// out, behind `after` if that is given, in order.
    fn pages(
        &self,
        account: &AccountId,
        day: Date,
        range: (Timestamp, Timestamp),
        after: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Placed>, Unavailable>> + Send;
}

/// Whether the account's events are recorded: it has a webhook, if only a disabled one.
///
/// # Errors
/// When the store fails.
pub async fn is_kept(store: &impl ReadWebhooks, account: &AccountId) -> Result<bool, Unavailable> {
    Ok(!store.webhooks(account).await?.is_empty())
}

/// How often a page is tried while others take its numbers.
const TRIES: u32 = 20;

/// Records an event once.
///
/// # Errors
/// When the store fails, or others keep taking its number; doing it again is safe.
pub async fn record(
    store: &impl Journal,
    clock: &impl Clock,
    account: &AccountId,
    event: Event,
) -> Result<(), Unavailable> {
    for _ in 0..TRIES {
        let campaign = match event.campaign() {
            Some(campaign) => {
                let last = store.last_number(account, campaign).await?;
                Some((campaign.clone(), last))
            }
            None => None,
        };
        let Some(page) = Page::of(account, campaign, vec![event.clone()], clock.now()) else {
            return Ok(());
        };
        match store.record(&page).await? {
            Recorded::Done | Recorded::Before => return Ok(()),
            Recorded::Moved => {}
        }
    }
    Err(Unavailable::new("the campaign's events kept coming"))
}

/// A change that no board has a part in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something was written in a conversation.
    Entry(Posted),
    /// A conversation's state changed.
    Conversation(Box<Conversation>),
    /// An app's sends were paused, that was prolonged, or it ended.
    Pause(AccountId, Pause, bool),
    /// A campaign was changed after it was accepted.
    Campaign(Box<Campaign>),
}

impl Change {
    const fn account(&self) -> &AccountId {
        match self {
            Self::Entry(posted) => &posted.account,
            Self::Conversation(conversation) => &conversation.account,
            Self::Pause(account, ..) => account,
            Self::Campaign(campaign) => &campaign.account,
        }
    }
}

/// Records what follows from a change.
///
/// # Errors
/// When the store fails; doing it again is safe.
pub async fn tell<S>(store: &S, clock: &impl Clock, change: &Change) -> Result<(), Unavailable>
where
    S: Journal + ReadConversation,
{
    let account = change.account();
    if !is_kept(store, account).await? {
        return Ok(());
    }
    let event = match change {
        Change::Entry(posted) => {
            let conversation = store.conversation(account, posted.conversation).await?;
            let campaign = conversation.and_then(|c| c.campaign).map(|c| c.campaign);
            Some(event::of_entry(posted, campaign))
        }
        Change::Conversation(conversation) => {
            Some(event::of_conversation(conversation, clock.now()))
        }
        Change::Pause(account, pause, is_over) => {
            event::of_pause(account, pause, *is_over, clock.now())
        }
        Change::Campaign(campaign) => event::of_cancellation(campaign),
    };
    match event {
        Some(event) => record(store, clock, account, event).await,
        None => Ok(()),
    }
}

/// Records that the campaign finished, if all its messages came to an end: it follows from that
/// of the last one.
///
/// # Errors
/// When the store fails; doing it again is safe.
pub(crate) async fn finish<S>(
    store: &S,
    clock: &impl Clock,
    account: &AccountId,
    campaign: &CampaignId,
    origin: Option<Origin>,
) -> Result<(), Unavailable>
where
    S: Journal + ReadCampaigns,
{
    let Some((campaign, boards)) = store.overview(account, campaign).await? else {
        return Ok(());
    };
    let counts = board::counts(&campaign, &boards);
    if board::course(&campaign, &counts) != Course::Finished {
        return Ok(());
    }
    let event = event::of_campaign(
        Kind::CampaignFinished,
        account,
        &campaign.id,
        &campaign.handoff,
        &campaign.skill,
        clock.now(),
    );
    record(store, clock, account, Event { origin, ..event }).await
}
