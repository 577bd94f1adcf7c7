//! A brand's identity provider: `OpenID` discovery, key set and consumers' tokens.
//!
//! Source: <https://openid.net/specs/openid-connect-discovery-1_0.html>.

use crate::{
    brand::{Brand, CannotMakeKeys},
    serve::{Answers, Connection, NoReply, Reply, json, set},
    world::World,
};
use hyper::{Method, Request, StatusCode, body::Bytes};
use jsonwebtoken::{Algorithm, Header};
use serde::Serialize;
use serde_json::json;
use std::sync::{Arc, OnceLock, atomic::Ordering};

/// A token could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum CannotSign {
    /// No brand of that name.
    #[error("there is no such brand")]
    NoBrand,
    /// The brand has no key for that algorithm: only ES256 and RS256 are made.
    #[error("there is no key for that algorithm")]
    NoKey,
    /// The key cannot be read.
    #[error(transparent)]
    Key(#[from] CannotMakeKeys),
    /// The claims are no JSON object.
    #[error("the claims cannot be signed")]
    Claims(#[from] jsonwebtoken::errors::Error),
}

/// Every brand's provider: the first brand at the root, each also under its name.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) world: Arc<World>,
    /// `https://localhost:port`; known once the port is.
    pub(crate) base: Arc<OnceLock<String>>,
}

impl Answers for Identity {
    async fn answer(&self, request: Request<Bytes>, _: &Connection) -> Result<Reply, NoReply> {
        let path = request.uri().path().to_owned();
        let reply = self.document(request.method(), &path);
        Ok(reply.unwrap_or_else(|| json(StatusCode::NOT_FOUND, &json!({ "error": "not_found" }))))
    }
}

impl Identity {
    fn document(&self, method: &Method, path: &str) -> Option<Reply> {
        let base = self.base.get().filter(|_| method == Method::GET)?;
        let named = |suffix| {
            path.strip_suffix(suffix)
                .map(|name| name.trim_start_matches('/'))
        };
        let (name, is_key_set) = match named("/jwks.json") {
            Some(name) => (name, true),
            None => (named("/.well-known/openid-configuration")?, false),
        };
        let brands = self.world.brands();
        let brand = brands.iter().find(|b| name.is_empty() || b.name == name)?;
        if is_key_set {
            self.world.key_set_reads.fetch_add(1, Ordering::Relaxed);
            let keys = brand.identity.iter().map(|key| key.jwk().ok());
            let keys = keys.collect::<Option<Vec<_>>>()?;
            let mut reply = json(StatusCode::OK, &json!({ "keys": keys }));
            set(&mut reply, "cache-control", "public, max-age=300");
            return Some(reply);
        }
        let issuer = match name {
            "" => base.clone(),
            name => format!("{base}/{name}"),
        };
        Some(json(
            StatusCode::OK,
            &json!({
                "issuer": issuer,
                "jwks_uri": format!("{issuer}/jwks.json"),
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256", "RS256"],
            }),
        ))
    }
}

/// Signs claims with the brand's newest key for the algorithm.
pub(crate) fn sign(
    brand: &Brand,
    algorithm: Algorithm,
    claims: &impl Serialize,
) -> Result<String, CannotSign> {
    let key = brand
        .identity
        .iter()
        .rfind(|key| key.algorithm == algorithm)
        .ok_or(CannotSign::NoKey)?;
    let header = Header {
        kid: Some(key.id.clone()),
        ..Header::new(algorithm)
    };
    Ok(jsonwebtoken::encode(&header, claims, &key.private()?)?)
}
