//! An address of one's own: all of 127.0.0.0/8 is this machine, so each server gets one of its addresses and listens on
//! the ports it is known for. No port has to be looked for, which two tests at a time could both find free. Where others than this
//! machine are to reach the servers, a network that is this machine as a whole takes the place of 127.0.0.0/8.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

use tracardi_machine::{Error, Result};

/// Whoever holds this port of an address has the address. Below the ports that the kernel gives out by itself.
const CLAIM_PORT: u16 = 20_077;
/// Of each 256 addresses those that do not end in 0 or 255.
const IN_BLOCK: u32 = 254;
/// Addresses 127.77.0.1 to 127.77.255.254.
const ON_LOOPBACK: u32 = 256 * IN_BLOCK;

/// An address that nobody else has until this is dropped, or its process ends.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) address: Ipv4Addr,
    _held: UdpSocket,
}

impl Claim {
    /// The next free address, of loopback or of the 256 that begin with `network`.
    pub(crate) fn new(network: Option<Ipv4Addr>) -> Result<Claim> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (first, count) = network.map_or((Ipv4Addr::new(127, 77, 0, 0), ON_LOOPBACK), |first| (first, IN_BLOCK));
        // Processes begin at different places, so that they seldom try what another one has.
        let start = std::process::id().wrapping_mul(IN_BLOCK + 1);
        (0..count)
            .map(|_| nth(first, start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % count))
            .find_map(|address| Some(Claim { address, _held: UdpSocket::bind((address, CLAIM_PORT)).ok()? }))
            .ok_or_else(|| {
                let problem = format!("none of the {count} addresses from {first} on is free (UDP port {CLAIM_PORT})");
                let remedy = match network {
                    None => "the servers need Linux, where all of 127.0.0.0/8 is the machine itself",
                    Some(_) => "`make cluster` gives this machine the addresses",
                };
                Error::unmet(problem, remedy)
            })
    }
}

/// The address with this number from `first` on.
fn nth(first: Ipv4Addr, number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(first) + number / IN_BLOCK * 256 + number % IN_BLOCK + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::thread;
    use std::time::{Duration, Instant};

    #[test]
    fn every_number_has_an_address_of_its_own() {
        let all: BTreeSet<Ipv4Addr> =
            (0..ON_LOOPBACK).map(|number| nth(Ipv4Addr::new(127, 77, 0, 0), number)).collect();
        assert_eq!(all.len(), ON_LOOPBACK as usize);
        assert!(all.iter().all(|address| address.is_loopback() && !matches!(address.octets()[3], 0 | 255)));
    }

    #[test]
    fn a_network_of_256_is_not_left() {
        let first = Ipv4Addr::new(198, 19, 7, 0);
        assert_eq!(
            (nth(first, 0), nth(first, IN_BLOCK - 1)),
            (Ipv4Addr::new(198, 19, 7, 1), Ipv4Addr::new(198, 19, 7, 254))
        );
    }

    #[test]
    fn claims_differ_and_end_when_dropped() {
        let (one, two) = (Claim::new(None).unwrap(), Claim::new(None).unwrap());
        assert_ne!(one.address, two.address);
        let freed = one.address;
        assert!(UdpSocket::bind((freed, CLAIM_PORT)).is_err());
        drop(one);
        // A program that another test is just starting holds it for a moment longer.
        let began = Instant::now();
        while UdpSocket::bind((freed, CLAIM_PORT)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(30), "{freed} stays taken");
            thread::sleep(Duration::from_millis(5));
        }
    }
}
