// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the kernel needs of the machine, looked at before it is used.

use super::{copy, cpu, gic};
use crate::desc::{Image, RegionAttributes};
use crate::processor;

/// What the machine lacks.
#[derive(Copy, Clone, Debug)]
pub(super) enum Lack {
    /// Memory, at this address.
    Memory(u32),
    /// An interrupt controller that the kernel knows.
    InterruptController,
    /// "Never execute privileged".
    PrivilegedExecuteNever,
}

impl core::fmt::Display for Lack {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Memory(address) => write!(
                f,
                "there is no memory at {address:#010x}; give the machine more (QEMU: -m 128M)"
            ),
            Self::InterruptController => write!(
                f,
                "the interrupt controller is no GICv2; choose a machine with one (QEMU: -M virt,gic-version=2)"
            ),
            Self::PrivilegedExecuteNever => write!(
                f,
                "the processor cannot keep the kernel from executing tasks' text (PXN); choose another (QEMU: -cpu cortex-a15)"
            ),
        }
    }
}

/// Looks for everything that the kernel relies on. Translation is still off, and aborts are taken.
pub(super) fn check(image: &Image) -> Result<(), Lack> {
    if !processor::has_privileged_execute_never(cpu::memory_model()) {
        return Err(Lack::PrivilegedExecuteNever);
    }
    let memory = image
        .tasks
        .iter()
        .flat_map(|task| task.regions)
        .filter(|region| !region.attributes.contains(RegionAttributes::DEVICE));
    for region in memory {
        // The last words: memory has no holes in the middle of a region, but may end there.
        let last = region.base + region.size - 16;
        if copy::read_words(core::ptr::with_exposed_provenance(last as usize)).is_err() {
            return Err(Lack::Memory(last));
        }
    }
    let identification = core::ptr::with_exposed_provenance(gic::IDENTIFICATION);
    match copy::read_words(identification) {
        Ok([_, _, pidr2]) if processor::is_gicv2(pidr2) => Ok(()),
        _ => Err(Lack::InterruptController),
    }
}
