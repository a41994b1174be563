//! Outside systems and the credentials for them.

use std::fmt;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::destination::Connector;
use super::{Kind, Record, list, object, text, wrong, yes};
use crate::field::FieldError;
use crate::{Map, time};

/// A system that data is exchanged with (spec/workflows.md 5.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// Key, as it is written.
    pub id: String,
    /// What people read.
    pub name: String,
    /// What kind of system, `api` for example: says which credentials there are.
    pub r#type: String,
    /// When it was saved.
    #[serde(default, with = "time::optional")]
    pub timestamp: Option<Timestamp>,
    /// For people.
    #[serde(default, deserialize_with = "text")]
    pub description: String,
    /// How to get in.
    #[serde(default, deserialize_with = "credentials")]
    pub credentials: Credentials,
    /// Labels.
    #[serde(default, deserialize_with = "list")]
    pub tags: Vec<String>,
    /// In which lists it stands.
    #[serde(default, deserialize_with = "list")]
    pub groups: Vec<String>,
    /// For the web application.
    #[serde(default)]
    pub icon: Option<String>,
    /// What a destination for this resource begins with.
    #[serde(default)]
    pub destination: Option<Connector>,
    /// Nothing is sent to disabled ones.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// Addresses, names and passwords: the real ones, and those for tests. Kept sealed, never printed.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Credentials {
    /// The real ones.
    #[serde(default, deserialize_with = "object")]
    pub production: Map,
    /// Those for tests.
    #[serde(default, deserialize_with = "object")]
    pub test: Map,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}

/// A complaint about credentials does not repeat them.
fn credentials<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Credentials, D::Error> {
    let read = Option::<Credentials>::deserialize(deserializer);
    let read =
        read.map_err(|_| D::Error::custom("credentials are an object of the objects `production` and `test`"))?;
    Ok(read.unwrap_or_default())
}

impl Record for Resource {
    const KIND: Kind = Kind::Resource;

    fn id(&self) -> &str {
        &self.id
    }

    fn saved(&mut self, now: Timestamp) {
        self.timestamp.get_or_insert(now);
    }

    fn complete(&mut self) -> Vec<FieldError> {
        self.id = self.id.trim().to_owned();
        let mut errors = Vec::new();
        if self.name.trim().is_empty() {
            errors.push(wrong(["name"], "a name is needed"));
        }
        if self.r#type.trim().is_empty() {
            errors.push(wrong(["type"], "a type is needed, for example `api`"));
        }
        errors
    }
}
