//! Which Secrets the operator generates, with what in them, and what a credential must look like.
//!
//! A generated Secret is made with create semantics and marked immutable: it is never rewritten, by us or by hand. Values
//! live only in the request that creates them; nothing here implements a way to print them.

use std::collections::BTreeMap;
use std::io;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;
use tracardi_crds::TracardiInstallationSpec;
use tracardi_crds::installation::SecretKeyRef;
use tracardi_process::random;

use crate::build::meta;
use crate::model::{Credential, Installation};
use crate::names::Child;

/// Key of the first administrator's e-mail address.
pub const EMAIL: &str = "email";
/// Key of the first administrator's password.
pub const PASSWORD: &str = "password";
/// Key of the installation token.
pub const TOKEN: &str = "token";
/// Key of the signing key.
pub const SIGNING_KEY: &str = "signing-key";
/// Key of the encryption key.
pub const ENCRYPTION_KEY: &str = "encryption-key";

/// Fields of the resource that name a Secret.
pub mod field {
    /// The first administrator's password.
    pub const PASSWORD: &str = "spec.admin.passwordSecretRef";
    /// The installation token.
    pub const TOKEN: &str = "spec.secrets.installationTokenSecretRef";
    /// The signing key.
    pub const SIGNING_KEY: &str = "spec.secrets.signingKeySecretRef";
    /// The encryption key.
    pub const ENCRYPTION_KEY: &str = "spec.secrets.encryptionKeySecretRef";
    /// Password at Elasticsearch.
    pub const ELASTIC_PASSWORD: &str = "spec.elasticsearch.external.passwordSecretRef";
    /// API key of Elasticsearch.
    pub const ELASTIC_API_KEY: &str = "spec.elasticsearch.external.apiKeySecretRef";
    /// Authorities that vouch for Elasticsearch.
    pub const ELASTIC_CA: &str = "spec.elasticsearch.external.caSecretRef";
    /// Password at MySQL.
    pub const MYSQL_PASSWORD: &str = "spec.mysql.external.passwordSecretRef";
    /// Authorities that vouch for MySQL.
    pub const MYSQL_CA: &str = "spec.mysql.external.caSecretRef";
    /// Password at Redis.
    pub const REDIS_PASSWORD: &str = "spec.redis.external.passwordSecretRef";
    /// Authorities that vouch for Redis.
    pub const REDIS_CA: &str = "spec.redis.external.caSecretRef";
    /// Token of Pulsar.
    pub const PULSAR_TOKEN: &str = "spec.pulsar.external.tokenSecretRef";
    /// Authorities that vouch for Pulsar.
    pub const PULSAR_CA: &str = "spec.pulsar.external.caSecretRef";
}

/// A value in a user's Secret, and where the resource names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The field of the resource.
    pub field: &'static str,
    /// Where the value is.
    pub at: SecretKeyRef,
    /// What it must be.
    pub value: Value,
}

/// All values in Secrets that a resource refers to.
#[must_use]
pub fn references(spec: &TracardiInstallationSpec) -> Vec<Reference> {
    let admin = spec.admin.as_ref();
    let own = spec.secrets.as_ref();
    let elastic = spec.elasticsearch.as_ref().map(|server| &server.external);
    let mysql = spec.mysql.as_ref().map(|server| &server.external);
    let redis = spec.redis.as_ref().map(|server| &server.external);
    let pulsar = spec.pulsar.as_ref().map(|server| &server.external);
    [
        (field::PASSWORD, Value::Password, admin.and_then(|of| of.password_secret_ref.as_ref())),
        (field::TOKEN, Value::Token, own.and_then(|of| of.installation_token_secret_ref.as_ref())),
        (field::SIGNING_KEY, Value::Key, own.and_then(|of| of.signing_key_secret_ref.as_ref())),
        (field::ENCRYPTION_KEY, Value::Key, own.and_then(|of| of.encryption_key_secret_ref.as_ref())),
        (field::ELASTIC_PASSWORD, Value::Login, elastic.and_then(|of| of.password_secret_ref.as_ref())),
        (field::ELASTIC_API_KEY, Value::Login, elastic.and_then(|of| of.api_key_secret_ref.as_ref())),
        (field::ELASTIC_CA, Value::Certificates, elastic.and_then(|of| of.ca_secret_ref.as_ref())),
        (field::MYSQL_PASSWORD, Value::Login, mysql.and_then(|of| of.password_secret_ref.as_ref())),
        (field::MYSQL_CA, Value::Certificates, mysql.and_then(|of| of.ca_secret_ref.as_ref())),
        (field::REDIS_PASSWORD, Value::Login, redis.and_then(|of| of.password_secret_ref.as_ref())),
        (field::REDIS_CA, Value::Certificates, redis.and_then(|of| of.ca_secret_ref.as_ref())),
        (field::PULSAR_TOKEN, Value::Login, pulsar.and_then(|of| of.token_secret_ref.as_ref())),
        (field::PULSAR_CA, Value::Certificates, pulsar.and_then(|of| of.ca_secret_ref.as_ref())),
    ]
    .into_iter()
    .filter_map(|(field, value, at)| Some(Reference { field, at: at?.clone(), value }))
    .collect()
}

/// What a credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A password for a person.
    Password,
    /// A token for a program.
    Token,
    /// 32 bytes as 64 hexadecimal digits.
    Key,
    /// What a server outside lets us in with.
    Login,
    /// Certificates in PEM.
    Certificates,
}

impl Value {
    /// Whether `bytes` can be used.
    #[must_use]
    pub fn accepts(self, bytes: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        let text = text.trim();
        match self {
            Self::Password => text.chars().count() >= 8,
            Self::Token => text.len() >= 16,
            Self::Key => text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()),
            Self::Login => !text.is_empty() && !text.contains(char::is_control),
            Self::Certificates => text.contains("-----BEGIN CERTIFICATE-----"),
        }
    }

    /// What is asked for, to follow "must hold".
    #[must_use]
    pub fn demand(self) -> &'static str {
        match self {
            Self::Password => "a password of at least 8 characters",
            Self::Token => "a token of at least 16 characters, for example from `openssl rand -hex 24`",
            Self::Key => "64 hexadecimal characters (32 bytes), for example from `openssl rand -hex 32`",
            Self::Login => "one line of text",
            Self::Certificates => "certificates in PEM, which begin with -----BEGIN CERTIFICATE-----",
        }
    }

    fn generate(self) -> io::Result<String> {
        match self {
            Self::Password => random::password(),
            Self::Token => random::hex::<24>(),
            Self::Key => random::hex::<32>(),
            // Of servers outside nothing is made up.
            Self::Login | Self::Certificates => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// A Secret that the operator makes when it does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// Which one.
    pub child: Child,
    /// Name.
    pub name: String,
    /// Values to generate.
    pub values: Vec<(&'static str, Value)>,
    /// Values that are no secret, such as the e-mail address.
    pub plain: Vec<(&'static str, String)>,
    /// A new value would not fit data that exists, so a lost one is not replaced.
    pub irreplaceable: bool,
    /// uid; `None` until it exists.
    pub uid: Option<String>,
}

impl Generated {
    /// All keys, sorted.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self
            .values
            .iter()
            .map(|(key, _)| *key)
            .chain(self.plain.iter().map(|(key, _)| *key))
            .map(Into::into)
            .collect();
        keys.sort_unstable();
        keys
    }

    /// The Secret with fresh values. Fails only when the operating system has no randomness.
    pub fn make(&self, installation: &Installation) -> io::Result<Secret> {
        let mut data = BTreeMap::new();
        for (key, value) in &self.values {
            data.insert((*key).to_owned(), ByteString(value.generate()?.into_bytes()));
        }
        for (key, value) in &self.plain {
            data.insert((*key).to_owned(), ByteString(value.clone().into_bytes()));
        }
        Ok(Secret {
            metadata: ObjectMeta {
                namespace: Some(installation.identity.namespace.clone()),
                ..meta::data(installation, self.name.clone())
            },
            data: Some(data),
            immutable: Some(true),
            ..Secret::default()
        })
    }
}

/// The Secrets that this installation needs from us: those with at least one credential that the user did not bring.
#[must_use]
pub fn needed(installation: &Installation) -> Vec<Generated> {
    let name = &installation.identity.name;
    let of = &installation.secrets;
    let mut needed = Vec::new();
    let mut add = |child: Child, credentials: &[(&'static str, Value, &Credential)], plain, irreplaceable| {
        let ours = || credentials.iter().filter(|(.., credential)| credential.generated);
        let values: Vec<_> = ours().map(|(key, value, _)| (*key, *value)).collect();
        if !values.is_empty() {
            // The revision of a generated credential is the uid of its Secret.
            let uid = ours().map(|(.., credential)| credential.revision.clone()).find(|uid| !uid.is_empty());
            needed.push(Generated { child, name: name.child(child), values, plain, irreplaceable, uid });
        }
    };
    add(Child::InstallationSecret, &[(TOKEN, Value::Token, &of.installation_token)], vec![], false);
    let email = vec![(EMAIL, installation.admin_email.clone())];
    add(Child::AdminSecret, &[(PASSWORD, Value::Password, &of.admin_password)], email, true);
    let keys = [(SIGNING_KEY, Value::Key, &of.signing_key), (ENCRYPTION_KEY, Value::Key, &of.encryption_key)];
    add(Child::KeysSecret, &keys, vec![], true);
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_values_are_accepted_and_differ() {
        for value in [Value::Password, Value::Token, Value::Key] {
            let (one, two) = (value.generate().unwrap(), value.generate().unwrap());
            assert!(value.accepts(one.as_bytes()), "{value:?}");
            assert_ne!(one, two);
        }
    }

    #[test]
    fn weak_values_are_refused() {
        assert!(!Value::Password.accepts(b"short"));
        assert!(!Value::Token.accepts(b"tracardi"));
        assert!(!Value::Key.accepts(b"0123"));
        assert!(!Value::Key.accepts(&[b'g'; 64]));
        assert!(!Value::Key.accepts(&[0xff; 64]));
        assert!(
            Value::Key.accepts(format!("{}\n", "0aF".repeat(22)[..64].to_owned()).as_bytes()),
            "a final newline is fine"
        );
    }
}
