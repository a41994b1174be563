//! Numbers that are the same for a seed on every platform and in every version (SplitMix64). Not for secrets.

/// The generator.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator for a seed and a stream of it: streams of one seed are independent of one another.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = Self(seed);
        let start = rng.draw() ^ stream.wrapping_mul(0xd134_2543_de82_ef95);
        let mut rng = Self(start);
        // Neighbouring streams differ in few bits; one more mixing keeps their first numbers apart.
        Self(rng.draw())
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// A number below `end` (0 when `end` is 0).
    pub fn below(&mut self, end: u64) -> u64 {
        u64::try_from((u128::from(self.draw()) * u128::from(end)) >> 64).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True in `percent` of all cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of the items, which must not be empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let index = usize::try_from(self.below(items.len() as u64)).unwrap_or(0);
        &items[index]
    }

    /// One of the items, each as likely as its weight says.
    pub fn weighted<'a, T>(&mut self, items: &'a [T], weight: impl Fn(&T) -> u64) -> &'a T {
        let mut left = self.below(items.iter().map(&weight).sum());
        for item in items {
            let own = weight(item);
            if left < own {
                return item;
            }
            left -= own;
        }
        &items[0]
    }

    /// An id in the format of UUID version 4.
    pub fn uuid(&mut self) -> String {
        let (high, low) = (self.draw(), self.draw());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            (low >> 48) & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_of_a_seed_never_changes() {
        // The first outputs of SplitMix64 for seed 0, as published with the algorithm.
        let mut reference = Rng(0);
        assert_eq!(reference.draw(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(reference.draw(), 0x6e78_9e6a_a1b9_65f4);
        let mut rng = Rng::new(1, 0);
        let drawn: Vec<u64> = (0..6).map(|_| rng.between(1, 6)).collect();
        insta::assert_snapshot!(format!("{drawn:?} {} {}", rng.uuid(), Rng::new(1, 1).uuid()));
    }

    #[test]
    fn weights_are_kept() {
        let mut rng = Rng::new(7, 7);
        let mut seen = [0_u32; 3];
        for _ in 0..10_000 {
            seen[*rng.weighted(&[0_usize, 1, 2], |item| [1, 0, 3][*item])] += 1;
        }
        assert_eq!(seen[1], 0);
        assert!((2_300..2_700).contains(&seen[0]), "{seen:?}");
    }
}
