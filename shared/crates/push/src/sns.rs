//! Amazon SNS: an endpoint per device, made when it is first needed.
//!
//! `CreatePlatformEndpoint` answers the same ARN for the same token, so nothing is stored but
//! in this process. An endpoint of ours carries when its token was registered: SNS disables an
//! endpoint whose device is gone, and a device that registered again since then is alive, so
//! that its endpoint is enabled once more. An endpoint that somebody else made keeps what they
//! keep with it, and is theirs to enable.
//!
//! Sources: <https://docs.aws.amazon.com/sns/latest/dg/mobile-platform-endpoint.html>,
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-fcm-v1-payloads.html>,
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-ttl.html>,
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html>.

use crate::{connection::later, payload, slots::Slots};
use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_sns::{Client, config, error::ProvideErrorMetadata as _, types::MessageAttributeValue};
use domain::{
    clock::Clock,
    device::{Environment, PushToken},
    push::{Notification, Receipt, Target, Undelivered},
};
use jiff::Timestamp;
use std::{sync::OnceLock, time::Duration};
use trouble::Trouble;

mod trouble;

/// The longest that SNS keeps a message: four weeks.
const LONGEST: Duration = Duration::from_hours(4 * 7 * 24);
/// The attributes of an endpoint.
const ENABLED: &str = "Enabled";
const USER_DATA: &str = "CustomUserData";
/// What user data of ours begins with.
const OURS: &str = "overture ";

/// Which endpoint: of what application, for what token, since when.
type Key = (String, PushToken, Timestamp);

/// SNS.
#[derive(Debug, Default)]
pub(crate) struct Sns {
    client: OnceLock<Client>,
    endpoints: Slots<Key, String>,
}

/// Which push service an application is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Apns(Environment),
    Gcm,
}

impl Service {
    /// The service that stands in the application's ARN.
    fn of(application: &str) -> Option<Self> {
        let (_, resource) = application.split_once(":app/")?;
        match resource.split('/').next()? {
            "APNS" => Some(Self::Apns(Environment::Production)),
            "APNS_SANDBOX" => Some(Self::Apns(Environment::Sandbox)),
            "GCM" => Some(Self::Gcm),
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Apns(Environment::Production) => "APNS",
            Self::Apns(Environment::Sandbox) => "APNS_SANDBOX",
            Self::Gcm => "GCM",
        }
    }
}

/// A message as SNS takes it.
struct Message {
    json: String,
    attributes: Vec<(String, String)>,
    shortened: bool,
}

impl Message {
    fn new(
        service: Service,
        notification: &Notification,
        ttl: Duration,
    ) -> Result<Self, Undelivered> {
        let ttl = ttl.min(LONGEST);
        let (payload, attributes) = match service {
            Service::Apns(_) => (
                payload::apns(notification)?,
                vec![
                    (
                        format!("AWS.SNS.MOBILE.{}.TTL", service.as_str()),
                        ttl.as_secs().to_string(),
                    ),
                    ("AWS.SNS.MOBILE.APNS.PUSH_TYPE".into(), "alert".into()),
                    ("AWS.SNS.MOBILE.APNS.PRIORITY".into(), "10".into()),
                    (
                        "AWS.SNS.MOBILE.APNS.COLLAPSE_ID".into(),
                        notification.collapse_id.clone(),
                    ),
                ],
            ),
            Service::Gcm => (
                payload::fcm_by_sns(notification, ttl)?,
                vec![(
                    "AWS.SNS.MOBILE.FCM.TTL".to_owned(),
                    ttl.as_secs().to_string(),
                )],
            ),
        };
        let message = serde_json::json!({
            "default": notification.body,
            service.as_str(): payload.json,
        });
        Ok(Self {
            json: message.to_string(),
            attributes,
            shortened: payload.shortened,
        })
    }
}

impl Sns {
    /// SNS as `config` has it; without this, it is as the environment has it.
    pub(crate) fn with(config: &SdkConfig) -> Self {
        Self {
            client: OnceLock::from(client(config)),
            endpoints: Slots::default(),
        }
    }

    pub(crate) async fn push(
        &self,
        clock: &impl Clock,
        application: &str,
        target: &Target<'_>,
        notification: &Notification,
    ) -> Result<Receipt, Undelivered> {
        let service = Service::of(application).ok_or_else(|| later("bad_application"))?;
        if matches!(service, Service::Apns(its) if its != target.environment) {
            // SNS would take it, Apple would not, and the endpoint would be disabled for it.
            return Err(Undelivered::Rejected {
                reason: "other_environment".into(),
            });
        }
        let ttl = notification.expires_at.duration_since(clock.now());
        let ttl = Duration::try_from(ttl).unwrap_or_default();
        let message = Message::new(service, notification, ttl)?;
        let key = (
            application.to_owned(),
            target.token.clone(),
            target.registered_at,
        );
        let endpoint = self.endpoint(&key).await?;
        let sent = match self.publish(&endpoint, &message).await {
            Err(Trouble::NoEndpoint) => {
                // It was deleted since it was made.
                self.forget(&key).await;
                let endpoint = self.endpoint(&key).await?;
                self.publish(&endpoint, &message).await
            }
            Err(Trouble::Disabled) if self.revived(&endpoint, key.2).await? => {
                self.publish(&endpoint, &message).await
            }
            sent => sent,
        };
        match sent {
            Ok(id) => Ok(Receipt {
                id,
                shortened: message.shortened,
            }),
            Err(trouble) => {
                if matches!(trouble, Trouble::Disabled | Trouble::NoEndpoint) {
                    self.forget(&key).await;
                }
                Err(trouble.into())
            }
        }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| client(aws::config()))
    }

    /// The device's endpoint, made on its first use.
    async fn endpoint(&self, key: &Key) -> Result<String, Undelivered> {
        let slot = self.endpoints.slot(key);
        let mut slot = slot.lock().await;
        if let Some(endpoint) = &*slot {
            return Ok(endpoint.clone());
        }
        let (application, token, registered_at) = key;
        let made = self
            .client()
            .create_platform_endpoint()
            .platform_application_arn(application)
            .token(token.expose())
            .custom_user_data(mark(*registered_at))
            .send()
            .await;
        let endpoint = match made {
            Ok(made) => made
                .endpoint_arn
                .ok_or_else(|| later("unreadable_endpoint"))?,
            Err(e) => match trouble::existing(e.message()) {
                Some(endpoint) => {
                    // Whoever made it, and whenever.
                    self.revived(&endpoint, *registered_at).await?;
                    endpoint
                }
                None => return Err(trouble::on_application(&e).into()),
            },
        };
        Ok(slot.insert(endpoint).clone())
    }

    async fn forget(&self, key: &Key) {
        *self.endpoints.slot(key).lock().await = None;
    }

    /// Enables an endpoint of ours that was made for an earlier registration; whether it was one.
    async fn revived(&self, endpoint: &str, registered_at: Timestamp) -> Result<bool, Undelivered> {
        let client = self.client();
        let found = client.get_endpoint_attributes().endpoint_arn(endpoint);
        let found = found.send().await.map_err(|e| trouble::on_endpoint(&e))?;
        let attributes = found.attributes.unwrap_or_default();
        let marked = attributes.get(USER_DATA).and_then(|data| marked(data));
        if marked.is_none_or(|marked| marked >= registered_at.as_millisecond()) {
            return Ok(false);
        }
        let set = client
            .set_endpoint_attributes()
            .endpoint_arn(endpoint)
            .attributes(ENABLED, "true")
            .attributes(USER_DATA, mark(registered_at));
        set.send().await.map_err(|e| trouble::on_endpoint(&e))?;
        Ok(true)
    }

    /// One message: SNS's id of it.
    async fn publish(&self, endpoint: &str, message: &Message) -> Result<String, Trouble> {
        let client = self.client();
        let mut request = client
            .publish()
            .target_arn(endpoint)
            .message_structure("json")
            .message(&message.json);
        for (name, value) in &message.attributes {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .map_err(|_| later("bad_attribute"))?;
            request = request.message_attributes(name, value);
        }
        let sent = request.send().await.map_err(|e| trouble::on_endpoint(&e))?;
        Ok(sent.message_id.unwrap_or_default())
    }
}

/// A client that tries once: the caller decides on another time.
fn client(config: &SdkConfig) -> Client {
    let config = config::Builder::from(config).retry_config(RetryConfig::disabled());
    Client::from_conf(config.build())
}

/// What an endpoint of ours carries.
fn mark(registered_at: Timestamp) -> String {
    format!("{OURS}{}", registered_at.as_millisecond())
}

/// When the token of an endpoint of ours was registered, in milliseconds since 1970.
fn marked(user_data: &str) -> Option<i64> {
    user_data.strip_prefix(OURS)?.parse().ok()
}
