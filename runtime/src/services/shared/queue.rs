//! Which queue it is.

use std::sync::Arc;

use tracardi_model::Tenant;
use tracardi_process::{Endpoint, Supervisor};
use tracardi_queue::pulsar::{PulsarQueue, PulsarSettings};
use tracardi_queue::redis::Settings as RedisSettings;
use tracardi_queue::{Durability, Queue, QueueError, Redis};

use super::SharedArguments;

/// Name of the queue of requests.
const COLLECT: &str = "collect";
/// Bytes of a request in Redis: the largest body that is read, with the headers around it.
const LARGEST: usize = 9 << 20;

/// Opens it.
pub(crate) enum Opener {
    Redis { endpoint: Box<Endpoint>, tenant: Tenant, settings: RedisSettings, supervisor: Supervisor },
    Pulsar(Box<PulsarSettings>),
}

impl Opener {
    pub(crate) fn of(shared: &SharedArguments, supervisor: &Supervisor) -> anyhow::Result<Self> {
        let tenant = shared.tenant.clone();
        let Some((broker, admin)) = shared.pulsar.endpoints()? else {
            let endpoint = Box::new(shared.redis.endpoint()?);
            let settings =
                RedisSettings { partitions: shared.queue_partitions, largest: LARGEST, ..RedisSettings::default() };
            return Ok(Self::Redis { endpoint, tenant, settings, supervisor: supervisor.clone() });
        };
        let mut settings = PulsarSettings::new(broker, admin, tenant);
        let namespace = shared.pulsar.pulsar_namespace.split_once('/').filter(|(_, name)| !name.contains('/'));
        let (pulsar_tenant, namespace) = namespace.ok_or_else(|| {
            anyhow::anyhow!("--pulsar-namespace: `{}` is not TENANT/NAMESPACE", shared.pulsar.pulsar_namespace)
        })?;
        pulsar_tenant.clone_into(&mut settings.pulsar_tenant);
        namespace.clone_into(&mut settings.namespace);
        settings.partitions = u32::from(shared.queue_partitions);
        Ok(Self::Pulsar(Box::new(settings)))
    }

    /// The queue, and what a receipt of it is worth.
    pub(crate) async fn open(&self) -> Result<(Arc<dyn Queue>, Durability), QueueError> {
        let queue: Arc<dyn Queue> = match self {
            Self::Redis { endpoint, tenant, settings, supervisor } => {
                Arc::new(Redis::new(endpoint, tenant.clone(), COLLECT, settings.clone(), supervisor.clone())?)
            }
            Self::Pulsar(settings) => Arc::new(PulsarQueue::open((**settings).clone(), COLLECT).await?),
        };
        // Both ask the server.
        queue.figures().await?;
        let durability = queue.durability().await?;
        Ok((queue, durability))
    }
}
