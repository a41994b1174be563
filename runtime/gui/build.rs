//! Writes the tables of embedded files. The web application and the tracker are built by npm (`make gui`); the shop is
//! plain files in `examples/shop`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A set of files: name of the generated table, folder, the file without which the set is not built.
const SETS: [(&str, &str, &str); 3] = [
    ("WEB", "web/dist", "index.html"),
    ("TRACKER", "tracker/dist", "liliput.min.js"),
    ("SHOP", "../../examples/shop", "index.html"),
];

fn main() -> ExitCode {
    match generate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={message}");
            ExitCode::FAILURE
        }
    }
}

fn generate() -> Result<(), String> {
    let home = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let mut code = String::new();
    for (table, folder, witness) in SETS {
        let folder = home.join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        if !folder.join(witness).is_file() {
            return Err(format!("{} is missing: run `make gui` first", folder.join(witness).display()));
        }
        let mut files = Vec::new();
        walk(&folder, &folder, &mut files)?;
        files.sort();
        write_table(&mut code, table, &folder, &files)?;
    }
    let target = PathBuf::from(variable("OUT_DIR")?).join("assets.rs");
    fs::write(&target, code).map_err(|error| format!("cannot write {}: {error}", target.display()))
}

fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("{name} is not set: this script is run by cargo"))
}

/// Collects the paths below `folder`, relative to `root`, with `/` between their parts. Compressed copies belong to the
/// file that they are a copy of, and the bundler's manifest is for the build only.
fn walk(root: &Path, folder: &Path, files: &mut Vec<String>) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        println!("cargo::rerun-if-changed={}", path.display());
        if path.is_dir() {
            walk(root, &path, files)?;
            continue;
        }
        let relative = path.strip_prefix(root).map_err(|error| error.to_string())?;
        let name = relative.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        let kept_out = ["br", "gz", "md"].iter().any(|suffix| path.extension().is_some_and(|found| found == *suffix));
        if !kept_out && name != "manifest.json" && !name.starts_with('.') {
            files.push(name);
        }
    }
    Ok(())
}

fn write_table(code: &mut String, table: &str, folder: &Path, files: &[String]) -> Result<(), String> {
    let failed = |_| "cannot format the table of files".to_owned();
    writeln!(code, "static {table}: &[Entry] = &[").map_err(failed)?;
    for name in files {
        let path = folder.join(name);
        let bytes = fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        writeln!(
            code,
            "    Entry {{ path: {name:?}, bytes: {}, brotli: {}, gzip: {}, etag: \"\\\"{:016x}\\\"\" }},",
            embedded(&path),
            copy(&path, "br"),
            copy(&path, "gz"),
            fingerprint(&bytes),
        )
        .map_err(failed)?;
    }
    writeln!(code, "];").map_err(failed)
}

/// Rust expression for the compressed copy of `path`, if the build made one.
fn copy(path: &Path, suffix: &str) -> String {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    let path = PathBuf::from(name);
    if path.is_file() { format!("Some({})", embedded(&path)) } else { "None".to_owned() }
}

/// Rust expression for the bytes of the file at `path`.
fn embedded(path: &Path) -> String {
    let path = path.to_string_lossy();
    format!("include_bytes!({path:?})")
}

/// FNV-1a. An entity tag tells two builds of a file apart; it protects nothing, so a cryptographic hash is not needed.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
