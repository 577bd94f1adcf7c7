//! Boards and daily totals, as they are stored.

use crate::{
    Table,
    key::{Key, Range},
    read::from_item,
    table::{Change, Transacted, Write, n, s, unavailable},
    time,
};
use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use domain::{
    board::{Board, BoardStore, Cell, Tally},
    campaign::{Chunk, Heads},
    failure::Failure,
    id::{AccountId, CampaignId},
    journal::Page,
    store::Unavailable,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A board as it is stored, but for its cells, which are bytes.
#[derive(Debug, Serialize, Deserialize)]
struct Item {
    kind: String,
    account: AccountId,
    campaign: CampaignId,
    chunk: u32,
    #[serde(with = "time")]
    created_at: Timestamp,
    heads: Heads,
    attempted: bool,
    failures: BTreeMap<Failure, u32>,
    version: u64,
    ttl: i64,
}

/// The attribute that holds the cells, four bytes each.
const CELLS: &str = "cells";

fn write(board: &Board, ttl: i64) -> Result<Write, Unavailable> {
    let item = Item {
        kind: "board".to_owned(),
        account: board.account.clone(),
        campaign: board.campaign.clone(),
        chunk: board.chunk,
        created_at: board.created_at,
        heads: board.heads.clone(),
        attempted: board.attempted,
        failures: board.failures.clone(),
        version: board.version,
        ttl,
    };
    let key = Key::board(&board.account, &board.campaign, board.chunk);
    let mut write = Write::put(&key, &item)?;
    if let Write::Put { item, .. } = &mut write {
        let bytes: Vec<u8> = board.cells.iter().flat_map(|c| c.to_bytes()).collect();
        item.insert(CELLS.to_owned(), AttributeValue::B(Blob::new(bytes)));
    }
    Ok(write)
}

/// The board that a part of a campaign starts with.
pub(crate) fn first(chunk: &Chunk, ttl: i64) -> Result<Write, Unavailable> {
    let board = Board {
        account: chunk.account.clone(),
        campaign: chunk.campaign.clone(),
        chunk: chunk.number,
        created_at: chunk.created_at,
        heads: chunk.heads.clone(),
        attempted: false,
        cells: vec![Cell::NEW; chunk.recipients.len()],
        failures: BTreeMap::new(),
        version: 0,
    };
    write(&board, ttl)
}

pub(crate) fn read(mut attributes: crate::key::Attributes) -> Result<Board, Unavailable> {
    let cells = match attributes.remove(CELLS) {
        Some(AttributeValue::B(bytes)) => bytes.into_inner(),
        _ => return Err(Unavailable::new("a board has no cells")),
    };
    let cells = cells
        .chunks(Cell::BYTES)
        .map(|bytes| bytes.try_into().ok().and_then(Cell::from_bytes))
        .collect::<Option<_>>()
        .ok_or_else(|| Unavailable::new("a board's cells cannot be read"))?;
    let item: Item = from_item(attributes).map_err(unavailable)?;
    Ok(Board {
        account: item.account,
        campaign: item.campaign,
        chunk: item.chunk,
        created_at: item.created_at,
        heads: item.heads,
        attempted: item.attempted,
        cells,
        failures: item.failures,
        version: item.version,
    })
}

impl Table {
    pub(crate) async fn all_boards(
        &self,
        account: &AccountId,
        campaign: &CampaignId,
    ) -> Result<Vec<Board>, Unavailable> {
        self.query(&Range::boards(account, campaign), false, None)
            .await?
            .into_iter()
            .map(read)
            .collect()
    }
}

/// The attribute of a day's item that counts messages that failed so.
pub(crate) fn failed(failure: Failure) -> String {
    format!("failed_{}", failure.as_str())
}

/// Moves the totals of a board's day.
fn move_day(board: &Board, difference: &Tally, ttl: i64) -> Write {
    let heads = &board.heads;
    let date = board.day();
    let key = Key::day(
        &board.account,
        date,
        &heads.app,
        &heads.handoff,
        &heads.skill,
    );
    let mut change = Change::default()
        .name("#date", "date")
        .name("#ttl", "ttl")
        .value(":kind", s("day"))
        .value(":date", s(date.to_string()))
        .value(":app", s(&heads.app))
        .value(":handoff", s(heads.handoff.as_str()))
        .value(":skill", s(heads.skill.as_str()))
        .value(":ttl", n(ttl));
    let mut adds = Vec::new();
    let fields = difference
        .fields()
        .into_iter()
        .map(|(name, by)| (name.to_owned(), by));
    let failures = difference.failures.iter().map(|(f, by)| (failed(*f), *by));
    for (name, by) in fields.chain(failures).filter(|(_, by)| *by != 0) {
        let (alias, value) = (format!("#{name}"), format!(":{name}"));
        adds.push(format!("{alias} {value}"));
        change = change.name(&alias, &name).value(&value, n(by));
    }
    change = change.expression(format!(
        "SET kind = :kind, #date = :date, app = :app, handoff = :handoff, skill = :skill, \
         #ttl = :ttl ADD {}",
        adds.join(", ")
    ));
    Write::update(key, change)
}

impl BoardStore for Table {
    async fn board(
        &self,
        account: &AccountId,
        campaign: &CampaignId,
        chunk: u32,
    ) -> Result<Option<Board>, Unavailable> {
        self.get_all(&[Key::board(account, campaign, chunk)])
            .await?
            .pop()
            .map(read)
            .transpose()
    }

    async fn save_board(
        &self,
        board: &Board,
        difference: &Tally,
        events: Option<&Page>,
    ) -> Result<bool, Unavailable> {
        let ttl = self.expiry(board.created_at);
        let put = write(board, ttl)?
            .only_if("version = :before")
            .value(":before", n(board.version.saturating_sub(1)));
        if difference.is_zero() && events.is_none() {
            return self.put_if(put).await;
        }
        let mut writes = vec![put];
        if !difference.is_zero() {
            writes.push(move_day(board, difference, ttl));
        }
        if let Some(page) = events {
            writes.extend(self.page(page)?);
        }
        Ok(matches!(self.transact(writes).await?, Transacted::Done))
    }
}
