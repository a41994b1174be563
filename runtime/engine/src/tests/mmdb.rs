//! Writes small databases in the MaxMind DB format 2.0: a binary tree over the bits of IPv4 addresses, then the data.

use serde_json::{Value, json};

const RECORD_BITS: u16 = 24;

/// Where a bit leads.
#[derive(Clone, Copy)]
enum Record {
    Nowhere,
    Node(usize),
    /// Offset in the data section.
    Data(usize),
}

/// London in a /24, Poland in a /16.
pub(crate) fn two_cities() -> Vec<u8> {
    let london = json!({
        "country": {"iso_code": "GB", "names": {"de": "Vereinigtes Königreich", "en": "United Kingdom"}},
        "city": {"names": {"en": "London"}},
        "subdivisions": [{"names": {"en": "England"}}, {"names": {"en": "Greater London"}}],
        "postal": {"code": "SW1"},
        "location": {"latitude": 51.5, "longitude": -0.125},
    });
    let poland = json!({"country": {"iso_code": "PL", "names": {"en": "Poland"}}});
    database("GeoLite2-City", &[("81.2.69.0/24", london), ("5.60.0.0/16", poland)])
}

/// The content of a file of this kind with these networks, which do not overlap.
pub(crate) fn database(kind: &str, networks: &[(&str, Value)]) -> Vec<u8> {
    let mut nodes = vec![[Record::Nowhere; 2]];
    let mut data = Vec::new();
    for (network, value) in networks {
        let (address, length) = network.split_once('/').unwrap();
        let bits = u32::from(address.parse::<std::net::Ipv4Addr>().unwrap());
        let length: u32 = length.parse().unwrap();
        let mut node = 0;
        for depth in 0..length {
            let side = (bits >> (31 - depth)) as usize & 1;
            let next = match nodes[node][side] {
                Record::Node(next) => next,
                _ if depth + 1 == length => {
                    nodes[node][side] = Record::Data(data.len());
                    break;
                }
                _ => {
                    nodes.push([Record::Nowhere; 2]);
                    nodes.len() - 1
                }
            };
            nodes[node][side] = Record::Node(next);
            node = next;
        }
        write(&mut data, value);
    }
    let mut file = Vec::new();
    for record in nodes.iter().flatten() {
        let number = match record {
            Record::Nowhere => nodes.len(),
            Record::Node(node) => *node,
            Record::Data(offset) => nodes.len() + 16 + offset,
        };
        file.extend_from_slice(&u32::try_from(number).unwrap().to_be_bytes()[1..]);
    }
    file.extend_from_slice(&[0; 16]);
    file.extend(data);
    file.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    metadata(&mut file, kind, u32::try_from(nodes.len()).unwrap());
    file
}

fn metadata(file: &mut Vec<u8>, kind: &str, nodes: u32) {
    control(file, 7, 9);
    let mut field = |name: &str, kind: u8, bytes: &[u8]| {
        write(file, &json!(name));
        control(file, kind, bytes.len());
        file.extend_from_slice(bytes);
    };
    field("binary_format_major_version", 5, &2_u16.to_be_bytes());
    field("binary_format_minor_version", 5, &0_u16.to_be_bytes());
    field("build_epoch", 9, &1_700_000_000_u64.to_be_bytes());
    field("ip_version", 5, &4_u16.to_be_bytes());
    field("node_count", 6, &nodes.to_be_bytes());
    field("record_size", 5, &RECORD_BITS.to_be_bytes());
    for (name, value) in [
        ("database_type", json!(kind)),
        ("languages", json!(["en"])),
        ("description", json!({"en": "places for tests"})),
    ] {
        write(file, &json!(name));
        write(file, &value);
    }
}

/// The type and the size of what follows.
fn control(out: &mut Vec<u8>, kind: u8, size: usize) {
    let (short, more) = if size < 29 { (size, None) } else { (29, Some(u8::try_from(size - 29).unwrap())) };
    let short = u8::try_from(short).unwrap();
    if kind < 8 {
        out.push((kind << 5) | short);
    } else {
        out.extend([short, kind - 7]);
    }
    out.extend(more);
}

fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) => {
            control(out, 2, text.len());
            out.extend_from_slice(text.as_bytes());
        }
        Value::Number(number) if number.is_f64() => {
            control(out, 3, 8);
            out.extend_from_slice(&number.as_f64().unwrap().to_be_bytes());
        }
        Value::Number(number) => {
            control(out, 6, 4);
            out.extend_from_slice(&u32::try_from(number.as_u64().unwrap()).unwrap().to_be_bytes());
        }
        Value::Bool(truth) => control(out, 14, usize::from(*truth)),
        Value::Array(list) => {
            control(out, 11, list.len());
            for element in list {
                write(out, element);
            }
        }
        Value::Object(map) => {
            control(out, 7, map.len());
            for (name, value) in map {
                write(out, &json!(name));
                write(out, value);
            }
        }
        Value::Null => panic!("the format has no null"),
    }
}
