//! The server that everything is compared with: an axum handler that parses the same payload into types and answers
//! without doing anything.

use std::io::Read as _;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tracardi_process::Supervisor;
use tracardi_process::listen::{self, Limits};
use tracardi_simulate::client::Client;

use crate::cores;

/// Argument with which this program starts itself as the empty server; it ends when its input does.
pub(crate) const ARGUMENT: &str = "--serve-empty-handler";

/// A payload as a typed handler would take it.
#[derive(Deserialize)]
#[expect(dead_code, reason = "it is parsed and nothing else")]
struct Payload {
    source: Entity,
    session: Option<Entity>,
    profile: Option<Entity>,
    context: Map<String, Value>,
    events: Vec<Event>,
    options: Map<String, Value>,
}

#[derive(Deserialize, Serialize)]
struct Entity {
    id: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is parsed and nothing else")]
struct Event {
    r#type: String,
    time: Map<String, Value>,
    properties: Map<String, Value>,
    context: Map<String, Value>,
    options: Map<String, Value>,
}

/// What `/track` answers.
#[derive(Serialize)]
struct Answer {
    task: &'static str,
    ux: [(); 0],
    response: Map<String, Value>,
    events: [(); 0],
    profile: Option<Entity>,
    session: Option<Entity>,
    errors: [(); 0],
    warnings: [(); 0],
}

async fn handle(axum::Json(payload): axum::Json<Payload>) -> axum::Json<Answer> {
    axum::Json(Answer {
        task: "00000000-0000-4000-8000-000000000000",
        ux: [],
        response: Map::new(),
        events: [],
        profile: payload.profile,
        session: payload.session,
        errors: [],
        warnings: [],
    })
}

/// The child: prints its address and serves.
pub(crate) async fn serve() {
    let supervisor = Supervisor::new();
    let bound = listen::bind("empty server", "127.0.0.1:0").await.unwrap();
    println!("{}", bound.address());
    let router = axum::Router::new().route("/track", axum::routing::post(handle));
    listen::serve(&supervisor, bound, router, Limits::default());
    std::thread::spawn(|| {
        // The input ends with the parent, however that ends.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0)
    });
    supervisor.run_until(std::future::pending()).await.unwrap();
}

/// The empty server as a child process.
pub(crate) struct Empty {
    child: Child,
    url: String,
}

impl Empty {
    pub(crate) async fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(ARGUMENT).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).await.unwrap();
        cores::keep(child.id().unwrap(), cores::SERVER);
        Self { child, url: format!("http://{}", address.trim()) }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.url.parse().unwrap(), Duration::from_secs(20))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }
}
