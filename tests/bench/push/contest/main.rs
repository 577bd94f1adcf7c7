//! Senders beside one another: the same load by each in turn, round by round, on one core, with
//! the sandbox on another: `tests/bench/push/run contest`.
//!
//! Nothing is asserted but that what was sent was taken: machines differ. Compare figures of one
//! run with one another; `infra/docs/benches.md` tells what they mean.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    reason = "a bench that cannot go on stops; it shares how processes are measured"
)]

mod ceiling;
mod ours;
#[path = "../process.rs"]
mod process;
mod sender;
mod serve;
mod target;

use ceiling::Ceiling;
use process::{cpu, median, on_core};
use sender::Sender;
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use target::Target;
use tokio::runtime::Builder;

/// How many messages are under way at once: what a batch of the function has, and as many as
/// Apple lets one connection have.
const IN_FLIGHT: [u64; 4] = [1, 10, 100, 1000];
/// How often each sender has its turn at each of these, and for how long.
const ROUNDS: usize = 5;
const TURN_MILLIS: u64 = 1500;
/// Not measured: connections are made, code is compiled.
const WARM_UP_MILLIS: u64 = 1000;
/// The cores of the senders and of the sandbox.
const SENDERS: usize = 0;
const SANDBOX: usize = 1;
/// The port that some senders cannot be talked out of.
const HTTPS: u16 = 443;

/// The names under which results are kept.
const OURS: &str = "push (ours)";
const NODE_APN: &str = "node-apn";
const CEILING: &str = "h2load";

/// What one turn came to.
#[derive(Clone, Copy, Debug)]
struct Turn {
    accepted: f64,
    seconds: f64,
    /// Seconds of CPU time: the sender's, and the sandbox's meanwhile.
    cpu: f64,
    gateway: f64,
}

impl Turn {
    fn per_second(&self) -> f64 {
        self.accepted / self.seconds
    }

    /// Microseconds of the sender's CPU time per message.
    fn cost(&self) -> f64 {
        self.cpu / self.accepted * 1e6
    }

    fn gateway_cost(&self) -> f64 {
        self.gateway / self.accepted * 1e6
    }
}

fn main() {
    let given: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let (one_thread, threads) = (Builder::new_current_thread, Builder::new_multi_thread);
    match given[..] {
        [] => run(threads(), contest(None)),
        ["peers", folder] => run(threads(), contest(Some(Path::new(folder)))),
        // The contest's own processes. The sender runs as the functions do.
        ["serve", folder, port] => {
            run(
                threads(),
                serve::run(Path::new(folder), port.parse().unwrap()),
            );
        }
        ["ours", target] => run(one_thread(), ours::run(Path::new(target))),
        _ => println!("cargo bench -p push --bench contest: tests/bench/push/run says the rest"),
    }
}

fn run(mut runtime: Builder, what: impl Future<Output = ()>) {
    runtime.enable_all().build().unwrap().block_on(what);
}

/// Runs the contest; `peers` is the folder that `tests/bench/push/run` installs others' into.
async fn contest(peers: Option<&Path>) {
    assert!(
        std::thread::available_parallelism().unwrap().get() > 1,
        "the contest needs two cores"
    );
    let folder = std::env::temp_dir().join(format!("overture-bench-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let mut gateway = Gateway::start(&folder);
    let target = Target::read(&folder.join("target.json"));
    let mut senders = vec![Sender::start(OURS, ours(&folder))];
    if let Some(peers) = peers {
        for (name, language, script, any_port) in PEERS {
            if !peers.join(language).with_extension("ready").exists() {
                println!("{name} is left out: it could not be installed");
                continue;
            }
            let program = match language {
                "python" => peers.join("python/bin/python"),
                program => PathBuf::from(program),
            };
            if !any_port && target.port != HTTPS {
                println!(
                    "{name} is left out: its port is {HTTPS}, and this process may not have a network of its own (unshare -rn)"
                );
                continue;
            }
            let mut command = on_core(SENDERS, &program);
            command
                .arg(peers.join(script))
                .arg(folder.join("target.json"))
                .env("NODE_EXTRA_CA_CERTS", &target.ca);
            senders.push(Sender::start(name, command));
        }
    } else {
        println!("Other senders are left out: tests/bench/push/run installs them.");
    }
    let ceiling = Ceiling::new(&target, &folder);
    if ceiling.is_none() {
        println!("The ceiling is left out: there is no h2load (Debian: nghttp2-client).");
    }
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let forget = async || {
        let pushes = http.delete(format!("{}/pushes", target.control));
        assert!(pushes.send().await.unwrap().status().is_success());
    };
    let mut device = 1 << 32;
    for in_flight in IN_FLIGHT {
        let mut turns: BTreeMap<&str, Vec<Turn>> = BTreeMap::new();
        for sender in &mut senders {
            sender.send(in_flight, WARM_UP_MILLIS, 0);
            forget().await;
        }
        for _ in 0..ROUNDS {
            for sender in &mut senders {
                let before = (cpu(sender.pid()), cpu(gateway.pid()));
                let sent = sender.send(in_flight, TURN_MILLIS, device);
                device += sent.accepted + sent.failed;
                assert_eq!(sent.failed, 0, "{} fails", sender.name);
                turns.entry(sender.name).or_default().push(Turn {
                    accepted: count(sent.accepted),
                    seconds: sent.seconds,
                    cpu: cpu(sender.pid()) - before.0,
                    gateway: cpu(gateway.pid()) - before.1,
                });
                forget().await;
            }
            if let Some(ceiling) = &ceiling {
                // Its process comes and goes: this one's counts its ended children.
                let before = (cpu(std::process::id()), cpu(gateway.pid()));
                let (accepted, seconds) = ceiling.send(in_flight, TURN_MILLIS);
                turns.entry(CEILING).or_default().push(Turn {
                    accepted: count(accepted),
                    seconds,
                    cpu: cpu(std::process::id()) - before.0,
                    gateway: cpu(gateway.pid()) - before.1,
                });
                forget().await;
            }
        }
        print(in_flight, &turns);
    }
    gateway.stop();
    fs::remove_dir_all(&folder).unwrap();
}

/// Others' senders: name, language, script, and whether their port can be set.
const PEERS: [(&str, &str, &str, bool); 3] = [
    (NODE_APN, "node", "node-apn.mjs", true),
    ("apns2", "node", "apns2.mjs", false),
    ("pyapns-client", "python", "pyapns.py", false),
];

fn print(in_flight: u64, turns: &BTreeMap<&str, Vec<Turn>>) {
    println!("\n{in_flight} in flight, medians of {ROUNDS} turns");
    println!(
        "  {:14} {:>10} {:>14} {:>13} {:>13} {:>13} {:>17}",
        "sender",
        "messages/s",
        "CPU µs/message",
        "ours/s ÷ its",
        "its CPU ÷ ours",
        "of ceiling",
        "sandbox µs/message"
    );
    let middle = |name: &str, what: &dyn Fn(&Turn) -> f64| {
        median(turns.get(name).into_iter().flatten().map(what))
    };
    // Turns of one round are beside one another: what else the machine does is in both.
    let ratio = |one: &str, other: &str, what: &dyn Fn(&Turn) -> f64| {
        let (one, other) = (turns.get(one), turns.get(other));
        let pairs = one.into_iter().flatten().zip(other.into_iter().flatten());
        median(pairs.map(|(one, other)| what(one) / what(other)))
    };
    for name in turns.keys() {
        println!(
            "  {name:14} {:>10.0} {:>14.1} {:>13.2} {:>13.2} {:>12.0}% {:>17.1}",
            middle(name, &Turn::per_second),
            middle(name, &Turn::cost),
            ratio(OURS, name, &Turn::per_second),
            ratio(name, OURS, &Turn::cost),
            ratio(name, CEILING, &Turn::per_second) * 100.0,
            middle(name, &Turn::gateway_cost),
        );
    }
}

fn count(messages: u64) -> f64 {
    u32::try_from(messages).unwrap().into()
}

/// This program as a sender.
fn ours(folder: &Path) -> Command {
    let mut command = on_core(SENDERS, &std::env::current_exe().unwrap());
    command.arg("ours").arg(folder.join("target.json"));
    command
}

/// The sandbox's process.
struct Gateway(Child);

impl Gateway {
    fn start(folder: &Path) -> Self {
        // In a network of its own nobody else has the port, and nobody is asked for rights.
        let port = std::net::TcpListener::bind(("127.0.0.1", HTTPS)).map_or(0, |_| HTTPS);
        let mut child = on_core(SANDBOX, &std::env::current_exe().unwrap())
            .arg("serve")
            .arg(folder)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("taskset is there (util-linux)");
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut ready)
            .unwrap();
        assert_eq!(ready, "ready\n");
        Self(child)
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    fn stop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}
