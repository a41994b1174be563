//! What the compiler knows of the statements in `runtime/mysql`: asked of a MariaDB and written into `.sqlx/`, so that nobody who
//! compiles needs a database.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use tracardi_machine::Plain;
use tracardi_servers::Kind;

use crate::install;
use crate::shell::{cargo, command, root, run};

const CRATE: &str = "tracardi-mysql";
const FOLDER: &str = "runtime/mysql";

/// Starts a MariaDB, makes the tables as the crate would, and has the compiler ask it about each statement.
pub(crate) fn write() -> Result<()> {
    tracardi_servers::install(&[Kind::MariaDb], &mut Plain).map_err(|error| install::readable(&error))?;
    let server = Kind::MariaDb.start()?;
    let (host, port) = (server.address().ip().to_string(), server.address().port().to_string());
    let folder = root().join(FOLDER);
    let steps = fs::read_dir(folder.join("src/schema")).context("cannot list the steps of the schema")?.count();
    for step in 1..=steps {
        let step = read(&folder.join(format!("src/schema/{step}.sql")))?;
        let client =
            ["--no-defaults", "--host", &host, "--port", &port, "--user", "root", "--execute", &step, "tracardi"];
        run("queries: a step of the schema", &mut command("mariadb", &client))?;
    }
    let known = folder.join(".sqlx");
    if known.exists() {
        fs::remove_dir_all(&known).with_context(|| format!("cannot remove {}", known.display()))?;
    }
    fs::create_dir_all(&known).with_context(|| format!("cannot make {}", known.display()))?;
    // The compiler looks at statements again only when the crate has changed.
    let top = folder.join("src/lib.rs");
    fs::write(&top, read(&top)?).with_context(|| format!("cannot write {}", top.display()))?;
    let mut check = cargo("check", &["--quiet", "-p", CRATE]);
    check.env("DATABASE_URL", format!("mysql://root@{host}:{port}/tracardi")).env("SQLX_OFFLINE_DIR", &known);
    run("queries: ask about each statement", &mut check)
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}
