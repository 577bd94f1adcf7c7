//! What a keeper of boards and daily totals promises.

use super::sample;
use domain::{
    board::{Board, BoardStore, Cell, Tally},
    campaign::{AcceptCampaigns, ReadCampaigns},
    failure::Failure,
    message::{Marks, State},
    report::ReadDays,
};
use futures_util::future::join_all;
use jiff::civil::Date;
use std::{collections::BTreeMap, slice::from_ref};

/// A board and its day's totals move together, one change at a time.
pub async fn board_store<S>(store: &S)
where
    S: AcceptCampaigns + ReadCampaigns + BoardStore + ReadDays,
{
    let (ours, theirs) = (sample::account(), sample::account());
    let acceptance = sample::acceptance(&ours, 100, sample::now());
    store.accept(&acceptance).await.unwrap();
    let id = &acceptance.campaign.id;
    let first = store
        .board(&ours, id, 0)
        .await
        .unwrap()
        .expect("a campaign has a board");
    assert_eq!(
        store.boards(&ours, id).await.unwrap(),
        from_ref(&first),
        "the same to all readers"
    );
    assert_eq!(
        store.board(&ours, id, 1).await.unwrap(),
        None,
        "one per part"
    );
    assert_eq!(
        store.board(&theirs, id, 0).await.unwrap(),
        None,
        "an account sees only its own"
    );
    let day = first.day();
    assert_eq!(
        store.days(&ours, day, day).await.unwrap(),
        [],
        "nothing is counted yet"
    );

    let second = changed(&first);
    let difference = difference(&second, &first);
    assert!(
        store.save_board(&second, &difference, None).await.unwrap(),
        "a change is saved"
    );
    assert_eq!(
        store.board(&ours, id, 0).await.unwrap(),
        Some(second.clone()),
        "all of it is read back"
    );
    assert!(
        !store.save_board(&second, &difference, None).await.unwrap(),
        "a change of an older board is not saved"
    );
    let days = store.days(&ours, day, day).await.unwrap();
    assert_eq!(days.len(), 1, "one day, one set of heads, one row");
    assert_eq!(days[0].date, day, "of the day it was accepted");
    assert_eq!(days[0].heads, first.heads, "under its heads");
    assert_eq!(
        days[0].tally,
        second.tally(),
        "with the totals, not moved by what was refused"
    );

    assert_rivals(store, &second).await;
    assert_next_day(store, day).await;
    let foreign = store.days(&theirs, day, day).await.unwrap();
    assert_eq!(foreign, [], "an account sees only its own days");
}

fn changed(first: &Board) -> Board {
    let marks = Marks {
        delivered: true,
        read: true,
        responded: false,
        closed: true,
    };
    let mut second = Board {
        attempted: true,
        failures: BTreeMap::from([(Failure::NoDevice, 1), (Failure::DeviceGone, 2)]),
        version: first.version + 1,
        ..first.clone()
    };
    let cell = |revision, state, marks| Cell {
        revision,
        state,
        marks,
    };
    second.cells[0] = cell(7, State::Read, marks);
    second.cells[99] = cell(u16::MAX, State::Expired, Marks::default());
    for index in 1..=3 {
        second.cells[index] = cell(2, State::Failed, Marks::default());
    }
    second
}

fn difference(new: &Board, old: &Board) -> Tally {
    let mut difference = new.tally();
    difference.add(&old.tally(), -1);
    difference
}

/// Many change the board at once, and one of them does.
async fn assert_rivals(store: &(impl BoardStore + ReadDays), old: &Board) {
    let mut new = old.clone();
    new.version += 1;
    new.cells[50].revision = 1;
    new.cells[50].state = State::Sent;
    let difference = difference(&new, old);
    let results = join_all((0..8).map(|_| store.save_board(&new, &difference, None))).await;
    // A store may also refuse with an error where two writes collide.
    let saved = results.iter().filter(|s| matches!(s, Ok(true))).count();
    assert_eq!(saved, 1, "of many changes at once one is saved");
    let days = store
        .days(&old.account, old.day(), old.day())
        .await
        .unwrap();
    assert_eq!(days[0].tally, new.tally(), "and counted once");
}

/// Campaigns of other days and heads count under theirs.
async fn assert_next_day<S>(store: &S, today: Date)
where
    S: AcceptCampaigns + BoardStore + ReadDays,
{
    let ours = sample::account();
    let before = today.yesterday().unwrap();
    for hours in [0, 24] {
        let at = sample::now() - sample::ms(hours * 3_600_000);
        let acceptance = sample::acceptance(&ours, 2, at);
        store.accept(&acceptance).await.unwrap();
        let id = &acceptance.campaign.id;
        let old = store.board(&ours, id, 0).await.unwrap().unwrap();
        let new = Board {
            attempted: true,
            version: old.version + 1,
            ..old.clone()
        };
        assert!(
            store
                .save_board(&new, &difference(&new, &old), None)
                .await
                .unwrap()
        );
    }
    let days = store.days(&ours, before, today).await.unwrap();
    let dates: Vec<_> = days.iter().map(|d| (d.date, d.tally.attempted)).collect();
    assert_eq!(
        dates,
        [(before, 2), (today, 2)],
        "days are listed in order, both ends included"
    );
    let one = store.days(&ours, before, before).await.unwrap();
    assert_eq!(one.len(), 1, "and only those that are asked for");
}
