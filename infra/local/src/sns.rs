//! SNS: topics whose messages tests can read, and the push endpoints of platform applications.
use crate::{
    clock::Clock,
    pulse::Pulse,
    services::ServiceError,
    template::{ACCOUNT, REGION},
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
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

/// An endpoint of a platform application: a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its push token.
    pub token: String,
    /// Whether it takes messages.
    pub enabled: bool,
    /// What its owner keeps with it.
    pub user_data: String,
}

#[derive(Debug, Default)]
struct State {
    published: Vec<Published>,
    endpoints: BTreeMap<String, Endpoint>,
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
        self.add(topic, &form, "");
    }

    /// Makes an endpoint refuse, or take, messages.
    pub(crate) fn set_enabled(&self, token: &str, enabled: bool) {
        for endpoint in self
            .lock()
            .endpoints
            .values_mut()
            .filter(|e| e.token == token)
        {
            endpoint.enabled = enabled;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, target: &str, form: &Form, prefix: &str) -> String {
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
            "CreatePlatformEndpoint" => self.create_endpoint(form),
            "GetEndpointAttributes" => self.endpoint_attributes(form),
            "SetEndpointAttributes" => self.set_endpoint_attributes(form),
            "DeleteEndpoint" => {
                self.lock().endpoints.remove(&of(form, "EndpointArn"));
                Ok(String::new())
            }
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
        let endpoint = self.lock().endpoints.get(target).cloned();
        match endpoint {
            Some(endpoint) if !endpoint.enabled => {
                return Err(ServiceError::new(
                    "EndpointDisabled",
                    "Endpoint is disabled",
                ));
            }
            None if !self.known.contains(target) => return Err(not_found()),
            _ => {}
        }
        Ok(format!(
            "<MessageId>{}</MessageId>",
            self.add(target, form, "")
        ))
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
            let id = self.add(&topic, form, &prefix);
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

    fn create_endpoint(&self, form: &Form) -> Result<String, ServiceError> {
        let (application, token) = (of(form, "PlatformApplicationArn"), of(form, "Token"));
        if application.is_empty() || token.is_empty() {
            return Err(invalid("PlatformApplicationArn and Token"));
        }
        let mut state = self.lock();
        let name = application
            .rsplit_once("app/")
            .map_or("GCM/app", |(_, name)| name);
        let arn = state
            .endpoints
            .iter()
            .find(|(arn, e)| arn.contains(name) && e.token == token)
            .map(|(arn, _)| arn.clone());
        let arn = arn.unwrap_or_else(|| {
            format!(
                "arn:aws:sns:{REGION}:{ACCOUNT}:endpoint/{name}/{}",
                uuid::Uuid::new_v4()
            )
        });
        state.endpoints.entry(arn.clone()).or_insert(Endpoint {
            token,
            enabled: true,
            user_data: of(form, "CustomUserData"),
        });
        Ok(format!("<EndpointArn>{arn}</EndpointArn>"))
    }

    fn endpoint_attributes(&self, form: &Form) -> Result<String, ServiceError> {
        let state = self.lock();
        let endpoint = state
            .endpoints
            .get(&of(form, "EndpointArn"))
            .ok_or_else(not_found)?;
        let enabled = endpoint.enabled.to_string();
        let all = [
            ("Enabled", &enabled),
            ("Token", &endpoint.token),
            ("CustomUserData", &endpoint.user_data),
        ];
        let entry = |(key, value): (&str, &String)| {
            format!(
                "<entry><key>{key}</key><value>{}</value></entry>",
                escape(value)
            )
        };
        Ok(format!(
            "<Attributes>{}</Attributes>",
            all.map(entry).concat()
        ))
    }

    fn set_endpoint_attributes(&self, form: &Form) -> Result<String, ServiceError> {
        let mut state = self.lock();
        let endpoint = state
            .endpoints
            .get_mut(&of(form, "EndpointArn"))
            .ok_or_else(not_found)?;
        for n in 1.. {
            let Some(key) = form.get(&format!("Attributes.entry.{n}.key")) else {
                break;
            };
            let value = of(form, &format!("Attributes.entry.{n}.value"));
            match key.as_str() {
                "Token" => endpoint.token = value,
                "Enabled" => endpoint.enabled = value == "true",
                "CustomUserData" => endpoint.user_data = value,
                _ => return Err(invalid("Attributes")),
            }
        }
        Ok(String::new())
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
