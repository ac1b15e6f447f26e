// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The power domain protocol, 0x11: switching parts of the machine on and off (DEN0056, "Power domain management
//! protocol").

use core::fmt;

use crate::common::{NotifyEnable, ShortName};
pub use crate::facts::power::{Attributes, MessageAttributes, NegotiateVersion, Version};
use crate::wire::{bits, message};

bits! {
    /// The first word of PROTOCOL_ATTRIBUTES.
    pub struct ProtocolFlags {
        fields {
            /// How many power domains there are; they are numbered from 0.
            domains, with_domains: u16 = [15:0];
        }
    }
}

message! {
    /// Reply to PROTOCOL_ATTRIBUTES.
    pub struct ProtocolInfo {
        /// Counts.
        attributes: ProtocolFlags,
        /// Where the statistics region is, 0 when there is none.
        statistics_address: u64,
        /// How long it is, in bytes.
        statistics_len: u32,
    }
}

bits! {
    /// What a power domain can do.
    pub struct DomainFlags {
        flags {
            /// It sends POWER_STATE_CHANGED.
            notifies_change, with_notifies_change: 31;
            /// It can be set asynchronously.
            set_asynchronously, with_set_asynchronously: 30;
            /// It can be set synchronously.
            set_synchronously, with_set_synchronously: 29;
            /// It sends POWER_STATE_CHANGE_REQUESTED.
            notifies_change_request, with_notifies_change_request: 28;
            /// POWER_DOMAIN_NAME_GET has a longer name.
            has_extended_name, with_extended_name: 27;
        }
    }
}

message! {
    /// POWER_DOMAIN_ATTRIBUTES.
    pub struct DomainAttributes {
        /// Which domain.
        domain: u32,
    }
}

message! {
    /// Reply to POWER_DOMAIN_ATTRIBUTES.
    pub struct DomainInfo {
        /// What it can do.
        attributes: DomainFlags,
        /// Its name.
        name: ShortName,
    }
}

bits! {
    /// The state of a power domain.
    ///
    /// On and off are the same on every platform; other numbers are the platform's own.
    pub struct PowerState {
        flags {
            /// The domain forgets its content in this state.
            loses_context, with_loses_context: 30;
        }
        fields {
            /// The number of the state among those that lose context, or among those that do not.
            id, with_id: u32 = [27:0];
        }
    }
}

impl PowerState {
    /// Running.
    pub const ON: Self = Self(0);
    /// Without power.
    pub const OFF: Self = Self(1 << 30);
}

impl fmt::Display for PowerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ON => f.pad("on"),
            Self::OFF => f.pad("off"),
            _ => {
                let context = if self.loses_context() { "lost" } else { "kept" };
                write!(f, "state {} (context {context})", self.id())
            }
        }
    }
}

bits! {
    /// How to set a state.
    pub struct SetFlags {
        flags {
            /// Reply at once; a delayed response says when it is done.
            asynchronous, with_asynchronous: 0;
        }
    }
}

message! {
    /// POWER_STATE_SET.
    pub struct StateSet {
        /// How.
        flags: SetFlags,
        /// Which domain.
        domain: u32,
        /// To what.
        state: PowerState,
    }
}

message! {
    /// Delayed response to POWER_STATE_SET.
    pub struct StateSetComplete {
        /// Which domain.
        domain: u32,
        /// The state it is in now.
        state: PowerState,
    }
}

message! {
    /// POWER_STATE_GET.
    pub struct StateGet {
        /// Which domain.
        domain: u32,
    }
}

message! {
    /// Reply to POWER_STATE_GET.
    pub struct StateGetReply {
        /// The state it is in.
        state: PowerState,
    }
}

message! {
    /// POWER_STATE_NOTIFY: switches [`StateChanged`] on and off.
    pub struct StateNotify {
        /// Which domain.
        domain: u32,
        /// Whether they are wanted.
        enable: NotifyEnable,
    }
}

message! {
    /// POWER_STATE_CHANGE_REQUESTED_NOTIFY: switches [`StateChangeRequested`] on and off.
    pub struct ChangeRequestedNotify {
        /// Which domain.
        domain: u32,
        /// Whether they are wanted.
        enable: NotifyEnable,
    }
}

message! {
    /// POWER_DOMAIN_NAME_GET.
    pub struct DomainNameGet {
        /// Which domain.
        domain: u32,
    }
}

message! {
    /// POWER_STATE_CHANGED.
    pub struct StateChanged {
        /// Who changed it.
        agent: u32,
        /// Which domain.
        domain: u32,
        /// The state it is in now.
        state: PowerState,
    }
}

message! {
    /// POWER_STATE_CHANGE_REQUESTED.
    pub struct StateChangeRequested {
        /// Who wants it.
        agent: u32,
        /// Which domain.
        domain: u32,
        /// The state that is wanted.
        state: PowerState,
    }
}

impl fmt::Display for StateChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "power domain {} is {} by agent {}",
            self.domain, self.state, self.agent
        )
    }
}

impl fmt::Display for StateChangeRequested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "agent {} wants power domain {} to be {}",
            self.agent, self.domain, self.state
        )
    }
}
