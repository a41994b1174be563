//! Folders and files of programs that prepare a machine.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Our part of the cache folder: `$XDG_CACHE_HOME/tracardi-operator`, by default under `~/.cache`.
pub fn cache() -> Result<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
    match base {
        Some(base) if base.is_absolute() => Ok(base.join("tracardi-operator")),
        Some(base) => Err(Error::unmet(
            format!("the cache folder {} is not an absolute path", base.display()),
            "set XDG_CACHE_HOME (or HOME) to an absolute path",
        )),
        None => Err(Error::unmet("neither XDG_CACHE_HOME nor HOME is set", "set one of them")),
    }
}

/// Writes a file so that a killed run leaves either the old content or the new one.
pub fn write(file: &Path, content: &str) -> Result<()> {
    if let Some(folder) = file.parent() {
        make_folder(folder)?;
    }
    let mut temporary = file.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    fs::write(&temporary, content).map_err(Error::io("cannot write", &temporary))?;
    fs::rename(&temporary, file).map_err(Error::io("cannot write", file))
}

/// Makes a folder and those above it; fine when it is there.
pub fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(Error::io("cannot create", folder))
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
        text
    })
}
