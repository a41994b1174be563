//! Wrong settings, foreign servers, two that start at once, generations, tenants.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tracardi_model::{Context, Tenant};
use tracardi_process::{Endpoint, Secret, SystemClock};
use tracardi_servers::{Kind, Login, Options};
use tracardi_store::conformance::memory::Memory;
use tracardi_store::conformance::samples::{at, batch, event, profile, session};
use tracardi_store::{Committed, Documents, Index, StoreError, Wanted};

use super::house::{House, settings, stranger};
use crate::client::Body;
use crate::names::Kind as Indices;
use crate::{Elastic, ElasticSettings, Product};

const PRODUCTION: Context = Context::Production;

async fn error(settings: ElasticSettings) -> String {
    let opened = Elastic::open(settings, Arc::new(Memory::default()), SystemClock::shared()).await;
    let error = opened.unwrap_err().to_string();
    assert!(!error.contains('\n') && !error.contains("geheim"), "{error}");
    error
}

fn at_url(url: impl Into<String>) -> ElasticSettings {
    ElasticSettings { timeout: Duration::from_secs(10), ..ElasticSettings::new(Endpoint::new(url), Tenant::only()) }
}

fn with(url: &str, change: impl FnOnce(&mut Endpoint)) -> ElasticSettings {
    let mut settings = at_url(url);
    change(&mut settings.endpoint);
    settings
}

#[tokio::test]
async fn wrong_settings_are_named() {
    let geheim = || Some(Secret::new("geheim"));
    let table = [
        (at_url("search:9200"), "setting url"),
        (at_url("ftp://search"), "setting url"),
        (at_url("http://me:geheim@search:9200"), "setting url"),
        (with("http://search", |endpoint| endpoint.username = Some("me".to_owned())), "setting username"),
        (
            with("http://search", |endpoint| {
                (endpoint.username, endpoint.password, endpoint.token) = (Some("me".to_owned()), geheim(), geheim());
            }),
            "setting username",
        ),
        (with("http://search", |endpoint| endpoint.authority = Some("geheim".to_owned())), "setting authority"),
        (with("http://search", |endpoint| endpoint.token = Some(Secret::new("geheim\n"))), "setting token"),
        (ElasticSettings { prefix: "a-b".to_owned(), ..at_url("http://search") }, "setting prefix"),
        (at_url("http://127.0.0.1:1"), "cannot be reached"),
        (at_url("http://search.invalid:9200"), "cannot be reached"),
    ];
    for (settings, expected) in table {
        let error = error(settings).await;
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_search_server_is_told() {
    let redis = Kind::Redis.start().unwrap();
    let rabbit = Kind::RabbitMq.start().unwrap();
    for url in [format!("http://{}", redis.address()), format!("http://{}", rabbit.address_of("management").unwrap())] {
        let error = error(at_url(url)).await;
        assert!(error.contains("no Elasticsearch or OpenSearch"), "{error}");
    }
}

#[tokio::test]
async fn credentials_and_certificates() {
    let login = Some(Login::new("shop", "geheim"));
    let server = Kind::OpenSearchSecured.start_with(&Options { login, tls: true, ..Options::default() }).unwrap();
    let other = Kind::Redis.start_with(&Options { tls: true, ..Options::default() }).unwrap();
    let url = format!("https://{}", server.address());
    let as_shop = |authority: Option<&str>, password: &str, url: &str| {
        with(url, |endpoint| {
            endpoint.username = Some("shop".to_owned());
            endpoint.password = Some(Secret::new(password));
            endpoint.authority = authority.map(str::to_owned);
        })
    };
    let plain = format!("http://{}", server.address());
    let name = format!("https://localhost.localdomain:{}", server.address().port());
    let table = [
        (as_shop(server.authority(), "wrong", &url), "does not accept the credentials"),
        (as_shop(None, "geheim", &url), "its authority is not known here"),
        (as_shop(other.authority(), "geheim", &url), "certificate"),
        (as_shop(server.authority(), "geheim", &plain), "does it want https://?"),
        (as_shop(server.authority(), "geheim", &name), "reached"),
    ];
    for (settings, expected) in table {
        let error = error(settings).await;
        assert!(error.contains(expected), "{error}");
    }
    let right = ElasticSettings { replicas: 0, ..as_shop(server.authority(), "geheim", &url) };
    let store = House::with(right, Memory::default()).await;
    store.commit(batch(vec![event("e", "x", 1)], vec![], vec![])).await.unwrap();
    assert_eq!(store.elastic.dialect().product, Product::OpenSearch);
}

#[tokio::test]
async fn an_index_that_takes_no_writes_is_told_and_recovers() {
    let store = House::new(Kind::OpenSearch).await;
    let inner = &store.elastic.0;
    let path = format!("{}/_settings", inner.names.alias(Indices::Profile));
    let block = async |on: bool| {
        let body = json!({"index.blocks.read_only_allow_delete": if on { json!(true) } else { json!(null) }});
        inner.client.send(Method::PUT, &path, Body::from(&body)).await.unwrap();
    };
    block(true).await;
    let put = async || store.commit(batch(vec![event("e", "x", 1)], vec![], vec![profile(&["p"])])).await;
    let error = put().await.unwrap_err();
    assert!(
        error.passes() && error.to_string().contains("take the block off") || error.to_string().contains("make space"),
        "{error}"
    );
    block(false).await;
    assert!(put().await.unwrap().is_stored());
}

#[tokio::test]
async fn several_start_at_once_and_again() {
    for kind in [Kind::OpenSearch, Kind::Elasticsearch] {
        let settings = settings(kind, stranger());
        let start = async || House::with(settings.clone(), Memory::default()).await;
        let (a, b, c) = tokio::join!(start(), start(), start());
        a.commit(batch(vec![event("e", "x", 1)], vec![], vec![])).await.unwrap();
        for store in [b, c, start().await] {
            assert!(store.get(PRODUCTION, Index::Event, "e").await.unwrap().is_some());
        }
    }
}

#[tokio::test]
async fn a_start_may_be_killed_at_any_request() {
    let settings = settings(Kind::OpenSearch, stranger());
    for number in (0..30).step_by(2) {
        let settings = ElasticSettings { tenant: stranger(), ..settings.clone() };
        let names = crate::names::Names::new(&settings.prefix, &settings.tenant).unwrap();
        let client = crate::client::Client::new(&settings.endpoint, settings.timeout, usize::MAX).unwrap();
        client.fuse.burn_at(number, false);
        let died = crate::schema::install(&client, &names, &settings).await.is_err();
        let heir = House::with(settings, Memory::default()).await;
        heir.commit(batch(vec![event("e", "x", 1)], vec![], vec![])).await.unwrap();
        if !died {
            return;
        }
    }
    panic!("it never ends")
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let store = House::new(Kind::OpenSearch).await;
    let inner = &store.elastic.0;
    let path = format!("_index_template/{}", inner.names.alias(Indices::Profile));
    let body = json!({"index_patterns": [inner.names.pattern(Indices::Profile)], "priority": 500,
        "_meta": {"schema_revision": crate::schema::REVISION + 1}, "template": {}});
    inner.client.send(Method::PUT, &path, Body::from(&body)).await.unwrap();
    let error = error(inner.settings.clone()).await;
    assert!(error.contains("start the newer version"), "{error}");
}

#[tokio::test]
async fn an_event_is_known_across_a_rollover() {
    for kind in [Kind::OpenSearch, Kind::Elasticsearch] {
        let house = House::new(kind).await;
        let mut rolling = house.elastic.0.settings.clone();
        (rolling.generation_events, rolling.event_life) = (1, Some(Duration::from_mins(1)));
        let keeper = House::with(rolling, house.outbox.clone()).await;
        let put = async |store: &House, id: &str| store.commit(batch(vec![event(id, "x", 1)], vec![], vec![])).await;
        put(&house, "first").await.unwrap();
        house.refresh().await.unwrap();
        assert_eq!(keeper.elastic.maintain(at(2)).await.unwrap().began, Some(2));
        put(&keeper, "second").await.unwrap();
        // Who has not heard of it learns it by writing.
        assert!(matches!(put(&house, "second").await, Err(StoreError::Stale)));
        for id in ["first", "second"] {
            assert_eq!(put(&house, id).await.unwrap(), Committed::EventExists, "{id}");
            let found = house.load(&Wanted { events: vec![(PRODUCTION, id)], ..Wanted::default() }).await.unwrap();
            assert_eq!(found.events.len(), 1, "{id}");
        }
        house.refresh().await.unwrap();
        assert_eq!(house.count(PRODUCTION, Index::Event).await.unwrap(), 2);
        assert_eq!(keeper.elastic.maintain(at(3)).await.unwrap().began, Some(3));
        put(&keeper, "third").await.unwrap();
        assert!(house.get(PRODUCTION, Index::Event, "first").await.unwrap().is_some(), "by a search");
        house.refresh().await.unwrap();
        let done = keeper.elastic.maintain(at(1000)).await.unwrap();
        assert_eq!((done.began, done.removed), (Some(4), vec![1, 2]));
        assert!(house.get(PRODUCTION, Index::Event, "first").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn two_tenants_see_nothing_of_each_other() {
    let (a, b) = (House::new(Kind::OpenSearch).await, House::new(Kind::OpenSearch).await);
    let all = || batch(vec![event("e", "x", 1)], vec![session("s", Some("p"))], vec![profile(&["p", "h"])]);
    assert!(a.commit(all()).await.unwrap().is_stored());
    let wanted = Wanted {
        sessions: vec![(PRODUCTION, "s")],
        profiles: vec![(PRODUCTION, "p"), (PRODUCTION, "h")],
        events: vec![(PRODUCTION, "e")],
    };
    let found = b.load(&wanted).await.unwrap();
    assert!(found.sessions.is_empty() && found.profiles.is_empty() && found.events.is_empty());
    assert!(b.commit(all()).await.unwrap().is_stored(), "the same ids are nothing to it");
}

/// An index that somebody has given another mapping refuses what is searched by content; it is kept all the same.
#[tokio::test]
async fn a_document_that_is_refused_is_kept_without_its_content_being_searchable() {
    let store = House::new(Kind::OpenSearch).await;
    let inner = &store.elastic.0;
    let index = inner.names.index(Indices::Event, 1);
    inner.client.send(Method::DELETE, &index, Body::Nothing).await.unwrap();
    let properties = json!({"facts": {"type": "keyword"}, "document": {"properties": {"type": {"type": "long"}}}});
    let body = json!({"mappings": {"dynamic": true, "properties": properties}});
    inner.client.send(Method::PUT, &index, Body::from(&body)).await.unwrap();
    assert!(store.commit(batch(vec![event("e", "no number", 1)], vec![], vec![])).await.unwrap().is_stored());
    let kept = store.get(PRODUCTION, Index::Event, "e").await.unwrap().unwrap();
    assert!(kept.get().contains("no number"));
}
