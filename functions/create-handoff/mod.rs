//! Handoffs: their whole life, and LivePerson's read-only listings of them.

mod body;
mod preview;
mod routes;

pub(crate) use body::lookback;
pub use routes::{document, routes};
