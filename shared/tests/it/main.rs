//! The use cases keep the product's rules and promises, over stores that forget.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests: a panic is how they speak"
)]

mod account;
mod agent;
mod board;
mod breaker;
mod create;
mod device;
mod dispatch;
mod hold;
mod inbox;
mod ivr;
mod measured;
mod pacing;
mod pause;
mod races;
mod reply;
mod report;
mod retry;
mod rules;
mod send;
mod sweep;
mod webhook;
mod whole;
mod world;
