//! A day in the web application, in a real Chromium; the steps are in `e2e/browser`.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::support::{ADMIN, PASSWORD, SOURCE};

/// How long a day in the browser may take. Far longer than it does: a busy machine is no failure.
const PATIENCE: Duration = Duration::from_mins(5);

/// Works through a day, with the web application and the public API at these addresses.
pub async fn day(script: &str, web: &str, public: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = root.join("e2e/browser");
    assert!(
        folder.join("node_modules/playwright-core").is_dir(),
        "the browser's driver is not installed: run `npm ci` in {} (`make test` does)",
        folder.display()
    );
    let artifacts = root.join("artifacts").join(script);
    let worked = tokio::process::Command::new("node")
        .arg(format!("{script}.mjs"))
        .current_dir(&folder)
        .env("BASE_URL", web)
        .env("PUBLIC_URL", public)
        .env("EMAIL", ADMIN)
        .env("PASSWORD", PASSWORD)
        .env("SOURCE", SOURCE)
        .env("ARTIFACTS", &artifacts)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let worked = tokio::time::timeout(PATIENCE, worked).await.expect("the day has an end");
    let worked = worked.expect("node can be started; install Node.js 20 or newer");
    println!("{}", String::from_utf8_lossy(&worked.stdout));
    let told = String::from_utf8_lossy(&worked.stderr);
    assert!(worked.status.success(), "{}\npictures are in {}", told.trim(), artifacts.display());
}
