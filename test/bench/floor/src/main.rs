// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The floor: one program on the bare machine that sends commands through the same ring and the same registers, and polls for the
//! answers. No kernel, no tasks, no translation, no checks of who may what: nothing that a driver could leave out remains.
//!
//! Prints rows like the bench task, and `wall NAME commands=… us=…`. The last line is `bench: done`. Then the machine ends.

#![no_std]
#![no_main]

mod device;

use core::arch::asm;
use core::fmt::Write;

// The reset vector and the start-up code.
use cortex_a_rt as _;
use static_cell::ConstStaticCell;
use test_bench_count::{Count, Samples, counter};
use test_uart as uart;

use crate::device::{DEPTH, Device};

/// The serial line of QEMU's `virt` machine.
const UART: usize = 0x0900_0000;
const TIMES: usize = 4000;
/// Commands whose time is taken.
const WALL: u32 = 8000;

#[unsafe(no_mangle)]
extern "C" fn kmain() -> ! {
    static SAMPLES: ConstStaticCell<Samples> = ConstStaticCell::new(Samples::NEW);
    let samples = SAMPLES.take();
    uart::enable(UART);
    samples.calibrate(counter::start());
    let mut device = Device::new();
    let _ = writeln!(uart::Line(UART), "bench: ready");
    let _ = uart::read_byte(UART);

    one_by_one(&mut device, samples);
    samples.print(UART, "floor", 1);
    together(&mut device, samples);
    samples.print(UART, "floor", DEPTH as u32);

    timed("blocking", || {
        for _ in 0..WALL {
            device.send(0);
            device.wait();
            device.take();
        }
    });
    timed("pipelined", || {
        for _ in 0..WALL as usize / DEPTH {
            for slot in 0..DEPTH {
                device.send(slot);
            }
            for _ in 0..DEPTH {
                device.wait();
                device.take();
            }
        }
    });
    let _ = writeln!(uart::Line(UART), "bench: done");
    let _ = uart::read_byte(UART);
    uart::drain(UART);
    end()
}

/// A command after the other. Waiting is not counted: how long it takes is the device's doing.
fn one_by_one(device: &mut Device, samples: &mut Samples) {
    samples.clear();
    for _ in 0..TIMES {
        let before = counter::read();
        device.send(0);
        let mut sum = counter::read().since(before, samples.reading());
        device.wait();
        let before = counter::read();
        device.take();
        sum.add(counter::read().since(before, samples.reading()));
        samples.add_sum(sum, 1);
    }
}

/// As many in flight as the bench has.
fn together(device: &mut Device, samples: &mut Samples) {
    samples.clear();
    for _ in 0..TIMES / DEPTH {
        let before = counter::read();
        for slot in 0..DEPTH {
            device.send(slot);
        }
        let mut sum: Count = counter::read().since(before, samples.reading());
        for _ in 0..DEPTH {
            device.wait();
            let before = counter::read();
            device.take();
            sum.add(counter::read().since(before, samples.reading()));
        }
        samples.add_sum(sum, DEPTH as u32);
    }
}

fn timed(name: &str, work: impl FnOnce()) {
    let before = now();
    work();
    let elapsed = now() - before;
    let _ = writeln!(
        uart::Line(UART),
        "wall {name} commands={WALL} us={}",
        elapsed.max(1)
    );
}

/// Microseconds since power-on.
fn now() -> u64 {
    let (low, high, frequency): (u32, u32, u32);
    // Safety: reads the generic timer (CNTPCT, CNTFRQ).
    unsafe {
        asm!("isb", "mrrc p15, 0, {low}, {high}, c14", low = out(reg) low, high = out(reg) high, options(nomem, nostack));
        asm!("mrc p15, 0, {frequency}, c14, c0, 0", frequency = out(reg) frequency, options(nomem, nostack));
    }
    (u64::from(high) << 32 | u64::from(low)) / u64::from((frequency / 1_000_000).max(1))
}

/// Resets the machine, which ends it: PSCI's SYSTEM_RESET.
fn end() -> ! {
    const SYSTEM_RESET: u32 = 0x8400_0009;
    loop {
        // Safety: does not return.
        unsafe {
            asm!(".arch_extension virt", "hvc #0", in("r0") SYSTEM_RESET, options(nomem, nostack))
        }
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let _ = writeln!(uart::Line(UART), "KERNEL PANIC: {info}");
    end()
}
