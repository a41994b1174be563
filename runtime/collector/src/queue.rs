//! The bounded queue in front of the writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use tokio::sync::oneshot;
use tracardi_engine::Order;
use tracardi_model::{Context, TrackAnswer};
use tracardi_store::Index;

use crate::CollectError;
use crate::figures::Figures;
use crate::merges::Merged;

/// A request on its way to the disk.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) order: Order,
    /// When it was accepted, if that was elsewhere: the time at which it is carried out.
    pub(crate) at: Option<Timestamp>,
    pub(crate) reply: oneshot::Sender<Result<TrackAnswer, CollectError>>,
    pub(crate) weight: Weight,
}

/// A document that is to be removed.
#[derive(Debug)]
pub(crate) struct Deletion {
    pub(crate) context: Context,
    pub(crate) index: Index,
    pub(crate) id: String,
    pub(crate) reply: oneshot::Sender<Result<bool, CollectError>>,
}

/// Profiles that are to become one, by any of their ids.
#[derive(Debug)]
pub(crate) struct MergeRequest {
    pub(crate) context: Context,
    pub(crate) ids: Vec<String>,
    pub(crate) reply: oneshot::Sender<Result<Merged, CollectError>>,
}

/// How much memory the requests under way take.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    bytes: Arc<AtomicUsize>,
    limit: usize,
    figures: Figures,
}

impl Scale {
    pub(crate) fn new(limit: usize, figures: Figures) -> Self {
        Self { bytes: Arc::default(), limit, figures }
    }

    /// Lets so many bytes in, unless there are too many already. Large requests may not take the last quarter: ordinary
    /// ones get through although somebody sends large ones without end. A single request is let in whatever its size, when
    /// it is alone: sizes are limited elsewhere.
    pub(crate) fn take(&self, bytes: usize) -> Option<Weight> {
        let limit = if bytes > self.limit / 64 { self.limit - self.limit / 4 } else { self.limit };
        let fits = |now: usize| (now == 0 || now.saturating_add(bytes) <= limit).then_some(now.saturating_add(bytes));
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        self.figures.waiting.inc();
        self.figures.waiting_bytes.inc_by(signed(bytes));
        Some(Weight { bytes, scale: self.clone() })
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The part of one request; given back when the request is done, however it ends.
#[derive(Debug)]
pub(crate) struct Weight {
    pub(crate) bytes: usize,
    scale: Scale,
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.scale.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.scale.figures.waiting.dec();
        self.scale.figures.waiting_bytes.dec_by(signed(self.bytes));
    }
}
