//! What contracts and tests are made of.

use domain::{
    access::Role,
    account::{App, Identity, Route},
    audit,
    campaign::{Acceptance, Campaign, CampaignName, Chunk, Heads, OpenConversation, Recipient},
    conversation::{Author, CampaignInfo, Conversation, Entry, Kind, Posted, Profile, State},
    device::{Device, Environment, Platform, Takes, Traits},
    dispatch::MessageJob,
    handoff::{Apps, Content, Design, Handoff, HandoffName, Source},
    id::{
        AccountId, AppName, CampaignId, ConsumerId, ConversationId, EntryId, HandoffId, SkillName,
        TransactionId,
    },
    ivr::Deflection,
    lookback::Lookback,
    message::MessageKey,
    origin::Origin,
    text::{Template, Variables},
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// An account that nobody else uses.
#[must_use]
pub fn account() -> AccountId {
    format!("t-{}", Uuid::new_v4().simple()).parse().unwrap()
}

/// Someone who changes that account.
#[must_use]
pub fn author(account: &AccountId, at: Timestamp) -> audit::Author {
    audit::Author {
        account: account.clone(),
        subject: "root".into(),
        roles: vec![Role::Admin],
        at,
    }
}

/// Someone who changes that account now.
#[must_use]
pub fn by(account: &AccountId) -> audit::Author {
    author(account, now())
}

/// The real time, to the millisecond.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap()
}

/// So many milliseconds.
#[must_use]
pub const fn ms(millis: i64) -> SignedDuration {
    SignedDuration::from_millis(millis)
}

/// A consumer of that name.
#[must_use]
pub fn consumer(name: &str) -> ConsumerId {
    name.parse().unwrap()
}

/// A skill's name.
#[must_use]
pub fn skill(name: &str) -> SkillName {
    name.parse().unwrap()
}

/// The app that handoffs and devices are of.
#[must_use]
pub fn app_name() -> AppName {
    "com.example.shop".parse().unwrap()
}

/// An app with a route for both platforms.
#[must_use]
pub fn app(name: &str) -> App {
    App {
        name: name.parse().unwrap(),
        ios: Some(Route::Apns {
            team_id: "TEAM123456".into(),
            key_id: "KEY1234567".into(),
            topic: name.into(),
            credential: "arn:aws:secretsmanager:eu-west-1:0:secret:apns".into(),
        }),
        android: Some(Route::Fcm {
            project_id: "shop".into(),
            credential: "arn:aws:secretsmanager:eu-west-1:0:secret:fcm".into(),
        }),
        identity: Identity {
            issuer: "https://id.example.com".into(),
            audience: "shop".into(),
            jwks_uri: "https://id.example.com/jwks.json".into(),
        },
    }
}

/// The texts of a handoff: only `message`, with whatever placeholders it has.
#[must_use]
pub fn content(message: &str) -> Content {
    Content {
        message: Template::parse(message).unwrap(),
        title: None,
        notification: None,
        same: false,
    }
}

/// A handoff's design.
#[must_use]
pub fn design(name: &str, message: &str) -> Design {
    Design {
        name: HandoffName::parse(name).unwrap(),
        lookback: Lookback::default(),
        route_all: false,
        source: Source::Proactive,
        apps: Apps::try_from(vec![app_name()]).unwrap(),
        language: "en-US".into(),
        content: content(message),
    }
}

/// A new handoff of the account.
#[must_use]
pub fn handoff(account: &AccountId, name: &str, now: Timestamp) -> Handoff {
    Handoff {
        account: account.clone(),
        id: HandoffId::random(),
        design: design(name, "Hello ${{1}}"),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// A device with that token.
#[must_use]
pub fn device(id: &str, token: &str, registered_at: Timestamp) -> Device {
    Device {
        id: id.parse().unwrap(),
        app: app_name(),
        platform: Platform::Ios,
        environment: Environment::Sandbox,
        token: token.parse().unwrap(),
        takes: Takes::All,
        traits: Traits {
            os: Some("iOS 26".into()),
            device: Some("iPhone".into()),
            country: Some("PT".into()),
            city: Some("Lisboa".into()),
            locale: Some("pt-PT".into()),
        },
        registered_at,
    }
}

/// The call that made all campaigns here.
pub const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A campaign to so many recipients, with its parts, under no idempotency key.
#[must_use]
pub fn acceptance(account: &AccountId, recipients: u32, now: Timestamp) -> Acceptance {
    let sizes = |left: &u32| (*left > 100).then(|| left - 100);
    let lefts = std::iter::successors(Some(recipients), sizes);
    let campaign = Campaign {
        account: account.clone(),
        id: CampaignId::random(),
        name: CampaignName::parse("Spring").unwrap(),
        skill: skill("sales"),
        handoff: HandoffId::random(),
        source: Source::Proactive,
        apps: Apps::try_from(vec![app_name()]).unwrap(),
        content: content("Hello ${{1}}"),
        route_all: true,
        open_conversation: OpenConversation::Hold,
        test: true,
        deflection: Some(Deflection {
            ivr_number: "180000".into(),
            eligible_at: now,
        }),
        le_campaign: "1234567890".into(),
        le_engagement: "1234567891".into(),
        trace: "trace".into(),
        parts: lefts.map(|left| left.min(100)).collect(),
        created_at: now,
        lookback_ends_at: Lookback::default().ends_at(now),
        cancelled_at: None,
    };
    let all: Vec<_> = (0..recipients)
        .map(|i| Recipient {
            transaction: TransactionId::at(now),
            consumer: consumer(&format!("consumer {i}")),
            variables: Variables::from([(1, format!("Ana {i} 👩🏽"))]),
        })
        .collect();
    let chunks = (0..)
        .zip(all.chunks(Chunk::SIZE))
        .map(|(number, recipients)| Chunk {
            account: account.clone(),
            campaign: campaign.id.clone(),
            number,
            created_at: now,
            lookback_ends_at: campaign.lookback_ends_at,
            sends_per_second: 10,
            heads: Heads {
                skill: campaign.skill.clone(),
                handoff: campaign.handoff.clone(),
                app: "prmsg".into(),
            },
            origin: Origin::parse(TRACEPARENT),
            recipients: recipients.to_vec(),
        })
        .collect();
    Acceptance {
        campaign,
        chunks,
        lives_until: None,
        recipients_per_day: 100_000,
        idempotency: None,
        by: author(account, now),
    }
}

/// The job of the first recipient of a new campaign that is stored nowhere.
#[must_use]
pub fn job(account: &AccountId, to: &str, now: Timestamp) -> MessageJob {
    let chunk = acceptance(account, 1, now).chunks.remove(0);
    MessageJob {
        key: MessageKey {
            account: account.clone(),
            consumer: consumer(to),
            transaction: TransactionId::at(now),
        },
        place: chunk.place(0),
        variables: chunk.recipients[0].variables.clone(),
        lookback_ends_at: chunk.lookback_ends_at,
        not_before: now,
        has_slot: true,
        sends_per_second: chunk.sends_per_second,
        attempt: 0,
        origin: chunk.origin,
    }
}

/// A waiting conversation that answers `message`, if one.
#[must_use]
pub fn conversation(
    account: &AccountId,
    of: &str,
    answers: Option<&MessageJob>,
    now: Timestamp,
) -> Conversation {
    Conversation {
        account: account.clone(),
        id: ConversationId::at(now),
        consumer: consumer(of),
        skill: skill("sales"),
        state: State::Waiting,
        agent: None,
        campaign: answers.map(|job| CampaignInfo {
            campaign: job.place.campaign.clone(),
            name: "Spring".into(),
            le_campaign: "1234567890".into(),
            le_engagement: "1234567891".into(),
            skill: skill("sales"),
            source: Source::Proactive,
            handoff: HandoffId::random(),
            lookback_ends_at: job.lookback_ends_at,
            transaction: job.key.transaction,
        }),
        profile: Profile {
            city: Some("Lisboa".into()),
            ..Profile::default()
        },
        started_at: now,
        closed_at: None,
        version: 1,
    }
}

/// Something the consumer wrote.
#[must_use]
pub fn entry(text: &str, at: Timestamp) -> Entry {
    Entry {
        id: EntryId::at(at),
        author: Author::Consumer,
        originator: None,
        kind: Kind::Chat,
        text: text.into(),
        at,
        transaction: None,
        origin: None,
    }
}

/// An entry for that conversation.
#[must_use]
pub fn posted(conversation: &Conversation, entry: &Entry) -> Posted {
    Posted {
        account: conversation.account.clone(),
        conversation: conversation.id,
        consumer: conversation.consumer.clone(),
        skill: conversation.skill.clone(),
        entry: entry.clone(),
    }
}
