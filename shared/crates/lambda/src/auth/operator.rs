//! The operator's client: the one that every account knows.

use crate::secrets::{Age, ReadSecrets, Secrets};
use domain::store::Unavailable;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::Mutex;

/// How long its secret is used before it is read again: then a value of before is refused.
const KEPT: SignedDuration = SignedDuration::from_mins(5);

/// Knows the operator's client by the secret `{"client_id", "client_secret"}`.
pub struct OperatorClient<R = Secrets> {
    secrets: R,
    name: String,
    kept: Mutex<Option<Kept>>,
}

/// The secret as it was read last.
struct Kept {
    secret: SecretString,
    age: Age,
}

#[derive(Deserialize)]
struct Credentials {
    client_id: String,
    client_secret: String,
}

impl<R: ReadSecrets> OperatorClient<R> {
    /// The client whose credentials the secret `name` holds.
    #[must_use]
    pub fn new(secrets: R, name: impl Into<String>) -> Self {
        Self {
            secrets,
            name: name.into(),
            kept: Mutex::default(),
        }
    }

    /// Whether these are its credentials, compared in constant time. A new secret is good at
    /// once, or some seconds after somebody showed a wrong one; a new id within five minutes.
    ///
    /// # Errors
    /// When its secret cannot be read, or is none.
    pub async fn is(&self, id: &str, secret: &str, now: Timestamp) -> Result<bool, Unavailable> {
        let mut kept = self.kept.lock().await;
        let known = match &mut *kept {
            Some(known) if !known.age.is_over(KEPT, now) => known,
            kept => kept.insert(Kept {
                secret: self.secrets.read(&self.name).await?,
                age: Age::new(now),
            }),
        };
        let credentials = credentials(&known.secret)?;
        if credentials.are(id, secret) {
            return Ok(true);
        }
        if id != credentials.client_id || !known.age.may_be_doubted(now) {
            return Ok(false);
        }
        known.age.doubt(now);
        known.secret = self.secrets.read(&self.name).await?;
        known.age.renew(now);
        Ok(self::credentials(&known.secret)?.are(id, secret))
    }
}

fn credentials(kept: &SecretString) -> Result<Credentials, Unavailable> {
    let kept: Option<Credentials> = serde_json::from_str(kept.expose_secret()).ok();
    // The parser's own words could quote the secret.
    kept.filter(|kept| !kept.client_secret.is_empty())
        .ok_or_else(|| {
            Unavailable::new("the operator's secret is not {\"client_id\", \"client_secret\"}")
        })
}

impl Credentials {
    fn are(&self, id: &str, secret: &str) -> bool {
        // Digests are of one length, whatever was given.
        let is = |given: &str, kept: &str| Sha256::digest(given).ct_eq(&Sha256::digest(kept));
        (is(id, &self.client_id) & is(secret, &self.client_secret)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        auth::token::tests::{Given, now},
        secrets::CannotRead,
    };
    use serde_json::json;
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    /// Counts how often its secret is read.
    struct Counted(Given, Arc<AtomicU32>);

    impl ReadSecrets for Counted {
        async fn read(&self, name: &str) -> Result<SecretString, CannotRead> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.read(name).await
        }
    }

    fn client(id: &str, secret: &str) -> (OperatorClient<Counted>, Given, Arc<AtomicU32>) {
        let given = Given::new(json!({"client_id": id, "client_secret": secret}));
        let reads = Arc::<AtomicU32>::default();
        let client = OperatorClient::new(Counted(given.clone(), reads.clone()), "arn");
        (client, given, reads)
    }

    fn after(seconds: i64) -> Timestamp {
        now() + SignedDuration::from_secs(seconds)
    }

    #[tokio::test]
    async fn both_must_match() {
        let (client, ..) = client("operator", "hush");
        assert!(client.is("operator", "hush", now()).await.unwrap());
        for (id, secret) in [("operator", "hus"), ("operator", ""), ("other", "hush")] {
            assert!(!client.is(id, secret, now()).await.unwrap());
        }
    }

    #[tokio::test]
    async fn an_empty_secret_lets_nobody_in() {
        let (client, given, _) = client("operator", "");
        assert!(client.is("operator", "", now()).await.is_err());
        *given.0.lock().unwrap() = json!({});
        assert!(client.is("", "", after(300)).await.is_err());
    }

    #[tokio::test]
    async fn a_new_secret_is_good_at_once_and_the_old_one_for_a_while() {
        let (client, given, _) = client("operator", "old");
        assert!(client.is("operator", "old", now()).await.unwrap());
        *given.0.lock().unwrap() = json!({"client_id": "operator", "client_secret": "new"});
        assert!(client.is("operator", "old", after(299)).await.unwrap());
        assert!(client.is("operator", "new", after(299)).await.unwrap());
        assert!(!client.is("operator", "old", after(299)).await.unwrap());
    }

    #[tokio::test]
    async fn guesses_are_no_reason_to_read_it_again_and_again() {
        let (client, given, reads) = client("operator", "old");
        let is = async |secret, at| client.is("operator", secret, at).await.unwrap();
        for _ in 0..3 {
            assert!(!is("guess", after(0)).await);
        }
        assert_eq!(reads.load(Ordering::Relaxed), 2);
        *given.0.lock().unwrap() = json!({"client_id": "operator", "client_secret": "new"});
        assert!(!is("new", after(9)).await, "somebody guessed just now");
        assert!(is("new", after(10)).await);
        assert_eq!(reads.load(Ordering::Relaxed), 3);
        assert!(!client.is("other", "guess", after(60)).await.unwrap());
        assert_eq!(reads.load(Ordering::Relaxed), 3, "it is not the operator");
    }
}
