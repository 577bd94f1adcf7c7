//! Messages that wait for a conversation to close.

use crate::{
    Table,
    key::{Key, Range},
    message::Line,
    table::{Change, at, n, s, unavailable},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    dispatch::{Holds, MessageJob},
    id::{AccountId, ConsumerId},
    message::{Event, MessageKey},
    store::Unavailable,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A message that waits, as it is stored: what it takes to go on with it.
#[derive(Debug, Serialize, Deserialize)]
struct Item {
    kind: String,
    job: String,
}

impl Holds for Table {
    async fn hold(&self, job: &MessageJob) -> Result<(), Unavailable> {
        let item = Item {
            kind: "hold".to_owned(),
            job: serde_json::to_string(job).map_err(unavailable)?,
        };
        self.put(&Key::hold(&job.key), &item).await
    }

    async fn held(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
    ) -> Result<Vec<MessageJob>, Unavailable> {
        self.list::<Item>(&Range::holds(account, consumer))
            .await?
            .iter()
            .map(|item| serde_json::from_str(&item.job).map_err(unavailable))
            .collect()
    }

    async fn queue_again(&self, job: &MessageJob, now: Timestamp) -> Result<(), Unavailable> {
        let line = Line::from(&Event::new(now, "RELEASED", "The conversation closed."));
        let change = Change::new(
            "SET phase = :queued, attempt = :attempt, not_until = :until, \
             timeline = list_append(if_not_exists(timeline, :none), :line) ADD revision :one",
        )
        .only_if("phase = :held")
        .value(":queued", s("queued"))
        .value(":held", s("held"))
        .value(":attempt", n(job.attempt))
        .value(":until", at(job.not_before))
        .value(":none", AttributeValue::L(Vec::new()))
        .value(
            ":line",
            serde_dynamo::to_attribute_value(vec![line]).map_err(unavailable)?,
        )
        .value(":one", n(1));
        // When it is not held any more, somebody let go of it before.
        self.update(&Key::message(&job.key), change).await.map(drop)
    }

    async fn let_go(&self, key: &MessageKey) -> Result<(), Unavailable> {
        self.delete(&Key::hold(key)).await.map(drop)
    }
}
