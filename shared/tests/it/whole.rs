//! The whole under mischief: jobs lost, repeated and reordered, ports and gateways that fail.

use crate::world::{World, add_up, secs, token};
use domain::{
    campaign::{Accepted, CancelCampaigns, OpenConversation},
    dispatch::Job,
    message::State,
    push::Undelivered,
    sweep::sweep,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

const NAMES: [&str; 5] = ["ana", "ben", "eve", "sam", "zoe"];
const CALLS: [&str; 8] = [
    "claim",
    "record",
    "campaign",
    "standing",
    "apps",
    "hold",
    "queue_again",
    "let_go",
];

#[derive(Clone, Debug)]
enum Mischief {
    Lose(prop::sample::Index),
    Do(prop::sample::Index),
    Repeat(prop::sample::Index),
    Fail(usize),
    FailQueue,
    Gateway(usize, u8),
    Write(usize),
    Close(usize),
    Wait(i64),
    Sweep,
    Cancel,
}

fn mischief() -> impl Strategy<Value = Mischief> {
    use Mischief as M;
    let index = || any::<prop::sample::Index>();
    prop_oneof![
        1 => index().prop_map(M::Lose),
        6 => index().prop_map(M::Do),
        2 => index().prop_map(M::Repeat),
        2 => (0..CALLS.len()).prop_map(M::Fail),
        1 => Just(M::FailQueue),
        2 => (0..NAMES.len(), 0..4_u8).prop_map(|(n, k)| M::Gateway(n, k)),
        1 => (0..NAMES.len()).prop_map(M::Write),
        1 => (0..NAMES.len()).prop_map(M::Close),
        2 => (1..2_000_i64).prop_map(M::Wait),
        1 => Just(M::Sweep),
        1 => prop::bool::weighted(0.1).prop_map(|c| if c { M::Cancel } else { M::Sweep }),
    ]
}

/// Passes on what the stream holds; what fails is given again.
async fn pump(world: &World) {
    loop {
        let records = world.store.stream();
        if records.is_empty() {
            return;
        }
        for record in records {
            while world.pass_on(record.clone()).await.is_err() {}
        }
    }
}

async fn play(world: &World, accepted: &Accepted, jobs: &mut Vec<Job>, what: Mischief) {
    use Mischief as M;
    match what {
        M::Lose(at) if !jobs.is_empty() => drop(jobs.remove(at.index(jobs.len()))),
        M::Do(at) if !jobs.is_empty() => {
            let job = jobs.remove(at.index(jobs.len()));
            let done = world.send(job.clone()).await;
            if !matches!(done, Ok(domain::send::Done::Through)) {
                jobs.push(job);
            }
        }
        M::Repeat(at) if !jobs.is_empty() => jobs.push(jobs[at.index(jobs.len())].clone()),
        M::Fail(call) => world.store.fail_next(CALLS[call]),
        M::FailQueue => world.queue.fail(1),
        M::Gateway(name, kind) => world.gateways.answer(&token(NAMES[name]), answer(kind)),
        M::Write(name) => {
            let reply = domain::reply::Reply {
                text: "Hi".into(),
                message: None,
                client_message: None,
            };
            let consumer = world.consumer(NAMES[name]);
            drop(domain::reply::reply(&world.store, &world.clock, &consumer, &reply).await);
        }
        M::Close(name) => close(world, NAMES[name]).await,
        M::Wait(seconds) => world.clock.advance(secs(seconds)),
        M::Sweep => drop(sweep(&world.store, &world.queue, &world.clock).await),
        M::Cancel => {
            let id = &accepted.campaign.id;
            world.store.cancel(&world.by(), id).await.unwrap();
        }
        M::Lose(_) | M::Do(_) | M::Repeat(_) => {}
    }
    pump(world).await;
    jobs.extend(world.queue.take_jobs());
}

async fn close(world: &World, name: &str) {
    use domain::conversation::ReadStanding;
    let consumer = world.consumer(name).id;
    let Ok(standing) = world.store.standing(&world.account, &consumer).await else {
        return;
    };
    if let Some(open) = standing.conversation {
        let admin = world.staff("root", domain::access::Role::Admin, &[]);
        drop(domain::agent::close(&world.store, &world.clock, &admin, open).await);
    }
}

fn answer(kind: u8) -> Undelivered {
    match kind {
        0 => Undelivered::DeviceGone {
            since: None,
            reason: "Unregistered".into(),
        },
        1 => Undelivered::Refused {
            reason: "InvalidProviderToken".into(),
        },
        2 => Undelivered::Rejected {
            reason: "PayloadTooLarge".into(),
        },
        _ => Undelivered::Later {
            after: None,
            reason: "503".into(),
        },
    }
}

/// Everything goes well from here on, until the lookback is over for an hour.
async fn come_to_rest(world: &World, accepted: &Accepted, jobs: Vec<Job>) {
    world.store.heal();
    world.queue.fail(0);
    for job in jobs {
        drop(world.send(job).await);
    }
    let end = accepted.campaign.lookback_ends_at;
    world.clock.set(end.max(world.now()));
    while world.now() < end + secs(3_600) {
        drop(sweep(&world.store, &world.queue, &world.clock).await);
        world.run_for(secs(120)).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(96)
    })]

    #[test]
    fn p1_nothing_is_lost_and_p2_nothing_is_seen_twice(
        open in prop::sample::select(vec![
            OpenConversation::Fail, OpenConversation::Append, OpenConversation::Hold,
        ]),
        course in prop::collection::vec(mischief(), 0..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            for name in NAMES {
                world.log_in(name, name).await;
            }
            let accepted = world.campaign_with(&NAMES, open).await;
            let mut jobs = world.queue.take_jobs();
            for what in course {
                play(&world, &accepted, &mut jobs, what).await;
                let to_come = world.store.heal();
                let counts = world.counts(&accepted).await;
                for call in to_come {
                    world.store.fail_next(call);
                }
                assert!(add_up(&counts), "{counts:?}");
                assert_eq!(counts.accepted, 5);
            }
            come_to_rest(&world, &accepted, jobs).await;
            let counts = world.counts(&accepted).await;
            assert!(add_up(&counts), "{counts:?}");
            assert_eq!(counts.queued + counts.sending + counts.held, 0, "{counts:?}");
            for name in NAMES {
                let message = world.message(&accepted, name).await;
                assert!(message.phase.is_final(), "{message:?}");
                let seen: BTreeSet<_> = campaign_pushes(&world, name);
                assert!(seen.len() <= 1, "{name} saw {seen:?}");
                if !seen.is_empty() {
                    assert!(message.state() != State::Queued);
                }
            }
        });
    }
}

/// The collapse ids under which the consumer's device was shown the campaign.
fn campaign_pushes(world: &World, name: &str) -> BTreeSet<String> {
    let shown = world.gateways.taken(&token(name)).into_iter();
    shown
        .filter(|n| matches!(n.custom, domain::push::Custom::Proactive { .. }))
        .map(|n| n.collapse_id)
        .collect()
}
