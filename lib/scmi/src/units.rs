// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Quantities as people read them.

use core::fmt;

/// `value` times ten to the power of `exponent`, written as a decimal number with all the digits it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scaled {
    /// The integer as it is on the wire.
    pub value: i64,
    /// The power of ten.
    pub exponent: i8,
}

/// Powers of ten that fit; beyond, the number is written with an `e`.
const MOST_DECIMALS: u8 = 19;

impl fmt::Display for Scaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.value < 0 { "-" } else { "" };
        let magnitude = self.value.unsigned_abs();
        let digits = self.exponent.unsigned_abs();
        if magnitude == 0 || digits == 0 {
            write!(f, "{sign}{magnitude}")
        } else if digits > MOST_DECIMALS {
            write!(f, "{sign}{magnitude}e{}", self.exponent)
        } else if self.exponent > 0 {
            write!(
                f,
                "{sign}{magnitude}{:0width$}",
                0,
                width = usize::from(digits)
            )
        } else {
            let scale = 10_u64.saturating_pow(u32::from(digits));
            let whole = magnitude.checked_div(scale).unwrap_or(0);
            let part = magnitude.checked_rem(scale).unwrap_or(0);
            write!(
                f,
                "{sign}{whole}.{part:0width$}",
                width = usize::from(digits)
            )
        }
    }
}

/// A number with the largest of these prefixes that leaves something before the point, and up to three decimals.
fn prefixed(
    f: &mut fmt::Formatter<'_>,
    negative: bool,
    value: u64,
    unit: &str,
    prefixes: &[&str],
) -> fmt::Result {
    let (mut whole, mut thousandths) = (value, 0);
    let mut prefixes = prefixes.iter().copied();
    let mut prefix = prefixes.next().unwrap_or("");
    while whole >= 1000 {
        let Some(larger) = prefixes.next() else { break };
        prefix = larger;
        thousandths = whole % 1000;
        whole /= 1000;
    }
    let sign = if negative { "-" } else { "" };
    match thousandths {
        0 => write!(f, "{sign}{whole} {prefix}{unit}"),
        part if part % 100 == 0 => write!(f, "{sign}{whole}.{} {prefix}{unit}", part / 100),
        part if part % 10 == 0 => write!(f, "{sign}{whole}.{:02} {prefix}{unit}", part / 10),
        part => write!(f, "{sign}{whole}.{part:03} {prefix}{unit}"),
    }
}

/// A frequency in hertz. Shown with at most three decimals, cut, not rounded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Hertz(pub u64);

impl fmt::Display for Hertz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        prefixed(f, false, self.0, "Hz", &["", "k", "M", "G"])
    }
}

/// A voltage in microvolts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Microvolts(pub i32);

impl fmt::Display for Microvolts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        prefixed(
            f,
            self.0 < 0,
            u64::from(self.0.unsigned_abs()),
            "V",
            &["u", "m", ""],
        )
    }
}

/// A time in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Microseconds(pub u32);

impl fmt::Display for Microseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        prefixed(f, false, u64::from(self.0), "s", &["u", "m", ""])
    }
}

/// What a number that stands for power means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PowerUnit {
    /// An abstract scale: only comparisons make sense.
    Abstract,
    /// Milliwatts.
    Milliwatts,
    /// Microwatts.
    Microwatts,
    /// A code that the specification does not define.
    Undefined,
}

/// A power, or a cost in its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PowerValue {
    /// The number as it is on the wire.
    pub value: u32,
    /// What it means.
    pub unit: PowerUnit,
}

impl fmt::Display for PowerValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            PowerUnit::Milliwatts => prefixed(f, false, u64::from(self.value), "W", &["m", ""]),
            PowerUnit::Microwatts => {
                prefixed(f, false, u64::from(self.value), "W", &["u", "m", ""])
            }
            PowerUnit::Abstract => write!(f, "{} (abstract)", self.value),
            PowerUnit::Undefined => write!(f, "{} (unit undefined)", self.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_numbers_keep_every_digit() {
        let shown = |value, exponent| Scaled { value, exponent }.to_string();
        assert_eq!(shown(23_500, -3), "23.500");
        assert_eq!(shown(-5, -3), "-0.005");
        assert_eq!(shown(42, 0), "42");
        assert_eq!(shown(42, 3), "42000");
        assert_eq!(shown(0, 15), "0");
        assert_eq!(shown(i64::MIN, 15), "-9223372036854775808000000000000000");
        assert_eq!(shown(i64::MIN, -16), "-922.3372036854775808");
        assert_eq!(shown(i64::MAX, -19), "0.9223372036854775807");
        assert_eq!(shown(7, -20), "7e-20");
        assert_eq!(shown(7, i8::MIN), "7e-128");
    }

    #[test]
    fn prefixes_are_chosen_and_decimals_trimmed() {
        assert_eq!(Hertz(1_200_000_000).to_string(), "1.2 GHz");
        assert_eq!(Hertz(32_768).to_string(), "32.768 kHz");
        assert_eq!(Hertz(999).to_string(), "999 Hz");
        assert_eq!(Hertz(19_250_000).to_string(), "19.25 MHz");
        assert_eq!(Hertz(u64::MAX).to_string(), "18446744073.709 GHz");
        assert_eq!(Microvolts(850_000).to_string(), "850 mV");
        assert_eq!(Microvolts(-1_050_000).to_string(), "-1.05 V");
        assert_eq!(Microvolts(i32::MIN).to_string(), "-2147.483 V");
        assert_eq!(Microseconds(250).to_string(), "250 us");
        assert_eq!(Microseconds(u32::MAX).to_string(), "4294.967 s");
        assert_eq!(
            PowerValue {
                value: 2500,
                unit: PowerUnit::Milliwatts
            }
            .to_string(),
            "2.5 W"
        );
        assert_eq!(
            PowerValue {
                value: 7,
                unit: PowerUnit::Abstract
            }
            .to_string(),
            "7 (abstract)"
        );
    }
}
