// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What is counted: messages, and commands one by one, many in flight, and of many clients.

use core::fmt::Write;

use drv_scmi_api::{
    BatchAnswer, BatchEntry, Exchange, Polled, Request, SMALL_RESPONSE, Scmi, TransferFlags,
};
use hubris_num_tasks::{NUM_TASKS, Task};
use test_bench_count::{Count, Samples, counter};
use test_uart::Line;
use userlib::*;
use zerocopy::FromBytes;

use crate::{ECHO, UART, notifications};

const BASE: u8 = 0x10;
const PROTOCOL_VERSION: u8 = 0;
/// No platform here has it: the answer is a status alone, whatever the request is.
const UNKNOWN_PROTOCOL: u8 = 0x1f;
/// The echo of test/bench/machine.toml.
const ECHO_PROTOCOL: u8 = 0x80;
const ECHO_MESSAGE: u8 = 3;
/// As much as a command can carry, each way.
const LONGEST: usize = 128;
/// Bytes of a message to the echo, each way.
const ECHOED: usize = 12;
/// Transfers in flight at most.
const DEEPEST: usize = 16;
/// Exchanges of a client for each order: as in test/bench/client.
const CLIENT_COMMANDS: u32 = 200;
/// The tasks after this one are clients.
const FIRST_CLIENT: usize = Task::idle as usize + 1;

/// The rows that have a limit, so often as it takes to see whether they keep it.
pub fn quick(scmi: &Scmi, samples: &mut Samples) {
    rows(scmi, samples, 500);
}

/// All rows but those that take an image or a machine of their own.
pub fn full(scmi: &Scmi, samples: &mut Samples) {
    control(samples);
    rows(scmi, samples, 4000);
    payloads(scmi, samples);
    for depth in [1, 2, 4, 8] {
        pipelined(scmi, samples, 200, depth);
    }
}

/// What is counted on our own platform, which suppresses interrupts and has an echo.
pub fn own_platform(scmi: &Scmi, samples: &mut Samples) {
    samples.measure(4000, || exchange(scmi));
    samples.print(UART, "exchange_irq", 0);
    both_ways(scmi, samples, 4000);
    samples.print(UART, "exchange_irq_128_both", 0);
    pipelined(scmi, samples, 200, DEEPEST);
}

/// What interrupts and kicks there are, apart from everything else.
pub fn suppression(scmi: &Scmi, _samples: &mut Samples) {
    interrupts(scmi, 200);
}

/// One row: the rest of the image does not matter.
pub fn ring(scmi: &Scmi, samples: &mut Samples) {
    samples.measure(2000, || exchange(scmi));
    samples.print(UART, "exchange_irq", 0);
}

fn rows(scmi: &Scmi, samples: &mut Samples, times: usize) {
    let echo = ECHO.get_task_id();
    let message = [7; ECHOED];
    samples.measure(times, || {
        let mut reply = [0; ECHOED];
        let (code, len) = sys_send(echo, 0, &message, &mut reply, &[]);
        assert!(code == 0 && len == ECHOED, "the echo is broken");
    });
    samples.print(UART, "ipc_round_trip", 0);
    samples.measure(times, || exchange(scmi));
    samples.print(UART, "exchange_irq", 0);
    let (request, mut response) = ([1; 128], [0; 128]);
    samples.measure(times, || exchange_bytes(scmi, &request, &mut response));
    samples.print(UART, "exchange_irq_128", 0);
    pipelined(scmi, samples, times / 20, DEEPEST);
    batches(scmi, samples, times / 20);
    interrupts(scmi, times / 20);
}

/// PROTOCOL_VERSION, by the driver, waiting for the interrupt.
#[inline(always)]
pub fn exchange(scmi: &Scmi) {
    let mut version = [0; 4];
    let answer = scmi.exchange(&Request::new(BASE, PROTOCOL_VERSION, &[]), &mut version);
    assert!(
        answer.is_ok_and(|answer| answer.status == 0),
        "no answer: {answer:?}"
    );
}

#[inline(always)]
pub fn exchange_bytes(scmi: &Scmi, request: &[u8], response: &mut [u8]) {
    let request = Request::new(UNKNOWN_PROTOCOL, PROTOCOL_VERSION, request);
    let answer = scmi.exchange(&request, response);
    assert!(answer.is_ok(), "no answer: {answer:?}");
}

/// As many bytes there and back as a command can carry. What comes back is compared, without being counted.
fn both_ways(scmi: &Scmi, samples: &mut Samples, times: usize) {
    samples.clear();
    for round in 0..times {
        let request: [u8; LONGEST] = core::array::from_fn(|index| (index ^ round) as u8);
        let mut response = [0; LONGEST];
        let before = counter::read();
        let answer = scmi.exchange(
            &Request::new(ECHO_PROTOCOL, ECHO_MESSAGE, &request),
            &mut response,
        );
        let after = counter::read();
        samples.add(before, after, 1);
        assert!(
            answer.is_ok_and(|answer| answer.status == 0 && answer.len as usize == LONGEST),
            "no echo: {answer:?}"
        );
        assert!(response == request, "another echo than was sent");
    }
}

/// Sleeping costs nothing, however long: idle is not counted.
fn control(samples: &mut Samples) {
    for milliseconds in [2, 50] {
        samples.measure(20, || {
            set_timer_relative(milliseconds, notifications::TIMER_MASK);
            let _ = sys_recv_notification(notifications::TIMER_MASK);
        });
        samples.print(UART, "sleep", milliseconds);
    }
}

/// What bytes cost, there and back.
fn payloads(scmi: &Scmi, samples: &mut Samples) {
    for len in [0, 8, 16, 32, 64, 96, 128] {
        let (mut request, mut response) = ([1; 128], [0; 128]);
        let (Some(request), Some(response)) = (request.get_mut(..len), response.get_mut(..len))
        else {
            continue;
        };
        samples.measure(1000, || exchange_bytes(scmi, request, response));
        samples.print(UART, "payload", len as u32);
    }
}

/// Starts so many transfers, waits, and polls each: the count of both, per transfer. Waiting is not counted, nor is a poll that came
/// too early.
fn pipelined(scmi: &Scmi, samples: &mut Samples, batches: usize, depth: usize) {
    samples.clear();
    for _ in 0..batches {
        let mut handles = [0; DEEPEST];
        let Some(handles) = handles.get_mut(..depth) else {
            return;
        };
        let before = counter::read();
        for handle in handles.iter_mut() {
            *handle = start(scmi, TransferFlags::POLLED, 0);
        }
        let mut sum = counter::read().since(before, samples.reading());
        for handle in handles.iter() {
            sum.add(done(scmi, samples.reading(), *handle));
        }
        samples.add_sum(sum, depth as u32);
    }
    samples.print(UART, "pipelined", depth as u32);
}

/// Sixteen commands in one call, with 24 bytes for each answer's values: the count for each command.
fn batches(scmi: &Scmi, samples: &mut Samples, times: usize) {
    let entries = [BatchEntry::new(BASE, PROTOCOL_VERSION); DEEPEST];
    samples.clear();
    for _ in 0..times {
        let mut answers = [[0; size_of::<BatchAnswer>() + SMALL_RESPONSE]; DEEPEST];
        let before = counter::read();
        let ended = scmi.batch(&entries, 0, 0, answers.as_flattened_mut());
        let after = counter::read();
        samples.add(before, after, DEEPEST as u32);
        assert!(ended.is_ok(), "no answer: {ended:?}");
        for answer in &answers {
            let head = BatchAnswer::read_from_prefix(answer);
            assert!(
                matches!(
                    head,
                    Ok((
                        BatchAnswer {
                            len: 4,
                            error: 0,
                            status: 0
                        },
                        _
                    ))
                ),
                "no answer: {head:?}"
            );
        }
    }
    samples.print(UART, "batch", DEEPEST as u32);
}

/// Polls until the answer is there: the count of the last time.
fn done(scmi: &Scmi, reading: Count, handle: u32) -> Count {
    loop {
        let before = counter::read();
        let polled = poll(scmi, handle);
        let after = counter::read();
        if polled.done == 1 {
            return after.since(before, reading);
        }
        hl::sleep_for(1);
    }
}

#[inline(always)]
pub fn start(scmi: &Scmi, flags: TransferFlags, notification: u32) -> u32 {
    let request = Request::new(BASE, PROTOCOL_VERSION, &[][..]).with_flags(flags);
    match scmi.send(&request, notification) {
        Ok(handle) => handle,
        Err(error) => panic!("not started: {error:?}"),
    }
}

#[inline(always)]
pub fn poll(scmi: &Scmi, handle: u32) -> Polled {
    let mut version = [0; 4];
    match scmi.poll(handle, &mut version) {
        Ok(polled) => polled,
        Err(error) => panic!("no answer: {error:?}"),
    }
}

/// Interrupts and kicks of transfers that are sixteen in flight, by the driver's own counters.
fn interrupts(scmi: &Scmi, batches: usize) {
    let before = scmi.stats();
    for _ in 0..batches {
        let mut handles = [0; DEEPEST];
        for handle in &mut handles {
            *handle = start(scmi, TransferFlags::empty(), notifications::SCMI_MASK);
        }
        for handle in handles {
            while poll(scmi, handle).done == 0 {
                let _ = sys_recv_notification(notifications::SCMI_MASK);
            }
        }
    }
    let after = scmi.stats();
    let _ = writeln!(
        Line(UART),
        "events commands={} interrupts={} kicks={}",
        after.counters.answered - before.counters.answered,
        after.counters.interrupts - before.counters.interrupts,
        after.counters.kicks - before.counters.kicks
    );
}

/// The first and the last thousand of 100,000 commands.
pub fn long(scmi: &Scmi, samples: &mut Samples) {
    samples.measure(1000, || exchange(scmi));
    samples.print(UART, "commands", 1000);
    for _ in 0..98_000 {
        exchange(scmi);
    }
    samples.measure(1000, || exchange(scmi));
    samples.print(UART, "commands", 100_000);
}

/// What a command costs when so many clients ask at once.
pub fn clients(_scmi: &Scmi, samples: &mut Samples) {
    let there = NUM_TASKS - FIRST_CLIENT;
    for count in [1, 2, 4, 8, 16] {
        if count > there {
            break;
        }
        samples.clear();
        for _ in 0..5 {
            let before = counter::read();
            let mut waiting = 0;
            for client in 0..count {
                let bit = 1 << client;
                let task = TaskId::for_index(FIRST_CLIENT + client);
                sys_post(sys_refresh_task_id(task), bit);
                waiting |= bit;
            }
            while waiting != 0 {
                waiting &= !sys_recv_notification(waiting).get_raw_bits();
            }
            let after = counter::read();
            samples.add(before, after, count as u32 * CLIENT_COMMANDS);
        }
        samples.print(UART, "clients", count as u32);
    }
}
