// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A task that does what a task must not do: one offence a life, in order.
//!
//! Which life it is, the supervisor tells: the number of restarts. After the last offence it behaves.

#![no_std]
#![no_main]

use core::arch::asm;
use core::hint::black_box;
use core::ptr;

use task_jefe_api::Jefe;
use userlib::*;

task_slot!(JEFE, jefe);

mod own {
    include!(concat!(env!("OUT_DIR"), "/own.rs"));
}

/// Where the driver's variables are. The test writes this word into the image: the offender has no way to know it.
#[used]
#[unsafe(no_mangle)]
static DRIVER_DATA: u32 = 0;

/// The driver's queues: the first page of `dma` in chips/qemu-virt/memory.toml.
const QUEUES: u32 = 0x4038_0000;
/// The page of the virtio-mmio slots 24 to 31.
const DEVICE: u32 = 0x0a00_3000;
/// The kernel's text.
const KERNEL: u32 = 0x4010_0000;
/// `mov pc, lr`: what would run if the stack were executable.
const RETURN: u32 = 0xe1a0_f00e;

/// The offences, in the order of the table in test/integration/tests/isolation.rs.
const OFFENCES: [fn(); 12] = [
    || read(driver_data()),
    || write(driver_data()),
    || read(QUEUES),
    || write(QUEUES),
    || read(DEVICE),
    || write(DEVICE),
    execute_stack,
    || call(KERNEL),
    || read(KERNEL),
    overrun_stack,
    write_own_text,
    give_away_what_is_not_its_own,
];

#[unsafe(export_name = "main")]
fn main() -> ! {
    let jefe = Jefe::from(JEFE.get_task_id());
    let life = match jefe.task_status(own::INDEX) {
        Ok(status) => status.restarts as usize,
        Err(error) => panic!("the supervisor does not know me: {error:?}"),
    };
    // The first is a change, which test/isolation/listener hears of; the second is none.
    for _ in 0..2 {
        jefe.set_state(life as u32 + 1);
    }
    if let Some(commit) = OFFENCES.get(life) {
        commit();
        panic!("offence {life} went through");
    }
    loop {
        let _ = sys_recv_notification(0);
    }
}

fn driver_data() -> u32 {
    // Safety: the static is there; only the test changes it, before the machine starts.
    unsafe { ptr::read_volatile(&raw const DRIVER_DATA) }
}

fn read(address: u32) {
    // Safety: none, that is the point. The kernel must stop it.
    black_box(unsafe { ptr::read_volatile(address as *const u32) });
}

fn write(address: u32) {
    // Safety: none, that is the point. The kernel must stop it.
    unsafe { ptr::write_volatile(address as *mut u32, 0xdead_beef) };
}

fn call(address: u32) {
    // Safety: none, that is the point. The kernel must stop it.
    unsafe {
        asm!(
            "blx {0}",
            in(reg) address,
            out("r0") _, out("r1") _, out("r2") _, out("r3") _, out("r12") _, out("lr") _,
        );
    }
}

fn execute_stack() {
    let code = black_box([RETURN; 4]);
    call((&raw const code) as u32);
}

fn overrun_stack() {
    #[inline(never)]
    fn deeper(depth: u32) -> u32 {
        let room = black_box([depth; 16]);
        if depth == u32::MAX {
            0
        } else {
            deeper(depth + 1) + room[3]
        }
    }
    black_box(deeper(0));
}

fn write_own_text() {
    write(main as fn() -> ! as usize as u32);
}

/// A lease on the driver's queues: the kernel must not copy on a task's behalf what the task may not touch.
fn give_away_what_is_not_its_own() {
    // Safety: none, that is the point. The kernel must stop it.
    let queues = unsafe { core::slice::from_raw_parts(QUEUES as *const u8, 4) };
    let mut response = [0; 4];
    let (code, _) = sys_send(JEFE.get_task_id(), 1, queues, &mut response, &[]);
    black_box(code);
}
