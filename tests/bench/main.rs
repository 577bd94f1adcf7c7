//! Measures the system on the local stack: how long a campaign takes, what it costs, how well its
//! pace is kept, and how quickly and small each function starts. `cargo bench --bench measure`;
//! with `-- pacing` the pace alone, with `-- start [FOLDER]` the starts, of the binaries in a folder;
//! with `-- load` what each function needs when it has the most to do.
//!
//! Nothing is asserted: machines differ. Compare figures of one run with one another.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    unused_imports,
    reason = "a bench that cannot go on stops; it shares the tests' world and uses a part of it"
)]

#[path = "../it/brand.rs"]
mod brand;
mod load;
mod pacing;
#[path = "../it/parts.rs"]
mod parts;
#[path = "push/process.rs"]
mod process;
mod start;
#[path = "../it/world.rs"]
mod world;

use parts::{campaign, crowd, proactive};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use world::{Brand, PATIENCE, World};

/// The recipients of each campaign.
const RECIPIENTS: usize = 100;

#[tokio::main]
async fn main() {
    if std::env::args().any(|arg| arg == "pacing") {
        return pacing::of_campaigns().await;
    }
    if std::env::args().any(|arg| arg == "load") {
        return load::of_functions().await;
    }
    let mut arguments = std::env::args().skip_while(|arg| arg != "start");
    let starts_alone = arguments.next().is_some();
    let folder = arguments.find(|arg| !arg.starts_with("--"));
    start::all_functions(folder.as_deref().map(Path::new)).await;
    if starts_alone {
        return;
    }
    for (name, per_second) in [("pacing off", 4_000), ("paced at 10/s", 10)] {
        let world = World::start().await;
        let brand = world.brand_sending("acme", per_second).await;
        let crowd = crowd("c", RECIPIENTS);
        for id in &crowd {
            brand.with_iphone(id).await;
        }
        let handoff = brand.greeting().await;
        // Instances are up, and what they keep is read.
        launch(&world, &brand, &handoff, &crowd[..1]).await;
        world.stack.settled().await.unwrap();
        world.stack.reset_usage();
        let took = launch(&world, &brand, &handoff, &crowd).await;
        println!("campaign of {RECIPIENTS}, {name}: {took:.2?} from the 202 to the last push");
        world.stack.settled().await.unwrap();
        cost(&world);
        let peaks = process::peaks().into_iter();
        let peaks: Vec<_> = peaks
            .map(|(name, mib)| format!("{name} {mib:.0}"))
            .collect();
        println!("  peak memory in MiB: {}", peaks.join(", "));
    }
    pacing::of_campaigns().await;
}

/// Posts a campaign; how long it takes from its acceptance to its last push.
async fn launch(world: &World, brand: &Brand<'_>, handoff: &str, crowd: &[String]) -> Duration {
    let before = proactive(&world.stack).len();
    brand.launch(campaign(handoff, crowd)).await;
    let accepted = Instant::now();
    let wanted = before + crowd.len();
    let arrived = |stack: &local::Stack| proactive(stack).len() >= wanted;
    assert!(world.stack.until(PATIENCE, arrived).await, "all arrive");
    accepted.elapsed()
}

/// What the campaign cost, all functions together.
fn cost(world: &World) {
    let usage = world.stack.usage();
    let units = usage.total("dynamodb:");
    let per = f64::from(u32::try_from(RECIPIENTS).unwrap());
    println!(
        "  per sent recipient: {:.2} write units, {:.2} read units, {:.2} calls of SQS",
        units.write_units / per,
        units.read_units / per,
        f64::from(u32::try_from(usage.total("sqs:").calls).unwrap()) / per,
    );
}
