//! SNS without the rest of the stack, for tests of what calls it.

use super::{Published, Topics, form};
use crate::{clock::Clock, pulse::Pulse};
use axum::{Router, body::Bytes, extract::State, response::Response, routing::post};
use std::net::Ipv4Addr;
use tokio::{net::TcpListener, task::AbortHandle};

/// SNS at work on a port of its own; it stops when dropped.
#[derive(Debug)]
pub struct Alone {
    topics: Topics,
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
        let router = Router::new()
            .route("/", post(call))
            .with_state(topics.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            topics,
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
}

async fn call(State(topics): State<Topics>, body: Bytes) -> Response {
    let form = form(&body);
    let operation = form.get("Action").cloned().unwrap_or_default();
    topics.call(&operation, &form)
}
