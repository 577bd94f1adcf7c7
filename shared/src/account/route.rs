//! How an app's devices of one platform are reached.

use super::{
    address,
    app::{InvalidApp, field, printed},
};
use crate::{device::Platform, id::AccountId};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// How an app's devices of one platform are reached. Credentials are names of secrets,
/// never the secrets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(
    tag = "route",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
pub enum Route {
    /// Apple's push service, directly.
    Apns {
        /// The developer team, 10 characters.
        team_id: String,
        /// The signing key, 10 characters.
        key_id: String,
        /// The app's bundle id.
        topic: String,
        /// The secret that holds the signing key (`.p8`).
        credential: String,
    },
    /// Firebase Cloud Messaging's HTTP v1 API, directly.
    Fcm {
        /// The Firebase project.
        project_id: String,
        /// The secret that holds the service account's JSON.
        credential: String,
    },
    /// Amazon SNS, which has the platform's credentials.
    Sns {
        /// The platform application.
        platform_application_arn: String,
    },
    /// The brand's own endpoint, which pushes by itself.
    Proxy {
        /// Where it is, over HTTPS.
        url: String,
        /// The secret that holds `{"username", "password"}` for Basic authentication,
        /// `{"signingSecret"}` for the signature of Standard Webhooks, or both.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credential: Option<String>,
        /// What each request carries besides.
        #[serde(default, skip_serializing_if = "Headers::is_empty")]
        headers: Headers,
    },
}

/// Headers of a brand's own. Their values may be keys: they are not shown.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Headers(pub BTreeMap<String, String>);

impl Headers {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

const SECRET: &str =
    "the ARN of a secret in AWS Secrets Manager whose name starts with `overture/{accountId}/`";
const APPLICATION: [&str; 2] = [
    "the ARN of an SNS platform application for APNS or APNS_SANDBOX, whose name is `overture.{accountId}.` and a name of your own",
    "the ARN of an SNS platform application for GCM, whose name is `overture.{accountId}.` and a name of your own",
];
const URL: &str =
    "a public https URL of at most 512 characters, without user, password or fragment";
const HEADERS: &str = "at most 4 headers: names of at most 24 letters and `-`, values of at most \
    300 visible ASCII characters, none that HTTP or this API sets by itself";

/// Headers that HTTP, or the request itself, has a use for; and all that begin with `webhook-`,
/// `proxy-` or `content-`.
const TAKEN: &[&str] = &[
    "accept-encoding",
    "authorization",
    "connection",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

impl Route {
    /// The secret that it names, if it names one.
    #[must_use]
    pub fn credential(&self) -> Option<&str> {
        match self {
            Self::Apns { credential, .. } | Self::Fcm { credential, .. } => Some(credential),
            Self::Sns { .. } => None,
            Self::Proxy { credential, .. } => credential.as_deref(),
        }
    }

    /// Its name on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Apns { .. } => "apns",
            Self::Fcm { .. } => "fcm",
            Self::Sns { .. } => "sns",
            Self::Proxy { .. } => "proxy",
        }
    }

    /// Checks that it can serve `platform` in `account`.
    pub(super) fn check(&self, platform: Platform, account: &AccountId) -> Result<(), InvalidApp> {
        // A field's name below each platform.
        let at = |names: [&'static str; 2]| match platform {
            Platform::Ios => names[0],
            Platform::Android => names[1],
        };
        let is_secret = |credential: &str| {
            let name = at(["ios/credential", "android/credential"]);
            field(is_secret_of(account, credential), name, SECRET)
        };
        match (self, platform) {
            (Self::Apns { .. }, Platform::Android) | (Self::Fcm { .. }, Platform::Ios) => {
                Err(InvalidApp::WrongRoute {
                    platform,
                    route: self.name(),
                })
            }
            (
                Self::Apns {
                    team_id,
                    key_id,
                    topic,
                    credential,
                },
                Platform::Ios,
            ) => {
                let ten = "10 letters and digits";
                field(is_apple_id(team_id), "ios/teamId", ten)?;
                field(is_apple_id(key_id), "ios/keyId", ten)?;
                field(dotted(topic), "ios/topic", "the app's bundle id")?;
                is_secret(credential)
            }
            (
                Self::Fcm {
                    project_id,
                    credential,
                },
                Platform::Android,
            ) => {
                let project = "the id of a Firebase project";
                field(dotted(project_id), "android/projectId", project)?;
                is_secret(credential)
            }
            (
                Self::Sns {
                    platform_application_arn: arn,
                },
                _,
            ) => field(
                is_application_of(account, arn, platform),
                at([
                    "ios/platformApplicationArn",
                    "android/platformApplicationArn",
                ]),
                at(APPLICATION),
            ),
            (
                Self::Proxy {
                    url,
                    credential,
                    headers,
                },
                _,
            ) => {
                field(
                    url.len() <= 512 && address::is_public_url(url),
                    at(["ios/url", "android/url"]),
                    URL,
                )?;
                field(
                    are_free(headers),
                    at(["ios/headers", "android/headers"]),
                    HEADERS,
                )?;
                credential.as_deref().map_or(Ok(()), is_secret)
            }
        }
    }
}

fn is_apple_id(s: &str) -> bool {
    s.len() == 10 && s.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn dotted(s: &str) -> bool {
    (1..=155).contains(&s.len())
        && s.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-_:".contains(&b))
}

/// A brand's secrets have its account in their names, so that no brand sends with another's.
fn is_secret_of(account: &AccountId, s: &str) -> bool {
    // arn:<partition>:secretsmanager:<region>:<owner>:secret:<name>
    let parts: Vec<_> = s.splitn(7, ':').collect();
    printed(s)
        && matches!(parts[..], ["arn", _, "secretsmanager", _, _, "secret", name]
            if name.starts_with(&format!("overture/{account}/")))
}

/// A brand's platform applications have its account in their names, as its secrets have. An
/// account's id holds no `.`, so no name is two brands'.
///
/// Source: <https://docs.aws.amazon.com/sns/latest/api/API_CreatePlatformApplication.html>.
fn is_application_of(account: &AccountId, s: &str, platform: Platform) -> bool {
    let word = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    // arn:<partition>:sns:<region>:<owner>:app/<platform>/<name>
    let parts: Vec<_> = s.split(':').collect();
    let ["arn", partition, "sns", region, owner, resource] = parts[..] else {
        return false;
    };
    let resource: Vec<_> = resource.split('/').collect();
    let ["app", service, name] = resource[..] else {
        return false;
    };
    let serves = match platform {
        Platform::Ios => matches!(service, "APNS" | "APNS_SANDBOX"),
        Platform::Android => service == "GCM",
    };
    serves
        && partition.starts_with("aws")
        && word(partition)
        && word(region)
        && owner.len() == 12
        && owner.bytes().all(|b| b.is_ascii_digit())
        && name.len() <= 256
        && name
            .strip_prefix(&format!("overture.{account}."))
            .is_some_and(|own| !own.is_empty())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

/// As LivePerson's push proxy has them, and none that would change what the request is.
fn are_free(headers: &Headers) -> bool {
    let name_fits = |name: &str| {
        let lower = name.to_ascii_lowercase();
        (1..=24).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-')
            && !name.starts_with('-')
            && !name.ends_with('-')
            && !TAKEN.contains(&lower.as_str())
            && !["webhook-", "proxy-", "content-"]
                .iter()
                .any(|taken| lower.starts_with(taken))
    };
    let value_fits = |value: &str| {
        (1..=300).contains(&value.len())
            && value.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
            && value.trim() == value
    };
    let mut names: Vec<_> = headers.0.keys().map(|n| n.to_ascii_lowercase()).collect();
    names.sort_unstable();
    names.dedup();
    headers.0.len() <= 4
        && names.len() == headers.0.len()
        && headers.0.iter().all(|(n, v)| name_fits(n) && value_fits(v))
}
