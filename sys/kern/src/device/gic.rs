// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The interrupt controller: GICv2, distributor and CPU interface (ARM IHI 0048B).

use core::ptr::NonNull;

use arm_gic::gicv2::registers::{Gicc, Gicd, GicdCtlr};
use safe_mmio::{UniqueMmioPointer, field, field_shared};

use super::identity;
use crate::desc::{Address, InterruptDesc};
use crate::{InterruptState, arch};

/// The offset in the distributor of the three words that end with ICPIDR2, which says which
/// architecture this is.
const IDENTIFICATION: usize = 0xfe0;

/// Identifiers from here on mean that there is nothing to acknowledge.
const FIRST_SPECIAL: u32 = 1020;

/// Every priority byte: all interrupts are alike, and below the mask.
const MIDDLE_PRIORITY: u32 = 0x8080_8080;

/// Every target byte: CPU 0.
const TO_CPU_0: u32 = 0x0101_0101;

/// The first shared peripheral interrupt.
const FIRST_SHARED: usize = 32;

/// The interrupt controller.
#[derive(Debug)]
pub(crate) struct InterruptController {
    distributor: UniqueMmioPointer<'static, Gicd>,
    cpu: UniqueMmioPointer<'static, Gicc>,
}

/// Writes the register that holds an interrupt's bit in a bank with one bit an interrupt.
/// Identifiers are below 1024, so there always is one.
macro_rules! write_bank {
    ($gic:expr, $bank:ident, $intid:expr, $value:expr) => {
        if let Some(mut register) = field!($gic.distributor, $bank).get(($intid / 32) as usize % 32)
        {
            register.write($value);
        }
    };
}

/// Reads such a register.
macro_rules! read_bank {
    ($gic:expr, $bank:ident, $intid:expr) => {
        field_shared!($gic.distributor, $bank)
            .get(($intid / 32) as usize % 32)
            .map_or(0, |register| register.read())
    };
}

const fn bit(intid: u32) -> u32 {
    1 << (intid % 32)
}

impl InterruptController {
    /// What the kernel needs and the machine does not have, with what to do about it. Translation
    /// is still off, and aborts are taken.
    pub(crate) fn lack(distributor: Address) -> Option<&'static str> {
        let words = core::ptr::with_exposed_provenance(distributor.get() + IDENTIFICATION);
        match arch::read_words(words) {
            Ok([_, _, pidr2]) if identity::is_gicv2(pidr2) => None,
            _ => Some(
                "the interrupt controller is no GICv2; choose a machine with one (QEMU: -M virt,gic-version=2)",
            ),
        }
    }

    /// Takes the controller and lets nothing through yet.
    ///
    /// # Safety
    ///
    /// Once, with the addresses of the registers, which are mapped: nobody else uses the controller
    /// from here on.
    pub(crate) unsafe fn new(distributor: Address, cpu: Address) -> Self {
        // Safety: see above.
        let mut gic = unsafe {
            Self {
                distributor: UniqueMmioPointer::new(NonNull::with_exposed_provenance(distributor)),
                cpu: UniqueMmioPointer::new(NonNull::with_exposed_provenance(cpu)),
            }
        };
        gic.set_up();
        gic
    }

    fn set_up(&mut self) {
        field!(self.distributor, ctlr).write(GicdCtlr::empty());
        let interrupts = field_shared!(self.distributor, typer).read().num_irqs();
        for first in (0..interrupts.min(FIRST_SPECIAL)).step_by(32) {
            write_bank!(self, icenabler, first, u32::MAX);
            write_bank!(self, icpendr, first, u32::MAX);
            write_bank!(self, igroupr, first, 0);
        }
        for word in 0..(interrupts / 4) as usize {
            if let Some(mut register) = field!(self.distributor, ipriorityr).get(word) {
                register.write(MIDDLE_PRIORITY);
            }
            if word * 4 >= FIRST_SHARED
                && let Some(mut register) = field!(self.distributor, itargetsr).get(word)
            {
                // Safety: interrupts go to the only core that there is.
                unsafe { register.write_unsafe(TO_CPU_0) };
            }
        }
        field!(self.cpu, pmr).write(0xff);
        field!(self.cpu, ctlr).write(1);
        field!(self.distributor, ctlr).write(GicdCtlr::EnableGrp0);
    }

    /// Sets how the lines of the image's interrupts signal. The device tree's word on it is not
    /// asked: the manifest's is.
    pub(crate) fn configure(&mut self, interrupts: &[InterruptDesc]) {
        for desc in interrupts {
            let intid = u32::from(desc.intid);
            let edge = 0b10 << (intid % 16 * 2);
            if let Some(mut register) = field!(self.distributor, icfgr).get((intid / 16) as usize) {
                register.modify(|old| if desc.edge { old | edge } else { old & !edge });
            }
        }
    }

    #[inline(always)]
    pub(crate) fn acknowledge(&mut self) -> Option<u32> {
        // Bits 12:10 name the sender of a software-generated interrupt; nobody sends any.
        let intid = field!(self.cpu, iar).read() & 0x3ff;
        (intid < FIRST_SPECIAL).then_some(intid)
    }

    #[inline(always)]
    pub(crate) fn end(&mut self, intid: u32) {
        field!(self.cpu, eoir).write(intid);
    }

    #[inline(always)]
    pub(crate) fn enable(&mut self, intid: u32, enabled: bool) {
        if enabled {
            write_bank!(self, isenabler, intid, bit(intid));
        } else {
            write_bank!(self, icenabler, intid, bit(intid));
        }
    }

    pub(crate) fn set_pending(&mut self, intid: u32, pending: bool) {
        if pending {
            write_bank!(self, ispendr, intid, bit(intid));
        } else {
            write_bank!(self, icpendr, intid, bit(intid));
        }
    }

    pub(crate) fn state(&mut self, intid: u32) -> InterruptState {
        InterruptState {
            enabled: read_bank!(self, isenabler, intid) & bit(intid) != 0,
            pending: read_bank!(self, ispendr, intid) & bit(intid) != 0,
        }
    }
}
