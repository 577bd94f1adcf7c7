//! Connections to endpoints that brands name: never into a network of our own.
//!
//! What a name leads to is looked at after it was resolved, for each connection anew, so that
//! no name can be public when it is configured and private when it is called.

use crate::{
    connection::{CONNECT, Connector},
    settings::CannotConnect,
};
use domain::account::address::is_public;
use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use std::{error::Error, net::IpAddr, sync::Arc, time::Duration};

/// How long an idle connection to a brand's endpoint is kept.
const IDLE: Duration = Duration::from_secs(90);
const IDLE_PER_HOST: usize = 8;

/// Every address of a host is one that must not be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the endpoint has no public address")]
pub(crate) struct Forbidden;

impl Forbidden {
    /// Whether this is what a request failed for.
    pub(crate) fn caused(error: &reqwest::Error) -> bool {
        let mut next: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = next {
            if error.is::<Self>() {
                return true;
            }
            next = error.source();
        }
        false
    }
}

/// Calls the endpoints of brands.
#[derive(Debug)]
pub(crate) struct Outbound {
    client: Client,
    private: bool,
}

impl Outbound {
    /// A request takes `whole` at most, with its connection. With `private`, addresses that are
    /// not public are called, too: for tests on one machine.
    pub(crate) fn new(
        connector: &Connector,
        private: bool,
        whole: Duration,
    ) -> Result<Self, CannotConnect> {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .https_only(true)
            .user_agent("Overture")
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .connect_timeout(CONNECT)
            .timeout(whole);
        let client = if private {
            client
        } else {
            client.dns_resolver(Arc::new(Public))
        };
        let client = connector.build(client)?;
        Ok(Self { client, private })
    }

    /// The client, for a URL that may be called: an address that stands in it is never resolved.
    pub(crate) fn client(&self, url: &Url) -> Result<&Client, Forbidden> {
        let host = url.host_str().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        match literal.parse::<IpAddr>() {
            Ok(address) if !self.private && !is_public(address) => Err(Forbidden),
            _ => Ok(&self.client),
        }
    }
}

/// The system's resolver, without the addresses that must not be called.
struct Public;

impl Resolve for Public {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let all = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<_> = all.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(Forbidden.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn outbound(private: bool) -> Outbound {
        let connector = Connector::new(&Settings::default()).unwrap();
        Outbound::new(&connector, private, Duration::from_secs(5)).unwrap()
    }

    #[test]
    fn an_address_in_a_url_is_looked_at_in_every_spelling() {
        let outbound = outbound(false);
        for private in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00:ec2::254]/",
        ] {
            let url = Url::parse(private).unwrap();
            assert_eq!(outbound.client(&url).err(), Some(Forbidden), "{private}");
        }
        let public = Url::parse("https://1.1.1.1/").unwrap();
        assert!(outbound.client(&public).is_ok());
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_not_called() {
        let name = || "localhost".parse::<Name>().unwrap();
        let refused = Public.resolve(name()).await.map(Iterator::count);
        assert!(refused.is_err_and(|e| e.is::<Forbidden>()));
        let url = Url::parse("https://localhost:9/").unwrap();
        let outbound = outbound(false);
        let sent = outbound.client(&url).unwrap().post(url).send().await;
        assert!(Forbidden::caused(&sent.unwrap_err()));
    }

    #[tokio::test]
    async fn tests_on_one_machine_call_themselves() {
        let url = Url::parse("https://localhost:9/").unwrap();
        let outbound = outbound(true);
        let sent = outbound
            .client(&url)
            .unwrap()
            .post(url.clone())
            .send()
            .await;
        assert!(!Forbidden::caused(&sent.unwrap_err()));
        let literal = Url::parse("https://127.0.0.1/").unwrap();
        assert!(outbound.client(&literal).is_ok());
    }
}
