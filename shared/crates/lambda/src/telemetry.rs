//! Logs and traces: started once, by whatever serves.

use crate::Environment;
use std::{error::Error, fmt, sync::Arc};
use trace::Tracer;

/// Starts telemetry. Lambda's own switches choose the form (`AWS_LAMBDA_LOG_FORMAT`) and
/// the level (`AWS_LAMBDA_LOG_LEVEL`). Traces there are if there is a collector.
///
/// # Errors
/// When it is malformed where traces go.
pub(crate) fn start() -> Result<Option<Arc<Tracer>>, crate::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let Some(to) = Environment::of_process().traces()? else {
        return Ok(None);
    };
    let tracer = Tracer::new(&to.collector, to.ratio, to.function)?;
    Ok(Some(Arc::new(tracer)))
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
