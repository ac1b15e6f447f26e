// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A drama: clients and a device whose every move is read from a string of bytes. Property tests and the fuzzer share it.
//!
//! After each move the channel's books are audited, and whoever is told something must have been waiting for it. At the end
//! the device behaves again, and everybody must get an end: nothing may hang, and nothing may be lost.

use super::batches::{
    Line, Ongoing, Random, Scene, any_count, any_entry, check_refusal, parameters,
};
use super::device::{Command, header};
use super::script::Script;
use super::world::Wish;
use super::world::{INTERRUPT, Setup, TIMER, Told, World, run_sized, wish};
use super::{CONSOLE, POWER, STRANGER, THERMAL};
use drv_virtio_scmi::{
    ALL_SOURCES, Cause, Condition, EVENT_IDX, Handle, NotSent, Notified, Owner, P2A_CHANNELS,
    Refusal, Thresholds, VERSION_1, Wait,
};
use std::collections::HashMap;

/// What clients subscribe to; the last one has thresholds.
const EVENTS: [(u8, u8); 5] = [(0x11, 0), (0x11, 1), (0x15, 1), (0x10, 0), (0x18, 1)];

/// How the device behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Manners {
    /// In any order, at any time or never; but what it says is true.
    Good,
    /// It does whatever it can.
    None,
}

/// Plays a script against a channel with a ring of `R` entries, and returns how many steps it had.
pub fn play<const R: usize, const S: usize, const E: usize>(
    bytes: &[u8],
    manners: Manners,
) -> usize {
    let mut steps = 0;
    let mut script = Script::new(bytes);
    let features = script.byte();
    let mut setup = Setup {
        offered: VERSION_1,
        ..Setup::default()
    };
    if features & 1 == 0 {
        setup.offered |= EVENT_IDX;
    }
    if features & 2 == 0 || features & 4 == 0 {
        setup.offered |= P2A_CHANNELS;
    }
    run_sized::<R, S, E>(setup, |world| {
        let mut drama = Drama {
            world,
            manners,
            lives: [CONSOLE, THERMAL, POWER],
            blocked: HashMap::new(),
            handles: Vec::new(),
            subscribing: Vec::new(),
            batches: HashMap::new(),
            gone: Vec::new(),
            taken: Vec::new(),
            resets: 1,
            serial: 0,
        };
        while !script.is_over() {
            drama.step(&mut script);
            steps += 1;
        }
        drama.end();
    });
    steps
}

/// Plays bytes of which the first chooses ring and manners: what the fuzzer and its seeds are.
pub fn play_any(bytes: &[u8]) {
    let Some((&kind, script)) = bytes.split_first() else {
        return;
    };
    let manners = if kind & 4 == 0 {
        Manners::None
    } else {
        Manners::Good
    };
    match kind & 3 {
        0 => play::<2, 1, 2>(script, manners),
        1 => play::<4, 2, 4>(script, manners),
        2 => play::<16, 8, 16>(script, manners),
        _ => play::<8, 4, 8>(script, manners),
    };
}

struct Drama<'w, 'm, const R: usize, const S: usize, const E: usize> {
    world: &'w mut World<'m, R, S, E>,
    manners: Manners,
    /// The present life of each client.
    lives: [Owner; 3],
    /// Blocked in a command, with the tag that was sent.
    blocked: HashMap<Handle, (Owner, u32)>,
    /// Handles that live as far as the client knows, with the tag that was sent.
    handles: Vec<(Owner, Handle, u32)>,
    /// Blocked in subscribing.
    subscribing: Vec<Owner>,
    /// Blocked in a batch.
    batches: HashMap<Owner, Ongoing>,
    /// Batches of clients that the driver knows to be gone.
    gone: Vec<Ongoing>,
    /// Commands that the device took and has not answered.
    taken: Vec<Command>,
    /// Resets of the device so far.
    resets: u32,
    serial: u32,
}

impl<const R: usize, const S: usize, const E: usize> Drama<'_, '_, R, S, E> {
    fn step(&mut self, script: &mut Script<'_>) {
        match script.byte() % 32 {
            0..=4 => self.submit(script),
            5 => self.batch(script),
            6 | 7 => self.poll(script),
            8 => self.cancel(script),
            9 => self.subscribe(script),
            10 => self.unsubscribe(script),
            11 => self.fetch(script),
            12 => self.die(script),
            13 => self.turn(),
            14 | 15 => self.run_turn(false),
            16 => {
                let milliseconds = match script.byte() % 4 {
                    0 => 1,
                    1 => u64::from(script.byte()),
                    2 => 2_000,
                    _ => 61_000,
                };
                self.pass(milliseconds);
            }
            17..=19 => self.take(),
            20..=24 => self.reply(script),
            25 | 26 => self.event(script),
            27 => self.delayed(script),
            _ if self.manners == Manners::None => self.misbehave(script),
            28 => self.forge(script),
            _ => self.turn(),
        }
        self.hear();
        if self.manners == Manners::Good {
            self.check_quotas();
        }
        self.world.audit();
    }

    /// Of a batch no more may be in flight than its client may have.
    fn check_quotas(&self) {
        for (&owner, batch) in &self.batches {
            let of_batch = |command: &&Command| batch.open_line(command).is_some();
            let in_flight = self.taken.iter().filter(of_batch).count();
            let limits = self.world.driver.client_limits(owner);
            let (quota, _) = limits.expect("a client");
            assert!(
                in_flight <= usize::from(quota),
                "{in_flight} of a batch in flight, of {quota}"
            );
        }
    }

    fn client(&self, script: &mut Script<'_>) -> Owner {
        self.lives[script.below(3)]
    }

    fn is_blocked(&self, owner: Owner) -> bool {
        self.subscribing.contains(&owner)
            || self.batches.contains_key(&owner)
            || self.blocked.values().any(|&(other, _)| other == owner)
    }

    fn submit(&mut self, script: &mut Script<'_>) {
        let flags = script.byte();
        let owner = if flags & 0xf0 == 0xf0 {
            STRANGER
        } else {
            self.client(script)
        };
        // A task does one thing at a time.
        if self.is_blocked(owner) {
            return;
        }
        self.serial += 1;
        let tag = self.serial;
        let wait = if flags & 1 == 0 {
            Wait::Blocked
        } else {
            Wait::Poll(u32::from(flags & 2))
        };
        let wish = Wish {
            delayed: flags & 4 != 0,
            polled: flags & 8 != 0,
            deadline: match script.byte() % 4 {
                0 => 0,
                1 => 1,
                2 => u32::from(script.byte()),
                _ => 5_000,
            },
            wait,
            ..wish(0x10 + script.byte() % 4, script.byte() % 16)
        };
        if script.byte().is_multiple_of(32) {
            // Its lease goes away, or it lies about the length.
            let fill = if flags & 1 == 0 { Err(()) } else { Ok(129) };
            let sent = self.world.fill_and_send(owner, &wish, |_| fill);
            assert!(matches!(
                (sent, fill),
                (Err(NotSent::Refused(_)), _) | (Err(NotSent::NotFilled(())), Err(()))
            ));
            return;
        }
        match self.world.submit(owner, &wish, &tag.to_le_bytes()) {
            Ok(handle) => match wait {
                Wait::Blocked => {
                    assert_eq!(self.blocked.insert(handle, (owner, tag)), None);
                }
                Wait::Poll(_) => {
                    assert!(
                        !self.handles.iter().any(|&(_, other, _)| other == handle),
                        "a handle came twice"
                    );
                    self.handles.push((owner, handle, tag));
                }
            },
            Err(refusal) => {
                assert!(owner != STRANGER || refusal == Refusal::NotAClient);
            }
        }
    }

    fn batch(&mut self, script: &mut Script<'_>) {
        let number = script.below(3);
        let owner = self.lives[number];
        if self.is_blocked(owner) {
            return;
        }
        let choice = script.byte();
        let deadline = match choice % 4 {
            0 => 0,
            1 => 1,
            2 => u32::from(script.byte()),
            _ => 5_000,
        };
        let mut random = Random::new(u64::from(self.serial) << 8 | u64::from(script.byte()));
        let count = any_count(choice / 4, &mut random);
        let lines = (0..count).map(|_| {
            self.serial += 1;
            let entry = any_entry(&mut random, self.serial);
            Line::new(entry, parameters(&entry))
        });
        let lines = lines.collect();
        self.serial += 1;
        let tag = self.serial;
        let batch = Ongoing::new(owner, number, tag, deadline, &self.scene(), lines);
        let ready = self.world.driver.condition() == Condition::Ready;
        let had_events = self.world.driver.has_events();
        let begun = self
            .world
            .batch_without_run(owner, &batch.entries(), deadline, tag);
        match begun {
            Ok(()) => {
                assert!(ready, "a batch without a device");
                self.batches.insert(owner, batch);
                // The clock may go on before the driver looks at it.
                self.world.now += u64::from(random.one_in(8));
                self.world.run(Cause::Request);
                self.hear();
                if let Some(batch) = self.batches.get(&owner) {
                    batch.check_refused(had_events || self.world.driver.has_events());
                }
            }
            Err(refusal) => {
                check_refusal(refusal, number, count, ready);
                self.world.run(Cause::Poll);
            }
        }
    }

    fn scene(&self) -> Scene {
        Scene {
            now: self.world.now,
            recoveries: self.world.driver.counters().recoveries,
            ready: self.world.driver.condition() == Condition::Ready,
            honest: self.manners == Manners::Good,
        }
    }

    fn poll(&mut self, script: &mut Script<'_>) {
        let which = script.below(self.handles.len() + 1);
        let Some(&(owner, handle, tag)) = self.handles.get(which) else {
            // A guess.
            let owner = self.client(script);
            let guess = Handle::from_raw(script.word());
            if !self.handles.iter().any(|&(_, handle, _)| handle == guess) {
                assert_eq!(self.world.poll(owner, guess), Err(Refusal::BadHandle));
            }
            return;
        };
        for other in self.lives {
            if other != owner {
                assert_eq!(self.world.poll(other, handle), Err(Refusal::BadHandle));
            }
        }
        match self
            .world
            .poll(owner, handle)
            .expect("a live handle is known")
        {
            None => {}
            Some(end) => {
                self.check_end(owner, tag, &end);
                self.handles.swap_remove(which);
                assert_eq!(self.world.poll(owner, handle), Err(Refusal::BadHandle));
            }
        }
    }

    /// An end must be that of the very transfer.
    fn check_end(&self, owner: Owner, tag: u32, end: &Told) {
        match end {
            Told::Answer(whose, status, values) => {
                assert_eq!(*whose, owner);
                if self.manners == Manners::Good && *status == 0 {
                    assert_eq!(values, &tag.to_le_bytes(), "somebody else's answer");
                }
            }
            Told::Failed(whose, _) => assert_eq!(*whose, owner),
            other => panic!("{other:?} is no end"),
        }
    }

    fn cancel(&mut self, script: &mut Script<'_>) {
        let which = script.below(self.handles.len());
        if which < self.handles.len() {
            let (owner, handle, _) = self.handles.swap_remove(which);
            assert_eq!(self.world.cancel(owner, handle), Ok(()));
            assert_eq!(self.world.poll(owner, handle), Err(Refusal::BadHandle));
        }
    }

    fn subscribe(&mut self, script: &mut Script<'_>) {
        let owner = self.client(script);
        if self.is_blocked(owner) {
            return;
        }
        let (protocol, event) = EVENTS[script.below(EVENTS.len())];
        let source = [0, 1, 2, ALL_SOURCES][script.below(4)];
        let mut thresholds = Thresholds::NONE;
        if protocol == 0x18 {
            let middle = 100 * script.below(4) as u32;
            thresholds = Thresholds {
                low: middle,
                high: middle + 150,
            };
        }
        let result = self
            .world
            .try_subscribe_beyond(owner, protocol, event, source, thresholds);
        if result == Ok(Notified::Waiting) {
            self.subscribing.push(owner);
        }
        self.turn();
    }

    fn unsubscribe(&mut self, script: &mut Script<'_>) {
        let owner = self.client(script);
        if self.is_blocked(owner) {
            return;
        }
        let (protocol, event) = EVENTS[script.below(EVENTS.len())];
        let source = [0, 1, 2, ALL_SOURCES][script.below(4)];
        let _ = self.world.unsubscribe(owner, protocol, event, source);
        self.turn();
    }

    fn fetch(&mut self, script: &mut Script<'_>) {
        let owner = self.client(script);
        if !self.is_blocked(owner) {
            let _ = self.world.fetch(owner);
        }
    }

    fn die(&mut self, script: &mut Script<'_>) {
        let which = script.below(3);
        let old = self.lives[which];
        self.lives[which] = super::reborn(old);
        self.blocked.retain(|_, (owner, _)| *owner != old);
        self.handles.retain(|(owner, ..)| *owner != old);
        self.subscribing.retain(|owner| *owner != old);
        self.gone.extend(self.batches.remove(&old));
        // Those of long ago have nothing left to send.
        let old_ones = self.gone.len().saturating_sub(4);
        self.gone.drain(..old_ones);
        // The supervisor tells, or the next life's first call does.
        if script.byte().is_multiple_of(2) {
            self.world.client_gone(old);
        } else {
            let _ = self.world.fetch(self.lives[which]);
        }
        if self.manners == Manners::Good {
            // What was sent until now; nothing may follow.
            while let Some(command) = self.world.device.take() {
                self.taken.push(command);
            }
        }
    }

    fn turn(&mut self) {
        self.run_turn(true);
    }

    fn run_turn(&mut self, timed: bool) {
        self.world.run(if timed { TIMER } else { INTERRUPT });
        self.hear();
    }

    /// Whoever was told something must have waited for it.
    fn hear(&mut self) {
        if self.resets != self.world.transport.resets {
            self.resets = self.world.transport.resets;
            self.taken.clear();
        }
        for (handle, line) in self.world.told_with_handles() {
            match line {
                Told::Answer(owner, ..) | Told::Failed(owner, _) => {
                    let waiting = handle.and_then(|handle| self.blocked.remove(&handle));
                    let (whose, tag) = waiting.expect("an answer that nobody waits for");
                    assert_eq!(whose, owner);
                    self.check_end(owner, tag, &line);
                }
                Told::Subscribed(owner, _) => {
                    let at = self.subscribing.iter().position(|&other| other == owner);
                    self.subscribing
                        .swap_remove(at.expect("an answer to nobody's subscription"));
                }
                Told::Entry(owner, tag, index, ref end) => {
                    let scene = self.scene();
                    let batch = self.batches.get_mut(&owner);
                    let batch = batch.expect("an entry that nobody waits for");
                    batch.hear(tag, index, end, &scene);
                }
                Told::BatchEnded(owner) => {
                    let batch = self.batches.remove(&owner);
                    let batch = batch.expect("the end of nobody's batch");
                    assert!(batch.is_over(), "a batch ends before its entries");
                }
                Told::Posted(owner, bits) => {
                    assert!(bits != 0);
                    assert!(self.lives.contains(&owner), "a post to a past life");
                }
            }
        }
    }

    fn pass(&mut self, milliseconds: u64) {
        self.world.sleep(milliseconds);
        self.turn();
    }

    fn take(&mut self) {
        // Of a hostile world the ring may be torn from the device's own side; the helper would complain about that.
        if let Some(command) = self.world.device.take() {
            let stray = |batch: &Ongoing| batch.open_line(&command).is_some();
            let is_stray = self.manners == Manners::Good && self.gone.iter().any(stray);
            assert!(!is_stray, "sent for a client that is gone: {command:?}");
            self.taken.push(command);
        }
    }

    fn reply(&mut self, script: &mut Script<'_>) {
        self.take();
        let which = script.below(self.taken.len());
        if which >= self.taken.len() {
            return;
        }
        let command = self.taken.swap_remove(which);
        let kind = script.byte();
        if self.manners == Manners::None && kind.is_multiple_of(4) {
            let header = match script.byte() % 3 {
                0 => command.header,
                1 => command.header ^ 1 << (script.byte() % 32),
                _ => script.word(),
            };
            let len = script.length();
            let status = script.word() as i32;
            self.world
                .device
                .reply_raw(command.head, header, status, &[0xee; 128], len);
            return;
        }
        match kind % 8 {
            1 => {} // Swallowed.
            2 => self.world.device.reply(&command, -1, &[]),
            _ => {
                let tag = command.parameters.clone();
                self.world.device.reply(&command, 0, &tag);
            }
        }
        if kind & 0x80 != 0 && self.world.driver.has_events() {
            let tag = command.parameters.clone();
            self.world.device.delayed(&command, 0, &tag);
        }
    }

    /// A delayed response before its reply.
    fn delayed(&mut self, script: &mut Script<'_>) {
        let which = script.below(self.taken.len());
        if which < self.taken.len() && self.world.driver.has_events() {
            let command = self.taken[which].clone();
            self.world.device.delayed(&command, 0, &command.parameters);
        }
    }

    fn event(&mut self, script: &mut Script<'_>) {
        if !self.world.driver.has_events() {
            return;
        }
        let (protocol, event, len) =
            [(0x11, 0, 12), (0x11, 1, 12), (0x15, 1, 24), (0x10, 0, 8)][script.below(4)];
        let mut payload = vec![0; len];
        if len > 8 {
            payload[4] = script.byte() % 4;
        }
        self.world
            .device
            .send_event(header(protocol, event, 3, 0), &payload);
    }

    /// A message of any kind, of a device that is only badly informed.
    fn forge(&mut self, script: &mut Script<'_>) {
        if self.world.driver.has_events() {
            let header = header(
                0x10 + script.byte() % 8,
                script.byte() % 16,
                u32::from(script.byte() % 2) * 2 + 1,
                1000,
            );
            let len = script.length();
            self.world
                .device
                .send_event_raw(header, &[script.byte(); 132], len);
        }
    }

    fn misbehave(&mut self, script: &mut Script<'_>) {
        let world = &mut *self.world;
        let events = world.driver.has_events();
        let near = u32::from(script.byte()) % (2 * R as u32);
        let id = if script.byte().is_multiple_of(8) {
            script.word()
        } else {
            near
        };
        match script.byte() % 16 {
            0..=3 => {
                let len = script.length();
                world.device.commands.complete(id, len);
            }
            4 | 5 if events => {
                let len = script.length();
                world.device.events.complete(id, len);
            }
            6 => {
                let index = world
                    .device
                    .commands
                    .used_index()
                    .wrapping_add(script.byte().into());
                world.device.commands.jump(index);
            }
            7 => world.device.commands.jump(script.word() as u16),
            8 if events => world.device.events.jump(script.word() as u16),
            9 => {
                let position = script.word() as u16;
                let len = script.length();
                world.device.commands.scribble(position, id, len);
            }
            10 => world.device.commands.set_avail_event(script.word() as u16),
            11 => world.device.commands.set_flags(script.word() as u16),
            12 => {
                world.ask_for_reset();
            }
            13 => world.transport.stuck_resets = u32::from(script.byte() % 3),
            14 => world.transport.refusals = u32::from(script.byte() % 3),
            15 => {
                world.transport.queue_max = [1 << (script.byte() % 12), 1 << (script.byte() % 12)];
            }
            _ => {
                // Buffers that the device has, or had, are overwritten.
                for head in 0..4u16 {
                    if let Some(segment) = world.device.commands.segment(head * 2 + 1) {
                        world.scribble(segment.address, script.byte());
                    }
                }
            }
        }
    }

    fn answer_all(&mut self) {
        self.pass(50);
        while let Some(command) = self.world.device.take() {
            self.world.device.reply(&command, -1, &[]);
        }
        self.turn();
    }

    /// From here on the device is good and quick. Everybody must get an end.
    fn end(&mut self) {
        self.manners = Manners::None; // What it said before may still be on its way.
        self.world.transport.stuck_resets = 0;
        self.world.transport.refusals = 0;
        self.world.transport.needs_reset = false;
        self.world.transport.queue_max = [1024, 1024];
        self.turn();
        // The only cure for a device that has lied is a reset; it forgets what it had.
        self.world.driver.request_recovery();
        for _ in 0..3_000 {
            self.answer_all();
            let ready = self.world.driver.condition() == Condition::Ready;
            let waiting = !self.blocked.is_empty() || !self.batches.is_empty();
            if ready && !waiting && self.subscribing.is_empty() {
                break;
            }
        }
        assert_eq!(self.world.driver.condition(), Condition::Ready);
        assert!(self.blocked.is_empty(), "a client hangs in a command");
        assert!(self.batches.is_empty(), "a client hangs in a batch");
        assert!(self.subscribing.is_empty(), "a client hangs in subscribing");
        for (owner, handle, _) in std::mem::take(&mut self.handles) {
            let end = self
                .world
                .poll(owner, handle)
                .expect("a live handle is known");
            assert!(end.is_some(), "a transfer without end");
        }
        for _ in 0..100 {
            self.answer_all();
        }
        let pools = self.world.driver.pools();
        assert_eq!(pools.slots_free, pools.slots, "a slot is lost");
        assert_eq!(pools.events_at_device, pools.event_buffers);
        // And it works.
        let owner = self.lives[0];
        let Ok(handle) = self.world.submit(
            owner,
            &Wish {
                wait: Wait::Poll(0),
                ..wish(0x10, 0)
            },
            &[],
        ) else {
            panic!("no command can be sent at the end");
        };
        let command = self.world.take();
        self.world.device.reply(&command, 0, &[1]);
        self.turn();
        assert_eq!(
            self.world.poll(owner, handle),
            Ok(Some(Told::Answer(owner, 0, vec![1])))
        );
    }
}
