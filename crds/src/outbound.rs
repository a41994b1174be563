//! Where destinations may be: which addresses the services may dial. The runtime asks for each address that it dials, the
//! operator writes the same into a NetworkPolicy; both follow this one table. Pure.
//!
//! The tables follow the IANA registries of special-purpose addresses. Of IPv6 only global unicast is open, and the prefix
//! under which networks without IPv4 show the IPv4 internet (NAT64): there the IPv4 address inside decides.

use std::iter::once;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IPv4 addresses that are nobody's on the internet.
pub const CLOSED_V4: [Ipv4Net; 15] = [
    net4([0, 0, 0, 0], 8),       // this network, unspecified
    net4([10, 0, 0, 0], 8),      // private
    net4([100, 64, 0, 0], 10),   // behind a provider's translation
    net4([127, 0, 0, 0], 8),     // this machine
    net4([169, 254, 0, 0], 16),  // this link; clouds answer with their metadata here
    net4([172, 16, 0, 0], 12),   // private
    net4([192, 0, 0, 0], 24),    // protocol assignments
    net4([192, 0, 2, 0], 24),    // documentation
    net4([192, 88, 99, 0], 24),  // relays of 6to4
    net4([192, 168, 0, 0], 16),  // private
    net4([198, 18, 0, 0], 15),   // benchmarks
    net4([198, 51, 100, 0], 24), // documentation
    net4([203, 0, 113, 0], 24),  // documentation
    net4([224, 0, 0, 0], 4),     // multicast
    net4([240, 0, 0, 0], 4),     // reserved, broadcast
];

/// Addresses of IPv6's global unicast that are nobody's on the internet.
pub const CLOSED_V6: [Ipv6Net; 4] = [
    net6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),     // protocol assignments, Teredo
    net6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    net6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),     // 6to4
    net6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),     // documentation
];

/// Where networks of IPv6 alone show the IPv4 internet.
pub const NAT64: Ipv6Net = net6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

/// Where the public internet is, without what is closed.
const PUBLIC: [IpNet; 3] =
    [IpNet::V4(net4([0, 0, 0, 0], 0)), IpNet::V6(net6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3)), IpNet::V6(NAT64)];

const fn net4([a, b, c, d]: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn net6(groups: [u16; 8], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from_segments(groups), length)
}

/// What an installation says about where destinations may be. Of several networks that hold an address the narrowest
/// decides, of equal ones the refusal; an address in none of them may be dialled if it is on the public internet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Networks that may be reached although they are not on the public internet.
    pub allow: Vec<IpNet>,
    /// Networks that may not be reached although they are on the public internet, or in a wider one of `allow`.
    pub deny: Vec<IpNet>,
}

/// A network without some of its parts; the form in which a NetworkPolicy wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The network.
    pub net: IpNet,
    /// Parts that do not belong to it: each smaller than `net` and inside of it, none inside another.
    pub except: Vec<IpNet>,
}

impl Reach {
    /// All that may be dialled: whatever is in at least one of these.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        let [allow, deny] = [&self.allow, &self.deny].map(|nets| nets.iter().flat_map(forms).collect::<Vec<_>>());
        let closed: Vec<IpNet> =
            CLOSED_V4.map(IpNet::V4).iter().flat_map(forms).chain(CLOSED_V6.map(IpNet::V6)).collect();
        let denied = |net: &IpNet| deny.iter().any(|wider| wider.contains(net));
        let public = PUBLIC.into_iter().filter(|net| !denied(net));
        let public = public.filter_map(|net| Block::new(net, closed.iter().chain(&deny)));
        public.chain(allow.iter().filter_map(|net| Block::new(*net, deny.iter()))).collect()
    }
}

impl Block {
    /// `None` when nothing is left.
    fn new<'a>(net: IpNet, without: impl Iterator<Item = &'a IpNet>) -> Option<Self> {
        let except = IpNet::aggregate(&without.copied().filter(|part| net.contains(part)).collect());
        (except != [net]).then_some(Self { net, except })
    }

    /// Whether the address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.net.contains(&address) && !self.except.iter().any(|part| part.contains(&address))
    }
}

/// A network as it appears on a wire: by itself, and one of IPv4 under NAT64, too.
fn forms(net: &IpNet) -> impl Iterator<Item = IpNet> + use<> {
    let net = canonical(net.trunc());
    let translated = match net {
        IpNet::V4(net) => {
            let address = NAT64.network().to_bits() | u128::from(net.network().to_bits());
            Ipv6Net::new(Ipv6Addr::from_bits(address), NAT64.prefix_len() + net.prefix_len()).ok()
        }
        IpNet::V6(_) => None,
    };
    once(net).chain(translated.map(IpNet::V6))
}

/// A network of IPv4 that is written as one of IPv6 (`::ffff:10.0.0.0/104`), as what it is.
fn canonical(net: IpNet) -> IpNet {
    let mapped = |net: Ipv6Net| Ipv4Net::new(net.addr().to_ipv4_mapped()?, net.prefix_len().checked_sub(96)?).ok();
    match net {
        IpNet::V6(v6) => mapped(v6).map_or(net, IpNet::V4),
        IpNet::V4(_) => net,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nets(text: &str) -> Vec<IpNet> {
        text.split_whitespace().map(|net| net.parse().unwrap()).collect()
    }

    fn blocks(allow: &str, deny: &str) -> Vec<String> {
        let shown = |block: Block| match block.except.as_slice() {
            [] => block.net.to_string(),
            except => format!("{} without {} networks", block.net, except.len()),
        };
        Reach { allow: nets(allow), deny: nets(deny) }.blocks().into_iter().map(shown).collect()
    }

    #[test]
    fn what_a_policy_says() {
        let public =
            ["0.0.0.0/0 without 14 networks", "2000::/3 without 4 networks", "64:ff9b::/96 without 14 networks"];
        let and = |more: &[&'static str]| [&public, more].concat();
        assert_eq!(blocks("", ""), public);
        assert_eq!(blocks("fd00::1/8", "10.0.0.0/8"), and(&["fd00::/8"]), "what is closed anyway is said once");
        let wide = ["10.0.0.0/8 without 1 networks", "64:ff9b::a00:0/104 without 1 networks"];
        assert_eq!(blocks("10.1.2.3/8", "10.1.0.0/16"), and(&wide));
        assert_eq!(blocks("10.0.0.0/8", "10.0.0.0/9 10.128.0.0/9"), public, "nothing is left of it");
        assert_eq!(blocks("", "0.0.0.0/0 ::/0"), [""; 0]);
        assert_eq!(blocks("1.2.3.4/32", "0.0.0.0/0 ::/0"), ["1.2.3.4/32", "64:ff9b::102:304/128"]);
    }

    fn is_public(address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => !CLOSED_V4.iter().any(|net| net.contains(&v4)),
            IpAddr::V6(v6) if NAT64.contains(&v6) => is_public(Ipv4Addr::from_bits(low(v6)).into()),
            IpAddr::V6(v6) => v6.to_bits() >> 125 == 1 && !CLOSED_V6.iter().any(|net| net.contains(&v6)),
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "the IPv4 address is the last four bytes")]
    fn low(address: Ipv6Addr) -> u32 {
        address.to_bits() as u32
    }

    /// Few addresses and short networks, so that they meet; also those that are closed, and both under NAT64.
    fn address() -> impl Strategy<Value = IpAddr> {
        let v4 = (prop_oneof![Just(8_u8), Just(10), Just(192)], 0..4_u8, prop_oneof![Just(0_u8), Just(128)], 0..3_u8);
        let v4 = v4.prop_map(|(a, b, c, d)| Ipv4Addr::new(a, b, c, d));
        let group = prop_oneof![Just(0x2001_u16), Just(0x2002), Just(0x2a00), Just(0xfd00), Just(0)];
        let v6 = (group, prop_oneof![Just(0_u16), Just(0xdb8)], 0..3_u16);
        prop_oneof![
            v4.clone().prop_map(IpAddr::V4),
            v4.prop_map(|v4| Ipv6Addr::from_bits(NAT64.network().to_bits() | u128::from(v4.to_bits())).into()),
            v6.prop_map(|(a, b, h)| Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, h).into()),
        ]
    }

    fn network() -> impl Strategy<Value = IpNet> {
        (address(), 0..=128_u8).prop_map(|(address, length)| {
            let longest = if address.is_ipv4() { 32 } else { 128 };
            IpNet::new(address, length.min(longest)).unwrap()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_narrowest_decides(
            allow in prop::collection::vec(network(), 0..4),
            deny in prop::collection::vec(network(), 0..4),
            asked in prop::collection::vec(address(), 8),
        ) {
            let given = allow.iter().map(|net| (net, true)).chain(deny.iter().map(|net| (net, false)));
            let given: Vec<(IpNet, bool)> = given.flat_map(|(net, open)| forms(net).map(move |net| (net, open))).collect();
            let blocks = Reach { allow, deny }.blocks();
            for address in asked {
                let holding = given.iter().filter(|(net, _)| net.contains(&address));
                let narrowest = holding.max_by_key(|(net, open)| (net.prefix_len(), !open));
                let expected = narrowest.map_or_else(|| is_public(address), |(_, open)| *open);
                prop_assert_eq!(blocks.iter().any(|block| block.contains(address)), expected, "{}", address);
            }
            for Block { net, except } in blocks {
                prop_assert_eq!(net, net.trunc());
                prop_assert!(except.iter().all(|part| *part != net && net.contains(part)), "{} {:?}", net, except);
            }
        }
    }
}
