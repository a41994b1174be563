//! The real program as a child process, and the few calls of its private API that the tests need.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tracardi_simulate::client::{Answer, Client};
use tracardi_simulate::delivery::{Delivery, Patience};

/// Id of the event source that [`Server::create_source`] makes.
pub const SOURCE: &str = "shop";
/// E-mail address of the administrator of a [`Server`].
pub const ADMIN: &str = "admin@example.com";
/// Password of [`ADMIN`].
pub const PASSWORD: &str = "correct-horse-battery-7";
/// How long the program may take until it is ready. Far longer than it does: a busy machine is no failure.
const READY: Duration = Duration::from_secs(20);
/// How long an answer of the private API may take. As much longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// `tracardi standalone` on a directory; started, killed and started again on the same ports.
pub struct Server {
    binary: &'static str,
    directory: PathBuf,
    ports: [u16; 4],
    settings: Vec<(&'static str, &'static str)>,
    child: Option<Child>,
}

impl Server {
    /// A server that is not started yet. `directory` is made; what the program prints goes to `server.log` in it.
    pub fn new(binary: &'static str, directory: &Path) -> Self {
        std::fs::create_dir_all(directory.join("data")).unwrap();
        std::fs::write(directory.join("password"), PASSWORD).unwrap();
        Self { binary, directory: directory.to_owned(), ports: free_ports(), settings: Vec::new(), child: None }
    }

    /// Sets an environment variable of the program.
    pub fn set(mut self, name: &'static str, value: &'static str) -> Self {
        self.settings.push((name, value));
        self
    }

    /// Directory of the store.
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Id of the process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("the server runs")
    }

    /// How long the process has kept a processor busy since its start: other than the time on the clock, that is the same on a
    /// machine that is busy with something else.
    pub fn worked(&self) -> Duration {
        /// What a tick is in `/proc`, everywhere.
        const TICK: Duration = Duration::from_millis(10);
        let figures = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // The name of the program is in brackets, and may itself have spaces. What follows begins with the third field.
        let (_, figures) = figures.rsplit_once(") ").unwrap();
        let ticks = figures.split(' ').skip(14 - 3).take(2).map(|ticks| ticks.parse::<u32>().unwrap());
        TICK * ticks.sum::<u32>()
    }

    /// Starts the program without waiting for it.
    pub fn spawn(&mut self) {
        let log = File::options().create(true).append(true).open(self.directory.join("server.log")).unwrap();
        let [public, private, gui, management] = self.ports.map(|port| format!("127.0.0.1:{port}"));
        let mut command = Command::new(self.binary);
        command
            .arg("standalone")
            .env_clear()
            .env("TRACARDI_DATA", self.data())
            .env("TRACARDI_PUBLIC_LISTEN", public)
            .env("TRACARDI_PRIVATE_LISTEN", private)
            .env("TRACARDI_GUI_LISTEN", gui)
            .env("TRACARDI_MANAGEMENT_LISTEN", management)
            .env("TRACARDI_ADMIN_EMAIL", ADMIN)
            .env("TRACARDI_ADMIN_PASSWORD_FILE", self.directory.join("password"))
            .env("TRACARDI_LOG_LEVEL", "warn")
            .envs(self.settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true);
        self.child = Some(command.spawn().unwrap());
    }

    /// Starts the program and waits until it is ready; gives how long that took.
    pub async fn start(&mut self) -> Duration {
        let started = Instant::now();
        self.spawn();
        self.wait_until_ready(started).await;
        started.elapsed()
    }

    /// Waits until `/readyz` says yes.
    pub async fn wait_until_ready(&mut self, started: Instant) {
        loop {
            let target = format!("http://127.0.0.1:{}", self.ports[3]).parse().unwrap();
            let mut client = Client::new(target, Duration::from_secs(1));
            if client.request("GET", "/readyz", &[], b"").await.is_ok_and(|answer| answer.status == 200) {
                return;
            }
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "the server ended by itself ({ended:?}):\n{}", self.log());
            assert!(started.elapsed() < READY, "not ready after {READY:?}:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// SIGKILL: the program has no chance to do anything.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().expect("the server runs");
        child.kill().await.unwrap();
    }

    /// SIGTERM, and waits; the program must leave by itself and well.
    pub async fn stop(&mut self) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
        let mut child = self.child.take().expect("the server runs");
        let ended = tokio::time::timeout(Duration::from_secs(25), child.wait()).await.expect("it leaves").unwrap();
        assert!(ended.success(), "it left with {ended}:\n{}", self.log());
    }

    /// Waits until the program has left by itself.
    pub async fn wait(&mut self) -> std::process::ExitStatus {
        let mut child = self.child.take().expect("the server runs");
        tokio::time::timeout(Duration::from_secs(25), child.wait()).await.expect("it leaves").unwrap()
    }

    /// What the program printed, the end of it.
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(self.directory.join("server.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Address of a listener: 0 public API, 1 private API, 2 web application, 3 health and metrics.
    pub fn url(&self, listener: usize) -> String {
        format!("http://127.0.0.1:{}", self.ports[listener])
    }

    /// A connection to a listener, by the numbers of [`Server::url`].
    pub fn client(&self, listener: usize) -> Client {
        Client::new(self.url(listener).parse().unwrap(), Duration::from_secs(20))
    }

    /// A connection to the public API.
    pub fn public(&self) -> Client {
        Client::new(format!("http://127.0.0.1:{}", self.ports[0]).parse().unwrap(), Duration::from_secs(20))
    }

    /// Posts to `/track` until there is an answer, with the same bytes.
    pub fn delivery(&self, seed: u64) -> Delivery {
        let patience = Patience {
            total: Duration::from_mins(1),
            pause: Duration::from_millis(5),
            longest_pause: Duration::from_millis(100),
        };
        Delivery::new(self.public(), patience, seed)
    }

    /// Logs in at the private API.
    pub async fn log_in(&self) -> Private {
        Private::log_in(&self.url(1), ADMIN, PASSWORD).await
    }

    /// Makes the event source [`SOURCE`].
    pub async fn create_source(&self) {
        let source = json!({
            "id": SOURCE, "name": "Shop", "type": ["rest"], "channel": "Web", "enabled": true, "groups": [],
            "bridge": {"id": "778ded05-4ff3-4e08-9a86-72c0195fa95d", "name": "REST API Bridge"}
        });
        self.log_in().await.post("/event-source", &source).await;
    }
}

/// The private API, logged in.
pub struct Private {
    client: Client,
    authorization: String,
}

impl Private {
    /// Logs in at this address.
    pub async fn log_in(url: &str, email: &str, password: &str) -> Self {
        let mut client = Client::new(url.parse().unwrap(), PATIENCE);
        let form = format!("username={}&password={password}", email.replace('@', "%40"));
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = client.request("POST", "/user/token", &headers, form.as_bytes()).await.unwrap();
        assert_eq!(answer.status, 200, "login: {}", answer.detail());
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        Self { client, authorization: format!("Bearer {}", answer["access_token"].as_str().unwrap()) }
    }

    async fn call(&mut self, method: &str, path: &str, body: &[u8]) -> Answer {
        // The server closes a connection on which nothing is asked for a while: each call has one of its own.
        self.client = Client::new(self.client.target().clone(), PATIENCE);
        let headers = [("authorization", self.authorization.as_str()), ("content-type", "application/json")];
        self.client.request(method, path, &headers, body).await.unwrap()
    }

    /// `GET`; the answer must be 200.
    pub async fn get(&mut self, path: &str) -> Value {
        let answer = self.call("GET", path, b"").await;
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.detail());
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// `POST`; the answer must be 200.
    pub async fn post(&mut self, path: &str, body: &Value) -> Value {
        let answer = self.call("POST", path, body.to_string().as_bytes()).await;
        assert_eq!(answer.status, 200, "POST {path}: {}", answer.detail());
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// How many documents an index has.
    pub async fn count(&mut self, index: &str) -> u64 {
        self.get(&format!("/{index}/count")).await["count"].as_u64().unwrap()
    }
}

/// A directory on the disk that holds the build (`/tmp` may be memory, which tells nothing about durability).
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Ports that nobody uses, below the range from which the kernel takes the ports of outgoing connections: otherwise one
/// of the clients could be given the port while the server is down.
pub fn free_ports() -> [u16; 4] {
    // Servers of one process never share ports; other processes mostly begin elsewhere, and what is taken is skipped.
    static HANDED_OUT: AtomicU16 = AtomicU16::new(0);
    let start = 20_000 + u16::try_from(std::process::id() % 600).unwrap() * 16;
    let next = || loop {
        let port = start + HANDED_OUT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    };
    [next(), next(), next(), next()]
}

/// A payload of one session.
pub fn payload(session: &str, profile: Option<&str>, events: &[Value]) -> Vec<u8> {
    let profile = profile.map(|id| json!({ "id": id }));
    json!({
        "source": {"id": SOURCE},
        "session": {"id": session},
        "profile": profile,
        "context": {"time": {"tz": "Europe/Warsaw"}},
        "options": {},
        "events": events
    })
    .to_string()
    .into_bytes()
}

/// `profile.id` of an answer.
pub fn profile_of(answer: &Answer) -> String {
    tracardi_simulate::journal::profile_id(&answer.body).unwrap_or_else(|| panic!("no profile: {}", answer.detail()))
}

/// Every row of a table of the store: its `document`, read from the file itself while no server runs.
pub async fn stored(data: &Path, table: &'static str) -> Vec<Value> {
    use sqlx::ConnectOptions as _;
    let mut store =
        sqlx::sqlite::SqliteConnectOptions::new().filename(data.join("tracardi.db")).connect().await.unwrap();
    let whole: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut store).await.unwrap();
    assert_eq!(whole, "ok");
    let query = sqlx::AssertSqlSafe(format!("SELECT document FROM {table}"));
    let rows: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut store).await.unwrap();
    rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect()
}
