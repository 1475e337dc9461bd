//! Who is asked for how often: Zipf's law, and numbers without a pattern that are the same in each run. Pure.

/// Ranks from 0, the n-th of them 1/n times as often as the first, as hosts of a farm and files of a site have it.
#[derive(Clone, Debug)]
pub struct Zipf {
    /// Of the weights up to each rank.
    sums: Vec<f64>,
    chance: Chance,
}

impl Zipf {
    /// Draws of `count` ranks. Two with the same seed draw the same.
    #[must_use]
    pub fn new(count: u32, seed: u64) -> Self {
        let mut sum = 0.0;
        let weight = |n: u32| {
            sum += 1.0 / f64::from(n);
            sum
        };
        Self {
            sums: (1..=count).map(weight).collect(),
            chance: Chance(seed),
        }
    }
}

/// Without an end, unless there are no ranks.
impl Iterator for Zipf {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let at = self.chance.next() * self.sums.last()?;
        Some(self.sums.partition_point(|sum| *sum < at))
    }
}

/// Knuth's linear congruential generator.
#[derive(Clone, Debug)]
struct Chance(u64);

impl Chance {
    /// From 0 up to 1.
    fn next(&mut self) -> f64 {
        let Self(state) = self;
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        #[expect(clippy::cast_precision_loss, reason = "31 bits")]
        let high = (*state >> 33) as f64;
        high / f64::from(1_u32 << 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rank_is_as_often_as_its_share() {
        const DRAWS: usize = 200_000;
        let mut counts = vec![0_u32; 1000];
        for rank in Zipf::new(1000, 1).take(DRAWS) {
            counts[rank] += 1;
        }

        // The sum of 1/n up to 1,000 is 7.485.
        let first = DRAWS as f64 / 7.485;
        for rank in [0, 1, 9, 99] {
            let wanted = first / (rank + 1) as f64;
            let share = f64::from(counts[rank]) / wanted;
            assert!((0.8..1.2).contains(&share), "rank {rank}: {share}");
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_and_another_does_not() {
        let draw = |seed| -> Vec<usize> { Zipf::new(1000, seed).take(100).collect() };

        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn every_draw_is_a_rank_and_of_none_there_are_none() {
        assert!(Zipf::new(3, 9).take(10_000).all(|rank| rank < 3));
        assert!(Zipf::new(1, 9).take(100).all(|rank| rank == 0));
        assert_eq!(Zipf::new(0, 9).next(), None);
    }
}
