//! State and files together: what is written is applied.

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use tracardi_process::SharedClock;

use super::Settings;
use super::files::{self, Files};
use super::format::{HEAD, Record};
use super::state::{Place, State};
use crate::{Buried, LISTED, Message, MessageId, QueueError, Received};

/// What is to be written.
#[derive(Debug)]
pub(super) enum Order {
    /// A new message.
    Send(Message),
    /// These messages are acknowledged.
    Done(Vec<u64>),
    /// These dead letters are discarded.
    Discard(Vec<u64>),
    /// This one is given up.
    Bury { number: u64, reason: String },
    /// These dead letters are sent again.
    Replay(Vec<u64>),
}

/// A journal without the way to it.
#[derive(Debug)]
pub(super) struct Core {
    inner: Mutex<Inner>,
    pub(super) settings: Settings,
    clock: SharedClock,
}

#[derive(Debug)]
struct Inner {
    files: Files,
    state: State,
    consumers: u64,
}

impl Core {
    /// Opens a journal and applies all that stands in it.
    pub(super) fn open(directory: &Path, settings: Settings, clock: SharedClock) -> io::Result<Self> {
        let (files, found) = Files::open(directory)?;
        let mut state = State::default();
        for (place, record) in &found.records {
            state.apply(record, *place);
        }
        let mut inner = Inner { files, state, consumers: 0 };
        if found.torn > 0 {
            tracing::info!(
                ?directory,
                bytes = found.torn,
                "the end of the journal was not whole, as after a crash; it is cut off"
            );
        }
        if !found.damage.is_empty() {
            inner.keep_damage(&found.damage, &settings, clock.now())?;
        }
        inner.clean(settings.segment);
        Ok(Self { inner: Mutex::new(inner), settings, clock })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries orders out in this order and makes them durable, all with one sync. An answer for each: how many messages or letters
    /// it concerned. One caller at a time.
    pub(super) fn write(&self, orders: Vec<Order>) -> Vec<Result<u64, QueueError>> {
        let now = self.clock.now();
        let mut batch = Batch::default();
        // Whose order each record is.
        let mut whose = Vec::new();
        let mut answers: Vec<Result<u64, QueueError>> = Vec::with_capacity(orders.len());
        let mut inner = self.inner();
        let live = inner.state.live();
        for (order, wanted) in orders.into_iter().enumerate() {
            match wanted {
                Order::Send(message) => {
                    let size = message.key.len() + message.payload.len() + HEAD;
                    if live + as_u64(batch.bytes.len() + size) > self.settings.bytes {
                        answers.push(Err(QueueError::Full(format!("{live} bytes wait in the journal"))));
                        continue;
                    }
                    batch.push(Record::Message { number: inner.state.number(), sent: now, message });
                }
                Order::Done(numbers) => batch.push(Record::Done(numbers)),
                Order::Discard(numbers) => batch.push(Record::Discarded(numbers)),
                Order::Bury { number, reason } => batch.push(Record::Dead { number, at: now, reason }),
                Order::Replay(numbers) => {
                    for dead in numbers {
                        batch.push(Record::Again { dead, number: inner.state.number() });
                    }
                }
            }
            answers.push(Ok(0));
            whose.resize(batch.records.len(), order);
        }
        if batch.records.is_empty() {
            return answers;
        }
        let begin = match inner.append(&batch, self.settings.segment) {
            Ok(begin) => begin,
            Err(error) => return failed(answers, &error),
        };
        let newest = inner.files.newest();
        // Others read and receive meanwhile.
        drop(inner);
        let synced = newest.map_or(Ok(()), |file| file.sync_data());
        let mut inner = self.inner();
        if let Err(error) = synced {
            inner.take_back(begin);
            return failed(answers, &error);
        }
        for (order, concerned) in whose.into_iter().zip(batch.apply(&mut inner.state, begin)) {
            if let Some(Ok(answer)) = answers.get_mut(order) {
                *answer += concerned;
            }
        }
        inner.clean(self.settings.segment);
        answers
    }

    /// A new consumer's number.
    pub(super) fn consumer(&self) -> u64 {
        let mut inner = self.inner();
        inner.consumers += 1;
        inner.consumers
    }

    /// Gives out messages. One that the disk has lost is told and left where it is, so nothing is thrown away.
    pub(super) fn give(&self, consumer: u64, turn: usize, messages: usize, bytes: usize) -> Vec<Received> {
        let mut inner = self.inner();
        let places = inner.state.give(consumer, turn, messages, as_u64(bytes));
        let files: Vec<_> = places.iter().map(|(_, place)| inner.files.file(*place)).collect();
        drop(inner);
        let read = places.into_iter().zip(files).filter_map(|((number, place), file)| {
            let Some(Record::Message { sent, message, .. }) = file.and_then(|file| files::read(&file, place)) else {
                tracing::error!(
                    number,
                    segment = place.segment,
                    at = place.at,
                    "a message cannot be read from the journal; look at the disk"
                );
                return None;
            };
            Some(Received { id: MessageId(number.to_string()), message, sent })
        });
        read.collect()
    }

    /// A consumer is gone.
    pub(super) fn release(&self, consumer: u64) {
        self.inner().state.release(consumer);
    }

    /// Messages that wait, and dead letters.
    pub(super) fn figures(&self) -> (u64, u64) {
        self.inner().state.figures()
    }

    /// Numbers of the oldest dead letters.
    pub(super) fn oldest_dead(&self, limit: usize) -> Vec<u64> {
        self.inner().state.dead().keys().take(limit).copied().collect()
    }

    /// Which of these are dead letters.
    pub(super) fn dead_among(&self, numbers: impl Iterator<Item = u64>) -> Vec<u64> {
        let inner = self.inner();
        numbers.filter(|number| inner.state.dead().contains_key(number)).collect()
    }

    /// Dead letters, the oldest first.
    pub(super) fn buried(&self, start: usize, limit: usize) -> Vec<Buried> {
        let inner = self.inner();
        let mut letters: Vec<_> = inner.state.dead().iter().map(|(number, letter)| (*number, letter.clone())).collect();
        letters.sort_by_key(|(number, letter)| (letter.at, *number));
        let chosen = letters.into_iter().skip(start).take(limit);
        let chosen: Vec<_> =
            chosen.map(|(number, letter)| (number, inner.files.file(letter.message), letter)).collect();
        drop(inner);
        let (mut read, mut bytes) = (Vec::new(), 0);
        for (number, file, letter) in chosen {
            let message = match file.and_then(|file| files::read(&file, letter.message)) {
                Some(Record::Message { message, .. }) => message,
                _ => Message { key: String::new(), payload: Bytes::new() },
            };
            bytes += message.payload.len();
            if bytes > LISTED && !read.is_empty() {
                break;
            }
            read.push(Buried { id: MessageId(number.to_string()), message, reason: letter.reason, at: letter.at });
        }
        read
    }

    /// Numbers of the oldest and the newest segment, and the newest's length.
    #[cfg(test)]
    pub(super) fn extent(&self) -> (u64, u64, u64) {
        let inner = self.inner();
        let (oldest, newest) = inner.files.ends();
        (oldest, newest, inner.files.lengths().1)
    }

    /// Bytes that the segments take.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.inner().files.lengths().0
    }
}

/// Records that are written together.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Where in the bytes each stands, its length, and it.
    records: Vec<(u64, u64, Record)>,
}

impl Batch {
    fn push(&mut self, record: Record) {
        let at = self.bytes.len();
        record.write(&mut self.bytes);
        self.records.push((as_u64(at), as_u64(self.bytes.len() - at), record));
    }

    /// They stand on the disk from `begin` on. How many messages or letters each concerned.
    fn apply(&self, state: &mut State, begin: Place) -> Vec<u64> {
        let place = |at: u64, length| Place { segment: begin.segment, at: begin.at + at, length };
        self.records.iter().map(|(at, length, record)| state.apply(record, place(*at, *length))).collect()
    }
}

impl Inner {
    /// Appends to a segment that has room, which may be a new one.
    fn append(&mut self, batch: &Batch, segment: u64) -> io::Result<Place> {
        if self.files.lengths().1 >= segment {
            self.files.roll()?;
        }
        self.files.append(&batch.bytes)
    }

    fn take_back(&mut self, begin: Place) {
        if let Err(error) = self.files.take_back(begin) {
            tracing::error!(%error, "the journal goes on in the segment that could not be synced: there is no room for a new one");
        }
    }

    /// Appends, syncs and applies.
    fn commit(&mut self, batch: &Batch, segment: u64) -> io::Result<()> {
        if batch.records.is_empty() {
            return Ok(());
        }
        let begin = self.append(batch, segment)?;
        if let Err(error) = self.files.newest().map_or(Ok(()), |file| file.sync_data()) {
            self.take_back(begin);
            return Err(error);
        }
        batch.apply(&mut self.state, begin);
        Ok(())
    }

    /// Removes what nobody needs: oldest segments in which nothing is needed; and when more than half of all bytes are not, what is
    /// needed of the oldest is carried to the newest first. An error is told; it is tried again after the next write.
    fn clean(&mut self, segment: u64) {
        while let Some(oldest) = self.files.oldest() {
            let live = self.state.live();
            let waste = self.files.lengths().0.saturating_sub(live);
            if self.state.live_in(oldest) > 0 && waste <= live.max(2 * segment) {
                return;
            }
            if let Err(error) = self.carry_over(oldest, segment) {
                tracing::warn!(%error, "the journal cannot be cleaned now");
                return;
            }
        }
    }

    /// Carries what is needed of the oldest segment to the newest, and removes it.
    fn carry_over(&mut self, oldest: u64, segment: u64) -> io::Result<()> {
        let mut batch = Batch::default();
        for (number, place, dead) in self.state.needed_of(oldest) {
            let record = self.files.file(place).and_then(|file| files::read(&file, place));
            let Some(Record::Message { sent, message, .. }) = record else {
                // It stays where it is, and with it all that stands behind.
                return Err(io::Error::other(format!("message {number} cannot be read")));
            };
            batch.push(Record::Message { number, sent, message });
            if let Some(dead) = dead {
                batch.push(dead);
            }
        }
        self.commit(&batch, segment)?;
        self.files.remove_oldest()?;
        self.state.forget(oldest);
        Ok(())
    }

    /// Makes dead letters of pieces that are no records, and gets rid of the segments with them.
    fn keep_damage(&mut self, damage: &[(u64, Vec<Vec<u8>>)], settings: &Settings, now: Timestamp) -> io::Result<()> {
        self.files.roll()?;
        let mut batch = Batch::default();
        for (segment, pieces) in damage {
            let lost: usize = pieces.iter().map(Vec::len).sum();
            tracing::error!(
                segment,
                bytes = lost,
                "the journal is damaged: what cannot be read is a dead letter now; look at the disk"
            );
            for piece in pieces.iter().flat_map(|piece| piece.chunks(settings.largest.max(1))) {
                let number = self.state.number();
                let message = Message { key: String::new(), payload: Bytes::copy_from_slice(piece) };
                let reason = format!("{} bytes of segment {segment} of the journal are damaged", piece.len());
                batch.push(Record::Message { number, sent: now, message });
                batch.push(Record::Dead { number, at: now, reason });
            }
        }
        self.commit(&batch, settings.segment)?;
        let last = damage.last().map_or(0, |(segment, _)| *segment);
        while let Some(oldest) = self.files.oldest().filter(|oldest| *oldest <= last) {
            self.carry_over(oldest, settings.segment)?;
        }
        Ok(())
    }
}

/// Nothing was written: everything that was to be has failed.
fn failed(answers: Vec<Result<u64, QueueError>>, error: &io::Error) -> Vec<Result<u64, QueueError>> {
    let failure = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            QueueError::Full(format!("there is no room on the volume of the journal ({error}): make space"))
        }
        _ => QueueError::Unavailable(format!("the journal cannot be written ({error}): look at the volume")),
    };
    answers.into_iter().map(|answer| answer.and_then(|_| Err(failure.clone()))).collect()
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
