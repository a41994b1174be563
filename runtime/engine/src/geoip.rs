//! Where an IP address is: a database in MaxMind's format (GeoLite2-City and alike), held in memory. No file is read here.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use maxminddb::geoip2::City;
use maxminddb::{Reader, WithinOptions};
use tracardi_model::leaf::Numbers;
use tracardi_model::session::{Country, Geo};

/// Kinds of databases that know places, by a part of the name that they carry.
const KINDS: [&str; 3] = ["City", "Country", "Enterprise"];

/// Places by address.
pub struct GeoIp(Reader<Vec<u8>>);

/// Bytes that are no database of places.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no database of places: {0}")]
pub struct InvalidDatabase(String);

impl GeoIp {
    /// A database from the content of an `.mmdb` file. All of it is checked, which takes about a second for a large one.
    pub fn new(content: Vec<u8>) -> Result<Self, InvalidDatabase> {
        let damaged = |error| InvalidDatabase(format!("it is damaged ({error}); fetch it again"));
        let reader = Reader::from_source(content).map_err(damaged)?;
        reader.verify().map_err(damaged)?;
        let kind = &reader.metadata().database_type;
        let first = reader.networks(WithinOptions::default()).map_err(damaged)?.next();
        let readable = first.is_none_or(|entry| entry.and_then(|found| found.decode::<City<'_>>()).is_ok());
        if !readable || !KINDS.iter().any(|known| kind.contains(known)) {
            return Err(InvalidDatabase(format!("it holds {kind}; use GeoLite2-City or one of the same layout")));
        }
        Ok(Self(reader))
    }

    /// What the database calls itself, such as `GeoLite2-City`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.metadata().database_type
    }

    /// What is known of the place of an address, with English names. The county is the smallest subdivision.
    #[must_use]
    pub fn place(&self, address: IpAddr) -> Option<Geo> {
        let found: City<'_> = self.0.lookup(address).ok()?.decode().ok()??;
        let text = |text: Option<&str>| text.map(str::to_owned);
        let (latitude, longitude) = (found.location.latitude, found.location.longitude);
        let geo = Geo {
            country: Country { name: text(found.country.names.english), code: text(found.country.iso_code) },
            city: text(found.city.names.english),
            county: text(found.subdivisions.last().and_then(|subdivision| subdivision.names.english)),
            postal: text(found.postal.code),
            latitude,
            longitude,
            location: latitude.zip(longitude).map(|(latitude, longitude)| Numbers(vec![longitude, latitude])),
        };
        (geo != Geo::default()).then_some(geo)
    }
}

impl fmt::Debug for GeoIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GeoIp({})", self.kind())
    }
}

/// The first address of a comma-separated list (as `X-Forwarded-For` has) that may be somebody's on the internet.
#[must_use]
pub fn first_public(list: &str) -> Option<IpAddr> {
    list.split(',').filter_map(address).find(|address| is_public(*address))
}

/// An address, possibly with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip())).ok()?;
    Some(IpAddr::to_canonical(&address))
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && (64..128).contains(&second);
            let reserved = first == 0 || first >= 224;
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_documentation() || shared || reserved)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::tests::mmdb;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_by_address() {
        let database = GeoIp::new(mmdb::two_cities()).unwrap();
        assert_eq!(format!("{database:?}"), "GeoIp(GeoLite2-City)");
        let place = |text: &str| database.place(ip(text)).map(|geo| serde_json::to_value(geo).unwrap());
        assert_eq!(
            place("81.2.69.160"),
            Some(
                json!({"country": {"name": "United Kingdom", "code": "GB"}, "city": "London", "county": "Greater London",
                        "postal": "SW1", "latitude": 51.5, "longitude": -0.125, "location": [-0.125, 51.5]})
            )
        );
        let country_only = json!({"country": {"name": "Poland", "code": "PL"}, "city": null, "county": null,
                                  "postal": null, "latitude": null, "longitude": null, "location": null});
        assert_eq!(place("5.60.1.2"), Some(country_only));
        assert_eq!(place("81.2.70.1"), None);
        assert_eq!(place("2001:db8::1"), None, "a database of IPv4 knows none");
    }

    #[test]
    fn what_is_no_database_of_places_is_refused() {
        let whole = mmdb::two_cities();
        let text = |content: &[u8]| GeoIp::new(content.to_vec()).unwrap_err().to_string();
        for damaged in [&b""[..], b"text", &whole[..whole.len() - 20], &whole[..whole.len() / 2], &whole[40..]] {
            assert!(text(damaged).contains("damaged"), "{}", text(damaged));
        }
        let networks = mmdb::database("GeoLite2-ASN", &[("5.60.0.0/16", json!({"autonomous_system_number": 1}))]);
        assert!(text(&networks).contains("holds GeoLite2-ASN; use GeoLite2-City"), "{}", text(&networks));
        let flat = mmdb::database("Some-City", &[("5.60.0.0/16", json!({"country": "PL", "city": "Warsaw"}))]);
        assert!(text(&flat).contains("same layout"), "{}", text(&flat));
        let empty: [(&str, Value); 0] = [];
        assert!(GeoIp::new(mmdb::database("GeoLite2-City", &empty)).is_ok());
    }

    /// Every single wrong byte is found or harmless; none makes it panic.
    #[test]
    fn wrong_bytes_are_survived() {
        let whole = mmdb::two_cities();
        for index in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[index] ^= 0x55;
            if let Ok(database) = GeoIp::new(damaged) {
                let _ = (database.place(ip("81.2.69.160")), database.place(ip("5.60.1.2")), database.place(ip("::1")));
            }
        }
    }

    #[test]
    fn public_addresses() {
        let cases = [
            ("81.2.69.160", Some("81.2.69.160")),
            ("10.0.0.1, 192.168.1.1,81.2.69.160, 5.60.1.2", Some("81.2.69.160")),
            ("81.2.69.160:4711", Some("81.2.69.160")),
            ("[2a00::1]:80", Some("2a00::1")),
            ("::ffff:81.2.69.160", Some("81.2.69.160")),
            ("unknown, _hidden, 5.60.1.2", Some("5.60.1.2")),
            ("127.0.0.1,169.254.1.1,172.16.0.1,100.64.0.1,0.0.0.0,224.0.0.1,255.255.255.255,192.0.2.1", None),
            ("::1,::,fe80::1,fd00::1,ff02::1", None),
            ("100.63.0.1", Some("100.63.0.1")),
            ("", None),
        ];
        for (list, expected) in cases {
            assert_eq!(first_public(list), expected.map(ip), "{list}");
        }
    }
}
