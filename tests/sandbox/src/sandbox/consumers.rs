//! Tokens that the sandbox gives by itself: consumers', and those that gateways ask for.

use super::{Sandbox, blocking};
use crate::{
    brand::Brand,
    identity::{self, CannotSign},
    oauth,
};
use jsonwebtoken::{Algorithm, Header};
use serde::Serialize;
use serde_json::json;

impl Sandbox {
    /// Signs claims as a brand's identity provider, with its newest key for the algorithm.
    ///
    /// # Errors
    /// When there is no such brand or key, or the claims are no JSON.
    pub fn sign(
        &self,
        brand: &str,
        algorithm: Algorithm,
        claims: &impl Serialize,
    ) -> Result<String, CannotSign> {
        let brand = self.0.world.brand(|b| b.name == brand);
        identity::sign(&*brand.ok_or(CannotSign::NoBrand)?, algorithm, claims)
    }

    /// A token of the first brand's consumer, good for an hour.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn consumer_token(&self, subject: &str, audience: &str) -> Result<String, CannotSign> {
        let now = self.now().as_second();
        let claims = json!({
            "iss": self.issuer(),
            "sub": subject,
            "aud": audience,
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
        });
        self.sign(&self.brand().name, Algorithm::ES256, &claims)
    }

    /// A provider token for APNs, as a brand signs one with its key: good for an hour.
    ///
    /// # Errors
    /// When there is no such brand, or its key cannot be read.
    pub fn provider_token(&self, brand: &str) -> Result<String, CannotSign> {
        let brand = self.0.world.brand(|b| b.name == brand);
        let brand = brand.ok_or(CannotSign::NoBrand)?;
        let header = Header {
            kid: Some(brand.apns.id.clone()),
            ..Header::new(brand.apns.algorithm)
        };
        let claims = json!({ "iss": brand.apns_key().team_id, "iat": self.now().as_second() });
        Ok(jsonwebtoken::encode(
            &header,
            &claims,
            &brand.apns.private()?,
        )?)
    }

    /// An access token for a brand's Firebase project, as Google gives one: good for an hour.
    ///
    /// # Errors
    /// When there is no such brand.
    pub fn access_token(&self, brand: &str) -> Result<String, CannotSign> {
        let brand = self.0.world.brand(|b| b.name == brand);
        let brand = brand.ok_or(CannotSign::NoBrand)?;
        Ok(oauth::access_token(&self.0.world, &brand.project_id))
    }

    /// Gives a brand's identity provider new keys; the old stay in its key set.
    ///
    /// # Errors
    /// When there is no such brand, or keys cannot be made.
    pub async fn rotate_identity(&self, brand: &str) -> Result<(), CannotSign> {
        let old = self.0.world.brand(|b| b.name == brand);
        let mut new = Brand::clone(&*old.ok_or(CannotSign::NoBrand)?);
        let new = blocking(move || new.add_identity_keys().map(|()| new)).await?;
        self.0.world.put_brand(new);
        Ok(())
    }

    /// Drops all but the newest keys from a brand's key set.
    pub fn retire_identity_keys(&self, brand: &str) {
        if let Some(old) = self.0.world.brand(|b| b.name == brand) {
            let mut new = Brand::clone(&old);
            let retired = new.identity.len().saturating_sub(2);
            new.identity.drain(..retired);
            self.0.world.put_brand(new);
        }
    }
}
