//! Where the gateways are.

use std::error::Error;

/// The gateways' base URLs. The default is the real ones.
#[derive(Clone, Debug)]
pub struct Settings {
    /// APNs for apps from the store.
    pub apns: String,
    /// APNs for apps under development.
    pub apns_sandbox: String,
    /// FCM.
    pub fcm: String,
    /// Google's token endpoint. That of a brand's own file is not followed: it could name any host.
    pub google_token: String,
    /// The only certificate authorities to trust, in PEM: that of a sandbox. By default those that
    /// [`tls`] says.
    pub authorities: Option<String>,
    /// Whether brands' own endpoints may be on private addresses: for tests on one machine.
    pub outbound_private: bool,
}

impl Default for Settings {
    /// Sources: <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>,
    /// <https://firebase.google.com/docs/reference/fcm/rest>,
    /// <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>.
    fn default() -> Self {
        Self {
            apns: "https://api.push.apple.com".to_owned(),
            apns_sandbox: "https://api.sandbox.push.apple.com".to_owned(),
            fcm: "https://fcm.googleapis.com".to_owned(),
            google_token: "https://oauth2.googleapis.com/token".to_owned(),
            authorities: None,
            outbound_private: false,
        }
    }
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the push settings cannot be used: {what}")]
pub struct CannotConnect {
    what: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl CannotConnect {
    pub(crate) fn url(what: &'static str) -> Self {
        Self { what, source: None }
    }

    pub(crate) fn tls(source: impl Error + Send + Sync + 'static) -> Self {
        Self {
            what: "a certificate authority, or TLS",
            source: Some(Box::new(source)),
        }
    }
}
