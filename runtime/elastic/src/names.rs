//! Names: of indices, and of documents in them.

use std::borrow::Cow;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use tracardi_model::{Context, Tenant};
use tracardi_store::Index;

use crate::error::ElasticError;

/// What an index holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Events.
    Event,
    /// What became of events; in the generation of the event.
    Trail,
    /// Sessions.
    Session,
    /// Profiles.
    Profile,
    /// Whom an id leads to, besides a profile's own.
    Identity,
    /// Ids of events that were applied and are not kept.
    Applied,
    /// What was sent for events that could not be taken.
    Quarantine,
    /// What is to happen later.
    Delayed,
    /// Who was merged into whom.
    Merge,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Event,
        Self::Trail,
        Self::Session,
        Self::Profile,
        Self::Identity,
        Self::Applied,
        Self::Quarantine,
        Self::Delayed,
        Self::Merge,
    ];

    /// The last part of the alias.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Trail => "trail",
            Self::Session => "session",
            Self::Profile => "profile",
            Self::Identity => "identity",
            Self::Applied => "applied",
            Self::Quarantine => "quarantine",
            Self::Delayed => "delayed",
            Self::Merge => "merge",
        }
    }

    /// Whether there are several generations of it, of which the newest takes what is new. Of everything else there is one.
    #[must_use]
    pub const fn rolls(self) -> bool {
        matches!(self, Self::Event | Self::Trail)
    }
}

impl From<Index> for Kind {
    fn from(index: Index) -> Self {
        match index {
            Index::Event => Self::Event,
            Index::Session => Self::Session,
            Index::Profile => Self::Profile,
        }
    }
}

/// The names of a tenant's indices. A prefix and a tenant hold no `-`, so the names of two tenants never meet.
#[derive(Clone, Debug)]
pub struct Names {
    stem: String,
}

impl Names {
    /// Of a tenant of the installation with this prefix.
    pub fn new(prefix: &str, tenant: &Tenant) -> Result<Self, ElasticError> {
        let prefix: Tenant = prefix.parse().map_err(|_| ElasticError::Setting {
            setting: "prefix",
            reason: format!("{prefix:?} is not 1 to 32 lower case letters and digits, a letter first"),
        })?;
        Ok(Self { stem: format!("{prefix}-{tenant}") })
    }

    /// The alias by which everything of a kind is read.
    #[must_use]
    pub fn alias(&self, kind: Kind) -> String {
        format!("{}-{}", self.stem, kind.name())
    }

    /// One index.
    #[must_use]
    pub fn index(&self, kind: Kind, generation: u32) -> String {
        format!("{}-{}-{generation:06}", self.stem, kind.name())
    }

    /// The pattern that all indices of a kind have.
    #[must_use]
    pub fn pattern(&self, kind: Kind) -> String {
        format!("{}-{}-*", self.stem, kind.name())
    }

    /// Which generation the name of an index says.
    #[must_use]
    pub fn generation(&self, kind: Kind, index: &str) -> Option<u32> {
        index.strip_prefix(&self.stem)?.strip_prefix('-')?.strip_prefix(kind.name())?.strip_prefix('-')?.parse().ok()
    }
}

/// Longer ids are known by their hash: Elasticsearch takes `_id`s of 512 bytes, and this leaves room for a prefix.
pub const MAX_TERM: usize = 500;

/// How an id stands in a keyword field: as it is, or its hash when it is too long.
#[must_use]
pub fn term(id: &str) -> Cow<'_, str> {
    if id.len() <= MAX_TERM && !id.starts_with('#') {
        return Cow::Borrowed(id);
    }
    let mut hash = "#".to_owned();
    for byte in Sha256::digest(id.as_bytes()) {
        // Writing into a String cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    Cow::Owned(hash)
}

/// The `_id` of what has this id in a context. Different ids have different ones.
#[must_use]
pub fn key(context: Context, id: &str) -> String {
    key_of_term(context, &term(id))
}

/// The `_id` of what has an id of which this is the [`term`].
#[must_use]
pub fn key_of_term(context: Context, term: &str) -> String {
    let letter = match context {
        Context::Production => 'p',
        Context::Staging => 's',
    };
    format!("{letter}:{term}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_tenants_never_meet() {
        let names = |tenant: &str| Names::new("shop", &tenant.parse().unwrap()).unwrap();
        let (a, b) = (names("a"), names("ab"));
        assert_eq!(a.alias(Kind::Event), "shop-a-event");
        assert_eq!(a.index(Kind::Event, 7), "shop-a-event-000007");
        assert_eq!(a.generation(Kind::Event, "shop-a-event-000007"), Some(7));
        for foreign in [b.index(Kind::Event, 7), a.index(Kind::Trail, 7), "shop-a-event-x".to_owned()] {
            assert_eq!(a.generation(Kind::Event, &foreign), None, "{foreign}");
        }
        assert!(Names::new("a-b", &Tenant::only()).is_err());
    }

    proptest! {
        #[test]
        fn different_ids_have_different_keys(one in any::<String>(), other in any::<String>(), long in 490_usize..520) {
            let long = "#".to_owned() + &"x".repeat(long);
            let hashed = term(&long).into_owned();
            let ids = [one, other, long, hashed];
            for a in &ids {
                prop_assert!(key(Context::Staging, a).len() <= 512);
                prop_assert_ne!(key(Context::Production, a), key(Context::Staging, a));
                for b in &ids {
                    prop_assert_eq!(a == b, key(Context::Staging, a) == key(Context::Staging, b));
                }
            }
        }
    }
}
