//! A message of SQS, as a queue keeps it, a receiver gets it, and Lambda passes it on.
use crate::template::REGION;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, time::Duration};

/// A message in a queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Its body.
    pub body: String,
    /// Its message attributes, as they were sent.
    pub attributes: Map<String, Value>,
    /// Its system attributes (the trace header).
    pub system_attributes: Map<String, Value>,
    /// When it was sent.
    pub sent_ms: i64,
    /// From when on it can be received.
    pub visible_ms: i64,
    /// When it was first received.
    pub first_received_ms: Option<i64>,
    /// How often it was received.
    pub receives: u32,
    /// The handle of its last receive.
    pub receipt: Option<String>,
}

/// What a sender says of a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) body: String,
    pub(crate) delay: Option<Duration>,
    pub(crate) attributes: Map<String, Value>,
    pub(crate) system_attributes: Map<String, Value>,
}

impl Message {
    /// The MD5 of its body.
    pub(crate) fn md5(&self) -> String {
        md5_hex(self.body.as_bytes())
    }

    /// The message as `ReceiveMessage` gives it.
    pub(crate) fn received(&self) -> Value {
        let mut message = json!({
            "MessageId": self.id,
            "ReceiptHandle": self.receipt,
            "Body": self.body,
            "MD5OfBody": self.md5(),
            "Attributes": self.system(),
        });
        if !self.attributes.is_empty() {
            message["MessageAttributes"] = self.attributes.clone().into();
            message["MD5OfMessageAttributes"] = md5_of_attributes(&self.attributes).into();
        }
        message
    }

    /// The message as Lambda puts it into an event.
    pub(crate) fn record(&self, queue_arn: &str) -> Value {
        let attributes: Map<String, Value> = self
            .attributes
            .iter()
            .map(|(name, value)| {
                let kind = &value["DataType"];
                let attribute = json!({
                    "stringValue": value["StringValue"], "binaryValue": value["BinaryValue"],
                    "stringListValues": [], "binaryListValues": [], "dataType": kind,
                });
                (name.clone(), attribute)
            })
            .collect();
        json!({
            "messageId": self.id,
            "receiptHandle": self.receipt,
            "body": self.body,
            "attributes": self.system(),
            "messageAttributes": attributes,
            "md5OfBody": self.md5(),
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": REGION,
        })
    }

    fn system(&self) -> Value {
        let mut system = json!({
            "ApproximateReceiveCount": self.receives.to_string(),
            "SentTimestamp": self.sent_ms.to_string(),
            "SenderId": "AIDALOCAL",
            "ApproximateFirstReceiveTimestamp": self.first_received_ms.unwrap_or(self.sent_ms).to_string(),
        });
        for (name, value) in &self.system_attributes {
            system[name] = value["StringValue"].clone();
        }
        system
    }
}

pub(crate) fn md5_hex(bytes: &[u8]) -> String {
    format!("{:x}", md5::compute(bytes))
}

/// The MD5 of message attributes, over their names, types and values in order of their names.
pub(crate) fn md5_of_attributes(attributes: &Map<String, Value>) -> String {
    use base64::Engine as _;
    fn add(bytes: &mut Vec<u8>, part: &[u8]) {
        bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(part);
    }
    let mut bytes = Vec::new();
    for (name, value) in attributes.iter().collect::<BTreeMap<_, _>>() {
        add(&mut bytes, name.as_bytes());
        add(
            &mut bytes,
            value["DataType"].as_str().unwrap_or_default().as_bytes(),
        );
        if let Some(text) = value["StringValue"].as_str() {
            bytes.push(1);
            add(&mut bytes, text.as_bytes());
        } else if let Some(binary) = value["BinaryValue"].as_str() {
            bytes.push(2);
            add(
                &mut bytes,
                &base64::prelude::BASE64_STANDARD
                    .decode(binary)
                    .unwrap_or_default(),
            );
        }
    }
    md5_hex(&bytes)
}
