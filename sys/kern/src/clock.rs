// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Milliseconds, the unit of the interface, from the ticks of the hardware counter.

/// Converts between counter ticks and milliseconds without ever dividing at run time.
#[derive(Copy, Clone, Debug)]
pub struct Clock {
    ticks_per_ms: u32,
    /// 2^64 divided by `ticks_per_ms`, rounded down.
    reciprocal: u64,
}

impl Clock {
    /// A clock for a counter of `frequency` Hz.
    ///
    /// # Panics
    ///
    /// Below 2 kHz there is no millisecond to be told; such a frequency was never set up.
    pub const fn new(frequency: u32) -> Self {
        let ticks_per_ms = frequency / 1000;
        assert!(ticks_per_ms >= 2, "the frequency of the timer is not set");
        Self {
            ticks_per_ms,
            reciprocal: ((1u128 << 64) / ticks_per_ms as u128) as u64,
        }
    }

    /// The whole milliseconds in `ticks`.
    pub fn milliseconds(&self, ticks: u64) -> u64 {
        // The reciprocal is rounded down by less than one part in 2^64, so the estimate is at most one too small.
        let estimate = high_half(ticks, self.reciprocal);
        let rest = ticks.wrapping_sub(estimate.wrapping_mul(u64::from(self.ticks_per_ms)));
        estimate.wrapping_add(u64::from(rest >= u64::from(self.ticks_per_ms)))
    }

    /// The first tick of a millisecond; a time beyond the counter's range saturates and is never reached.
    #[inline(always)]
    pub fn ticks(&self, milliseconds: u64) -> u64 {
        milliseconds.saturating_mul(u64::from(self.ticks_per_ms))
    }
}

/// The upper half of the product of two 64-bit numbers.
fn high_half(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn qemu_counts_62500_ticks_a_millisecond() {
        let clock = Clock::new(62_500_000);
        assert_eq!(clock.ticks(3), 187_500);
        assert_eq!(clock.milliseconds(187_499), 2);
        assert_eq!(clock.milliseconds(187_500), 3);
        assert_eq!(clock.milliseconds(u64::MAX), u64::MAX / 62_500);
        assert_eq!(clock.ticks(u64::MAX), u64::MAX);
    }

    #[test]
    #[should_panic(expected = "frequency")]
    fn an_unset_frequency_is_refused() {
        Clock::new(0);
    }

    proptest! {
        #![proptest_config(crate::tests::cases(500, 20))]

        #[test]
        fn the_reciprocal_divides_exactly(frequency in 2_000u32.., ticks: u64) {
            let clock = Clock::new(frequency);
            prop_assert_eq!(clock.milliseconds(ticks), ticks / u64::from(frequency / 1000));
        }

        #[test]
        fn a_deadline_is_due_in_its_millisecond(frequency in 2_000u32.., ms in 0u64..1 << 40, off in 0u64..1 << 22) {
            let clock = Clock::new(frequency);
            let start = clock.ticks(ms);
            prop_assert_eq!(clock.milliseconds(start), ms);
            prop_assert!(start == 0 || clock.milliseconds(start - 1) < ms);
            prop_assert!(clock.milliseconds(start + off) >= ms);
        }
    }
}
