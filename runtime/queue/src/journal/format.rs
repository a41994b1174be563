//! Records as bytes. Pure; the format is told at the top of the module [`super`].

use bytes::Bytes;
use jiff::Timestamp;

use crate::Message;

/// What a record begins with.
const MARK: [u8; 4] = *b"rec1";
/// Mark, length of the body, checksum.
pub(super) const HEAD: usize = 12;
/// Bytes of a segment's header.
pub(super) const HEADER: usize = 20;
const MAGIC: [u8; 4] = *b"TRQJ";
const VERSION: u16 = 1;

/// A thing that happened. Applied in order they make the queue's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// A message came, or was carried to a newer segment.
    Message { number: u64, sent: Timestamp, message: Message },
    /// These messages are acknowledged.
    Done(Vec<u64>),
    /// These dead letters are discarded.
    Discarded(Vec<u64>),
    /// This one was given up.
    Dead { number: u64, at: Timestamp, reason: String },
    /// A dead letter becomes the newest message.
    Again { dead: u64, number: u64 },
}

impl Record {
    /// Appends its bytes.
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        let start = to.len();
        to.extend_from_slice(&MARK);
        to.extend_from_slice(&[0; HEAD - MARK.len()]);
        match self {
            Self::Message { number, sent, message } => {
                to.push(1);
                to.extend_from_slice(&number.to_le_bytes());
                to.extend_from_slice(&sent.as_microsecond().to_le_bytes());
                // A key has at most 512 bytes.
                to.extend_from_slice(&u16::try_from(message.key.len()).unwrap_or(u16::MAX).to_le_bytes());
                to.extend_from_slice(message.key.as_bytes());
                to.extend_from_slice(&message.payload);
            }
            Self::Done(numbers) | Self::Discarded(numbers) => {
                to.push(if matches!(self, Self::Done(_)) { 2 } else { 5 });
                for number in numbers {
                    to.extend_from_slice(&number.to_le_bytes());
                }
            }
            Self::Dead { number, at, reason } => {
                to.push(3);
                to.extend_from_slice(&number.to_le_bytes());
                to.extend_from_slice(&at.as_microsecond().to_le_bytes());
                to.extend_from_slice(reason.as_bytes());
            }
            Self::Again { dead, number } => {
                to.push(4);
                to.extend_from_slice(&dead.to_le_bytes());
                to.extend_from_slice(&number.to_le_bytes());
            }
        }
        let length = u32::try_from(to.len() - start - HEAD).unwrap_or(u32::MAX).to_le_bytes();
        let sum = to.get(start + HEAD..).map_or(0, |body| crc32c::crc32c_append(crc32c::crc32c(&length), body));
        let head = [length, sum.to_le_bytes()].concat();
        if let Some(place) = to.get_mut(start + MARK.len()..start + HEAD) {
            place.copy_from_slice(&head);
        }
    }

    /// The record that these bytes begin with, and its length; none if they do not begin with a whole one.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let (mark, rest) = bytes.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (sum, rest) = rest.split_first_chunk::<4>()?;
        if *mark != MARK {
            return None;
        }
        let body = rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        if crc32c::crc32c_append(crc32c::crc32c(length), body) != u32::from_le_bytes(*sum) {
            return None;
        }
        Some((Self::body(body)?, HEAD + body.len()))
    }

    fn body(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        if matches!(kind, 2 | 5) {
            let (numbers, []) = rest.as_chunks::<8>() else { return None };
            let numbers = numbers.iter().map(|number| u64::from_le_bytes(*number)).collect();
            return Some(if *kind == 2 { Self::Done(numbers) } else { Self::Discarded(numbers) });
        }
        let (number, rest) = rest.split_first_chunk::<8>()?;
        let (second, rest) = rest.split_first_chunk::<8>()?;
        let number = u64::from_le_bytes(*number);
        let time = || Timestamp::from_microsecond(i64::from_le_bytes(*second)).ok();
        match kind {
            1 => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                let (key, payload) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
                let key = String::from_utf8(key.to_vec()).ok()?;
                let message = Message { key, payload: Bytes::copy_from_slice(payload) };
                Some(Self::Message { number, sent: time()?, message })
            }
            3 => Some(Self::Dead { number, at: time()?, reason: String::from_utf8(rest.to_vec()).ok()? }),
            4 if rest.is_empty() => Some(Self::Again { dead: number, number: u64::from_le_bytes(*second) }),
            _ => None,
        }
    }
}

/// The header of a segment.
pub(super) fn header(number: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let content = [&MAGIC[..], &VERSION.to_le_bytes(), &[0; 2], &number.to_le_bytes()].concat();
    let sum = crc32c::crc32c(&content).to_le_bytes();
    for (place, byte) in header.iter_mut().zip(content.into_iter().chain(sum)) {
        *place = byte;
    }
    header
}

/// The version that a header names, if it is a whole one.
pub(super) fn version(bytes: &[u8]) -> Option<u16> {
    let (content, sum) = bytes.get(..HEADER)?.split_last_chunk::<4>()?;
    let whole = content.starts_with(&MAGIC) && crc32c::crc32c(content).to_le_bytes() == *sum;
    whole.then_some(u16::from_le_bytes(*content.get(4..)?.first_chunk()?))
}

/// Whether this program can read a version.
pub(super) const fn is_known(version: u16) -> bool {
    version == VERSION
}

/// What stands in a segment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Where each record stands, and it.
    pub(super) records: Vec<(usize, usize, Record)>,
    /// Pieces in which there is no record, with records behind them.
    pub(super) damage: Vec<std::ops::Range<usize>>,
    /// Where the last record ends: what follows is none.
    pub(super) end: usize,
}

/// Reads a segment from `start` on.
pub(super) fn scan(bytes: &[u8], start: usize) -> Scan {
    let mut scan = Scan { end: start, ..Scan::default() };
    let mut at = start;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match Record::read(rest) {
            Some((record, length)) => {
                if at > scan.end {
                    scan.damage.push(scan.end..at);
                }
                scan.records.push((at, length, record));
                at += length;
                scan.end = at;
            }
            // On to the next place where one may begin.
            None => at += 1 + rest.get(1..).and_then(next_mark).unwrap_or(rest.len()),
        }
    }
    scan
}

fn next_mark(bytes: &[u8]) -> Option<usize> {
    bytes.windows(MARK.len()).position(|four| four == MARK)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records() -> impl Strategy<Value = Record> {
        let time = || (0_i64..1 << 50).prop_map(|micros| Timestamp::from_microsecond(micros).unwrap());
        prop_oneof![
            (any::<u64>(), time(), any::<String>(), any::<Vec<u8>>()).prop_map(|(number, sent, key, payload)| {
                Record::Message { number, sent, message: Message { key, payload: Bytes::from(payload) } }
            }),
            any::<Vec<u64>>().prop_map(Record::Done),
            any::<Vec<u64>>().prop_map(Record::Discarded),
            (any::<u64>(), time(), any::<String>()).prop_map(|(number, at, reason)| Record::Dead {
                number,
                at,
                reason
            }),
            any::<(u64, u64)>().prop_map(|(dead, number)| Record::Again { dead, number }),
        ]
    }

    fn written(records: &[Record]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for record in records {
            record.write(&mut bytes);
        }
        bytes
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(all in proptest::collection::vec(records(), 0..8)) {
            let bytes = written(&all);
            let scan = scan(&bytes, 0);
            prop_assert_eq!(scan.records.into_iter().map(|it| it.2).collect::<Vec<_>>(), all);
            prop_assert_eq!((scan.damage, scan.end), (vec![], bytes.len()));
        }

        #[test]
        fn a_changed_byte_costs_the_record_that_it_is_in(
            all in proptest::collection::vec(records(), 1..6), place: proptest::sample::Index, change in 1_u8..,
        ) {
            let mut bytes = written(&all);
            let place = place.index(bytes.len());
            bytes[place] ^= change;
            let mut ends = 0;
            let hit = all.iter().position(|record| { ends += written(std::slice::from_ref(record)).len(); place < ends }).unwrap();
            let mut expected = all;
            expected.remove(hit);
            let scan = scan(&bytes, 0);
            prop_assert_eq!(scan.records.into_iter().map(|it| it.2).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn no_bytes_are_too_odd(bytes: Vec<u8>) {
            scan(&bytes, 0);
            version(&bytes);
        }
    }

    #[test]
    fn the_format_is_as_it_is_told() {
        let message = Message { key: "k".to_owned(), payload: Bytes::from_static(b"p") };
        let record = Record::Message { number: 2, sent: Timestamp::UNIX_EPOCH, message };
        assert_eq!(hex(&written(&[record])), "72656331150000005e2cfd85010200000000000000000000000000000001006b70");
        assert_eq!((version(&header(7)), version(&header(7)[..19]), version(&[0; HEADER])), (Some(1), None, None));
    }

    fn hex(bytes: &[u8]) -> String {
        use std::fmt::Write as _;
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}
