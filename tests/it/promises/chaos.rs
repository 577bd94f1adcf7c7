//! Whole systems under everything at once, as a seed decides; see `scenario`.

use super::{
    account::{Account, on_screen},
    invariants::{final_and_counted, shown_once_and_in_time, totals_are_sums},
    scenario::{Fate, Phone, Scenario, Step},
    system::{heal, kill_after, pass, pass_a_quarter, sweep, system_beside},
};
use crate::{parts::Device, world::World};
use sandbox::scripts;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    str::FromStr,
    time::Duration,
};

/// How many seeds an ordinary run plays.
const RUNS: u64 = 6;

/// How many seeds one system plays. It keeps all that ever happened, which slows it down.
const SEEDS_PER_SYSTEM: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_every_promise_holds() {
    play_seeds(1, 0, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_every_promise_holds_when_calls_are_repeated() {
    play_seeds(3, 1, None).await;
}

/// Plays every other seed on one system: the even ones where each failed call to AWS is the
/// functions' own affair, the odd ones where the SDK tries again first. The binaries of another
/// release, if there is one, take turns with these.
pub(crate) async fn play_seeds(attempts: u32, parity: u64, beside: Option<&Path>) {
    let seeds = match variable::<u64>("CHAOS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..variable("CHAOS_RUNS").unwrap_or(RUNS),
    };
    let seeds: Vec<u64> = seeds.filter(|seed| seed % 2 == parity).collect();
    for seeds in seeds.chunks(SEEDS_PER_SYSTEM) {
        let world = system_beside(attempts, beside).await;
        for seed in seeds {
            Box::pin(Run::play(&world, Scenario::draw(*seed))).await;
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long to test is for whoever tests"
)]
fn variable<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

/// A scenario at play.
struct Run<'w> {
    world: &'w World,
    scenario: Scenario,
    account: Account<'w>,
    /// The ids of the campaigns that were launched.
    launched: BTreeMap<usize, String>,
    cancelled: BTreeSet<usize>,
    /// The people who ever wrote, and their last conversation.
    wrote: BTreeMap<usize, String>,
    done: usize,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Scenario { seed, .. } = self.scenario;
            eprintln!("{:#?}", self.scenario);
            eprintln!("{} steps were done, as {}.", self.done, self.account.name);
            eprintln!(
                "Play it again: CHAOS_SEED={seed} cargo test -p functions --test it promises::chaos"
            );
        }
    }
}

impl<'w> Run<'w> {
    async fn play(world: &'w World, scenario: Scenario) {
        world.stack.sandbox().clear_pushes();
        let since = world.stack.clock().now_ms() - 1000;
        let account = Account::open(world, &format!("chaos{}", scenario.seed)).await;
        let mut run = Self {
            world,
            scenario,
            account,
            launched: BTreeMap::new(),
            cancelled: BTreeSet::new(),
            wrote: BTreeMap::new(),
            done: 0,
        };
        run.set_up().await;
        for step in run.scenario.steps.clone() {
            run.step(step).await;
            run.look().await;
            run.done += 1;
        }
        run.end(since).await;
    }

    fn person(&self, index: usize) -> String {
        format!("s{}-p{index}", self.scenario.seed)
    }

    fn device(&self, person: usize, phone: &Phone) -> Device {
        let owner = self.person(person);
        if phone.android {
            Device::android(&owner)
        } else {
            Device::iphone(&owner)
        }
    }

    async fn set_up(&self) {
        let (stack, sandbox) = (&self.world.stack, self.world.stack.sandbox());
        for (person, phones) in self.scenario.people.iter().enumerate() {
            self.log_in(person).await;
            for phone in phones {
                let token = self.device(person, phone).token;
                sandbox.script(&token, phone.answers.clone());
            }
        }
        for (gateway, answers) in &self.scenario.gateways {
            sandbox.script(gateway, answers.clone());
        }
        stack
            .queue("SendQueue")
            .unwrap()
            .faults(self.scenario.mischief());
        for rule in &self.scenario.faults {
            stack.faults().add(rule.clone());
        }
    }

    async fn log_in(&self, person: usize) {
        for phone in &self.scenario.people[person] {
            let device = self.device(person, phone);
            self.account
                .log_in(&self.person(person), &device)
                .await
                .ok(200);
        }
    }

    async fn step(&mut self, step: Step) {
        let stack = &self.world.stack;
        match step {
            Step::Launch(index) => {
                let plan = &self.scenario.campaigns[index];
                let to: Vec<_> = plan.to.iter().map(|p| self.person(*p)).collect();
                let id = self.account.launch_as(&to, plan.hours, plan.policy).await;
                self.launched.insert(index, id);
            }
            Step::Kill(function, calls) => kill_after(stack, function, calls).await,
            Step::Write(person) => {
                let conversation = self.account.write(&self.person(person)).await;
                self.wrote.insert(person, conversation);
            }
            Step::Close(person) => {
                if let Some(conversation) = self.wrote.get(&person) {
                    self.account.close(conversation).await;
                }
            }
            Step::Cancel(index) => {
                if let Some(campaign) = self.launched.get(&index) {
                    self.account.cancel(campaign).await;
                    self.cancelled.insert(index);
                }
            }
            Step::Wait(time) => pass(stack, time).await,
            // It may fail like any other, and comes again.
            Step::Sweep => drop(stack.invoke_schedule("sweep").await),
            Step::Outage(apple) => {
                if apple {
                    stack.sandbox().set_apns_reachable(false);
                } else {
                    stack.sandbox().set_fcm_reachable(false);
                }
            }
            Step::LogIn(person) => self.log_in(person).await,
        }
    }

    /// What holds at any time.
    async fn look(&self) {
        for (index, campaign) in &self.launched {
            let counts = self.account.counts(campaign).await;
            let recipients = self.scenario.campaigns[*index].to.len();
            assert_eq!(counts["accepted"], recipients, "P1: {counts:#}");
        }
        shown_once_and_in_time(self.world);
    }

    async fn under_way(&self) -> u64 {
        let mut all = 0;
        for campaign in self.launched.values() {
            all += self.account.under_way(campaign).await;
        }
        all
    }

    /// Everything works again, and comes to its end.
    async fn end(&self, since: i64) {
        let stack = &self.world.stack;
        heal(stack);
        for _ in 0..16 {
            pass_a_quarter(stack).await;
            self.look().await;
            if self.under_way().await == 0 {
                break;
            }
        }
        self.untroubled_are_sent().await;
        pass(stack, Duration::from_hours(24)).await;
        for _ in 0..6 {
            sweep(stack).await;
            self.look().await;
            if self.is_over().await {
                break;
            }
            pass(stack, Duration::from_mins(9)).await;
        }
        let campaigns: Vec<_> = self.launched.values().cloned().collect();
        for campaign in &campaigns {
            final_and_counted(&self.account, campaign).await;
        }
        totals_are_sums(&self.account, &campaigns, since).await;
        self.dead_letters_change_nothing().await;
        self.kept_devices_are_reached().await;
    }

    async fn is_over(&self) -> bool {
        for campaign in self.launched.values() {
            let held = self.account.count(campaign, "held").await;
            if held + self.account.under_way(campaign).await > 0 {
                return false;
            }
        }
        true
    }

    /// P3: whoever has no trouble of their own got every campaign that had the time.
    async fn untroubled_are_sent(&self) {
        for (index, campaign) in &self.launched {
            let plan = &self.scenario.campaigns[*index];
            if plan.hours < 24 || self.cancelled.contains(index) {
                continue;
            }
            let states = self.account.states(campaign).await;
            for person in &plan.to {
                let phones = &self.scenario.people[*person];
                let fine = phones.iter().any(|phone| phone.fate == Fate::Fine);
                if fine && !self.wrote.contains_key(person) {
                    let id = self.person(*person);
                    if states[&id] != "SENT" {
                        let history = self.account.history(campaign, &id).await;
                        panic!("P3: {history:#}");
                    }
                }
            }
        }
    }

    /// P9: what was given up and is given back finds everything done.
    async fn dead_letters_change_nothing(&self) {
        let stack = &self.world.stack;
        let of_stream = stack.queue("StreamDeadLetters").unwrap();
        assert!(of_stream.is_empty(), "{:?}", of_stream.messages());
        let before = stack.sandbox().pushes().len();
        let queue = stack.queue("SendQueue").unwrap();
        stack.queue("SendDeadLetters").unwrap().redrive_to(&queue);
        stack.settled().await.unwrap();
        assert_eq!(stack.sandbox().pushes().len(), before, "P9");
    }

    /// P8: every device but those whose gateway gave them up gets another message.
    async fn kept_devices_are_reached(&self) {
        for conversation in self.wrote.values() {
            self.account.close(conversation).await;
        }
        self.world.stack.settled().await.unwrap();
        let sandbox = self.world.stack.sandbox();
        sandbox.clear_pushes();
        for gateway in [scripts::APNS, scripts::FCM] {
            sandbox.forget(gateway);
        }
        let people = 0..self.scenario.people.len();
        let mut phones = Vec::new();
        for person in people.clone() {
            for phone in &self.scenario.people[person] {
                let device = self.device(person, phone);
                if phone.fate != Fate::Gone {
                    sandbox.forget(&device.token);
                    phones.push(device);
                }
            }
        }
        let to: Vec<_> = people.map(|p| self.person(p)).collect();
        self.account.launch(&to, 24).await;
        self.world.stack.settled().await.unwrap();
        for device in phones {
            assert_eq!(on_screen(self.world, &device), (1, 1), "P8: {}", device.id);
        }
    }
}
