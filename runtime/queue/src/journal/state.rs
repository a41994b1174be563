//! What the records come to: which messages wait, who holds them, which are dead. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::format::Record;

/// Keys share this many lines; a line is in one consumer's hands at a time.
const LINES: u32 = 64;

/// Where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) segment: u64,
    pub(super) at: u64,
    pub(super) length: u64,
}

/// A dead letter.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) message: Place,
    line: u32,
    /// Where it stands that it is dead.
    burial: Place,
    pub(super) at: Timestamp,
    pub(super) reason: String,
}

#[derive(Debug, Default)]
struct Line {
    /// What is not acknowledged, by number: that is their order.
    waiting: BTreeMap<u64, Place>,
    /// The last one that was given out; those up to it are in hand.
    after: Option<u64>,
    holder: Option<u64>,
}

impl Line {
    /// Free again when nothing is in hand.
    fn settle(&mut self) {
        let in_hand = self.after.is_some_and(|after| self.waiting.range(..=after).next().is_some());
        if !in_hand {
            self.holder = None;
        }
    }
}

/// The state.
#[derive(Debug)]
pub(super) struct State {
    lines: Vec<Line>,
    /// In which line a waiting message stands.
    places: BTreeMap<u64, u32>,
    dead: BTreeMap<u64, Letter>,
    /// Bytes in each segment that are still needed.
    live: BTreeMap<u64, u64>,
    next: u64,
}

impl Default for State {
    fn default() -> Self {
        let lines = (0..LINES).map(|_| Line::default()).collect();
        Self { lines, places: BTreeMap::new(), dead: BTreeMap::new(), live: BTreeMap::new(), next: 1 }
    }
}

impl State {
    /// A record stands at a place. Whatever it says of messages that are not there is nothing: records may come twice.
    /// Gives how many messages or letters it concerned.
    pub(super) fn apply(&mut self, record: &Record, place: Place) -> u64 {
        match record {
            Record::Message { number, message, .. } => {
                self.next = self.next.max(number.saturating_add(1));
                let line = crc32c::crc32c(message.key.as_bytes()) % LINES;
                if let Some(letter) = self.dead.get_mut(number) {
                    let old = std::mem::replace(&mut letter.message, place);
                    self.freed(old);
                } else {
                    self.waits(*number, line, place);
                }
                self.used(place);
                1
            }
            Record::Done(numbers) => numbers.iter().map(|number| u64::from(self.done(*number))).sum(),
            Record::Discarded(numbers) => numbers.iter().map(|number| u64::from(self.discarded(*number))).sum(),
            Record::Dead { number, at, reason } => {
                if let Some(letter) = self.dead.get_mut(number) {
                    let old = std::mem::replace(&mut letter.burial, place);
                    self.freed(old);
                } else {
                    let Some((line, message)) = self.take(*number) else { return 0 };
                    let letter = Letter { message, line, burial: place, at: *at, reason: reason.clone() };
                    self.dead.insert(*number, letter);
                }
                self.used(place);
                1
            }
            Record::Again { dead, number } => {
                self.next = self.next.max(number.saturating_add(1));
                let Some(letter) = self.dead.remove(dead) else { return 0 };
                self.freed(letter.burial);
                self.waits(*number, letter.line, letter.message);
                1
            }
        }
    }

    /// The number of the next message; no other one gets it.
    pub(super) fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    fn waits(&mut self, number: u64, line: u32, place: Place) {
        self.places.insert(number, line);
        if let Some(old) = self.line(line).and_then(|line| line.waiting.insert(number, place)) {
            self.freed(old);
        }
    }

    /// Takes a waiting message out of its line.
    fn take(&mut self, number: u64) -> Option<(u32, Place)> {
        let number_of_line = self.places.remove(&number)?;
        let line = self.line(number_of_line)?;
        let place = line.waiting.remove(&number)?;
        line.settle();
        Some((number_of_line, place))
    }

    fn done(&mut self, number: u64) -> bool {
        let Some((_, place)) = self.take(number) else { return false };
        self.freed(place);
        true
    }

    fn discarded(&mut self, number: u64) -> bool {
        let Some(letter) = self.dead.remove(&number) else { return false };
        self.freed(letter.message);
        self.freed(letter.burial);
        true
    }

    fn line(&mut self, number: u32) -> Option<&mut Line> {
        self.lines.get_mut(usize::try_from(number).ok()?)
    }

    fn used(&mut self, place: Place) {
        *self.live.entry(place.segment).or_default() += place.length;
    }

    fn freed(&mut self, place: Place) {
        if let Some(live) = self.live.get_mut(&place.segment) {
            *live = live.saturating_sub(place.length);
        }
    }

    /// Gives out messages to a consumer: from lines that are free or in its hands, beginning with line `turn`. At most so many, and
    /// so many bytes, but one at least.
    pub(super) fn give(&mut self, consumer: u64, turn: usize, messages: usize, bytes: u64) -> Vec<(u64, Place)> {
        let (mut given, mut room) = (Vec::new(), bytes);
        let number = self.lines.len().max(1);
        let (before, from) = self.lines.split_at_mut(turn % number);
        for line in from.iter_mut().chain(before) {
            if line.holder.is_some_and(|holder| holder != consumer) {
                continue;
            }
            let from = line.after.map_or(0, |after| after.saturating_add(1));
            for (number, place) in line.waiting.range(from..) {
                if given.len() >= messages || (place.length > room && !given.is_empty()) {
                    return given;
                }
                room = room.saturating_sub(place.length);
                line.after = Some(*number);
                line.holder = Some(consumer);
                given.push((*number, *place));
            }
        }
        given
    }

    /// A consumer is gone: what it held is given out again.
    pub(super) fn release(&mut self, consumer: u64) {
        for line in self.lines.iter_mut().filter(|line| line.holder == Some(consumer)) {
            line.holder = None;
            line.after = None;
        }
    }

    /// Messages that wait and letters.
    pub(super) fn figures(&self) -> (u64, u64) {
        let number = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        (number(self.places.len()), number(self.dead.len()))
    }

    /// The dead letters by number.
    pub(super) fn dead(&self) -> &BTreeMap<u64, Letter> {
        &self.dead
    }

    /// Bytes that are still needed, in all segments.
    pub(super) fn live(&self) -> u64 {
        self.live.values().sum()
    }

    /// Bytes of a segment that are still needed.
    pub(super) fn live_in(&self, segment: u64) -> u64 {
        self.live.get(&segment).copied().unwrap_or_default()
    }

    /// What is needed of the oldest segment: messages by number, a dead one with the record that says so. That record stands behind
    /// its message always, so it is carried along with it.
    pub(super) fn needed_of(&self, segment: u64) -> Vec<(u64, Place, Option<Record>)> {
        let waiting = self.lines.iter().flat_map(|line| &line.waiting).map(|(number, place)| (*number, *place, None));
        let dead = self.dead.iter().map(|(number, letter)| {
            let record = Record::Dead { number: *number, at: letter.at, reason: letter.reason.clone() };
            (*number, letter.message, Some(record))
        });
        waiting.chain(dead).filter(|(_, place, _)| place.segment == segment).collect()
    }

    /// A segment is gone.
    pub(super) fn forget(&mut self, segment: u64) {
        self.live.remove(&segment);
    }
}
