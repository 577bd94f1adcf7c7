//! Outbound reporting, as LivePerson has it.

mod body;
mod routes;

pub use routes::{document, routes};
