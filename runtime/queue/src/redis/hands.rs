//! Who reads which partition.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracardi_redis::Link;

use super::EntryId;
use super::names::Names;
use super::scripts::{self, script};
use crate::QueueError;

/// How often a consumer says that it lives, at least; a fifth of the lease if that is less.
const BEAT: Duration = Duration::from_secs(1);

/// The partitions of one consumer, kept up to date by [`Hands::keep`].
#[derive(Debug)]
pub(super) struct Hands {
    pub(super) link: Link,
    pub(super) names: Arc<Names>,
    /// Who this consumer is.
    pub(super) token: String,
    lease: Duration,
    held: Mutex<BTreeMap<u16, Held>>,
    /// Whether this one has left; locked while it is said that it lives, so that nothing says so afterwards.
    left: tokio::sync::Mutex<bool>,
    /// Rings when a partition has come.
    pub(super) came: Notify,
    /// Rings when a partition can be given away.
    idle: Notify,
}

/// A partition in hand.
#[derive(Debug, Default)]
struct Held {
    /// The last entry that was received.
    after: EntryId,
    /// What was received and is neither acknowledged nor buried.
    open: BTreeSet<EntryId>,
    /// To be given away as soon as nothing is open.
    leaves: bool,
}

impl Hands {
    /// Takes the first partitions. An error tells that Redis cannot be used.
    pub(super) async fn take_up(
        link: Link,
        names: Arc<Names>,
        token: String,
        lease: Duration,
    ) -> Result<Self, QueueError> {
        let (held, left) = (Mutex::default(), tokio::sync::Mutex::new(false));
        let hands = Self { link, names, token, lease, held, left, came: Notify::new(), idle: Notify::new() };
        hands.beat().await?;
        Ok(hands)
    }

    /// Says that the consumer lives and gives and takes partitions, until it is stopped.
    pub(super) async fn keep(self: Arc<Self>, stop: CancellationToken) {
        let pause = BEAT.min(self.lease / 5);
        let mut told = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = self.idle.notified() => {}
            }
            match self.beat().await {
                Ok(()) => told = false,
                Err(error) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(%error, "cannot tell Redis that the consumer lives; others may take over meanwhile");
                    }
                }
            }
        }
    }

    async fn beat(&self) -> Result<(), QueueError> {
        let left = self.left.lock().await;
        if *left {
            return Ok(());
        }
        let millis = u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut beat = script(scripts::BEAT).on(&[self.names.owners(), self.names.members()]);
        beat.arg(&self.token).arg(millis).arg(self.names.streams().len());
        for partition in self.give_away() {
            beat.arg(partition);
        }
        let (share, mine): (usize, Vec<u16>) = self.link.ask(&beat).await?;
        self.now_has(share, &mine);
        Ok(())
    }

    /// Lets go of partitions that are to leave and of which nothing is open.
    fn give_away(&self) -> Vec<u16> {
        let mut held = self.held();
        let gone: Vec<u16> = held.iter().filter(|(_, it)| it.leaves && it.open.is_empty()).map(|it| *it.0).collect();
        held.retain(|partition, _| !gone.contains(partition));
        gone
    }

    /// Redis says that these are ours, and that so many would be fair.
    fn now_has(&self, share: usize, mine: &[u16]) {
        let mut held = self.held();
        held.retain(|partition, _| mine.contains(partition));
        let mut came = false;
        for partition in mine {
            held.entry(*partition).or_insert_with(|| {
                came = true;
                Held::default()
            });
        }
        let mut idle = false;
        for (number, it) in held.values_mut().enumerate() {
            it.leaves = number >= share;
            idle |= it.leaves && it.open.is_empty();
        }
        drop(held);
        if came {
            self.came.notify_one();
        }
        if idle {
            self.idle.notify_one();
        }
    }

    /// Partitions to read from and the entry behind which; `turn` says which comes first.
    pub(super) fn to_read(&self, turn: usize) -> Vec<(u16, EntryId)> {
        let held = self.held();
        let mut all: Vec<_> =
            held.iter().filter(|(_, it)| !it.leaves).map(|(number, it)| (*number, it.after)).collect();
        if !all.is_empty() {
            let first = turn % all.len();
            all.rotate_left(first);
        }
        all
    }

    /// These were read from a partition behind `after`. False when the partition has gone away meanwhile, or has come anew: then
    /// they are not ours to give out.
    pub(super) fn received(&self, partition: u16, after: EntryId, entries: &[EntryId]) -> bool {
        let mut held = self.held();
        let Some(it) = held.get_mut(&partition).filter(|it| it.after == after && !it.leaves) else { return false };
        it.open.extend(entries);
        it.after = entries.last().copied().unwrap_or(after);
        true
    }

    /// These need not be waited for any more.
    pub(super) fn done(&self, partition: u16, entries: &[EntryId]) {
        let mut held = self.held();
        let Some(it) = held.get_mut(&partition) else { return };
        for entry in entries {
            it.open.remove(entry);
        }
        let idle = it.leaves && it.open.is_empty();
        drop(held);
        if idle {
            self.idle.notify_one();
        }
    }

    /// A partition is another one's.
    pub(super) fn lost(&self, partition: u16) {
        self.held().remove(&partition);
    }

    /// Gives everything away.
    pub(super) async fn leave(&self) -> Result<(), QueueError> {
        *self.left.lock().await = true;
        let mut leave = script(scripts::LEAVE).on(&[self.names.owners(), self.names.members()]);
        leave.arg(&self.token);
        Ok(self.link.ask::<()>(&leave).await?)
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<u16, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
