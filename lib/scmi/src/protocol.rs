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
        let (major, minor) = match self {
            Self::Base | Self::System | Self::Voltage => (2, 1),
            Self::Power | Self::Sensor | Self::Reset => (3, 1),
            Self::Perf => (4, 0),
            Self::Clock => (3, 0),
            Self::Powercap => (2, 0),
            Self::Pinctrl => (1, 0),
        };
        ProtocolVersion::new(major, minor)
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

/// Declares the message numbers of one protocol, with the four common ones added.
macro_rules! messages {
    ($(#[$doc:meta])* $name:ident { $($(#[$message_doc:meta])* $message:ident = $id:literal $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, FromPrimitive, ToPrimitive)]
        #[repr(u8)]
        pub enum $name {
            /// PROTOCOL_VERSION.
            Version = 0x0,
            /// PROTOCOL_ATTRIBUTES.
            Attributes = 0x1,
            /// PROTOCOL_MESSAGE_ATTRIBUTES.
            MessageAttributes = 0x2,
            $(#[doc = concat!($text, ".")] $(#[$message_doc])* $message = $id,)*
            /// NEGOTIATE_PROTOCOL_VERSION.
            NegotiateVersion = 0x10,
        }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] =
                &[Self::Version, Self::Attributes, Self::MessageAttributes, $(Self::$message,)* Self::NegotiateVersion];

            /// The message with this number.
            pub fn from_id(id: u8) -> Option<Self> {
                Self::from_u8(id)
            }

            /// Its number in the header.
            pub const fn id(self) -> u8 {
                self as u8
            }

            /// Its name in the specification.
            pub const fn name(self) -> &'static str {
                match self {
                    Self::Version => "PROTOCOL_VERSION",
                    Self::Attributes => "PROTOCOL_ATTRIBUTES",
                    Self::MessageAttributes => "PROTOCOL_MESSAGE_ATTRIBUTES",
                    $(Self::$message => $text,)*
                    Self::NegotiateVersion => "NEGOTIATE_PROTOCOL_VERSION",
                }
            }
        }
    };
}

messages! {
    /// Messages of the Base protocol.
    BaseMessage {
        DiscoverVendor = 0x3 "BASE_DISCOVER_VENDOR",
        DiscoverSubVendor = 0x4 "BASE_DISCOVER_SUB_VENDOR",
        DiscoverImplementationVersion = 0x5 "BASE_DISCOVER_IMPLEMENTATION_VERSION",
        DiscoverListProtocols = 0x6 "BASE_DISCOVER_LIST_PROTOCOLS",
        DiscoverAgent = 0x7 "BASE_DISCOVER_AGENT",
        NotifyErrors = 0x8 "BASE_NOTIFY_ERRORS",
        SetDevicePermissions = 0x9 "BASE_SET_DEVICE_PERMISSIONS",
        SetProtocolPermissions = 0xa "BASE_SET_PROTOCOL_PERMISSIONS",
        ResetAgentConfiguration = 0xb "BASE_RESET_AGENT_CONFIGURATION",
    }
}

messages! {
    /// Messages of the power domain protocol.
    PowerMessage {
        DomainAttributes = 0x3 "POWER_DOMAIN_ATTRIBUTES",
        StateSet = 0x4 "POWER_STATE_SET",
        StateGet = 0x5 "POWER_STATE_GET",
        StateNotify = 0x6 "POWER_STATE_NOTIFY",
        ChangeRequestedNotify = 0x7 "POWER_STATE_CHANGE_REQUESTED_NOTIFY",
        DomainNameGet = 0x8 "POWER_DOMAIN_NAME_GET",
    }
}

messages! {
    /// Messages of the system power protocol.
    SystemMessage {
        StateSet = 0x3 "SYSTEM_POWER_STATE_SET",
        StateGet = 0x4 "SYSTEM_POWER_STATE_GET",
        StateNotify = 0x5 "SYSTEM_POWER_STATE_NOTIFY",
    }
}

messages! {
    /// Messages of the performance domain protocol.
    PerfMessage {
        DomainAttributes = 0x3 "PERFORMANCE_DOMAIN_ATTRIBUTES",
        DescribeLevels = 0x4 "PERFORMANCE_DESCRIBE_LEVELS",
        LimitsSet = 0x5 "PERFORMANCE_LIMITS_SET",
        LimitsGet = 0x6 "PERFORMANCE_LIMITS_GET",
        LevelSet = 0x7 "PERFORMANCE_LEVEL_SET",
        LevelGet = 0x8 "PERFORMANCE_LEVEL_GET",
        NotifyLimits = 0x9 "PERFORMANCE_NOTIFY_LIMITS",
        NotifyLevel = 0xa "PERFORMANCE_NOTIFY_LEVEL",
        DescribeFastchannel = 0xb "PERFORMANCE_DESCRIBE_FASTCHANNEL",
        DomainNameGet = 0xc "PERFORMANCE_DOMAIN_NAME_GET",
    }
}

messages! {
    /// Messages of the clock protocol.
    ClockMessage {
        ClockAttributes = 0x3 "CLOCK_ATTRIBUTES",
        DescribeRates = 0x4 "CLOCK_DESCRIBE_RATES",
        RateSet = 0x5 "CLOCK_RATE_SET",
        RateGet = 0x6 "CLOCK_RATE_GET",
        ConfigSet = 0x7 "CLOCK_CONFIG_SET",
        NameGet = 0x8 "CLOCK_NAME_GET",
        RateNotify = 0x9 "CLOCK_RATE_NOTIFY",
        RateChangeRequestedNotify = 0xa "CLOCK_RATE_CHANGE_REQUESTED_NOTIFY",
        ConfigGet = 0xb "CLOCK_CONFIG_GET",
        PossibleParentsGet = 0xc "CLOCK_POSSIBLE_PARENTS_GET",
        ParentSet = 0xd "CLOCK_PARENT_SET",
        ParentGet = 0xe "CLOCK_PARENT_GET",
        GetPermissions = 0xf "CLOCK_GET_PERMISSIONS",
    }
}

messages! {
    /// Messages of the sensor protocol.
    SensorMessage {
        DescriptionGet = 0x3 "SENSOR_DESCRIPTION_GET",
        TripPointNotify = 0x4 "SENSOR_TRIP_POINT_NOTIFY",
        TripPointConfig = 0x5 "SENSOR_TRIP_POINT_CONFIG",
        ReadingGet = 0x6 "SENSOR_READING_GET",
        AxisDescriptionGet = 0x7 "SENSOR_AXIS_DESCRIPTION_GET",
        ListUpdateIntervals = 0x8 "SENSOR_LIST_UPDATE_INTERVALS",
        ConfigGet = 0x9 "SENSOR_CONFIG_GET",
        ConfigSet = 0xa "SENSOR_CONFIG_SET",
        ContinuousUpdateNotify = 0xb "SENSOR_CONTINUOUS_UPDATE_NOTIFY",
        NameGet = 0xc "SENSOR_NAME_GET",
        AxisNameGet = 0xd "SENSOR_AXIS_NAME_GET",
    }
}

messages! {
    /// Messages of the reset domain protocol.
    ResetMessage {
        DomainAttributes = 0x3 "RESET_DOMAIN_ATTRIBUTES",
        Reset = 0x4 "RESET",
        Notify = 0x5 "RESET_NOTIFY",
        DomainNameGet = 0x6 "RESET_DOMAIN_NAME_GET",
    }
}

messages! {
    /// Messages of the voltage domain protocol.
    VoltageMessage {
        DomainAttributes = 0x3 "VOLTAGE_DOMAIN_ATTRIBUTES",
        DescribeLevels = 0x4 "VOLTAGE_DESCRIBE_LEVELS",
        ConfigSet = 0x5 "VOLTAGE_CONFIG_SET",
        ConfigGet = 0x6 "VOLTAGE_CONFIG_GET",
        LevelSet = 0x7 "VOLTAGE_LEVEL_SET",
        LevelGet = 0x8 "VOLTAGE_LEVEL_GET",
        DomainNameGet = 0x9 "VOLTAGE_DOMAIN_NAME_GET",
    }
}

messages! {
    /// Messages of the power capping protocol.
    PowercapMessage {
        DomainAttributes = 0x3 "POWERCAP_DOMAIN_ATTRIBUTES",
        CapGet = 0x4 "POWERCAP_CAP_GET",
        CapSet = 0x5 "POWERCAP_CAP_SET",
        PaiGet = 0x6 "POWERCAP_PAI_GET",
        PaiSet = 0x7 "POWERCAP_PAI_SET",
        DomainNameGet = 0x8 "POWERCAP_DOMAIN_NAME_GET",
        MeasurementsGet = 0x9 "POWERCAP_MEASUREMENTS_GET",
        CapNotify = 0xa "POWERCAP_CAP_NOTIFY",
        MeasurementsNotify = 0xb "POWERCAP_MEASUREMENTS_NOTIFY",
        DescribeFastchannel = 0xc "POWERCAP_DESCRIBE_FASTCHANNEL",
    }
}

messages! {
    /// Messages of the pin control protocol.
    PinctrlMessage {
        PinctrlAttributes = 0x3 "PINCTRL_ATTRIBUTES",
        ListAssociations = 0x4 "PINCTRL_LIST_ASSOCIATIONS",
        SettingsGet = 0x5 "PINCTRL_SETTINGS_GET",
        SettingsConfigure = 0x6 "PINCTRL_SETTINGS_CONFIGURE",
        Request = 0x7 "PINCTRL_REQUEST",
        Release = 0x8 "PINCTRL_RELEASE",
        NameGet = 0x9 "PINCTRL_NAME_GET",
        SetPermissions = 0xa "PINCTRL_SET_PERMISSIONS",
    }
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
