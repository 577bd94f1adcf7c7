//! The whole system: the real binaries on a local stack, one module per subject.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

mod arrivals;
mod audit;
mod bad_callers;
mod bad_input;
mod brand;
mod breaker;
mod budget;
mod calls;
mod cancel;
mod clients;
mod compat;
mod content;
mod cost;
mod cursors;
mod deployment;
mod docs;
mod events;
mod foreign;
mod handoffs;
mod hold;
mod idempotency;
mod ivr;
mod liveperson;
mod logout;
mod lookback;
mod metrics;
mod openapi;
mod pacing;
mod parts;
mod paused;
mod poison;
mod problems;
mod promises;
mod protected;
mod quota;
mod removal;
mod reports;
mod rights;
mod roles;
mod rotation;
mod routes;
mod schema;
mod secrets_in_logs;
mod settings;
mod sizes;
mod story;
mod sweep;
mod template;
mod test_campaigns;
mod token_pace;
mod tracing;
mod walk;
mod watched;
mod webhooks;
mod wire;
mod world;
