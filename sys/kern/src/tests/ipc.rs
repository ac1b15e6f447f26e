// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! SEND, REPLY, REPLY_FAULT, REFRESH_TASK_ID, PANIC and what is no system call.

use abi::{FaultInfo, ReplyFaultReason, SchedState, Sysnum, TaskId, TaskState, UsageError};

use super::model::*;

#[test]
fn a_waiting_receiver_gets_the_message_and_the_processor() {
    booted!(k);
    k.only(CLIENT);
    k.put(data(CLIENT), b"hello, there");
    k.message(SERVER, 7, (data(CLIENT), 12), (data(CLIENT) + 32, 16));
    assert_eq!(k.current, SERVER);
    assert_eq!(k.results::<6>(SERVER), [0, k.id_word(CLIENT), 7, 12, 16, 0]);
    assert_eq!(k.bytes(data(SERVER), 12), b"hello, there");
    assert_eq!(k.sched(CLIENT), SchedState::InReply(k.id(SERVER)));
    k.check();
}

#[test]
fn the_reply_reaches_the_sender() {
    booted!(k);
    k.only(CLIENT);
    k.message(SERVER, 1, (data(CLIENT), 0), (data(CLIENT) + 32, 16));
    k.put(data(SERVER) + 100, b"answer");
    let client = k.id_word(CLIENT);
    k.call(Sysnum::Reply, &[client, 77, data(SERVER) + 100, 6]);
    // The server is more important: the client has to wait until it is done.
    assert_eq!(k.current, SERVER);
    assert_eq!(k.sched(CLIENT), SchedState::Runnable);
    assert_eq!(k.results::<2>(CLIENT), [77, 6]);
    assert_eq!(k.bytes(data(CLIENT) + 32, 6), b"answer");
    k.receive_open(0);
    assert_eq!(k.current, CLIENT);
    k.check();
}

#[test]
fn a_reply_to_a_more_important_task_hands_over() {
    booted!(k);
    k.only(SERVER);
    k.message(OTHER, 1, (0, 0), (0, 0));
    assert_eq!(k.current, CLIENT);
    k.receive_open(0);
    assert_eq!(k.current, OTHER);
    k.receive_open(0);
    let server = k.id_word(SERVER);
    assert_eq!(k.results::<2>(OTHER), [0, server]);
    k.call(Sysnum::Reply, &[server, 0, 0, 0]);
    assert_eq!(k.current, SERVER);
    k.check();
}

#[test]
fn sending_to_a_less_important_receiver_obeys_priorities() {
    booted!(k);
    k.only(DUMPER);
    // DUMPER is as important as CLIENT, and CLIENT waits: it gets the processor.
    k.message(CLIENT, 1, (0, 0), (0, 0));
    assert_eq!(k.current, CLIENT);
    // IDLE is the least important of all; were it to receive, everybody else runnable would come first.
    let receive = [data(IDLE), 8, 0, 0, 0, 0, 0];
    k.tasks[IDLE].registers.set_call(1, receive);
    k.ready &= !k.tasks[IDLE].bit;
    k.tasks[IDLE].status = crate::Status::IN_OPEN_RECEIVE;
    k.make_runnable(OTHER);
    k.message(IDLE, 1, (0, 0), (0, 0));
    assert_eq!(k.current, OTHER);
    assert_eq!(k.sched(IDLE), SchedState::Runnable);
    k.check();
}

#[test]
fn a_busy_receiver_is_waited_for() {
    booted!(k);
    k.receive_open(0);
    let target = k.id_word(SUPERVISOR) << 16 | 3;
    assert_eq!(k.current, SERVER);
    // The supervisor takes the first message and is then busy.
    k.call(Sysnum::Send, &[target, 0, 0, 0, 0, 0, 0]);
    assert_eq!(k.current, SUPERVISOR);
    k.call(Sysnum::Recv, &[0, 0, 1 << 9, abi::RECV_CLOSED | 0xffff]);
    assert_eq!(k.current, CLIENT);
    k.message(SUPERVISOR, 4, (0, 0), (0, 0));
    assert_eq!(k.sched(CLIENT), SchedState::InSend(k.id(SUPERVISOR)));
    assert_eq!(k.current, OTHER);
    k.check();
}

#[test]
fn sending_to_oneself_blocks_and_nothing_else() {
    booted!(k);
    k.only(CLIENT);
    k.message(CLIENT, 1, (0, 0), (0, 0));
    assert_eq!(k.sched(CLIENT), SchedState::InSend(k.id(CLIENT)));
    k.check();
}

#[test]
fn a_stale_target_is_a_dead_code() {
    booted!(k);
    k.only(CLIENT);
    let old = k.id_word(SERVER);
    k.restart(SERVER, false);
    k.call(Sysnum::Send, &[old << 16, 0, 0, 0, 0, 0, 0]);
    assert_eq!(k.results::<2>(CLIENT), [0xffff_ff01, 0]);
    assert_eq!(k.current, CLIENT);
}

#[test]
fn targets_that_do_not_exist_fault_the_sender() {
    for id in [7, 0x3fe, 0x3ff, 0x0400 | 7, TaskId::UNBOUND.0] {
        booted!(k);
        k.only(CLIENT);
        k.call(Sysnum::Send, &[u32::from(id) << 16, 0, 0, 0, 0, 0, 0]);
        assert_eq!(k.fault(CLIENT), usage(UsageError::TaskOutOfRange));
        k.check();
    }
}

#[test]
fn slices_that_wrap_fault_the_sender() {
    let bad = [
        // Message, reply buffer, lease table.
        [0xffff_fff0, 0x10, 0, 0, 0, 0],
        [0xffff_ffff, 1, 0, 0, 0, 0],
        [1, 0xffff_ffff, 0, 0, 0, 0],
        [0, 0, 0xffff_fff0, 0x11, 0, 0],
        [0, 0, 0, 0, 0xffff_fff4, 1],
        [0, 0, 0, 0, 0x1000, 0x4000_0000],
        [0, 0, 0, 0, 0x1000, 0x1555_5556],
        // Lease tables are words.
        [0, 0, 0, 0, 2, 1],
        [0, 0, 0, 0, 1, 1],
    ];
    for slices in bad {
        for target in [SERVER, OTHER] {
            booted!(k);
            k.only(CLIENT);
            let mut arguments = vec![k.id_word(target) << 16];
            arguments.extend(slices);
            k.call(Sysnum::Send, &arguments);
            assert_eq!(
                k.fault(CLIENT),
                usage(UsageError::InvalidSlice),
                "{slices:x?}"
            );
            assert_eq!(k.current, SUPERVISOR);
            assert_eq!(k.sched(SERVER), SchedState::InRecv(None));
            k.check();
        }
    }
}

#[test]
fn empty_slices_may_be_anywhere() {
    booted!(k);
    k.only(CLIENT);
    let target = k.id_word(SERVER) << 16;
    k.call(
        Sysnum::Send,
        &[target, 0xffff_ffff, 0, 0xffff_ffff, 0, 0xffff_ffff, 0],
    );
    assert_eq!(k.current, SERVER);
    let client = k.id_word(CLIENT);
    k.call(Sysnum::Reply, &[client, 0, 0xffff_ffff, 0]);
    assert_eq!(k.results::<2>(CLIENT), [0, 0]);
}

#[test]
fn a_message_that_is_not_the_senders_faults_the_sender() {
    for (base, length, first_bad) in [
        (data(OTHER), 4, data(OTHER)),
        (nowhere(CLIENT), 1, nowhere(CLIENT)),
        (dma(CLIENT), 4, dma(CLIENT)),
        (dma(CLIENT) - 2, 4, dma(CLIENT)),
        (device(CLIENT), 4, device(CLIENT)),
        (stack(CLIENT) - 1, 2, stack(CLIENT) - 1),
        (0, 4, 0),
        (0xffff_fff0, 4, 0xffff_fff0),
    ] {
        booted!(k);
        k.only(CLIENT);
        k.message(SERVER, 1, (base, length), (0, 0));
        assert_eq!(k.fault(CLIENT), kernel_access(first_bad));
        // The receiver goes on waiting and has noticed nothing.
        assert_eq!(k.sched(SERVER), SchedState::InRecv(None));
        assert_eq!(k.current, SUPERVISOR);
        k.check();
    }
}

#[test]
fn constants_and_text_may_be_sent_and_received_into_never() {
    booted!(k);
    k.only(CLIENT);
    k.put(constants(CLIENT) - 2, b"abcd");
    // From text into constants: two regions that the task may read.
    k.message(
        SERVER,
        1,
        (constants(CLIENT) - 2, 4),
        (constants(CLIENT), 4),
    );
    assert_eq!(k.bytes(data(SERVER), 4), b"abcd");
    let client = k.id_word(CLIENT);
    k.call(Sysnum::Reply, &[client, 0, data(SERVER), 1]);
    assert_eq!(k.fault(CLIENT), kernel_access(constants(CLIENT)));
    assert_eq!(k.current, SUPERVISOR);
    assert_eq!(k.sched(SERVER), SchedState::Runnable);
    k.check();
}

#[test]
fn a_receive_buffer_that_is_not_the_receivers_faults_the_receiver() {
    booted!(k);
    k.receive_open(u32::MAX);
    k.call(Sysnum::Recv, &[dma(SERVER), 8, 0, 0]);
    k.only(CLIENT);
    k.message(SERVER, 1, (data(CLIENT), 4), (0, 0));
    assert_eq!(k.fault(SERVER), kernel_access(dma(SERVER)));
    // The sender waits for the server's next life.
    assert_eq!(k.sched(CLIENT), SchedState::InSend(k.id(SERVER)));
    assert_eq!(k.current, SUPERVISOR);
    k.check();
}

#[test]
fn a_long_message_is_cut_and_its_length_told() {
    booted!(k);
    k.only(CLIENT);
    k.put(data(CLIENT), &[0xee; 200]);
    k.message(SERVER, 1, (data(CLIENT), 200), (0, 0));
    assert_eq!(k.results::<4>(SERVER)[3], 200);
    assert_eq!(k.bytes(data(SERVER), 64), [0xee; 64]);
    assert_eq!(k.bytes(data(SERVER) + 64, 136), [0; 136]);
}

#[test]
fn an_operation_has_16_bits_and_leases_are_counted() {
    booted!(k);
    k.only(CLIENT);
    k.message_with_leases(SERVER, 0xffff, (0, 0), (0, 0x123), (data(CLIENT), 9));
    assert_eq!(
        k.results::<6>(SERVER),
        [0, k.id_word(CLIENT), 0xffff, 0, 0x123, 9]
    );
}

#[test]
fn replies_to_whoever_does_not_wait_are_ignored() {
    booted!(k);
    k.only(CLIENT);
    let (server, other, stale) = (k.id_word(SERVER), k.id_word(OTHER), 0x0400 | OTHER as u32);
    for peer in [server, other, stale, k.id_word(CLIENT)] {
        // Not even its slice is looked at.
        k.call(Sysnum::Reply, &[peer, 0, 0xffff_ffff, 0xffff]);
        assert_eq!(k.sched(CLIENT), SchedState::Runnable);
        k.call(Sysnum::ReplyFault, &[peer, 0]);
        assert_eq!(k.sched(CLIENT), SchedState::Runnable);
    }
    assert_eq!(k.sched(SERVER), SchedState::InRecv(None));
    k.check();
}

#[test]
fn replies_to_what_does_not_exist_fault_the_server() {
    for number in [Sysnum::Reply, Sysnum::ReplyFault] {
        booted!(k);
        k.only(CLIENT);
        k.call(number, &[u32::from(TaskId::KERNEL.0), 0, 0, 0]);
        assert_eq!(k.fault(CLIENT), usage(UsageError::TaskOutOfRange));
    }
}

#[test]
fn a_reply_that_does_not_fit_faults_the_server() {
    booted!(k);
    k.only(CLIENT);
    k.message(SERVER, 1, (0, 0), (data(CLIENT), 3));
    let client = k.id_word(CLIENT);
    k.call(Sysnum::Reply, &[client, 0, data(SERVER), 4]);
    assert_eq!(k.fault(SERVER), usage(UsageError::ReplyTooBig));
    assert_eq!(k.sched(CLIENT), SchedState::InReply(k.id(SERVER)));
    k.check();
}

#[test]
fn a_reply_that_is_not_the_servers_faults_the_server() {
    for (base, length, fault) in [
        (data(CLIENT), 4, kernel_access(data(CLIENT))),
        (dma(SERVER), 4, kernel_access(dma(SERVER))),
        (0xffff_fffe, 4, usage(UsageError::InvalidSlice)),
    ] {
        booted!(k);
        k.only(CLIENT);
        k.message(SERVER, 1, (0, 0), (data(CLIENT), 64));
        let client = k.id_word(CLIENT);
        k.call(Sysnum::Reply, &[client, 0, base, length]);
        assert_eq!(k.fault(SERVER), fault);
        assert_eq!(k.sched(CLIENT), SchedState::InReply(k.id(SERVER)));
        k.check();
    }
}

#[test]
fn a_bad_reply_buffer_is_its_owners_fault() {
    booted!(k);
    k.only(CLIENT);
    k.message(SERVER, 1, (0, 0), (dma(CLIENT), 16));
    let client = k.id_word(CLIENT);
    k.call(Sysnum::Reply, &[client, 0, data(SERVER), 4]);
    assert_eq!(k.fault(CLIENT), kernel_access(dma(CLIENT)));
    assert_eq!(k.sched(SERVER), SchedState::Runnable);
    assert_eq!(k.current, SUPERVISOR);
    k.check();
}

#[test]
fn a_server_may_fault_its_client_for_six_reasons() {
    for reason in 0..6 {
        booted!(k);
        k.only(CLIENT);
        k.message(SERVER, 1, (0, 0), (0, 0));
        let client = k.id_word(CLIENT);
        k.call(Sysnum::ReplyFault, &[client, reason]);
        let expected = match reason {
            0 => ReplyFaultReason::UndefinedOperation,
            1 => ReplyFaultReason::BadMessageSize,
            2 => ReplyFaultReason::BadMessageContents,
            3 => ReplyFaultReason::BadLeases,
            4 => ReplyFaultReason::ReplyBufferTooSmall,
            _ => ReplyFaultReason::AccessViolation,
        };
        assert_eq!(
            k.tasks[CLIENT].state(),
            TaskState::Faulted {
                fault: FaultInfo::FromServer(k.id(SERVER), expected),
                original_state: SchedState::InReply(k.id(SERVER)),
            }
        );
        assert_eq!(k.current, SUPERVISOR);
        k.check();
    }
}

#[test]
fn there_is_no_seventh_reason() {
    for reason in [6, u32::MAX] {
        booted!(k);
        k.only(CLIENT);
        k.message(SERVER, 1, (0, 0), (0, 0));
        let client = k.id_word(CLIENT);
        k.call(Sysnum::ReplyFault, &[client, reason]);
        assert_eq!(k.fault(SERVER), usage(UsageError::BadReplyFaultReason));
    }
}

#[test]
fn refresh_gives_the_present_generation() {
    booted!(k);
    k.only(CLIENT);
    k.restart(SERVER, false);
    k.restart(SERVER, false);
    for old in [SERVER as u32, 0xfc00 | SERVER as u32] {
        k.call(Sysnum::RefreshTaskId, &[old]);
        assert_eq!(k.results::<1>(CLIENT), [2 << 10 | SERVER as u32]);
    }
    k.call(Sysnum::RefreshTaskId, &[0x3ff]);
    assert_eq!(k.fault(CLIENT), usage(UsageError::TaskOutOfRange));
}

#[test]
fn what_is_no_system_call_faults() {
    for number in [14, 15, 255, u32::MAX, 1 << 31] {
        booted!(k);
        k.only(CLIENT);
        k.call_raw(number, &[]);
        assert_eq!(k.fault(CLIENT), usage(UsageError::BadSyscallNumber));
        k.check();
    }
}

#[test]
fn a_panic_is_a_fault_and_leaves_its_message() {
    booted!(k);
    k.only(CLIENT);
    k.call(Sysnum::Panic, &[data(CLIENT), 5]);
    assert_eq!(k.fault(CLIENT), FaultInfo::Panic);
    let text = k.tasks[CLIENT].panic_message().unwrap();
    assert_eq!((text.base(), text.length()), (data(CLIENT), 5));
    assert!(k.tasks[SERVER].panic_message().is_none());
}

#[test]
#[should_panic(expected = "supervisor fault: Panic")]
fn a_panic_of_the_supervisor_stops_the_machine() {
    booted!(k);
    k.call(Sysnum::Panic, &[0, 0]);
}

#[test]
#[should_panic(expected = "supervisor fault: SyscallUsage(BadSyscallNumber)")]
fn a_fault_of_the_supervisor_stops_the_machine() {
    booted!(k);
    k.call_raw(99, &[]);
}
