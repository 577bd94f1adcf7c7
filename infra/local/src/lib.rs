//! The whole of Overture on one machine, from `template.yaml`: for `cargo local` and for tests.
//!
//! [`Stack::start`] brings up the real function binaries behind a Lambda Runtime API, the HTTP API
//! in front of them, and the services they stand on. Everything listens on 127.0.0.1, unless told
//! otherwise, and ends with the [`Stack`].
//!
//! | module | what it plays |
//! |---|---|
//! | [`template`] | CloudFormation: what there is |
//! | [`lambda`], `instance`, `runtime` | Lambda: instances, invocations, the Runtime API |
//! | `gateway` | API Gateway: requests to events |
//! | `services` | the endpoint of the AWS services, metered ([`usage`]) and disturbed ([`faults`]) |
//! | [`rights`] | IAM: what each function may do |
//! | `dynamodb`, `stream` | DynamoDB and its streams |
//! | `sqs`, [`queue`], `poller` | SQS, and queues as event sources |
//! | [`sns`], `secrets`, `schedule` | SNS, Secrets Manager, schedules |
//! | `reserved` | `/_local/…`, what only the local stack has |
//! | [`demo`], `examples` | the account `demo`, and the documented events on it |

pub mod clock;
pub mod demo;
mod dynamodb;
mod examples;
pub mod faults;
pub mod filter;
mod gateway;
mod index;
mod instance;
mod keep;
pub mod lambda;
pub mod logs;
mod message;
pub mod mischief;
mod poller;
pub mod pulse;
pub mod queue;
mod reserved;
pub mod rights;
mod runtime;
mod schedule;
mod secrets;
mod services;
pub mod sns;
mod sqs;
mod stack;
mod stream;
pub mod template;
mod tokens;
mod trust;
pub mod usage;

pub use dynamodb::DatabaseError;
pub use examples::ExampleError;
pub use stack::{Error, Options, Stack, Trust, Unsettled};
pub use tokens::{TokenError, TokenRequest};
