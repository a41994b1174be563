//! Files of the repository: manifests with one or several documents.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize as _;

use crate::Json;

/// A path below the repository's root.
#[must_use]
pub fn repository(relative: &str) -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).join(relative)
}

/// The documents of a YAML text; empty ones are left out, and each must say what it is.
pub fn documents(yaml: &str) -> Result<Vec<Json>> {
    let mut found = Vec::new();
    for (index, document) in serde_yaml::Deserializer::from_str(yaml).enumerate() {
        let value = Json::deserialize(document).with_context(|| format!("document {} is not YAML", index + 1))?;
        if value.is_null() {
            continue;
        }
        for name in ["apiVersion", "kind"] {
            ensure!(value[name].is_string(), "document {} has no {name}", index + 1);
        }
        found.push(value);
    }
    Ok(found)
}

/// The documents of a file of the repository.
pub(crate) fn read(relative: &str) -> Result<Vec<Json>> {
    let path = repository(relative);
    let yaml = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let found = documents(&yaml).with_context(|| relative.to_owned())?;
    ensure!(!found.is_empty(), "{relative} holds no resource");
    Ok(found)
}

/// The one resource of a file of the repository.
pub fn example(relative: &str) -> Result<Json> {
    read(relative)?.pop().with_context(|| format!("{relative} holds no resource"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_split_and_empty_ones_left_out() {
        let found = documents("# first\n---\napiVersion: v1\nkind: A\n---\n---\napiVersion: v1\nkind: B\n").unwrap();
        let kinds: Vec<_> = found.iter().map(|d| d["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["A", "B"]);
    }

    #[test]
    fn a_document_without_kind_is_named() {
        let error = documents("apiVersion: v1\nkind: A\n---\napiVersion: v1\n").unwrap_err();
        assert_eq!(error.to_string(), "document 2 has no kind");
    }

    #[test]
    fn every_example_can_be_read() {
        for name in ["tracardi", "tracardi-development", "tracardi-own-secrets", "tracardi-site"] {
            assert_eq!(read(&format!("examples/{name}.yaml")).unwrap().len(), 1, "{name}");
        }
    }
}
