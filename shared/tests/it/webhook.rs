//! Webhooks: who is told what, how often, and until when.

use crate::world::{World, secs};
use domain::{
    access::Role,
    agent,
    breaker::{Cause, Circuit, Pause, Pauses},
    campaign::{CancelCampaigns, OpenConversation},
    deliver::{self, Delayed, Health, Job, PATIENCE, Posted, SCHEDULE},
    device::{Environment, Platform},
    event::{Data, Event, Kind},
    id::WebhookName,
    journal::KEPT,
    pace::LONGEST_DELAY,
    webhook::{self, Draft, Reason, RotateWebhookError, SaveWebhookError, Webhook},
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeSet, time::Duration};
use testkit::memory::{Hooked, Keys};

fn name(name: &str) -> WebhookName {
    name.parse().unwrap()
}

fn draft(events: Option<&[Kind]>) -> Draft {
    Draft {
        url: "https://crm.example.com/hooks".into(),
        events: events.map(|kinds| kinds.iter().copied().collect()),
        disabled: false,
    }
}

/// Jobs that wait for their time, and what became of those that were posted.
#[derive(Default)]
struct Waiting(Vec<(Timestamp, Job)>, Vec<Posted>);

impl Waiting {
    fn receive(&mut self, world: &World) {
        let now = world.now();
        for Delayed { job, delay } in world.deliveries.take() {
            assert!(delay <= LONGEST_DELAY, "SQS keeps no job back for longer");
            self.0
                .push((now + SignedDuration::try_from(delay).unwrap(), job));
        }
    }

    /// Does every delivery that is due within `span`, moving the clock as it goes.
    async fn run(&mut self, world: &World, span: SignedDuration) {
        let until = world.now() + span;
        world.pump().await;
        self.receive(world);
        loop {
            self.0.sort_by_key(|(due, _)| *due);
            if self.0.first().is_none_or(|(due, _)| *due > until) {
                break;
            }
            let (due, job) = self.0.remove(0);
            world.clock.set(due.max(world.now()));
            let (store, queue) = (&world.store, &world.deliveries);
            let posted = deliver::work(store, queue, &world.endpoints, &world.clock, job).await;
            self.1.extend(posted.unwrap());
            world.pump().await;
            self.receive(world);
        }
        world.clock.set(until);
    }
}

async fn make(world: &World, which: &str, events: Option<&[Kind]>) -> Webhook {
    let by = world.by();
    let saved = webhook::save(&world.store, &Keys, &by, &name(which), &draft(events)).await;
    let (webhook, secret) = saved.unwrap();
    assert!(secret.is_some(), "a new one comes with its secret");
    webhook
}

async fn read(world: &World, which: &str) -> Webhook {
    let found = world.store.webhook(&world.account, &name(which)).await;
    found.unwrap().unwrap()
}

/// What a webhook was told, by numbers of the campaign's events.
fn numbered(posted: &[Hooked]) -> Vec<(u64, Kind)> {
    let mut all: Vec<_> = posted
        .iter()
        .filter_map(|p| Some((p.event.sequence()?, p.event.kind)))
        .collect();
    all.sort_unstable();
    all
}

fn kinds(posted: &[Hooked]) -> Vec<Kind> {
    posted.iter().map(|p| p.event.kind).collect()
}

#[tokio::test]
async fn every_change_of_a_campaign_is_told_and_numbered_from_one_without_gaps() {
    let world = World::new().await;
    make(&world, "crm", None).await;
    world.log_in("ana", "t1").await;
    world.campaign(&["ana", "ben"]).await;
    world.run().await;
    let replied = world.reply("ana", "Hello").await;
    world.close(replied.conversation).await;
    Waiting::default().run(&world, secs(1)).await;
    let posted = world.endpoints.take();
    let numbered = numbered(&posted);
    let numbers: Vec<_> = numbered.iter().map(|(number, _)| *number).collect();
    let all: Vec<_> = (1..=u64::try_from(numbers.len()).unwrap()).collect();
    assert_eq!(numbers, all, "{numbered:?}");
    let told: BTreeSet<_> = kinds(&posted).into_iter().collect();
    let expected = BTreeSet::from([
        Kind::CampaignAccepted,
        Kind::CampaignFinished,
        Kind::MessageSent,
        Kind::MessageFailed,
        Kind::MessageResponded,
        Kind::ConversationStarted,
        Kind::ConversationMessage,
        Kind::ConversationClosed,
    ]);
    assert_eq!(told, expected);
    assert_eq!(numbered[0].1, Kind::CampaignAccepted);
    let ids: BTreeSet<_> = posted.iter().map(|p| &p.event.id).collect();
    assert_eq!(ids.len(), posted.len(), "each has an id of its own");
    assert!(ids.iter().all(|id| !id.contains('.')), "{ids:?}");
}

#[tokio::test]
async fn a_change_that_is_given_again_makes_no_second_event() {
    let world = World::new().await;
    make(&world, "crm", None).await;
    world.log_in("ana", "t1").await;
    let accepted = world.accept(world.order(&["ana", "ben"])).await;
    let mut given = Vec::new();
    for round in 0..4 {
        match round {
            1 => world.run().await,
            2 => drop(world.reply("ana", "Hello").await),
            _ => {}
        }
        for record in world.store.stream() {
            world.pass_on(record.clone()).await.unwrap();
            given.push(record);
        }
    }
    world.pump().await;
    let message = world.message(&accepted, "ana").await;
    given.push(testkit::memory::Record::Message(message));
    Waiting::default().run(&world, secs(1)).await;
    let before = world.endpoints.take().len();
    assert!(before > 3, "{before}");
    let again = given.into_iter().filter(|record| {
        // What dispatch makes of a page, it makes again: the endpoint knows it by its id.
        !matches!(record, testkit::memory::Record::Events(..))
    });
    for record in again {
        world.pass_on(record).await.unwrap();
    }
    world.pump().await;
    Waiting::default().run(&world, secs(1)).await;
    assert_eq!(kinds(&world.endpoints.take()), []);
}

#[tokio::test]
async fn a_batch_of_more_changes_than_a_page_holds_loses_none() {
    let world = World::new().await;
    world.raise_limit(100).await;
    make(&world, "crm", None).await;
    let names: Vec<_> = (0..100).map(|n| format!("c{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    world.campaign(&names).await;
    world.run().await;
    Waiting::default().run(&world, secs(1)).await;
    let posted = world.endpoints.take();
    let numbers: Vec<_> = numbered(&posted).into_iter().map(|(n, _)| n).collect();
    assert_eq!(numbers, (1..=102).collect::<Vec<_>>());
}

#[tokio::test]
async fn held_and_cancelled_messages_and_campaigns_are_told() {
    let world = World::new().await;
    make(&world, "crm", None).await;
    world.log_in("ana", "t1").await;
    world.reply("ana", "Hello").await;
    let accepted = world.campaign_with(&["ana"], OpenConversation::Hold).await;
    world.run().await;
    let by = world.by();
    let id = &accepted.campaign.id;
    assert!(world.store.cancel(&by, id).await.unwrap());
    world.pump().await;
    Waiting::default().run(&world, secs(1)).await;
    let told = kinds(&world.endpoints.take());
    for kind in [Kind::MessageHeld, Kind::CampaignCancelled] {
        assert_eq!(told.iter().filter(|k| **k == kind).count(), 1, "{told:?}");
    }
    assert!(!told.contains(&Kind::CampaignFinished), "{told:?}");
}

#[tokio::test]
async fn a_conversations_way_from_agent_to_agent_is_told() {
    let world = World::new().await;
    make(&world, "crm", None).await;
    let id = world.reply("ana", "Hello").await.conversation;
    let support = world.staff("eve", Role::Agent, &["support"]);
    let (store, clock) = (&world.store, &world.clock);
    agent::accept(store, &support, id).await.unwrap();
    let said = agent::answer(store, clock, &support, id, "A secret".into(), None).await;
    said.unwrap();
    let sales = "sales".parse().unwrap();
    agent::transfer(store, &support, id, &sales).await.unwrap();
    world.close(id).await;
    Waiting::default().run(&world, secs(1)).await;
    let posted = world.endpoints.take();
    assert_eq!(
        kinds(&posted)
            .into_iter()
            .filter(|kind| *kind != Kind::ConversationMessage)
            .collect::<Vec<_>>(),
        [
            Kind::ConversationStarted,
            Kind::ConversationAccepted,
            Kind::ConversationTransferred,
            Kind::ConversationClosed,
        ]
    );
    for event in posted.iter().map(|p| &p.event) {
        let Data::Conversation(of) = &event.data else {
            panic!("{event:?}");
        };
        assert_eq!(
            (of.conversation_id, of.sequence),
            (id, None),
            "no campaign's"
        );
    }
}

#[tokio::test]
async fn a_pause_is_told_when_it_begins_and_ends_and_not_between() {
    let world = World::new().await;
    make(&world, "crm", Some(&[Kind::AppPaused, Kind::AppResumed])).await;
    let circuit = Circuit {
        app: "com.example.shop".parse().unwrap(),
        platform: Platform::Ios,
        environment: Environment::Production,
    };
    let (store, account, now) = (&world.store, &world.account, world.now());
    let pause = Pause::begin(circuit.clone(), Cause::Refused, "Forbidden", None, now);
    store.pause(account, &pause).await.unwrap();
    let turn = pause.with_turn(now);
    store.prolong(account, &pause, &turn).await.unwrap();
    store.resume(account, &circuit).await.unwrap();
    Waiting::default().run(&world, secs(1)).await;
    let told = kinds(&world.endpoints.take());
    assert_eq!(told, [Kind::AppPaused, Kind::AppResumed]);
}

#[tokio::test]
async fn a_webhook_is_told_what_it_wants_and_an_account_without_one_has_no_log() {
    let world = World::new().await;
    world.campaign(&["ana"]).await;
    world.run().await;
    make(&world, "all", None).await;
    make(&world, "some", Some(&[Kind::MessageFailed])).await;
    world.campaign(&["ana"]).await;
    world.run().await;
    Waiting::default().run(&world, secs(1)).await;
    let posted = world.endpoints.take();
    let (all, some): (Vec<_>, Vec<_>) = posted.into_iter().partition(|p| p.webhook == name("all"));
    assert_eq!(
        kinds(&all),
        [
            Kind::CampaignAccepted,
            Kind::MessageFailed,
            Kind::CampaignFinished
        ],
        "of the second campaign alone"
    );
    assert_eq!(kinds(&some), [Kind::MessageFailed]);
}

#[tokio::test]
async fn an_event_is_tried_eight_times_in_28_hours() {
    let whole: Duration = SCHEDULE.into_iter().sum();
    assert!(whole > Duration::from_hours(27) && whole <= Duration::from_hours(28));
    let world = World::new().await;
    make(&world, "crm", Some(&[Kind::MessageFailed])).await;
    world.endpoints.answer(&name("crm"), Some(500));
    world.campaign(&["ana"]).await;
    world.run().await;
    let start = world.now();
    let mut waiting = Waiting::default();
    waiting.run(&world, SignedDuration::from_hours(100)).await;
    let tries = world.endpoints.take();
    let at: Vec<_> = tries
        .iter()
        .map(|p| p.at.duration_since(start).as_secs())
        .collect();
    assert_eq!(at, [0, 5, 305, 2_105, 9_305, 27_305, 63_305, 99_305]);
    let mut told = [Posted::Later; 8];
    told[7] = Posted::GivenUp;
    assert_eq!(waiting.1, told);
    assert!(
        tries.iter().all(|p| p.event == tries[0].event),
        "the same each time"
    );
    assert!(read(&world, "crm").await.disabled.is_none());
}

#[tokio::test]
async fn an_endpoint_that_asks_for_time_gets_it() {
    let world = World::new().await;
    make(&world, "crm", Some(&[Kind::MessageFailed])).await;
    world.endpoints.answer(&name("crm"), Some(429));
    world
        .endpoints
        .ask_for(&name("crm"), Duration::from_mins(10));
    world.campaign(&["ana"]).await;
    world.run().await;
    let start = world.now();
    Waiting::default()
        .run(&world, SignedDuration::from_hours(1))
        .await;
    let tries = world.endpoints.take();
    let at: Vec<_> = tries
        .iter()
        .map(|p| p.at.duration_since(start).as_secs())
        .collect();
    assert_eq!(at, [0, 600, 1_200, 3_000]);
}

#[tokio::test]
async fn five_days_of_failure_disable_a_webhook_and_what_is_taken_between_does_not() {
    for (taken_between, is_disabled) in [(false, true), (true, false)] {
        let world = World::new().await;
        make(&world, "crm", Some(&[Kind::MessageFailed])).await;
        make(&world, "other", Some(&[Kind::WebhookDisabled])).await;
        let mut waiting = Waiting::default();
        world.endpoints.answer(&name("crm"), None);
        for day in 0..5 {
            let status = (taken_between && day == 3).then_some(200);
            world.endpoints.answer(&name("crm"), status);
            world.campaign(&["ana"]).await;
            world.run().await;
            waiting.run(&world, SignedDuration::from_hours(24)).await;
            assert!(read(&world, "crm").await.disabled.is_none(), "day {day}");
        }
        world.endpoints.take();
        world.campaign(&["ana"]).await;
        world.run().await;
        waiting.run(&world, SignedDuration::from_hours(2)).await;
        let reason = read(&world, "crm").await.disabled.map(|d| d.reason);
        assert_eq!(reason, is_disabled.then_some(Reason::Failing));
        let told: Vec<Event> = world
            .endpoints
            .take()
            .into_iter()
            .filter(|p| p.webhook == name("other"))
            .map(|p| p.event)
            .collect();
        assert_eq!(told.len(), usize::from(is_disabled), "{told:?}");
        let announced = world.topic.take();
        let announced = announced.iter().filter(|a| a.event() == "webhook.disabled");
        assert_eq!(announced.count(), usize::from(is_disabled));
        if is_disabled {
            waiting.run(&world, SignedDuration::from_hours(48)).await;
            assert_eq!(world.endpoints.take(), [], "it is told nothing more");
        }
    }
    assert_eq!(PATIENCE, SignedDuration::from_hours(120));
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled_at_once_and_saving_enables_it() {
    let world = World::new().await;
    make(&world, "crm", Some(&[Kind::MessageFailed])).await;
    world.endpoints.answer(&name("crm"), Some(410));
    world.campaign(&["ana", "ben"]).await;
    world.run().await;
    let mut waiting = Waiting::default();
    waiting.run(&world, secs(60)).await;
    assert_eq!(
        world.endpoints.take().len(),
        1,
        "the second is not even tried"
    );
    assert_eq!(waiting.1, [Posted::Disabled]);
    let disabled = read(&world, "crm").await.disabled.unwrap();
    assert_eq!(disabled.reason, Reason::Gone);
    let by = world.by();
    let range = (world.now() - secs(3_600), world.now());
    let replay = async || {
        let which = (&world.account, &name("crm"));
        deliver::replay(&world.store, &world.deliveries, &world.clock, which, range).await
    };
    assert!(matches!(
        replay().await,
        Err(deliver::ReplayError::Disabled)
    ));
    let saved = webhook::save(&world.store, &Keys, &by, &name("crm"), &draft(None)).await;
    let (saved, secret) = saved.unwrap();
    assert_eq!((saved.disabled, secret), (None, None));
    world.endpoints.answer(&name("crm"), Some(200));
    replay().await.unwrap();
    waiting.run(&world, secs(60)).await;
    assert!(waiting.1[1..].iter().all(|told| *told == Posted::Taken));
    let told = kinds(&world.endpoints.take());
    let failed = told.iter().filter(|kind| **kind == Kind::MessageFailed);
    assert_eq!(failed.count(), 2, "{told:?}");
}

#[tokio::test]
async fn events_of_a_range_are_told_again_in_pages_as_they_were() {
    let world = World::new().await;
    make(&world, "crm", Some(&[Kind::MessageFailed])).await;
    let mut waiting = Waiting::default();
    let mut days = Vec::new();
    for _ in 0..4 {
        days.push(world.now());
        for _ in 0..3 {
            world.campaign(&["ana", "ben"]).await;
            world.run().await;
        }
        waiting.run(&world, SignedDuration::from_hours(24)).await;
    }
    let told = world.endpoints.take();
    assert_eq!(told.len(), 24);
    let again = async |from, to| {
        let which = (&world.account, &name("crm"));
        deliver::replay(
            &world.store,
            &world.deliveries,
            &world.clock,
            which,
            (from, to),
        )
        .await
    };
    again(days[1], days[3]).await.unwrap();
    waiting.run(&world, secs(60)).await;
    let mut second: Vec<_> = world
        .endpoints
        .take()
        .into_iter()
        .map(|p| p.event)
        .collect();
    let mut first: Vec<_> = told[6..18].iter().map(|p| p.event.clone()).collect();
    for events in [&mut first, &mut second] {
        events.sort_by(|a, b| a.id.cmp(&b.id));
    }
    assert_eq!(second, first);
    let range = |error| matches!(error, Err(deliver::ReplayError::Range));
    assert!(range(again(days[1], days[1]).await));
    let old = world.now() - KEPT - secs(1);
    assert!(range(again(old, days[1]).await));
}

#[tokio::test]
async fn two_secrets_live_while_one_takes_the_others_place_and_never_three() {
    let world = World::new().await;
    make(&world, "crm", None).await;
    let rotate = async |hours| {
        let by = world.by();
        webhook::rotate(&world.store, &Keys, &by, &name("crm"), hours).await
    };
    let live = async || {
        let webhook = read(&world, "crm").await;
        let live: Vec<_> = webhook
            .live_secrets(world.now())
            .map(|s| s.number)
            .collect();
        live
    };
    assert_eq!(live().await, [1]);
    let (_, first) = rotate(24).await.unwrap();
    assert_eq!(live().await, [2, 1], "the newest first");
    let (_, second) = rotate(24).await.unwrap();
    assert_eq!(live().await, [3, 2]);
    assert_ne!(first, second);
    world.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(live().await, [3]);
    rotate(0).await.unwrap();
    assert_eq!(live().await, [4], "the old one ends at once");
    assert!(matches!(
        rotate(169).await,
        Err(RotateWebhookError::TooLong)
    ));
}

#[tokio::test]
async fn an_account_has_four_webhooks_of_public_https_urls() {
    let world = World::new().await;
    let save = async |which: &str, draft: Draft| {
        let by = world.by();
        webhook::save(&world.store, &Keys, &by, &name(which), &draft).await
    };
    for which in ["a", "b", "c", "d"] {
        save(which, draft(None)).await.unwrap();
    }
    let fifth = save("e", draft(None)).await;
    assert!(matches!(fifth, Err(SaveWebhookError::TooMany)));
    save("d", draft(None)).await.unwrap();
    for url in [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://[fd00::1]/",
        "x",
    ] {
        let draft = Draft {
            url: url.into(),
            ..draft(None)
        };
        let refused = save("a", draft).await;
        assert!(matches!(refused, Err(SaveWebhookError::Url)), "{url}");
    }
    for events in [&[][..], &[Kind::WebhookTest]] {
        let refused = save("a", draft(Some(events))).await;
        assert!(matches!(refused, Err(SaveWebhookError::Events)));
    }
}
