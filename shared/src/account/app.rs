//! A mobile app of an account: how its devices are reached, and who vouches for its consumers.

use super::route::Route;
use crate::{
    device::Platform,
    id::{AccountId, AppName},
};
use serde::{Deserialize, Serialize};

/// A mobile app of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its bundle id or package name.
    pub name: AppName,
    /// How its iOS devices are reached.
    pub ios: Option<Route>,
    /// How its Android devices are reached.
    pub android: Option<Route>,
    /// Who vouches for its consumers.
    pub identity: Identity,
}

/// The brand's identity provider for an app's consumers (OpenID Connect).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The token's `iss`, exactly.
    pub issuer: String,
    /// The token's `aud`.
    pub audience: String,
    /// Where the provider's keys are, over HTTPS.
    pub jwks_uri: String,
}

/// Why an app's configuration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApp {
    /// No platform has a route.
    #[error("an app has a route for ios, android, or both")]
    NoRoute,
    /// A platform was given another platform's route.
    #[error("the route `{route}` does not serve {}", platform.as_str())]
    WrongRoute {
        /// The platform.
        platform: Platform,
        /// The route.
        route: &'static str,
    },
    /// A field is empty, too long, or not of its form.
    #[error("`{field}` must be {expected}")]
    Field {
        /// Where it stands in the app.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}

impl App {
    /// How devices of `platform` are reached, if they are.
    #[must_use]
    pub const fn route(&self, platform: Platform) -> Option<&Route> {
        match platform {
            Platform::Ios => self.ios.as_ref(),
            Platform::Android => self.android.as_ref(),
        }
    }

    /// Checks that the configuration can work in `account`, whose secrets alone it may name.
    ///
    /// # Errors
    /// When it has no route, a route on the wrong platform, or a malformed field.
    pub fn checked(self, account: &AccountId) -> Result<Self, InvalidApp> {
        let routes = [Platform::Ios, Platform::Android].map(|p| (p, self.route(p)));
        if routes.iter().all(|(_, route)| route.is_none()) {
            return Err(InvalidApp::NoRoute);
        }
        for (platform, route) in routes {
            if let Some(route) = route {
                route.check(platform, account)?;
            }
        }
        let identity = &self.identity;
        field(
            printed(&identity.issuer),
            "identity/issuer",
            "the issuer of the consumers' tokens, at most 512 characters",
        )?;
        field(
            printed(&identity.audience),
            "identity/audience",
            "the audience of the consumers' tokens, at most 512 characters",
        )?;
        field(
            printed(&identity.jwks_uri) && identity.jwks_uri.starts_with("https://"),
            "identity/jwksUri",
            "an https URL of at most 512 characters",
        )?;
        Ok(self)
    }
}

pub(super) const fn field(
    fits: bool,
    field: &'static str,
    expected: &'static str,
) -> Result<(), InvalidApp> {
    if fits {
        Ok(())
    } else {
        Err(InvalidApp::Field { field, expected })
    }
}

pub(super) fn printed(s: &str) -> bool {
    (1..=512).contains(&s.len()) && s.chars().all(|c| !c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests;
