//! Connections to AWS, and whom they trust.
//!
//! Amazon's own authorities alone, which are compiled in: they sign for all services of AWS in its
//! usual regions (<https://www.amazontrust.com/repository/>, whose advice to those who choose whom to
//! trust is to take all five). That no other authority can speak for AWS is one reason. The other is
//! that the system has some 140, and to read and parse them is most of what a function would do when
//! it starts.

use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{HttpClient as _, SharedHttpClient, http_client_fn};

/// In PEM, until 2037 at least.
const AMAZON: &[u8] = include_bytes!("authorities.pem");

/// Whom connections trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authorities {
    /// Amazon's.
    Amazon,
    /// The system's, or those of `SSL_CERT_FILE`.
    System,
}

/// Whom to trust in a region. In China, the sovereign cloud and for governments it is the system that
/// knows who signs, and so it is in regions of a kind that is not known yet.
pub(crate) fn authorities(region: Option<&str>, are_given: bool) -> Authorities {
    let parts: Vec<_> = region.unwrap_or_default().split('-').collect();
    match parts[..] {
        [area, _, _] if area != "cn" && !are_given => Authorities::Amazon,
        _ => Authorities::System,
    }
}

/// One pool of connections for all clients.
pub(crate) fn connections(authorities: Authorities) -> SharedHttpClient {
    let trusted = match authorities {
        Authorities::Amazon => TrustStore::empty().with_pem_certificate(AMAZON),
        Authorities::System => TrustStore::default(),
    };
    let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    let builder = match TlsContext::builder().with_trust_store(trusted).build() {
        Ok(context) => builder.tls_context(context),
        // It trusts the system's.
        Err(_) => builder,
    };
    let connections = builder.build_https();
    // Around the client, so that it is not asked whether it can be used: for each service it would
    // set TLS up once more, and throw that away.
    http_client_fn(move |settings, components| connections.http_connector(settings, components))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_rustls::rustls::{
        RootCertStore,
        pki_types::{CertificateDer, pem::PemObject as _},
    };

    #[test]
    fn amazon_speaks_for_aws_where_it_is_known_to() {
        for (region, wanted) in [
            ("eu-west-1", Authorities::Amazon),
            ("ap-southeast-7", Authorities::Amazon),
            ("cn-north-1", Authorities::System),
            ("us-gov-west-1", Authorities::System),
            ("us-iso-east-1", Authorities::System),
            ("eusc-de-east-1", Authorities::System),
            ("", Authorities::System),
        ] {
            assert_eq!(authorities(Some(region), false), wanted, "{region}");
        }
        assert_eq!(authorities(None, false), Authorities::System);
        assert_eq!(authorities(Some("eu-west-1"), true), Authorities::System);
    }

    #[test]
    fn amazon_s_five_are_among_mozilla_s() {
        let mut amazon = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(AMAZON) {
            amazon.add(certificate.unwrap()).unwrap();
        }
        assert_eq!(amazon.len(), 5);
        for root in &amazon.roots {
            assert!(webpki_roots::TLS_SERVER_ROOTS.contains(root), "{root:?}");
        }
    }
}
