//! What compiling the services needs besides the toolchains; installed where it is missing, before the compiler finds out.

use anyhow::Result;
use tracardi_machine::Plain;
use tracardi_machine::packages::{self, Need};

use crate::install;

/// The compiler of Pulsar's messages.
const NEEDED: &[Need] = &[("protoc", "protobuf-compiler")];

/// Installs what is missing.
pub(crate) fn ensure() -> Result<()> {
    // Builds take another one from there.
    if std::env::var_os("PROTOC").is_some() {
        return Ok(());
    }
    packages::ensure(NEEDED, &mut Plain).map_err(|error| install::readable(&error))
}
