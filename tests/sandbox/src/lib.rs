//! APNs, FCM, a brand's push proxy and its identity provider, played on this machine over real TLS.
//!
//! A test, or the local stack, starts a [`Sandbox`] and points the push adapters at it. It speaks
//! what the real gateways speak (HTTP/2 over TLS, with a certificate authority made at start),
//! checks what their public documentation says they check, and answers with their status codes
//! and bodies. Beyond that it does what it is told: see [`Answer`] for the script of a device
//! token, [`Push`] for the record of what came, and [`control`] for the same over plain HTTP.
//!
//! | module | what it plays |
//! |---|---|
//! | `apns` | `POST /3/device/{token}`, production and development |
//! | `fcm`, `oauth`, `message` | `POST /v1/projects/{project}/messages:send`, `POST /token` |
//! | `proxy` | `POST /push` of a brand: LivePerson's push proxy, signed |
//! | `receiver` | `POST /webhooks/{name}` of a brand: what webhooks are told |
//! | `identity` | OpenID discovery, JWKS, consumers' tokens |
//! | `control` | the plain HTTP API that scripts and reads all of this |
//!
//! `infra/docs/sandbox.md` tells brands how to use it.

mod apns;
mod brand;
pub mod control;
mod fcm;
mod google;
mod identity;
mod message;
mod oauth;
mod options;
mod provider_token;
mod proxy;
mod receiver;
mod record;
mod sandbox;
mod script;
mod serve;
mod tls;
mod world;

pub use brand::{ApnsKey, Brand, CannotMakeKeys};
pub use identity::CannotSign;
pub use options::{CannotStart, Keys, Options, Ports};
pub use provider_token::TokenUpdates;
pub use receiver::Received;
pub use record::{Gateway, Push, TimedOut, Visible};
pub use sandbox::Sandbox;
pub use script::{Answer, Device, Environment, scripts};
