// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! RECV: who is received from, in which order, and what else ends the wait.

use abi::{FaultInfo, RECV_CLOSED, SchedState, Sysnum, TaskId, UsageError};

use super::model::*;

/// [`CLIENT`], [`OTHER`] and [`DUMPER`] wait to send to the server, which runs.
fn with_three_senders(k: &mut TestKernel<'_>) {
    k.receive_open(u32::MAX);
    // The server sleeps on a notification that CLIENT's friend, the supervisor, will post.
    k.call(Sysnum::Recv, &[0, 0, 1, RECV_CLOSED | 0xffff]);
    for (task, operation) in [(CLIENT, 12), (OTHER, 13), (DUMPER, 14)] {
        assert_eq!(k.current, task);
        k.message(SERVER, operation, (data(task), 4), (data(task), 4));
        assert_eq!(k.sched(task), SchedState::InSend(k.id(SERVER)));
    }
    assert_eq!(k.current, IDLE);
    k.post(SERVER, 1);
    k.preempt();
    assert_eq!(k.current, SERVER);
    k.check();
}

fn operation_received(k: &TestKernel<'_>) -> u32 {
    k.results::<3>(SERVER)[2]
}

#[test]
fn equals_are_received_in_turn_after_the_receiver() {
    booted!(k);
    with_three_senders(&mut k);
    for expected in [12, 13, 14] {
        k.receive_open(0);
        assert_eq!(k.current, SERVER);
        assert_eq!(operation_received(&k), expected);
        k.check();
    }
}

#[test]
fn the_most_important_sender_comes_first() {
    booted!(k);
    with_three_senders(&mut k);
    // SLEEPER is as important as the server itself.
    k.restart(SLEEPER, true);
    let message = [k.id_word(SERVER) << 16 | 99, 0, 0, 0, 0, 0, 0];
    k.tasks[SLEEPER].registers.set_call(0, message);
    k.call(Sysnum::Recv, &[0, 0, 2, RECV_CLOSED | 0xffff]);
    assert_eq!(k.current, SLEEPER);
    k.call(Sysnum::Send, &message);
    k.post(SERVER, 2);
    k.preempt();
    k.receive_open(0);
    assert_eq!(operation_received(&k), 99);
    k.check();
}

#[test]
fn closed_receive_hears_one_task_only() {
    booted!(k);
    with_three_senders(&mut k);
    let filter = RECV_CLOSED | k.id_word(OTHER);
    k.call(Sysnum::Recv, &[data(SERVER), 64, 0, filter]);
    assert_eq!(operation_received(&k), 13);
    // Nobody waits for OTHER's second message, which is not there yet.
    k.call(Sysnum::Recv, &[data(SERVER), 64, 0, filter]);
    assert_eq!(k.sched(SERVER), SchedState::InRecv(Some(k.id(OTHER))));
    assert_eq!(k.current, IDLE);
    k.check();
}

#[test]
fn a_sender_that_is_not_awaited_waits() {
    booted!(k);
    k.receive_open(u32::MAX);
    let filter = RECV_CLOSED | k.id_word(OTHER);
    k.call(Sysnum::Recv, &[data(SERVER), 64, 0, filter]);
    assert_eq!(k.current, CLIENT);
    k.message(SERVER, 1, (0, 0), (0, 0));
    assert_eq!(k.sched(CLIENT), SchedState::InSend(k.id(SERVER)));
    assert_eq!(k.current, OTHER);
    k.message(SERVER, 2, (0, 0), (0, 0));
    assert_eq!(k.current, SERVER);
    assert_eq!(k.sched(OTHER), SchedState::InReply(k.id(SERVER)));
    k.check();
}

#[test]
fn closed_on_a_past_life_is_a_dead_code() {
    booted!(k);
    k.only(CLIENT);
    let old = k.id_word(OTHER);
    k.restart(OTHER, false);
    k.call(Sysnum::Recv, &[0, 0, 0, RECV_CLOSED | old]);
    assert_eq!(k.results::<1>(CLIENT), [0xffff_ff01]);
    assert_eq!(k.current, CLIENT);
}

#[test]
fn closed_on_what_does_not_exist_faults() {
    booted!(k);
    k.only(CLIENT);
    k.call(
        Sysnum::Recv,
        &[0, 0, 0, RECV_CLOSED | u32::from(TaskId::UNBOUND.0)],
    );
    assert_eq!(k.fault(CLIENT), usage(UsageError::TaskOutOfRange));
}

#[test]
fn closed_on_the_kernel_hears_notifications_only() {
    booted!(k);
    with_three_senders(&mut k);
    k.call(Sysnum::Recv, &[0, 0, 8, RECV_CLOSED | 0xffff]);
    assert_eq!(k.sched(SERVER), SchedState::InRecv(Some(TaskId::KERNEL)));
    assert_eq!(k.current, IDLE);
    k.post(SERVER, 8);
    k.preempt();
    assert_eq!(k.results::<6>(SERVER), [0, 0xffff, 8, 0, 0, 0]);
}

#[test]
fn notifications_win_over_messages_and_only_unmasked_ones_are_taken() {
    booted!(k);
    with_three_senders(&mut k);
    k.post(SERVER, 0b1110);
    k.receive_open(0b0110);
    assert_eq!(k.results::<6>(SERVER), [0, 0xffff, 0b0110, 0, 0, 0]);
    k.receive_open(0b0110);
    assert_eq!(operation_received(&k), 12);
    k.receive_open(0b1000);
    assert_eq!(operation_received(&k), 0b1000);
}

#[test]
fn a_sender_whose_message_is_not_its_own_faults_and_the_next_is_received() {
    booted!(k);
    with_three_senders(&mut k);
    k.tasks[CLIENT].registers.set_argument(1, data(OTHER));
    k.receive_open(0);
    assert_eq!(k.fault(CLIENT), kernel_access(data(OTHER)));
    assert_eq!(operation_received(&k), 13);
    // And the supervisor has heard of it.
    assert_eq!(k.current, SUPERVISOR);
    assert_eq!(k.results::<3>(SUPERVISOR)[2], 1);
    k.check();
}

#[test]
fn closed_on_a_sender_whose_message_is_bad_waits_for_its_next_life() {
    booted!(k);
    with_three_senders(&mut k);
    k.tasks[CLIENT].registers.set_argument(1, nowhere(CLIENT));
    let filter = RECV_CLOSED | k.id_word(CLIENT);
    k.call(Sysnum::Recv, &[data(SERVER), 64, 0, filter]);
    assert_eq!(k.sched(SERVER), SchedState::InRecv(Some(k.id(CLIENT))));
    k.restart(CLIENT, false);
    assert_eq!(k.results::<1>(SERVER), [0xffff_ff01]);
    k.preempt();
    k.check();
}

#[test]
fn a_bad_receive_buffer_faults_the_receiver_and_no_sender() {
    for (buffer, length, fault) in [
        (constants(SERVER), 4, kernel_access(constants(SERVER))),
        (0xffff_fff0, 0x20, usage(UsageError::InvalidSlice)),
    ] {
        booted!(k);
        with_three_senders(&mut k);
        k.call(Sysnum::Recv, &[buffer, length, 0, 0]);
        assert_eq!(k.fault(SERVER), fault);
        for task in [CLIENT, OTHER, DUMPER] {
            assert_eq!(k.sched(task), SchedState::InSend(k.id(SERVER)));
        }
        k.check();
    }
}

#[test]
fn receiving_from_oneself_waits_for_a_notification_at_most() {
    booted!(k);
    k.only(DUMPER);
    let me = RECV_CLOSED | k.id_word(DUMPER);
    k.call(Sysnum::Recv, &[0, 0, 1, me]);
    assert_eq!(k.sched(DUMPER), SchedState::InRecv(Some(k.id(DUMPER))));
    k.post(DUMPER, 1);
    k.preempt();
    assert_eq!(k.current, DUMPER);
    k.check();
}

#[test]
fn a_faulted_sender_is_not_received_from() {
    booted!(k);
    with_three_senders(&mut k);
    k.force_fault(CLIENT, FaultInfo::Panic);
    k.preempt();
    k.receive_open(u32::MAX);
    assert_eq!(k.current, SERVER);
    k.receive_open(0);
    assert_eq!(operation_received(&k), 13);
    k.check();
}

#[test]
fn the_supervisor_hears_of_a_fault_that_its_own_receiving_causes() {
    // Found by the random events: the news used to be posted to a supervisor that was about to wait for it.
    for closed in [false, true] {
        booted!(k);
        k.call(Sysnum::Recv, &[0, 0, 2, RECV_CLOSED | 0xffff]);
        assert_eq!(k.current, SERVER);
        k.message(SUPERVISOR, 1, (nowhere(SERVER), 4), (0, 0));
        k.post(SUPERVISOR, 2);
        k.preempt();
        let filter = if closed {
            RECV_CLOSED | k.id_word(SERVER)
        } else {
            0
        };
        k.call(Sysnum::Recv, &[data(SUPERVISOR), 64, 1, filter]);
        assert_eq!(k.fault(SERVER), kernel_access(nowhere(SERVER)));
        assert_eq!(k.current, SUPERVISOR);
        assert_eq!(k.results::<3>(SUPERVISOR), [0, 0xffff, 1]);
        k.check();
    }
}
