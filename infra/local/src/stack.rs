//! The stack as a whole: started, asked, moved in time, and stopped.
mod connect;
mod options;
mod rest;
mod start;

pub use options::{Error, Options, Trust};
pub use rest::Unsettled;

use crate::{
    clock::Clock,
    faults::Faults,
    lambda::{Failed, Lambda},
    logs::{Line, Logs},
    pulse::Pulse,
    queue::Queue,
    rights::Right,
    services::Services,
    sns::Published,
    tokens::{TokenError, TokenRequest, Tokens},
    trust::TemporaryFolder,
    usage::Usage,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;

/// What the parts of a running stack share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) lambda: Lambda,
    pub(crate) services: Services,
    pub(crate) tokens: Tokens,
    pub(crate) sandbox: sandbox::Sandbox,
    pub(crate) logs: Logs,
    /// The account `demo`, once it is there.
    pub(crate) demo: Arc<OnceLock<crate::demo::Demo>>,
    pub(crate) clock: Clock,
    /// Beats at every change.
    changed: Pulse,
    /// Beats when the clock is put forward.
    moved: Pulse,
    ready: Arc<AtomicBool>,
    /// The queues that feed a function.
    fed: Arc<BTreeSet<String>>,
    streams: Arc<Vec<Arc<AtomicU64>>>,
}

impl Shared {
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// The pushes that a gateway took, or SNS did.
    pub(crate) fn pushes(&self) -> Vec<Value> {
        let taken = self
            .sandbox
            .pushes()
            .into_iter()
            .filter(|push| push.accepted);
        let taken = taken.filter_map(|push| serde_json::to_value(push).ok());
        let to_endpoints = self
            .services
            .topics
            .published()
            .into_iter()
            .filter(|p| p.target.contains(":endpoint/"));
        let by_sns = to_endpoints.map(|p| {
            let payload = serde_json::from_str(&p.message).unwrap_or(Value::String(p.message));
            json!({"gateway": "sns", "deviceToken": p.token, "endpoint": p.target, "headers": p.attributes, "payload": payload, "at": p.at})
        });
        taken.chain(by_sns).collect()
    }

    pub(crate) async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.sandbox.advance(by);
        self.lambda.restart();
        self.moved.beat();
        for queue in self.services.queues.all() {
            queue.0.arrived();
        }
        if let Err(error) = self.services.dynamodb.sweep().await {
            tracing::error!(%error, "expired items cannot be deleted");
        }
    }
}

/// The whole system, at work until dropped.
#[derive(Debug)]
pub struct Stack {
    shared: Shared,
    url: String,
    data: Option<PathBuf>,
    tasks: Vec<JoinHandle<()>>,
    _folder: TemporaryFolder,
}

impl Stack {
    /// Starts everything.
    ///
    /// # Errors
    /// When the template, a binary, a port or what was kept cannot be used.
    pub async fn start(options: Options) -> Result<Self, Error> {
        start::start(options).await
    }

    /// The URL of the API.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// An access token: `consumer` for one of the sandbox's identity provider, any other role for
    /// one of the brand's.
    ///
    /// # Errors
    /// When there is no such role, or no secret to sign with.
    pub fn token(
        &self,
        role: &str,
        account: &str,
        subject: &str,
        skills: &[&str],
    ) -> Result<String, TokenError> {
        self.shared.tokens.issue(&TokenRequest {
            role: role.to_owned(),
            account: account.to_owned(),
            subject: subject.to_owned(),
            skills: skills.iter().map(|&s| s.to_owned()).collect(),
            expires_in: 3600,
        })
    }

    /// An access token that is as the request says.
    ///
    /// # Errors
    /// When there is no such role, or no secret to sign with.
    pub fn issue(&self, request: &TokenRequest) -> Result<String, TokenError> {
        self.shared.tokens.issue(request)
    }

    /// The sandbox gateways and identity provider.
    #[must_use]
    pub fn sandbox(&self) -> &sandbox::Sandbox {
        &self.shared.sandbox
    }

    /// The pushes that were taken, as `GET /_local/pushes` shows them.
    #[must_use]
    pub fn pushes(&self) -> Vec<Value> {
        self.shared.pushes()
    }

    /// What the functions used of the services.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.shared.services.meter.read()
    }

    /// Counts from nothing again.
    pub fn reset_usage(&self) {
        self.shared.services.meter.reset();
    }

    /// What functions asked for and have no right to; such calls were refused.
    #[must_use]
    pub fn refused_rights(&self) -> BTreeMap<String, BTreeSet<Right>> {
        self.shared.services.rights.refused()
    }

    /// The rights of each function's policies that no call has needed.
    #[must_use]
    pub fn unused_rights(&self) -> BTreeMap<String, BTreeSet<Right>> {
        self.shared.services.rights.unused()
    }

    /// How often each function was invoked.
    #[must_use]
    pub fn invocations(&self) -> BTreeMap<String, u64> {
        self.shared.lambda.invocations()
    }

    /// How often each function was invoked in this release and in the one beside it.
    #[must_use]
    pub fn invocations_by_release(&self) -> BTreeMap<String, Vec<u64>> {
        self.shared.lambda.invocations_by_release()
    }

    /// What the functions printed.
    #[must_use]
    pub fn logs(&self) -> Vec<Line> {
        self.shared.logs.lines()
    }

    /// Faults of the AWS services.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.services.faults
    }

    /// The stack's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Invokes a function, called by its binary, name or logical id.
    ///
    /// # Errors
    /// When the function fails, or its answer is no JSON.
    pub async fn invoke(&self, function: &str, event: Value) -> Result<Value, Failed> {
        let answer = self
            .shared
            .lambda
            .invoke(function, event.to_string().into())
            .await?;
        serde_json::from_slice(&answer)
            .map_err(|_| Failed::Function(String::from_utf8_lossy(&answer).into()))
    }

    /// Invokes a function as its schedule does.
    ///
    /// # Errors
    /// When the function fails, or its answer is no JSON.
    pub async fn invoke_schedule(&self, function: &str) -> Result<Value, Failed> {
        self.invoke(
            function,
            crate::schedule::event(&self.shared.clock, function),
        )
        .await
    }

    /// A function's documented event, filled with what is so on this stack.
    ///
    /// # Errors
    /// When there is none, or what it names is not there.
    pub fn example(&self, function: &str) -> Result<Value, crate::ExampleError> {
        self.shared.example(function)
    }

    /// Kills all instances of a function, whatever they are doing.
    ///
    /// # Errors
    /// When there is no such function.
    pub fn kill(&self, function: &str) -> Result<(), Failed> {
        self.shared.lambda.kill(function)
    }

    /// A queue, by its logical id or name.
    #[must_use]
    pub fn queue(&self, name: &str) -> Option<Queue> {
        self.shared.services.queues.find(name).cloned()
    }

    /// The names of all queues.
    #[must_use]
    pub fn queues(&self) -> Vec<String> {
        self.shared
            .services
            .queues
            .all()
            .map(|q| q.0.name.clone())
            .collect()
    }

    /// What was published to topics.
    #[must_use]
    pub fn topic_messages(&self) -> Vec<Published> {
        let all = self.shared.services.topics.published();
        all.into_iter()
            .filter(|p| !p.target.contains(":endpoint/"))
            .collect()
    }

    /// Makes SNS's endpoint of a push token take messages, or refuse them.
    pub fn set_endpoint_enabled(&self, token: &str, enabled: bool) {
        self.shared.services.topics.set_enabled(token, enabled);
    }

    /// Sets a secret, and tells its ARN.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn put_secret(&self, name: &str, value: &str) -> Result<String, Error> {
        let put = self.shared.services.secrets.put(name, value.to_owned());
        put.map_err(|source| Error::Io {
            what: "the secrets cannot be kept".to_owned(),
            source,
        })
    }

    /// A secret's value, by its name or ARN.
    #[must_use]
    pub fn secret(&self, called: &str) -> Option<String> {
        self.shared.services.secrets.value(called)
    }

    /// The emulated DynamoDB, to look into.
    #[must_use]
    pub fn database(&self) -> dynoxide::Database {
        self.shared.services.dynamodb.database()
    }

    /// Puts the clock of everything forward: functions start anew with it, delays and timeouts of
    /// queues elapse, expired items go.
    pub async fn advance(&self, by: Duration) {
        self.shared.advance(by).await;
    }

    /// Sets up the account `demo`.
    ///
    /// # Errors
    /// When the API refuses something.
    pub async fn seed_demo(&self) -> Result<crate::demo::Demo, crate::demo::DemoError> {
        let demo = crate::demo::seed(self, self.data.as_deref()).await?;
        let demo = self.shared.demo.get_or_init(|| demo).clone();
        self.shared.ready.store(true, Ordering::Release);
        Ok(demo)
    }

    /// Stops everything, and keeps what is to be kept.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub async fn shutdown(mut self) -> Result<(), Error> {
        self.shared.lambda.stop();
        let tasks = std::mem::take(&mut self.tasks);
        for task in &tasks {
            task.abort();
        }
        for task in tasks {
            // Each was told to end.
            task.await.ok();
        }
        match &self.data {
            Some(data) => start::save(data, &self.shared),
            None => Ok(()),
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.shared.lambda.stop();
        for task in &self.tasks {
            task.abort();
        }
    }
}
