//! Documents that are written to memory and, with nothing but requests, to a search server; queries go to the server.

use std::fmt::Write as _;

use async_trait::async_trait;
use reqwest::Method;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tracardi_model::{Context, Delivery};
use tracardi_store::conformance::memory::Memory;
use tracardi_store::{
    Batch, Committed, Counts, Deposit, Documents, Found, Histogram, Holding, Index, Merge, Page, Repointed, Select,
    StoreError, Waiting, Wanted,
};

use crate::Elastic;
use crate::client::Body;
use crate::document::{Envelope, Source};
use crate::names::Kind;

/// There are no deliveries.
#[derive(Debug)]
pub(super) struct Nowhere;

#[async_trait]
impl Deposit for Nowhere {
    async fn deposit(&self, _: Vec<(Context, Delivery)>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn lead(&self, _: Context, _: &[String], _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    async fn forget(&self, _: Context, _: &[String]) -> Result<(), StoreError> {
        Ok(())
    }
}

#[derive(Debug)]
pub(super) struct Both {
    pub(super) memory: Memory,
    pub(super) elastic: Elastic,
}

impl Both {
    pub(super) fn new(elastic: Elastic) -> Self {
        Self { memory: Memory::default(), elastic }
    }

    pub(super) async fn write(&self, batch: &Batch) {
        let inner = &self.elastic.0;
        let events = batch.events.iter().map(|(context, event)| {
            let envelope = Envelope::of_event(*context, &event.value, inner.number());
            (Kind::Event, Source::searchable(envelope, event.text.clone()))
        });
        let sessions = batch.sessions.iter().map(|(context, session)| {
            (Kind::Session, Source::searchable(Envelope::of_session(*context, &session.value), session.text.clone()))
        });
        let profiles = batch.profiles.iter().map(|(context, profile)| {
            let envelope = Envelope::of_profile(*context, &profile.value, None);
            (Kind::Profile, Source::searchable(envelope, profile.text.clone()))
        });
        let mut lines = Vec::new();
        for (kind, source) in events.chain(sessions).chain(profiles) {
            let target = json!({"index": {"_index": inner.names.index(kind, 1), "_id": source.envelope.key}});
            lines.extend_from_slice(format!("{target}\n").as_bytes());
            source.write(source.form, None, &mut lines).unwrap();
        }
        if lines.is_empty() {
            return;
        }
        let answer: Value = inner.client.json(Method::POST, "_bulk", Body::Lines(lines.into())).await.unwrap();
        let mut failed = String::new();
        for item in answer["items"].as_array().unwrap() {
            if item["index"]["error"].is_object() {
                let _ = writeln!(failed, "{item}");
            }
        }
        assert_eq!(failed, "");
    }
}

#[async_trait]
impl Documents for Both {
    async fn load(&self, wanted: &Wanted<'_>) -> Result<Found, StoreError> {
        self.memory.load(wanted).await
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        self.write(&batch).await;
        self.memory.commit(batch).await
    }

    async fn awaiting_merge(&self, after: i64, limit: u32) -> Result<Waiting, StoreError> {
        self.memory.awaiting_merge(after, limit).await
    }

    async fn merge(&self, merge: Merge) -> Result<Repointed, StoreError> {
        self.memory.merge(merge).await
    }

    async fn repoint(&self, limit: u32) -> Result<Repointed, StoreError> {
        self.memory.repoint(limit).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.memory.probe().await
    }

    async fn get(&self, context: Context, index: Index, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        self.memory.get(context, index, id).await
    }

    async fn delete(&self, context: Context, index: Index, id: &str) -> Result<bool, StoreError> {
        self.memory.delete(context, index, id).await
    }

    async fn count(&self, context: Context, index: Index) -> Result<u64, StoreError> {
        self.elastic.count_of(context, index).await
    }

    async fn select(&self, context: Context, index: Index, select: &Select) -> Result<Page, StoreError> {
        self.elastic.select_page(context, index, select).await
    }

    async fn holding(&self, context: Context, index: Index, holding: &Holding) -> Result<Page, StoreError> {
        self.elastic.holding_page(context, index, holding).await
    }

    async fn histogram(&self, context: Context, index: Index, histogram: &Histogram) -> Result<Counts, StoreError> {
        self.elastic.counts(context, index, histogram).await
    }

    async fn event_types(&self, context: Context, limit: u32) -> Result<Vec<String>, StoreError> {
        self.elastic.types_of_events(context, limit).await
    }

    async fn delayed(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.memory.delayed(context, start, limit).await
    }

    async fn original(&self, context: Context, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        self.memory.original(context, id).await
    }

    async fn quarantine(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.memory.quarantine(context, start, limit).await
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        let inner = &self.elastic.0;
        let all = Kind::ALL.map(|kind| inner.names.alias(kind)).join(",");
        inner.client.send(Method::POST, &format!("{all}/_refresh"), Body::Nothing).await?;
        Ok(())
    }
}
