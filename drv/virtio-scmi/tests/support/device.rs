// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The device's side: registers that a test sets, and both rings.

use drv_virtio_scmi::{
    COMMAND_QUEUE, DmaBuffer, EVENT_IDX, Interrupts, P2A_CHANNELS, QueueMemory, SetupError,
    Transport, VERSION_1,
};
use virtqueue::Addresses;
use virtqueue::device::DeviceSide;

/// A header word.
pub fn header(protocol: u8, message: u8, kind: u32, token: u16) -> u32 {
    u32::from(message) | kind << 8 | u32::from(protocol) << 10 | u32::from(token) << 18
}

/// The registers, as far as the channel sees them.
pub struct FakeTransport {
    pub offered: u64,
    pub queue_max: [u16; 2],
    /// How many of the next resets do not end.
    pub stuck_resets: u32,
    /// How many of the next set-ups fail after the reset.
    pub refusals: u32,
    pub needs_reset: bool,
    /// Why it interrupts, beside the rings: until that is acknowledged.
    pub interrupts: Interrupts,
    pub agreed: u64,
    /// Sizes of the queues that were set up; 0: none.
    pub sizes: [u16; 2],
    pub live: bool,
    pub failed: bool,
    pub resets: u32,
    /// Notify writes of each queue.
    pub kicks: [u32; 2],
    /// Whether the memory was the driver's when a queue was started: nothing may precede the reset.
    pub was_reset: bool,
}

impl FakeTransport {
    pub fn new(offered: u64, queue_max: [u16; 2]) -> Self {
        Self {
            offered,
            queue_max,
            stuck_resets: 0,
            refusals: 0,
            needs_reset: false,
            interrupts: Interrupts::default(),
            agreed: 0,
            sizes: [0; 2],
            live: false,
            failed: false,
            resets: 0,
            kicks: [0; 2],
            was_reset: false,
        }
    }
}

impl Transport for FakeTransport {
    fn reset(&mut self) -> Result<(), SetupError> {
        self.live = false;
        if self.stuck_resets > 0 {
            self.stuck_resets -= 1;
            return Err(SetupError::ResetTimeout);
        }
        self.resets += 1;
        self.sizes = [0; 2];
        self.needs_reset = false;
        self.interrupts = Interrupts::default();
        self.failed = false;
        self.was_reset = true;
        Ok(())
    }

    fn negotiate(&mut self, wanted: u64, required: u64) -> Result<u64, SetupError> {
        assert!(self.was_reset, "negotiation before a reset");
        let missing = required & !self.offered;
        if missing != 0 {
            self.failed = true;
            return Err(SetupError::MissingFeatures(missing));
        }
        // V47: what a driver of this device may ask for at most.
        assert_eq!(wanted & !(P2A_CHANNELS | EVENT_IDX), 0);
        assert_eq!(required, VERSION_1);
        self.agreed = self.offered & (wanted | required);
        Ok(self.agreed)
    }

    fn queue_max(&mut self, queue: u16) -> u16 {
        // V42: of a queue that only P2A brings, nothing may be asked without P2A.
        assert!(queue == COMMAND_QUEUE || self.agreed & P2A_CHANNELS != 0);
        self.queue_max[usize::from(queue)]
    }

    fn setup_queue(&mut self, queue: u16, size: u16, _: Addresses) -> Result<(), SetupError> {
        assert!(!self.live, "a queue was set up after DRIVER_OK");
        assert!(size.is_power_of_two() && size <= self.queue_max[usize::from(queue)]);
        self.sizes[usize::from(queue)] = size;
        Ok(())
    }

    fn driver_ok(&mut self) -> Result<(), SetupError> {
        if self.refusals > 0 {
            self.refusals -= 1;
            return Err(SetupError::Refused);
        }
        self.live = true;
        Ok(())
    }

    fn notify(&mut self, queue: u16) {
        assert!(self.live, "a kick before DRIVER_OK");
        self.kicks[usize::from(queue)] += 1;
    }

    fn take_interrupts(&mut self) -> Interrupts {
        std::mem::take(&mut self.interrupts)
    }

    fn needs_reset(&mut self) -> bool {
        self.needs_reset
    }

    fn fail(&mut self) {
        self.failed = true;
    }
}

/// A command that the device took.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Command {
    pub head: u16,
    pub header: u32,
    /// The parameters, as long as the readable descriptor says.
    pub parameters: Vec<u8>,
    /// Bytes that the device may write.
    pub room: u32,
}

impl Command {
    pub fn token(&self) -> u16 {
        (self.header >> 18 & 0x3ff) as u16
    }
    pub fn protocol(&self) -> u8 {
        (self.header >> 10) as u8
    }
    pub fn message(&self) -> u8 {
        self.header as u8
    }
}

/// Both rings from the device's side.
pub struct FakeDevice<'m, const R: usize, const S: usize, const E: usize> {
    memory: &'m QueueMemory<R, S, E>,
    pub commands: DeviceSide<'m, R>,
    pub events: DeviceSide<'m, E>,
    /// It interrupts because of a used buffer, which the registers do not show yet.
    pub raised: bool,
    /// The driver has reset it: what was in the rings is no longer its concern.
    pub gone: bool,
}

impl<'m, const R: usize, const S: usize, const E: usize> FakeDevice<'m, R, S, E> {
    pub fn new(memory: &'m QueueMemory<R, S, E>, transport: &FakeTransport) -> Self {
        let event_idx = transport.agreed & EVENT_IDX != 0;
        let [commands, events] = transport.sizes;
        Self {
            memory,
            commands: DeviceSide::new(memory.command_ring(), commands.max(1), event_idx),
            events: DeviceSide::new(memory.event_ring(), events.max(1), event_idx),
            raised: false,
            gone: false,
        }
    }

    fn buffer(&self, address: u64) -> &'m DmaBuffer {
        self.memory
            .buffer_at(address)
            .expect("a descriptor that names no buffer")
    }

    /// Takes the next command, and checks its chain: one readable buffer, then one writable, and nothing else.
    pub fn take(&mut self) -> Option<Command> {
        let head = self.commands.pop()?;
        let request = self.commands.segment(head).unwrap();
        let reply = self
            .commands
            .segment(request.next.expect("a chain of two"))
            .unwrap();
        assert!(!request.writable && reply.writable && reply.next.is_none());
        assert!((4..=136).contains(&request.len), "M2");
        let buffer = self.buffer(request.address);
        let mut parameters = vec![0; request.len as usize - 4];
        buffer.read(1, &mut parameters);
        Some(Command {
            head,
            header: buffer.word(0),
            parameters,
            room: reply.len,
        })
    }

    /// Writes a reply of any shape and gives the chain back.
    pub fn reply_raw(&mut self, head: u16, header: u32, status: i32, values: &[u8], len: u32) {
        let request = self.commands.segment(head).unwrap();
        let reply = self.commands.segment(request.next.unwrap()).unwrap();
        let buffer = self.buffer(reply.address);
        buffer.set_word(0, header);
        buffer.set_word(1, status as u32);
        buffer.write(2, values);
        self.commands.complete(u32::from(head), len);
    }

    /// Answers as a good platform does.
    pub fn reply(&mut self, command: &Command, status: i32, values: &[u8]) {
        let len = 8 + values.len() as u32;
        self.reply_raw(command.head, command.header, status, values, len);
    }

    /// Sends a message through the event ring; `false`: there is no buffer.
    pub fn send_event_raw(&mut self, header: u32, payload: &[u8], len: u32) -> bool {
        let Some(head) = self.events.pop() else {
            return false;
        };
        let segment = self.events.segment(head).unwrap();
        assert!(segment.writable && segment.next.is_none() && segment.len == 136);
        let buffer = self.buffer(segment.address);
        buffer.set_word(0, header);
        buffer.write(1, payload);
        self.events.complete(u32::from(head), len);
        true
    }

    pub fn send_event(&mut self, header: u32, payload: &[u8]) -> bool {
        self.send_event_raw(header, payload, 4 + payload.len() as u32)
    }

    /// A sensor's update: agent, sensor, and one axis.
    pub fn sensor_update(&mut self, sensor: u32, value: u32) -> bool {
        let words = [0, sensor, value, 0, 0, 0];
        let bytes: Vec<u8> = words
            .iter()
            .flat_map(|word: &u32| word.to_le_bytes())
            .collect();
        self.send_event(header(0x15, 1, 3, 0), &bytes)
    }

    /// The delayed response to a command.
    pub fn delayed(&mut self, command: &Command, status: i32, values: &[u8]) -> bool {
        let mut payload = status.to_le_bytes().to_vec();
        payload.extend_from_slice(values);
        let header = header(command.protocol(), command.message(), 2, command.token());
        self.send_event(header, &payload)
    }
}
