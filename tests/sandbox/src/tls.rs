//! The certificate authority of this sandbox, and the certificate of its servers.

use crate::{brand::CannotMakeKeys, serve::NAME};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr, sync::Arc};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// A certificate authority: its certificate is for clients to trust.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Authority {
    pub(crate) certificate: String,
    key: String,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}

/// The server side of TLS could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up TLS")]
pub(crate) enum CannotServeTls {
    Keys(#[from] CannotMakeKeys),
    Certificate(#[from] rcgen::Error),
    Tls(#[from] rustls::Error),
}

impl Authority {
    pub(crate) fn new() -> Result<Self, CannotMakeKeys> {
        let key = KeyPair::generate()?;
        Ok(Self {
            certificate: params().self_signed(&key)?.pem(),
            key: key.serialize_pem(),
        })
    }

    /// What a server on this machine, called so or by this address, accepts connections with.
    pub(crate) fn acceptor(
        &self,
        host: IpAddr,
        protocols: &[&str],
    ) -> Result<TlsAcceptor, CannotServeTls> {
        let issuer = Issuer::new(params(), KeyPair::from_pem(&self.key)?);
        let key = KeyPair::generate()?;
        let mut names = [NAME, "localhost", "127.0.0.1"].map(str::to_owned).to_vec();
        names.push(host.to_string());
        names.dedup();
        let mut server = CertificateParams::new(names)?;
        server
            .distinguished_name
            .push(DnType::CommonName, "Overture sandbox");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let certificate = server.signed_by(&key, &issuer)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)?;
        config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// The authority's own certificate, always the same but for its key.
fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "Overture sandbox authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
