// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Finding a device in a bank of slots.

use crate::error::ProbeError;
use crate::registers::{Registers, STRIDE};
use crate::transport::identify;

/// Slots that share one 4 KiB page, so that whoever may reach one may reach all.
const PER_PAGE: u32 = (4096 / STRIDE) as u32;

/// What the slots of a bank hold: one bit for each slot, bit 0 for slot 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Scan {
    /// Slots with the device that was looked for, ready to be probed.
    pub matching: u32,
    /// Slots with the device that was looked for, but legacy (see [`ProbeError::Legacy`]).
    pub legacy: u32,
    /// Slots that are not empty: those two, other devices, and what cannot be told.
    pub occupied: u32,
}

impl Scan {
    /// The first slot with the device.
    pub fn first(&self) -> Option<u8> {
        (self.matching != 0).then(|| self.matching.trailing_zeros() as u8)
    }

    /// The last slot with the device: QEMU's `virt` fills its slots from the last one down, so this is its first device.
    pub fn last(&self) -> Option<u8> {
        self.matching.checked_ilog2().map(|slot| slot as u8)
    }

    /// The other slots in the same 4 KiB page that are not empty. A task to which the page is mapped can reach these
    /// devices too, so isolation holds only where this is 0.
    pub fn neighbours(&self, slot: u8) -> u32 {
        let Some(own) = 1u32.checked_shl(u32::from(slot)) else {
            return 0;
        };
        let first = u32::from(slot) / PER_PAGE * PER_PAGE;
        let page = ((1u32 << PER_PAGE) - 1) << first;
        self.occupied & page & !own
    }
}

/// Looks at up to 32 slots. Reads their identity and writes nothing; of an empty slot nothing else is read.
pub fn scan<R: Registers>(slots: &mut [R], device_id: u32) -> Scan {
    let mut result = Scan::default();
    for (slot, registers) in (0..u32::BITS).zip(slots) {
        let bit = 1 << slot;
        match identify(registers, device_id) {
            Ok(()) => {
                result.matching |= bit;
                result.occupied |= bit;
            }
            Err(ProbeError::Empty) => {}
            Err(ProbeError::Legacy) => {
                result.legacy |= bit;
                result.occupied |= bit;
            }
            Err(_) => result.occupied |= bit,
        }
    }
    result
}
