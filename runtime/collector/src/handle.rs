//! What the API holds: a handle to the writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tracardi_engine::{Command, Settings};
use tracardi_model::{Context, Event, TrackAnswer};
use tracardi_process::{Metrics, Phase, SharedClock, Supervisor};
use tracardi_store::Documents;

use crate::CollectError;
use crate::figures::Figures;
use crate::writer::{Request, Writer};

/// Bounds of the collector; each has a sensible default.
#[derive(Clone, Copy, Debug)]
pub struct CollectorLimits {
    /// Requests that may wait; one more is answered [`CollectError::Full`].
    pub queue: usize,
    /// Bytes of all requests that wait or are being stored (as [`Command::weight`] estimates them); beyond: `Full`.
    pub queue_bytes: usize,
    /// Requests in one group (one commit).
    pub group: usize,
    /// Bytes of requests in one group; a bigger single request is a group of its own.
    pub group_bytes: usize,
    /// Sessions in the cache.
    pub sessions: usize,
    /// Profiles in the cache.
    pub profiles: usize,
    /// Events that a slow listener of the live stream may lag behind before it misses some.
    pub live: usize,
}

impl Default for CollectorLimits {
    fn default() -> Self {
        Self {
            queue: 4_096,
            queue_bytes: 64 << 20,
            group: 512,
            group_bytes: 8 << 20,
            sessions: 8_192,
            profiles: 8_192,
            live: 1_024,
        }
    }
}

/// What a collector is made of.
#[derive(Debug)]
pub struct CollectorSetup {
    /// Where everything is kept.
    pub documents: Arc<dyn Documents>,
    /// Settings of the engine; the newest are used for each group.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// Key from which new ids are derived: the same request makes the same ids.
    pub signing_key: [u8; 32],
    /// The time.
    pub clock: SharedClock,
    /// Bounds.
    pub limits: CollectorLimits,
}

/// An event that has just been stored.
pub type LiveEvent = (Context, Arc<Event>);

/// A handle to the writer; cheap to clone.
#[derive(Clone, Debug)]
pub struct Collector {
    requests: mpsc::Sender<Request>,
    live: broadcast::Sender<LiveEvent>,
    healthy: Arc<AtomicBool>,
    figures: Figures,
    queue_bytes: usize,
}
