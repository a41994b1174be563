//! People who log in to the private API.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Map;

/// What a user may do; endpoints name the roles they admit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything, users and installation included.
    Admin,
    /// Sources, mappings, workflows, raw data.
    Developer,
    /// Profiles, segments, reports.
    Marketer,
    /// Imports, migrations, tasks.
    Maintainer,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Developer, Self::Marketer, Self::Maintainer];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Developer => "developer",
            Self::Marketer => "marketer",
            Self::Maintainer => "maintainer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no [`Role`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownRole;

impl fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a role is `admin`, `developer`, `marketer` or `maintainer`")
    }
}

impl std::error::Error for UnknownRole {}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

/// A stored account. It contains the password's hash: answers of the API must leave that out.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Stable id.
    pub id: String,
    /// The name to log in with, in lower case.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// argon2id in the PHC string format.
    pub password: String,
    /// What the user may do.
    pub roles: Vec<Role>,
    /// Whether logging in is allowed.
    pub enabled: bool,
    /// Settings of the web application.
    #[serde(default)]
    pub preference: Map,
    /// Unix seconds after which the account is closed; null for never.
    #[serde(default)]
    pub expiration_timestamp: Option<i64>,
}

impl User {
    /// Whether one of the roles is held.
    #[must_use]
    pub fn has_any(&self, roles: &[Role]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }

    /// Whether logging in is allowed now.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.enabled && self.expiration_timestamp.is_none_or(|end| now.as_second() < end)
    }
}

impl fmt::Debug for User {
    /// Leaves the hash of the password out: debug output ends in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("email", &self.email)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}
