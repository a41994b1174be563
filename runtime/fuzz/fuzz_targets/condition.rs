//! Conditions: any text is parsed or refused with a place in it; what is parsed is the same after printing and parsing,
//! has an answer, be it an error, for every document, and queries for Elasticsearch.
//!
//! `make fuzz MINUTES=10`; seeds are `corpus/condition/seed-*`.
#![no_main]

use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use tracardi_language::Source;
use tracardi_language::condition::elastic::{self, Indexed, Mapping};
use tracardi_language::condition::{self, MAX_LENGTH};
use tracardi_language::dot::Path;

static DOCUMENTS: LazyLock<Value> = LazyLock::new(|| {
    let document = json!({
        "a": 1, "b": "text", "n": null, "t": true, "list": ["a", 1, null], "empty": {}, "zone": "Europe/Berlin",
        "time": "2021-01-10T10:30:00Z", "offset": "-1d 2h", "odd": {"a b": [1, 2]},
    });
    json!({"event": document, "profile": document, "session": document})
});

/// By the length of its last name, something of each kind.
fn indexed(path: &Path) -> Indexed {
    match path.segments().last().map_or(0, |segment| segment.name.len() % 6) {
        0 => Indexed::Unknown,
        1 => Indexed::Text,
        2 => Indexed::Number,
        3 => Indexed::Boolean,
        4 => Indexed::Time,
        _ => Indexed::Flattened { root: 1 },
    }
}

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
            let mapping = Mapping { source: Source::Event, indexed: &indexed, ignored: Some("_ignored") };
            let queries = elastic::to_queries(&parsed, mapping, now);
            for query in [queries.possible, queries.certain] {
                assert_eq!(query.as_object().map(serde_json::Map::len), Some(1), "a query has one name");
            }
        }
        Err(error) => assert!(error.line > 0 && error.column > 0 && !error.message.is_empty()),
    }
});
