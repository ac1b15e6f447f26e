// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The driver's side: clients, the loop that the server runs, and the clock.

use super::device::{Command, FakeDevice, FakeTransport};
use super::{CONSOLE, POWER, THERMAL};
use drv_virtio_scmi::{
    After, Books, Channel, Client, ClientConfig, Clock, Command as Wish, DmaBuffer, EVENT_IDX,
    EventKind, Failure, Handle, Limits, Notified, Output, Owner, P2A_CHANNELS, Polled, QueueMemory,
    Record, Refusal, Rule, Rules, SetupError, SlotId, Subscription, Thresholds, Trace, VERSION_1,
    Wait,
};
use std::cell::RefCell;
use virtqueue::RingMemory;
use virtqueue::device::DeviceSide;

/// What a client was told, or found by polling.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Told {
    /// An answer: status and return values.
    Answer(Owner, i32, Vec<u8>),
    Failed(Owner, Failure),
    Posted(Owner, u32),
    Subscribed(Owner, Result<(), Failure>),
}

/// An event that was fetched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    pub kind: EventKind,
    pub time: u64,
    pub protocol: u8,
    pub event: u8,
    pub lost: u32,
    pub more: bool,
    pub payload: Vec<u8>,
}

const CLIENTS: [ClientConfig; 3] = [
    ClientConfig {
        task: 3,
        slots: 2000,
        events: 4,
        subscriptions: 8,
        event_bits: 1 << 4,
        rules: Rules::new(&[Rule::ALL]),
    },
    ClientConfig {
        task: 4,
        slots: 8,
        events: 4,
        subscriptions: 8,
        event_bits: 1 << 5,
        rules: Rules::new(&[Rule::ALL]),
    },
    ClientConfig {
        task: 5,
        slots: 2,
        events: 2,
        subscriptions: 2,
        event_bits: 0,
        rules: Rules::new(&[Rule::protocol(0x10), Rule::protocol(0x11)]),
    },
];

/// The same clients with quotas that fit into a ring of 16 entries beside the driver's own, as a build demands.
pub static FITTING: [ClientConfig; 3] = {
    let mut clients = CLIENTS;
    clients[0].slots = 3;
    clients[1].slots = 2;
    clients[2].slots = 1;
    clients
};

const TASKS: [u8; 8] = [0xff, 0xff, 0xff, 0, 1, 2, 0xff, 0xff];

/// A clock that stands still until the test moves it.
#[derive(Clone, Copy)]
pub struct Standing(pub u64);

impl Clock for Standing {
    fn now(&mut self) -> u64 {
        self.0
    }
}

/// How a world begins.
#[derive(Clone, Copy)]
pub struct Setup {
    pub offered: u64,
    pub queue_max: [u16; 2],
    pub limits: Limits,
    pub clients: &'static [ClientConfig; 3],
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            offered: VERSION_1 | P2A_CHANNELS | EVENT_IDX,
            queue_max: [1024, 1024],
            limits: Limits::DEFAULT,
            // The console may have all that there is.
            clients: const { &CLIENTS },
        }
    }
}

thread_local! {
    static TRACES: RefCell<Vec<Trace>> = const { RefCell::new(Vec::new()) };
}

fn trace(line: Trace) {
    TRACES.with_borrow_mut(|traces| traces.push(line));
}

pub struct World<'m, const R: usize, const S: usize, const E: usize> {
    pub channel: Box<Channel<'m, R, S, E>>,
    pub transport: FakeTransport,
    pub device: FakeDevice<'m, R, S, E>,
    memory: &'m QueueMemory<R, S, E>,
    pub now: u64,
    pub started: Result<(), SetupError>,
}

/// Runs a test in a world with a ring of 16 entries, as begun by `setup`.
pub fn run(setup: Setup, test: impl FnOnce(&mut World<'_, 16, 8, 16>)) {
    run_sized(setup, test);
}

/// The same with other sizes.
pub fn run_sized<const R: usize, const S: usize, const E: usize>(
    setup: Setup,
    test: impl FnOnce(&mut World<'_, R, S, E>),
) {
    let memory = Box::new(QueueMemory::<R, S, E>::new());
    let mut clients: Vec<Client> = setup.clients.iter().map(Client::new).collect();
    let mut records: Vec<Record> = (0..10).map(|_| Record::NEW).collect();
    let mut subscriptions: Vec<Subscription> = (0..18).map(|_| Subscription::NEW).collect();
    TRACES.with_borrow_mut(Vec::clear);

    let mut books = Box::new(Books::NEW);
    let mut channel = Box::new(Channel::new(&*memory, &mut books));
    channel.provide(
        &mut clients,
        &TASKS,
        &mut records,
        &mut subscriptions,
        setup.limits,
        trace,
    );
    let mut transport = FakeTransport::new(setup.offered, setup.queue_max);
    let now = 1_000_000;
    let started = channel.start(&mut transport, now);
    let device = FakeDevice::new(&memory, &transport);
    let mut world = World {
        channel,
        transport,
        device,
        memory: &memory,
        now,
        started,
    };
    world.audit();
    test(&mut world);
    world.audit();
}

impl<'m, const R: usize, const S: usize, const E: usize> World<'m, R, S, E> {
    pub fn audit(&self) {
        if let Err(what) = self.channel.audit() {
            panic!(
                "{what}: {:?} {:?}",
                self.channel.counters,
                self.channel.pools()
            );
        }
    }

    /// Miri takes a second for what a computer does in a microsecond: there, the beginning and the end of a world must do.
    fn audit_unless_slow(&self) {
        if !cfg!(miri) {
            self.audit();
        }
    }

    /// What the device may touch.
    pub fn memory(&self) -> &'m QueueMemory<R, S, E> {
        self.memory
    }

    pub fn traces(&self) -> Vec<Trace> {
        TRACES.with_borrow(Clone::clone)
    }

    /// Begins, fills, submits and kicks, as the server does.
    pub fn submit(
        &mut self,
        owner: Owner,
        wish: &Wish,
        parameters: &[u8],
    ) -> Result<(SlotId, Handle), Refusal> {
        let mut clock = Standing(self.now);
        let id = self.channel.begin(owner, wish, &mut clock)?;
        self.channel.parameters(id).write(1, parameters);
        let handle = self.channel.submit(id, parameters.len())?;
        if self.channel.wants_clock() {
            self.channel.tick(self.now);
        }
        self.channel.kick(&mut self.transport);
        Ok((id, handle))
    }

    /// A blocking command with the default deadline.
    pub fn exchange(&mut self, owner: Owner, protocol: u8, message: u8) -> Result<SlotId, Refusal> {
        self.submit(owner, &wish(protocol, message), &[])
            .map(|(id, _)| id)
    }

    /// A command that is polled for, with a post.
    pub fn send(&mut self, owner: Owner, protocol: u8, message: u8) -> Result<Handle, Refusal> {
        let wish = Wish {
            wait: Wait::Poll(1 << 9),
            ..wish(protocol, message)
        };
        self.submit(owner, &wish, &[]).map(|(_, handle)| handle)
    }

    /// One turn, and as many more as it asks for at once. Returns what clients are told.
    pub fn turn(&mut self) -> Vec<Told> {
        self.turns(8).0
    }

    /// At most so many turns; also how the last one ended.
    pub fn turns(&mut self, most: usize) -> (Vec<Told>, After) {
        let mut told = Vec::new();
        let after = self.turns_with(most, |_, _, line| told.push(line));
        (told, after)
    }

    /// A turn that an interrupt makes: it is not told the time.
    pub fn interrupt(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        self.run_turns(8, false, |_, _, line| told.push(line));
        told
    }

    /// The same, each line with the slot and cookie of the transfer, where it is the end of a blocked one.
    pub fn turns_with(
        &mut self,
        most: usize,
        tell: impl FnMut(Option<SlotId>, u32, Told),
    ) -> After {
        self.run_turns(most, true, tell)
    }

    pub fn run_turns(
        &mut self,
        most: usize,
        timed: bool,
        mut tell: impl FnMut(Option<SlotId>, u32, Told),
    ) -> After {
        let mut clock = Standing(self.now);
        let mut after = After::Again;
        for _ in 0..most {
            let resets = self.transport.resets;
            self.channel.maintain(&mut self.transport, self.now);
            if self.transport.resets != resets {
                self.device = FakeDevice::new(self.memory, &self.transport);
            }
            self.channel.begin_turn(timed.then_some(self.now));
            // A turn is bounded, whatever the device does.
            let mut steps = 0;
            while let Some(output) = self.channel.next(&mut clock) {
                steps += 1;
                assert!(steps < 8 * (R + S + E + 64), "a turn without end");
                match output {
                    Output::Ended {
                        owner,
                        cookie,
                        slot,
                        result,
                    } => {
                        let line = answer(owner, result);
                        self.channel.finish(slot);
                        tell(Some(slot), cookie, line);
                    }
                    Output::Post { owner, bits } => tell(None, 0, Told::Posted(owner, bits)),
                    Output::Subscribed { owner, result } => {
                        tell(None, 0, Told::Subscribed(owner, result));
                    }
                }
            }
            self.channel.kick(&mut self.transport);
            after = self.channel.end_turn();
            if after != After::Again {
                break;
            }
        }
        self.audit_unless_slow();
        after
    }

    /// Moves the clock, and runs a turn whenever one is wanted on the way, as the kernel's timer would.
    pub fn pass(&mut self, milliseconds: u64) -> Vec<Told> {
        let end = self.now + milliseconds;
        let mut told = Vec::new();
        // The server's tick, which puts deadlines on the clock, comes as early as it can.
        if self.channel.wants_tick() {
            told.extend(self.turn());
        }
        while let Some(wake) = self.channel.next_wake()
            && wake <= end
        {
            // A wake-up that finds nothing must not repeat for ever.
            self.now = wake.max(self.now);
            told.extend(self.turn());
            if self
                .channel
                .next_wake()
                .is_some_and(|next| next <= self.now)
            {
                self.now += 1;
            }
        }
        self.now = end.max(self.now);
        told
    }

    /// What polling finds; the handle ends with an answer.
    pub fn poll(&mut self, owner: Owner, handle: Handle) -> Result<Option<Told>, Refusal> {
        Ok(
            match self.channel.poll(owner, handle, &mut Standing(self.now))? {
                Polled::Pending => None,
                Polled::Ended(id, result) => {
                    let line = answer(owner, result);
                    self.channel.finish(id);
                    self.channel.kick(&mut self.transport);
                    self.audit_unless_slow();
                    Some(line)
                }
            },
        )
    }

    /// The device takes the next command, which must be there.
    pub fn take(&mut self) -> Command {
        self.device.take().expect("no command is in the ring")
    }

    /// Overwrites a buffer, as a device can at any moment.
    pub fn scribble(&mut self, address: u64, byte: u8) {
        if let Some(buffer) = self.memory.buffer_at(address) {
            buffer.write(0, &[byte; 136]);
        }
    }

    /// What the driver may write of the memory that it shares with the device.
    pub fn shared_memory(&self) -> Vec<u64> {
        shared_memory(self.memory)
    }

    pub fn try_subscribe(
        &mut self,
        owner: Owner,
        protocol: u8,
        event: u8,
        source: u32,
    ) -> Result<Notified, Refusal> {
        self.try_subscribe_beyond(owner, protocol, event, source, Thresholds::NONE)
    }

    pub fn try_subscribe_beyond(
        &mut self,
        owner: Owner,
        protocol: u8,
        event: u8,
        source: u32,
        thresholds: Thresholds,
    ) -> Result<Notified, Refusal> {
        let mut clock = Standing(self.now);
        self.channel
            .subscribe(owner, protocol, event, source, thresholds, &mut clock)
    }

    pub fn unsubscribe(
        &mut self,
        owner: Owner,
        protocol: u8,
        event: u8,
        source: u32,
    ) -> Result<(), Refusal> {
        let mut clock = Standing(self.now);
        self.channel
            .unsubscribe(owner, protocol, event, source, &mut clock)
    }

    pub fn cancel(&mut self, owner: Owner, handle: Handle) -> Result<(), Refusal> {
        let mut clock = Standing(self.now);
        self.channel.cancel(owner, handle, &mut clock)
    }

    /// Subscribes, and lets the platform agree if it is asked.
    pub fn subscribe(&mut self, owner: Owner, protocol: u8, event: u8, source: u32) {
        let how = self.try_subscribe(owner, protocol, event, source).unwrap();
        let told = self.turn();
        if how == Notified::Waiting {
            assert_eq!(told, []);
            let command = self.take();
            self.device.reply(&command, 0, &[]);
            assert_eq!(self.turn(), [Told::Subscribed(owner, Ok(()))]);
        }
    }

    /// Subscribes to a sensor's updates; the platform is asked later.
    pub fn subscribe_later(&mut self, owner: Owner, source: u32) {
        self.try_subscribe(owner, 0x15, 1, source).unwrap();
    }

    pub fn fetch(&mut self, owner: Owner) -> Option<Event> {
        let event = self
            .channel
            .fetch(owner, &mut Standing(self.now))
            .unwrap()?;
        Some(Event {
            kind: event.kind,
            time: event.time,
            protocol: event.protocol,
            event: event.event,
            lost: event.lost,
            more: event.more,
            payload: event.payload.to_vec(),
        })
    }

    /// Fetches all that is queued.
    pub fn fetch_all(&mut self, owner: Owner) -> Vec<Event> {
        std::iter::from_fn(|| self.fetch(owner)).collect()
    }

    /// Answers the driver's question whether the platform is there.
    pub fn answer_probe(&mut self) {
        let probe = self.take();
        assert_eq!((probe.protocol(), probe.message()), (0x10, 0));
        self.device.reply(&probe, 0, &[0, 0, 2, 0]);
    }
}

/// What the driver may write of shared memory: every buffer, every descriptor, and the heads that
/// each ring offers.
pub fn shared_memory<const R: usize, const S: usize, const E: usize>(
    memory: &QueueMemory<R, S, E>,
) -> Vec<u64> {
    fn ring<const N: usize>(ring: &RingMemory<N>, words: &mut Vec<u64>) {
        let mut device = DeviceSide::new(ring, N as u16, false);
        for number in 0..N as u16 {
            let segment = device.segment(number).unwrap();
            let next = segment.next.map_or(u64::MAX, u64::from);
            let writable = u64::from(segment.writable);
            words.extend([segment.address, segment.len.into(), writable, next]);
        }
        words.extend(std::iter::from_fn(|| device.pop()).map(u64::from));
    }
    let mut words = Vec::new();
    ring(memory.command_ring(), &mut words);
    ring(memory.event_ring(), &mut words);
    let first = std::ptr::from_ref(memory).addr() as u64;
    let addresses = (first..first + size_of_val(memory) as u64).step_by(4);
    for buffer in addresses.filter_map(|address| memory.buffer_at(address)) {
        words.extend((0..DmaBuffer::LEN / 4).map(|index| u64::from(buffer.word(index))));
    }
    words
}

/// A blocking command with defaults.
pub fn wish(protocol: u8, message: u8) -> Wish {
    Wish {
        protocol,
        message,
        delayed: false,
        polled: false,
        deadline: 0,
        wait: Wait::Blocked(0),
    }
}

fn answer(owner: Owner, result: Result<drv_virtio_scmi::Reply<'_>, Failure>) -> Told {
    match result {
        Ok(reply) => {
            let mut values = vec![0; 200];
            let len = reply.read(&mut values);
            // The other way to read them says the same, and shows nothing of earlier answers.
            let words = reply.first_words().map(u32::to_ne_bytes);
            let (first, _) = values.split_at(words.len() * 4);
            assert_eq!(words.as_flattened(), first, "{len} bytes");
            values.truncate(len);
            Told::Answer(owner, reply.status, values)
        }
        Err(failure) => Told::Failed(owner, failure),
    }
}

const _: () = assert!(CONSOLE.0 == 3 && THERMAL.0 == 4 && POWER.0 == 5);
