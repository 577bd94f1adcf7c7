//! The circuit breaker: an app whose sends fail is paused, tried by one message, and resumed.
//!
//! A gateway that refuses an app's credentials would refuse every message of it, and each try
//! costs time and quota. The first refusal pauses the app's circuit; so does a share of
//! failures among its devices. While it is paused, messages wait. When the pause ends, one
//! message has the turn to try; its answer resumes the circuit or prolongs the pause.

use crate::{
    account::App,
    device::{Device, Environment, Platform, PushToken},
    failure::Failure,
    id::{AccountId, AppName},
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// What is paused at once: devices that are reached with the same credential at the same
/// gateway.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Circuit {
    /// The app.
    pub app: AppName,
    /// The devices' platform.
    pub platform: Platform,
    /// The world of their tokens.
    pub environment: Environment,
}

impl Circuit {
    /// The circuit that a device is on.
    #[must_use]
    pub fn of(device: &Device) -> Self {
        Self {
            app: device.app.clone(),
            platform: device.platform,
            environment: device.environment,
        }
    }
}

/// Why a circuit is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The gateway refused the app's credentials.
    Refused,
    /// Too large a share of the devices' answers were failures of the gateway.
    Failing,
}

impl Cause {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Failing => "failing",
        }
    }

    /// What a message fails with that the pause kept from leaving.
    #[must_use]
    pub const fn failure(self) -> Failure {
        match self {
            Self::Refused => Failure::CredentialsRefused,
            Self::Failing => Failure::GatewayUnavailable,
        }
    }

    /// The first pause.
    const fn rest(self) -> Duration {
        match self {
            // Somebody has to mend the credential.
            Self::Refused => Duration::from_mins(1),
            Self::Failing => Duration::from_secs(30),
        }
    }
}

/// The longest pause between two turns.
pub const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// How long a turn holds. When the one who has it dies, the next may try after that.
pub const TURN: SignedDuration = SignedDuration::from_secs(30);

/// A circuit that is paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// What is paused.
    pub circuit: Circuit,
    /// Why.
    pub cause: Cause,
    /// The gateway's word.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when nobody may try; then one may.
    pub until: Timestamp,
    /// How many turns were taken, in vain so far.
    pub turns: u32,
}

impl Pause {
    /// A pause that begins, for as long as its cause says or the gateway asks.
    #[must_use]
    pub fn begin(
        circuit: Circuit,
        cause: Cause,
        reason: &str,
        asked: Option<Duration>,
        now: Timestamp,
    ) -> Self {
        Self {
            circuit,
            cause,
            reason: reason.to_owned(),
            since: now,
            until: now,
            turns: 0,
        }
        .prolonged(asked, now)
    }

    /// The same with its next turn taken: nobody else may try until that runs out.
    #[must_use]
    pub fn with_turn(&self, now: Timestamp) -> Self {
        Self {
            until: now.checked_add(TURN).unwrap_or(now),
            turns: self.turns.saturating_add(1),
            ..self.clone()
        }
    }

    /// The same, longer: twice as long after each turn, at most [`LONGEST_PAUSE`], and not
    /// shorter than the gateway asks.
    #[must_use]
    pub fn prolonged(&self, asked: Option<Duration>, now: Timestamp) -> Self {
        let rest = self
            .cause
            .rest()
            .saturating_mul(2_u32.saturating_pow(self.turns.min(16)))
            .min(LONGEST_PAUSE)
            .max(asked.unwrap_or_default());
        Self {
            until: now.checked_add(rest).unwrap_or(now),
            ..self.clone()
        }
    }
}

/// Keeps which circuits are paused.
pub trait Pauses: Send + Sync {
    /// The account's circuits that are paused. What others changed may be seen some seconds
    /// late.
    fn pauses(
        &self,
        account: &AccountId,
    ) -> impl Future<Output = Result<Vec<Pause>, Unavailable>> + Send;

    /// The account's apps, and its circuits that are paused, as of this instant, in one request.
    fn apps_and_pauses(
        &self,
        account: &AccountId,
    ) -> impl Future<Output = Result<(Vec<App>, Vec<Pause>), Unavailable>> + Send;

    /// Pauses a circuit, unless it is paused; whether this call did.
    fn pause(
        &self,
        account: &AccountId,
        pause: &Pause,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;

    /// Puts `to` in the place of `from`, if that still stands; whether it did. Of several at
    /// once, one does.
    fn prolong(
        &self,
        account: &AccountId,
        from: &Pause,
        to: &Pause,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;

    /// Ends the circuit's pause, if it is paused.
    fn resume(
        &self,
        account: &AccountId,
        circuit: &Circuit,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// How far back answers count.
const SPAN: SignedDuration = SignedDuration::from_mins(1);

/// With how many devices' answers a share begins to mean something.
const ENOUGH: usize = 10;

/// The most devices that are looked at.
const MOST: usize = 100;

/// The most circuits that are looked at.
const MOST_CIRCUITS: usize = 1_000;

/// What the gateways answered lately, as far as this process asked.
///
/// A device counts once, with its last answer: a single one, however often it is tried, never
/// pauses the others.
#[derive(Debug, Default)]
pub struct Recent {
    circuits: Mutex<HashMap<(AccountId, Circuit), VecDeque<Seen>>>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Seen {
    device: u64,
    failed: bool,
    at: Timestamp,
}

impl Recent {
    /// Notes an answer. Whether so many devices of the circuit failed lately that it should be
    /// paused: half of at least 10 within a minute. Then the count starts anew.
    pub fn fails(
        &self,
        account: &AccountId,
        circuit: &Circuit,
        token: &PushToken,
        failed: bool,
        now: Timestamp,
    ) -> bool {
        let device = self.hasher.hash_one(token);
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (account.clone(), circuit.clone());
        if circuits.len() >= MOST_CIRCUITS && !circuits.contains_key(&key) {
            circuits.clear();
        }
        let seen = circuits.entry(key).or_default();
        seen.retain(|s| s.device != device && now.duration_since(s.at) < SPAN);
        if seen.len() >= MOST {
            seen.pop_front();
        }
        seen.push_back(Seen {
            device,
            failed,
            at: now,
        });
        let failing = seen.iter().filter(|s| s.failed).count();
        let too_many = failed && seen.len() >= ENOUGH && failing * 2 >= seen.len();
        if too_many {
            seen.clear();
        }
        too_many
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circuit() -> Circuit {
        Circuit {
            app: "com.example.shop".parse().unwrap(),
            platform: Platform::Ios,
            environment: Environment::Production,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    /// Whether any of the answers asks for a pause; each is a device's number, and whether it
    /// failed.
    fn pauses(answers: impl IntoIterator<Item = (u32, bool, i64)>) -> bool {
        let (recent, account) = (Recent::default(), "demo".parse().unwrap());
        answers.into_iter().any(|(device, failed, second)| {
            let token = format!("t{device}").parse().unwrap();
            recent.fails(&account, &circuit(), &token, failed, at(second))
        })
    }

    #[test]
    fn half_of_ten_devices_failing_within_a_minute_is_too_many() {
        assert!(pauses((0..10).map(|n| (n, n % 2 == 1, 0))));
        assert!(!pauses((0..9).map(|n| (n, true, 0))), "too few to tell");
        assert!(!pauses((0..30).map(|n| (n, n % 3 == 0, 0))), "a third");
        let slow = (0..30).map(|n| (n, true, i64::from(n) * 10));
        assert!(!pauses(slow), "never ten within a minute");
    }

    #[test]
    fn p3_one_device_that_fails_again_and_again_pauses_nobody() {
        assert!(!pauses((0..100).map(|_| (7, true, 0))));
        let others = (0..9).map(|n| (n, false, 0));
        assert!(!pauses(others.chain((0..100).map(|_| (99, true, 1)))));
    }

    #[test]
    fn a_pause_doubles_with_each_turn_up_to_its_longest() {
        let mut pause = Pause::begin(circuit(), Cause::Refused, "Forbidden", None, at(0));
        let mut rests = vec![pause.until.duration_since(at(0)).as_secs()];
        for _ in 0..4 {
            pause = pause.with_turn(at(0)).prolonged(None, at(0));
            rests.push(pause.until.duration_since(at(0)).as_secs());
        }
        assert_eq!(rests, [60, 120, 240, 300, 300]);
        let asked = pause.prolonged(Some(Duration::from_hours(1)), at(0));
        assert_eq!(asked.until, at(3_600), "the gateway asked for more");
    }
}
