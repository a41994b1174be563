//! Against real servers: the suite of all stores, and thousands of random queries whose answers a store in memory knows.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod both;
mod random;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tracardi_language::{condition, filter};
use tracardi_model::{Context, Tenant};
use tracardi_process::{Endpoint, SystemClock};
use tracardi_servers::{Kind as Servers, Options, Server};
use tracardi_store::conformance::samples::{at, batch, event, event_with};
use tracardi_store::conformance::{queries, samples};
use tracardi_store::{Documents as _, Histogram, Holding, Index, Matching, Page, Select, StoreError};

use self::both::{Both, Nowhere};
use self::random::Sampler;
use crate::{Elastic, ElasticSettings, MAX_ASKED, WINDOW};

const HERE: Context = Context::Production;

/// Asked of each kind of documents and values.
const FILTERS: usize = 200;
const CONDITIONS: usize = 200;
const WORDS: usize = 60;
const HISTOGRAMS: usize = 30;

async fn open(server: &Server, tenant: &str) -> Both {
    let endpoint = Endpoint::new(format!("http://{}", server.address()));
    let settings = ElasticSettings { replicas: 0, ..ElasticSettings::new(endpoint, tenant.parse::<Tenant>().unwrap()) };
    let elastic = Elastic::open(settings, Arc::new(Nowhere), SystemClock::shared()).await.unwrap();
    Both::new(elastic)
}

async fn all(kind: Servers) {
    let server = kind.start_with(&Options::default()).unwrap();
    suite(&open(&server, "suite").await).await;
    agreement(&open(&server, "random").await).await;
    types(&open(&server, "types").await).await;
    far_pages(&open(&server, "far").await).await;
    profiles(&open(&server, "profiles").await).await;
    too_much(&open(&server, "much").await).await;
}

#[tokio::test]
async fn opensearch() {
    all(Servers::OpenSearch).await;
}

#[tokio::test]
async fn elasticsearch() {
    all(Servers::Elasticsearch).await;
}

#[tokio::test]
#[ignore = "heavy: another server of the same dialect"]
async fn elasticsearch_8() {
    all(Servers::Elasticsearch8).await;
}

#[tokio::test]
#[ignore = "needs Java 21"]
async fn opensearch_3() {
    all(Servers::OpenSearch3).await;
}

/// The suite begins where another one ended: with one event in staging.
async fn suite(store: &Both) {
    let before = samples::batch_in(Context::Staging, vec![event("earlier", "page-view", 1)], vec![], vec![]);
    samples::commit(store, before).await.unwrap();
    queries::all(store).await;
}

fn ids(page: &Page) -> Vec<String> {
    let id = |text: &str| serde_json::from_str::<Value>(text).unwrap()["id"].as_str().unwrap().to_owned();
    page.result.iter().map(|document| id(document.get())).collect()
}

/// The server and the memory say the same; how many documents it was.
fn compare(found: &Page, expected: &Page, asked: &str) -> u64 {
    assert_eq!((found.total, ids(found)), (expected.total, ids(expected)), "{asked}");
    found.total
}

async fn agreement(store: &Both) {
    let mut sampler = Sampler::default();
    let documents = (0..150).map(|n| {
        let seconds = n;
        event_with(&format!("e{n}"), sampler.kind(), seconds, &sampler.members())
    });
    samples::commit(store, batch(documents.collect(), vec![], vec![])).await.unwrap();
    let now = at(200);
    let (mut hits, mut exact) = (0, 0);
    for _ in 0..FILTERS {
        let text = sampler.filter();
        let Ok(filter) = filter::parse(&text) else { panic!("{text}") };
        let select = Select { from: Some(at(5)), matching: Matching::Filter(filter), limit: 30, ..Select::default() };
        let requests = store.elastic.requests();
        let found = store.select(HERE, Index::Event, &select).await.unwrap();
        exact += u64::from(store.elastic.requests() - requests <= 3);
        hits += compare(&found, &store.memory.select(HERE, Index::Event, &select).await.unwrap(), &text);
    }
    println!("{hits} documents found by filters; {exact} filters were answered by the index alone");
    assert!(hits > 200, "filters that match nothing prove nothing");
    assert!(exact * 2 > FILTERS as u64, "most are answered by the index alone");
    hits = 0;
    for _ in 0..CONDITIONS {
        let text = sampler.condition();
        let Ok(condition) = condition::parse(&text) else { continue };
        let holding = Holding { condition, now, start: 2, limit: 30 };
        let found = store.holding(HERE, Index::Event, &holding).await.unwrap();
        hits += compare(&found, &store.memory.holding(HERE, Index::Event, &holding).await.unwrap(), &text);
    }
    println!("{hits} documents found by conditions");
    assert!(hits > 200, "conditions that are never true prove nothing");
    for _ in 0..WORDS {
        let text = sampler.words();
        let select = Select { matching: Matching::Words(text.clone()), limit: 30, ..Select::default() };
        let found = store.select(HERE, Index::Event, &select).await.unwrap();
        compare(&found, &store.memory.select(HERE, Index::Event, &select).await.unwrap(), &text);
    }
    for _ in 0..HISTOGRAMS {
        let text = sampler.filter();
        let histogram = Histogram {
            from: at(0) + SignedDuration::from_millis(1_500),
            to: at(150),
            matching: Matching::Filter(filter::parse(&text).unwrap()),
            width_seconds: 7,
            group_by: sampler.group(),
        };
        let found = store.histogram(HERE, Index::Event, &histogram).await.unwrap();
        let expected = store.memory.histogram(HERE, Index::Event, &histogram).await.unwrap();
        assert_eq!(found, expected, "{histogram:?}");
    }
}

/// Also those that no keyword takes as they are.
async fn types(store: &Both) {
    let long = "x".repeat(510);
    let all = ["#1", "#2", "page-view", "purchase", &long];
    let events = all.iter().rev().map(|kind| event(kind, kind, 1)).collect();
    samples::commit(store, batch(events, vec![], vec![])).await.unwrap();
    assert_eq!(store.event_types(HERE, 10).await.unwrap(), all);
    assert_eq!(store.event_types(HERE, 3).await.unwrap(), &all[..3]);
    assert!(store.event_types(HERE, 0).await.unwrap().is_empty());
}

/// More documents than one search tells, in the same order as in memory.
async fn far_pages(store: &Both) {
    let number = i64::try_from(WINDOW).unwrap() + 1_500;
    for first in (0..number).step_by(1_000) {
        let events = (first..number.min(first + 1_000)).map(|n| event(&format!("e{n}"), "far", n / 7)).collect();
        store.commit(batch(events, vec![], vec![])).await.unwrap();
    }
    store.refresh().await.unwrap();
    for (start, limit) in [(WINDOW - 5, 10), (WINDOW, 3), (WINDOW + 1_498, 10), (WINDOW + 1_500, 10), (3, u64::MAX)] {
        let select = Select { start, limit: limit.min(50), ..Select::default() };
        let found = store.select(HERE, Index::Event, &select).await.unwrap();
        compare(&found, &store.memory.select(HERE, Index::Event, &select).await.unwrap(), &format!("{start} {limit}"));
    }
    // What the index cannot tell is asked of each document, whatever their number; up to a bound.
    let same = |text: &str| Select {
        matching: Matching::Filter(filter::parse(text).unwrap()),
        start: WINDOW - 3,
        limit: 9,
        ..Select::default()
    };
    for text in ["type = name", "type = name AND properties.n < 100"] {
        let select = same(text);
        let found = store.select(HERE, Index::Event, &select).await.unwrap();
        compare(&found, &store.memory.select(HERE, Index::Event, &select).await.unwrap(), text);
    }
}

/// Some of which lack the time of their insertion.
async fn profiles(store: &Both) {
    let profiles = (0..40).map(|n| {
        let mut profile = samples::profile(&[&format!("p{n}")]);
        profile.metadata.time.insert = match n % 4 {
            0 => None,
            1 => Some(Timestamp::UNIX_EPOCH.into()),
            _ => Some(at(n).into()),
        };
        profile.traits.insert("n".to_owned(), n.into());
        profile
    });
    samples::commit(store, batch(vec![], vec![], profiles.collect())).await.unwrap();
    for text in [
        "metadata.time.insert >= datetime(\"2026-05-28T20:27:00Z\")",
        "metadata.time.insert NOT EXISTS",
        "traits.n < 9",
    ] {
        let select =
            Select { matching: Matching::Filter(filter::parse(text).unwrap()), limit: 50, ..Select::default() };
        let found = store.select(HERE, Index::Profile, &select).await.unwrap();
        let mut expected = store.memory.select(HERE, Index::Profile, &select).await.unwrap();
        assert_eq!(found.total, expected.total, "{text}");
        // Those of 1970 have no order among them.
        let (mut found, mut told) = (ids(&found), ids(&expected));
        expected.result.clear();
        found.sort_unstable();
        told.sort_unstable();
        assert_eq!(found, told, "{text}");
    }
    for text in [
        "datetime(profile@metadata.time.insert) > now.timezone.offset(\"UTC\", \"-20s\")",
        "profile@metadata.time.insert IS NULL",
    ] {
        let holding = Holding { condition: condition::parse(text).unwrap(), now: at(40), start: 0, limit: 50 };
        let found = store.holding(HERE, Index::Profile, &holding).await.unwrap();
        let expected = store.memory.holding(HERE, Index::Profile, &holding).await.unwrap();
        assert_eq!(found.total, expected.total, "{text}");
    }
}

/// More documents than are asked in memory.
async fn too_much(store: &Both) {
    let number = i64::try_from(MAX_ASKED).unwrap() + 1;
    for first in (0..number).step_by(1_000) {
        let events = (first..number.min(first + 1_000)).map(|n| event(&format!("e{n}"), "much", n)).collect();
        store.write(&batch(events, vec![], vec![])).await;
    }
    store.refresh().await.unwrap();
    let all =
        Select { matching: Matching::Filter(filter::parse("type = name").unwrap()), limit: 1, ..Select::default() };
    let refused = store.select(HERE, Index::Event, &all).await;
    assert!(
        matches!(refused, Err(StoreError::TooBroad { found, most: MAX_ASKED }) if found == MAX_ASKED + 1),
        "{refused:?}"
    );
    let narrowed = Select { from: Some(at(number - 10)), ..all };
    assert_eq!(store.select(HERE, Index::Event, &narrowed).await.unwrap().total, 10);
}
