//! Databases of places: any bytes are one or are refused; one that is taken answers for every address.
//!
//! Seeds are `corpus/geoip/seed-*`.
#![no_main]

use std::net::{Ipv4Addr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;
use tracardi_engine::GeoIp;

fuzz_target!(|bytes: &[u8]| {
    let Ok(database) = GeoIp::new(bytes.to_vec()) else { return };
    for bits in [0, 0x0101_0101, 0x5102_45A0, 0x053C_0102, u32::MAX] {
        let _ = database.place(Ipv4Addr::from_bits(bits).into());
        let _ = database.place(Ipv6Addr::from_bits(u128::from(bits) << 96 | u128::from(bits)).into());
    }
});
