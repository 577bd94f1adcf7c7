//! How a sandbox starts: with which keys, on which ports.

use crate::{
    brand::{Brand, CannotMakeKeys},
    provider_token::TokenUpdates,
    tls::{Authority, CannotServeTls},
};
use serde::{Deserialize, Serialize};
use std::{
    io,
    net::{IpAddr, Ipv4Addr},
};

/// How to start a [`crate::Sandbox`]. The default is one brand, `demo`, on free ports.
#[derive(Debug, Default)]
pub struct Options {
    /// Keys of an earlier sandbox ([`crate::Sandbox::keys`]); new ones by default.
    pub keys: Option<Keys>,
    /// The address to listen on, and to tell in URLs; 127.0.0.1 by default. The push proxy and webhooks
    /// of another are at `overture.internal`, which whoever calls them has to know.
    pub host: Option<IpAddr>,
    /// Where to listen.
    pub ports: Ports,
    /// Whether a key's provider token may change at any time.
    pub token_updates: TokenUpdates,
}

impl Options {
    pub(crate) fn host(&self) -> IpAddr {
        self.host.unwrap_or(Ipv4Addr::LOCALHOST.into())
    }
}

/// On which ports to listen; 0 is any free one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ports {
    /// APNs, production.
    pub apns: u16,
    /// APNs, development.
    pub apns_development: u16,
    /// FCM and Google's token endpoint.
    pub fcm: u16,
    /// The push proxy of brands.
    pub proxy: u16,
    /// The identity provider.
    pub identity: u16,
    /// The control API, plain HTTP.
    pub control: u16,
}

impl Ports {
    /// The control API on `port`, and each gateway on one of the five after it; `None` when there
    /// are not so many.
    #[must_use]
    pub fn following(port: u16) -> Option<Self> {
        Some(Self {
            control: port,
            apns: port.checked_add(1)?,
            apns_development: port.checked_add(2)?,
            fcm: port.checked_add(3)?,
            proxy: port.checked_add(4)?,
            identity: port.checked_add(5)?,
        })
    }
}

/// Everything secret of a sandbox, to start another with. It is JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Keys {
    pub(crate) authority: Authority,
    pub(crate) brands: Vec<Brand>,
}

/// The sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum CannotStart {
    /// Keys could not be made or read.
    #[error(transparent)]
    Keys(#[from] CannotMakeKeys),
    /// TLS could not be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A port could not be had.
    #[error("cannot listen on port {port} for {what}")]
    Listen {
        /// What was to listen there.
        what: &'static str,
        /// Where; 0 is any free port.
        port: u16,
        /// Why not.
        source: io::Error,
    },
}

impl CannotStart {
    /// What was to listen on a port did not get it.
    pub(crate) fn listen(what: &'static str, port: u16) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Listen { what, port, source }
    }
}

impl From<CannotServeTls> for CannotStart {
    fn from(e: CannotServeTls) -> Self {
        Self::Tls(e.into())
    }
}
