//! The push gateways behind the domain's port [`domain::push::Push`].
//!
//! [`Gateways`] hands a notification to the gateway of its target's route. Apple's and Google's
//! keep one HTTP/2 connection per credential, and its provider or access token, for as long as
//! the process lives: over many invocations of a Lambda function.
//!
//! | module | what it holds |
//! |---|---|
//! | `provider` | [`Gateways`]: which route goes to which gateway, and the time limit |
//! | `apns`, `fcm` | one gateway each: its request, its credentials, its second try |
//! | `sns` | Amazon SNS: an endpoint per device, and its messages |
//! | `gateway`, `connection` | Apple's and Google's connections: made, kept, tried and replaced |
//! | `proxy`, `outbound` | a brand's own endpoint, and where none may be |
//! | `webhook` | [`Webhooks`]: events to brands' endpoints, signed, and their secrets |
//! | `oauth` | Google's access tokens |
//! | `payload` | the JSON of all gateways, within their 4,096 bytes |
//! | `preview` | what each gateway would be given |
//! | `classify` | each documented answer as what is to be done about it |
//! | `credentials` | secrets, by the port that fetches them |
//!
//! No push token, credential or text is ever in a log line or an error.

mod apns;
mod classify;
mod connection;
mod credentials;
mod fcm;
mod gateway;
mod oauth;
mod outbound;
mod payload;
mod preview;
mod provider;
mod proxy;
mod settings;
mod slots;
mod sns;
mod webhook;

pub use credentials::{CannotRead, Secrets};
pub use preview::{Preview, preview};
pub use provider::Gateways;
pub use settings::{CannotConnect, Settings};
pub use webhook::Webhooks;
