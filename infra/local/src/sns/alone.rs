//! SNS without the rest of the stack, for tests of what calls it.

use super::{Published, Topics, escape, form, xml};
use crate::{clock::Clock, pulse::Pulse};
use axum::{
    Router, body::Bytes, extract::State, http::StatusCode, response::Response, routing::post,
};
use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{net::TcpListener, task::AbortHandle};

/// What an operation answers instead of being done.
#[derive(Clone, Debug)]
struct Told {
    operation: String,
    status: StatusCode,
    body: String,
}

type Script = Arc<Mutex<Option<Told>>>;

/// SNS at work on a port of its own; it stops when dropped.
#[derive(Debug)]
pub struct Alone {
    topics: Topics,
    script: Script,
    url: String,
    task: AbortHandle,
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Alone {
    /// Starts it without a topic.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> Result<Self, std::io::Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let topics = Topics::new(&[], Clock::default(), Pulse::default());
        let script = Script::default();
        let router = Router::new()
            .route("/", post(call))
            .with_state((topics.clone(), Script::clone(&script)));
        let task = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            topics,
            script,
            url,
            task: task.abort_handle(),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What was published.
    #[must_use]
    pub fn published(&self) -> Vec<Published> {
        self.topics.published()
    }

    /// From now on this operation answers so, in the place of what it was told before.
    ///
    /// # Panics
    /// When the status is none.
    pub fn tell(&self, operation: &str, status: u16, body: impl Into<String>) {
        let told = Told {
            operation: operation.to_owned(),
            status: StatusCode::from_u16(status).unwrap_or_else(|e| panic!("{status}: {e}")),
            body: body.into(),
        };
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
    }

    /// From now on this operation is refused with an error of SNS.
    ///
    /// # Panics
    /// When the status is none.
    pub fn refuse(&self, operation: &str, status: u16, code: &str) {
        let code = escape(code);
        let error = format!(
            "<ErrorResponse><Error><Code>{code}</Code><Message>As told.</Message></Error></ErrorResponse>"
        );
        self.tell(operation, status, error);
    }

    /// From now on every operation is done again.
    pub fn relent(&self) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

async fn call(State((topics, script)): State<(Topics, Script)>, body: Bytes) -> Response {
    let form = form(&body);
    let operation = form.get("Action").cloned().unwrap_or_default();
    let told = script
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
        .filter(|told| told.operation == operation);
    match told {
        Some(told) => xml(told.status, told.body),
        None => topics.call(&operation, &form),
    }
}
