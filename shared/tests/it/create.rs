//! Accepting campaigns: what is refused, what fails alone, and equal calls.

use crate::world::{World, draft};
use domain::{
    campaign::{
        self, Accepted, CancelCampaigns, CreateError, Draft, Idempotency, IdempotencyKey, Order,
        ReadCampaigns, Refusal,
    },
    handoff,
    id::AccountId,
    report::ListCampaigns,
};
use futures_util::future::join_all;
use jiff::SignedDuration;
use std::collections::BTreeMap;
use testkit::contract::sample;

async fn create(world: &World, order: Order) -> Result<Accepted, CreateError> {
    campaign::create(&world.store, &world.clock, &world.by(), order, false).await
}

async fn stored(world: &World) -> usize {
    let (from, to) = (
        world.now() - sample::ms(1_000),
        world.now() + sample::ms(1_000),
    );
    let found = world.store.campaigns(&world.account, from, to).await;
    found.unwrap().len()
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("c{i}")).collect()
}

fn to(world: &World, n: usize) -> Order {
    let names = names(n);
    world.order(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn once(order: Order, key: &str, fingerprint: &str) -> Order {
    let key = IdempotencyKey::parse(key).unwrap();
    Order {
        idempotency: Some(Idempotency {
            key,
            fingerprint: fingerprint.into(),
        }),
        ..order
    }
}

#[tokio::test]
async fn rule_1_a_campaign_has_1_to_100_recipients() {
    let world = World::new().await;
    for given in [0, 101] {
        let refused = create(&world, to(&world, given)).await;
        let Err(CreateError::RecipientCount { limit, given: told }) = refused else {
            panic!("{given} recipients were accepted");
        };
        assert_eq!((limit, told), (100, given), "the error tells the limit");
    }
    assert_eq!(stored(&world).await, 0);
    for given in [1, 100] {
        let accepted = create(&world, to(&world, given)).await.unwrap();
        assert_eq!(accepted.campaign.recipients() as usize, given);
        assert_eq!(accepted.recipients.len(), given);
    }
}

#[tokio::test]
async fn rule_1_a_raised_limit_takes_more_recipients_in_parts() {
    let world = World::new().await;
    world.raise_limit(250).await;
    let accepted = create(&world, to(&world, 250)).await.unwrap();
    assert_eq!(accepted.campaign.parts, [100, 100, 50]);
    let mut read = Vec::new();
    for number in 0..3 {
        let id = &accepted.campaign.id;
        let chunk = world.store.chunk(&world.account, id, number).await;
        read.extend(chunk.unwrap().unwrap().recipients);
    }
    assert_eq!(read, accepted.recipients, "in the order of the call");
    assert_eq!(read[249].consumer.as_str(), "c249");
    let refused = create(&world, to(&world, 251)).await;
    assert!(matches!(
        refused,
        Err(CreateError::RecipientCount { limit: 250, .. })
    ));
}

#[tokio::test]
async fn long_variables_make_smaller_parts() {
    let world = World::new().await;
    let mut order = to(&world, 100);
    for recipient in &mut order.recipients {
        recipient
            .variables
            .insert("1".into(), Some("漢".repeat(1_550)));
    }
    let accepted = create(&world, order).await.unwrap();
    assert_eq!(accepted.campaign.recipients(), 100);
    assert!(
        accepted.campaign.parts.len() > 1,
        "an item of the store has 400 KB"
    );
}

#[tokio::test]
async fn rule_9_a_wrong_skill_or_handoff_fails_the_whole_call() {
    let world = World::new().await;
    for skill in ["nobody", "", " sales"] {
        let order = Order {
            skill: skill.into(),
            ..world.order(&["ana"])
        };
        assert!(matches!(
            create(&world, order).await,
            Err(CreateError::UnknownSkill)
        ));
    }
    let other: AccountId = "other".parse().unwrap();
    let theirs = sample::handoff(&other, "Renewal", world.now());
    handoff::HandoffStore::insert(&world.store, &sample::by(&other), &theirs)
        .await
        .unwrap();
    for handoff in ["H1", "", "nonsense", theirs.id.as_str()] {
        let order = Order {
            handoff: handoff.into(),
            ..world.order(&["ana"])
        };
        assert!(
            matches!(
                create(&world, order).await,
                Err(CreateError::UnknownHandoff)
            ),
            "{handoff}"
        );
    }
    assert_eq!(
        stored(&world).await,
        0,
        "nothing is stored of a refused call"
    );
}

#[tokio::test]
async fn rule_9_a_bad_recipient_fails_alone() {
    let world = World::new().await;
    let long = "x".repeat(1_551);
    let not_string = Draft {
        consumer: Some("ida".into()),
        variables: BTreeMap::from([("1".into(), None)]),
    };
    let nobody = Draft {
        consumer: None,
        variables: BTreeMap::from([("1".into(), Some("x".into()))]),
    };
    let recipients = vec![
        draft("ana", &[("1", "Ana")]),
        nobody,
        draft("a\u{7}b", &[("1", "x")]),
        draft("ana", &[("1", "again")]),
        draft("ben", &[]),
        draft("ben", &[("1", "Ben"), ("2", "more")]),
        not_string,
        draft("eve", &[("1", &long)]),
        draft("eve", &[("1", "bell \u{7}")]),
        draft("", &[("1", "x")]),
        draft("zoe", &[("1", "Zoe 👩‍👩‍👧‍👦")]),
        draft("eve", &[("2", "wrong name")]),
    ];
    let order = Order {
        recipients,
        ..world.order(&[])
    };
    let accepted = create(&world, order).await.unwrap();
    let kept: Vec<_> = accepted
        .recipients
        .iter()
        .map(|r| r.consumer.as_str())
        .collect();
    assert_eq!(kept, ["ana", "zoe"], "the good ones are accepted");
    assert_eq!(
        accepted.refused,
        [
            (1, Refusal::NoConsumer),
            (2, Refusal::InvalidConsumer),
            (3, Refusal::Duplicate),
            (4, Refusal::Missing(1)),
            (5, Refusal::TooMany),
            (6, Refusal::NotString("1".into())),
            (7, Refusal::TooLong(1)),
            (8, Refusal::Unprintable(1)),
            (9, Refusal::NoConsumer),
            (11, Refusal::Missing(1)),
        ],
        "and of the others is told where they stood and why"
    );
    assert_eq!(accepted.campaign.recipients(), 2);
}

#[tokio::test]
async fn a_refused_recipient_does_not_make_the_next_one_a_duplicate() {
    let world = World::new().await;
    let recipients = vec![draft("ana", &[]), draft("ana", &[("1", "Ana")])];
    let order = Order {
        recipients,
        ..world.order(&[])
    };
    let accepted = create(&world, order).await.unwrap();
    assert_eq!(accepted.refused, [(0, Refusal::Missing(1))]);
    assert_eq!(accepted.recipients.len(), 1);
}

#[tokio::test]
async fn a_campaign_whose_recipients_are_all_bad_is_accepted_and_finished() {
    let world = World::new().await;
    let order = Order {
        recipients: vec![draft("ana", &[])],
        ..world.order(&[])
    };
    let accepted = create(&world, order).await.unwrap();
    assert_eq!(accepted.recipients, []);
    world.run().await;
    assert_eq!(world.counts(&accepted).await.accepted, 0);
}

#[tokio::test]
async fn rule_4_no_variables_use_the_default_text() {
    let world = World::saying("Your card is ready").await;
    let recipients = vec![draft("ana", &[]), draft("ben", &[("1", "x")])];
    let order = Order {
        recipients,
        ..world.order(&[])
    };
    let accepted = create(&world, order).await.unwrap();
    assert_eq!(accepted.refused, [(1, Refusal::TooMany)]);
    world.log_in("ana", "t1").await;
    world.run().await;
    let shown = world.gateways.taken(&crate::world::token("t1"));
    assert_eq!(shown[0].body, "Your card is ready");
}

#[tokio::test]
async fn rule_3_a_message_no_gateway_could_take_is_refused_at_create() {
    let world = World::new().await;
    let mut design = sample::design("Titled", "Hello");
    design.content.title = Some(sample::content("${{1}}").message);
    let titled = handoff::create(&world.store, &world.by(), design).await;
    let recipients = vec![
        draft("ana", &[("1", &"x".repeat(1_100))]),
        draft("ben", &[("1", "Ben")]),
    ];
    let order = Order {
        handoff: titled.unwrap().id.to_string(),
        recipients,
        ..world.order(&[])
    };
    let accepted = create(&world, order).await.unwrap();
    assert_eq!(accepted.refused, [(0, Refusal::TooLarge)]);
}

#[tokio::test]
async fn a_dry_run_checks_all_and_stores_nothing() {
    let world = World::new().await;
    let mut order = once(world.order(&["ana", "ben"]), "k1", "digest");
    order.recipients[1] = draft("ben", &[]);
    let by = world.by();
    let checked = campaign::create(&world.store, &world.clock, &by, order.clone(), true);
    let checked = checked.await.unwrap();
    assert_eq!(checked.refused, [(1, Refusal::Missing(1))]);
    assert_eq!(stored(&world).await, 0);
    let then = create(&world, order).await.unwrap();
    assert!(!then.replayed, "it does not use the key either");
}

#[tokio::test]
async fn p4_an_equal_call_is_answered_as_the_first_and_sends_nothing() {
    let world = World::new().await;
    let mut order = once(world.order(&["ana", "ben"]), "k1", "digest");
    order.recipients[1] = draft("ben", &[]);
    let first = create(&world, order.clone()).await.unwrap();
    world.clock.advance(sample::ms(500));
    let design = sample::design("Renewal", "Changed, without a name");
    handoff::change(&world.store, &world.by(), &world.handoff.id, None, design)
        .await
        .unwrap();
    let again = create(&world, order).await.unwrap();
    assert!(again.replayed && !first.replayed);
    assert_eq!(again.campaign, first.campaign);
    assert_eq!(again.recipients, first.recipients, "with the same ids");
    assert_eq!(again.refused, first.refused, "and the same refusals");
    assert_eq!(stored(&world).await, 1);
    let other = once(world.order(&["eve"]), "k1", "another digest");
    let refused = create(&world, other).await;
    assert!(
        matches!(refused, Err(CreateError::KeyReused)),
        "a key is for one request"
    );
}

#[tokio::test]
async fn p4_a_large_campaign_is_replayed_whole_even_after_it_was_cancelled() {
    let world = World::new().await;
    world.raise_limit(250).await;
    let order = once(to(&world, 250), "k1", "digest");
    let first = create(&world, order.clone()).await.unwrap();
    let id = &first.campaign.id;
    world.store.cancel(&world.by(), id).await.unwrap();
    world.raise_limit(1).await;
    let again = create(&world, order).await.unwrap();
    assert_eq!(again.recipients, first.recipients);
}

#[tokio::test]
async fn p4_two_equal_calls_at_once_make_one_campaign() {
    let world = World::new().await;
    let order = once(world.order(&["ana"]), "k1", "digest");
    let (a, b) = tokio::join!(create(&world, order.clone()), create(&world, order));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(a.campaign, b.campaign);
    assert_eq!(a.recipients, b.recipients);
    assert!(a.replayed != b.replayed, "one made it, the other was told");
    assert_eq!(stored(&world).await, 1);
}

#[tokio::test]
async fn calls_without_a_key_are_campaigns_of_their_own() {
    let world = World::new().await;
    let first = create(&world, world.order(&["ana"])).await.unwrap();
    let second = create(&world, world.order(&["ana"])).await.unwrap();
    assert_ne!(first.campaign.id, second.campaign.id);
    assert_eq!(stored(&world).await, 2);
}

#[tokio::test]
async fn a_campaigns_lookback_can_differ_from_its_handoffs() {
    let world = World::new().await;
    let order = Order {
        lookback: Some(domain::lookback::Lookback::new(0, 1, 0).unwrap()),
        ..world.order(&["ana"])
    };
    let accepted = create(&world, order).await.unwrap();
    let life = accepted
        .campaign
        .lookback_ends_at
        .duration_since(world.now());
    assert_eq!(life.as_mins(), 60);
}

#[tokio::test]
async fn a_day_has_its_recipients_and_the_next_day_anew() {
    let world = World::new().await;
    world.limit_days(250).await;
    world.clock.advance(SignedDuration::from_hours(5));
    for _ in 0..2 {
        create(&world, to(&world, 100)).await.unwrap();
    }
    let mut most = to(&world, 51);
    let refused = create(&world, most.clone()).await;
    let Err(CreateError::DayFull {
        limit,
        given,
        resets_at,
        resets_in,
    }) = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!((limit, given), (250, 51));
    assert_eq!(resets_at, world.now() + resets_in);
    assert_eq!(resets_at.as_second() % 86_400, 0, "at midnight, UTC");
    assert_eq!(resets_in.as_hours(), 19);
    assert_eq!(stored(&world).await, 2);

    // Those that were refused do not count, nor does what is only checked.
    most.recipients[50] = draft("bad", &[]);
    let by = world.by();
    let checked = campaign::create(&world.store, &world.clock, &by, most.clone(), true);
    checked.await.unwrap();
    create(&world, most).await.unwrap();
    let full = create(&world, to(&world, 1)).await;
    assert!(matches!(full, Err(CreateError::DayFull { .. })));
    let by = world.by();
    let checked = campaign::create(&world.store, &world.clock, &by, to(&world, 1), true).await;
    assert!(
        matches!(checked, Err(CreateError::DayFull { .. })),
        "a check tells it, too"
    );
    world.clock.advance(resets_in);
    create(&world, to(&world, 100)).await.unwrap();
}

#[tokio::test]
async fn a_campaign_that_no_day_could_take_is_too_large() {
    let world = World::new().await;
    world.limit_days(50).await;
    let refused = create(&world, to(&world, 51)).await;
    assert!(matches!(
        refused,
        Err(CreateError::RecipientCount { limit: 50, .. })
    ));
}

#[tokio::test]
async fn p4_a_thousand_equal_calls_at_once_make_one_campaign() {
    let world = World::new().await;
    let by = world.by();
    let order = once(world.order(&["ana", "ben"]), "k1", "digest");
    let calls =
        (0..1_000).map(|_| campaign::create(&world.store, &world.clock, &by, order.clone(), false));
    let answers: Vec<_> = join_all(calls).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    let made = answers.iter().filter(|answer| !answer.replayed).count();
    assert_eq!(made, 1, "one made it, the others are told");
    for answer in &answers {
        assert_eq!(answer.campaign, answers[0].campaign);
        assert_eq!(answer.recipients, answers[0].recipients);
    }
    assert_eq!(stored(&world).await, 1);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let world = World::new().await;
    let order = once(world.order(&["ana"]), "k1", "digest");
    let first = create(&world, order.clone()).await.unwrap();
    world
        .clock
        .advance(SignedDuration::from_hours(24) - sample::ms(1_000));
    assert!(create(&world, order.clone()).await.unwrap().replayed);
    world.clock.advance(sample::ms(2_000));
    let anew = create(&world, order).await.unwrap();
    assert!(!anew.replayed);
    assert_ne!(anew.campaign.id, first.campaign.id);
}
