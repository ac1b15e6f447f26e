// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The performance domain protocol, 0x13: how fast parts of the machine run (DEN0056, "Performance domain management
//! protocol").
//!
//! Version 4 appended two words to each entry of PERFORMANCE_DESCRIBE_LEVELS, and lets a domain count its levels by index:
//! then requests name the index and not the level. Ask with [`DescribeLevels`] up to version 3 and with
//! [`DescribeLevelsV4`] from version 4; on the wire the two requests are the same.

use core::fmt;

use crate::common::{ListCount, NotifyEnable, ShortName};
pub use crate::facts::perf::{Attributes, MessageAttributes, NegotiateVersion, Version};
use crate::units::{Hertz, Microseconds, PowerUnit};
use crate::wire::{Page, PageHead, bits, message};

bits! {
    /// The first word of PROTOCOL_ATTRIBUTES.
    pub struct ProtocolFlags {
        flags {
            /// Costs of levels are in milliwatts.
            costs_in_milliwatts, with_costs_in_milliwatts: 16;
            /// Costs of levels are in microwatts (version 3 and later).
            costs_in_microwatts, with_costs_in_microwatts: 17;
        }
        fields {
            /// How many performance domains there are; they are numbered from 0.
            domains, with_domains: u16 = [15:0];
        }
    }
}

impl ProtocolFlags {
    /// What the costs of levels mean.
    pub const fn cost_unit(self) -> PowerUnit {
        if self.costs_in_microwatts() && self.costs_in_milliwatts() {
            // Reserved.
            PowerUnit::Undefined
        } else if self.costs_in_microwatts() {
            PowerUnit::Microwatts
        } else if self.costs_in_milliwatts() {
            PowerUnit::Milliwatts
        } else {
            PowerUnit::Abstract
        }
    }
}

message! {
    /// Reply to PROTOCOL_ATTRIBUTES.
    pub struct ProtocolInfo {
        /// Counts and units.
        attributes: ProtocolFlags,
        /// Where the statistics region is, 0 when there is none.
        statistics_address: u64,
        /// How long it is, in bytes.
        statistics_len: u32,
    }
}

bits! {
    /// What a performance domain can do.
    pub struct DomainFlags {
        flags {
            /// Its limits can be set.
            sets_limits, with_sets_limits: 31;
            /// Its level can be set.
            sets_level, with_sets_level: 30;
            /// It sends PERFORMANCE_LIMITS_CHANGED.
            notifies_limits, with_notifies_limits: 29;
            /// It sends PERFORMANCE_LEVEL_CHANGED.
            notifies_level, with_notifies_level: 28;
            /// It has fast channels.
            has_fastchannels, with_fastchannels: 27;
            /// PERFORMANCE_DOMAIN_NAME_GET has a longer name.
            has_extended_name, with_extended_name: 26;
            /// Levels are named by their index (version 4 and later).
            indexes_levels, with_indexes_levels: 25;
        }
    }
}

message! {
    /// PERFORMANCE_DOMAIN_ATTRIBUTES.
    pub struct DomainAttributes {
        /// Which domain.
        domain: u32,
    }
}

bits! {
    /// How often the level or limits of a domain may be set.
    pub struct RateLimit {
        fields {
            /// The least time between two requests, in microseconds; 0 is no limit.
            microseconds, with_microseconds: u32 = [19:0];
        }
    }
}

message! {
    /// Reply to PERFORMANCE_DOMAIN_ATTRIBUTES.
    pub struct DomainInfo {
        /// What it can do.
        attributes: DomainFlags,
        /// How often it may be set.
        rate_limit: RateLimit,
        /// The frequency it can keep up, in kilohertz, if it is a frequency.
        sustained_khz: u32,
        /// The level it can keep up.
        sustained_level: u32,
        /// Its name.
        name: ShortName,
    }
}

message! {
    /// PERFORMANCE_DESCRIBE_LEVELS up to version 3.
    pub struct DescribeLevels {
        /// Which domain.
        domain: u32,
        /// How many levels to skip.
        skip: u32,
    }
}

message! {
    /// PERFORMANCE_DESCRIBE_LEVELS from version 4.
    pub struct DescribeLevelsV4 {
        /// Which domain.
        domain: u32,
        /// How many levels to skip.
        skip: u32,
    }
}

message! {
    /// What stands before the list of levels.
    pub struct LevelsHead {
        /// Counts.
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
}

bits! {
    /// More about a level.
    pub struct LevelFlags {
        fields {
            /// The worst time that going to this level takes, in microseconds.
            latency_us, with_latency_us: u16 = [15:0];
        }
    }
}

message! {
    /// A performance level.
    pub struct Level {
        /// The level; higher is faster, and the number may be a frequency or not.
        level: u32,
        /// What it costs; see [`ProtocolFlags::cost_unit`]. 0: the platform does not tell.
        cost: u32,
        /// More about it.
        attributes: LevelFlags,
    }
}

message! {
    /// A performance level, from version 4.
    pub struct LevelV4 {
        /// The level; higher is faster.
        level: u32,
        /// What it costs; see [`ProtocolFlags::cost_unit`].
        cost: u32,
        /// More about it.
        attributes: LevelFlags,
        /// The frequency that it stands for, in kilohertz.
        indicative_khz: u32,
        /// Its index, in a domain that names levels by index.
        index: u32,
    }
}

/// Reply to PERFORMANCE_DESCRIBE_LEVELS up to version 3.
pub type Levels<'a> = Page<'a, LevelsHead, Level>;
/// Reply to PERFORMANCE_DESCRIBE_LEVELS from version 4.
pub type LevelsV4<'a> = Page<'a, LevelsHead, LevelV4>;

message! {
    /// PERFORMANCE_LIMITS_SET.
    pub struct LimitsSet {
        /// Which domain.
        domain: u32,
        /// The highest level allowed.
        highest: u32,
        /// The lowest level allowed.
        lowest: u32,
    }
}

message! {
    /// PERFORMANCE_LIMITS_GET.
    pub struct LimitsGet {
        /// Which domain.
        domain: u32,
    }
}

message! {
    /// Reply to PERFORMANCE_LIMITS_GET.
    pub struct LimitsGetReply {
        /// The highest level allowed.
        highest: u32,
        /// The lowest level allowed.
        lowest: u32,
    }
}

message! {
    /// PERFORMANCE_LEVEL_SET.
    pub struct LevelSet {
        /// Which domain.
        domain: u32,
        /// To what level, or to what index.
        level: u32,
    }
}

message! {
    /// PERFORMANCE_LEVEL_GET.
    pub struct LevelGet {
        /// Which domain.
        domain: u32,
    }
}

message! {
    /// Reply to PERFORMANCE_LEVEL_GET.
    pub struct LevelGetReply {
        /// The level it is at, or its index.
        level: u32,
    }
}

message! {
    /// PERFORMANCE_NOTIFY_LIMITS: switches [`LimitsChanged`] on and off.
    pub struct NotifyLimits {
        /// Which domain.
        domain: u32,
        /// Whether they are wanted.
        enable: NotifyEnable,
    }
}

message! {
    /// PERFORMANCE_NOTIFY_LEVEL: switches [`LevelChanged`] on and off.
    pub struct NotifyLevel {
        /// Which domain.
        domain: u32,
        /// Whether they are wanted.
        enable: NotifyEnable,
    }
}

message! {
    /// PERFORMANCE_DESCRIBE_FASTCHANNEL. Virtio has no fast channels, so a platform behind it refuses.
    pub struct DescribeFastchannel {
        /// Which domain.
        domain: u32,
        /// Of which message.
        message: u32,
    }
}

bits! {
    /// What a fast channel has.
    pub struct FastchannelFlags {
        flags {
            /// It has a doorbell.
            has_doorbell, with_doorbell: 0;
        }
        fields {
            /// The width of the doorbell: 8 bits shifted left by this.
            doorbell_width, with_doorbell_width: u8 = [2:1];
        }
    }
}

message! {
    /// Reply to PERFORMANCE_DESCRIBE_FASTCHANNEL and POWERCAP_DESCRIBE_FASTCHANNEL.
    pub struct Fastchannel {
        /// What it has.
        attributes: FastchannelFlags,
        /// How often it may be used.
        rate_limit: RateLimit,
        /// Where it is.
        address: u64,
        /// How long it is, in bytes.
        len: u32,
        /// Where its doorbell is.
        doorbell_address: u64,
        /// The bits to set in the doorbell.
        doorbell_set: u64,
        /// The bits to keep in the doorbell.
        doorbell_preserve: u64,
    }
}

message! {
    /// PERFORMANCE_DOMAIN_NAME_GET.
    pub struct DomainNameGet {
        /// Which domain.
        domain: u32,
    }
}

impl crate::wire::Command for DescribeLevelsV4 {
    const PROTOCOL: crate::Protocol = crate::Protocol::Perf;
    const MESSAGE: u8 = crate::protocol::PerfMessage::DescribeLevels as u8;
    type Reply<'a> = LevelsV4<'a>;
}

message! {
    /// PERFORMANCE_LIMITS_CHANGED.
    pub struct LimitsChanged {
        /// Who changed them.
        agent: u32,
        /// Which domain.
        domain: u32,
        /// The highest level allowed.
        highest: u32,
        /// The lowest level allowed.
        lowest: u32,
    }
}

message! {
    /// PERFORMANCE_LEVEL_CHANGED.
    pub struct LevelChanged {
        /// Who changed it.
        agent: u32,
        /// Which domain.
        domain: u32,
        /// The level it is at.
        level: u32,
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let latency = Microseconds(self.attributes.latency_us().into());
        write!(f, "level {}, ", self.level)?;
        match self.cost {
            0 => f.write_str("cost not told")?,
            cost => write!(f, "cost {cost}")?,
        }
        write!(f, ", reached in {latency}")
    }
}

impl fmt::Display for LevelV4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = Level {
            level: self.level,
            cost: self.cost,
            attributes: self.attributes,
        };
        let frequency = Hertz(u64::from(self.indicative_khz).saturating_mul(1000));
        write!(f, "{plain}, {frequency}, index {}", self.index)
    }
}

impl fmt::Display for LimitsChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            agent,
            domain,
            highest,
            lowest,
        } = self;
        write!(
            f,
            "performance domain {domain} is limited to levels {lowest} to {highest} by agent {agent}"
        )
    }
}

impl fmt::Display for LevelChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "performance domain {} is at level {} by agent {}",
            self.domain, self.level, self.agent
        )
    }
}
