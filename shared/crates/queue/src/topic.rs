//! The topic that tells what happens in conversations and of apps, on SNS.
//!
//! Subscribers filter by the message attributes `account`, `event` and, for conversations,
//! `skill`.

use crate::unavailable;
use aws_sdk_sns::{Client, types::MessageAttributeValue};
use domain::{
    dispatch::{Announce, Announcement},
    store::Unavailable,
};

/// The topic.
#[derive(Clone, Debug)]
pub struct Topic {
    client: Client,
    arn: String,
}

impl Topic {
    /// The topic of that ARN, reached through `client`.
    #[must_use]
    pub fn new(client: Client, arn: impl Into<String>) -> Self {
        Self {
            client,
            arn: arn.into(),
        }
    }

    /// The topic of that ARN, reached with the environment's region, credentials and
    /// endpoint.
    #[must_use]
    pub fn from_env(arn: impl Into<String>) -> Self {
        Self::new(Client::new(aws::config()), arn)
    }
}

impl Announce for Topic {
    async fn announce(&self, announcement: &Announcement) -> Result<(), Unavailable> {
        let attribute = |value: &str| {
            MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .map_err(unavailable)
        };
        let publish = self
            .client
            .publish()
            .topic_arn(&self.arn)
            .message(serde_json::to_string(announcement).map_err(unavailable)?)
            .message_attributes("account", attribute(announcement.account().as_str())?)
            .message_attributes("event", attribute(announcement.event())?);
        let publish = match announcement.skill() {
            Some(skill) => publish.message_attributes("skill", attribute(skill.as_str())?),
            None => publish,
        };
        publish.send().await.map(drop).map_err(unavailable)
    }
}
