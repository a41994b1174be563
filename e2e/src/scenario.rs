//! A test against the cluster: what it makes is removed when it succeeds, and kept and collected when it fails.

use std::fmt::Write as _;
use std::hash::{BuildHasher as _, Hasher as _};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use futures::FutureExt as _;
use kube::api::{DeleteParams, ListParams};
use serde_json::json;

use crate::{Cluster, Namespace, cluster, collect, manifest::repository, namespace::plain};

/// Label on the namespaces of a scenario.
const LABEL: &str = "tracardi.io/e2e";

/// What a test gives back.
pub type Outcome = std::result::Result<(), Failure>;

/// Why a scenario failed. Its `Debug`, which is what the test harness prints, is the chain of causes in one line: where a
/// test waited is no help, what it waited for is.
pub struct Failure(String);

impl std::fmt::Debug for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self(format!("{error:#}"))
    }
}

/// A running scenario.
pub struct Scenario {
    name: String,
    cluster: Cluster,
    namespaces: Mutex<Vec<Namespace>>,
}

/// Scenarios run side by side; one that disturbs or measures the operator itself runs alone.
static GROUND: RwLock<()> = RwLock::new(());

/// Runs one scenario, side by side with others. `name` is short, unique among the tests and made of lower case letters, digits and `-`; it names
/// the namespaces and the folder of artifacts.
pub fn scenario(name: &str, steps: impl AsyncFnOnce(&Scenario) -> Result<()>) -> Outcome {
    let _side_by_side = GROUND.read().unwrap_or_else(PoisonError::into_inner);
    run(name, steps)
}

/// Runs one scenario while no other runs, because it disturbs the operator or measures it.
pub fn scenario_alone(name: &str, steps: impl AsyncFnOnce(&Scenario) -> Result<()>) -> Outcome {
    let _alone = GROUND.write().unwrap_or_else(PoisonError::into_inner);
    run(name, steps)
}

fn run(name: &str, steps: impl AsyncFnOnce(&Scenario) -> Result<()>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("cannot start a runtime")?;
    runtime.block_on(async {
        let start = Instant::now();
        let test = Scenario { name: name.to_owned(), cluster: cluster().await?, namespaces: Mutex::default() };
        test.remove_leftovers().await?;
        let outcome = match AssertUnwindSafe(steps(&test)).catch_unwind().await {
            Ok(outcome) => outcome,
            Err(panic) => Err(anyhow!("{}", panic_text(panic.as_ref()))),
        };
        test.finish(&outcome).await;
        println!("scenario {name}: {:.1} s", start.elapsed().as_secs_f64());
        Ok(outcome?)
    })
}

impl Scenario {
    /// The cluster under test.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// A new namespace under restricted pod security; `purpose` becomes part of its name.
    pub async fn namespace(&self, purpose: &str) -> Result<Namespace> {
        self.namespace_under(purpose, "restricted").await
    }

    /// A new namespace under the pod security level `level`: `restricted`, `baseline` or `privileged`.
    pub async fn namespace_under(&self, purpose: &str, level: &str) -> Result<Namespace> {
        let name = format!("e2e-{}-{purpose}-{}", self.name, suffix());
        if name.len() > 63 {
            bail!("namespace {name} is longer than 63 characters: choose shorter names for scenario and purpose");
        }
        let namespace = Namespace::existing(&self.cluster, &name);
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {
            LABEL: self.name,
            "pod-security.kubernetes.io/enforce": level,
            "pod-security.kubernetes.io/warn": level,
        }}});
        namespace.create(object).await.with_context(|| format!("cannot create namespace {name}"))?;
        self.lock().push(namespace.clone());
        Ok(namespace)
    }

    /// Notes a measured figure: printed, and kept in `artifacts/e2e/figures.txt` until the next run measures it anew.
    pub fn figure(&self, what: &str, value: impl std::fmt::Display) {
        println!("figure: {what}: {value}");
        if let Err(error) = write_down(&format!("{}: {what}: ", self.name), &value.to_string()) {
            println!("the figure could not be written down: {error}");
        }
    }

    /// The folder of this scenario's artifacts; made when it is not there.
    pub fn artifacts(&self) -> Result<PathBuf> {
        let folder = repository("artifacts/e2e").join(&self.name);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Namespace>> {
        self.namespaces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Namespaces that a failed run of this scenario kept.
    async fn remove_leftovers(&self) -> Result<()> {
        let api = self.cluster.api("Namespace", None).await?;
        let selector = ListParams::default().labels(&format!("{LABEL}={}", self.name));
        for old in api.list(&selector).await.map_err(plain)? {
            let name = old.metadata.name.unwrap_or_default();
            api.delete(&name, &DeleteParams::default()).await.map_err(plain)?;
        }
        Ok(())
    }

    async fn finish(&self, outcome: &Result<()>) {
        let namespaces = std::mem::take(&mut *self.lock());
        if let Err(error) = outcome {
            println!("{}", self.collect(&namespaces, error).await);
            return;
        }
        for namespace in namespaces {
            if let Err(error) = namespace.delete("Namespace", namespace.name()).await {
                println!("{error:#}");
            }
        }
    }

    async fn collect(&self, namespaces: &[Namespace], error: &anyhow::Error) -> String {
        let mut said = format!("scenario {} failed: {error:#}", self.name);
        match self.artifacts() {
            Ok(folder) => {
                let _ = std::fs::write(folder.join("error.txt"), format!("{error:#}\n"));
                for namespace in namespaces {
                    if let Err(error) = collect::collect(namespace, &folder.join(namespace.name())).await {
                        let _ = write!(said, "\n{} was not collected: {error:#}", namespace.name());
                    }
                }
                if let Err(error) = collect::operator(&self.cluster, &folder.join("operator")).await {
                    let _ = write!(said, "\nthe operator was not collected: {error:#}");
                }
                let _ = write!(said, "\nwhat there was is in {}", folder.display());
            }
            Err(error) => {
                let _ = write!(said, "\n{error:#}");
            }
        }
        let names: Vec<_> = namespaces.iter().map(Namespace::name).collect();
        if !names.is_empty() {
            let _ = write!(said, "\nkept until the next run: {}", names.join(", "));
        }
        said
    }
}

/// Replaces the line that begins with `label`. Scenarios run side by side, but in one process.
fn write_down(label: &str, value: &str) -> std::io::Result<()> {
    static FILE: Mutex<()> = Mutex::new(());
    let _one_at_a_time = FILE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = repository("artifacts/e2e");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("figures.txt");
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    let mut lines: Vec<_> = known.lines().filter(|line| !line.starts_with(label)).map(str::to_owned).collect();
    lines.push(format!("{label}{value}"));
    lines.sort();
    std::fs::write(file, lines.join("\n") + "\n")
}

/// Four hexadecimal digits that differ from run to run.
fn suffix() -> String {
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("{:04x}", random & 0xffff)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("the test panicked").to_owned()
}
