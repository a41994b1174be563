//! The npm workspace under `runtime/gui`: built when its sources changed, never else.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::shell::{command, root, run};

/// Folder of the npm workspace, relative to the checkout.
pub(crate) const WORKSPACE: &str = "runtime/gui";
/// What npm and vite write; not sources.
const OUTPUT: [&str; 2] = ["node_modules", "dist"];

/// Builds web application, tracker and shop page; seconds when nothing changed.
pub(crate) fn build() -> Result<()> {
    let workspace = root().join(WORKSPACE);
    let stamp = workspace.join("node_modules/.built-from");
    let sources = digest(&[workspace.clone(), root().join("examples/shop")])?;
    let built = fs::read_to_string(&stamp).is_ok_and(|built| built == sources);
    if built && workspace.join("web/dist/index.html").exists() {
        println!("==> web application: as built before");
        return Ok(());
    }
    install(&workspace)?;
    run("web application: build", command("npm", &["run", "--silent", "build"]).current_dir(&workspace))?;
    fs::write(&stamp, sources).with_context(|| format!("cannot write {}", stamp.display()))
}

/// The npm packages of the lock file, installed once per lock file.
pub(crate) fn install(workspace: &Path) -> Result<()> {
    let lock = fs::read(workspace.join("package-lock.json"))
        .with_context(|| format!("cannot read package-lock.json in {}", workspace.display()))?;
    let stamp = workspace.join("node_modules/.installed-from");
    let wanted = hex::encode(Sha256::digest(&lock));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let mut npm = command("npm", &["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    run(
        &format!("npm packages of {}", workspace.strip_prefix(root()).unwrap_or(workspace).display()),
        npm.current_dir(workspace),
    )?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// One digest over the names and contents of all source files below the folders.
fn digest(folders: &[PathBuf]) -> Result<String> {
    let mut files = Vec::new();
    for folder in folders {
        sources(folder, &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.to_string_lossy().as_bytes());
        hash.update([0]);
        hash.update(fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    Ok(hex::encode(hash.finalize()))
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        if OUTPUT.iter().any(|output| name == *output) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            sources(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
