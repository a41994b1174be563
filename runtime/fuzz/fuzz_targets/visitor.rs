//! What a visitor's browser says of itself in headers: user agents and lists of addresses; any text has an answer, be it none.
//!
//! Seeds are `corpus/visitor/seed-*`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracardi_engine::{agent, geoip};

fuzz_target!(|text: &str| {
    let agent = agent::parse(text);
    assert_eq!(agent.is_none(), text.trim().is_empty());
    assert_eq!(agent::parse(text), agent);
    if let Some(address) = geoip::first_public(text) {
        assert!(!address.is_loopback() && !address.is_unspecified() && !address.is_multicast());
        assert_eq!(geoip::first_public(&address.to_string()), Some(address));
    }
});
