//! Claiming a message and recording what came of it: one write each.

use crate::{
    Table,
    key::Key,
    message::{self, Item, Line},
    table::{Change, Updated, at, n, s, unavailable},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    dispatch::MessageJob,
    message::{MessageKey, Phase},
    send::{Attempt, Before, Claim, Claims, Next},
    store::Unavailable,
};
use jiff::Timestamp;

impl Claims for Table {
    async fn claim(
        &self,
        job: &MessageJob,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim, Unavailable> {
        let MessageJob {
            key,
            place,
            attempt,
            ..
        } = job;
        let sets = "SET kind = :kind, account = :account, consumer = :consumer, \
             #transaction = :transaction, campaign = :campaign, chunk = :chunk, place = :place, \
             lookback_ends_at = :lookback_ends_at, phase = :sending, attempt = :attempt, \
             not_until = :until, #ttl = :ttl";
        let change = match &job.origin {
            Some(origin) => Change::new(format!("{sets}, origin = :origin ADD revision :one"))
                .value(":origin", s(origin.as_str())),
            None => Change::new(format!("{sets} ADD revision :one")),
        };
        let change = change
            .only_if(
                "attribute_not_exists(pk) \
             OR (phase = :queued AND attempt = :attempt) \
             OR (phase = :sending AND not_until <= :now AND attempt <= :attempt)",
            )
            .name("#transaction", "transaction")
            .name("#ttl", "ttl")
            .value(":kind", s(Item::KIND))
            .value(":account", s(key.account.as_str()))
            .value(":consumer", s(key.consumer.as_str()))
            .value(":transaction", s(key.transaction.to_string()))
            .value(":campaign", s(place.campaign.as_str()))
            .value(":chunk", n(place.chunk))
            .value(":place", n(place.index))
            .value(":lookback_ends_at", at(job.lookback_ends_at))
            .value(":sending", s("sending"))
            .value(":queued", s("queued"))
            .value(":attempt", n(attempt))
            .value(":now", at(now))
            .value(":until", at(until))
            .value(":ttl", n(self.expiry(now)))
            .value(":one", n(1));
        Ok(match self.update(&Key::message(key), change).await? {
            Updated::Done(item) => Claim::Granted(Before::of(message::read(item)?)),
            Updated::Refused(None) => Claim::Busy,
            Updated::Refused(Some(item)) => {
                let message = message::read(item)?;
                match message.phase {
                    Phase::Sending => Claim::Busy,
                    Phase::Queued if message.attempt > *attempt => Claim::Moved {
                        attempt: message.attempt,
                        not_before: message.until.unwrap_or(now),
                    },
                    _ => Claim::Settled,
                }
            }
        })
    }

    async fn record(
        &self,
        key: &MessageKey,
        attempt: u32,
        outcome: &Attempt,
    ) -> Result<bool, Unavailable> {
        let mut sets = vec!["phase = :phase", "attempt = :next"];
        let mut adds = vec!["revision :one"];
        let mut change = Change::default()
            .only_if("phase = :sending AND attempt = :attempt")
            .value(":sending", s("sending"))
            .value(":attempt", n(attempt))
            .value(":phase", s(phase(&outcome.next)))
            .value(":one", n(1));
        let remove = if let Next::Again {
            attempt,
            not_before,
            trouble,
        } = outcome.next
        {
            sets.extend(["not_until = :until", "trouble = :trouble"]);
            change = change
                .value(":next", n(attempt))
                .value(":until", at(not_before))
                .value(":trouble", s(trouble.as_str()));
            ""
        } else {
            change = change.value(":next", n(attempt));
            "REMOVE not_until, trouble"
        };
        if let Some(rendered) = &outcome.rendered {
            sets.push("body = :body");
            change = change.value(":body", s(&rendered.text));
            if let Some(title) = &rendered.title {
                sets.push("title = :title");
                change = change.value(":title", s(title));
            }
            if let Some(notification) = &rendered.notification {
                sets.push("notification = :notification");
                change = change.value(":notification", s(notification));
            }
        }
        let sent = outcome.next == Next::Sent || !outcome.taken.is_empty();
        if sent {
            sets.push("sent_at = if_not_exists(sent_at, :at)");
        } else if !matches!(outcome.next, Next::Again { .. } | Next::Held) {
            sets.push("ended_at = :at");
        }
        if sent || sets.contains(&"ended_at = :at") {
            change = change.value(":at", at(outcome.at));
        }
        if !outcome.taken.is_empty() {
            adds.push("taken :taken");
            let taken = outcome.taken.iter().map(ToString::to_string).collect();
            change = change.value(":taken", AttributeValue::Ss(taken));
        }
        if let Next::Failed(failure) | Next::Expired(Some(failure)) = outcome.next {
            sets.push("failure = :failure");
            change = change.value(":failure", s(failure.as_str()));
        }
        if !outcome.events.is_empty() {
            sets.push("timeline = list_append(if_not_exists(timeline, :none), :events)");
            let events: Vec<_> = outcome.events.iter().map(Line::from).collect();
            change = change.value(":none", AttributeValue::L(Vec::new())).value(
                ":events",
                serde_dynamo::to_attribute_value(events).map_err(unavailable)?,
            );
        }
        let change = change.expression(format!(
            "SET {} {remove} ADD {}",
            sets.join(", "),
            adds.join(", ")
        ));
        Ok(matches!(
            self.update(&Key::message(key), change).await?,
            Updated::Done(_)
        ))
    }
}

/// The phase that an outcome leaves a message in, as it is stored.
const fn phase(next: &Next) -> &'static str {
    match next {
        Next::Sent => "sent",
        Next::Failed(_) => "failed",
        Next::Expired(_) => "expired",
        Next::Cancelled => "cancelled",
        Next::Held => "held",
        Next::Again { .. } => "queued",
    }
}
