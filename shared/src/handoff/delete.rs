//! Deleting a handoff, at rest or with all that runs of it.

use super::{HandoffStore, RemoveError};
use crate::{audit::Author, id::HandoffId, store::Unavailable};

/// Why a handoff was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// There is no such handoff.
    #[error("the account has no such handoff")]
    NotFound,
    /// Somebody changed it meanwhile.
    #[error("the handoff was changed meanwhile: read it again")]
    Changed,
    /// Messages of it live.
    #[error(
        "messages of the handoff live, on devices, in inboxes or on their way: wait until their lookback ends, or delete it with `stop=true`, which cancels its campaigns"
    )]
    Live,
    /// Campaigns were accepted as fast as they were cancelled.
    #[error("campaigns of the handoff are being posted")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

impl From<RemoveError> for DeleteError {
    fn from(e: RemoveError) -> Self {
        match e {
            RemoveError::Changed => Self::Changed,
            RemoveError::Live => Self::Live,
            RemoveError::Store(e) => Self::Store(e),
        }
    }
}

/// How often a handoff's campaigns are cancelled anew because another was accepted meanwhile.
const STOPS: usize = 5;

/// Deletes a handoff of which no message lives.
///
/// With `stop` it is deleted all the same, and its campaigns are cancelled first: what no
/// sender has in hand at this instant is never sent. Messages that were sent stay.
///
/// # Errors
/// When there is no such handoff, it was changed meanwhile, messages of it live, or the
/// store fails.
pub async fn delete(
    store: &impl HandoffStore,
    by: &Author,
    id: &HandoffId,
    expected: Option<u32>,
    stop: bool,
) -> Result<(), DeleteError> {
    let is_meant = |version| expected.is_none_or(|expected| expected == version);
    let find = async || {
        let found = store.find(&by.account, id).await?;
        found.ok_or(DeleteError::NotFound)
    };
    if !stop {
        let handoff = find().await?;
        if !is_meant(handoff.version) {
            return Err(DeleteError::Changed);
        }
        return Ok(store.remove(by, &handoff).await?);
    }
    for _ in 0..STOPS {
        let running = store.running(&by.account, id, by.at).await?;
        let handoff = match &running.handoff {
            Some(handoff) => handoff.clone(),
            None => find().await?.tag(),
        };
        if !is_meant(handoff.version) {
            return Err(DeleteError::Changed);
        }
        match store.stop(by, &handoff, &running).await {
            Err(RemoveError::Live) => {}
            done => return Ok(done?),
        }
    }
    Err(DeleteError::Busy)
}
