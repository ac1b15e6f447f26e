// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The sample driver (test/sample), which is written for the upstream interface, at work.

use test_sample_rtc_api::{Alarm, NoAlarm, Rtc, RtcError, Urgency};
use userlib::*;

use crate::Case;
use crate::expect::{equal, fail, faults, holds};
use crate::tasks::{ASSIST, LOW, to};

task_slot!(CLOCK, clock);

const BIT: u32 = 1 << 15;

/// The cases.
pub const CASES: &[Case] = &[
    ("sample driver: answers", || {
        let now = clock().seconds();
        holds(now > 1_700_000_000, "a time of this century");
        equal(clock().alarm(), Err(NoAlarm::Never));
        equal(clock().history(&mut [0; 4]), Ok(0));
    }),
    ("sample driver: an alarm, by its interrupt", || {
        let due = rings(0);
        equal(clock().alarm(), Err(NoAlarm::Fired { at: due }));
    }),
    ("sample driver: an alarm in a second", || {
        let before = sys_get_timer().now;
        clock().set_alarm(1, BIT, Urgency::High).unwrap_lite();
        match clock().alarm() {
            Ok(Alarm { urgency, .. }) => equal(urgency, Some(Urgency::High)),
            // It may have been late in the second.
            Err(error) => holds(matches!(error, NoAlarm::Fired { .. }), "an alarm"),
        }
        waits();
        holds(
            sys_get_timer().now - before < 10_000,
            "some seconds at most",
        );
    }),
    (
        "sample driver: remembers the last alarms, latest first",
        || {
            let mut times = [0; 4];
            let dues = [rings(0), rings(0), rings(0)];
            equal(clock().history(&mut times), Ok(3));
            equal(times, [dues[2], dues[1], dues[0], 0]);
            let mut short = [0];
            equal(clock().history(&mut short), Ok(3));
            equal(short, [dues[2]]);
        },
    ),
    (
        "sample driver: refuses what is too far, and a second alarm",
        || {
            let set = |after| clock().set_alarm(after, BIT, Urgency::Low);
            equal(set(3601), Err(RtcError::TooFar));
            equal(set(3600), Ok(()));
            equal(set(0), Err(RtcError::Busy));
        },
    ),
    ("sample driver: faults a client that sends nonsense", || {
        let base = ASSIST.pokes(0, &[0, 1, 77]);
        let operation = to(clock_id(), 2);
        let fault = ASSIST.call_faults(Sysnum::Send, [operation, base, 9, base + 64, 64, 0, 0]);
        let wanted = FaultInfo::FromServer(clock_id(), ReplyFaultReason::BadMessageContents);
        equal(fault, wanted);
    }),
    ("sample driver: forgets a client that is gone", || {
        let base = LOW.pokes(0, &[3600, BIT, Urgency::Low as u32]);
        let operation = to(clock_id(), 2);
        let after = LOW.calls(Sysnum::Send, [operation, base, 9, base + 64, 64, 0, 0]);
        equal(after[0], 0);
        equal(clock().set_alarm(0, BIT, Urgency::Low), Err(RtcError::Busy));
        kipc::reinit_task(LOW.index, true);
        for _ in 0..100 {
            hl::sleep_for(10);
            if clock().set_alarm(0, BIT, Urgency::Low).is_ok() {
                waits();
                return;
            }
        }
        fail(format_args!("the alarm of one who is gone stays"));
    }),
    (
        "sample driver: a new life begins with a quiet device",
        || {
            let clock = clock();
            clock.set_alarm(1, BIT, Urgency::Low).unwrap_lite();
            kipc::reinit_task(usize::from(CLOCK.get_task_index()), true);
            equal(clock.alarm(), Err(NoAlarm::Never));
            hl::sleep_for(1200);
            equal(clock.alarm(), Err(NoAlarm::Never));
            equal(faults(CLOCK.get_task_index().into()).0, 0);
        },
    ),
    (
        "sample driver: its restart is an error value to its client",
        || {
            let stale = clock();
            kipc::reinit_task(usize::from(CLOCK.get_task_index()), true);
            equal(
                stale.set_alarm(0, BIT, Urgency::Low),
                Err(RtcError::ServerRestarted),
            );
            equal(stale.set_alarm(0, BIT, Urgency::Low), Ok(()));
            waits();
        },
    ),
];

fn clock_id() -> TaskId {
    CLOCK.get_task_id()
}

fn clock() -> Rtc {
    Rtc::from(clock_id())
}

/// Sets an alarm, waits for it, and returns when it was due.
#[track_caller]
fn rings(after: u32) -> u32 {
    equal(clock().set_alarm(after, BIT, Urgency::Low), Ok(()));
    waits();
    match clock().alarm() {
        Err(NoAlarm::Fired { at }) => at,
        other => fail(format_args!("saw {other:?} after an alarm")),
    }
}

#[track_caller]
fn waits() {
    equal(sys_recv_notification(BIT).get_raw_bits(), BIT);
}
