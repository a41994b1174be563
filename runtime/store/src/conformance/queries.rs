//! Pages, counts over time.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tracardi_language::{condition, filter};
use tracardi_model::Context;

use super::samples::{at, batch_in, commit, event_with, profile, session};
use crate::{Counts, Documents, Histogram, Holding, Index, Matching, Select, StoreError};

/// Queries are asked in the context that the other checks leave (nearly) alone.
const HERE: Context = Context::Staging;

/// All checks of queries.
pub async fn all(store: &dyn Documents) {
    let events = (0..40)
        .map(|n| {
            let kind = if n % 4 == 0 { "purchase" } else { "page-view" };
            let tags: Vec<&str> = ["red", "green", "blue"][..(usize::try_from(n).unwrap() % 4).min(3)].to_vec();
            let more = json!({
                "properties": {"price": n, "nested": {"deep": n % 2 == 0}, "word": format!("Word{n}")},
                "tags": {"values": tags, "count": tags.len()},
                "source": {"id": format!("source-{}", n % 2)},
                "context": {"time": {"tz": if n < 30 { json!("Europe/Warsaw") } else { json!(null) }}},
            });
            event_with(&format!("q{n}"), kind, 1000 + n * 60, &more)
        })
        .collect();
    let sessions = vec![session("qs", Some("qp"))];
    commit(store, batch_in(HERE, events, sessions, vec![profile(&["qp"])])).await.unwrap();
    let types = store.event_types(HERE, 10).await.unwrap();
    assert!(types.is_sorted() && types.starts_with(&["page-view".to_owned(), "purchase".to_owned()]), "{types:?}");
    assert_eq!(store.event_types(HERE, 1).await.unwrap(), ["page-view"]);
    pages(store).await;
    pages_end_when_they_are_large(store).await;
    filters(store).await;
    words(store).await;
    conditions(store).await;
    histograms(store).await;
}

fn range(start: u64, limit: u64) -> Select {
    Select { from: Some(at(1000)), to: Some(at(1000 + 39 * 60)), matching: Matching::Everything, start, limit }
}

async fn ids(store: &dyn Documents, index: Index, select: &Select) -> (u64, Vec<String>) {
    let page = store.select(HERE, index, select).await.unwrap();
    let id = |text: &str| serde_json::from_str::<Value>(text).unwrap()["id"].as_str().unwrap().to_owned();
    (page.total, page.result.iter().map(|document| id(document.get())).collect())
}

async fn pages_end_when_they_are_large(store: &dyn Documents) {
    let megabyte = "x".repeat(1 << 20);
    let large = |n: usize, megabytes: usize| {
        let text = json!({"properties": {"text": megabyte.repeat(megabytes)}});
        event_with(&format!("large{n}"), "large", 100_000 + i64::try_from(n).unwrap(), &text)
    };
    // From the newest: one that is too large for any page, then twelve of a megabyte.
    let mut events: Vec<_> = (0..12).map(|n| large(n, 1)).collect();
    events.push(large(12, 9));
    commit(store, batch_in(HERE, events, vec![], vec![])).await.unwrap();
    let mut page = Select { from: Some(at(100_000)), limit: 100, ..Select::default() };
    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let (total, ids) = ids(store, Index::Event, &page).await;
        assert_eq!(total, 13, "exact, whatever a page holds");
        if ids.is_empty() {
            break;
        }
        sizes.push(ids.len());
        page.start += ids.len() as u64;
        seen.extend(ids);
    }
    assert_eq!(seen, (0..13).rev().map(|n| format!("large{n}")).collect::<Vec<_>>(), "none twice, none left out");
    assert_eq!(sizes, [1, 7, 5], "one at least, no more than 8 MiB");

    let grouped = Histogram {
        from: at(100_000),
        to: at(100_100),
        matching: Matching::Everything,
        width_seconds: 60,
        group_by: Some("properties.text".to_owned()),
    };
    let counts = store.histogram(HERE, Index::Event, &grouped).await.unwrap();
    assert_eq!((counts.total, counts.groups.len()), (13, 0), "long texts are no groups");
}

async fn pages(store: &dyn Documents) {
    let (total, first) = ids(store, Index::Event, &range(0, 3)).await;
    assert_eq!((total, first), (40, vec!["q39".to_owned(), "q38".to_owned(), "q37".to_owned()]));
    let (total, last) = ids(store, Index::Event, &range(38, 25)).await;
    assert_eq!((total, last), (40, vec!["q1".to_owned(), "q0".to_owned()]));
    assert_eq!(ids(store, Index::Event, &range(40, 25)).await, (40, vec![]));
    assert_eq!(ids(store, Index::Event, &range(0, 0)).await, (40, vec![]));
    assert_eq!(ids(store, Index::Event, &range(u64::MAX, u64::MAX)).await, (40, vec![]));
    // Both ends belong to the range; one microsecond outside does not.
    let micro = SignedDuration::from_micros(1);
    let inner = Select { from: Some(at(1000) + micro), to: Some(at(1000 + 39 * 60) - micro), ..range(0, 100) };
    assert_eq!(ids(store, Index::Event, &inner).await.0, 38);
    let everything = Select { limit: 100, ..Select::default() };
    assert_eq!(ids(store, Index::Event, &everything).await.0, 41, "one more from an earlier check");
    let backwards = Select { from: Some(at(2000)), to: Some(at(1000)), ..range(0, 10) };
    assert_eq!(ids(store, Index::Event, &backwards).await, (0, vec![]));
    let by_profile = Matching::Filter(filter::parse("profile.id = \"qp\"").unwrap());
    let found = ids(store, Index::Session, &Select { matching: by_profile, limit: 9, ..Select::default() }).await;
    assert_eq!(found, (1, vec!["qs".to_owned()]));
}

async fn count(store: &dyn Documents, text: &str) -> u64 {
    let matching = Matching::Filter(filter::parse(text).unwrap());
    let select = Select { matching, ..range(0, 100) };
    let (total, found) = ids(store, Index::Event, &select).await;
    assert_eq!(total, found.len() as u64, "{text}: the count agrees with the documents");
    total
}

async fn filters(store: &dyn Documents) {
    let table = [
        ("", 40),
        ("type = \"purchase\"", 10),
        ("type != \"purchase\"", 30),
        ("type = \"page-*\"", 30),
        ("source.id = \"source-1\" AND type = \"purchase\"", 0),
        ("type = \"purchase\" OR source.id = \"source-1\"", 30),
        ("id = \"q7\"", 1),
        ("session.id = \"session\"", 40),
        ("session.id != \"session\"", 0),
        ("profile.id EXISTS", 40),
        ("properties.price >= 38", 2),
        ("properties.price BETWEEN 3 AND 5", 3),
        ("properties.price = \"3\"", 0),
        ("properties.nested.deep = true", 20),
        ("properties.word = \"Word1?*\"", 10),
        ("properties.missing NOT EXISTS", 40),
        ("properties.missing != \"x\"", 40),
        ("context.time.tz EXISTS", 30),
        ("context.time.tz = NULL", 10),
        ("tags.values = \"green\"", 20),
        ("tags.values != \"green\"", 20),
        ("tags.values.0 = \"red\"", 30),
        ("tags.values = [\"blue\", \"green\"]", 20),
        ("tags.values EXISTS", 30),
        ("type = name", 40),
        ("type != name", 0),
        ("properties = 5", 0),
        ("properties EXISTS", 40),
    ];
    for (text, expected) in table {
        assert_eq!(count(store, text).await, expected, "{text}");
    }
    let time = tracardi_model::time::format(at(1000 + 30 * 60));
    assert_eq!(count(store, &format!("metadata.time.insert >= datetime(\"{time}\")")).await, 10);
    assert_eq!(count(store, &format!("metadata.time.insert < \"{time}\"")).await, 30);
    let many = Matching::Filter(filter::parse("type = \"*a*a*a*a*a*a*a*a*a*\"").unwrap());
    let refused = store.select(HERE, Index::Event, &Select { matching: many, ..range(0, 1) }).await;
    assert!(matches!(refused, Err(StoreError::BadPattern(_))), "{refused:?}");
}

async fn words(store: &dyn Documents) {
    for (text, expected) in [("word17", 1), ("PURCHASE source-0", 10), ("purchase nothing-like-it", 0), ("  ", 40)] {
        let select = Select { matching: Matching::Words(text.to_owned()), ..range(0, 100) };
        assert_eq!(ids(store, Index::Event, &select).await.0, expected, "{text}");
    }
    let odd = Select { matching: Matching::Words("\" ' % \\ ?".to_owned()), ..range(0, 100) };
    assert_eq!(ids(store, Index::Event, &odd).await.0, 0);
}

async fn conditions(store: &dyn Documents) {
    let ask = async |text: &str, start: u64, limit: u64| {
        let condition = condition::parse(text).unwrap();
        let page = store.holding(HERE, Index::Event, &Holding { condition, now: at(10_000), start, limit }).await;
        page.map(|page| (page.total, page.result.len()))
    };
    let table = [
        ("event@type = \"purchase\"", 10),
        ("event@type = \"purchase\" AND event@properties.price >= 20", 5),
        ("event@properties.price BETWEEN 3 AND 5 OR event@properties.word ENDS WITH \"39\"", 4),
        ("event@properties.price = [1, 2, \"3\"]", 2),
        ("event@type STARTS WITH \"p\" AND event@properties.price < \"x\"", 0),
        ("event@tags.values CONTAINS \"green\"", 20),
        ("event@tags.values STARTS WITH \"red\"", 30),
        ("event@tags.values = [\"red\", \"green\"]", 10),
        ("event@tags.values EMPTY AND event@properties.word EXISTS", 10),
        ("event@context.time.tz IS NULL", 10),
        ("event@properties.missing CONTAINS \"x\" OR event@type EXISTS", 0),
        ("lowercase(event@properties.word) = \"word7\"", 1),
        (
            "event@properties.word EXISTS AND datetime(event@metadata.time.insert) > now.timezone.offset(\"UTC\", \"-2h\")",
            9,
        ),
    ];
    for (text, expected) in table {
        let limited = usize::try_from(expected).unwrap().min(7);
        assert_eq!(ask(text, 0, 7).await.unwrap(), (expected, limited), "{text}");
    }
    assert_eq!(ask("event@type = \"purchase\"", 8, 7).await.unwrap(), (10, 2));
    assert_eq!(ask("event@type = \"purchase\"", u64::MAX, u64::MAX).await.unwrap(), (10, 0));
    assert_eq!(ask("event@type = \"purchase\"", 0, 0).await.unwrap(), (10, 0));
    for foreign in ["profile@id EXISTS", "event@type EXISTS OR datetime(session@x) = now()"] {
        let refused = ask(foreign, 0, 1).await;
        assert!(matches!(refused, Err(StoreError::ForeignField { .. })), "{foreign}: {refused:?}");
    }
}

async fn histograms(store: &dyn Documents) {
    let histogram = |group_by: Option<&str>, text: &str| Histogram {
        from: at(1000),
        to: at(1000 + 44 * 60),
        matching: Matching::Filter(filter::parse(text).unwrap()),
        width_seconds: 600,
        group_by: group_by.map(str::to_owned),
    };
    let ask = async |histogram: &Histogram| store.histogram(HERE, Index::Event, histogram).await.unwrap();
    let bars = |counts: &Counts| counts.buckets.iter().map(|bucket| bucket.count).collect::<Vec<_>>();

    let all = ask(&histogram(None, "")).await;
    assert_eq!((all.total, bars(&all)), (40, vec![10, 10, 10, 10, 0]));
    assert_eq!(all.buckets[1].start, at(1600));
    let some = ask(&histogram(None, "properties.price < 5")).await;
    assert_eq!((some.total, bars(&some)), (5, vec![5, 0, 0, 0, 0]));

    let kinds = ask(&histogram(Some("type"), "")).await;
    assert_eq!(kinds.groups, ["page-view", "purchase"]);
    let split: Vec<_> = kinds.buckets.iter().map(|bucket| bucket.by_group.clone()).collect();
    assert_eq!(split, [[7, 3], [8, 2], [7, 3], [8, 2], [0, 0]]);
    assert_eq!(bars(&kinds), [10, 10, 10, 10, 0]);

    let tags = ask(&histogram(Some("tags.values"), "")).await;
    assert_eq!(tags.groups, ["red", "green", "blue"]);
    assert_eq!(tags.buckets.iter().map(|bucket| bucket.by_group[2]).sum::<u64>(), 10);
    let zones = ask(&histogram(Some("context.time.tz.keyword"), "")).await;
    assert_eq!(zones.groups, ["Europe/Warsaw"]);
    let prices = ask(&histogram(Some("properties.price"), "")).await;
    assert_eq!(prices.groups.len(), 5, "the most frequent five only");
    let flags = ask(&histogram(Some("properties.nested.deep"), "")).await;
    assert_eq!(flags.groups, ["false", "true"]);
    let nothing = ask(&histogram(Some("no.such"), "")).await;
    assert!(nothing.groups.is_empty() && nothing.total == 40);
    let objects = ask(&histogram(Some("properties.nested"), "")).await;
    assert!(objects.groups.is_empty(), "an object is no value: {:?}", objects.groups);

    let backwards = Histogram { to: at(0), ..histogram(None, "") };
    assert!(ask(&backwards).await.buckets.is_empty());
    let endless = Histogram { to: at(1 << 31), width_seconds: 1, ..histogram(None, "") };
    assert_eq!(ask(&endless).await.buckets.len(), 10_000, "the number of bars is bounded");
    for bad in ["a\"b", "", "a..b", "a\\b", "a\nb"] {
        let refused = store.histogram(HERE, Index::Event, &histogram(Some(bad), "")).await;
        assert!(matches!(refused, Err(StoreError::BadField(_))), "{bad:?}: {refused:?}");
    }
}
