//! Counting: a campaign's board has one small cell per recipient, and counts are read off it.
//!
//! Changes of messages arrive at least once and in any order of messages, so nothing is
//! ever added up: each cell holds the newest state of its message, and a change that is
//! older than its cell is dropped. The counts of a board therefore always add up to its
//! recipients. The account's daily totals move by the difference, in one transaction with
//! the board.

mod cell;
mod changes;
mod counts;
mod tally;

pub use cell::Cell;
pub use changes::{Change, tally};
pub use counts::{Counts, Course, counts, course, state};
pub use tally::Tally;

use crate::{
    campaign::Heads,
    clock,
    failure::Failure,
    id::{AccountId, CampaignId},
    journal::Page,
    message::{Progress, State},
    store::Unavailable,
};
use jiff::{Timestamp, civil::Date};
use std::{collections::BTreeMap, future::Future};

/// The cells of one part of a campaign, and what they do not tell.
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
    /// Counts its changes, for the condition under which it is saved.
    pub version: u64,
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
        clock::day(self.created_at)
    }

    /// Whether every message is in a final state.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.cells.iter().all(|c| c.state.is_final())
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Marks;

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
