// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A generated client and a generated server: every encoding, every kind of error, every kind of lease.

use idol_runtime::ServerDeath;
use test_suite_common::report;
use test_suite_common::sample::{Mode, Name, SampleError, Trouble};
use userlib::*;

use crate::Case;
use crate::expect::{equal, faults};
use crate::tasks::{ASSIST, Assist, LOW, SERVER, to, usage};

use client::{Sample, SampleOperation};

task_slot!(IDOL, idol);

/// Generated from `suite.idol`.
mod client {
    use test_suite_common::sample::{Mode, Name, SampleError, Trouble};
    include!(concat!(env!("OUT_DIR"), "/client_stub.rs"));
}

/// The cases.
pub const CASES: &[Case] = &[
    ("idol zerocopy: integers of every size", || {
        equal(sample().add(1, -2, 3, 4 << 32, false), Ok(2 + (4 << 32)));
        equal(sample().add(1, 2, 3, 4, true), Ok(-10));
    }),
    ("idol zerocopy: an error as a code", || {
        equal(sample().add(255, 0, 0, 0, false), Err(SampleError::Odd));
    }),
    ("idol zerocopy: a bool, without errors", || {
        equal((sample().is_odd(7), sample().is_odd(8)), (true, false));
    }),
    ("idol zerocopy: an enumeration both ways", || {
        equal(sample().turn(Mode::Off), Ok(Mode::On));
        equal(sample().turn(Mode::On), Ok(Mode::Off));
    }),
    (
        "idol leases: written, of every length up to the limit",
        || {
            let mut bytes = [0; 65];
            for len in [0, 1, 63, 64] {
                equal(sample().fill(len as u8, &mut bytes[..len]), Ok(len as u32));
                equal(bytes[..len].iter().all(|byte| *byte == len as u8), true);
                equal(bytes[len], 0);
            }
        },
    ),
    (
        "idol leases: read, and asked for more than there is",
        || {
            equal(sample().sum(&[1, 2, 3]), 6);
            equal(sample().sum(&[]), 0);
        },
    ),
    ("idol leases: read and written", || {
        let mut bytes = [0x0f, 0xf0, 1];
        equal(sample().invert(&mut bytes), Ok(()));
        equal(bytes, [0xf0, 0x0f, 0xfe]);
        equal(sample().invert(&mut [0; 65]), Err(SampleError::TooMuch));
    }),
    ("idol leases: of one value, and of an array", || {
        let mut output = [0; 3];
        sample().sized(&5, &mut output);
        equal(output, [5, 6, 7]);
    }),
    ("idol hubpack: options and enumerations", || {
        equal(
            sample().hub(300, Some(9), false),
            Ok(Some((Name::Numbered { number: 309 }, u64::MAX))),
        );
        equal(
            sample().hub(1, None, true),
            Ok(Some((Name::Short(*b"deep"), 1))),
        );
        equal(sample().hub(1, None, false), Ok(None));
    }),
    ("idol hubpack: an error as a code", || {
        equal(sample().hub(0, None, false), Err(SampleError::TooMuch));
    }),
    ("idol hubpack: an error with a body", || {
        equal(sample().hub_complex(Name::Short(*b"xyz!"), 0), Ok(b'x'));
        equal(
            sample().hub_complex(Name::None, 0x1_0007),
            Err(Trouble::At([7, 2, 0xffff])),
        );
    }),
    ("idol ssmarshal: without errors", || {
        equal(sample().marshal(true, 0x1_0000, 5), (false, 0x1_0005));
    }),
    ("idol ssmarshal: an error as a code", || {
        equal(sample().marshal_result(1), Ok(true));
        equal(sample().marshal_result(9), Err(SampleError::Odd));
    }),
    (
        "idol: nothing but the death of the server can go wrong",
        || {
            equal(sample().push(0x77), Ok(()));
            equal(sample().release(0), 0x77);
        },
    ),
    ("idol: an answer that comes later", || {
        // LOW asks with the generated operation's number, and waits.
        let base = LOW.buffer();
        LOW.calls_later(
            Sysnum::Send,
            [operation(SampleOperation::wait), 0, 0, base, 4, 0, 0],
        );
        LOW.settles();
        let server = server();
        equal(
            kipc::read_task_status(LOW.index),
            TaskState::Healthy(SchedState::InReply(server)),
        );
        sample().release(0x1234);
        equal((LOW.returned().1[0], LOW.peeks(base)), (0, 0x1234));
    }),
    ("idol: a late answer to one who is gone", || {
        LOW.calls_later(
            Sysnum::Send,
            [
                operation(SampleOperation::wait),
                0,
                0,
                LOW.buffer(),
                4,
                0,
                0,
            ],
        );
        LOW.settles();
        kipc::reinit_task(LOW.index, true);
        sample().release(0x1234);
        equal((LOW.returned().0, faults(SERVER).0), (0, 0));
    }),
    ("idol: the server dies, an error as a code", || {
        equal(sample().die(), Err(SampleError::Restarted));
        equal(faults(SERVER).0, 1);
    }),
    ("idol: the server dies, an error with a body", || {
        equal(sample().die_complex(), Err(Trouble::Restarted));
    }),
    (
        "idol: the server dies, and nothing else can go wrong",
        || {
            equal(sample().die_plain(), Err(ServerDeath));
        },
    ),
    ("idol: the client goes on with the next life", || {
        let sample = sample();
        equal(sample.die(), Err(SampleError::Restarted));
        equal(sample.add(1, 1, 1, 1, false), Ok(4));
    }),
    ("idol: what is idempotent is asked again by itself", || {
        let life = server().generation().get();
        equal(sample().survive(life), life + 1);
        equal(faults(SERVER).0, 1);
    }),
    ("idol: a client that asks for what there is not", || {
        let fault = asks(ASSIST, to(server(), 200), 0, 64, 0);
        equal(
            fault,
            FaultInfo::FromServer(server(), ReplyFaultReason::UndefinedOperation),
        );
    }),
    (
        "idol: a message that is too long for every operation",
        || {
            let fault = asks(
                ASSIST,
                operation(SampleOperation::is_odd),
                report::MESSAGE as u32 / 2,
                64,
                0,
            );
            equal(
                fault,
                FaultInfo::FromServer(server(), ReplyFaultReason::BadMessageSize),
            );
        },
    ),
    ("idol: a message that is too short", || {
        let fault = asks(ASSIST, operation(SampleOperation::is_odd), 3, 64, 0);
        equal(
            fault,
            FaultInfo::FromServer(server(), ReplyFaultReason::BadMessageSize),
        );
    }),
    ("idol: a value that the enumeration has not", || {
        let base = ASSIST.pokes(0, &[99]);
        let fault = ASSIST.call_faults(
            Sysnum::Send,
            [
                operation(SampleOperation::turn),
                base,
                1,
                base + 64,
                64,
                0,
                0,
            ],
        );
        equal(
            fault,
            FaultInfo::FromServer(server(), ReplyFaultReason::BadMessageContents),
        );
    }),
    ("idol leases: one that contains its own lease table", || {
        // The first piece sets the length to 0; a server that goes by the length it was told would fault with the second.
        let buffer = ASSIST.buffer();
        let table = buffer + 128;
        ASSIST.pokes(0, &[0]);
        ASSIST.pokes(128, &[2, table + 8 - 12, 64]);
        let fault = ASSIST.call_faults(
            Sysnum::Send,
            [
                operation(SampleOperation::fill),
                buffer,
                1,
                buffer + 64,
                64,
                table,
                1,
            ],
        );
        equal(fault, usage(UsageError::InvalidSlice));
        equal(faults(SERVER).0, 0);
    }),
    ("idol: no room for the reply", || {
        let fault = asks(ASSIST, operation(SampleOperation::is_odd), 4, 0, 0);
        equal(
            fault,
            FaultInfo::FromServer(server(), ReplyFaultReason::ReplyBufferTooSmall),
        );
    }),
    ("idol: no room for the largest error", || {
        let fault = asks(ASSIST, operation(SampleOperation::hub_complex), 5, 1, 0);
        equal(
            fault,
            FaultInfo::FromServer(server(), ReplyFaultReason::ReplyBufferTooSmall),
        );
    }),
    ("idol: too few leases, and too many", || {
        for leases in [0, 2] {
            let fault = asks(ASSIST, operation(SampleOperation::sum), 0, 64, leases);
            equal(
                fault,
                FaultInfo::FromServer(server(), ReplyFaultReason::BadLeases),
            );
        }
    }),
    ("idol: a lease without the attribute", || {
        let base = ASSIST.buffer();
        ASSIST.pokes(0, &[2, base + 64, 4]);
        let fault = ASSIST.call_faults(
            Sysnum::Send,
            [operation(SampleOperation::sum), 0, 0, base + 32, 8, base, 1],
        );
        equal(
            fault,
            FaultInfo::FromServer(server(), ReplyFaultReason::BadLeases),
        );
    }),
    ("idol: a lease longer than the limit", || {
        let base = ASSIST.buffer();
        ASSIST.pokes(0, &[2, base + 64, 65]);
        let fault = ASSIST.call_faults(
            Sysnum::Send,
            [
                operation(SampleOperation::fill),
                base,
                1,
                base + 32,
                8,
                base,
                1,
            ],
        );
        equal(
            fault,
            FaultInfo::FromServer(server(), ReplyFaultReason::BadLeases),
        );
    }),
];

fn server() -> TaskId {
    IDOL.get_task_id()
}

fn sample() -> Sample {
    Sample::from(server())
}

fn operation(operation: SampleOperation) -> u32 {
    to(server(), operation as u16)
}

/// A SEND to the server that no generated client would make: message length, room for the reply, leases, which are all empty.
#[track_caller]
fn asks(who: Assist, target: u32, len: u32, room: u32, leases: u32) -> FaultInfo {
    let base = who.buffer();
    let fault = who.call_faults(
        Sysnum::Send,
        [target, base, len, base + 128, room, base + 64, leases],
    );
    equal(faults(SERVER).0, 0);
    fault
}
