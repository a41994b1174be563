//! What comes from Debian: looked for by the files that are needed, so that a machine that has them from elsewhere is
//! fine too, and installed when missing.

use std::collections::BTreeSet;
use std::path::Path;

use crate::error::{Error, Result};
use crate::progress::{Progress, step};
use crate::run::{capture, command, path, succeeds};

/// A file that is needed, by name (looked for on the `PATH`) or by path, and the Debian package that has it.
const NEEDED: &[(&str, &str)] = &[
    ("containerd", "containerd"),
    ("ctr", "containerd"),
    ("containerd-shim-runc-v2", "containerd"),
    ("runc", "runc"),
    ("/usr/lib/cni/ptp", "containernetworking-plugins"),
    ("/usr/lib/cni/host-local", "containernetworking-plugins"),
    ("/usr/lib/cni/portmap", "containernetworking-plugins"),
    ("buildah", "buildah"),
    ("/etc/containers/policy.json", "golang-github-containers-image"),
    ("iptables", "iptables"),
    ("iptables-save", "iptables"),
    ("ipset", "ipset"),
    ("conntrack", "conntrack"),
    ("ip", "iproute2"),
    ("mount", "mount"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("setsid", "util-linux"),
    ("tar", "tar"),
    ("cc", "gcc"),
    ("/usr/include/unistd.h", "libc6-dev"),
    ("/var/lib/dpkg/info/busybox-static.list", "busybox-static"),
    ("/etc/ssl/certs/ca-certificates.crt", "ca-certificates"),
];

/// Packages whose file `present` does not know.
fn missing(present: impl Fn(&str) -> bool) -> BTreeSet<&'static str> {
    NEEDED.iter().filter(|(file, _)| !present(file)).map(|(_, package)| *package).collect()
}

fn present(file: &str) -> bool {
    if file.starts_with('/') {
        return Path::new(file).exists();
    }
    path().split(':').any(|folder| Path::new(folder).join(file).is_file())
}

/// Installs what is missing.
pub(crate) fn ensure(progress: &mut dyn Progress) -> Result<()> {
    let packages = missing(present);
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
    step(progress, &format!("installing Debian packages: {list}"), |_| {
        apt(&["update", "-qq"])?;
        let mut words = vec!["install", "-y", "-qq", "--no-install-recommends"];
        words.extend(packages.iter().copied());
        apt(&words)
    })?;
    let still = missing(present);
    if still.is_empty() {
        return Ok(());
    }
    let list = still.into_iter().collect::<Vec<_>>().join(" ");
    Err(Error::unmet(format!("installed, but their files are not where they should be: {list}"), "look at `dpkg -L`"))
}

fn apt(words: &[&str]) -> Result<()> {
    let mut apt = command("apt-get", words);
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    capture(apt).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_machine_needs_everything_once_and_a_full_one_nothing() {
        assert!(missing(|_| true).is_empty());
        let all = missing(|_| false);
        assert!(all.contains("containernetworking-plugins") && all.contains("busybox-static"));
        assert_eq!(missing(|file| file != "ctr").into_iter().collect::<Vec<_>>(), ["containerd"]);
    }
}
