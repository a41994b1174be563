//! The outbox: what destinations are to get. A delivery joins it in the transaction of the request that it comes from
//! ([`Batch::deliveries`](crate::Batch::deliveries)) and stays until it has been sent, or given up.
//!
//! What is for one profile stands in a **line** at each destination: only the first of a line can be due, so the order is kept
//! however many are sent at a time, and one that waits for another attempt holds back its own line only. What has no profile
//! stands in no line.
//!
//! What was delivered is remembered for [`DELIVERED_LIFE`] without its body; what was given up stays, with its body and the
//! reason, until somebody replays or discards it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tracardi_model::{Context, Delivery, time};

use crate::StoreError;

/// How long a delivery that has arrived is remembered at least.
pub const DELIVERED_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A destination for which something waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Production or staging.
    pub context: Context,
    /// Id of the destination; nobody knows whether it still exists.
    pub destination: String,
    /// How many deliveries wait.
    pub waiting: u64,
    /// When the next one of them is due; may have passed.
    pub due: Timestamp,
}

/// A delivery that is to be sent.
#[derive(Clone, Debug)]
pub struct Due {
    /// Its number in the store: by this it is [settled](Outbox::settle).
    pub seq: i64,
    /// What is to be sent.
    pub delivery: Delivery,
    /// How many attempts have failed, since it was made or replayed.
    pub attempts: u32,
}

/// What became of an attempt to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It has arrived.
    Delivered,
    /// It is tried again at `due`.
    Later {
        /// When.
        due: Timestamp,
        /// Why it did not arrive; one line.
        error: String,
    },
    /// It is given up.
    Dead {
        /// Why; one line.
        error: String,
    },
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// To be sent.
    Waiting,
    /// Arrived.
    Delivered,
    /// Given up.
    Dead,
}

/// A page of deliveries, newest first. What is given must be equal.
#[derive(Clone, Debug, Default)]
pub struct Deliveries {
    /// Id of the destination.
    pub destination: Option<String>,
    /// Id of the event that they tell of.
    pub event: Option<String>,
    /// Id of the profile: any that leads to it, or the one under which they were made.
    pub profile: Option<String>,
    /// Where they stand.
    pub state: Option<State>,
    /// Their ids; None: whichever.
    pub ids: Option<Vec<String>>,
    /// How many to skip.
    pub start: u64,
    /// How many to give, at most.
    pub limit: u64,
}

/// The answer to [`Deliveries`]; ends early when the bodies reach [`PAGE_BYTES`](crate::PAGE_BYTES).
#[derive(Debug, Default, Serialize)]
pub struct DeliveryPage {
    /// How many there are, on all pages.
    pub total: u64,
    /// Those of this page.
    pub result: Vec<StoredDelivery>,
}

/// A delivery and what became of it so far.
#[derive(Debug, Serialize)]
pub struct StoredDelivery {
    /// Id of the delivery.
    pub id: String,
    /// Id of the destination.
    pub destination: String,
    /// Id of the event that it tells of; null when it tells of the profile.
    pub event: Option<String>,
    /// Id of the profile.
    pub profile: Option<String>,
    /// Where it stands.
    pub state: State,
    /// How many attempts there were, since it was made or replayed.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it was made.
    #[serde(with = "time::stamp")]
    pub at: Timestamp,
    /// When it is to be sent, or was last.
    #[serde(with = "time::stamp")]
    pub due: Timestamp,
    /// When it arrived or was given up.
    #[serde(with = "time::optional")]
    pub settled_at: Option<Timestamp>,
    /// What is sent; null when it has arrived.
    pub body: Option<Box<RawValue>>,
}

/// Dead deliveries that somebody chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// Those with these ids.
    Ids(Vec<String>),
    /// All of this destination.
    Destination(String),
}

/// Where deliveries are put by a store of documents that does not keep them itself: the side of an [`Outbox`] that the
/// collector's commits see. Every call may be repeated.
#[async_trait]
pub trait Deposit: Send + Sync + std::fmt::Debug {
    /// Keeps deliveries, durably; those that are there already, in whatever state, stay as they are.
    async fn deposit(&self, deliveries: Vec<(Context, Delivery)>) -> Result<(), StoreError>;

    /// Profiles were merged: what was made for those that are gone is found by the survivor's id from now on. The order in which
    /// it is sent stays.
    async fn lead(&self, context: Context, gone: &[String], survivor: &str) -> Result<(), StoreError>;

    /// Removes what was made for a profile under any of these ids, in whatever state.
    async fn forget(&self, context: Context, profiles: &[String]) -> Result<(), StoreError>;
}

/// Where deliveries are kept. One process sends; a read sees every change that was acknowledged before it began.
#[async_trait]
pub trait Outbox: Send + Sync + std::fmt::Debug {
    /// The destinations for which something waits, by context and id. Costs as much as there are destinations, however much waits.
    async fn waiting(&self) -> Result<Vec<Queue>, StoreError>;

    /// What is due for a destination at `now`, in the order in which it fell due: of each line the first, at most `limit`,
    /// fewer when the bodies reach [`PAGE_BYTES`](crate::PAGE_BYTES). It is given again until it is settled.
    async fn due(
        &self,
        context: Context,
        destination: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Due>, StoreError>;

    /// Writes down what became of attempts at `now`, durably, all or none. What does not wait any more is left as it is.
    async fn settle(&self, now: Timestamp, outcomes: Vec<(i64, Settled)>) -> Result<(), StoreError>;

    /// A page of deliveries.
    async fn deliveries(&self, context: Context, wanted: &Deliveries) -> Result<DeliveryPage, StoreError>;

    /// Dead deliveries wait again, due at `now` and as if never tried: at most `limit`, the oldest first. Gives their number
    /// by destination: there is something to send for these.
    async fn replay(
        &self,
        context: Context,
        chosen: &Chosen,
        now: Timestamp,
        limit: u32,
    ) -> Result<BTreeMap<String, u64>, StoreError>;

    /// Removes dead deliveries, at most `limit`, the oldest first. Gives their number.
    async fn discard(&self, context: Context, chosen: &Chosen, limit: u32) -> Result<u64, StoreError>;
}
