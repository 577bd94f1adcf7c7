//! Handoffs: their whole life, and LivePerson's read-only listings of them.

mod answer;
mod listing;
mod preview;
mod request;
mod routes;

pub use routes::{document, routes};
