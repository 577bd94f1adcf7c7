//! The adapters against the sandbox gateways, over real TLS and HTTP/2.
#![expect(clippy::unwrap_used, reason = "tests")]

mod apns;
mod fcm;
mod proxy;
mod sns;
mod support;
mod tables;
