// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The driver's side: clients, the loop that the server runs, and the clock.

use super::device::{Command, FakeDevice, FakeTransport};
use super::{CONSOLE, POWER, THERMAL};
use drv_virtio_scmi::{
    Batch, BatchEntry as Entry, BatchState, Books, Cause, Client, ClientConfig, DmaBuffer, Driver,
    EVENT_IDX, EventKind, EventSource, Failure, Handle, Interrupts, Limits, NotSent, Notified,
    Owner, P2A_CHANNELS, Plan, Provision, QueueMemory, Record, Refusal, Reply, Request, Rule,
    Rules, SetupError, Subscription, System, Thresholds, Trace, TransferFlags, Transport,
    Unanswered, VERSION_1, Wait,
};
use std::cell::RefCell;
use std::convert::Infallible;
use virtqueue::device::DeviceSide;
use virtqueue::{Addresses, RingMemory};

/// What a client was told, or found by polling.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Told {
    /// An answer: status and return values.
    Answer(Owner, i32, Vec<u8>),
    Failed(Owner, Failure),
    /// An entry of a batch: tag, number, and its end.
    Entry(Owner, u32, u8, Result<(i32, Vec<u8>), Unanswered>),
    /// All entries of a batch are over.
    BatchEnded(Owner),
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
        batch: 64,
        event_bits: 1 << 4,
        rules: Rules::new(&[Rule::ALL]),
    },
    ClientConfig {
        task: 4,
        slots: 8,
        events: 4,
        subscriptions: 8,
        batch: 16,
        event_bits: 1 << 5,
        rules: Rules::new(&[Rule::ALL]),
    },
    ClientConfig {
        task: 5,
        slots: 2,
        events: 2,
        subscriptions: 2,
        batch: 4,
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

/// For each task, which of these clients it is.
fn tasks(clients: &[ClientConfig]) -> Vec<u8> {
    let number = |task| clients.iter().position(|client| client.task == task);
    (0..64)
        .map(|task| number(task).map_or(0xff, |number| number as u8))
        .collect()
}

/// A system in which nothing happens: no client waits, and the clock stands still.
pub struct Still(pub u64);

impl System for Still {
    fn now(&mut self) -> u64 {
        self.0
    }

    fn ended(&mut self, owner: Owner, _: Handle, _: Result<Reply<'_>, Failure>) {
        panic!("{owner:?} waits for nothing");
    }

    fn entry_ended(
        &mut self,
        owner: Owner,
        _: u32,
        _: u8,
        _: Result<Reply<'_>, Unanswered>,
    ) -> bool {
        panic!("{owner:?} waits for nothing");
    }

    fn batch_ended(&mut self, owner: Owner) {
        panic!("{owner:?} waits for nothing");
    }

    fn post(&mut self, owner: Owner, _: u32) -> bool {
        panic!("{owner:?} waits for nothing");
    }

    fn subscribed(&mut self, owner: Owner, _: Result<(), Failure>) {
        panic!("{owner:?} waits for nothing");
    }

    fn is_alive(&mut self, _: Owner) -> bool {
        true
    }
}

/// The tag of each batch that a test does not give one.
pub const BATCH_TAG: u32 = 0x5a5a;

/// How many turns a run may have.
const TURNS: u32 = 4;

/// The timer's bit was posted.
pub const TIMER: Cause = Cause::Notification {
    interrupt: false,
    timer: true,
};
/// The interrupt's bit was posted.
pub const INTERRUPT: Cause = Cause::Notification {
    interrupt: true,
    timer: false,
};

/// Where the driver can be watched, and the device can act, while it runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Point {
    /// It acknowledges the interrupt: before it looks at the rings.
    Acknowledged,
    /// It asks for the time.
    Asked,
    /// A client was told something.
    Told,
    /// It notifies this queue: after it has looked at the rings, before interrupts are on again.
    Notified(u16),
}

type Hook<'m, const R: usize, const S: usize, const E: usize> =
    Box<dyn FnMut(Point, &mut FakeDevice<'m, R, S, E>) + 'm>;

/// What acts while the driver runs.
type Outside<'o, 'm, const R: usize, const S: usize, const E: usize> = RefCell<(
    &'o mut FakeDevice<'m, R, S, E>,
    &'o mut Option<Hook<'m, R, S, E>>,
)>;

fn reach<const R: usize, const S: usize, const E: usize>(
    outside: &Outside<'_, '_, R, S, E>,
    point: Point,
) {
    let (device, hook) = &mut *outside.borrow_mut();
    if let Some(hook) = hook
        && !device.gone
    {
        hook(point, device);
    }
}

/// The clock, which stands still until the test moves it, and the clients.
pub struct FakeSystem<'o, 'm, const R: usize, const S: usize, const E: usize> {
    outside: &'o Outside<'o, 'm, R, S, E>,
    now: u64,
    dead: &'o [Owner],
    takes: &'o mut u32,
    told: &'o mut Vec<(Option<Handle>, Told)>,
    /// A run is bounded, whatever the device does: so much may be told.
    most: usize,
}

impl<const R: usize, const S: usize, const E: usize> FakeSystem<'_, '_, R, S, E> {
    fn tell(&mut self, handle: Option<Handle>, line: Told) {
        self.most = self.most.checked_sub(1).expect("a run without end");
        self.told.push((handle, line));
        reach(self.outside, Point::Told);
    }
}

impl<const R: usize, const S: usize, const E: usize> System for FakeSystem<'_, '_, R, S, E> {
    fn now(&mut self) -> u64 {
        reach(self.outside, Point::Asked);
        self.now
    }

    fn ended(&mut self, owner: Owner, handle: Handle, result: Result<Reply<'_>, Failure>) {
        let line = answer(owner, result);
        self.tell(Some(handle), line);
    }

    fn entry_ended(
        &mut self,
        owner: Owner,
        tag: u32,
        index: u8,
        result: Result<Reply<'_>, Unanswered>,
    ) -> bool {
        let result = result.map(|reply| (reply.status, values(&reply)));
        self.tell(None, Told::Entry(owner, tag, index, result));
        // A client that is dead, or whose lease is no more, cannot take it.
        let is_heard = *self.takes > 0;
        *self.takes = self.takes.saturating_sub(1);
        is_heard && self.is_alive(owner)
    }

    fn batch_ended(&mut self, owner: Owner) {
        self.tell(None, Told::BatchEnded(owner));
    }

    fn post(&mut self, owner: Owner, bits: u32) -> bool {
        self.tell(None, Told::Posted(owner, bits));
        self.is_alive(owner)
    }

    fn subscribed(&mut self, owner: Owner, result: Result<(), Failure>) {
        self.tell(None, Told::Subscribed(owner, result));
    }

    fn is_alive(&mut self, owner: Owner) -> bool {
        !self.dead.contains(&owner)
    }
}

/// The registers, with the device looking over the driver's shoulder.
pub struct Watched<'o, 'm, const R: usize, const S: usize, const E: usize> {
    outside: &'o Outside<'o, 'm, R, S, E>,
    registers: &'o mut FakeTransport,
}

impl<const R: usize, const S: usize, const E: usize> Transport for Watched<'_, '_, R, S, E> {
    fn reset(&mut self) -> Result<(), SetupError> {
        let reset = self.registers.reset();
        self.outside.borrow_mut().0.gone |= reset.is_ok();
        reset
    }

    fn negotiate(&mut self, wanted: u64, required: u64) -> Result<u64, SetupError> {
        self.registers.negotiate(wanted, required)
    }

    fn queue_max(&mut self, queue: u16) -> u16 {
        self.registers.queue_max(queue)
    }

    fn setup_queue(
        &mut self,
        queue: u16,
        size: u16,
        addresses: Addresses,
    ) -> Result<(), SetupError> {
        self.registers.setup_queue(queue, size, addresses)
    }

    fn driver_ok(&mut self) -> Result<(), SetupError> {
        self.registers.driver_ok()
    }

    fn notify(&mut self, queue: u16) {
        self.registers.notify(queue);
        reach(self.outside, Point::Notified(queue));
    }

    fn take_interrupts(&mut self) -> Interrupts {
        let raised = std::mem::take(&mut self.outside.borrow_mut().0.raised);
        self.registers.interrupts.used_buffer |= raised;
        let interrupts = self.registers.take_interrupts();
        reach(self.outside, Point::Acknowledged);
        interrupts
    }

    fn needs_reset(&mut self) -> bool {
        self.registers.needs_reset()
    }

    fn fail(&mut self) {
        self.registers.fail();
    }
}

/// The kernel's timer, and its mask of the device's interrupt.
#[derive(Default)]
pub struct Kernel {
    pub timer: Option<u64>,
    pub unmasked: bool,
    pub unmasks: u32,
    /// The line is up whatever the driver does.
    pub stuck: bool,
    /// Interrupts that came.
    pub interrupts: u32,
}

/// How a world begins.
#[derive(Clone, Copy)]
pub struct Setup {
    pub offered: u64,
    pub queue_max: [u16; 2],
    pub limits: Limits,
    pub clients: &'static [ClientConfig],
    /// The device's interrupt is ours.
    pub interrupts: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            offered: VERSION_1 | P2A_CHANNELS | EVENT_IDX,
            queue_max: [1024, 1024],
            limits: Limits::DEFAULT,
            // The console may have all that there is.
            clients: const { &CLIENTS },
            interrupts: true,
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
    pub driver: Box<Driver<'m, R, S, E>>,
    pub transport: FakeTransport,
    pub device: FakeDevice<'m, R, S, E>,
    memory: &'m QueueMemory<R, S, E>,
    pub now: u64,
    pub started: Result<(), SetupError>,
    pub kernel: Kernel,
    /// What the driver asked for when it last ran.
    pub plan: Plan,
    /// The books are audited after each run.
    pub audits: bool,
    /// How many slots a batch may take at once.
    pub batch_slots: u8,
    /// Lives that are over.
    pub dead: Vec<Owner>,
    /// So many more entries of batches their clients can take.
    pub takes: u32,
    told: Vec<(Option<Handle>, Told)>,
    hook: Option<Hook<'m, R, S, E>>,
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
    run_over(&Box::new(QueueMemory::<R, S, E>::new()), setup, test);
}

/// The same in queue memory that earlier lives of the driver may have used.
pub fn run_over<const R: usize, const S: usize, const E: usize>(
    memory: &QueueMemory<R, S, E>,
    setup: Setup,
    test: impl FnOnce(&mut World<'_, R, S, E>),
) {
    let tasks = tasks(setup.clients);
    let all = |count: fn(&ClientConfig) -> u8| {
        0..setup
            .clients
            .iter()
            .map(|client| usize::from(count(client)))
            .sum()
    };
    let mut clients: Vec<Client> = setup.clients.iter().map(Client::new).collect();
    let mut records: Vec<Record> = all(|client| client.events).map(|_| Record::NEW).collect();
    let mut subscriptions: Vec<Subscription> = all(|client| client.subscriptions)
        .map(|_| Subscription::NEW)
        .collect();
    let mut batches: Vec<BatchState> = clients.iter().map(|_| BatchState::NEW).collect();
    let mut entries: Vec<Entry> = all(|client| client.batch)
        .map(|_| Entry::default())
        .collect();
    TRACES.with_borrow_mut(Vec::clear);

    let mut books = Box::new(Books::NEW);
    let mut driver = Box::new(Driver::new(memory, &mut books));
    driver.provide(Provision {
        clients: &mut clients,
        tasks: &tasks,
        records: &mut records,
        subscriptions: &mut subscriptions,
        batches: &mut batches,
        entries: &mut entries,
        limits: setup.limits,
        trace,
    });
    let transport = FakeTransport::new(setup.offered, setup.queue_max);
    let device = FakeDevice::new(memory, &transport);
    let mut world = World {
        driver,
        transport,
        device,
        memory,
        now: 1_000_000,
        started: Ok(()),
        kernel: Kernel::default(),
        plan: Plan::default(),
        // Miri takes a second for what a computer does in a microsecond: there, the beginning and the end of a world must do.
        audits: !cfg!(miri),
        batch_slots: 0,
        dead: Vec::new(),
        takes: u32::MAX,
        told: Vec::new(),
        hook: None,
    };
    world.start(setup.interrupts);
    world.audit();
    test(&mut world);
    world.audit();
}

impl<'m, const R: usize, const S: usize, const E: usize> World<'m, R, S, E> {
    pub fn audit(&self) {
        if let Err(what) = self.driver.audit() {
            panic!(
                "{what}: {:?} {:?}",
                self.driver.counters(),
                self.driver.pools()
            );
        }
    }

    /// What the device may touch.
    pub fn memory(&self) -> &'m QueueMemory<R, S, E> {
        self.memory
    }

    pub fn traces(&self) -> Vec<Trace> {
        TRACES.with_borrow(Clone::clone)
    }

    /// What was traced since this was last asked.
    pub fn take_traces(&self) -> Vec<Trace> {
        TRACES.with_borrow_mut(std::mem::take)
    }

    /// Calls this at each of the points of the next runs, until it is taken out again.
    pub fn meanwhile(&mut self, hook: impl FnMut(Point, &mut FakeDevice<'m, R, S, E>) + 'm) {
        self.hook = Some(Box::new(hook));
    }

    /// Runs the driver, carries out its plan as the kernel does, and remembers what clients are told.
    pub fn run(&mut self, cause: Cause) {
        self.perform(|driver, system, transport| driver.run(cause, system, transport));
    }

    /// The first thing that happens to a driver.
    fn start(&mut self, interrupts: bool) {
        let mut started = Ok(());
        self.kernel.unmasked = interrupts;
        self.perform(|driver, system, transport| {
            started = driver.start(interrupts, system, transport);
            Plan::default()
        });
        self.started = started;
        self.device = FakeDevice::new(self.memory, &self.transport);
        self.run(TIMER);
    }

    fn perform(
        &mut self,
        act: impl FnOnce(
            &mut Driver<'m, R, S, E>,
            &mut FakeSystem<'_, 'm, R, S, E>,
            &mut Watched<'_, 'm, R, S, E>,
        ) -> Plan,
    ) {
        let resets = self.transport.resets;
        let kicks = self.transport.kicks;
        let outside = RefCell::new((&mut self.device, &mut self.hook));
        let mut system = FakeSystem {
            outside: &outside,
            now: self.now,
            dead: &self.dead,
            takes: &mut self.takes,
            told: &mut self.told,
            most: 8 * (R + S + E + 64),
        };
        let mut transport = Watched {
            outside: &outside,
            registers: &mut self.transport,
        };
        let plan = act(&mut self.driver, &mut system, &mut transport);
        if let Some(time) = plan.timer {
            self.kernel.timer = Some(time);
        }
        if plan.unmask {
            self.kernel.unmasked = true;
            self.kernel.unmasks += 1;
        }
        self.plan = plan;
        // One notify for what came with a request, one for each turn, and two to begin with a device that was reset.
        let most = 1 + TURNS + 2 * (self.transport.resets - resets);
        for (now, before) in self.transport.kicks.iter().zip(kicks) {
            assert!(now - before <= most, "{} notifies", now - before);
        }
        if self.transport.resets != resets {
            self.device = FakeDevice::new(self.memory, &self.transport);
        }
        if self.audits {
            self.audit();
        }
    }

    /// What clients were told since this was last asked.
    pub fn told(&mut self) -> Vec<Told> {
        let told = std::mem::take(&mut self.told);
        told.into_iter().map(|(_, line)| line).collect()
    }

    /// The same, each line with the handle of the transfer, where it is the end of a blocked one.
    pub fn told_with_handles(&mut self) -> Vec<(Option<Handle>, Told)> {
        std::mem::take(&mut self.told)
    }

    /// Sends a command, as the server does.
    pub fn submit(
        &mut self,
        owner: Owner,
        wish: &Wish,
        parameters: &[u8],
    ) -> Result<Handle, Refusal> {
        let handle = self.submit_without_kick(owner, wish, parameters)?;
        self.run(Cause::Request);
        Ok(handle)
    }

    /// The same, up to where the device can see it: it need not wait for the notify write.
    pub fn submit_without_kick(
        &mut self,
        owner: Owner,
        wish: &Wish,
        parameters: &[u8],
    ) -> Result<Handle, Refusal> {
        self.fill_and_send(owner, wish, |buffer| {
            buffer.write(1, parameters);
            Ok::<_, Infallible>(parameters.len())
        })
        .map_err(|error| match error {
            NotSent::Refused(refusal) => refusal,
            NotSent::NotFilled(never) => match never {},
        })
    }

    /// The same with any way to fill the buffer.
    pub fn fill_and_send<X>(
        &mut self,
        owner: Owner,
        wish: &Wish,
        fill: impl FnOnce(&DmaBuffer) -> Result<usize, X>,
    ) -> Result<Handle, NotSent<X>> {
        let sent =
            self.act(|driver, system| driver.send(owner, wish.request(fill), wish.wait, system));
        self.look_if_refused(sent)
    }

    /// As the server does.
    fn look_if_refused<T, X>(&mut self, result: Result<T, X>) -> Result<T, X> {
        if result.is_err() {
            self.run(Cause::Poll);
        }
        result
    }

    /// Calls the driver with the system around it.
    fn act<T>(
        &mut self,
        act: impl FnOnce(&mut Driver<'m, R, S, E>, &mut FakeSystem<'_, 'm, R, S, E>) -> T,
    ) -> T {
        let outside = RefCell::new((&mut self.device, &mut self.hook));
        let mut system = FakeSystem {
            outside: &outside,
            now: self.now,
            dead: &self.dead,
            takes: &mut self.takes,
            told: &mut self.told,
            most: 8 * (R + S + E + 64),
        };
        act(&mut self.driver, &mut system)
    }

    /// A blocking command with the default deadline.
    pub fn exchange(&mut self, owner: Owner, protocol: u8, message: u8) -> Result<Handle, Refusal> {
        self.submit(owner, &wish(protocol, message), &[])
    }

    /// A command that is polled for, with a post.
    pub fn send(&mut self, owner: Owner, protocol: u8, message: u8) -> Result<Handle, Refusal> {
        let wish = Wish {
            wait: Wait::Poll(1 << 9),
            ..wish(protocol, message)
        };
        self.submit(owner, &wish, &[])
    }

    /// A batch of these commands, with the default deadline.
    pub fn batch(&mut self, owner: Owner, entries: &[Entry]) -> Result<(), Refusal> {
        self.batch_within(owner, entries, 0)
    }

    /// A batch of these commands, with so many milliseconds for all of them.
    pub fn batch_within(
        &mut self,
        owner: Owner,
        entries: &[Entry],
        deadline: u32,
    ) -> Result<(), Refusal> {
        let result = self.batch_without_run(owner, entries, deadline, BATCH_TAG);
        // As the server does.
        self.run(match result {
            Ok(()) => Cause::Request,
            Err(_) => Cause::Poll,
        });
        result
    }

    /// The same with a tag, up to where the driver is to run.
    pub fn batch_without_run(
        &mut self,
        owner: Owner,
        entries: &[Entry],
        deadline: u32,
        tag: u32,
    ) -> Result<(), Refusal> {
        let batch = Batch {
            count: entries.len(),
            deadline_ms: deadline,
            slots: self.batch_slots,
            tag,
        };
        let mut result = Ok(());
        self.perform(|driver, system, _| {
            result = driver.batch(owner, &batch, system, |places| {
                places.copy_from_slice(entries);
                Ok::<_, Infallible>(())
            });
            Plan::default()
        });
        result.map_err(|error| match error {
            NotSent::Refused(refusal) => refusal,
            NotSent::NotFilled(never) => match never {},
        })
    }

    /// The timer's bit is posted, which any task may do at any time: the driver looks at the rings and at the clock. Returns what
    /// clients were told since they were last asked.
    pub fn turn(&mut self) -> Vec<Told> {
        self.run(TIMER);
        self.told()
    }

    /// The interrupt's bit is posted: the driver looks at the rings, and not at the clock.
    pub fn interrupt(&mut self) -> Vec<Told> {
        self.run(INTERRUPT);
        self.told()
    }

    /// The interrupt comes, if it may; again and again if the line is stuck.
    pub fn line(&mut self, up: bool) {
        let mut once = up;
        for _ in 0..100_000 {
            if !self.kernel.unmasked || !(once || self.kernel.stuck) {
                return;
            }
            once = false;
            self.kernel.unmasked = false;
            self.kernel.interrupts += 1;
            self.run(INTERRUPT);
        }
        panic!("interrupts without end: nothing less important than the driver runs");
    }

    /// Time passes, and nothing else: the kernel's timer fires when it was set to. Returns how often.
    pub fn sleep(&mut self, milliseconds: u64) -> u32 {
        let end = self.now + milliseconds;
        let mut fired = 0;
        while let Some(at) = self.kernel.timer
            && at <= end
        {
            self.kernel.timer = None;
            self.now = at.max(self.now);
            fired += 1;
            assert!(fired < 100_000, "the timer fires without end");
            self.run(TIMER);
            self.line(false);
        }
        self.now = end;
        fired
    }

    /// Time passes. Somebody posts the timer's bit at the beginning, so that deadlines count from then on and are exact.
    pub fn pass(&mut self, milliseconds: u64) -> Vec<Told> {
        self.run(TIMER);
        self.sleep(milliseconds);
        self.told()
    }

    /// What polling finds; the handle ends with an answer.
    pub fn poll(&mut self, owner: Owner, handle: Handle) -> Result<Option<Told>, Refusal> {
        self.run(Cause::Poll);
        let end =
            self.act(|driver, system| driver.poll(owner, handle, system, |end| answer(owner, end)));
        let end = self.look_if_refused(end)?;
        if end.is_some() {
            self.run(Cause::Poll);
        }
        Ok(end)
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
        let notified = self.act(|driver, system| {
            driver.subscribe(owner, key(protocol, event, source), thresholds, system)
        });
        let notified = self.look_if_refused(notified)?;
        self.run(Cause::Request);
        Ok(notified)
    }

    pub fn unsubscribe(
        &mut self,
        owner: Owner,
        protocol: u8,
        event: u8,
        source: u32,
    ) -> Result<(), Refusal> {
        let ended = self
            .act(|driver, system| driver.unsubscribe(owner, key(protocol, event, source), system));
        self.look_if_refused(ended)?;
        self.run(Cause::Request);
        Ok(())
    }

    pub fn cancel(&mut self, owner: Owner, handle: Handle) -> Result<(), Refusal> {
        let cancelled = self.act(|driver, system| driver.cancel(owner, handle, system));
        self.look_if_refused(cancelled)?;
        self.run(Cause::Request);
        Ok(())
    }

    /// The supervisor says that a task ended.
    pub fn client_gone(&mut self, owner: Owner) {
        self.act(|driver, system| driver.client_gone(owner, system));
    }

    /// The device asks for a reset, and interrupts for it.
    pub fn ask_for_reset(&mut self) {
        self.transport.needs_reset = true;
        self.transport.interrupts.configuration = true;
        self.run(INTERRUPT);
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

    /// As the server does, which looks at the rings if there is nothing.
    pub fn fetch(&mut self, owner: Owner) -> Option<Event> {
        let event = self.act(|driver, system| {
            let event = driver.fetch(owner, system).unwrap()?;
            Some(Event {
                kind: event.kind,
                time: event.time,
                protocol: event.protocol,
                event: event.event,
                lost: event.lost,
                more: event.more,
                payload: event.payload.to_vec(),
            })
        });
        if event.is_none() {
            self.run(Cause::Poll);
        }
        event
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

/// An event of a source.
fn key(protocol: u8, event: u8, source: u32) -> EventSource {
    EventSource {
        protocol,
        event,
        source,
    }
}

/// A command, and how its client waits.
#[derive(Copy, Clone, Debug)]
pub struct Wish {
    pub protocol: u8,
    pub message: u8,
    pub delayed: bool,
    pub polled: bool,
    pub deadline: u32,
    pub wait: Wait,
}

impl Wish {
    /// The request, with this payload.
    pub fn request<P>(&self, payload: P) -> Request<P> {
        let mut flags = TransferFlags::empty();
        flags.set(TransferFlags::DELAYED, self.delayed);
        flags.set(TransferFlags::POLLED, self.polled);
        Request::new(self.protocol, self.message, payload)
            .with_flags(flags)
            .with_deadline(self.deadline)
    }
}

/// A blocking command with defaults.
pub fn wish(protocol: u8, message: u8) -> Wish {
    Wish {
        protocol,
        message,
        delayed: false,
        polled: false,
        deadline: 0,
        wait: Wait::Blocked,
    }
}

fn answer(owner: Owner, result: Result<Reply<'_>, Failure>) -> Told {
    match result {
        Ok(reply) => Told::Answer(owner, reply.status, values(&reply)),
        Err(failure) => Told::Failed(owner, failure),
    }
}

fn values(reply: &Reply<'_>) -> Vec<u8> {
    let mut values = vec![0; 200];
    let len = reply.read(&mut values);
    // The other way to read them says the same, and shows nothing of earlier answers.
    let words = reply.first_words().map(u32::to_ne_bytes);
    let (first, _) = values.split_at(words.len() * 4);
    assert_eq!(words.as_flattened(), first, "{len} bytes");
    values.truncate(len);
    values
}

const _: () = assert!(CONSOLE.0 == 3 && THERMAL.0 == 4 && POWER.0 == 5);
