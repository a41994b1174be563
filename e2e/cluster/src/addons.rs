//! What runs in the cluster itself from the first moment: name server, metrics, volumes; and the images they need.
//!
//! The manifests are `addons/*.yaml`; a `${NAME}` in them is replaced by a value of this instance.

use std::path::{Path, PathBuf};

use tracardi_machine::files::make_folder;
use tracardi_machine::progress::step;
use tracardi_machine::run::run;
use tracardi_machine::{Error, Progress, Result};

use crate::images::{Image, ImageFile, ImageSpec, build_image};
use crate::paths::Layout;
use crate::toolchain::Toolchain;

const MANIFESTS: &[(&str, &str)] = &[
    ("access", include_str!("../addons/access.yaml")),
    ("coredns", include_str!("../addons/coredns.yaml")),
    ("metrics-server", include_str!("../addons/metrics-server.yaml")),
    ("local-path-provisioner", include_str!("../addons/local-path-provisioner.yaml")),
];

/// Deployments whose readiness `status` shows: namespace, name.
pub(crate) const DEPLOYMENTS: &[(&str, &str)] =
    &[("kube-system", "coredns"), ("kube-system", "metrics-server"), ("local-path-storage", "local-path-provisioner")];

/// Images that the cluster itself needs.
#[derive(Clone, Debug)]
pub(crate) struct AddonImages {
    pub(crate) pause: Image,
    pub(crate) coredns: Image,
    pub(crate) metrics_server: Image,
    pub(crate) provisioner: Image,
    pub(crate) busybox: Image,
}

impl AddonImages {
    /// Makes them unless the cache has them.
    pub(crate) fn ensure(cache: &Path, toolchain: &Toolchain, progress: &mut dyn Progress) -> Result<AddonImages> {
        let pause = compile_pause(cache, progress)?;
        let mut tool = |name: &str| {
            let mut spec = single(name, toolchain.file(name), &format!("/{name}"), "65532:65532");
            for file in &mut spec.files {
                // A hundred megabytes need not be hashed at every `up`.
                file.key = toolchain.key(name);
            }
            build_image(&spec, progress)
        };
        Ok(AddonImages {
            coredns: tool("coredns")?,
            metrics_server: tool("metrics-server")?,
            provisioner: tool("local-path-provisioner")?,
            pause: build_image(&single("pause", pause, "/pause", "65532:65532"), progress)?,
            busybox: build_image(&busybox()?, progress)?,
        })
    }

    pub(crate) fn all(&self) -> [&Image; 5] {
        [&self.pause, &self.coredns, &self.metrics_server, &self.provisioner, &self.busybox]
    }
}

fn single(name: &str, source: PathBuf, target: &str, user: &str) -> ImageSpec {
    ImageSpec {
        name: format!("localhost/cluster/{name}"),
        files: vec![ImageFile { source, target: target.into(), mode: 0o755, key: None }],
        entrypoint: vec![target.to_owned()],
        user: user.to_owned(),
        ..ImageSpec::default()
    }
}

/// The provisioner's helper pod makes and removes a folder with a shell; tests use the image too. (Debian 12's static
/// busybox has a `wget` that crashes; `nc` is fine.)
fn busybox() -> Result<ImageSpec> {
    let found = ["/bin/busybox", "/usr/bin/busybox"].into_iter().map(PathBuf::from).find(|file| file.is_file());
    let source = found.ok_or_else(|| Error::unmet("busybox is not installed", "apt-get install busybox-static"))?;
    let list = run(&source, ["--list"])?;
    let mut spec = single("busybox", source, "/bin/busybox", "");
    spec.entrypoint = vec!["/bin/sh".into()];
    spec.env.insert("PATH".into(), "/bin".into());
    spec.folders = vec!["/tmp".into(), "/etc".into()];
    let applets = list.lines().filter(|applet| *applet != "busybox");
    spec.links = applets.map(|applet| (Path::new("/bin").join(applet), "/bin/busybox".into())).collect();
    Ok(spec)
}

/// The tiny program that holds a pod's namespaces, with the C compiler that Rust links with anyway.
fn compile_pause(cache: &Path, progress: &mut dyn Progress) -> Result<PathBuf> {
    use sha2::{Digest as _, Sha256};
    let code = include_str!("pause.c");
    let key = tracardi_machine::files::hex(Sha256::digest(code).get(..8).unwrap_or_default());
    let folder = cache.join("go").join(format!("pause-{key}"));
    let target = folder.join("pause");
    if target.is_file() {
        return Ok(target);
    }
    make_folder(&folder)?;
    let (source, temporary) = (folder.join("pause.c"), folder.join("pause.building"));
    tracardi_machine::files::write(&source, code)?;
    step(progress, "compiling pause", |_| {
        run(
            "cc",
            [
                "-Os".as_ref(),
                "-static".as_ref(),
                "-s".as_ref(),
                "-o".as_ref(),
                temporary.as_os_str(),
                source.as_os_str(),
            ],
        )
    })?;
    std::fs::rename(&temporary, &target).map_err(Error::io("cannot rename", &temporary))?;
    Ok(target)
}

/// All manifests with this instance's values.
pub(crate) fn manifests(layout: &Layout, images: &AddonImages) -> Result<String> {
    let volumes = |number| layout.node(number).state.join("volumes").to_string_lossy().into_owned();
    let values = [
        ("COREDNS_IMAGE", images.coredns.reference.clone()),
        ("METRICS_SERVER_IMAGE", images.metrics_server.reference.clone()),
        ("PROVISIONER_IMAGE", images.provisioner.reference.clone()),
        ("BUSYBOX_IMAGE", images.busybox.reference.clone()),
        ("DNS_SERVICE", crate::paths::DNS_SERVICE.to_string()),
        ("NODE_1_VOLUMES", volumes(1)),
        ("NODE_2_VOLUMES", volumes(2)),
    ];
    let mut all = String::new();
    for (name, text) in MANIFESTS {
        all.push_str(&fill(text, &values).map_err(|what| Error::unmet(format!("addons/{name}.yaml: {what}"), ""))?);
        all.push_str("\n---\n");
    }
    Ok(all)
}

/// Replaces every `${NAME}`; one without a value is an error.
fn fill(text: &str, values: &[(&str, String)]) -> std::result::Result<String, String> {
    let mut filled = text.to_owned();
    for (name, value) in values {
        filled = filled.replace(&format!("${{{name}}}"), value);
    }
    match filled.split_once("${") {
        Some((_, rest)) => Err(format!("${{{}}} has no value", rest.split('}').next().unwrap_or_default())),
        None => Ok(filled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_value_is_refused() {
        assert_eq!(fill("a: ${B}", &[("B", "c".into())]), Ok("a: c".into()));
        assert_eq!(fill("a: ${C}", &[("B", "c".into())]), Err("${C} has no value".into()));
    }

    #[test]
    fn manifests_are_whole_and_hold_what_status_looks_for() {
        let image = |name: &str| Image {
            reference: format!("localhost/{name}:1"),
            archive: PathBuf::new(),
            size: 0,
            key: "1".into(),
        };
        let images = AddonImages {
            pause: image("pause"),
            coredns: image("coredns"),
            metrics_server: image("metrics-server"),
            provisioner: image("provisioner"),
            busybox: image("busybox"),
        };
        let layout = Layout::new("/c".into(), crate::Instance(0));
        let text = manifests(&layout, &images).unwrap();
        let mut deployments = Vec::new();
        for document in serde_yaml::Deserializer::from_str(&text) {
            let value = <serde_yaml::Value as serde::Deserialize>::deserialize(document).unwrap();
            if value["kind"] == "Deployment" {
                let field = |name: &str| value["metadata"][name].as_str().unwrap().to_owned();
                deployments.push((field("namespace"), field("name")));
            }
        }
        for (namespace, name) in DEPLOYMENTS {
            assert!(deployments.contains(&((*namespace).to_owned(), (*name).to_owned())), "{name}");
        }
    }
}
