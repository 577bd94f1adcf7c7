//! The documented events of the functions (`infra/events`), filled with what is so on this stack.
use crate::{
    demo::ACCOUNT,
    stack::Shared,
    tokens::{TokenError, TokenRequest},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::Path;

/// Where the events are.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../events");

/// An event cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum ExampleError {
    /// No event has that name.
    #[error("there is no event {0}")]
    Unknown(String),
    /// The file is none.
    #[error("the event {name} cannot be read")]
    Unreadable {
        /// The event.
        name: String,
        /// Why.
        source: serde_json::Error,
    },
    /// Nothing on this stack is called so, or not yet.
    #[error("there is no <{0}> on this stack")]
    Missing(String),
    /// There is no token for it.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl Shared {
    /// The event of that name, with every `<…>` in it filled.
    pub(crate) fn example(&self, name: &str) -> Result<Value, ExampleError> {
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let file = Path::new(FOLDER).join(format!("{name}.json"));
        let text = std::fs::read_to_string(file).ok().filter(|_| plain);
        let text = text.ok_or_else(|| ExampleError::Unknown(name.to_owned()))?;
        let event = serde_json::from_str(&text).map_err(|source| ExampleError::Unreadable {
            name: name.to_owned(),
            source,
        })?;
        let known = Known {
            campaign: self.newest("chunk", |_| true),
            for_calls: self.newest("handoff", |item| {
                item["design"]["M"]["source"]["S"] == "IVR"
            }),
            shared: self,
        };
        known.fill(event)
    }

    /// The newest item of that kind of the account `demo`.
    fn newest(&self, kind: &str, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        let (mut newest, mut from) = (None, Value::Null);
        loop {
            let mut scan = json!({"TableName": "overture-Table"});
            if !from.is_null() {
                scan["ExclusiveStartKey"] = from;
            }
            let scan = serde_json::from_value(scan).ok()?;
            let page = self.services.dynamodb.database().scan(scan).ok()?;
            let page = serde_json::to_value(page).ok()?;
            for item in page["Items"].as_array().into_iter().flatten() {
                let is = item["kind"]["S"] == kind && item["account"]["S"] == ACCOUNT;
                let at = number(item, "created_at");
                if is && wanted(item) && newest.as_ref().is_none_or(|(best, _)| at >= *best) {
                    newest = Some((at, item.clone()));
                }
            }
            from = page["LastEvaluatedKey"].clone();
            if from.is_null() {
                return newest.map(|(_, item)| item);
            }
        }
    }
}

/// What an event may name.
struct Known<'a> {
    /// The first part of the newest campaign.
    campaign: Option<Value>,
    /// The newest handoff for calls.
    for_calls: Option<Value>,
    shared: &'a Shared,
}

impl Known<'_> {
    fn fill(&self, value: Value) -> Result<Value, ExampleError> {
        Ok(match value {
            Value::String(text) => self.fill_text(&text)?.into(),
            Value::Array(all) => {
                let all: Result<Vec<_>, _> = all.into_iter().map(|v| self.fill(v)).collect();
                all?.into()
            }
            Value::Object(map) => {
                let filled = map.into_iter().map(|(name, v)| Ok((name, self.fill(v)?)));
                Value::Object(filled.collect::<Result<_, ExampleError>>()?)
            }
            other => other,
        })
    }

    fn fill_text(&self, text: &str) -> Result<String, ExampleError> {
        let mut parts = text.split('<');
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('>').unwrap_or((part, ""));
            filled.push_str(&self.value(name)?);
            filled.push_str(rest);
        }
        Ok(filled)
    }

    fn value(&self, name: &str) -> Result<String, ExampleError> {
        let (demo, now) = (self.shared.demo.get(), self.shared.clock.now());
        let of_campaign = |name: &str| number(self.campaign.as_ref()?, name);
        let found = match name {
            "admin's token" => return self.token("admin", "crm", &[]),
            "ana's token" => return self.token("consumer", "ana", &[]),
            "agent's token" => return self.token("agent", "eve", &["sales"]),
            "client id" => demo.map(|demo| demo.client_id.clone()),
            "client secret" => demo.map(|demo| demo.client_secret.clone()),
            "handoff" => demo.map(|demo| demo.handoff_id.clone()),
            "handoff for calls" => self.for_calls.as_ref().and_then(|item| text(item, "id")),
            "webhook URL" => Some(self.shared.sandbox.webhook_url("crm")),
            "campaign" => self.campaign.as_ref().and_then(|c| text(c, "campaign")),
            "campaign's start in ms" => of_campaign("created_at").map(|ms| ms.to_string()),
            "lookback's end in ms" => of_campaign("lookback_ends_at").map(|ms| ms.to_string()),
            "lookback's end" => of_campaign("lookback_ends_at")
                .and_then(|ms| Timestamp::from_millisecond(ms).ok())
                .map(|at| at.to_string()),
            "now" => Some(now.to_string()),
            "now in ms" => Some(now.as_millisecond().to_string()),
            _ => name
                .strip_suffix("'s message")
                .and_then(|consumer| self.message(consumer)),
        };
        found.ok_or_else(|| ExampleError::Missing(name.to_owned()))
    }

    /// The consumer's message of the newest campaign.
    fn message(&self, consumer: &str) -> Option<String> {
        let recipients = text(self.campaign.as_ref()?, "recipients")?;
        let recipients: Vec<Value> = serde_json::from_str(&recipients).ok()?;
        let mut messages = recipients.iter().filter(|r| r["consumer"] == consumer);
        messages.next()?["transaction"].as_str().map(str::to_owned)
    }

    fn token(&self, role: &str, subject: &str, skills: &[&str]) -> Result<String, ExampleError> {
        let request = TokenRequest {
            role: role.to_owned(),
            account: ACCOUNT.to_owned(),
            subject: subject.to_owned(),
            skills: skills.iter().map(|&skill| skill.to_owned()).collect(),
            expires_in: 3600,
        };
        Ok(self.shared.tokens.issue(&request)?)
    }
}

fn text(item: &Value, name: &str) -> Option<String> {
    item[name]["S"].as_str().map(str::to_owned)
}

fn number(item: &Value, name: &str) -> Option<i64> {
    item[name]["N"].as_str()?.parse().ok()
}
