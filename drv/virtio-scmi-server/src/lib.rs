// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

#![doc = include_str!("../README.md")]
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
}

#[derive(Copy, Clone, Debug, PartialEq)]
enum Trace {
    None,
    /// Where the device was found, or why there is none to drive.
    Device(Result<Place, DriverState>),
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

    let driver = DRIVER.take();
    driver.provide(Provision {
        clients: CLIENTS.take(),
        tasks: &TASKS,
        records: EVENT_RECORDS.take(),
        subscriptions: SUBSCRIBED.take(),
        batches: BATCHES.take(),
        entries: ENTRIES.take(),
        limits: LIMITS,
        trace,
    });

    // Safety: called once in each life of the task.
    let device = unsafe { device::find() };
    let found = device.as_ref().map(|(_, place)| *place);
    ringbuf_entry!(Trace::Device(found.map_err(|state| *state)));
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
