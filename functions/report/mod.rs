//! Outbound reporting, as LivePerson has it.

mod analytics;
mod body;
mod campaign;
mod routes;
mod transactions;

pub use routes::{document, routes};
