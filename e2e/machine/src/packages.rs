//! What comes from Debian: looked for by the files that are needed, so that a machine that has them from elsewhere is
//! fine too, and installed when missing.

use std::collections::BTreeSet;
use std::path::Path;

use crate::error::{Error, Result};
use crate::progress::{Progress, step};
use crate::run::{capture, command, path, succeeds};

/// A file that is needed, by name (looked for on the `PATH`) or by path, and the Debian package that has it.
pub type Need = (&'static str, &'static str);

/// Packages whose file `present` does not know.
fn missing_by(needed: &[Need], present: impl Fn(&str) -> bool) -> BTreeSet<&'static str> {
    needed.iter().filter(|(file, _)| !present(file)).map(|(_, package)| *package).collect()
}

fn present(file: &str) -> bool {
    if file.starts_with('/') {
        return Path::new(file).exists();
    }
    path().split(':').any(|folder| Path::new(folder).join(file).is_file())
}

/// Packages of which a file is needed that this machine does not have.
#[must_use]
pub fn missing(needed: &[Need]) -> BTreeSet<&'static str> {
    missing_by(needed, present)
}

/// Installs what is missing.
pub fn ensure(needed: &[Need], progress: &mut dyn Progress) -> Result<()> {
    let packages = missing(needed);
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.iter().copied().collect::<Vec<_>>().join(" ");
    if !succeeds("apt-get", ["--version"]) {
        return Err(Error::unmet(
            format!("needed and not found, by their Debian names: {list}"),
            "this machine has no apt-get: install them with its own package manager",
        ));
    }
    if !nix::unistd::geteuid().is_root() {
        return Err(Error::unmet(
            format!("needed and not found, by their Debian names: {list}"),
            format!("`sudo apt-get install {list}`: without root this program may not"),
        ));
    }
    step(progress, &format!("installing Debian packages: {list}"), |_| {
        apt(&["update", "-qq"])?;
        let mut words = vec!["install", "-y", "-qq", "--no-install-recommends"];
        words.extend(packages.iter().copied());
        apt(&words)
    })?;
    let still = missing(needed);
    if still.is_empty() {
        return Ok(());
    }
    let list = still.into_iter().collect::<Vec<_>>().join(" ");
    Err(Error::unmet(format!("installed, but their files are not where they should be: {list}"), "look at `dpkg -L`"))
}

fn apt(words: &[&str]) -> Result<()> {
    let mut apt = command("apt-get", words);
    // RUNLEVEL: a server that comes with a package is not started, we start our own.
    apt.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    capture(apt).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_machine_needs_every_package_once_and_a_full_one_nothing() {
        const NEEDED: &[Need] = &[("ctr", "containerd"), ("containerd", "containerd"), ("ip", "iproute2")];
        assert!(missing_by(NEEDED, |_| true).is_empty());
        assert_eq!(missing_by(NEEDED, |_| false).into_iter().collect::<Vec<_>>(), ["containerd", "iproute2"]);
        assert_eq!(missing_by(NEEDED, |file| file != "ctr").into_iter().collect::<Vec<_>>(), ["containerd"]);
    }
}
