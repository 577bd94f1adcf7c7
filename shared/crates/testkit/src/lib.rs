//! Fakes of the domain's ports, the contracts they share with the adapters, and an emulated DynamoDB.
//!
//! A contract is an async function over a port. The fake's tests run it here, the
//! adapter's tests run it there, and that is what makes the fake worth testing with.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::too_many_lines,
    reason = "all of this is test code: a panic is how it speaks, and a contract is one story"
)]

pub mod clock;
pub mod contract;
pub mod dynamodb;
pub mod memory;

pub use clock::FixedClock;
