//! `cargo fuzz` on the payload parser. libFuzzer's instrumentation is a nightly flag; the stable compiler takes it when told so.

use anyhow::Result;

use crate::check::tool;
use crate::shell::{command, root, run};

/// Fuzzes for that many minutes; a crash leaves its input in `runtime/fuzz/artifacts` and a non-zero exit code.
pub(crate) fn for_minutes(minutes: u64) -> Result<()> {
    let fuzz = tool("cargo-fuzz")?;
    let seconds = format!("-max_total_time={}", minutes.saturating_mul(60));
    let mut command = command(fuzz, &["run", "track_payload", "--", &seconds]);
    run(
        &format!("fuzzing the payload parser for {minutes} min"),
        command.current_dir(root().join("runtime")).env("RUSTC_BOOTSTRAP", "1"),
    )
}
