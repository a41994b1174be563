//! Programs that are built from the Go modules pinned in `go/`: each once, into the cache, keyed by what it was made from.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tracardi_machine::files::{hex, make_folder};
use tracardi_machine::progress::step;
use tracardi_machine::run::{capture, command};
use tracardi_machine::{Error, Progress, Result};

/// A program built from a pinned Go module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Name of the program.
    pub name: &'static str,
    /// Folder below `go/` with the `go.mod` that pins it.
    pub module: &'static str,
    /// Go package of its main function.
    pub package: &'static str,
    /// Seconds that a first build was seen to take on two free cores; shown so that nobody wonders.
    pub seconds: u32,
    /// Whether it is stamped with Kubernetes' version.
    pub kubernetes: bool,
}

const KUBERNETES: &str = "v1.36.3";

const fn kubernetes(name: &'static str, package: &'static str, seconds: u32) -> Tool {
    Tool { name, module: "kubernetes", package, seconds, kubernetes: true }
}

const fn other(name: &'static str, package: &'static str, seconds: u32) -> Tool {
    Tool { name, module: name, package, seconds, kubernetes: false }
}

const TOOLS: &[Tool] = &[
    kubernetes("kubectl", "k8s.io/kubernetes/cmd/kubectl", 84),
    kubernetes("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", 135),
    kubernetes("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager", 53),
    kubernetes("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler", 4),
    kubernetes("kubelet", "k8s.io/kubernetes/cmd/kubelet", 16),
    kubernetes("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy", 6),
    Tool { name: "etcd", module: "kubernetes", package: "go.etcd.io/etcd/server/v3", seconds: 7, kubernetes: false },
    other("coredns", "github.com/coredns/coredns", 154),
    other("metrics-server", "sigs.k8s.io/metrics-server/cmd/metrics-server", 123),
    other("local-path-provisioner", "github.com/rancher/local-path-provisioner", 64),
    other("helm", "helm.sh/helm/v4/cmd/helm", 84),
    other("kube-router", "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router", 107),
];

/// All of them, in the order in which they are built.
#[must_use]
pub fn tools() -> &'static [Tool] {
    TOOLS
}

impl Tool {
    fn linker_flags(&self) -> String {
        let mut flags = "-s -w".to_owned();
        if self.kubernetes {
            for package in ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"] {
                flags = format!("{flags} -X {package}.gitVersion={KUBERNETES}");
            }
        }
        flags
    }

    /// Hash of everything that the program is made from.
    fn key(&self, go_mod: &[u8], go_sum: &[u8]) -> String {
        let mut hash = Sha256::new();
        for part in
            [go_mod, go_sum, self.package.as_bytes(), self.linker_flags().as_bytes(), b"-trimpath CGO_ENABLED=0"]
        {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hex(hash.finalize().get(..8).unwrap_or_default())
    }
}

/// The programs of one set of pins.
#[derive(Clone, Debug)]
pub(crate) struct Toolchain {
    /// Folder with one symbolic link a program, for `PATH`.
    pub(crate) bin: PathBuf,
    cache: PathBuf,
    modules: PathBuf,
    keys: Vec<(Tool, String)>,
}

impl Toolchain {
    /// Reads the pins; builds nothing.
    pub(crate) fn new(cache: &Path) -> Result<Toolchain> {
        let modules = modules()?;
        let mut keys = Vec::new();
        let mut all = Sha256::new();
        for tool in TOOLS {
            let read = |name: &str| {
                let file = modules.join(tool.module).join(name);
                fs::read(&file).map_err(Error::io("cannot read", &file))
            };
            let key = tool.key(&read("go.mod")?, &read("go.sum")?);
            all.update(&key);
            keys.push((*tool, key));
        }
        let cache = cache.join("go");
        let bin = cache.join(format!("bin-{}", hex(all.finalize().get(..8).unwrap_or_default())));
        Ok(Toolchain { bin, cache, modules, keys })
    }

    /// Path of a program by its name, through `bin`.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// The file itself; its path changes when what it was made from changes.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let found = self.keys.iter().find(|(tool, _)| tool.name == name);
        found.map_or_else(|| self.bin.join(name), |(tool, key)| self.built(tool, key))
    }

    /// Hash of what a program is made from.
    pub(crate) fn key(&self, name: &str) -> Option<String> {
        self.keys.iter().find(|(tool, _)| tool.name == name).map(|(_, key)| key.clone())
    }

    fn built(&self, tool: &Tool, key: &str) -> PathBuf {
        self.cache.join(format!("{}-{key}", tool.name)).join(tool.name)
    }

    /// Builds what is missing.
    pub(crate) fn ensure(&self, progress: &mut dyn Progress) -> Result<()> {
        make_folder(&self.cache)?;
        let missing = |(tool, key): &&(Tool, String)| !self.built(tool, key).is_file();
        if self.keys.iter().any(|entry| missing(&entry)) {
            let lock = fs::File::create(self.cache.join("lock")).map_err(Error::io("cannot create", &self.cache))?;
            lock.lock().map_err(Error::io("cannot lock", &self.cache))?;
            check_go()?;
            // Asked again under the lock: another run may have built it while this one waited.
            for (tool, key) in self.keys.iter().filter(missing) {
                let what = format!("building {} (once; about {} s with nothing cached)", tool.name, tool.seconds);
                step(progress, &what, |_| self.build(tool, key))?;
            }
        }
        self.link()
    }

    fn build(&self, tool: &Tool, key: &str) -> Result<()> {
        let target = self.built(tool, key);
        let temporary = self.cache.join(format!("{}.building", tool.name));
        let mut go = command("go", ["build", "-trimpath", "-ldflags", &tool.linker_flags(), "-o"]);
        go.arg(&temporary).arg(tool.package).current_dir(self.modules.join(tool.module)).env("CGO_ENABLED", "0");
        // The same as in everybody's shell: options that a developer set for other work must not leak into the cache.
        go.env("GOFLAGS", "-trimpath").env_remove("GOOS").env_remove("GOARCH").env("GOWORK", "off");
        capture(go)?;
        make_folder(target.parent().unwrap_or(&self.cache))?;
        fs::rename(&temporary, &target).map_err(Error::io("cannot rename", &temporary))
    }

    fn link(&self) -> Result<()> {
        make_folder(&self.bin)?;
        for (tool, key) in &self.keys {
            let (link, target) = (self.bin.join(tool.name), self.built(tool, key));
            if fs::read_link(&link).is_ok_and(|now| now == target) {
                continue;
            }
            let _ = fs::remove_file(&link);
            symlink(&target, &link).map_err(Error::io("cannot link", &link))?;
        }
        Ok(())
    }
}

/// Folder `go/` of this crate.
fn modules() -> Result<PathBuf> {
    let here = crate::paths::crate_folder().join("go");
    if here.is_dir() {
        return Ok(here);
    }
    Err(Error::unmet(
        format!("the pinned Go modules are not at {}", here.display()),
        "run it from a checkout of the repository, through make or cargo run",
    ))
}

fn check_go() -> Result<()> {
    let remedy = "install Go 1.21 or newer from https://go.dev/dl (it fetches the exact version by itself)";
    match capture(command("go", ["version"])) {
        Ok(version) if !knows_toolchains(&version) => {
            Err(Error::unmet(format!("this Go is too old to fetch the version that is needed: {version}"), remedy))
        }
        Ok(_) => Ok(()),
        Err(_) => Err(Error::unmet("Go is not installed (no `go` on the PATH); it builds Kubernetes", remedy)),
    }
}

/// Since Go 1.21 it fetches the version that a `go.mod` asks for. A version that cannot be read (a development build) is
/// given the benefit of the doubt.
fn knows_toolchains(version: &str) -> bool {
    let minor = version.split_whitespace().find_map(|word| word.strip_prefix("go1.")?.split('.').next()?.parse().ok());
    minor.is_none_or(|minor: u32| minor >= 21)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_follows_everything_that_goes_in() {
        let tool = TOOLS[0];
        let key = tool.key(b"mod", b"sum");
        assert_eq!(key.len(), 16);
        assert_eq!(key, tool.key(b"mod", b"sum"));
        assert_ne!(key, tool.key(b"mod2", b"sum"));
        assert_ne!(key, tool.key(b"mo", b"dsum"), "boundaries count");
        assert_ne!(key, TOOLS[1].key(b"mod", b"sum"));
        assert_ne!(key, Tool { kubernetes: false, ..tool }.key(b"mod", b"sum"));
    }

    #[test]
    fn an_old_go_is_told_from_a_new_one() {
        assert!(!knows_toolchains("go version go1.19.8 linux/amd64"));
        assert!(knows_toolchains("go version go1.21.0 linux/amd64"));
        assert!(knows_toolchains("go version go1.26.8 linux/amd64"));
        assert!(knows_toolchains("go version devel +a1b2c3 linux/amd64"));
    }

    #[test]
    fn the_stamped_version_is_the_pinned_one() {
        for tool in TOOLS {
            let file = modules().unwrap().join(tool.module).join("go.mod");
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.contains(tool.package), "{} is not pinned in {}", tool.package, file.display());
            if tool.kubernetes {
                assert!(text.contains(&format!("k8s.io/kubernetes {KUBERNETES} ")), "go.mod pins another Kubernetes");
            }
        }
    }
}
