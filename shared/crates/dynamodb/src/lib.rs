//! The domain's stores, on one DynamoDB table.
//!
//! Each file holds one aggregate: its item as it is stored, and the ports it serves. Every
//! key is spelled in `key.rs`, every request goes through `table.rs`.

mod account;
mod audit;
mod board;
mod breaker;
mod campaign;
mod client;
mod conversation;
mod device;
mod handoff;
mod hold;
mod inbox;
mod ivr;
mod journal;
mod kept;
mod key;
mod limit;
mod message;
mod pace;
mod read;
mod removal;
mod reply;
mod report;
mod send;
mod stored;
mod sweep;
mod table;
mod time;
mod webhook;

pub use removal::RemoveError;
pub use stored::Stored;
pub use table::Table;
