//! How functions reach AWS: one configuration, and one pool of connections, for all clients of a
//! process.
//!
//! `aws_config::load_defaults` looks for credentials in every place there is: profiles, web
//! identities, the metadata of containers and machines, and the token service behind them. Lambda
//! puts a function's into its environment, so this reads nothing else. All that code is not in the
//! binaries, and the root certificates are loaded once.

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use std::{env, sync::OnceLock};

/// The configuration that Lambda's environment gives: `AWS_REGION`, the credentials of the
/// function's role (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`), and
/// `AWS_ENDPOINT_URL` for services that are elsewhere, as in the local stack.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "these variables are the AWS SDK's, which settings.rs leaves to it"
)]
pub fn config() -> &'static SdkConfig {
    static CONFIG: OnceLock<SdkConfig> = OnceLock::new();
    CONFIG.get_or_init(|| read(|name| env::var(name).ok()))
}

fn read(variable: impl Fn(&str) -> Option<String>) -> SdkConfig {
    let connections = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(
            EnvironmentVariableCredentialsProvider::new(),
        ))
        .http_client(connections);
    config.set_region(variable("AWS_REGION").map(Region::new));
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL"));
    config.build()
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn the_environment_says_where_and_as_whom() {
        let config = read(|name| match name {
            "AWS_REGION" => Some("eu-west-1".to_owned()),
            "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:1".to_owned()),
            _ => None,
        });
        assert_eq!(config.region().unwrap().as_ref(), "eu-west-1");
        assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:1"));
        assert!(config.credentials_provider().is_some());
        assert!(config.http_client().is_some());
    }

    #[test]
    fn by_itself_each_service_is_where_aws_has_it() {
        assert_eq!(read(|_| None).endpoint_url(), None);
    }
}
