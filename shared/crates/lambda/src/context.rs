//! What is known of the request at hand, wherever an error arises.

use axum::http::Method;
use domain::origin::Trace;
use std::future::Future;
use uuid::Uuid;

tokio::task_local! {
    static CONTEXT: Context;
}

/// A request, as far as its errors need to know it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    /// Names it, in answers and logs.
    pub(crate) trace: Uuid,
    /// Whether it can be sent again without doing its work twice.
    pub(crate) repeatable: bool,
}

impl Context {
    /// The context of a new request.
    pub(crate) fn new(method: &Method, has_idempotency_key: bool) -> Self {
        Self {
            trace: Uuid::new_v4(),
            repeatable: has_idempotency_key || method.is_idempotent(),
        }
    }

    /// The context of the request at hand; outside of one, of none.
    pub(crate) fn current() -> Self {
        CONTEXT
            .try_with(|context| *context)
            .unwrap_or_else(|_| Self {
                trace: Uuid::new_v4(),
                repeatable: false,
            })
    }

    /// Runs `work` in this context.
    pub(crate) async fn around<F: Future>(self, work: F) -> F::Output {
        CONTEXT.scope(self, work).await
    }
}

/// The `requestTraceId` of the request at hand: its problems carry the same one.
#[must_use]
pub fn trace_id() -> Uuid {
    Context::current().trace
}

/// The request at hand, for what follows from it.
#[must_use]
pub fn trace() -> Trace {
    Trace {
        id: trace_id().to_string(),
        origin: trace::here(),
    }
}
