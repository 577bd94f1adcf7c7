//! Every check and every trick of the sandbox, by a real HTTP/2 client.
#![expect(clippy::unwrap_used, reason = "tests")]

mod apns;
mod apns_script;
mod control;
mod fcm;
mod identity;
mod proxy;
mod support;
