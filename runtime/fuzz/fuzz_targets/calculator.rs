//! The calculator: any text is a calculation or is refused with the place; results are finite numbers.
//!
//! Seeds are `corpus/calculator/seed-*`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use tracardi_language::calculator::Calculation;

fuzz_target!(|text: &str| {
    let calculation = match Calculation::parse(text) {
        Ok(calculation) => calculation,
        Err(error) => return assert!(error.line >= 1 && error.column >= 1),
    };
    assert_eq!(Calculation::parse(&calculation.to_string()).as_ref(), Ok(&calculation));
    let mut scope = json!({
        "event": {"properties": {"price": 12.5, "text": "2e1", "none": null, "list": [3], "a b": -7}},
        "profile": {"traits": {}}, "memory": {}, "payload": {}, "session": {}, "flow": {"n": 4},
    });
    let before = scope.clone();
    let Ok(outcome) = calculation.evaluate(&before) else { return };
    assert!(outcome.result.is_finite());
    let _ = outcome.variables();
    let _ = outcome.write(&mut scope);
    assert_eq!(scope["flow"], before["flow"]);
});
