//! The expressions that tell user agents apart: another version of the uap project's, taken from the crate that carries them.

use std::fs;

use anyhow::{Context, Result};

use crate::shell::{cargo, command, root, run};

/// The crate (crates.io, Apache-2.0) and the file in it.
const CRATE: &str = "ua-parser";
const FILE: &str = "uap-core/regexes.yaml";
/// Where it goes.
const TABLE: &str = "runtime/engine/data/user-agents.yaml";

/// Writes the expressions of this version of the crate, then shows whether the examples are still read as they should be.
pub(crate) fn renew(version: &str) -> Result<()> {
    let folder = tracardi_cluster::cache()?.join(format!("user-agents-{version}"));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let manifest = format!(
        "[package]\nname = \"user-agents\"\nedition = \"2024\"\n[workspace]\n[lib]\npath = \"empty.rs\"\n[dependencies]\n{CRATE} = \"={version}\"\n"
    );
    for (name, text) in [("Cargo.toml", manifest.as_str()), ("empty.rs", "")] {
        fs::write(folder.join(name), text).with_context(|| format!("cannot write {name} in {}", folder.display()))?;
    }
    let cargo_program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(
        "user agents: fetch",
        command(cargo_program, &["vendor", "--quiet"]).current_dir(&folder).stdout(std::process::Stdio::null()),
    )?;
    let source = folder.join("vendor").join(CRATE).join(FILE);
    let expressions = fs::read_to_string(&source).with_context(|| format!("cannot read {}", source.display()))?;
    let heading = format!(
        "# User agents: the expressions of the uap project (github.com/ua-parser/uap-core), licence Apache-2.0, unchanged below this\n# heading; from the crate {CRATE} {version}. `make user-agents VERSION={version}` takes those of another version.\n"
    );
    fs::write(root().join(TABLE), heading + &expressions).with_context(|| format!("cannot write {TABLE}"))?;
    run("user agents: examples", &mut cargo("test", &["--quiet", "-p", "tracardi-engine", "--lib", "agent::"]))
}
