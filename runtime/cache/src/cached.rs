//! Keys, entries and the trait.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use tracardi_model::Context;
use tracardi_store::Version;

/// What is cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Sessions, by id.
    Session,
    /// Profiles, by id.
    Profile,
    /// The id of a session's profile, by the session's id.
    ProfileOfSession,
    /// The own id of the profile to which an id leads, by that id.
    OwnerOfId,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Session, Self::Profile, Self::ProfileOfSession, Self::OwnerOfId];

    /// A letter for it.
    pub(crate) const fn letter(self) -> char {
        match self {
            Self::Session => 's',
            Self::Profile => 'p',
            Self::ProfileOfSession => 'o',
            Self::OwnerOfId => 'i',
        }
    }
}

/// Which document. The tenant belongs to the handle of the cache.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Production or staging.
    pub context: Context,
    /// What it is.
    pub kind: Kind,
    /// Its id, of any characters.
    pub id: String,
}

/// What is known of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which state of it this is.
    pub version: Version,
    /// Its bytes; none: it was deleted.
    pub value: Option<Bytes>,
}

/// By this one of two states of a document is the newer one: a shard's new primary counts on where the old one's acknowledged
/// operations ended, so the term decides first.
pub(crate) const fn age(version: Version) -> (u64, u64) {
    (version.primary_term, version.seq_no)
}

/// A cache of one tenant's documents. Cheap to share.
#[async_trait]
pub trait Cache: Send + Sync + fmt::Debug {
    /// What is known of these, in their order; asked for at once.
    async fn get(&self, keys: &[Key]) -> Vec<Option<Entry>>;

    /// Keeps these, all at once; each only if nothing newer is there.
    async fn put(&self, entries: Vec<(Key, Entry)>);

    /// Forgets these: what was read turned out not to be the newest.
    async fn forget(&self, keys: &[Key]);
}
