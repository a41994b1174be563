//! Conditions: any text is parsed or refused with a place in it; what is parsed is the same after printing and parsing,
//! has an answer, be it an error, for every document, and queries for Elasticsearch.
//!
//! `make fuzz MINUTES=10`; seeds are `corpus/condition/seed-*`.
#![no_main]

use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use tracardi_language::condition::{self, MAX_LENGTH};
use tracardi_language::elastic::{self, Mapping};
use tracardi_language::Source;

static DOCUMENTS: LazyLock<Value> = LazyLock::new(|| {
    let document = json!({
        "a": 1, "b": "text", "n": null, "t": true, "list": ["a", 1, null], "empty": {}, "zone": "Europe/Berlin",
        "time": "2021-01-10T10:30:00Z", "offset": "-1d 2h", "odd": {"a b": [1, 2]},
    });
    json!({"event": document, "profile": document, "session": document})
});

fuzz_target!(|text: &str| {
    match condition::parse(text) {
        Ok(parsed) => {
            let printed = parsed.to_string();
            if printed.len() <= MAX_LENGTH {
                assert_eq!(condition::parse(&printed).as_ref(), Ok(&parsed));
            }
            let now = Timestamp::UNIX_EPOCH;
            if parsed.evaluate(&*DOCUMENTS, now).is_err_and(|error| error.message.is_empty()) {
                panic!("an error says what is wrong");
            }
            let _ = parsed.needs();
            let mapping = Mapping { source: Source::Event, facts: "facts", time: None };
            let queries = elastic::condition(&parsed, mapping, now);
            for query in [queries.sure(mapping), queries.open(mapping)] {
                assert_eq!(query.as_object().map(serde_json::Map::len), Some(1), "a query has one name");
            }
        }
        Err(error) => assert!(error.line > 0 && error.column > 0 && !error.message.is_empty()),
    }
});
