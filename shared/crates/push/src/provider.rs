//! Which route goes to which gateway.

use crate::{
    apns::{self, Apns},
    connection::{Connector, WHOLE, later},
    credentials::{Credentials, Secrets},
    fcm::{self, Fcm},
    outbound::Outbound,
    proxy::{self, Proxy},
    settings::{CannotConnect, Settings},
    sns::Sns,
};
use aws_config::SdkConfig;
use domain::{
    account::Route,
    clock::Clock,
    push::{Notification, Push, Receipt, Target, Undelivered},
};

/// All gateways that a route can name.
#[derive(Debug)]
pub struct Gateways<S, C> {
    credentials: Credentials<S>,
    clock: C,
    apns: Apns,
    fcm: Fcm,
    sns: Sns,
    proxy: Proxy,
}

/// The gateway of one route: another kind of route joins here.
enum Provider<'a> {
    Apns(&'a Apns, apns::Route<'a>),
    Fcm(&'a Fcm, fcm::Route<'a>),
    Sns(&'a Sns, &'a str),
    Proxy(&'a Proxy, proxy::Route<'a>),
}

impl<S: Secrets, C: Clock> Gateways<S, C> {
    /// The gateways that `settings` name. No connection is made before the first push.
    ///
    /// # Errors
    /// When a URL or the certificate authority cannot be used.
    pub fn new(settings: &Settings, secrets: S, clock: C) -> Result<Self, CannotConnect> {
        let connector = Connector::new(settings)?;
        let outbound = Outbound::new(&connector, settings.outbound_private, WHOLE)?;
        Ok(Self {
            credentials: Credentials::new(secrets),
            clock,
            apns: Apns::new(settings, &connector)?,
            fcm: Fcm::new(settings, &connector)?,
            sns: Sns::default(),
            proxy: Proxy::new(outbound),
        })
    }

    /// With SNS as `config` has it: its region, credentials and endpoint. Otherwise all this is
    /// read from the environment when a push first needs it.
    #[must_use]
    pub fn with_aws(self, config: &SdkConfig) -> Self {
        Self {
            sns: Sns::with(config),
            ..self
        }
    }

    fn provider<'a>(&'a self, route: &'a Route) -> Provider<'a> {
        match route {
            Route::Apns {
                team_id,
                key_id,
                topic,
                credential,
            } => Provider::Apns(
                &self.apns,
                apns::Route {
                    team_id,
                    key_id,
                    topic,
                    credential,
                },
            ),
            Route::Fcm {
                project_id,
                credential,
            } => Provider::Fcm(
                &self.fcm,
                fcm::Route {
                    project_id,
                    credential,
                },
            ),
            Route::Sns {
                platform_application_arn,
            } => Provider::Sns(&self.sns, platform_application_arn),
            Route::Proxy {
                url,
                credential,
                headers,
            } => Provider::Proxy(
                &self.proxy,
                proxy::Route {
                    url,
                    credential: credential.as_deref(),
                    headers,
                },
            ),
        }
    }
}

impl<S: Secrets, C: Clock> Push for Gateways<S, C> {
    async fn push(
        &self,
        target: Target<'_>,
        notification: &Notification,
    ) -> Result<Receipt, Undelivered> {
        if notification.expires_at <= self.clock.now() {
            return Err(Undelivered::Rejected {
                reason: "expired".into(),
            });
        }
        let (credentials, clock) = (&self.credentials, &self.clock);
        let pushed = async {
            match self.provider(target.route) {
                Provider::Apns(apns, route) => {
                    apns.push(credentials, clock, route, &target, notification)
                        .await
                }
                Provider::Fcm(fcm, route) => {
                    fcm.push(credentials, clock, route, &target, notification)
                        .await
                }
                Provider::Sns(sns, application) => {
                    sns.push(clock, application, &target, notification).await
                }
                Provider::Proxy(proxy, route) => {
                    proxy
                        .push(credentials, clock, route, &target, notification)
                        .await
                }
            }
        };
        // Waiting for a secret or a token counts.
        let pushed = match tokio::time::timeout(WHOLE, pushed).await {
            Ok(pushed) => pushed,
            Err(_) => Err(later("timeout")),
        };
        if let (Err(Undelivered::Refused { .. }), Some(name)) = (&pushed, target.route.credential())
        {
            credentials.doubt(name).await;
        }
        pushed
    }
}
