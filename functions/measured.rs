//! What is measured of what the use cases did: from their word to metrics.

use domain::{
    campaign::Accepted,
    deliver::Posted,
    failure::Failure,
    id::{AccountId, CampaignId},
    send::{Next, Recorded},
};
use jiff::Timestamp;
use lambda::{About, Metric, Record, measure, measure_by};
use std::time::Duration;

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The time from `then` until `now`; none when clocks differ and `then` is yet to come.
fn since(then: Timestamp, now: Timestamp) -> u64 {
    millis(Duration::try_from(now.duration_since(then)).unwrap_or_default())
}

/// A campaign that was accepted.
pub fn accepted(accepted: &Accepted) {
    let campaign = &accepted.campaign;
    if accepted.replayed {
        return;
    }
    let about = About::campaign(&campaign.account, &campaign.id);
    for (metric, count) in [
        (Metric::Accepted, accepted.recipients.len()),
        (Metric::Refused, accepted.refused.len()),
    ] {
        if count > 0 {
            measure(&about, metric, u64::try_from(count).unwrap_or(u64::MAX));
        }
    }
}

/// A caller who was invited, by a campaign of one.
pub fn invited(account: &AccountId, campaign: &CampaignId) {
    measure(&About::campaign(account, campaign), Metric::Accepted, 1);
}

/// An attempt at a message.
pub fn recorded(recorded: &Recorded) {
    let key = &recorded.key;
    let about = About::message(&key.account, &recorded.campaign, key.transaction);
    measure(&about, Metric::Lateness, millis(recorded.late));
    measure(&about, Metric::Sent, recorded.left.into());
    if recorded.left {
        let took = since(key.transaction.made_at(), recorded.at);
        measure(&about, Metric::TimeToSent, took);
    }
    let failure = match recorded.next {
        Next::Sent | Next::Held => None,
        Next::Failed(failure) => {
            measure_by(&about, Metric::Failed, failure.as_str(), 1);
            Some(failure)
        }
        Next::Expired(failure) => {
            measure(&about, Metric::Expired, 1);
            failure
        }
        Next::Cancelled => {
            measure(&about, Metric::Cancelled, 1);
            None
        }
        Next::Again { .. } => {
            measure(&about, Metric::Retried, 1);
            None
        }
    };
    // Both are told of every attempt: an alarm divides one by the other.
    let is_fault = failure.is_some_and(Failure::is_fault);
    measure(&about, Metric::Faults, is_fault.into());
}

/// A change of an app's pause: it begins or goes on, or it is over.
pub fn pause(account: &AccountId, is_over: bool) {
    let metric = if is_over {
        Metric::BreakerClosed
    } else {
        Metric::BreakerOpen
    };
    measure(&About::account(account), metric, 1);
}

/// A batch of the stream that is in the counts by `now`.
pub fn counted(records: &[Record], now: Timestamp) {
    let written = |record: &Record| {
        let at = &record.change.approximate_creation_date_time;
        Timestamp::from_millisecond(at.timestamp_millis()).ok()
    };
    // What is handed over by hand has no time.
    let oldest = records.iter().filter_map(written);
    let oldest = oldest.filter(|at| *at != Timestamp::UNIX_EPOCH).min();
    if let Some(oldest) = oldest {
        measure(&About::default(), Metric::ReportLag, since(oldest, now));
    }
}

/// An event that was posted to a webhook.
pub fn posted(about: &About, posted: Posted) {
    if posted == Posted::Taken {
        measure(about, Metric::WebhooksTaken, 1);
        return;
    }
    measure(about, Metric::WebhooksFailed, 1);
    if posted != Posted::Later {
        measure(about, Metric::WebhooksLost, 1);
    }
}

/// Messages that the sweep put on the queue again.
pub fn requeued(count: u32) {
    if count > 0 {
        measure(&About::default(), Metric::Requeued, count.into());
    }
}
