//! What every function does before and after its own work: read its settings, start
//! telemetry, know its caller, decode what it is given and turn errors into problems.
//!
//! | module | subject |
//! |---|---|
//! | [`settings`] | the environment's variables, all in one table |
//! | [`guard`], [`may`], [`auth`] | who calls, whether they may, and how fast |
//! | [`pace`] | what callers are told of their pace |
//! | [`extract`] | bodies, paths and queries, and what is wrong with them |
//! | [`problem`] | the API's errors, all in one table |
//! | [`metrics`], [`About`] | what is measured, and the ids that lines of the log have |
//! | [`serve()`], [`serve_queue`], [`serve_stream`], [`serve_schedule`] | the ways a function is invoked |
//! | [`secrets`] | Secrets Manager |

mod about;
pub mod auth;
mod cache;
mod context;
mod event;
pub mod extract;
pub mod guard;
pub mod may;
pub mod metrics;
pub mod pace;
pub mod problem;
mod queue;
mod schedule;
pub mod secrets;
mod serve;
pub mod settings;
mod stream;
mod telemetry;

pub use about::About;
pub use context::{trace, trace_id};
pub use extract::{Form, Json, Named, OpenAccount, Path, Query, object};
pub use guard::{Allowed, Group, Guard, LoggedIn};
pub use metrics::{Metric, measure, measure_by};
pub use problem::{At, Kind, Problem};
pub use queue::{Receives, serve_queue};
pub use schedule::serve_schedule;
pub use secrets::Secrets;
pub use serve::{app, serve};
pub use settings::Environment;
pub use stream::{Record, Stuck, serve_stream};

/// What ends a function's process.
pub type Error = lambda_runtime::Error;
