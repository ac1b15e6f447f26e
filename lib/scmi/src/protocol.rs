// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Protocol numbers, message numbers, and their names (DEN0056, "Protocols").
//!
//! Message numbers are one enum per protocol, because the same number means different things in different protocols. The
//! first three and number 0x10 are the same everywhere; [`common`] has them as constants.

use core::fmt;

use num_derive::{FromPrimitive, ToPrimitive};
use num_traits::FromPrimitive as _;

use crate::common::ProtocolVersion;
use crate::facts;
pub use crate::facts::base::BaseMessage;
pub use crate::facts::clock::ClockMessage;
pub use crate::facts::perf::PerfMessage;
pub use crate::facts::pinctrl::PinctrlMessage;
pub use crate::facts::power::PowerMessage;
pub use crate::facts::powercap::PowercapMessage;
pub use crate::facts::reset::ResetMessage;
pub use crate::facts::sensor::SensorMessage;
pub use crate::facts::system::SystemMessage;
pub use crate::facts::voltage::VoltageMessage;

/// Messages that every protocol has under the same number.
pub mod common {
    /// PROTOCOL_VERSION: the version the platform speaks.
    pub const PROTOCOL_VERSION: u8 = 0x0;
    /// PROTOCOL_ATTRIBUTES: how many domains there are, and what the protocol can do.
    pub const PROTOCOL_ATTRIBUTES: u8 = 0x1;
    /// PROTOCOL_MESSAGE_ATTRIBUTES: whether the platform has a given message.
    pub const PROTOCOL_MESSAGE_ATTRIBUTES: u8 = 0x2;
    /// NEGOTIATE_PROTOCOL_VERSION: ask the platform to speak an older version (SCMI 3.2 and later).
    pub const NEGOTIATE_PROTOCOL_VERSION: u8 = 0x10;
}

/// The standard protocols.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, FromPrimitive, ToPrimitive)]
#[repr(u8)]
pub enum Protocol {
    /// Base: who the platform is, and what it has. Every platform has it.
    Base = 0x10,
    /// Power domain management.
    Power = 0x11,
    /// System power management: shutdown, reset, suspend of the whole.
    System = 0x12,
    /// Performance domain management.
    Perf = 0x13,
    /// Clock management.
    Clock = 0x14,
    /// Sensor management.
    Sensor = 0x15,
    /// Reset domain management.
    Reset = 0x16,
    /// Voltage domain management.
    Voltage = 0x17,
    /// Power capping and monitoring.
    Powercap = 0x18,
    /// Pin control.
    Pinctrl = 0x19,
}

impl Protocol {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Base,
        Self::Power,
        Self::System,
        Self::Perf,
        Self::Clock,
        Self::Sensor,
        Self::Reset,
        Self::Voltage,
        Self::Powercap,
        Self::Pinctrl,
    ];

    /// The newest version whose messages this crate knows: those of SCMI 3.2. An agent asks a platform that is newer to speak it, by
    /// NEGOTIATE_PROTOCOL_VERSION.
    pub const fn known_version(self) -> ProtocolVersion {
        match self {
            Self::Base => facts::base::KNOWN,
            Self::Power => facts::power::KNOWN,
            Self::System => facts::system::KNOWN,
            Self::Perf => facts::perf::KNOWN,
            Self::Clock => facts::clock::KNOWN,
            Self::Sensor => facts::sensor::KNOWN,
            Self::Reset => facts::reset::KNOWN,
            Self::Voltage => facts::voltage::KNOWN,
            Self::Powercap => facts::powercap::KNOWN,
            Self::Pinctrl => facts::pinctrl::KNOWN,
        }
    }

    /// The protocol with this number, if it is a standard one.
    pub fn from_id(id: u8) -> Option<Self> {
        Self::from_u8(id)
    }

    /// The protocol with this short name, as [`Protocol::name`] gives it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.name() == name)
    }

    /// Its number in the header.
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// A short lower-case name, as used in `app.toml` and at the console.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Power => "power",
            Self::System => "system",
            Self::Perf => "perf",
            Self::Clock => "clock",
            Self::Sensor => "sensor",
            Self::Reset => "reset",
            Self::Voltage => "voltage",
            Self::Powercap => "powercap",
            Self::Pinctrl => "pinctrl",
        }
    }

    /// The name in the specification.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Base => "Base",
            Self::Power => "Power domain management",
            Self::System => "System power management",
            Self::Perf => "Performance domain management",
            Self::Clock => "Clock management",
            Self::Sensor => "Sensor management",
            Self::Reset => "Reset domain management",
            Self::Voltage => "Voltage domain management",
            Self::Powercap => "Power capping and monitoring",
            Self::Pinctrl => "Pin control",
        }
    }

    /// The name of one of its messages, in the words of the specification.
    pub fn message_name(self, message: u8) -> Option<&'static str> {
        Some(match self {
            Self::Base => BaseMessage::from_id(message)?.name(),
            Self::Power => PowerMessage::from_id(message)?.name(),
            Self::System => SystemMessage::from_id(message)?.name(),
            Self::Perf => PerfMessage::from_id(message)?.name(),
            Self::Clock => ClockMessage::from_id(message)?.name(),
            Self::Sensor => SensorMessage::from_id(message)?.name(),
            Self::Reset => ResetMessage::from_id(message)?.name(),
            Self::Voltage => VoltageMessage::from_id(message)?.name(),
            Self::Powercap => PowercapMessage::from_id(message)?.name(),
            Self::Pinctrl => PinctrlMessage::from_id(message)?.name(),
        })
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The name of a message, given the two numbers of a header.
pub fn message_name(protocol: u8, message: u8) -> Option<&'static str> {
    Protocol::from_id(protocol)?.message_name(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_agree() {
        for protocol in Protocol::ALL {
            assert_eq!(Protocol::from_id(protocol.id()), Some(protocol));
            assert_eq!(Protocol::from_name(protocol.name()), Some(protocol));
            assert_eq!(
                protocol.message_name(common::PROTOCOL_VERSION),
                Some("PROTOCOL_VERSION")
            );
            assert_eq!(
                protocol.message_name(common::NEGOTIATE_PROTOCOL_VERSION),
                Some("NEGOTIATE_PROTOCOL_VERSION")
            );
            // Numbers run on without a hole up to the protocol's last one.
            let named = (0..0x10)
                .filter(|&id| protocol.message_name(id).is_some())
                .count();
            assert!(
                (0..named as u8).all(|id| protocol.message_name(id).is_some()),
                "{protocol}"
            );
            assert_eq!(protocol.message_name(0x11), None);
        }
        assert_eq!(
            Protocol::ALL.len(),
            (0..=u8::MAX)
                .filter(|&id| Protocol::from_id(id).is_some())
                .count()
        );
        assert_eq!(message_name(0x14, 0xf), Some("CLOCK_GET_PERMISSIONS"));
        assert_eq!(message_name(0x80, 0), None);
    }
}
