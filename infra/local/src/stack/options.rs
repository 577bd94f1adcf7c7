//! How a stack is to be started, and why it may not.
use super::start;
use crate::{dynamodb::DatabaseError, template::TemplateError};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

/// How to start a [`Stack`](crate::Stack). The default is for tests: free ports, nothing kept, no schedules.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct Options {
    /// The template.
    pub template: PathBuf,
    /// The folder of the functions' binaries.
    pub binaries: PathBuf,
    /// The folder of another release's binaries: as behind an alias with weights, each invocation
    /// goes to the one release or the other. Functions that it lacks are of this release alone.
    pub beside: Option<PathBuf>,
    /// The address to listen on, and to tell in URLs. All that reach it can use the stack.
    pub host: IpAddr,
    /// The port of the API; 0 is any free one.
    pub port: u16,
    /// Where to keep everything over a restart.
    pub data: Option<PathBuf>,
    /// Environment variables of all functions, over the template's.
    pub env: BTreeMap<String, String>,
    /// Parameters of the template, over their defaults.
    pub parameters: BTreeMap<String, String>,
    /// Whether what functions print is printed.
    pub verbose: bool,
    /// Whether the stack is not ready before the account `demo` is there ([`super::Stack::seed_demo`]).
    pub demo: bool,
    /// Whether streams, queues and schedules feed the functions. Else somebody else invokes them.
    pub feeds: bool,
    /// Whether schedules run by themselves.
    pub schedules: bool,
    /// How long received messages are hidden, in every queue, in the place of the template's.
    pub visibility: Option<Duration>,
    /// The longest that an event source waits for a batch to fill; the template's may be shorter.
    /// A second by default: nobody pays for invocations here.
    pub window: Option<Duration>,
    /// The certificate authorities that functions trust.
    pub trust: Trust,
    /// Keys of the sandbox, where `data` keeps none; new ones by default, which takes a moment.
    pub keys: Option<sandbox::Keys>,
}

/// Whose certificates functions trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The sandbox's: functions call nobody who is not on this machine.
    Sandbox,
    /// The system's, too. Reading them is most of what a function's start costs.
    System,
}

impl Default for Options {
    fn default() -> Self {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        Self {
            template: here.join("../../template.yaml"),
            binaries: start::beside_this_program(),
            beside: None,
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            data: None,
            env: BTreeMap::new(),
            parameters: BTreeMap::new(),
            verbose: false,
            demo: false,
            feeds: true,
            schedules: false,
            visibility: None,
            window: Some(Duration::from_secs(1)),
            trust: Trust::Sandbox,
            keys: None,
        }
    }
}

/// The stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The template cannot be used.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A file or port cannot be used.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The port is taken.
    #[error("port {0} is in use: stop what listens there, or choose another with --port")]
    PortInUse(u16),
    /// A function's binary is not there.
    #[error("the binary of {function} is not at {}: run `cargo build --package functions --bins`", path.display())]
    NoBinary {
        /// The function.
        function: String,
        /// Where it should be.
        path: PathBuf,
    },
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The sandbox gateways did not start.
    #[error("the sandbox gateways did not start")]
    Sandbox(#[from] sandbox::CannotStart),
    /// Something that the template names is not in it.
    #[error("template.yaml: {0}")]
    Wiring(String),
    /// What was kept cannot be read.
    #[error("{what} cannot be read")]
    Kept {
        /// The file.
        what: String,
        /// Why.
        source: serde_json::Error,
    },
}
