//! Randomness as a value that is passed in, so that a repeated request makes the same ids.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// A source of unpredictable bytes.
pub trait Entropy {
    /// The next 16 bytes.
    fn bytes(&mut self) -> [u8; 16];

    /// A new id in the form of a version 4 UUID.
    fn uuid(&mut self) -> String {
        uuid(self.bytes())
    }
}

/// SHA-256 of a seed and a counter: unpredictable to who does not know the seed, repeatable to who does.
#[derive(Clone, Debug)]
pub struct SeededEntropy {
    seed: [u8; 32],
    counter: u64,
}

impl SeededEntropy {
    /// Starts the sequence that belongs to the seed.
    #[must_use]
    pub const fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0 }
    }
}

impl Entropy for SeededEntropy {
    fn bytes(&mut self) -> [u8; 16] {
        let mut hash = Sha256::new();
        hash.update(self.seed);
        hash.update(self.counter.to_le_bytes());
        self.counter = self.counter.wrapping_add(1);
        first_16(&hash.finalize())
    }
}

/// The first half of a 32-byte digest.
#[must_use]
pub fn first_16(digest: &[u8]) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(digest) {
        *to = *from;
    }
    bytes
}

/// The bytes as a UUID with the bits of version 4 set.
#[must_use]
pub fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    dashed(bytes)
}

/// The bytes as a UUID of version 7 (RFC 9562): the time in milliseconds stands first, so that what was made at about the
/// same time stands together in an index, which makes writing cheap. Without a time the bytes as they are.
#[must_use]
pub fn dated(time: Option<Timestamp>, mut bytes: [u8; 16]) -> String {
    if let Some(time) = time {
        let [_, _, millis @ ..] = time.as_millisecond().max(0).to_be_bytes();
        for (to, from) in bytes.iter_mut().zip(millis) {
            *to = from;
        }
        bytes[6] = (bytes[6] & 0x0f) | 0x70;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
    }
    dashed(bytes)
}

/// The bytes in hexadecimal digits, grouped 8-4-4-4-12.
#[must_use]
pub fn dashed(bytes: [u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_and_differs() {
        let mut one = SeededEntropy::new([7; 32]);
        let mut two = SeededEntropy::new([7; 32]);
        let first = one.uuid();
        assert_eq!(first, two.uuid());
        assert_ne!(first, one.uuid());
        assert_eq!(first.len(), 36);
        assert_eq!(&first[14..15], "4");
        assert_ne!(SeededEntropy::new([8; 32]).uuid(), first);
    }

    #[test]
    fn dated_ids_begin_with_their_time() {
        let at = |text: &str| dated(Some(text.parse().unwrap()), [0xff; 16]);
        assert_eq!(at("2022-02-22T19:22:22Z"), "017f22e2-79b0-7fff-bfff-ffffffffffff");
        assert_eq!(at("1969-12-31T23:59:59Z"), "00000000-0000-7fff-bfff-ffffffffffff");
        assert!(at("9999-12-30T22:00:00.999Z") > at("2026-11-21T00:00:00Z"));
        assert_eq!(dated(None, [0xab; 16]), "abababab-abab-abab-abab-abababababab");
    }
}
