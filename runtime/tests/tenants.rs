//! Two tenants in the same servers: neither sees, delays or outlives the other. One floods while its worker stands still, the other
//! notices nothing (F28 in docs/faults.md); one is removed and leaves nothing behind (storage.md 7.7, 11).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod http;
mod shared;
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::join_all;
use http::call;
use serde_json::{Value, json};
use shared::{Process, process, settings};
use sqlx::ConnectOptions as _;
use sqlx::mysql::MySqlConnectOptions;
use support::{ADMIN, PASSWORD, Private, SOURCE, free_ports, payload, scratch};
use tracardi_servers::{Kind, Server};
use tracardi_simulate::client::Client;

/// How long anything is waited for. Far longer than it takes.
const PATIENCE: Duration = Duration::from_mins(2);
/// Clients that flood, requests of each, events in a request.
const FLOOD: (usize, usize, usize) = (8, 25, 40);

struct Servers {
    search: Server,
    database: Server,
    redis: Server,
    pulsar: Option<Server>,
}

impl Servers {
    fn start(pulsar: bool) -> Self {
        let start = |kind: Kind| move || kind.start().unwrap_or_else(|error| panic!("{error}"));
        std::thread::scope(|scope| {
            let (search, database) = (scope.spawn(start(Kind::OpenSearch)), scope.spawn(start(Kind::MariaDb)));
            let pulsar = pulsar.then(|| scope.spawn(start(Kind::Pulsar)));
            let redis = Kind::Redis.start().unwrap();
            let pulsar = pulsar.map(|pulsar| pulsar.join().unwrap());
            Self { search: search.join().unwrap(), database: database.join().unwrap(), redis, pulsar }
        })
    }

    /// Everything in the servers that is called after a tenant; of a table how many rows are his.
    async fn traces(&self, tenant: &str) -> Vec<String> {
        let (index, topic, key) =
            (format!("tracardi-{tenant}-"), format!("/{tenant}-"), format!("tracardi:{{{tenant}:"));
        let mut found = Vec::new();
        for path in ["_cat/indices?h=index&expand_wildcards=all", "_cat/templates?h=name", "_cat/aliases?h=alias"] {
            let listed = call("GET", format!("http://{}/{path}", self.search.address())).send().await;
            assert_eq!(listed.status, 200, "{}", listed.text);
            found.extend(listed.text.lines().map(str::trim).filter(|name| name.starts_with(&index)).map(str::to_owned));
        }
        let client = redis::Client::open(format!("redis://{}", self.redis.address())).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
        found.extend(keys.into_iter().filter(|name| name.starts_with(&key)));
        if let Some(pulsar) = &self.pulsar {
            for path in ["persistent/public/default", "persistent/public/default/partitioned"] {
                let web = pulsar.address_of("web").unwrap();
                let topics = call("GET", format!("http://{web}/admin/v2/{path}")).send().await.json();
                let topics = topics.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
                found.extend(topics.filter(|name| name.contains(&topic)));
            }
        }
        let address = self.database.address();
        let options = MySqlConnectOptions::new().host(&address.ip().to_string()).port(address.port()).username("root");
        let mut connection = options.database("tracardi").connect().await.unwrap();
        let tables = "SELECT CAST(table_name AS CHAR) FROM information_schema.columns \
             WHERE table_schema = 'tracardi' AND column_name = 'tenant'";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
        assert!(tables.len() >= 7, "{tables:?}");
        for table in tables {
            let query = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM `{table}` WHERE tenant = ?"));
            let rows: i64 = sqlx::query_scalar(query).bind(tenant).fetch_one(&mut connection).await.unwrap();
            found.extend((rows > 0).then(|| format!("{rows} rows of {table}")));
        }
        found.sort();
        found
    }
}

/// The services of one tenant.
struct Tenant {
    settings: BTreeMap<&'static str, String>,
    folder: std::path::PathBuf,
    processes: Vec<Process>,
    public: String,
    private: String,
}

impl Tenant {
    /// Installed, running, with an event source.
    async fn start(name: &str, folder: &Path, servers: &Servers) -> Self {
        let folder = folder.join(name);
        std::fs::create_dir(&folder).unwrap();
        let addresses = [servers.search.address(), servers.database.address(), servers.redis.address()];
        let mut settings = settings(&folder, addresses, servers.pulsar.as_ref());
        settings.insert("TRACARDI_TENANT", name.to_owned());
        let [public, private, ..] = free_ports();
        let mut tenant = Self {
            settings,
            folder,
            processes: Vec::new(),
            public: format!("http://127.0.0.1:{public}"),
            private: format!("http://127.0.0.1:{private}"),
        };
        let (installed, log) = tenant.once(&["install"]).await;
        assert!(installed, "{log}");
        let mut settings = tenant.settings.clone();
        settings.insert("TRACARDI_PUBLIC_LISTEN", format!("127.0.0.1:{public}"));
        settings.insert("TRACARDI_PRIVATE_LISTEN", format!("127.0.0.1:{private}"));
        let services: [(&str, &[&'static str]); 4] = [
            ("collector", &["worker", "collector"]),
            ("public-api", &["public-api"]),
            ("private-api", &["private-api"]),
            ("storage", &["worker", "storage"]),
        ];
        for (name, arguments) in services {
            let mut process = process(&tenant.folder, name, arguments, &settings);
            process.spawn();
            tenant.processes.push(process);
        }
        for process in &mut tenant.processes {
            process.ready().await;
        }
        let bridge = json!({"id": "778ded05-4ff3-4e08-9a86-72c0195fa95d", "name": "REST API Bridge"});
        let source = json!({"id": SOURCE, "name": "Shop", "type": ["rest"], "enabled": true, "bridge": bridge});
        tenant.log_in().await.post("/event-source", &source).await;
        // The public API knows it within a second.
        let mut client = tenant.client();
        tenant.until("the source is known", async || tenant.send(&mut client, "first", 1).await == 200).await;
        tenant
    }

    /// Runs the program to its end; whether it succeeded, and what it said.
    async fn once(&self, arguments: &[&'static str]) -> (bool, String) {
        let mut once = process(&self.folder, arguments[0], arguments, &self.settings);
        once.set("TRACARDI_LOG_LEVEL", "info");
        once.spawn();
        let ended = once.ended().await;
        (ended.success(), once.log())
    }

    async fn log_in(&self) -> Private {
        Private::log_in(&self.private, ADMIN, PASSWORD).await
    }

    fn client(&self) -> Client {
        Client::new(self.public.parse().unwrap(), PATIENCE)
    }

    async fn until(&self, what: &str, mut so: impl AsyncFnMut() -> bool) {
        let began = Instant::now();
        while !so().await {
            assert!(began.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Sends it until it is acknowledged: the same again changes nothing, whatever became of it before.
    async fn insist(&self, client: &mut Client, session: &str, events: usize) {
        self.until(session, async || match self.send(client, session, events).await {
            200 => true,
            503 => false,
            status => panic!("{session}: {status}"),
        })
        .await;
    }

    /// One request with events of a session; its status.
    async fn send(&self, client: &mut Client, session: &str, events: usize) -> u16 {
        let events: Vec<Value> = (0..events).map(|n| json!({"type": "seen", "properties": {"n": n}})).collect();
        let body = payload(session, None, &events);
        client.request("POST", "/track", &[("content-type", "application/json")], &body).await.unwrap().status
    }

    /// How many events are stored that were sent.
    async fn stored(&self) -> u64 {
        let wanted = json!({"where": "type = \"seen\"", "limit": 1});
        self.log_in().await.post("/event/select", &wanted).await["total"].as_u64().unwrap()
    }
}

/// One house of servers at a time.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

async fn two_tenants(pulsar: bool) {
    let _alone = ALONE.lock().await;
    let folder = scratch();
    let servers = Servers::start(pulsar);
    let (mut one, two) =
        (Tenant::start("one", folder.path(), &servers).await, Tenant::start("onetwo", folder.path(), &servers).await);

    let shards = call("GET", format!("http://{}/_cat/shards?h=index", servers.search.address())).send().await.text;
    let own = |tenant: &str| shards.lines().filter(|index| index.starts_with(&format!("tracardi-{tenant}-"))).count();
    assert_eq!((own("one"), own("onetwo")), (9, 9), "what a tenant costs a cluster: docs/modes.md\n{shards}");

    // One floods, and nobody does its work.
    one.processes[0].signal("STOP").await;
    let (clients, requests, events) = FLOOD;
    let flood = join_all((0..clients).map(async |number| {
        let mut client = one.client();
        for request in 0..requests {
            one.insist(&mut client, &format!("flood-{number}-{request}"), events).await;
        }
    }));
    let calm = async {
        let mut client = two.client();
        for number in 0..40 {
            two.insist(&mut client, &format!("calm-{number}"), 1).await;
        }
        two.until("the other's events are stored", async || two.stored().await == 41).await;
    };
    tokio::join!(flood, calm);
    let flooded = 1 + (clients * requests * events) as u64;
    one.processes[0].signal("CONT").await;
    one.until("the flood is stored", async || one.stored().await == flooded).await;
    assert_eq!(two.stored().await, 41, "nothing of the one is the other's");

    // Removed while it runs, or by mistake: nothing happens.
    let (removed, log) = one.once(&["remove-tenant", "--confirm", "one"]).await;
    assert!(!removed && log.contains("processes of the tenant `one` are running"), "{log}");
    let (removed, log) = one.once(&["remove-tenant", "--confirm", "onetwo"]).await;
    assert!(!removed && log.contains("`onetwo` is not the tenant"), "{log}");
    assert_eq!(one.stored().await, flooded);

    for process in &mut one.processes {
        process.stop().await;
    }
    let before = servers.traces("one").await;
    assert!(before.iter().any(|name| name.contains("configuration")), "{before:?}");
    assert_eq!(before.iter().any(|name| name.contains("persistent://")), pulsar, "{before:?}");
    let (removed, log) = one.once(&["remove-tenant", "--confirm", "one"]).await;
    assert!(removed, "{log}");
    assert_eq!(servers.traces("one").await, [""; 0], "nothing is left of {before:?}");
    let (again, log) = one.once(&["remove-tenant", "--confirm", "one"]).await;
    assert!(again, "{log}");

    // The other one, whose name begins alike, has all it had, and goes on.
    assert_eq!(two.stored().await, 41);
    two.insist(&mut two.client(), "after", 1).await;
    two.until("it goes on", async || two.stored().await == 42).await;
    drop(one);
    let anew = Tenant::start("one", &folder.path().join("onetwo"), &servers).await;
    anew.until("it begins with nothing", async || anew.stored().await == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open() {
    two_tenants(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn distributed() {
    two_tenants(true).await;
}
