//! What the functions use: every call to a service, and what it costs in DynamoDB.
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Calls by function, service and operation.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Usage>>);

/// What was used so far: function → `service:Operation` → counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Usage(pub BTreeMap<String, BTreeMap<String, Count>>);

/// How often an operation was called, and what it consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// Calls.
    pub calls: u64,
    /// DynamoDB read units.
    pub read_units: f64,
    /// DynamoDB write units.
    pub write_units: f64,
}

impl Meter {
    /// What was used so far.
    #[must_use]
    pub fn read(&self) -> Usage {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Forgets what was used.
    pub fn reset(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .clear();
    }

    pub(crate) fn add(&self, function: &str, action: String, read_units: f64, write_units: f64) {
        let mut usage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = usage
            .0
            .entry(function.to_owned())
            .or_default()
            .entry(action)
            .or_default();
        count.calls += 1;
        count.read_units += read_units;
        count.write_units += write_units;
    }
}

impl Usage {
    /// The sum over the operations of a function whose name begins with `prefix` (`dynamodb:`,
    /// `sqs:SendMessageBatch`).
    #[must_use]
    pub fn of(&self, function: &str, prefix: &str) -> Count {
        let mut sum = Count::default();
        for (action, count) in self.0.get(function).into_iter().flatten() {
            if action.starts_with(prefix) {
                sum.calls += count.calls;
                sum.read_units += count.read_units;
                sum.write_units += count.write_units;
            }
        }
        sum
    }

    /// The sum over all functions.
    #[must_use]
    pub fn total(&self, prefix: &str) -> Count {
        self.0
            .keys()
            .map(|f| self.of(f, prefix))
            .fold(Count::default(), |a, b| Count {
                calls: a.calls + b.calls,
                read_units: a.read_units + b.read_units,
                write_units: a.write_units + b.write_units,
            })
    }
}
