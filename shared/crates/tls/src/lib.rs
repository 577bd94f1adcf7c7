//! Whom functions trust when they call hosts other than AWS's: gateways, identity providers and
//! brands' endpoints.
//!
//! The authorities are those of Mozilla's programme, which are the ones that Amazon Linux has. They
//! are compiled in, ready to be used: to read the system's file and to parse what is in it takes
//! longer than all else that a function does when it starts. So it is a new build, and not a new
//! runtime, that brings and takes authorities (`cargo update -p webpki-roots`).

use std::sync::Arc;
use tokio_rustls::rustls::{
    self, ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer,
        pem::{self, PemObject as _},
    },
};

/// HTTP/2.
pub const H2: &[u8] = b"h2";
/// HTTP/1.1.
pub const HTTP_1: &[u8] = b"http/1.1";

/// TLS that would trust nobody, or everybody, is not made.
#[derive(Debug, thiserror::Error)]
pub enum CannotTrust {
    /// The authorities are no certificates in PEM.
    #[error("the certificate authorities are not in PEM")]
    Pem(#[source] pem::Error),
    /// One of the authorities is none.
    #[error("a certificate authority cannot be used")]
    Authority(#[source] rustls::Error),
    /// There are none.
    #[error("there is no certificate authority")]
    Nobody,
}

/// TLS for a client that speaks these protocols, the one it likes best first, and trusts
/// `authorities`, in PEM, alone; by default Mozilla's.
///
/// # Errors
/// When one of the authorities cannot be used, or there is none among them.
pub fn client(authorities: Option<&str>, protocols: &[&[u8]]) -> Result<ClientConfig, CannotTrust> {
    let roots = match authorities {
        Some(pem) => parsed(pem)?,
        None => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
    };
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(CannotTrust::Authority)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}

fn parsed(pem: &str) -> Result<RootCertStore, CannotTrust> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(CannotTrust::Pem)?;
        roots.add(certificate).map_err(CannotTrust::Authority)?;
    }
    if roots.is_empty() {
        return Err(CannotTrust::Nobody);
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority() -> String {
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().pem()
    }

    #[test]
    fn mozilla_s_authorities_are_there() {
        let config = client(None, &[H2, HTTP_1]).unwrap();
        assert_eq!(config.alpn_protocols, [H2, HTTP_1]);
        let of_amazon = |name: &[u8]| name.windows(16).any(|part| part == b"Amazon Root CA 1");
        let roots = webpki_roots::TLS_SERVER_ROOTS;
        assert!(roots.len() > 100);
        assert!(roots.iter().any(|root| of_amazon(&root.subject)));
    }

    #[test]
    fn authorities_that_are_given_are_trusted_alone() {
        let pem = format!("{}{}", authority(), authority());
        assert_eq!(parsed(&pem).unwrap().len(), 2);
        assert!(client(Some(&pem), &[H2]).is_ok());
    }

    #[test]
    fn what_is_no_authority_is_refused() {
        for bad in ["", "no PEM at all"] {
            let refused = client(Some(bad), &[H2]);
            assert!(matches!(refused, Err(CannotTrust::Nobody)), "{bad}");
        }
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let refused = client(Some(garbage), &[H2]);
        assert!(matches!(refused, Err(CannotTrust::Authority(_))));
        let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        assert!(matches!(client(Some(cut), &[H2]), Err(CannotTrust::Pem(_))));
    }
}
