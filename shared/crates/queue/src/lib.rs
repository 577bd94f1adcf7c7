//! The queues of the sender and of deliveries (SQS), and the topic that tells agents and bots
//! (SNS).

mod deliveries;
mod jobs;
mod topic;

pub use deliveries::Deliveries;
pub use jobs::Jobs;
pub use topic::Topic;

use domain::store::Unavailable;

/// Any error, kept whole as the source of the domain's.
fn unavailable<E>(error: E) -> Unavailable
where
    E: std::error::Error + Send + Sync + 'static,
{
    Unavailable::new(error)
}
