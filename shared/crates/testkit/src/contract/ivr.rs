//! The contract of stores of calls.

use super::sample;
use domain::{
    account::{Limits, SkillStore},
    campaign::{AcceptCampaigns, Idempotency, IdempotencyKey},
    failure::Failure,
    handoff::HandoffStore,
    id::CallId,
    ivr::{CALL_HOURS, Call, CallStore, Ground},
    text::Variables,
};
use jiff::SignedDuration;

/// What a [`CallStore`] promises.
///
/// # Panics
/// When the store breaks a promise.
pub async fn call_store<S>(store: &S)
where
    S: CallStore + HandoffStore + SkillStore + AcceptCampaigns,
{
    let (ours, theirs, now) = (sample::account(), sample::account(), sample::now());
    let by = sample::author(&ours, now);
    let handoff = sample::handoff(&ours, "Calls", now);
    let skill = sample::skill("sales");
    let ground = async |account| store.ground(account, &skill, &handoff.id).await.unwrap();
    let nothing = Ground {
        has_skill: false,
        handoff: None,
    };
    assert_eq!(
        ground(&ours).await,
        nothing,
        "what is not there is not found"
    );
    store.insert(&by, &handoff).await.unwrap();
    let named = domain::account::Skill {
        name: skill.clone(),
        description: None,
    };
    store.put_skill(&by, &named).await.unwrap();
    let all = Ground {
        has_skill: true,
        handoff: Some(handoff.clone()),
    };
    assert_eq!(ground(&ours).await, all, "what was made since is found");
    assert_eq!(ground(&theirs).await, nothing, "in its own account");

    let call = Call {
        id: CallId::random(),
        consumer: sample::consumer("ana"),
        skill: skill.clone(),
        handoff: handoff.clone(),
        variables: Variables::from([(1, "Ana 👩🏽".to_owned())]),
        ivr_number: "180000".into(),
        checked_at: now,
        obstacle: Some(Failure::NoDevice),
    };
    let key = IdempotencyKey::parse("call-1").unwrap();
    let find = async |account, other, at| {
        store
            .find_call(account, &call.id, other, &key, at)
            .await
            .unwrap()
    };
    assert!(find(&ours, None, now).await.is_none(), "nothing was kept");
    store.keep_call(&call).await.unwrap();
    let found = find(&ours, None, now).await.expect("what was kept");
    assert_eq!(found.call, call, "a call is kept whole");
    assert_eq!(found.limits, Limits::default(), "with the account's limits");
    assert_eq!((found.has_other_skill, &found.earlier), (false, &None));
    assert!(
        find(&theirs, None, now).await.is_none(),
        "in its own account"
    );
    let found = find(&ours, Some(&skill), now).await.unwrap();
    assert!(
        found.has_other_skill,
        "another skill of the account is found"
    );
    let nobody = sample::skill("nobody");
    let found = find(&ours, Some(&nobody), now).await.unwrap();
    assert!(!found.has_other_skill, "one that is not there is not");
    let end = now + SignedDuration::from_hours(CALL_HOURS);
    assert!(find(&ours, None, end - sample::ms(1)).await.is_some());
    assert!(find(&ours, None, end).await.is_none(), "a call ends");

    let mut acceptance = sample::acceptance(&ours, 1, now);
    acceptance.idempotency = Some(Idempotency {
        key: key.clone(),
        fingerprint: "f".into(),
    });
    store.accept(&acceptance).await.unwrap();
    let found = find(&ours, None, now).await.unwrap();
    let earlier = (acceptance.campaign.id.clone(), "f".to_owned());
    assert_eq!(
        found.earlier,
        Some(earlier),
        "the invitation before is found"
    );
}
