//! Faults of the AWS services, for tests: throttling, failures, lost answers and slowness.
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
}

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
