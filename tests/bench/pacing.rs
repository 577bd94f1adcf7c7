//! How well the pace is kept in real time: how long campaigns take beside their recipients at the
//! pace, and the most messages that came to the gateways within one second.

use crate::{
    brand::Brand,
    parts::{campaign, crowd, custom, proactive},
    world::{PATIENCE, World},
};
use jiff::Timestamp;
use std::time::Duration;

/// Prints it for one campaign at several paces, for several campaigns at once, and for two
/// accounts at once.
pub(crate) async fn of_campaigns() {
    println!(
        "pacing                               from call  first to last     ideal  fullest second"
    );
    for (pace, recipients) in [(10, 1), (10, 100), (50, 250)] {
        run(&[(pace, &[recipients])]).await;
    }
    run(&[(10, &[50, 20, 30])]).await;
    run(&[(10, &[100]), (50, &[100, 100, 100])]).await;
}

/// Posts the campaigns of all accounts at once; an account is its pace and its campaigns' sizes.
async fn run(accounts: &[(u32, &[usize])]) {
    let world = World::start().await;
    let mut brands = Vec::new();
    for (n, (pace, sizes)) in accounts.iter().enumerate() {
        let name = format!("account{n}");
        let brand = world.brand_sending(&name, *pace).await;
        raise_limit(&brand, *pace).await;
        let people = crowd(&name, sizes.iter().copied().max().unwrap_or(0));
        for id in &people {
            brand.with_iphone(id).await;
        }
        let handoff = brand.greeting().await;
        // Instances are up, and what they keep is read.
        brand.launch(campaign(&handoff, &people[..1])).await;
        brands.push((brand, handoff, people));
    }
    world.stack.settled().await.unwrap();
    // The account's clock has passed the slot of the first message.
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.stack.sandbox().clear_pushes();

    let posted = world.stack.clock().now();
    for ((brand, handoff, people), (_, sizes)) in brands.iter().zip(accounts) {
        for size in *sizes {
            brand.launch(campaign(handoff, &people[..*size])).await;
        }
    }
    let all: usize = accounts.iter().flat_map(|(_, sizes)| *sizes).sum();
    let here = |stack: &local::Stack| proactive(stack).len() >= all;
    assert!(world.stack.until(PATIENCE, here).await, "all arrive");
    for ((brand, ..), (pace, sizes)) in brands.iter().zip(accounts) {
        let came = arrivals(&world, &brand.account);
        let last = came[came.len() - 1];
        let recipients = u32::try_from(sizes.iter().sum::<usize>()).unwrap();
        println!(
            "{:36}{:>10.2} s {:>12.2} s {:>7.1} s {:>12}",
            format!("{sizes:?} at {pace}/s"),
            last.duration_since(posted).as_secs_f64(),
            last.duration_since(came[0]).as_secs_f64(),
            f64::from(recipients) / f64::from(*pace),
            fullest_second(&came),
        );
    }
}

async fn raise_limit(brand: &Brand<'_>, pace: u32) {
    let settings = serde_json::json!({
        "defaultSkill": "support",
        "limits": {"recipientsPerCampaign": 1000, "sendsPerSecond": pace, "requestsPerSecond": 4000},
    });
    brand.operator.put("settings", settings).await.ok(200);
}

/// When an account's messages came to the gateways, in order.
fn arrivals(world: &World, account: &str) -> Vec<Timestamp> {
    let mut pushes = proactive(&world.stack);
    pushes.retain(|push| custom(push, "brandId") == account);
    let mut at: Vec<_> = pushes.iter().map(|push| push.at).collect();
    at.sort_unstable();
    at
}

/// The most that came within a second, from whenever on.
fn fullest_second(came: &[Timestamp]) -> usize {
    let within = |(i, first): (usize, &Timestamp)| {
        came[i..].partition_point(|at| at.duration_since(*first).as_secs() < 1)
    };
    came.iter().enumerate().map(within).max().unwrap_or(0)
}
