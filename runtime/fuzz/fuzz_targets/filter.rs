//! The search language: any text is parsed or refused with a place in it; what is parsed has an answer for every document
//! and queries for Elasticsearch.
//!
//! `make fuzz MINUTES=10`; seeds are `corpus/filter/seed-*`.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use tracardi_language::{Source, elastic, filter};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "type": "page-view", "n": 5, "t": true, "none": null, "tags": {"values": ["a", "b"]}, "profile": {"id": "p"},
        "metadata": {"time": {"insert": "2026-01-31T10:00:00.000000+00:00"}},
    })
});

fuzz_target!(|text: &str| {
    match filter::parse(text) {
        Ok(parsed) => {
            let _ = parsed.matches(&DOCUMENT);
            let mapping = elastic::Mapping { source: Source::Event, facts: "facts", time: None };
            let queries = elastic::filter(&parsed, mapping);
            for query in [queries.sure(mapping), queries.open(mapping)] {
                assert_eq!(query.as_object().map(serde_json::Map::len), Some(1), "a query has one name");
            }
        }
        Err(error) => assert!(error.line > 0 && error.column > 0 && !error.message.is_empty()),
    }
});
