//! What destinations answer: any status, `Retry-After` and body lead to a decision, told in a few words.
//!
//! An input is the status, a line break, `Retry-After`, a line break, and the body. Seeds are `corpus/answer/seed-*`.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use tracardi_outbound::Sent;
use tracardi_outbound::http::answer::judge;

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
    let mut next = || parts.next().unwrap_or_default();
    let Ok(status) = StatusCode::from_bytes(next()) else { return };
    let Ok(after) = HeaderValue::from_bytes(next()) else { return };
    let headers = HeaderMap::from_iter([(RETRY_AFTER, after)]);
    match judge(status, &headers, next(), Timestamp::UNIX_EPOCH) {
        Sent::Delivered => assert!(status.is_success()),
        Sent::Later { error, .. } | Sent::Dead(error) => {
            assert!(!error.is_empty() && error.len() < 2_000 && !error.contains('\n'));
        }
    }
});
