//! Orders that wait at the same time share one way to the disk.
//!
//! Who sends a message (or acknowledges some) puts that into line and waits. While one group is under way the next one gathers; so the more senders there
//! are, the more share a round trip and an fsync, and a single one waits for nobody. The way is gone by a job that ends when nobody
//! waits; a sender that goes away takes nothing with it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::oneshot;
use tracardi_process::{Phase, Supervisor};

use crate::QueueError;

/// Orders that go together at most, and bytes.
const GROUP: (usize, usize) = (256, 4 << 20);
/// Bytes that may wait in line; beyond, the queue counts as full.
const LINE: usize = 64 << 20;

/// Who brings orders to where they are durable.
#[async_trait]
pub(crate) trait Carrier: Send + Sync + fmt::Debug + 'static {
    /// What is to be done.
    type Order: Send + fmt::Debug + 'static;
    /// What is said when it is durable.
    type Answer: Send + fmt::Debug + 'static;

    /// Bytes that an order takes while it waits.
    fn size(order: &Self::Order) -> usize;

    /// Does them in this order; an answer for each.
    async fn carry(&self, group: Vec<Self::Order>) -> Vec<Result<Self::Answer, QueueError>>;
}

/// The line before a carrier.
#[derive(Debug)]
pub(crate) struct Group<C: Carrier> {
    shared: Arc<Shared<C>>,
    supervisor: Supervisor,
}

#[derive(Debug)]
struct Shared<C: Carrier> {
    carrier: C,
    line: Mutex<Line<C>>,
}

#[derive(Debug)]
struct Line<C: Carrier> {
    waiting: VecDeque<Waiting<C>>,
    bytes: usize,
    /// Whether there is a job that carries.
    carried: bool,
}

impl<C: Carrier> Default for Line<C> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), bytes: 0, carried: false }
    }
}

#[derive(Debug)]
struct Waiting<C: Carrier> {
    order: C::Order,
    size: usize,
    answer: oneshot::Sender<Result<C::Answer, QueueError>>,
}

impl<C: Carrier> Group<C> {
    /// Its jobs belong to the last phase of a shutdown: what was sent is written.
    pub(crate) fn new(carrier: C, supervisor: Supervisor) -> Self {
        Self { shared: Arc::new(Shared { carrier, line: Mutex::default() }), supervisor }
    }

    /// Puts the order into line when this is first polled, and waits until it is done.
    pub(crate) async fn ask(&self, order: C::Order) -> Result<C::Answer, QueueError> {
        let (answer, answered) = oneshot::channel();
        let size = C::size(&order);
        if self.shared.enter(Waiting { order, size, answer })? {
            let job = Job { shared: self.shared.clone(), over: false };
            self.supervisor.spawn_job("queue writer", Phase::Flush, job.run());
        }
        answered.await.unwrap_or_else(|_| Err(QueueError::Unavailable("the writer was stopped".to_owned())))
    }

    /// Who carries.
    pub(crate) fn carrier(&self) -> &C {
        &self.shared.carrier
    }
}

impl<C: Carrier> Shared<C> {
    fn line(&self) -> MutexGuard<'_, Line<C>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts it into line; whether somebody must be found who carries.
    fn enter(&self, waiting: Waiting<C>) -> Result<bool, QueueError> {
        let mut line = self.line();
        let bytes = line.bytes + waiting.size;
        if bytes > LINE && line.bytes > 0 {
            return Err(QueueError::Full(format!("{} orders wait to be carried out already", line.waiting.len())));
        }
        line.bytes = bytes;
        line.waiting.push_back(waiting);
        Ok(!std::mem::replace(&mut line.carried, true))
    }

    /// The next group; none, and the job is over, when nobody waits.
    fn next(&self) -> Option<Vec<Waiting<C>>> {
        let mut line = self.line();
        let (mut group, mut bytes) = (Vec::new(), 0);
        while let Some(first) = line.waiting.front() {
            bytes += first.size;
            if group.len() == GROUP.0 || (bytes > GROUP.1 && !group.is_empty()) {
                break;
            }
            group.extend(line.waiting.pop_front());
        }
        line.bytes = line.bytes.saturating_sub(group.iter().map(|it| it.size).sum());
        line.carried = !group.is_empty();
        line.carried.then_some(group)
    }
}

/// Who carries. When it panics, those who wait are told (by their dropped channels), and the next sender starts another one.
struct Job<C: Carrier> {
    shared: Arc<Shared<C>>,
    /// Whether nobody waits any more; another job may be under way already.
    over: bool,
}

impl<C: Carrier> Job<C> {
    async fn run(mut self) {
        while let Some(group) = self.shared.next() {
            let (orders, answers): (Vec<_>, Vec<_>) = group.into_iter().map(|it| (it.order, it.answer)).unzip();
            for (answer, result) in answers.into_iter().zip(self.shared.carrier.carry(orders).await) {
                // Who went away does not want to know.
                let _ = answer.send(result);
            }
        }
        self.over = true;
    }
}

impl<C: Carrier> Drop for Job<C> {
    fn drop(&mut self) {
        if !self.over {
            *self.shared.line() = Line::default();
        }
    }
}
