//! Memory and timeouts: what `template.yaml` gives is what `infra/docs/sizes.md` finds to be needed.

use crate::template::{read, template};
use std::collections::BTreeMap;

/// The memory that gives a whole processor, in MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>).
const PROCESSOR: f64 = 1_769.0;
/// What there is to choose from, in MB.
const CHOICES: [u64; 3] = [256, 512, 1_024];
/// For how long an invocation may compute, in ms: while somebody waits, and behind the queue and
/// the stream.
const WAITED_FOR: f64 = 30.0;
const BEHIND: f64 = 500.0;
/// Nobody waits for these.
const BEHIND_ALL: [&str; 5] = ["deliver", "dispatch", "send", "sweep", "tally"];

/// What the page says of a function.
#[derive(Debug)]
struct Need {
    cpu_ms: f64,
    peak_mib: f64,
    memory: u64,
    computes_ms: f64,
    timeout: u64,
}

/// The rows of the page's table.
fn needs() -> BTreeMap<String, Need> {
    let page = read("infra/docs/sizes.md");
    let (_, table) = page
        .split_once("| function | invocations | CPU ms |")
        .unwrap();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, _, cpu, peak, memory, computes, timeout, _] = cells[..] else {
            panic!("{line}")
        };
        let need = Need {
            cpu_ms: cpu.parse().unwrap(),
            peak_mib: peak.parse().unwrap(),
            memory: memory.parse().unwrap(),
            computes_ms: computes.parse().unwrap(),
            timeout: timeout.parse().unwrap(),
        };
        (name.to_owned(), need)
    };
    rows.map(row).collect()
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "megabytes")]
fn every_function_has_the_least_memory_with_which_it_is_quick_enough() {
    for (name, need) in needs() {
        let computes = |memory: u64| need.cpu_ms * PROCESSOR / memory as f64;
        let most = if BEHIND_ALL.contains(&&*name) {
            BEHIND
        } else {
            WAITED_FOR
        };
        let least = CHOICES.into_iter().find(|memory| computes(*memory) <= most);
        assert_eq!(Some(need.memory), least, "{name}: {need:?}");
        assert!(
            (computes(need.memory) - need.computes_ms).abs() <= 1.0,
            "{name}: {need:?}"
        );
        // A sandbox of Lambda's has the system's share in it, too.
        assert!(
            need.peak_mib * 4.0 <= need.memory as f64,
            "{name}: {need:?}"
        );
    }
}

#[test]
fn the_template_gives_what_the_page_tells() {
    let told: BTreeMap<_, _> = needs()
        .into_iter()
        .map(|(name, need)| (name, (need.memory, need.timeout)))
        .collect();
    let given: BTreeMap<_, _> = template()
        .functions
        .into_iter()
        .map(|f| (f.binary, (f.memory, f.timeout.as_secs())))
        .collect();
    assert_eq!(given, told);
}
