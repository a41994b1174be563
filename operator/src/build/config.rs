//! The environment of the services, as a ConfigMap. Secrets are never in it: only the names of files.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use tracardi_crds::contract::{GUI, MANAGEMENT, PRIVATE_API, PUBLIC_API, Port, env, path};
use tracardi_crds::outbound::Reach;

use crate::build::meta;
use crate::model::Installation;

/// Files in the directory of mounted Secrets.
pub mod file {
    /// The installation token.
    pub const TOKEN: &str = "installation-token";
    /// The signing key.
    pub const SIGNING_KEY: &str = "signing-key";
    /// The encryption key.
    pub const ENCRYPTION_KEY: &str = "encryption-key";
    /// The first administrator's password.
    pub const PASSWORD: &str = "password";
}

/// The settings that every service of a standalone installation gets.
#[must_use]
pub fn environment(installation: &Installation) -> BTreeMap<String, String> {
    let listen = |port: Port| format!("0.0.0.0:{}", port.number);
    let secret = |file: &str| format!("{}/{file}", path::SECRETS);
    let yes_no = |on: bool| if on { "yes" } else { "no" }.to_owned();
    let features = &installation.features;
    let mut settings = vec![
        (env::DATA, path::DATA.to_owned()),
        (env::PUBLIC_LISTEN, listen(PUBLIC_API)),
        (env::PRIVATE_LISTEN, listen(PRIVATE_API)),
        (env::GUI_LISTEN, listen(GUI)),
        (env::MANAGEMENT_LISTEN, listen(MANAGEMENT)),
        (env::INSTALLATION_TOKEN_FILE, secret(file::TOKEN)),
        (env::SIGNING_KEY_FILE, secret(file::SIGNING_KEY)),
        (env::ENCRYPTION_KEY_FILE, secret(file::ENCRYPTION_KEY)),
        (env::LOG_FORMAT, installation.log_format.as_str().to_owned()),
        (env::LOG_LEVEL, installation.log_level.clone()),
        (env::SYSTEM_EVENTS, yes_no(features.system_events)),
        (env::DISALLOW_BOT_TRAFFIC, yes_no(features.disallow_bot_traffic)),
        (env::APM, yes_no(features.auto_profile_merging)),
        (env::TRACK_DEBUG, yes_no(features.track_debug)),
    ];
    settings.extend(installation.public_url.clone().map(|url| (env::PUBLIC_URL, url)));
    settings.extend(features.client_ip_header.clone().map(|header| (env::USE_X_FORWARDED_IP, header)));
    let Reach { allow, deny } = &installation.outbound;
    for (name, networks) in [(env::OUTBOUND_ALLOW, allow), (env::OUTBOUND_DENY, deny)] {
        let list = networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        settings.extend((!list.is_empty()).then_some((name, list)));
    }
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The ConfigMap of an environment.
#[must_use]
pub fn config_map(installation: &Installation, name: String, data: BTreeMap<String, String>) -> ConfigMap {
    ConfigMap { metadata: meta::child(installation, name, None), data: Some(data), ..ConfigMap::default() }
}
