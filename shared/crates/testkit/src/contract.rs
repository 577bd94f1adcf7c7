//! What a port promises, as tests that any implementation can be put to.
//!
//! Every suite works in accounts of its own, so that all of them can share one table, and
//! `now` is always near the real time, so that nothing is past its retention.

mod account;
mod audit;
mod board;
mod breaker;
mod campaign;
mod conversation;
mod device;
mod handoff;
mod ivr;
mod message;
mod pace;
mod queue;
pub mod sample;
mod webhook;

pub use account::{app_store, client_secrets, client_store, settings_store, skill_store};
pub use audit::{audit_log, audit_pages};
pub use board::board_store;
pub use breaker::pauses;
pub use campaign::{
    accept_campaigns, cancel_campaigns, daily_quota, due_store, list_campaigns, read_campaigns,
};
pub use conversation::{add_entries, open_conversations, save_conversations};
pub use device::{
    contested_tokens, dead_devices, device_store, devices_at_once, devices_that_come_again,
    surplus_devices, tokens,
};
pub use handoff::{handoff_lives, handoff_stops, handoff_store, handoff_versions};
pub use ivr::call_store;
pub use message::{claims, holds, origins, outcomes, read_inbox, record_reports};
pub use pace::{limiter, pacer};
pub use queue::read_queues;
pub use webhook::{board_events, journal, webhook_health, webhook_store};
