// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What is done to the driver, and counted.

use drv_virtio_scmi::{
    BatchEntry, BatchState, Books, CLIENTS_MAX, Cause, Client, ClientConfig, Condition, DmaBuffer,
    Driver, EventSource, Failure, Handle, Limits, Owner, Provision, Record, Reply, Request, Rule,
    Rules, Subscription, System, Thresholds, Trace, Unanswered, Wait,
};
use static_cell::ConstStaticCell;
use test_bench_count::{Samples, counter};
use userlib::*;

use crate::UART;
use crate::device::{Device, EVENTS, Memory, RING, SLOTS};

/// How often each case is counted.
const TIMES: usize = 20;
/// Places in the queue of a subscriber: most events displace an older one, which costs more than to put it behind the others.
const PLACES: usize = 2;
/// Commands in flight: all slots but the driver's own two.
const COMMANDS: usize = SLOTS - 2;
/// The first client sends commands, the others follow events.
const ASKER: Owner = Owner(0);
const BASE: u8 = 0x10;
const SENSOR: u8 = 0x15;
const SENSOR_UPDATE: u8 = 1;
const BIT: u32 = 1 << 7;

static CONFIGS: [ClientConfig; CLIENTS_MAX] = {
    let mut configs = [config(0); CLIENTS_MAX];
    let mut task = 0;
    while task < CLIENTS_MAX {
        configs[task] = config(task as u16);
        task += 1;
    }
    configs
};

const fn config(task: u16) -> ClientConfig {
    ClientConfig {
        task,
        slots: if task == 0 { COMMANDS as u16 } else { 1 },
        events: PLACES as u8,
        subscriptions: 1,
        batch: 0,
        event_bits: BIT,
        rules: Rules::new(&[Rule::ALL]),
    }
}

static TASKS: [u8; CLIENTS_MAX] = {
    let mut tasks = [0; CLIENTS_MAX];
    let mut task = 0;
    while task < CLIENTS_MAX {
        tasks[task] = task as u8;
        task += 1;
    }
    tasks
};

static MEMORY: Memory = Memory::new();

/// The kernel, as the driver's task has it: a task stands for all clients, and takes every post.
struct Kernel {
    clients: TaskId,
    /// The time, which passes only where nothing is counted.
    now: u64,
}

impl System for Kernel {
    fn now(&mut self) -> u64 {
        // It costs what it costs in the driver's task.
        core::hint::black_box(sys_get_timer());
        self.now
    }

    fn ended(&mut self, _: Owner, _: Handle, _: Result<Reply<'_>, Failure>) {
        panic!("nobody is blocked");
    }

    fn entry_ended(&mut self, _: Owner, _: u32, _: u8, _: Result<Reply<'_>, Unanswered>) -> bool {
        panic!("nobody has a batch");
    }

    fn batch_ended(&mut self, _: Owner) {
        panic!("nobody has a batch");
    }

    fn post(&mut self, _: Owner, bits: u32) -> bool {
        sys_post(self.clients, bits) == 0
    }

    fn subscribed(&mut self, _: Owner, result: Result<(), Failure>) {
        assert!(result.is_ok(), "a subscription was refused");
    }

    fn is_alive(&mut self, _: Owner) -> bool {
        sys_refresh_task_id(self.clients) == self.clients
    }
}

/// The driver, and what is around it.
pub struct Storm {
    driver: &'static mut Driver<'static, RING, SLOTS, EVENTS>,
    device: Device,
    kernel: Kernel,
    handles: [Option<Handle>; COMMANDS],
}

const INTERRUPT: Cause = Cause::Notification {
    interrupt: true,
    timer: true,
};

impl Storm {
    /// A driver that is ready, with 31 subscribers of one sensor. To be called once.
    pub fn begin(clients: TaskId) -> Self {
        static mut BOOKS: Books<SLOTS> = Books::NEW;
        static DRIVER: ConstStaticCell<Driver<'static, RING, SLOTS, EVENTS>> =
            ConstStaticCell::new(Driver::new(&MEMORY, {
                let books = &raw mut BOOKS;
                // Safety: no other line names the books.
                unsafe { &mut *books }
            }));
        static CLIENTS: ConstStaticCell<[Client; CLIENTS_MAX]> = ConstStaticCell::new({
            let mut clients = [const { Client::new(&CONFIGS[0]) }; CLIENTS_MAX];
            let mut number = 0;
            while number < CLIENTS_MAX {
                clients[number] = Client::new(&CONFIGS[number]);
                number += 1;
            }
            clients
        });
        static RECORDS: ConstStaticCell<[Record; CLIENTS_MAX * PLACES]> =
            ConstStaticCell::new([Record::NEW; CLIENTS_MAX * PLACES]);
        static SUBSCRIPTIONS: ConstStaticCell<[Subscription; CLIENTS_MAX]> =
            ConstStaticCell::new([Subscription::NEW; CLIENTS_MAX]);
        static BATCHES: ConstStaticCell<[BatchState; CLIENTS_MAX]> =
            ConstStaticCell::new([const { BatchState::NEW }; CLIENTS_MAX]);
        static ENTRIES: ConstStaticCell<[BatchEntry; 0]> = ConstStaticCell::new([]);

        let mut storm = Self {
            driver: DRIVER.take(),
            device: Device::new(&MEMORY),
            kernel: Kernel { clients, now: 0 },
            handles: [None; COMMANDS],
        };
        storm.driver.provide(Provision {
            clients: CLIENTS.take(),
            tasks: &TASKS,
            records: RECORDS.take(),
            subscriptions: SUBSCRIPTIONS.take(),
            batches: BATCHES.take(),
            entries: ENTRIES.take(),
            limits: Limits::DEFAULT,
            trace: |_: Trace| (),
        });
        let started = storm
            .driver
            .start(true, &mut storm.kernel, &mut storm.device);
        assert!(started.is_ok(), "the device cannot be set up: {started:?}");
        storm.turn();
        for task in 1..CLIENTS_MAX as u16 {
            let event = EventSource {
                protocol: SENSOR,
                event: SENSOR_UPDATE,
                source: 0,
            };
            let driver = &mut storm.driver;
            let followed =
                driver.subscribe(Owner(task), event, Thresholds::NONE, &mut storm.kernel);
            assert!(followed.is_ok(), "not subscribed: {followed:?}");
            storm.settle();
        }
        storm
    }

    /// Counts each case, and prints a row for it.
    pub fn run(&mut self, samples: &mut Samples) {
        // Both rings are full, and full again whenever the driver has emptied them.
        self.count(samples, 0, |storm| {
            storm.fill(0);
            storm.device.storms = true;
            storm.device.storm();
        });
        // The same, and the device asks for a reset.
        self.count(samples, 1, |storm| {
            storm.fill(0);
            storm.device.storms = true;
            storm.device.storm();
            storm.device.broken = true;
        });
        // The device has all commands when it asks for that.
        self.count(samples, 2, |storm| {
            storm.fill(0);
            storm.device.storms = true;
            storm.device.broken = true;
        });
        // Time is up for all commands at once, and the event ring is full.
        self.count(samples, 3, |storm| {
            storm.fill(1);
            storm.kernel.now += 2;
            storm.device.storms = true;
        });
    }

    fn count(&mut self, samples: &mut Samples, case: u32, prepare: impl Fn(&mut Self)) {
        samples.clear();
        for _ in 0..TIMES {
            prepare(self);
            let before = counter::read();
            self.turn();
            let after = counter::read();
            samples.add(before, after, 1);
            self.recover();
        }
        samples.print(UART, "worst_turn", case);
    }

    fn turn(&mut self) {
        let plan = self
            .driver
            .run(INTERRUPT, &mut self.kernel, &mut self.device);
        let _ = core::hint::black_box(plan);
    }

    /// As many commands as there can be are with the device, which has not looked at them yet. `deadline_ms` 0 is a minute.
    fn fill(&mut self, deadline_ms: u32) {
        for place in &mut self.handles {
            let request =
                Request::new(BASE, 0, |_: &DmaBuffer| Ok::<_, ()>(128)).with_deadline(deadline_ms);
            let sent = self
                .driver
                .send(ASKER, request, Wait::Poll(BIT), &mut self.kernel);
            match sent {
                Ok(handle) => *place = Some(handle),
                Err(error) => panic!("not sent: {error:?}"),
            }
        }
        let plan = self
            .driver
            .run(Cause::Request, &mut self.kernel, &mut self.device);
        let _ = core::hint::black_box(plan);
    }

    /// The device calms down, and works; all commands are collected.
    fn recover(&mut self) {
        self.device.storms = false;
        self.settle();
        for handle in &mut self.handles {
            if let Some(handle) = handle.take() {
                let ended = self.driver.poll(ASKER, handle, &mut self.kernel, |_| ());
                assert!(ended.is_ok(), "a command is lost: {ended:?}");
            }
        }
        self.settle();
        assert!(self.driver.audit().is_ok(), "the books are wrong");
    }

    /// Lets the device answer what there is, until the driver is ready and has nothing to do.
    fn settle(&mut self) {
        for _ in 0..1000 {
            self.device.storm();
            self.turn();
            let pools = self.driver.pools();
            let busy = pools.in_flight + pools.slots_lost;
            if self.driver.condition() == Condition::Ready && busy == 0 && !self.driver.has_used() {
                return;
            }
            self.kernel.now += 100;
        }
        panic!("the driver does not come to rest");
    }
}
