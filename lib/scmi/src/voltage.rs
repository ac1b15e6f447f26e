// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The voltage domain protocol, 0x17: regulators (DEN0056, "Voltage domain management protocol").
//!
//! It has no notifications.

use core::fmt;

use crate::common::{ListCount, Range, ShortName};
pub use crate::facts::voltage::{Attributes, MessageAttributes, NegotiateVersion, Version};
use crate::units::Microvolts;
use crate::wire::{Message as _, Page, PageHead, bits, message};

bits! {
    /// What PROTOCOL_ATTRIBUTES says.
    pub struct ProtocolFlags {
        fields {
            /// How many voltage domains there are; they are numbered from 0.
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
    /// What a voltage domain can do.
    pub struct DomainFlags {
        flags {
            /// Its level can be set asynchronously (version 2).
            sets_asynchronously, with_sets_asynchronously: 31;
            /// VOLTAGE_DOMAIN_NAME_GET has a longer name (version 2).
            has_extended_name, with_extended_name: 30;
        }
    }
}

message! {
    /// VOLTAGE_DOMAIN_ATTRIBUTES.
    pub struct DomainAttributes {
        /// Which domain.
        domain: u32,
    }
}

message! {
    /// Reply to VOLTAGE_DOMAIN_ATTRIBUTES.
    pub struct DomainInfo {
        /// What it can do.
        attributes: DomainFlags,
        /// Its name.
        name: ShortName,
    }
}

message! {
    /// VOLTAGE_DESCRIBE_LEVELS.
    pub struct DescribeLevels {
        /// Which domain.
        domain: u32,
        /// How many levels to skip.
        skip: u32,
    }
}

message! {
    /// What stands before the list of levels.
    pub struct LevelsHead {
        /// Counts, and whether this is a list or a range.
        count: ListCount,
    }
}

impl PageHead for LevelsHead {
    fn returned(&self) -> usize {
        self.count.returned().into()
    }
    fn remaining(&self) -> usize {
        self.count.remaining().into()
    }
    fn entries(&self, room: usize) -> usize {
        self.count.entries(room, Level::MIN_LEN)
    }
}

message! {
    /// A voltage, and reply to VOLTAGE_LEVEL_GET.
    pub struct Level {
        /// In microvolts; may be negative.
        microvolts: i32,
    }
}

/// Reply to VOLTAGE_DESCRIBE_LEVELS: levels in ascending order, or a range.
pub type Levels<'a> = Page<'a, LevelsHead, Level>;

impl Levels<'_> {
    /// The range, if this is one: then there is no list.
    pub fn range(&self) -> Option<Range<i32>> {
        let mut levels = self.iter().map(|level| level.microvolts);
        match (
            self.head.count.is_range(),
            levels.next(),
            levels.next(),
            levels.next(),
        ) {
            (true, Some(lowest), Some(highest), Some(step)) => Some(Range {
                lowest,
                highest,
                step,
            }),
            _ => None,
        }
    }
}

bits! {
    /// The mode of a voltage domain.
    pub struct Mode {
        flags {
            /// The number is the vendor's own.
            is_vendor, with_vendor: 3;
        }
        fields {
            /// The number of the mode.
            id, with_id: u8 = [2:0];
        }
    }
}

impl Mode {
    /// Without voltage.
    pub const OFF: Self = Self(0);
    /// With the voltage that is set.
    pub const ON: Self = Self(7);
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OFF => f.pad("off"),
            Self::ON => f.pad("on"),
            _ if self.is_vendor() => write!(f, "vendor mode {}", self.id()),
            _ => write!(f, "mode {:#x}", self.0),
        }
    }
}

message! {
    /// VOLTAGE_CONFIG_SET.
    pub struct ConfigSet {
        /// Which domain.
        domain: u32,
        /// The mode it is to have.
        mode: Mode,
    }
}

message! {
    /// VOLTAGE_CONFIG_GET.
    pub struct ConfigGet {
        /// Which domain.
        domain: u32,
    }
}

message! {
    /// Reply to VOLTAGE_CONFIG_GET.
    pub struct ConfigGetReply {
        /// The mode it has.
        mode: Mode,
    }
}

bits! {
    /// How to set a level.
    pub struct LevelSetFlags {
        flags {
            /// Reply at once; a delayed response says when it is done (version 2).
            asynchronous, with_asynchronous: 0;
        }
    }
}

message! {
    /// VOLTAGE_LEVEL_SET.
    pub struct LevelSet {
        /// Which domain.
        domain: u32,
        /// How.
        flags: LevelSetFlags,
        /// To what, in microvolts.
        microvolts: i32,
    }
}

message! {
    /// Delayed response to VOLTAGE_LEVEL_SET.
    pub struct LevelSetComplete {
        /// Which domain.
        domain: u32,
        /// The level it has now, in microvolts.
        microvolts: i32,
    }
}

message! {
    /// VOLTAGE_LEVEL_GET.
    pub struct LevelGet {
        /// Which domain.
        domain: u32,
    }
}

message! {
    /// VOLTAGE_DOMAIN_NAME_GET.
    pub struct DomainNameGet {
        /// Which domain.
        domain: u32,
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Microvolts(self.microvolts).fmt(f)
    }
}
