// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The device: its registers, and both rings from its side.

use drv_virtio_scmi::{
    COMMAND_QUEUE, DmaBuffer, EVENT_IDX, EVENT_QUEUE, Interrupts, QueueMemory, SetupError,
    Transport, events_of, slots_of,
};
use virtqueue::Addresses;
use virtqueue::device::DeviceSide;

/// As in the shipped app.toml.
pub const RING: usize = 64;
pub const SLOTS: usize = slots_of(RING);
pub const EVENTS: usize = events_of(RING);

pub type Memory = QueueMemory<RING, SLOTS, EVENTS>;

/// SENSOR_UPDATE, a notification.
const UPDATE: u32 = 1 | 3 << 8 | 0x15 << 10;
/// The longest that fits: agent, sensor, and seven axes of 16 bytes.
const UPDATE_LEN: u32 = 4 + 8 + 7 * 16;
/// Header, status, and 128 bytes.
const REPLY_LEN: u32 = 136;

/// Both rings of a device that is set up.
struct Rings {
    commands: DeviceSide<'static, RING>,
    events: DeviceSide<'static, EVENTS>,
}

/// The device.
pub struct Device {
    memory: &'static Memory,
    event_idx: bool,
    sizes: [u16; 2],
    rings: Option<Rings>,
    /// It answers everything, and fills every event buffer, as soon as it is notified.
    pub storms: bool,
    /// It asks for a reset.
    pub broken: bool,
}

impl Device {
    pub const fn new(memory: &'static Memory) -> Self {
        Self {
            memory,
            event_idx: false,
            sizes: [0; 2],
            rings: None,
            storms: false,
            broken: false,
        }
    }

    /// Does all that can be done: answers every command, and fills every event buffer.
    pub fn storm(&mut self) {
        let Some(rings) = &mut self.rings else {
            return;
        };
        let memory = self.memory;
        let buffer = |address| -> &'static DmaBuffer {
            match memory.buffer_at(address) {
                Some(buffer) => buffer,
                None => panic!("a descriptor that names no buffer"),
            }
        };
        while let Some(head) = rings.commands.pop() {
            let request = rings.commands.segment(head);
            let reply = request
                .as_ref()
                .and_then(|request| rings.commands.segment(request.next?));
            let (Some(request), Some(reply)) = (request, reply) else {
                panic!("no chain of two");
            };
            let (request, reply) = (buffer(request.address), buffer(reply.address));
            reply.set_word(0, request.word(0));
            reply.set_word(1, 0);
            rings.commands.complete(head.into(), REPLY_LEN);
        }
        while let Some(head) = rings.events.pop() {
            let Some(segment) = rings.events.segment(head) else {
                panic!("no event buffer");
            };
            let event = buffer(segment.address);
            event.set_word(0, UPDATE);
            // Agent, sensor.
            event.set_word(1, 0);
            event.set_word(2, 0);
            rings.events.complete(head.into(), UPDATE_LEN);
        }
    }
}

impl Transport for Device {
    fn reset(&mut self) -> Result<(), SetupError> {
        self.rings = None;
        self.broken = false;
        Ok(())
    }

    fn negotiate(&mut self, wanted: u64, required: u64) -> Result<u64, SetupError> {
        self.event_idx = wanted & EVENT_IDX != 0;
        Ok(wanted | required)
    }

    fn queue_max(&mut self, _: u16) -> u16 {
        RING as u16
    }

    fn setup_queue(&mut self, queue: u16, size: u16, _: Addresses) -> Result<(), SetupError> {
        let place = self.sizes.get_mut(usize::from(queue));
        *place.ok_or(SetupError::NoQueue(queue))? = size;
        Ok(())
    }

    fn driver_ok(&mut self) -> Result<(), SetupError> {
        let [commands, events] = self.sizes;
        self.rings = Some(Rings {
            commands: DeviceSide::new(self.memory.command_ring(), commands, self.event_idx),
            events: DeviceSide::new(self.memory.event_ring(), events, self.event_idx),
        });
        Ok(())
    }

    fn notify(&mut self, queue: u16) {
        assert!(queue == COMMAND_QUEUE || queue == EVENT_QUEUE);
        if self.storms {
            self.storm();
        }
    }

    fn take_interrupts(&mut self) -> Interrupts {
        Interrupts {
            used_buffer: true,
            configuration: self.broken,
        }
    }

    fn needs_reset(&mut self) -> bool {
        self.broken
    }

    fn fail(&mut self) {
        panic!("the driver gave the device up");
    }
}
