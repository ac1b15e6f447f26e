// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A PL011 UART with a bounded queue in each direction: no IPC, no kernel.
//!
//! The device has queues of its own, of some 32 bytes. When ours is full of bytes that nobody reads, the device's is left to fill, and its
//! receive interrupt is switched off: the other end of the line sees that nothing is taken, or loses bytes, which is counted.

use arm_pl011_uart::{
    DataBits, Error, FifoLevel, Interrupts, LineConfig, Parity, StopBits, Uart, UniqueMmioPointer,
};
use heapless::Deque;

pub use arm_pl011_uart::PL011Registers;
use drv_uart_api::UartStats;

/// Bytes received that nobody has taken yet, at most.
pub const RECEIVE_CAPACITY: usize = 256;
/// Bytes given to the driver that the device has not taken yet, at most.
pub const SEND_CAPACITY: usize = 256;

/// The device and the queues.
pub struct Pl011<'a> {
    device: Uart<'a>,
    queues: &'a mut Queues,
    stats: UartStats,
}

/// The memory of the queues.
pub struct Queues {
    received: Deque<u8, RECEIVE_CAPACITY>,
    to_send: Deque<u8, SEND_CAPACITY>,
}

impl Queues {
    /// Empty queues.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self {
            received: Deque::new(),
            to_send: Deque::new(),
        }
    }
}

/// What the line looks like cannot be had from the clock that the device has.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct BadBaudRate;

impl<'a> Pl011<'a> {
    /// Sets the device up, whatever state it is in: 8 data bits, no parity, one stop bit. `clock_hz` is the frequency of its clock.
    ///
    /// # Errors
    ///
    /// [`BadBaudRate`] when the clock cannot be divided to `baud`.
    pub fn new(
        registers: UniqueMmioPointer<'a, PL011Registers>,
        queues: &'a mut Queues,
        baud: u32,
        clock_hz: u32,
    ) -> Result<Self, BadBaudRate> {
        let mut device = Uart::new(registers);
        let line = LineConfig {
            data_bits: DataBits::Bits8,
            parity: Parity::None,
            stop_bits: StopBits::One,
        };
        device.set_interrupt_masks(Interrupts::empty());
        device
            .enable(line, baud, clock_hz)
            .map_err(|_| BadBaudRate)?;
        device.set_interrupt_fifo_levels(FifoLevel::Bytes16, FifoLevel::Bytes8);
        device.clear_interrupts(Interrupts::all());
        let mut uart = Self {
            device,
            queues,
            stats: UartStats::default(),
        };
        uart.set_interrupts();
        Ok(uart)
    }

    /// Moves bytes between the device and the queues, as far as there is room, and switches interrupts on for what comes next.
    ///
    /// To be called after an interrupt, and after the queues were used.
    pub fn service(&mut self) {
        self.device.clear_interrupts(Interrupts::all());
        self.receive();
        self.send();
        self.set_interrupts();
    }

    /// Whether bytes wait to be taken.
    pub fn has_input(&self) -> bool {
        !self.queues.received.is_empty()
    }

    /// The received bytes that lie together, from the oldest on. To be followed by [`take`](Self::take).
    pub fn input(&self) -> &[u8] {
        self.queues.received.as_slices().0
    }

    /// Removes the `count` oldest received bytes.
    pub fn take(&mut self, count: usize) {
        for _ in 0..count {
            self.queues.received.pop_front();
        }
    }

    /// How many bytes [`queue`](Self::queue) can take.
    pub fn room(&self) -> usize {
        SEND_CAPACITY - self.queues.to_send.len()
    }

    /// Adds bytes to be sent; those for which there is no [`room`](Self::room) are dropped.
    pub fn queue(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let _ = self.queues.to_send.push_back(byte);
        }
    }

    /// Counters since [`new`](Self::new).
    pub fn stats(&self) -> UartStats {
        self.stats
    }

    fn receive(&mut self) {
        while !self.queues.received.is_full() {
            match self.device.read_word() {
                Ok(Some(byte)) => {
                    self.stats.received = self.stats.received.wrapping_add(1);
                    // There is room: that is the condition of the loop.
                    let _ = self.queues.received.push_back(byte);
                }
                Ok(None) => break,
                Err(Error::Overrun) => self.stats.overruns = self.stats.overruns.wrapping_add(1),
                Err(_) => self.stats.line_errors = self.stats.line_errors.wrapping_add(1),
            }
        }
    }

    fn send(&mut self) {
        while !self.device.is_tx_fifo_full() {
            let Some(byte) = self.queues.to_send.pop_front() else {
                break;
            };
            self.device.write_word(byte);
            self.stats.sent = self.stats.sent.wrapping_add(1);
        }
    }

    fn set_interrupts(&mut self) {
        let mut wanted = Interrupts::empty();
        if !self.queues.received.is_full() {
            // The receive time-out is what reports the last bytes of a burst, which do not fill the queue up to its mark.
            wanted |= Interrupts::RXI | Interrupts::RTI | Interrupts::OEI;
        }
        if !self.queues.to_send.is_empty() {
            wanted |= Interrupts::TXI;
        }
        self.device.set_interrupt_masks(wanted);
    }
}

#[cfg(test)]
mod tests {
    use zerocopy::transmute_mut;

    use super::*;

    /// Registers that are plain memory: what is written stays, what is read was put there.
    struct Registers([u32; 1024]);

    const DATA: usize = 0;
    const FLAGS: usize = 0x18 / 4;
    const MASK: usize = 0x38 / 4;
    const SEND_FULL: u32 = 1 << 5;
    const RECEIVE_EMPTY: u32 = 1 << 4;

    impl Registers {
        fn with(&mut self, test: impl FnOnce(&mut Pl011<'_>)) {
            let registers: &mut PL011Registers = transmute_mut!(&mut self.0);
            let mut queues = Queues::new();
            let registers = UniqueMmioPointer::from(registers);
            test(&mut Pl011::new(registers, &mut queues, 115_200, 24_000_000).unwrap());
        }
    }

    #[test]
    fn quiet_line_waits_for_input_only() {
        let mut registers = Registers([0; 1024]);
        registers.0[FLAGS] = RECEIVE_EMPTY;
        registers.with(|uart| {
            uart.service();
            assert!(!uart.has_input());
        });
        assert_eq!(
            registers.0[MASK],
            (Interrupts::RXI | Interrupts::RTI | Interrupts::OEI).bits()
        );
    }

    #[test]
    fn bytes_that_the_device_has_no_room_for_wait_for_its_interrupt() {
        let mut registers = Registers([0; 1024]);
        registers.0[FLAGS] = RECEIVE_EMPTY | SEND_FULL;
        registers.with(|uart| {
            uart.queue(&[7; 300]);
            assert_eq!(uart.room(), 0);
            uart.service();
            assert_eq!(uart.room(), 0);
        });
        assert_ne!(registers.0[MASK] & Interrupts::TXI.bits(), 0);
    }

    #[test]
    fn bytes_go_out_while_there_is_room() {
        let mut registers = Registers([0; 1024]);
        registers.0[FLAGS] = RECEIVE_EMPTY;
        registers.with(|uart| {
            uart.queue(b"xyz");
            uart.service();
            assert_eq!((uart.stats().sent, uart.room()), (3, SEND_CAPACITY));
        });
        assert_eq!(registers.0[DATA], b'z'.into());
        assert_eq!(registers.0[MASK] & Interrupts::TXI.bits(), 0);
    }

    #[test]
    fn a_full_queue_leaves_the_rest_with_the_device() {
        let mut registers = Registers([0; 1024]);
        registers.0[DATA] = 0x41;
        registers.with(|uart| {
            // The flags say that there is always more.
            uart.service();
            assert_eq!(
                (uart.stats().received as usize, uart.input().len()),
                (RECEIVE_CAPACITY, RECEIVE_CAPACITY)
            );
            uart.take(10);
            assert_eq!(uart.input()[0], 0x41);
            uart.service();
            assert_eq!(uart.stats().received as usize, RECEIVE_CAPACITY + 10);
        });
        assert_eq!(registers.0[MASK], 0);
    }

    #[test]
    fn a_clock_that_cannot_be_divided_is_refused() {
        let mut registers = Registers([0; 1024]);
        let registers: &mut PL011Registers = transmute_mut!(&mut registers.0);
        assert!(matches!(
            Pl011::new(
                UniqueMmioPointer::from(registers),
                &mut Queues::new(),
                115_200,
                16
            ),
            Err(BadBaudRate)
        ));
    }
}
