//! Functions that run on a schedule.

use crate::{
    Error,
    telemetry::{Chain, Telemetry},
};
use lambda_runtime::{LambdaEvent, service_fn};
use std::future::Future;
use trace::Asked;

/// Starts telemetry, then calls `handle` whenever the schedule says, as a span of a trace of its
/// own; what the schedule sends along is not looked at. A failure is Lambda's to count and to try again.
///
/// # Errors
/// When metrics have no namespace, or the Runtime API cannot be reached.
pub async fn serve_schedule<F, Fut, E>(handle: F) -> Result<(), Error>
where
    F: Fn() -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    let telemetry = Telemetry::start()?;
    lambda_runtime::run_concurrent(service_fn(move |event: LambdaEvent<serde_json::Value>| {
        let (handle, telemetry) = (handle.clone(), telemetry.clone());
        async move {
            let invocation = &event.context;
            let done = telemetry.around(invocation, async {
                let asked = Asked {
                    xray: invocation.xray_trace_id.as_deref(),
                    ..Asked::default()
                };
                let span = trace::begin(asked, trace::Kind::Server, "run schedule");
                span.set("faas.trigger", "timer");
                span.set("faas.invocation_id", invocation.request_id.clone());
                span.attempt(Box::pin(handle())).await
            });
            done.await.map_err(|error| {
                tracing::error!(error = %Chain(&error), "a scheduled run failed");
                Error::from(error)
            })
        }
    }))
    .await
}
