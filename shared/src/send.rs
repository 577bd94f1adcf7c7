//! The sender: one message to one consumer, claimed before it leaves, recorded after.
//!
//! A claim says "attempt n is mine until then"; nobody else sends meanwhile. What the
//! gateways answer is recorded after the attempt. When a sender dies in between, its claim
//! runs out and the next one tries again under the same collapse id, so that a device
//! shows one notification however often it was handed over.

use crate::{
    account::{App, ReadApps},
    campaign::{Campaign, OpenConversation, ReadCampaigns},
    clock::Clock,
    conversation::{
        AddEntries, Added, Author, Entry, Kind, Posted, ReadConversation, ReadStanding, Standing,
    },
    device::{DeadDevices, Device, Takes},
    dispatch::{ChatJob, Delayed, Enqueue, Holds, Job, MessageJob, release},
    failure::Failure,
    handoff::{Rendered, Source},
    id::{ConversationId, DeviceId, EntryId, share},
    message::{Event, MessageKey, Place},
    pace::{self, LONGEST_DELAY},
    push::{Backend, Custom, Notification, Push, Receipt, Target, Undelivered},
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeSet, future::Future, time::Duration};

/// How long a claim holds. Longer than any attempt takes; shorter than the queue takes to
/// give a message to another.
pub const CLAIM: SignedDuration = SignedDuration::from_secs(30);

/// How long a chat notification may be shown.
pub const CHAT_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// What asking for a message led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is the caller's until the claim runs out. The devices that took it before.
    Granted(BTreeSet<DeviceId>),
    /// Somebody else has it.
    Busy,
    /// It waits for a later attempt, not before then.
    Moved {
        /// The attempt.
        attempt: u32,
        /// Not before.
        not_before: Timestamp,
    },
    /// There is nothing more to do.
    Settled,
}

/// What one attempt changed of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What the consumer is shown, if it was found out.
    pub rendered: Option<Rendered>,
    /// The devices that took it this time.
    pub taken: BTreeSet<DeviceId>,
    /// How it goes on.
    pub next: Next,
    /// What to add to its history.
    pub events: Vec<Event>,
    /// When.
    pub at: Timestamp,
}

/// How a message goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// It left; nothing more to do.
    Sent,
    /// It failed for good.
    Failed(Failure),
    /// Its lookback ended.
    Expired,
    /// Its campaign was cancelled.
    Cancelled,
    /// It waits for the conversation to close.
    Held,
    /// It is tried again.
    Again {
        /// The attempt.
        attempt: u32,
        /// Not before.
        not_before: Timestamp,
    },
}

/// Keeps messages while they are sent.
pub trait Claims: Send + Sync {
    /// Claims attempt `attempt` of the message from `now` until `until`, in one write.
    ///
    /// MUST grant it to one caller at a time: when the message does not exist yet, when it
    /// is queued for this attempt, or when the claim of this or an earlier attempt ran out.
    fn claim(
        &self,
        key: &MessageKey,
        place: &Place,
        lookback_ends_at: Timestamp,
        attempt: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<Claim, Unavailable>> + Send;

    /// Records what the attempt changed, if the claim of `attempt` still stands; whether it
    /// did.
    fn record(
        &self,
        key: &MessageKey,
        attempt: u32,
        outcome: &Attempt,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}

/// What happened to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// The queue can forget it.
    Through,
    /// The queue must give it again later: somebody else is at it.
    NotYet,
}

/// Does one job.
///
/// # Errors
/// When a port fails; the queue gives the job again.
pub async fn send<S, Q, P, C>(
    store: &S,
    queue: &Q,
    gateways: &P,
    clock: &C,
    job: Job,
) -> Result<Done, Unavailable>
where
    S: Claims
        + ReadCampaigns
        + ReadStanding
        + ReadApps
        + ReadConversation
        + AddEntries
        + DeadDevices
        + Holds,
    Q: Enqueue,
    P: Push,
    C: Clock,
{
    let sender = Sender {
        store,
        queue,
        gateways,
        clock,
    };
    match job {
        Job::Message(job) => sender.message(job).await,
        Job::Chat(job) => sender.chat(job).await,
    }
}

struct Sender<'a, S, Q, P, C> {
    store: &'a S,
    queue: &'a Q,
    gateways: &'a P,
    clock: &'a C,
}

/// What the gateways answered for one device.
struct Answer<'a> {
    device: &'a Device,
    result: Result<Receipt, Undelivered>,
}

impl<S, Q, P, C> Sender<'_, S, Q, P, C>
where
    S: Claims
        + ReadCampaigns
        + ReadStanding
        + ReadApps
        + ReadConversation
        + AddEntries
        + DeadDevices
        + Holds,
    Q: Enqueue,
    P: Push,
    C: Clock,
{
    async fn message(&self, job: MessageJob) -> Result<Done, Unavailable> {
        let now = self.clock.now();
        if now < job.lookback_ends_at && pace::is_early(job.not_before, now) {
            self.queue.enqueue(&[Delayed::until_due(job, now)]).await?;
            return Ok(Done::Through);
        }
        let until = now.checked_add(CLAIM).unwrap_or(now);
        let claim = self
            .store
            .claim(
                &job.key,
                &job.place,
                job.lookback_ends_at,
                job.attempt,
                now,
                until,
            )
            .await?;
        match claim {
            Claim::Settled => Ok(Done::Through),
            Claim::Busy => Ok(Done::NotYet),
            // The sender before died after it recorded and before it queued.
            Claim::Moved {
                attempt,
                not_before,
            } => {
                let job = MessageJob {
                    not_before,
                    attempt,
                    ..job
                };
                self.queue.enqueue(&[Delayed::until_due(job, now)]).await?;
                Ok(Done::Through)
            }
            Claim::Granted(taken) => {
                let mut outcome = self.attempt(&job, &taken).await?;
                if !taken.is_empty() {
                    outcome = stays_sent(outcome);
                }
                self.finish(job, outcome).await?;
                Ok(Done::Through)
            }
        }
    }

    /// Records an outcome, then does what follows from it.
    async fn finish(&self, job: MessageJob, outcome: Attempt) -> Result<(), Unavailable> {
        if outcome.next == Next::Held {
            self.store.hold(&job).await?;
        }
        if !self.store.record(&job.key, job.attempt, &outcome).await? {
            // The claim ran out and another has it: what follows is theirs.
            return Ok(());
        }
        match outcome.next {
            Next::Again {
                attempt,
                not_before,
            } => {
                let job = MessageJob {
                    not_before,
                    attempt,
                    ..job
                };
                let now = self.clock.now();
                self.queue.enqueue(&[Delayed::until_due(job, now)]).await
            }
            Next::Held => {
                // It may have closed before the message was held: then the hold is gone,
                // and nobody comes back for it.
                self.store.hold(&job).await?;
                let key = &job.key;
                let standing = self.store.standing(&key.account, &key.consumer).await?;
                if standing.conversation.is_none() {
                    release(
                        self.store,
                        self.queue,
                        self.clock,
                        &key.account,
                        &key.consumer,
                    )
                    .await?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Looks at everything anew, now that the message is claimed, and sends it if it is
    /// still to be sent.
    async fn attempt(
        &self,
        job: &MessageJob,
        taken: &BTreeSet<DeviceId>,
    ) -> Result<Attempt, Unavailable> {
        let key = &job.key;
        let at = self.clock.now();
        let ends = |next, event: &str, detail: &str| Attempt {
            rendered: None,
            taken: BTreeSet::new(),
            next,
            events: vec![Event::new(at, event, detail)],
            at,
        };
        let campaign = self
            .store
            .campaign(&key.account, &job.place.campaign)
            .await?;
        // First: what counts as cancelled since the call must not become anything else.
        if campaign.as_ref().is_some_and(|c| c.cancelled_at.is_some()) {
            return Ok(ends(
                Next::Cancelled,
                "CANCELLED",
                "The campaign was cancelled.",
            ));
        }
        if at >= job.lookback_ends_at {
            return Ok(ends(
                Next::Expired,
                "EXPIRED",
                "The lookback ended before the message could leave.",
            ));
        }
        let Some(campaign) = campaign else {
            return Ok(fails(at, None, Failure::CampaignGone));
        };
        let rendered = campaign.content.render(&job.variables);
        let standing = self.store.standing(&key.account, &key.consumer).await?;
        if standing.profile.is_none() {
            return Ok(fails(at, Some(rendered), Failure::ConsumerNotRegistered));
        }
        if let Some(conversation) = standing.conversation {
            match campaign.open_conversation {
                OpenConversation::Fail => {
                    return Ok(fails(at, Some(rendered), Failure::OpenConversation));
                }
                OpenConversation::Hold => {
                    return Ok(Attempt {
                        rendered: Some(rendered),
                        ..ends(
                            Next::Held,
                            "HELD",
                            "The consumer has an open conversation; the message goes out when it closes.",
                        )
                    });
                }
                OpenConversation::Append => {
                    if self.append(job, conversation, &rendered, at).await? {
                        return Ok(Attempt {
                            rendered: Some(rendered),
                            ..ends(
                                Next::Sent,
                                "APPENDED",
                                "Posted into the consumer's open conversation.",
                            )
                        });
                    }
                    // It closed meanwhile: the message goes out as a push.
                }
            }
        }
        self.to_devices(job, &campaign, &standing, taken, rendered)
            .await
    }

    /// Posts the message into the consumer's open conversation; whether that took it.
    async fn append(
        &self,
        job: &MessageJob,
        conversation: ConversationId,
        rendered: &Rendered,
        at: Timestamp,
    ) -> Result<bool, Unavailable> {
        let key = &job.key;
        let Some(found) = self.store.conversation(&key.account, conversation).await? else {
            return Ok(false);
        };
        let posted = Posted {
            account: key.account.clone(),
            conversation,
            consumer: key.consumer.clone(),
            skill: found.skill,
            entry: Entry {
                id: EntryId::at(at),
                author: Author::Brand,
                originator: None,
                kind: Kind::Proactive,
                text: rendered.text.clone(),
                at,
                transaction: Some(key.transaction),
            },
        };
        // The transaction's id keeps a second try from posting it twice. With a space in it, it
        // is none that an app can give to what its consumer writes.
        let once = format!("message {}", key.transaction);
        let added = self.store.add(&posted, Some(&once), false).await?;
        Ok(added != Added::NotTaken)
    }

    async fn to_devices(
        &self,
        job: &MessageJob,
        campaign: &Campaign,
        standing: &Standing,
        taken: &BTreeSet<DeviceId>,
        rendered: Rendered,
    ) -> Result<Attempt, Unavailable> {
        let key = &job.key;
        let devices: Vec<_> = standing
            .devices
            .iter()
            .filter(|d| campaign.apps.as_slice().contains(&d.app) && !taken.contains(&d.id))
            .collect();
        if devices.is_empty() {
            let at = self.clock.now();
            return Ok(if taken.is_empty() {
                fails(at, Some(rendered), Failure::NoDevice)
            } else {
                Attempt {
                    rendered: Some(rendered),
                    taken: BTreeSet::new(),
                    next: Next::Sent,
                    events: Vec::new(),
                    at,
                }
            });
        }
        let apps = self.store.apps(&key.account).await?;
        let notification = Notification {
            account: key.account.clone(),
            title: rendered.title.clone(),
            body: rendered.body().to_owned(),
            collapse_id: key.transaction.to_string(),
            expires_at: job.lookback_ends_at,
            custom: Custom::Proactive {
                transaction: key.transaction,
                backend: match campaign.source {
                    Source::Proactive => Backend::Prmsg,
                    Source::Ivr => Backend::C2m,
                },
                lookback: campaign
                    .lookback_ends_at
                    .duration_since(campaign.created_at),
                le_campaign: campaign.le_campaign.clone(),
                le_engagement: campaign.le_engagement.clone(),
                consumer: key.consumer.clone(),
            },
        };
        let answers = self.hand_over(&devices, &apps, &notification).await;
        let at = self.clock.now();
        for answer in &answers {
            if is_dead(answer) {
                self.store
                    .forget(&key.account, &key.consumer, answer.device)
                    .await?;
            }
        }
        Ok(conclude(job, rendered, !taken.is_empty(), &answers, at))
    }

    /// Hands a notification to the gateways of all devices at once.
    async fn hand_over<'d>(
        &self,
        devices: &[&'d Device],
        apps: &[App],
        notification: &Notification,
    ) -> Vec<Answer<'d>> {
        let each = devices.iter().map(|device| async move {
            let route = apps
                .iter()
                .find(|app| app.name == device.app)
                .and_then(|app| app.route(device.platform));
            let result = match route {
                None => Err(Undelivered::Rejected {
                    reason: NO_ROUTE.into(),
                }),
                Some(route) => {
                    let target = Target {
                        route,
                        platform: device.platform,
                        environment: device.environment,
                        token: &device.token,
                        registered_at: device.registered_at,
                    };
                    self.gateways.push(target, notification).await
                }
            };
            Answer { device, result }
        });
        futures_util::future::join_all(each).await
    }

    /// Tells the consumer's devices of a new entry. Nothing is recorded: the entry waits in
    /// the chat whatever comes of it.
    async fn chat(&self, job: ChatJob) -> Result<Done, Unavailable> {
        let expires_at = job.at.checked_add(CHAT_LIFE).unwrap_or(job.at);
        if self.clock.now() >= expires_at {
            return Ok(Done::Through);
        }
        let standing = self.store.standing(&job.account, &job.consumer).await?;
        let devices: Vec<_> = standing
            .devices
            .iter()
            .filter(|d| d.takes == Takes::All)
            .collect();
        let apps = self.store.apps(&job.account).await?;
        let notification = Notification {
            account: job.account.clone(),
            title: None,
            body: job.text.clone(),
            // A message's own, so that it shows once even when a sender that died had sent it
            // as a push before the consumer wrote.
            collapse_id: job
                .transaction
                .map_or_else(|| job.entry.to_string(), |id| id.to_string()),
            expires_at,
            custom: Custom::Chat {
                conversation: job.conversation,
                originator: job.originator.clone(),
                consumer: job.consumer.clone(),
            },
        };
        let answers = self.hand_over(&devices, &apps, &notification).await;
        let now = self.clock.now();
        for answer in &answers {
            if is_dead(answer) {
                self.store
                    .forget(&job.account, &job.consumer, answer.device)
                    .await?;
            }
        }
        let waits = answers.iter().filter_map(wait).max();
        if let Some(least) = waits
            && answers.iter().all(|a| a.result.is_err())
        {
            let wait = backoff(job.attempt, least, share());
            if now.checked_add(wait).is_ok_and(|at| at < expires_at) {
                let job = Job::Chat(ChatJob {
                    attempt: job.attempt + 1,
                    ..job
                });
                let delay = wait.min(LONGEST_DELAY);
                self.queue.enqueue(&[Delayed { job, delay }]).await?;
            }
        }
        Ok(Done::Through)
    }
}

/// Our own reason: the app has no route for the device's platform.
const NO_ROUTE: &str = "no-route";

/// Whether the gateway's word means that the device's token is to be dropped: a token that
/// was registered after the gateway gave up on it stays.
fn is_dead(answer: &Answer<'_>) -> bool {
    match &answer.result {
        Err(Undelivered::DeviceGone { since, .. }) => {
            since.is_none_or(|since| since >= answer.device.registered_at)
        }
        _ => false,
    }
}

/// How long to wait at least before the device is tried again; `None` if it is not.
fn wait(answer: &Answer<'_>) -> Option<Duration> {
    match &answer.result {
        Err(Undelivered::Later { after, .. }) => Some(after.unwrap_or_default()),
        // Somebody has to mend the credentials first.
        Err(Undelivered::Refused { .. }) => Some(Duration::from_mins(1)),
        Err(Undelivered::DeviceGone { .. }) if !is_dead(answer) => Some(Duration::from_secs(5)),
        _ => None,
    }
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

/// A message that fails before any gateway was asked.
fn fails(at: Timestamp, rendered: Option<Rendered>, failure: Failure) -> Attempt {
    Attempt {
        rendered,
        taken: BTreeSet::new(),
        next: Next::Failed(failure),
        events: vec![Event::new(
            at,
            "FAILED",
            format!("{}: {}", failure.as_str(), failure.explanation()),
        )],
        at,
    }
}

/// What left for one device was sent, whatever keeps it from the others.
fn stays_sent(outcome: Attempt) -> Attempt {
    match outcome.next {
        Next::Failed(_) | Next::Expired | Next::Cancelled => Attempt {
            next: Next::Sent,
            events: Vec::new(),
            ..outcome
        },
        _ => outcome,
    }
}

/// The most attempts that leave a line each in the history.
const TOLD_ATTEMPTS: u32 = 10;

/// What all devices' answers come to.
fn conclude(
    job: &MessageJob,
    rendered: Rendered,
    taken_before: bool,
    answers: &[Answer<'_>],
    at: Timestamp,
) -> Attempt {
    let mut events: Vec<_> = answers
        .iter()
        .map(|answer| told(answer, at))
        .filter(|e| e.event != "RETRY" || job.attempt < TOLD_ATTEMPTS)
        .collect();
    let taken: BTreeSet<_> = answers
        .iter()
        .filter(|a| a.result.is_ok())
        .map(|a| a.device.id.clone())
        .collect();
    let left = taken_before || !taken.is_empty();

    let next = if let Some(least) = answers.iter().filter_map(wait).max() {
        let wait = backoff(job.attempt, least, share());
        match at.checked_add(wait) {
            Ok(not_before) if not_before < job.lookback_ends_at => Next::Again {
                attempt: job.attempt + 1,
                not_before,
            },
            _ if left => Next::Sent,
            _ => Next::Failed(last_word(answers)),
        }
    } else if left {
        Next::Sent
    } else {
        Next::Failed(last_word(answers))
    };
    if let Next::Failed(failure) = &next {
        events.push(Event::new(
            at,
            "FAILED",
            format!("{}: {}", failure.as_str(), failure.explanation()),
        ));
    }
    Attempt {
        rendered: Some(rendered),
        taken,
        next,
        events,
        at,
    }
}

/// The failure that tells the brand most, when no device took the message.
fn last_word(answers: &[Answer<'_>]) -> Failure {
    let any = |matches: fn(&Undelivered) -> bool| {
        answers
            .iter()
            .any(|a| a.result.as_ref().is_err_and(matches))
    };
    if any(|u| matches!(u, Undelivered::Refused { .. })) {
        Failure::CredentialsRefused
    } else if any(|u| matches!(u, Undelivered::Later { .. })) {
        Failure::GatewayUnavailable
    } else if any(|u| matches!(u, Undelivered::Rejected { reason } if reason != NO_ROUTE)) {
        Failure::NotificationRefused
    } else if any(|u| matches!(u, Undelivered::Rejected { .. })) {
        Failure::AppNotConfigured
    } else {
        Failure::DeviceGone
    }
}

/// A line of history for one device's answer.
fn told(answer: &Answer<'_>, at: Timestamp) -> Event {
    let device = &answer.device.id;
    match &answer.result {
        Ok(receipt) => Event::new(
            at,
            "SENT",
            format!(
                "{device}: taken as {}{}",
                receipt.id,
                if receipt.shortened { ", shortened" } else { "" }
            ),
        ),
        Err(undelivered) => {
            let event = if is_dead(answer) {
                "DEVICE_GONE"
            } else if wait(answer).is_some() {
                "RETRY"
            } else {
                "REFUSED"
            };
            Event::new(at, event, format!("{device}: {undelivered}"))
        }
    }
}
