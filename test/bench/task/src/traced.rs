// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What a trace of every instruction is read from: each piece of work between two marks.

use drv_scmi_api::{EventKind, EventSource, Exchange, Scmi, Thresholds, TransferFlags};
use userlib::*;

use crate::{commands, marks, notifications};
use test_bench_count::Samples;

/// Commands of each kind.
const TIMES: usize = 32;
/// Events that are waited for, and how long each may take in milliseconds.
const EVENTS: usize = 32;
const EVENT_LIMIT: u32 = 10_000;
const UPDATES: EventSource = EventSource {
    protocol: 0x15,
    event: 1,
    source: 0,
};

/// The marked work.
pub fn run(scmi: &Scmi, _samples: &mut Samples) {
    for _ in 0..TIMES {
        marks::begin();
        commands::exchange(scmi);
        marks::end();
    }
    let (request, mut response) = ([1; 128], [0; 128]);
    for _ in 0..TIMES {
        marks::begin();
        commands::exchange_bytes(scmi, &request, &mut response);
        marks::end();
    }
    pipelined(scmi);
}

/// How long the platform has for sixteen commands, in milliseconds: on a busy computer it may not run for a while.
const ANSWERED: u64 = 200;

/// Sixteen transfers are started in one piece of work, and polled in another, each so many times.
fn pipelined(scmi: &Scmi) {
    for _ in 0..TIMES / 4 {
        let mut handles = [0; 16];
        marks::begin();
        for handle in &mut handles {
            *handle = commands::start(scmi, TransferFlags::POLLED, 0);
        }
        marks::end();
        hl::sleep_for(ANSWERED);
        marks::begin();
        for handle in handles {
            let polled = commands::poll(scmi, handle);
            assert!(polled.done == 1, "not done after {ANSWERED} ms");
        }
        marks::end();
    }
}

/// Follows the first sensor until so many events have come. Somebody else makes them: the platform, or who drives it.
pub fn events(scmi: &Scmi, _samples: &mut Samples) {
    let followed = scmi.notify(UPDATES, true, Thresholds::NONE);
    assert!(followed.is_ok(), "the sensor tells nothing: {followed:?}");
    for _ in 0..EVENTS {
        set_timer_relative(EVENT_LIMIT, notifications::TIMER_MASK);
        let woken = sys_recv_notification(notifications::SCMI_MASK | notifications::TIMER_MASK);
        assert!(
            woken.check_notification_mask(notifications::SCMI_MASK),
            "no event within {EVENT_LIMIT} ms"
        );
        marks::event();
        while more_events(scmi) {}
    }
}

/// Fetches an event, and says whether there are more.
fn more_events(scmi: &Scmi) -> bool {
    let mut payload = [0; 64];
    let fetched = scmi.next_event(&mut payload);
    fetched.is_ok_and(|event| event.kind() != EventKind::Empty && event.more != 0)
}
