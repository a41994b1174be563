//! Whose data it is. An installation serves at least one tenant; what is stored, queued and cached of one has the tenant in its
//! name, and there is no other way to make such a name.

use std::fmt;

/// The name of a tenant: 1 to 32 characters, lower case letters and digits. No separator of any store, queue or cache may be in it,
/// so a name that is put together from a tenant and more can be taken apart in one way only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant(String);

/// Why a text is no name of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a tenant: give 1 to 32 lower case letters and digits, a letter first")]
pub struct TenantError(String);

impl Tenant {
    /// The one tenant of an installation that does not speak of tenants.
    #[must_use]
    pub fn only() -> Self {
        Self("default".to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Tenant {
    type Err = TenantError;

    fn from_str(text: &str) -> Result<Self, TenantError> {
        let letters = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if letters && first && text.len() <= 32 {
            Ok(Self(text.to_owned()))
        } else {
            Err(TenantError(text.chars().take(64).collect()))
        }
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_separator() {
        for name in ["a", "default", "shop1", &"x".repeat(32)] {
            assert_eq!(name.parse::<Tenant>().unwrap().as_str(), name);
        }
        for name in ["", "1shop", "Shop", "a-b", "a.b", "a:b", "a/b", "a_b", "ż", &"x".repeat(33)] {
            assert!(name.parse::<Tenant>().is_err(), "{name}");
        }
    }
}
