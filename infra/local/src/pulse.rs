//! Beats whenever something in the stack changes, so that waiting needs no sleep.
use std::sync::Arc;
use tokio::sync::watch;

/// A count of changes that can be waited on.
#[derive(Clone, Debug)]
pub struct Pulse(Arc<watch::Sender<u64>>);

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Pulse {
    /// Says that something changed.
    pub fn beat(&self) {
        self.0.send_modify(|beats| *beats += 1);
    }

    /// How many changes there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        *self.0.borrow()
    }

    /// Resolves at the first change after the `seen`th.
    pub async fn after(&self, seen: u64) {
        // The sender lives as long as `self`, so there is no closed channel to hear of.
        drop(self.0.subscribe().wait_for(|beats| *beats > seen).await);
    }
}
