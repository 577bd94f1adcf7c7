//! Agents and bots: the queue of conversations; accept, answer, transfer, close.

mod body;
mod routes;

pub use routes::{document, routes};
