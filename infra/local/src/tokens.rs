//! Access tokens: the brand's, signed as the token function signs them, and consumers' from the
//! sandbox's identity provider.
use crate::{clock::Clock, secrets::Secrets};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// For whom a token is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenRequest {
    /// `consumer`, or a role of the brand.
    pub role: String,
    /// The account.
    pub account: String,
    /// Who it is for.
    pub subject: String,
    /// An agent's or bot's skills.
    #[serde(default)]
    pub skills: Vec<String>,
    /// How long it is good for, in seconds; one that is negative has expired.
    #[serde(default = "an_hour")]
    pub expires_in: i64,
}

fn an_hour() -> i64 {
    3600
}

/// There is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// There is no such role.
    #[error("there is no role {0}")]
    Role(String),
    /// The template has no secret to sign with.
    #[error("the template has no secret called TokenSecret with a current key")]
    Secret,
    /// It cannot be signed.
    #[error("the token cannot be signed")]
    Sign(#[from] jsonwebtoken::errors::Error),
    /// The identity provider cannot sign it.
    #[error("the identity provider cannot sign the token")]
    Consumer(#[from] sandbox::CannotSign),
}

/// Makes tokens.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) secrets: Secrets,
    /// The name of the secret with the brand tokens' keys.
    pub(crate) secret: Option<String>,
    pub(crate) sandbox: sandbox::Sandbox,
    pub(crate) clock: Clock,
}

impl Tokens {
    pub(crate) fn issue(&self, request: &TokenRequest) -> Result<String, TokenError> {
        let now = self.clock.now().as_second();
        let expires = now.saturating_add(request.expires_in);
        let roles = [
            "operator",
            "admin",
            "campaign-manager",
            "agent-manager",
            "agent",
            "bot",
        ];
        match request.role.as_str() {
            "consumer" => {
                let issued = now.min(expires - 1);
                let claims = json!({
                    "iss": self.sandbox.issuer(),
                    "sub": request.subject,
                    "aud": audience(&request.account),
                    "iat": issued,
                    "nbf": issued,
                    "exp": expires,
                });
                let brand = self.sandbox.brand();
                Ok(self.sandbox.sign(&brand.name, Algorithm::ES256, &claims)?)
            }
            role if roles.contains(&role) => self.of_brand(request, now, expires),
            other => Err(TokenError::Role(other.to_owned())),
        }
    }

    fn of_brand(
        &self,
        request: &TokenRequest,
        now: i64,
        expires: i64,
    ) -> Result<String, TokenError> {
        let secret = self
            .secret
            .as_deref()
            .and_then(|name| self.secrets.value(name))
            .ok_or(TokenError::Secret)?;
        let secret: Value = serde_json::from_str(&secret).map_err(|_| TokenError::Secret)?;
        let key = secret["current"].as_str().ok_or(TokenError::Secret)?;
        let claims = json!({
            "iss": "overture",
            "aud": request.account,
            "sub": request.subject,
            "roles": [request.role],
            "skills": request.skills,
            "iat": now.min(expires),
            "exp": expires,
        });
        let digest = Sha256::digest(key.as_bytes());
        let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 4], &[]));
        let kid = format!("{:08x}", u32::from_be_bytes(*first));
        let header = Header {
            kid: Some(kid),
            ..Header::new(Algorithm::HS256)
        };
        Ok(jsonwebtoken::encode(
            &header,
            &claims,
            &EncodingKey::from_secret(key.as_bytes()),
        )?)
    }
}

/// The audience of an account's consumers' tokens.
pub(crate) fn audience(account: &str) -> String {
    format!("overture-{account}")
}
