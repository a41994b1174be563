//! The images of operator and runtime: one static program each, in an image made from nothing.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use tracardi_cluster::images::{Image, ImageFile, ImageSpec, build_image};
use tracardi_cluster::{Ground, Plain};

use crate::gui;
use crate::shell::{cargo, run, target};

/// Named explicitly, so that build scripts and procedural macros stay dynamic while the programs become static.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Runs as `nonroot` of the expected minimal images.
const USER: &str = "65532:65532";

/// References of the images, as pods name them.
#[derive(Clone)]
pub(crate) struct Built {
    /// The operator's image.
    pub operator: String,
    /// The image of the services.
    pub runtime: String,
}

/// Images that are in a registry already; `make demo OPERATOR_IMAGE=... RUNTIME_IMAGE=...` works, too.
#[derive(Args)]
pub(crate) struct Given {
    /// The operator's image in a registry that the cluster reaches; nothing is built or loaded then.
    #[arg(long, global = true, env = "OPERATOR_IMAGE", value_name = "REFERENCE")]
    operator_image: Option<String>,
    /// The image of the services, likewise.
    #[arg(long, global = true, env = "RUNTIME_IMAGE", value_name = "REFERENCE")]
    runtime_image: Option<String>,
}

impl Given {
    fn images(&self) -> Result<Option<Built>> {
        let named = |image: &Option<String>| image.clone().filter(|image| !image.trim().is_empty());
        match (named(&self.operator_image), named(&self.runtime_image)) {
            (None, None) => Ok(None),
            (Some(operator), Some(runtime)) => Ok(Some(Built { operator, runtime })),
            _ => bail!("--operator-image and --runtime-image belong together: give both or none"),
        }
    }
}

/// The images that are given, or else those of this checkout, built and loaded into the cluster.
pub(crate) fn provide(ground: &Ground, given: &Given) -> Result<Built> {
    match given.images()? {
        Some(images) => Ok(images),
        None => build_and_load(ground),
    }
}

/// Builds the programs of the images, unless the images are given.
pub(crate) fn build(given: &Given) -> Result<()> {
    if given.images()?.is_none() {
        program("tracardi-operator", "tracardi-operator")?;
        program("tracardi-runtime", "tracardi")?;
    }
    Ok(())
}

/// Builds what changed and loads it into the cluster; tags are hashes of the content.
fn build_and_load(ground: &Ground) -> Result<Built> {
    let operator = image("tracardi-operator", &program("tracardi-operator", "tracardi-operator")?)?;
    let runtime = image("tracardi", &program("tracardi-runtime", "tracardi")?)?;
    if !ground.takes_archives() {
        bail!("{}", by_registry([&operator, &runtime]));
    }
    for image in [&operator, &runtime] {
        ground.load_image(&image.archive).with_context(|| format!("cannot load {}", image.reference))?;
        println!("    {} is in the cluster, {:.1} MB", image.reference, megabytes(image.size));
    }
    Ok(Built { operator: operator.reference, runtime: runtime.reference })
}

/// What to do for a cluster that takes images from a registry only.
fn by_registry([operator, runtime]: [&Image; 2]) -> String {
    let push = |image: &Image, variable: &str| {
        let name = image.reference.rsplit('/').next().unwrap_or_default();
        let step = format!("  skopeo copy oci-archive:{} docker://REGISTRY/{name}", image.archive.display());
        (step, format!("{variable}=REGISTRY/{name}"))
    };
    let (first, operator) = push(operator, "OPERATOR_IMAGE");
    let (second, runtime) = push(runtime, "RUNTIME_IMAGE");
    format!(
        "this cluster takes images from a registry only; they are built, so push them to one that it reaches:\n{first}\n{second}\nand name them: make demo (or install, e2e) {operator} {runtime}"
    )
}

/// A static release build of one program, also put where `cargo build --release` would.
pub(crate) fn program(package: &str, binary: &str) -> Result<PathBuf> {
    gui::build()?;
    let mut build = cargo("build", &["--release", "--target", TARGET, "-p", package, "--bin", binary]);
    run(&format!("{binary}: static release build"), build.env("RUSTFLAGS", "-C target-feature=+crt-static"))?;
    let program = target().join(TARGET).join("release").join(binary);
    let expected = target().join("release").join(binary);
    if let Some(folder) = expected.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let _ = std::fs::remove_file(&expected);
    std::fs::hard_link(&program, &expected)
        .or_else(|_| std::fs::copy(&program, &expected).map(drop))
        .with_context(|| format!("cannot put {binary} into {}", expected.display()))?;
    Ok(program)
}

/// An image that holds one program.
fn image(name: &str, program: &Path) -> Result<Image> {
    let entry = format!("/{name}");
    let spec = ImageSpec {
        name: format!("localhost/{name}"),
        files: vec![ImageFile { source: program.to_owned(), target: PathBuf::from(&entry), mode: 0o755, key: None }],
        entrypoint: vec![entry],
        user: USER.to_owned(),
        ..ImageSpec::default()
    };
    build_image(&spec, &mut Plain).with_context(|| format!("cannot make the image of {name}"))
}

/// Bytes in units of a million, as image sizes are expectedly told.
#[allow(clippy::cast_precision_loss, reason = "a size to read; three digits matter")]
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(operator: Option<&str>, runtime: Option<&str>) -> Given {
        Given { operator_image: operator.map(Into::into), runtime_image: runtime.map(Into::into) }
    }

    #[test]
    fn given_images_come_as_a_pair() {
        assert!(given(None, Some("")).images().unwrap().is_none());
        assert!(given(Some("r/o:1"), None).images().is_err());
        let both = given(Some("r/o:1"), Some("r/t:1")).images().unwrap().unwrap();
        assert_eq!((both.operator.as_str(), both.runtime.as_str()), ("r/o:1", "r/t:1"));
    }

    #[test]
    fn a_registry_is_explained_with_lines_to_copy() {
        let image = |name: &str| Image {
            reference: format!("localhost/{name}:abc"),
            archive: PathBuf::from(format!("/c/{name}.tar")),
            size: 1,
            key: String::new(),
        };
        let said = by_registry([&image("tracardi-operator"), &image("tracardi")]);
        assert!(said.contains("skopeo copy oci-archive:/c/tracardi.tar docker://REGISTRY/tracardi:abc"), "{said}");
        assert!(
            said.contains("OPERATOR_IMAGE=REGISTRY/tracardi-operator:abc RUNTIME_IMAGE=REGISTRY/tracardi:abc"),
            "{said}"
        );
    }
}
