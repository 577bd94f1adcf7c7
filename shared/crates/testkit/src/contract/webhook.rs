//! What keepers of webhooks and of the log of events promise.

use super::sample;
use domain::{
    audit::{Action, ReadAudit},
    board::{BoardStore, Tally},
    campaign::AcceptCampaigns,
    clock,
    deliver::Health,
    event::{self, Event, Kind},
    id::{AccountId, CampaignId},
    journal::{Journal, Page, ReadJournal, Recorded},
    webhook::{Disabled, Reason, SecretVersion, Webhook, WebhookStore},
};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use std::slice::from_ref;

/// A new webhook of the account.
pub(super) fn webhook(account: &AccountId, name: &str) -> Webhook {
    let now = sample::now();
    Webhook {
        account: account.clone(),
        name: name.parse().unwrap(),
        seed: format!("{name}-seed"),
        url: "https://example.com/hooks".into(),
        events: Some([Kind::MessageSent, Kind::CampaignFinished].into()),
        disabled: None,
        failing_since: None,
        secrets: vec![SecretVersion {
            number: 1,
            key: "k1".into(),
            created_at: now,
            expires_at: Some(now + sample::ms(1)),
        }],
        created_at: now,
        version: 1,
    }
}

/// The webhook as it is after its next change.
fn next(webhook: &Webhook) -> Webhook {
    Webhook {
        version: webhook.version + 1,
        ..webhook.clone()
    }
}

/// Webhooks are kept, each change once, and removed.
pub async fn webhook_store<S: WebhookStore + Health>(store: &S) {
    let (ours, theirs) = (sample::account(), sample::account());
    let by = sample::by(&ours);
    assert_eq!(store.webhooks(&ours).await.unwrap(), [], "none at first");
    let (crm, erp) = (webhook(&ours, "crm"), webhook(&ours, "erp"));
    for made in [&erp, &crm] {
        let saved = store.put_webhook(&by, Action::WebhookSaved, made);
        assert!(saved.await.unwrap(), "a new one is saved");
    }
    assert!(
        !store
            .put_webhook(&by, Action::WebhookSaved, &crm)
            .await
            .unwrap(),
        "a name is taken once"
    );
    assert_eq!(
        store.webhooks(&ours).await.unwrap(),
        [crm.clone(), erp.clone()],
        "they are read back by name, all of each"
    );
    assert_eq!(store.webhooks(&theirs).await.unwrap(), [], "not by others");
    assert_eq!(
        store.webhook(&ours, &crm.name).await.unwrap(),
        Some(crm.clone())
    );
    assert_eq!(store.webhook(&theirs, &crm.name).await.unwrap(), None);

    let changed = Webhook {
        url: "https://example.com/other".into(),
        events: None,
        disabled: Some(Disabled {
            at: sample::now(),
            reason: Reason::Asked,
        }),
        failing_since: Some(sample::now()),
        ..next(&crm)
    };
    let rivals = (0..6).map(|_| store.put_webhook(&by, Action::WebhookRotated, &changed));
    let rivals = join_all(rivals).await;
    // A store may also refuse with an error where two writes collide.
    let won = rivals.iter().filter(|r| matches!(r, Ok(true))).count();
    assert_eq!(won, 1, "of many changes at once one is made");
    assert_eq!(
        store.webhook(&ours, &crm.name).await.unwrap(),
        Some(changed),
        "all of it is read back"
    );
    assert!(store.remove_webhook(&by, &crm.name).await.unwrap());
    assert!(!store.remove_webhook(&by, &crm.name).await.unwrap());
    assert_eq!(store.webhooks(&ours).await.unwrap(), from_ref(&erp));
}

/// How deliveries go is noted once, and disabling has the failure as its condition.
pub async fn webhook_health<S>(store: &S)
where
    S: WebhookStore + Health + ReadJournal + ReadAudit,
{
    let ours = sample::account();
    let by = sample::by(&ours);
    let made = webhook(&ours, "crm");
    store
        .put_webhook(&by, Action::WebhookSaved, &made)
        .await
        .unwrap();
    let read = async || store.webhook(&ours, &made.name).await.unwrap().unwrap();
    let (first, later) = (sample::now(), sample::now() + sample::ms(7));
    store.well(&made).await.unwrap();
    store.failing(&made, first).await.unwrap();
    store.failing(&made, later).await.unwrap();
    assert_eq!(
        read().await.failing_since,
        Some(first),
        "since the first time"
    );
    assert_eq!(read().await.version, made.version, "that is no change");
    store.well(&made).await.unwrap();
    assert_eq!(read().await.failing_since, None);
    let other = Webhook {
        seed: "another of the name".into(),
        ..made.clone()
    };
    store.failing(&other, first).await.unwrap();
    store.failing(&next(&made), first).await.unwrap();
    assert_eq!(read().await.failing_since, None, "it is another one");

    let disabled = Webhook {
        disabled: Some(Disabled {
            at: later,
            reason: Reason::Failing,
        }),
        failing_since: Some(first),
        ..next(&made)
    };
    let events = event::of_disabling(&disabled).into_iter().collect();
    let page = Page::of(&ours, None, events, later).unwrap();
    let disable = async || store.disable(&by, &disabled, &page).await.unwrap();
    assert!(!disable().await, "it was well meanwhile");
    store.failing(&made, first).await.unwrap();
    assert!(disable().await);
    assert_eq!(read().await, disabled, "all of it is read back");
    assert!(!disable().await, "once");
    store.well(&other).await.unwrap();
    assert_eq!(read().await, disabled);
    let day = clock::day(later);
    let range = (first, later + sample::ms(1));
    let pages = store.pages(&ours, day, range, None, 10).await.unwrap();
    assert_eq!(pages.len(), 1);
    assert_eq!(pages[0].events, page.events, "with the event of it");
    let log = store.audit(&ours, None, 10).await.unwrap();
    let actions: Vec<_> = log.iter().map(|entry| entry.action).collect();
    assert!(actions.contains(&Action::WebhookDisabled), "{actions:?}");
}

/// A campaign's event that is recorded for the first time.
fn happened(account: &AccountId, campaign: &CampaignId, number: u32) -> Event {
    let event = event::of_campaign(
        Kind::CampaignAccepted,
        account,
        campaign,
        &"H1".parse().unwrap(),
        &sample::skill("sales"),
        sample::now(),
    );
    Event {
        id: format!("{campaign}-{number}"),
        ..event
    }
}

/// A campaign's events are numbered without gaps, and each is recorded once.
pub async fn journal<S: Journal + ReadJournal>(store: &S) {
    let (ours, theirs) = (sample::account(), sample::account());
    let campaign: CampaignId = "c1".parse().unwrap();
    // Two days, the midnight between them in the middle.
    let today = clock::day(sample::now());
    let midnight = today.to_zoned(TimeZone::UTC).unwrap().timestamp();
    let at = |n: u32| midnight + sample::ms((i64::from(n) - 3) * 1000);
    let page = |number: u32, last: u64| {
        let events = vec![happened(&ours, &campaign, number)];
        Page::of(&ours, Some((campaign.clone(), last)), events, at(number)).unwrap()
    };
    assert_eq!(store.last_number(&ours, &campaign).await.unwrap(), 0);
    for (number, last) in [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4)] {
        let page = page(number, last);
        assert_eq!(store.record(&page).await.unwrap(), Recorded::Done);
        assert_eq!(
            store.record(&page).await.unwrap(),
            Recorded::Before,
            "an event is recorded once"
        );
    }
    assert_eq!(store.last_number(&ours, &campaign).await.unwrap(), 5);
    for last in [0, 4, 6] {
        let moved = store.record(&page(9, last)).await.unwrap();
        assert_eq!(moved, Recorded::Moved, "{last} is not the newest");
    }
    let rivals: Vec<_> = (20..26).map(|number| page(number, 5)).collect();
    let rivals = join_all(rivals.iter().map(|page| store.record(page))).await;
    let won = rivals.iter().filter(|r| matches!(r, Ok(Recorded::Done)));
    assert_eq!(won.count(), 1, "a number is taken once");
    let none = Page::of(&theirs, None, vec![happened(&ours, &campaign, 7)], at(1)).unwrap();
    assert_eq!(store.record(&none).await.unwrap(), Recorded::Done);
    assert_eq!(store.last_number(&theirs, &campaign).await.unwrap(), 0);

    let read = async |day, from, to, after: Option<&str>, limit| {
        let range = (from, to);
        let pages = store.pages(&ours, day, range, after, limit).await.unwrap();
        let numbers: Vec<_> = pages
            .iter()
            .flat_map(|page| &page.events)
            .map(|event| event.sequence().unwrap())
            .collect();
        (numbers, pages.last().map(|page| page.place.clone()))
    };
    let yesterday = today.yesterday().unwrap();
    let (long_ago, end) = (at(0), at(6));
    assert_eq!(
        read(yesterday, long_ago, end, None, 10).await.0,
        [1, 2],
        "a day has its own"
    );
    assert_eq!(read(today, long_ago, end, None, 10).await.0, [3, 4, 5]);
    assert_eq!(
        read(today, at(4), at(5), None, 10).await.0,
        [4],
        "from its start on, before its end"
    );
    let (first, place) = read(today, long_ago, end, None, 2).await;
    assert_eq!(first, [3, 4]);
    let (rest, place) = read(today, long_ago, end, place.as_deref(), 2).await;
    assert_eq!(rest, [5], "a page goes on behind the one before");
    let (none, _) = read(today, long_ago, end, place.as_deref(), 2).await;
    assert_eq!(none, [0; 0]);
}

/// A board and the events of what it took in are saved together or not at all.
pub async fn board_events<S>(store: &S)
where
    S: AcceptCampaigns + BoardStore + Journal + ReadJournal,
{
    let ours = sample::account();
    let acceptance = sample::acceptance(&ours, 2, sample::now());
    store.accept(&acceptance).await.unwrap();
    let campaign = &acceptance.campaign.id;
    let old = store.board(&ours, campaign, 0).await.unwrap().unwrap();
    let mut new = old.clone();
    new.version += 1;
    let now = sample::now();
    let page = |last: u64, at: Timestamp| {
        let events = (1..=150).map(|n| happened(&ours, campaign, n)).collect();
        Page::of(&ours, Some((campaign.clone(), last)), events, at).unwrap()
    };
    let same = Tally::default();
    let saved = store.save_board(&new, &same, Some(&page(3, now))).await;
    assert!(!saved.unwrap(), "the numbers are not those that come next");
    assert_eq!(store.board(&ours, campaign, 0).await.unwrap(), Some(old));
    let first = page(0, now);
    assert!(store.save_board(&new, &same, Some(&first)).await.unwrap());
    assert!(
        !store.save_board(&new, &same, Some(&first)).await.unwrap(),
        "a board that was saved before brings no event again"
    );
    assert_eq!(store.last_number(&ours, campaign).await.unwrap(), 150);
    let day = clock::day(now);
    let range = (now, now + SignedDuration::from_millis(1));
    let pages = store.pages(&ours, day, range, None, 10).await.unwrap();
    assert_eq!(pages.len(), 1);
    assert_eq!(pages[0].events, first.events, "all of it is read back");
}
