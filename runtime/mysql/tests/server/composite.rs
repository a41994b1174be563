//! A store of documents that keeps deliveries elsewhere, as the one on Elasticsearch does: documents in memory, the outbox here.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::value::RawValue;
use tracardi_model::Context;
use tracardi_mysql::Mysql;
use tracardi_store::conformance::memory::Memory;
use tracardi_store::{
    Batch, Chosen, Committed, Counts, Deliveries, DeliveryPage, Deposit, Documents, Due, Found, Histogram, Holding,
    Index, Merge, Outbox, Page, Queue, Repointed, Select, Settled, StoreError, Waiting, Wanted,
};

#[derive(Debug)]
pub(crate) struct Composite {
    documents: Memory,
    outbox: Mysql,
}

impl Composite {
    pub(crate) fn over(outbox: Mysql) -> Self {
        Self { documents: Memory::default(), outbox }
    }
}

#[async_trait]
impl Documents for Composite {
    async fn commit(&self, mut batch: Batch) -> Result<Committed, StoreError> {
        let deliveries = std::mem::take(&mut batch.deliveries);
        let committed = self.documents.commit(batch).await?;
        if committed.is_stored() {
            self.outbox.deposit(deliveries).await?;
        }
        Ok(committed)
    }

    async fn merge(&self, merge: Merge) -> Result<Repointed, StoreError> {
        let (context, survivor) = (merge.context, merge.survivor.value.id().to_owned());
        let mut gone: Vec<String> = merge.gone.iter().map(|gone| gone.id.clone()).collect();
        gone.extend(merge.ids.iter().cloned());
        let done = self.documents.merge(merge).await?;
        self.outbox.lead(context, &gone, &survivor).await?;
        Ok(done)
    }

    async fn delete(&self, context: Context, index: Index, id: &str) -> Result<bool, StoreError> {
        let deleted = self.documents.delete(context, index, id).await?;
        if deleted && index == Index::Profile {
            self.outbox.forget(context, &[id.to_owned()]).await?;
        }
        Ok(deleted)
    }

    async fn load(&self, wanted: &Wanted<'_>) -> Result<Found, StoreError> {
        self.documents.load(wanted).await
    }

    async fn awaiting_merge(&self, after: i64, limit: u32) -> Result<Waiting, StoreError> {
        self.documents.awaiting_merge(after, limit).await
    }

    async fn repoint(&self, limit: u32) -> Result<Repointed, StoreError> {
        self.documents.repoint(limit).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.documents.probe().await
    }

    async fn get(&self, context: Context, index: Index, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        self.documents.get(context, index, id).await
    }

    async fn count(&self, context: Context, index: Index) -> Result<u64, StoreError> {
        self.documents.count(context, index).await
    }

    async fn select(&self, context: Context, index: Index, select: &Select) -> Result<Page, StoreError> {
        self.documents.select(context, index, select).await
    }

    async fn holding(&self, context: Context, index: Index, holding: &Holding) -> Result<Page, StoreError> {
        self.documents.holding(context, index, holding).await
    }

    async fn histogram(&self, context: Context, index: Index, histogram: &Histogram) -> Result<Counts, StoreError> {
        self.documents.histogram(context, index, histogram).await
    }

    async fn event_types(&self, context: Context, limit: u32) -> Result<Vec<String>, StoreError> {
        self.documents.event_types(context, limit).await
    }

    async fn delayed(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.documents.delayed(context, start, limit).await
    }

    async fn original(&self, context: Context, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        self.documents.original(context, id).await
    }

    async fn quarantine(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.documents.quarantine(context, start, limit).await
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        self.documents.refresh().await
    }
}

#[async_trait]
impl Outbox for Composite {
    async fn waiting(&self) -> Result<Vec<Queue>, StoreError> {
        self.outbox.waiting().await
    }

    async fn due(&self, context: Context, to: &str, now: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError> {
        self.outbox.due(context, to, now, limit).await
    }

    async fn settle(&self, now: Timestamp, outcomes: Vec<(i64, Settled)>) -> Result<(), StoreError> {
        self.outbox.settle(now, outcomes).await
    }

    async fn deliveries(&self, context: Context, wanted: &Deliveries) -> Result<DeliveryPage, StoreError> {
        self.outbox.deliveries(context, wanted).await
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
