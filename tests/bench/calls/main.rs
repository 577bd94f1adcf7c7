//! Measures every call of the API on the local stack, one at a time: how long it takes, what its
//! function asks of DynamoDB, and the CPU time that it uses. `cargo bench --bench calls`; with
//! `-- NAME…` only calls whose names begin so.
//!
//! Nothing is asserted: machines differ. DynamoDB's calls and units are the same on all of them.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    unused_imports,
    reason = "a bench that cannot go on stops; it shares the tests' world and uses a part of it"
)]

#[path = "../../it/brand.rs"]
mod brand;
#[path = "../../it/parts.rs"]
mod parts;
#[path = "../push/process.rs"]
mod process;
mod stage;
#[path = "../../it/world.rs"]
mod world;

use reqwest::Method;
use serde_json::Value;
use stage::{Stage, Who};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use world::World;

/// How often a call is made before it counts: its function is up, what it keeps is read.
const WARM: usize = 20;

/// A call to measure.
struct Call {
    /// Its operation's name in the API's document, and what is said besides.
    name: &'static str,
    what: &'static str,
    /// The function that answers it.
    function: &'static str,
    who: Who,
    method: Method,
    /// How often it is made.
    times: usize,
    /// Whether what follows from it is waited for each time, without counting that.
    settle: bool,
    /// The path below the account, the headers and the body of the nth call.
    make: Box<dyn Fn(usize) -> Made>,
}

/// A request: its path, an idempotency key, its body.
type Made = (String, Option<String>, Option<Value>);

#[tokio::main]
async fn main() {
    let wanted: Vec<_> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let world = World::start().await;
    let stage = Stage::set(&world).await;
    println!("| call | p50 ms | p99 ms | CPU ms | DynamoDB calls | read units | write units |");
    println!("|---|---|---|---|---|---|---|");
    let mut seen = BTreeSet::new();
    for call in stage.calls() {
        seen.insert(call.name);
        if wanted.is_empty() || wanted.iter().any(|w| call.name.starts_with(w.as_str())) {
            measure(&world, &stage, &call).await;
        }
    }
    let document = serde_json::to_value(functions::openapi::document()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            if !seen.contains(name) {
                println!("not measured: {name}, {} {path}", method.to_uppercase());
            }
        }
    }
}

/// Makes the call again and again, and prints what it came to.
async fn measure(world: &World, stage: &Stage<'_>, call: &Call) {
    let mut took = Vec::new();
    let (mut before, mut made) = (0, 0.0);
    for n in 0..WARM + call.times {
        if n == WARM {
            world.stack.settled().await.unwrap();
            world.stack.reset_usage();
            before = cpu_nanos(call.function);
        }
        let (path, key, body) = (call.make)(n);
        let headers: Vec<_> = key
            .iter()
            .map(|k| ("idempotency-key", k.as_str()))
            .collect();
        let session = stage.session(call.who, n);
        let began = Instant::now();
        let answer = session
            .send(call.method.clone(), &path, &headers, body)
            .await;
        let elapsed = began.elapsed();
        assert!(answer.status < 300, "{}: {answer:#?}", call.name);
        if n >= WARM {
            took.push(elapsed);
            made += 1.0;
        }
        if call.settle {
            world.stack.settled().await.unwrap();
        }
    }
    let used = cpu_nanos(call.function) - before;
    let units = world.stack.usage().of(call.function, "dynamodb:");
    took.sort();
    let at =
        |share: usize| took[(took.len() * share / 100).min(took.len() - 1)].as_secs_f64() * 1e3;
    #[expect(clippy::cast_precision_loss, reason = "a bench's figures are small")]
    let (cpu, calls) = (used as f64 / 1e6 / made, units.calls as f64 / made);
    println!(
        "| `{}`{} | {:.2} | {:.2} | {cpu:.2} | {calls:.2} | {:.2} | {:.2} |",
        call.name,
        call.what,
        at(50),
        at(99),
        units.read_units / made,
        units.write_units / made,
    );
}

/// The CPU time of a function's process, in nanoseconds.
fn cpu_nanos(function: &str) -> u64 {
    process::cpu_nanos(process::child(function).expect("the function runs"))
}
