// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Setting the device up, for the first time and again.

use crate::clients::Clients;
use crate::events::Events;
use crate::memory::QueueMemory;
use crate::transfers::Transfers;
use crate::transport::{
    COMMAND_QUEUE, EVENT_IDX, EVENT_QUEUE, P2A_CHANNELS, SetupError, Transport, VERSION_1,
};

/// What was agreed on with the device.
pub(crate) struct Setup {
    /// The device was set up and may be notified.
    live: bool,
    features: u64,
    generation: u32,
}

impl Setup {
    pub(crate) const fn new() -> Self {
        Self {
            live: false,
            features: 0,
            generation: 0,
        }
    }

    /// Whether the device is set up and may be notified.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// Feature bits that were agreed on; 0 before that. An event queue that is promised and missing is as good as not promised.
    pub(crate) fn features(&self) -> u64 {
        self.features
    }

    /// Incarnation of the device: one more each time that it was set up.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Resets the device, takes back all that it had, and sets it up with everything in its place. Nothing may be in flight.
    ///
    /// The first thing is the reset: an earlier life of the driver may have left the device at work in the queue memory.
    pub(crate) fn set_up<const RING: usize, const SLOTS: usize, const EVENTS: usize>(
        &mut self,
        memory: &QueueMemory<RING, SLOTS, EVENTS>,
        transfers: &mut Transfers<'_, RING, SLOTS>,
        events: &mut Events<'_, EVENTS>,
        clients: &mut Clients<'_>,
        transport: &mut impl Transport,
    ) -> Result<(), SetupError> {
        self.live = false;
        transport.reset()?;
        // From here on the memory is ours.
        if self.generation == 0 {
            transfers.begin_life(memory.next_life());
        }
        transfers.take_back(events, clients);
        events.take_back();

        let features = transport.negotiate(P2A_CHANNELS | EVENT_IDX, VERSION_1)?;
        let event_idx = features & EVENT_IDX != 0;

        let size = ring_size(transport.queue_max(COMMAND_QUEUE), RING);
        if !transfers.lay_out(size, event_idx) {
            transport.fail();
            return Err(SetupError::NoQueue(COMMAND_QUEUE));
        }
        clients.share_out(transfers.in_use(), SLOTS);
        transport.setup_queue(COMMAND_QUEUE, size, transfers.ring().addresses())?;

        let mut agreed = features & !P2A_CHANNELS;
        if features & P2A_CHANNELS != 0 {
            let size = ring_size(transport.queue_max(EVENT_QUEUE), EVENTS);
            if events.lay_out(size, event_idx) {
                transport.setup_queue(EVENT_QUEUE, size, events.ring().addresses())?;
                events.set_up();
                agreed = features;
            }
        }
        transport.driver_ok()?;
        self.features = agreed;
        self.live = true;
        self.generation = self.generation.wrapping_add(1);
        Ok(())
    }
}

/// The largest ring that both sides have: a power of two, or 0.
fn ring_size(device: u16, ours: usize) -> u16 {
    let most = usize::from(device).min(ours);
    most.checked_ilog2().map_or(0, |log| 1 << log)
}
