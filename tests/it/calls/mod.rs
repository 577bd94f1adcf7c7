//! What each call of the API costs in DynamoDB: no more than three requests, as
//! `infra/docs/calls.md` tells.

mod meter;
mod scenes;

use crate::world::World;
use domain::access::CALLS;
use local::usage::Count;
use meter::Meter;
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::PathBuf,
};

const AGAIN: &str = "UPDATE_CALLS=1 cargo test -p functions --test it calls::";

/// The most requests of a call.
const MOST: u64 = 3;

/// The calls that make more, which the page explains.
const MORE: [(&str, u64); 1] = [("listTransactions", 4)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_makes_more_than_three_requests_and_the_page_tells_them() {
    let world = World::start().await;
    let mut meter = Meter::new(&world).await;
    scenes::play(&mut meter).await;

    let rows = meter.rows;
    for (name, count) in &rows {
        println!("{name:60} {count:?}");
    }
    let measured: BTreeSet<_> = rows
        .keys()
        .filter_map(|name| name.split([' ', ',']).next())
        .collect();
    let all: BTreeSet<_> = CALLS.iter().map(|(name, _)| *name).collect();
    assert_eq!(measured, all, "every call is measured");
    let more: Vec<_> = rows
        .iter()
        .filter(|(_, count)| count.calls > MOST)
        .map(|(name, count)| (name.as_str(), count.calls))
        .collect();
    assert_eq!(more, MORE, "calls of more than {MOST} requests");

    let told = page(&rows);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("infra/docs/calls.md");
    if is_update() {
        fs::write(path, told).unwrap();
        return;
    }
    let committed = fs::read_to_string(path).unwrap();
    assert_eq!(committed, told, "infra/docs/calls.md; again: {AGAIN}");
}

/// The page with the table that was measured.
fn page(rows: &BTreeMap<String, Count>) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("infra/docs/calls.md");
    let page = fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once("| call |").unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    let mut table =
        String::from("| call | requests | read units | write units |\n|---|---|---|---|\n");
    for (name, count) in rows {
        let (word, more) = name.split_at(name.find([' ', ',']).unwrap_or(name.len()));
        let Count {
            calls,
            read_units,
            write_units,
        } = count;
        let row = format!("| `{word}`{more} | {calls} | {read_units} | {write_units} |\n");
        table.push_str(&row);
    }
    format!("{before}{table}\n{after}")
}

/// Whether the page is to be written anew.
#[expect(
    clippy::disallowed_methods,
    reason = "what a developer asks of the test, not a setting of a function"
)]
fn is_update() -> bool {
    env::var("UPDATE_CALLS").is_ok_and(|value| value == "1")
}
