//! Authorities, and certificates as a server should not have them.

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivatePkcs8KeyDer;

/// Somebody who certifies.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A server's certificate and its key.
pub(crate) struct Certificate {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    /// A new one. All have one name, as an authority has that was made anew.
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    /// What whoever believes it is given.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for this address.
    pub(crate) fn certify(&self, address: IpAddr) -> Certificate {
        self.signed(SanType::IpAddress(address), 2049)
    }

    /// One that was good for this address until some years ago.
    pub(crate) fn expired(&self, address: IpAddr) -> Certificate {
        self.signed(SanType::IpAddress(address), 2021)
    }

    /// One for somebody else.
    pub(crate) fn elsewhere(&self) -> Certificate {
        self.signed(SanType::DnsName("elsewhere.example".try_into().unwrap()), 2049)
    }

    fn signed(&self, name: SanType, until: i32) -> Certificate {
        let mut parameters = CertificateParams::default();
        parameters.use_authority_key_identifier_extension = true;
        parameters.subject_alt_names = vec![name];
        parameters.not_before = date_time_ymd(2020, 1, 1);
        parameters.not_after = date_time_ymd(until, 12, 31);
        let key = KeyPair::generate().unwrap();
        Certificate { certificate: parameters.signed_by(&key, &self.0).unwrap(), key }
    }
}

impl Certificate {
    /// PEM of the certificate and of its key.
    pub(crate) fn pem(&self) -> (String, String) {
        (self.certificate.pem(), self.key.serialize_pem())
    }

    /// How a server speaks TLS with it.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        Arc::new(config.with_single_cert(vec![self.certificate.der().clone()], key.into()).unwrap())
    }
}
