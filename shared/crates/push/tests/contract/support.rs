//! What the tests share: a sandbox with its secrets, a clock that is moved, a notification.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sns::config::Credentials;
use domain::{
    account::Route,
    clock::Clock,
    device::{Environment, Platform, PushToken},
    push::{Backend, Custom, Notification, Push as _, Receipt, Target, Undelivered},
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use push::{CannotRead, Gateways, Secrets, Settings};
use sandbox::{Environment as Apple, Keys, Options, Push, Sandbox};
use secrecy::SecretString;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::OnceCell;

/// A token that each gateway takes.
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// Words that no error may hold.
pub(crate) const TEXT: &str = "Your parcel waits";
/// The names of the secrets.
pub(crate) const P8: &str = "arn:aws:secretsmanager:eu-west-1:1:secret:p8";
pub(crate) const ACCOUNT: &str = "arn:aws:secretsmanager:eu-west-1:1:secret:account";

static KEYS: OnceCell<String> = OnceCell::const_new();

/// Secrets in memory; counts how often one is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    secrets: Arc<Mutex<HashMap<String, String>>>,
    pub(crate) reads: Arc<AtomicU64>,
    pub(crate) down: Arc<AtomicU64>,
}

impl Memory {
    pub(crate) fn put(&self, name: &str, secret: &str) {
        let mut secrets = self.secrets.lock().unwrap();
        secrets.insert(name.to_owned(), secret.to_owned());
    }

    pub(crate) fn forget(&self, name: &str) {
        self.secrets.lock().unwrap().remove(name);
    }
}

impl Secrets for Memory {
    async fn secret(&self, name: &str) -> Result<SecretString, CannotRead> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        if self.down.load(Ordering::Relaxed) > 0 {
            return Err(Unavailable::new("no secrets today").into());
        }
        let secret = self.secrets.lock().unwrap().get(name).cloned();
        secret.map(Into::into).ok_or(CannotRead::Refused)
    }
}

/// The machine's clock, moved by the test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moved(Arc<AtomicI64>);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// AWS, at `url`.
pub(crate) async fn aws(url: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .load()
        .await
}

/// Where a sandbox's gateways are.
fn settings(sandbox: &Sandbox) -> Settings {
    Settings {
        apns: sandbox.apns_url(Apple::Production),
        apns_sandbox: sandbox.apns_url(Apple::Development),
        fcm: sandbox.fcm_url(),
        google_token: sandbox.fcm_token_url(),
        authorities: Some(sandbox.ca_pem().to_owned()),
        outbound_private: true,
    }
}

/// The adapters, and the gateways they push to.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) secrets: Memory,
    pub(crate) gateways: Gateways<Memory, Moved>,
    clock: Moved,
}

impl World {
    pub(crate) async fn new() -> Self {
        let keys = KEYS
            .get_or_init(|| async {
                let first = Sandbox::start(Options::default()).await.unwrap();
                serde_json::to_string(&first.keys()).unwrap()
            })
            .await;
        let keys: Keys = serde_json::from_str(keys).unwrap();
        let options = Options {
            keys: Some(keys),
            ..Options::default()
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let settings = settings(&sandbox);
        let (secrets, clock) = (Memory::default(), Moved::default());
        secrets.put(P8, &sandbox.apns_key().pem);
        secrets.put(ACCOUNT, &sandbox.service_account().to_string());
        let gateways = Gateways::new(&settings, secrets.clone(), clock.clone()).unwrap();
        Self {
            sandbox,
            secrets,
            gateways,
            clock,
        }
    }

    /// With SNS at `url`.
    pub(crate) async fn with_sns(self, url: &str) -> Self {
        let gateways = self.gateways.with_aws(&aws(url).await);
        Self { gateways, ..self }
    }

    pub(crate) fn settings(&self) -> Settings {
        settings(&self.sandbox)
    }

    pub(crate) fn clock(&self) -> Moved {
        self.clock.clone()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves both sides' clocks.
    pub(crate) fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap();
        self.clock.0.fetch_add(millis, Ordering::Relaxed);
        self.sandbox.advance(by);
    }

    pub(crate) fn apns(&self) -> Route {
        let key = self.sandbox.apns_key();
        Route::Apns {
            team_id: key.team_id,
            key_id: key.key_id,
            topic: "com.example.shop".to_owned(),
            credential: P8.to_owned(),
        }
    }

    pub(crate) fn fcm(&self) -> Route {
        Route::Fcm {
            project_id: self.sandbox.brand().project_id.clone(),
            credential: ACCOUNT.to_owned(),
        }
    }

    pub(crate) fn notification(&self) -> Notification {
        let lookback = SignedDuration::from_hours(24 * 30);
        Notification {
            account: "demo".parse().unwrap(),
            title: Some("Shop".to_owned()),
            body: TEXT.to_owned(),
            collapse_id: "one".to_owned(),
            expires_at: self.now() + lookback,
            custom: Custom::Proactive {
                transaction: "0190163d-8694-739b-aea5-966c26f8ad91".parse().unwrap(),
                backend: Backend::Prmsg,
                lookback,
                le_campaign: "11".to_owned(),
                le_engagement: "22".to_owned(),
                consumer: "alice".parse().unwrap(),
            },
        }
    }

    /// Pushes the notification to [`TOKEN`].
    pub(crate) async fn push(&self, route: &Route) -> Result<Receipt, Undelivered> {
        self.push_it(route, Environment::Production, &self.notification())
            .await
    }

    pub(crate) async fn push_it(
        &self,
        route: &Route,
        environment: Environment,
        notification: &Notification,
    ) -> Result<Receipt, Undelivered> {
        let platform = match route {
            Route::Apns { .. } => Platform::Ios,
            _ => Platform::Android,
        };
        self.push_as(platform, route, environment, notification)
            .await
    }

    /// Pushes the notification to [`TOKEN`] on a platform.
    pub(crate) async fn push_on(
        &self,
        platform: Platform,
        route: &Route,
    ) -> Result<Receipt, Undelivered> {
        self.push_as(
            platform,
            route,
            Environment::Production,
            &self.notification(),
        )
        .await
    }

    pub(crate) async fn push_as(
        &self,
        platform: Platform,
        route: &Route,
        environment: Environment,
        notification: &Notification,
    ) -> Result<Receipt, Undelivered> {
        let token: PushToken = TOKEN.parse().unwrap();
        let target = Target {
            environment,
            ..Self::target(platform, route, &token)
        };
        let pushed = self.gateways.push(target, notification).await;
        if let Err(e) = &pushed {
            let shown = format!("{e} {e:?}");
            assert!(!shown.contains(TOKEN) && !shown.contains(TEXT), "{shown}");
        }
        pushed
    }

    pub(crate) const fn target<'a>(
        platform: Platform,
        route: &'a Route,
        token: &'a PushToken,
    ) -> Target<'a> {
        Target {
            route,
            platform,
            environment: Environment::Production,
            token,
            registered_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// The one push that came.
    pub(crate) fn only(&self) -> Push {
        let pushes = self.sandbox.pushes();
        assert_eq!(pushes.len(), 1, "{pushes:?}");
        pushes.into_iter().next().unwrap()
    }
}
