//! IVR deflection: whether a caller can go on in the app, and inviting them there.

mod body;
mod refusal;
mod routes;

pub(crate) use refusal::CallProblem;
pub use refusal::in_liveperson_s_words;
pub use routes::{document, routes};
