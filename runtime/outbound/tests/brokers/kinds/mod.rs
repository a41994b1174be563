//! How each broker is started, reached, and asked what it has got.

mod kafka;
mod mqtt;
mod pulsar;
mod rabbit_mq;
mod redis;

use std::net::SocketAddr;

use serde_json::{Value, json};
use tracardi_servers::{Kind, Options, Server};

pub use self::kafka::Kafka;
pub use self::mqtt::Mosquitto;
pub use self::pulsar::Pulsar;
pub use self::rabbit_mq::RabbitMq;
pub use self::redis::{Redis, redis_cli};

/// A message as the broker tells it.
#[derive(Debug)]
pub struct Seen {
    pub id: String,
    pub profile: String,
    pub body: Value,
}

/// Reads what has arrived.
pub trait Reader {
    /// Goes on after the broker came back.
    async fn again(self, server: &Server) -> Self;

    /// Everything, in the order of arrival; waits until it is so many.
    async fn all(self, at_least: usize) -> Vec<Seen>;
}

pub trait Broker {
    const PACKAGE: &str;
    /// Bytes of the largest message that is taken.
    const LARGEST: u32 = 100_000;
    /// What is said of a larger one: one of these; none when there cannot be one.
    const TOO_LARGE: &[&str];
    type Reader: Reader;

    /// With what `init("made")` needs.
    async fn start(options: &Options) -> Server;
    /// Without any credentials.
    fn at(address: SocketAddr) -> Value;
    fn init(name: &str) -> Value;
    async fn read(server: &Server) -> Self::Reader;

    /// Where a broker acknowledges what is made on it before that is on disk: brings it there.
    fn write(_: &mut Server) {}

    /// Kills it.
    fn end(server: &mut Server) {
        server.kill();
    }

    fn credentials(server: &Server) -> Value {
        let mut credentials = Self::at(server.address());
        if let Some(login) = &server.options().login {
            credentials["username"] = json!(login.name);
            credentials["password"] = json!(login.password);
        }
        credentials["ca"] = json!(server.authority());
        credentials
    }

    /// The same with a password that is none.
    fn wrong(credentials: &Value) -> Value {
        let mut wrong = credentials.clone();
        wrong["password"] = json!("geheim2");
        wrong
    }

    /// TLS with the authorities of the web.
    fn encrypted(credentials: Value) -> Value {
        credentials
    }
}

fn start(kind: Kind, options: &Options) -> Server {
    kind.start_with(options).unwrap_or_else(|error| panic!("{error}"))
}

/// Asks servers about themselves.
fn client() -> reqwest::Client {
    // Whoever was first has installed the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

fn prefixed(mut credentials: Value, field: &str, scheme: &str) -> Value {
    credentials[field] = json!(format!("{scheme}://{}", credentials[field].as_str().unwrap()));
    credentials
}
