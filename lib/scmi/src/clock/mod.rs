// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The clock protocol, 0x14 (DEN0056, "Clock management protocol").
//!
//! Version 2 appended the enable latency to CLOCK_ATTRIBUTES. Version 3 appended a word to CLOCK_CONFIG_SET (use
//! [`ConfigSetV1`] before it) and added configuration, parents and permissions.

use core::fmt;

mod config;

pub use config::*;

use crate::common::{ListCount, NotifyEnable, Range, ShortName};
pub use crate::facts::clock::{Attributes, MessageAttributes, NegotiateVersion, Version};
use crate::units::Hertz;
use crate::wire::{Command, Message as _, Page, PageHead, bits, message};

bits! {
    /// What PROTOCOL_ATTRIBUTES says.
    pub struct ProtocolFlags {
        fields {
            /// How many clocks there are; they are numbered from 0.
            clocks, with_clocks: u16 = [15:0];
            /// How many asynchronous rate changes can be under way at once.
            pending, with_pending: u8 = [23:16];
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
    /// What a clock can do.
    pub struct ClockFlags {
        flags {
            /// It sends CLOCK_RATE_CHANGED (version 2 and later, as all below).
            notifies_rate, with_notifies_rate: 31;
            /// It sends CLOCK_RATE_CHANGE_REQUESTED.
            notifies_rate_request, with_notifies_rate_request: 30;
            /// CLOCK_NAME_GET has a longer name.
            has_extended_name, with_extended_name: 29;
            /// It has parents to choose from (version 3).
            has_parents, with_parents: 28;
            /// It has extended configuration (version 3).
            has_extended_config, with_extended_config: 27;
            /// Some of it is not for this agent: ask CLOCK_GET_PERMISSIONS (version 3).
            is_restricted, with_restricted: 1;
            /// It runs.
            is_enabled, with_enabled: 0;
        }
    }
}

message! {
    /// CLOCK_ATTRIBUTES.
    pub struct ClockAttributes {
        /// Which clock.
        clock: u32,
    }
}

message! {
    /// Reply to CLOCK_ATTRIBUTES.
    pub struct ClockInfo {
        /// What it can do.
        attributes: ClockFlags,
        /// Its name.
        name: ShortName,
    }
    optional {
        /// The worst time that enabling it takes, in microseconds; 0 when not known (version 2).
        enable_latency_us: u32
    }
}

message! {
    /// CLOCK_DESCRIBE_RATES.
    pub struct DescribeRates {
        /// Which clock.
        clock: u32,
        /// How many rates to skip.
        skip: u32,
    }
}

message! {
    /// What stands before the list of rates.
    pub struct RatesHead {
        /// Counts, and whether this is a list or a range.
        count: ListCount,
    }
}

impl PageHead for RatesHead {
    fn returned(&self) -> usize {
        self.count.returned().into()
    }
    fn remaining(&self) -> usize {
        self.count.remaining().into()
    }
    fn entries(&self, room: usize) -> usize {
        self.count.entries(room, Rate::MIN_LEN)
    }
}

message! {
    /// A rate.
    pub struct Rate {
        /// In hertz.
        hertz: u64,
    }
}

/// Reply to CLOCK_DESCRIBE_RATES: rates in ascending order, or a range.
pub type Rates<'a> = Page<'a, RatesHead, Rate>;

impl Rates<'_> {
    /// The range, if this is one: then there is no list.
    pub fn range(&self) -> Option<Range<u64>> {
        let mut rates = self.iter().map(|rate| rate.hertz);
        match (
            self.head.count.is_range(),
            rates.next(),
            rates.next(),
            rates.next(),
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
    /// How to set a rate.
    pub struct RateSetFlags {
        flags {
            /// Reply at once; a delayed response says when it is done.
            asynchronous, with_asynchronous: 0;
            /// With `asynchronous`: no delayed response is wanted.
            no_delayed_response, with_no_delayed_response: 1;
            /// Round up to a rate that the clock can do. Without it, down.
            round_up, with_round_up: 2;
            /// The platform chooses how to round.
            round_auto, with_round_auto: 3;
        }
    }
}

message! {
    /// CLOCK_RATE_SET.
    pub struct RateSet {
        /// How.
        flags: RateSetFlags,
        /// Which clock.
        clock: u32,
        /// To what, in hertz.
        hertz: u64,
    }
}

message! {
    /// Delayed response to CLOCK_RATE_SET.
    pub struct RateSetComplete {
        /// Which clock.
        clock: u32,
        /// The rate it has now, in hertz.
        hertz: u64,
    }
}

message! {
    /// CLOCK_RATE_GET.
    pub struct RateGet {
        /// Which clock.
        clock: u32,
    }
}

message! {
    /// CLOCK_NAME_GET.
    pub struct NameGet {
        /// Which clock.
        clock: u32,
    }
}

message! {
    /// CLOCK_RATE_NOTIFY: switches [`RateChanged`] on and off.
    pub struct RateNotify {
        /// Which clock.
        clock: u32,
        /// Whether they are wanted.
        enable: NotifyEnable,
    }
}

message! {
    /// CLOCK_RATE_CHANGE_REQUESTED_NOTIFY: switches [`RateChangeRequested`] on and off.
    pub struct RateChangeRequestedNotify {
        /// Which clock.
        clock: u32,
        /// Whether they are wanted.
        enable: NotifyEnable,
    }
}

impl Command for ConfigSetV1 {
    const PROTOCOL: crate::Protocol = crate::Protocol::Clock;
    const MESSAGE: u8 = crate::protocol::ClockMessage::ConfigSet as u8;
    type Reply<'a> = ();
}

message! {
    /// CLOCK_RATE_CHANGED.
    pub struct RateChanged {
        /// Who changed it.
        agent: u32,
        /// Which clock.
        clock: u32,
        /// The rate it has now, in hertz.
        hertz: u64,
    }
}

message! {
    /// CLOCK_RATE_CHANGE_REQUESTED.
    pub struct RateChangeRequested {
        /// Who wants it.
        agent: u32,
        /// Which clock.
        clock: u32,
        /// The rate that is wanted, in hertz.
        hertz: u64,
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hertz(self.hertz).fmt(f)
    }
}

impl fmt::Display for RateChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "clock {} runs at {} by agent {}",
            self.clock,
            Hertz(self.hertz),
            self.agent
        )
    }
}

impl fmt::Display for RateChangeRequested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "agent {} wants clock {} to run at {}",
            self.agent,
            self.clock,
            Hertz(self.hertz)
        )
    }
}
