//! What the tests against the cluster need and what takes long, made in the background while the other tests wait for their servers:
//! Kubernetes from its sources, the images' programs. It runs when the processor has nothing else to do (`chrt --idle`), so that no
//! test is slower for it; what it makes is found by those who need it, as if it had been there before.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};
use tracardi_cluster::{Ground, Plain};

use crate::images::{self, Given};
use crate::shell::{command, target};
use crate::{gui, install};

/// Work in the background.
pub(crate) struct Ahead(Child);

impl Ahead {
    /// Begins it.
    pub(crate) fn begin() -> Result<Self> {
        let log = log();
        let said = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let this = std::env::current_exe().context("the name of this program cannot be found")?;
        let mut idle = command("chrt", &["--idle", "0"]);
        idle.arg(this).arg("ahead").stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
        println!("==> in the background: what the tests against the cluster need ({})", log.display());
        Ok(Self(idle.spawn().context("cannot start chrt (util-linux)")?))
    }

    /// Waits for its end. What it could not make is made, or complained about, by those who need it.
    pub(crate) fn end(mut self) -> Result<()> {
        let start = Instant::now();
        println!("==> waiting for what is made in the background ({})", log().display());
        let status = self.0.wait()?;
        let verdict = if status.success() { "done" } else { "ended early" };
        println!("    {verdict} after another {:.0} s", start.elapsed().as_secs_f64());
        Ok(())
    }
}

impl Drop for Ahead {
    /// A test failed in the meantime: what was begun ends with its current step.
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

fn log() -> PathBuf {
    target().join("ahead.log")
}

/// The work itself.
pub(crate) fn work(given: &Given) -> Result<()> {
    gui::build()?;
    if let Ground::Own(cluster) = Ground::detect(None).map_err(|error| install::readable(&error))? {
        cluster.prepare(&mut Plain).map_err(|error| install::readable(&error))?;
    }
    images::build(given)
}
