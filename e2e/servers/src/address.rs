//! An address of one's own: all of 127.0.0.0/8 is this machine, so each server gets one of its addresses and listens on
//! the ports it is known for. No port has to be looked for, which two tests at a time could both find free.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

use tracardi_machine::{Error, Result};

/// Whoever holds this port of an address has the address. Below the ports that the kernel gives out by itself.
const CLAIM_PORT: u16 = 20_077;
/// Addresses 127.77.0.1 to 127.77.255.254 without those that end in 0 or 255.
const COUNT: u32 = 256 * 254;

/// An address that nobody else has until this is dropped, or its process ends.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) address: Ipv4Addr,
    _held: UdpSocket,
}

impl Claim {
    /// The next free address.
    pub(crate) fn new() -> Result<Claim> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Processes begin at different places, so that they seldom try what another one has.
        let start = std::process::id().wrapping_mul(254);
        (0..COUNT)
            .map(|_| nth(start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))))
            .find_map(|address| Some(Claim { address, _held: UdpSocket::bind((address, CLAIM_PORT)).ok()? }))
            .ok_or_else(|| {
                Error::unmet(
                    format!("no loopback address of 127.77.0.0/16 is free (UDP port {CLAIM_PORT} is taken on all)"),
                    "the servers need Linux, where all of 127.0.0.0/8 is the machine itself",
                )
            })
    }
}

fn nth(number: u32) -> Ipv4Addr {
    let number = number % COUNT;
    // Both are below 256 by the modulus above.
    let byte = |value: u32| u8::try_from(value).unwrap_or_default();
    Ipv4Addr::new(127, 77, byte(number / 254), byte(number % 254 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_number_has_an_address_of_its_own() {
        let all: BTreeSet<Ipv4Addr> = (0..COUNT).map(nth).collect();
        assert_eq!(all.len(), COUNT as usize);
        assert!(all.iter().all(|address| address.is_loopback() && !matches!(address.octets()[3], 0 | 255)));
    }

    #[test]
    fn claims_differ_and_end_when_dropped() {
        let (one, two) = (Claim::new().unwrap(), Claim::new().unwrap());
        assert_ne!(one.address, two.address);
        let freed = one.address;
        assert!(UdpSocket::bind((freed, CLAIM_PORT)).is_err());
        drop(one);
        assert!(UdpSocket::bind((freed, CLAIM_PORT)).is_ok());
    }
}
