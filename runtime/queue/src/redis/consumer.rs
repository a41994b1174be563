//! The side of one who receives.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracardi_process::{Phase, Supervisor};

use super::hands::Hands;
use super::names::Names;
use super::scripts::{self, script};
use super::seats::Seat;
use super::{Base, EntryId, message_id, odd, read_message_id};
use crate::{Consumer, Message, MessageId, QueueError, Received, Take};

/// A consumer and its partitions.
pub(super) struct Reader {
    hands: Arc<Hands>,
    /// Ends what keeps the hands.
    stop: DropGuard,
    /// After `stop`: nobody else may have the name before.
    seat: Seat,
    bell: Bell,
    /// Which partition comes first: each in its turn.
    turn: usize,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("hands", &self.hands).finish_non_exhaustive()
    }
}

impl Reader {
    pub(super) async fn new(
        base: &Base,
        names: Arc<Names>,
        seat: Seat,
        supervisor: &Supervisor,
    ) -> Result<Self, QueueError> {
        let hands = Hands::take_up(base.link(), names, seat.token.clone(), base.settings.lease).await?;
        let (hands, stop) = (Arc::new(hands), CancellationToken::new());
        let (kept, stopped, leaving) = (hands.clone(), stop.clone(), supervisor.token(Phase::Flush));
        // A process that leaves does not wait for a consumer that nobody dropped.
        supervisor.spawn_job("queue consumer", Phase::Flush, async move {
            tokio::select! {
                () = kept.keep(stopped) => {}
                () = leaving.cancelled() => {}
            }
        });
        Ok(Self { hands, stop: stop.drop_guard(), seat, bell: Bell { base: base.clone(), connection: None }, turn: 0 })
    }

    /// Reads once, in one round trip.
    async fn read(&mut self, places: &[(u16, EntryId)], take: Take) -> Result<Vec<Received>, QueueError> {
        let Hands { names, token, link, .. } = &*self.hands;
        let streams = places.iter().filter_map(|(partition, _)| names.stream(*partition));
        let keys: Vec<&String> = [names.owners()].into_iter().chain(streams).collect();
        let mut read = script(scripts::READ).on(&keys);
        read.arg(token).arg(take.messages.max(1)).arg(take.bytes);
        for (partition, after) in places {
            read.arg(*partition).arg(after.to_string());
        }
        let answer: Vec<(usize, bool, Vec<Entry>)> = link.ask(&read).await?;
        let mut received = Vec::new();
        for (number, ours, entries) in answer {
            let (partition, after) = *places.get(number).ok_or_else(|| odd("an unknown stream"))?;
            if !ours {
                self.hands.lost(partition);
                continue;
            }
            let ids: Option<Vec<EntryId>> = entries.iter().map(|(id, _)| EntryId::read(id)).collect();
            let ids = ids.ok_or_else(|| odd("an entry's id"))?;
            if ids.is_empty() || !self.hands.received(partition, after, &ids) {
                continue;
            }
            for (id, (_, (_, key, _, payload))) in ids.into_iter().zip(entries) {
                let message = Message { key, payload: Bytes::from(payload) };
                received.push(Received { id: message_id(partition, id), message, sent: id.at() });
            }
        }
        Ok(received)
    }
}

/// An entry as Redis gives it: id, and fields by turns with their names.
type Entry = (String, (String, String, String, Vec<u8>));

#[async_trait]
impl Consumer for Reader {
    async fn receive(&mut self, take: Take) -> Result<Vec<Received>, QueueError> {
        let until = Instant::now() + take.wait;
        loop {
            self.turn = self.turn.wrapping_add(1);
            let places = self.hands.to_read(self.turn);
            if !places.is_empty() {
                let received = self.read(&places, take).await?;
                if !received.is_empty() {
                    return Ok(received);
                }
            }
            if Instant::now() >= until {
                return Ok(Vec::new());
            }
            let hands = self.hands.clone();
            tokio::select! {
                rung = self.bell.rung(&hands, &places, until) => rung?,
                () = hands.came.notified() => {}
            }
        }
    }

    async fn acknowledge(&mut self, done: &[MessageId]) -> Result<(), QueueError> {
        let mut partitions: Vec<(u16, Vec<EntryId>)> = Vec::new();
        for id in done {
            let (partition, entry) = read_message_id(id)
                .ok_or_else(|| QueueError::Refused(format!("{:?} is no message of this queue", id.0)))?;
            match partitions.iter_mut().find(|it| it.0 == partition) {
                Some((_, entries)) => entries.push(entry),
                None => partitions.push((partition, vec![entry])),
            }
        }
        if partitions.is_empty() {
            return Ok(());
        }
        let mut delete = redis::pipe();
        for (partition, entries) in &partitions {
            let Some(stream) = self.hands.names.stream(*partition) else { continue };
            let command = delete.cmd("XDEL").arg(stream);
            for entry in entries {
                command.arg(entry.to_string());
            }
        }
        self.hands.link.ask_all::<Vec<u64>>(&delete).await?;
        for (partition, entries) in &partitions {
            self.hands.done(*partition, entries);
        }
        Ok(())
    }

    async fn bury(&mut self, received: &Received, reason: &str) -> Result<(), QueueError> {
        let known = read_message_id(&received.id);
        let stream = known.and_then(|(partition, _)| self.hands.names.stream(partition));
        let (Some((partition, entry)), Some(stream)) = (known, stream) else {
            return Err(QueueError::Refused(format!("{:?} is no message of this queue", received.id.0)));
        };
        let mut bury = script(scripts::BURY).on(&[stream, self.hands.names.dead()]);
        bury.arg(entry.to_string()).arg(partition).arg(reason);
        // None: another one has carried it out or buried it.
        let _: u64 = self.hands.link.ask(&bury).await?;
        self.hands.done(partition, &[entry]);
        Ok(())
    }

    async fn leave(self: Box<Self>) {
        let Self { hands, stop, seat, .. } = *self;
        drop(stop);
        match hands.leave().await {
            Ok(()) => seat.leave(),
            Err(error) => {
                tracing::warn!(%error, "cannot hand the queue's messages over; others take them when the lease is over");
            }
        }
    }
}

/// Rings when something stands behind the entries that were received last. It only wakes: what is there is read by the script.
struct Bell {
    base: Base,
    /// A connection of its own, because it is blocked while it waits.
    connection: Option<MultiplexedConnection>,
}

impl Bell {
    async fn rung(&mut self, hands: &Hands, places: &[(u16, EntryId)], until: Instant) -> Result<(), QueueError> {
        if places.is_empty() {
            tokio::time::sleep_until(until).await;
            return Ok(());
        }
        // Taken out: should this be cancelled, the connection that is still blocked is not used again.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.base.server.connect(None).await?,
        };
        let left = until.saturating_duration_since(Instant::now());
        // Zero would be for ever.
        let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut wait = redis::cmd("XREAD");
        wait.arg("COUNT").arg(1).arg("BLOCK").arg(millis).arg("STREAMS");
        for stream in places.iter().filter_map(|(partition, _)| hands.names.stream(*partition)) {
            wait.arg(stream);
        }
        for (_, after) in places {
            wait.arg(after.to_string());
        }
        let late = until + self.base.settings.patience;
        match timeout_at(late, wait.query_async::<redis::Value>(&mut connection)).await {
            Ok(Ok(_)) => self.connection = Some(connection),
            Ok(Err(error)) => return Err(self.base.server.failure(&error).into()),
            Err(_) => {
                let place = self.base.server.place();
                return Err(QueueError::Unavailable(format!("Redis at {place} does not answer")));
            }
        }
        Ok(())
    }
}
