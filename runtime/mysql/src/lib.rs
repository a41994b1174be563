//! Configuration and outbox on MySQL and MariaDB, for as many processes at a time as there are.
//!
//! | module | what for |
//! |---|---|
//! | [`settings`](MysqlSettings) | where the database is; how a connection is made |
//! | `open` | the server is one that will do, the tables are there, the keys are the right ones |
//! | [`look`] | a look at a server that changes nothing |
//! | `version` | which servers will do |
//! | `schema` | the tables, and how they come to be |
//! | `connection` | connections, and how work is done on them |
//! | `configuration` | event sources and records |
//! | `users` | users and their login tokens |
//! | `follow` | the snapshot of the configuration, and how it hears of others' changes |
//! | `deposit` | deliveries join the outbox |
//! | `outbox` | what is due, what became of it |
//! | `page` | deliveries as people look at them |
//! | `lines` | the order of deliveries, whoever changes them |
//! | `lists` | many values in one statement |
//! | `failure` | the server's errors in our words |
//!
//! # Tenants
//!
//! Several tenants share the tables of a database. Every table has the tenant in its primary key, a [`Mysql`] is of one tenant, and
//! each statement names it: `tests/statements.rs` reads them all.
//!
//! # Statements
//!
//! Statements are checked when the crate is compiled, against what `.sqlx/` says of them: no database is needed for that. Whoever
//! changes one runs `make queries`, which starts a MariaDB, makes the tables and writes `.sqlx/` anew. They keep to what MySQL 8
//! takes as well. Texts that are compared (ids) stand in columns of bytes: a collation would call some of them equal that are not.

mod configuration;
mod connection;
mod deposit;
mod failure;
mod follow;
mod lines;
mod lists;
mod look;
mod open;
mod outbox;
mod page;
mod remove;
mod schema;
mod settings;
mod users;
mod version;

use std::sync::{Arc, Mutex as Lock};

use sqlx::MySqlPool;
use tokio::sync::{Mutex, watch};
use tracardi_store::{ConfigurationSnapshot, Keys};

pub use follow::Herald;
pub use look::look;
pub use remove::remove;
pub use settings::MysqlSettings;

/// One tenant's configuration and outbox; a cheap handle. Whoever opens it lets [`Mysql::follow`] run.
#[derive(Clone, Debug)]
pub struct Mysql(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: MysqlSettings,
    pool: MySqlPool,
    keys: Keys,
    /// Bytes of the longest statement that the server takes.
    packet: usize,
    snapshot: watch::Sender<Arc<ConfigurationSnapshot>>,
    /// The revision that the snapshot has. Held while a newer one is read, so that snapshots follow one another.
    known: Mutex<i64>,
    /// Why the configuration could not be read last.
    trouble: Lock<Option<String>>,
    herald: Option<Arc<dyn Herald>>,
}

impl Mysql {
    /// Whose rows, for the one parameter that every statement has.
    fn tenant(&self) -> &str {
        self.0.settings.tenant.as_str()
    }
}
