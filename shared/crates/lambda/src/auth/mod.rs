//! Who calls, by the token they show: a brand's people and programs, or a consumer.

pub mod consumer;
pub mod jwks;
pub mod operator;
pub mod token;

pub use consumer::ConsumerTokens;
pub use jwks::{FetchJwks, HttpsJwks};
pub use operator::OperatorClient;
pub use token::{BrandTokens, LIFETIME_SECONDS};

use crate::problem::{Kind, Problem};
use axum::http::{HeaderMap, header};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::store::Unavailable;
use jiff::Timestamp;
use serde::Deserialize;

/// By how much clocks may differ, in seconds.
const SKEW: f64 = 60.0;
/// The most bytes of a token.
const MAX_BYTES: usize = 8 * 1024;

/// Why a token was not taken.
#[derive(Debug)]
pub enum Refused {
    /// There is none, or it is not valid here.
    Invalid(&'static str),
    /// Its time is over.
    Expired,
    /// What it takes to check it does not answer.
    Unavailable(Unavailable),
}

impl From<Unavailable> for Refused {
    fn from(e: Unavailable) -> Self {
        Self::Unavailable(e)
    }
}

impl From<Refused> for Problem {
    fn from(e: Refused) -> Self {
        match e {
            Refused::Invalid(why) => Self::new(Kind::Unauthorized, why),
            // LivePerson's words, which its clients know.
            Refused::Expired => Self::new(Kind::TokenExpired, "jwt expired"),
            Refused::Unavailable(e) => Self::from(e).before_anything(),
        }
    }
}

/// The token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, Refused> {
    let header = headers
        .get(header::AUTHORIZATION)
        .ok_or(Refused::Invalid("the Authorization header is missing"))?;
    let (scheme, token) = header
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or(Refused::Invalid(
            "the Authorization header is not `Bearer …`",
        ))?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.len() > MAX_BYTES {
        return Err(Refused::Invalid(
            "the Authorization header is not `Bearer …`",
        ));
    }
    Ok(token)
}

/// Whether a token says that it is ours. Believed only as far as choosing how to check it.
pub(crate) fn claims_to_be_ours(token: &str) -> bool {
    #[derive(Deserialize)]
    struct Peek {
        iss: Option<String>,
    }
    unverified::<Peek>(token)
        .and_then(|peek| peek.iss)
        .as_deref()
        == Some(token::ISSUER)
}

/// What a token says, believed by nobody.
fn unverified<T: for<'de> Deserialize<'de>>(token: &str) -> Option<T> {
    let payload = BASE64_URL_SAFE_NO_PAD
        .decode(token.split('.').nth(1)?)
        .ok()?;
    serde_json::from_slice(&payload).ok()
}

/// When a token may be used.
#[derive(Clone, Copy, Deserialize)]
struct Validity {
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
}

impl Validity {
    fn check(self, now: Timestamp) -> Result<(), Refused> {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit 52 bits")]
        let now = now.as_second() as f64;
        // Written so that what is no number is refused.
        let begun = |at: Option<f64>| at.is_none_or(|at| at <= now + SKEW);
        if !begun(self.nbf) || !begun(self.iat) {
            return Err(Refused::Invalid("jwt not active"));
        }
        if self.exp > now - SKEW {
            Ok(())
        } else {
            Err(Refused::Expired)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_bearer_tokens_of_sane_size_are_taken() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", HeaderValue::from_str(value).unwrap());
            bearer(&headers).map(str::to_owned).ok()
        };
        assert_eq!(read("Bearer a.b.c").as_deref(), Some("a.b.c"));
        assert_eq!(read("bearer  a.b.c").as_deref(), Some("a.b.c"));
        for bad in ["", "Bearer", "Bearer ", "Basic a", "a.b.c"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(read(&format!("Bearer {}", "a".repeat(MAX_BYTES + 1))), None);
    }

    #[test]
    fn a_token_has_60_seconds_of_skew() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let check = |exp: f64, nbf: Option<f64>| {
            let iat = None;
            Validity { exp, nbf, iat }.check(now)
        };
        assert!(check(1_800_000_000.0 - 59.0, None).is_ok());
        assert!(matches!(
            check(1_800_000_000.0 - 60.0, None),
            Err(Refused::Expired)
        ));
        assert!(check(1_900_000_000.0, Some(1_800_000_060.0)).is_ok());
        assert!(check(1_900_000_000.0, Some(1_800_000_061.0)).is_err());
        assert!(check(f64::NAN, None).is_err());
        assert!(check(1_900_000_000.0, Some(f64::NAN)).is_err());
    }
}
