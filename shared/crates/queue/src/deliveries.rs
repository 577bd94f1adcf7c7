//! The queue of deliveries to webhooks, on SQS.
//!
//! Each job names its webhook as its message group: a queue that is no FIFO queue then shares
//! its consumers fairly, so that a slow endpoint's jobs do not keep those of others waiting.

use crate::{Jobs, unavailable};
use domain::{
    deliver::{Delayed, EnqueueDeliveries},
    store::Unavailable,
};

/// The queue of deliveries.
#[derive(Clone, Debug)]
pub struct Deliveries(Jobs);

impl Deliveries {
    /// The queue at `url`, reached with the environment's region, credentials and endpoint.
    #[must_use]
    pub fn from_env(url: impl Into<String>) -> Self {
        Self(Jobs::from_env(url))
    }
}

impl EnqueueDeliveries for Deliveries {
    async fn enqueue_deliveries(&self, jobs: &[Delayed]) -> Result<(), Unavailable> {
        let messages = jobs
            .iter()
            .map(|delayed| {
                let body = serde_json::to_string(&delayed.job).map_err(unavailable)?;
                Ok((body, delayed.delay, Some(delayed.group())))
            })
            .collect::<Result<_, Unavailable>>()?;
        self.0.put(messages).await
    }
}
