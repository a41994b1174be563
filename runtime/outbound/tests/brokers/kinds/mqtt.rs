//! MQTT: a subscriber whose session outlives the broker.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tracardi_model::configuration::MQTT_CONNECTOR;
use tracardi_servers::{Kind, Options, Server};

use super::{Broker, Reader, Seen, prefixed, start};

pub struct Mosquitto;

/// Everything that comes for the topic, once it has said that it listens.
pub struct Subscriber {
    program: Child,
    lines: Arc<Mutex<Vec<Seen>>>,
}

impl Subscriber {
    /// A session that the broker keeps while nobody listens.
    fn new(server: &Server) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let program = Self::listen(server, lines.clone());
        Self { program, lines }
    }

    fn listen(server: &Server, lines: Arc<Mutex<Vec<Seen>>>) -> Child {
        let address = server.address();
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let mut program = Command::new("stdbuf")
            .args(["-oL", "mosquitto_sub"])
            .args([
                "-V", "mqttv5", "-h", &host, "-p", &port, "-t", "made", "-q", "1", "-i", "reader", "-c", "-x", "600",
            ])
            .args(["-d", "-F", "%P\t%p"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (listens, listening) = std::sync::mpsc::channel();
        let output = BufReader::new(program.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if line.contains("SUBACK") {
                    let _ = listens.send(());
                }
                let Some((properties, body)) = line.split_once('\t') else { continue };
                let Ok(body) = serde_json::from_str(body) else { continue };
                let words: Vec<&str> = properties.split([' ', ':']).collect();
                let after = |name: &str| {
                    let at = words.iter().position(|word| *word == name);
                    at.and_then(|at| words.get(at + 1)).copied().unwrap_or_default().to_owned()
                };
                lines.lock().unwrap().push(Seen { id: after("Idempotency-Key"), profile: after("profile"), body });
            }
        });
        listening.recv().unwrap();
        program
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Reader for Subscriber {
    async fn again(mut self, server: &Server) -> Self {
        let _ = self.program.kill();
        let _ = self.program.wait();
        self.program = Self::listen(server, self.lines.clone());
        self
    }

    async fn all(self, at_least: usize) -> Vec<Seen> {
        loop {
            {
                let mut lines = self.lines.lock().unwrap();
                let ids: HashSet<_> = lines.iter().map(|seen| &seen.id).collect();
                if ids.len() >= at_least {
                    return std::mem::take(&mut *lines);
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Broker for Mosquitto {
    const PACKAGE: &str = MQTT_CONNECTOR;
    const TOO_LARGE: &[&str] = &["at most", "PacketTooLarge"];
    type Reader = Subscriber;

    async fn start(options: &Options) -> Server {
        start(Kind::Mosquitto, options)
    }

    fn at(address: SocketAddr) -> Value {
        json!({"url": address.to_string()})
    }

    fn init(name: &str) -> Value {
        json!({"topic": name})
    }

    async fn read(server: &Server) -> Subscriber {
        Subscriber::new(server)
    }

    /// Mosquitto gives receipts before it writes: what is claimed here is what its receipts are worth when it is asked to end.
    fn end(server: &mut Server) {
        server.stop().unwrap();
    }

    fn encrypted(credentials: Value) -> Value {
        prefixed(credentials, "url", "mqtts")
    }
}
