// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The server as a task of an image on the host, and the test as its device and platform.

#![allow(dead_code)]

#[path = "../../../virtio-scmi/tests/support/device.rs"]
pub mod device;

use std::sync::{Arc, Mutex, MutexGuard};

use drv_scmi_api::Scmi;
use drv_virtio_scmi::{
    BatchEntry, BatchState, Books, Client, ClientConfig, Driver, EVENT_IDX, Interrupts, Limits,
    P2A_CHANNELS, Provision, QueueMemory, Record, Rule, Rules, SetupError, Subscription, Transport,
    VERSION_1,
};
use drv_virtio_scmi_server::{Place, Server};
use userlib::TaskId;
use userlib::host::{Builder, Image, keep};
use virtqueue::Addresses;

use device::{Command, FakeDevice, FakeTransport};

// As `build.rs` has them for the host.
const RING: usize = 16;
const SLOTS: usize = 8;
const EVENTS: usize = 16;
const SCMI_IRQ: u32 = 1;
pub const TIMER: u32 = 2;
/// The device's interrupt.
const LINE: u32 = 47;

/// The bit that tells a client of events.
pub const EVENTS_BIT: u32 = 1 << 5;

pub const SERVER: TaskId = TaskId::for_index(1);
/// May do everything, with 6 slots.
pub const FIRST: TaskId = TaskId::for_index(2);
/// May use protocol 0x10 and 0x15, with 2 slots.
pub const SECOND: TaskId = TaskId::for_index(3);
/// Is no client.
pub const STRANGER: TaskId = TaskId::for_index(4);

static ALL: &[Rule] = &[Rule::ALL];
static TWO: &[Rule] = &[Rule::protocol(0x10), Rule::protocol(0x15)];
static CLIENTS: [ClientConfig; 2] = [
    ClientConfig {
        task: 2,
        slots: 6,
        events: 4,
        subscriptions: 4,
        batch: 64,
        event_bits: EVENTS_BIT,
        rules: Rules::new(ALL),
    },
    ClientConfig {
        task: 3,
        slots: 2,
        events: 2,
        subscriptions: 2,
        batch: 8,
        event_bits: EVENTS_BIT,
        rules: Rules::new(TWO),
    },
];
static TASKS: [u8; 5] = [0xff, 0xff, 0, 1, 0xff];

type Memory = QueueMemory<RING, SLOTS, EVENTS>;

/// The registers: of the device, whatever life the server is in.
#[derive(Clone)]
struct Registers(Arc<Mutex<FakeTransport>>);

impl Registers {
    fn get(&self) -> MutexGuard<'_, FakeTransport> {
        self.0.lock().unwrap()
    }
}

impl Transport for Registers {
    fn reset(&mut self) -> Result<(), SetupError> {
        self.get().reset()
    }
    fn negotiate(&mut self, wanted: u64, required: u64) -> Result<u64, SetupError> {
        self.get().negotiate(wanted, required)
    }
    fn queue_max(&mut self, queue: u16) -> u16 {
        self.get().queue_max(queue)
    }
    fn setup_queue(&mut self, queue: u16, size: u16, at: Addresses) -> Result<(), SetupError> {
        self.get().setup_queue(queue, size, at)
    }
    fn driver_ok(&mut self) -> Result<(), SetupError> {
        self.get().driver_ok()
    }
    fn notify(&mut self, queue: u16) {
        self.get().notify(queue);
    }
    fn take_interrupts(&mut self) -> Interrupts {
        self.get().take_interrupts()
    }
    fn needs_reset(&mut self) -> bool {
        self.get().needs_reset()
    }
    fn fail(&mut self) {
        self.get().fail();
    }
}

/// A life of the server.
fn serve(memory: &'static Memory, registers: &Registers) -> ! {
    let all = |of: fn(&ClientConfig) -> u8| CLIENTS.iter().map(of).map(usize::from).sum();
    let (records, subscriptions, entries): (usize, usize, usize) = (
        all(|client| client.events),
        all(|client| client.subscriptions),
        all(|client| client.batch),
    );
    let driver = keep(Driver::new(memory, keep(Books::NEW)));
    driver.provide(Provision {
        clients: keep([Client::new(&CLIENTS[0]), Client::new(&CLIENTS[1])]),
        tasks: &TASKS,
        records: keep(Vec::from_iter((0..records).map(|_| Record::NEW))),
        subscriptions: keep(Vec::from_iter(
            (0..subscriptions).map(|_| Subscription::NEW),
        )),
        batches: keep([const { BatchState::NEW }; 2]),
        entries: keep(vec![BatchEntry::new(0, 0); entries]),
        limits: Limits::DEFAULT,
        trace: |_| {},
    });
    let place = Place {
        slot: 0,
        neighbours: 0,
        interrupts: true,
        vendor: 0x554d_4551,
    };
    Server::new(driver, Ok((registers.clone(), place))).serve()
}

/// The image, its device, and the platform behind that.
pub struct Bench {
    pub image: Image,
    memory: &'static Memory,
    registers: Registers,
    device: Option<(FakeDevice<'static, RING, SLOTS, EVENTS>, u32)>,
}

impl Bench {
    /// An image with the server and these tasks, two clients and a stranger, in order. It has run until all of them wait.
    pub fn new(
        first: impl Fn(&Scmi) + Send + Sync + 'static,
        second: impl Fn(&Scmi) + Send + Sync + 'static,
        stranger: impl Fn(&Scmi) + Send + Sync + 'static,
    ) -> Self {
        let memory: &Memory = keep(QueueMemory::new());
        let offered = VERSION_1 | P2A_CHANNELS | EVENT_IDX;
        let transport = FakeTransport::new(offered, [RING as u16, EVENTS as u16]);
        let registers = Registers(Arc::new(Mutex::new(transport)));
        let mut builder = Builder::new();
        let server = builder.task("scmi", 3, {
            let registers = registers.clone();
            move || serve(memory, &registers)
        });
        assert_eq!(server, SERVER);
        builder.interrupt(server, LINE, SCMI_IRQ);
        let task = |main: Box<dyn Fn(&Scmi) + Send + Sync>| {
            move || main(&Scmi::from(userlib::sys_refresh_task_id(SERVER)))
        };
        builder.task("first", 5, task(Box::new(first)));
        builder.task("second", 6, task(Box::new(second)));
        builder.task("stranger", 7, task(Box::new(stranger)));
        let mut bench = Self {
            image: builder.build(),
            memory,
            registers,
            device: None,
        };
        bench.image.run();
        bench
    }

    /// The device's side of the rings, as the server set them up last.
    pub fn device(&mut self) -> &mut FakeDevice<'static, RING, SLOTS, EVENTS> {
        let transport = self.registers.get();
        let resets = transport.resets;
        if !matches!(&self.device, Some((_, since)) if *since == resets) {
            self.device = Some((FakeDevice::new(self.memory, &transport), resets));
        }
        drop(transport);
        &mut self.device.as_mut().unwrap().0
    }

    /// The device interrupts, and everything runs until all wait.
    pub fn interrupt(&mut self) {
        let used = Interrupts {
            used_buffer: true,
            configuration: false,
        };
        self.registers.get().interrupts = used;
        self.image.raise(LINE);
        self.image.run();
    }

    /// The command that is there.
    pub fn take(&mut self) -> Command {
        self.device().take().expect("there is no command")
    }

    /// Answers a command.
    pub fn reply(&mut self, command: &Command, status: i32, values: &[u8]) {
        self.device().reply(command, status, values);
        self.interrupt();
    }

    /// Answers what comes, as long as something comes, and returns how many commands that were.
    pub fn answer_all(&mut self, mut answer: impl FnMut(&Command) -> (i32, Vec<u8>)) -> usize {
        let mut count = 0;
        while let Some(command) = self.device().take() {
            let (status, values) = answer(&command);
            self.reply(&command, status, &values);
            count += 1;
        }
        count
    }

    /// Posts bits to a task in its present life, as whoever may be meant, and lets all run.
    pub fn post(&mut self, task: TaskId, bits: u32) {
        self.image.post(task, bits);
        self.image.run();
    }

    /// How often the device was reset.
    pub fn resets(&self) -> u32 {
        self.registers.get().resets
    }
}

/// A task that does nothing.
pub fn nothing(_: &Scmi) {}
