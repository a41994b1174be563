//! Merges of profiles, as a store keeps them.
//!
//! A merge is one transaction ([`Documents::merge`]) followed by steps that can be repeated ([`Documents::repoint`]).
//! The transaction makes it true: the survivor holds everything, every id leads to it, the others are gone, and it is
//! written down what remains to be done. The steps carry over what still names a profile that is gone: sessions, then
//! events, a bounded number each time, because a profile may have any number of them. Whoever reads such a session in
//! between is led to the survivor by the ids. After a crash the steps go on where they were; their target is looked up
//! each time, so it does not matter that the survivor has been merged into another one meanwhile.
//!
//! [`Documents::merge`]: crate::Documents::merge
//! [`Documents::repoint`]: crate::Documents::repoint

use jiff::Timestamp;
use tracardi_model::{Context, Profile};

use crate::{Document, Version};

/// A merge, decided.
#[derive(Clone, Debug)]
pub struct Merge {
    /// Production or staging.
    pub context: Context,
    /// The surviving profile as it is afterwards. As long as it [awaits a merge](Profile::awaits_merge), it is listed by
    /// [`Documents::awaiting_merge`](crate::Documents::awaiting_merge).
    pub survivor: Document<Profile>,
    /// The profiles that are merged into it; none when it turned out to be alone.
    pub gone: Vec<Gone>,
    /// Ids that lead to the survivor from now on, besides all those that led to the profiles that are gone; except ids
    /// that lead to somebody who has no part in this merge.
    pub ids: Vec<String>,
    /// When.
    pub at: Timestamp,
}

/// A profile that is merged into another one.
#[derive(Clone, Debug)]
pub struct Gone {
    /// Its id.
    pub id: String,
    /// The version of it that is merged.
    pub version: Option<Version>,
    /// The ids by which it was recognised; for the history.
    pub keys: Vec<String>,
}

/// What a step has carried over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repointed {
    /// Sessions that have changed: whoever holds copies forgets them.
    pub sessions: Vec<(Context, String)>,
    /// How many events have changed.
    pub events: u64,
    /// Whether there is more to do, by this merge or another one.
    pub unfinished: bool,
}

/// Profiles that await a merge, in the order in which they began to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many there are, on all pages.
    pub total: u64,
    /// A number that only grows, to go on from; context; id.
    pub page: Vec<(i64, Context, String)>,
}
