//! Measures the `send` function on a core of its own, and how the cost of a message grows:
//! `tests/bench/push/run function growth`.
//!
//! Nothing is asserted but that what was sent was taken: machines differ. Compare figures of one
//! run with one another; `infra/docs/benches.md` tells what they mean.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    unused_imports,
    reason = "a bench that cannot go on stops; it shares the tests' world and uses a part of it"
)]

#[path = "../../it/brand.rs"]
mod brand;
mod function;
mod growth;
#[path = "../../it/parts.rs"]
mod parts;
mod process;
#[path = "../../it/world.rs"]
mod world;

const USAGE: &str = "\
cargo bench --bench push -- function           the send function, in batches of 1, 10 and 100
                           growth [MESSAGES]  what a message costs, of up to so many (10000)
Without a word: function.";

#[tokio::main]
async fn main() {
    let given: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    match given[..] {
        [] | ["function"] => function::run().await,
        ["growth"] => growth::run(10_000).await,
        ["growth", most] => growth::run(most.parse().expect("a number of messages")).await,
        _ => println!("{USAGE}"),
    }
}
