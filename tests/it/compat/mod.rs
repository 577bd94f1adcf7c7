//! Old and new code side by side: while a deployment shifts traffic, two releases share a table,
//! its stream and the queues, so that each reads what the other writes.
//!
//! | what | where |
//! |---|---|
//! | `release.json`: what the last release wrote, and what it answered | `record` |
//! | this release goes on from there, and passes over fields that it does not know | `resume` |
//! | what this release writes has all that the last one's readers look for | `shape` |
//! | both releases' binaries take turns, through the story and chaos | `mixed`, by `tests/compat/run` |
//!
//! A new release is recorded with `UPDATE_RELEASE=1 cargo test -p functions --test it compat::`, in a
//! commit of its own. Until then a change has to get on with the one before.

mod mixed;
mod record;
mod resume;
mod shape;
