//! What readers of queues promise.

use super::sample;
use domain::{
    account::SkillStore,
    agent::{ReadQueues, SaveConversations},
    conversation::{Conversation, State},
    id::{AccountId, ConversationId},
    reply::{OpenConversations, Opening},
    store::Cursor,
};

async fn ids(
    store: &impl ReadQueues,
    account: &AccountId,
    skill: &str,
    state: State,
) -> Vec<ConversationId> {
    let skill = sample::skill(skill);
    let page = store.queue(account, &skill, state, None, 100).await;
    let page = page.unwrap().expect("a first page needs no cursor");
    assert_eq!(page.next, None, "a page that holds all has none after it");
    page.items.iter().map(|c| c.id).collect()
}

/// A queue shows its skill's conversations in one state, oldest first, page by page.
pub async fn read_queues<S>(store: &S)
where
    S: ReadQueues + OpenConversations + SaveConversations + SkillStore,
{
    let (account, now) = (sample::account(), sample::now());
    let mut all: Vec<Conversation> = Vec::new();
    for i in [3, 1, 0, 4, 2] {
        let at = now + sample::ms(i);
        let conversation = sample::conversation(&account, &format!("consumer {i}"), None, at);
        let opening = Opening {
            conversation: conversation.clone(),
            entries: vec![sample::entry("Hello", at)],
            client_message: None,
            answers: None,
        };
        store.open(&opening).await.unwrap();
        all.push(conversation);
    }
    all.sort_by_key(|c| c.started_at);
    let sales = sample::skill("sales");
    let mut seen = Vec::new();
    let mut cursor: Option<Cursor> = None;
    let mut first_cursor = None;
    for _ in 0..10 {
        let page = store
            .queue(&account, &sales, State::Waiting, cursor.as_ref(), 2)
            .await
            .unwrap()
            .expect("its own cursor is taken");
        assert!(page.items.len() <= 2, "a page is no longer than asked for");
        seen.extend(page.items);
        cursor = page.next;
        first_cursor = first_cursor.or_else(|| cursor.clone());
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, all, "page by page all are seen once, oldest first");

    let foreign = first_cursor.expect("five take more than one page of two");
    let elsewhere = sample::account();
    let support = sample::skill("support");
    let nonsense = Cursor("nonsense".into());
    for (account, skill, state, cursor) in [
        (&elsewhere, &sales, State::Waiting, &foreign),
        (&account, &support, State::Waiting, &foreign),
        (&account, &sales, State::Open, &foreign),
        (&account, &sales, State::Waiting, &nonsense),
    ] {
        let page = store
            .queue(account, skill, state, Some(cursor), 2)
            .await
            .unwrap();
        assert_eq!(page, None, "a cursor that was not made for this is refused");
    }

    let change = |old: &Conversation, skill: &str, state: State| Conversation {
        skill: sample::skill(skill),
        state,
        version: old.version + 1,
        closed_at: (state == State::Closed).then_some(now),
        ..old.clone()
    };
    let opened = change(&all[0], "sales", State::Open);
    let moved = change(&all[1], "support", State::Waiting);
    let over = change(&all[2], "sales", State::Closed);
    let support = domain::account::Skill {
        name: sample::skill("support"),
        description: None,
    };
    let by = sample::by(&account);
    store.put_skill(&by, &support).await.unwrap();
    for (old, new) in all.iter().zip([&opened, &moved, &over]) {
        assert!(store.save(old, new).await.unwrap());
    }
    assert_eq!(
        ids(store, &account, "sales", State::Waiting).await,
        [all[3].id, all[4].id],
        "what moved is gone"
    );
    assert_eq!(
        ids(store, &account, "sales", State::Open).await,
        [opened.id],
        "an accepted one is open"
    );
    assert_eq!(
        ids(store, &account, "support", State::Waiting).await,
        [moved.id],
        "a transferred one waits there"
    );
    assert_eq!(
        ids(store, &account, "sales", State::Closed).await,
        [over.id],
        "a closed one is closed"
    );
    assert_eq!(
        ids(store, &elsewhere, "sales", State::Waiting).await,
        [],
        "an account sees only its own"
    );
}
