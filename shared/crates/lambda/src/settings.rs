//! All that the environment tells a function; the only place that reads it.
//!
//! | variable | what it is | without it |
//! |---|---|---|
//! | `TABLE_NAME` | the DynamoDB table | the function does not start |
//! | `SEND_QUEUE_URL` | the queue of jobs for `send` | the function does not start |
//! | `WEBHOOK_QUEUE_URL` | the queue of deliveries to webhooks | the function does not start |
//! | `EVENTS_TOPIC_ARN` | the topic that tells of conversations | the function does not start |
//! | `TOKEN_SECRET_ARN` | the secret `{"current", "previous"}` that signs brand tokens | the function does not start |
//! | `WEBHOOK_SECRET_ARN` | the secret `{"current", "previous"}` that webhooks' secrets are derived from | the function does not start |
//! | `OPERATOR_SECRET_ARN` | the secret `{"client_id", "client_secret"}` of the operator's client | the function does not start |
//! | `APNS_PRODUCTION_URL` | Apple's gateway for apps from the store | `https://api.push.apple.com` |
//! | `APNS_SANDBOX_URL` | Apple's gateway for apps under development | `https://api.sandbox.push.apple.com` |
//! | `FCM_URL` | Google's gateway | `https://fcm.googleapis.com` |
//! | `FCM_TOKEN_URL` | where Google gives tokens for its gateway | `https://oauth2.googleapis.com/token` |
//! | `RETENTION_DAYS` | how long data is kept: 31 to 3650 days | `396` |
//! | `METRICS_NAMESPACE` | what metrics are called under in CloudWatch | the function does not start |
//! | `OUTBOUND_PRIVATE` | `allow` for tests whose push proxies and webhooks are on their own machine | private addresses are never called |
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` | the collector of traces, an http URL on the function's own machine | nothing is traced |
//! | `OTEL_TRACES_SAMPLER_ARG` | which share of the traces that begin here are recorded: 0 to 1 | `1` |
//! | `CLOCK_OFFSET_SECONDS` | how far tests move the clock ahead | `0` |
//! | `SSL_CERT_FILE` | a file of the only certificate authorities to trust, in PEM: that of a sandbox | Mozilla's, and Amazon's for AWS |
//! | `AWS_LAMBDA_LOG_LEVEL` | Lambda's: the least severe lines of the log | `INFO` |
//! | `AWS_LAMBDA_LOG_FORMAT` | Lambda's: `JSON` for lines of the log that are JSON | plain text |
//!
//! A function asks for what it needs, so that it does not start without it, and does not
//! need what others need. Lambda's other variables and those of the AWS SDK are theirs.

use domain::clock::SystemClock;
use jiff::SignedDuration;
use std::{fmt, fs, str::FromStr};
use tracing::level_filters::LevelFilter;

/// A variable is missing or malformed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {name} must be {expected}, it is {}", if *.given { "something else" } else { "not set" })]
pub struct SettingsError {
    name: &'static str,
    expected: &'static str,
    given: bool,
}

/// Where the push gateways are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateways {
    /// APNs for apps from the store.
    pub apns_production: String,
    /// APNs for apps under development.
    pub apns_sandbox: String,
    /// FCM.
    pub fcm: String,
    /// Google's token endpoint.
    pub fcm_token: String,
}

/// Where traces go.
#[derive(Clone, Debug, PartialEq)]
pub struct Traces {
    /// The collector.
    pub collector: String,
    /// Which share of the traces that begin here are recorded, from 0 to 1.
    pub ratio: f64,
    /// The function's name.
    pub function: String,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least severe lines that are written.
    pub level: LevelFilter,
    /// Whether each line is JSON.
    pub is_json: bool,
}

/// The environment.
pub struct Environment(Lookup);

type Lookup = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

impl Environment {
    /// The process's own.
    #[must_use]
    pub fn of_process() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the place that reads the environment"
        )]
        Self(Box::new(|name| std::env::var(name).ok()))
    }

    /// The DynamoDB table's name.
    ///
    /// # Errors
    /// When it is not set, or no name that a table can have.
    pub fn table(&self) -> Result<String, SettingsError> {
        let expected = "the name of the DynamoDB table";
        let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        self.needed("TABLE_NAME", expected, |name| name.chars().all(fits))
    }

    /// The URL of the queue of jobs.
    ///
    /// # Errors
    /// When it is not set, or no URL.
    pub fn send_queue(&self) -> Result<String, SettingsError> {
        self.needed("SEND_QUEUE_URL", "the URL of the queue of jobs", is_url)
    }

    /// The URL of the queue of deliveries.
    ///
    /// # Errors
    /// When it is not set, or no URL.
    pub fn webhook_queue(&self) -> Result<String, SettingsError> {
        let expected = "the URL of the queue of deliveries";
        self.needed("WEBHOOK_QUEUE_URL", expected, is_url)
    }

    /// The ARN of the secret that webhooks' secrets are derived from.
    ///
    /// # Errors
    /// When it is not set, or no ARN of Secrets Manager.
    pub fn webhook_secret(&self) -> Result<String, SettingsError> {
        let expected = "the ARN of the secret that webhooks' secrets are derived from";
        self.needed("WEBHOOK_SECRET_ARN", expected, is_secret)
    }

    /// The ARN of the topic that tells of conversations.
    ///
    /// # Errors
    /// When it is not set, or no ARN of SNS.
    pub fn events_topic(&self) -> Result<String, SettingsError> {
        let expected = "the ARN of the topic of events";
        self.needed("EVENTS_TOPIC_ARN", expected, |arn| is_arn(arn, "sns"))
    }

    /// The ARN of the secret that signs brand tokens.
    ///
    /// # Errors
    /// When it is not set, or no ARN of Secrets Manager.
    pub fn token_secret(&self) -> Result<String, SettingsError> {
        let expected = "the ARN of the secret that signs tokens";
        self.needed("TOKEN_SECRET_ARN", expected, is_secret)
    }

    /// The ARN of the secret with the operator's client.
    ///
    /// # Errors
    /// When it is not set, or no ARN of Secrets Manager.
    pub fn operator_secret(&self) -> Result<String, SettingsError> {
        let expected = "the ARN of the secret with the operator's client";
        self.needed("OPERATOR_SECRET_ARN", expected, is_secret)
    }

    /// Where the push gateways are: the real ones, unless it is said otherwise.
    ///
    /// # Errors
    /// When one is no URL.
    pub fn gateways(&self) -> Result<Gateways, SettingsError> {
        Ok(Gateways {
            apns_production: self.url("APNS_PRODUCTION_URL", "https://api.push.apple.com")?,
            apns_sandbox: self.url("APNS_SANDBOX_URL", "https://api.sandbox.push.apple.com")?,
            fcm: self.url("FCM_URL", "https://fcm.googleapis.com")?,
            fcm_token: self.url("FCM_TOKEN_URL", "https://oauth2.googleapis.com/token")?,
        })
    }

    /// The only certificate authorities to trust, in PEM, if they are not the usual ones.
    ///
    /// # Errors
    /// When they are said to be in a file that is not there.
    pub fn authorities(&self) -> Result<Option<String>, SettingsError> {
        let name = "SSL_CERT_FILE";
        let Some(file) = self.given(name) else {
            return Ok(None);
        };
        fs::read_to_string(file)
            .map(Some)
            .map_err(|_| SettingsError {
                name,
                expected: "a file of certificates in PEM, or not set",
                given: true,
            })
    }

    /// How the log is written: as Lambda's own switches say. What they do not say, or say in a way
    /// that is not known, does not keep a function from working.
    #[must_use]
    pub fn log(&self) -> Log {
        let level = self.given("AWS_LAMBDA_LOG_LEVEL");
        let level = level.and_then(|level| level.parse().ok());
        let form = self.given("AWS_LAMBDA_LOG_FORMAT");
        Log {
            level: level.unwrap_or(LevelFilter::INFO),
            is_json: form.is_some_and(|form| form.eq_ignore_ascii_case("json")),
        }
    }

    /// What telemetry needs: the namespace of the metrics, and where traces go. A function that
    /// calls somebody before it serves asks for this first.
    ///
    /// # Errors
    /// As those two.
    pub fn telemetry(&self) -> Result<(String, Option<Traces>), SettingsError> {
        Ok((self.metrics_namespace()?, self.traces()?))
    }

    /// The namespace of the metrics.
    ///
    /// # Errors
    /// When it is not set, none that CloudWatch takes, or one of AWS's own.
    pub fn metrics_namespace(&self) -> Result<String, SettingsError> {
        let expected = "a namespace for metrics";
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-/#".contains(c);
        self.needed("METRICS_NAMESPACE", expected, |name| {
            name.len() <= 255 && name.chars().all(fits) && !name.starts_with("AWS/")
        })
    }

    /// Whether brands' own endpoints may be on private addresses: on the local stack and in
    /// tests, never where it is deployed.
    ///
    /// # Errors
    /// When it is set to anything but `allow`.
    pub fn outbound_private(&self) -> Result<bool, SettingsError> {
        match self.given("OUTBOUND_PRIVATE").as_deref() {
            None => Ok(false),
            Some("allow") => Ok(true),
            Some(_) => Err(SettingsError {
                name: "OUTBOUND_PRIVATE",
                expected: "`allow` or not set",
                given: true,
            }),
        }
    }

    /// Where traces go, if they go anywhere.
    ///
    /// # Errors
    /// When the collector is no http URL, or the share is none.
    pub fn traces(&self) -> Result<Option<Traces>, SettingsError> {
        let collector = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let expected = "an http URL without query";
        let is_near = |url: &String| url.starts_with("http://") && is_url(url);
        let collector = self.parsed(collector, expected, String::new(), is_near)?;
        let expected = "a number from 0 to 1";
        let ratio = self.parsed("OTEL_TRACES_SAMPLER_ARG", expected, 1.0, |ratio: &f64| {
            (0.0..=1.0).contains(ratio)
        })?;
        Ok((!collector.is_empty()).then(|| Traces {
            collector,
            ratio,
            function: self.given("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default(),
        }))
    }

    /// How long campaigns, messages and conversations are kept.
    ///
    /// # Errors
    /// When it is not 31 to 3650 days.
    pub fn retention(&self) -> Result<SignedDuration, SettingsError> {
        let expected = "a number of days from 31 to 3650";
        let days = self.parsed("RETENTION_DAYS", expected, 396, |days: &i64| {
            (31..=3650).contains(days)
        })?;
        Ok(SignedDuration::from_hours(days * 24))
    }

    /// The clock: the machine's, unless a test moves it.
    ///
    /// # Errors
    /// When its offset is no number.
    pub fn clock(&self) -> Result<SystemClock, SettingsError> {
        let ten_years = 10 * 366 * 86_400;
        let expected = "a number of seconds, at most ten years";
        let ahead = self.parsed("CLOCK_OFFSET_SECONDS", expected, 0, |ahead: &i64| {
            (-ten_years..=ten_years).contains(ahead)
        })?;
        Ok(SystemClock::ahead_by(SignedDuration::from_secs(ahead)))
    }

    fn given(&self, name: &str) -> Option<String> {
        self.0(name).filter(|value| !value.is_empty())
    }

    fn needed(
        &self,
        name: &'static str,
        expected: &'static str,
        fits: impl Fn(&str) -> bool,
    ) -> Result<String, SettingsError> {
        let value = self.given(name);
        let given = value.is_some();
        value.filter(|value| fits(value)).ok_or(SettingsError {
            name,
            expected,
            given,
        })
    }

    fn parsed<T: FromStr>(
        &self,
        name: &'static str,
        expected: &'static str,
        default: T,
        fits: impl Fn(&T) -> bool,
    ) -> Result<T, SettingsError> {
        let Some(value) = self.given(name) else {
            return Ok(default);
        };
        value.parse().ok().filter(fits).ok_or(SettingsError {
            name,
            expected,
            given: true,
        })
    }

    fn url(&self, name: &'static str, default: &str) -> Result<String, SettingsError> {
        let expected = "an http or https URL without query";
        let url = self.parsed(name, expected, default.to_owned(), |url: &String| {
            is_url(url)
        })?;
        Ok(url.trim_end_matches('/').to_owned())
    }
}

fn is_url(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://")) && !url.contains(['?', '#'])
}

fn is_secret(arn: &str) -> bool {
    is_arn(arn, "secretsmanager")
}

/// Whether it is `arn:partition:service:region:account:resource`.
fn is_arn(arn: &str, service: &str) -> bool {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    parts.len() == 6 && parts[0] == "arn" && parts[2] == service && !parts[5].is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::Clock as _;

    fn environment<const N: usize>(pairs: [(&'static str, &'static str); N]) -> Environment {
        Environment(Box::new(move |name| {
            let pair = pairs.iter().find(|(key, _)| *key == name);
            pair.map(|(_, value)| (*value).to_owned())
        }))
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = environment([]).table().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the environment variable TABLE_NAME must be the name of the DynamoDB table, it is not set"
        );
        assert!(environment([("TABLE_NAME", "")]).table().is_err());
        assert_eq!(environment([("TABLE_NAME", "t")]).table(), Ok("t".into()));
    }

    #[test]
    fn an_arn_is_one_of_the_service() {
        let secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:token-AbCdEf";
        let topic = "arn:aws-cn:sns:cn-north-1:123456789012:events";
        for (value, is_topic, is_token) in [
            (secret, false, true),
            (topic, true, false),
            ("arn:aws:sns:eu-west-1:123456789012:", false, false),
            ("token", false, false),
        ] {
            let environment =
                environment([("EVENTS_TOPIC_ARN", value), ("TOKEN_SECRET_ARN", value)]);
            assert_eq!(environment.events_topic().is_ok(), is_topic, "{value}");
            assert_eq!(environment.token_secret().is_ok(), is_token, "{value}");
        }
    }

    #[test]
    fn what_is_malformed_is_named_and_not_shown() {
        let error = environment([("RETENTION_DAYS", "ages")]).retention();
        let error = error.unwrap_err().to_string();
        assert!(error.contains("RETENTION_DAYS must be a number of days"));
        assert!(!error.contains("ages"));
        for days in ["30", "3651", "-1", "9223372036854775807"] {
            assert!(environment([("RETENTION_DAYS", days)]).retention().is_err());
        }
    }

    #[test]
    fn a_namespace_is_one_of_ours() {
        let named = |name| environment([("METRICS_NAMESPACE", name)]).metrics_namespace();
        assert_eq!(named("Overture/prod"), Ok("Overture/prod".into()));
        for bad in ["AWS/Lambda", "two words", ":prod", ""] {
            assert!(named(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn gateways_are_the_real_ones_by_default() {
        let real = environment([]).gateways().unwrap();
        assert_eq!(real.apns_production, "https://api.push.apple.com");
        assert_eq!(real.fcm_token, "https://oauth2.googleapis.com/token");
        let sandbox = environment([("FCM_URL", "https://localhost:1234/")]);
        assert_eq!(sandbox.gateways().unwrap().fcm, "https://localhost:1234");
        assert!(environment([("FCM_URL", "localhost")]).gateways().is_err());
    }

    #[test]
    fn private_addresses_are_called_only_where_it_is_allowed() {
        assert_eq!(environment([]).outbound_private(), Ok(false));
        let allowed = environment([("OUTBOUND_PRIVATE", "allow")]);
        assert_eq!(allowed.outbound_private(), Ok(true));
        for other in ["true", "1", "deny", "ALLOW"] {
            let other = environment([("OUTBOUND_PRIVATE", other)]);
            assert!(other.outbound_private().is_err());
        }
    }

    #[test]
    fn traces_go_nowhere_unless_it_is_said_where() {
        let ratio = "OTEL_TRACES_SAMPLER_ARG";
        let near = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
        assert_eq!(environment([]).traces(), Ok(None));
        assert_eq!(environment([(ratio, "0.05")]).traces(), Ok(None));
        let traces = |share| environment([near, (ratio, share)]).traces();
        for (share, read) in [("", 1.0), ("0", 0.0), ("0.05", 0.05), ("1", 1.0)] {
            let traces = traces(share).unwrap().unwrap();
            assert_eq!(traces.collector, "http://localhost:4318");
            assert!((traces.ratio - read).abs() < 1e-9, "{share}");
        }
        for share in ["1.1", "-1", "NaN", "all"] {
            assert!(traces(share).is_err(), "{share}");
        }
        for elsewhere in ["https://example.com", "localhost:4318", "http://a?b"] {
            assert!(environment([(near.0, elsewhere)]).traces().is_err());
        }
    }

    #[test]
    fn authorities_are_the_usual_ones_unless_a_file_is_named() {
        assert_eq!(environment([]).authorities(), Ok(None));
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let given = environment([("SSL_CERT_FILE", manifest)]).authorities();
        assert!(given.unwrap().unwrap().contains("[package]"));
        let missing = environment([("SSL_CERT_FILE", "/no/such/file.pem")]).authorities();
        assert!(missing.unwrap_err().to_string().contains("SSL_CERT_FILE"));
    }

    #[test]
    fn the_log_is_as_lambda_says() {
        let (level, form) = ("AWS_LAMBDA_LOG_LEVEL", "AWS_LAMBDA_LOG_FORMAT");
        let usual = environment([]).log();
        assert_eq!((usual.level, usual.is_json), (LevelFilter::INFO, false));
        for (said, wanted) in [
            ("TRACE", LevelFilter::TRACE),
            ("debug", LevelFilter::DEBUG),
            ("WARN", LevelFilter::WARN),
            ("ERROR", LevelFilter::ERROR),
            ("everything", LevelFilter::INFO),
        ] {
            assert_eq!(environment([(level, said)]).log().level, wanted, "{said}");
        }
        assert!(environment([(form, "JSON")]).log().is_json);
        assert!(!environment([(form, "Text")]).log().is_json);
    }

    #[test]
    fn tests_move_the_clock() {
        let ahead = environment([("CLOCK_OFFSET_SECONDS", "7200")]);
        let ahead = ahead.clock().unwrap().now();
        let behind = environment([]).clock().unwrap().now();
        assert!((7190..7210).contains(&ahead.duration_since(behind).as_secs()));
    }
}
