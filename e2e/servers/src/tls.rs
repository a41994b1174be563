//! An authority for one server, and the server's certificate.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, SanType};
use tracardi_machine::files::write;
use tracardi_machine::{Error, Result};

/// PEM texts and the files that hold them.
#[derive(Clone, Debug)]
pub(crate) struct Certificates {
    /// The authority's certificate, for clients.
    pub(crate) authority: String,
    /// `<home>/ca.pem`
    pub(crate) authority_file: String,
    /// `<home>/server.pem`: the server's certificate.
    pub(crate) certificate_file: String,
    /// `<home>/server.key`: its key, PKCS #8.
    pub(crate) key_file: String,
    /// `<home>/both.pem`: key and certificate.
    pub(crate) both_file: String,
}

impl Certificates {
    /// Makes an authority and a certificate for the address and for `localhost`, and writes them into `home`.
    pub(crate) fn make(home: &Path, address: Ipv4Addr) -> Result<Certificates> {
        let (authority, certificate, key) = generate(address).map_err(|error| {
            Error::unmet(format!("cannot make a certificate for {address}: {error}"), "this is a defect of ours")
        })?;
        let save = |name: &str, text: &str| {
            let file = home.join(name);
            write(&file, text).map(|()| file.to_string_lossy().into_owned())
        };
        Ok(Certificates {
            authority_file: save("ca.pem", &authority)?,
            certificate_file: save("server.pem", &certificate)?,
            key_file: save("server.key", &key)?,
            both_file: save("both.pem", &format!("{key}{certificate}"))?,
            authority,
        })
    }
}

/// PEM of the authority, of the certificate and of its key.
fn generate(address: Ipv4Addr) -> std::result::Result<(String, String, String), rcgen::Error> {
    let mut parameters = parameters("servers of tests");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?;
    let mut parameters = self::parameters("server");
    parameters.use_authority_key_identifier_extension = true;
    parameters.subject_alt_names =
        vec![SanType::IpAddress(IpAddr::V4(address)), SanType::DnsName("localhost".try_into()?)];
    let key = KeyPair::generate()?;
    let certificate = parameters.signed_by(&key, &issuer)?;
    Ok((issuer.pem(), certificate.pem(), key.serialize_pem()))
}

fn parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    // Fixed, because a clock must not be read for it.
    parameters.not_before = rcgen::date_time_ymd(2024, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2049, 12, 31);
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters
}
