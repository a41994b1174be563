//! The images of operator and runtime: one static program each, in an image made from nothing.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tracardi_cluster::images::{Image, ImageFile, ImageSpec, build_image};
use tracardi_cluster::{Ground, Plain};

use crate::gui;
use crate::shell::{cargo, run, target};

/// Named explicitly, so that build scripts and procedural macros stay dynamic while the programs become static.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Runs as `nonroot` of the expected minimal images.
const USER: &str = "65532:65532";

/// References of the images, as pods name them.
pub(crate) struct Built {
    /// The operator's image.
    pub operator: String,
    /// The image of the services.
    pub runtime: String,
}

/// Builds what changed and loads it into the cluster; tags are hashes of the content.
pub(crate) fn build_and_load(ground: &Ground) -> Result<Built> {
    let operator = image("tracardi-operator", &program("tracardi-operator", "tracardi-operator")?)?;
    let runtime = image("tracardi", &program("tracardi-runtime", "tracardi")?)?;
    for image in [&operator, &runtime] {
        ground.load_image(&image.archive).with_context(|| format!("cannot load {}", image.reference))?;
        println!("    {} is in the cluster, {:.1} MB", image.reference, megabytes(image.size));
    }
    Ok(Built { operator: operator.reference, runtime: runtime.reference })
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
