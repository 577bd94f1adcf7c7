//! Messages while they are sent and after, in memory.

use super::{Record, Store, Tables};
use domain::{
    conversation::{ReadStanding as _, Standing},
    dispatch::{Holds, MessageJob},
    id::{AccountId, ConsumerId},
    inbox::{ReadInbox, RecordReports, Report},
    message::{Event, Message, MessageKey, Phase, ReadMessages},
    send::{Attempt, Before, Claim, Claims, Next},
    store::Unavailable,
};
use jiff::Timestamp;
use std::collections::BTreeSet;

impl Tables {
    /// Counts a change of the message and tells of it.
    pub(super) fn changed(&mut self, key: &MessageKey) {
        if let Some(message) = self.messages.get_mut(key) {
            message.revision += 1;
            self.stream.push(Record::Message(message.clone()));
        }
    }
}

fn new(job: &MessageJob) -> Message {
    Message {
        key: job.key.clone(),
        place: job.place.clone(),
        lookback_ends_at: job.lookback_ends_at,
        phase: Phase::Queued,
        attempt: 0,
        until: None,
        rendered: None,
        taken: BTreeSet::new(),
        trouble: None,
        failure: None,
        sent_at: None,
        delivered_at: None,
        tapped_at: None,
        read_at: None,
        responded_at: None,
        ended_at: None,
        conversation: None,
        conversation_closed_at: None,
        timeline: Vec::new(),
        origin: None,
        revision: 0,
    }
}

/// Why the message is not to be had for `attempt`, if it is not.
fn held_back(message: &Message, attempt: u32, now: Timestamp) -> Option<Claim> {
    let later = Claim::Moved {
        attempt: message.attempt,
        not_before: message.until.unwrap_or(now),
    };
    match message.phase {
        Phase::Sending if message.until.is_some_and(|until| now < until) => Some(Claim::Busy),
        Phase::Queued if message.attempt == attempt => None,
        Phase::Sending if message.attempt <= attempt => None,
        Phase::Queued | Phase::Sending => Some(later),
        Phase::Held | Phase::Sent | Phase::Failed | Phase::Expired | Phase::Cancelled => {
            Some(Claim::Settled)
        }
    }
}

fn take_in(message: &mut Message, outcome: &Attempt) {
    let at = outcome.at;
    if let Some(rendered) = &outcome.rendered {
        message.rendered = Some(rendered.clone());
    }
    message.taken.extend(outcome.taken.iter().cloned());
    message.timeline.extend(outcome.events.iter().cloned());
    message.until = None;
    message.trouble = None;
    if outcome.next == Next::Sent || !outcome.taken.is_empty() {
        message.sent_at.get_or_insert(at);
    }
    message.phase = match &outcome.next {
        Next::Sent => Phase::Sent,
        Next::Held => Phase::Held,
        Next::Failed(failure) => {
            message.failure = Some(*failure);
            Phase::Failed
        }
        Next::Expired(trouble) => {
            message.failure = *trouble;
            Phase::Expired
        }
        Next::Cancelled => Phase::Cancelled,
        Next::Again {
            attempt,
            not_before,
            trouble,
        } => {
            message.attempt = *attempt;
            message.until = Some(*not_before);
            message.trouble = Some(*trouble);
            Phase::Queued
        }
    };
    if message.phase.is_final() && message.sent_at.is_none() {
        message.ended_at = Some(at);
    }
}

impl Claims for Store {
    async fn claim(
        &self,
        job: &MessageJob,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim, Unavailable> {
        let (key, attempt) = (&job.key, job.attempt);
        let mut tables = self.begin("claim").await?;
        let message = tables
            .messages
            .entry(key.clone())
            .or_insert_with(|| new(job));
        let is_new = message.revision == 0;
        if !is_new && let Some(refusal) = held_back(message, attempt, now) {
            return Ok(refusal);
        }
        message.phase = Phase::Sending;
        message.attempt = attempt;
        message.until = Some(until);
        if job.origin.is_some() {
            message.origin.clone_from(&job.origin);
        }
        let before = Before::of(message.clone());
        tables.changed(key);
        Ok(Claim::Granted(before))
    }

    async fn record(
        &self,
        key: &MessageKey,
        attempt: u32,
        outcome: &Attempt,
    ) -> Result<bool, Unavailable> {
        let mut tables = self.begin("record").await?;
        let claimed = tables
            .messages
            .get_mut(key)
            .filter(|m| m.phase == Phase::Sending && m.attempt == attempt);
        let Some(message) = claimed else {
            return Ok(false);
        };
        take_in(message, outcome);
        tables.changed(key);
        Ok(true)
    }
}

impl Holds for Store {
    async fn hold(&self, job: &MessageJob) -> Result<(), Unavailable> {
        let mut tables = self.begin("hold").await?;
        tables.holds.insert(job.key.clone(), job.clone());
        Ok(())
    }

    async fn held(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
    ) -> Result<Vec<MessageJob>, Unavailable> {
        let tables = self.begin("held").await?;
        Ok(tables
            .holds
            .values()
            .filter(|job| job.key.account == *account && job.key.consumer == *consumer)
            .cloned()
            .collect())
    }

    async fn queue_again(&self, job: &MessageJob, now: Timestamp) -> Result<(), Unavailable> {
        let mut tables = self.begin("queue_again").await?;
        let held = tables
            .messages
            .get_mut(&job.key)
            .filter(|m| m.phase == Phase::Held);
        if let Some(message) = held {
            message.phase = Phase::Queued;
            message.attempt = job.attempt;
            message.until = Some(job.not_before);
            let released = "The conversation closed; the message is on its way again.";
            message.timeline.push(Event::new(now, "RELEASED", released));
            tables.changed(&job.key);
        }
        Ok(())
    }

    async fn let_go(&self, key: &MessageKey) -> Result<(), Unavailable> {
        let mut tables = self.begin("let_go").await?;
        tables.holds.remove(key);
        Ok(())
    }
}

impl ReadMessages for Store {
    async fn messages(&self, keys: &[MessageKey]) -> Result<Vec<Message>, Unavailable> {
        let tables = self.begin("messages").await?;
        let found = keys.iter().filter_map(|key| tables.messages.get(key));
        Ok(found.cloned().collect())
    }
}

impl ReadInbox for Store {
    async fn recent(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Message>, Unavailable> {
        let tables = self.begin("recent").await?;
        Ok(tables
            .messages
            .values()
            .rev()
            .filter(|m| m.key.account == *account && m.key.consumer == *consumer)
            .filter(|m| m.key.transaction.made_at() >= since)
            .take(limit as usize)
            .cloned()
            .collect())
    }

    async fn standing_and_recent(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        since: Timestamp,
        limit: u32,
    ) -> Result<(Standing, Vec<Message>), Unavailable> {
        let standing = self.standing(account, consumer).await?;
        let recent = self.recent(account, consumer, since, limit).await?;
        Ok((standing, recent))
    }
}

impl RecordReports for Store {
    async fn record_report(
        &self,
        key: &MessageKey,
        report: Report,
        at: Timestamp,
    ) -> Result<bool, Unavailable> {
        let mut tables = self.begin("record_report").await?;
        let Some(message) = tables.messages.get_mut(key) else {
            return Ok(false);
        };
        let mark = match report {
            Report::Delivered => &mut message.delivered_at,
            Report::Tapped => &mut message.tapped_at,
            Report::Read => &mut message.read_at,
        };
        if mark.is_none() {
            *mark = Some(at);
            message.delivered_at.get_or_insert(at);
            let event = Event::new(at, report.as_str(), "Reported by the device.");
            message.timeline.push(event);
            tables.changed(key);
        }
        Ok(true)
    }
}
