//! Redis: what stands in the stream.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};
use tracardi_model::configuration::REDIS_CONNECTOR;
use tracardi_servers::{Kind, Options, Server};

use super::{Broker, Reader, Seen, prefixed, start};

pub struct Redis;

/// What a test asks Redis itself.
pub fn redis_cli(address: SocketAddr, command: &[&str]) -> String {
    let output = Command::new("redis-cli")
        .args(["-h", &address.ip().to_string(), "-p", &address.port().to_string(), "--json"])
        .args(command)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The stream's entries.
pub struct Stream(SocketAddr);

impl Reader for Stream {
    async fn again(self, server: &Server) -> Self {
        Self(server.address())
    }

    async fn all(self, _: usize) -> Vec<Seen> {
        let entries: Value = serde_json::from_str(&redis_cli(self.0, &["XRANGE", "made", "-", "+"])).unwrap();
        let seen = |entry: &Value| {
            let fields: Vec<&str> = entry[1].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
            let fields: HashMap<&str, &str> =
                fields.as_chunks::<2>().0.iter().map(|[key, value]| (*key, *value)).collect();
            let text = |key: &str| fields.get(key).copied().unwrap_or_default().to_owned();
            Seen { id: text("id"), profile: text("profile"), body: serde_json::from_str(&text("body")).unwrap() }
        };
        entries.as_array().unwrap().iter().map(seen).collect()
    }
}

impl Broker for Redis {
    const PACKAGE: &str = REDIS_CONNECTOR;
    // Nothing is: Redis takes no limit below a mebibyte, and a document has half of one at most.
    const TOO_LARGE: &[&str] = &[];
    type Reader = Stream;

    async fn start(options: &Options) -> Server {
        start(Kind::Redis, options)
    }

    fn at(address: SocketAddr) -> Value {
        json!({"url": address.to_string()})
    }

    fn init(name: &str) -> Value {
        json!({"stream": name})
    }

    async fn read(server: &Server) -> Stream {
        Stream(server.address())
    }

    fn encrypted(credentials: Value) -> Value {
        prefixed(credentials, "url", "rediss")
    }
}
