//! Boards and daily totals, in memory.

use super::Store;
use domain::{
    board::{Board, BoardStore, Tally},
    id::{AccountId, CampaignId},
    journal::Page,
    report::{Day, ReadDays},
    store::Unavailable,
};
use jiff::civil::Date;

impl BoardStore for Store {
    async fn board(
        &self,
        account: &AccountId,
        campaign: &CampaignId,
        chunk: u32,
    ) -> Result<Option<Board>, Unavailable> {
        let tables = self.begin("board").await?;
        let key = (account.clone(), campaign.clone(), chunk);
        Ok(tables.boards.get(&key).cloned())
    }

    async fn save_board(
        &self,
        board: &Board,
        difference: &Tally,
        events: Option<&Page>,
    ) -> Result<bool, Unavailable> {
        let mut tables = self.begin("save_board").await?;
        let key = (board.account.clone(), board.campaign.clone(), board.chunk);
        let stands = tables
            .boards
            .get(&key)
            .is_some_and(|old| old.version + 1 == board.version)
            && events.is_none_or(|page| tables.fits(page));
        if stands {
            tables.boards.insert(key, board.clone());
            let day = (board.account.clone(), board.day(), board.heads.clone());
            tables.days.entry(day).or_default().add(difference, 1);
            if let Some(page) = events {
                tables.add_page(page);
            }
        }
        Ok(stands)
    }
}

impl ReadDays for Store {
    async fn days(
        &self,
        account: &AccountId,
        from: Date,
        to: Date,
    ) -> Result<Vec<Day>, Unavailable> {
        let tables = self.begin("days").await?;
        Ok(tables
            .days
            .iter()
            .filter(|((a, date, _), _)| a == account && (from..=to).contains(date))
            .map(|((_, date, heads), tally)| Day {
                date: *date,
                heads: heads.clone(),
                tally: tally.clone(),
            })
            .collect())
    }
}
