// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The power capping protocol, 0x18: how much parts of the machine may take (DEN0056, "Power capping and monitoring
//! protocol").
//!
//! These are versions 1 and 2 (SCMI 3.1 and 3.2), whose messages are the same; from 2 on, a cap of 0 switches capping off. Version 3
//! (SCMI 4.0) has other messages under the same numbers, which are not known here.

use core::fmt;

use crate::common::{NotifyEnable, ShortName};
pub use crate::facts::powercap::{Attributes, MessageAttributes, NegotiateVersion, Version};
use crate::units::PowerUnit;
use crate::wire::{bits, message};

pub use crate::perf::Fastchannel;

bits! {
    /// What PROTOCOL_ATTRIBUTES says.
    pub struct ProtocolFlags {
        fields {
            /// How many power cap domains there are; they are numbered from 0.
            domains, with_domains: u16 = [15:0];
        }
    }
}

message! {
    /// Reply to PROTOCOL_ATTRIBUTES.
    pub struct ProtocolInfo {
        /// Counts.
        attributes: ProtocolFlags,
    }
}

bits! {
    /// What a power cap domain can do.
    pub struct DomainFlags {
        flags {
            /// It sends POWERCAP_CAP_CHANGED.
            notifies_cap, with_notifies_cap: 31;
            /// It sends POWERCAP_MEASUREMENTS_CHANGED.
            notifies_measurements, with_notifies_measurements: 30;
            /// Its cap can be set asynchronously.
            sets_asynchronously, with_sets_asynchronously: 29;
            /// POWERCAP_DOMAIN_NAME_GET has a longer name.
            has_extended_name, with_extended_name: 28;
            /// Its cap can be set.
            sets_cap, with_sets_cap: 27;
            /// Its power can be read.
            measures, with_measures: 26;
            /// Its averaging interval can be set.
            sets_interval, with_sets_interval: 25;
            /// It has fast channels.
            has_fastchannels, with_fastchannels: 22;
        }
        fields {
            /// What its powers mean; see [`DomainFlags::unit`].
            unit_code, with_unit_code: u8 = [24:23];
        }
    }
}

impl DomainFlags {
    /// What its powers mean.
    pub const fn unit(self) -> PowerUnit {
        match self.unit_code() {
            0 => PowerUnit::Abstract,
            1 => PowerUnit::Microwatts,
            2 => PowerUnit::Milliwatts,
            _ => PowerUnit::Undefined,
        }
    }

    /// This word with the unit set as told.
    #[must_use]
    pub const fn with_unit(self, unit: PowerUnit) -> Self {
        self.with_unit_code(match unit {
            PowerUnit::Abstract => 0,
            PowerUnit::Microwatts => 1,
            PowerUnit::Milliwatts => 2,
            PowerUnit::Undefined => 3,
        })
    }
}

/// As parent: none, this is a root.
pub const NO_PARENT: u32 = u32::MAX;

message! {
    /// POWERCAP_DOMAIN_ATTRIBUTES.
    pub struct DomainAttributes {
        /// Which domain.
        domain: u32,
    }
}

message! {
    /// Reply to POWERCAP_DOMAIN_ATTRIBUTES. Where a lowest and a highest value are equal, the value cannot be set.
    pub struct DomainInfo {
        /// What it can do.
        attributes: DomainFlags,
        /// Its name.
        name: ShortName,
        /// The shortest averaging interval, in microseconds.
        lowest_interval_us: u32,
        /// The longest averaging interval, in microseconds.
        highest_interval_us: u32,
        /// The distance between two averaging intervals, in microseconds.
        interval_step_us: u32,
        /// The lowest cap, in the domain's unit, as all powers below.
        lowest_cap: u32,
        /// The highest cap.
        highest_cap: u32,
        /// The distance between two caps.
        cap_step: u32,
        /// The power it can keep up.
        sustainable_power: u32,
        /// How exact measurements are. Its unit is not known here.
        accuracy: u32,
        /// The domain that this is a part of, or [`NO_PARENT`].
        parent: u32,
    }
}

message! {
    /// POWERCAP_CAP_GET.
    pub struct CapGet {
        /// Which domain.
        domain: u32,
    }
}

message! {
    /// Reply to POWERCAP_CAP_GET.
    pub struct CapGetReply {
        /// The cap, in the domain's unit.
        cap: u32,
    }
}

bits! {
    /// How to set a cap.
    pub struct CapSetFlags {
        flags {
            /// With `asynchronous`: no delayed response is wanted.
            no_delayed_response, with_no_delayed_response: 0;
            /// Reply at once; a delayed response says when it is done.
            asynchronous, with_asynchronous: 1;
        }
    }
}

message! {
    /// POWERCAP_CAP_SET.
    pub struct CapSet {
        /// Which domain.
        domain: u32,
        /// How.
        flags: CapSetFlags,
        /// To what, in the domain's unit.
        cap: u32,
    }
}

message! {
    /// Delayed response to POWERCAP_CAP_SET.
    pub struct CapSetComplete {
        /// Which domain.
        domain: u32,
        /// The cap it has now.
        cap: u32,
    }
}

message! {
    /// POWERCAP_PAI_GET.
    pub struct PaiGet {
        /// Which domain.
        domain: u32,
    }
}

message! {
    /// Reply to POWERCAP_PAI_GET.
    pub struct PaiGetReply {
        /// The averaging interval, in microseconds.
        interval_us: u32,
    }
}

message! {
    /// POWERCAP_PAI_SET.
    pub struct PaiSet {
        /// Which domain.
        domain: u32,
        /// Reserved.
        flags: u32,
        /// To what, in microseconds.
        interval_us: u32,
    }
}

message! {
    /// POWERCAP_DOMAIN_NAME_GET.
    pub struct DomainNameGet {
        /// Which domain.
        domain: u32,
    }
}

message! {
    /// POWERCAP_MEASUREMENTS_GET.
    pub struct MeasurementsGet {
        /// Which domain.
        domain: u32,
    }
}

message! {
    /// Reply to POWERCAP_MEASUREMENTS_GET.
    pub struct Measurements {
        /// The power over the last interval, in the domain's unit.
        power: u32,
        /// The averaging interval, in microseconds.
        interval_us: u32,
    }
}

message! {
    /// POWERCAP_CAP_NOTIFY: switches [`CapChanged`] on and off.
    pub struct CapNotify {
        /// Which domain.
        domain: u32,
        /// Whether they are wanted.
        enable: NotifyEnable,
    }
}

message! {
    /// POWERCAP_MEASUREMENTS_NOTIFY: switches [`MeasurementsChanged`] on and off.
    pub struct MeasurementsNotify {
        /// Which domain.
        domain: u32,
        /// Whether they are wanted.
        enable: NotifyEnable,
        /// Tell when the power falls below this.
        low: u32,
        /// Tell when the power rises above this.
        high: u32,
    }
}

message! {
    /// POWERCAP_DESCRIBE_FASTCHANNEL. Virtio has no fast channels, so a platform behind it refuses.
    pub struct DescribeFastchannel {
        /// Which domain.
        domain: u32,
        /// Of which message.
        message: u32,
    }
}

message! {
    /// POWERCAP_CAP_CHANGED.
    pub struct CapChanged {
        /// Who changed it.
        agent: u32,
        /// Which domain.
        domain: u32,
        /// The cap it has now, in the domain's unit.
        cap: u32,
        /// Its averaging interval, in microseconds.
        interval_us: u32,
    }
}

message! {
    /// POWERCAP_MEASUREMENTS_CHANGED.
    pub struct MeasurementsChanged {
        /// Who asked for it.
        agent: u32,
        /// Which domain.
        domain: u32,
        /// The power over the last interval, in the domain's unit.
        power: u32,
    }
}

impl fmt::Display for CapChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "power domain {} is capped at {} by agent {}",
            self.domain, self.cap, self.agent
        )
    }
}

impl fmt::Display for MeasurementsChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "power domain {} takes {}", self.domain, self.power)
    }
}
