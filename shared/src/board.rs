//! Counting: a campaign's board has one small cell per recipient, and counts are read off it.
//!
//! Changes of messages arrive at least once and in any order of messages, so nothing is
//! ever added up: each cell holds the newest state of its message, and a change that is
//! older than its cell is dropped. The counts of a board therefore always add up to its
//! recipients. The account's daily totals move by the difference, in one transaction with
//! the board.

use crate::{
    campaign::{Campaign, Heads, ReadCampaigns},
    clock::Clock,
    event::{self, Event, Kind},
    failure::Failure,
    id::{AccountId, CampaignId},
    journal::{self, Journal, Page},
    message::{Marks, Message, Progress, State},
    origin::Origin,
    store::Unavailable,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, future::Future};

/// What a board knows of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Which of the message's changes was the last to be seen; 0 before the first.
    pub revision: u16,
    /// The state.
    pub state: State,
    /// What happened to it since it left.
    pub marks: Marks,
}

impl Cell {
    /// A message whose turn has not come.
    pub const NEW: Self = Self {
        revision: 0,
        state: State::Queued,
        marks: Marks {
            delivered: false,
            read: false,
            responded: false,
            closed: false,
        },
    };

    /// How many bytes a cell takes.
    pub const BYTES: usize = 4;

    /// The cell as bytes: the state's place among all, flags, and the revision.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let state = State::ALL
            .iter()
            .zip(0_u8..)
            .find(|(s, _)| **s == self.state)
            .map_or(0, |(_, n)| n);
        let m = self.marks;
        let flags = [m.delivered, m.read, m.responded, m.closed]
            .into_iter()
            .zip(0_u8..)
            .fold(0_u8, |sum, (set, bit)| sum | u8::from(set) << bit);
        let [high, low] = self.revision.to_be_bytes();
        [state, flags, high, low]
    }

    /// Reads a cell back; `None` when the bytes are none.
    #[must_use]
    pub fn from_bytes([state, flags, high, low]: [u8; Self::BYTES]) -> Option<Self> {
        let set = |bit: u8| flags & 1 << bit != 0;
        Some(Self {
            revision: u16::from_be_bytes([high, low]),
            state: *State::ALL.get(usize::from(state))?,
            marks: Marks {
                delivered: set(0),
                read: set(1),
                responded: set(2),
                closed: set(3),
            },
        })
    }
}

/// The counts of one part of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// Whose it is.
    pub account: AccountId,
    /// The campaign.
    pub campaign: CampaignId,
    /// Which part, from 0.
    pub chunk: u32,
    /// When the campaign was accepted: the day its messages count under.
    pub created_at: Timestamp,
    /// Under which heads its messages count.
    pub heads: Heads,
    /// Whether its recipients are in the daily totals.
    pub attempted: bool,
    /// One per recipient.
    pub cells: Vec<Cell>,
    /// How many messages failed, by reason.
    pub failures: BTreeMap<Failure, u32>,
    /// Counts its changes.
    pub version: u64,
}

/// Numbers of messages, or differences between them. The words are those of LivePerson's
/// Outbound Reporting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Accepted.
    pub attempted: i64,
    /// Taken by a gateway.
    pub sent: i64,
    /// Got by a device.
    pub delivered: i64,
    /// Seen by the consumer.
    pub read: i64,
    /// Answered: a conversation was created.
    pub conversations_created: i64,
    /// Of these, closed.
    pub conversations_closed: i64,
    /// Failed for good.
    pub failed: i64,
    /// Left out on purpose.
    pub skipped: i64,
    /// Not sent before the lookback ended.
    pub expired: i64,
    /// Cancelled.
    pub cancelled: i64,
    /// Failed, by reason.
    pub failures: BTreeMap<Failure, i64>,
}

impl Tally {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// The numbers and their names, failures by reason left out.
    #[must_use]
    pub const fn fields(&self) -> [(&'static str, i64); 10] {
        [
            ("attempted", self.attempted),
            ("sent", self.sent),
            ("delivered", self.delivered),
            ("read", self.read),
            ("conversationscreated", self.conversations_created),
            ("conversationsclosed", self.conversations_closed),
            ("failed", self.failed),
            ("skipped", self.skipped),
            ("expired", self.expired),
            ("cancelled", self.cancelled),
        ]
    }

    /// Adds `other`, `sign` being 1 or -1.
    pub fn add(&mut self, other: &Self, sign: i64) {
        self.attempted += sign * other.attempted;
        self.sent += sign * other.sent;
        self.delivered += sign * other.delivered;
        self.read += sign * other.read;
        self.conversations_created += sign * other.conversations_created;
        self.conversations_closed += sign * other.conversations_closed;
        self.failed += sign * other.failed;
        self.skipped += sign * other.skipped;
        self.expired += sign * other.expired;
        self.cancelled += sign * other.cancelled;
        for (failure, n) in &other.failures {
            *self.failures.entry(*failure).or_default() += sign * n;
        }
        self.failures.retain(|_, n| *n != 0);
    }
}

/// A campaign's counts by state. The first nine states add up to `accepted`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All messages.
    pub accepted: u32,
    /// Waiting for their turn.
    pub queued: u32,
    /// Being handed to gateways.
    pub sending: u32,
    /// Waiting for a conversation to close.
    pub held: u32,
    /// Taken by a gateway: SENT and beyond.
    pub sent: u32,
    /// Failed for good.
    pub failed: u32,
    /// Left out on purpose.
    pub skipped: u32,
    /// Not sent before the lookback ended.
    pub expired: u32,
    /// Cancelled.
    pub cancelled: u32,
    /// Of the sent: got by a device.
    pub delivered: u32,
    /// Of the sent: seen by the consumer.
    pub read: u32,
    /// Of the sent: answered.
    pub responded: u32,
}

/// A campaign's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Course {
    /// Messages are still on their way.
    Sending,
    /// Every message is in a final state.
    Finished,
    /// It was cancelled.
    Cancelled,
}

impl Course {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sending => "SENDING",
            Self::Finished => "FINISHED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

impl Board {
    /// Takes in that `progress` was made by the message of recipient `index`; whether that
    /// was news.
    pub fn take_in(&mut self, index: u32, progress: &Progress) -> bool {
        let Some(cell) = self.cells.get_mut(index as usize) else {
            return false;
        };
        let revision = u16::try_from(progress.revision).unwrap_or(u16::MAX);
        if revision <= cell.revision {
            return false;
        }
        // A device can report a message that failed for want of the gateway's answer.
        if let Some(failure) = progress.failure {
            let count = self.failures.entry(failure).or_default();
            match (cell.state, progress.state) {
                (State::Failed, State::Failed) => {}
                (_, State::Failed) => *count += 1,
                (State::Failed, _) => *count = count.saturating_sub(1),
                _ => {}
            }
        }
        self.failures.retain(|_, count| *count > 0);
        *cell = Cell {
            revision,
            state: progress.state,
            marks: progress.marks,
        };
        true
    }

    /// What it has for the daily totals.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let count = |fits: fn(&Cell) -> bool| {
            i64::try_from(self.cells.iter().filter(|c| fits(c)).count()).unwrap_or(i64::MAX)
        };
        Tally {
            attempted: if self.attempted { count(|_| true) } else { 0 },
            sent: count(|c| c.state.is_sent()),
            delivered: count(|c| c.marks.delivered),
            read: count(|c| c.marks.read),
            conversations_created: count(|c| c.marks.responded),
            conversations_closed: count(|c| c.marks.closed),
            failed: count(|c| c.state == State::Failed),
            skipped: count(|c| c.state == State::Skipped),
            expired: count(|c| c.state == State::Expired),
            cancelled: count(|c| c.state == State::Cancelled),
            failures: self
                .failures
                .iter()
                .map(|(failure, n)| (*failure, i64::from(*n)))
                .collect(),
        }
    }

    /// The day (UTC) its messages count under.
    #[must_use]
    pub fn day(&self) -> Date {
        self.created_at.to_zoned(TimeZone::UTC).date()
    }

    /// Whether every message is in a final state.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.cells.iter().all(|c| c.state.is_final())
    }
}

/// A campaign's counts, read off all its boards.
///
/// What a cancelled campaign has not sent will never be sent: it counts as cancelled from
/// the instant of the call, whenever the sender gets to it.
#[must_use]
pub fn counts(campaign: &Campaign, boards: &[Board]) -> Counts {
    let mut counts = Counts::default();
    for cell in boards.iter().flat_map(|b| &b.cells) {
        counts.accepted += 1;
        let of_state = match shown(campaign, cell.state) {
            State::Queued => &mut counts.queued,
            State::Sending => &mut counts.sending,
            State::Held => &mut counts.held,
            State::Sent | State::Delivered | State::Read | State::Responded => &mut counts.sent,
            State::Failed => &mut counts.failed,
            State::Skipped => &mut counts.skipped,
            State::Expired => &mut counts.expired,
            State::Cancelled => &mut counts.cancelled,
        };
        *of_state += 1;
        counts.delivered += u32::from(cell.marks.delivered);
        counts.read += u32::from(cell.marks.read);
        counts.responded += u32::from(cell.marks.responded);
    }
    counts
}

/// A message's state as its campaign lets it be seen.
#[must_use]
pub const fn shown(campaign: &Campaign, state: State) -> State {
    match state {
        State::Queued | State::Held if campaign.cancelled_at.is_some() => State::Cancelled,
        state => state,
    }
}

/// A campaign's state.
#[must_use]
pub const fn course(campaign: &Campaign, counts: &Counts) -> Course {
    let open = counts.queued + counts.sending + counts.held;
    // What was over before it was cancelled stays finished.
    if campaign.cancelled_at.is_some() && open + counts.cancelled > 0 {
        Course::Cancelled
    } else if open == 0 {
        Course::Finished
    } else {
        Course::Sending
    }
}

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

/// Keeps boards and the account's daily totals.
pub trait BoardStore: Send + Sync {
    /// The board of a part of a campaign, if there is one, as of this instant.
    fn board(
        &self,
        account: &AccountId,
        campaign: &CampaignId,
        chunk: u32,
    ) -> impl Future<Output = Result<Option<Board>, Unavailable>> + Send;

    /// Saves the board, moves its day's totals by `difference` and records the page of events,
    /// in one transaction, if the stored board still has version `board.version - 1` and the
    /// campaign's newest event is still the one before the page; whether that was so.
    fn save_board(
        &self,
        board: &Board,
        difference: &Tally,
        events: Option<&Page>,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
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
    let mut by_board: BTreeMap<(AccountId, CampaignId, u32), Gathered> = BTreeMap::new();
    for change in changes {
        match change {
            Change::Accepted {
                account,
                campaign,
                chunk,
                origin,
            } => {
                let of = by_board.entry((account, campaign, chunk)).or_default();
                of.accepted = origin;
            }
            Change::Message(message) => {
                let (account, place) = (message.key.account.clone(), &message.place);
                by_board
                    .entry((account, place.campaign.clone(), place.chunk))
                    .or_default()
                    .changes
                    .push(*message);
            }
        }
    }
    for ((account, campaign, chunk), Gathered { accepted, changes }) in by_board {
        let of = Of {
            accepted,
            is_told: journal::is_kept(store, &account).await?,
            account,
            campaign,
            chunk,
        };
        let mut rest = &changes[..];
        while let Some(taken) = take_in_some(store, clock, &of, rest).await? {
            rest = &rest[taken..];
            if rest.is_empty() {
                break;
            }
        }
    }
    Ok(())
}

/// What there is to take in of a part of a campaign.
#[derive(Default)]
struct Gathered {
    accepted: Option<Origin>,
    changes: Vec<Message>,
}

/// A part of a campaign.
struct Of {
    /// What its acceptance follows from, if that is known here.
    accepted: Option<Origin>,
    account: AccountId,
    campaign: CampaignId,
    chunk: u32,
    /// Whether webhooks are told what happens to it.
    is_told: bool,
}

/// What some changes make of a board.
struct Taken {
    board: Board,
    /// Whether it is another than it was.
    is_news: bool,
    events: Vec<Event>,
    /// How many changes were taken in.
    count: usize,
}

/// Takes in as many changes as make a page of events; how many, if there is such a board.
async fn take_in_some<S>(
    store: &S,
    clock: &impl Clock,
    of: &Of,
    changes: &[Message],
) -> Result<Option<usize>, Unavailable>
where
    S: BoardStore + Journal + ReadCampaigns,
{
    let (account, campaign) = (&of.account, &of.campaign);
    for _ in 0..TRIES {
        let Some(old) = store.board(account, campaign, of.chunk).await? else {
            // The campaign is past its retention: there is nothing to count it under.
            return Ok(None);
        };
        let now = clock.now();
        let Taken {
            board: new,
            is_news,
            events,
            count,
        } = take_in(&old, of, changes, now);
        let is_saved = if is_news {
            let page = if events.is_empty() {
                None
            } else {
                let last = store.last_number(account, campaign).await?;
                Page::of(account, Some((campaign.clone(), last)), events, now)
            };
            let mut difference = new.tally();
            difference.add(&old.tally(), -1);
            store.save_board(&new, &difference, page.as_ref()).await?
        } else {
            true
        };
        if !is_saved {
            continue;
        }
        // Without news, too: who took it in may have died before this.
        if of.is_told && new.is_final() && (!is_news || !old.is_final()) {
            let last = changes.iter().rev().find_map(|m| m.origin.clone());
            journal::finish(store, clock, account, campaign, last).await?;
        }
        return Ok(Some(count));
    }
    Err(Unavailable::new("the board kept changing"))
}

fn take_in(old: &Board, of: &Of, changes: &[Message], now: Timestamp) -> Taken {
    let mut board = old.clone();
    let (mut is_news, mut count, mut events) = (!old.attempted, 0, Vec::new());
    if of.is_told && !old.attempted && old.chunk == 0 {
        let accepted = event::of_campaign(
            Kind::CampaignAccepted,
            &old.account,
            &old.campaign,
            &old.heads.handoff,
            &old.heads.skill,
            old.created_at,
        );
        let origin = of.accepted.clone();
        events.push(Event { origin, ..accepted });
    }
    board.attempted = true;
    for message in changes {
        if events.len() >= journal::MOST {
            break;
        }
        let index = message.place.index;
        let before = board.cells.get(index as usize).copied();
        if board.take_in(index, &message.progress()) {
            is_news = true;
            let before = before.filter(|_| of.is_told);
            events.extend(
                before
                    .into_iter()
                    .flat_map(|b| event::of_message(&b, message, now)),
            );
        }
        count += 1;
    }
    if is_news {
        board.version += 1;
    }
    Taken {
        board,
        is_news,
        events,
        count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(recipients: usize) -> Board {
        Board {
            account: "demo".parse().unwrap(),
            campaign: "c1".parse().unwrap(),
            chunk: 0,
            created_at: Timestamp::UNIX_EPOCH,
            heads: Heads {
                skill: "sales".parse().unwrap(),
                handoff: "H1".parse().unwrap(),
                app: "prmsg".into(),
            },
            attempted: true,
            cells: vec![Cell::NEW; recipients],
            failures: BTreeMap::new(),
            version: 0,
        }
    }

    fn progress(revision: u32, state: State) -> Progress {
        Progress {
            revision,
            state,
            marks: Marks::default(),
            failure: (state == State::Failed).then_some(Failure::NoDevice),
        }
    }

    #[test]
    fn cells_survive_their_bytes() {
        for state in State::ALL {
            for flags in 0..16_u8 {
                let cell = Cell {
                    revision: 0xABCD,
                    state,
                    marks: Marks {
                        delivered: flags & 1 != 0,
                        read: flags & 2 != 0,
                        responded: flags & 4 != 0,
                        closed: flags & 8 != 0,
                    },
                };
                assert_eq!(Cell::from_bytes(cell.to_bytes()), Some(cell));
            }
        }
        assert_eq!(Cell::from_bytes([255, 0, 0, 0]), None);
    }

    #[test]
    fn a_change_counts_once_and_an_older_one_not_at_all() {
        let mut b = board(2);
        assert!(b.take_in(0, &progress(2, State::Failed)));
        assert!(!b.take_in(0, &progress(2, State::Failed)));
        assert!(!b.take_in(0, &progress(1, State::Sending)));
        assert!(!b.take_in(7, &progress(1, State::Sending)));
        assert_eq!(b.tally().failed, 1);
        assert_eq!(b.failures, BTreeMap::from([(Failure::NoDevice, 1)]));
    }

    #[test]
    fn differences_add_up_to_the_whole() {
        let mut b = board(3);
        let mut total = Tally::default();
        for (index, state) in [(0, State::Sent), (1, State::Failed), (2, State::Expired)] {
            let before = b.tally();
            b.take_in(index, &progress(1, state));
            let mut difference = b.tally();
            difference.add(&before, -1);
            total.add(&difference, 1);
        }
        total.attempted = 3;
        assert_eq!(total, b.tally());
    }
}
