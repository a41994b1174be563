//! A wrapper around a real store that counts calls, fails on demand, and can hold commits back.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::value::RawValue;
use tokio::sync::watch;
use tracardi_model::Context;

use crate::{
    Batch, Chosen, Committed, Counts, Deliveries, DeliveryPage, Documents, Due, Found, Histogram, Holding, Index,
    Merge, Outbox, Page, Queue, Repointed, Select, Settled, StoreError, Waiting, Wanted,
};

/// A store with all that the wrapper forwards.
pub trait Whole: Documents + Outbox {}

impl<T: Documents + Outbox> Whole for T {}

/// How a commit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is stored.
    Before,
    /// All is stored, but the answer is lost.
    After,
}

/// The wrapper.
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn Whole>,
    loads: AtomicUsize,
    commits: AtomicUsize,
    outbox: AtomicUsize,
    sizes: Mutex<Vec<usize>>,
    commit_faults: Mutex<VecDeque<Option<Fault>>>,
    load_faults: Mutex<VecDeque<StoreError>>,
    broken: AtomicUsize,
    /// Transactions until it breaks.
    life: AtomicUsize,
    open: watch::Sender<bool>,
}

impl Faulty {
    /// Around a store, without faults.
    #[must_use]
    pub fn new(inner: Arc<dyn Whole>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            loads: AtomicUsize::new(0),
            commits: AtomicUsize::new(0),
            outbox: AtomicUsize::new(0),
            sizes: Mutex::new(Vec::new()),
            commit_faults: Mutex::new(VecDeque::new()),
            load_faults: Mutex::new(VecDeque::new()),
            broken: AtomicUsize::new(0),
            life: AtomicUsize::new(usize::MAX),
            open: watch::Sender::new(true),
        })
    }

    /// Calls of `load` and `commit` since the last call of this function.
    pub fn calls(&self) -> (usize, usize) {
        (self.loads.swap(0, Ordering::SeqCst), self.commits.swap(0, Ordering::SeqCst))
    }

    /// Calls by who sends: `waiting`, `due` and `settle`, so far.
    pub fn outbox_calls(&self) -> usize {
        self.outbox.load(Ordering::SeqCst)
    }

    /// Number of events in each commit so far.
    pub fn sizes(&self) -> Vec<usize> {
        self.sizes.lock().unwrap().clone()
    }

    /// The next commit fails so.
    pub fn fail_commit(&self, fault: Fault) {
        self.commit_faults.lock().unwrap().push_back(Some(fault));
    }

    /// The next commit passes, whatever those after it meet.
    pub fn pass_commit(&self) {
        self.commit_faults.lock().unwrap().push_back(None);
    }

    /// The next load fails so.
    pub fn fail_load(&self, error: StoreError) {
        self.load_faults.lock().unwrap().push_back(error);
    }

    /// As long as it is broken, everything fails as if the disk were full.
    pub fn set_broken(&self, broken: bool) {
        self.broken.store(usize::from(broken), Ordering::SeqCst);
    }

    /// It takes so many transactions (commits, merges and their steps), then it is broken.
    pub fn break_after(&self, transactions: usize) {
        self.life.store(transactions, Ordering::SeqCst);
    }

    /// Transactions that it would still take.
    pub fn life(&self) -> usize {
        self.life.load(Ordering::SeqCst)
    }

    /// Commits wait from now on.
    pub fn hold(&self) {
        self.open.send_replace(false);
    }

    /// Lets commits go on.
    pub fn release(&self) {
        self.open.send_replace(true);
    }

    /// A transaction begins.
    fn write(&self) -> Result<(), StoreError> {
        self.check()?;
        let left = self.life.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map(|_| ()).map_err(|_| StoreError::Full("injected".to_owned()))
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.broken.load(Ordering::SeqCst) > 0 { Err(StoreError::Full("injected".to_owned())) } else { Ok(()) }
    }
}

#[async_trait]
impl Documents for Faulty {
    async fn load(&self, wanted: &Wanted<'_>) -> Result<Found, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let fault = self.load_faults.lock().unwrap().pop_front();
        match fault {
            Some(error) => Err(error),
            None => self.inner.load(wanted).await,
        }
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.sizes.lock().unwrap().push(batch.events.len());
        // The sender lives as long as `self`, so this ends only by being opened.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
        self.write()?;
        let fault = self.commit_faults.lock().unwrap().pop_front().flatten();
        let lost = || StoreError::Unavailable("injected".to_owned());
        match fault {
            Some(Fault::Before) => Err(lost()),
            Some(Fault::After) => {
                self.inner.commit(batch).await?;
                Err(lost())
            }
            None => self.inner.commit(batch).await,
        }
    }

    async fn awaiting_merge(&self, after: i64, limit: u32) -> Result<Waiting, StoreError> {
        self.check()?;
        self.inner.awaiting_merge(after, limit).await
    }

    async fn merge(&self, merge: Merge) -> Result<Repointed, StoreError> {
        self.write()?;
        self.inner.merge(merge).await
    }

    async fn repoint(&self, limit: u32) -> Result<Repointed, StoreError> {
        self.write()?;
        self.inner.repoint(limit).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.check()?;
        self.inner.probe().await
    }

    async fn get(&self, context: Context, index: Index, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        self.inner.get(context, index, id).await
    }

    async fn delete(&self, context: Context, index: Index, id: &str) -> Result<bool, StoreError> {
        self.inner.delete(context, index, id).await
    }

    async fn count(&self, context: Context, index: Index) -> Result<u64, StoreError> {
        self.inner.count(context, index).await
    }

    async fn select(&self, context: Context, index: Index, select: &Select) -> Result<Page, StoreError> {
        self.inner.select(context, index, select).await
    }

    async fn holding(&self, context: Context, index: Index, holding: &Holding) -> Result<Page, StoreError> {
        self.inner.holding(context, index, holding).await
    }

    async fn histogram(&self, context: Context, index: Index, histogram: &Histogram) -> Result<Counts, StoreError> {
        self.inner.histogram(context, index, histogram).await
    }

    async fn event_types(&self, context: Context, limit: u32) -> Result<Vec<String>, StoreError> {
        self.inner.event_types(context, limit).await
    }

    async fn delayed(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.inner.delayed(context, start, limit).await
    }

    async fn original(&self, context: Context, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        self.inner.original(context, id).await
    }

    async fn quarantine(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.inner.quarantine(context, start, limit).await
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        self.inner.refresh().await
    }
}

#[async_trait]
impl Outbox for Faulty {
    async fn waiting(&self) -> Result<Vec<Queue>, StoreError> {
        self.outbox.fetch_add(1, Ordering::SeqCst);
        self.check()?;
        self.inner.waiting().await
    }

    async fn due(
        &self,
        context: Context,
        destination: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Due>, StoreError> {
        self.outbox.fetch_add(1, Ordering::SeqCst);
        self.check()?;
        self.inner.due(context, destination, now, limit).await
    }

    async fn settle(&self, now: Timestamp, outcomes: Vec<(i64, Settled)>) -> Result<(), StoreError> {
        self.outbox.fetch_add(1, Ordering::SeqCst);
        self.write()?;
        self.inner.settle(now, outcomes).await
    }

    async fn deliveries(&self, context: Context, wanted: &Deliveries) -> Result<DeliveryPage, StoreError> {
        self.inner.deliveries(context, wanted).await
    }

    async fn replay(
        &self,
        context: Context,
        chosen: &Chosen,
        now: Timestamp,
        limit: u32,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        self.write()?;
        self.inner.replay(context, chosen, now, limit).await
    }

    async fn discard(&self, context: Context, chosen: &Chosen, limit: u32) -> Result<u64, StoreError> {
        self.write()?;
        self.inner.discard(context, chosen, limit).await
    }
}
