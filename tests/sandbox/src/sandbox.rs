//! The sandbox as a test holds it: started, asked, scripted, and stopped when dropped.

mod consumers;

use crate::{
    apns::Apns,
    brand::{ApnsKey, Brand, CannotMakeKeys},
    control,
    fcm::Fcm,
    identity::Identity,
    options::{CannotStart, Keys, Options},
    proxy::Proxy,
    receiver::{self, Received},
    record::{Push, TimedOut, Visible},
    script::{Answer, Device, Environment},
    serve::Listening,
    tls::Authority,
    world::{World, lock},
};
use jiff::Timestamp;
use serde_json::Value;
use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, OnceLock, atomic::Ordering},
    time::Duration,
};

/// The gateways and the identity provider, at work until dropped. Cloning shares it.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    world: Arc<World>,
    authority: Authority,
    apns: Listening,
    apns_development: Listening,
    fcm: Listening,
    proxy: Listening,
    identity: Listening,
    control: OnceLock<control::Controlling>,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("apns", &self.0.apns.address)
            .field("fcm", &self.0.fcm.address)
            .finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Starts the gateways. Making new keys takes a moment.
    ///
    /// # Errors
    /// When keys cannot be made, or a port cannot be had.
    pub async fn start(options: Options) -> Result<Self, CannotStart> {
        let host = options.host();
        let keys = match options.keys {
            Some(keys) => keys,
            None => {
                blocking(|| {
                    Ok(Keys {
                        authority: Authority::new()?,
                        brands: vec![Brand::new("demo")?],
                    })
                })
                .await?
            }
        };
        let world = Arc::new(World::default());
        for brand in keys.brands {
            world.put_brand(brand);
        }
        let (authority, ports) = (keys.authority, options.ports);
        let apns = |port, environment| {
            let gateway = Apns {
                world: Arc::clone(&world),
                environment,
                updates: options.token_updates,
            };
            let tls = authority.acceptor(host, &["h2"]);
            async move {
                let listening = Listening::start((host, port), tls?, true, gateway).await;
                listening.map_err(CannotStart::listen("APNs", port))
            }
        };
        let production = apns(ports.apns, Environment::Production).await?;
        let development = apns(ports.apns_development, Environment::Development).await?;
        let both = authority.acceptor(host, &["h2", "http/1.1"])?;
        let audiences = Arc::new(OnceLock::new());
        let gateway = Fcm {
            world: Arc::clone(&world),
            audiences: Arc::clone(&audiences),
        };
        let fcm = Listening::start((host, ports.fcm), both.clone(), false, gateway).await;
        let fcm = fcm.map_err(CannotStart::listen("FCM", ports.fcm))?;
        let _ = audiences.set(vec![
            format!("{}/token", fcm.url()),
            format!("https://{}/token", fcm.address),
            "https://oauth2.googleapis.com/token".to_owned(),
        ]);
        let gateway = Proxy {
            world: Arc::clone(&world),
        };
        let proxy = Listening::start((host, ports.proxy), both.clone(), false, gateway).await;
        let proxy = proxy.map_err(CannotStart::listen("the push proxy", ports.proxy))?;
        let base = Arc::new(OnceLock::new());
        let provider = Identity {
            world: Arc::clone(&world),
            base: Arc::clone(&base),
        };
        let identity = Listening::start((host, ports.identity), both, false, provider).await;
        let listen = CannotStart::listen("the identity provider", ports.identity);
        let identity = identity.map_err(listen)?;
        let _ = base.set(identity.url());
        let sandbox = Self(Arc::new(Inner {
            world,
            authority,
            apns: production,
            apns_development: development,
            fcm,
            proxy,
            identity,
            control: OnceLock::new(),
        }));
        let handle = Handle(Arc::downgrade(&sandbox.0));
        let control = control::Controlling::start(ports.control, handle).await;
        let control = control.map_err(CannotStart::listen("the control API", ports.control))?;
        let _ = sandbox.0.control.set(control);
        Ok(sandbox)
    }

    /// The base URL of APNs.
    #[must_use]
    pub fn apns_url(&self, environment: Environment) -> String {
        match environment {
            Environment::Production => self.0.apns.url(),
            Environment::Development => self.0.apns_development.url(),
        }
    }

    /// The base URL of FCM.
    #[must_use]
    pub fn fcm_url(&self) -> String {
        self.0.fcm.url()
    }

    /// The URL of Google's token endpoint.
    #[must_use]
    pub fn fcm_token_url(&self) -> String {
        format!("{}/token", self.0.fcm.url())
    }

    /// The URL of the brands' push proxy.
    #[must_use]
    pub fn proxy_url(&self) -> String {
        format!("{}/push", self.0.proxy.named_url())
    }

    /// The URL of a brand's webhook. Its script is named by the URL's path, `/webhooks/{name}`.
    #[must_use]
    pub fn webhook_url(&self, name: &str) -> String {
        format!("{}{}{name}", self.0.proxy.named_url(), receiver::PATH)
    }

    /// What webhooks were told so far, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        lock(&self.0.world.received).clone()
    }

    /// The issuer of the first brand's consumers.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.0.identity.url()
    }

    /// The issuer of a brand's consumers; its documents are below it.
    #[must_use]
    pub fn issuer_of(&self, brand: &str) -> String {
        format!("{}/{brand}", self.0.identity.url())
    }

    /// The key set of the first brand's consumers.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("{}/jwks.json", self.issuer())
    }

    /// The address of the control API.
    #[must_use]
    pub fn control_address(&self) -> Option<SocketAddr> {
        self.0.control.get().map(|control| control.address)
    }

    /// The certificate that clients must trust, in PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.0.authority.certificate
    }

    /// The first brand's key for APNs.
    #[must_use]
    pub fn apns_key(&self) -> ApnsKey {
        self.brand().apns_key()
    }

    /// The first brand's service account, as Google's file.
    #[must_use]
    pub fn service_account(&self) -> Value {
        self.service_account_of(&self.brand())
    }

    /// A brand's service account, as Google's file.
    #[must_use]
    pub fn service_account_of(&self, brand: &Brand) -> Value {
        brand.service_account(&self.fcm_token_url())
    }

    /// The first brand.
    ///
    /// # Panics
    /// When the keys given at start had no brand.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a sandbox starts with a brand")]
    pub fn brand(&self) -> Arc<Brand> {
        self.0.world.brands().first().cloned().expect("a brand")
    }

    /// All brands, in the order in which they came.
    #[must_use]
    pub fn brands(&self) -> Vec<Arc<Brand>> {
        self.0.world.brands()
    }

    /// Adds a brand, or replaces the one of its name.
    pub fn put_brand(&self, brand: Brand) {
        self.0.world.put_brand(brand);
    }

    /// Every key, to start another sandbox with ([`Options::keys`]).
    #[must_use]
    pub fn keys(&self) -> Keys {
        let brands = self.0.world.brands();
        Keys {
            authority: self.0.authority.clone(),
            brands: brands.iter().map(|brand| Brand::clone(brand)).collect(),
        }
    }

    /// Tells a device token, or one of [`crate::scripts`], what to answer; in order, after
    /// which it is as good as any other. It replaces what it was told before.
    pub fn script(&self, token: &str, answers: impl IntoIterator<Item = Answer>) {
        self.0.world.script.set(token, answers);
    }

    /// Declares where a device token belongs.
    pub fn declare(&self, token: &str, device: Device) {
        self.0.world.script.declare(token, device);
    }

    /// Forgets what a device token was told, and where it belongs.
    pub fn forget(&self, token: &str) {
        self.0.world.script.clear(token);
    }

    /// Forgets what every device token and gateway was told, and where tokens belong.
    pub fn forget_all(&self) {
        self.0.world.script.clear_all();
    }

    /// Stops both gateways of Apple, or brings them back.
    pub fn set_apns_reachable(&self, reachable: bool) {
        self.0.apns.set_reachable(reachable);
        self.0.apns_development.set_reachable(reachable);
    }

    /// Stops FCM with its token endpoint, or brings it back.
    pub fn set_fcm_reachable(&self, reachable: bool) {
        self.0.fcm.set_reachable(reachable);
    }

    /// Stops the brands' push proxy, or brings it back.
    pub fn set_proxy_reachable(&self, reachable: bool) {
        self.0.proxy.set_reachable(reachable);
    }

    /// Stops the identity provider, or brings it back.
    pub fn set_identity_reachable(&self, reachable: bool) {
        self.0.identity.set_reachable(reachable);
    }

    /// Every access token that Google gave is refused from now on.
    pub fn revoke_access_tokens(&self) {
        lock(&self.0.world.access_tokens).clear();
    }

    /// How often Google was asked for an access token.
    #[must_use]
    pub fn grants(&self) -> u64 {
        self.0.world.grants.load(Ordering::Relaxed)
    }

    /// How often a key set of the identity provider was fetched.
    #[must_use]
    pub fn key_set_reads(&self) -> u64 {
        self.0.world.key_set_reads.load(Ordering::Relaxed)
    }

    /// The time, as the gateways have it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.world.now()
    }

    /// Moves the gateways' clock forward.
    pub fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.world.advance(millis);
    }

    /// Every push so far, in order.
    #[must_use]
    pub fn pushes(&self) -> Vec<Push> {
        self.0.world.record.all()
    }

    /// Forgets the pushes so far.
    pub fn clear_pushes(&self) {
        self.0.world.record.clear();
    }

    /// What each device has on its screen.
    #[must_use]
    pub fn visible(&self) -> Vec<Visible> {
        self.0.world.record.visible()
    }

    /// Waits until the pushes so far are enough.
    ///
    /// # Errors
    /// When patience runs out before.
    pub async fn wait_for(
        &self,
        enough: impl Fn(&[Push]) -> bool,
        patience: Duration,
    ) -> Result<Vec<Push>, TimedOut> {
        self.0.world.record.wait_for(enough, patience).await
    }

    /// Waits until `count` pushes have come.
    ///
    /// # Errors
    /// When patience runs out before.
    pub async fn wait_for_count(
        &self,
        count: usize,
        patience: Duration,
    ) -> Result<Vec<Push>, TimedOut> {
        self.wait_for(|pushes| pushes.len() >= count, patience)
            .await
    }
}

/// The sandbox as its own control API holds it: without keeping it alive.
#[derive(Clone)]
pub(crate) struct Handle(std::sync::Weak<Inner>);

impl Handle {
    pub(crate) fn get(&self) -> Option<Sandbox> {
        self.0.upgrade().map(Sandbox)
    }
}

/// Makes keys away from the runtime's own threads.
async fn blocking<T: Send + 'static>(
    make: impl FnOnce() -> Result<T, CannotMakeKeys> + Send + 'static,
) -> Result<T, CannotMakeKeys> {
    match tokio::task::spawn_blocking(make).await {
        Ok(keys) => keys,
        Err(e) => Err(CannotMakeKeys::unfinished(e)),
    }
}
