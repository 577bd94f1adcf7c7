//! What keepers of campaigns promise.

use super::sample::{self, by};
use domain::{
    account::{Limits, Service, Settings, Skill, SkillStore, WriteSettings},
    board::{Board, Cell},
    campaign::{
        AcceptCampaigns, AcceptError, Acceptance, CancelCampaigns, Idempotency, IdempotencyKey,
        Overview, ReadCampaigns, Spot,
    },
    handoff::HandoffStore,
    id::{AccountId, CampaignId},
    report::{ListCampaigns, Listed},
    sweep::{Due, DueStore, FIRST_LOOK},
};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

fn key(raw: &str) -> IdempotencyKey {
    IdempotencyKey::parse(raw).unwrap()
}

fn under(account: &AccountId, raw: &str, fingerprint: &str) -> Acceptance {
    Acceptance {
        idempotency: Some(Idempotency {
            key: key(raw),
            fingerprint: fingerprint.into(),
        }),
        ..sample::acceptance(account, 2, sample::now())
    }
}

/// All of a campaign is stored at once, and an idempotency key makes one campaign.
pub async fn accept_campaigns<S>(store: &S)
where
    S: AcceptCampaigns + ReadCampaigns + SkillStore + HandoffStore + WriteSettings,
{
    let (ours, theirs) = (sample::account(), sample::account());
    let sales = sample::skill("sales");
    let handoff = sample::handoff(&ours, "Front desk", sample::now());
    let ground = store
        .groundwork(
            &ours,
            Some(&sales),
            Some(&handoff.id),
            Some(&key("k1")),
            sample::now(),
        )
        .await
        .unwrap();
    assert_eq!(
        ground.limits,
        Limits::default(),
        "a new account has the default limits"
    );
    assert!(!ground.has_skill, "a new account has no skill");
    assert_eq!(ground.handoff, None, "nor a handoff");
    assert_eq!(ground.earlier, None, "nor an earlier call");

    let skill = Skill {
        name: sales.clone(),
        description: None,
    };
    let limits = Limits {
        recipients_per_campaign: 250,
        ..Limits::default()
    };
    let settings = Settings {
        limits,
        ..Settings::default()
    };
    store.put_skill(&by(&ours), &skill).await.unwrap();
    store.insert(&by(&ours), &handoff).await.unwrap();
    let full = Service::Full;
    store
        .put_settings(&by(&ours), &settings, full)
        .await
        .unwrap();
    let first = under(&ours, "k1", "digest");
    store.accept(&first).await.expect("a campaign is accepted");
    let ground = store
        .groundwork(
            &ours,
            Some(&sales),
            Some(&handoff.id),
            Some(&key("k1")),
            sample::now(),
        )
        .await
        .unwrap();
    assert_eq!(ground.limits, limits, "raised limits are seen");
    assert!(ground.has_skill, "the skill is seen");
    assert_eq!(ground.handoff, Some(handoff.clone()), "the handoff is seen");
    assert_eq!(
        ground.earlier,
        Some((first.campaign.id.clone(), "digest".into())),
        "the earlier call is seen"
    );
    let foreign = store
        .groundwork(
            &theirs,
            Some(&sales),
            Some(&handoff.id),
            Some(&key("k1")),
            sample::now(),
        )
        .await
        .unwrap();
    assert!(
        !foreign.has_skill && foreign.handoff.is_none() && foreign.earlier.is_none(),
        "an account sees only its own"
    );
    let nothing = store
        .groundwork(&ours, None, None, None, sample::now())
        .await
        .unwrap();
    assert!(
        !nothing.has_skill && nothing.handoff.is_none() && nothing.earlier.is_none(),
        "what is not asked for is not found"
    );

    let second = under(&ours, "k1", "other");
    assert!(
        matches!(store.accept(&second).await, Err(AcceptError::KeyUsed)),
        "a used key makes no second campaign"
    );
    assert_stored(store, &second, false).await;
    store
        .accept(&under(&theirs, "k1", "digest"))
        .await
        .expect("keys are per account");
    let same_id = Acceptance {
        campaign: first.campaign.clone(),
        chunks: Vec::new(),
        lives_until: Some(first.campaign.lookback_ends_at),
        recipients_per_day: 100_000,
        idempotency: Some(Idempotency {
            key: key("k2"),
            fingerprint: "digest".into(),
        }),
        by: by(&ours),
    };
    assert!(
        matches!(store.accept(&same_id).await, Err(AcceptError::IdTaken)),
        "an id is given once"
    );
    let unused = store
        .groundwork(&ours, None, None, Some(&key("k2")), sample::now())
        .await
        .unwrap();
    assert_eq!(unused.earlier, None, "a refused call uses no key");
    assert_stored(store, &first, true).await;

    let day = sample::now() + SignedDuration::from_hours(24) + sample::ms(1_000);
    let later = store
        .groundwork(&ours, None, None, Some(&key("k1")), day)
        .await
        .unwrap();
    assert_eq!(later.earlier, None, "a key is remembered for a day");
    let mut anew = under(&ours, "k1", "other");
    anew.campaign.created_at = day;
    store.accept(&anew).await.expect("and can be used again");

    let rivals: Vec<_> = (0..8).map(|_| under(&ours, "k3", "digest")).collect();
    let results = join_all(rivals.iter().map(|r| store.accept(r))).await;
    assert_eq!(
        results.iter().filter(|r| r.is_ok()).count(),
        1,
        "of many equal calls at once, one makes a campaign"
    );
    for (rival, result) in rivals.iter().zip(&results) {
        assert!(
            matches!(
                result,
                Ok(()) | Err(AcceptError::KeyUsed | AcceptError::Conflict)
            ),
            "the others are told why: {result:?}"
        );
        assert_stored(store, rival, result.is_ok()).await;
    }
}

async fn assert_stored(store: &impl ReadCampaigns, acceptance: &Acceptance, stored: bool) {
    let Acceptance {
        campaign, chunks, ..
    } = acceptance;
    let found = store
        .campaign(&campaign.account, &campaign.id)
        .await
        .unwrap();
    assert_eq!(
        found,
        stored.then(|| campaign.clone()),
        "a campaign is stored whole or not"
    );
    for chunk in chunks {
        let found = store
            .chunk(&campaign.account, &campaign.id, chunk.number)
            .await
            .unwrap();
        assert_eq!(found, stored.then(|| chunk.clone()), "so are its parts");
    }
    let boards = store.boards(&campaign.account, &campaign.id).await.unwrap();
    let expected = if stored { chunks.len() } else { 0 };
    assert_eq!(boards.len(), expected, "so are its boards");
    let overview = store.overview(&campaign.account, &campaign.id).await;
    assert_eq!(
        overview.unwrap(),
        stored.then(|| (campaign.clone(), boards)),
        "and both are read at once"
    );
}

/// A large campaign is read back in its parts, each with a board of its own.
pub async fn read_campaigns<S: AcceptCampaigns + ReadCampaigns>(store: &S) {
    let (ours, theirs) = (sample::account(), sample::account());
    let acceptance = sample::acceptance(&ours, 250, sample::now());
    store.accept(&acceptance).await.unwrap();
    assert_stored(store, &acceptance, true).await;
    let id = &acceptance.campaign.id;
    let boards = store.boards(&ours, id).await.unwrap();
    let sizes: Vec<_> = boards.iter().map(|b| (b.chunk, b.cells.len())).collect();
    assert_eq!(
        sizes,
        [(0, 100), (1, 100), (2, 50)],
        "boards are in the order of the parts"
    );
    for board in &boards {
        assert!(
            board.cells.iter().all(|c| *c == Cell::NEW),
            "all messages are new"
        );
        assert!(!board.attempted, "nothing is counted yet");
        assert!(board.failures.is_empty(), "nothing failed yet");
        assert_eq!(
            board.heads, acceptance.chunks[0].heads,
            "boards know their heads"
        );
        assert_eq!(
            board.created_at, acceptance.campaign.created_at,
            "and their day"
        );
    }
    pieces(store, &acceptance, &boards).await;
    assert_eq!(
        store.chunk(&ours, id, 3).await.unwrap(),
        None,
        "there is no part past the end"
    );
    assert_eq!(
        store.campaign(&theirs, id).await.unwrap(),
        None,
        "an account sees only its own"
    );
    assert_eq!(
        store.chunk(&theirs, id, 0).await.unwrap(),
        None,
        "nor others' parts"
    );
    assert_eq!(
        store.boards(&theirs, id).await.unwrap(),
        [],
        "nor others' boards"
    );
}

/// What is read together is what is read apart.
async fn pieces(store: &impl ReadCampaigns, acceptance: &Acceptance, boards: &[Board]) {
    let (campaign, chunks) = (&acceptance.campaign, &acceptance.chunks);
    let (ours, id) = (&campaign.account, &campaign.id);
    let theirs = sample::account();
    let accepted = store.accepted(ours, id).await.unwrap();
    assert_eq!(accepted.as_ref(), Some(campaign));
    assert_eq!(store.accepted(&theirs, id).await.unwrap(), None);
    let whole = store.whole(ours, id).await.unwrap();
    assert_eq!(whole, Some((campaign.clone(), chunks.clone())), "all parts");
    assert_eq!(store.whole(&theirs, id).await.unwrap(), None);
    for part in 0..4 {
        let chunk = chunks.get(part as usize).cloned();
        let found = store.part(ours, id, part).await.unwrap();
        assert_eq!(found, Some((campaign.clone(), chunk.clone())), "{part}");
        assert_eq!(store.part(&theirs, id, part).await.unwrap(), None);
        let spot = Spot {
            part,
            index: 7,
            parts: 3,
        };
        let found = store.overview_of(ours, id, spot).await.unwrap();
        let expected = Overview {
            campaign: campaign.clone(),
            boards: boards.to_vec(),
            chunk,
        };
        assert_eq!(found, Some(expected), "{part}");
        let foreign = store.overview_of(&theirs, id, spot).await.unwrap();
        assert_eq!(foreign, None);
    }
    let wanted = [(id.clone(), 2), (CampaignId::random(), 0), (id.clone(), 0)];
    let found = store.parts_of(ours, &wanted).await.unwrap();
    let expected = [2, 0].map(|part: usize| (campaign.clone(), chunks[part].clone()));
    assert_eq!(found, expected, "those that there are, in order");
    assert_eq!(store.parts_of(&theirs, &wanted).await.unwrap(), []);
}

/// Cancelling is seen at once, and the first time counts.
pub async fn cancel_campaigns<S: AcceptCampaigns + ReadCampaigns + CancelCampaigns>(store: &S) {
    let (ours, theirs) = (sample::account(), sample::account());
    let now = sample::now();
    let acceptance = sample::acceptance(&ours, 1, now);
    store.accept(&acceptance).await.unwrap();
    let id = &acceptance.campaign.id;
    let (first, second) = (now + sample::ms(1_000), now + sample::ms(2_000));
    let cancel = async |account: &AccountId, id: &CampaignId, at| {
        let by = sample::author(account, at);
        store.cancel(&by, id).await.unwrap()
    };
    assert!(
        !cancel(&ours, &CampaignId::random(), first).await,
        "what is not there is not cancelled"
    );
    assert!(!cancel(&theirs, id, first).await, "nor what is another's");
    let untouched = store.campaign(&ours, id).await.unwrap().unwrap();
    assert_eq!(untouched.cancelled_at, None, "and it goes on");
    assert!(cancel(&ours, id, first).await, "a campaign is cancelled");
    let cancelled = store.campaign(&ours, id).await.unwrap().unwrap();
    assert_eq!(cancelled.cancelled_at, Some(first), "which is seen at once");
    assert!(cancel(&ours, id, second).await);
    let again = store.campaign(&ours, id).await.unwrap().unwrap();
    assert_eq!(again, cancelled, "the first time counts");
}

/// Campaigns are listed by the time they were accepted.
pub async fn list_campaigns<S: AcceptCampaigns + ListCampaigns>(store: &S) {
    let (ours, theirs) = (sample::account(), sample::account());
    let start = sample::now() - sample::ms(100_000_000);
    // More than a day apart, so that whatever partitions there are, several are read.
    let times: Vec<_> = [0, 1, 90_000_000].map(|m| start + sample::ms(m)).to_vec();
    let mut ids = Vec::new();
    for at in times.iter().rev() {
        let acceptance = sample::acceptance(&ours, 1, *at);
        store.accept(&acceptance).await.unwrap();
        let campaign = acceptance.campaign;
        let what = Some((campaign.heads(), vec![1]));
        let id = campaign.id;
        ids.insert(0, Listed { id, what });
    }
    let list =
        async |from: Timestamp, to: Timestamp| store.campaigns(&ours, from, to).await.unwrap();
    let end = times[2] + sample::ms(1);
    assert_eq!(list(start, end).await, ids, "all are listed, oldest first");
    assert_eq!(
        list(start, times[2]).await,
        ids[..2],
        "the end is not included"
    );
    assert_eq!(list(times[1], end).await, ids[1..], "the beginning is");
    assert_eq!(list(end, end).await, [], "an empty time has none");
    let foreign = store.campaigns(&theirs, start, end).await.unwrap();
    assert_eq!(foreign, [], "an account sees only its own");
}

/// Every accepted campaign is due for a look until its mark is removed.
pub async fn due_store<S: AcceptCampaigns + DueStore>(store: &S) {
    let ours = sample::account();
    let now = sample::now();
    let acceptance = sample::acceptance(&ours, 1, now);
    store.accept(&acceptance).await.unwrap();
    let mine = async |at: Timestamp| {
        let mut due = store.due(at).await.unwrap();
        due.retain(|d| d.account == ours);
        due
    };
    let first = now + FIRST_LOOK;
    let mark = |at: Timestamp| Due {
        account: ours.clone(),
        campaign: acceptance.campaign.id.clone(),
        at,
        waited: false,
    };
    assert_eq!(
        mine(first - sample::ms(1)).await,
        [],
        "before its first look nothing is due"
    );
    assert_eq!(mine(first).await, [mark(first)], "then it is");
    assert_eq!(
        mine(first).await,
        [mark(first)],
        "and stays so until somebody looked"
    );
    let later = first + sample::ms(60_000);
    let next = Due {
        waited: true,
        ..mark(later)
    };
    store.reschedule(&mark(first), Some(&next)).await.unwrap();
    assert_eq!(mine(first).await, [], "once looked at, it is due later");
    assert_eq!(mine(later).await, [next], "once, as it was left");
    store.reschedule(&mark(later), None).await.unwrap();
    assert_eq!(mine(later).await, [], "a finished one is not due any more");
    store
        .reschedule(&mark(later), None)
        .await
        .expect("finishing twice is no error");
}

/// The recipients of a day are counted exactly, whoever accepts at once.
pub async fn daily_quota<S: AcceptCampaigns + ReadCampaigns>(store: &S) {
    let (ours, theirs) = (sample::account(), sample::account());
    let now = sample::now();
    let of = |account: &AccountId, recipients, at| Acceptance {
        recipients_per_day: 10,
        ..sample::acceptance(account, recipients, at)
    };
    let refused = of(&ours, 11, now);
    assert!(
        matches!(store.accept(&refused).await, Err(AcceptError::DayFull)),
        "more than the limit are refused at once"
    );
    assert_stored(store, &refused, false).await;
    let rivals: Vec<_> = (0..8).map(|_| of(&ours, 3, now)).collect();
    let results = join_all(rivals.iter().map(|r| store.accept(r))).await;
    let accepted = results.iter().filter(|r| r.is_ok()).count();
    assert_eq!(accepted, 3, "as many at once as there is room for");
    for (rival, result) in rivals.iter().zip(&results) {
        assert!(
            matches!(result, Ok(()) | Err(AcceptError::DayFull)),
            "the others are told why: {result:?}"
        );
        assert_stored(store, rival, result.is_ok()).await;
    }
    store
        .accept(&of(&ours, 1, now))
        .await
        .expect("the last one has room");
    store
        .accept(&of(&ours, 0, now))
        .await
        .expect("none need no room");
    let full = store.accept(&of(&ours, 1, now)).await;
    assert!(matches!(full, Err(AcceptError::DayFull)), "now it is full");
    let ground = store.groundwork(&ours, None, None, None, now).await;
    assert_eq!(ground.unwrap().recipients_today, 10, "which can be seen");
    let ground = store.groundwork(&theirs, None, None, None, now).await;
    assert_eq!(ground.unwrap().recipients_today, 0, "per account");
    let raised = Acceptance {
        recipients_per_day: 11,
        ..sample::acceptance(&ours, 1, now)
    };
    store.accept(&raised).await.expect("a raised limit counts");
    store
        .accept(&of(&theirs, 10, now))
        .await
        .expect("each account has its own count");
    let tomorrow = now + SignedDuration::from_hours(24);
    store
        .accept(&of(&ours, 10, tomorrow))
        .await
        .expect("and each day");
}
