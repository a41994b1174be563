//! The queue on Apache Pulsar (4.x).
//!
//! | module | what for |
//! |---|---|
//! | `settings` | where Pulsar is, and the bounds |
//! | `names` | what topics and subscriptions are called |
//! | `knock`, `tls` | who answers at the broker's address, and why not |
//! | `admin`, `stats` | the admin API, and what waits |
//! | `ground` | topics and subscriptions, made where they are absent |
//! | `client` | the crate's client, and its errors in our words |
//! | `sender`, `producer`, `backlog` | sending: in order, receipts side by side, within bounds |
//! | `subscription`, `consumer` | receiving from all partitions |
//! | `dead` | dead letters |
//! | `durability` | what a receipt is worth |
//! | [`look`] | a look at a broker that changes nothing |
//!
//! ## One consumer for a key
//! The subscription is **Key_Shared**. `tests/pulsar` let 20 consumers come and go under load, on Pulsar 4.2.4: with Key_Shared the
//! order of each key held in every run (six, of 2,400 to 3,000 messages, at most 20 of them twice). With Failover, which gives
//! each partition to one consumer, it broke in the one run of 13,700 messages: the next one got 43 to 46 of a key while another
//! still had 40 to 42.
//!
//! | | Key_Shared | Failover |
//! |---|---|---|
//! | somebody joins | his keys wait until the one who held them has acknowledged what he received: no key in two hands | the partition's position is set back at once: both hold what was not acknowledged |
//! | somebody leaves or is killed | what he held comes to the others, first and in order | the same, a second later |
//! | frozen | keeps his keys until the broker misses his answers (30 to 60 s, `keepAliveIntervalSeconds`), then as if killed | the same |
//! | consumers at work | any number | at most as many as partitions |
//!
//! When he thaws, he finds his connection gone, subscribes anew, and what he still acknowledges is taken.
//! A broker that is killed brings back messages that were acknowledged shortly before; as the trait says, they come twice.
//!
//! Only Tracardi's own producers may send to these topics: who sends batches has one acknowledgement for many messages.

mod admin;
mod backlog;
mod client;
mod consumer;
mod dead;
mod durability;
mod ground;
mod knock;
mod look;
mod names;
mod producer;
mod remove;
mod sender;
mod settings;
mod stats;
mod subscription;
mod tls;

use std::sync::Arc;

use async_trait::async_trait;
use pulsar::SubType;

use self::admin::Admin;
use self::client::Shared;
use self::consumer::PulsarConsumer;
use self::dead::Fate;
pub use self::look::look;
use self::names::Names;
use self::producer::PulsarProducer;
pub use self::remove::remove;
pub use self::settings::PulsarSettings;
use crate::{Buried, Chosen, Consumer, Durability, Figures, Producer, Queue, QueueError};

/// How consumers share the queue; the reasons stand above.
const SHARED_BY_KEY: SubType = SubType::KeyShared;
/// Bytes of a message that are not its payload: the key, a reason, what Pulsar adds.
const BESIDE_PAYLOAD: usize = 8 << 10;

/// A queue on Pulsar. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PulsarQueue {
    shared: Arc<Shared>,
}

impl PulsarQueue {
    /// The tenant's queue of this name (lower case letters, digits, underscores). Makes what is absent in Pulsar. Fails when
    /// Pulsar is not there, or not as it has to be.
    pub async fn open(settings: PulsarSettings, name: &str) -> Result<Self, QueueError> {
        let (broker, url) = settings.check()?;
        let names = Names::new(&settings.pulsar_tenant, &settings.namespace, &settings.tenant, name)?;
        let admin = Admin::new(&settings.admin, &url, settings.patience)?;
        let greeting = knock::knock(&settings.broker, &broker, settings.patience).await?;
        let partitions = ground::prepare(&admin, &names, settings.partitions).await?;
        tracing::info!("{} on {} with {partitions} partitions", names.topic(), greeting.version);
        let largest = greeting.largest.saturating_sub(BESIDE_PAYLOAD);
        Ok(Self { shared: Arc::new(Shared { settings, broker, names, admin, partitions, largest }) })
    }
}

#[async_trait]
impl Queue for PulsarQueue {
    async fn producer(&self) -> Result<Box<dyn Producer>, QueueError> {
        Ok(Box::new(PulsarProducer::open(self.shared.clone()).await?))
    }

    async fn consumer(&self, name: &str) -> Result<Box<dyn Consumer>, QueueError> {
        Ok(Box::new(PulsarConsumer::open(self.shared.clone(), name).await?))
    }

    async fn figures(&self) -> Result<Figures, QueueError> {
        let Shared { admin, names, .. } = &*self.shared;
        let (queue, dead) = tokio::try_join!(stats::of_queue(admin, names), stats::of_dead(admin, names))?;
        let number = |stats: Option<stats::Stats>| stats.map_or(0, |stats| stats.waiting());
        Ok(Figures { waiting: number(queue), buried: number(dead) })
    }

    async fn durability(&self) -> Result<Durability, QueueError> {
        durability::read(&self.shared.admin, &self.shared.names).await
    }

    async fn buried(&self, start: u64, limit: u64) -> Result<Vec<Buried>, QueueError> {
        dead::list(&self.shared, start, limit).await
    }

    async fn replay(&self, chosen: &Chosen, limit: u64) -> Result<u64, QueueError> {
        dead::take(&self.shared, chosen, limit, Fate::Replayed).await
    }

    async fn discard(&self, chosen: &Chosen, limit: u64) -> Result<u64, QueueError> {
        dead::take(&self.shared, chosen, limit, Fate::Discarded).await
    }
}
