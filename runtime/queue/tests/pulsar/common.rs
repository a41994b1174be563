//! Queues on real brokers.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tracardi_model::Tenant;
use tracardi_process::{Endpoint, Secret};
use tracardi_queue::conformance::ids;
use tracardi_queue::pulsar::{PulsarQueue, PulsarSettings};
use tracardi_queue::{Consumer, Message, Queue, QueueError, Take};
use tracardi_servers::{Kind, Options, Server};

/// A broker of one's own; one runs at a time: several at once are slow enough on a small machine to be taken for dead.
pub struct Broker {
    server: Server,
    _turn: Turn,
}

impl Deref for Broker {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for Broker {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}

/// Waits for its turn and starts a broker.
pub fn broker(options: &Options) -> Broker {
    let turn = Turn::take();
    Broker { server: Kind::Pulsar.start_with(options).unwrap(), _turn: turn }
}

static TAKEN: AtomicBool = AtomicBool::new(false);

/// Unlike a guard of a mutex it may end on another thread.
struct Turn;

impl Turn {
    fn take() -> Self {
        while TAKEN.swap(true, Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(20));
        }
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::SeqCst);
    }
}

/// How to reach it, with few partitions.
pub fn settings(server: &Server) -> PulsarSettings {
    let (tls, address) = (server.options().tls, server.address());
    let web = server.address_of("web").unwrap();
    let token = server.options().login.as_ref().map(|login| Secret::new(login.token(&login.name)));
    let authority = server.authority().map(str::to_owned);
    let endpoint = |url: String| Endpoint { token: token.clone(), authority: authority.clone(), ..Endpoint::new(url) };
    let (broker, admin) = if tls {
        (format!("pulsar+ssl://{address}"), format!("https://{}:8443", web.ip()))
    } else {
        (format!("pulsar://{address}"), format!("http://{web}"))
    };
    let settings = PulsarSettings::new(endpoint(broker), endpoint(admin), Tenant::only());
    PulsarSettings { partitions: 4, ..settings }
}

/// A queue that nobody has used.
pub async fn queue(settings: PulsarSettings) -> PulsarQueue {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("queue_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    PulsarQueue::open(settings, &name).await.unwrap()
}

/// Asks the admin API as the one who may do everything.
pub async fn administer(server: &Server, method: reqwest::Method, path: &str, body: &str) -> (u16, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).no_proxy().build().unwrap();
    let base = settings(server).admin.url;
    let mut request = client.request(method, format!("{base}/admin/v2/{path}"));
    if let Some(login) = &server.options().login {
        request = request.bearer_auth(login.token(&login.name));
    }
    if !body.is_empty() {
        request = request.header("Content-Type", "application/json").body(body.to_owned());
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// A numbered message of a numbered key.
pub fn numbered(key: usize, number: usize) -> Message {
    Message { key: format!("key {key}"), payload: Bytes::from(number.to_string()) }
}

/// What came of each key, in the order in which it came.
#[derive(Debug, Default)]
pub struct Journal(pub BTreeMap<String, Vec<usize>>);

impl Journal {
    /// Everything that was sent is there, in order, where what came twice counts once, at its first coming.
    pub fn is_complete(&self, keys: usize, sent: impl Fn(usize) -> Vec<usize>) {
        for key in 0..keys {
            let mut first = Vec::new();
            for number in self.0.get(&format!("key {key}")).into_iter().flatten() {
                if !first.contains(number) {
                    first.push(*number);
                }
            }
            assert_eq!(first, sent(key), "key {key}");
        }
    }

    pub fn number(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

/// Receives until nothing waits any more, through whatever happens to the broker.
pub async fn drain(queue: &dyn Queue, consumer: &mut dyn Consumer, journal: &mut Journal) {
    loop {
        match consumer.receive(Take { messages: 100, bytes: 1 << 20, wait: Duration::from_millis(500) }).await {
            Ok(received) if received.is_empty() => match queue.figures().await {
                Ok(figures) if figures.waiting == 0 => return,
                _ => {}
            },
            Ok(received) => {
                for it in &received {
                    let number = String::from_utf8_lossy(&it.message.payload).parse().unwrap();
                    journal.0.entry(it.message.key.clone()).or_default().push(number);
                }
                let _ = consumer.acknowledge(&ids(&received)).await;
            }
            Err(QueueError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(error) => panic!("{error}"),
        }
    }
}
