//! The whole system: the real binaries on a local stack, one module per subject.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

mod bad_input;
mod budget;
mod cancel;
mod handoffs;
mod hold;
mod idempotency;
mod logout;
mod lookback;
mod pacing;
mod parts;
mod poison;
mod reports;
mod rights;
mod secrets_in_logs;
mod story;
mod sweep;
mod template;
mod world;
