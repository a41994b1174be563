//! Writes the manifests of the custom resources into crds/yaml and into the operator's chart.
//!
//! `cargo run -p tracardi-crds --bin crdgen`; tests/fresh.rs fails when a file differs from what this writes.

use std::{fs, path::Path};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR"));
    let yaml = tracardi_crds::installation::crd_yaml()?;
    for file in [
        "yaml/tracardi.io_tracardiinstallations.yaml",
        "../charts/tracardi-operator/files/tracardi.io_tracardiinstallations.yaml",
    ] {
        let path = crates.join(file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, &yaml)?;
        println!("{file}");
    }
    Ok(())
}
