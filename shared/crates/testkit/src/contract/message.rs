//! What keepers of messages promise.

use super::sample;
use domain::{
    device::DeviceStore,
    dispatch::{Holds, MessageJob},
    failure::Failure,
    handoff::Rendered,
    inbox::{ReadInbox, RecordReports, Report},
    message::{Event, Message, MessageKey, Phase, ReadMessages, State},
    origin::Origin,
    send::{Attempt, Before, CLAIM, Claim, Claims, Next},
    store::Unavailable,
};
use futures_util::future::join_all;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Claims the attempt at `at`, for as long as claims hold.
async fn claim(
    store: &impl Claims,
    job: &MessageJob,
    attempt: u32,
    at: Timestamp,
) -> Result<Claim, Unavailable> {
    let job = MessageJob {
        attempt,
        ..job.clone()
    };
    store.claim(&job, at, at + CLAIM).await
}

fn attempt(next: Next, at: Timestamp) -> Attempt {
    Attempt {
        rendered: None,
        taken: BTreeSet::new(),
        next,
        events: Vec::new(),
        at,
    }
}

async fn read(store: &impl ReadMessages, key: &MessageKey) -> Message {
    let mut found = store.messages(std::slice::from_ref(key)).await.unwrap();
    assert_eq!(found.len(), 1, "the message is there");
    found.remove(0)
}

fn granted() -> Claim {
    Claim::Granted(Before::default())
}

/// A message keeps the origin of the newest attempt that had one.
pub async fn origins<S: Claims + ReadMessages>(store: &S) {
    let (account, now) = (sample::account(), sample::now());
    let first = sample::job(&account, "ana", now);
    let untraced = MessageJob {
        origin: None,
        ..first.clone()
    };
    let other = Origin::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-1111111111111111-01");
    let later = MessageJob {
        origin: other.clone(),
        ..first.clone()
    };
    let mut at = now;
    for (job, kept) in [
        (&untraced, None),
        (&first, first.origin.clone()),
        (&untraced, first.origin.clone()),
        (&later, other),
    ] {
        let claim = claim(store, job, 0, at).await.unwrap();
        assert!(matches!(claim, Claim::Granted(_)), "{claim:?}");
        assert_eq!(read(store, &job.key).await.origin, kept);
        at += CLAIM;
    }
}

/// An attempt is one sender's at a time.
pub async fn claims<S: Claims + ReadMessages>(store: &S) {
    let (account, now) = (sample::account(), sample::now());
    let job = sample::job(&account, "ana", now);
    let keys = [job.key.clone()];
    assert_eq!(
        store.messages(&keys).await.unwrap(),
        [],
        "before its turn there is no message"
    );
    let rivals = join_all((0..8).map(|_| claim(store, &job, 0, now))).await;
    let rivals: Vec<_> = rivals.into_iter().map(Result::unwrap).collect();
    let won = rivals.iter().filter(|c| **c == granted()).count();
    assert_eq!(won, 1, "of many at once one gets a new message");
    let busy = rivals.iter().filter(|c| **c == Claim::Busy).count();
    assert_eq!(busy, 7, "the others are told that somebody has it");

    let message = read(store, &job.key).await;
    assert_eq!(
        message.place, job.place,
        "a claimed message knows its place"
    );
    assert_eq!(
        message.lookback_ends_at, job.lookback_ends_at,
        "and its end"
    );
    assert_eq!(
        (message.phase, message.attempt, message.revision),
        (Phase::Sending, 0, 1)
    );
    assert_eq!(
        message.until,
        Some(now + CLAIM),
        "and how long it is claimed"
    );
    assert_eq!(message.state(), State::Sending);
    assert!(job.origin.is_some(), "the sample is traced");
    assert_eq!(message.origin, job.origin, "and what it follows from");

    let last = now + CLAIM - sample::ms(1);
    assert_eq!(
        claim(store, &job, 0, last).await.unwrap(),
        Claim::Busy,
        "a claim holds until its end"
    );
    let rivals = join_all((0..8).map(|_| claim(store, &job, 0, now + CLAIM))).await;
    let won = rivals
        .into_iter()
        .filter(|c| matches!(c, Ok(Claim::Granted(_))))
        .count();
    assert_eq!(won, 1, "a claim that ran out is given to one other");

    let at = now + CLAIM;
    let not_before = at + sample::ms(90_000);
    let again = Attempt {
        taken: BTreeSet::from(["phone".parse().unwrap()]),
        ..attempt(
            Next::Again {
                attempt: 1,
                not_before,
                trouble: Failure::GatewayUnavailable,
            },
            at,
        )
    };
    assert!(
        !store.record(&job.key, 1, &again).await.unwrap(),
        "another attempt records nothing"
    );
    assert!(
        store.record(&job.key, 0, &again).await.unwrap(),
        "the claimed attempt is recorded"
    );
    assert!(!store.record(&job.key, 0, &again).await.unwrap(), "once");
    let moved = Claim::Moved {
        attempt: 1,
        not_before,
    };
    assert_eq!(
        claim(store, &job, 0, at).await.unwrap(),
        moved,
        "an older job is told what is next"
    );
    let rivals = join_all((0..8).map(|_| claim(store, &job, 1, not_before))).await;
    let message = read(store, &job.key).await;
    let trouble = Some(Failure::GatewayUnavailable);
    assert_eq!(message.trouble, trouble, "it is told what keeps it");
    assert_eq!(message.failure, None, "which is no failure yet");
    let taken = Claim::Granted(Before {
        taken: again.taken.clone(),
        trouble,
        ..Before::default()
    });
    let won = rivals
        .into_iter()
        .filter(|c| matches!(c, Ok(c) if *c == taken))
        .count();
    assert_eq!(
        won, 1,
        "the next attempt is one's, with what the attempts before came to"
    );
    assert!(
        store
            .record(&job.key, 1, &attempt(Next::Sent, at))
            .await
            .unwrap()
    );
    for attempt in [0, 1, 2] {
        let late = claim(store, &job, attempt, at + CLAIM).await.unwrap();
        assert_eq!(late, Claim::Settled, "a sent message is not sent again");
    }
    let other = sample::job(&account, "ana", now);
    assert_eq!(
        claim(store, &other, 0, now).await.unwrap(),
        granted(),
        "messages are apart"
    );
    let mut foreign = job.clone();
    foreign.key.account = sample::account();
    assert_eq!(
        claim(store, &foreign, 0, now).await.unwrap(),
        granted(),
        "accounts are apart"
    );
}

/// What an attempt led to is read back, all of it.
pub async fn outcomes<S: Claims + ReadMessages>(store: &S) {
    let (account, now) = (sample::account(), sample::now());
    let rendered = Rendered {
        text: "Hello Ana 👩🏽".into(),
        title: Some("Shop".into()),
        notification: Some("Hello".into()),
    };
    let cases = [
        (Next::Sent, Phase::Sent, State::Sent, None),
        (
            Next::Failed(Failure::NoDevice),
            Phase::Failed,
            State::Failed,
            Some(Failure::NoDevice),
        ),
        (Next::Expired(None), Phase::Expired, State::Expired, None),
        (
            Next::Expired(Some(Failure::CredentialsRefused)),
            Phase::Expired,
            State::Expired,
            Some(Failure::CredentialsRefused),
        ),
        (Next::Cancelled, Phase::Cancelled, State::Cancelled, None),
        (Next::Held, Phase::Held, State::Held, None),
    ];
    for (next, phase, state, failure) in cases {
        let job = sample::job(&account, "ana", now);
        assert_eq!(claim(store, &job, 0, now).await.unwrap(), granted());
        let events = vec![
            Event::new(now, "RETRY", "phone: not now"),
            Event::new(now, state.as_str(), "explained"),
        ];
        let at = now + sample::ms(5);
        let is_sent = next == Next::Sent;
        let is_final = next != Next::Held;
        let outcome = Attempt {
            rendered: Some(rendered.clone()),
            taken: is_sent
                .then(|| "phone".parse().unwrap())
                .into_iter()
                .collect(),
            events: events.clone(),
            ..attempt(next, at)
        };
        assert!(
            store.record(&job.key, 0, &outcome).await.unwrap(),
            "{state:?} is recorded"
        );
        let message = read(store, &job.key).await;
        assert_eq!(
            (message.phase, message.state()),
            (phase, state),
            "the state is kept"
        );
        assert_eq!(message.failure, failure, "the failure is kept");
        assert_eq!(
            message.rendered.as_ref(),
            Some(&rendered),
            "the texts are kept"
        );
        assert_eq!(message.taken, outcome.taken, "the devices are kept");
        assert_eq!(message.timeline, events, "the history is kept in order");
        assert_eq!(
            message.sent_at,
            is_sent.then_some(at),
            "when it was sent is kept"
        );
        let ended_at = (is_final && !is_sent).then_some(at);
        assert_eq!(message.ended_at, ended_at, "when it ended unsent is kept");
        assert_eq!(message.revision, 2, "every change is counted");
        let later = claim(store, &job, 0, at + CLAIM + CLAIM).await.unwrap();
        assert_eq!(
            later,
            Claim::Settled,
            "a {state:?} message has nothing to do for a sender"
        );
    }

    let job = sample::job(&account, "ben", now);
    claim(store, &job, 0, now).await.unwrap();
    let not_before = now + sample::ms(1_000);
    let again = Next::Again {
        attempt: 1,
        not_before,
        trouble: Failure::CredentialsRefused,
    };
    let partly = Attempt {
        taken: BTreeSet::from(["phone".parse().unwrap()]),
        rendered: Some(rendered.clone()),
        ..attempt(again, now)
    };
    store.record(&job.key, 0, &partly).await.unwrap();
    let message = read(store, &job.key).await;
    assert_eq!(
        (message.phase, message.attempt),
        (Phase::Queued, 1),
        "it waits for its next try"
    );
    assert_eq!(message.until, Some(not_before), "until then");
    assert_eq!(
        message.state(),
        State::Sent,
        "one device's taking makes it sent"
    );
    claim(store, &job, 1, not_before).await.unwrap();
    let rest = Attempt {
        taken: BTreeSet::from(["pad".parse().unwrap()]),
        ..attempt(Next::Sent, not_before)
    };
    store.record(&job.key, 1, &rest).await.unwrap();
    let message = read(store, &job.key).await;
    assert_eq!(message.trouble, None, "what left is in no trouble");
    assert_eq!(message.taken.len(), 2, "devices of all tries add up");
    assert_eq!(
        message.rendered,
        Some(rendered),
        "texts stay where a try brings none"
    );
    assert_eq!(
        message.sent_at,
        Some(now),
        "the first time it was taken counts"
    );
}

/// Held messages wait until they are let go, and are queued again once.
pub async fn holds<S: Holds + Claims + ReadMessages>(store: &S) {
    let (account, now) = (sample::account(), sample::now());
    let job = sample::job(&account, "ana", now);
    let second = sample::job(&account, "ana", now);
    let other = sample::job(&account, "ben", now);
    for job in [&job, &second, &other, &job] {
        store.hold(job).await.unwrap();
    }
    let ana = &job.key.consumer;
    let mut held = store.held(&account, ana).await.unwrap();
    held.sort_by_key(|j| j.key.transaction);
    let mut wanted = vec![job.clone(), second.clone()];
    wanted.sort_by_key(|j| j.key.transaction);
    assert_eq!(
        held, wanted,
        "what waits for the consumer is there, once, all of it"
    );
    let foreign = store.held(&sample::account(), ana).await.unwrap();
    assert_eq!(foreign, [], "an account sees only its own");

    let next = MessageJob {
        attempt: 1,
        not_before: now + sample::ms(10),
        ..job.clone()
    };
    store
        .queue_again(&next, now)
        .await
        .expect("a message that is not there is no error");
    claim(store, &job, 0, now).await.unwrap();
    store
        .queue_again(&next, now)
        .await
        .expect("nor is one that is not held");
    assert_eq!(
        read(store, &job.key).await.phase,
        Phase::Sending,
        "and it is left alone"
    );
    store
        .record(&job.key, 0, &attempt(Next::Held, now))
        .await
        .unwrap();
    store.queue_again(&next, now).await.unwrap();
    let message = read(store, &job.key).await;
    assert_eq!(
        (message.phase, message.attempt),
        (Phase::Queued, 1),
        "a held one is queued again"
    );
    assert_eq!(message.until, Some(next.not_before), "for its time");
    assert_eq!(
        message.timeline.last().unwrap().event,
        "RELEASED",
        "its history tells"
    );
    store.queue_again(&next, now).await.unwrap();
    assert_eq!(
        read(store, &job.key).await.revision,
        message.revision,
        "once"
    );
    assert_eq!(
        claim(store, &next, 1, now).await.unwrap(),
        granted(),
        "and can be claimed"
    );

    store.let_go(&job.key).await.unwrap();
    store
        .let_go(&job.key)
        .await
        .expect("letting go twice is no error");
    assert_eq!(
        store.held(&account, ana).await.unwrap(),
        [second],
        "what was let go is gone"
    );
}

/// What a device reports is recorded once.
pub async fn record_reports<S: RecordReports + Claims + ReadMessages>(store: &S) {
    let (account, now) = (sample::account(), sample::now());
    let at = |n: i64| now + sample::ms(n);
    let job = sample::job(&account, "ana", now);
    let key = &job.key;
    assert!(
        !store.record_report(key, Report::Read, now).await.unwrap(),
        "there is no message to report of"
    );
    assert_eq!(
        store.messages(std::slice::from_ref(key)).await.unwrap(),
        [],
        "and none comes of it"
    );
    claim(store, &job, 0, now).await.unwrap();
    store
        .record(key, 0, &attempt(Next::Sent, now))
        .await
        .unwrap();
    let sent = read(store, key).await;
    assert!(
        store
            .record_report(key, Report::Delivered, at(1))
            .await
            .unwrap(),
        "it is known"
    );
    assert!(
        store
            .record_report(key, Report::Delivered, at(9))
            .await
            .unwrap(),
        "still"
    );
    let delivered = read(store, key).await;
    assert_eq!(
        delivered.delivered_at,
        Some(at(1)),
        "the first report counts"
    );
    assert_eq!(
        delivered.revision,
        sent.revision + 1,
        "a repeated one changes nothing"
    );
    assert_eq!(delivered.state(), State::Delivered);
    store
        .record_report(key, Report::Tapped, at(2))
        .await
        .unwrap();
    store.record_report(key, Report::Read, at(3)).await.unwrap();
    store.record_report(key, Report::Read, at(4)).await.unwrap();
    let seen = read(store, key).await;
    assert_eq!(
        (seen.tapped_at, seen.read_at),
        (Some(at(2)), Some(at(3))),
        "each has its time"
    );
    assert_eq!(seen.delivered_at, Some(at(1)), "and keeps it");
    let events: Vec<_> = seen.timeline.iter().map(|e| e.event.as_str()).collect();
    assert_eq!(
        events,
        ["DELIVERED", "TAPPED", "READ"],
        "the history tells each once"
    );

    for report in [Report::Tapped, Report::Read] {
        let job = sample::job(&account, "ana", now);
        claim(store, &job, 0, now).await.unwrap();
        store
            .record(&job.key, 0, &attempt(Next::Sent, now))
            .await
            .unwrap();
        store.record_report(&job.key, report, at(5)).await.unwrap();
        let message = read(store, &job.key).await;
        assert_eq!(
            message.delivered_at,
            Some(at(5)),
            "what is {report:?} was delivered"
        );
        store
            .record_report(&job.key, Report::Delivered, at(6))
            .await
            .unwrap();
        let message = read(store, &job.key).await;
        assert_eq!(
            message.delivered_at,
            Some(at(5)),
            "a late report does not move it"
        );
    }
    let together = join_all((0..6).map(|_| store.record_report(key, Report::Read, at(7)))).await;
    assert!(
        together.into_iter().all(|r| matches!(r, Ok(true))),
        "many at once are fine"
    );
    assert_eq!(read(store, key).await, seen, "and change nothing");
}

/// A consumer's messages are read newest first, since some time.
pub async fn read_inbox<S: ReadInbox + Claims + DeviceStore>(store: &S) {
    let (account, now) = (sample::account(), sample::now());
    let ana = sample::consumer("ana");
    let mut made = Vec::new();
    for millis in [0, 10, 20, 30] {
        let job = sample::job(&account, "ana", now + sample::ms(millis));
        claim(store, &job, 0, now).await.unwrap();
        made.push(job.key.transaction);
    }
    let other = sample::job(&account, "ana2", now);
    claim(store, &other, 0, now).await.unwrap();
    let recent = async |since: Timestamp, limit: u32| -> Vec<_> {
        let found = store.recent(&account, &ana, since, limit).await.unwrap();
        found.into_iter().map(|m| m.key.transaction).collect()
    };
    let newest_first: Vec<_> = made.iter().rev().copied().collect();
    assert_eq!(
        recent(now, 10).await,
        newest_first,
        "all are there, newest first"
    );
    assert_eq!(
        recent(now, 2).await,
        newest_first[..2],
        "at most as many as asked for"
    );
    let since = now + sample::ms(10);
    assert_eq!(
        recent(since, 10).await,
        newest_first[..3],
        "none made before"
    );
    let foreign = store
        .recent(&sample::account(), &ana, now, 10)
        .await
        .unwrap();
    assert_eq!(foreign, [], "an account sees only its own");

    let phone = sample::device("phone", "t1", now);
    store.register(&account, &ana, &phone).await.unwrap();
    let (standing, found) = store
        .standing_and_recent(&account, &ana, since, 10)
        .await
        .unwrap();
    assert_eq!(standing.devices, [phone], "how they stand is told with it");
    assert!(standing.profile.is_some());
    let found: Vec<_> = found.into_iter().map(|m| m.key.transaction).collect();
    assert_eq!(found, newest_first[..3], "and the newest messages");
}
