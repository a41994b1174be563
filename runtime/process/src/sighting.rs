//! What a look at another server found.

use std::fmt;

/// A server that can be worked with, as it says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sighting {
    /// Whose product it is, as in `OpenSearch`.
    pub product: String,
    /// Its version, as in `2.19.6`.
    pub version: String,
    /// What should be different there, each in one line with its remedy. They say the same as long as the same is wrong.
    pub warnings: Vec<String>,
}

impl fmt::Display for Sighting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.product, self.version)
    }
}
