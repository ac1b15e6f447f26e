// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Numbers, quantities and bytes as people type them.

use core::fmt;

use heapless::Vec;

/// Why something typed is not the value that is wanted.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Bad {
    /// It is no number.
    NotANumber,
    /// What follows the number is no unit that is known here.
    Unit,
    /// It has more decimals than can be said to the platform.
    TooFine,
    /// It does not fit.
    OutOfRange,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "not a number",
            Self::Unit => "the unit is unknown",
            Self::TooFine => "more decimals than the platform can be told",
            Self::OutOfRange => "too large or too small",
        })
    }
}

/// A whole number: decimal, or hexadecimal with `0x`.
pub fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    // A sign would be accepted otherwise.
    if !digits.starts_with(|first: char| first.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

/// A unit: how it is written, and its power of ten.
pub type Unit = (&'static str, i8);

/// Frequencies, in hertz.
pub const HERTZ: &[Unit] = &[
    ("", 0),
    ("Hz", 0),
    ("k", 3),
    ("kHz", 3),
    ("M", 6),
    ("MHz", 6),
    ("G", 9),
    ("GHz", 9),
];
/// Voltages; a plain number is in microvolts.
pub const VOLTS: &[Unit] = &[("", -6), ("uV", -6), ("mV", -3), ("V", 0)];
/// Powers, in watts; there is no plain number.
pub const WATTS: &[Unit] = &[("uW", -6), ("mW", -3), ("W", 0)];
/// Times; a plain number is in seconds.
pub const SECONDS: &[Unit] = &[("", 0), ("us", -6), ("ms", -3), ("s", 0)];
/// A number without unit.
pub const PLAIN: &[Unit] = &[("", 0)];

/// A decimal number with one of these units, as a multiple of ten to the power of `exponent`. It must be one exactly.
pub fn quantity(text: &str, units: &[Unit], exponent: i8) -> Result<i64, Bad> {
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(magnitude) => (true, magnitude),
        None => (false, text),
    };
    let end = magnitude
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(magnitude.len());
    let (digits, unit) = magnitude.split_at(end);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || part.contains('.') || digits.ends_with('.') {
        return Err(Bad::NotANumber);
    }
    let power = units.iter().find(|known| known.0 == unit);
    let power = power.ok_or(Bad::Unit)?.1;
    // Zeros at the end say nothing.
    let part = part.trim_end_matches('0');
    let mut value: u64 = 0;
    for digit in whole.bytes().chain(part.bytes()) {
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(u64::from(digit.wrapping_sub(b'0'))))
            .ok_or(Bad::OutOfRange)?;
    }
    // A line has no more than some hundred characters.
    let shift = i32::from(power) - i32::from(exponent) - part.len() as i32;
    let value = shifted(value, shift)?;
    if negative {
        0_i64.checked_sub_unsigned(value).ok_or(Bad::OutOfRange)
    } else {
        i64::try_from(value).map_err(|_| Bad::OutOfRange)
    }
}

/// `value` times ten to the power of `shift`.
fn shifted(value: u64, shift: i32) -> Result<u64, Bad> {
    if value == 0 {
        return Ok(0);
    }
    let scale = 10_u64.checked_pow(shift.unsigned_abs());
    if shift >= 0 {
        let scaled = scale.and_then(|scale| value.checked_mul(scale));
        return scaled.ok_or(Bad::OutOfRange);
    }
    match scale {
        Some(scale) if value.is_multiple_of(scale) => Ok(value / scale),
        _ => Err(Bad::TooFine),
    }
}

/// Most bytes of a message.
pub const BYTES_MAX: usize = 128;

/// Why words are no bytes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum BadBytes<'a> {
    /// A word is neither pairs of hexadecimal digits nor `=` and a number.
    Word(&'a str),
    /// They are more than a message has room for.
    TooMany,
}

impl fmt::Display for BadBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(
                f,
                "`{word}` is no bytes: write pairs of hexadecimal digits, or `=N` for a number of four bytes"
            ),
            Self::TooMany => write!(f, "a message has room for {BYTES_MAX} bytes"),
        }
    }
}

/// Bytes, in the order of the wire: pairs of hexadecimal digits (`01000000 ff`), and `=N` for a number of four bytes, the
/// lowest first.
pub fn bytes<'a>(words: impl Iterator<Item = &'a str>) -> Result<Vec<u8, BYTES_MAX>, BadBytes<'a>> {
    let mut bytes = Vec::new();
    for word in words {
        if let Some(digits) = word.strip_prefix('=') {
            let value = number(digits).ok_or(BadBytes::Word(word))?;
            bytes
                .extend_from_slice(&value.to_le_bytes())
                .map_err(|_| BadBytes::TooMany)?;
            continue;
        }
        let (pairs, rest) = word.as_bytes().as_chunks::<2>();
        if !rest.is_empty() {
            return Err(BadBytes::Word(word));
        }
        for pair in pairs {
            let byte = byte_of(pair).ok_or(BadBytes::Word(word))?;
            bytes.push(byte).map_err(|_| BadBytes::TooMany)?;
        }
    }
    Ok(bytes)
}

fn byte_of(pair: &[u8; 2]) -> Option<u8> {
    let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("4294967295"), Some(u32::MAX));
        assert_eq!(number("0x1F"), Some(31));
        for text in [
            "",
            "-1",
            "+1",
            "1x",
            "0x",
            "4294967296",
            "0x+1",
            "1.0",
            "gpu",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn quantities_with_units() {
        assert_eq!(quantity("800MHz", HERTZ, 0), Ok(800_000_000));
        assert_eq!(quantity("1.6G", HERTZ, 0), Ok(1_600_000_000));
        assert_eq!(quantity("32.768kHz", HERTZ, 0), Ok(32_768));
        assert_eq!(quantity("0.5Hz", HERTZ, 0), Err(Bad::TooFine));
        assert_eq!(quantity("850000", VOLTS, -6), Ok(850_000));
        assert_eq!(quantity("0.85V", VOLTS, -6), Ok(850_000));
        assert_eq!(quantity("-1.050V", VOLTS, -6), Ok(-1_050_000));
        assert_eq!(quantity("2.5W", WATTS, -3), Ok(2500));
        assert_eq!(quantity("70.5", PLAIN, -3), Ok(70_500));
        assert_eq!(quantity("3000", PLAIN, 3), Ok(3));
        assert_eq!(quantity("3001", PLAIN, 3), Err(Bad::TooFine));
        assert_eq!(quantity("0.000", PLAIN, 15), Ok(0));
        assert_eq!(quantity("100ms", SECONDS, -6), Ok(100_000));
    }

    #[test]
    fn what_is_no_quantity_is_told() {
        for text in ["", "-", ".", ".5", "5.", "1.2.3", "1..2", "gpu", "--1"] {
            assert_eq!(quantity(text, HERTZ, 0), Err(Bad::NotANumber), "{text}");
        }
        for text in ["5volts", "5 V", "5v", "5µV", "5e3"] {
            assert_eq!(quantity(text, VOLTS, -6), Err(Bad::Unit), "{text}");
        }
        assert_eq!(quantity("5", WATTS, -3), Err(Bad::Unit));
        assert_eq!(
            quantity("99999999999999999999", PLAIN, 0),
            Err(Bad::OutOfRange)
        );
        assert_eq!(
            quantity("9223372036854775808", PLAIN, 0),
            Err(Bad::OutOfRange)
        );
        assert_eq!(quantity("-9223372036854775808", PLAIN, 0), Ok(i64::MIN));
        assert_eq!(quantity("1", PLAIN, -20), Err(Bad::OutOfRange));
        assert_eq!(quantity("1", PLAIN, 20), Err(Bad::TooFine));
    }

    #[test]
    fn bytes_and_numbers_mix() {
        let of = |text: &'static str| bytes(text.split(' ')).map(|bytes| bytes.to_vec());
        assert_eq!(of("0100 ff"), Ok(vec![1, 0, 0xff]));
        assert_eq!(
            of("=3 =0x1234 aB"),
            Ok(vec![3, 0, 0, 0, 0x34, 0x12, 0, 0, 0xab])
        );
        for text in ["1", "123", "xy", "=", "=-1", "0x10", "=1=2"] {
            assert_eq!(of(text), Err(BadBytes::Word(text)), "{text}");
        }
        let long = "00".repeat(BYTES_MAX);
        assert_eq!(bytes([&long[..]].into_iter()).unwrap().len(), BYTES_MAX);
        assert_eq!(bytes([&long[..], "00"].into_iter()), Err(BadBytes::TooMany));
        assert_eq!(bytes([&long[..], "=0"].into_iter()), Err(BadBytes::TooMany));
    }

    proptest::proptest! {
        #![proptest_config(test_props::config(256, 1))]

        #[test]
        fn any_text_is_answered(text in ".{0,40}", exponent in -20_i8..20) {
            let _ = number(&text);
            let _ = quantity(&text, HERTZ, exponent);
            let _ = bytes(text.split_ascii_whitespace());
        }

        #[test]
        fn what_is_shown_can_be_typed(value in proptest::num::i64::ANY, exponent in -16_i8..1) {
            let shown = scmi::units::Scaled { value, exponent }.to_string();
            // Beyond twenty digits it is no longer held.
            if let Ok(read) = quantity(&shown, PLAIN, exponent) {
                assert_eq!(read, value);
            } else {
                assert!(value.unsigned_abs() > u64::MAX / 10);
            }
        }

        #[test]
        fn bytes_come_as_they_were_typed(wanted in proptest::collection::vec(0_u8.., 0..BYTES_MAX)) {
            let text: String = wanted.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(bytes([&text[..]].into_iter()).unwrap().to_vec(), wanted);
        }
    }
}
