//! Rollover and retention, by an explicit call now and then from one process or several: neither ILM nor ISM is needed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use tracardi_store::{APPLIED_LIFE, ORIGINAL_LIFE, StoreError, TRAIL_LIFE};

use crate::bulk::Place;
use crate::client::Body;
use crate::elastic::{Elastic, Inner};
use crate::names::Kind;
use crate::schema;

/// How long after an erasure somebody may still go on with what he had begun before it.
const CARE: SignedDuration = SignedDuration::from_hours(2);

/// What [`Elastic::maintain`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// The generation of events that has begun, if one has.
    pub began: Option<u32>,
    /// Generations that were removed.
    pub removed: Vec<u32>,
    /// Documents that were removed: ids of applied events, originals and trails whose time is over.
    pub forgotten: u64,
}

#[derive(Deserialize)]
struct Counted {
    count: u64,
}

impl Elastic {
    /// Begins a new generation of events and trails when the newest is large or old enough
    /// ([`generation_events`](crate::ElasticSettings::generation_events), `generation_age`), removes generations whose time is over
    /// (`event_life`), forgets what is remembered for a while only, and removes what was put back of profiles that were erased lately. To be called every few minutes; calls at the same time do no harm.
    pub async fn maintain(&self, now: Timestamp) -> Result<Maintained, StoreError> {
        let inner = &self.0;
        inner.learn_generation().await?;
        inner.erase_again(now - CARE).await?;
        Ok(Maintained {
            began: inner.roll_over(now).await?,
            removed: inner.remove_generations(now).await?,
            forgotten: inner.forget(now).await?,
        })
    }
}

fn before(now: Timestamp, life: SignedDuration) -> i64 {
    now.as_microsecond().saturating_sub(i64::try_from(life.as_micros()).unwrap_or(i64::MAX))
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

impl Inner {
    async fn roll_over(&self, now: Timestamp) -> Result<Option<u32>, StoreError> {
        let newest = self.newest(Kind::Event);
        let path = format!("{}/_count", self.names.index(newest.kind, newest.generation));
        let Counted { count } = self.client.json(Method::GET, &path, Body::Nothing).await?;
        if count == 0 {
            return Ok(None);
        }
        let old = self
            .edge(newest, "asc")
            .await?
            .is_some_and(|first| first < before(now, signed(self.settings.generation_age)));
        if count < self.settings.generation_events && !old {
            return Ok(None);
        }
        let next = newest.generation.saturating_add(1);
        // The events' last: by them others learn of it, and then their trails have a place.
        for kind in [Kind::Trail, Kind::Event] {
            schema::create(&self.client, &self.names.index(kind, next)).await?;
        }
        self.learn_generation().await?;
        Ok(Some(next))
    }

    /// When the first (`asc`) or last (`desc`) event of a generation was inserted, in microseconds.
    async fn edge(&self, place: Place, order: &str) -> Result<Option<i64>, StoreError> {
        let body = json!({
            "query": {"term": {"_index": self.names.index(place.kind, place.generation)}},
            "sort": [{"inserted": order}], "size": 1,
        });
        let (_, hits) = self.search(place.kind, &body).await?;
        hits.first().map(|hit| Ok(hit.held.envelope()?.inserted)).transpose()
    }

    /// The newest two stay: by them repeated events are recognised.
    async fn remove_generations(&self, now: Timestamp) -> Result<Vec<u32>, StoreError> {
        let Some(life) = self.settings.event_life else { return Ok(Vec::new()) };
        let (oldest, newest) = (before(now, signed(life)), self.generation());
        let all = schema::indices(&self.client, &self.names).await?;
        let mut removed = Vec::new();
        for generation in all.get(&Kind::Event).into_iter().flatten().copied() {
            let place = Place { kind: Kind::Event, generation };
            if generation.saturating_add(1) >= newest
                || self.edge(place, "desc").await?.is_some_and(|last| last >= oldest)
            {
                continue;
            }
            for kind in [Kind::Trail, Kind::Event] {
                let path = format!("{}?ignore_unavailable=true", self.names.index(kind, generation));
                self.client.send(Method::DELETE, &path, Body::Nothing).await?;
            }
            removed.push(generation);
        }
        Ok(removed)
    }

    async fn forget(&self, now: Timestamp) -> Result<u64, StoreError> {
        let lives = [(Kind::Applied, APPLIED_LIFE), (Kind::Quarantine, ORIGINAL_LIFE), (Kind::Trail, TRAIL_LIFE)];
        let mut forgotten = 0;
        for (kind, life) in lives {
            let query = json!({"range": {"inserted": {"lt": before(now, life)}}});
            forgotten += self.remove_found(kind, &query).await?;
        }
        Ok(forgotten)
    }
}
