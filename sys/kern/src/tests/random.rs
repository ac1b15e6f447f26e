// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Random system calls, interrupts and times: whatever tasks do, the kernel's state stays consistent, and no task's memory
//! changes but by its own receiving.

use std::panic::{AssertUnwindSafe, catch_unwind};

use abi::{FaultInfo, TaskId};
use proptest::prelude::*;

use super::model::*;

/// What happens next.
#[derive(Clone, Debug)]
enum Event {
    Call(u32, [u32; 7]),
    Interrupt(u32),
    Time(u64),
    Fault,
    /// The supervisor would do it: restart a task.
    Restart(usize, bool),
}

fn id() -> impl Strategy<Value = u32> {
    prop_oneof![
        8 => 0u32..7,
        1 => (0u32..7).prop_map(|index| index | 0x0400),
        1 => Just(u32::from(TaskId::KERNEL.0)),
        1 => any::<u16>().prop_map(u32::from),
    ]
}

/// Addresses: mostly in somebody's memory, near the borders.
fn address() -> impl Strategy<Value = u32> {
    prop_oneof![
        6 => (0usize..7, 0u32..0x40).prop_map(|(task, offset)| data(task) + offset * 4),
        2 => (0u32..7 * STRIDE).prop_map(|offset| BASE + offset),
        1 => (0usize..7, -8i32..8).prop_map(|(task, offset)| dma(task).wrapping_add_signed(offset)),
        1 => any::<u32>(),
    ]
}

fn length() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0u32..64, 1 => 0u32..0x3000, 1 => any::<u32>()]
}

fn small() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0u32..4, 1 => any::<u32>()]
}

fn call() -> impl Strategy<Value = Event> {
    let send = (
        id(),
        small(),
        address(),
        length(),
        address(),
        length(),
        address(),
        small(),
    )
        .prop_map(|(to, op, a, b, c, d, e, f)| {
            (0, [to << 16 | op & 0xffff, a, b, c, d, e & !3, f])
        });
    let receive =
        (address(), length(), small(), prop::option::of(id())).prop_map(|(a, b, mask, from)| {
            (
                1,
                [
                    a,
                    b,
                    mask,
                    from.map_or(0, |id| abi::RECV_CLOSED | id),
                    0,
                    0,
                    0,
                ],
            )
        });
    let reply = (id(), small(), address(), length())
        .prop_map(|(to, code, a, b)| (2, [to, code, a, b, 0, 0, 0]));
    let timer = (0u32..2, 990u32..1100, 0u32..2, small())
        .prop_map(|(on, low, high, bits)| (3, [on, low, high / 2, bits, 0, 0, 0]));
    let borrow = (4u32..7, id(), small(), small(), address(), length()).prop_map(
        |(number, from, index, offset, a, b)| (number, [from, index, offset, a, b, 0, 0]),
    );
    let post = (id(), small()).prop_map(|(to, bits)| (11, [to, bits, 0, 0, 0, 0, 0]));
    let rest = (0u32..16, any::<[u32; 7]>());
    let message_kernel = (1u32..12, address(), length(), address(), length())
        .prop_map(|(op, a, b, c, d)| (0, [0xffff_0000 | op, a, b, c, d, 0, 0]));
    prop_oneof![
        6 => send, 8 => receive, 5 => reply, 2 => timer, 4 => borrow, 3 => post, 1 => rest, 2 => message_kernel,
    ]
    .prop_map(|(number, arguments)| Event::Call(number, arguments))
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        30 => call(),
        2 => (38u32..48).prop_map(Event::Interrupt),
        2 => (0u64..20 * MS).prop_map(Event::Time),
        1 => Just(Event::Fault),
        3 => (1usize..7, any::<bool>()).prop_map(|(task, start)| Event::Restart(task, start)),
    ]
}

/// Whether a range lies in memory that a task may write: what any copy must have been checked for.
fn is_writable_by_somebody(base: u32, length: u32) -> bool {
    (0..7).any(|task| {
        let inside = |from: u32, to: u32| {
            base >= from && u64::from(base) + u64::from(length) <= u64::from(to)
        };
        // Ordinary memory and DMA memory touch.
        inside(stack(task), dma(task) + PAGE)
    })
}

fn apply(k: &mut TestKernel<'_>, event: &Event) {
    match *event {
        Event::Call(number, arguments) => k.call_raw(number, &arguments),
        Event::Interrupt(intid) => k.raise(intid),
        Event::Time(ticks) => k.advance(ticks),
        Event::Fault => k.fault_current(FaultInfo::IllegalInstruction),
        Event::Restart(task, start) => {
            k.restart(task, start);
            k.preempt();
        }
    }
}

proptest! {
    #![proptest_config(super::cases(250, 1))]

    #[test]
    fn any_sequence_of_events_leaves_a_consistent_kernel(
        events in prop::collection::vec(event(), if cfg!(miri) { 1..40 } else { 1..400 }),
        random_bytes: [u8; 32],
    ) {
        let mut tasks = tasks(&SEVEN);
        let mut k = boot(&SEVEN, &mut tasks);
        for task in 0..7 {
            for part in 0..8 {
                k.put(data(task) + part * 32, &random_bytes);
            }
            // Lease tables that make sense, here and there.
            k.put_leases(data(task) + 64, &[(3, data(task), 32), (1, data(task) + 5, 7), (2, data(task) + 128, 64)]);
        }
        for event in &events {
            k.machine.written.clear();
            // The supervisor's own mistakes stop the machine, by design, and so do a reset and a machine where nothing
            // can ever run again.
            let idle_before = k.ready;
            let result = catch_unwind(AssertUnwindSafe(|| apply(&mut k, event)));
            if let Err(panic) = result {
                let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                let text = panic.downcast_ref::<&str>().map_or(text, ToString::to_string);
                let by_design = text.starts_with("supervisor fault")
                    || text.starts_with("the machine restarts")
                    || text.starts_with("the machine sleeps for ever");
                prop_assert!(by_design, "{text} (ready {idle_before:x})");
                return Ok(());
            }
            k.check();
            for &(base, length) in &k.machine.written {
                prop_assert!(is_writable_by_somebody(base, length), "{base:x} {length:x}");
            }
        }
    }
}
