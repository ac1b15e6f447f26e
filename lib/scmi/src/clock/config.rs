// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! How clocks are configured, which parents they can have, and who may do what with them.

use crate::wire::{Page, PageHead, bits, message};

/// How a clock is to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ClockState {
    /// It stops.
    Disabled = 0,
    /// It runs.
    Enabled = 1,
    /// Not defined.
    Reserved = 2,
    /// As it was; only the extended configuration changes (version 3).
    Unchanged = 3,
}

/// Extended configuration that every vendor has; numbers from 0x80 are the vendor's own.
pub mod extended_config {
    /// Nothing: the value is ignored.
    pub const NONE: u8 = 0;
    /// Duty cycle, in per cent.
    pub const DUTY_CYCLE: u8 = 1;
    /// Phase, in degrees.
    pub const PHASE: u8 = 2;
}

bits! {
    /// What to configure.
    pub struct ConfigFlags {
        fields {
            /// The state; see [`ConfigFlags::clock_state`].
            state_bits, with_state_bits: u8 = [1:0];
            /// Which extended configuration to set; see [`extended_config`] (version 3).
            extended, with_extended: u8 = [23:16];
        }
    }
}

impl ConfigFlags {
    /// The state.
    pub const fn clock_state(self) -> ClockState {
        match self.state_bits() {
            0 => ClockState::Disabled,
            1 => ClockState::Enabled,
            2 => ClockState::Reserved,
            _ => ClockState::Unchanged,
        }
    }

    /// This word with the state set as told.
    #[must_use]
    pub const fn with_clock_state(self, state: ClockState) -> Self {
        self.with_state_bits(state as u8)
    }
}

message! {
    /// CLOCK_CONFIG_SET from version 3.
    pub struct ConfigSet {
        /// Which clock.
        clock: u32,
        /// What to configure.
        attributes: ConfigFlags,
        /// The value of the extended configuration.
        extended_value: u32,
    }
}

message! {
    /// CLOCK_CONFIG_SET before version 3.
    pub struct ConfigSetV1 {
        /// Which clock.
        clock: u32,
        /// On or off.
        attributes: ConfigFlags,
    }
}

bits! {
    /// What to tell.
    pub struct ConfigGetFlags {
        fields {
            /// Which extended configuration to tell; see [`extended_config`].
            extended, with_extended: u8 = [7:0];
        }
    }
}

message! {
    /// CLOCK_CONFIG_GET (version 3).
    pub struct ConfigGet {
        /// Which clock.
        clock: u32,
        /// What to tell.
        flags: ConfigGetFlags,
    }
}

bits! {
    /// The configuration of a clock.
    pub struct ConfigWord {
        flags {
            /// It runs.
            is_enabled, with_enabled: 0;
        }
    }
}

message! {
    /// Reply to CLOCK_CONFIG_GET.
    pub struct ConfigGetReply {
        /// Reserved.
        attributes: u32,
        /// The configuration.
        config: ConfigWord,
        /// The value of the extended configuration.
        extended_value: u32,
    }
}

message! {
    /// CLOCK_POSSIBLE_PARENTS_GET (version 3).
    pub struct PossibleParentsGet {
        /// Which clock.
        clock: u32,
        /// How many parents to skip.
        skip: u32,
    }
}

bits! {
    /// The count word of the list of parents.
    pub struct ParentCount {
        fields {
            /// Parents in this message.
            returned, with_returned: u8 = [7:0];
            /// Parents after those of this message.
            remaining, with_remaining: u8 = [31:24];
        }
    }
}

message! {
    /// What stands before the list of parents.
    pub struct ParentsHead {
        /// Counts.
        count: ParentCount,
    }
}

impl PageHead for ParentsHead {
    fn returned(&self) -> usize {
        self.count.returned().into()
    }
    fn remaining(&self) -> usize {
        self.count.remaining().into()
    }
}

message! {
    /// A clock that can be the parent of another, and reply to CLOCK_PARENT_GET.
    pub struct Parent {
        /// Its number.
        clock: u32,
    }
}

/// Reply to CLOCK_POSSIBLE_PARENTS_GET.
pub type Parents<'a> = Page<'a, ParentsHead, Parent>;

message! {
    /// CLOCK_PARENT_SET (version 3).
    pub struct ParentSet {
        /// Which clock.
        clock: u32,
        /// Its new parent.
        parent: u32,
    }
}

message! {
    /// CLOCK_PARENT_GET (version 3).
    pub struct ParentGet {
        /// Which clock.
        clock: u32,
    }
}

message! {
    /// CLOCK_GET_PERMISSIONS (version 3).
    pub struct GetPermissions {
        /// Which clock.
        clock: u32,
    }
}

bits! {
    /// What this agent may do with a clock.
    pub struct PermissionFlags {
        flags {
            /// Start and stop it.
            state, with_state: 31;
            /// Choose its parent.
            parent, with_parent: 30;
            /// Set its rate.
            rate, with_rate: 29;
        }
    }
}

message! {
    /// Reply to CLOCK_GET_PERMISSIONS.
    pub struct Permissions {
        /// What it may do.
        permissions: PermissionFlags,
    }
}
