// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A natural drama: clients and a true device around the driver's loop, with nothing forged.
//!
//! The script decides what clients and device do, and when. The rest follows from the rules of a
//! kernel and of a device:
//!
//! - The timer fires when the driver's plan set it, and at no other time.
//! - The interrupt comes when the device raises it and it is not masked; it is masked from then on
//!   until a plan unmasks it. The device raises it when the ring asks for it, or for each buffer if
//!   it ignores suppression. The line is up until the device is acknowledged.
//! - The device looks at a ring when it is notified, and sleeps when the ring is empty.
//! - A bit is posted without cause only where the script says that some task posts it.
//!
//! # What must hold
//!
//! After every step and every run, with the source of each bound:
//!
//! | what | bound | source |
//! |---|---|---|
//! | an answer or event that is in the ring, interrupt open | at once | `virtqueue::enable_interrupts` |
//! | an answer, interrupt masked, held off, or by timer | 1 ms | `BUSY_PAUSE` of `pacing.rs` |
//! | an event, interrupt masked because everybody polls | 1 ms | `BUSY_PAUSE`, by `stand_in` |
//! | an event, held off or by timer, commands in flight | 1 ms | `BUSY_PAUSE` |
//! | an event, held off or by timer, nothing in flight | 10 ms | `IDLE_PAUSE` |
//! | either of them after a turn that was cut short | 1 ms | `FLOOD_PAUSE` |
//! | the interrupt is open again after the line was in order | 1 s | `HOLD_LONGEST` |
//! | the interrupt is open again after the last poller | 3 ms | looks of the timer, see `forget_polling` |
//! | a deadline below a second is late | 1 ms | exact; a flood puts the first look off |
//! | any other deadline is late | 251 ms | `Driver::LATENESS` and the same |
//! | a batch's deadline is late | 1 ms | it is on the clock from the beginning |
//! | an entry that could be sent, with a slot free on the client's account | in flight when the system sleeps | `batching.rs` |
//! | a client is blocked in subscribing | 60 s | commands of the driver's own, one after the other |
//!
//! The pause of a hold-off, of up to a second, is how long the interrupt stays off. It delays
//! nobody, because the timer stands in for the interrupt.
//!
//! No deadline is early, nothing is told twice or to a client that does not wait for it, and the
//! driver wakes by timer only as often as the table allows. At the end the device is good, nothing
//! is posted any more, and everybody gets an end.

use super::batches::{
    Line, Ongoing, ROOMS, Random, Scene, any_count, any_entry, check_refusal, may_be_sent,
};
use super::device::{Command, FakeDevice, header};
use super::script::Script;
use super::world::Wish;
use super::world::{Point, Setup, Told, World, run_sized, wish};
use super::{CONSOLE, POWER, THERMAL};
use drv_virtio_scmi::{
    ALL_SOURCES, Cause, Condition, EVENT_IDX, EventKind, Failure, Handle, Limits, Notified, Owner,
    P2A_CHANNELS, Refusal, Thresholds, Trace, VERSION_1, Wait,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What clients subscribe to, with the length of its payload. The last one has thresholds.
const EVENTS: [(u8, u8, usize); 5] = [
    (0x11, 0, 12),
    (0x11, 1, 12),
    (0x15, 1, 24),
    (0x10, 0, 8),
    (0x18, 1, 12),
];
/// The sources of an event, where it has several.
const SOURCES: [u32; 3] = [0, 1, 2];
/// The messages that clients send: none that the driver sends on its own, so that the device knows
/// whose they are.
const MESSAGES: [(u8, u8); 3] = [(0x10, 3), (0x11, 3), (0x10, 4)];
/// Bits that are posted for events, of each client.
const EVENT_BITS: [u32; 3] = [1 << 4, 1 << 5, 0];
/// How long a client may be blocked in subscribing, in milliseconds.
const SUBSCRIBING: u64 = 60_000;
/// How many wake-ups by timer may be saved up.
const WAKES: i64 = 400;

/// Plays bytes of which the first chooses the ring. Returns the number of steps.
pub fn play_any(bytes: &[u8]) -> u64 {
    let Some((&kind, script)) = bytes.split_first() else {
        return 0;
    };
    match kind % 4 {
        0 => play::<2, 1, 2>(script),
        1 => play::<4, 2, 4>(script),
        2 => play::<16, 8, 16>(script),
        _ => play::<8, 4, 8>(script),
    }
}

/// Plays a script against a driver with a ring of `R` entries. Returns the number of steps.
pub fn play<const R: usize, const S: usize, const E: usize>(bytes: &[u8]) -> u64 {
    let mut script = Script::new(bytes);
    let kind = script.byte();
    let mut setup = Setup {
        offered: VERSION_1,
        interrupts: kind & 0x30 != 0,
        ..Setup::default()
    };
    if kind & 1 == 0 {
        setup.offered |= EVENT_IDX;
    }
    if kind & 6 != 0 {
        setup.offered |= P2A_CHANNELS;
    }
    let platform = Platform {
        ignores_suppression: kind & 8 != 0,
        ..Platform::default()
    };
    let mut steps = 0;
    run_sized::<R, S, E>(setup, |world| {
        let mut drama = Natural::begin(world, platform, setup.interrupts);
        while !script.is_over() {
            drama.step(&mut script);
            steps += 1;
        }
        drama.end();
    });
    steps
}

/// What the device does while the driver runs.
#[derive(Clone, Copy)]
enum Act {
    Answer(u8),
    Event(u8),
    Look,
}

/// What the device has done, until the play takes note of it.
enum Done {
    /// It answered, or sent the delayed response to, this command.
    Answered(u32, End),
    Sent {
        serial: u32,
        key: Key,
    },
}

/// The kind of an answer.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Reply,
    Refusal,
    Delayed,
}

/// Protocol, event and source.
type Key = (u8, u8, u32);

/// The device, and the platform behind it.
#[derive(Default)]
struct Platform {
    /// It raises its interrupt for each buffer.
    ignores_suppression: bool,
    /// It was notified of each queue and has not found it empty since.
    awake: [bool; 2],
    /// So many steps long it has no time for the command ring.
    busy: u8,
    /// Commands that it has taken and not answered.
    taken: Vec<Command>,
    /// Commands that it accepted, and of which it owes the delayed response.
    accepted: Vec<Command>,
    /// Commands that it has lost.
    lost: Vec<Command>,
    /// Batches of clients that the driver knows to be gone: no more of these may come.
    gone: Vec<Ongoing>,
    /// What it does in the next run, after so many points.
    plot: Option<(u8, Act)>,
    done: Vec<Done>,
    serial: u32,
}

impl Platform {
    /// The device acts in the midst of a run.
    fn meanwhile<const R: usize, const S: usize, const E: usize>(
        &mut self,
        _: Point,
        device: &mut FakeDevice<'_, R, S, E>,
    ) {
        let Some((points, act)) = &mut self.plot else {
            return;
        };
        if *points > 0 {
            *points -= 1;
            return;
        }
        let act = *act;
        self.plot = None;
        match act {
            Act::Answer(choice) => self.answer(device, choice, 0),
            Act::Event(choice) => self.event(device, choice),
            Act::Look => self.look(device),
        }
        self.interrupt(device);
    }

    /// Decides whether what was given back interrupts.
    fn interrupt<const R: usize, const S: usize, const E: usize>(
        &self,
        device: &mut FakeDevice<'_, R, S, E>,
    ) {
        let due = device.commands.interrupt_due() | device.events.interrupt_due();
        device.raised |= due;
    }

    /// Takes all commands, and sleeps when there are no more.
    fn look<const R: usize, const S: usize, const E: usize>(
        &mut self,
        device: &mut FakeDevice<'_, R, S, E>,
    ) {
        loop {
            while let Some(command) = device.take() {
                let stray = self
                    .gone
                    .iter()
                    .any(|batch| batch.open_line(&command).is_some());
                assert!(!stray, "sent for a client that is gone: {command:?}");
                self.taken.push(command);
            }
            if !device.commands.enable_kicks() {
                break;
            }
        }
        self.awake[0] = false;
    }

    /// Answers one of the commands that it has.
    fn answer<const R: usize, const S: usize, const E: usize>(
        &mut self,
        device: &mut FakeDevice<'_, R, S, E>,
        choice: u8,
        how: u8,
    ) {
        if self.taken.is_empty() {
            return;
        }
        let which = usize::from(choice) % self.taken.len();
        // Early: the delayed response first.
        if how == 1 {
            let command = self.taken[which].clone();
            if let Some(tag) = tag(&command)
                && tag & DELAYED != 0
                && device.delayed(&command, 0, &tag.to_le_bytes())
            {
                self.done.push(Done::Answered(tag, End::Delayed));
                device.raised |= self.ignores_suppression;
            }
            return;
        }
        let command = self.taken.swap_remove(which);
        device.raised |= self.ignores_suppression;
        match tag(&command) {
            Some(tag) if how == 2 => {
                device.reply(&command, -3, &[]);
                self.done.push(Done::Answered(tag, End::Refusal));
            }
            Some(tag) => {
                device.reply(&command, 0, &tag.to_le_bytes());
                self.done.push(Done::Answered(tag, End::Reply));
                if tag & DELAYED != 0 {
                    self.accepted.push(command);
                }
            }
            None if is_probe(&command) => device.reply(&command, 0, &[0, 0, 2, 0]),
            // The driver switches an event.
            None => device.reply(&command, if how == 2 { -1 } else { 0 }, &[]),
        }
    }

    /// Sends the delayed response to a command that it accepted.
    fn finish<const R: usize, const S: usize, const E: usize>(
        &mut self,
        device: &mut FakeDevice<'_, R, S, E>,
        choice: u8,
    ) {
        if self.accepted.is_empty() {
            return;
        }
        let which = usize::from(choice) % self.accepted.len();
        let command = &self.accepted[which];
        let tag = tag(command).expect("a client's");
        // Without a buffer it must wait for one.
        if device.delayed(command, 0, &tag.to_le_bytes()) {
            self.done.push(Done::Answered(tag, End::Delayed));
            self.accepted.swap_remove(which);
            device.raised |= self.ignores_suppression;
        } else if !device.events.enable_kicks() {
            self.awake[1] = false;
        }
    }

    /// Sends an event, if there is a buffer for it.
    fn event<const R: usize, const S: usize, const E: usize>(
        &mut self,
        device: &mut FakeDevice<'_, R, S, E>,
        choice: u8,
    ) {
        let (protocol, event, len) = EVENTS[usize::from(choice) % EVENTS.len()];
        let source = match protocol {
            0x10 => 0,
            _ => SOURCES[usize::from(choice) / 8 % SOURCES.len()],
        };
        let serial = self.serial + 1;
        let mut payload = vec![0; len];
        payload[..4].copy_from_slice(&serial.to_le_bytes());
        payload[4..8].copy_from_slice(&source.to_le_bytes());
        if device.send_event(header(protocol, event, 3, 0), &payload) {
            self.serial = serial;
            let key = (protocol, event, source);
            self.done.push(Done::Sent { serial, key });
            device.raised |= self.ignores_suppression;
        } else if !device.events.enable_kicks() {
            self.awake[1] = false;
        }
    }
}

/// Set in the tag of a command that is answered twice: its client waits for the delayed response, or has it in a batch, where nobody
/// does.
const DELAYED: u32 = 1 << 31;
/// Set in the tag of an entry of a batch.
const BATCH: u32 = 1 << 30;
/// Where in a tag the number of the client is.
const CLIENT: u32 = 28;
/// SENSOR_READING_GET, which batches alone send.
const READING: (u8, u8) = (0x15, 6);

/// The tag of a client's command.
fn tag(command: &Command) -> Option<u32> {
    let message = (command.protocol(), command.message());
    let ours = message == READING || MESSAGES.contains(&message);
    let first = || command.parameters.first_chunk().expect("a tag");
    ours.then(|| u32::from_le_bytes(*first()))
}

/// Which client a tag is of.
fn client_of(tag: u32) -> usize {
    (tag >> CLIENT & 3) as usize
}

fn is_probe(command: &Command) -> bool {
    (command.protocol(), command.message()) == (0x10, 0)
}

/// A command whose client waits for its end.
struct Sent {
    owner: Owner,
    tag: u32,
    handle: Handle,
    wait: Wait,
    polled: bool,
    sent: u64,
    deadline: u64,
    /// The time for which the machine stood still since.
    stalled: u64,
    /// Since when the answer that ends it has been in a ring.
    visible: Option<u64>,
    /// A refusal is in the ring.
    refused: bool,
    /// Since when the reply has been in the ring that says that the command was accepted.
    accepted: Option<u64>,
    /// The delayed response was sent before the reply.
    early: bool,
    /// Recoveries before it was sent.
    recoveries: u32,
    /// The bits were posted.
    told: bool,
}

impl Sent {
    /// When it must be over at the latest, by time.
    fn limit(&self) -> u64 {
        let lateness = if self.deadline < 1_000 { 1 } else { 251 };
        let end = self.sent + self.deadline + lateness;
        let delayed = u64::from(Limits::DEFAULT.delayed) + 1 + 251;
        self.stalled + self.accepted.map_or(end, |time| time + delayed)
    }
}

/// What a client must hear of events.
#[derive(Default)]
struct Ear {
    /// Subscriptions, and whether it is certain that they hold.
    wants: BTreeMap<Key, bool>,
    /// Events that it must have, oldest first.
    certain: BTreeMap<u32, (Key, u64)>,
    /// Events that it may have.
    maybe: BTreeSet<u32>,
    /// The last event that it fetched.
    last: u32,
    /// Events that it was told were dropped.
    lost: u64,
    /// A reset dropped events in the ring, which nobody counts.
    loose: bool,
    /// The last event that was sent when it was told of events.
    posted: u32,
}

impl Ear {
    fn want(&self, (protocol, event, source): Key) -> Option<bool> {
        let exact = self.wants.get(&(protocol, event, source)).copied();
        let all = self.wants.get(&(protocol, event, ALL_SOURCES)).copied();
        exact.max(all)
    }

    /// Since when it must be told that there are events.
    fn unposted(&self) -> Option<u64> {
        let mut later = self.certain.range(self.posted + 1..);
        later.next().map(|(_, &(_, time))| time)
    }

    /// It is not certain any more that events of a protocol come that were sent since then.
    fn doubt(&mut self, concerned: impl Fn(Key) -> bool, since: u64) {
        let Self {
            wants,
            certain,
            maybe,
            ..
        } = self;
        for (_, certain) in wants.iter_mut().filter(|(key, _)| concerned(**key)) {
            *certain = false;
        }
        certain.retain(|&serial, &mut (key, time)| {
            let keep = time < since || !concerned(key);
            if !keep {
                maybe.insert(serial);
            }
            keep
        });
    }
}

struct Natural<'w, 'm, const R: usize, const S: usize, const E: usize> {
    world: &'w mut World<'m, R, S, E>,
    platform: Rc<RefCell<Platform>>,
    interrupts: bool,
    /// The present life of each client.
    lives: [Owner; 3],
    /// Past lives of which the driver knows that they are over.
    known_dead: BTreeSet<u16>,
    /// Blocked commands of past lives.
    ghosts: BTreeSet<u32>,
    sent: Vec<Sent>,
    subscribing: BTreeMap<u16, (u64, Key)>,
    /// Blocked in a batch.
    batches: BTreeMap<u16, Ongoing>,
    /// The same of past lives, of which the driver need not know yet that they are over.
    ghost_batches: BTreeMap<u16, Ongoing>,
    /// Of these, the ones that were told an entry.
    haunted: BTreeSet<u16>,
    ears: [Ear; 3],
    serial: u32,
    resets: u32,
    kicks: [u32; 2],
    /// So many interrupts without cause are still to come.
    storm: u32,
    /// When the line was last up without cause.
    disturbed: u64,
    /// When a polled command was last in flight.
    polled: u64,
    /// Since when the interrupt has been masked.
    masked_since: Option<u64>,
    /// Some task posted the interrupt's bit, and the driver has not unmasked the interrupt since.
    believed_masked: bool,
    /// When a turn was last cut short.
    flood: u64,
    /// Since when commands have been in flight without a pause.
    busy_since: Option<u64>,
    /// Since when the device has asked for a reset.
    trouble: Option<u64>,
    /// Timer and interrupt come together where they can.
    together: bool,
    /// The device answers everything at once.
    good: bool,
    /// How many wake-ups by timer are still granted, in thousandths.
    wakes: i64,
    woken: u64,
    /// Runs since time last passed.
    runs: u32,
}

impl<'w, 'm, const R: usize, const S: usize, const E: usize> Natural<'w, 'm, R, S, E> {
    fn begin(world: &'w mut World<'m, R, S, E>, platform: Platform, interrupts: bool) -> Self {
        let platform = Rc::new(RefCell::new(platform));
        let shared = Rc::clone(&platform);
        world.meanwhile(move |point, device| shared.borrow_mut().meanwhile(point, device));
        platform.borrow_mut().awake = [true; 2];
        // Each step does it.
        world.audits = false;
        Self {
            platform,
            interrupts,
            lives: [CONSOLE, THERMAL, POWER],
            known_dead: BTreeSet::new(),
            ghosts: BTreeSet::new(),
            sent: Vec::new(),
            subscribing: BTreeMap::new(),
            batches: BTreeMap::new(),
            ghost_batches: BTreeMap::new(),
            haunted: BTreeSet::new(),
            ears: Default::default(),
            serial: 0,
            resets: world.transport.resets,
            kicks: world.transport.kicks,
            storm: 0,
            disturbed: 0,
            polled: 0,
            masked_since: None,
            believed_masked: false,
            flood: 0,
            busy_since: None,
            trouble: None,
            together: false,
            good: false,
            wakes: WAKES * 1_000,
            woken: world.now,
            runs: 0,
            world,
        }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        match script.byte() % 64 {
            0..=12 => self.submit(script),
            13..=17 => self.poll(script),
            18 => self.cancel(script),
            19..=21 => self.subscribe(script),
            22 => self.unsubscribe(script),
            23..=25 => self.fetch(script),
            26 => {
                if script.one_in(4) {
                    self.die(script);
                } else {
                    self.batch(script);
                }
            }
            27..=36 => {
                self.answer(script);
                self.interrupt();
            }
            37..=39 => self.finish(script),
            40..=42 => {
                // A flood now and then.
                let most = if script.one_in(8) { 2 * E as u8 } else { 1 };
                for _ in 0..=script.byte() % most {
                    self.event(script.byte());
                }
                self.interrupt();
            }
            43..=45 => {
                let act = match script.byte() % 4 {
                    0 => Act::Event(script.byte()),
                    1 => Act::Look,
                    _ => Act::Answer(script.byte()),
                };
                self.platform.borrow_mut().plot = Some((script.byte() % 4, act));
            }
            46 => {
                let mut platform = self.platform.borrow_mut();
                platform.busy = script.byte() % 8;
                self.world.device.commands.suppress_kicks();
                platform.awake[0] = true;
            }
            47 => self.together = script.one_in(2),
            48..=57 => {
                let milliseconds = match script.byte() % 16 {
                    0..=7 => 1,
                    8..=10 => 1 + u64::from(script.byte() % 12),
                    11..=13 => 1 + u64::from(script.byte()),
                    14 => 1_000,
                    _ if script.one_in(4) => 40_000,
                    _ => 6_000,
                };
                // Where the timer looks at the rings, nothing new is to be seen in a long time.
                let stands_in = !self.world.kernel.unmasked;
                self.pass(milliseconds.min(if stands_in { 1_000 } else { u64::MAX }));
            }
            58 => self.disturb(script),
            59 => {
                let bits = 1 + script.byte() % 3;
                self.grant(4);
                if bits & 1 != 0 {
                    // To the driver it is an interrupt without cause.
                    self.disturbed = self.world.now;
                    self.believed_masked = true;
                }
                self.world.run(Cause::Notification {
                    interrupt: bits & 1 != 0,
                    timer: bits & 2 != 0,
                });
                self.after_run();
            }
            60 => self.trouble(script),
            61 => {
                // The machine stands still.
                if script.one_in(4) {
                    let time = 1 + u64::from(script.byte()) * 8;
                    self.stall(time);
                } else {
                    self.batch(script);
                }
            }
            _ => {
                // One interrupt for several.
                for _ in 0..script.byte() % 4 {
                    self.answer(script);
                }
                self.interrupt();
            }
        }
        let platform = Rc::clone(&self.platform);
        let mut platform = platform.borrow_mut();
        platform.busy = platform.busy.saturating_sub(1);
        drop(platform);
        self.settle();
    }

    fn stall(&mut self, time: u64) {
        self.world.now += time;
        for sent in &mut self.sent {
            sent.stalled += time;
        }
        for batch in self.batches.values_mut() {
            batch.stalled += time;
        }
    }

    // Clients.

    fn is_blocked(&self, owner: Owner) -> bool {
        let exchange = |sent: &Sent| sent.owner == owner && sent.wait == Wait::Blocked;
        self.subscribing.contains_key(&owner.0)
            || self.batches.contains_key(&owner.0)
            || self.sent.iter().any(exchange)
    }

    /// A client that is not blocked.
    fn client(&self, script: &mut Script<'_>) -> Option<(usize, Owner)> {
        let number = script.below(3);
        let owner = self.lives[number];
        (!self.is_blocked(owner)).then_some((number, owner))
    }

    fn submit(&mut self, script: &mut Script<'_>) {
        let flags = script.byte();
        let Some((number, owner)) = self.client(script) else {
            return;
        };
        let wait = match flags % 4 {
            0 | 1 => Wait::Blocked,
            2 => Wait::Poll(0),
            // A bit that stands for no other command of the client.
            _ => {
                let free = (8..32).map(|bit| 1 << bit).find(|&bits| {
                    !self
                        .sent
                        .iter()
                        .any(|sent| sent.owner == owner && sent.wait == Wait::Poll(bits))
                });
                Wait::Poll(free.unwrap_or(0))
            }
        };
        let delayed = flags & 0x70 == 0x70;
        let polled = wait != Wait::Blocked && flags & 8 != 0 && !delayed;
        let deadline = match script.byte() % 8 {
            0 => 1,
            1 => u32::from(script.byte()),
            2 => 999,
            3 => 1_000,
            4 => 5_000,
            _ => 0,
        };
        let (protocol, message) = MESSAGES[script.below(2 + usize::from(number != 2))];
        let tag = self.tag(number, delayed);
        let wish = Wish {
            delayed,
            polled,
            deadline,
            wait,
            ..wish(protocol, message)
        };
        let recoveries = self.world.driver.counters().recoveries;
        let ready = self.world.driver.condition() == Condition::Ready;
        self.grant(16);
        let handle = match self.world.submit(owner, &wish, &tag.to_le_bytes()) {
            Ok(handle) => handle,
            Err(refusal) => {
                let away = matches!(
                    refusal,
                    Refusal::Recovering | Refusal::PlatformUnavailable | Refusal::NoDevice
                );
                assert_eq!(away, !ready, "{refusal:?}");
                self.after_run();
                return;
            }
        };
        let fresh = self
            .sent
            .iter()
            .all(|other| other.handle != handle || other.wait == Wait::Blocked);
        assert!(fresh, "a handle came twice");
        self.sent.push(Sent {
            owner,
            tag,
            handle,
            wait,
            polled: polled && wait == Wait::Poll(0),
            sent: self.world.now,
            deadline: u64::from(match deadline {
                0 => Limits::DEFAULT.deadline,
                given => given,
            }),
            stalled: 0,
            visible: None,
            refused: false,
            accepted: None,
            early: false,
            recoveries,
            told: false,
        });
        self.after_run();
    }

    /// The tag of a client's next command.
    fn tag(&mut self, number: usize, delayed: bool) -> u32 {
        self.serial += 1;
        let tag = self.serial | (number as u32) << CLIENT;
        tag | if delayed { DELAYED } else { 0 }
    }

    fn batch(&mut self, script: &mut Script<'_>) {
        let Some((number, owner)) = self.client(script) else {
            return;
        };
        let choice = script.byte();
        let deadline = match choice % 8 {
            0 => 1,
            1 => u32::from(script.byte()),
            2 => 1_000,
            3 | 4 => 5_000,
            _ => 0,
        };
        let mut random = Random::new(u64::from(self.serial) << 8 | u64::from(script.byte()));
        let count = any_count(choice / 8, &mut random);
        let lines = (0..count).map(|_| self.invent(number, &mut random));
        let lines = lines.collect();
        self.serial += 1;
        let tag = self.serial;
        let batch = Ongoing::new(owner, number, tag, deadline, &self.scene(), lines);
        let ready = self.world.driver.condition() == Condition::Ready;
        let had_events = self.world.driver.has_events();
        self.grant(16);
        let entries = batch.entries();
        let begun = self.world.batch_without_run(owner, &entries, deadline, tag);
        let Err(refusal) = begun else {
            assert!(ready && count <= ROOMS[number], "{count} entries");
            self.batches.insert(owner.0, batch);
            if random.one_in(8) {
                // Before the driver looks at it.
                self.stall(1 + u64::from(random.below(3)));
            }
            self.world.run(Cause::Request);
            self.after_run();
            if let Some(batch) = self.batches.get(&owner.0) {
                batch.check_refused(had_events || self.world.driver.has_events());
            }
            return;
        };
        check_refusal(refusal, number, count, ready);
        self.world.run(Cause::Poll);
        self.after_run();
    }

    /// An entry of a batch, most often one that may be sent.
    fn invent(&mut self, number: usize, random: &mut Random) -> Line {
        let delayed = random.one_in(4);
        let tag = self.tag(number, delayed) | BATCH;
        let mut entry = any_entry(random, tag);
        if may_be_sent(number, &entry) || random.one_in(2) {
            // What the device knows.
            let message = MESSAGES[random.below(2 + u32::from(number != 2)) as usize];
            (entry.protocol, entry.message) = if delayed && number != 2 {
                READING
            } else {
                message
            };
            entry.flags = 0;
            entry.len = 4 + random.below(13) as u8;
            if (entry.protocol, entry.message) == READING {
                entry.len = entry.len.max(8);
                entry.parameters[1] = 1u32.to_le();
            }
        }
        let is_reading = (entry.protocol, entry.message) == READING;
        if delayed && !is_reading {
            entry.parameters[0] = (tag & !DELAYED).to_le();
        }
        Line::new(entry, entry.parameter(0).to_le_bytes().to_vec())
    }

    fn scene(&self) -> Scene {
        Scene {
            now: self.world.now,
            recoveries: self.world.driver.counters().recoveries,
            ready: self.world.driver.condition() == Condition::Ready,
            honest: true,
        }
    }

    fn poll(&mut self, script: &mut Script<'_>) {
        let pollable: Vec<usize> = (0..self.sent.len())
            .filter(|&at| {
                let sent = &self.sent[at];
                sent.wait != Wait::Blocked && !self.is_blocked(sent.owner)
            })
            .collect();
        let Some(&at) = pollable.get(script.below(pollable.len())) else {
            return;
        };
        self.poll_at(at);
    }

    /// A client polls. Returns whether that ended the transfer.
    fn poll_at(&mut self, at: usize) -> bool {
        let (owner, handle) = (self.sent[at].owner, self.sent[at].handle);
        // What is in the ring now must be found.
        let (visible, told) = (self.sent[at].visible.is_some(), self.sent[at].told);
        self.grant(2);
        let end = self
            .world
            .poll(owner, handle)
            .expect("a live handle is known");
        // The same look at the rings may have told others, and this one by a post.
        self.after_run();
        let find = |sent: &Sent| sent.handle == handle && sent.wait != Wait::Blocked;
        let at = self.sent.iter().position(find);
        let at = at.expect("its own transfer");
        match end {
            None => {
                assert!(!visible, "a poller does not see its answer");
                assert!(!told, "bits were posted for nothing");
                let limit = self.sent[at].limit();
                assert!(self.world.now <= limit, "a polled deadline is late");
                false
            }
            Some(end) => {
                let sent = self.sent.swap_remove(at);
                self.check_end(&sent, &end);
                let again = self.world.poll(owner, handle);
                assert_eq!(again, Err(Refusal::BadHandle));
                self.after_run();
                true
            }
        }
    }

    fn cancel(&mut self, script: &mut Script<'_>) {
        let at = script.below(self.sent.len());
        if let Some(sent) = self.sent.get(at)
            && sent.wait != Wait::Blocked
            && !self.is_blocked(sent.owner)
        {
            let sent = self.sent.swap_remove(at);
            self.grant(16);
            assert_eq!(self.world.cancel(sent.owner, sent.handle), Ok(()));
            self.after_run();
        }
    }

    fn key(script: &mut Script<'_>) -> Key {
        let (protocol, event, _) = EVENTS[script.below(EVENTS.len())];
        let source = match protocol {
            0x10 => 0,
            _ => [0, 1, 2, ALL_SOURCES][script.below(4)],
        };
        (protocol, event, source)
    }

    fn subscribe(&mut self, script: &mut Script<'_>) {
        let Some((number, owner)) = self.client(script) else {
            return;
        };
        let key = Self::key(script);
        let (protocol, event, source) = key;
        let mut thresholds = Thresholds::NONE;
        if protocol == 0x18 && source != ALL_SOURCES {
            let middle = 100 * script.below(4) as u32;
            thresholds = Thresholds {
                low: middle,
                high: middle + 150,
            };
        }
        self.grant(16);
        let notified = self
            .world
            .try_subscribe_beyond(owner, protocol, event, source, thresholds);
        if let Ok(notified) = notified {
            // What slipped in while the driver ran was sent before or after.
            self.note();
            self.ears[number].wants.insert(key, true);
            if notified == Notified::Waiting {
                let since = self.world.now;
                self.subscribing.insert(owner.0, (since, key));
            }
        }
        self.after_run();
    }

    fn unsubscribe(&mut self, script: &mut Script<'_>) {
        let Some((number, owner)) = self.client(script) else {
            return;
        };
        let ear = &mut self.ears[number];
        let key = match ear.wants.keys().nth(script.below(ear.wants.len() + 1)) {
            Some(&key) => key,
            None => Self::key(script),
        };
        let (protocol, event, source) = key;
        self.grant(16);
        let certain = self.ears[number].wants.get(&key).copied();
        // Events that no turn has seen are not its any more.
        let since = self.world.now.saturating_sub(10);
        self.ears[number].doubt(|other| other == key || is_one_of(other, key), since);
        self.ears[number].wants.remove(&key);
        let done = self.world.unsubscribe(owner, protocol, event, source);
        match certain {
            Some(true) => assert_eq!(done, Ok(()), "a subscription is gone"),
            Some(false) => {}
            None => assert!(done.is_err(), "a subscription that nobody made"),
        }
        self.after_run();
    }

    fn fetch(&mut self, script: &mut Script<'_>) {
        if let Some((number, _)) = self.client(script) {
            for _ in 0..=script.byte() % 4 {
                if !self.fetch_one(number) {
                    break;
                }
            }
        }
    }

    /// A client fetches an event. Returns whether there was one.
    fn fetch_one(&mut self, number: usize) -> bool {
        let owner = self.lives[number];
        let delivered = !self.world.driver.has_used();
        let sent_before = self.platform.borrow().serial;
        let event = self.world.fetch(owner);
        self.after_run();
        let ear = &mut self.ears[number];
        let Some(event) = event else {
            // All that were delivered and not fetched were dropped, and counted.
            if delivered {
                // What slipped in while the driver ran is still to come.
                let later = sent_before + 1;
                let certain_later = ear.certain.split_off(&later);
                let maybe_later = ear.maybe.split_off(&later);
                let missing = ear.certain.len() as u64;
                let most = missing + ear.maybe.len() as u64;
                if !ear.loose {
                    assert!(ear.lost >= missing, "{missing} events are lost unseen");
                    assert!(ear.lost <= most, "{} dropped of {most}", ear.lost);
                }
                ear.certain = certain_later;
                ear.maybe = maybe_later;
                ear.lost = 0;
                ear.loose = false;
            }
            return false;
        };
        ear.lost += u64::from(event.lost);
        match event.kind {
            EventKind::Event => {
                let word = |at| u32::from_le_bytes(event.payload[at..][..4].try_into().unwrap());
                let serial = word(0);
                assert!(
                    serial > ear.last,
                    "event {serial} is told again or too late"
                );
                ear.last = serial;
                let certain = ear.certain.remove(&serial);
                let known = ear.maybe.remove(&serial) || certain.is_some();
                assert!(known, "an event {serial} that nobody asked for");
                if let Some((key, time)) = certain {
                    let source = if key.0 == 0x10 { 0 } else { word(4) };
                    assert_eq!(key, (event.protocol, event.event, source));
                    assert!(time <= event.time && event.time <= self.world.now);
                }
            }
            EventKind::Empty => unreachable!("an empty queue gives no event"),
            EventKind::Resynchronise => {}
            EventKind::Ended => {
                let source = u32::from_le_bytes(event.payload[..4].try_into().unwrap());
                let key = (event.protocol, event.event, source);
                // It may have asked for it again since.
                let certain = ear.wants.get(&key) == Some(&true);
                if !certain {
                    ear.doubt(|other| other == key, u64::MAX);
                }
            }
        }
        true
    }

    fn die(&mut self, script: &mut Script<'_>) {
        let which = script.below(3);
        let old = self.lives[which];
        self.lives[which] = super::reborn(old);
        self.world.dead.push(old);
        let ghosts = self.sent.iter().filter(|sent| sent.owner == old);
        self.ghosts.extend(ghosts.map(|sent| sent.handle.raw()));
        self.sent.retain(|sent| sent.owner != old);
        self.subscribing.remove(&old.0);
        if let Some(batch) = self.batches.remove(&old.0) {
            self.ghost_batches.insert(old.0, batch);
        }
        let old_ear = std::mem::take(&mut self.ears[which]);
        let ear = &mut self.ears[which];
        ear.last = old_ear.last;
        if self.world.driver.has_used() {
            // What is still in the ring is for whoever wants it when the driver takes it out.
            ear.maybe = old_ear.maybe;
            ear.maybe.extend(old_ear.certain.into_keys());
        }
        // The supervisor tells of it, or a call of the next life does, or the driver finds out.
        if script.one_in(3) {
            self.grant(64);
            self.world.client_gone(old);
            self.world.run(Cause::Request);
            self.after_run();
        }
    }

    // The device.

    fn answer(&mut self, script: &mut Script<'_>) {
        let how = match script.byte() % 32 {
            0..=3 => 1,
            4 => 2,
            5 => {
                // It is lost.
                let mut platform = self.platform.borrow_mut();
                let which = script.below(platform.taken.len());
                if which < platform.taken.len() {
                    let command = platform.taken.swap_remove(which);
                    platform.lost.push(command);
                }
                return;
            }
            _ => 0,
        };
        let mut platform = self.platform.borrow_mut();
        platform.answer(&mut self.world.device, script.byte(), how);
        drop(platform);
        self.note();
    }

    fn finish(&mut self, script: &mut Script<'_>) {
        let mut platform = self.platform.borrow_mut();
        platform.finish(&mut self.world.device, script.byte());
        drop(platform);
        self.note();
        self.interrupt();
    }

    fn event(&mut self, choice: u8) {
        if self.world.driver.has_events() {
            self.platform
                .borrow_mut()
                .event(&mut self.world.device, choice);
            self.note();
        }
    }

    fn interrupt(&mut self) {
        self.platform.borrow().interrupt(&mut self.world.device);
    }

    /// The interrupt line misbehaves.
    fn disturb(&mut self, script: &mut Script<'_>) {
        match script.byte() % 4 {
            0 => self.world.kernel.stuck = script.one_in(2),
            1 => self.world.kernel.stuck = false,
            _ => self.storm = u32::from(script.byte() % 24),
        }
    }

    fn trouble(&mut self, script: &mut Script<'_>) {
        self.grant(64);
        match script.byte() % 8 {
            0 => {
                self.world.transport.needs_reset = true;
                self.world.transport.interrupts.configuration = true;
                self.trouble = Some(self.world.now);
            }
            1 => self.world.transport.stuck_resets = u32::from(script.byte() % 3),
            2 => self.world.transport.refusals = u32::from(script.byte() % 3),
            3 => self.world.driver.request_recovery(),
            _ => {}
        }
    }

    // The kernel.

    /// Everything that is due happens, until the system sleeps. Then all that was promised must
    /// be.
    fn settle(&mut self) {
        loop {
            self.note();
            self.pump();
            self.check();
            if !self.good || !self.serve() {
                return;
            }
        }
    }

    fn pump(&mut self) {
        loop {
            let (timer, line) = self.pending();
            if !timer && !line {
                let platform = Rc::clone(&self.platform);
                let mut platform = platform.borrow_mut();
                if platform.awake[0] && platform.busy == 0 && self.world.transport.live {
                    platform.look(&mut self.world.device);
                    drop(platform);
                    continue;
                }
                return;
            }
            let (timer, line) = match (timer, line, self.together) {
                (true, true, false) => (false, true),
                other => (other.0, other.1),
            };
            self.deliver(timer, line);
        }
    }

    /// What the kernel has for the driver.
    fn pending(&mut self) -> (bool, bool) {
        let world = &mut *self.world;
        if std::mem::take(&mut world.device.raised) {
            world.transport.interrupts.used_buffer = true;
        }
        let interrupts = world.transport.interrupts;
        let forced = world.kernel.stuck || self.storm > 0;
        if forced {
            self.disturbed = world.now;
        }
        let up = interrupts.used_buffer || interrupts.configuration || forced;
        let timer = world.kernel.timer.is_some_and(|time| time <= world.now);
        (timer, self.interrupts && world.kernel.unmasked && up)
    }

    fn deliver(&mut self, timer: bool, line: bool) {
        let world = &mut *self.world;
        self.runs += 1;
        assert!(self.runs < 200, "the driver does not come to rest");
        if line {
            world.kernel.unmasked = false;
            world.kernel.interrupts += 1;
            self.storm = self.storm.saturating_sub(1);
        }
        if timer {
            world.kernel.timer = None;
            self.wake();
        }
        self.world.run(Cause::Notification {
            interrupt: line,
            timer,
        });
        self.after_run();
    }

    /// The timer wakes the driver: as often as its clients' commands, its device and its pacing
    /// give it reason to.
    fn wake(&mut self) {
        self.accrue();
        self.wakes -= 1_000;
        assert!(
            self.wakes >= 0,
            "the driver does not sleep: {:?} {:?}",
            self.world.driver.pools(),
            self.world.driver.condition()
        );
    }

    fn accrue(&mut self) {
        let driver = &self.world.driver;
        let pools = driver.pools();
        let down = driver.condition() == Condition::Down;
        let busy = pools.in_flight > 0;
        let stands_in = driver.is_by_timer() || driver.is_held_off();
        let masked = !self.world.kernel.unmasked || self.believed_masked;
        let polls = !stands_in && masked;
        // Thousandths of a wake-up in a millisecond.
        let rate = if down {
            0
        } else if polls || (stands_in && busy) {
            1_000
        } else if stands_in {
            100
        } else if busy
            || pools.slots_lost + pools.slots_owed > 0
            || driver.condition() != Condition::Ready
        {
            4
        } else {
            0
        };
        let elapsed = self.world.now - self.woken;
        self.woken = self.world.now;
        self.wakes = (self.wakes + elapsed as i64 * rate).min(WAKES * 1_000);
    }

    /// Something happened for which the driver may wake so often.
    fn grant(&mut self, wakes: i64) {
        self.accrue();
        self.wakes += wakes * 1_000;
    }

    fn pass(&mut self, milliseconds: u64) {
        let end = self.world.now + milliseconds;
        while let Some(time) = self.world.kernel.timer
            && time <= end
        {
            self.move_to(time);
            self.settle();
        }
        self.move_to(end);
    }

    fn move_to(&mut self, time: u64) {
        if time > self.world.now {
            self.accrue();
            self.world.now = time;
            self.runs = 0;
        }
    }

    /// After each run and call: what the device did meanwhile, and what clients were told.
    fn after_run(&mut self) {
        self.note();
        self.believed_masked &= !self.world.plan.unmask;
        let world = &mut *self.world;
        let mut platform = self.platform.borrow_mut();
        if world.transport.resets != self.resets {
            self.resets = world.transport.resets;
            platform.taken.clear();
            platform.accepted.clear();
            platform.lost.clear();
            platform.awake = [true; 2];
            self.trouble = None;
            for ear in &mut self.ears {
                ear.doubt(|_| false, u64::MAX);
                let all = std::mem::take(&mut ear.certain);
                ear.maybe.extend(all.into_keys());
                ear.loose = true;
            }
        }
        for queue in 0..2 {
            platform.awake[queue] |= world.transport.kicks[queue] != self.kicks[queue];
        }
        self.kicks = world.transport.kicks;
        drop(platform);
        self.after_call();
    }

    /// After each call that does not reach the device.
    fn after_call(&mut self) {
        // A post may be how the driver finds out that a client is gone.
        for (handle, line) in self.world.told_with_handles() {
            self.hear(handle, &line);
        }
        for line in self.world.take_traces() {
            match line {
                Trace::Flood => {
                    self.flood = self.world.now;
                    self.grant(2);
                }
                Trace::HeldOff => {
                    // Only a line that is up without cause is held off.
                    let recent = self.world.now - self.disturbed <= 100;
                    assert!(recent, "a line in order is held off");
                }
                Trace::ClientGone { task, .. } => {
                    self.known_dead.insert(task);
                    self.grant(64);
                    if let Some(batch) = self.ghost_batches.remove(&task) {
                        // What was sent until now; nothing may follow.
                        let mut platform = self.platform.borrow_mut();
                        if self.world.transport.live {
                            platform.look(&mut self.world.device);
                        }
                        platform.gone.push(batch);
                    }
                }
                Trace::Recovery(_) | Trace::RetryAt(_) => self.grant(16),
                Trace::EventRefused {
                    protocol, event, ..
                } => {
                    for ear in &mut self.ears {
                        let since = self.world.now.saturating_sub(10);
                        let concerned = |(other, kind, _): Key| other == protocol && kind == event;
                        ear.doubt(concerned, since);
                    }
                }
                _ => {}
            }
        }
    }

    /// Takes note of what the device did.
    fn note(&mut self) {
        let now = self.world.now;
        let done = std::mem::take(&mut self.platform.borrow_mut().done);
        for done in done {
            match done {
                Done::Answered(tag, end) if tag & BATCH != 0 => {
                    let lines = self.batches.values_mut().flat_map(|batch| &mut batch.lines);
                    let mut of_tag = lines.filter(|line| line.entry.parameter(0) == tag);
                    if end != End::Delayed
                        && let Some(line) = of_tag.find(|line| !line.ended)
                    {
                        line.visible = Some(now);
                        line.declined = end == End::Refusal;
                    }
                }
                Done::Answered(tag, end) => {
                    let Some(sent) = self.sent.iter_mut().find(|sent| sent.tag == tag) else {
                        continue;
                    };
                    match end {
                        End::Reply if tag & DELAYED != 0 => {
                            sent.accepted.get_or_insert(now);
                        }
                        End::Reply => sent.visible = Some(now),
                        End::Refusal => {
                            sent.visible.get_or_insert(now);
                            sent.refused = true;
                        }
                        End::Delayed => {
                            sent.early |= sent.accepted.is_none();
                            sent.visible.get_or_insert(now);
                        }
                    }
                }
                Done::Sent { serial, key } => {
                    self.grant(1);
                    for ear in &mut self.ears {
                        match ear.want(key) {
                            Some(true) => {
                                ear.certain.insert(serial, (key, now));
                            }
                            _ => {
                                ear.maybe.insert(serial);
                            }
                        }
                    }
                }
            }
        }
    }

    /// Whoever was told something must have waited for it.
    fn hear(&mut self, handle: Option<Handle>, line: &Told) {
        match *line {
            Told::Answer(owner, ..) | Told::Failed(owner, _) => {
                let handle = handle.expect("the end of a transfer");
                let found = self.sent.iter().position(|sent| {
                    sent.handle == handle && sent.owner == owner && sent.wait == Wait::Blocked
                });
                match found {
                    Some(at) => {
                        let sent = self.sent.swap_remove(at);
                        self.check_end(&sent, line);
                    }
                    None => {
                        let ghost = self.ghosts.remove(&handle.raw());
                        assert!(ghost, "an answer that nobody waits for: {line:?}");
                        let known = self.known_dead.contains(&owner.0);
                        assert!(!known, "{owner:?} is known to be gone");
                    }
                }
            }
            Told::Subscribed(owner, result) => {
                let Some(number) = self.lives.iter().position(|&life| life == owner) else {
                    assert!(!self.known_dead.contains(&owner.0));
                    return;
                };
                let waited = self.subscribing.remove(&owner.0);
                let (_, key) = waited.expect("an answer to nobody's subscription");
                if result.is_err() {
                    let ear = &mut self.ears[number];
                    ear.doubt(|other| other == key || is_one_of(other, key), 0);
                    ear.wants.remove(&key);
                }
            }
            Told::Entry(owner, tag, index, ref end) => {
                let scene = self.scene();
                if let Some(batch) = self.batches.get_mut(&owner.0) {
                    let honest = batch.lines.get(usize::from(index)).is_none_or(|line| {
                        let declined = matches!(end, Ok((-3, _)));
                        end.is_err() || (line.visible.is_some() && declined == line.declined)
                    });
                    assert!(honest, "an answer that nobody gave: {line:?}");
                    return batch.hear(tag, index, end, &scene);
                }
                // With the first, the driver knows.
                let batch = self.ghost_batches.get_mut(&owner.0);
                let batch = batch.expect("an entry that nobody waits for");
                let known = self.known_dead.contains(&owner.0);
                assert!(!known, "{owner:?} is known to be gone");
                assert!(self.haunted.insert(owner.0), "told again: {line:?}");
                batch.hear(tag, index, end, &scene);
            }
            Told::BatchEnded(owner) => {
                let batch = self.batches.remove(&owner.0);
                let batch = batch.expect("the end of nobody's batch");
                assert!(batch.is_over(), "a batch ends before its entries");
            }
            Told::Posted(owner, bits) => {
                assert!(bits != 0);
                let Some(number) = self.lives.iter().position(|&life| life == owner) else {
                    assert!(!self.known_dead.contains(&owner.0), "a post to a past life");
                    return;
                };
                if bits == EVENT_BITS[number] {
                    self.ears[number].posted = self.platform.borrow().serial;
                    return;
                }
                let sent = self
                    .sent
                    .iter_mut()
                    .find(|sent| sent.owner == owner && sent.wait == Wait::Poll(bits))
                    .expect("bits of no command");
                assert!(!sent.told, "an end was posted twice");
                sent.told = true;
            }
        }
    }

    /// The end must be that of this transfer, and have a reason.
    fn check_end(&self, sent: &Sent, end: &Told) {
        let now = self.world.now;
        match end {
            Told::Answer(owner, status, values) => {
                assert_eq!(*owner, sent.owner);
                assert!(sent.visible.is_some(), "an answer that nobody gave");
                if *status == 0 {
                    assert_eq!(values, &sent.tag.to_le_bytes(), "somebody else's answer");
                } else {
                    assert!(*status == -3 && sent.refused);
                }
            }
            Told::Failed(owner, failure) => {
                assert_eq!(*owner, sent.owner);
                let patience = match failure {
                    Failure::TimedOut => sent.sent + sent.deadline,
                    // Half of the event ring is parked.
                    Failure::DelayedTimedOut if sent.early => return,
                    Failure::DelayedTimedOut => {
                        let accepted = sent.accepted.expect("nothing was accepted");
                        accepted + u64::from(Limits::DEFAULT.delayed)
                    }
                    Failure::DeviceReset => {
                        let recoveries = self.world.driver.counters().recoveries;
                        assert!(recoveries > sent.recoveries, "no device was reset");
                        return;
                    }
                    other => panic!("{other:?}, of a true device"),
                };
                assert!(now >= patience, "a deadline is early");
                // An answer that is there in time counts, however late it is looked at.
                let in_time = sent.visible.is_some_and(|time| time < patience);
                assert!(!in_time, "an answer in time was not taken: {failure:?}");
            }
            other => panic!("{other:?} is no end"),
        }
    }

    /// All that was promised, when the system sleeps.
    fn check(&mut self) {
        self.world.audit();
        let now = self.world.now;
        let driver = &self.world.driver;
        let ready = driver.condition() == Condition::Ready;
        if driver.pools().in_flight == 0 {
            self.busy_since = None;
        } else {
            self.busy_since.get_or_insert(now);
        }
        // The last turn was not cut short, and what is there interrupts.
        let flood = now <= self.flood + 1;
        let open = self.world.kernel.unmasked && self.interrupts && !flood;
        for sent in &self.sent {
            if sent.polled {
                self.polled = self.polled.max(now);
            }
            if sent.wait == Wait::Poll(0) || sent.told {
                continue;
            }
            let what = (sent.owner, sent.wait, now - sent.sent);
            if let Some(time) = sent.visible {
                assert!(!open, "an answer is not told of at once: {what:?}");
                let late = now - time;
                assert!(
                    late <= 1,
                    "an answer is told of {late} ms late or never: {what:?}"
                );
            }
            assert!(now <= sent.limit(), "a deadline is late: {what:?}");
        }
        for batch in self.batches.values() {
            assert!(!batch.is_over(), "a batch that is over does not end");
            assert!(now <= batch.limit(), "a batch is late");
            for line in batch.lines.iter().filter(|line| !line.ended) {
                if let Some(time) = line.visible {
                    assert!(!open, "an answer to an entry is not told of at once");
                    assert!(now <= time + 1, "an answer to an entry is told late");
                }
            }
            self.check_flow(batch, flood);
        }
        let posted = self.ears.iter().zip(EVENT_BITS).zip(self.lives);
        for ((ear, bits), owner) in posted {
            if bits != 0
                && let Some(time) = ear.unposted()
            {
                assert!(!open, "an event is not told of at once: {owner:?}");
                let by_timer = driver.is_by_timer() || driver.is_held_off();
                let busy = self.busy_since.is_some_and(|since| since <= time);
                let bound = if by_timer && !busy { 10 } else { 1 };
                let late = now - time;
                assert!(
                    late <= bound,
                    "an event is told of {late} ms late or never: {owner:?}"
                );
            }
        }
        // Whatever slipped in while the driver ran. Who polls alone looks for it.
        let unknown = |owner: &Owner| !self.known_dead.contains(&owner.0);
        let alone = self.sent.iter().any(|sent| sent.polled) || self.world.dead.iter().any(unknown);
        let forgotten = open && !alone && driver.has_used();
        assert!(!forgotten, "something in a ring is forgotten");
        for &(since, _) in self.subscribing.values() {
            assert!(now <= since + SUBSCRIBING, "a client hangs in subscribing");
        }
        // Nothing may hold the interrupt back for ever.
        let restless = (self.disturbed + 1_001)
            .max(self.polled + 3)
            .max(self.flood + 2);
        if self.world.kernel.unmasked {
            self.masked_since = None;
        } else {
            let since = *self.masked_since.get_or_insert(now);
            let late = ready && self.interrupts && now > restless.max(since + 3);
            assert!(!late, "the interrupt stays masked");
        }
        assert!(
            self.interrupts || !self.world.kernel.unmasked,
            "an interrupt that is not ours is unmasked"
        );
        if let Some(since) = self.trouble
            && ready
        {
            assert!(
                !open && now <= since + 10,
                "a device that asks for a reset is left alone"
            );
        }
        // A device that sleeps must be notified of what is new.
        let platform = self.platform.borrow();
        if self.world.transport.live {
            let device = &mut self.world.device;
            if !platform.awake[0] {
                assert!(!device.commands.enable_kicks(), "a command without a kick");
            }
            if !platform.awake[1] && self.world.transport.sizes[1] > 0 {
                assert!(!device.events.enable_kicks(), "a buffer without a kick");
            }
        }
    }

    /// As many entries of a batch are in flight as may be: no more than the client's quota, and no fewer, if there is a slot.
    fn check_flow(&self, batch: &Ongoing, flood: bool) {
        let driver = &self.world.driver;
        let platform = self.platform.borrow();
        // What is in the ring, the device or the driver would have to look at first.
        if platform.awake[0] || !self.world.transport.live || driver.has_used() {
            return;
        }
        let number = client_of(batch.lines[0].entry.parameter(0));
        let tags = |commands: &[Command]| -> Vec<u32> { commands.iter().filter_map(tag).collect() };
        let kept = [tags(&platform.taken), tags(&platform.lost)].concat();
        let open: Vec<u32> = batch
            .lines
            .iter()
            .filter(|line| !line.ended)
            .map(|line| line.entry.parameter(0))
            .collect();
        let in_flight = open.iter().filter(|tag| kept.contains(tag)).count();
        let (quota, _) = driver.client_limits(batch.owner).expect("a client");
        assert!(in_flight <= usize::from(quota), "{in_flight} of {quota}");
        // At most so many slots count to the client.
        let owed = tags(&platform.accepted);
        let of_client = kept
            .iter()
            .chain(&owed)
            .filter(|tag| client_of(**tag) == number);
        let collected = self.sent.iter().filter(|sent| {
            sent.owner == batch.owner && !kept.contains(&sent.tag) && !owed.contains(&sent.tag)
        });
        let held = of_client.count() + collected.count();
        let well = driver.condition() == Condition::Ready && self.trouble.is_none() && !flood;
        let unsent = open.len() - in_flight;
        let idle = unsent > 0 && held < usize::from(quota) && driver.pools().slots_free > 0;
        assert!(
            !(well && idle),
            "{unsent} entries are not sent: {held} of {quota}"
        );
    }

    /// From here on the device is good and quick, and nothing happens without cause. Everybody
    /// must get an end.
    fn end(&mut self) {
        self.world.transport.stuck_resets = 0;
        self.world.transport.refusals = 0;
        self.world.kernel.stuck = false;
        self.storm = 0;
        let mut platform = self.platform.borrow_mut();
        platform.plot = None;
        platform.busy = 0;
        drop(platform);
        self.good = true;
        self.interrupt();
        // The supervisor tells of every death.
        for owner in self.world.dead.clone() {
            self.grant(64);
            self.world.client_gone(owner);
            self.world.run(Cause::Request);
            self.after_run();
        }
        self.serve_all();
        while let Some(sent) = self.sent.first() {
            assert!(
                sent.told || sent.wait == Wait::Poll(0),
                "a transfer whose end is not posted"
            );
            assert!(self.poll_at(0), "a transfer without end");
        }
        // In their slots, events are switched.
        self.serve_all();
        for number in 0..3 {
            while self.fetch_one(number) {}
        }
        self.sleeps();
        let pools = self.world.driver.pools();
        assert_eq!(pools.slots_free, pools.slots, "a slot is lost: {pools:?}");
        assert_eq!(pools.events_at_device, pools.event_buffers);
        // And it works.
        let owner = self.lives[0];
        let handle = self.world.exchange(owner, 0x10, 0);
        handle.expect("a command at the end");
        self.after_run();
        let command = self.world.take();
        self.world.device.reply(&command, 0, &[1]);
        self.interrupt();
        if !self.interrupts {
            self.move_to(self.world.now + 1);
        }
        // Nothing takes note of this one.
        while let (timer, line) = self.pending()
            && (timer || line)
        {
            if line {
                self.world.kernel.unmasked = false;
            }
            if timer {
                self.world.kernel.timer = None;
            }
            self.world.run(Cause::Notification {
                interrupt: line,
                timer,
            });
        }
        assert_eq!(self.world.told(), [Told::Answer(owner, 0, vec![1])]);
    }

    /// The good platform answers everything, until nobody waits for it.
    fn serve_all(&mut self) {
        let end = self.world.now + 200_000;
        loop {
            self.settle();
            if self.is_over() {
                return;
            }
            let next = self.world.kernel.timer;
            let next = next.expect("it waits, and nothing wakes it");
            assert!(next < end, "somebody gets no end");
            self.move_to(next);
        }
    }

    /// The good platform answers something, if it can.
    fn serve(&mut self) -> bool {
        let mut platform = self.platform.borrow_mut();
        let open = (platform.taken.len(), platform.accepted.len());
        platform.answer(&mut self.world.device, 0, 0);
        platform.finish(&mut self.world.device, 0);
        platform.interrupt(&mut self.world.device);
        // A delayed response without a buffer waits for one.
        open != (platform.taken.len(), platform.accepted.len())
    }

    fn is_over(&self) -> bool {
        let driver = &self.world.driver;
        let pools = driver.pools();
        let waits = |sent: &Sent| sent.wait != Wait::Poll(0) && !sent.told;
        driver.condition() == Condition::Ready
            && self.subscribing.is_empty()
            && self.batches.is_empty()
            && !self.sent.iter().any(waits)
            && pools.in_flight + pools.slots_lost + pools.slots_owed == 0
    }

    /// With nothing to do, the driver must sleep.
    fn sleeps(&mut self) {
        // A reset that was asked for may begin only now.
        self.pass(2_000);
        self.serve_all();
        self.pass(2_000);
        self.settle();
        if self.interrupts {
            // What is set already for something that is over may come.
            self.wakes = 1_000;
            self.pass(60_000);
        } else {
            self.pass(1_000);
        }
        self.settle();
        assert!(self.interrupts == self.world.kernel.unmasked);
    }
}

/// Whether a subscription to all sources covers this one.
fn is_one_of(key: Key, all: Key) -> bool {
    all.2 == ALL_SOURCES && (key.0, key.1) == (all.0, all.1)
}
