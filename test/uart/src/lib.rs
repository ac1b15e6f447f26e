// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A PL011 without interrupts: a byte is written as soon as the device has room, and read as soon as there is one.

#![no_std]

use core::fmt;

const DATA: usize = 0;
const FLAGS: usize = 0x18;
const CONTROL: usize = 0x30;
const SEND_FULL: u32 = 1 << 5;
const RECEIVE_EMPTY: u32 = 1 << 4;
const BUSY: u32 = 1 << 3;
/// UARTEN, TXE and RXE.
const BOTH_WAYS: u32 = 0x301;

fn read(device: usize, register: usize) -> u32 {
    // Safety: a register of the device that app.toml gives to the task.
    unsafe { ((device + register) as *const u32).read_volatile() }
}

fn write(device: usize, register: usize, value: u32) {
    // Safety: as above.
    unsafe { ((device + register) as *mut u32).write_volatile(value) }
}

/// Lets bytes out of the device at an address, and in.
pub fn enable(device: usize) {
    write(device, CONTROL, BOTH_WAYS);
}

/// Waits for a byte.
pub fn read_byte(device: usize) -> u8 {
    while read(device, FLAGS) & RECEIVE_EMPTY != 0 {}
    read(device, DATA) as u8
}

/// Waits until all bytes are out.
pub fn drain(device: usize) {
    while read(device, FLAGS) & BUSY != 0 {}
}

/// Text goes out as it is written, through the device at an address that must be the caller's.
pub struct Line(pub usize);

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            while read(self.0, FLAGS) & SEND_FULL != 0 {}
            write(self.0, DATA, byte.into());
        }
        Ok(())
    }
}
