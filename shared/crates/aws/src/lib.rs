//! How functions reach AWS: one configuration, and one pool of connections, for all clients of a
//! process.
//!
//! `aws_config::load_defaults` looks for credentials in every place there is: profiles, web
//! identities, the metadata of containers and machines, and the token service behind them. Lambda
//! puts a function's into its environment, so this reads nothing else, and all that code is not in
//! the binaries.
//!
//! Whom the connections trust is said in `tls`.

mod tls;

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider,
    retry::RetryConfig,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use std::{env, fmt, sync::OnceLock};

/// The configuration that Lambda's environment gives: `AWS_REGION`, the credentials of the
/// function's role (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`),
/// `AWS_MAX_ATTEMPTS` (the most tries of a request, else 3), and for services that are elsewhere, as
/// in the local stack, `AWS_ENDPOINT_URL_<SERVICE>` or `AWS_ENDPOINT_URL`
/// ([service-specific endpoints](https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html))
/// and `SSL_CERT_FILE` (a file of the only authorities to trust).
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "these variables are the AWS SDK's, which settings.rs leaves to it"
)]
pub fn config() -> &'static SdkConfig {
    static CONFIG: OnceLock<SdkConfig> = OnceLock::new();
    CONFIG.get_or_init(|| read(|name| env::var(name).ok()))
}

/// Looks a variable up.
type Lookup = fn(&str) -> Option<String>;

fn read(variable: Lookup) -> SdkConfig {
    let region = variable("AWS_REGION");
    let given = variable("SSL_CERT_FILE").is_some();
    let authorities = tls::authorities(region.as_deref(), given);
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(
            EnvironmentVariableCredentialsProvider::new(),
        ))
        .http_client(tls::connections(authorities))
        .service_config(OfServices(variable));
    config.set_region(region.map(Region::new));
    let attempts = variable("AWS_MAX_ATTEMPTS").and_then(|n| n.parse().ok());
    config.set_retry_config(attempts.map(|n| RetryConfig::standard().with_max_attempts(n)));
    config.build()
}

/// What the environment says of a service, or else of all.
struct OfServices(Lookup);

impl fmt::Debug for OfServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OfServices")
    }
}

impl LoadServiceConfig for OfServices {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace([' ', '-'], "_");
        (self.0)(&format!("{}_{service}", key.env())).or_else(|| (self.0)(key.env()))
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use aws_types::{SdkConfig, service_config::ServiceConfigKey};

    fn endpoint(config: &SdkConfig, service: &str) -> Option<String> {
        let key = ServiceConfigKey::builder()
            .service_id(service)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        config.service_config()?.load_config(key.unwrap())
    }

    #[test]
    fn the_environment_says_where_and_as_whom() {
        let config = read(|name| match name {
            "AWS_REGION" => Some("eu-west-1".to_owned()),
            "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:1".to_owned()),
            "AWS_MAX_ATTEMPTS" => Some("1".to_owned()),
            "AWS_ENDPOINT_URL_SECRETS_MANAGER" => Some("http://127.0.0.1:2".to_owned()),
            _ => None,
        });
        assert_eq!(config.region().unwrap().as_ref(), "eu-west-1");
        let [secrets, queue] = ["Secrets Manager", "SQS"].map(|s| endpoint(&config, s).unwrap());
        assert_eq!(secrets, "http://127.0.0.1:2");
        assert_eq!(queue, "http://127.0.0.1:1");
        assert!(config.credentials_provider().is_some());
        assert!(config.http_client().is_some());
        assert_eq!(config.retry_config().unwrap().max_attempts(), 1);
    }

    #[test]
    fn by_itself_each_service_is_where_aws_has_it() {
        assert_eq!(endpoint(&read(|_| None), "SQS"), None);
    }
}
