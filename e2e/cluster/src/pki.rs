//! Certificates and keys of an instance: two authorities, a certificate for everyone who speaks, key pair of the service
//! account tokens, and a kubeconfig for each client.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use serde_json::json;
use tracardi_machine::files::make_folder;
use tracardi_machine::{Error, Result};

use crate::paths::{KUBERNETES_SERVICE, Layout, MAX_NODES};

/// Who a certificate speaks for.
struct Identity {
    /// File name without extension.
    file: String,
    common_name: String,
    /// Kubernetes takes it as the user's group.
    organization: Option<&'static str>,
    role: Role,
}

enum Role {
    Client,
    Server { names: Vec<&'static str>, own_name: Option<String>, addresses: Vec<Ipv4Addr> },
}

/// Client certificates that get a kubeconfig: file, user, group.
const CLIENTS: &[(&str, &str, Option<&str>)] = &[
    ("admin", "admin", Some("system:masters")),
    ("controller-manager", "system:kube-controller-manager", None),
    ("scheduler", "system:kube-scheduler", None),
    ("kube-proxy", "system:kube-proxy", None),
    ("kube-router", "system:kube-router", None),
];

/// Makes everything unless it is there; `<state>/pki` appears only when complete.
pub(crate) fn ensure(layout: &Layout) -> Result<()> {
    let folder = layout.pki();
    if folder.is_dir() && layout.kubeconfig().is_file() {
        return Ok(());
    }
    let making = folder.with_extension("making");
    if making.exists() {
        fs::remove_dir_all(&making).map_err(Error::io("cannot remove", &making))?;
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(Error::io("cannot remove", &folder))?;
    }
    make_folder(&making)?;
    make(layout, &making)?;
    fs::rename(&making, &folder).map_err(Error::io("cannot rename", &making))?;
    let admin = folder.join("admin.conf");
    let text = fs::read_to_string(&admin).map_err(Error::io("cannot read", &admin))?;
    tracardi_machine::files::write(&layout.kubeconfig(), &text)?;
    private(&layout.kubeconfig())
}

fn make(layout: &Layout, folder: &Path) -> Result<()> {
    let ca = authority(folder, "ca", "kubernetes")?;
    let front = authority(folder, "front-proxy-ca", "front-proxy")?;
    for identity in identities(layout) {
        let (certificate, key) = leaf(&ca, &identity)?;
        save(folder, &identity.file, &certificate, &key)?;
        if matches!(identity.role, Role::Client) {
            let text = kubeconfig(&layout.server(), &identity.file, &ca.pem(), &certificate, &key);
            save_text(folder, &format!("{}.conf", identity.file), &text)?;
        }
    }
    let front_client = Identity {
        file: "front-proxy".into(),
        common_name: "front-proxy-client".into(),
        organization: None,
        role: Role::Client,
    };
    let (certificate, key) = leaf(&front, &front_client)?;
    save(folder, "front-proxy", &certificate, &key)?;
    let tokens = KeyPair::generate().map_err(failed)?;
    save_text(folder, "sa.key", &tokens.serialize_pem())?;
    save_text(folder, "sa.pub", &tokens.public_key_pem())
}

fn identities(layout: &Layout) -> Vec<Identity> {
    let mut all = vec![
        Identity {
            file: "apiserver".into(),
            common_name: "kube-apiserver".into(),
            organization: None,
            role: Role::Server {
                names: vec![
                    "kubernetes",
                    "kubernetes.default",
                    "kubernetes.default.svc",
                    "kubernetes.default.svc.cluster.local",
                    "localhost",
                ],
                own_name: None,
                addresses: vec![Ipv4Addr::LOCALHOST, layout.node(1).address, KUBERNETES_SERVICE],
            },
        },
        client("apiserver-kubelet", "apiserver-kubelet", Some("system:masters")),
    ];
    all.extend(CLIENTS.iter().map(|(file, user, group)| client(file, user, *group)));
    for node in layout.nodes(MAX_NODES) {
        all.push(client(
            &format!("kubelet-{}", node.number),
            &format!("system:node:{}", node.name),
            Some("system:nodes"),
        ));
        all.push(Identity {
            file: format!("kubelet-{}-server", node.number),
            common_name: node.name.clone(),
            organization: None,
            role: Role::Server { names: vec![], own_name: Some(node.name), addresses: vec![node.address] },
        });
    }
    all
}

fn client(file: &str, user: &str, group: Option<&'static str>) -> Identity {
    Identity { file: file.to_owned(), common_name: user.to_owned(), organization: group, role: Role::Client }
}

fn parameters(common_name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    // Fixed and long: a cluster of tests lives for days, and a clock must not be read for it.
    parameters.not_before = date_time_ymd(2024, 1, 1);
    parameters.not_after = date_time_ymd(2049, 12, 31);
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, common_name);
    parameters
}

fn authority(folder: &Path, file: &str, name: &str) -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut parameters = parameters(name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate().map_err(failed)?;
    let key_text = key.serialize_pem();
    let issuer = CertifiedIssuer::self_signed(parameters, key).map_err(failed)?;
    save(folder, file, &issuer.pem(), &key_text)?;
    Ok(issuer)
}

fn leaf(issuer: &CertifiedIssuer<'static, KeyPair>, identity: &Identity) -> Result<(String, String)> {
    let mut parameters = parameters(&identity.common_name);
    if let Some(group) = identity.organization {
        parameters.distinguished_name.push(DnType::OrganizationName, group);
    }
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    parameters.use_authority_key_identifier_extension = true;
    match &identity.role {
        Role::Client => parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        Role::Server { names, own_name, addresses } => {
            parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            for name in names.iter().map(|name| (*name).to_owned()).chain(own_name.clone()) {
                parameters.subject_alt_names.push(SanType::DnsName(name.try_into().map_err(failed)?));
            }
            let addresses = addresses.iter().map(|address| SanType::IpAddress(IpAddr::V4(*address)));
            parameters.subject_alt_names.extend(addresses);
        }
    }
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = parameters.signed_by(&key, issuer).map_err(failed)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// Holds the certificates themselves, so that the file can be copied elsewhere. JSON is YAML.
fn kubeconfig(server: &str, user: &str, ca: &str, certificate: &str, key: &str) -> String {
    let encode = |text: &str| STANDARD.encode(text);
    let value = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "tracardi", "cluster": {"server": server, "certificate-authority-data": encode(ca)}}],
        "users": [{"name": user, "user": {
            "client-certificate-data": encode(certificate),
            "client-key-data": encode(key),
        }}],
        "contexts": [{"name": "tracardi", "context": {"cluster": "tracardi", "user": user}}],
        "current-context": "tracardi",
    });
    format!("{value:#}\n")
}

fn save(folder: &Path, name: &str, certificate: &str, key: &str) -> Result<()> {
    save_text(folder, &format!("{name}.crt"), certificate)?;
    save_text(folder, &format!("{name}.key"), key)
}

fn save_text(folder: &Path, name: &str, text: &str) -> Result<()> {
    let file = folder.join(name);
    fs::write(&file, text).map_err(Error::io("cannot write", &file))?;
    private(&file)
}

fn private(file: &Path) -> Result<()> {
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).map_err(Error::io("cannot change", file))
}

// By value, because that is how `map_err` hands it over.
#[allow(clippy::needless_pass_by_value)]
fn failed(error: rcgen::Error) -> Error {
    Error::unmet(format!("cannot make a certificate: {error}"), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_stands_by_itself() {
        let text = kubeconfig("https://198.18.0.2:6443", "admin", "CA", "CERT", "KEY");
        let value: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(value["clusters"][0]["cluster"]["server"], "https://198.18.0.2:6443");
        assert_eq!(value["clusters"][0]["cluster"]["certificate-authority-data"], "Q0E=");
        assert_eq!(value["users"][0]["user"]["client-key-data"], "S0VZ");
    }

    #[test]
    fn everyone_who_speaks_has_a_certificate_of_their_own() {
        let layout = Layout::new("/c".into(), crate::Instance(3));
        let all = identities(&layout);
        let files: std::collections::BTreeSet<_> = all.iter().map(|identity| identity.file.clone()).collect();
        assert_eq!(files.len(), all.len());
        assert!(files.contains("kubelet-2") && files.contains("kubelet-2-server"));
    }
}
