//! What handlers are given: bodies, paths and queries. What cannot be read is a problem.

mod json;
pub(crate) mod params;
mod tree;

pub use json::Json;
pub use params::{Form, Named, OpenAccount, Path, Query};
pub use tree::object;
