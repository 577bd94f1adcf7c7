//! Lambda: functions that scale out on demand, and their invocations.
use crate::{
    clock::Clock,
    instance::{Blueprint, Instance, Outcome},
    logs::Logs,
    pulse::Pulse,
    runtime::Desks,
    template::{self, ACCOUNT, REGION},
};
use axum::body::Bytes;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Semaphore, watch};

pub use crate::instance::Failed;

/// How many instances a function may have for which neither template nor event source says it.
const INSTANCES: usize = 4;

/// Variables of the machine that a function runs on.
const RUNNERS: [&str; 4] = ["_HANDLER", "LANG", "PATH", "TZ"];

/// All functions.
#[derive(Clone, Debug)]
pub struct Lambda(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    functions: Vec<Function>,
    runtime_api: String,
    desks: Desks,
    logs: Logs,
    pulse: Pulse,
    clock: Clock,
    running: AtomicUsize,
    stopping: AtomicBool,
}

#[derive(Debug)]
struct Function {
    id: String,
    name: String,
    /// What it is called in usage, logs and counts.
    label: String,
    /// Those of the releases that take turns.
    binaries: Vec<PathBuf>,
    timeout: Duration,
    environment: Vec<(String, String)>,
    places: Semaphore,
    idle: Mutex<Vec<Instance>>,
    instances: AtomicU64,
    /// By release.
    invocations: Vec<AtomicU64>,
    /// How often a release was chosen.
    turns: AtomicU64,
    generation: AtomicU64,
    kill: watch::Sender<u64>,
}

/// What every function is started with, beside what the template says of it.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) binaries: PathBuf,
    pub(crate) beside: Option<PathBuf>,
    pub(crate) runtime_api: String,
    pub(crate) desks: Desks,
    pub(crate) logs: Logs,
    pub(crate) pulse: Pulse,
    pub(crate) clock: Clock,
    /// Environment variables that go over the template's.
    pub(crate) environment: BTreeMap<String, String>,
}

impl Lambda {
    pub(crate) fn new(functions: &[template::Function], around: Surroundings) -> Self {
        let functions = functions
            .iter()
            .map(|f| Function::new(f, label(f, functions), &around))
            .collect();
        Self(Arc::new(Inner {
            functions,
            runtime_api: around.runtime_api,
            desks: around.desks,
            logs: around.logs,
            pulse: around.pulse,
            clock: around.clock,
            running: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
        }))
    }

    /// How many invocations are running or wait for an instance.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.running.load(Ordering::Acquire)
    }

    /// How often each function was invoked.
    #[must_use]
    pub fn invocations(&self) -> BTreeMap<String, u64> {
        let all = self.invocations_by_release().into_iter();
        all.map(|(label, counts)| (label, counts.iter().sum()))
            .collect()
    }

    /// How often each function was invoked in each of the releases that take turns, this one first.
    #[must_use]
    pub fn invocations_by_release(&self) -> BTreeMap<String, Vec<u64>> {
        let count = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let functions = self.0.functions.iter();
        functions
            .map(|f| (f.label.clone(), f.invocations.iter().map(count).collect()))
            .collect()
    }

    /// The variables of each function, by its logical id: the template's, and where services are. Not
    /// those that whoever runs the function sets.
    pub(crate) fn environments(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let of = |f: &Function| {
            let mut all: BTreeMap<_, _> = f.environment.iter().cloned().collect();
            all.retain(|name, _| {
                !RUNNERS.contains(&name.as_str()) && !name.starts_with("AWS_LAMBDA_")
            });
            (f.id.clone(), all)
        };
        self.0.functions.iter().map(of).collect()
    }

    /// Invokes a function, called by its binary, name or logical id, and waits for its answer.
    ///
    /// # Errors
    /// When the function answers with an error, crashes or times out.
    pub async fn invoke(&self, function: &str, payload: Bytes) -> Result<Bytes, Failed> {
        self.find(function)?;
        let running = Running::start(&self.0);
        let (this, function) = (self.clone(), function.to_owned());
        // An invocation goes on when whoever asked for it has gone away.
        let task = tokio::spawn(async move {
            let answer = this.run(&function, payload).await;
            drop(running);
            answer
        });
        task.await.unwrap_or(Err(Failed::Stopping))
    }

    async fn run(&self, function: &str, payload: Bytes) -> Result<Bytes, Failed> {
        let function = self.find(function)?;
        let release = function.whose_turn();
        function.invocations[release].fetch_add(1, Ordering::Relaxed);
        let _place = function
            .places
            .acquire()
            .await
            .map_err(|_| Failed::Stopping)?;
        let mut payload = payload;
        loop {
            if self.0.stopping.load(Ordering::Acquire) {
                return Err(Failed::Stopping);
            }
            let mut instance = self.instance(function, release)?;
            let request = uuid::Uuid::new_v4().to_string();
            let arn = format!(
                "arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}",
                function.name
            );
            let kill = function.kill.subscribe();
            match instance
                .run(request, payload, arn, function.timeout, kill)
                .await
            {
                Outcome::Answered(answer) => {
                    function.give_back(instance);
                    return answer;
                }
                Outcome::Gone(failed) => {
                    let text = format!("the instance is given up: {failed}");
                    self.0.logs.add(&function.label, text);
                    return Err(failed);
                }
                Outcome::NotTaken(given_back) => payload = given_back,
            }
        }
    }

    /// Kills every instance of a function: what they work on fails, as when a machine dies.
    ///
    /// # Errors
    /// When there is no such function.
    pub fn kill(&self, function: &str) -> Result<(), Failed> {
        let function = self.find(function)?;
        function.idle().clear();
        function.kill.send_modify(|kills| *kills += 1);
        Ok(())
    }

    /// Starts every function anew for its next invocation. Those at work finish first.
    pub(crate) fn restart(&self) {
        for function in &self.0.functions {
            function.generation.fetch_add(1, Ordering::AcqRel);
            function.idle().clear();
        }
    }

    /// Kills everything; nothing can be invoked any more.
    pub(crate) fn stop(&self) {
        self.0.stopping.store(true, Ordering::Release);
        for function in &self.0.functions {
            function.places.close();
            function.idle().clear();
            function.kill.send_modify(|kills| *kills += 1);
        }
    }

    /// What a function is called in usage, logs and faults.
    pub(crate) fn label(&self, called: &str) -> String {
        self.find(called)
            .map_or_else(|_| called.to_owned(), |function| function.label.clone())
    }

    fn find(&self, called: &str) -> Result<&Function, Failed> {
        let is = |f: &&Function| {
            [&f.label, &f.name, &f.id]
                .iter()
                .any(|name| *name == called)
        };
        self.0
            .functions
            .iter()
            .find(is)
            .ok_or_else(|| Failed::Unknown(called.to_owned()))
    }

    /// An idle instance of that release, or a new one.
    fn instance(&self, function: &Function, release: usize) -> Result<Instance, Failed> {
        let generation = function.generation.load(Ordering::Acquire);
        let mut all = function.idle();
        all.retain(|idle| idle.alive() && idle.generation == generation);
        if let Some(last) = all.iter().rposition(|idle| idle.release == release) {
            return Ok(all.remove(last));
        }
        drop(all);
        let id = function.instances.fetch_add(1, Ordering::Relaxed);
        let mut environment = function.environment.clone();
        environment.push((
            "CLOCK_OFFSET_SECONDS".to_owned(),
            self.0.clock.ahead().as_secs().to_string(),
        ));
        let blueprint = Blueprint {
            function: &function.label,
            binary: &function.binaries[release],
            environment,
            runtime_api: self.0.runtime_api.clone(),
            desks: &self.0.desks,
            logs: &self.0.logs,
        };
        Instance::start(id, generation, release, blueprint)
    }
}

impl Function {
    fn new(function: &template::Function, label: String, around: &Surroundings) -> Self {
        let mut environment = surroundings(function, &label);
        environment.extend(function.environment.clone());
        environment.extend(around.environment.clone());
        let mut binaries = vec![binary(&around.binaries, &function.binary)];
        let beside = around.beside.iter();
        binaries.extend(
            beside
                .map(|folder| binary(folder, &function.binary))
                .filter(|path| path.is_file()),
        );
        Self {
            id: function.id.clone(),
            name: function.name.clone(),
            label,
            timeout: function.timeout,
            environment: environment.into_iter().collect(),
            places: Semaphore::new(places(function)),
            idle: Mutex::default(),
            instances: AtomicU64::new(0),
            invocations: binaries.iter().map(|_| AtomicU64::new(0)).collect(),
            turns: AtomicU64::new(0),
            binaries,
            generation: AtomicU64::new(0),
            kill: watch::Sender::new(0),
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Instance>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which release takes the next invocation: either half of the time, in no regular order,
    /// and the same every time that a test is run.
    fn whose_turn(&self) -> usize {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        let drawn = StdRng::seed_from_u64(turn).random_range(0..self.binaries.len());
        // The first two differ, so that a function that is invoked twice has been both.
        if turn < 2 {
            usize::try_from(turn).unwrap_or_default() % self.binaries.len()
        } else {
            drawn
        }
    }

    fn give_back(&self, instance: Instance) {
        if instance.generation == self.generation.load(Ordering::Acquire) {
            self.idle().push(instance);
        }
    }
}

/// Counts an invocation as long as it lasts.
struct Running(Arc<Inner>);

impl Running {
    fn start(inner: &Arc<Inner>) -> Self {
        inner.running.fetch_add(1, Ordering::AcqRel);
        inner.pulse.beat();
        Self(inner.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
        self.0.pulse.beat();
    }
}

/// A function is called by its binary, unless another one runs the same. It is the id of the
/// function's access key, too.
pub(crate) fn label(function: &template::Function, all: &[template::Function]) -> String {
    let same = all.iter().filter(|f| f.binary == function.binary).count();
    if same == 1 {
        function.binary.clone()
    } else {
        function.name.clone()
    }
}

/// Where the binary of that name is.
pub(crate) fn binary(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

fn places(function: &template::Function) -> usize {
    let of_queues = function.events.iter().filter_map(|event| match event {
        template::Event::Queue(queue) => queue.concurrency,
        _ => None,
    });
    function
        .reserved_concurrency
        .or(of_queues.max())
        .unwrap_or(INSTANCES)
        .clamp(1, 64)
}

/// Lambda's own variables.
fn surroundings(function: &template::Function, label: &str) -> BTreeMap<String, String> {
    let name = &function.name;
    let all = [
        ("_HANDLER", "bootstrap"),
        // What a service sees of its caller.
        ("AWS_ACCESS_KEY_ID", label),
        ("AWS_DEFAULT_REGION", REGION),
        (
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            &function.memory.to_string(),
        ),
        ("AWS_LAMBDA_FUNCTION_NAME", name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{name}")),
        ("AWS_REGION", REGION),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_SESSION_TOKEN", "local"),
        ("LANG", "en_US.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("TZ", ":UTC"),
    ];
    all.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}
