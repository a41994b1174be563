//! The web application in a real Chromium; the steps are in `browser/visit.mjs`.

use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde_json::json;
use tracardi_e2e::{Outcome, repository, scenario, secs};

/// Event source that the shop sends to.
const SOURCE: &str = "demo-shop";

#[test]
fn a_working_day_in_the_web_application() -> Outcome {
    scenario("browser", async |test| {
        let folder = repository("e2e/browser");
        ensure!(
            folder.join("node_modules/playwright-core").is_dir(),
            "the browser's driver is not installed: run `npm ci` in {} (`make e2e` does)",
            folder.display()
        );
        let installation = test.namespace("gui").await?.install("gui", json!({})).await?;
        installation.ready(secs(120)).await?;
        let api = installation.login().await?;
        installation.event_source(&api, SOURCE).await?;
        let (email, password) = installation.admin().await?;
        let day = tokio::process::Command::new("node")
            .arg("visit.mjs")
            .current_dir(&folder)
            .env("BASE_URL", installation.gui_url().await?)
            .env("PUBLIC_URL", installation.public_url().await?)
            .env("EMAIL", email)
            .env("PASSWORD", password)
            .env("SOURCE", SOURCE)
            .env("ARTIFACTS", test.artifacts()?)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let day = tokio::time::timeout(secs(180), day).await.context("the browser took more than three minutes")?;
        let day = day.context("cannot start node; install Node.js 20 or newer")?;
        let said = String::from_utf8_lossy(&day.stdout);
        println!("{said}");
        ensure!(day.status.success(), "{}", String::from_utf8_lossy(&day.stderr).trim());
        let weight = said.lines().find(|line| line.contains("over the wire"));
        test.figure("first load of the web application", weight.unwrap_or_default().trim());
        Ok(())
    })
}
