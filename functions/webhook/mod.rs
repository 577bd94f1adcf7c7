//! A brand's webhooks: their calls and bodies.

mod body;
mod routes;

pub use routes::{Ports, document, routes};
