//! The `send` function as it is deployed: its real binary, invoked through the Runtime API with
//! batches of its queue, on a core of its own; everything else is the local stack.

use crate::{
    parts::{campaign, crowd, proactive},
    process::{child, cpu, median, move_to_core},
    world::World,
};
use local::Options;
use serde_json::{Value, json};
use std::{fs, time::Instant};

/// How many messages an invocation gets.
const BATCHES: [usize; 3] = [1, 10, 100];
/// How often each of these has its turn, and with how many messages.
const ROUNDS: usize = 5;
const MESSAGES: usize = 300;
/// The recipients of each campaign.
const RECIPIENTS: usize = 100;
const FUNCTION: &str = "send";
/// The core of the function, and of all the rest.
const SENDER: usize = 0;
const REST: usize = 1;

/// What one message came to in a turn.
struct Turn {
    per_second: f64,
    cpu_millis: f64,
    reads: f64,
    writes: f64,
    calls: f64,
    queue_calls: f64,
}

/// Prints what a message costs the function, by the size of its batch.
pub(crate) async fn run() {
    move_to_core(REST, std::process::id());
    let template = std::env::temp_dir().join(format!("overture-bench-{}.yaml", std::process::id()));
    let whole = fs::read_to_string(Options::default().template).unwrap();
    fs::write(&template, without_events(&whole, "Send")).unwrap();
    let world = World::start_as(Options {
        template: template.clone(),
        ..Options::default()
    })
    .await;
    fs::remove_file(&template).unwrap();
    let brand = world.brand("acme").await;
    let crowd = crowd("c", RECIPIENTS);
    for id in &crowd {
        brand.with_iphone(id).await;
    }
    let handoff = brand.greeting().await;
    let queue = world.stack.queue("SendQueue").unwrap();
    let mut jobs = Vec::new();
    // What warms it up comes first.
    for _ in 0..=(BATCHES.len() * ROUNDS * MESSAGES / RECIPIENTS) {
        brand.launch(campaign(&handoff, &crowd)).await;
        world.stack.settled().await.unwrap();
        jobs.extend(queue.messages().into_iter().map(|m| m.body));
        queue.purge();
    }
    let mut jobs = jobs.chunks(1).map(|job| job[0].as_str());
    let mut take = |count| jobs.by_ref().take(count).collect::<Vec<_>>();
    invoke(&world, &take(RECIPIENTS)).await;
    let pid = child(FUNCTION).expect("the function runs");
    move_to_core(SENDER, pid);
    let mut turns: [Vec<Turn>; BATCHES.len()] = Default::default();
    for _ in 0..ROUNDS {
        for (size, turns) in BATCHES.into_iter().zip(&mut turns) {
            let jobs = take(MESSAGES);
            world.stack.sandbox().clear_pushes();
            world.stack.reset_usage();
            let (before, began) = (cpu(pid), Instant::now());
            for batch in jobs.chunks(size) {
                invoke(&world, batch).await;
            }
            let took = began.elapsed().as_secs_f64();
            let used = cpu(pid) - before;
            let pushed = proactive(&world.stack).len();
            assert_eq!(pushed, MESSAGES, "all arrive");
            let messages = f64::from(u32::try_from(pushed).unwrap());
            let usage = world.stack.usage();
            let (dynamodb, sqs) = (usage.of(FUNCTION, "dynamodb:"), usage.of(FUNCTION, "sqs:"));
            let calls = |calls| f64::from(u32::try_from(calls).unwrap()) / messages;
            turns.push(Turn {
                per_second: messages / took,
                cpu_millis: used * 1000.0 / messages,
                reads: dynamodb.read_units / messages,
                writes: dynamodb.write_units / messages,
                calls: calls(dynamodb.calls),
                queue_calls: calls(sqs.calls),
            });
        }
    }
    assert_eq!(child(FUNCTION), Some(pid), "one instance did it all");
    println!("\nthe send function on one core, medians of {ROUNDS} turns of {MESSAGES} messages");
    println!(
        "  messages a batch  messages/s  CPU ms/message  messages/CPU second  of DynamoDB: calls  read units  write units  SQS calls"
    );
    for (size, turns) in BATCHES.iter().zip(&turns) {
        let middle = |what: fn(&Turn) -> f64| median(turns.iter().map(what));
        println!(
            "  {size:>16} {:>11.0} {:>15.3} {:>20.0} {:>19.2} {:>11.2} {:>12.2} {:>10.2}",
            middle(|t| t.per_second),
            middle(|t| t.cpu_millis),
            1000.0 / middle(|t| t.cpu_millis),
            middle(|t| t.calls),
            middle(|t| t.reads),
            middle(|t| t.writes),
            middle(|t| t.queue_calls),
        );
    }
    println!(
        "  messages/s is the local stack's: its DynamoDB and its gateways share the other core"
    );
}

/// Gives the function one batch.
async fn invoke(world: &World, jobs: &[&str]) {
    let records: Vec<Value> = jobs
        .iter()
        .enumerate()
        .map(|(n, body)| {
            json!({
                "messageId": format!("m{n}"), "receiptHandle": format!("r{n}"), "body": body,
                "attributes": {"ApproximateReceiveCount": "1"}, "messageAttributes": {},
                "eventSource": "aws:sqs", "awsRegion": "eu-west-1",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:overture-SendQueue",
            })
        })
        .collect();
    let answer = world.stack.invoke(FUNCTION, json!({"Records": records}));
    let answer = answer.await.unwrap();
    let failed = answer["batchItemFailures"].as_array().map_or(0, Vec::len);
    assert_eq!(failed, 0, "{answer}");
}

/// The template without what invokes a function: its messages stay in their queue.
fn without_events(template: &str, function: &str) -> String {
    let (mut here, mut skip) = (false, false);
    let keep = |line: &&str| {
        let indent = line.len() - line.trim_start().len();
        if !line.trim().is_empty() {
            if indent <= 2 {
                here = line.trim() == format!("{function}:");
            }
            if indent <= 6 {
                skip = here && line.trim() == "Events:";
            }
        }
        !skip
    };
    let lines: Vec<_> = template.lines().filter(keep).collect();
    lines.join("\n")
}
