//! Faults of the AWS services, for tests: throttling, failures, lost answers, slowness and
//! conflicts.
//!
//! A stream never calls anybody, so it has a fault of its own: records that never come
//! ([`Rule::lost_records`]).
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is refused because there are too many.
    Throttled,
    /// It fails before anything is done.
    Failed,
    /// It is done, but its answer is an error.
    AnswerLost,
    /// It is never answered, nor done.
    Hangs,
    /// It is done after so long.
    Slow(Duration),
    /// It is refused because another transaction has the items whose keys hold this text.
    Conflict(&'static str),
}

/// Which calls a fault is for.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The actions, by how they begin: `dynamodb:`, `dynamodb:PutItem`, `sqs:SendMessage`.
    pub action: String,
    /// Only calls of this function.
    pub function: Option<String>,
    /// How many calls it lets pass before it begins.
    pub after: u32,
    /// How many calls it is for.
    pub times: u32,
    /// What goes wrong.
    pub fault: Fault,
}

impl Rule {
    /// The next call of an action fails so.
    pub fn once(action: impl Into<String>, fault: Fault) -> Self {
        Self {
            action: action.into(),
            function: None,
            after: 0,
            times: 1,
            fault,
        }
    }

    /// So many records of the stream never come to a function.
    pub fn lost_records(function: impl Into<String>, times: u32) -> Self {
        Self {
            action: RECORD.to_owned(),
            function: Some(function.into()),
            after: 0,
            times,
            fault: Fault::Failed,
        }
    }
}

/// The action of a record that a stream is about to hand to a function.
const RECORD: &str = "stream:Record";

/// The faults that are set.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<Rule>>>);

impl Faults {
    /// Adds a rule; of several that match a call, the first added counts.
    pub fn add(&self, rule: Rule) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(rule);
    }

    /// Removes all rules.
    pub fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Whether every rule has struck as often as it was to.
    #[must_use]
    pub fn are_spent(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .all(|rule| rule.times == 0)
    }

    /// Whether a record that is for this function gets lost.
    pub(crate) fn loses_record(&self, function: &str) -> bool {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rule = rules.iter_mut().find(|rule| {
            rule.times > 0 && rule.action == RECORD && rule.function.as_deref() == Some(function)
        });
        rule.is_some_and(|rule| {
            rule.times -= 1;
            true
        })
    }

    /// The fault for this call, if any.
    pub(crate) fn strike(&self, function: &str, action: &str) -> Option<Fault> {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rule = rules.iter_mut().find(|rule| {
            rule.times > 0
                && action.starts_with(&rule.action)
                && rule.function.as_deref().is_none_or(|f| f == function)
        })?;
        if rule.after > 0 {
            rule.after -= 1;
            return None;
        }
        rule.times -= 1;
        Some(rule.fault)
    }
}
