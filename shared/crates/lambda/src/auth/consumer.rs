//! Consumer tokens: of the brand's own identity provider (OpenID Connect), checked against
//! the identities that the account's apps name.

use super::{
    Refused, Validity,
    jwks::{FetchJwks, Providers},
    unverified,
};
use crate::cache::Cache;
use domain::{
    access::Consumer,
    account::{Identity, ReadApps},
    id::{AccountId, ConsumerId},
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc};

/// How long an account's identities are used before they are read again.
const KEPT: SignedDuration = SignedDuration::from_secs(60);
/// How often they are read for a token that fits none, at most.
const REREAD: SignedDuration = SignedDuration::from_secs(2);

/// Checks consumer tokens.
pub struct ConsumerTokens<F> {
    providers: Providers<F>,
    identities: Cache<AccountId, Arc<[Identity]>>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    sub: String,
    #[serde(flatten)]
    validity: Validity,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Claims {
    fn fit(&self, identity: &Identity) -> bool {
        let audience = match &self.aud {
            Audience::One(one) => *one == identity.audience,
            Audience::Many(many) => many.contains(&identity.audience),
        };
        audience && self.iss == identity.issuer
    }
}

impl<F: FetchJwks> ConsumerTokens<F> {
    /// Tokens of providers whose keys `fetch` gets.
    pub fn new(fetch: F) -> Self {
        Self {
            providers: Providers::new(fetch),
            identities: Cache::new(KEPT),
        }
    }

    /// Who shows `token` to `account`, if it is good.
    ///
    /// # Errors
    /// When it is not.
    pub async fn verify(
        &self,
        apps: &impl ReadApps,
        account: &AccountId,
        token: &str,
        now: Timestamp,
    ) -> Result<Consumer, Refused> {
        let header = jsonwebtoken::decode_header(token)
            .map_err(|_| Refused::Invalid("the token is not a JWT that is signed"))?;
        if !matches!(header.alg, Algorithm::RS256 | Algorithm::ES256) {
            return Err(Refused::Invalid("a token is signed with RS256 or ES256"));
        }
        let claims: Claims =
            unverified(token).ok_or(Refused::Invalid("the token lacks iss, aud, sub or exp"))?;
        let uris = self.uris(apps, account, &claims, now).await?;
        if uris.is_empty() {
            return Err(Refused::Invalid(
                "no app of the account names the token's issuer and audience",
            ));
        }
        let (mut signed, mut failed) = (false, None);
        for uri in uris {
            let id = header.kid.as_deref();
            match self.providers.key(&uri, id, header.alg, now).await {
                Ok(key) => signed |= key.is_some_and(|key| has_signed(&key, token, header.alg)),
                Err(e) => failed = Some(e),
            }
        }
        match (signed, failed) {
            (true, _) => {}
            (false, Some(e)) => return Err(e.into()),
            (false, None) => return Err(Refused::Invalid("the token's signature is not valid")),
        }
        // From here on the claims are the provider's.
        claims.validity.check(now)?;
        let id: ConsumerId = claims
            .sub
            .parse()
            .map_err(|_| Refused::Invalid("the token's sub cannot be a consumer's id"))?;
        Ok(Consumer {
            account: account.clone(),
            id,
        })
    }

    /// Where the keys are that can have signed a token with these claims.
    async fn uris(
        &self,
        apps: &impl ReadApps,
        account: &AccountId,
        claims: &Claims,
        now: Timestamp,
    ) -> Result<BTreeSet<String>, Unavailable> {
        let fitting = |identities: &[Identity]| -> BTreeSet<String> {
            let fitting = identities.iter().filter(|i| claims.fit(i));
            fitting.map(|i| i.jwks_uri.clone()).collect()
        };
        if let Some((read, identities)) = self.identities.get(account, now) {
            let uris = fitting(&identities);
            if !uris.is_empty() || now.duration_since(read).abs() < REREAD {
                return Ok(uris);
            }
        }
        let apps = apps.apps(account).await?;
        let identities: Arc<[_]> = apps.into_iter().map(|app| app.identity).collect();
        self.identities
            .put(account.clone(), identities.clone(), now);
        Ok(fitting(&identities))
    }
}

/// Whether `key` has signed `token`; nothing else of it is looked at.
fn has_signed(key: &DecodingKey, token: &str, algorithm: Algorithm) -> bool {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    jsonwebtoken::decode::<serde::de::IgnoredAny>(token, key, &validation).is_ok()
}

#[cfg(test)]
pub(crate) mod tests;
