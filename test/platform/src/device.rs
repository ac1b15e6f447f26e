// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The vhost-user device: takes chains from the rings and gives them back.
//!
//! Whatever a guest puts into the rings, the device goes on: a chain that makes no sense goes back empty, and a ring that
//! cannot be read is left alone until the guest sets it up again.
//!
//! [`Device`] implements what `vhost-user-backend` calls for: one worker thread runs `Device::turn` whenever a queue is
//! kicked, the control socket changed something, or the timer says that something is due.

use std::io::{self, Read, Write};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use vhost::vhost_user::message::{VhostUserProtocolFeatures, VhostUserVirtioFeatures};
use vhost_user_backend::{VhostUserBackendMut, VringRwLock, VringT};
use virtio_bindings::virtio_config::VIRTIO_F_VERSION_1;
use virtio_bindings::virtio_ring::{
    VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC, VRING_AVAIL_F_NO_INTERRUPT,
};
use virtio_queue::{DescriptorChain, QueueOwnedT, QueueT};
use vm_memory::{
    Address, Bytes, GuestAddress, GuestAddressSpace, GuestMemoryAtomic, GuestMemoryLoadGuard,
    GuestMemoryMmap,
};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::event::{
    EventConsumer, EventFlag, EventNotifier, new_event_consumer_and_notifier,
};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};
use vmm_sys_util::timerfd::TimerFd;

use crate::engine::{Completion, Engine, Message};

/// Largest ring.
pub const RING_SIZE: usize = 1024;
/// `VIRTIO_SCMI_F_P2A_CHANNELS`: the device has an event queue.
const P2A_CHANNELS: u64 = 1 << 0;

const COMMAND_QUEUE: usize = 0;
const EVENT_QUEUE: usize = 1;
const QUEUES: usize = 2;
/// Epoll tokens above those of the queues and of the exit event.
pub const WAKE_TOKEN: u16 = 8;
/// See [`WAKE_TOKEN`].
pub const TIMER_TOKEN: u16 = 9;

/// Messages of the platform's own sent in one turn, so that a flood does not keep commands waiting.
const MESSAGES_PER_TURN: usize = 64;

type Memory = GuestMemoryLoadGuard<GuestMemoryMmap>;
type Chain = DescriptorChain<Memory>;

/// The platform as the device and the control socket share it.
#[derive(Clone)]
pub struct Shared {
    engine: Arc<Mutex<Engine>>,
    wake: Arc<EventFd>,
    started: Instant,
}

impl Shared {
    /// Shares a platform.
    ///
    /// # Errors
    ///
    /// The host has no event descriptor left.
    pub fn new(engine: Engine) -> io::Result<Self> {
        Ok(Self {
            engine: Arc::new(Mutex::new(engine)),
            wake: Arc::new(EventFd::new(EFD_NONBLOCK)?),
            started: Instant::now(),
        })
    }

    /// The platform, brought to the present. A panic elsewhere does not take it away.
    pub fn lock(&self) -> MutexGuard<'_, Engine> {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        engine.advance(self.started.elapsed().as_millis() as u64);
        engine
    }

    /// Makes the device look for work.
    pub fn wake(&self) {
        // A counter that is full wakes just as well.
        let _ = self.wake.write(1);
    }

    /// The descriptor that wakes the device.
    pub fn wake_fd(&self) -> &EventFd {
        &self.wake
    }
}

/// The device.
pub struct Device {
    shared: Shared,
    timer: TimerFd,
    exit: (EventConsumer, EventNotifier),
    memory: GuestMemoryAtomic<GuestMemoryMmap>,
    features: u64,
    event_idx: bool,
    /// How long it works on commands.
    busy: Duration,
    /// Chains of the command queue that are not answered yet.
    commands: Vec<Chain>,
    /// Buffers of the event queue that are not used yet, oldest first.
    buffers: Vec<EventBuffer>,
}

/// Whether the guest should tell when it makes more chains available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kicks {
    Wanted,
    /// The device looks again by itself.
    Unwanted,
}

/// A buffer that waits for a message of the platform's own.
struct EventBuffer {
    chain: Chain,
    /// Bytes that it takes.
    room: usize,
}

impl Device {
    /// A device in front of a platform. `memory` is the guest's, which the daemon keeps up to date.
    ///
    /// # Errors
    ///
    /// The host has no descriptor left.
    pub fn new(shared: Shared, memory: GuestMemoryAtomic<GuestMemoryMmap>) -> io::Result<Self> {
        let offered = shared.lock().platform.model.machine.platform.clone();
        let mut features =
            VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits() | 1 << VIRTIO_RING_F_INDIRECT_DESC;
        for (bit, on) in [
            (1 << VIRTIO_F_VERSION_1, offered.version_1),
            (1 << VIRTIO_RING_F_EVENT_IDX, offered.event_idx),
            (P2A_CHANNELS, offered.p2a),
        ] {
            features |= if on { bit } else { 0 };
        }
        Ok(Self {
            shared,
            timer: TimerFd::new().map_err(io::Error::from)?,
            exit: new_event_consumer_and_notifier(EventFlag::NONBLOCK)?,
            memory,
            features,
            event_idx: false,
            busy: Duration::from_micros(offered.busy_us),
            commands: Vec::new(),
            buffers: Vec::new(),
        })
    }

    /// The timer's descriptor, for the event loop.
    pub fn timer_fd(&self) -> std::os::fd::RawFd {
        std::os::fd::AsRawFd::as_raw_fd(&self.timer)
    }

    /// Takes commands, gives replies, sends messages, sets the timer.
    fn turn(&mut self, vrings: &[VringRwLock]) {
        let shared = self.shared.clone();
        let mut engine = shared.lock();
        if let Some(queue) = vrings.get(COMMAND_QUEUE) {
            if self.busy.is_zero() {
                self.take_commands(&mut engine, queue, Kicks::Wanted);
            } else if self.take_commands(&mut engine, queue, Kicks::Unwanted)
                || self.take_commands(&mut engine, queue, Kicks::Wanted)
            {
                drop(engine);
                std::thread::sleep(self.busy);
                // More may have come without a kick.
                shared.wake();
                engine = shared.lock();
            }
            self.give_replies(&mut engine, queue);
        }
        if let Some(queue) = vrings.get(EVENT_QUEUE) {
            self.take_buffers(&mut engine, queue);
            self.send_messages(&mut engine, queue);
        }
        self.set_timer(&engine);
    }

    /// The chains that the guest made available since the last look. If kicks are wanted, the next one will bring a kick.
    fn take(&self, queue: &VringRwLock, kicks: Kicks) -> Vec<Chain> {
        let mut state = queue.get_mut();
        // A ring that is not enabled belongs to the guest, whatever the timer thinks.
        if !state.get_queue().ready() || !state.is_enabled() {
            return Vec::new();
        }
        let mut chains = Vec::new();
        if kicks == Kicks::Unwanted {
            // With EVENT_IDX there is nothing to say: the guest kicks past what was asked for, and not again.
            let _ = state.disable_notification();
        }
        loop {
            let memory = self.memory.memory();
            // An available index that runs ahead of the ring is an error here; the ring is dead until it is set up again.
            match state.get_queue_mut().iter(memory) {
                Ok(available) => chains.extend(available),
                Err(_) => break,
            }
            if kicks == Kicks::Unwanted {
                break;
            }
            // With EVENT_IDX the guest kicks only past what we ask for: look again after asking. A guest that adds without
            // end gets its turn again, after the others.
            match state.enable_notification() {
                Ok(true) if chains.len() < RING_SIZE => continue,
                _ => break,
            }
        }
        chains
    }

    /// `true`: there were some.
    fn take_commands(&mut self, engine: &mut Engine, queue: &VringRwLock, kicks: Kicks) -> bool {
        let chains = self.take(queue, kicks);
        let some = !chains.is_empty();
        for chain in chains {
            let head = chain.head_index();
            // A head that is still with us cannot come again from a driver that follows the rules. It gets one answer.
            self.commands.retain(|known| known.head_index() != head);
            engine.forget(head);
            match read(&chain) {
                Some((request, room)) => engine.command(head, &request, room),
                None => engine.malformed(head),
            }
            self.commands.push(chain);
        }
        some
    }

    fn give_replies(&mut self, engine: &mut Engine, queue: &VringRwLock) {
        let mut given = false;
        for completion in engine.ready() {
            let Completion {
                head,
                used_id,
                bytes,
                used_len,
            } = completion;
            // A second copy finds no chain: its buffer is the guest's again, and is not touched.
            if let Some(position) = self
                .commands
                .iter()
                .position(|chain| chain.head_index() == head)
            {
                let chain = self.commands.remove(position);
                let _ = write(&chain, &bytes);
            }
            given |= self.give_back(queue, head, used_id, used_len);
        }
        if given {
            self.interrupt(engine, queue);
        }
    }

    fn take_buffers(&mut self, engine: &mut Engine, queue: &VringRwLock) {
        let mut returned = false;
        for chain in self.take(queue, Kicks::Wanted) {
            match read(&chain) {
                Some((request, room)) if request.is_empty() => {
                    self.buffers.push(EventBuffer { chain, room });
                }
                // Something to read, or nothing that can be written: no buffer for an event.
                _ => {
                    engine.counts.malformed += 1;
                    returned |= queue.add_used(chain.head_index(), 0).is_ok();
                }
            }
        }
        if returned {
            self.interrupt(engine, queue);
        }
    }

    fn send_messages(&mut self, engine: &mut Engine, queue: &VringRwLock) {
        let mut sent = false;
        for turn in 0.. {
            if turn == MESSAGES_PER_TURN {
                // The rest goes out after the commands that have come meanwhile.
                self.shared.wake();
                break;
            }
            let largest = self.buffers.iter().map(|buffer| buffer.room).max();
            let Some(Message { bytes, used_id }) = engine.next_message(largest) else {
                break;
            };
            let Some(position) = self
                .buffers
                .iter()
                .position(|buffer| buffer.room >= bytes.len())
            else {
                break;
            };
            let chain = self.buffers.remove(position).chain;
            let written = write(&chain, &bytes).unwrap_or(0);
            // The buffer of a false id is not given back: the guest has lost it until it resets
            // the device.
            let head = chain.head_index();
            sent |= self.give_back(queue, head, used_id.unwrap_or(head), written as u32);
        }
        if sent {
            self.interrupt(engine, queue);
        }
    }

    /// Puts an element into the used ring: the chain's head, or the id that a fault wants in its
    /// place. The queue takes no id that the ring does not have, so such a lie is written by hand.
    /// Returns whether the guest may have to be told.
    fn give_back(&self, queue: &VringRwLock, head: u16, id: u16, len: u32) -> bool {
        let mut state = queue.get_mut();
        let ring = state.get_queue_mut();
        let memory = self.memory.memory();
        if id == head || id < ring.size() {
            return ring.add_used(&*memory, id, len).is_ok();
        }
        // Flags and index, 2 bytes each, and elements of 8 bytes (virtio 1.3, 2.7.8).
        let used = GuestAddress(ring.used_ring());
        let next = ring.next_used();
        let place = used.unchecked_add(4 + u64::from(next % ring.size()) * 8);
        let element = [u32::from(id).to_le(), len.to_le()];
        let index = next.wrapping_add(1);
        let written = memory.write_obj(element, place).is_ok()
            && memory
                .store(index.to_le(), used.unchecked_add(2), Ordering::Release)
                .is_ok();
        if written {
            ring.set_next_used(index);
            // The queue did not count it, so it cannot say whether an interrupt is wanted; one too
            // many does no harm.
            let _ = state.signal_used_queue();
        }
        false
    }

    /// Interrupts the guest, unless it asked not to be and that is respected.
    fn interrupt(&self, engine: &Engine, queue: &VringRwLock) {
        // The used index is written; what the guest wants is read after that.
        let needed = if self.event_idx {
            queue.needs_notification().unwrap_or(true)
        } else {
            std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
            let flags_at = GuestAddress(queue.get_ref().get_queue().avail_ring());
            let flags: u16 = self.memory.memory().read_obj(flags_at).unwrap_or(0);
            u32::from(u16::from_le(flags)) & VRING_AVAIL_F_NO_INTERRUPT == 0
        };
        if needed || engine.always_interrupts {
            let _ = queue.signal_used_queue();
        }
    }

    fn set_timer(&mut self, engine: &Engine) {
        let step = engine.platform.model.machine.platform.step_ms;
        let next_step = engine.platform.model.now_ms + step;
        let due = engine
            .next_due_ms()
            .map_or(next_step, |due| due.min(next_step));
        let wait = due.saturating_sub(engine.now_ms()).max(1);
        // Without the timer the physics stands still, but commands are answered all the same.
        let _ = self.timer.reset(Duration::from_millis(wait), None);
    }
}

/// The readable bytes of a chain, and the room in its writable part; `None` when it breaks the rules of a chain: a readable
/// descriptor after a writable one, a loop, an index or an address that does not exist.
fn read(chain: &Chain) -> Option<(Vec<u8>, usize)> {
    let mut writable = false;
    let mut ended = false;
    for descriptor in chain.clone() {
        if writable && !descriptor.is_write_only() {
            return None;
        }
        writable = descriptor.is_write_only();
        ended = !descriptor.has_next();
    }
    if !ended {
        // The walk was given up: a loop, or a link to nowhere.
        return None;
    }
    let memory = chain.memory();
    let mut reader = chain.clone().reader(memory).ok()?;
    // No message is longer; what is more than that is not worth memory.
    let length = reader.available_bytes().min(scmi::limits::MAX_MESSAGE + 1);
    let mut request = vec![0; length];
    reader.read_exact(&mut request).ok()?;
    let room = chain.clone().writer(memory).ok()?.available_bytes();
    Some((request, room))
}

/// Writes the start of `bytes` that fits a chain, and returns how much that was.
fn write(chain: &Chain, bytes: &[u8]) -> Option<usize> {
    let memory = chain.memory();
    let mut writer = chain.clone().writer(memory).ok()?;
    let length = writer.available_bytes().min(bytes.len());
    writer.write_all(&bytes[..length]).ok()?;
    Some(length)
}

impl VhostUserBackendMut for Device {
    type Bitmap = ();
    type Vring = VringRwLock;

    fn num_queues(&self) -> usize {
        QUEUES
    }

    fn max_queue_size(&self) -> usize {
        RING_SIZE
    }

    fn features(&self) -> u64 {
        self.features
    }

    fn protocol_features(&self) -> VhostUserProtocolFeatures {
        VhostUserProtocolFeatures::MQ
    }

    fn set_event_idx(&mut self, enabled: bool) {
        self.event_idx = enabled;
    }

    fn update_memory(&mut self, memory: GuestMemoryAtomic<GuestMemoryMmap>) -> io::Result<()> {
        self.memory = memory;
        Ok(())
    }

    fn exit_event(&self, _thread_index: usize) -> Option<(EventConsumer, EventNotifier)> {
        Some((self.exit.0.try_clone().ok()?, self.exit.1.try_clone().ok()?))
    }

    fn stop_vring(&mut self, queue_index: u32) -> io::Result<()> {
        // The guest reset the device, or QEMU is going away. Chains of before mean nothing any more.
        match queue_index as usize {
            COMMAND_QUEUE => {
                self.commands.clear();
                self.shared.lock().reset();
            }
            _ => self.buffers.clear(),
        }
        Ok(())
    }

    fn handle_event(
        &mut self,
        token: u16,
        _events: EventSet,
        vrings: &[Self::Vring],
        _thread: usize,
    ) -> io::Result<()> {
        match token {
            WAKE_TOKEN => {
                let _ = self.shared.wake_fd().read();
            }
            TIMER_TOKEN => {
                let _ = self.timer.wait();
            }
            _ => {}
        }
        self.turn(vrings);
        Ok(())
    }
}
