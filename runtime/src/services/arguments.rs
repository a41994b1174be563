//! What several services are told in the same words.

use std::sync::Arc;

use anyhow::Context as _;
use axum::http::HeaderName;
use tracardi_crds::contract::env;
use tracardi_engine::{GeoIp, Settings};
use tracardi_outbound::Guard;
use tracardi_process::listen::{self, Bound};
use tracardi_store::Keys;

use super::{given, public_url};
use crate::cli::Switch;

/// How events are processed. Processes of one installation must be told the same.
#[derive(Debug, clap::Args)]
pub(crate) struct EngineArguments {
    /// Database of places by IP address, for example GeoLite2-City.mmdb; new sessions learn where they come from
    #[arg(long, value_name = "FILE", env = env::GEOIP)]
    geoip: Option<String>,
    /// Let payloads ask for the ids of stored events (`options.debugger`)
    #[arg(long, value_name = "YES|NO", default_value = "no", ignore_case = true, env = env::TRACK_DEBUG)]
    track_debug: Switch,
    /// Make the events `profile-created`, `visit-started` and `session-opened`
    #[arg(long, value_name = "YES|NO", default_value = "yes", ignore_case = true, env = env::SYSTEM_EVENTS)]
    system_events: Switch,
    /// Merge profiles that share an e-mail address, a phone number, an id or a pk
    #[arg(long, value_name = "YES|NO", default_value = "yes", ignore_case = true, env = env::APM)]
    auto_profile_merging: Switch,
    /// Key of the ids that profiles get for merging; give the one of an installation that you move from [default: derived
    /// from the signing key]
    #[arg(long, value_name = "TEXT", hide_env_values = true, env = env::AUTO_PROFILE_MERGING)]
    merging_key: Option<String>,
    /// Refuse the traffic of robots
    #[arg(long, value_name = "YES|NO", default_value = "yes", ignore_case = true, env = env::DISALLOW_BOT_TRAFFIC)]
    disallow_bot_traffic: Switch,
}

impl EngineArguments {
    /// The database of places, in memory from now on: the file may be replaced while this process runs.
    pub(crate) async fn geoip(&self) -> anyhow::Result<Option<Arc<GeoIp>>> {
        let Some(file) = given(self.geoip.as_ref()) else { return Ok(None) };
        let content = tokio::fs::read(file).await.with_context(|| format!("--geoip: cannot read {file}"))?;
        let database = GeoIp::new(content).with_context(|| format!("--geoip: {file}"))?;
        tracing::info!(file, "places by address: {database:?}");
        Ok(Some(Arc::new(database)))
    }

    /// The engine's settings, without what users configure.
    pub(crate) fn settings(
        &self,
        instance: String,
        keys: &Keys,
        geoip: Option<Arc<GeoIp>>,
    ) -> anyhow::Result<Settings> {
        let mut settings = Settings::new(instance)?;
        settings.system_events = self.system_events.is_on();
        settings.disallow_bot_traffic = self.disallow_bot_traffic.is_on();
        settings.track_debug = self.track_debug.is_on();
        let key = given(self.merging_key.as_ref()).cloned().unwrap_or_else(|| keys.merging_key());
        settings.merging_key = self.auto_profile_merging.is_on().then_some(key);
        settings.geoip = geoip;
        Ok(settings)
    }
}

/// How clients reach the public API.
#[derive(Debug, clap::Args)]
pub(crate) struct ClientArguments {
    /// URL under which visitors' browsers reach the public API, http or https [default: its address]
    #[arg(long, value_name = "URL", env = env::PUBLIC_URL)]
    public_url: Option<String>,
    /// Header with the client's address behind a proxy, for example X-Forwarded-For
    #[arg(long, value_name = "HEADER", env = env::USE_X_FORWARDED_IP)]
    forwarded_ip_header: Option<String>,
}

impl ClientArguments {
    pub(crate) fn public_url(&self) -> anyhow::Result<Option<String>> {
        given(self.public_url.as_ref()).map(|url| public_url::normalised(url)).transpose()
    }

    pub(crate) fn forwarded_ip(&self) -> anyhow::Result<Option<HeaderName>> {
        let Some(text) = given(self.forwarded_ip_header.as_ref()) else { return Ok(None) };
        let name =
            text.parse().map_err(|_| anyhow::anyhow!("--forwarded-ip-header: `{text}` is no name of a header"))?;
        Ok(Some(name))
    }
}

/// Which networks may be called.
#[derive(Debug, clap::Args)]
pub(crate) struct OutboundArguments {
    /// Networks outside the public internet that destinations may be in, for example 10.1.0.0/16,fd00::/8 [default: none]
    #[arg(long, value_name = "NETWORKS", default_value = "", hide_default_value = true, env = env::OUTBOUND_ALLOW)]
    outbound_allow: String,
    /// Networks of the public internet that destinations may not be in [default: none]
    #[arg(long, value_name = "NETWORKS", default_value = "", hide_default_value = true, env = env::OUTBOUND_DENY)]
    outbound_deny: String,
}

impl OutboundArguments {
    pub(crate) fn guard(&self) -> anyhow::Result<Arc<Guard>> {
        let guard = Guard::new(&self.outbound_allow, &self.outbound_deny);
        Ok(Arc::new(guard.map_err(|error| anyhow::anyhow!("--outbound-allow, --outbound-deny: {error}"))?))
    }
}

/// Where the process tells how it is.
#[derive(Debug, clap::Args)]
pub(crate) struct ManagementArguments {
    /// Address of health and metrics; none when absent
    #[arg(long, value_name = "HOST:PORT", env = env::MANAGEMENT_LISTEN)]
    management_listen: Option<String>,
}

impl ManagementArguments {
    pub(crate) async fn bind(&self) -> anyhow::Result<Option<Bound>> {
        match given(self.management_listen.as_ref()) {
            Some(address) => Ok(Some(listen::bind("health and metrics", address).await?)),
            None => Ok(None),
        }
    }
}
