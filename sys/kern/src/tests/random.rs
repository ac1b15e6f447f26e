// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Random system calls, interrupts and times: whatever tasks do, the kernel's state stays
//! consistent, and the kernel writes only where the task that made the call, or the one that waits
//! for it, asked for it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use abi::{FaultInfo, SchedState, TaskId, TaskState};
use proptest::prelude::*;

use super::model::*;

/// An argument of a call, which depends on who makes it and when.
#[derive(Copy, Clone, Debug)]
enum Word {
    /// As it is.
    Number(u32),
    /// An address in the caller's own memory.
    Own(u32),
    /// An address in this task's memory.
    Of(usize, u32),
    /// The present name of a task.
    Name(usize),
    /// The same in the upper half, with an operation in the lower.
    Target(usize, u32),
    /// The present name of one that waits for the caller's reply, if there is one, or else of this
    /// task.
    Client(usize),
    /// The present name, for a closed receive.
    Only(usize),
}

impl Word {
    fn value(self, k: &TestKernel<'_>) -> u32 {
        match self {
            Self::Number(value) => value,
            Self::Own(offset) => data(k.current).wrapping_add(offset),
            Self::Of(task, offset) => data(task).wrapping_add(offset),
            Self::Name(task) => k.id_word(task),
            Self::Client(task) => {
                let waits = TaskState::Healthy(SchedState::InReply(k.id(k.current)));
                let client = (0..7).find(|&client| k.tasks[client].state() == waits);
                k.id_word(client.unwrap_or(task))
            }
            Self::Target(task, operation) => k.id_word(task) << 16 | operation & 0xffff,
            Self::Only(task) => abi::RECV_CLOSED | k.id_word(task),
        }
    }
}

/// What happens next.
#[derive(Clone, Debug)]
enum Event {
    Call(u32, [Word; 7]),
    Interrupt(u32),
    Time(u64),
    Fault,
    /// The supervisor would do it: restart a task.
    Restart(usize, bool),
}

const NONE: Word = Word::Number(0);
/// Where lease tables are that make sense, in the memory of each task.
const TABLE: u32 = 0x800;

fn name() -> impl Strategy<Value = Word> {
    prop_oneof![
        24 => (0usize..7).prop_map(Word::Client),
        4 => (0usize..7).prop_map(Word::Name),
        1 => (0u32..7).prop_map(|index| Word::Number(index | 0x0400)),
        1 => Just(Word::Number(TaskId::KERNEL.0.into())),
        1 => any::<u16>().prop_map(|id| Word::Number(id.into())),
    ]
}

fn target() -> impl Strategy<Value = Word> {
    prop_oneof![
        12 => (0usize..7, any::<u32>()).prop_map(|(task, operation)| Word::Target(task, operation)),
        1 => (0u32..7, any::<u16>()).prop_map(|(index, operation)| {
            Word::Number((index | 0x0400) << 16 | u32::from(operation))
        }),
        1 => any::<u32>().prop_map(Word::Number),
    ]
}

/// Addresses: mostly in one's own memory, now and then in somebody else's, near the borders.
fn address() -> impl Strategy<Value = Word> {
    prop_oneof![
        16 => (0u32..0x40).prop_map(|offset| Word::Own(offset * 4)),
        4 => (0u32..0x100).prop_map(Word::Own),
        3 => (SERVER..IDLE, 0u32..0x40).prop_map(|(task, offset)| Word::Of(task, offset * 4)),
        1 => (0x0ff8u32..0x1008).prop_map(Word::Own),
        1 => (0u32..7 * STRIDE).prop_map(|offset| Word::Number(BASE + offset)),
        1 => any::<u32>().prop_map(Word::Number),
    ]
}

fn length() -> impl Strategy<Value = Word> {
    prop_oneof![40 => 0u32..64, 1 => 0u32..0x3000, 1 => any::<u32>()].prop_map(Word::Number)
}

fn small() -> impl Strategy<Value = Word> {
    prop_oneof![24 => 0u32..4, 1 => any::<u32>()].prop_map(Word::Number)
}

fn table() -> impl Strategy<Value = Word> {
    prop_oneof![8 => Just(Word::Own(TABLE)), 1 => address()]
}

fn call() -> impl Strategy<Value = Event> {
    let send = (
        target(),
        address(),
        length(),
        address(),
        length(),
        table(),
        prop_oneof![8 => Just(Word::Number(4)), 1 => small()],
    )
        .prop_map(|(to, a, b, c, d, e, f)| (0, [to, a, b, c, d, e, f]));
    let receive = (
        address(),
        length(),
        small(),
        prop_oneof![3 => Just(NONE), 1 => (0usize..7).prop_map(Word::Only)],
    )
        .prop_map(|(a, b, mask, from)| (1, [a, b, mask, from, NONE, NONE, NONE]));
    let short = prop_oneof![8 => (0u32..8).prop_map(Word::Number), 1 => length()];
    let reply = (name(), small(), address(), short)
        .prop_map(|(to, code, a, b)| (2, [to, code, a, b, NONE, NONE, NONE]));
    let timer = (0u32..2, 990u32..1100, 0u32..2, small()).prop_map(|(on, low, high, bits)| {
        let [on, low, high] = [on, low, high / 2].map(Word::Number);
        (3, [on, low, high, bits, NONE, NONE, NONE])
    });
    let borrow = (4u32..7, name(), small(), small(), address(), length()).prop_map(
        |(number, from, index, offset, a, b)| (number, [from, index, offset, a, b, NONE, NONE]),
    );
    let post =
        (name(), small()).prop_map(|(to, bits)| (11, [to, bits, NONE, NONE, NONE, NONE, NONE]));
    let rest = (0u32..16, any::<[u32; 7]>()).prop_map(|(number, a)| (number, a.map(Word::Number)));
    let message_kernel =
        (1u32..12, address(), length(), address(), length()).prop_map(|(op, a, b, c, d)| {
            let target = Word::Number(0xffff_0000 | op);
            (0, [target, a, b, c, d, NONE, NONE])
        });
    prop_oneof![
        8 => send, 6 => receive, 6 => reply, 1 => timer, 24 => borrow, 1 => post, 1 => rest, 1 => message_kernel,
    ]
    .prop_map(|(number, arguments)| Event::Call(number, arguments))
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        60 => call(),
        2 => (38u32..48).prop_map(Event::Interrupt),
        2 => (0u64..20 * MS).prop_map(Event::Time),
        1 => Just(Event::Fault),
        3 => (SERVER..IDLE, prop::bool::weighted(0.8)).prop_map(|(task, start)| Event::Restart(task, start)),
    ]
}

/// A place that an event may write to: the one task whose it must be, and what that task said of
/// it.
#[derive(Copy, Clone, Debug)]
struct Place {
    task: usize,
    base: u32,
    length: u32,
    /// What a device reads and writes will do too: a borrower's own end of a copy.
    shared: bool,
}

impl Place {
    /// Whether `base` and `length` are in there, and in memory that its task may write.
    fn takes(&self, base: u32, length: u32) -> bool {
        let inside = |from: u32, to: u64| base >= from && u64::from(base) + u64::from(length) <= to;
        // Ordinary memory and memory that is shared with a device touch.
        let end = if self.shared {
            dma(self.task) + PAGE
        } else {
            dma(self.task)
        };
        let own = inside(stack(self.task), end.into())
            || self.task == OTHER && inside(MAILBOX, u64::from(MAILBOX + PAGE));
        own && inside(self.base, u64::from(self.base) + u64::from(self.length))
    }
}

/// The one place that an event may write to, found without the code that does: from who calls, whom
/// it names, and what that one waits for.
fn place(k: &TestKernel<'_>, event: &Event) -> Option<Place> {
    let Event::Call(number, a) = *event else {
        return None;
    };
    let a = a.map(|word| word.value(k));
    let caller = k.current;
    let state = |task: usize| match k.tasks[task].state() {
        TaskState::Healthy(state) => Some(state),
        TaskState::Faulted { .. } => None,
    };
    // A task by the name that it has now.
    let named = |id: u32| {
        let id = TaskId(id as u16);
        (id.index() < 7 && k.id(id.index()) == id).then(|| id.index())
    };
    let argument = |task: usize, n: usize| k.tasks[task].registers.arguments()[n];
    let me = Some(SchedState::InReply(k.id(caller)));
    let of = |task, base, length, shared| {
        Some(Place {
            task,
            base,
            length,
            shared,
        })
    };
    match number {
        // SEND: the kernel answers the caller, a task that receives gets the message.
        0 if a[0] >> 16 == u32::from(TaskId::KERNEL.0) => of(caller, a[3], a[4], false),
        0 => {
            let to = named(a[0] >> 16)?;
            let receives = match state(to)? {
                SchedState::InRecv(None) => true,
                SchedState::InRecv(Some(from)) => from == k.id(caller),
                _ => false,
            };
            receives.then(|| of(to, argument(to, 0), argument(to, 1), false))?
        }
        1 => of(caller, a[0], a[1], false),
        // REPLY: into the reply buffer of one that waits for it.
        2 => {
            let to = named(a[0])?;
            (state(to) == me).then(|| of(to, argument(to, 3), argument(to, 4), false))?
        }
        4 => of(caller, a[3], a[4], true),
        // BORROW_WRITE: into a lease of one that waits for the caller, behind the offset.
        5 => {
            let to = named(a[0])?;
            if state(to) != me || a[1] >= argument(to, 6) {
                return None;
            }
            let entry = argument(to, 5).checked_add(a[1].checked_mul(12)?)?;
            let word = |n: u32| {
                let bytes = k.bytes_if_there(entry + n * 4, 4)?;
                Some(u32::from_le_bytes(bytes.try_into().unwrap()))
            };
            let (attributes, base, length) = (word(0)?, word(1)?, word(2)?);
            if attributes & 2 == 0 {
                return None;
            }
            of(
                to,
                base.checked_add(a[2])?,
                length.checked_sub(a[2])?,
                false,
            )
        }
        _ => None,
    }
}

fn apply(k: &mut TestKernel<'_>, event: &Event) {
    match *event {
        Event::Call(number, arguments) => {
            let arguments = arguments.map(|word| word.value(k));
            k.call_raw(number, &arguments);
        }
        Event::Interrupt(intid) => k.raise(intid),
        Event::Time(ticks) => k.advance(ticks),
        Event::Fault => k.fault_current(FaultInfo::IllegalInstruction),
        Event::Restart(task, start) => {
            k.restart(task, start);
            k.preempt();
        }
    }
}

/// Wakes who waits for a message or a notification, and restarts the others.
fn wake(k: &mut TestKernel<'_>) {
    for task in SERVER..IDLE {
        match k.tasks[task].state() {
            TaskState::Healthy(SchedState::InRecv(_)) => k.post(task, u32::MAX),
            TaskState::Healthy(SchedState::Runnable) => {}
            _ => k.restart(task, true),
        }
    }
    k.preempt();
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
            // Lease tables that make sense, but for one lease in another task's memory.
            let leases = [
                (3, data(task), 32),
                (2, data(task) + 128, 64),
                (3, data((task + 1) % 7), 16),
                (1, data(task) + 5, 7),
            ];
            k.put_leases(data(task) + TABLE, &leases);
        }
        let receive = [Word::Own(0), Word::Number(64), Word::Number(u32::MAX), NONE, NONE, NONE, NONE];
        for (number, event) in events.iter().enumerate() {
            // When nothing happens any more, the supervisor wakes everybody or begins anew.
            if k.current == IDLE {
                wake(&mut k);
            }
            // A fault of the supervisor is the end, so nearly always it only receives, and the idle
            // task does nothing.
            let event = match event {
                Event::Call(..) | Event::Fault if k.current == IDLE => continue,
                Event::Call(..) | Event::Fault if k.current == SUPERVISOR && number % 128 != 127 => {
                    &Event::Call(1, receive)
                }
                event => event,
            };
            k.machine.written.clear();
            k.machine.filled.clear();
            let place = place(&k, event);
            // The supervisor's own mistakes stop the machine, by design, and so do a reset and a
            // machine where nothing can ever run again.
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
                prop_assert!(
                    length == 0 || place.is_some_and(|place| place.takes(base, length)),
                    "{base:x} {length:x} {place:x?} {event:x?}"
                );
            }
            for &(base, end) in &k.machine.filled {
                let whole = (0..7).any(|task| (base, end) == (stack(task), stack(task) + STACK));
                prop_assert!(whole, "filled {base:x} to {end:x}");
            }
        }
    }
}
