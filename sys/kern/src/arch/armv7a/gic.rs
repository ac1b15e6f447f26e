// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The interrupt controller: GICv2, distributor and CPU interface (ARM IHI 0048B).

use core::ptr::NonNull;

use arm_gic::gicv2::registers::{Gicc, Gicd, GicdCtlr};
use safe_mmio::{UniqueMmioPointer, field, field_shared};

use crate::InterruptState;
use crate::desc::InterruptDesc;

const DISTRIBUTOR: usize = 0x0800_0000;
const CPU_INTERFACE: usize = 0x0801_0000;

/// The three words that end with ICPIDR2, which says which architecture this is.
pub(super) const IDENTIFICATION: usize = DISTRIBUTOR + 0xfe0;

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
pub(super) struct Gic {
    distributor: UniqueMmioPointer<'static, Gicd>,
    cpu: UniqueMmioPointer<'static, Gicc>,
}

/// Writes the register that holds an interrupt's bit in a bank with one bit an interrupt. Identifiers are below 1024, so
/// there always is one.
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

impl Gic {
    /// Takes the controller and lets nothing through yet.
    ///
    /// # Safety
    ///
    /// Once: nobody else uses the controller from here on.
    pub(super) unsafe fn new() -> Self {
        let pointer =
            |address: usize| core::num::NonZero::new(address).map(NonNull::without_provenance);
        // Safety: both addresses are not zero. The registers are there and mapped for the kernel alone.
        let mut gic = unsafe {
            Self {
                distributor: UniqueMmioPointer::new(pointer(DISTRIBUTOR).unwrap_unchecked()),
                cpu: UniqueMmioPointer::new(pointer(CPU_INTERFACE).unwrap_unchecked().cast()),
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

    /// Sets how the lines of the image's interrupts signal. The device tree's word on it is not asked: the manifest's is.
    pub(super) fn configure(&mut self, interrupts: &[InterruptDesc]) {
        for desc in interrupts {
            let intid = u32::from(desc.intid);
            let edge = 0b10 << (intid % 16 * 2);
            if let Some(mut register) = field!(self.distributor, icfgr).get((intid / 16) as usize) {
                register.modify(|old| if desc.edge { old | edge } else { old & !edge });
            }
        }
    }

    #[inline(always)]
    pub(super) fn acknowledge(&mut self) -> Option<u32> {
        // Bits 12:10 name the sender of a software-generated interrupt; nobody sends any.
        let intid = field!(self.cpu, iar).read() & 0x3ff;
        (intid < FIRST_SPECIAL).then_some(intid)
    }

    #[inline(always)]
    pub(super) fn end(&mut self, intid: u32) {
        field!(self.cpu, eoir).write(intid);
    }

    #[inline(always)]
    pub(super) fn enable(&mut self, intid: u32, enabled: bool) {
        if enabled {
            write_bank!(self, isenabler, intid, bit(intid));
        } else {
            write_bank!(self, icenabler, intid, bit(intid));
        }
    }

    pub(super) fn set_pending(&mut self, intid: u32, pending: bool) {
        if pending {
            write_bank!(self, ispendr, intid, bit(intid));
        } else {
            write_bank!(self, icpendr, intid, bit(intid));
        }
    }

    pub(super) fn state(&mut self, intid: u32) -> InterruptState {
        InterruptState {
            enabled: read_bank!(self, isenabler, intid) & bit(intid) != 0,
            pending: read_bank!(self, ispendr, intid) & bit(intid) != 0,
        }
    }
}
