//! A store as a process has it: documents on a server, deliveries elsewhere.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::value::RawValue;
use tracardi_model::{Context, Tenant};
use tracardi_process::{Endpoint, SystemClock};
use tracardi_servers::{Kind, Server};
use tracardi_store::conformance::memory::Memory;
use tracardi_store::{
    Batch, Chosen, Committed, Counts, Deliveries, DeliveryPage, Documents, Due, Found, Histogram, Holding, Index,
    Merge, Outbox, Page, Queue, Repointed, Select, Settled, StoreError, Waiting, Wanted,
};

use crate::{Elastic, ElasticSettings};

/// The server that all tests of a product share, each with a tenant of its own.
pub(crate) fn url(kind: Kind) -> String {
    static OPENSEARCH: OnceLock<Server> = OnceLock::new();
    static ELASTICSEARCH: OnceLock<Server> = OnceLock::new();
    static ELASTICSEARCH_8: OnceLock<Server> = OnceLock::new();
    static OPENSEARCH_3: OnceLock<Server> = OnceLock::new();
    let server = match kind {
        Kind::OpenSearch => &OPENSEARCH,
        Kind::Elasticsearch => &ELASTICSEARCH,
        Kind::OpenSearch3 => &OPENSEARCH_3,
        _ => &ELASTICSEARCH_8,
    };
    format!("http://{}", server.get_or_init(|| kind.start().unwrap()).address())
}

/// A tenant that nobody else has.
pub(crate) fn stranger() -> Tenant {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("t{}", NEXT.fetch_add(1, Ordering::SeqCst)).parse().unwrap()
}

/// For a server of tests.
pub(crate) fn settings(kind: Kind, tenant: Tenant) -> ElasticSettings {
    ElasticSettings { replicas: 0, ..ElasticSettings::new(Endpoint::new(url(kind)), tenant) }
}

/// Documents and deliveries of a tenant.
#[derive(Clone, Debug)]
pub(crate) struct House {
    pub(crate) elastic: Elastic,
    pub(crate) outbox: Memory,
}

impl House {
    pub(crate) async fn new(kind: Kind) -> Self {
        Self::with(settings(kind, stranger()), Memory::default()).await
    }

    pub(crate) async fn with(settings: ElasticSettings, outbox: Memory) -> Self {
        let elastic = Elastic::open(settings, Arc::new(outbox.clone()), SystemClock::shared()).await.unwrap();
        Self { elastic, outbox }
    }

    /// As another process.
    pub(crate) async fn again(&self) -> Self {
        let (settings, outbox) = (self.elastic.0.settings.clone(), self.outbox.clone());
        let elastic = Elastic::connect(settings, Arc::new(outbox.clone()), SystemClock::shared()).await.unwrap();
        Self { elastic, outbox }
    }
}

#[async_trait]
impl Documents for House {
    async fn load(&self, wanted: &Wanted<'_>) -> Result<Found, StoreError> {
        self.elastic.load(wanted).await
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        self.elastic.commit(batch).await
    }

    async fn awaiting_merge(&self, after: i64, limit: u32) -> Result<Waiting, StoreError> {
        self.elastic.awaiting_merge(after, limit).await
    }

    async fn merge(&self, merge: Merge) -> Result<Repointed, StoreError> {
        self.elastic.merge(merge).await
    }

    async fn repoint(&self, limit: u32) -> Result<Repointed, StoreError> {
        self.elastic.repoint(limit).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.elastic.probe().await
    }

    async fn get(&self, context: Context, index: Index, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        self.elastic.get(context, index, id).await
    }

    async fn delete(&self, context: Context, index: Index, id: &str) -> Result<bool, StoreError> {
        self.elastic.delete(context, index, id).await
    }

    async fn count(&self, context: Context, index: Index) -> Result<u64, StoreError> {
        self.elastic.count(context, index).await
    }

    async fn select(&self, context: Context, index: Index, select: &Select) -> Result<Page, StoreError> {
        self.elastic.select(context, index, select).await
    }

    async fn holding(&self, context: Context, index: Index, holding: &Holding) -> Result<Page, StoreError> {
        self.elastic.holding(context, index, holding).await
    }

    async fn histogram(&self, context: Context, index: Index, histogram: &Histogram) -> Result<Counts, StoreError> {
        self.elastic.histogram(context, index, histogram).await
    }

    async fn event_types(&self, context: Context, limit: u32) -> Result<Vec<String>, StoreError> {
        self.elastic.event_types(context, limit).await
    }

    async fn delayed(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.elastic.delayed(context, start, limit).await
    }

    async fn original(&self, context: Context, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        self.elastic.original(context, id).await
    }

    async fn quarantine(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.elastic.quarantine(context, start, limit).await
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        self.elastic.refresh().await
    }
}

#[async_trait]
impl Outbox for House {
    async fn waiting(&self) -> Result<Vec<Queue>, StoreError> {
        self.outbox.waiting().await
    }

    async fn due(
        &self,
        context: Context,
        destination: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Due>, StoreError> {
        self.outbox.due(context, destination, now, limit).await
    }

    async fn settle(&self, now: Timestamp, outcomes: Vec<(i64, Settled)>) -> Result<(), StoreError> {
        self.outbox.settle(now, outcomes).await
    }

    /// Any id of a profile finds what was made for it: here the documents know the ids.
    async fn deliveries(&self, context: Context, wanted: &Deliveries) -> Result<DeliveryPage, StoreError> {
        let mut wanted = wanted.clone();
        if let Some(id) = &wanted.profile
            && let Some(profile) = self.get(context, Index::Profile, id).await?
        {
            let profile: serde_json::Value = serde_json::from_str(profile.get()).unwrap();
            wanted.profile = profile["id"].as_str().map(str::to_owned);
        }
        self.outbox.deliveries(context, &wanted).await
    }

    async fn replay(
        &self,
        context: Context,
        chosen: &Chosen,
        now: Timestamp,
        limit: u32,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        self.outbox.replay(context, chosen, now, limit).await
    }

    async fn discard(&self, context: Context, chosen: &Chosen, limit: u32) -> Result<u64, StoreError> {
        self.outbox.discard(context, chosen, limit).await
    }
}
