// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Kernel IPC.

use abi::{FaultInfo, SchedState, TaskId, TaskState, UsageError};

use super::model::*;

/// The running task sends `request` to the kernel, with room for 32 bytes. Returns code and length.
fn ask(k: &mut TestKernel<'_>, operation: u32, request: &[u8]) -> [u32; 2] {
    let me = k.current;
    k.put(data(me), request);
    let target = u32::from(TaskId::KERNEL.0) << 16 | operation;
    let message = [
        target,
        data(me),
        request.len() as u32,
        data(me) + 64,
        32,
        0,
        0,
    ];
    k.call(abi::Sysnum::Send, &message);
    k.results(me)
}

fn answer(k: &TestKernel<'_>, task: usize, length: u32) -> Vec<u8> {
    k.bytes(data(task) + 64, length).to_vec()
}

fn words(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

#[test]
fn task_status_in_every_state() {
    booted!(k);
    k.only(CLIENT);
    for (task, expected) in [
        (CLIENT, vec![0, 1]),
        (SLEEPER, vec![0, 0]),
        (SERVER, vec![0, 4, 0]),
    ] {
        assert_eq!(
            ask(&mut k, 1, &words(&[task as u32])),
            [0, expected.len() as u32]
        );
        assert_eq!(answer(&k, CLIENT, expected.len() as u32), expected);
    }
    k.force_fault(
        OTHER,
        FaultInfo::MemoryAccess {
            address: Some(0x1234),
            source: abi::FaultSource::User,
        },
    );
    assert_eq!(ask(&mut k, 1, &words(&[OTHER as u32])), [0, 9]);
    assert_eq!(answer(&k, CLIENT, 9), [1, 0, 1, 0x34, 0x12, 0, 0, 0, 1]);
}

#[test]
fn a_short_reply_buffer_gets_a_prefix_and_the_true_length() {
    booted!(k);
    k.only(CLIENT);
    k.put(data(CLIENT), &words(&[SERVER as u32]));
    k.put(data(CLIENT) + 64, &[0xee; 4]);
    let target = u32::from(TaskId::KERNEL.0) << 16 | 1;
    k.call(
        abi::Sysnum::Send,
        &[target, data(CLIENT), 4, data(CLIENT) + 64, 1, 0, 0],
    );
    assert_eq!(k.results::<2>(CLIENT), [0, 3]);
    assert_eq!(answer(&k, CLIENT, 4), [0, 0xee, 0xee, 0xee]);
}

#[test]
fn messages_that_the_kernel_does_not_understand() {
    for (operation, request) in [
        (0, vec![]),
        (11, vec![]),
        (0xffff, words(&[0])),
        (1, vec![]),
        (1, vec![0; 3]),
        (9, vec![0; 2]),
        (10, vec![]),
    ] {
        booted!(k);
        k.only(CLIENT);
        ask(&mut k, operation, &request);
        assert_eq!(
            k.fault(CLIENT),
            usage(UsageError::BadKernelMessage),
            "{operation} {request:?}"
        );
        k.check();
    }
}

#[test]
#[should_panic(expected = "supervisor fault: SyscallUsage(BadKernelMessage)")]
fn a_bool_is_0_or_1() {
    booted!(k);
    ask(&mut k, 2, &[1, 0, 0, 0, 2]);
}

#[test]
fn what_follows_a_request_is_ignored() {
    booted!(k);
    k.only(CLIENT);
    let mut request = words(&[SLEEPER as u32]);
    request.extend([0xff; 40]);
    k.put(data(CLIENT) + 128, &request);
    let target = u32::from(TaskId::KERNEL.0) << 16 | 1;
    let message = [target, data(CLIENT) + 128, 44, data(CLIENT), 32, 0, 0];
    k.call(abi::Sysnum::Send, &message);
    assert_eq!(k.results::<2>(CLIENT), [0, 2]);
}

/// Of somebody who may: the supervisor and the caller itself are left out.
#[test]
fn nobody_faults_the_supervisor_or_itself() {
    for index in [SUPERVISOR, OTHER] {
        booted!(k);
        k.tasks[OTHER].desc = &FAULTER;
        k.only(OTHER);
        ask(&mut k, 3, &words(&[index as u32]));
        assert_eq!(k.fault(OTHER), usage(UsageError::IllegalTask));
        assert!(matches!(k.tasks[SUPERVISOR].state(), TaskState::Healthy(_)));
        k.check();
    }
}

#[test]
fn indices_that_are_no_task() {
    for (operation, request) in [
        (1, words(&[7])),
        (1, words(&[u32::MAX])),
        (1, words(&[0x0400])),
        (9, words(&[8])),
        (10, words(&[7])),
    ] {
        booted!(k);
        k.only(CLIENT);
        ask(&mut k, operation, &request);
        assert_eq!(k.fault(CLIENT), usage(UsageError::TaskOutOfRange));
        k.check();
    }
    booted!(k);
    k.only(DUMPER);
    ask(&mut k, 6, &words(&[7, 0]));
    assert_eq!(k.fault(DUMPER), usage(UsageError::TaskOutOfRange));
}

#[test]
fn privileged_operations_are_the_supervisors() {
    for (operation, request) in [
        (2, vec![1, 0, 0, 0, 1]),
        (2, vec![CLIENT as u8, 0, 0, 0, 1]),
        (3, words(&[SERVER as u32])),
        (5, vec![]),
        (6, words(&[SERVER as u32, 0])),
        (7, words(&[SERVER as u32, data(SERVER), 4])),
        (8, words(&[SERVER as u32, SINGLE_BIT])),
    ] {
        booted!(k);
        k.only(CLIENT);
        ask(&mut k, operation, &request);
        assert_eq!(k.fault(CLIENT), usage(UsageError::NotSupervisor));
        assert_eq!(k.sched(SERVER), SchedState::InRecv(None));
        assert!(k.machine.pending.is_empty());
        k.check();
    }
}

#[test]
fn a_grant_allows_what_it_names_and_nothing_else() {
    booted!(k);
    k.only(DUMPER);
    assert_eq!(ask(&mut k, 6, &words(&[SERVER as u32, 0])), [0, 9]);
    ask(&mut k, 3, &words(&[SERVER as u32]));
    assert_eq!(k.fault(DUMPER), usage(UsageError::NotSupervisor));
}

#[test]
fn restart_by_message() {
    booted!(k);
    assert_eq!(ask(&mut k, 2, &[SLEEPER as u8, 0, 0, 0, 1]), [0, 0]);
    assert_eq!(k.sched(SLEEPER), SchedState::Runnable);
    assert_eq!(k.id(SLEEPER).generation().get(), 1);
    assert_eq!(ask(&mut k, 2, &[SERVER as u8, 0, 0, 0, 0]), [0, 0]);
    assert_eq!(k.sched(SERVER), SchedState::Stopped);
    assert_eq!(k.current, SUPERVISOR);
    k.check();
}

#[test]
fn a_grant_to_restart_does_not_reach_the_supervisor() {
    for start in [0, 1] {
        booted!(k);
        k.tasks[OTHER].desc = &RESTARTER;
        k.only(OTHER);
        assert_eq!(ask(&mut k, 2, &[CLIENT as u8, 0, 0, 0, 1]), [0, 0]);
        ask(&mut k, 2, &[0, 0, 0, 0, start]);
        assert_eq!(k.fault(OTHER), usage(UsageError::IllegalTask));
        assert_eq!(k.id(SUPERVISOR).generation().get(), 0);
        // It learns of the fault.
        assert_eq!(k.current, SUPERVISOR);
        k.check();
    }
}

#[test]
fn the_supervisor_may_restart_itself() {
    booted!(k);
    let at_boot = k.tasks[SUPERVISOR].registers.clone();
    k.tasks[SUPERVISOR].registers.scramble();
    ask(&mut k, 2, &[0, 0, 0, 0, 1]);
    assert_eq!(k.current, SUPERVISOR);
    assert_eq!(k.tasks[SUPERVISOR].registers, at_boot);
    k.check();
}

#[test]
fn faulting_another_task() {
    booted!(k);
    assert_eq!(ask(&mut k, 3, &words(&[OTHER as u32])), [0, 0]);
    assert_eq!(k.fault(OTHER), FaultInfo::Injected(k.id(SUPERVISOR)));
    assert_eq!(k.tasks[SUPERVISOR].notifications, 1);
    k.check();
}

#[test]
#[should_panic(expected = "supervisor fault: SyscallUsage(IllegalTask)")]
fn the_supervisor_is_not_to_be_faulted() {
    booted!(k);
    ask(&mut k, 3, &words(&[0]));
}

#[test]
fn the_image_names_itself() {
    booted!(k);
    k.only(CLIENT);
    assert_eq!(ask(&mut k, 4, &[]), [0, 8]);
    assert_eq!(
        answer(&k, CLIENT, 8),
        0x0123_4567_89ab_cdef_u64.to_le_bytes()
    );
}

#[test]
#[should_panic(expected = "the machine restarts")]
fn reset() {
    booted!(k);
    ask(&mut k, 5, &[]);
}

#[test]
fn dumps_have_what_a_task_may_write_but_no_devices() {
    booted!(k);
    k.only(DUMPER);
    assert_eq!(ask(&mut k, 6, &words(&[SERVER as u32, 1])), [0, 9]);
    let mut expected = vec![1];
    expected.extend(words(&[stack(SERVER), 2 * PAGE]));
    assert_eq!(answer(&k, DUMPER, 9), expected);
    for number in [2, 3, u32::MAX] {
        assert_eq!(ask(&mut k, 6, &words(&[SERVER as u32, number])), [0, 1]);
        assert_eq!(answer(&k, DUMPER, 1), [0]);
    }
    k.put(data(SERVER), b"what it knows");
    let region = words(&[SERVER as u32, data(SERVER), 13]);
    assert_eq!(ask(&mut k, 7, &region), [0, 13]);
    assert_eq!(answer(&k, DUMPER, 13), b"what it knows");
    // No more than fits.
    let region = words(&[SERVER as u32, stack(SERVER), 2 * PAGE]);
    assert_eq!(ask(&mut k, 7, &region), [0, 32]);
}

#[test]
fn a_dump_begins_with_the_kernels_record_of_the_task() {
    booted!(k);
    k.only(DUMPER);
    assert_eq!(ask(&mut k, 6, &words(&[SERVER as u32, 0])), [0, 9]);
    let record = k.tasks()[SERVER].address();
    let size = size_of::<crate::Task>() as u32;
    let mut expected = vec![1];
    expected.extend(words(&[record, size]));
    assert_eq!(answer(&k, DUMPER, 9), expected);
    // Its stack pointer is where `abi` says.
    let at = record + abi::RECORD_STACK_POINTER as u32;
    assert_eq!(ask(&mut k, 7, &words(&[SERVER as u32, at, 4])), [0, 4]);
    let stack_pointer = k.tasks()[SERVER].desc.initial_stack;
    assert_eq!(answer(&k, DUMPER, 4), words(&[stack_pointer]));
    // No more than fits, and the last byte.
    assert_eq!(
        ask(&mut k, 7, &words(&[SERVER as u32, record, size])),
        [0, 32]
    );
    let last = words(&[SERVER as u32, record + size - 1, 1]);
    assert_eq!(ask(&mut k, 7, &last), [0, 1]);
}

#[test]
fn what_lies_around_a_record_is_no_part_of_a_dump() {
    for (offset, size) in [(-4, 4), (-4, 8), (0, 1), (-1, 2)] {
        booted!(k);
        k.only(DUMPER);
        let record = k.tasks()[SERVER].address();
        // Before it, across its beginning, behind it, across its end.
        let from = match (offset, size) {
            (-4, _) => record - 4,
            _ => (record + size_of::<crate::Task>() as u32).wrapping_add_signed(offset),
        };
        ask(&mut k, 7, &words(&[SERVER as u32, from, size]));
        assert_eq!(k.fault(DUMPER), usage(UsageError::InvalidSlice));
        k.check();
    }
}

#[test]
fn another_tasks_record_is_no_part_of_a_dump() {
    booted!(k);
    k.only(DUMPER);
    let record = k.tasks()[CLIENT].address();
    ask(&mut k, 7, &words(&[SERVER as u32, record, 4]));
    assert_eq!(k.fault(DUMPER), usage(UsageError::InvalidSlice));
}

#[test]
fn memory_that_does_not_answer_is_nobodys_fault_and_not_dumped() {
    booted!(k);
    k.only(DUMPER);
    k.machine.refused = Some((data(SERVER), true));
    let region = words(&[SERVER as u32, data(SERVER), 13]);
    assert_eq!(ask(&mut k, 7, &region), [abi::DEFECT, 0]);
    k.check();
}

#[test]
fn what_is_no_part_of_a_dump_is_the_askers_fault() {
    for (base, size) in [
        (data(CLIENT), 4),
        (dma(SERVER), 4),
        (device(SERVER), 4),
        (0x4010_0000, 4),
        (0xffff_fff0, 0x20),
    ] {
        booted!(k);
        k.only(DUMPER);
        ask(&mut k, 7, &words(&[SERVER as u32, base, size]));
        assert_eq!(k.fault(DUMPER), usage(UsageError::InvalidSlice));
        assert_eq!(k.sched(SERVER), SchedState::InRecv(None));
        k.check();
    }
}

#[test]
fn software_interrupts() {
    booted!(k);
    assert_eq!(ask(&mut k, 8, &words(&[SERVER as u32, SHARED_BIT])), [0, 0]);
    assert_eq!(k.machine.pending, [SHARED_A, SHARED_B].into());
}

#[test]
#[should_panic(expected = "supervisor fault: SyscallUsage(NoIrq)")]
fn a_software_interrupt_that_is_not_there() {
    booted!(k);
    ask(&mut k, 8, &words(&[CLIENT as u32, 1]));
}

#[test]
fn finding_faulted_tasks() {
    booted!(k);
    let found = |k: &mut TestKernel<'_>, start: u32| {
        assert_eq!(ask(k, 9, &words(&[start])), [0, 4]);
        u32::from_le_bytes(answer(k, SUPERVISOR, 4).try_into().unwrap())
    };
    assert_eq!(found(&mut k, 0), 0);
    k.force_fault(CLIENT, FaultInfo::Panic);
    k.force_fault(IDLE, FaultInfo::Panic);
    assert_eq!(found(&mut k, 1), CLIENT as u32);
    assert_eq!(found(&mut k, CLIENT as u32), CLIENT as u32);
    assert_eq!(found(&mut k, OTHER as u32), IDLE as u32);
    assert_eq!(found(&mut k, IDLE as u32 + 1), 0, "one past the end");
}

#[test]
fn panic_messages() {
    booted!(k);
    k.only(CLIENT);
    k.put(constants(CLIENT), b"it went wrong");
    k.call(abi::Sysnum::Panic, &[constants(CLIENT), 13]);
    assert_eq!(ask(&mut k, 10, &words(&[CLIENT as u32])), [0, 13]);
    assert_eq!(answer(&k, SUPERVISOR, 13), b"it went wrong");
    assert_eq!(ask(&mut k, 10, &words(&[OTHER as u32])), [1, 0]);
    k.force_fault(CLIENT, FaultInfo::Injected(TaskId(0)));
    assert_eq!(
        ask(&mut k, 10, &words(&[CLIENT as u32])),
        [1, 0],
        "its last fault is no panic"
    );
}

#[test]
fn a_panic_message_that_is_not_the_tasks_own() {
    for (base, length) in [(data(OTHER), 4), (dma(CLIENT), 4), (0xffff_ffff, 2)] {
        booted!(k);
        k.only(CLIENT);
        k.call(abi::Sysnum::Panic, &[base, length]);
        assert_eq!(ask(&mut k, 10, &words(&[CLIENT as u32])), [2, 0]);
    }
}

#[test]
fn a_long_panic_message_is_cut() {
    booted!(k);
    k.only(CLIENT);
    k.call(abi::Sysnum::Panic, &[data(CLIENT), PAGE]);
    assert_eq!(ask(&mut k, 10, &words(&[CLIENT as u32])), [0, 32]);
}

#[test]
fn bad_slices_in_a_message_to_the_kernel() {
    let target = u32::from(TaskId::KERNEL.0) << 16 | 4;
    for (arguments, fault) in [
        (
            [target, 0, 0, data(OTHER), 8, 0, 0],
            kernel_access(data(OTHER)),
        ),
        (
            [target, 0, 0, dma(CLIENT), 8, 0, 0],
            kernel_access(dma(CLIENT)),
        ),
        (
            [target, 0, 0, 0xffff_ffff, 8, 0, 0],
            usage(UsageError::InvalidSlice),
        ),
        (
            [target - 3, nowhere(CLIENT), 4, 0, 0, 0, 0],
            kernel_access(nowhere(CLIENT)),
        ),
        (
            [target - 3, dma(CLIENT), 4, 0, 0, 0, 0],
            kernel_access(dma(CLIENT)),
        ),
    ] {
        booted!(k);
        k.only(CLIENT);
        k.call(abi::Sysnum::Send, &arguments);
        assert_eq!(k.fault(CLIENT), fault);
        k.check();
    }
}
