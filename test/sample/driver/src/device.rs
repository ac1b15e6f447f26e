// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The registers of a PL031 (ARM DDI 0224).

use crate::peripherals;

const DATA: usize = 0x00;
const MATCH: usize = 0x04;
const INTERRUPT_MASK: usize = 0x10;
const RAW_STATUS: usize = 0x14;
const CLEAR: usize = 0x1c;

/// The device, quiet until an alarm is set.
pub struct Device(());

impl Device {
    /// Takes the device, whatever state an earlier life left it in.
    pub fn reset() -> Self {
        let device = Self(());
        device.clear();
        device
    }

    /// Seconds since 1970.
    pub fn seconds(&self) -> u32 {
        self.read(DATA)
    }

    /// Raises the interrupt at this time.
    pub fn alarm_at(&self, at: u32) {
        self.write(CLEAR, 1);
        self.write(INTERRUPT_MASK, 1);
        self.write(MATCH, at);
    }

    /// Whether the alarm is what raised the interrupt.
    pub fn fired(&self) -> bool {
        self.read(RAW_STATUS) & 1 != 0
    }

    /// Lets the interrupt's line down and keeps it down.
    pub fn clear(&self) {
        self.write(INTERRUPT_MASK, 0);
        self.write(CLEAR, 1);
    }

    fn read(&self, register: usize) -> u32 {
        let address = peripherals::rtc::ADDRESS + register;
        // Safety: a register of the device that app.toml gives to this task.
        unsafe { (address as *const u32).read_volatile() }
    }

    fn write(&self, register: usize, value: u32) {
        let address = peripherals::rtc::ADDRESS + register;
        // Safety: as above.
        unsafe { (address as *mut u32).write_volatile(value) }
    }
}
