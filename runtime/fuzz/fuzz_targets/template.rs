//! Templates: any text and any JSON is a template or is refused with the place; what is rendered stays within its bounds,
//! can be read back, and does not depend on the mode when nothing is missing.
//!
//! Seeds are `corpus/template/seed-*`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use tracardi_language::template::{Mode, ObjectTemplate, TextTemplate};

const BYTES: usize = 4_096;

fuzz_target!(|bytes: &[u8]| {
    let scope = json!({
        "event": {"type": "page-view", "properties": {"n": 1, "f": 1e-7, "none": null, "list": ["it's", [], {}]}},
        "profile": {"id": "p", "data": {"a b": {"c.d": "x".repeat(100)}}},
    });
    if let Ok(text) = std::str::from_utf8(bytes) {
        match TextTemplate::parse(text) {
            Ok(template) => {
                assert_eq!(TextTemplate::parse(&template.to_string()).as_ref(), Ok(&template));
                match template.render(&scope, BYTES) {
                    Ok(rendered) => assert!(rendered.len() <= BYTES),
                    Err(error) => assert!(!error.place.is_empty()),
                }
            }
            Err(error) => assert!(error.line >= 1 && error.column >= 1),
        }
    }
    let Ok(json) = serde_json::from_slice::<Value>(bytes) else { return };
    match ObjectTemplate::parse(&json) {
        Ok(template) => {
            let lenient = template.render(&scope, Mode::DEFAULT, BYTES);
            if let Ok(strict) = template.render(&scope, Mode::STRICT, BYTES) {
                assert_eq!(lenient.as_ref(), Ok(&strict));
            }
            if let Ok(rendered) = lenient {
                let written = serde_json::to_vec(&rendered).expect("a value can be written");
                assert_eq!(serde_json::from_slice::<Value>(&written).expect("and read"), rendered);
            }
            let _ = template.render(&scope, Mode::DEFAULT.without_none(), BYTES);
        }
        Err(error) => assert!(error.pointer.is_empty() || json.pointer(&error.pointer).is_some()),
    }
});
