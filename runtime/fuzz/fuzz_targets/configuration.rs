//! Configuration records of every kind: any JSON is compiled or refused with a field; a record that passes the check works when
//! it is compiled with others. Behind it stand all languages, JSON schemas, regular expressions and paths.
//!
//! An input is the name of a kind, a line break, and the record. Seeds are `corpus/configuration/seed-*`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use tracardi_engine::Configuration;
use tracardi_engine::configuration::check;
use tracardi_model::configuration::Kind;

fuzz_target!(|text: &str| {
    let Some((name, record)) = text.split_once('\n') else { return };
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == name) else { return };
    let Ok(record) = serde_json::from_str::<Value>(record) else { return };
    let configuration = Configuration::compile([(kind, "it", &record)]);
    match check(kind, &record) {
        Ok(()) => assert!(configuration.problems().is_empty(), "{:?}", configuration.problems()),
        Err(errors) => {
            assert!(!errors.is_empty() && errors.iter().all(|error| !error.msg.is_empty() && !error.loc.is_empty()));
            assert!(serde_json::to_vec(&errors).is_ok());
            assert_eq!(configuration.problems().len(), 1);
        }
    }
    let scope = json!({
        "event": {"type": "page-view", "properties": {"n": 1, "list": [1, "a"], "text": "ab"}}, "session": {"id": "s"},
        "profile": {"id": "p", "traits": {"a": 1}}, "payload": {"params": {"a": "b"}, "body": {}},
    });
    if let Some(kind) = configuration.event_type("page-view") {
        for check in &kind.checks {
            let _ = check.complaint(&scope, jiff::Timestamp::UNIX_EPOCH);
        }
    }
    if let Some(link) = configuration.redirect("it") {
        let _ = link.properties(&scope);
    }
});
