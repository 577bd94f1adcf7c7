//! What a seed stands for: people, campaigns, and everything that goes wrong.

use local::{
    faults::{Fault, Rule},
    mischief::Mischief,
};
use rand::{
    RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _, seq::SliceRandom as _,
};
use sandbox::{Answer, scripts};
use std::time::Duration;

/// The functions that faults are for.
const FUNCTIONS: [&str; 4] = ["send", "send", "dispatch", "tally"];
/// Operations that faults are for, by how they begin.
const ACTIONS: [&str; 8] = [
    "dynamodb:UpdateItem",
    "dynamodb:UpdateItem",
    "dynamodb:Query",
    "dynamodb:BatchGetItem",
    "dynamodb:TransactWriteItems",
    "sqs:",
    "secretsmanager:",
    "",
];
/// 23:00 in milliseconds of the first day: long before any device registered.
const LONG_AGO: i64 = 82_800_000;

/// Everything that a seed decides.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) seed: u64,
    pub(super) people: Vec<Vec<Phone>>,
    pub(super) campaigns: Vec<Plan>,
    queue: Queue,
    pub(super) faults: Vec<Rule>,
    pub(super) gateways: Vec<(&'static str, Vec<Answer>)>,
    pub(super) steps: Vec<Step>,
}

/// A person's device, and what its gateway says of it.
#[derive(Debug)]
pub(super) struct Phone {
    pub(super) android: bool,
    pub(super) answers: Vec<Answer>,
    pub(super) fate: Fate,
}

/// What may become of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It gets every message in the end.
    Fine,
    /// It refuses a message, and stays.
    Refuses,
    /// Its gateway says that it is gone.
    Gone,
}

/// A campaign.
#[derive(Debug)]
pub(super) struct Plan {
    /// Which people.
    pub(super) to: Vec<usize>,
    /// Its lookback.
    pub(super) hours: u32,
    /// What to do about open conversations.
    pub(super) policy: &'static str,
}

/// What the queue does to messages.
#[derive(Debug)]
struct Queue {
    drop: f64,
    repeat: f64,
    delay: f64,
    longest_delay: Duration,
    reorder: bool,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Launch(usize),
    /// Of a function, when it has made so many more calls to AWS.
    Kill(&'static str, u64),
    Write(usize),
    Close(usize),
    Cancel(usize),
    Wait(Duration),
    Sweep,
    /// Of Apple's or Google's gateway.
    Outage(bool),
    /// Once more in the app.
    LogIn(usize),
}

impl Scenario {
    /// Draws one.
    pub(super) fn draw(seed: u64) -> Self {
        let r = &mut StdRng::seed_from_u64(seed);
        let people: Vec<Vec<Phone>> = (0..r.random_range(3..=6)).map(|_| phones(r)).collect();
        let campaigns: Vec<Plan> = (0..r.random_range(1..=3))
            .map(|_| plan(r, people.len()))
            .collect();
        let queue = Queue {
            drop: pick(r, &[0.0, 0.1, 0.4]),
            repeat: pick(r, &[0.0, 0.3, 1.0]),
            delay: pick(r, &[0.0, 0.3]),
            longest_delay: Duration::from_secs(r.random_range(1..=900)),
            reorder: r.random_bool(0.5),
        };
        let faults = (0..r.random_range(0..=6)).map(|_| fault(r)).collect();
        let gateways = [(scripts::APNS, false), (scripts::FCM, true)]
            .into_iter()
            .filter(|_| r.random_bool(0.3))
            .collect::<Vec<_>>();
        let gateways = gateways
            .into_iter()
            .map(|(name, android)| (name, vec![passing(r, android)]))
            .collect();
        let steps = steps(r, people.len(), campaigns.len());
        Self {
            seed,
            people,
            campaigns,
            queue,
            faults,
            gateways,
            steps,
        }
    }

    /// What the queue is to do.
    pub(super) fn mischief(&self) -> Mischief {
        let Queue {
            drop,
            repeat,
            delay,
            longest_delay,
            reorder,
        } = self.queue;
        let mischief = Mischief::seeded(self.seed)
            .drop(drop)
            .repeat(repeat, 5)
            .delay(delay, longest_delay);
        if reorder {
            mischief.reorder()
        } else {
            mischief
        }
    }
}

fn pick<T: Copy>(r: &mut StdRng, from: &[T]) -> T {
    *from.choose(r).unwrap()
}

fn phones(r: &mut StdRng) -> Vec<Phone> {
    let all = match r.random_range(0..6) {
        0..3 => vec![false],
        3..5 => vec![true],
        _ => vec![false, true],
    };
    all.into_iter().map(|android| phone(r, android)).collect()
}

fn phone(r: &mut StdRng, android: bool) -> Phone {
    let (answers, fate) = match r.random_range(0..10) {
        0..4 => (Vec::new(), Fate::Fine),
        4..7 => (
            (0..r.random_range(1..=2))
                .map(|_| passing(r, android))
                .collect(),
            Fate::Fine,
        ),
        7 if !android => {
            let before = Answer::reason("Unregistered").timestamp(LONG_AGO);
            (vec![before.times(r.random_range(1..=2))], Fate::Fine)
        }
        7 | 8 => {
            let reason = if android {
                "INVALID_ARGUMENT"
            } else {
                "PayloadTooLarge"
            };
            (vec![Answer::reason(reason).once()], Fate::Refuses)
        }
        _ => {
            let reason = match (android, r.random_bool(0.5)) {
                (true, _) => "UNREGISTERED",
                (false, true) => "Unregistered",
                (false, false) => "BadDeviceToken",
            };
            (vec![Answer::reason(reason)], Fate::Gone)
        }
    };
    Phone {
        android,
        answers,
        fate,
    }
}

/// An answer that keeps a message for a while.
fn passing(r: &mut StdRng, android: bool) -> Answer {
    let answer = match r.random_range(0..7) {
        0 if android => Answer::reason("QUOTA_EXCEEDED"),
        0 => Answer::reason("TooManyRequests").retry_after("60"),
        1 if android => Answer::reason("INTERNAL"),
        1 => Answer::reason("InternalServerError"),
        2 if android => Answer::reason("UNAVAILABLE"),
        2 => Answer::reason("ServiceUnavailable"),
        3 => Answer::reason(Answer::RESET),
        4 => Answer::reason(Answer::GO_AWAY),
        5 => Answer::reason(Answer::LOSE),
        _ => Answer::accept().after(Duration::from_millis(200)),
    };
    answer.times(r.random_range(1..=3))
}

fn plan(r: &mut StdRng, people: usize) -> Plan {
    let mut to: Vec<usize> = (0..people).collect();
    to.shuffle(r);
    to.truncate(r.random_range(2..=people));
    Plan {
        to,
        hours: pick(r, &[1, 24, 24]),
        policy: pick(r, &["fail", "hold", "append"]),
    }
}

fn fault(r: &mut StdRng) -> Rule {
    let fault = match r.random_range(0..5) {
        0 => Fault::Throttled,
        1 => Fault::Failed,
        2 | 3 => Fault::AnswerLost,
        _ => Fault::Slow(Duration::from_millis(r.random_range(1..=200))),
    };
    Rule {
        action: pick(r, &ACTIONS).to_owned(),
        function: Some(pick(r, &FUNCTIONS).to_owned()),
        after: r.random_range(0..=8),
        times: r.random_range(1..=3),
        fault,
    }
}

fn steps(r: &mut StdRng, people: usize, campaigns: usize) -> Vec<Step> {
    let mut order: Vec<Option<usize>> = (0..campaigns).map(Some).collect();
    order.extend(vec![None; r.random_range(2..=6)]);
    order.shuffle(r);
    let mut steps = Vec::new();
    for launched in order {
        if let Some(campaign) = launched {
            steps.push(Step::Launch(campaign));
            if r.random_bool(0.6) {
                steps.push(kill(r));
            }
            continue;
        }
        steps.push(match r.random_range(0..16) {
            0..3 => kill(r),
            3..6 => Step::Write(r.random_range(0..people)),
            6..9 => Step::Close(r.random_range(0..people)),
            9 => Step::Cancel(r.random_range(0..campaigns)),
            10..13 => Step::Wait(Duration::from_secs(r.random_range(30..=1500))),
            13 => Step::Sweep,
            14 => Step::Outage(r.random_bool(0.5)),
            _ => Step::LogIn(r.random_range(0..people)),
        });
    }
    steps
}

fn kill(r: &mut StdRng) -> Step {
    Step::Kill(pick(r, &FUNCTIONS), r.random_range(0..=12))
}
