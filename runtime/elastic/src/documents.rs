//! The trait: each call by name.

use async_trait::async_trait;
use serde_json::json;
use serde_json::value::RawValue;
use tracardi_model::Context;
use tracardi_store::{
    Batch, Committed, Counts, Documents, Found, Histogram, Holding, Index, Merge, Page, Repointed, Select, StoreError,
    Waiting, Wanted,
};

use crate::bulk::{Mode, Op, Place};
use crate::document::{Envelope, Source};
use crate::elastic::{Elastic, Inner};
use crate::get::{Held, Known};
use crate::names::{Kind, key};
use crate::schema::{newest_first, scope};

#[async_trait]
impl Documents for Elastic {
    async fn load(&self, wanted: &Wanted<'_>) -> Result<Found, StoreError> {
        self.0.load_wanted(wanted).await
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        self.0.commit_batch(batch).await
    }

    async fn awaiting_merge(&self, after: i64, limit: u32) -> Result<Waiting, StoreError> {
        self.0.list_waiting(after, limit).await
    }

    async fn merge(&self, merge: Merge) -> Result<Repointed, StoreError> {
        self.0.merge_profiles(merge).await
    }

    async fn repoint(&self, limit: u32) -> Result<Repointed, StoreError> {
        self.0.repoint_some(limit).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.0.write_probe().await
    }

    async fn get(&self, context: Context, index: Index, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        self.0.get_document(context, index, id).await
    }

    async fn delete(&self, context: Context, index: Index, id: &str) -> Result<bool, StoreError> {
        self.0.delete_document(context, index, id).await
    }

    async fn count(&self, context: Context, index: Index) -> Result<u64, StoreError> {
        self.count_of(context, index).await
    }

    async fn select(&self, context: Context, index: Index, select: &Select) -> Result<Page, StoreError> {
        self.select_page(context, index, select).await
    }

    async fn holding(&self, context: Context, index: Index, holding: &Holding) -> Result<Page, StoreError> {
        self.holding_page(context, index, holding).await
    }

    async fn histogram(&self, context: Context, index: Index, histogram: &Histogram) -> Result<Counts, StoreError> {
        self.counts(context, index, histogram).await
    }

    async fn event_types(&self, context: Context, limit: u32) -> Result<Vec<String>, StoreError> {
        self.types_of_events(context, limit).await
    }

    async fn delayed(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        let soonest = json!([{"inserted": "asc"}, {"stored": "asc"}, {"key": "asc"}]);
        self.0.page(Kind::Delayed, &scope(context), &soonest, start, limit).await
    }

    async fn original(&self, context: Context, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        self.0.get_original(context, id).await
    }

    async fn quarantine(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.0.page(Kind::Quarantine, &scope(context), &newest_first(), start, limit).await
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        Ok(self.0.refresh_kinds(&Kind::ALL).await?)
    }
}

impl Inner {
    pub(crate) async fn get_document(
        &self,
        context: Context,
        index: Index,
        id: &str,
    ) -> Result<Option<Box<RawValue>>, StoreError> {
        let key = key(context, id);
        let places: Vec<Place> = match index {
            Index::Profile => return self.profile_text(context, id).await,
            Index::Session => vec![Place::of(Kind::Session)],
            Index::Event => self.recent(Kind::Event).collect(),
        };
        let mut known = Known::default();
        self.look_up(&mut known, places.iter().map(|place| ((*place, key.clone()), true))).await?;
        if let Some(held) = places.iter().find_map(|place| known.get(*place, &key)) {
            return held.text().map(Some);
        }
        if index != Index::Event {
            return Ok(None);
        }
        // In an older generation it has been searchable for long; a search says where, and it may be gone since.
        let (_, hits) = self.search(Kind::Event, &json!({"query": {"term": {"key": key}}, "_source": false})).await?;
        let places: Vec<Place> = hits.iter().map(|hit| hit.place).collect();
        self.look_up(&mut known, places.iter().map(|place| ((*place, key.clone()), true))).await?;
        places.iter().find_map(|place| known.get(*place, &key)).map(Held::text).transpose()
    }

    /// None also when the event is stored as it should be.
    pub(crate) async fn get_original(&self, context: Context, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        let (key, place) = (key(context, id), Place::of(Kind::Quarantine));
        let mut known = Known::default();
        let places = self.recent(Kind::Event).chain([place]);
        self.look_up(&mut known, places.map(|place| ((place, key.clone()), true))).await?;
        for held in self.recent(Kind::Event).filter_map(|place| known.get(place, &key)) {
            if held.envelope()?.valid == Some(true) {
                return Ok(None);
            }
        }
        known.get(place, &key).map(Held::text).transpose()
    }

    /// Writes a document that nobody looks for.
    pub(crate) async fn write_probe(&self) -> Result<(), StoreError> {
        let source = Source::kept(Envelope::new(Context::Staging, "probe", 0), "{}".to_owned());
        let op = Op { key: "probe".to_owned(), ..Op::write(Place::of(Kind::Identity), Mode::Put, source) };
        self.bulk(&[&op]).await?;
        Ok(())
    }
}
