// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The generated code at work: client, kernel, dispatch, server, and back.
//!
//! Every test runs against both servers, and the deferring one both ways, so it is the same answer whenever it comes.

use std::sync::{Arc, Mutex};

use idol_runtime::ServerDeath;
use servers::{serve_deferred, serve_in_order};
use support::{CLIENT, Cast, SERVER, fault_of, kill_server, play, restart, waits_for_server};
use userlib::host::{Call, take_calls};
use userlib::{LeaseAttributes, ReplyFaultReason, SchedState, TaskState, sys_send};

#[path = "census/servers.rs"]
mod servers;
#[path = "../../../lib/idol-runtime/tests/support/mod.rs"]
mod support;
#[path = "census/types.rs"]
mod types_file;

use types_file::*;

mod client {
    use super::types_file::*;
    include!("golden/client.rs");
}
mod in_order {
    use super::types_file::*;
    include!("golden/in_order.rs");
}
mod deferred {
    use super::types_file::*;
    include!("golden/deferred.rs");
}

use client::{Census, CensusOperation};

fn ignore<T>(_: T) {}

/// Runs a test against each server.
fn with_each(test: fn(&Census)) {
    play(serve_in_order, move || test(&Census::from(SERVER)));
    for at_once in [false, true] {
        let server = move || serve_deferred(at_once);
        play(server, move || test(&Census::from(SERVER)));
    }
}

#[test]
fn zerocopy_arguments_and_results() {
    with_each(|census| {
        assert_eq!(census.add(1, -2, 3, 4, 5, false, 6), Ok(17));
        assert_eq!(census.add(1, 0, 0, 0, 0, true, 0), Ok(-1));
        assert_eq!(
            census.add(0, 0, 0, u64::MAX >> 2, 0, false, 0),
            Err(Fault::TooMuch)
        );
        let point = Point { x: 1, y: 2 };
        let table = [[10, 0], [0, 0], [0, 20]];
        assert_eq!(
            census.compound(point, table, 1.5),
            Ok(Point { x: 11, y: 32 })
        );
        assert_eq!(census.compound(point, table, f32::NAN), Err(Fault::Odd));
        assert_eq!((census.is_set(3), census.is_set(4)), (Ok(true), Ok(false)));
        census.reset();
        assert!(census.flag());
        assert_eq!(census.push(1), Ok(()));
    });
}

#[test]
fn receive_strategies() {
    with_each(|census| {
        assert_eq!(census.mode(Mode::Off, Wide::Large, 0), Ok(Mode::On));
        assert_eq!(census.mode(Mode::On, Wide::Small, 0), Ok(Mode::Off));
        assert_eq!(census.mode(Mode::On, Wide::Small, 99), Err(Fault::Odd));
        assert_eq!(census.mode_now(), Mode::On);
        // The second one is clamped to 125.
        let sum = census.converted(Celsius(1), Celsius(1000), Celsius(2));
        assert_eq!(sum, Ok(Celsius(128)));
    });
}

#[test]
fn leases_of_all_kinds() {
    with_each(|census| {
        assert_eq!(census.write(1, &[0, 1, 2, 3, 4]), Ok(()));
        assert_eq!(census.write(0, &[0, 1, 2, 3, 4]), Err(Fault::Odd));
        // Offsets behind the end, of the client's choice.
        assert_eq!(census.write(2, &[0, 1, 2, 3, 4]), Err(Fault::TooMuch));
        assert_eq!(census.write(0xFFFF, &[]), Err(Fault::TooMuch));

        let mut data = [0; 8];
        assert_eq!(census.read(5, &mut data), Ok(8));
        assert_eq!(data, [5, 6, 7, 8, 9, 10, 11, 12]);
        assert_eq!(census.read(5, &mut []), Ok(0));

        let mut sink = [0; 3];
        assert_eq!(census.transfer(&[1, 2], &mut sink), Ok(()));
        assert_eq!(sink, [1, 2, 0]);
        assert_eq!(
            census.transfer(&[1, 2, 3, 4], &mut sink),
            Err(Fault::TooMuch)
        );

        let mut counts = [0; ROWS];
        census.sized(&Point { x: 8, y: 9 }, &mut counts);
        assert_eq!(counts, [8, 9, 77]);

        let mut points = [Point::default(); 2];
        assert_eq!(census.words(&[1, 2, 3], &mut points), Ok(3));
        assert_eq!(points, [Point { x: 1, y: -1 }, Point { x: 2, y: -2 }]);

        let (mut buffer, mut value) = ([5, 6], 7);
        assert_eq!(census.exchange(&mut buffer, &mut value), Ok(()));
        assert_eq!((buffer, value), ([7, 6], 5));
        assert_eq!(census.exchange(&mut [], &mut value), Err(Fault::TooMuch));

        let mut out = [0];
        assert_eq!(census.op(1, 2, 3, 4, 5, &[42], &mut out), Ok(15));
        assert_eq!(out, [42]);
    });
}

#[test]
fn serde_encodings() {
    with_each(|census| {
        assert_eq!(census.describe(0, None, false), Ok(None));
        assert_eq!(census.describe(1, Some(9), false), Ok(Some((Err(9), 5))));
        assert_eq!(
            census.describe(1, None, true),
            Ok(Some((Ok(Name::Short(*b"fan0")), u64::MAX)))
        );
        let numbered = Name::Numbered { number: 0x0102 };
        assert_eq!(census.describe(1, None, false), Ok(Some((Ok(numbered), 1))));
        assert_eq!(census.describe(2, None, false), Err(Fault::Odd));

        assert_eq!(census.examine(numbered, u128::MAX), Ok(true));
        assert_eq!(census.examine(numbered, 2), Ok(false));
        // Longer than the success that the reply has room for too.
        assert_eq!(census.examine(numbered, 0), Err(Trouble::At([1, 2, 3, 4])));
        assert_eq!(census.examine(Name::None, 0), Err(Trouble::Unknown));
        assert_eq!(census.provoke([[0, 0], [7, 0]], &[7]), Ok(()));
        assert_eq!(
            census.provoke([[0, 0], [7, 0]], &[8]),
            Err(Trouble::At([8, 0, 0, 0xFFFF]))
        );

        assert_eq!(census.totals(), (1, [2, 3], 0.5));
        let mut log = [0];
        assert_eq!(census.finish(true, &mut log), Ok(0xABCD));
        assert_eq!(log, *b"!");

        let level = Bare {
            level: 7,
            name: Some(1),
        };
        assert_eq!(
            census.marshal(true, false, level, 2),
            Bare {
                level: 10,
                name: Some(1)
            }
        );
        assert_eq!(
            census.marshal(false, true, level, 0),
            Bare {
                level: 7,
                name: None
            }
        );
        assert_eq!(census.marshal_result(2), Ok(true));
        assert_eq!(census.marshal_result(0), Err(Fault::Odd));
    });
}

/// (U1) A type that does not know its encoded size may be longer when it is encoded than in memory.
#[test]
fn u1_messages_longer_than_in_memory_fit() {
    assert_eq!((size_of::<Lone>(), size_of::<Folded>()), (0, 4));
    with_each(|census| {
        let folded = Folded {
            lone: Lone::Only,
            flags: [Some(true), None, Some(false), Some(true)],
        };
        let pair = Some([Lone::Only; 2]);
        assert_eq!(
            census.marshal_folded(Lone::Only, pair, folded),
            Some(folded)
        );
        assert_eq!(census.marshal_folded(Lone::Only, None, folded), None);
    });
}

#[test]
fn a_server_may_fault_its_client() {
    with_each(|_| {
        let fault = fault_of(|| ignore(Census::from(SERVER).is_set(8)));
        assert_eq!(fault, Some(ReplyFaultReason::AccessViolation));
        let name = Name::Numbered { number: 1 };
        let fault = fault_of(move || ignore(Census::from(SERVER).examine(name, 1)));
        assert_eq!(fault, Some(ReplyFaultReason::BadMessageContents));
    });
}

/// Messages that no generated client sends.
#[test]
fn handmade_messages_fault_their_sender_and_nobody_else() {
    use CensusOperation as Op;
    use Lent::*;
    use ReplyFaultReason::*;
    use userlib::Lease;

    /// What a client lends.
    enum Lent {
        FourToRead,
        ManyToWrite,
    }

    type Case = (Op, &'static [u8], usize, &'static [Lent], ReplyFaultReason);
    const CASES: &[Case] = &[
        // Message sizes: fixed for zerocopy, as decoded otherwise.
        (Op::is_set, &[], 16, &[], BadMessageSize),
        (Op::is_set, &[1, 2], 16, &[], BadMessageSize),
        (Op::reset, &[1], 16, &[], BadMessageSize),
        (Op::totals, &[1], 16, &[], BadMessageSize),
        (Op::is_set, &[0; 200], 16, &[], BadMessageSize),
        (Op::describe, &[1, 0], 64, &[], BadMessageContents),
        (Op::describe, &[1, 0, 0, 1, 0], 64, &[], BadMessageContents),
        // Bytes that are no value.
        (Op::mode, &[4, 1, 0, 0, 0, 0], 16, &[], BadMessageContents),
        (Op::mode, &[3, 2, 0, 0, 0, 0], 16, &[], BadMessageContents),
        (Op::describe, &[1, 0, 2, 0], 64, &[], BadMessageContents),
        (Op::marshal_result, &[], 16, &[], BadMessageContents),
        // Room for the reply: also for the longer one of success and error.
        (Op::is_set, &[1], 0, &[], ReplyBufferTooSmall),
        (Op::examine, &[1; 17], 8, &[], ReplyBufferTooSmall),
        // Leases: number, access, size, limit.
        (Op::is_set, &[1], 16, &[FourToRead], BadLeases),
        (Op::write, &[0, 0], 16, &[], BadLeases),
        (Op::write, &[0, 0], 16, &[ManyToWrite], BadLeases),
        (Op::read, &[0; 4], 16, &[FourToRead], BadLeases),
        (Op::read, &[0; 4], 16, &[ManyToWrite], BadLeases),
        (Op::sized, &[], 16, &[FourToRead, ManyToWrite], BadLeases),
        (Op::transfer, &[], 16, &[FourToRead, ManyToWrite], BadLeases),
    ];
    with_each(|census| {
        for (op, message, room, lent, reason) in CASES {
            let fault = fault_of(move || {
                let mut many = [0; 300];
                let mut write_only = Some(Lease::write_only(&mut many));
                let leases = lent.iter().map(|lent| match lent {
                    FourToRead => Lease::read_only(&[1, 2, 3, 4]),
                    ManyToWrite => write_only.take().unwrap(),
                });
                let leases: Vec<_> = leases.collect();
                sys_send(SERVER, *op as u16, message, &mut vec![0; *room], &leases);
            });
            assert_eq!(fault, Some(*reason), "{op:?} {message:?}");
            assert!(census.flag(), "the server lives");
        }
        // Zero, and the number after the last.
        for op in [0, Op::marshal_folded as u16 + 1] {
            let fault = fault_of(move || {
                sys_send(SERVER, op, &[], &mut [0; 64], &[]);
            });
            assert_eq!(fault, Some(UndefinedOperation));
        }
    });
}

#[test]
fn any_nonzero_byte_is_a_true() {
    play(serve_in_order, || {
        let mut message = vec![0; in_order::ADD_MSG_SIZE];
        message[0] = 5;
        message[31] = 200;
        let mut reply = [0; 8];
        let operation = CensusOperation::add as u16;
        let answer = sys_send(SERVER, operation, &message, &mut reply, &[]);
        assert_eq!(answer, (0, 8));
        assert_eq!(i64::from_le_bytes(reply), -5);
    });
}

/// The targets of the SENDs in the log.
fn targets() -> Vec<u16> {
    let target = |call| match call {
        Call::Send { target, .. } => Some(target.0),
        _ => None,
    };
    take_calls().into_iter().filter_map(target).collect()
}

#[test]
fn an_idempotent_operation_is_repeated_until_the_server_lives() {
    with_each(|census| {
        take_calls();
        kill_server(&[1, 2]);
        assert!(census.flag());
        assert_eq!(targets(), [3, 3 | 1 << 10, 3 | 2 << 10]);
        // With leases, with each kind of error, and in the other encoding.
        let mut data = [0; 2];
        kill_server(&[3]);
        assert_eq!(census.read(1, &mut data), Ok(2));
        kill_server(&[4]);
        assert_eq!(census.examine(Name::None, 0), Err(Trouble::Unknown));
        kill_server(&[63]);
        assert_eq!(census.totals().0, 1);
        kill_server(&[0]);
        assert_eq!(
            census
                .marshal(
                    true,
                    true,
                    Bare {
                        level: 1,
                        name: None
                    },
                    0
                )
                .level,
            2
        );
        assert_eq!(targets().last(), Some(&3));
    });
}

#[test]
fn other_operations_report_the_servers_death_once() {
    with_each(|census| {
        take_calls();
        kill_server(&[9]);
        assert_eq!(census.is_set(1), Err(Fault::Restarted));
        assert_eq!(census.is_set(1), Ok(true));
        assert_eq!(
            targets(),
            [3, 3 | 9 << 10],
            "not repeated, and the new life is known"
        );
        kill_server(&[10]);
        assert_eq!(census.push(1), Err(ServerDeath));
        kill_server(&[11]);
        assert_eq!(census.finish(false, &mut [0]), Err(ServerDeath));
        kill_server(&[12]);
        assert_eq!(census.provoke([[0; 2]; 2], &[0]), Err(Trouble::Restarted));
        kill_server(&[13]);
        assert_eq!(census.describe(0, None, false), Err(Fault::Restarted));
    });
}

#[test]
#[should_panic(expected = "lease longer than its max_len: Census.read: data")]
fn a_lease_longer_than_its_limit_is_never_sent() {
    let server = || {
        userlib::sys_recv_open(&mut [], 0);
        panic!("sent");
    };
    play(server, || ignore(Census::from(SERVER).read(0, &mut [0; 9])));
}

/// A server that answers everything with these.
fn answer_with(code: u32, bytes: &'static [u8]) -> impl Fn() + Send + Sync + 'static {
    move || {
        loop {
            let rm = userlib::sys_recv_open(&mut [0; 64], 0);
            userlib::sys_reply(rm.sender, code, bytes);
        }
    }
}

#[test]
fn a_reply_that_is_not_of_the_interface_stops_the_client() {
    type Try = fn(&Census);
    let tries: &[(u32, &'static [u8], &str, Try)] = &[
        (0, &[1, 2], "Census.add", |c| {
            ignore(c.add(0, 0, 0, 0, 0, false, 0))
        }),
        (0, &[], "Census.is_set", |c| ignore(c.is_set(1))),
        (2, &[], "Census.is_set", |c| ignore(c.is_set(1))),
        (0x1_0001, &[], "Census.is_set", |c| ignore(c.is_set(1))),
        (1, &[], "Census.flag", |c| ignore(c.flag())),
        (1, &[], "Census.push", |c| ignore(c.push(1))),
        (0, &[9], "Census.mode_now", |c| ignore(c.mode_now())),
        (2, &[1], "Census.examine", |c| {
            ignore(c.examine(Name::None, 0))
        }),
        (1, &[9], "Census.examine", |c| {
            ignore(c.examine(Name::None, 0))
        }),
        (0, &[1, 0], "Census.examine", |c| {
            ignore(c.examine(Name::None, 0))
        }),
        (0, &[], "Census.marshal_result", |c| {
            ignore(c.marshal_result(0))
        }),
    ];
    for (code, bytes, label, attempt) in tries {
        let client = || attempt(&Census::from(SERVER));
        let mut cast = Cast::new(answer_with(*code, bytes), CLIENT.index(), client);
        cast.builder.expect_panic(CLIENT);
        let mut image = cast.builder.build();
        image.run();
        let message = format!("undecodable reply to {label}");
        assert_eq!(image.panic_of(CLIENT), Some(message));
    }
}

#[test]
fn leases_are_sent_in_order_with_their_access_and_length() {
    with_each(|census| {
        take_calls();
        census.transfer(&[1; 5], &mut [0; 200]).unwrap();
        census.exchange(&mut [1; 3], &mut 5).unwrap();
        let mut lists = take_calls().into_iter().filter_map(|call| match call {
            Call::Send { leases, .. } => Some(leases),
            _ => None,
        });
        let (r, w) = (LeaseAttributes::READ, LeaseAttributes::WRITE);
        assert_eq!(lists.next().unwrap(), [(r, 5), (w, 200)]);
        assert_eq!(lists.next().unwrap(), [(r | w, 3), (r | w, 2)]);
    });
}

/// (H10) A server that lives and answers dead codes is found out at its first answer, whatever generation it names.
#[test]
fn h10_a_false_dead_code_is_not_retried() {
    for generation in [0, 1, 63] {
        let code = userlib::dead_response_code(userlib::Generation::from(generation));
        let ask = |label: &str, ask: fn(&Census) -> bool| {
            let server = move || {
                let rm = userlib::sys_recv_open(&mut [0; 64], 0);
                userlib::sys_reply(rm.sender, code, &[]);
                userlib::sys_recv_open(&mut [0; 64], 0);
                panic!("asked again");
            };
            let told = Arc::new(Mutex::new(None));
            let client = {
                let told = Arc::clone(&told);
                move || *told.lock().unwrap() = Some(ask(&Census::from(SERVER)))
            };
            let mut cast = Cast::new(server, CLIENT.index(), client);
            cast.builder.expect_panic(CLIENT);
            let mut image = cast.builder.build();
            image.run();
            match image.panic_of(CLIENT) {
                None => assert_eq!(*told.lock().unwrap(), Some(true), "{label}"),
                // Without an error for it, the client stops as it does after any other answer that makes no sense.
                Some(panic) => assert_eq!(panic, format!("undecodable reply to {label}")),
            }
        };
        ask("Census.flag", Census::flag);
        ask("Census.read", |census| {
            census.read(1, &mut [0; 2]) == Err(Fault::Restarted)
        });
        ask("Census.examine", |census| {
            census.examine(Name::None, 0).is_ok()
        });
        ask("Census.totals", |census| census.totals().0 == 1);
    }
}

/// A deferring server keeps lease and caller after it returned, and may find both gone.
#[test]
fn a_client_that_dies_while_it_waits_is_left_alone() {
    let server = || {
        let rm = userlib::sys_recv_open(&mut [0; 64], 0);
        let caller = rm.sender;
        let lease = idol_runtime::Leased::<idol_runtime::R, [u8]>::read_only_slice(caller, 0, None);
        let lease = lease.unwrap();
        assert_eq!(lease.read_at(0), Some(5), "still waiting");
        restart(caller);
        assert_eq!(lease.read_at(0), None);
        deferred::reply_write(caller, Ok(()));
        deferred::reply_write(caller, Err(Fault::Odd));
        // Nor is the next life answered, which waits too.
        let rm = userlib::sys_recv_open(&mut [0; 64], 0);
        assert_eq!(rm.sender, caller.next_generation());
        assert_eq!(lease.read_at(0), None);
        deferred::reply_write(caller, Ok(()));
        deferred::reply_write(caller, Err(Fault::Odd));
        assert!(waits_for_server(rm.sender));
    };
    let mut cast = Cast::new(server, 10, || ());
    // In each life.
    let client = cast.builder.task("writer", 4, || {
        ignore(Census::from(SERVER).write(0, &[5]));
        panic!("answered");
    });
    let mut image = cast.builder.build();
    image.run();
    let waits = TaskState::Healthy(SchedState::InReply(SERVER));
    assert_eq!(image.id(client), client.next_generation());
    assert_eq!(image.state(client), waits);
}

#[test]
fn sizes_are_those_of_messages_and_of_the_longest_reply() {
    assert_eq!(
        in_order::ADD_MSG_SIZE,
        1 + 2 + 4 + 8 + 16 + 1 + size_of::<usize>()
    );
    assert_eq!(in_order::ADD_REPLY_SIZE, 8);
    assert_eq!(in_order::COMPOUND_MSG_SIZE, 8 + 12 + 4);
    assert_eq!(
        (in_order::RESET_MSG_SIZE, in_order::RESET_REPLY_SIZE),
        (0, 0)
    );
    assert_eq!(
        (in_order::FLAG_REPLY_SIZE, in_order::MODE_REPLY_SIZE),
        (1, 1)
    );
    // Name is at most 5 bytes; Trouble 9, more than a bool.
    assert_eq!(in_order::EXAMINE_MSG_SIZE, 5 + 16);
    assert_eq!(in_order::EXAMINE_REPLY_SIZE, 9);
    assert_eq!(in_order::PROVOKE_REPLY_SIZE, 9);
    assert_eq!(in_order::DESCRIBE_REPLY_SIZE, 1 + 6 + 8);
    // Of a type that does not know its encoded size, twice the size in memory and 8; a usize travels as 8 bytes.
    let bare = 2 * size_of::<Bare>() + 8;
    assert_eq!(in_order::MARSHAL_MSG_SIZE, 1 + 1 + bare + 8);
    // Tags are added up: of two options, and of a lone variant in three places.
    assert_eq!(
        in_order::MARSHAL_FOLDED_MSG_SIZE,
        8 + (1 + 2 * 8) + (2 * 4 + 8)
    );
    assert_eq!(in_order::MARSHAL_FOLDED_REPLY_SIZE, 1 + 2 * 4 + 8);
    assert_eq!(in_order::INCOMING_SIZE, in_order::MARSHAL_FOLDED_MSG_SIZE);
    assert_eq!(deferred::INCOMING_SIZE, in_order::INCOMING_SIZE);
}
