//! SNS: topics whose messages tests can read, and the push endpoints of platform applications.
mod alone;
mod platform;

pub use alone::Alone;
pub use platform::Endpoint;

use crate::{clock::Clock, pulse::Pulse, services::ServiceError};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use platform::Platforms;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A message that was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// Its id.
    pub id: String,
    /// The ARN of the topic or endpoint.
    pub target: String,
    /// The endpoint's push token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The message itself.
    pub message: String,
    /// Its subject.
    pub subject: Option<String>,
    /// `json` when the message has a text per protocol.
    pub structure: Option<String>,
    /// Its attributes' values.
    pub attributes: BTreeMap<String, String>,
    /// When.
    pub at: jiff::Timestamp,
}

#[derive(Debug, Default)]
struct State {
    published: Vec<Published>,
    platforms: Platforms,
}

/// SNS.
#[derive(Clone, Debug)]
pub(crate) struct Topics {
    known: Arc<BTreeSet<String>>,
    state: Arc<Mutex<State>>,
    clock: Clock,
    changed: Pulse,
}

/// The fields of a query-protocol request.
pub(crate) type Form = BTreeMap<String, String>;

/// Reads a query-protocol request.
pub(crate) fn form(body: &[u8]) -> Form {
    form_urlencoded::parse(body).into_owned().collect()
}

impl Topics {
    pub(crate) fn new(topics: &[String], clock: Clock, changed: Pulse) -> Self {
        Self {
            known: Arc::new(topics.iter().cloned().collect()),
            state: Arc::default(),
            clock,
            changed,
        }
    }

    pub(crate) fn published(&self) -> Vec<Published> {
        self.lock().published.clone()
    }

    /// Publishes for the stack itself.
    pub(crate) fn publish(&self, topic: &str, message: &str) {
        let form = Form::from_iter([("Message".to_owned(), message.to_owned())]);
        self.add(topic, None, &form, "");
    }

    /// Makes an endpoint refuse, or take, messages.
    pub(crate) fn set_enabled(&self, token: &str, enabled: bool) {
        self.lock().platforms.set_enabled(token, enabled);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, target: &str, token: Option<String>, form: &Form, prefix: &str) -> String {
        let field = |name: &str| form.get(&format!("{prefix}{name}"));
        let attributes = (1..)
            .map_while(|n| {
                let entry = format!("MessageAttributes.entry.{n}");
                let name = field(&format!("{entry}.Name"))?;
                let value = field(&format!("{entry}.Value.StringValue"))
                    .or_else(|| field(&format!("{entry}.Value.BinaryValue")));
                Some((name.clone(), value.cloned().unwrap_or_default()))
            })
            .collect();
        let id = uuid::Uuid::new_v4().to_string();
        self.lock().published.push(Published {
            id: id.clone(),
            target: target.to_owned(),
            token,
            message: field("Message").cloned().unwrap_or_default(),
            subject: field("Subject").cloned(),
            structure: field("MessageStructure").cloned(),
            attributes,
            at: self.clock.now(),
        });
        self.changed.beat();
        id
    }

    pub(crate) fn call(&self, operation: &str, form: &Form) -> Response {
        let result = match operation {
            "Publish" => self.publish_one(form),
            "PublishBatch" => self.publish_batch(form),
            _ if platform::knows(operation) => self.lock().platforms.call(operation, form),
            _ => Err(ServiceError::new(
                "InvalidAction",
                format!("{operation} is not played locally"),
            )),
        };
        match result {
            Ok(inner) => {
                let id = uuid::Uuid::new_v4();
                let body = format!(
                    "<{operation}Response xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><{operation}Result>{inner}</{operation}Result><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{operation}Response>"
                );
                xml(StatusCode::OK, body)
            }
            Err(refused) => error(&refused),
        }
    }

    fn publish_one(&self, form: &Form) -> Result<String, ServiceError> {
        let target = form.get("TopicArn").or_else(|| form.get("TargetArn"));
        let target = target.ok_or_else(|| invalid("TopicArn or TargetArn"))?;
        if !form.contains_key("Message") {
            return Err(invalid("Message"));
        }
        let token = if self.known.contains(target) {
            None
        } else if form.contains_key("TargetArn") {
            Some(self.lock().platforms.addressee(target, form)?)
        } else {
            return Err(not_found());
        };
        let id = self.add(target, token, form, "");
        Ok(format!("<MessageId>{id}</MessageId>"))
    }

    fn publish_batch(&self, form: &Form) -> Result<String, ServiceError> {
        let topic = of(form, "TopicArn");
        if !self.known.contains(&topic) {
            return Err(not_found());
        }
        let mut done = Vec::new();
        for n in 1.. {
            let prefix = format!("PublishBatchRequestEntries.member.{n}.");
            let Some(entry) = form.get(&format!("{prefix}Id")) else {
                break;
            };
            if n > 10 {
                return Err(ServiceError::new(
                    "TooManyEntriesInBatchRequest",
                    "The batch request contains more entries than permissible.",
                ));
            }
            let id = self.add(&topic, None, form, &prefix);
            done.push(format!(
                "<member><Id>{}</Id><MessageId>{id}</MessageId></member>",
                escape(entry)
            ));
        }
        if done.is_empty() {
            return Err(ServiceError::new(
                "EmptyBatchRequest",
                "The batch request doesn't contain any entries.",
            ));
        }
        Ok(format!(
            "<Successful>{}</Successful><Failed/>",
            done.concat()
        ))
    }
}

fn of(form: &Form, name: &str) -> String {
    form.get(name).cloned().unwrap_or_default()
}

fn invalid(what: &str) -> ServiceError {
    ServiceError::new("InvalidParameter", format!("Invalid parameter: {what}"))
}

fn not_found() -> ServiceError {
    ServiceError {
        status: StatusCode::NOT_FOUND,
        code: "NotFound",
        message: "Topic or endpoint does not exist".to_owned(),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn xml(status: StatusCode, body: String) -> Response {
    (status, [("content-type", "text/xml")], body).into_response()
}

/// An error in the query protocol.
pub(crate) fn error(error: &ServiceError) -> Response {
    let kind = if error.status.is_server_error() {
        "Receiver"
    } else {
        "Sender"
    };
    let body = format!(
        "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>{kind}</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
        error.code,
        escape(&error.message),
        uuid::Uuid::new_v4(),
    );
    xml(error.status, body)
}
