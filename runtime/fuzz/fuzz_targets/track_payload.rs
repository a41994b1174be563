//! The parsers of `/track` and `/customer/consent` bodies: any bytes are answered with a payload or with complaints that name a place in the body;
//! what is accepted is the same after writing and reading, and nests no deeper than allowed.
//!
//! `make fuzz MINUTES=10`; seeds are `corpus/track_payload/seed-*`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracardi_model::payload::consents::ConsentPayload;
use tracardi_model::{FieldError, Limits, Loc, TrackerPayload};

fn complaints(errors: &[FieldError]) {
    assert!(!errors.is_empty() && errors.len() <= 100);
    assert!(errors.iter().all(|error| error.loc.first() == Some(&Loc::from("body"))));
    assert!(serde_json::to_vec(errors).is_ok());
}

fuzz_target!(|body: &[u8]| {
    let limits = Limits { body_bytes: 1 << 20, ..Limits::default() };
    match TrackerPayload::parse(body, &limits) {
        Ok(payload) => {
            let written = serde_json::to_vec(&payload).expect("a payload can be written");
            let wide = Limits { body_bytes: usize::MAX, values: usize::MAX, ..limits };
            let again = TrackerPayload::parse(&written, &wide).expect("what was written can be read");
            assert_eq!(again, payload);
        }
        Err(errors) => complaints(&errors),
    }
    if let Err(errors) = ConsentPayload::parse(body, &limits) {
        complaints(&errors);
    }
});
