//! Every key in the table, and the only place where one is spelled.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | settings | `A#<account>` | `SETTINGS` |
//! | app | `A#<account>` | `APP#<app>` |
//! | skill | `A#<account>` | `SKILL#<skill>` |
//! | paused circuit | `A#<account>` | `APP_PAUSE#<platform>#<environment>#<app>` |
//! | API client | `A#<account>` | `CLIENT#<client>` |
//! | entry of the audit log | `A#<account>#AUDIT` | `<entry>` |
//! | handoff | `A#<account>` | `HANDOFF#<handoff>` |
//! | claim on a handoff's name | `A#<account>` | `HANDOFF_NAME#<digest of the name in lower case>` |
//! | how long a handoff's messages live | `A#<account>#H#<handoff>` | `STATE` |
//! | campaign of a handoff | `A#<account>#H#<handoff>` | `RUN#<end of its lookback>#<campaign>` |
//! | recipients of a day | `A#<account>#QUOTA` | `<date>` |
//! | webhook | `A#<account>` | `WEBHOOK#<name>` |
//! | page of events | `A#<account>#EVENTS#<date>` | `<milliseconds>#<first event>` |
//! | event that was recorded | `A#<account>#TOLD#<event>` | `TOLD` |
//! | clock of the account's pace | `A#<account>#PACE` | `PACE` |
//! | bucket of a call limit | `A#<account>#LIMIT#<bucket>` | `LIMIT` |
//! | idempotency key | `A#<account>#ONCE#<digest of the key>` | `ONCE` |
//! | call that an IVR asked about | `A#<account>#I#<call>` | `CALL` |
//! | campaign | `A#<account>#P#<campaign>` | `CAMPAIGN` |
//! | part of its recipients | `A#<account>#P#<campaign>` | `CHUNK#<number>` |
//! | count of the part | `A#<account>#P#<campaign>` | `BOARD#<number>` |
//! | number of its newest event | `A#<account>#P#<campaign>` | `NUMBER` |
//! | campaign by time | `A#<account>#CAMPAIGNS` | `<milliseconds>#<campaign>` |
//! | day's totals | `A#<account>#DAYS` | `<date>#<app>#<handoff>#<skill>` |
//! | consumer's profile | `A#<account>#C#<consumer>` | `S#PROFILE` |
//! | their open conversation | `A#<account>#C#<consumer>` | `S#CONVERSATION` |
//! | their device | `A#<account>#C#<consumer>` | `S#DEVICE#<device>` |
//! | message that waits | `A#<account>#C#<consumer>` | `HOLD#<transaction>` |
//! | message | `A#<account>#C#<consumer>` | `M#<transaction>` |
//! | id that their app gave | `A#<account>#C#<consumer>` | `SAID#<client message>` |
//! | owner of a push token | `A#<account>#T#<digest of the token>` | `TOKEN` |
//! | conversation | `A#<account>#V#<conversation>` | `CONVERSATION` |
//! | entry of its transcript | `A#<account>#V#<conversation>` | `ENTRY#<entry>` |
//! | campaign to look at | `DUE#<shard>` | `<milliseconds>#<account>#<campaign>` |
//!
//! | index | `queue_pk` | `queue_sk` |
//! |---|---|---|
//! | `queue`: conversations | `A#<account>#Q#<state>#<skill>` | `<milliseconds>#<conversation>` |
//!
//! Whatever starts with `S#` is how a consumer stands: one query reads it all. An account's
//! id holds no `#`, and names that may hold one stand last, so that no two keys are equal.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{
    breaker::Circuit,
    conversation::State,
    id::{
        AccountId, AppName, AuditId, CallId, CampaignId, ClientId, ConsumerId, ConversationId,
        DeviceId, EntryId, HandoffId, SkillName, TransactionId, WebhookName,
    },
    message::MessageKey,
};
use jiff::{Timestamp, civil::Date};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// An item, or part of one, as DynamoDB takes it.
pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// The key of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

/// Items of one partition, in the order of their sort keys.
#[derive(Clone, Debug)]
pub(crate) struct Range {
    pub(crate) pk: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

/// A digest that can be part of a key: of what is secret, or too long.
pub(crate) fn digest(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

/// Sorts as the time does, for times after 1970.
fn sortable(at: Timestamp) -> String {
    format!("{:015}", at.as_millisecond().max(0))
}

fn account(account: &AccountId) -> String {
    format!("A#{account}")
}

fn of_campaign(account: &AccountId, campaign: &CampaignId) -> String {
    format!("A#{account}#P#{campaign}")
}

fn of_handoff(account: &AccountId, handoff: &HandoffId) -> String {
    format!("A#{account}#H#{handoff}")
}

fn events_of(account: &AccountId, day: Date) -> String {
    format!("A#{account}#EVENTS#{day}")
}

/// Sorts after all of a handoff's campaigns, so that one query reads those that still live,
/// and the state.
const STATE: &str = "STATE";

fn of_consumer(account: &AccountId, consumer: &ConsumerId) -> String {
    format!("A#{account}#C#{consumer}")
}

fn of_conversation(account: &AccountId, conversation: ConversationId) -> String {
    format!("A#{account}#V#{conversation}")
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    pub(crate) fn settings(a: &AccountId) -> Self {
        Self::new(account(a), "SETTINGS")
    }

    pub(crate) fn app(a: &AccountId, app: &AppName) -> Self {
        Self::new(account(a), format!("APP#{app}"))
    }

    pub(crate) fn skill(a: &AccountId, skill: &SkillName) -> Self {
        Self::new(account(a), format!("SKILL#{skill}"))
    }

    pub(crate) fn pause(a: &AccountId, circuit: &Circuit) -> Self {
        let (platform, environment) = (circuit.platform.as_str(), circuit.environment.as_str());
        let sk = format!("APP_PAUSE#{platform}#{environment}#{}", circuit.app);
        Self::new(account(a), sk)
    }

    pub(crate) fn client(a: &AccountId, client: &ClientId) -> Self {
        Self::new(account(a), format!("CLIENT#{client}"))
    }

    pub(crate) fn audit(a: &AccountId, entry: AuditId) -> Self {
        Self::new(format!("A#{a}#AUDIT"), entry.to_string())
    }

    pub(crate) fn handoff(a: &AccountId, handoff: &HandoffId) -> Self {
        Self::new(account(a), format!("HANDOFF#{handoff}"))
    }

    pub(crate) fn handoff_name(a: &AccountId, name: &str) -> Self {
        let name = digest(&name.to_lowercase());
        Self::new(account(a), format!("HANDOFF_NAME#{name}"))
    }

    pub(crate) fn handoff_state(a: &AccountId, handoff: &HandoffId) -> Self {
        Self::new(of_handoff(a, handoff), STATE)
    }

    pub(crate) fn run(
        a: &AccountId,
        handoff: &HandoffId,
        until: Timestamp,
        campaign: &CampaignId,
    ) -> Self {
        let sk = format!("RUN#{}#{campaign}", sortable(until));
        Self::new(of_handoff(a, handoff), sk)
    }

    pub(crate) fn quota(a: &AccountId, date: Date) -> Self {
        Self::new(format!("A#{a}#QUOTA"), date.to_string())
    }

    pub(crate) fn webhook(a: &AccountId, webhook: &WebhookName) -> Self {
        Self::new(account(a), format!("WEBHOOK#{webhook}"))
    }

    pub(crate) fn events(a: &AccountId, day: Date, at: Timestamp, first: &str) -> Self {
        Self::new(events_of(a, day), format!("{}#{first}", sortable(at)))
    }

    pub(crate) fn told(a: &AccountId, event: &str) -> Self {
        Self::new(format!("A#{a}#TOLD#{event}"), "TOLD")
    }

    pub(crate) fn number(a: &AccountId, campaign: &CampaignId) -> Self {
        Self::new(of_campaign(a, campaign), "NUMBER")
    }

    pub(crate) fn pace(a: &AccountId) -> Self {
        Self::new(format!("A#{a}#PACE"), "PACE")
    }

    pub(crate) fn limit(a: &AccountId, bucket: &str) -> Self {
        Self::new(format!("A#{a}#LIMIT#{bucket}"), "LIMIT")
    }

    pub(crate) fn once(a: &AccountId, key: &str) -> Self {
        Self::new(format!("A#{a}#ONCE#{}", digest(key)), "ONCE")
    }

    pub(crate) fn call(a: &AccountId, call: &CallId) -> Self {
        Self::new(format!("A#{a}#I#{call}"), "CALL")
    }

    pub(crate) fn campaign(a: &AccountId, campaign: &CampaignId) -> Self {
        Self::new(of_campaign(a, campaign), "CAMPAIGN")
    }

    pub(crate) fn chunk(a: &AccountId, campaign: &CampaignId, number: u32) -> Self {
        Self::new(of_campaign(a, campaign), format!("CHUNK#{number:05}"))
    }

    pub(crate) fn board(a: &AccountId, campaign: &CampaignId, number: u32) -> Self {
        Self::new(of_campaign(a, campaign), format!("BOARD#{number:05}"))
    }

    pub(crate) fn campaign_by_time(a: &AccountId, at: Timestamp, campaign: &CampaignId) -> Self {
        Self::new(
            format!("A#{a}#CAMPAIGNS"),
            format!("{}#{campaign}", sortable(at)),
        )
    }

    pub(crate) fn day(
        a: &AccountId,
        date: Date,
        app: &str,
        handoff: &HandoffId,
        skill: &SkillName,
    ) -> Self {
        Self::new(
            format!("A#{a}#DAYS"),
            format!("{date}#{app}#{handoff}#{skill}"),
        )
    }

    pub(crate) fn profile(a: &AccountId, consumer: &ConsumerId) -> Self {
        Self::new(of_consumer(a, consumer), "S#PROFILE")
    }

    pub(crate) fn open_conversation(a: &AccountId, consumer: &ConsumerId) -> Self {
        Self::new(of_consumer(a, consumer), "S#CONVERSATION")
    }

    pub(crate) fn device(a: &AccountId, consumer: &ConsumerId, device: &DeviceId) -> Self {
        Self::new(of_consumer(a, consumer), format!("S#DEVICE#{device}"))
    }

    pub(crate) fn hold(key: &MessageKey) -> Self {
        Self::new(
            of_consumer(&key.account, &key.consumer),
            format!("HOLD#{}", key.transaction),
        )
    }

    pub(crate) fn message(key: &MessageKey) -> Self {
        Self::new(
            of_consumer(&key.account, &key.consumer),
            format!("M#{}", key.transaction),
        )
    }

    pub(crate) fn said(a: &AccountId, consumer: &ConsumerId, client_message: &str) -> Self {
        Self::new(of_consumer(a, consumer), format!("SAID#{client_message}"))
    }

    pub(crate) fn token(a: &AccountId, token_digest: &str) -> Self {
        Self::new(format!("A#{a}#T#{token_digest}"), "TOKEN")
    }

    pub(crate) fn conversation(a: &AccountId, conversation: ConversationId) -> Self {
        Self::new(of_conversation(a, conversation), "CONVERSATION")
    }

    pub(crate) fn entry(a: &AccountId, conversation: ConversationId, entry: EntryId) -> Self {
        Self::new(of_conversation(a, conversation), format!("ENTRY#{entry}"))
    }

    pub(crate) fn due(a: &AccountId, campaign: &CampaignId, at: Timestamp) -> Self {
        let shard = a
            .as_str()
            .bytes()
            .fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte))
            % DUE_SHARDS;
        Self::new(
            format!("{DUE}{shard}"),
            format!("{}#{a}#{campaign}", sortable(at)),
        )
    }

    /// The key as DynamoDB takes it.
    pub(crate) fn attributes(&self) -> Attributes {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.pk.clone())),
            ("sk".to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }
}

/// What partitions of campaigns to look at begin with.
pub(crate) const DUE: &str = "DUE#";

/// In how many partitions the campaigns to look at are kept.
pub(crate) const DUE_SHARDS: u8 = 16;

/// Sorts after every continuation of a key.
const LAST: &str = "\u{10FFFF}";

/// The last string of the same length before `hex`, which ends in a hexadecimal digit.
fn just_before(hex: &str) -> String {
    let (head, last) = hex.split_at(hex.len().saturating_sub(1));
    match last.as_bytes().first() {
        // Whatever else begins with the head sorts after what is cut off.
        None | Some(b'0') => format!("{head}/"),
        Some(b'a') => format!("{head}9"),
        Some(digit) => format!("{head}{}", char::from(digit - 1)),
    }
}

impl Range {
    fn prefix(pk: String, prefix: &str) -> Self {
        Self {
            pk,
            from: prefix.to_owned(),
            to: format!("{prefix}{LAST}"),
        }
    }

    pub(crate) fn apps(a: &AccountId) -> Self {
        Self::prefix(account(a), "APP#")
    }

    pub(crate) fn skills(a: &AccountId) -> Self {
        Self::prefix(account(a), "SKILL#")
    }

    pub(crate) fn pauses(a: &AccountId) -> Self {
        Self::prefix(account(a), "APP_PAUSE#")
    }

    /// An account's apps, and the paused circuits, which stand right behind them.
    pub(crate) fn apps_and_pauses(a: &AccountId) -> Self {
        Self {
            pk: account(a),
            from: "APP#".to_owned(),
            to: format!("APP_PAUSE#{LAST}"),
        }
    }

    /// An account's handoffs, and its apps, which stand before them with the API clients between.
    pub(crate) fn apps_and_handoffs(a: &AccountId) -> Self {
        Self {
            pk: account(a),
            from: "APP#".to_owned(),
            to: format!("HANDOFF#{LAST}"),
        }
    }

    pub(crate) fn clients(a: &AccountId) -> Self {
        Self::prefix(account(a), "CLIENT#")
    }

    pub(crate) fn webhooks(a: &AccountId) -> Self {
        Self::prefix(account(a), "WEBHOOK#")
    }

    /// Pages of events of a day that were recorded from `from` on and before `to`, behind
    /// `after`.
    pub(crate) fn events(
        a: &AccountId,
        day: Date,
        from: Timestamp,
        to: Timestamp,
        after: Option<&str>,
    ) -> Self {
        Self {
            pk: events_of(a, day),
            // A space sorts before every continuation: the range starts behind the page.
            from: after.map_or_else(|| sortable(from), |place| format!("{place} ")),
            to: sortable(to),
        }
    }

    /// The audit log, before an entry.
    pub(crate) fn audit(a: &AccountId, before: Option<AuditId>) -> Self {
        Self {
            pk: format!("A#{a}#AUDIT"),
            from: "0".to_owned(),
            to: before.map_or_else(|| LAST.to_owned(), |id| just_before(&id.to_string())),
        }
    }

    pub(crate) fn handoffs(a: &AccountId) -> Self {
        Self::prefix(account(a), "HANDOFF#")
    }

    /// A handoff's campaigns whose lookbacks end after `now`, and its state.
    pub(crate) fn running(a: &AccountId, handoff: &HandoffId, now: Timestamp) -> Self {
        Self {
            pk: of_handoff(a, handoff),
            // A colon sorts after every continuation of a time.
            from: format!("RUN#{}:", sortable(now)),
            to: STATE.to_owned(),
        }
    }

    /// A campaign's boards, and the campaign, which stands right behind them.
    pub(crate) fn overview(a: &AccountId, campaign: &CampaignId) -> Self {
        Self {
            pk: of_campaign(a, campaign),
            from: "BOARD#".to_owned(),
            to: "CAMPAIGN".to_owned(),
        }
    }

    /// A campaign's boards, the campaign, and the first part of its recipients.
    pub(crate) fn overview_and_first(a: &AccountId, campaign: &CampaignId) -> Self {
        Self {
            to: Key::chunk(a, campaign, 0).sk,
            ..Self::overview(a, campaign)
        }
    }

    /// A campaign, and the parts of its recipients, which stand right behind it.
    pub(crate) fn whole(a: &AccountId, campaign: &CampaignId) -> Self {
        Self {
            pk: of_campaign(a, campaign),
            from: "CAMPAIGN".to_owned(),
            to: format!("CHUNK#{LAST}"),
        }
    }

    pub(crate) fn boards(a: &AccountId, campaign: &CampaignId) -> Self {
        Self::prefix(of_campaign(a, campaign), "BOARD#")
    }

    pub(crate) fn campaigns(a: &AccountId, from: Timestamp, to: Timestamp) -> Self {
        Self {
            pk: format!("A#{a}#CAMPAIGNS"),
            from: sortable(from),
            to: sortable(to),
        }
    }

    pub(crate) fn days(a: &AccountId, from: Date, to: Date) -> Self {
        Self {
            pk: format!("A#{a}#DAYS"),
            from: from.to_string(),
            to: format!("{to}{LAST}"),
        }
    }

    pub(crate) fn standing(a: &AccountId, consumer: &ConsumerId) -> Self {
        Self::prefix(of_consumer(a, consumer), "S#")
    }

    /// How a consumer stands, and behind that, backward, their messages made since.
    pub(crate) fn standing_and_messages(
        a: &AccountId,
        consumer: &ConsumerId,
        since: Timestamp,
    ) -> Self {
        Self {
            to: format!("S#{LAST}"),
            ..Self::messages_since(a, consumer, since)
        }
    }

    pub(crate) fn holds(a: &AccountId, consumer: &ConsumerId) -> Self {
        Self::prefix(of_consumer(a, consumer), "HOLD#")
    }

    pub(crate) fn messages_since(a: &AccountId, consumer: &ConsumerId, since: Timestamp) -> Self {
        // The first 12 hexadecimal digits of a version 7 UUID are its milliseconds.
        let first = TransactionId::at(since).to_string();
        Self {
            pk: of_consumer(a, consumer),
            from: format!("M#{}", &first[..13]),
            to: format!("M#{LAST}"),
        }
    }

    pub(crate) fn entries(
        a: &AccountId,
        conversation: ConversationId,
        after: Option<EntryId>,
    ) -> Self {
        Self {
            pk: of_conversation(a, conversation),
            // A space sorts before every continuation: the range starts behind the entry.
            from: after.map_or_else(|| "ENTRY#".to_owned(), |id| format!("ENTRY#{id} ")),
            to: format!("ENTRY#{LAST}"),
        }
    }

    pub(crate) fn due(shard: u8, now: Timestamp) -> Self {
        Self {
            pk: format!("{DUE}{shard}"),
            from: String::from("0"),
            to: format!("{}{LAST}", sortable(now)),
        }
    }
}

/// What the keys of all of an account's items have: a partition, what others begin with, and what
/// is in the sort keys of the campaigns to look at, whose partitions begin with [`DUE`].
pub(crate) fn names(a: &AccountId) -> (String, String, String) {
    (account(a), format!("A#{a}#"), format!("#{a}#"))
}

/// Where a conversation stands in the index `queue`.
pub(crate) fn queue(a: &AccountId, state: State, skill: &SkillName) -> String {
    format!("A#{a}#Q#{}#{skill}", state.as_str())
}

/// Where a conversation stands in its queue.
pub(crate) fn in_queue(started_at: Timestamp, conversation: ConversationId) -> String {
    format!("{}#{conversation}", sortable(started_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_reach_into_other_keys() {
        let demo: AccountId = "demo".parse().unwrap();
        let ana: ConsumerId = "ana".parse().unwrap();
        let odd: ConsumerId = "ana#S#PROFILE".parse().unwrap();
        assert_ne!(Key::profile(&demo, &ana), Key::profile(&demo, &odd));
        let sales: SkillName = "x".parse().unwrap();
        let odd: SkillName = "waiting#x".parse().unwrap();
        assert_ne!(
            queue(&demo, State::Waiting, &sales),
            queue(&demo, State::Open, &odd)
        );
    }

    #[test]
    fn a_range_of_messages_holds_those_made_since() {
        let demo: AccountId = "demo".parse().unwrap();
        let ana: ConsumerId = "ana".parse().unwrap();
        let since = Timestamp::from_millisecond(1_800_000_000_000).unwrap();
        let range = Range::messages_since(&demo, &ana, since);
        let key = |at: Timestamp| {
            Key::message(&MessageKey {
                account: demo.clone(),
                consumer: ana.clone(),
                transaction: TransactionId::at(at),
            })
        };
        let second = jiff::SignedDuration::from_secs(1);
        assert!(key(since).sk >= range.from && key(since).sk <= range.to);
        assert!(key(since - second).sk < range.from);
    }
}
