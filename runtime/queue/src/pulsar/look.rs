//! A look at a broker that changes nothing on it.

use std::time::Duration;

use tokio::time::timeout;
use tracardi_model::Tenant;
use tracardi_process::{Endpoint, Sighting};

use super::admin::Admin;
use super::names::Names;
use super::settings::PulsarSettings;
use super::{durability, ground, knock};
use crate::QueueError;

/// Greets the broker and asks the admin API about the namespace (`tenant/namespace`, both in Pulsar's sense). Takes no longer than
/// `patience`. The error names the setting that is wrong and the remedy.
pub async fn look(
    broker: &Endpoint,
    admin: &Endpoint,
    namespace: &str,
    patience: Duration,
) -> Result<Sighting, QueueError> {
    // Whose queue it is matters to nobody who looks at none. Half of the patience: what an answer that stays out may mean is known
    // by the one who waits for it.
    let settings =
        PulsarSettings { patience: patience / 2, ..PulsarSettings::new(broker.clone(), admin.clone(), Tenant::only()) };
    let seen = timeout(patience, see(&settings, namespace)).await;
    seen.unwrap_or_else(|_| {
        // The broker had to answer within its half.
        let (admin, seconds) = (&admin.url, patience.as_secs_f64());
        Err(QueueError::Unavailable(format!(
            "the admin API {admin} does not answer within {seconds} s: it is very slow"
        )))
    })
}

async fn see(settings: &PulsarSettings, namespace: &str) -> Result<Sighting, QueueError> {
    let (broker, url) = settings.check()?;
    let (pulsar_tenant, name) = namespace.split_once('/').ok_or_else(|| {
        QueueError::Refused(format!("Pulsar's namespace {namespace:?} is not of the form tenant/namespace"))
    })?;
    let names = Names::new(pulsar_tenant, name, &settings.tenant, "look")?;
    let admin = Admin::new(&settings.admin, &url, settings.patience)?;
    let greeting = knock::knock(&settings.broker, &broker, settings.patience).await?;
    let mut warnings = Vec::from_iter(ground::survey(&admin, &names).await?);
    // Nobody can tell what the settings of an absent namespace are.
    if warnings.is_empty() {
        warnings = durability::read(&admin, &names).await?.warnings;
    }
    let version = greeting.version.trim_start_matches("Pulsar Server").trim_start_matches([' ', 'v']);
    Ok(Sighting { product: "Pulsar".to_owned(), version: version.to_owned(), warnings })
}
