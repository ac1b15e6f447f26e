// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The system power protocol, 0x12: the machine as a whole (DEN0056, "System power management protocol").
//!
//! Version 2 added the time-out to the notification.

use core::fmt;

use crate::common::NotifyEnable;
pub use crate::facts::system::{Attributes, MessageAttributes, NegotiateVersion, Version};
use crate::units::Microseconds;
use crate::wire::{bits, message};

message! {
    /// Reply to PROTOCOL_ATTRIBUTES.
    pub struct ProtocolInfo {
        /// Reserved.
        attributes: u32,
    }
}

bits! {
    /// How the system is to go to a state.
    pub struct SystemFlags {
        flags {
            /// Ask the software to get ready first. Without it, it happens by force.
            graceful, with_graceful: 0;
        }
    }
}

bits! {
    /// The state of the system, or the one to go to.
    pub struct SystemState {
        flags {
            /// The number is the vendor's own.
            is_vendor, with_vendor: 31;
        }
        fields {
            /// The number of the state.
            id, with_id: u32 = [30:0];
        }
    }
}

impl SystemState {
    /// Power off.
    pub const SHUTDOWN: Self = Self(0);
    /// Reset as if power had been off.
    pub const COLD_RESET: Self = Self(1);
    /// Reset that keeps some state.
    pub const WARM_RESET: Self = Self(2);
    /// Running, as far as the platform is concerned.
    pub const POWER_UP: Self = Self(3);
    /// Suspend.
    pub const SUSPEND: Self = Self(4);
}

impl fmt::Display for SystemState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::SHUTDOWN => f.pad("shutdown"),
            Self::COLD_RESET => f.pad("cold reset"),
            Self::WARM_RESET => f.pad("warm reset"),
            Self::POWER_UP => f.pad("power-up"),
            Self::SUSPEND => f.pad("suspend"),
            _ if self.is_vendor() => write!(f, "vendor state {:#x}", self.id()),
            _ => write!(f, "state {:#x}", self.id()),
        }
    }
}

message! {
    /// SYSTEM_POWER_STATE_SET.
    pub struct StateSet {
        /// How.
        flags: SystemFlags,
        /// To what.
        state: SystemState,
    }
}

message! {
    /// SYSTEM_POWER_STATE_GET.
    pub struct StateGet {}
}

message! {
    /// Reply to SYSTEM_POWER_STATE_GET.
    pub struct StateGetReply {
        /// The state it is in, or on its way to.
        state: SystemState,
    }
}

message! {
    /// SYSTEM_POWER_STATE_NOTIFY: switches [`StateNotifier`] on and off.
    pub struct StateNotify {
        /// Whether they are wanted.
        enable: NotifyEnable,
    }
}

message! {
    /// SYSTEM_POWER_STATE_NOTIFIER: somebody wants the system to go to a state.
    pub struct StateNotifier {
        /// Who wants it.
        agent: u32,
        /// How.
        flags: SystemFlags,
        /// To what.
        state: SystemState,
    }
    optional {
        /// How long the software has to get ready for a graceful shutdown, in milliseconds; 0 is without limit (version 2). See
        /// [`StateNotifier::limit_ms`].
        timeout_ms: u32
    }
}

impl StateNotifier {
    /// How long the software has to get ready, in milliseconds. Only a graceful shutdown has a limit: with everything else the word means
    /// nothing, whatever it says.
    pub fn limit_ms(&self) -> Option<u32> {
        let is_limited = self.flags.graceful() && self.state == SystemState::SHUTDOWN;
        self.timeout_ms.filter(|limit| is_limited && *limit != 0)
    }
}

impl fmt::Display for StateNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.flags.graceful() {
            "gracefully"
        } else {
            "at once"
        };
        write!(
            f,
            "agent {} wants the system to go to {} {how}",
            self.agent, self.state
        )?;
        match self.limit_ms() {
            None => Ok(()),
            Some(limit) => write!(f, " within {}", Microseconds(limit.saturating_mul(1000))),
        }
    }
}
