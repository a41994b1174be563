//! Which partition a key belongs to: the one where Kafka's own clients put it, so that all who write agree. Pure.

const SEED: u32 = 0x9747_b28c;
const M: u32 = 0x5bd1_e995;

/// The place of a key's partition among so many; none if there are none.
pub(super) fn of(key: &[u8], partitions: usize) -> Option<usize> {
    let hash = murmur2(key) & 0x7fff_ffff;
    usize::try_from(hash).ok()?.checked_rem(partitions)
}

/// MurmurHash2 by Austin Appleby, 32 bits.
fn murmur2(bytes: &[u8]) -> u32 {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let (words, rest) = bytes.as_chunks::<4>();
    let mut hash = words.iter().fold(SEED ^ length, |hash, word| {
        let word = u32::from_le_bytes(*word).wrapping_mul(M);
        hash.wrapping_mul(M) ^ (word ^ (word >> 24)).wrapping_mul(M)
    });
    if !rest.is_empty() {
        let last = rest.iter().rev().fold(0, |last, byte| last << 8 | u32::from(*byte));
        hash = (hash ^ last).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that Kafka's own tests have.
    #[test]
    fn hashes() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
        assert_eq!((of(b"abc", 0), of(b"abc", 1)), (None, Some(0)));
    }
}
