// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Restart: in every state, and what it means to everyone else.

use abi::{FaultInfo, RECV_CLOSED, SchedState, Sysnum, TaskState};

use super::model::*;
use crate::Registers;

#[test]
fn a_life_begins_with_nothing_of_the_last() {
    booted!(k);
    k.only(CLIENT);
    k.tasks[CLIENT].registers.scramble();
    k.call(Sysnum::SetTimer, &[1, 2000, 0, 1]);
    k.post(CLIENT, 0xff00);
    k.put(stack(CLIENT), &[1; 4096]);
    k.put(data(CLIENT), &[2; 16]);
    k.restart(CLIENT, true);
    k.preempt();
    let task = &k.tasks[CLIENT];
    assert_eq!(
        task.registers,
        Registers::start(text(CLIENT) + 0x20, stack(CLIENT) + STACK)
    );
    assert_eq!((task.notifications, k.timers & task.bit), (0, 0));
    assert_eq!(
        k.bytes(stack(CLIENT), 8),
        0xbadd_cafe_badd_cafe_u64.to_le_bytes()
    );
    assert_eq!(
        k.bytes(stack(CLIENT) + STACK - 4, 4),
        0xbadd_cafe_u32.to_le_bytes()
    );
    assert_eq!(
        k.bytes(data(CLIENT), 16),
        [2; 16],
        "data is the task's own business"
    );
    k.check();
}

#[test]
fn boot_and_restart_are_alike() {
    booted!(k);
    let at_boot = k.tasks[IDLE].registers.clone();
    assert_eq!(
        at_boot,
        Registers::start(text(IDLE) + 0x21, stack(IDLE) + STACK)
    );
    k.restart(IDLE, true);
    assert_eq!(k.tasks[IDLE].registers, at_boot);
}

#[test]
fn every_state_can_be_restarted_from() {
    type Prepare = fn(&mut TestKernel<'_>);
    let states: [(&str, Prepare); 8] = [
        ("runnable", |k| k.only(CLIENT)),
        ("stopped", |k| {
            k.restart(CLIENT, false);
            k.reschedule();
        }),
        ("in open receive", |k| {
            k.only(CLIENT);
            k.receive_open(0);
        }),
        ("in closed receive", |k| {
            k.only(CLIENT);
            let server = k.id_word(SERVER);
            k.call(Sysnum::Recv, &[0, 0, 0, RECV_CLOSED | server]);
        }),
        ("in send", |k| {
            k.only(CLIENT);
            k.message(OTHER, 1, (0, 0), (0, 0));
            assert_eq!(k.sched(CLIENT), SchedState::InSend(k.id(OTHER)));
        }),
        ("in reply", |k| {
            k.only(CLIENT);
            k.message(SERVER, 1, (0, 0), (0, 0));
        }),
        ("faulted while running", |k| {
            k.only(CLIENT);
            k.fault_current(FaultInfo::IllegalText);
        }),
        ("faulted in send", |k| {
            k.only(CLIENT);
            k.message(OTHER, 1, (0, 0), (0, 0));
            k.force_fault(CLIENT, FaultInfo::Panic);
            k.reschedule();
        }),
    ];
    for (name, prepare) in states {
        for start in [false, true] {
            booted!(k);
            prepare(&mut k);
            let old = k.id(CLIENT);
            k.restart(CLIENT, start);
            k.preempt();
            assert_eq!(k.id(CLIENT), old.next_generation(), "{name}");
            let expected = if start {
                SchedState::Runnable
            } else {
                SchedState::Stopped
            };
            assert_eq!(k.sched(CLIENT), expected, "{name}");
            k.check();
            // The past life's message is never received.
            if k.sched(OTHER) == SchedState::Runnable {
                k.only(OTHER);
                k.receive_open(0);
                assert_eq!(k.sched(OTHER), SchedState::InRecv(None), "{name}");
            }
            k.check();
        }
    }
}

#[test]
fn everyone_who_waits_wakes_with_the_new_generation() {
    booted!(k);
    k.only(CLIENT);
    k.message(SERVER, 1, (0, 0), (0, 0));
    assert_eq!(k.current, SERVER);
    k.call(Sysnum::Recv, &[0, 0, 1, RECV_CLOSED | 0xffff]);
    k.message(SERVER, 1, (0, 0), (0, 0));
    assert_eq!(k.current, DUMPER);
    let server = k.id_word(SERVER);
    k.call(Sysnum::Recv, &[0, 0, 0, RECV_CLOSED | server]);
    assert_eq!(k.current, IDLE);
    assert_eq!(k.sched(CLIENT), SchedState::InReply(k.id(SERVER)));
    assert_eq!(k.sched(OTHER), SchedState::InSend(k.id(SERVER)));
    assert_eq!(k.sched(DUMPER), SchedState::InRecv(Some(k.id(SERVER))));
    k.restart(SERVER, true);
    k.preempt();
    for task in [CLIENT, OTHER, DUMPER] {
        assert_eq!(k.results::<2>(task), [0xffff_ff01, 0]);
        assert_eq!(k.sched(task), SchedState::Runnable);
    }
    assert_eq!(k.current, SERVER);
    k.check();
}

#[test]
fn a_faulted_task_is_not_woken_by_a_restart_of_its_peer() {
    booted!(k);
    k.only(CLIENT);
    k.message(SERVER, 1, (0, 0), (0, 0));
    k.force_fault(CLIENT, FaultInfo::Panic);
    k.preempt();
    k.restart(SERVER, true);
    assert_eq!(
        k.tasks[CLIENT].state(),
        TaskState::Faulted {
            fault: FaultInfo::Panic,
            original_state: SchedState::InReply(abi::TaskId(SERVER as u16)),
        }
    );
    k.check();
}

#[test]
fn peers_of_a_faulted_task_wait_until_it_is_restarted() {
    booted!(k);
    k.only(CLIENT);
    k.message(SERVER, 1, (0, 0), (0, 0));
    k.fault_current(FaultInfo::IllegalInstruction);
    assert_eq!(k.current, SUPERVISOR);
    assert_eq!(k.sched(CLIENT), SchedState::InReply(k.id(SERVER)));
    k.receive_open(u32::MAX);
    // And so does whoever sends to it now.
    assert_eq!(k.current, OTHER);
    k.message(SERVER, 1, (0, 0), (0, 0));
    assert_eq!(k.sched(OTHER), SchedState::InSend(k.id(SERVER)));
    k.check();
    k.restart(SERVER, true);
    k.preempt();
    assert_eq!(k.results::<2>(OTHER), [0xffff_ff01, 0]);
    k.check();
}

#[test]
fn a_late_reply_to_a_past_life_is_ignored() {
    booted!(k);
    k.only(CLIENT);
    let old = k.id_word(CLIENT);
    k.message(SERVER, 1, (0, 0), (data(CLIENT), 8));
    k.restart(CLIENT, true);
    k.call(Sysnum::Reply, &[old, 0, data(SERVER), 8]);
    assert_eq!(k.current, SERVER);
    k.receive_open(0);
    assert_eq!(k.current, CLIENT);
    let fresh = Registers::start(text(CLIENT) + 0x20, stack(CLIENT) + STACK);
    assert_eq!(k.tasks[CLIENT].registers, fresh);
    k.check();
}

#[test]
fn a_restart_masks_the_tasks_interrupts() {
    booted!(k);
    k.receive_open(u32::MAX);
    for bit in [SHARED_BIT, SINGLE_BIT] {
        k.call(Sysnum::IrqControl, &[bit, 1]);
    }
    k.machine.pending.insert(SHARED_B);
    k.machine.enabled.insert(SLEEPERS);
    k.restart(SERVER, true);
    assert_eq!(k.machine.enabled, [SLEEPERS].into(), "another task's stays");
    assert!(k.machine.pending.is_empty());
}

#[test]
fn generations_wrap_after_64_lives() {
    booted!(k);
    k.only(CLIENT);
    for life in 1..=200 {
        let old = k.id_word(OTHER);
        k.restart(OTHER, false);
        assert_eq!(k.id(OTHER).generation().get(), (life % 64) as u8);
        k.call(Sysnum::Post, &[old, 1]);
        assert_eq!(k.results::<1>(CLIENT), [0xffff_ff00 | (life % 64)]);
    }
    assert_eq!(k.tasks[OTHER].restarts, 200);
}

#[test]
fn a_restart_by_oneself_clears_the_processor() {
    booted!(k);
    k.only(SERVER);
    for task in [CLIENT, OTHER, SUPERVISOR] {
        k.restart(task, false);
        assert_eq!(k.machine.forgotten, 0, "task {task} does not run");
    }
    k.machine.abort_pending = true;
    k.restart(SERVER, true);
    assert_eq!(k.machine.forgotten, 1);
    // An abort of the life before is nobody's.
    assert_eq!(k.stray_aborts, 1);
    assert_eq!(k.sched(SERVER), SchedState::Runnable);
}

#[test]
fn a_late_abort_is_the_fault_of_the_task_that_ran() {
    let bus_error = FaultInfo::BusError {
        address: None,
        source: abi::FaultSource::User,
    };
    // The client has sent, so that it waits and the server runs when the abort is taken.
    for wait_for_reply in [false, true] {
        booted!(k);
        k.only(CLIENT);
        let (to, runs) = if wait_for_reply {
            (SERVER, SERVER)
        } else {
            (SLEEPER, OTHER)
        };
        k.message(to, 1, (0, 0), (0, 0));
        assert_eq!(k.current, runs);
        k.late_abort(CLIENT);
        assert_eq!(k.fault(CLIENT), bus_error);
        assert_eq!(k.sched(runs), SchedState::Runnable);
        assert_eq!((k.current, k.stray_aborts), (SUPERVISOR, 0));
        k.check();
    }
}

#[test]
fn a_late_abort_does_not_replace_a_fault() {
    booted!(k);
    k.only(CLIENT);
    k.fault_current(FaultInfo::IllegalInstruction);
    k.late_abort(CLIENT);
    assert_eq!(k.fault(CLIENT), FaultInfo::IllegalInstruction);
    assert_eq!(k.stray_aborts, 1);
    k.check();
}

#[test]
fn a_second_fault_replaces_the_first_but_not_the_state() {
    booted!(k);
    k.only(CLIENT);
    k.message(OTHER, 1, (0, 0), (0, 0));
    k.force_fault(CLIENT, FaultInfo::Panic);
    k.force_fault(CLIENT, FaultInfo::IllegalText);
    assert_eq!(
        k.tasks[CLIENT].state(),
        TaskState::Faulted {
            fault: FaultInfo::IllegalText,
            original_state: SchedState::InSend(k.id(OTHER)),
        }
    );
}

#[test]
fn the_supervisor_hears_of_every_fault() {
    booted!(k);
    k.receive_open(1);
    k.fault_current(FaultInfo::IllegalInstruction);
    assert_eq!(k.current, SUPERVISOR);
    assert_eq!(k.results::<3>(SUPERVISOR), [0, 0xffff, 1]);
    assert_eq!(k.fault(SERVER), FaultInfo::IllegalInstruction);
    k.check();
}
