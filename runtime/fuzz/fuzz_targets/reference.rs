//! References: any text is one or is refused with the place; the text that is printed for it means the same.
//!
//! Seeds are `corpus/reference/seed-*`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use tracardi_language::reference::Reference;

fuzz_target!(|text: &str| {
    match Reference::parse(text) {
        Ok(reference) => {
            assert_eq!(Reference::parse(&reference.to_string()).as_ref(), Ok(&reference));
            let scope = json!({"event": {"type": "12", "list": [0, "", {"a.b": "none"}]}, "profile": {"id": "p"}});
            let _ = reference.resolve(&scope);
        }
        Err(error) => assert!(error.line >= 1 && error.column >= 1),
    }
});
