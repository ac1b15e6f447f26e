// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The reset domain protocol, 0x16: resetting parts of the machine (DEN0056, "Reset domain management protocol").

use core::fmt;

use crate::common::{NotifyEnable, ShortName};
pub use crate::facts::reset::{Attributes, MessageAttributes, NegotiateVersion, Version};
use crate::wire::{bits, message};

bits! {
    /// What PROTOCOL_ATTRIBUTES says.
    pub struct ProtocolFlags {
        fields {
            /// How many reset domains there are; they are numbered from 0.
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
    /// What a reset domain can do.
    pub struct DomainFlags {
        flags {
            /// It can be reset asynchronously.
            resets_asynchronously, with_resets_asynchronously: 31;
            /// It sends RESET_ISSUED.
            notifies_reset, with_notifies_reset: 30;
            /// RESET_DOMAIN_NAME_GET has a longer name.
            has_extended_name, with_extended_name: 29;
        }
    }
}

/// As latency: not known.
pub const LATENCY_UNKNOWN: u32 = u32::MAX;

message! {
    /// RESET_DOMAIN_ATTRIBUTES.
    pub struct DomainAttributes {
        /// Which domain.
        domain: u32,
    }
}

message! {
    /// Reply to RESET_DOMAIN_ATTRIBUTES.
    pub struct DomainInfo {
        /// What it can do.
        attributes: DomainFlags,
        /// The longest time that an autonomous reset takes, in microseconds, or [`LATENCY_UNKNOWN`].
        latency_us: u32,
        /// Its name.
        name: ShortName,
    }
}

bits! {
    /// How to reset.
    pub struct ResetFlags {
        flags {
            /// The platform does all of it. Without it, the agent asserts and releases the reset signal itself.
            autonomous, with_autonomous: 0;
            /// Assert the signal; without it, release it. Not used with `autonomous`.
            assert, with_assert: 1;
            /// Reply at once; a delayed response says when it is done. Only with `autonomous`.
            asynchronous, with_asynchronous: 2;
        }
    }
}

bits! {
    /// The kind of reset.
    pub struct ResetState {
        flags {
            /// The number is the vendor's own.
            is_vendor, with_vendor: 31;
        }
        fields {
            /// The number.
            id, with_id: u32 = [30:0];
        }
    }
}

impl ResetState {
    /// All of the domain's state is lost.
    pub const COLD: Self = Self(0);
}

impl fmt::Display for ResetState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::COLD => f.pad("cold"),
            _ if self.is_vendor() => write!(f, "vendor kind {:#x}", self.id()),
            _ => write!(f, "kind {:#x}", self.id()),
        }
    }
}

message! {
    /// RESET.
    pub struct Reset {
        /// Which domain.
        domain: u32,
        /// How.
        flags: ResetFlags,
        /// The kind.
        state: ResetState,
    }
}

message! {
    /// Delayed response to RESET.
    pub struct ResetComplete {
        /// Which domain.
        domain: u32,
    }
}

message! {
    /// RESET_NOTIFY: switches [`ResetIssued`] on and off.
    pub struct Notify {
        /// Which domain.
        domain: u32,
        /// Whether they are wanted.
        enable: NotifyEnable,
    }
}

message! {
    /// RESET_DOMAIN_NAME_GET.
    pub struct DomainNameGet {
        /// Which domain.
        domain: u32,
    }
}

message! {
    /// RESET_ISSUED.
    pub struct ResetIssued {
        /// Who did it.
        agent: u32,
        /// Which domain.
        domain: u32,
        /// The kind.
        state: ResetState,
    }
}

impl fmt::Display for ResetIssued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "reset domain {} was reset ({}) by agent {}",
            self.domain, self.state, self.agent
        )
    }
}
