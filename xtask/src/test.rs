//! `make test`: from the inside out, the cheapest first.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use tracardi_machine::Plain;
use tracardi_servers::Kind;

use crate::ahead::Ahead;
use crate::images::Given;
use crate::shell::{cargo, command, root, run};
use crate::{gui, install};

/// What needs no cluster. Always all of it: another choice of crates has other features, and compiles most of them anew.
const CRATES: [&str; 5] = ["--workspace", "--exclude", "tracardi-e2e", "--exclude", "tracardi-cluster"];

/// Units and integration of every crate, the GUI's tests, then the real cluster.
pub(crate) fn all(images: &Given) -> Result<()> {
    let start = Instant::now();
    tracardi_servers::install(&Kind::usual(), &mut Plain).map_err(|error| install::readable(&error))?;
    gui::build()?;
    let workspace = root().join(gui::WORKSPACE);
    run("web application: tests", command("npm", &["test", "--silent"]).current_dir(&workspace))?;
    browser()?;
    let ahead = Ahead::begin()?;
    run("tests of every crate", &mut cargo("test", &CRATES))?;
    run("scenarios with a queue", cargo("test", &CRATES).args(["--test", "scenarios"]).env("MODE", "open"))?;
    run("tests of the cluster programs", &mut cargo("test", &["-p", "tracardi-cluster", "--lib", "--bins"]))?;
    ahead.end()?;
    cluster(false, images)?;
    println!("\nall tests passed in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// The tests against a real cluster, with operator and images brought up to date first.
pub(crate) fn e2e(full: bool, images: &Given) -> Result<()> {
    run("tests of the cluster programs", &mut cargo("test", &["-p", "tracardi-cluster", "--lib", "--bins"]))?;
    cluster(full, images)
}

fn cluster(full: bool, images: &Given) -> Result<()> {
    let ground = install::ground()?;
    install::install(&ground, images)?;
    browser()?;
    let environment = install::environment(&ground);
    run(
        "tests against the cluster",
        cargo("test", &["-p", "tracardi-e2e", "--", "--test-threads=3"]).envs(environment.clone()),
    )?;
    if full {
        run(
            "the heaviest tier: coming and going of whole clusters",
            cargo("test", &["-p", "tracardi-cluster", "--tests", "--", "--ignored", "--test-threads=1"])
                .envs(environment),
        )?;
    }
    Ok(())
}

/// The browser that tests drive, installed from Debian where it is missing, and its driver.
fn browser() -> Result<()> {
    gui::install(&root().join("e2e/browser"))?;
    if Path::new("/usr/bin/chromium").exists() {
        return Ok(());
    }
    run("Debian's package lists", &mut command("apt-get", &["update", "-qq"]))?;
    let mut install = command("apt-get", &["install", "-y", "-qq", "--no-install-recommends", "chromium"]);
    run("Chromium from Debian (about a minute)", install.env("DEBIAN_FRONTEND", "noninteractive"))
}
