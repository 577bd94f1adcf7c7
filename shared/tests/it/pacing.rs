//! Paced sends in exact time: a queue that delays by whole seconds, and a clock that stands still
//! but for the time until the next job.
//!
//! Of everything that a gateway takes, no window of one second holds more than the pace and a
//! burst of one second, and a campaign takes as long as its recipients at the pace.

use domain::{
    account::save_app,
    breaker::Recent,
    campaign::AcceptCampaigns,
    clock::Clock,
    device,
    dispatch::{Delayed, Enqueue, Job, dispatch},
    id::{AccountId, CampaignId},
    push::{Custom, Notification, Push, Receipt, Target, Undelivered},
    send::{Done, send},
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use testkit::{FixedClock, contract::sample, memory::Store};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// A queue in the simulation's time: jobs by when they come, in the order in which they were put.
struct Queue {
    clock: FixedClock,
    waiting: Mutex<BTreeMap<(Timestamp, usize), Job>>,
    puts: AtomicUsize,
}

impl Queue {
    /// The next job, if it is due by then.
    fn next(&self, end: Timestamp) -> Option<(Timestamp, Job)> {
        let mut waiting = self.waiting.lock().unwrap();
        let first = waiting.first_entry().filter(|first| first.key().0 <= end)?;
        let ((due, _), job) = first.remove_entry();
        Some((due, job))
    }
}

impl Enqueue for Queue {
    async fn enqueue(&self, jobs: &[Delayed]) -> Result<(), Unavailable> {
        let now = self.clock.now();
        let mut waiting = self.waiting.lock().unwrap();
        for Delayed { job, delay } in jobs {
            assert_eq!(delay.subsec_nanos(), 0, "SQS delays by whole seconds");
            assert!(delay.as_secs() <= 900, "SQS delays by 15 minutes at most");
            let due = now + SignedDuration::try_from(*delay).unwrap();
            let number = self.puts.fetch_add(1, Ordering::Relaxed);
            waiting.insert((due, number), job.clone());
        }
        Ok(())
    }
}

/// A gateway that takes everything, and notes what came when.
struct Gateway {
    clock: FixedClock,
    came: Mutex<Vec<(AccountId, Timestamp)>>,
}

impl Push for Gateway {
    async fn push(
        &self,
        _: Target<'_>,
        notification: &Notification,
    ) -> Result<Receipt, Undelivered> {
        assert!(matches!(notification.custom, Custom::Proactive { .. }));
        let mut came = self.came.lock().unwrap();
        came.push((notification.account.clone(), self.clock.now()));
        Ok(Receipt {
            id: came.len().to_string(),
            shortened: false,
        })
    }
}

/// Brands that share the system.
struct Simulation {
    store: Store,
    queue: Queue,
    gateway: Gateway,
    clock: FixedClock,
    recent: Recent,
    known: HashSet<(AccountId, u32)>,
}

/// A campaign to be accepted after so long.
struct Launch<'a> {
    account: &'a AccountId,
    pace: u32,
    recipients: u32,
    after: SignedDuration,
}

impl Simulation {
    fn new() -> Self {
        let clock = FixedClock::default();
        Self {
            store: Store::default(),
            queue: Queue {
                clock: clock.clone(),
                waiting: Mutex::default(),
                puts: AtomicUsize::new(0),
            },
            gateway: Gateway {
                clock: clock.clone(),
                came: Mutex::default(),
            },
            clock,
            recent: Recent::default(),
            known: HashSet::new(),
        }
    }

    /// Accepts and dispatches a campaign; every recipient has a device.
    async fn launch(&mut self, launch: &Launch<'_>) -> CampaignId {
        let account = launch.account;
        let now = self.clock.now();
        let mut acceptance = sample::acceptance(account, launch.recipients, now);
        let app = sample::app(sample::app_name().as_str());
        // It may be there already.
        let by = sample::author(account, now);
        save_app(&self.store, &by, app).await.ok();
        for i in 0..launch.recipients {
            if self.known.insert((account.clone(), i)) {
                let consumer = sample::consumer(&format!("consumer {i}"));
                let device = sample::device("phone", &format!("{account}-{i}"), now);
                device::log_in(&self.store, &self.clock, account, &consumer, device)
                    .await
                    .unwrap();
            }
        }
        for chunk in &mut acceptance.chunks {
            chunk.sends_per_second = launch.pace;
        }
        self.store.accept(&acceptance).await.unwrap();
        for chunk in &acceptance.chunks {
            dispatch(&self.store, &self.queue, &self.clock, chunk)
                .await
                .unwrap();
        }
        acceptance.campaign.id
    }

    /// Does every job that is due by then.
    async fn run_until(&mut self, end: Timestamp) {
        while let Some((due, job)) = self.queue.next(end) {
            self.clock.set(due.max(self.clock.now()));
            let (store, queue, clock) = (&self.store, &self.queue, &self.clock);
            let handled = send(store, queue, &self.gateway, clock, &self.recent, job).await;
            assert_eq!(handled.unwrap().done, Done::Through);
        }
        self.clock.set(end.max(self.clock.now()));
    }

    /// Plays the launches, which are in the order of time, to their end.
    async fn play(mut self, launches: &[Launch<'_>]) -> Arrivals {
        let began = self.clock.now();
        for launch in launches {
            self.run_until(began + launch.after).await;
            self.launch(launch).await;
        }
        self.run_until(began + SignedDuration::from_hours(24)).await;
        let mut by_account: BTreeMap<AccountId, Vec<SignedDuration>> = BTreeMap::new();
        for (account, at) in self.gateway.came.into_inner().unwrap() {
            let came = by_account.entry(account).or_default();
            came.push(at.duration_since(began));
        }
        Arrivals(by_account)
    }
}

/// When the gateway took each account's messages, since the beginning.
struct Arrivals(BTreeMap<AccountId, Vec<SignedDuration>>);

impl Arrivals {
    fn of(&self, account: &AccountId) -> &[SignedDuration] {
        &self.0[account]
    }

    /// The most that came within any second, from whenever on.
    fn fullest_second(&self, account: &AccountId) -> usize {
        let came = self.of(account);
        let within = |(i, first): (usize, &SignedDuration)| {
            came[i..].partition_point(|at| *at < *first + SECOND)
        };
        came.iter().enumerate().map(within).max().unwrap_or(0)
    }

    /// Nothing is missing, nothing came in too full a second, and all of it took as long as it
    /// should, give or take 5 % and half of a second, which is as fine as the queue's delays are.
    fn keep_the_pace(&self, account: &AccountId, pace: u32, recipients: u32, what: &str) {
        let came = self.of(account);
        assert_eq!(came.len(), recipients as usize, "{what}");
        let fullest = self.fullest_second(account);
        assert!(
            fullest <= 2 * pace as usize,
            "{what}: {fullest} in a second"
        );
        let took = (*came.last().unwrap() - came[0]).as_secs_f64();
        let ideal = f64::from(recipients) / f64::from(pace);
        let off = (took - ideal).abs();
        // A single message takes no time at all.
        assert!(
            off <= f64::max(0.05 * ideal, 0.5) || recipients <= pace && took <= ideal,
            "{what}: took {took} s, not {ideal} s"
        );
    }
}

fn account(name: &str) -> AccountId {
    name.parse().unwrap()
}

#[tokio::test]
async fn a_campaign_takes_its_recipients_at_the_pace_and_no_second_is_too_full() {
    let brand = account("brand");
    for pace in [1, 10, 50, 1000] {
        for recipients in [1, 100, 3_000] {
            let launch = Launch {
                account: &brand,
                pace,
                recipients,
                after: SignedDuration::ZERO,
            };
            let arrivals = Simulation::new().play(&[launch]).await;
            let what = format!("{recipients} at {pace}/s");
            arrivals.keep_the_pace(&brand, pace, recipients, &what);
        }
    }
}

#[tokio::test]
async fn campaigns_of_an_account_share_its_pace() {
    let brand = account("brand");
    for pace in [1, 10, 50] {
        // They come in the middle of seconds, and of one another.
        let launches: Vec<_> = [(120, 0), (37, 250), (250, 499), (1, 3_001), (99, 3_777)]
            .map(|(recipients, after)| Launch {
                account: &brand,
                pace,
                recipients,
                after: SignedDuration::from_millis(after),
            })
            .into();
        let all = launches.iter().map(|l| l.recipients).sum();
        let arrivals = Simulation::new().play(&launches).await;
        arrivals.keep_the_pace(&brand, pace, all, &format!("five campaigns at {pace}/s"));
    }
}

#[tokio::test]
async fn accounts_do_not_slow_one_another() {
    let brands = [
        (account("slow"), 2),
        (account("quick"), 50),
        (account("ten"), 10),
    ];
    let launches: Vec<_> = brands
        .iter()
        .map(|(account, pace)| Launch {
            account,
            pace: *pace,
            recipients: 600,
            after: SignedDuration::ZERO,
        })
        .collect();
    let together = Simulation::new().play(&launches).await;
    for (launch, (brand, pace)) in launches.into_iter().zip(&brands) {
        together.keep_the_pace(brand, *pace, 600, brand.as_str());
        let alone = Simulation::new().play(&[launch]).await;
        assert_eq!(together.of(brand), alone.of(brand), "{brand}");
    }
}

#[tokio::test]
async fn an_account_that_was_idle_saves_nothing_up() {
    let brand = account("brand");
    let launch = |after| Launch {
        account: &brand,
        pace: 10,
        recipients: 100,
        after: SignedDuration::from_secs(after),
    };
    let arrivals = Simulation::new().play(&[launch(0), launch(3_600)]).await;
    assert_eq!(arrivals.of(&brand).len(), 200);
    assert!(arrivals.fullest_second(&brand) <= 20);
    let second = &arrivals.of(&brand)[100..];
    let took = *second.last().unwrap() - second[0];
    assert!((took.as_secs_f64() - 10.0).abs() <= 0.5, "{took}");
}
