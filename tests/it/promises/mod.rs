//! The promises of the design, each with what tries to break it, on the real binaries.
//!
//! | promise | tests |
//! |---|---|
//! | P1 nothing is lost, counts add up | `lost`, `spoiled`, `every_await`, `chaos` |
//! | P2 a device shows a message once | `once`, `every_await`, `chaos` |
//! | P3 nobody harms another | `apart`, `chaos` |
//! | P4 the same key never sends twice | `once` |
//! | P5 nothing after the lookback | `late`, `chaos` |
//! | P6 a gateway down for hours | `late` |
//! | P7 a push token has one owner | `tokens` |
//! | P8 a token is dropped for the allowed reasons only | `tokens`, `chaos` |
//! | P9 poison reaches the dead letters, redrive is safe | `apart`, `spoiled`, `chaos` |
//!
//! `chaos` draws everything from a seed, and a run that fails prints it. An ordinary run plays six
//! seeds, CI 200; more of them, or one alone, are played so:
//!
//! ```text
//! CHAOS_RUNS=2000 cargo test -p functions --test it promises::chaos
//! CHAOS_SEED=17 cargo test -p functions --test it promises::chaos -- --nocapture
//! ```

mod account;
mod apart;
mod chaos;
mod every_await;
mod invariants;
mod late;
mod lost;
mod once;
mod scenario;
mod spoiled;
mod system;
mod tokens;

pub(crate) use chaos::play_seeds;
