//! Writing several items, or none.

use super::{Table, Write, unavailable};
use crate::key::Attributes;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use domain::store::Unavailable;

impl Table {
    /// Carries out all of `writes`, or none.
    pub(crate) async fn transact(&self, writes: Vec<Write>) -> Result<Transacted, Unavailable> {
        let verdicts = self.attempt(writes).await?;
        if verdicts.is_empty() {
            return Ok(Transacted::Done);
        }
        let failed: Vec<_> = verdicts.iter().map(Verdict::is_refused).collect();
        Ok(if failed.contains(&true) {
            Transacted::Refused(failed)
        } else {
            Transacted::Conflict
        })
    }

    /// Carries out all of `writes`, or none: then what each write has to do with that. Without
    /// a verdict it is done.
    pub(crate) async fn attempt(&self, writes: Vec<Write>) -> Result<Vec<Verdict>, Unavailable> {
        let count = writes.len();
        let items = writes
            .into_iter()
            .map(|write| write.build(&self.name))
            .collect::<Result<_, _>>()?;
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(Vec::new());
        };
        match error.into_service_error() {
            TransactWriteItemsError::TransactionCanceledException(e) => {
                let verdicts: Vec<_> = e
                    .cancellation_reasons()
                    .iter()
                    .map(|reason| match reason.code() {
                        Some("ConditionalCheckFailed") => {
                            let stands = reason.item().filter(|item| !item.is_empty());
                            Verdict::Refused(stands.cloned())
                        }
                        Some("TransactionConflict") => Verdict::Conflict,
                        _ => Verdict::Fine,
                    })
                    .collect();
                if verdicts.iter().all(|verdict| *verdict == Verdict::Fine) {
                    return Err(unavailable(e));
                }
                Ok(verdicts)
            }
            TransactWriteItemsError::TransactionInProgressException(_) => {
                Ok(vec![Verdict::Conflict; count])
            }
            e => Err(unavailable(e)),
        }
    }
}

/// What a transaction led to.
#[derive(Debug)]
pub(crate) enum Transacted {
    /// All of it was done.
    Done,
    /// Nothing was: for each write, whether its condition did not hold.
    Refused(Vec<bool>),
    /// Nothing was: another transaction was at one of the items.
    Conflict,
}

/// What a write has to do with it that its transaction was not carried out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Nothing.
    Fine,
    /// Its condition did not hold: the item that stands, if one does.
    Refused(Option<Attributes>),
    /// Another transaction was at its item.
    Conflict,
}

impl Verdict {
    /// Whether the write's condition did not hold.
    pub(crate) const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}
