//! Taking changes into the boards, and recording what webhooks are told of them.

use super::{Board, BoardStore};
use crate::{
    campaign::ReadCampaigns,
    clock::Clock,
    event::{self, Event, Kind},
    id::{AccountId, CampaignId},
    journal::{self, Journal, Page},
    message::Message,
    origin::Origin,
    store::Unavailable,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A change that the counts have to take in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A part of a campaign was accepted.
    Accepted {
        /// Whose it is.
        account: AccountId,
        /// The campaign.
        campaign: CampaignId,
        /// The part.
        chunk: u32,
        /// What that follows from, if it is traced.
        origin: Option<Origin>,
    },
    /// A message changed.
    Message(Box<Message>),
}

/// How often a board is tried while others change it or its day.
const TRIES: u32 = 20;

/// Takes changes into the counts, and records what webhooks are told of them. Those that were
/// taken in before change nothing.
///
/// # Errors
/// When the store fails, or others keep changing the board; doing it all again is safe.
pub async fn tally<S>(
    store: &S,
    clock: &impl Clock,
    changes: Vec<Change>,
) -> Result<(), Unavailable>
where
    S: BoardStore + Journal + ReadCampaigns,
{
    for (part, gathered) in by_part(changes) {
        let is_told = journal::is_kept(store, &part.account).await?;
        let mut rest = News {
            is_told,
            accepted: gathered.accepted.as_ref(),
            messages: &gathered.messages,
        };
        while let Some(count) = take_in_a_page(store, clock, &part, rest).await? {
            rest.messages = &rest.messages[count..];
            if rest.messages.is_empty() {
                break;
            }
        }
    }
    Ok(())
}

/// A part of a campaign: what has a board.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    account: AccountId,
    campaign: CampaignId,
    chunk: u32,
}

/// What there is to take in of a part.
#[derive(Default)]
struct Gathered {
    /// What its acceptance follows from, if that is among the changes and traced.
    accepted: Option<Origin>,
    messages: Vec<Message>,
}

/// What is still to be taken in of a part.
#[derive(Clone, Copy)]
struct News<'a> {
    /// Whether webhooks are told of it.
    is_told: bool,
    accepted: Option<&'a Origin>,
    messages: &'a [Message],
}

/// The changes, by the part they are in.
fn by_part(changes: Vec<Change>) -> BTreeMap<Part, Gathered> {
    let mut by_part: BTreeMap<_, Gathered> = BTreeMap::new();
    for change in changes {
        match change {
            Change::Accepted {
                account,
                campaign,
                chunk,
                origin,
            } => {
                let part = Part {
                    account,
                    campaign,
                    chunk,
                };
                by_part.entry(part).or_default().accepted = origin;
            }
            Change::Message(message) => {
                let part = Part {
                    account: message.key.account.clone(),
                    campaign: message.place.campaign.clone(),
                    chunk: message.place.chunk,
                };
                let of_part = by_part.entry(part).or_default();
                of_part.messages.push(*message);
            }
        }
    }
    by_part
}

/// Takes in as many changes as make a page of events; how many, if there is such a board.
async fn take_in_a_page<S>(
    store: &S,
    clock: &impl Clock,
    part: &Part,
    changes: News<'_>,
) -> Result<Option<usize>, Unavailable>
where
    S: BoardStore + Journal + ReadCampaigns,
{
    let (account, campaign) = (&part.account, &part.campaign);
    for _ in 0..TRIES {
        let Some(old) = store.board(account, campaign, part.chunk).await? else {
            // The campaign is past its retention: there is nothing to count it under.
            return Ok(None);
        };
        let now = clock.now();
        let Applied {
            board: new,
            is_news,
            events,
            count,
        } = apply(&old, changes, now);
        if is_news && !save(store, &old, &new, events, now).await? {
            continue;
        }
        // Without news, too: who took it in may have died before this.
        if changes.is_told && new.is_final() && (!is_news || !old.is_final()) {
            let mut last = changes.messages.iter().rev();
            let last = last.find_map(|message| message.origin.clone());
            journal::finish(store, clock, account, campaign, last).await?;
        }
        return Ok(Some(count));
    }
    Err(Unavailable::new("the board kept changing"))
}

/// What some changes make of a board.
struct Applied {
    board: Board,
    /// Whether it is another than it was.
    is_news: bool,
    /// What webhooks are told of that.
    events: Vec<Event>,
    /// How many changes were taken in.
    count: usize,
}

/// The board with as many changes as make a page of events.
fn apply(old: &Board, changes: News<'_>, now: Timestamp) -> Applied {
    let is_told = changes.is_told;
    let mut board = old.clone();
    let (mut is_news, mut count, mut events) = (!old.attempted, 0, Vec::new());
    if is_told && !old.attempted && old.chunk == 0 {
        let accepted = event::of_campaign(
            Kind::CampaignAccepted,
            &old.account,
            &old.campaign,
            &old.heads.handoff,
            &old.heads.skill,
            old.created_at,
        );
        events.push(Event {
            origin: changes.accepted.cloned(),
            ..accepted
        });
    }
    board.attempted = true;
    for message in changes.messages {
        if events.len() >= journal::MOST {
            break;
        }
        let index = message.place.index;
        let before = board.cells.get(index as usize).copied();
        if board.take_in(index, &message.progress()) {
            is_news = true;
            if let Some(before) = before
                && is_told
            {
                events.extend(event::of_message(before, message, now));
            }
        }
        count += 1;
    }
    if is_news {
        board.version += 1;
    }
    Applied {
        board,
        is_news,
        events,
        count,
    }
}

/// Saves a board in the place of what it was, with what is told of that; whether nobody had
/// changed it meanwhile.
async fn save(
    store: &(impl BoardStore + Journal),
    old: &Board,
    new: &Board,
    events: Vec<Event>,
    now: Timestamp,
) -> Result<bool, Unavailable> {
    let page = if events.is_empty() {
        None
    } else {
        let last = store.last_number(&new.account, &new.campaign).await?;
        Page::of(
            &new.account,
            Some((new.campaign.clone(), last)),
            events,
            now,
        )
    };
    let mut difference = new.tally();
    difference.add(&old.tally(), -1);
    store.save_board(new, &difference, page.as_ref()).await
}
