// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Tasks that do not keep to the interface: raw system calls against the server.

mod support;

use support::*;
use userlib::{
    FaultInfo, Lease, ReplyFaultReason, SchedState, TaskState, sys_post, sys_refresh_task_id,
    sys_send,
};

const EXCHANGE: u16 = 1;
const BATCH: u16 = 3;
/// Of an exchange, in bytes: the request, and the answer.
const REQUEST: usize = 24;
const ANSWER: usize = 32;

/// Who keeps to the interface is served within this time, whatever others do.
const WITHIN_MS: u64 = 100;

/// What becomes of a task that makes this call, while another goes on asking.
fn fault_of(call: impl Fn() + Send + Sync + 'static) -> Option<FaultInfo> {
    let mut bench = Bench::new(
        |scmi| {
            for _ in 0..2 {
                let request = drv_scmi_api::Request::new(0x10, 0, &[][..]);
                let answer = drv_scmi_api::Exchange::exchange(scmi, &request, &mut [0; 4]);
                assert_eq!(answer.map(|answer| answer.status), Ok(0));
            }
        },
        move |_| call(),
        nothing,
    );
    bench.answer_all(|_| (0, vec![0; 4]));
    // A flood of what looks like interrupts has the device's own held off; the timer stands in for it.
    for _ in 0..WITHIN_MS / 10 {
        bench.image.run_for(10);
        bench.answer_all(|_| (0, vec![0; 4]));
    }
    assert!(bench.image.has_ended(FIRST), "who keeps to it is served");
    let server = bench.image.state(SERVER);
    assert!(
        matches!(server, TaskState::Healthy(SchedState::InRecv(None))),
        "{server:?}"
    );
    match bench.image.state(SECOND) {
        TaskState::Faulted { fault, .. } => Some(fault),
        TaskState::Healthy(_) => None,
    }
}

fn refused(reason: ReplyFaultReason) -> Option<FaultInfo> {
    Some(FaultInfo::FromServer(SERVER, reason))
}

/// A request that is fine: PROTOCOL_VERSION of Base.
fn request() -> [u8; REQUEST] {
    let mut bytes = [0; REQUEST];
    bytes[4] = 0x10;
    bytes
}

#[test]
fn the_call_that_the_others_are_made_of_is_fine() {
    let fault = fault_of(|| {
        let mut response = [0; 128];
        let leases = [Lease::read_only(&[]), Lease::write_only(&mut response)];
        let (code, len) = sys_send(SERVER, EXCHANGE, &request(), &mut [0; ANSWER], &leases);
        assert_eq!((code, len), (0, ANSWER));
    });
    assert_eq!(fault, None);
}

#[test]
fn operations_that_do_not_exist_are_their_callers_fault() {
    for operation in [0, 10, 0xffff] {
        let fault = fault_of(move || {
            sys_send(SERVER, operation, &[0; 8], &mut [0; 64], &[]);
        });
        assert_eq!(fault, refused(ReplyFaultReason::UndefinedOperation));
    }
}

#[test]
fn messages_of_a_wrong_length_are_their_callers_fault() {
    for len in [0, 1, REQUEST - 1, REQUEST + 1, 200] {
        let fault = fault_of(move || {
            let mut response = [0; 128];
            let leases = [Lease::read_only(&[]), Lease::write_only(&mut response)];
            let message = [0; 200];
            sys_send(SERVER, EXCHANGE, &message[..len], &mut [0; ANSWER], &leases);
        });
        assert_eq!(fault, refused(ReplyFaultReason::BadMessageSize), "{len}");
    }
}

#[test]
fn too_little_room_for_the_answer_is_the_callers_fault() {
    let fault = fault_of(|| {
        let mut response = [0; 128];
        let leases = [Lease::read_only(&[]), Lease::write_only(&mut response)];
        let room = &mut [0; ANSWER - 1];
        sys_send(SERVER, EXCHANGE, &request(), room, &leases);
    });
    assert_eq!(fault, refused(ReplyFaultReason::ReplyBufferTooSmall));
}

#[test]
fn leases_that_are_missing_or_too_many_are_the_callers_fault() {
    for count in [0, 1, 3] {
        let fault = fault_of(move || {
            let leases = [(); 3].map(|()| Lease::read_only(&[]));
            sys_send(
                SERVER,
                EXCHANGE,
                &request(),
                &mut [0; ANSWER],
                &leases[..count],
            );
        });
        assert_eq!(fault, refused(ReplyFaultReason::BadLeases), "{count}");
    }
}

/// An answer that does not fit the message goes to a lease that must be there to be written.
#[test]
fn an_answer_for_a_lease_that_must_not_be_written_is_the_callers_fault() {
    let mut bench = Bench::new(
        nothing,
        |_| {
            let leases = [Lease::read_only(&[]), Lease::read_only(&[0; 128])];
            sys_send(SERVER, EXCHANGE, &request(), &mut [0; ANSWER], &leases);
        },
        nothing,
    );
    bench.answer_all(|_| (0, vec![5; 128]));
    let faulted = bench.image.state(SECOND);
    let fault = FaultInfo::FromServer(SERVER, ReplyFaultReason::BadLeases);
    assert!(
        matches!(faulted, TaskState::Faulted { fault: found, .. } if found == fault),
        "{faulted:?}"
    );
}

#[test]
fn a_payload_that_must_not_be_read_is_the_callers_fault() {
    let fault = fault_of(|| {
        let mut payload = [0; 40];
        let mut response = [0; 128];
        let leases = [
            Lease::write_only(&mut payload),
            Lease::write_only(&mut response),
        ];
        let mut message = request();
        // More than travels in the message.
        message[7] = 40;
        sys_send(SERVER, EXCHANGE, &message, &mut [0; ANSWER], &leases);
    });
    assert_eq!(fault, refused(ReplyFaultReason::BadLeases));
}

#[test]
fn batches_whose_leases_are_the_wrong_way_round_are_the_callers_fault() {
    let fault = fault_of(|| {
        let (mut entries, answers) = ([0; 40], [0; 16]);
        let leases = [Lease::write_only(&mut entries), Lease::read_only(&answers)];
        sys_send(SERVER, BATCH, &[0; 5], &mut [], &leases);
    });
    assert_eq!(fault, refused(ReplyFaultReason::BadLeases));
}

/// Any task may post any bit to any other.
#[test]
fn forged_notifications_are_hints_and_no_more() {
    let fault = fault_of(|| {
        for bits in [1, 2, 3, u32::MAX, 1 << 31, 0] {
            for _ in 0..if cfg!(miri) { 3 } else { 50 } {
                assert_eq!(sys_post(sys_refresh_task_id(SERVER), bits), 0);
            }
        }
    });
    assert_eq!(fault, None);
}

/// Its memory is gone in the middle of what the server does for it.
#[test]
fn a_client_that_is_restarted_while_it_lends_is_forgotten() {
    let mut bench = Bench::new(
        nothing,
        |_| {
            let mut response = [0; 128];
            let leases = [Lease::read_only(&[]), Lease::write_only(&mut response)];
            sys_send(SERVER, EXCHANGE, &request(), &mut [0; ANSWER], &leases);
        },
        nothing,
    );
    let before = bench.take();
    bench.image.restart(SECOND);
    // Large, so that it would go to the lease of the life that is over.
    bench.reply(&before, 0, &[1; 128]);
    let after = bench.take();
    assert!(!bench.image.has_ended(SECOND));
    bench.reply(&after, 0, &[2; 128]);
    assert!(bench.image.has_ended(SECOND));
}
