//! Seeded chance, the same on every platform.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A stream of random draws.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// Streams of one seed are independent, so a change to one person leaves the others as they were.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Self(generator)
    }

    /// 64 random bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A uniform index below `count`; 0 when `count` is 0.
    pub(super) fn below(&mut self, count: usize) -> usize {
        self.scaled(count as u64) as usize
    }

    /// A uniform integer from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = high.saturating_sub(low).saturating_add(1).max(1);
        low.saturating_add(self.scaled(width as u64) as i64)
    }

    fn scaled(&mut self, width: u64) -> u64 {
        let product = u128::from(self.bits()) * u128::from(width);
        (product >> 64) as u64
    }

    /// A uniform number in `[0, 1)`.
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with the given probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of the options; the type's default when there are none.
    pub(super) fn choose<T: Copy + Default>(&mut self, options: &[T]) -> T {
        self.pick(options).copied().unwrap_or_default()
    }

    /// One of the options by reference.
    pub(super) fn pick<'a, T>(&mut self, options: &'a [T]) -> Option<&'a T> {
        options.get(self.below(options.len()))
    }

    /// An index drawn by weight, given the weights' running sums.
    pub(super) fn weighted(&mut self, cumulative: &[f64]) -> usize {
        let total = cumulative.last().copied().unwrap_or_default();
        let mark = self.unit() * total;
        cumulative.partition_point(|sum| *sum <= mark)
    }

    /// A log-normal amount with the given median.
    pub(super) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * libm::exp(sigma * self.normal())
    }

    /// A Poisson count; for small means.
    pub(super) fn count(&mut self, mean: f64) -> usize {
        let floor = libm::exp(-mean);
        let mut product = self.unit();
        let mut count = 0;
        while product > floor {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// Box-Muller; the second value is not worth keeping.
    fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(core::f64::consts::TAU * self.unit())
    }
}

/// The running sums of some weights, for [`Dice::weighted`].
pub(super) fn cumulate(weights: impl IntoIterator<Item = f64>) -> Vec<f64> {
    weights
        .into_iter()
        .scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        })
        .collect()
}
