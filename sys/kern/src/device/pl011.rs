// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The PL011 UART, polled: only for the kernel's last words (ARM DDI 0183).

use core::fmt::{self, Write};
use core::ptr::NonNull;

use safe_mmio::fields::{ReadPure, ReadPureWrite, WriteOnly};
use safe_mmio::{UniqueMmioPointer, field, field_shared};

use crate::desc::Address;

/// The registers that are needed, at their offsets.
#[repr(C)]
struct Registers {
    /// 0x00 UARTDR
    data: WriteOnly<u32>,
    reserved_04: [u32; 5],
    /// 0x18 UARTFR
    flags: ReadPure<u32>,
    reserved_1c: [u32; 4],
    /// 0x2c UARTLCR_H
    line_control: ReadPureWrite<u32>,
    /// 0x30 UARTCR
    control: ReadPureWrite<u32>,
}

/// UARTFR.TXFF: no room.
const TRANSMIT_FULL: u32 = 1 << 5;
/// UARTLCR_H: 8 bits, FIFO.
const EIGHT_BITS_FIFO: u32 = 0b11 << 5 | 1 << 4;
/// UARTCR: UARTEN, TXE.
const ENABLE_TRANSMIT: u32 = 1 | 1 << 8;

/// Writes to the UART, which belongs to a task as long as there are tasks.
pub(crate) struct Uart(UniqueMmioPointer<'static, Registers>);

impl Uart {
    /// Takes the UART from whoever has it.
    ///
    /// # Safety
    ///
    /// No task runs any more, and the registers are at `address`, which every table maps for the
    /// kernel.
    pub(crate) unsafe fn seize(address: Address) -> Self {
        let base = NonNull::with_exposed_provenance(address);
        // Safety: see above; nobody else uses the registers now.
        let mut registers = unsafe { UniqueMmioPointer::<Registers>::new(base) };
        field!(registers, line_control).write(EIGHT_BITS_FIFO);
        field!(registers, control).write(ENABLE_TRANSMIT);
        Self(registers)
    }

    fn put(&mut self, byte: u8) {
        while field_shared!(self.0, flags).read() & TRANSMIT_FULL != 0 {}
        field!(self.0, data).write(u32::from(byte));
    }

    /// Writes text of doubtful origin: what is not printable ASCII becomes a dot.
    pub(crate) fn write_untrusted(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let printable = byte.is_ascii_graphic() || byte == b' ';
            self.put(if printable { byte } else { b'.' });
        }
    }
}

impl Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                self.put(b'\r');
            }
            self.put(byte);
        }
        Ok(())
    }
}
