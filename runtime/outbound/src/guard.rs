//! Which addresses may be dialled: nobody who may configure a destination shall reach through us what only we can reach.
//!
//! Pure. Asked is the address that is really dialled ([`crate::resolve`]), so a name that leads elsewhere a second later
//! gains nothing; [`Guard::url`] looks at what a URL says by itself, when it is saved, before it is used and at every
//! redirect.
//!
//! What is open is said by [`tracardi_crds::outbound`], which the operator follows, too. An address in which an IPv4 address
//! is written (mapped, NAT64) is judged by that one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use tracardi_crds::outbound::{Block, Reach};
use url::{Host, Url};

/// Says which addresses may be dialled. By default: those of the public internet.
#[derive(Clone, Debug)]
pub struct Guard {
    open: Vec<Block>,
}

impl Default for Guard {
    fn default() -> Self {
        Self { open: Reach::default().blocks() }
    }
}

impl Guard {
    /// A guard that also lets through what is in `allow`, and refuses what is in `deny`: networks (`10.1.0.0/16`) or
    /// addresses, separated by commas. Of several that hold an address the narrowest decides; of equal ones the refusal.
    pub fn new(allow: &str, deny: &str) -> Result<Self, String> {
        let reach = Reach { allow: networks(allow)?, deny: networks(deny)? };
        Ok(Self { open: reach.blocks() })
    }

    /// Whether the address may be dialled.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.open.iter().any(|block| block.contains(address))
    }

    /// What a URL says by itself: http or https, a host, no user or password in it, and an address, if it names one, that
    /// may be dialled. The error names the remedy.
    pub fn url(&self, text: &str) -> Result<Url, String> {
        let url = Url::parse(text).map_err(|error| format!("`{text}` is no URL: {error}"))?;
        self.check(&url)?;
        Ok(url)
    }

    /// As [`Guard::url`], for a URL that was read already.
    pub fn check(&self, url: &Url) -> Result<(), String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("a URL begins with http:// or https://, not with {}:", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a URL holds no user and password here; they have fields of their own".to_owned());
        }
        match url.host() {
            None => Err("the URL names no host".to_owned()),
            Some(host) => self.host(&host),
        }
    }

    /// Refuses a host that is an address, or a name for this machine, which may not be dialled. The error names the remedy.
    pub(crate) fn host<S: AsRef<str>>(&self, host: &Host<S>) -> Result<(), String> {
        let (addresses, name): (&[IpAddr], String) = match host {
            Host::Ipv4(address) => (&[(*address).into()], address.to_string()),
            Host::Ipv6(address) => (&[(*address).into()], format!("[{address}]")),
            Host::Domain(name) if is_this_machine(name.as_ref()) => {
                (&[Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()], name.as_ref().to_owned())
            }
            Host::Domain(_) => return Ok(()),
        };
        let is_open = addresses.iter().any(|address| self.permits(*address));
        if is_open { Ok(()) } else { Err(refusal(&name)) }
    }
}

/// Why an address or a name is not dialled.
pub(crate) fn refusal(host: &str) -> String {
    format!(
        "{host} is not on the public internet; whoever runs the installation can open it with --outbound-allow, in \
         Kubernetes with spec.networking.outbound.allow"
    )
}

/// `localhost` and everything below it, which is this machine whoever is asked (RFC 6761).
fn is_this_machine(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

fn networks(list: &str) -> Result<Vec<IpNet>, String> {
    list.split(',').map(str::trim).filter(|text| !text.is_empty()).map(network).collect()
}

fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    let net = text.parse::<IpNet>().or_else(|_| address());
    net.map_err(|_| format!("`{text}` is no network; expected, for example, 10.1.0.0/16 or fd00::/8"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tracardi_crds::outbound::{CLOSED_V4, NAT64};

    use super::*;

    fn permits(address: &str) -> bool {
        Guard::default().permits(address.parse().unwrap())
    }

    #[test]
    fn what_is_refused_and_what_is_not() {
        for address in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.8.9.10",
            "169.254.169.254",
            "172.31.255.255",
            "192.168.1.1",
            "198.19.0.1",
            "203.0.113.5",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!permits(address), "{address}");
        }
        for address in
            ["1.1.1.1", "100.128.0.1", "172.32.0.1", "193.0.0.1", "2a00:1450::1", "2606:4700::1", "64:ff9b::1.1.1.1"]
        {
            assert!(permits(address), "{address}");
        }
    }

    #[test]
    fn the_narrowest_rule_decides() {
        let guard = Guard::new("10.0.0.0/8, fd00::/8,10.1.2.3", "10.1.0.0/16, 8.8.8.8,10.9.9.9/32,::ffff:10.7.0.0/112")
            .unwrap();
        let both = Guard::new("9.9.9.9", "9.9.9.9").unwrap();
        for (address, expected) in [
            ("10.2.0.1", true),
            ("::ffff:10.2.0.1", true),
            ("::ffff:10.7.0.1", false),
            ("10.7.0.1", false),
            ("64:ff9b::10.2.0.1", true),
            ("10.1.0.1", false),
            ("10.1.2.3", true),
            ("10.9.9.9", false),
            ("fd00::1", true),
            ("fc00::1", false),
            ("8.8.8.8", false),
            ("8.8.4.4", true),
            ("192.168.0.1", false),
        ] {
            assert_eq!(guard.permits(address.parse().unwrap()), expected, "{address}");
        }
        assert!(!both.permits("9.9.9.9".parse().unwrap()));
        for wrong in ["10.0.0.0/33", "example.com", "10.0.0"] {
            assert!(Guard::new(wrong, "").unwrap_err().contains(wrong));
            assert!(Guard::new("", wrong).is_err());
        }
    }

    #[test]
    fn urls() {
        let guard = Guard::default();
        for url in
            ["http://example.com", "https://example.com:8443/a?b#c", "https://1.1.1.1/", "http://[2606:4700::1]/"]
        {
            assert!(guard.url(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "example.com",
            "//example.com",
            "ftp://example.com",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http://",
            "http://user@example.com",
            "http://user:secret@example.com",
            "http://:secret@example.com",
            "http://localhost",
            "http://LOCALHOST.:80",
            "http://a.localhost/",
            "http://127.1",
            "http://0x7f.1",
            "http://0177.0.0.1",
            "http://2130706433/",
            "http://127。0。0。1/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://169.254.169.254/latest",
            "http://0/",
            "http://[fe80::1%25eth0]/",
        ] {
            let refused = guard.url(url).unwrap_err();
            assert!(!refused.contains("secret@"), "{refused}");
        }
        let open = Guard::new("127.0.0.0/8", "").unwrap();
        assert!(open.url("http://localhost:80").is_ok() && open.url("http://[::1]").is_err());
    }

    /// The ways in which a URL may write an IPv4 address.
    fn spellings(address: Ipv4Addr) -> Vec<String> {
        let [a, b, c, d] = address.octets();
        let whole = address.to_bits();
        vec![
            address.to_string(),
            whole.to_string(),
            format!("0x{whole:x}"),
            format!("0{whole:o}"),
            format!("0x{a:X}.0{b:o}.{c}.{d}"),
            format!("{a}.{}", whole & 0x00ff_ffff),
            format!("{a}.{b}.{}", whole & 0xffff),
            format!("[::ffff:{address}]"),
            format!("[64:ff9b::{address}]"),
        ]
    }

    proptest! {
        #[test]
        fn every_spelling_of_an_address_is_judged_alike(bits: u32) {
            let address = Ipv4Addr::from(bits);
            let guard = Guard::default();
            let expected = guard.permits(address.into());
            for host in spellings(address) {
                prop_assert_eq!(guard.url(&format!("http://{host}/")).is_ok(), expected, "{}", host);
            }
        }

        #[test]
        fn nothing_in_a_closed_network_is_permitted(net in 0..CLOSED_V4.len(), bits: u32) {
            let net = CLOSED_V4[net];
            let inside = Ipv4Addr::from(net.network().to_bits() | (bits & net.hostmask().to_bits()));
            prop_assert!(!Guard::default().permits(inside.into()));
            prop_assert!(!Guard::default().permits(inside.to_ipv6_mapped().into()));
            prop_assert!(!Guard::default().permits(inside.to_ipv6_compatible().into()));
        }

        #[test]
        fn of_ipv6_only_global_unicast_is_open(bits: u128) {
            let address = Ipv6Addr::from(bits);
            if Guard::default().permits(address.into()) {
                prop_assert!(bits >> 125 == 1 || NAT64.contains(&address) || address.to_ipv4_mapped().is_some());
            }
        }

        #[test]
        fn a_text_never_ends_in_a_panic(text in ".{0,40}") {
            let _ = Guard::default().url(&text);
            let _ = Guard::new(&text, &text);
        }
    }
}
