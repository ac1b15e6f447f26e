// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The server that ships, the code generated on both its sides, and the kernel that ships: clients call it as in an image.

mod support;

use drv_scmi_api::{
    BatchAnswer, BatchEntry, EventKind, EventSource, Exchange, Request, Scmi, ScmiError,
    Thresholds, TransferFlags,
};
use support::device::header;
use support::*;
use userlib::{TaskId, TaskState, sys_recv_notification};
use zerocopy::FromBytes;

/// PROTOCOL_VERSION of a protocol.
fn version(protocol: u8) -> Request<&'static [u8]> {
    Request::new(protocol, 0, &[])
}

/// Asks, and must be answered with this status.
fn ask(scmi: &Scmi, protocol: u8) -> i32 {
    let answer = scmi.exchange(&version(protocol), &mut [0; 4]);
    answer.expect("there is an answer").status
}

fn all_is_well(bench: &mut Bench, done: &[TaskId]) {
    for &task in done {
        assert!(bench.image.has_ended(task), "{:?}", bench.image.state(task));
    }
    let state = bench.image.state(SERVER);
    assert!(matches!(state, TaskState::Healthy(_)), "{state:?}");
}

#[test]
fn small_values_travel_in_the_messages_and_large_ones_by_lease() {
    let mut bench = Bench::new(
        |scmi| {
            let mut small = [0; 24];
            let request = Request::new(0x15, 3, &[1, 2, 3, 4, 5][..]);
            let answer = scmi.exchange(&request, &mut small).unwrap();
            assert_eq!((answer.status, answer.len), (0, 24));
            assert_eq!(small, [7; 24]);
            let bytes: [u8; 128] = core::array::from_fn(|index| index as u8);
            let mut large = [0; 128];
            let answer = scmi.exchange(&Request::new(0x80, 9, &bytes), &mut large);
            let answer = answer.unwrap();
            assert_eq!((answer.status, answer.len), (-3, 128));
            assert_eq!(large, bytes);
            // Cut to what there is room for.
            let mut room = [0xee; 26];
            let answer = scmi.exchange(&Request::new(0x80, 9, &bytes), &mut room[..25]);
            assert_eq!(answer.unwrap().len, 128);
            assert_eq!((&room[..25], room[25]), (&bytes[..25], 0xee));
            let long = Request::new(0x80, 9, &[0; 129][..]);
            let refused = scmi.exchange(&long, &mut []);
            assert_eq!(refused, Err(ScmiError::RequestTooLong));
        },
        nothing,
        nothing,
    );
    let command = bench.take();
    assert_eq!((command.protocol(), command.message()), (0x15, 3));
    assert_eq!(command.parameters, [1, 2, 3, 4, 5]);
    bench.reply(&command, 0, &[7; 24]);
    let echoed = bench.answer_all(|command| (-3, command.parameters.clone()));
    assert_eq!(echoed, 2);
    all_is_well(&mut bench, &[FIRST]);
}

#[test]
fn what_is_sent_is_polled_and_told_by_a_notification() {
    const DONE: u32 = 1 << 9;
    let mut bench = Bench::new(
        |scmi| {
            let handle = scmi.send(&version(0x10), DONE).unwrap();
            let polled = scmi.send(&version(0x11).with_flags(TransferFlags::POLLED), 0);
            let mut values = [0; 4];
            assert!(scmi.poll(handle, &mut values).unwrap().response().is_none());
            assert_eq!(sys_recv_notification(DONE).get_raw_bits(), DONE);
            let done = scmi.poll(handle, &mut values).unwrap().response().unwrap();
            assert_eq!((done.status, values), (0, [1, 2, 3, 4]));
            let again = scmi.poll(handle, &mut values);
            assert_eq!(again, Err(ScmiError::BadHandle));
            scmi.cancel(polled.unwrap()).unwrap();
            assert!(scmi.stats().balanced());
        },
        nothing,
        nothing,
    );
    let command = bench.take();
    bench.reply(&command, 0, &[1, 2, 3, 4]);
    all_is_well(&mut bench, &[FIRST]);
}

#[test]
fn events_reach_who_subscribed_and_end_with_that() {
    const UPDATES: EventSource = EventSource {
        protocol: 0x15,
        event: 1,
        source: 2,
    };
    let mut bench = Bench::new(
        |scmi| {
            scmi.notify(UPDATES, true, Thresholds::NONE).unwrap();
            assert_ne!(sys_recv_notification(EVENTS_BIT).get_raw_bits(), 0);
            let mut payload = [0; 24];
            let event = scmi.next_event(&mut payload).unwrap();
            assert_eq!((event.kind(), event.len), (EventKind::Event, 24));
            assert_eq!((event.protocol, event.event), (0x15, 1));
            assert_eq!(payload[4..12], [2, 0, 0, 0, 99, 0, 0, 0]);
            let none = scmi.next_event(&mut payload).unwrap();
            assert_eq!(none.kind(), EventKind::Empty);
            scmi.notify(UPDATES, false, Thresholds::NONE).unwrap();
            let twice = scmi.notify(UPDATES, false, Thresholds::NONE);
            assert_eq!(twice, Err(ScmiError::NotSubscribed));
            let unknown = EventSource {
                event: 77,
                ..UPDATES
            };
            let refused = scmi.notify(unknown, true, Thresholds::NONE);
            assert_eq!(refused, Err(ScmiError::UnknownEvent));
        },
        nothing,
        nothing,
    );
    let command = bench.take();
    assert_eq!(command.parameters[..4], [2, 0, 0, 0]);
    bench.reply(&command, 0, &[]);
    assert!(bench.device().sensor_update(2, 99));
    // Nobody wants this one.
    assert!(bench.device().sensor_update(3, 1));
    bench.interrupt();
    assert_eq!(bench.answer_all(|_| (0, vec![])), 1);
    all_is_well(&mut bench, &[FIRST]);
}

#[test]
fn a_batch_takes_no_more_slots_than_its_client_has() {
    let mut bench = Bench::new(
        nothing,
        |scmi| {
            let mut entries = [BatchEntry::new(0x10, 0); 8];
            for (entry, number) in entries.iter_mut().zip(0u8..) {
                *entry = entry.with_parameters(&[number]).unwrap();
            }
            entries[3].protocol = 0x14;
            let mut answers = [[0; 12]; 8];
            scmi.batch(&entries, 0, 0, answers.as_flattened_mut())
                .unwrap();
            for (answer, number) in answers.iter().zip(0u8..) {
                let (head, values) = BatchAnswer::read_from_prefix(answer).unwrap();
                if number == 3 {
                    assert_eq!(head.error, ScmiError::ProtocolNotAllowed as u16);
                } else {
                    assert_eq!((head.error, head.status, head.len), (0, 0, 8), "{number}");
                    assert_eq!(values, [number; 4]);
                }
            }
            let long = scmi.batch(&[entries[0]; 9], 0, 0, &mut [0; 9 * 8]);
            assert_eq!(long, Err(ScmiError::BatchTooLong));
            let uneven = scmi.batch(&entries, 0, 0, &mut [0; 65]);
            assert_eq!(uneven, Err(ScmiError::InvalidArgument));
        },
        nothing,
    );
    let mut answered = 0;
    loop {
        let two: Vec<_> = std::iter::from_fn(|| bench.device().take()).collect();
        if two.is_empty() {
            break;
        }
        assert!(two.len() <= 2, "a client with 2 slots has {}", two.len());
        for command in two {
            let values = [command.parameters[0]; 8];
            bench.device().reply(&command, 0, &values);
            answered += 1;
        }
        bench.interrupt();
    }
    assert_eq!(answered, 7);
    all_is_well(&mut bench, &[SECOND]);
}

#[test]
fn who_is_no_client_is_told_so_and_learns_the_state() {
    let mut bench = Bench::new(
        nothing,
        |scmi| {
            let refused = scmi.exchange(&version(0x14), &mut []);
            assert_eq!(refused, Err(ScmiError::ProtocolNotAllowed));
        },
        |scmi| {
            let refused = scmi.exchange(&version(0x10), &mut []);
            assert_eq!(refused, Err(ScmiError::NotAClient));
            assert_eq!(scmi.poll(5, &mut []), Err(ScmiError::NotAClient));
            let info = scmi.info();
            assert!(info.state().is_ready());
            assert_eq!((info.caller_slots, info.slots), (0, 8));
            assert_eq!((info.transport, info.vendor), (0, 0x554d_4551));
        },
    );
    all_is_well(&mut bench, &[SECOND, STRANGER]);
}

#[test]
fn a_restart_of_the_server_is_told_to_who_waits_and_resets_the_device() {
    let mut bench = Bench::new(
        |scmi| {
            let lost = scmi.exchange(&version(0x10), &mut [0; 4]);
            assert_eq!(lost, Err(ScmiError::ServerRestarted));
            assert_eq!(ask(scmi, 0x10), 0);
        },
        nothing,
        nothing,
    );
    let stale = bench.take();
    bench.image.restart(SERVER);
    assert_eq!(bench.resets(), 2);
    let command = bench.take();
    assert_eq!(command.protocol(), stale.protocol());
    bench.reply(&command, 0, &[0, 0, 2, 0]);
    all_is_well(&mut bench, &[FIRST]);
}

#[test]
fn time_runs_out_for_what_is_not_answered() {
    let mut bench = Bench::new(
        |scmi| {
            let request = version(0x10).with_deadline(50);
            let end = scmi.exchange(&request, &mut []);
            assert_eq!(end, Err(ScmiError::TimedOut));
            assert_eq!(ask(scmi, 0x11), -1);
        },
        nothing,
        nothing,
    );
    let late = bench.take();
    bench.image.run_for(49);
    assert!(bench.device().take().is_none());
    bench.image.run_for(260);
    let command = bench.take();
    assert_eq!(command.protocol(), 0x11);
    // What comes too late is nobody's answer.
    bench.reply(&late, 0, &[9; 4]);
    bench.reply(&command, -1, &[]);
    all_is_well(&mut bench, &[FIRST]);
}

#[test]
fn an_answer_to_somebody_who_is_gone_is_dropped_and_the_slot_is_free_again() {
    let mut bench = Bench::new(
        |scmi| {
            // Each life asks once; only the last is answered.
            assert_eq!(ask(scmi, 0x10), 0);
        },
        nothing,
        |scmi| {
            // Long after the rest.
            userlib::hl::sleep_for(1000);
            let stats = scmi.stats();
            assert!(stats.balanced(), "{stats:?}");
            let pools = &stats.pools;
            assert_eq!((pools.slots_free, pools.slots_lost), (pools.slots, 0));
        },
    );
    let mut taken = Vec::new();
    for _ in 0..10 {
        taken.push(bench.take());
        bench.image.restart(FIRST);
        // A device that lost nothing answers the dead.
        if taken.len() == 3 {
            for command in taken.drain(..) {
                bench.reply(&command, 0, &[0; 4]);
            }
        }
    }
    for command in taken {
        bench.reply(&command, 0, &[0; 4]);
    }
    assert_eq!(bench.answer_all(|_| (0, vec![0; 4])), 1);
    bench.image.run_for(2000);
    all_is_well(&mut bench, &[FIRST, STRANGER]);
}

#[test]
fn a_device_that_writes_nonsense_harms_nobody_but_who_asked() {
    let mut bench = Bench::new(
        |scmi| {
            let end = scmi.exchange(&version(0x10), &mut [0; 128]);
            assert_eq!(end, Err(ScmiError::ShortReply));
            let end = scmi.exchange(&version(0x10), &mut [0; 128]);
            assert_eq!(end, Err(ScmiError::WrongReply));
            // More than there is room for, it says.
            let end = scmi.exchange(&version(0x10), &mut [0; 128]).unwrap();
            assert_eq!((end.status, end.len), (0, 128));
        },
        nothing,
        nothing,
    );
    let command = bench.take();
    bench.device().reply_raw(command.head, 0, 0, &[], 7);
    bench.interrupt();
    let command = bench.take();
    let other = header(0x11, 0, 0, command.token());
    bench.device().reply_raw(command.head, other, 0, &[], 8);
    bench.interrupt();
    let command = bench.take();
    let own = command.header;
    bench
        .device()
        .reply_raw(command.head, own, 0, &[3; 128], u32::MAX);
    bench.interrupt();
    all_is_well(&mut bench, &[FIRST]);
}
