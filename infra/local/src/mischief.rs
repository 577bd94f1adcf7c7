//! What a queue may do to messages: lose, repeat, delay and reorder them.
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use std::time::Duration;

/// A seeded source of trouble. SQS itself repeats and reorders; losing is for testing the sweep.
#[derive(Debug)]
pub struct Mischief {
    random: StdRng,
    drop: f64,
    repeat: f64,
    most_repeats: u32,
    delay: f64,
    longest_delay: Duration,
    reorder: bool,
}

impl Default for Mischief {
    fn default() -> Self {
        Self::seeded(0)
    }
}

impl Mischief {
    /// No trouble yet; the same seed makes the same trouble.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            drop: 0.0,
            repeat: 0.0,
            most_repeats: 0,
            delay: 0.0,
            longest_delay: Duration::ZERO,
            reorder: false,
        }
    }

    /// Loses a message with this probability.
    #[must_use]
    pub fn drop(mut self, probability: f64) -> Self {
        self.drop = probability.clamp(0.0, 1.0);
        self
    }

    /// Delivers a message up to `most` more times, with this probability.
    #[must_use]
    pub fn repeat(mut self, probability: f64, most: u32) -> Self {
        (self.repeat, self.most_repeats) = (probability.clamp(0.0, 1.0), most);
        self
    }

    /// Delays a message by up to `longest` more, with this probability.
    #[must_use]
    pub fn delay(mut self, probability: f64, longest: Duration) -> Self {
        (self.delay, self.longest_delay) = (probability.clamp(0.0, 1.0), longest);
        self
    }

    /// Delivers in any order.
    #[must_use]
    pub fn reorder(mut self) -> Self {
        self.reorder = true;
        self
    }

    /// The extra delay of each copy of a message that is sent; none when it is lost.
    pub(crate) fn delays(&mut self) -> Vec<Duration> {
        if self.random.random_bool(self.drop) {
            return Vec::new();
        }
        let repeats = if self.most_repeats > 0 && self.random.random_bool(self.repeat) {
            self.random.random_range(1..=self.most_repeats)
        } else {
            0
        };
        (0..=repeats).map(|_| self.extra_delay()).collect()
    }

    fn extra_delay(&mut self) -> Duration {
        if self.longest_delay.is_zero() || !self.random.random_bool(self.delay) {
            return Duration::ZERO;
        }
        self.longest_delay
            .mul_f64(self.random.random_range(0.0..=1.0))
    }

    pub(crate) fn reorder_now(&mut self, messages: &mut [usize]) {
        if self.reorder {
            messages.shuffle(&mut self.random);
        }
    }
}
