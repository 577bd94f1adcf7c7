//! The provider token of APNs: a JWT signed with the team's key.
//!
//! Source: <https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns>

use crate::{
    brand::Brand,
    world::{World, lock},
};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, Validation};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

/// Older than this, a token is refused.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// A key's token may change once in this time.
const SETTLED: SignedDuration = SignedDuration::from_mins(20);
/// How far ahead a provider's clock may be.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Whether to check that a key's token does not change more than every 20 minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TokenUpdates {
    /// Not at all.
    Free,
    /// On each connection: several senders may share a key.
    #[default]
    PerConnection,
    /// Over all connections of the key.
    PerKey,
}

/// When each key changed its token last.
#[derive(Debug, Default)]
pub(crate) struct ProviderTokens(Mutex<HashMap<String, (i64, Timestamp)>>);

impl ProviderTokens {
    /// Notes the token that `key` uses now; false when it changed too soon.
    fn settle(&self, key: &str, issued: i64, now: Timestamp) -> bool {
        let mut seen = lock(&self.0);
        match seen.get(key) {
            Some((before, _)) if *before == issued => true,
            Some((_, changed)) if now.duration_since(*changed) < SETTLED => false,
            _ => {
                seen.insert(key.to_owned(), (issued, now));
                true
            }
        }
    }

    /// Lets the next token of `key` in: its last one was refused.
    pub(crate) fn forget(&self, key: &str) {
        lock(&self.0).remove(key);
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    /// Seconds since 1970; a JWT may give fractions of one.
    iat: f64,
}

/// Tokens whose signature was found right, so that a busy sender's is not checked at each push.
#[derive(Debug, Default)]
pub(crate) struct Verified(Mutex<HashMap<String, (Arc<Brand>, i64)>>);

/// More tokens than senders use at once; beyond it all are checked anew.
const MOST_VERIFIED: usize = 100;

impl Verified {
    /// Whose token it is and when it was issued, if its signature is right.
    fn verify(&self, world: &World, token: &str) -> Option<(Arc<Brand>, i64)> {
        let known = lock(&self.0).get(token).cloned();
        // A brand that was replaced may have another key.
        if let Some((brand, issued)) = known
            && world
                .brand(|b| std::ptr::eq(b, Arc::as_ptr(&brand)))
                .is_some()
        {
            return Some((brand, issued));
        }
        let verified = verify(world, token)?;
        let mut all = lock(&self.0);
        if all.len() >= MOST_VERIFIED {
            all.clear();
        }
        all.insert(token.to_owned(), verified.clone());
        Some(verified)
    }
}

/// Checks key, signature and team.
fn verify(world: &World, token: &str) -> Option<(Arc<Brand>, i64)> {
    let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
    let brand = world.brand(|b| b.apns.id == kid)?;
    let key = brand.apns.public().ok()?;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation)
        .ok()?
        .claims;
    let issued = SignedDuration::try_from_secs_f64(claims.iat).ok()?;
    (claims.iss == brand.team_id).then_some((brand, issued.as_secs()))
}

/// Checks the `authorization` header: the brand it speaks for, or Apple's reason.
pub(crate) fn check(
    world: &World,
    connection: &ProviderTokens,
    updates: TokenUpdates,
    authorization: Option<&str>,
) -> Result<Arc<Brand>, &'static str> {
    const INVALID: &str = "InvalidProviderToken";
    let token = authorization
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty())
        .ok_or("MissingProviderToken")?;
    let (brand, issued_at) = world.verified.verify(world, token).ok_or(INVALID)?;
    let kid = brand.apns.id.as_str();
    let now = world.now();
    let issued = Timestamp::from_second(issued_at).map_err(|_| INVALID)?;
    let age = now.duration_since(issued);
    if age > LIFETIME {
        world.provider_tokens.forget(kid);
        connection.forget(kid);
        return Err("ExpiredProviderToken");
    }
    if age < -SKEW {
        return Err(INVALID);
    }
    let settled = match updates {
        TokenUpdates::Free => true,
        TokenUpdates::PerConnection => connection.settle(kid, issued_at, now),
        TokenUpdates::PerKey => world.provider_tokens.settle(kid, issued_at, now),
    };
    if settled {
        Ok(brand)
    } else {
        Err("TooManyProviderTokenUpdates")
    }
}
