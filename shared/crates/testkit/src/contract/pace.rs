//! What keepers of accounts' clocks and buckets promise.

use super::sample;
use domain::{
    limit::{Limiter, Pace},
    pace::{Pacer, span},
};
use futures_util::future::join_all;

/// Slots are given out once, whoever asks at the same time.
pub async fn pacer(store: &impl Pacer) {
    let (ours, theirs) = (sample::account(), sample::account());
    let now = sample::now();
    assert_eq!(
        store.reserved_until(&ours).await.unwrap(),
        None,
        "a new account has no slots taken"
    );
    let first = store.reserve(&ours, 30, 10, now).await.unwrap();
    assert_eq!(first.start, now, "the first slot is now");
    assert_eq!(first.per_second, 10, "slots come at the pace asked for");
    assert_eq!(
        store.reserved_until(&ours).await.unwrap(),
        Some(now + span(30, 10)),
        "it is told until when slots are taken"
    );
    let second = store.reserve(&ours, 5, 10, now).await.unwrap();
    assert_eq!(
        second.start,
        first.at(30),
        "the next slots follow without a gap"
    );
    let other = store.reserve(&theirs, 5, 10, now).await.unwrap();
    assert_eq!(other.start, now, "accounts do not wait for one another");
    let later = now + sample::ms(60_000);
    let idle = store.reserve(&ours, 1, 10, later).await.unwrap();
    assert_eq!(idle.start, later, "no slot lies in the past");

    let busy = sample::account();
    let together = join_all((0..20).map(|_| store.reserve(&busy, 5, 10, now))).await;
    let mut starts: Vec<_> = together.into_iter().map(|s| s.unwrap().start).collect();
    starts.sort();
    let wanted: Vec<_> = (0..20).map(|i| now + span(5 * i, 10)).collect();
    assert_eq!(
        starts, wanted,
        "slots reserved at once are apart, and none is lost"
    );
}

/// Calls are counted exactly, whoever calls at the same time.
pub async fn limiter(store: &impl Limiter) {
    let (ours, theirs) = (sample::account(), sample::account());
    let (now, pace) = (sample::now(), Pace { per_second: 10 });
    let first = store.take(&ours, "campaigns", pace, now).await.unwrap();
    assert!(first.taken, "a first call is taken");
    assert_eq!(
        (first.limit, first.remaining),
        (10, 9),
        "and it is told what is left"
    );

    let together = join_all((0..30).map(|_| store.take(&ours, "campaigns", pace, now))).await;
    let together: Vec<_> = together.into_iter().map(Result::unwrap).collect();
    let taken = together.iter().filter(|d| d.taken).count();
    assert_eq!(
        taken, 9,
        "of many calls at once exactly what was left is taken"
    );
    let refused = store.take(&ours, "campaigns", pace, now).await.unwrap();
    assert!(!refused.taken, "beyond that a call is refused");
    assert_eq!(refused.remaining, 0, "nothing is left");
    assert_eq!(
        refused.retry_after,
        pace.step(),
        "it is told when to call again"
    );

    let then = now + refused.retry_after;
    let again = store.take(&ours, "campaigns", pace, then).await.unwrap();
    assert!(
        again.taken,
        "a call at that time is taken: refused ones cost nothing"
    );
    let next = store.take(&ours, "campaigns", pace, then).await.unwrap();
    assert!(!next.taken, "and no more than that");
    for (account, bucket) in [(&ours, "reports"), (&theirs, "campaigns")] {
        let other = store.take(account, bucket, pace, now).await.unwrap();
        assert!(other.taken, "buckets do not empty one another");
    }
    let rested = store
        .take(&ours, "campaigns", pace, now + sample::ms(10_000))
        .await
        .unwrap();
    assert_eq!(
        (rested.taken, rested.remaining),
        (true, 9),
        "a rested bucket is as new"
    );
}
