//! The places of a listener: who holds them, and who gives one up when all are taken and somebody new comes.
//!
//! A connection **works** while a complete request of it is being answered: then it is never closed for others. Otherwise
//! it **waits** on its client: for a first request, for the rest of one, for the next one. When every place is taken, the
//! waiting connection is closed that has waited longest, of the address that holds the most places. So a flood of idle
//! connections costs its sender, and nobody behind another address; behind one proxy it is plainly the longest idle.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// How long a connection that was asked to go is counted on.
const LEAVING: Duration = Duration::from_millis(100);

/// The places of one listener.
#[derive(Debug)]
pub(crate) struct Slots {
    permits: Arc<Semaphore>,
    taken: Mutex<HashMap<u64, Arc<Holder>>>,
    /// Counts what happens: the order of connections and of their requests, without a clock.
    ticks: AtomicU64,
    /// A connection has begun to wait on its client.
    waits: Notify,
}

#[derive(Debug)]
struct Holder {
    address: IpAddr,
    /// Complete requests that are being answered.
    working: AtomicUsize,
    /// The tick since which it waits.
    since: AtomicU64,
    close: CancellationToken,
}

/// One place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    number: u64,
    holder: Arc<Holder>,
    slots: Arc<Slots>,
    _permit: OwnedSemaphorePermit,
}

impl Slots {
    pub(crate) fn new(number: usize) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(number)),
            taken: Mutex::default(),
            ticks: AtomicU64::default(),
            waits: Notify::new(),
        })
    }

    /// A place for a client; when all are taken, as soon as one becomes free or a waiting connection has made room.
    pub(crate) async fn take(self: &Arc<Self>, address: IpAddr) -> Slot {
        let permit = loop {
            // Before looking, so that nobody who begins to wait meanwhile is missed.
            let somebody_waits = self.waits.notified();
            let free = self.permits.clone().acquire_owned();
            let taken = if self.permits.available_permits() > 0 {
                Some(free.await)
            } else if let Some(holder) = self.longest_waiting() {
                holder.close.cancel();
                // It is gone in a moment, unless its next request was just complete.
                tokio::time::timeout(LEAVING, free).await.ok()
            } else {
                tokio::select! {
                    permit = free => Some(permit),
                    () = somebody_waits => None,
                }
            };
            // The semaphore is never closed: an error does not occur.
            if let Some(Ok(permit)) = taken {
                break permit;
            }
        };
        let number = self.tick();
        let holder = Arc::new(Holder {
            address,
            working: AtomicUsize::new(0),
            since: AtomicU64::new(number),
            close: CancellationToken::new(),
        });
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(number, holder.clone());
        Slot { number, holder, slots: self.clone(), _permit: permit }
    }

    fn longest_waiting(&self) -> Option<Arc<Holder>> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // Who was asked to go already makes room: nobody else needs to.
        let staying = || taken.values().filter(|holder| !holder.close.is_cancelled());
        let mut places: HashMap<IpAddr, usize> = HashMap::new();
        for holder in staying() {
            *places.entry(holder.address).or_default() += 1;
        }
        staying()
            .filter(|holder| holder.working.load(Ordering::Acquire) == 0)
            .max_by_key(|holder| {
                let longest = std::cmp::Reverse(holder.since.load(Ordering::Acquire));
                (places.get(&holder.address).copied(), longest)
            })
            .cloned()
    }

    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::Relaxed)
    }
}

impl Slot {
    /// Completes when this place is wanted for somebody else.
    pub(crate) async fn wanted(&self) {
        self.holder.close.cancelled().await;
    }

    /// Whether a complete request is being answered.
    pub(crate) fn works(&self) -> bool {
        self.holder.working.load(Ordering::Acquire) > 0
    }

    /// A request whose head is there.
    pub(crate) fn request(&self) -> Arc<Work> {
        Arc::new(Work { holder: self.holder.clone(), slots: self.slots.clone(), complete: AtomicBool::new(false) })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

/// A request under way: work from the moment it is complete until nobody holds this any more.
#[derive(Debug)]
pub(crate) struct Work {
    holder: Arc<Holder>,
    slots: Arc<Slots>,
    complete: AtomicBool,
}

impl Work {
    fn complete(&self) {
        if !self.complete.swap(true, Ordering::AcqRel) {
            self.holder.working.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if *self.complete.get_mut() {
            self.holder.since.store(self.slots.tick(), Ordering::Release);
            self.holder.working.fetch_sub(1, Ordering::AcqRel);
            if self.slots.permits.available_permits() == 0 {
                self.slots.waits.notify_waiters();
            }
        }
    }
}

/// The body of a request (its end makes the request complete) or of an answer (its end is the end of the work).
#[derive(Debug)]
pub(crate) struct Watched<B> {
    body: B,
    work: Arc<Work>,
    is_request: bool,
}

impl<B: Body> Watched<B> {
    pub(crate) fn request(body: B, work: Arc<Work>) -> Self {
        let watched = Self { body, work, is_request: true };
        watched.look();
        watched
    }

    pub(crate) fn answer(body: B, work: Arc<Work>) -> Self {
        Self { body, work, is_request: false }
    }

    fn look(&self) {
        if self.is_request && self.body.is_end_stream() {
            self.work.complete();
        }
    }
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match polled {
            Poll::Ready(None) if self.is_request => self.work.complete(),
            Poll::Ready(_) => self.look(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    /// Whether a place is wanted for somebody else.
    fn must_go(slot: &Slot) -> bool {
        slot.holder.close.is_cancelled()
    }

    async fn next(slots: &Arc<Slots>) {
        let wanting = slots.take(address(9));
        let _ = tokio::time::timeout(Duration::from_millis(1), wanting).await;
    }

    #[tokio::test]
    async fn who_waits_longest_goes_first() {
        let slots = Slots::new(3);
        let (a, b, c) = (slots.take(address(1)).await, slots.take(address(2)).await, slots.take(address(3)).await);
        assert!(![&a, &b, &c].into_iter().any(must_go));
        // The first works, then waits again: it is the youngest now. The second works.
        let work = a.request();
        work.complete();
        drop(work);
        let work = b.request();
        work.complete();
        next(&slots).await;
        assert_eq!([&a, &b, &c].map(must_go), [false, false, true]);
        drop(c);
        let _d = slots.take(address(3)).await;
        next(&slots).await;
        assert_eq!([&a, &b].map(must_go), [true, false]);
    }

    #[tokio::test]
    async fn who_holds_most_places_gives_one_up() {
        let slots = Slots::new(3);
        let (a, b, c) = (slots.take(address(1)).await, slots.take(address(2)).await, slots.take(address(2)).await);
        next(&slots).await;
        assert_eq!([&a, &b, &c].map(must_go), [false, true, false]);
    }

    #[tokio::test]
    async fn who_works_is_waited_for() {
        let slots = Slots::new(1);
        let a = slots.take(address(1)).await;
        let work = a.request();
        work.complete();
        let mut wanting = Box::pin(slots.take(address(2)));
        assert!(tokio::time::timeout(Duration::from_millis(5), &mut wanting).await.is_err());
        assert!(!must_go(&a));
        drop(work);
        assert!(tokio::time::timeout(Duration::from_millis(5), &mut wanting).await.is_err());
        assert!(must_go(&a), "it waits now");
        drop(a);
        wanting.await;
    }
}
