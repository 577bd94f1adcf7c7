//! The operator's client: the one that every account knows.

use crate::secrets::Secrets;
use domain::store::Unavailable;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Knows the operator's client by the secret `{"client_id", "client_secret"}`.
#[derive(Clone, Debug)]
pub struct OperatorClient {
    secrets: Secrets,
    name: String,
}

#[derive(Deserialize)]
struct Credentials {
    client_id: String,
    client_secret: String,
}

impl OperatorClient {
    /// The client whose credentials the secret `name` holds.
    #[must_use]
    pub fn new(secrets: Secrets, name: impl Into<String>) -> Self {
        Self {
            secrets,
            name: name.into(),
        }
    }

    /// Whether these are its credentials, compared in constant time.
    ///
    /// # Errors
    /// When its secret cannot be read, or is none.
    pub async fn is(&self, id: &str, secret: &str) -> Result<bool, Unavailable> {
        let kept = self.secrets.secret(&self.name).await?;
        matches(kept.expose_secret(), id, secret)
    }
}

fn matches(kept: &str, id: &str, secret: &str) -> Result<bool, Unavailable> {
    let kept: Option<Credentials> = serde_json::from_str(kept).ok();
    // The parser's own words could quote the secret.
    let kept = kept
        .filter(|kept| !kept.client_secret.is_empty())
        .ok_or_else(|| {
            Unavailable::new("the operator's secret is not {\"client_id\", \"client_secret\"}")
        })?;
    // Digests are of one length, whatever was given.
    let is = |given: &str, kept: &str| Sha256::digest(given).ct_eq(&Sha256::digest(kept));
    Ok((is(id, &kept.client_id) & is(secret, &kept.client_secret)).into())
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn both_must_match() {
        let kept = r#"{"client_id": "operator", "client_secret": "hush"}"#;
        assert!(matches(kept, "operator", "hush").unwrap());
        for (id, secret) in [("operator", "hus"), ("operator", ""), ("other", "hush")] {
            assert!(!matches(kept, id, secret).unwrap());
        }
    }

    #[test]
    fn an_empty_secret_lets_nobody_in() {
        let kept = r#"{"client_id": "operator", "client_secret": ""}"#;
        assert!(matches(kept, "operator", "").is_err());
        assert!(matches("{}", "", "").is_err());
    }
}
