// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Driver and device in two threads. Each sleeps as soon as it may and is woken only by a kick or an interrupt that the
//! other side's decision asks for, so that a missing barrier or a wrong decision ends in a sleep that nobody ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use test_props::Random;
use virtqueue::device::DeviceSide;
use virtqueue::{Buffer, Direction, RingMemory, Virtqueue};

/// An interrupt line, or a kick.
struct Line(AtomicBool);

impl Line {
    const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    fn raise(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn wait(&self, who: &str, done: &AtomicBool) -> bool {
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut turns = 0u32;
        while !self.0.swap(false, Ordering::AcqRel) {
            if done.load(Ordering::Acquire) {
                return false;
            }
            turns += 1;
            if turns.is_multiple_of(64) || cfg!(miri) {
                std::thread::yield_now();
                assert!(
                    Instant::now() < deadline,
                    "{who} was not woken: a wake-up was lost"
                );
            }
        }
        true
    }
}

/// How long the commands may take. Each needs two changes of threads, which a busy computer makes slow; fewer prove the same.
const LONG: Duration = Duration::from_secs(15);

fn run<const N: usize>(size: u16, event_idx: bool, start: u16, mut commands: u32) {
    let begin = Instant::now();
    let memory = RingMemory::<N>::new();
    let (kick, interrupt, done) = (Line::new(), Line::new(), AtomicBool::new(false));
    let mut queue = Box::new(Virtqueue::new(&memory));
    queue.start_at(size, event_idx, start).unwrap();
    let buffer = Buffer {
        address: 0,
        len: u32::MAX,
        direction: Direction::DeviceWrites,
    };
    for head in 0..size {
        queue.set_chain(head, &[buffer]).unwrap();
    }

    let mut device = DeviceSide::new_at(&memory, size, event_idx, start);
    // A device wants kicks from the start, which is before the driver's first publish.
    device.set_avail_event(start);

    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut count = 0;
            while kick.wait("the device", &done) {
                loop {
                    while let Some(head) = device.pop() {
                        // Every third turn the device looks for a kick to be spared.
                        if count % 3 == 0 {
                            device.suppress_kicks();
                        }
                        device.complete(u32::from(head), count);
                        count += 1;
                        if device.interrupt_due() {
                            interrupt.raise();
                        }
                    }
                    if !device.enable_kicks() {
                        break;
                    }
                }
            }
        });

        let (mut published, mut taken) = (0, 0);
        let mut free: Vec<u16> = (0..size).collect();
        let mut random = Random::new(1);
        while taken < commands {
            // At every moment of the device's way to sleep.
            for _ in 0..if cfg!(miri) { 0 } else { random.below(48) } {
                std::hint::spin_loop();
            }
            if published % 256 == 0 && published > 0 && begin.elapsed() > LONG {
                commands = published;
            }
            // Batches of different length, down to one.
            for _ in 0..=published % 5 {
                if published == commands {
                    break;
                }
                let Some(head) = free.pop() else { break };
                queue.publish(head).unwrap();
                published += 1;
            }
            if queue.kick_needed() {
                kick.raise();
            }
            if published % 7 == 0 {
                queue.suppress_interrupts();
            }
            loop {
                while let Some(used) = queue.take_used().unwrap() {
                    assert_eq!(used.len, taken, "replies come in order from this device");
                    taken += 1;
                    free.push(used.head);
                }
                let idle = free.is_empty() || published == commands;
                if !idle || taken == commands {
                    break;
                }
                if !queue.enable_interrupts() {
                    assert!(interrupt.wait("the driver", &AtomicBool::new(false)));
                }
            }
        }
        done.store(true, Ordering::Release);
        assert_eq!(queue.in_flight(), 0);
    });
}

const COMMANDS: u32 = if cfg!(miri) { 40 } else { 100_000 };

#[test]
fn one_entry() {
    for event_idx in [false, true] {
        run::<1>(1, event_idx, 65530, COMMANDS);
    }
}

#[test]
fn four_entries() {
    for event_idx in [false, true] {
        run::<4>(4, event_idx, 65500, COMMANDS);
    }
}

#[test]
fn sixty_four_entries_in_memory_for_128() {
    for event_idx in [false, true] {
        run::<128>(64, event_idx, 1000, COMMANDS);
    }
}
