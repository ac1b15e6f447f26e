// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The task that owns the virtio SCMI device.
//!
//! It alone reaches the device's registers and the memory that the device reads and writes. Other tasks send commands to the platform and
//! hear its events through `idl/scmi.idol`; `drv/scmi-api` is their side of it. What is done with a command, an event or a fault of the device
//! is decided in `drv/virtio-scmi`, which runs on the host too; this crate moves bytes between leases and buffers, and turns interrupts
//! and timers into turns of that core.
//!
//! ```toml
//! [tasks.virtio_scmi]
//! name = "drv-virtio-scmi-server"
//! priority = 3                                         # more important than every client
//! start = true
//! stacksize = 4096
//! uses = ["virtio_mmio"]
//! interrupts = { "virtio_mmio.slot31" = "scmi-irq" }   # the slot that holds the device
//! notifications = ["scmi-irq", "timer"]
//! sections = { virtqueues = "dma" }                    # the memory that the device shares
//!
//! [config.scmi]
//! vring-size = 64                # descriptors of each ring, a power of two from 2 to 2048: half as many command slots
//! oversubscribe = false          # optional: true lets the clients' slots and the driver's own exceed the command slots
//! deadline-ms = 60000            # optional: deadline of commands that name none
//! delayed-ms = 2000              # optional: wait for a delayed response
//! stall-ms = 5000                # optional: silence after a time-out that makes the driver reset the device
//!
//! [config.scmi.clients.thermal]  # nobody but the tasks listed here may use the driver
//! protocols = [0x10, 0x15]       # or "all"
//! slots = 8                      # optional: command slots that it may hold at once
//! events = 8                     # optional: events that its queue holds
//! subscriptions = 8              # optional: events that it may be subscribed to at once
//! batch = 64                     # optional: commands that it may send in a batch, 20 bytes of the driver's memory each
//! notification = "scmi"          # optional: what it is told events with
//! messages = { "0x15" = [0, 1, 2, 3, 6, 11] } # optional: of a protocol, only these messages
//! domains = { "0x15" = [0, 4] }               # optional: of a protocol, only these domains (sensors, clocks, ...)
//! ```
//!
//! # What can be wrong with the device
//!
//! The task goes on in each case, and says which in `info`:
//!
//! | what | effect |
//! |---|---|
//! | no device, a legacy one, one without VERSION_1 or without a usable command queue | requests get `NoDevice` or `DeviceUnusable` |
//! | no P2A_CHANNELS | commands work; events and delayed responses get `EventsUnavailable` |
//! | a ring smaller than configured | fewer slots |
//! | it is in a slot whose interrupt is not in `interrupts` | the rings are looked at every millisecond while commands are in flight, else every ten |
//! | its interrupt line stays up, or interrupts again and again with nothing to do | the interrupt is held off for 10 ms to 1 s, and the rings are looked at by the timer meanwhile |
//! | it interrupts although interrupts are suppressed | while everybody polls, the interrupt stays masked after the first, and the rings are looked at every millisecond |
//! | other slots of its 4 KiB page are not empty | it works; but the driver can reach what is there |
//! | reset does not end, device dies, lies, or asks for a reset | recovery, see `drv/virtio-scmi` |
//!
//! # As a library
//!
//! The task's binary is [`serve`] and nothing else, so an image outside this tree names this package as a task and depends on it. The
//! constants of the task are those of the image whose build it is a part of; on the host, where there is none, those of a sample.

#![cfg_attr(not(test), no_std)]

mod device;
mod operations;
mod server;

use drv_scmi_api::DriverState;
use drv_virtio_scmi::{
    BatchEntry, BatchState, Books, Client, Provision, QueueMemory, Record, Subscription,
    Trace as CoreTrace,
};
use ringbuf::{ringbuf, ringbuf_entry};
use static_cell::ConstStaticCell;
use userlib::TaskId;

use config::{
    BATCH_ENTRIES, CLIENT_COUNT, EVENTS, FRESH_CLIENTS, LIMITS, RECORDS, RING, SLOTS,
    SUBSCRIPTIONS, TASKS,
};
pub use device::Place;
pub use server::Server;

/// What `[config.scmi]` says.
mod config {
    use drv_virtio_scmi::*;

    include!(concat!(env!("OUT_DIR"), "/config.rs"));

    pub const SLOTS: usize = drv_virtio_scmi::slots_of(RING);
    pub const EVENTS: usize = drv_virtio_scmi::events_of(RING);
}

#[derive(Copy, Clone, Debug, PartialEq)]
enum Trace {
    None,
    /// The device was found.
    At(Place),
    /// There is no device to drive.
    Unusable(DriverState),
    /// A line of the core.
    Core(CoreTrace),
    /// A client went away while its memory was being copied.
    LeaseGone(TaskId),
}

ringbuf!(Trace, 32, Trace::None);

/// The memory that the device reads and writes: in a section that is never loaded, mapped for this task and for nobody else.
#[unsafe(link_section = ".virtqueues")]
static MEMORY: QueueMemory<RING, SLOTS, EVENTS> = QueueMemory::new();

/// The driver core, in the sizes of this image.
pub type Driver = drv_virtio_scmi::Driver<'static, RING, SLOTS, EVENTS>;

/// Finds the device and serves the clients, until the image ends.
pub fn serve() -> ! {
    static mut BOOKS: Books<SLOTS> = Books::NEW;
    static DRIVER: ConstStaticCell<Driver> = ConstStaticCell::new(Driver::new(&MEMORY, {
        let books = &raw mut BOOKS;
        // Safety: no other line names the books. A cell would give them only at run time, too late for a constant.
        unsafe { &mut *books }
    }));
    static CLIENTS: ConstStaticCell<[Client; CLIENT_COUNT]> = ConstStaticCell::new(FRESH_CLIENTS);
    static EVENT_RECORDS: ConstStaticCell<[Record; RECORDS]> =
        ConstStaticCell::new([Record::NEW; RECORDS]);
    static SUBSCRIBED: ConstStaticCell<[Subscription; SUBSCRIPTIONS]> =
        ConstStaticCell::new([Subscription::NEW; SUBSCRIPTIONS]);
    static BATCHES: ConstStaticCell<[BatchState; CLIENT_COUNT]> =
        ConstStaticCell::new([const { BatchState::NEW }; CLIENT_COUNT]);
    static ENTRIES: ConstStaticCell<[BatchEntry; BATCH_ENTRIES]> =
        ConstStaticCell::new([BatchEntry::new(0, 0); BATCH_ENTRIES]);

    let (driver, clients, records) = (DRIVER.take(), CLIENTS.take(), EVENT_RECORDS.take());
    driver.provide(Provision {
        clients,
        tasks: &TASKS,
        records,
        subscriptions: SUBSCRIBED.take(),
        batches: BATCHES.take(),
        entries: ENTRIES.take(),
        limits: LIMITS,
        trace,
    });

    // Safety: called once in each life of the task.
    let device = unsafe { device::find() };
    match &device {
        Ok((_, place)) => ringbuf_entry!(Trace::At(*place)),
        Err(state) => ringbuf_entry!(Trace::Unusable(*state)),
    }
    Server::new(driver, device).serve()
}

// One copy, away from the path of ordinary commands, which trace nothing.
#[cold]
fn trace(line: CoreTrace) {
    ringbuf_entry!(Trace::Core(line));
}

mod idl {
    use drv_scmi_api::*;

    include!(concat!(env!("OUT_DIR"), "/server_stub.rs"));
}

include!(concat!(env!("OUT_DIR"), "/notifications.rs"));
include!(concat!(env!("OUT_DIR"), "/peripherals.rs"));
