// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the kernel needs of the machine, looked at before it is used.

use core::fmt;

use crate::arch;
use crate::desc::{Image, RegionAttributes};
use crate::device::InterruptController;

/// What the machine lacks.
#[derive(Copy, Clone, Debug)]
pub(super) enum Lack {
    /// Memory, at this address.
    Memory(u32),
    /// A part that the kernel knows, and what to do about it.
    Part(&'static str),
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(address) => write!(
                f,
                "there is no memory at {address:#010x}; give the machine more (QEMU: -m 128M)"
            ),
            Self::Part(words) => f.write_str(words),
        }
    }
}

/// Looks for everything that the kernel relies on. Translation is still off, and aborts are taken.
pub(super) fn check(image: &Image) -> Result<(), Lack> {
    if let Some(words) = arch::lack() {
        return Err(Lack::Part(words));
    }
    let memory = image
        .tasks
        .iter()
        .flat_map(|task| task.regions)
        .filter(|region| !region.attributes.contains(RegionAttributes::DEVICE));
    for region in memory {
        // The last words: memory has no holes in the middle of a region, but may end there.
        let last = region.base + region.size - 16;
        if arch::read_words(core::ptr::with_exposed_provenance(last as usize)).is_err() {
            return Err(Lack::Memory(last));
        }
    }
    match InterruptController::lack(image.devices.interrupt_distributor) {
        Some(words) => Err(Lack::Part(words)),
        None => Ok(()),
    }
}
