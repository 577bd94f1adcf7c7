//! Telling webhooks: each event at least once, for 28 hours, and again on request.

use crate::{
    audit::Author,
    clock::Clock,
    dispatch::{Announce, Announcement, WebhookEvent},
    event::{self, Data, Event},
    id::{AccountId, WebhookName},
    journal::{self, Page, ReadJournal},
    pace,
    store::Unavailable,
    webhook::{Disabled, ReadWebhooks, Reason, Webhook},
};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::{future::Future, time::Duration};

/// How long after the try before it each try of an event comes: 28 hours in all, but for 25
/// minutes.
pub const SCHEDULE: [Duration; 8] = [
    Duration::ZERO,
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(10),
];

/// How long a webhook may take nothing before it is disabled.
pub const PATIENCE: SignedDuration = SignedDuration::from_hours(5 * 24);

/// The subject of what the system does by itself, in the audit log.
pub const SYSTEM: &str = "overture";

/// Something to be done for a webhook. The tag names the form: a new form is a new variant, so
/// that old and new code can share a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Job {
    /// Tell it of an event.
    #[serde(rename = "event.v1")]
    Event(EventJob),
    /// Tell it of what the log has.
    #[serde(rename = "replay.v1")]
    Replay(ReplayJob),
}

/// An event that a webhook is to be told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventJob {
    /// The brand.
    pub account: AccountId,
    /// The webhook.
    pub webhook: WebhookName,
    /// The event.
    pub event: Event,
    /// Which try this is, from 0.
    pub attempt: u32,
    /// Its time.
    pub not_before: Timestamp,
}

/// Events of the log that a webhook is to be told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayJob {
    /// The brand.
    pub account: AccountId,
    /// The webhook.
    pub webhook: WebhookName,
    /// Those recorded from then on.
    pub from: Timestamp,
    /// And before then.
    pub to: Timestamp,
    /// The day that is next.
    pub day: Date,
    /// Behind which of its pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A job, and how long the queue keeps it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delayed {
    /// The job.
    pub job: Job,
    /// At most [`pace::LONGEST_DELAY`].
    pub delay: Duration,
}

impl Delayed {
    /// A job that is due at once.
    #[must_use]
    pub const fn now(job: Job) -> Self {
        let delay = Duration::ZERO;
        Self { job, delay }
    }

    /// An event's job, kept back until its time.
    fn until_due(job: EventJob, now: Timestamp) -> Self {
        let delay = pace::delay_at_least(job.not_before, now);
        let job = Job::Event(job);
        Self { job, delay }
    }

    /// Whose turn it takes: no webhook's jobs are to keep those of others waiting.
    #[must_use]
    pub fn group(&self) -> String {
        let (account, webhook) = match &self.job {
            Job::Event(job) => (&job.account, &job.webhook),
            Job::Replay(job) => (&job.account, &job.webhook),
        };
        format!("{account}:{webhook}")
    }
}

/// Puts jobs on the queue of deliveries.
pub trait EnqueueDeliveries: Send + Sync {
    /// Puts all of them, in as few calls as the queue allows, or fails: some may then be
    /// there, and all are put again.
    fn enqueue_deliveries(
        &self,
        jobs: &[Delayed],
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// What came of a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The endpoint's status, if it answered.
    pub status: Option<u16>,
    /// Why there is none.
    pub trouble: Option<String>,
    /// How long to wait before the next try, if the endpoint said.
    pub retry_after: Option<Duration>,
    /// How long it took.
    pub took: Duration,
}

impl Answer {
    /// Whether the endpoint took the event. A redirect is not followed, and takes none.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.status.is_some_and(|s| (200..300).contains(&s))
    }

    /// Whether the endpoint wants no more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.status == Some(410)
    }
}

/// Posts events to endpoints.
pub trait Post: Send + Sync {
    /// Posts the event, signed with the webhook's live secrets. What the endpoint does is an
    /// answer; it fails when nothing could be posted for a fault of ours.
    fn post(
        &self,
        webhook: &Webhook,
        event: &Event,
        now: Timestamp,
    ) -> impl Future<Output = Result<Answer, Unavailable>> + Send;
}

/// Keeps how a webhook's deliveries go.
pub trait Health: Send + Sync {
    /// The webhook, as of this instant.
    fn webhook(
        &self,
        account: &AccountId,
        name: &WebhookName,
    ) -> impl Future<Output = Result<Option<Webhook>, Unavailable>> + Send;

    /// Notes that it took nothing, unless that is noted, if it is still of that seed and
    /// version.
    fn failing(
        &self,
        webhook: &Webhook,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Notes that it took something, if it is still of that seed.
    fn well(&self, webhook: &Webhook) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Saves the disabled webhook and records `page`, if the stored one is of the version before
    /// it and has failed since `webhook.failing_since`; whether it did.
    fn disable(
        &self,
        by: &Author,
        webhook: &Webhook,
        page: &Page,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}

/// Makes a job of each recorded event for each webhook that wants it, and announces a webhook
/// that was disabled.
///
/// # Errors
/// When a port fails; doing it all again is safe.
pub async fn relay_events(
    store: &impl ReadWebhooks,
    queue: &impl EnqueueDeliveries,
    topic: &impl Announce,
    clock: &impl Clock,
    account: &AccountId,
    events: &[Event],
) -> Result<(), Unavailable> {
    for event in events {
        if let Data::Disabled(of) = &event.data {
            let announcement = WebhookEvent {
                event: event.kind.as_str().to_owned(),
                of: of.clone(),
            };
            topic.announce(&Announcement::Webhook(announcement)).await?;
        }
    }
    let (webhooks, now) = (store.webhooks(account).await?, clock.now());
    let jobs: Vec<_> = events
        .iter()
        .flat_map(|event| webhooks.iter().map(move |webhook| (webhook, event)))
        .filter(|(webhook, event)| webhook.wants(event.kind))
        .map(|(webhook, event)| first_try(webhook, event, now))
        .collect();
    if jobs.is_empty() {
        return Ok(());
    }
    queue.enqueue_deliveries(&jobs).await
}

fn first_try(webhook: &Webhook, event: &Event, now: Timestamp) -> Delayed {
    Delayed::now(Job::Event(EventJob {
        account: webhook.account.clone(),
        webhook: webhook.name.clone(),
        event: event.clone(),
        attempt: 0,
        not_before: now,
    }))
}

/// What became of an event that was posted, for those who measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// The endpoint took it.
    Taken,
    /// It is tried again later.
    Later,
    /// It had its last try.
    GivenUp,
    /// The webhook was disabled over it.
    Disabled,
}

/// Does a job; what became of the event, if one was posted.
///
/// # Errors
/// When a port fails; doing it again is safe: an endpoint knows an event by its id.
pub async fn work<S>(
    store: &S,
    queue: &impl EnqueueDeliveries,
    endpoints: &impl Post,
    clock: &impl Clock,
    job: Job,
) -> Result<Option<Posted>, Unavailable>
where
    S: Health + ReadJournal,
{
    match job {
        Job::Event(job) => deliver(store, queue, endpoints, clock, job).await,
        Job::Replay(job) => {
            replay_some(store, queue, clock, job).await?;
            Ok(None)
        }
    }
}

async fn deliver(
    store: &impl Health,
    queue: &impl EnqueueDeliveries,
    endpoints: &impl Post,
    clock: &impl Clock,
    job: EventJob,
) -> Result<Option<Posted>, Unavailable> {
    let now = clock.now();
    if job.not_before > now {
        // The queue keeps a job back for a quarter of an hour at most.
        let waits = [Delayed::until_due(job, now)];
        queue.enqueue_deliveries(&waits).await?;
        return Ok(None);
    }
    let webhook = store.webhook(&job.account, &job.webhook).await?;
    let Some(webhook) = webhook.filter(|w| w.disabled.is_none()) else {
        return Ok(None);
    };
    let answer = endpoints.post(&webhook, &job.event, now).await?;
    if answer.is_taken() {
        if webhook.failing_since.is_some() {
            store.well(&webhook).await?;
        }
        return Ok(Some(Posted::Taken));
    }
    let reason = if answer.is_gone() {
        Some(Reason::Gone)
    } else {
        let since = webhook.failing_since.unwrap_or(now);
        (now.duration_since(since) >= PATIENCE).then_some(Reason::Failing)
    };
    if let Some(reason) = reason
        && disable(store, &webhook, reason, now).await?
    {
        return Ok(Some(Posted::Disabled));
    }
    if webhook.failing_since.is_none() {
        store.failing(&webhook, now).await?;
    }
    let Some(job) = next_try(job, &answer, now) else {
        return Ok(Some(Posted::GivenUp));
    };
    let waits = [Delayed::until_due(job, now)];
    queue.enqueue_deliveries(&waits).await?;
    Ok(Some(Posted::Later))
}

/// The event's next try: when the schedule or the endpoint says, whichever is later. `None` when
/// it had its last.
fn next_try(job: EventJob, answer: &Answer, now: Timestamp) -> Option<EventJob> {
    let attempt = job.attempt + 1;
    let planned = *SCHEDULE.get(usize::try_from(attempt).ok()?)?;
    let asked = answer.retry_after.unwrap_or_default();
    let longest = SCHEDULE.into_iter().max().unwrap_or_default();
    let wait = SignedDuration::try_from(planned.max(asked.min(longest))).ok()?;
    Some(EventJob {
        attempt,
        not_before: now.checked_add(wait).ok()?,
        ..job
    })
}

/// Disables a webhook and tells of it; whether it stood as it was read.
async fn disable(
    store: &impl Health,
    webhook: &Webhook,
    reason: Reason,
    now: Timestamp,
) -> Result<bool, Unavailable> {
    let by = Author {
        account: webhook.account.clone(),
        subject: SYSTEM.to_owned(),
        roles: Vec::new(),
        at: now,
    };
    let webhook = Webhook {
        disabled: Some(Disabled { at: now, reason }),
        version: webhook.version + 1,
        ..webhook.clone()
    };
    let events = event::of_disabling(&webhook).into_iter().collect();
    match Page::of(&webhook.account, None, events, now) {
        Some(page) => store.disable(&by, &webhook, &page).await,
        None => Ok(false),
    }
}

/// How many pages of the log one job tells of.
const PAGES: u32 = 4;

/// The day, in UTC.
fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// Tells of some pages, and puts a job for those behind them.
async fn replay_some<S>(
    store: &S,
    queue: &impl EnqueueDeliveries,
    clock: &impl Clock,
    mut job: ReplayJob,
) -> Result<(), Unavailable>
where
    S: Health + ReadJournal,
{
    let webhook = store.webhook(&job.account, &job.webhook).await?;
    let Some(webhook) = webhook.filter(|w| w.disabled.is_none()) else {
        return Ok(());
    };
    let (last, now) = (day(job.to), clock.now());
    while job.day <= last {
        let range = (job.from, job.to);
        let pages = store
            .pages(&job.account, job.day, range, job.after.as_deref(), PAGES)
            .await?;
        let Some(place) = pages.last().map(|page| page.place.clone()) else {
            let Ok(next) = job.day.tomorrow() else { break };
            (job.day, job.after) = (next, None);
            continue;
        };
        let mut jobs: Vec<_> = pages
            .iter()
            .flat_map(|page| &page.events)
            .filter(|event| webhook.wants(event.kind))
            .map(|event| first_try(&webhook, event, now))
            .collect();
        job.after = Some(place);
        jobs.push(Delayed::now(Job::Replay(job)));
        return queue.enqueue_deliveries(&jobs).await;
    }
    Ok(())
}

/// Why nothing is told again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no such webhook.
    #[error("the account has no such webhook")]
    NotFound,
    /// It is told nothing.
    #[error("the webhook is disabled: enable it first")]
    Disabled,
    /// The range is none, or older than what is kept.
    #[error("must be before `to`, and no longer ago than the 14 days that events are kept")]
    Range,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// Tells a webhook again of what was recorded from `from` on and before `to`.
///
/// # Errors
/// When there is no such webhook, it is disabled, the range is refused, or a port fails.
pub async fn replay(
    store: &impl Health,
    queue: &impl EnqueueDeliveries,
    clock: &impl Clock,
    (account, name): (&AccountId, &WebhookName),
    (from, to): (Timestamp, Timestamp),
) -> Result<(), ReplayError> {
    let now = clock.now();
    if from >= to || now.duration_since(from) > journal::KEPT {
        return Err(ReplayError::Range);
    }
    let webhook = store.webhook(account, name).await?;
    let webhook = webhook.ok_or(ReplayError::NotFound)?;
    if webhook.disabled.is_some() {
        return Err(ReplayError::Disabled);
    }
    let job = Job::Replay(ReplayJob {
        account: account.clone(),
        webhook: name.clone(),
        from,
        to: to.min(now),
        day: day(from),
        after: None,
    });
    queue.enqueue_deliveries(&[Delayed::now(job)]).await?;
    Ok(())
}

/// Posts a test event at once, whether the webhook is disabled or not; what came of it, or
/// nothing when there is no such webhook.
///
/// # Errors
/// When a port fails.
pub async fn test(
    store: &impl Health,
    endpoints: &impl Post,
    clock: &impl Clock,
    account: &AccountId,
    name: &WebhookName,
) -> Result<Option<(Event, Answer)>, Unavailable> {
    let Some(webhook) = store.webhook(account, name).await? else {
        return Ok(None);
    };
    let now = clock.now();
    let event = Event::test(&webhook, now);
    let answer = endpoints.post(&webhook, &event, now).await?;
    Ok(Some((event, answer)))
}
