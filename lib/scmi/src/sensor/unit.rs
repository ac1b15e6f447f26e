// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the numbers of a sensor mean (DEN0056, "Sensor type enumerations").

use core::fmt;

use crate::units::Scaled;

/// Reads a five-bit two's complement number.
pub const fn sign_extend(bits: u8) -> i8 {
    ((bits << 3) as i8) >> 3
}

/// What a sensor measures. Every code is one; those that SCMI does not define have no symbol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SensorUnit(pub u8);

impl SensorUnit {
    /// Just a number.
    pub const NONE: Self = Self(0x00);
    /// A unit that the platform does not tell.
    pub const UNSPECIFIED: Self = Self(0x01);
    /// Temperature in degrees Celsius.
    pub const CELSIUS: Self = Self(0x02);
    /// Voltage in volts.
    pub const VOLTS: Self = Self(0x05);
    /// Current in amperes.
    pub const AMPERES: Self = Self(0x06);
    /// Power in watts.
    pub const WATTS: Self = Self(0x07);
    /// Energy in joules.
    pub const JOULES: Self = Self(0x08);
    /// Rotation in turns a minute.
    pub const RPM: Self = Self(0x13);
    /// Frequency in hertz.
    pub const HERTZ: Self = Self(0x14);
    /// Per cent.
    pub const PERCENT: Self = Self(0x41);
    /// Acceleration in metres per second squared.
    pub const METRES_PER_SECOND_SQUARED: Self = Self(0x59);
    /// A state: 0 is off, 1 is on (SCMI 4.0).
    pub const BINARY: Self = Self(0x5e);
    /// The vendor's own unit.
    pub const OEM: Self = Self(0xff);

    /// The sign that stands after a number of this unit; empty for a plain number.
    pub fn symbol(self) -> Option<&'static str> {
        match self {
            Self::OEM => Some("(OEM unit)"),
            Self(code) => SYMBOLS.get(usize::from(code)).copied(),
        }
    }

    /// The code with this symbol, the first if there are several.
    pub fn from_symbol(symbol: &str) -> Option<Self> {
        let code = SYMBOLS.iter().position(|&known| known == symbol)?;
        u8::try_from(code).ok().map(Self)
    }
}

/// In the order of the codes, from 0.
#[rustfmt::skip]
const SYMBOLS: &[&str] = &[
    // 0x00
    "", "(unspecified)", "°C", "°F", "K", "V", "A", "W",
    // 0x08
    "J", "C", "VA", "nit", "lm", "lx", "cd", "kPa",
    // 0x10
    "psi", "N", "CFM", "rpm", "Hz", "s", "min", "h",
    // 0x18
    "d", "weeks", "mil", "in", "ft", "in³", "ft³", "m",
    // 0x20
    "cm³", "m³", "l", "fl oz", "rad", "sr", "rev", "cycles",
    // 0x28
    "g0", "oz", "lb", "ft·lb", "oz·in", "G", "Gb", "H",
    // 0x30
    "F", "Ω", "S", "mol", "Bq", "ppm", "dB", "dBA",
    // 0x38
    "dBC", "Gy", "Sv", "K colour temperature", "bit", "B", "words", "dwords",
    // 0x40
    "qwords", "%", "Pa", "counts", "g", "N·m", "hits", "misses",
    // 0x48
    "retries", "overruns", "underruns", "collisions", "packets", "messages", "characters", "errors",
    // 0x50
    "corrected errors", "uncorrectable errors", "mil²", "in²", "ft²", "cm²", "m²", "rad/s",
    // 0x58
    "bpm", "m/s²", "m/s", "m³/s", "mmHg", "rad/s²", "(0 off, 1 on)", "B/s",
];

impl fmt::Display for SensorUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.symbol() {
            Some(symbol) => f.pad(symbol),
            None => write!(f, "(unit {:#04x})", self.0),
        }
    }
}

/// A sensor's value with all that is needed to read it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quantity {
    /// The number as it is on the wire.
    pub value: i64,
    /// The power of ten that it is to be multiplied by.
    pub exponent: i8,
    /// What it measures.
    pub unit: SensorUnit,
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unit == SensorUnit::BINARY {
            return match self.value {
                0 => f.pad("off"),
                1 => f.pad("on"),
                other => write!(f, "{other} (neither off nor on)"),
            };
        }
        Scaled {
            value: self.value,
            exponent: self.exponent,
        }
        .fmt(f)?;
        match self.unit {
            SensorUnit::NONE => Ok(()),
            unit => write!(f, " {unit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_bits_have_a_sign() {
        assert_eq!(sign_extend(0), 0);
        assert_eq!(sign_extend(15), 15);
        assert_eq!(sign_extend(0x10), -16);
        assert_eq!(sign_extend(0x1d), -3);
        assert_eq!(sign_extend(0xff), -1);
    }

    #[test]
    fn symbols_stand_at_their_codes() {
        assert_eq!(SYMBOLS.len(), 0x60);
        let symbol = |unit: SensorUnit| unit.symbol().unwrap();
        assert_eq!(symbol(SensorUnit::CELSIUS), "°C");
        assert_eq!(symbol(SensorUnit::RPM), "rpm");
        assert_eq!(symbol(SensorUnit::HERTZ), "Hz");
        assert_eq!(symbol(SensorUnit::PERCENT), "%");
        assert_eq!(symbol(SensorUnit::METRES_PER_SECOND_SQUARED), "m/s²");
        assert_eq!(symbol(SensorUnit(0x5d)), "rad/s²");
        assert_eq!(symbol(SensorUnit(0x3a)), "Sv");
        assert_eq!(symbol(SensorUnit(0x28)), "g0");
        assert_eq!(SensorUnit(0x60).symbol(), None);
        assert_eq!(SensorUnit::from_symbol("W"), Some(SensorUnit::WATTS));
        assert_eq!(SensorUnit::from_symbol("stones"), None);
    }

    #[test]
    fn quantities_are_shown_with_unit_and_scale() {
        let shown = |value, exponent, unit| {
            Quantity {
                value,
                exponent,
                unit,
            }
            .to_string()
        };
        assert_eq!(shown(41_250, -3, SensorUnit::CELSIUS), "41.250 °C");
        assert_eq!(shown(3, 3, SensorUnit::RPM), "3000 rpm");
        assert_eq!(shown(7, 0, SensorUnit::NONE), "7");
        assert_eq!(shown(1, 0, SensorUnit::BINARY), "on");
        assert_eq!(shown(5, -1, SensorUnit(0x70)), "0.5 (unit 0x70)");
    }
}
