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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::Semaphore;

    use super::*;

    /// Carries when it may, and counts the groups.
    #[derive(Debug)]
    struct Gate {
        open: Semaphore,
        groups: Mutex<Vec<Vec<u32>>>,
    }

    #[async_trait]
    impl Carrier for Gate {
        type Order = u32;
        type Answer = u32;

        fn size(_: &u32) -> usize {
            4
        }

        async fn carry(&self, group: Vec<u32>) -> Vec<Result<u32, QueueError>> {
            self.open.acquire().await.unwrap().forget();
            assert!(!group.contains(&13), "unlucky");
            self.groups.lock().unwrap().push(group.clone());
            group.into_iter().map(Ok).collect()
        }
    }

    fn group() -> Group<Gate> {
        Group::new(Gate { open: Semaphore::new(0), groups: Mutex::default() }, Supervisor::new())
    }

    async fn once<T>(future: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(Duration::ZERO, future).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_goes_together_and_who_goes_away_takes_nothing_with_him() {
        let group = group();
        assert_eq!(once(group.ask(1)).await, None, "went away");
        // Its order has begun its way by then.
        tokio::task::yield_now().await;
        let rest = futures::future::join_all((2..9).map(|order| group.ask(order)));
        let open = async {
            tokio::task::yield_now().await;
            group.carrier().open.add_permits(100);
        };
        let (answers, ()) = tokio::join!(rest, open);
        assert_eq!(answers.into_iter().collect::<Result<Vec<_>, _>>(), Ok((2..9).collect()));
        assert_eq!(*group.carrier().groups.lock().unwrap(), [vec![1], (2..9).collect()]);
    }

    #[tokio::test(start_paused = true)]
    async fn groups_are_bounded_and_in_order() {
        let group = group();
        let many = futures::future::join_all((100..700).map(|order| group.ask(order)));
        group.carrier().open.add_permits(100);
        assert_eq!(many.await.into_iter().collect::<Result<Vec<_>, _>>(), Ok((100..700).collect()));
        let groups = group.carrier().groups.lock().unwrap();
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [256, 256, 88]);
        assert!(groups.concat().is_sorted());
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_panic_the_next_one_is_carried() {
        let group = group();
        group.carrier().open.add_permits(100);
        assert!(matches!(group.ask(13).await, Err(QueueError::Unavailable(_))));
        assert_eq!(group.ask(14).await, Ok(14));
    }
}
