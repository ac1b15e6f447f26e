// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the driver says of itself.

use super::Driver;
use crate::clients::Owner;
use crate::counters::{Counters, Pools};
use crate::recovery::Condition;
use crate::transfers::{self, Handle};
use drv_scmi_types::{DriverState, InfoFlags, NO_TRANSPORT, PAYLOAD_MAX, ScmiInfo, ScmiStats};

impl<const RING: usize, const SLOTS: usize, const EVENTS: usize> Driver<'_, RING, SLOTS, EVENTS> {
    /// What works.
    pub fn condition(&self) -> Condition {
        self.channel.recovery().condition()
    }

    /// Whether the device has an event queue (V08).
    pub fn has_events(&self) -> bool {
        self.channel.events().is_up()
    }

    /// Entries of the command ring.
    pub fn command_ring(&self) -> u16 {
        self.channel.transfers().ring().size()
    }

    /// Entries of the event ring; 0 without events.
    pub fn event_ring(&self) -> u16 {
        self.channel.events().size()
    }

    /// Feature bits that were agreed on; 0 before that.
    pub fn features(&self) -> u64 {
        self.channel.setup().features()
    }

    /// Incarnation of the device: one more each time that it was set up.
    pub fn generation(&self) -> u32 {
        self.channel.setup().generation()
    }

    /// A client's slots, in the ring at its present size, and its event queue.
    pub fn client_limits(&self, owner: Owner) -> Option<(u16, u8)> {
        let in_use = self.channel.transfers().in_use();
        self.channel.clients().limits(owner, in_use)
    }

    /// Whether the device's interrupt is not ours, so that the timer stands in for it.
    pub fn is_by_timer(&self) -> bool {
        self.pacing.is_by_timer()
    }

    /// Whether the interrupt is held off, because it came again and again without work.
    pub fn is_held_off(&self) -> bool {
        self.pacing.is_held()
    }

    /// Whether the device has put something into a ring that no run has dealt with yet.
    pub fn has_used(&self) -> bool {
        self.channel.has_used()
    }

    /// State, limits and what was negotiated, for a client. Where the device is, and why it cannot be used if it cannot, is for the
    /// server to add.
    pub fn info(&self, owner: Owner) -> ScmiInfo {
        let (caller_slots, caller_events) = self.client_limits(owner).unwrap_or_default();
        let state = match self.condition() {
            Condition::Down => DriverState::NoDevice,
            Condition::Ready if self.has_events() => DriverState::Ready,
            Condition::Ready => DriverState::ReadyWithoutEvents,
            Condition::Recovering => DriverState::Recovering,
            Condition::PlatformUnavailable => DriverState::PlatformUnavailable,
        };
        ScmiInfo {
            features: self.features(),
            generation: self.generation(),
            ring_configured: RING as u16,
            command_ring: self.command_ring(),
            event_ring: self.event_ring(),
            slots: self.pools().slots as u16,
            caller_slots,
            payload_max: PAYLOAD_MAX as u16,
            state: state as u8,
            transport: NO_TRANSPORT,
            events: u8::from(self.has_events()),
            caller_events,
            flags: match (self.is_by_timer(), self.is_held_off()) {
                (true, _) => InfoFlags::NO_INTERRUPT,
                (false, true) => InfoFlags::INTERRUPT_HELD_OFF,
                (false, false) => InfoFlags::empty(),
            },
            ..ScmiInfo::default()
        }
    }

    /// What happened.
    pub fn counters(&self) -> &Counters {
        self.channel.counters()
    }

    /// What the driver holds.
    pub fn pools(&self) -> Pools {
        self.channel.pools()
    }

    /// Both.
    pub fn stats(&self) -> ScmiStats {
        ScmiStats {
            counters: *self.counters(),
            pools: self.pools(),
        }
    }

    /// Checks everything that must hold between two calls, whatever the device and the clients did. The error says what does not.
    /// For tests, models and fuzzers: it costs O(slots + event buffers).
    pub fn audit(&self) -> Result<(), &'static str> {
        self.channel.audit()
    }

    /// What became of the slot of a handle, in a word, for tests.
    pub fn describe(&self, handle: Handle) -> &'static str {
        transfers::describe(self.channel.transfers(), handle)
    }
}
