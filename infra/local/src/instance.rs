//! One running instance of a function: its process, and one invocation at a time.
use crate::{
    logs::Logs,
    runtime::{Desks, Job, Line},
};
use axum::body::Bytes;
use std::{path::Path, process::Stdio, time::Duration};
use tokio::{
    process::{Child, Command},
    sync::{oneshot, watch},
    task::JoinHandle,
};

/// How long an instance may take to start. Lambda gives 10 s on a machine of its own.
const INIT: Duration = Duration::from_secs(30);

/// Why an invocation has no payload for an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// The function answered with an error, or could not be started.
    #[error("the function answered {0}")]
    Function(serde_json::Value),
    /// It took longer than its timeout, and was killed.
    #[error("the function timed out after {0:?}")]
    TimedOut(Duration),
    /// Its process ended.
    #[error("the function's process ended: {0}")]
    Crashed(String),
    /// No such function.
    #[error("there is no function {0}")]
    Unknown(String),
    /// The stack is being stopped.
    #[error("the stack is being stopped")]
    Stopping,
}

impl Failed {
    /// The error as Lambda puts it into an invocation's answer.
    #[must_use]
    pub fn payload(&self) -> serde_json::Value {
        let kind = match self {
            Self::Function(payload) => return payload.clone(),
            Self::TimedOut(_) => "Sandbox.Timedout",
            _ => "Runtime.ExitError",
        };
        serde_json::json!({"errorType": kind, "errorMessage": self.to_string()})
    }
}

/// How a job went.
pub(crate) enum Outcome {
    /// It was answered; the instance can take another.
    Answered(Result<Bytes, Failed>),
    /// The instance is gone, and with it the job.
    Gone(Failed),
    /// The instance was gone before it took the job.
    NotTaken(Bytes),
}

/// A running instance.
#[derive(Debug)]
pub(crate) struct Instance {
    /// The function's generation in which it was started.
    pub(crate) generation: u64,
    /// Which of the function's binaries it runs.
    pub(crate) release: usize,
    line: Line,
    ended: watch::Receiver<Option<String>>,
    keeper: JoinHandle<()>,
    started: bool,
}

/// What is needed to start one.
#[derive(Debug)]
pub(crate) struct Blueprint<'a> {
    pub(crate) function: &'a str,
    pub(crate) binary: &'a Path,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) runtime_api: String,
    pub(crate) desks: &'a Desks,
    pub(crate) logs: &'a Logs,
}

impl Instance {
    /// Starts the function's binary.
    pub(crate) fn start(
        id: u64,
        generation: u64,
        release: usize,
        blueprint: Blueprint<'_>,
    ) -> Result<Self, Failed> {
        let name = id.to_string();
        let function = blueprint.function.to_owned();
        let mut command = Command::new(blueprint.binary);
        command
            .env_clear()
            .envs(blueprint.environment)
            .env(
                "AWS_LAMBDA_RUNTIME_API",
                format!("http://{}/{function}/{name}", blueprint.runtime_api),
            )
            .env(
                "AWS_LAMBDA_LOG_STREAM_NAME",
                format!("local/[$LATEST]{name}"),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // Ctrl-C in the terminal is for the stack to handle, not for its children.
        #[cfg(unix)]
        command.process_group(0);
        // Before there is a process: it asks for work as soon as it runs.
        let line = blueprint.desks.open(&function, &name);
        let desk = Desk {
            desks: blueprint.desks.clone(),
            function,
            name,
        };
        let mut child = command.spawn().map_err(|e| {
            Failed::Crashed(format!(
                "{} cannot be started: {e}",
                blueprint.binary.display()
            ))
        })?;
        let (tell, ended) = watch::channel(None);
        let readers = follow(&mut child, &desk.function, blueprint.logs);
        let keeper = tokio::spawn(async move {
            let status = match child.wait().await {
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            };
            for reader in readers {
                reader.await.ok();
            }
            drop(desk);
            tell.send_replace(Some(status));
        });
        Ok(Self {
            generation,
            release,
            line,
            ended,
            keeper,
            started: false,
        })
    }

    /// Whether its process runs.
    pub(crate) fn alive(&self) -> bool {
        self.ended.borrow().is_none() && !self.keeper.is_finished()
    }

    /// Handles one invocation. `kill` is told when the instance is to be killed meanwhile.
    pub(crate) async fn run(
        &mut self,
        request: String,
        payload: Bytes,
        arn: String,
        timeout: Duration,
        mut kill: watch::Receiver<u64>,
    ) -> Outcome {
        kill.mark_unchanged();
        let (taken, on_taken) = oneshot::channel();
        let (answer, on_answer) = oneshot::channel();
        let job = Job {
            id: request,
            payload: payload.clone(),
            function_arn: arn,
            timeout,
            taken,
            answer,
        };
        if self.line.jobs.send(job).await.is_err() {
            return Outcome::NotTaken(payload);
        }
        let (mut over, mut ended) = (self.ended.clone(), self.ended.clone());
        let taken = tokio::select! {
            biased;
            taken = on_taken => taken.is_ok(),
            Ok(error) = &mut self.line.init_error, if !self.started => {
                return Outcome::Gone(Failed::Function(json_or_text(&error)));
            }
            _ = end(&mut over) => false,
            Ok(()) = kill.changed() => return Outcome::Gone(Failed::Crashed("killed".to_owned())),
            () = tokio::time::sleep(INIT), if !self.started => return Outcome::Gone(Failed::TimedOut(INIT)),
        };
        if !taken {
            return self.not_taken(payload).await;
        }
        self.started = true;
        tokio::select! {
            biased;
            answer = on_answer => match answer {
                Ok(Ok(payload)) => Outcome::Answered(Ok(payload)),
                Ok(Err(error)) => Outcome::Answered(Err(Failed::Function(json_or_text(&error)))),
                Err(_) => Outcome::Gone(Failed::Crashed(end(&mut ended).await)),
            },
            _ = kill.changed() => Outcome::Gone(Failed::Crashed("killed".to_owned())),
            () = tokio::time::sleep(timeout) => Outcome::Gone(Failed::TimedOut(timeout)),
        }
    }

    /// An instance that ended before it took its job: one that had worked is just replaced, one that
    /// cannot start is an error.
    async fn not_taken(&mut self, payload: Bytes) -> Outcome {
        if self.started {
            return Outcome::NotTaken(payload);
        }
        match self.line.init_error.try_recv() {
            Ok(error) => Outcome::Gone(Failed::Function(json_or_text(&error))),
            Err(_) => Outcome::Gone(Failed::Crashed(end(&mut self.ended.clone()).await)),
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // With its keeper goes the child, which is killed when dropped.
        self.keeper.abort();
    }
}

/// An instance's place at the Runtime API, given up when its process is no longer kept.
struct Desk {
    desks: Desks,
    function: String,
    name: String,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.desks.close(&self.function, &self.name);
    }
}

async fn end(ended: &mut watch::Receiver<Option<String>>) -> String {
    let status = ended.wait_for(Option::is_some).await;
    status
        .ok()
        .and_then(|s| s.clone())
        .unwrap_or_else(|| "killed".to_owned())
}

fn follow(child: &mut Child, function: &str, logs: &Logs) -> Vec<JoinHandle<()>> {
    let mut readers = Vec::new();
    if let Some(out) = child.stdout.take() {
        readers.push(tokio::spawn(logs.clone().follow(function.to_owned(), out)));
    }
    if let Some(err) = child.stderr.take() {
        readers.push(tokio::spawn(logs.clone().follow(function.to_owned(), err)));
    }
    readers
}

fn json_or_text(body: &[u8]) -> serde_json::Value {
    serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into())
}
