//! The bill: what a message, a device's report and an idle month cost, from what the local stack
//! meters and AWS's list prices, as `infra/docs/cost.md` tells.
//!
//! | what | where |
//! |---|---|
//! | what AWS asks for | `prices` |
//! | what a message and a report use, metered anew with each run | `usage` |
//! | what is assumed, and what all that comes to | `bill` |
//!
//! `UPDATE_COST=1 cargo test -p functions --test it cost::` writes the page's tables anew.

mod bill;
mod prices;
mod usage;

use bill::{Line, Settings, assumed, kept, measured, months_kept, sum};
use prices::PRICES;
use std::{env, fmt::Write as _, fs, path::PathBuf};

const PAGE: &str = "infra/docs/cost.md";
const AGAIN: &str = "UPDATE_COST=1 cargo test -p functions --test it cost::";
/// Between these the page is computed.
const BEGIN: &str = "<!-- computed: tests/it/cost -->\n";
const END: &str = "<!-- end -->\n";

/// The most that a million messages may cost, sent and counted, with the reports of their devices,
/// in US dollars.
const GOAL: f64 = 6.0;
/// The most that an idle month may cost.
const IDLE_GOAL: f64 = 5.0;

const MILLION: f64 = 1e6;

fn beyond_free(lines: &[Line]) -> f64 {
    let mut by_price: Vec<Line> = Vec::new();
    for line in lines {
        match by_price
            .iter_mut()
            .find(|l| l.price.what == line.price.what)
        {
            Some(known) => known.count += line.count,
            None => by_price.push(*line),
        }
    }
    by_price
        .iter()
        .map(|line| line.price.beyond_free(line.count))
        .sum()
}

/// Reports of devices for each sent message, by assumption.
fn reports() -> f64 {
    assumed::DELIVERED + assumed::READ
}

/// A million messages and their devices' reports.
fn with_reports(settings: Settings) -> f64 {
    sum(&settings.sent(), MILLION) + sum(&settings.reported(), MILLION * reports())
}

fn is_met(cost: f64, goal: f64) -> String {
    let word = if cost < goal { "met" } else { "not met" };
    format!("below {goal:.2}: {word}")
}

fn table(page: &mut String, title: &str, lines: &[Line], times: f64) {
    writeln!(page, "\n### {title}\n").unwrap();
    page.push_str("| what | how much | USD |\n|---|---|---|\n");
    for Line { price, count } in lines {
        let count = count * times;
        let usd = price.of(count);
        let count = count / price.amount;
        let unit = price.unit;
        writeln!(page, "| {} | {count:.3} {unit} | {usd:.2} |", price.what).unwrap();
    }
    writeln!(page, "| **all** | | **{:.2}** |", sum(lines, times)).unwrap();
}

fn computed() -> String {
    let mut page = String::new();
    let deployed = Settings::deployed();
    let idle = bill::idle(deployed);
    page.push_str("\n## What it comes to\n\n| what | USD | goal |\n|---|---|---|\n");
    let rows = [
        (
            "a million messages, sent and counted in reports",
            sum(&deployed.sent(), MILLION),
            Some(GOAL),
        ),
        (
            "a million reports of devices (`reportMessage`)",
            sum(&deployed.reported(), MILLION),
            None,
        ),
        (
            "a million messages with their devices' reports",
            with_reports(deployed),
            Some(GOAL),
        ),
        (
            "keeping a million messages, each month",
            sum(&kept(), 1.0),
            None,
        ),
        (
            "the same for all of their retention",
            sum(&kept(), months_kept()),
            None,
        ),
        (
            "an idle month, at list prices",
            sum(&idle, 1.0),
            Some(IDLE_GOAL),
        ),
        (
            "an idle month, less what AWS gives each account for nothing",
            beyond_free(&idle),
            Some(IDLE_GOAL),
        ),
        (
            "the functions' own metrics besides, in a month in which all are sent in every hour",
            sum(&measured(), 1.0),
            None,
        ),
    ];
    for (what, cost, goal) in rows {
        let goal = goal.map(|goal| is_met(cost, goal)).unwrap_or_default();
        writeln!(page, "| {what} | {cost:.2} | {goal} |").unwrap();
    }
    table(
        &mut page,
        "A million messages, sent and counted",
        &deployed.sent(),
        MILLION,
    );
    table(
        &mut page,
        "A million reports of devices",
        &deployed.reported(),
        MILLION,
    );
    table(&mut page, "An idle month", &idle, 1.0);
    table(
        &mut page,
        "Keeping a million messages, each month",
        &kept(),
        1.0,
    );
    levers(&mut page, deployed);
    page.push_str("\n## Prices\n\n| what | for | USD | free each month |\n|---|---|---|---|\n");
    for price in PRICES {
        let free = if price.free > 0.0 {
            (price.free / price.amount).to_string()
        } else {
            String::new()
        };
        let (what, amount) = (price.what, price.unit);
        let one = if amount == "million" { "a" } else { "one" };
        writeln!(page, "| {what} | {one} {amount} | {} | {free} |", price.usd).unwrap();
    }
    page.push('\n');
    page
}

/// What other parameters of the template come to.
fn levers(page: &mut String, deployed: Settings) {
    page.push_str("\n## Levers\n\n");
    page.push_str("| parameter | sent and counted | with devices' reports | an idle month |\n");
    page.push_str("|---|---|---|---|\n");
    let traced = Settings {
        traced: true,
        ..deployed
    };
    let logged = Settings {
        platform_lines: true,
        ..deployed
    };
    let counted = |window| Settings { window, ..deployed };
    let shown = Settings {
        dashboard: true,
        ..deployed
    };
    let all = Settings {
        window: 1.0,
        traced: true,
        platform_lines: true,
        dashboard: true,
    };
    for (what, settings) in [
        ("none: the template's defaults", deployed),
        ("`CountingWindow=1`", counted(1.0)),
        ("`CountingWindow=10`", counted(10.0)),
        ("`PlatformLogLevel=INFO`", logged),
        ("`Tracing=Active`", traced),
        ("`ShowDashboard=true`, as `prod` has it", shown),
        ("`CountingWindow=1` and the three last", all),
    ] {
        let (sent, both) = (sum(&settings.sent(), MILLION), with_reports(settings));
        let idle = sum(&bill::idle(settings), 1.0);
        writeln!(page, "| {what} | {sent:.2} | {both:.2} | {idle:.2} |").unwrap();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whether to update is for whoever tests"
)]
fn is_update() -> bool {
    env::var("UPDATE_COST").is_ok()
}

#[test]
fn the_page_is_what_usage_and_prices_come_to_and_the_goals_are_met() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = fs::read_to_string(&file).unwrap();
    let (head, rest) = page.split_once(BEGIN).unwrap();
    let (told, tail) = rest.split_once(END).unwrap();
    let computed = computed();
    if is_update() {
        fs::write(&file, format!("{head}{BEGIN}{computed}{END}{tail}")).unwrap();
    } else {
        assert_eq!(told, computed, "{PAGE} is not up to date: {AGAIN}");
    }
    let deployed = Settings::deployed();
    let all = with_reports(deployed);
    assert!(all < GOAL, "{all} a million messages");
    let idle = sum(&bill::idle(deployed), 1.0);
    assert!(idle < IDLE_GOAL, "{idle} an idle month");
}
