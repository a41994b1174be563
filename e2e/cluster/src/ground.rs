//! Which cluster to work on: ours, or the one that `KUBECONFIG` names.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_yaml::Value;
use tracardi_machine::{Error, Progress, Result, cache};

use crate::cluster::{Cluster, Options};
use crate::paths::Instance;

/// The cluster to work on.
#[derive(Clone, Debug)]
pub enum Ground {
    /// Made by this crate.
    Own(Cluster),
    /// Somebody's own, named by `KUBECONFIG`; never started, stopped or changed in its machinery.
    Foreign(Foreign),
}

/// A cluster that this crate did not make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Value of `KUBECONFIG`: a file, or several separated by colons.
    pub kubeconfig: String,
    /// Its current context.
    pub context: String,
    /// URL of its API server.
    pub server: String,
    /// What it was made with, as far as the context's name tells.
    pub provider: Provider,
}

/// How images get into a cluster differs by what made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provider {
    /// kind, with the name of the cluster.
    Kind(String),
    /// k3d, with the name of the cluster.
    K3d(String),
    /// minikube, with the name of the profile.
    Minikube(String),
    /// Anything else: images come from a registry that it can reach.
    Other,
}

impl Ground {
    /// Looks at `KUBECONFIG`: unset, empty or one of our own files means ours (`instance`, or the file's).
    pub fn detect(instance: Option<Instance>) -> Result<Ground> {
        let kubeconfig = std::env::var("KUBECONFIG").unwrap_or_default();
        match decide(&kubeconfig, &cache()?.join("cluster")) {
            Decision::Own(found) => Ok(Ground::Own(Cluster::at(instance.or(found).unwrap_or_default())?)),
            Decision::Foreign => Ok(Ground::Foreign(Foreign::read(kubeconfig)?)),
        }
    }

    /// Brings our cluster up; of somebody's own only says which one is used and how images get in.
    pub fn up(instance: Option<Instance>, nodes: Option<u8>, progress: &mut dyn Progress) -> Result<Ground> {
        match Ground::detect(instance)? {
            Ground::Own(cluster) => {
                Ok(Ground::Own(Cluster::up(&Options { instance: cluster.instance(), nodes }, progress)?))
            }
            Ground::Foreign(foreign) => {
                foreign.to_string().lines().for_each(|line| progress.note(line));
                Ok(Ground::Foreign(foreign))
            }
        }
    }

    /// Value for `KUBECONFIG`.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        match self {
            Ground::Own(cluster) => cluster.kubeconfig().to_string_lossy().into_owned(),
            Ground::Foreign(foreign) => foreign.kubeconfig.clone(),
        }
    }

    /// kubectl or helm (ours, or from the `PATH`), ready to run against the cluster.
    pub fn command<S: AsRef<OsStr>>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> std::process::Command {
        match self {
            Ground::Own(cluster) => cluster.command(program, arguments),
            Ground::Foreign(foreign) => {
                let mut command = tracardi_machine::run::command(program, arguments);
                command.env("KUBECONFIG", &foreign.kubeconfig);
                command
            }
        }
    }

    /// Whether [`Ground::load_image`] works here: everywhere but in clusters that take images from a registry only.
    #[must_use]
    pub fn takes_archives(&self) -> bool {
        match self {
            Ground::Own(_) => true,
            Ground::Foreign(foreign) => foreign.provider != Provider::Other,
        }
    }

    /// Hands an image archive to the cluster, where that needs no registry: ours, kind, k3d, minikube.
    pub fn load_image(&self, archive: &Path) -> Result<()> {
        match self {
            Ground::Own(cluster) => cluster.load_image(archive).map(drop),
            Ground::Foreign(foreign) => match foreign.loading(archive) {
                Some((program, arguments)) => tracardi_machine::run::run(program, arguments).map(drop),
                None => Err(Error::unmet(
                    format!("images cannot be handed to {} directly", foreign.context),
                    Foreign::registry_step(archive),
                )),
            },
        }
    }
}

enum Decision {
    Own(Option<Instance>),
    Foreign,
}

fn decide(kubeconfig: &str, clusters: &Path) -> Decision {
    if kubeconfig.trim().is_empty() {
        return Decision::Own(None);
    }
    let ours = Path::new(kubeconfig).strip_prefix(clusters).ok().and_then(|rest| {
        let number = rest.to_str()?.strip_suffix("/kubeconfig")?.parse().ok()?;
        Some(Instance(number))
    });
    ours.map_or(Decision::Foreign, |instance| Decision::Own(Some(instance)))
}

impl Foreign {
    fn read(kubeconfig: String) -> Result<Foreign> {
        let remedy = "unset KUBECONFIG to use a cluster made here, or let it name the right file";
        let mut files = Vec::new();
        for file in kubeconfig.split(':').filter(|file| !file.is_empty()).map(PathBuf::from) {
            // kubectl, too, skips files that are not there.
            if let Ok(text) = std::fs::read_to_string(&file) {
                let value = serde_yaml::from_str(&text).map_err(|error| {
                    Error::unmet(format!("KUBECONFIG: {} is not a kubeconfig: {error}", file.display()), remedy)
                })?;
                files.push(value);
            }
        }
        let Current { context, server, by_minikube } = current(&files)
            .ok_or_else(|| Error::unmet(format!("KUBECONFIG={kubeconfig} has no current context"), remedy))?;
        Ok(Foreign { provider: provider(&context, by_minikube), kubeconfig, context, server })
    }

    /// The command that hands an archive over.
    fn loading(&self, archive: &Path) -> Option<(&'static str, Vec<String>)> {
        let archive = archive.to_string_lossy().into_owned();
        let (program, words): (_, Vec<&str>) = match &self.provider {
            Provider::Kind(name) => ("kind", vec!["load", "image-archive", &archive, "--name", name]),
            Provider::K3d(name) => ("k3d", vec!["image", "import", &archive, "--cluster", name]),
            Provider::Minikube(name) => ("minikube", vec!["--profile", name, "image", "load", &archive]),
            Provider::Other => return None,
        };
        Some((program, words.into_iter().map(str::to_owned).collect()))
    }

    fn registry_step(archive: &Path) -> String {
        format!(
            "push them to a registry that the cluster reaches, for example \
             `skopeo copy oci-archive:{} docker://REGISTRY/NAME:TAG`, and name them: \
             `make demo OPERATOR_IMAGE=... RUNTIME_IMAGE=...`",
            archive.display()
        )
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "KUBECONFIG is set: using the cluster of context {} at {}", self.context, self.server)?;
        let archive = Path::new("FILE");
        match self.loading(archive) {
            Some((program, words)) => write!(f, "images get in by: {program} {}", words.join(" ")),
            None => write!(f, "images get in by a registry: {}", Foreign::registry_step(archive)),
        }
    }
}

/// What a kubeconfig says about its current context.
#[derive(Debug, PartialEq, Eq)]
struct Current {
    context: String,
    server: String,
    /// minikube leaves a mark; its contexts are named after profiles, which may be called anything.
    by_minikube: bool,
}

/// The current context out of one or several files; the first that has something wins, as in kubectl.
fn current(files: &[Value]) -> Option<Current> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let named = |list: &str, name: &str| -> Option<Value> {
        let mut entries = files.iter().filter_map(|file| file[list].as_sequence()).flatten();
        entries.find(|entry| entry["name"] == *name).cloned()
    };
    let context = files.iter().find_map(|file| text(&file["current-context"]))?;
    let cluster = text(&named("contexts", &context)?["context"]["cluster"])?;
    let cluster = named("clusters", &cluster)?;
    let server = text(&cluster["cluster"]["server"])?;
    let marks = cluster["cluster"]["extensions"].as_sequence();
    let by_minikube = marks.into_iter().flatten().any(|mark| mark["extension"]["provider"] == "minikube.sigs.k8s.io");
    Some(Current { context, server, by_minikube })
}

fn provider(context: &str, by_minikube: bool) -> Provider {
    if let Some(name) = context.strip_prefix("kind-") {
        return Provider::Kind(name.to_owned());
    }
    if let Some(name) = context.strip_prefix("k3d-") {
        return Provider::K3d(name.to_owned());
    }
    if by_minikube || context == "minikube" { Provider::Minikube(context.to_owned()) } else { Provider::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_kubeconfigs_are_recognised() {
        let own = |text: &str| match decide(text, Path::new("/c/cluster")) {
            Decision::Own(instance) => Some(instance),
            Decision::Foreign => None,
        };
        assert_eq!(own(""), Some(None));
        assert_eq!(own("/c/cluster/3/kubeconfig"), Some(Some(Instance(3))));
        assert_eq!(own("/c/cluster/x/kubeconfig"), None);
        assert_eq!(own("/home/me/.kube/config"), None);
        assert_eq!(own("/c/cluster/0/kubeconfig:/home/me/.kube/config"), None);
    }

    #[test]
    fn the_current_context_is_found_over_several_files() {
        let one: Value = serde_yaml::from_str("current-context: kind-dev\ncontexts: []\n").unwrap();
        let two: Value = serde_yaml::from_str(
            "current-context: other\n\
             contexts: [{name: kind-dev, context: {cluster: c}}]\n\
             clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n",
        )
        .unwrap();
        let wanted = Current { context: "kind-dev".into(), server: "https://127.0.0.1:1".into(), by_minikube: false };
        assert_eq!(current(&[one.clone(), two]), Some(wanted));
        assert_eq!(current(&[one]), None);
    }

    #[test]
    fn what_made_a_cluster_is_recognised() {
        assert_eq!(provider("kind-dev", false), Provider::Kind("dev".into()));
        assert_eq!(provider("k3d-dev", false), Provider::K3d("dev".into()));
        assert_eq!(provider("minikube", false), Provider::Minikube("minikube".into()));
        assert_eq!(provider("gke_project_zone_kind", false), Provider::Other);
        let profile: Value = serde_yaml::from_str(
            "current-context: shop\n\
             contexts: [{name: shop, context: {cluster: shop}}]\n\
             clusters: [{name: shop, cluster: {server: 'https://192.0.2.1:8443', extensions: [\
               {name: cluster_info, extension: {provider: minikube.sigs.k8s.io}}]}}]\n",
        )
        .unwrap();
        let found = current(&[profile]).unwrap();
        assert_eq!(provider(&found.context, found.by_minikube), Provider::Minikube("shop".into()));
        let ground = |context: &str| {
            Ground::Foreign(Foreign {
                kubeconfig: "/k".into(),
                context: context.into(),
                server: "https://1.2.3.4".into(),
                provider: provider(context, false),
            })
        };
        assert!(ground("kind-dev").takes_archives() && !ground("arn:aws:eks").takes_archives());
    }

    #[test]
    fn the_message_names_cluster_and_loading_step() {
        let foreign = |context: &str| Foreign {
            kubeconfig: "/k".into(),
            context: context.into(),
            server: "https://1.2.3.4".into(),
            provider: provider(context, false),
        };
        assert!(foreign("kind-dev").to_string().contains("kind load image-archive FILE --name dev"));
        assert!(foreign("k3d-a-b").to_string().contains("k3d image import FILE --cluster a-b"));
        assert!(foreign("minikube").to_string().contains("minikube --profile minikube image load FILE"));
        let other = foreign("arn:aws:eks").to_string();
        assert!(
            other.contains("OPERATOR_IMAGE")
                && other.contains("registry")
                && other.contains("arn:aws:eks")
                && other.contains("https://1.2.3.4")
        );
    }
}
