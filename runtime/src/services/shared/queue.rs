//! Which queue it is.

use std::sync::Arc;

use tracardi_process::Supervisor;
use tracardi_queue::pulsar::{PulsarQueue, PulsarSettings};
use tracardi_queue::redis::Settings as RedisSettings;
use tracardi_queue::{Durability, Queue, QueueError, Redis};

use super::SharedArguments;
use super::arguments::{self, PulsarArguments, RedisArguments};

/// Name of the queue of requests.
const COLLECT: &str = "collect";
/// Bytes of a request in Redis: the largest body that is read, with the headers around it.
const LARGEST: usize = 9 << 20;

/// The queue, and what a receipt of it is worth.
pub(super) async fn open(
    shared: &SharedArguments,
    supervisor: &Supervisor,
) -> anyhow::Result<(Arc<dyn Queue>, Durability)> {
    let queue: Result<Arc<dyn Queue>, QueueError> = if let Some(settings) = pulsar(shared)? {
        PulsarQueue::open(settings, COLLECT).await.map(|queue| Arc::new(queue) as _)
    } else {
        let settings = RedisSettings {
            partitions: shared.queue_partitions,
            replicas: shared.queue_replicas,
            largest: LARGEST,
            ..RedisSettings::default()
        };
        let tenant = shared.tenant.clone();
        let opened = Redis::new(&shared.redis.endpoint()?, tenant, COLLECT, settings, supervisor.clone());
        opened.map(|queue| Arc::new(queue) as _)
    };
    let asked = async {
        let queue = queue?;
        // Both ask the server.
        queue.figures().await?;
        let durability = queue.durability().await?;
        Ok((queue, durability))
    };
    asked.await.map_err(|error| complaint(shared, &error))
}

/// Pulsar's settings, if it is the queue.
fn pulsar(shared: &SharedArguments) -> anyhow::Result<Option<PulsarSettings>> {
    let Some((broker, admin)) = shared.pulsar.endpoints()? else { return Ok(None) };
    let mut settings = PulsarSettings::new(broker, admin, shared.tenant.clone());
    let (pulsar_tenant, namespace) = shared.pulsar.namespace()?;
    pulsar_tenant.clone_into(&mut settings.pulsar_tenant);
    namespace.clone_into(&mut settings.namespace);
    settings.partitions = u32::from(shared.queue_partitions);
    Ok(Some(settings))
}

/// Removes what the queue has outside Redis.
pub(super) async fn remove(shared: &SharedArguments) -> anyhow::Result<()> {
    let Some(settings) = pulsar(shared)? else { return Ok(()) };
    tracardi_queue::pulsar::remove(&settings, COLLECT).await.map_err(|error| complaint(shared, &error))
}

/// An error of the queue, with the settings that it concerns.
pub(super) fn complaint(shared: &SharedArguments, error: &QueueError) -> anyhow::Error {
    match (shared.pulsar.endpoints(), shared.redis.endpoint()) {
        (Ok(Some((broker, admin))), _) => arguments::complaint(error, &[&broker, &admin], PulsarArguments::variable),
        (Ok(None), Ok(redis)) => arguments::complaint(error, &[&redis], RedisArguments::variable),
        (Err(unreadable), _) | (_, Err(unreadable)) => unreadable,
    }
}
