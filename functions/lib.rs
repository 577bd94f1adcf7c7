//! The functions: what each of them does, as modules that its `main.rs` serves.
//!
//! | function | subject |
//! |---|---|
//! | [`token`] | bearer tokens for a brand's programs |
//! | [`account`] | apps, skills, settings, API clients |
//! | [`webhook`] | webhooks, trying them, telling them again |
//! | [`create_handoff`] | handoffs |
//! | [`create_campaign`] | campaigns and what became of them |
//! | [`ivr`] | deflecting calls into the app |
//! | [`consumer`] | devices, the inbox, what devices report |
//! | [`reply`] | the consumer's side of the chat |
//! | [`agent`] | the agents' side of the chat |
//! | [`report`] | outbound reporting |
//! | `dispatch`, `tally` | what follows from a write: [`stream`] |
//! | `send` | jobs from the queue to the gateways |
//! | `deliver` | events from the queue to webhooks |
//! | `sweep` | what got stuck |
//!
//! [`measured`] says what is measured of what they do. [`openapi`] holds the document of them all.

#[path = "account/routes.rs"]
pub mod account;
#[path = "agent/mod.rs"]
pub mod agent;
mod chat;
#[path = "consumer/routes.rs"]
pub mod consumer;
#[path = "create-campaign/mod.rs"]
pub mod create_campaign;
#[path = "create-handoff/mod.rs"]
pub mod create_handoff;
pub mod credentials;
#[path = "ivr/mod.rs"]
pub mod ivr;
mod lookback;
pub mod measured;
pub mod openapi;
mod page;
#[path = "reply/routes.rs"]
pub mod reply;
#[path = "report/mod.rs"]
pub mod report;
mod routes;
pub mod stream;
#[path = "token/routes.rs"]
pub mod token;
#[path = "webhook/mod.rs"]
pub mod webhook;

use domain::clock::SystemClock;
use dynamodb::Table;

/// What most functions stand on.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Where everything is kept.
    pub table: Table,
    /// Tells the time.
    pub clock: SystemClock,
}
