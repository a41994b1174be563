//! `cargo fuzz` on everything that reads what strangers write. libFuzzer's instrumentation is a nightly flag; the stable
//! compiler takes it when told so.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::check::tool;
use crate::gui;
use crate::shell::{command, root, run};

/// Fuzzes one target after another, for that many minutes altogether; a crash leaves its input in `runtime/fuzz/artifacts`
/// and a non-zero exit code.
pub(crate) fn for_minutes(minutes: u64) -> Result<()> {
    let fuzz = tool("cargo-fuzz")?;
    // The target that serves HTTP has the browser's tracker in it.
    gui::build()?;
    let targets = targets()?;
    // None at all would mean without end.
    let seconds = (minutes.saturating_mul(60) / targets.len().max(1) as u64).max(1);
    for target in targets {
        let mut command = command(&fuzz, &["run", &target, "--", &format!("-max_total_time={seconds}")]);
        run(
            &format!("fuzzing {target} for {seconds} s"),
            command.current_dir(root().join("runtime")).env("RUSTC_BOOTSTRAP", "1").env("TMPDIR", memory()),
        )?;
    }
    Ok(())
}

/// Where stores are kept that live for some seconds: in memory, where there is such a folder.
fn memory() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    if shared.is_dir() { shared } else { std::env::temp_dir() }
}

/// The names of the programs in `runtime/fuzz/fuzz_targets`, sorted.
fn targets() -> Result<Vec<String>> {
    let folder = root().join("runtime/fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}
