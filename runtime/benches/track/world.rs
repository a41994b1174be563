//! A server of the real program, with visitors it knows.

use serde_json::Value;
use sqlx::ConnectOptions as _;
use tempfile::TempDir;

use crate::cores;
use crate::load::Visitor;
use crate::support::{Server, scratch};

/// `tracardi standalone` on a directory of its own.
pub(crate) struct World {
    pub(crate) server: Server,
    _directory: TempDir,
}

impl World {
    /// On the disk that holds the build.
    pub(crate) async fn start() -> Self {
        Self::within(scratch()).await
    }

    /// With an environment variable.
    pub(crate) async fn start_with(name: &'static str, value: &'static str) -> Self {
        let directory = scratch();
        let server = Server::new(env!("CARGO_BIN_EXE_tracardi"), directory.path()).set(name, value);
        Self::started(server, directory).await
    }

    pub(crate) async fn within(directory: TempDir) -> Self {
        let server = Server::new(env!("CARGO_BIN_EXE_tracardi"), directory.path());
        Self::started(server, directory).await
    }

    async fn started(mut server: Server, directory: TempDir) -> Self {
        server.start().await;
        cores::keep(server.pid(), cores::SERVER);
        server.create_source().await;
        Self { server, _directory: directory }
    }

    /// Visitors who have been here before.
    pub(crate) async fn visitors(&self, name: &str, count: usize, events: usize) -> Vec<Visitor> {
        let mut visitors = Vec::new();
        for number in 0..count {
            let mut visitor = Visitor::new(self.server.public(), &format!("{name}-{number}"), events);
            visitor.arrive().await;
            visitors.push(visitor);
        }
        visitors
    }

    /// Puts configuration records of one kind in the place of those that are there. Straight into the file, between two runs
    /// of the server: ten thousand calls of the API would be another benchmark.
    pub(crate) async fn configure(&mut self, kind: &str, records: &[Value]) {
        self.server.stop().await;
        let file = self.server.data().join("tracardi.db");
        let mut store = sqlx::sqlite::SqliteConnectOptions::new().filename(file).connect().await.unwrap();
        sqlx::query("DELETE FROM configuration WHERE kind = ?").bind(kind).execute(&mut store).await.unwrap();
        for chunk in records.chunks(500) {
            let rows: Vec<Value> = chunk.to_vec();
            sqlx::query(
                "INSERT INTO configuration (context, kind, id, document) \
                 SELECT 0, ?1, json_extract(value, '$.id'), value FROM json_each(?2)",
            )
            .bind(kind)
            .bind(Value::from(rows).to_string())
            .execute(&mut store)
            .await
            .unwrap();
        }
        sqlx::Connection::close(store).await.unwrap();
        self.server.start().await;
        cores::keep(self.server.pid(), cores::SERVER);
    }

    pub(crate) async fn stop(mut self) {
        self.server.stop().await;
    }
}
