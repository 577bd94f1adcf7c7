//! A brand as the gateways know it: its Apple team, its Firebase project, its identity provider.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, jwk::Jwk};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use uuid::Uuid;

/// A key could not be made or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot make or read a key")]
pub struct CannotMakeKeys(#[source] Box<dyn std::error::Error + Send + Sync>);

impl CannotMakeKeys {
    /// The task that made them did not come to its end.
    pub(crate) fn unfinished(e: tokio::task::JoinError) -> Self {
        Self(e.into())
    }
}

impl From<rcgen::Error> for CannotMakeKeys {
    fn from(e: rcgen::Error) -> Self {
        Self(e.into())
    }
}

impl From<jsonwebtoken::errors::Error> for CannotMakeKeys {
    fn from(e: jsonwebtoken::errors::Error) -> Self {
        Self(e.into())
    }
}

/// A private key, with the name others call it by.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) algorithm: Algorithm,
    pem: String,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

impl Key {
    pub(crate) fn es256(id: String) -> Result<Self, CannotMakeKeys> {
        Ok(Self {
            id,
            algorithm: Algorithm::ES256,
            pem: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?.serialize_pem(),
        })
    }

    pub(crate) fn rs256(id: String) -> Result<Self, CannotMakeKeys> {
        Ok(Self {
            id,
            algorithm: Algorithm::RS256,
            pem: KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?.serialize_pem(),
        })
    }

    pub(crate) fn private(&self) -> Result<EncodingKey, CannotMakeKeys> {
        let pem = self.pem.as_bytes();
        Ok(match self.algorithm {
            Algorithm::RS256 => EncodingKey::from_rsa_pem(pem)?,
            _ => EncodingKey::from_ec_pem(pem)?,
        })
    }

    pub(crate) fn jwk(&self) -> Result<Jwk, CannotMakeKeys> {
        let mut jwk = Jwk::from_encoding_key(&self.private()?, self.algorithm)?;
        jwk.common.key_id = Some(self.id.clone());
        jwk.common.public_key_use = Some(jsonwebtoken::jwk::PublicKeyUse::Signature);
        Ok(jwk)
    }

    pub(crate) fn public(&self) -> Result<DecodingKey, CannotMakeKeys> {
        Ok(DecodingKey::from_jwk(&self.jwk()?)?)
    }
}

/// What Apple gives a developer: a `.p8` file and the two names that go with it.
#[derive(Clone)]
pub struct ApnsKey {
    /// The `.p8` file's text: a PKCS#8 private key in PEM.
    pub pem: String,
    /// The key's id, 10 characters (`kid`).
    pub key_id: String,
    /// The team's id, 10 characters (`iss`).
    pub team_id: String,
}

impl fmt::Debug for ApnsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApnsKey({} of {})", self.key_id, self.team_id)
    }
}

/// What a brand's push proxy asks for: Basic authentication and a signature.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ProxyKey {
    user: String,
    password: String,
    key: Uuid,
}

impl fmt::Debug for ProxyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyKey({})", self.user)
    }
}

impl Default for ProxyKey {
    /// A new one.
    fn default() -> Self {
        Self {
            user: "overture".to_owned(),
            password: Uuid::new_v4().simple().to_string(),
            key: Uuid::new_v4(),
        }
    }
}

impl ProxyKey {
    /// The key of the signatures.
    pub(crate) fn key(&self) -> Vec<u8> {
        self.key.simple().to_string().into_bytes()
    }

    /// The header that a request must have.
    pub(crate) fn authorization(&self) -> String {
        let both = format!("{}:{}", self.user, self.password);
        format!("Basic {}", STANDARD.encode(both))
    }

    /// What the brand puts into its secret.
    fn secret(&self) -> Value {
        json!({
            "username": self.user,
            "password": self.password,
            "signingSecret": format!("whsec_{}", STANDARD.encode(self.key())),
        })
    }
}

/// A brand: one Apple team with one key, one Firebase project, one push proxy, one identity
/// provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Brand {
    /// What it is called here.
    pub name: String,
    /// The apps it may push to (`apns-topic`); none means any.
    pub topics: Vec<String>,
    /// Its Firebase project.
    pub project_id: String,
    pub(crate) team_id: String,
    pub(crate) apns: Key,
    pub(crate) fcm: Key,
    #[serde(default)]
    pub(crate) proxy: ProxyKey,
    /// The newest last; the rest still verify.
    pub(crate) identity: Vec<Key>,
}

impl Brand {
    /// Makes a brand with new keys. RSA keys take a moment.
    ///
    /// # Errors
    /// When the machine cannot make keys.
    pub fn new(name: &str) -> Result<Self, CannotMakeKeys> {
        let mut brand = Self {
            name: name.to_owned(),
            topics: Vec::new(),
            project_id: format!("{name}-sandbox"),
            team_id: apple_id(),
            apns: Key::es256(apple_id())?,
            fcm: Key::rs256(Uuid::new_v4().simple().to_string())?,
            proxy: ProxyKey::default(),
            identity: Vec::new(),
        };
        brand.add_identity_keys()?;
        Ok(brand)
    }

    /// May push to these apps and no others.
    #[must_use]
    pub fn with_topics<T: Into<String>>(mut self, topics: impl IntoIterator<Item = T>) -> Self {
        self.topics = topics.into_iter().map(Into::into).collect();
        self
    }

    /// The key for APNs.
    #[must_use]
    pub fn apns_key(&self) -> ApnsKey {
        ApnsKey {
            pem: self.apns.pem.clone(),
            key_id: self.apns.id.clone(),
            team_id: self.team_id.clone(),
        }
    }

    /// What its push proxy asks for, as the brand puts it into a secret.
    #[must_use]
    pub fn proxy_secret(&self) -> Value {
        self.proxy.secret()
    }

    /// The service account's address (`iss` of an assertion).
    #[must_use]
    pub fn client_email(&self) -> String {
        format!("push@{}.iam.gserviceaccount.com", self.project_id)
    }

    /// The file Google gives for a service account.
    pub(crate) fn service_account(&self, token_url: &str) -> Value {
        json!({
            "type": "service_account",
            "project_id": self.project_id,
            "private_key_id": self.fcm.id,
            "private_key": self.fcm.pem,
            "client_email": self.client_email(),
            "client_id": "100000000000000000000",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": token_url,
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "universe_domain": "googleapis.com",
        })
    }

    pub(crate) fn add_identity_keys(&mut self) -> Result<(), CannotMakeKeys> {
        let n = self.identity.len();
        let id = |alg| format!("{}-{alg}-{n}", self.name);
        let (es, rs) = (id("es256"), id("rs256"));
        self.identity.push(Key::rs256(rs)?);
        self.identity.push(Key::es256(es)?);
        Ok(())
    }
}

/// Ten characters, as Apple's ids have.
fn apple_id() -> String {
    let mut id = Uuid::new_v4().simple().to_string().to_uppercase();
    id.truncate(10);
    id
}
