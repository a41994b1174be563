//! What must hold before a commit, and the generated files.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::gui;
use crate::shell::{cargo, command, root, run};

/// Versions of the cargo tools that are built once from crates.io and cached.
const TOOLS: [(&str, &str); 2] = [("cargo-deny", "0.20.2"), ("cargo-fuzz", "0.13.2")];

/// Formatting, lints, licences and sources of dependencies, generated files; no cluster, no tests beyond freshness.
pub(crate) fn check() -> Result<()> {
    run("formatting", &mut cargo_plain(&["fmt", "--all", "--check"]))?;
    gui::build()?;
    let workspace = root().join(gui::WORKSPACE);
    run("web application: types and style", command("npm", &["run", "--silent", "check"]).current_dir(&workspace))?;
    run("lints", &mut cargo("clippy", &["--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))?;
    // A workspace of its own, which no other command compiles.
    let fuzz = ["check", "--locked", "--quiet", "--bins", "--manifest-path", "runtime/fuzz/Cargo.toml"];
    run("fuzz targets compile", &mut cargo_plain(&fuzz))?;
    run(
        "generated files are fresh: CRD",
        &mut cargo("test", &["--quiet", "-p", "tracardi-crds", "the_manifest_is_fresh"]),
    )?;
    run("generated files are fresh: rights, tables", &mut tables())?;
    let deny = tool("cargo-deny")?;
    run(
        "licences, bans, sources",
        &mut command(&deny, &["--log-level", "error", "check", "licenses", "bans", "sources"]),
    )?;
    println!(
        "    advisories: checked where the advisory database can be fetched (`cargo deny check advisories`), not here"
    );
    Ok(())
}

/// Writes what is generated from the Rust types: the CRD, RBAC, tables of the documentation.
pub(crate) fn generate() -> Result<()> {
    run("CRD", &mut cargo("run", &["--quiet", "-p", "tracardi-crds", "--bin", "crdgen"]))?;
    run("rights and tables", tables().env("TRACARDI_UPDATE", "1"))
}

/// The program that compares the generated files of the operator, or writes them when `TRACARDI_UPDATE` is set.
fn tables() -> std::process::Command {
    cargo("test", &["--quiet", "-p", "tracardi-operator", "--test", "fresh"])
}

/// A cargo tool in its cache folder, built from crates.io the first time; that takes minutes, so cargo shows how far it is.
pub(crate) fn tool(name: &str) -> Result<PathBuf> {
    let version = TOOLS.iter().find(|tool| tool.0 == name).map_or("0", |tool| tool.1);
    let folder = tracardi_cluster::cache()?.join("tools").join(format!("{name}-{version}"));
    let binary = folder.join("bin").join(name);
    if !binary.exists() {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let folder = folder.to_string_lossy().into_owned();
        println!("    {name} {version} is not in the cache: it is built from crates.io, once; this takes minutes");
        let mut install = cargo("install", &["--root", &folder, "--version", version, name]);
        // Not into the checkout's target folder: the tool is no part of it, and its build is thrown away.
        run(&format!("building {name} {version} once, into {folder}"), install.env_remove("CARGO_TARGET_DIR"))?;
    }
    Ok(binary)
}

fn cargo_plain(arguments: &[&str]) -> std::process::Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments)
}
