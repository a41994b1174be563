//! Connections to brokers that wait for the next message.
//!
//! Each is used for one message at a time, as connections of HTTP/1.1 are: who sends takes one that waits, or makes one,
//! and puts it back when the receipt is there. So nothing runs between two messages, and a broker has at most as many
//! connections of a destination as there are messages under way to it.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::dial::{Dialer, Failure};
use crate::sent::{Message, Sent};

/// How long a connection waits for the next message.
pub(crate) const IDLE: Duration = Duration::from_secs(30);
/// How long it is used altogether: names and leaders move.
const LIFE: Duration = Duration::from_mins(5);
/// How many wait, for each destination.
const WAITING: usize = 4;

/// A connection to a broker, ready for messages.
pub(crate) trait Link: Sized + Send + 'static {
    /// Where to, and with which credentials.
    type Target: Destination;

    /// Dials and gets in.
    fn open(dialer: &Dialer, target: &Self::Target) -> impl Future<Output = Result<Self, Failure>> + Send;

    /// Hands one message over, and waits for the broker's receipt.
    fn send(
        &mut self,
        dialer: &Dialer,
        target: &Self::Target,
        message: Message<'_>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// What all targets have.
pub(crate) trait Destination: Eq + Hash + fmt::Debug + Send + Sync + 'static {
    /// How long an attempt may take.
    fn timeout(&self) -> Duration;
}

/// The connections of one kind that wait; cheap to clone.
pub(crate) struct Pool<L: Link> {
    dialer: Dialer,
    waiting: Arc<Mutex<Waiting<L>>>,
    /// Told when connections begin to wait.
    news: Arc<Notify>,
}

type Waiting<L> = HashMap<Arc<<L as Link>::Target>, Vec<Resting<L>>>;

/// A connection that waits.
struct Resting<L> {
    link: L,
    born: Instant,
    since: Instant,
}

impl<L: Link> Clone for Pool<L> {
    fn clone(&self) -> Self {
        Self { dialer: self.dialer.clone(), waiting: self.waiting.clone(), news: self.news.clone() }
    }
}

impl<L: Link> fmt::Debug for Pool<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl<L: Link> Pool<L> {
    pub(crate) fn new(dialer: Dialer, news: Arc<Notify>) -> Self {
        Self { dialer, waiting: Arc::default(), news }
    }

    /// One attempt, within the target's time. A connection that broke while it waited is replaced.
    pub(crate) async fn send(&self, target: &Arc<L::Target>, message: Message<'_>) -> Sent {
        match tokio::time::timeout(target.timeout(), self.attempt(target, message)).await {
            Ok(Ok(())) => Sent::Delivered,
            Ok(Err(failure)) => failure.into(),
            Err(_) => Sent::later(format!("no receipt within {} s", target.timeout().as_secs_f64())),
        }
    }

    async fn attempt(&self, target: &Arc<L::Target>, message: Message<'_>) -> Result<(), Failure> {
        while let Some((mut link, born)) = self.take(target) {
            match link.send(&self.dialer, target, message).await {
                Err(Failure::Broken(_)) => {}
                sent => return sent.map(|()| self.put(target, link, born)),
            }
        }
        let mut link = L::open(&self.dialer, target).await?;
        link.send(&self.dialer, target, message).await?;
        self.put(target, link, Instant::now());
        Ok(())
    }

    /// The one that was used last.
    fn take(&self, target: &Arc<L::Target>) -> Option<(L, Instant)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let resting = waiting.get_mut(target)?.pop()?;
        Some((resting.link, resting.born))
    }

    fn put(&self, target: &Arc<L::Target>, link: L, born: Instant) {
        let since = Instant::now();
        if since.duration_since(born) < LIFE {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let beside = waiting.entry(target.clone()).or_default();
            if beside.len() < WAITING {
                beside.push(Resting { link, born, since });
                self.news.notify_one();
            }
        }
    }

    /// Closes those that have waited long enough; gives whether any still waits.
    pub(crate) fn sweep(&self) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, links| {
            links.retain(|resting| resting.since.elapsed() < IDLE);
            !links.is_empty()
        });
        !waiting.is_empty()
    }
}
