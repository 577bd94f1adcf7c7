//! Campaigns: accepting them, what became of them, cancelling them.

mod body;
mod routes;
mod state;

pub use routes::{document, routes};
