//! Looking into an image archive (a tar file in the OCI layout) without unpacking it.

use std::path::Path;

use serde_json::Value;
use tracardi_machine::run::run;
use tracardi_machine::{Error, Result};

/// The images in the archive: reference (where the archive names one) and digest of the manifest.
pub(crate) fn images(archive: &Path) -> Result<Vec<(String, String)>> {
    let remedy = "make it with `buildah push IMAGE oci-archive:FILE:NAME` or `skopeo copy … oci-archive:FILE:NAME`";
    let index = run("tar", ["-xOf".as_ref(), archive.as_os_str(), "index.json".as_ref()])
        .map_err(|_| Error::unmet(format!("{} is not an OCI image archive", archive.display()), remedy))?;
    let images = parse(&index);
    if images.is_empty() {
        return Err(Error::unmet(format!("{} holds no image with a name", archive.display()), remedy));
    }
    Ok(images)
}

fn parse(index: &str) -> Vec<(String, String)> {
    let index: Value = serde_json::from_str(index).unwrap_or_default();
    let manifests = index["manifests"].as_array().cloned().unwrap_or_default();
    let image = |manifest: &Value| {
        let name = &manifest["annotations"]["org.opencontainers.image.ref.name"];
        Some((name.as_str()?.to_owned(), manifest["digest"].as_str()?.to_owned()))
    };
    manifests.iter().filter_map(image).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_images_are_found() {
        let index = r#"{"manifests":[{"digest":"sha256:1","annotations":{"org.opencontainers.image.ref.name":"localhost/a:1"}},
                        {"digest":"sha256:2"}]}"#;
        assert_eq!(parse(index), [("localhost/a:1".to_owned(), "sha256:1".to_owned())]);
        assert!(parse("{").is_empty());
    }
}
