//! Servers that are not as they should be, of every kind and for every service: it says which setting is wrong and what to do, in
//! `/readyz` and once in its log, waits, and goes on without a restart when that is mended.
//!
//! Each file has a table of what may be wrong with one server; [`row::play`] is the one way in which a row is proved.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod authority;
mod database;
mod pulsar;
mod redis;
mod row;
mod search;
#[path = "../shared/mod.rs"]
mod shared;
#[path = "../support/mod.rs"]
mod support;
mod way;
mod working;

use std::sync::LazyLock;

use tracardi_servers::{Kind, Login, Options, Server};

/// A server that all tests share; it ends with the process.
fn start(kind: Kind, options: &Options) -> Server {
    kind.start_with(options).unwrap_or_else(|error| panic!("{error}"))
}

/// Who may do everything at [`SEARCH`], and the password.
const ADMIN: (&str, &str) = ("admin", "admin");

static SEARCH: LazyLock<Server> = LazyLock::new(|| {
    let login = Some(Login::new(ADMIN.0, ADMIN.1));
    start(Kind::OpenSearchSecured, &Options { login, ..Options::default() })
});
static DATABASE: LazyLock<Server> = LazyLock::new(|| start(Kind::MariaDb, &Options::default()));
/// Who may do everything at [`PULSAR`].
const ROLE: &str = "boss";

/// One that is encrypted, and asks for tokens.
static PULSAR: LazyLock<Server> = LazyLock::new(|| {
    start(Kind::Pulsar, &Options { tls: true, login: Some(Login::new(ROLE, "boss")), ..Options::default() })
});
static REDIS: LazyLock<Server> = LazyLock::new(|| start(Kind::Redis, &Options::default()));
