//! A larger installation on this machine: real servers, and the program once for each service.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};
use tracardi_servers::{Fault, HttpProxy, Kind, Proxy, Server};
use tracardi_simulate::client::{Answer, Client};

use crate::support::{ADMIN, PASSWORD, Private, free_ports};

/// How long a process may take until it is ready. Far longer than it does: a busy machine is no failure.
const READY: Duration = Duration::from_mins(1);

/// What the queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Redis streams.
    Open,
    /// Pulsar.
    Distributed,
}

/// The program as one of its services.
pub struct Process {
    arguments: Vec<&'static str>,
    settings: BTreeMap<&'static str, String>,
    management: u16,
    log: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// Sets an environment variable from its next start on.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.settings.insert(name, value.to_owned());
    }

    /// Starts it without waiting for it.
    pub fn spawn(&mut self) {
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tracardi"));
        command.args(&self.arguments).env_clear().envs(&self.settings);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true);
        self.child = Some(command.spawn().unwrap());
    }

    /// Waits until `/readyz` says yes.
    pub async fn ready(&mut self) {
        let started = Instant::now();
        while self.readiness().await != Some(200) {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "{:?} ended by itself ({ended:?}):\n{}", self.arguments, self.log());
            assert!(started.elapsed() < READY, "{:?} is not ready:\n{}", self.arguments, self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The status of `/readyz`; none without an answer.
    pub async fn readiness(&self) -> Option<u16> {
        Some(self.ask("/readyz").await?.status)
    }

    /// Why it is not ready; none when it is, or without an answer.
    pub async fn complaint(&self) -> Option<String> {
        let answer = self.ask("/readyz").await?;
        (answer.status == 503).then(|| String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// Asks where it tells of itself.
    async fn ask(&self, path: &str) -> Option<Answer> {
        let target = format!("http://127.0.0.1:{}", self.management).parse().unwrap();
        let mut client = Client::new(target, Duration::from_secs(2));
        client.request("GET", path, &[], b"").await.ok()
    }

    /// Id of the process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("the process runs")
    }

    /// Whether it was started and has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// SIGKILL.
    pub async fn kill(&mut self) {
        self.child.take().expect("the process runs").kill().await.unwrap();
    }

    /// A signal by name, such as `STOP`.
    pub async fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().await.unwrap();
        assert!(sent.success());
    }

    /// SIGTERM, and waits; it must leave by itself and well.
    pub async fn stop(&mut self) {
        self.signal("TERM").await;
        let mut child = self.child.take().expect("the process runs");
        let ended = tokio::time::timeout(Duration::from_secs(40), child.wait()).await.expect("it leaves").unwrap();
        assert!(ended.success(), "{:?} left with {ended}:\n{}", self.arguments, self.log());
    }

    /// Waits until it has left by itself.
    pub async fn ended(&mut self) -> std::process::ExitStatus {
        self.child.take().expect("the process runs").wait().await.unwrap()
    }

    /// What it printed, the end of it.
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

/// What stands between the services and their servers, to spoil what they say to each other.
pub struct Between {
    pub search: HttpProxy,
    pub database: Proxy,
    pub redis: Proxy,
}

/// The servers and the services.
pub struct House {
    pub search: Server,
    pub database: Server,
    pub redis: Server,
    pub pulsar: Option<Server>,
    /// There in a house [`behind_proxies`](House::behind_proxies).
    pub between: Option<Between>,
    pub public_api: Process,
    pub private_api: Process,
    pub collectors: Vec<Process>,
    pub storage: Process,
    pub outbound: Process,
    public: u16,
    private: u16,
}

impl House {
    /// Starts everything and waits until all of it is ready. `directory`: for files and logs.
    pub async fn start(mode: Mode, collectors: usize, directory: &Path) -> Self {
        Self::build(mode, collectors, directory, false, &[]).await
    }

    /// The same, with these settings besides.
    pub async fn start_with(mode: Mode, collectors: usize, directory: &Path, besides: &[(&'static str, &str)]) -> Self {
        Self::build(mode, collectors, directory, false, besides).await
    }

    /// The same, with proxies before the search server, the database and Redis. The test itself may go past them.
    pub async fn behind_proxies(mode: Mode, collectors: usize, directory: &Path) -> Self {
        Self::build(mode, collectors, directory, true, &[]).await
    }

    async fn build(
        mode: Mode,
        collectors: usize,
        directory: &Path,
        proxies: bool,
        besides: &[(&'static str, &str)],
    ) -> Self {
        let start = |kind: Kind| move || kind.start().unwrap_or_else(|error| panic!("{error}"));
        let (search, database, redis, pulsar) = std::thread::scope(|scope| {
            let search = scope.spawn(start(Kind::OpenSearch));
            let database = scope.spawn(start(Kind::MariaDb));
            let redis = scope.spawn(start(Kind::Redis));
            let pulsar = (mode == Mode::Distributed).then(|| scope.spawn(start(Kind::Pulsar)));
            let pulsar = pulsar.map(|pulsar| pulsar.join().unwrap());
            (search.join().unwrap(), database.join().unwrap(), redis.join().unwrap(), pulsar)
        });
        let between = proxies.then(|| Between {
            search: HttpProxy::to(search.address()).unwrap(),
            database: Proxy::to(database.address()).unwrap(),
            redis: Proxy::to(redis.address()).unwrap(),
        });
        let addresses = match &between {
            Some(between) => [between.search.address(), between.database.address(), between.redis.address()],
            None => [search.address(), database.address(), redis.address()],
        };
        let mut settings = settings(directory, addresses, pulsar.as_ref());
        settings.extend(besides.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let mut install = process(directory, "install", &["install"], &settings);
        install.spawn();
        let ended = install.child.take().unwrap().wait().await.unwrap();
        assert!(ended.success(), "{}", install.log());
        let [public, private, ..] = free_ports();
        let listen = |name: &'static str, port: u16| {
            let mut settings = settings.clone();
            settings.insert(name, format!("127.0.0.1:{port}"));
            settings
        };
        let mut house = Self {
            public_api: process(directory, "public-api", &["public-api"], &listen("TRACARDI_PUBLIC_LISTEN", public)),
            private_api: process(
                directory,
                "private-api",
                &["private-api"],
                &listen("TRACARDI_PRIVATE_LISTEN", private),
            ),
            collectors: (0..collectors)
                .map(|n| process(directory, &format!("collector-{n}"), &["worker", "collector"], &settings))
                .collect(),
            storage: process(directory, "storage", &["worker", "storage"], &settings),
            outbound: process(directory, "outbound", &["worker", "outbound"], &settings),
            search,
            database,
            redis,
            pulsar,
            between,
            public,
            private,
        };
        for process in house.processes() {
            process.spawn();
        }
        for process in house.processes() {
            process.ready().await;
        }
        house
    }

    /// All services.
    pub fn processes(&mut self) -> Vec<&mut Process> {
        let few = [&mut self.public_api, &mut self.private_api, &mut self.storage, &mut self.outbound];
        few.into_iter().chain(&mut self.collectors).collect()
    }

    /// All servers.
    pub fn servers(&mut self) -> impl Iterator<Item = &mut Server> {
        [&mut self.search, &mut self.database, &mut self.redis].into_iter().chain(&mut self.pulsar)
    }

    /// What was killed or frozen runs again, nothing stands between, and all services are ready.
    pub async fn mend(&mut self) {
        if let Some(Between { search, database, redis }) = &self.between {
            search.clear();
            database.set(Fault::None);
            redis.set(Fault::None);
        }
        for server in self.servers() {
            server.thaw();
            if !server.is_running() {
                server.restart().unwrap();
            }
        }
        // What a test has demanded of Redis that failed before it took that back.
        if let Ok(mut redis) = std::net::TcpStream::connect(self.redis.address()) {
            let _ = redis.write_all(b"CONFIG SET min-replicas-to-write 0\r\n");
        }
        for process in self.processes() {
            if process.is_running() {
                process.signal("CONT").await;
            } else {
                process.spawn();
            }
        }
        for process in self.processes() {
            process.ready().await;
        }
    }

    /// Logs in at the private API.
    pub async fn log_in(&self, email: &str, password: &str) -> Private {
        Private::log_in(&self.private_url(), email, password).await
    }

    /// Address of the public API.
    pub fn public_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.public)
    }

    /// Address of the private API.
    pub fn private_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.private)
    }

    /// Stops all services; each must leave by itself and well.
    pub async fn stop(&mut self) {
        for process in self.processes() {
            process.stop().await;
            assert!(!process.log().contains("panicked"), "{}", process.log());
        }
    }
}

/// `addresses`: of the search server, the database and Redis.
pub fn settings(
    directory: &Path,
    addresses: [SocketAddr; 3],
    pulsar: Option<&Server>,
) -> BTreeMap<&'static str, String> {
    let [search, database, redis] = addresses;
    let file = |name: &str, content: &str| {
        let path = directory.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut settings = BTreeMap::from([
        ("TRACARDI_ELASTIC_URL", format!("http://{search}")),
        ("TRACARDI_MYSQL_URL", format!("mysql://{database}")),
        ("TRACARDI_MYSQL_USERNAME", "root".to_owned()),
        ("TRACARDI_REDIS_URL", format!("redis://{redis}")),
        ("TRACARDI_SIGNING_KEY_FILE", file("signing", &"1".repeat(64))),
        ("TRACARDI_ENCRYPTION_KEY_FILE", file("encryption", &"2".repeat(64))),
        ("TRACARDI_INSTALLATION_TOKEN_FILE", file("token", "a-token-for-installations")),
        ("TRACARDI_ADMIN_EMAIL", ADMIN.to_owned()),
        ("TRACARDI_ADMIN_PASSWORD_FILE", file("password", PASSWORD)),
        ("TRACARDI_QUEUE_PARTITIONS", "4".to_owned()),
        ("TRACARDI_LOG_LEVEL", "warn".to_owned()),
    ]);
    if let Some(pulsar) = pulsar {
        settings.insert("TRACARDI_PULSAR_URL", format!("pulsar://{}", pulsar.address()));
        let admin = pulsar.address_of("web").unwrap();
        settings.insert("TRACARDI_PULSAR_ADMIN_URL", format!("http://{admin}"));
    }
    settings
}

/// The program with these arguments and settings; its log is in `directory` under `name`.
pub fn process(
    directory: &Path,
    name: &str,
    arguments: &[&'static str],
    settings: &BTreeMap<&'static str, String>,
) -> Process {
    let [management, ..] = free_ports();
    let mut settings = settings.clone();
    settings.insert("TRACARDI_MANAGEMENT_LISTEN", format!("127.0.0.1:{management}"));
    let log = directory.join(format!("{name}.log"));
    Process { arguments: arguments.to_vec(), settings, management, log, child: None }
}
