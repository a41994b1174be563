//! What became of events and profiles: the [trails](Trail) of events, the changes to profiles that they tell of, and who was
//! merged into whom. Written with what it is about, in one transaction ([`Batch::trails`](crate::Batch::trails),
//! [`Documents::merge`](crate::Documents::merge)); read here.
//!
//! A trail goes with its event and with its profile when they are deleted, and is forgotten after [`TRAIL_LIFE`]. A merge
//! changes no trail: what names a profile is found by all ids that lead to it.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tracardi_model::trail::Changed;
use tracardi_model::{Context, Trail, time};

use crate::StoreError;

/// How long it is remembered at least what became of an event: 90 days. For each trail that is written at most two go whose
/// time is over.
pub const TRAIL_LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A page of the changes to a profile, newest first.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The profile's own id.
    pub profile: String,
    /// Only those of this field.
    pub field: Option<String>,
    /// How many to skip.
    pub start: u64,
    /// How many to give, at most.
    pub limit: u64,
}

/// The answer to [`Changes`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangePage {
    /// How many there are, on all pages.
    pub total: u64,
    /// Those of this page.
    pub result: Vec<Changed>,
}

/// A profile that was merged into another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// Its id.
    pub merged: String,
    /// The profile that survived. It may have been merged itself since.
    pub into: String,
    /// When.
    #[serde(with = "time::stamp")]
    pub at: Timestamp,
    /// The ids by which it was recognised.
    pub keys: Vec<String>,
    /// How many of its events lead to the survivor by now.
    pub events: u64,
    /// Whether all of its sessions and events do.
    pub done: bool,
}

/// Merges, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MergePage {
    /// How many there are, on all pages.
    pub total: u64,
    /// Those of this page.
    pub result: Vec<Merged>,
}

/// Where it can be read what became of events and profiles.
#[async_trait]
pub trait History: Send + Sync + std::fmt::Debug {
    /// What became of an event.
    async fn trail(&self, context: Context, event: &str) -> Result<Option<Trail>, StoreError>;

    /// A page of the changes to a profile.
    async fn changes(&self, context: Context, wanted: &Changes) -> Result<ChangePage, StoreError>;

    /// The merges that ended in this profile (by its own id), directly or by way of others.
    async fn merges(&self, context: Context, profile: &str, start: u64, limit: u64) -> Result<MergePage, StoreError>;
}
