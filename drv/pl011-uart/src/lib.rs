// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The task that owns the PL011 UART.
//!
//! ```toml
//! [tasks.uart]
//! name = "drv-pl011-uart"
//! priority = 2
//! start = true
//! uses = ["uart"]
//! interrupts = { "uart.irq" = "uart-irq" }
//! notifications = ["uart-irq"]
//!
//! [tasks.uart.config]
//! owner = { name = "console", notification = "input" }   # who reads, and what tells it that there is something
//! baud = 115200                                          # optional
//! clock-hz = 24000000                                    # optional
//! ```
//!
//! Writers wait until all of their bytes are with the driver, one after the other; a writer that dies while it waits loses its turn. The
//! driver takes no more than [`PER_MILLISECOND`] bytes from writers in a millisecond, because it does so at its own priority: a device that
//! takes everything at once would otherwise let an unimportant writer of many bytes keep the processor from more important tasks. The
//! owner is told when bytes arrive, and once after the driver started, because what it was told before may be lost.
//!
//! The task's binary is [`serve`] and nothing else. Outside an image, on the host, the constants are those of a sample, see `build.rs`.

#![cfg_attr(not(test), no_std)]

pub mod device;
mod server;

use core::ptr::NonNull;

use arm_pl011_uart::UniqueMmioPointer;
use static_cell::ConstStaticCell;
use userlib::UnwrapLite;

use device::{PL011Registers, Pl011, Queues};
pub use server::{PER_MILLISECOND, Server};

/// Sets the device up, and serves until the image ends.
pub fn serve() -> ! {
    // Safety: app.toml maps the device's registers at this address, into this task alone.
    let registers = unsafe {
        UniqueMmioPointer::new(
            NonNull::new(peripherals::uart::ADDRESS as *mut PL011Registers).unwrap_lite(),
        )
    };
    static QUEUES: ConstStaticCell<Queues> = ConstStaticCell::new(Queues::new());
    let queues = QUEUES.take();
    // First of all the device is set up, whatever a former life of the driver left it in.
    let uart = Pl011::new(registers, queues, config::BAUD, config::CLOCK_HZ).unwrap_lite();
    Server::new(uart).serve()
}

include!(concat!(env!("OUT_DIR"), "/notifications.rs"));
include!(concat!(env!("OUT_DIR"), "/peripherals.rs"));

/// `[tasks.NAME.config]` of app.toml.
mod config {
    include!(concat!(env!("OUT_DIR"), "/config.rs"));
}

/// Generated from `idl/uart.idol`.
mod idl {
    use drv_uart_api::{UartError, UartStats};
    include!(concat!(env!("OUT_DIR"), "/server_stub.rs"));
}
