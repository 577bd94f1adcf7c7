//! What a device's answer means for it, for its message and for its app.

use super::attempt::{Attempt, Next, failed};
use crate::{
    breaker::{Cause, Pause},
    device::Device,
    dispatch::MessageJob,
    failure::Failure,
    handoff::Rendered,
    id::share,
    message::Event,
    pace::LONGEST_DELAY,
    push::{Receipt, Undelivered},
};
use jiff::Timestamp;
use std::{collections::BTreeSet, time::Duration};

/// What became of one device's notification.
pub(super) struct Answer<'d> {
    pub(super) device: &'d Device,
    pub(super) result: Result<Receipt, Kept>,
}

/// Why a device did not get it.
pub(super) enum Kept {
    /// The app has no route for the device's platform.
    NoRoute,
    /// The app's sends are paused: no gateway was asked.
    Paused(Pause),
    /// The gateway did not take it.
    Undelivered(Undelivered),
}

/// What an answer says of its app's route as a whole.
pub(super) enum Health<'a> {
    /// The gateway took the credential.
    Works,
    /// It refused it, or is in trouble.
    Trouble {
        cause: Cause,
        /// The gateway's word.
        reason: &'a str,
        /// For how long it asked to be left alone.
        asked: Option<Duration>,
    },
}

impl Answer<'_> {
    /// Whether the gateway's word means that the device's token is to be dropped: a token
    /// that was registered after the gateway gave up on it stays.
    pub(super) fn is_dead(&self) -> bool {
        match &self.result {
            Err(Kept::Undelivered(Undelivered::DeviceGone { since, .. })) => {
                since.is_none_or(|since| since >= self.device.registered_at)
            }
            _ => false,
        }
    }

    /// What it says of the route, where a gateway was asked.
    pub(super) fn health(&self) -> Option<Health<'_>> {
        Some(match &self.result {
            Ok(_) => Health::Works,
            Err(Kept::NoRoute | Kept::Paused(_)) => return None,
            Err(Kept::Undelivered(undelivered)) => match undelivered {
                Undelivered::Rejected { reason } if is_ours(reason) => return None,
                Undelivered::Rejected { .. } | Undelivered::DeviceGone { .. } => Health::Works,
                Undelivered::Refused { reason } => Health::Trouble {
                    cause: Cause::Refused,
                    reason,
                    asked: None,
                },
                Undelivered::Later { after, reason } => Health::Trouble {
                    cause: Cause::Failing,
                    reason,
                    asked: *after,
                },
            },
        })
    }

    /// How long to wait at least before the device is tried again; `None` if it is not.
    pub(super) fn wait(&self, now: Timestamp) -> Option<Duration> {
        let undelivered = match &self.result {
            Ok(_) | Err(Kept::NoRoute) => return None,
            Err(Kept::Paused(pause)) => {
                let left = pause.until.duration_since(now);
                return Some(Duration::try_from(left).unwrap_or_default());
            }
            Err(Kept::Undelivered(undelivered)) => undelivered,
        };
        match undelivered {
            Undelivered::Later { after, .. } => Some(after.unwrap_or_default()),
            // Somebody has to mend the credential first.
            Undelivered::Refused { .. } => Some(Duration::from_mins(1)),
            Undelivered::DeviceGone { .. } if !self.is_dead() => Some(Duration::from_secs(5)),
            Undelivered::DeviceGone { .. } | Undelivered::Rejected { .. } => None,
        }
    }

    const fn is_paused(&self) -> bool {
        matches!(self.result, Err(Kept::Paused(_)))
    }

    /// What the message fails with when this is the last word on it.
    const fn failure(&self) -> Option<Failure> {
        Some(match &self.result {
            Ok(_) => return None,
            Err(Kept::NoRoute) => Failure::AppNotConfigured,
            Err(Kept::Paused(pause)) => pause.cause.failure(),
            Err(Kept::Undelivered(undelivered)) => match undelivered {
                Undelivered::Refused { .. } => Failure::CredentialsRefused,
                Undelivered::Later { .. } => Failure::GatewayUnavailable,
                Undelivered::Rejected { .. } => Failure::NotificationRefused,
                Undelivered::DeviceGone { .. } => Failure::DeviceGone,
            },
        })
    }

    /// A line of history for it.
    fn told(&self, at: Timestamp) -> Event {
        let device = &self.device.id;
        let (event, what) = match &self.result {
            Ok(receipt) if receipt.shortened => {
                ("SENT", format!("taken as {}, shortened", receipt.id))
            }
            Ok(receipt) => ("SENT", format!("taken as {}", receipt.id)),
            Err(Kept::NoRoute) => ("REFUSED", NO_ROUTE.to_owned()),
            Err(Kept::Paused(pause)) => (
                "PAUSED",
                format!(
                    "the app's sends are paused since {}: {}",
                    pause.since, pause.reason
                ),
            ),
            Err(Kept::Undelivered(undelivered)) => {
                let event = if self.is_dead() {
                    "DEVICE_GONE"
                } else if self.wait(at).is_some() {
                    "RETRY"
                } else {
                    "REFUSED"
                };
                (event, undelivered.to_string())
            }
        };
        Event::new(at, event, format!("{device}: {what}"))
    }
}

/// What the history says of a device whose platform the app has no route for.
const NO_ROUTE: &str = "the app has no route for its platform";

/// Our own words for what no gateway was asked about are written in lower case.
fn is_ours(reason: &str) -> bool {
    matches!(reason, "expired" | "payload_too_large")
}

/// Exponential backoff with full jitter, never below what the gateway asked for.
///
/// The `jitter` is an even random share of 1.
#[must_use]
pub fn backoff(attempt: u32, least: Duration, jitter: f64) -> Duration {
    let ceiling = Duration::from_secs(2)
        .saturating_mul(2_u32.saturating_pow(attempt.min(16)))
        .min(LONGEST_DELAY);
    least + ceiling.mul_f64(jitter.clamp(0.0, 1.0))
}

/// The most attempts that leave a line each in the history.
const TOLD_ATTEMPTS: u32 = 10;

/// What all devices' answers come to.
pub(super) fn conclude(
    job: &MessageJob,
    rendered: Rendered,
    has_left: bool,
    answers: &[Answer<'_>],
    at: Timestamp,
) -> Attempt {
    let mut events: Vec<_> = answers
        .iter()
        .map(|answer| answer.told(at))
        .filter(|e| job.attempt < TOLD_ATTEMPTS || !["RETRY", "PAUSED"].contains(&&*e.event))
        .collect();
    let taken: BTreeSet<_> = answers
        .iter()
        .filter(|a| a.result.is_ok())
        .map(|a| a.device.id.clone())
        .collect();
    let left = has_left || !taken.is_empty();
    let next = match try_again(job, answers, at) {
        Some(next) => next,
        None if left => Next::Sent,
        None => Next::Failed(last_word(answers)),
    };
    if let Next::Failed(failure) = next {
        events.push(failed(at, failure));
    }
    Attempt {
        rendered: Some(rendered),
        taken,
        next,
        events,
        at,
    }
}

/// The next attempt, if there is to be one.
fn try_again(job: &MessageJob, answers: &[Answer<'_>], at: Timestamp) -> Option<Next> {
    let least = answers.iter().filter_map(|answer| answer.wait(at)).max()?;
    let wait = backoff(job.attempt, least, share());
    let not_before = at.checked_add(wait).unwrap_or(job.lookback_ends_at);
    let in_time = not_before < job.lookback_ends_at;
    // What was not even tried waits to the very end, should the pause end before.
    let waits = in_time || answers.iter().any(Answer::is_paused);
    waits.then(|| Next::Again {
        attempt: job.attempt + 1,
        not_before: not_before.min(job.lookback_ends_at),
        trouble: last_word(answers),
    })
}

/// The failure that tells the brand most, when no device took the message.
fn last_word(answers: &[Answer<'_>]) -> Failure {
    let failures: Vec<_> = answers.iter().filter_map(Answer::failure).collect();
    [
        Failure::CredentialsRefused,
        Failure::GatewayUnavailable,
        Failure::NotificationRefused,
        Failure::AppNotConfigured,
    ]
    .into_iter()
    .find(|failure| failures.contains(failure))
    .unwrap_or(Failure::DeviceGone)
}
