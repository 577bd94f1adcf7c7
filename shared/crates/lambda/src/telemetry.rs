//! Logs, metrics and traces: started once, by whatever serves.

use crate::{
    Environment,
    metrics::Metrics,
    settings::{Log, Traces},
};
use lambda_runtime::Context;
use std::{error::Error, fmt, future::Future, sync::Arc};
use trace::Tracer;

/// What is told of a function's invocations.
#[derive(Clone)]
pub(crate) struct Telemetry {
    metrics: Metrics,
    tracer: Option<Arc<Tracer>>,
}

impl Telemetry {
    /// Starts it. Lambda's own switches choose the logs' form (`AWS_LAMBDA_LOG_FORMAT`) and
    /// level (`AWS_LAMBDA_LOG_LEVEL`). Traces there are if there is a collector.
    ///
    /// # Errors
    /// When metrics have no namespace, or it is malformed where traces go.
    pub(crate) fn start() -> Result<Self, crate::Error> {
        let environment = Environment::of_process();
        start(environment.log());
        let (namespace, traces) = environment.telemetry()?;
        let record = |to: Traces| Tracer::new(&to.collector, to.ratio, to.function);
        Ok(Self {
            metrics: Metrics::under(&namespace),
            tracer: traces.map(record).transpose()?.map(Arc::new),
        })
    }

    /// Does an invocation's work, then tells what it measured and its spans.
    pub(crate) async fn around<F: Future>(&self, invocation: &Context, work: F) -> F::Output {
        let measured = self.metrics.around(invocation, work);
        trace::invocation(self.tracer.clone(), measured).await
    }
}

/// Starts the log, on the standard output. The runtime's own subscriber would bring a filter that is
/// a regular expression's engine in each function, for a level that is one word.
fn start(log: Log) {
    let lines = tracing_subscriber::fmt()
        .with_target(false)
        .without_time()
        .with_max_level(log.level);
    if log.is_json {
        lines.json().init();
    } else {
        lines.with_ansi(false).init();
    }
}

/// An error with everything that led to it, on one line.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Chain;
    use domain::store::Unavailable;

    #[test]
    fn a_chain_tells_every_cause() {
        let error = Unavailable::new(std::io::Error::other("no route to host"));
        assert_eq!(
            Chain(&error).to_string(),
            "the store is unavailable: no route to host"
        );
    }
}
