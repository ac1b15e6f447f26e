// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Plays a script, any bytes at all, in which the device does whatever it likes, and compares every answer of the queue
//! with a plain model. Shared by the bounded test and by the fuzz target.
//!
//! The script: ring size, options, start index, then one operation after the other until the bytes are used up.

use std::collections::BTreeSet;
use virtqueue::device::DeviceSide;
use virtqueue::{Buffer, Direction, PublishError, RingMemory, Used, Violation, Virtqueue};

/// Room for the largest ring that a script can ask for. Smaller ones leave some of it unused.
const N: usize = 64;

/// Bytes that the device may write into each chain.
const ROOM: u32 = 136;

/// What a script came to, so that a test can tell whether it tried anything.
#[derive(Default, Debug)]
pub struct Tally {
    /// Chains published.
    pub published: u64,
    /// Chains taken back.
    pub taken: u64,
    /// Chains taken back with a length beyond their room.
    pub excess: u64,
    /// Violations, in the order of the enumeration.
    pub violations: [u64; 5],
    /// Kicks.
    pub kicks: u64,
}

struct Script<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl Script<'_> {
    fn byte(&mut self) -> Option<u8> {
        self.bytes.next().copied()
    }

    /// A byte, or 0 at the end.
    fn any(&mut self) -> u8 {
        self.byte().unwrap_or(0)
    }

    fn any16(&mut self) -> u16 {
        u16::from_le_bytes([self.any(), self.any()])
    }

    /// Values at the edges more often than others.
    fn wild(&mut self) -> u32 {
        match self.any() {
            0 => 0xffff_ffff,
            1 => 0x8000_0000,
            2 => 0x1_0000 | u32::from(self.any()),
            3 => 0x7fff_ffff,
            4 => ROOM,
            5 => ROOM + 1,
            6 => u32::from(self.any16()) << 16 | u32::from(self.any16()),
            small => u32::from(small % 80),
        }
    }
}

/// What is true, told in the simplest data structures.
struct Truth {
    size: u16,
    event_idx: bool,
    /// Heads of chains.
    heads: BTreeSet<u16>,
    with_device: BTreeSet<u16>,
    /// What the device wrote into the used ring, and the index it showed.
    ring: Vec<(u32, u32)>,
    shown: u16,
    /// Positions that were published and not decided about.
    undecided: BTreeSet<u16>,
    available: u16,
    avail_event: u16,
    flags: u16,
    /// The used index as the driver knows it, and what it has still to look at.
    told: u16,
    taken: u16,
    left: u16,
    /// Heads that were published since the used index was read: no entry up to it can return them.
    fresh: BTreeSet<u16>,
}

impl Truth {
    /// What `take_used` must say.
    fn take(&mut self) -> Result<Option<Used>, Violation> {
        if self.left == 0 {
            if self.shown == self.told {
                return Ok(None);
            }
            self.told = self.shown;
            let ahead = self.shown.wrapping_sub(self.taken);
            if ahead > self.size {
                return Err(Violation::IndexJump {
                    index: self.shown,
                    ahead,
                });
            }
            if ahead == 0 {
                return Ok(None);
            }
            self.left = ahead;
            self.fresh.clear();
        }
        let (id, len) = self.ring[usize::from(self.taken % self.size)];
        self.taken = self.taken.wrapping_add(1);
        self.left -= 1;
        if id >= u32::from(self.size) {
            return Err(Violation::OutOfRange { id });
        }
        let id = u16::try_from(id).unwrap();
        if !self.heads.contains(&id) {
            return Err(Violation::NotAHead { id });
        }
        if !self.with_device.contains(&id) {
            return Err(Violation::NotWithDevice { id });
        }
        if self.fresh.contains(&id) {
            return Err(Violation::Surplus { id });
        }
        self.with_device.remove(&id);
        Ok(Some(Used {
            head: id,
            len: len.min(ROOM),
            excess: len > ROOM,
        }))
    }

    /// What `kick_needed` must say.
    fn kick(&mut self) -> bool {
        let undecided = std::mem::take(&mut self.undecided);
        if undecided.is_empty() {
            false
        } else if self.event_idx {
            undecided.contains(&self.avail_event)
        } else {
            self.flags & 1 == 0
        }
    }

    fn something_new(&self) -> bool {
        self.left != 0 || self.shown != self.told
    }
}

/// Plays a script. Panics where the queue says anything but the truth.
pub fn play(bytes: &[u8]) -> Tally {
    let mut script = Script {
        bytes: bytes.iter(),
    };
    let mut tally = Tally::default();
    let memory = Box::new(RingMemory::<N>::new());
    let mut queue = Box::new(Virtqueue::new(&memory));

    let size = 1 << (script.any() % 7);
    let options = script.any();
    let event_idx = options & 1 != 0;
    let start = 0u16.wrapping_sub(u16::from(script.any()));
    queue.start_at(size, event_idx, start).unwrap();
    let mut truth = Truth {
        size,
        event_idx,
        heads: BTreeSet::new(),
        with_device: BTreeSet::new(),
        ring: vec![(0, 0); usize::from(size)],
        shown: start,
        undecided: BTreeSet::new(),
        available: start,
        avail_event: 0,
        flags: 0,
        told: start,
        taken: start,
        left: 0,
        fresh: BTreeSet::new(),
    };
    lay_chains(&mut queue, &mut truth, options >> 1);
    let mut device = DeviceSide::new_at(&memory, size, event_idx, start);
    let mut popped = Vec::new();

    while let Some(operation) = script.byte() {
        let head = u16::from(script.any());
        match operation % 16 {
            // The driver.
            0..=2 => publish(&mut queue, &mut truth, head % (size + 2), &mut tally),
            3 => {
                let kick = queue.kick_needed();
                assert_eq!(kick, truth.kick());
                tally.kicks += u64::from(kick);
            }
            4..=6 => {
                take(&mut queue, &mut truth, &mut tally);
            }
            7 => queue.suppress_interrupts(),
            8 => assert_eq!(queue.enable_interrupts(), truth.something_new()),
            // The device, as it should be.
            9 | 10 => popped.extend(device.pop()),
            11 => {
                if !popped.is_empty() {
                    let id = popped.swap_remove(usize::from(head) % popped.len());
                    complete(&mut device, &mut truth, u32::from(id), script.wild());
                }
            }
            // And as it should not be.
            12 => complete(&mut device, &mut truth, script.wild(), script.wild()),
            13 => {
                let (id, len) = (script.wild(), script.wild());
                device.scribble(head, id, len);
                truth.ring[usize::from(head % size)] = (id, len);
            }
            14 => {
                let index = match head % 4 {
                    0 => script.any16(),
                    1 => truth.taken.wrapping_add(script.any().into()),
                    2 => truth.taken.wrapping_sub(script.any().into()),
                    _ => truth.taken.wrapping_add(size),
                };
                device.jump(index);
                truth.shown = index;
            }
            _ => {
                let value = match head % 4 {
                    0 => script.any16(),
                    1 => truth.available,
                    2 => truth.available.wrapping_sub(script.any().into()),
                    _ => truth.available.wrapping_add(script.any().into()),
                };
                device.set_avail_event(value);
                device.set_flags(value);
                truth.avail_event = value;
                truth.flags = value;
            }
        }
        check(&queue, &truth);
    }

    // The device stops. Whatever it left behind, the driver comes to an end: one word about the index at most, and one
    // for each entry of the ring.
    let mut calls = 0;
    while take(&mut queue, &mut truth, &mut tally) {
        calls += 1;
        assert!(
            calls <= 2 * usize::from(size) + 1,
            "the driver does not come to an end"
        );
    }
    assert!(!queue.has_used());
    assert_eq!(tally.published, tally.taken + u64::from(queue.in_flight()));

    // And after a reset all of it can be used again.
    queue.start(size, event_idx).unwrap();
    truth.heads.clear();
    lay_chains(&mut queue, &mut truth, options >> 1);
    let mut device = DeviceSide::new(&memory, size, event_idx);
    for &head in &truth.heads {
        queue.publish(head).unwrap();
        assert_eq!(device.pop(), Some(head));
        device.complete(u32::from(head), 1);
    }
    for &head in &truth.heads {
        assert_eq!(queue.take_used().unwrap().unwrap().head, head);
    }
    tally
}

/// Chains of one to four descriptors, some descriptors left out.
fn lay_chains(queue: &mut Virtqueue<'_, N>, truth: &mut Truth, shape: u8) {
    let length = u16::from(shape % 4) + 1;
    let gap = u16::from(shape / 4 % 2);
    let read = Buffer {
        address: 0x4000_0000,
        len: 64,
        direction: Direction::DeviceReads,
    };
    let write = Buffer {
        len: ROOM,
        direction: Direction::DeviceWrites,
        ..read
    };
    let buffers = [read, read, read, write];
    let buffers = &buffers[usize::from(4 - length)..];
    let mut head = 0;
    while head + length <= truth.size {
        queue.set_chain(head, buffers).unwrap();
        truth.heads.insert(head);
        head += length + gap;
    }
}

fn publish(queue: &mut Virtqueue<'_, N>, truth: &mut Truth, head: u16, tally: &mut Tally) {
    let expected = if !truth.heads.contains(&head) {
        Err(PublishError::NotAHead)
    } else if truth.with_device.contains(&head) {
        Err(PublishError::WithDevice)
    } else {
        Ok(())
    };
    assert_eq!(queue.publish(head), expected);
    if expected.is_ok() {
        truth.with_device.insert(head);
        truth.fresh.insert(head);
        truth.undecided.insert(truth.available);
        truth.available = truth.available.wrapping_add(1);
        tally.published += 1;
    }
}

fn complete(device: &mut DeviceSide<'_, N>, truth: &mut Truth, id: u32, len: u32) {
    truth.ring[usize::from(device.used_index() % truth.size)] = (id, len);
    device.complete(id, len);
    truth.shown = device.used_index();
}

/// Takes once. `true`: there was something.
fn take(queue: &mut Virtqueue<'_, N>, truth: &mut Truth, tally: &mut Tally) -> bool {
    let result = queue.take_used();
    assert_eq!(result, truth.take());
    let kind = match result {
        Ok(None) => return false,
        Ok(Some(used)) => {
            tally.taken += 1;
            tally.excess += u64::from(used.excess);
            return true;
        }
        Err(Violation::OutOfRange { .. }) => 0,
        Err(Violation::NotAHead { .. }) => 1,
        Err(Violation::NotWithDevice { .. }) => 2,
        Err(Violation::Surplus { .. }) => 3,
        Err(Violation::IndexJump { .. }) => 4,
    };
    tally.violations[kind] += 1;
    true
}

/// What holds at every moment: each chain is in one hand, and the books agree with the truth.
fn check(queue: &Virtqueue<'_, N>, truth: &Truth) {
    assert_eq!(usize::from(queue.in_flight()), truth.with_device.len());
    for head in 0..truth.size {
        assert_eq!(queue.with_device(head), truth.with_device.contains(&head));
    }
    assert_eq!(queue.available_index(), truth.available);
    assert_eq!(queue.used_index(), truth.taken);
    assert_eq!(queue.has_used(), truth.something_new());
}
