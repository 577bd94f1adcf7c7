//! What keepers of conversations promise.

use super::sample::{self, TRACEPARENT};
use domain::{
    agent::SaveConversations,
    conversation::{
        AddEntries, Added, Author, Conversation, Entry, Kind, ReadConversation, ReadStanding, State,
    },
    id::{AccountId, EntryId},
    message::{Message, MessageKey, ReadMessages, State as MessageState},
    origin::Origin,
    reply::{OpenConversations, Opened, Opening},
    send::{Attempt, CLAIM, Claims, Next},
};
use futures_util::future::join_all;
use jiff::Timestamp;
use std::{collections::BTreeSet, slice::from_ref};

fn opening(
    conversation: &Conversation,
    client: Option<&str>,
    answers: Option<MessageKey>,
) -> Opening {
    let at = conversation.started_at;
    let seen = Entry {
        author: Author::Brand,
        kind: Kind::Proactive,
        ..sample::entry("What the brand said 👩🏽", at - sample::ms(1_000))
    };
    Opening {
        conversation: conversation.clone(),
        entries: vec![seen, sample::entry("What the consumer wrote", at)],
        client_message: client.map(Into::into),
        answers,
    }
}

/// The whole transcript.
async fn transcript(store: &impl ReadConversation, of: &Conversation) -> Vec<Entry> {
    store
        .transcript(&of.account, of.id, None, 100)
        .await
        .unwrap()
}

async fn open_id(
    store: &impl ReadStanding,
    of: &Conversation,
) -> Option<domain::id::ConversationId> {
    store
        .standing(&of.account, &of.consumer)
        .await
        .unwrap()
        .conversation
}

fn closed(old: &Conversation, at: Timestamp) -> Conversation {
    Conversation {
        state: State::Closed,
        closed_at: Some(at),
        version: old.version + 1,
        ..old.clone()
    }
}

/// A message that was sent to `ana`.
async fn sent<S: Claims + ReadMessages>(
    store: &S,
    account: &AccountId,
    now: Timestamp,
) -> (MessageKey, Conversation) {
    let job = sample::job(account, "ana", now);
    store.claim(&job, now, now + CLAIM).await.unwrap();
    let outcome = Attempt {
        rendered: None,
        taken: BTreeSet::from(["phone".parse().unwrap()]),
        next: Next::Sent,
        events: Vec::new(),
        at: now,
    };
    store.record(&job.key, 0, &outcome).await.unwrap();
    let conversation = sample::conversation(account, "ana", Some(&job), now + sample::ms(5));
    (job.key, conversation)
}

async fn message(store: &impl ReadMessages, key: &MessageKey) -> Message {
    store.messages(from_ref(key)).await.unwrap().remove(0)
}

/// A consumer has at most one open conversation, and it begins whole.
pub async fn open_conversations<S>(store: &S)
where
    S: OpenConversations + ReadConversation + ReadStanding + Claims + ReadMessages,
{
    let (account, now) = (sample::account(), sample::now());
    let (key, conversation) = sent(store, &account, now).await;
    let before = message(store, &key).await;
    let first = opening(&conversation, Some("m1"), Some(key.clone()));
    assert_eq!(
        store.open(&first).await.unwrap(),
        Opened::Done,
        "a conversation begins"
    );
    assert_eq!(
        store.conversation(&account, conversation.id).await.unwrap(),
        Some(conversation.clone()),
        "all of it is read back"
    );
    assert_eq!(
        transcript(store, &conversation).await,
        first.entries,
        "with its first entries in order"
    );
    assert_eq!(
        open_id(store, &conversation).await,
        Some(conversation.id),
        "it is the consumer's open one"
    );
    let answered = message(store, &key).await;
    assert_eq!(
        answered.state(),
        MessageState::Responded,
        "the message counts as answered"
    );
    assert_eq!(
        answered.responded_at,
        Some(conversation.started_at),
        "since then"
    );
    assert_eq!(
        answered.conversation,
        Some(conversation.id),
        "by that conversation"
    );
    assert_eq!(answered.revision, before.revision + 1, "in one change");

    let second = sample::conversation(&account, "ana", None, now + sample::ms(9));
    let again = opening(&second, Some("m2"), None);
    assert_eq!(
        store.open(&again).await.unwrap(),
        Opened::AlreadyOpen,
        "a second one does not begin"
    );
    assert_eq!(
        store.conversation(&account, second.id).await.unwrap(),
        None,
        "nothing of it is stored"
    );
    assert_eq!(transcript(store, &second).await, [], "nor of its entries");
    let repeat = opening(&second, Some("m1"), None);
    let entry = first.entries[1].id;
    assert_eq!(
        store.open(&repeat).await.unwrap(),
        Opened::Repeated(conversation.id, entry),
        "a repeated one is told where it went"
    );
    let foreign = sample::account();
    assert_eq!(
        store.conversation(&foreign, conversation.id).await.unwrap(),
        None,
        "an account sees only its own"
    );
    assert_eq!(
        store
            .transcript(&foreign, conversation.id, None, 9)
            .await
            .unwrap(),
        [],
        "transcripts too"
    );
    for (account, of) in [(&account, "ben"), (&foreign, "ana")] {
        let other = sample::conversation(account, of, None, now);
        let other = opening(&other, Some("m1"), None);
        assert_eq!(
            store.open(&other).await.unwrap(),
            Opened::Done,
            "consumers do not block one another"
        );
    }

    let rivals: Vec<_> = (0..8)
        .map(|i| sample::conversation(&account, "eve", None, now + sample::ms(i)))
        .collect();
    let rivals: Vec<_> = rivals.iter().map(|c| opening(c, None, None)).collect();
    let results = join_all(rivals.iter().map(|r| store.open(r))).await;
    let opened: Vec<_> = rivals
        .iter()
        .zip(&results)
        .filter(|(_, r)| matches!(r, Ok(Opened::Done)))
        .map(|(r, _)| r.conversation.id)
        .collect();
    assert_eq!(opened.len(), 1, "of many at once one begins");
    assert_eq!(
        open_id(store, &rivals[0].conversation).await,
        Some(opened[0]),
        "and that is the open one"
    );
}

/// Entries go into conversations that take them, once.
pub async fn add_entries<S>(store: &S)
where
    S: AddEntries + OpenConversations + SaveConversations + ReadConversation,
{
    let (account, now) = (sample::account(), sample::now());
    let waiting = sample::conversation(&account, "ana", None, now);
    let entry = |n: i64| sample::entry(&format!("entry {n}"), now + sample::ms(n));
    let absent = sample::posted(&waiting, &entry(1));
    assert_eq!(
        store.add(&absent, None, false).await.unwrap(),
        Added::NotTaken,
        "no conversation, no entry"
    );
    let start = opening(&waiting, Some("m0"), None);
    store.open(&start).await.unwrap();

    let first = sample::posted(&waiting, &entry(1));
    assert_eq!(
        store.add(&first, None, true).await.unwrap(),
        Added::NotTaken,
        "a waiting one has no agent to write"
    );
    assert_eq!(
        store.add(&first, Some("m1"), false).await.unwrap(),
        Added::Done,
        "the consumer goes on"
    );
    let repeat = sample::posted(&waiting, &entry(2));
    assert_eq!(
        store.add(&repeat, Some("m1"), false).await.unwrap(),
        Added::Repeated(waiting.id, first.entry.id),
        "a repeated entry is told which one stands"
    );
    assert_eq!(
        store.add(&repeat, Some("m0"), false).await.unwrap(),
        Added::Repeated(waiting.id, start.entries[1].id),
        "also when it was the conversation's first"
    );
    let rivals: Vec<_> = (10..18)
        .map(|n| sample::posted(&waiting, &entry(n)))
        .collect();
    let results = join_all(rivals.iter().map(|p| store.add(p, Some("m2"), false))).await;
    let added = results
        .iter()
        .filter(|r| matches!(r, Ok(Added::Done)))
        .count();
    assert_eq!(added, 1, "of many equal ones at once one is added");
    let many: Vec<_> = (20..28)
        .map(|n| sample::posted(&waiting, &entry(n)))
        .collect();
    let results = join_all(many.iter().map(|p| store.add(p, None, false))).await;
    assert!(
        results.iter().all(|r| matches!(r, Ok(Added::Done))),
        "different ones at once are all added"
    );

    let all = transcript(store, &waiting).await;
    assert_eq!(
        all.len(),
        2 + 1 + 1 + 8,
        "nothing is lost, nothing is twice"
    );
    assert!(all.is_sorted_by_key(|e| e.id), "entries are in order");
    assert_reads_on(store, &waiting, &all).await;

    let open = Conversation {
        state: State::Open,
        agent: Some("eve".into()),
        version: 2,
        ..waiting.clone()
    };
    assert!(store.save(&waiting, &open).await.unwrap());
    let reply = Entry {
        author: Author::Agent,
        originator: Some("eve".into()),
        origin: Origin::parse(TRACEPARENT),
        ..entry(40)
    };
    let reply = sample::posted(&open, &reply);
    assert_eq!(
        store.add(&reply, None, true).await.unwrap(),
        Added::Done,
        "an open one takes agents' entries"
    );
    assert_eq!(
        transcript(store, &open).await.last(),
        Some(&reply.entry),
        "all of it is read back"
    );
    let over = closed(&open, now + sample::ms(50));
    assert!(store.save(&open, &over).await.unwrap());
    for only_open in [true, false] {
        let late = sample::posted(&over, &entry(60));
        let added = store.add(&late, None, only_open).await.unwrap();
        assert_eq!(added, Added::NotTaken, "a closed one takes none");
    }
}

async fn assert_reads_on(store: &impl ReadConversation, of: &Conversation, all: &[Entry]) {
    let page = async |after: Option<EntryId>, limit: u32| {
        let page = store.transcript(&of.account, of.id, after, limit);
        page.await.unwrap()
    };
    assert_eq!(page(None, 3).await, all[..3], "the beginning is read");
    assert_eq!(
        page(Some(all[2].id), 3).await,
        all[3..6],
        "and on from there"
    );
    let last = all.last().map(|e| e.id);
    assert_eq!(page(last, 3).await, [], "until there is no more");
}

/// A change replaces what was read, or nothing; a closed conversation is over.
pub async fn save_conversations<S>(store: &S)
where
    S: SaveConversations
        + OpenConversations
        + ReadConversation
        + ReadStanding
        + Claims
        + ReadMessages
        + domain::account::SkillStore,
{
    let (account, now) = (sample::account(), sample::now());
    let (key, waiting) = sent(store, &account, now).await;
    let begin = opening(&waiting, None, Some(key.clone()));
    store.open(&begin).await.unwrap();
    let taken_by = |agent: &str| Conversation {
        state: State::Open,
        agent: Some(agent.into()),
        version: 2,
        ..waiting.clone()
    };
    let rivals: Vec<_> = (0..8).map(|i| taken_by(&format!("agent {i}"))).collect();
    let saves = join_all(rivals.iter().map(|new| store.save(&waiting, new))).await;
    let won: Vec<_> = rivals
        .iter()
        .zip(&saves)
        .filter(|(_, saved)| matches!(saved, Ok(true)))
        .collect();
    assert_eq!(won.len(), 1, "of many changes at once one is saved");
    let open = won[0].0.clone();
    assert_eq!(
        store.conversation(&account, waiting.id).await.unwrap(),
        Some(open.clone()),
        "and read back"
    );
    assert!(
        !store.save(&waiting, &taken_by("late")).await.unwrap(),
        "what changed meanwhile stays"
    );
    let moved = Conversation {
        state: State::Waiting,
        skill: sample::skill("support"),
        agent: None,
        version: 3,
        ..open.clone()
    };
    assert!(
        !store.save(&open, &moved).await.unwrap(),
        "an unknown skill takes nothing"
    );
    let support = domain::account::Skill {
        name: sample::skill("support"),
        description: None,
    };
    let by = sample::by(&account);
    store.put_skill(&by, &support).await.unwrap();
    assert!(
        store.save(&open, &moved).await.unwrap(),
        "it goes to another skill"
    );
    let standing = store.standing(&account, &moved.consumer).await.unwrap();
    assert_eq!(
        standing.queue,
        Some((moved.skill.clone(), State::Waiting)),
        "how the consumer stands tells where"
    );
    assert_eq!(
        open_id(store, &moved).await,
        Some(waiting.id),
        "and is still open"
    );
    assert_eq!(
        message(store, &key).await.conversation_closed_at,
        None,
        "its message too"
    );

    let before = message(store, &key).await;
    let over = closed(&moved, now + sample::ms(50));
    assert!(store.save(&moved, &over).await.unwrap(), "it is closed");
    assert!(!store.save(&moved, &over).await.unwrap(), "once");
    assert_eq!(
        open_id(store, &over).await,
        None,
        "the consumer has no open one any more"
    );
    let after = message(store, &key).await;
    assert_eq!(
        after.conversation_closed_at, over.closed_at,
        "the message knows"
    );
    assert_eq!(after.revision, before.revision + 1, "in one change");
    assert_eq!(after.state(), MessageState::Responded, "and stays answered");
    let next = sample::conversation(&account, "ana", None, now + sample::ms(60));
    assert_eq!(
        store.open(&opening(&next, None, None)).await.unwrap(),
        Opened::Done,
        "another can begin"
    );
    let plain = closed(&next, now + sample::ms(70));
    assert!(
        store.save(&next, &plain).await.unwrap(),
        "one that answers no message closes too"
    );
    let third = sample::conversation(&account, "ana", None, now + sample::ms(80));
    store.open(&opening(&third, None, None)).await.unwrap();
    assert!(
        !store.save(&next, &plain).await.unwrap(),
        "closing an old one twice"
    );
    assert_eq!(
        open_id(store, &third).await,
        Some(third.id),
        "leaves the new one open"
    );
}
