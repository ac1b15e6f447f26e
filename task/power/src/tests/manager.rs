// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Resources of the sample machine, up and down.

use drv_scmi_api::{Incoming, ScmiError};
use proptest::prelude::*;
use scmi::Notice;
use scmi::power::{PowerState, StateChanged};
use task_power_api::{Cause, PowerError, ResourceState, Trouble};

use super::fake::{Fake, Log};
use crate::{BACK_OFF_MAX_MS, Manager, Part, Resource, Step};

const SUPPLY: u8 = 0;
const GPU: u8 = 1;
const DISPLAY: u8 = 2;

const fn step(part: Part, name: &'static str) -> Step {
    Step {
        part,
        name: Some(name),
    }
}

static SUPPLY_STEPS: [Step; 1] = [step(
    Part::Voltage {
        domain: 1,
        microvolts: Some(800_000),
    },
    "vdd-gpu",
)];
static GPU_STEPS: [Step; 3] = [
    step(Part::Power { domain: 1 }, "gpu"),
    step(
        Part::Clock {
            clock: 2,
            hertz: Some(400_000_000),
        },
        "gpu",
    ),
    step(Part::Reset { domain: 0 }, "gpu"),
];
static DISPLAY_STEPS: [Step; 1] = [step(Part::Power { domain: 3 }, "display")];
static RESOURCES: [Resource; 3] = [
    Resource {
        name: "supply",
        steps: &SUPPLY_STEPS,
        way: &[0],
        users: 0b10,
        unclaimed_off: false,
    },
    Resource {
        name: "gpu",
        steps: &GPU_STEPS,
        way: &[0, 1],
        users: 0b11,
        unclaimed_off: false,
    },
    Resource {
        name: "display",
        steps: &DISPLAY_STEPS,
        way: &[2],
        users: 0b01,
        unclaimed_off: true,
    },
];
static ORDER: [u8; 3] = [0, 1, 2];

type Power = Manager<3, 2>;

fn new() -> Power {
    Manager::new(&RESOURCES, &ORDER, 500)
}

/// After its first look, and with nothing left to do.
fn settled(fake: &Fake) -> Power {
    let mut power = new();
    power.settle(fake, 0);
    fake.take_log();
    power
}

fn state(power: &Power, resource: u8) -> ResourceState {
    power.status(resource, None).unwrap().state
}

const UP: [(u8, u8, u32); 6] = [
    (0x17, 0x7, 1), // voltage
    (0x17, 0x5, 1), // its mode
    (0x11, 0x4, 0), // power: the flags come first
    (0x14, 0x5, 0), // rate: likewise
    (0x14, 0x7, 2), // clock
    (0x16, 0x4, 0), // reset
];
const DOWN: [(u8, u8, u32); 4] = [
    (0x16, 0x4, 0),
    (0x14, 0x7, 2),
    (0x11, 0x4, 0),
    (0x17, 0x5, 1),
];

/// Whether the gpu and its supply are on, by the machine itself.
fn really(fake: &Fake) -> (bool, bool, bool, bool) {
    let platform = fake.platform.borrow();
    let model = &platform.model;
    (
        model.voltages[1].on,
        model.power[1] == 0,
        model.clocks[2].enabled,
        !model.resets[0],
    )
}

const ALL_ON: (bool, bool, bool, bool) = (true, true, true, true);
const ALL_OFF: (bool, bool, bool, bool) = (false, false, false, false);

#[test]
fn up_in_order_and_down_in_reverse() {
    let fake = Fake::new();
    let mut power = settled(&fake);
    assert_eq!(really(&fake), ALL_OFF);
    power.acquire(&fake, GPU, 0, 0).unwrap();
    assert_eq!(fake.take_log(), UP);
    assert_eq!(really(&fake), ALL_ON);
    assert_eq!(state(&power, SUPPLY), ResourceState::Up);
    power.release(&fake, GPU, 0, 0).unwrap();
    assert_eq!(fake.take_log(), DOWN);
    assert_eq!(really(&fake), ALL_OFF);
    assert_eq!(power.next(), None, "nothing is left to do");
}

#[test]
fn references_are_counted_by_client_and_by_need() {
    let fake = Fake::new();
    let mut power = settled(&fake);
    power.acquire(&fake, GPU, 0, 0).unwrap();
    power.acquire(&fake, GPU, 0, 0).unwrap();
    power.acquire(&fake, GPU, 1, 0).unwrap();
    power.acquire(&fake, SUPPLY, 1, 0).unwrap();
    assert_eq!(
        fake.take_log().len(),
        UP.len(),
        "only the first one switches"
    );
    let status = power.status(GPU, Some(0)).unwrap();
    assert_eq!((status.references, status.own, status.ups), (3, 2, 1));
    assert_eq!(power.status(SUPPLY, Some(1)).unwrap().references, 4);
    for client in [0, 1, 0] {
        assert_eq!(fake.take_log(), Log::new());
        power.release(&fake, GPU, client, 0).unwrap();
    }
    // The supply is still held.
    assert_eq!(fake.take_log(), DOWN[..3]);
    power.release(&fake, SUPPLY, 1, 0).unwrap();
    assert_eq!(fake.take_log(), DOWN[3..]);
    assert_eq!(power.release(&fake, GPU, 0, 0), Err(PowerError::NotHeld));
}

#[test]
fn who_may_not_is_told_so() {
    let fake = Fake::new();
    let mut power = settled(&fake);
    assert_eq!(
        power.acquire(&fake, SUPPLY, 0, 0),
        Err(PowerError::NotAllowed)
    );
    assert_eq!(power.acquire(&fake, GPU, 2, 0), Err(PowerError::NotAllowed));
    assert_eq!(
        power.acquire(&fake, 3, 0, 0),
        Err(PowerError::NoSuchResource)
    );
    assert_eq!(
        power.release(&fake, 3, 0, 0),
        Err(PowerError::NoSuchResource)
    );
    for _ in 0..255 {
        power.acquire(&fake, GPU, 0, 0).unwrap();
    }
    assert_eq!(power.acquire(&fake, GPU, 0, 0), Err(PowerError::TooMany));
}

#[test]
fn a_refusal_half_way_is_told_as_it_was_and_undone() {
    let fake = Fake::new();
    let mut power = settled(&fake);
    // DENIED, BUSY: of the rate, the clock, the reset.
    for (protocol, message, at, status) in
        [(0x14, 0x5, 1, -3), (0x14, 0x7, 1, -6), (0x16, 0x4, 2, -3)]
    {
        fake.refuse(protocol, message, status);
        let trouble = Trouble {
            resource: GPU,
            step: at,
            cause: Cause::Refused(status),
        };
        let result = power.acquire(&fake, GPU, 0, 0);
        fake.refusals.take();
        assert_eq!(result, Err(PowerError::Failed(trouble)));
        assert_eq!(really(&fake), ALL_OFF);
        let status = power.status(GPU, Some(0)).unwrap();
        assert_eq!((status.state, status.own), (ResourceState::Down, 0));
        assert_eq!(status.trouble, Some(trouble));
    }
    power.acquire(&fake, GPU, 0, 0).unwrap();
    assert_eq!(really(&fake), ALL_ON);
    assert_eq!(power.status(GPU, None).unwrap().trouble, None);
}

#[test]
fn what_cannot_be_undone_now_is_undone_later() {
    let fake = Fake::new();
    let mut power = settled(&fake);
    power.acquire(&fake, GPU, 0, 0).unwrap();
    fake.refuse(0x11, 0x4, -6);
    let result = power.release(&fake, GPU, 0, 0);
    assert!(matches!(result, Err(PowerError::Failed(_))), "{result:?}");
    assert_eq!(power.status(GPU, Some(0)).unwrap().references, 0);
    // The supply stays on under what is still on.
    assert_eq!(really(&fake), (true, true, false, false));
    let mut pauses = Vec::new();
    let mut now = 0;
    for _ in 0..10 {
        let next = power.next().unwrap();
        pauses.push(next - now);
        now = next;
        power.settle(&fake, now);
    }
    assert!(
        pauses.is_sorted() && pauses[9] == BACK_OFF_MAX_MS,
        "{pauses:?}"
    );
    fake.refusals.take();
    power.settle(&fake, power.next().unwrap());
    assert_eq!(really(&fake), ALL_OFF);
    assert_eq!(power.next(), None);
}

/// The gpu and the display on one supply, which goes off after the grace unless a client claims it.
static SHARED: [Resource; 3] = [
    Resource {
        name: "supply",
        steps: &SUPPLY_STEPS,
        way: &[0],
        users: 0b10,
        unclaimed_off: true,
    },
    Resource {
        name: "gpu",
        steps: &GPU_STEPS,
        way: &[0, 1],
        users: 0b11,
        unclaimed_off: false,
    },
    Resource {
        name: "display",
        steps: &DISPLAY_STEPS,
        way: &[0, 2],
        users: 0b11,
        unclaimed_off: false,
    },
];

/// A machine with a display that shows something on that supply, and the manager after its first look.
fn shared() -> (Fake, Power) {
    let fake = Fake::new();
    fake.platform.borrow_mut().model.voltages[1].on = true;
    let mut power = Manager::new(&SHARED, &ORDER, 500);
    power.settle(&fake, 0);
    assert_eq!(state(&power, DISPLAY), ResourceState::Up);
    fake.take_log();
    (fake, power)
}

fn settle_often(power: &mut Power, fake: &Fake, times: u32) {
    for _ in 0..times {
        let Some(now) = power.next() else { return };
        power.settle(fake, now);
    }
}

/// S14: the retry 100 ms later switched off the supply under what could not be switched off.
#[test]
fn s14_supply_stays_at_every_retry() {
    // BUSY, NOT_SUPPORTED, NOT_FOUND, GENERIC_ERROR; of the power domain and of the clock.
    for status in [-6, -1, -4, -8] {
        for (protocol, message, gpu) in [
            (0x11, 0x4, (true, true, false, false)),
            (0x14, 0x7, (true, true, true, false)),
        ] {
            let fake = Fake::new();
            let mut power = settled(&fake);
            power.acquire(&fake, GPU, 0, 0).unwrap();
            fake.refuse(protocol, message, status);
            power.release(&fake, GPU, 0, 0).unwrap_err();
            assert_eq!(really(&fake), gpu);
            for _ in 0..20 {
                settle_often(&mut power, &fake, 1);
                assert_eq!(really(&fake), gpu, "{status}");
            }
            fake.refusals.take();
            settle_often(&mut power, &fake, 1);
            assert_eq!((really(&fake), power.next()), (ALL_OFF, None));
        }
    }
}

/// S14: likewise when a client died.
#[test]
fn s14_supply_stays_after_a_death() {
    let fake = Fake::new();
    let mut power = settled(&fake);
    power.acquire(&fake, GPU, 0, 0).unwrap();
    fake.refuse(0x11, 0x4, -6);
    power.forget(0, 5);
    settle_often(&mut power, &fake, 20);
    assert_eq!(really(&fake), (true, true, false, false));
    // The platform's state is looked at anew meanwhile.
    power.resynchronise(5);
    settle_often(&mut power, &fake, 20);
    assert_eq!(really(&fake), (true, true, false, false));
    fake.refusals.take();
    settle_often(&mut power, &fake, 3);
    assert_eq!((really(&fake), power.next()), (ALL_OFF, None));
}

/// S14: likewise when it was brought up in vain.
#[test]
fn s14_supply_stays_after_a_failed_acquire() {
    let fake = Fake::new();
    let mut power = settled(&fake);
    fake.refuse(0x14, 0x7, -3);
    // The power domain goes on, and does not go off.
    fake.refuse_one(0x11, 0x4, 1, -6);
    power.acquire(&fake, GPU, 0, 0).unwrap_err();
    assert_eq!(really(&fake), (true, true, false, false));
    fake.refusals.take();
    settle_often(&mut power, &fake, 3);
    assert_eq!((really(&fake), power.next()), (ALL_OFF, None));
}

/// S14: a supply stays on under a resource that was found up and is kept, although no client holds either.
#[test]
fn s14_supply_stays_under_what_is_kept() {
    let (fake, mut power) = shared();
    // Its grace is over, and the display stands on it.
    assert!(fake.platform.borrow().model.voltages[1].on);
    assert_eq!(power.next(), None, "nothing is left to do");
    power.acquire(&fake, GPU, 0, 0).unwrap();
    power.release(&fake, GPU, 0, 0).unwrap();
    assert_eq!(really(&fake), (true, false, false, false));
    power.acquire(&fake, GPU, 0, 0).unwrap();
    power.forget(0, 0);
    settle_often(&mut power, &fake, 5);
    assert_eq!(really(&fake), (true, false, false, false));
    power.resynchronise(0);
    settle_often(&mut power, &fake, 5);
    assert_eq!(really(&fake), (true, false, false, false));
    assert_eq!(power.next(), None, "nothing is left to do");
    // It goes off with the display.
    power.acquire(&fake, DISPLAY, 0, 0).unwrap();
    power.release(&fake, DISPLAY, 0, 0).unwrap();
    assert_eq!((really(&fake), power.next()), (ALL_OFF, None));
}

/// S14: what is held, or stood on, is not taken down because it cannot be looked at after a reset.
#[test]
fn s14_what_is_in_use_is_not_undone() {
    // VOLTAGE_CONFIG_GET, POWER_STATE_GET, CLOCK_ATTRIBUTES.
    for (protocol, message) in [(0x17, 0x6), (0x11, 0x5), (0x14, 0x3)] {
        for status in [-6, -1, -4] {
            let (fake, mut power) = shared();
            power.acquire(&fake, GPU, 0, 0).unwrap();
            fake.refuse(protocol, message, status);
            power.resynchronise(0);
            settle_often(&mut power, &fake, 5);
            assert_eq!(really(&fake), ALL_ON, "{protocol:#x} {status}");
            assert_ne!(state(&power, DISPLAY), ResourceState::Absent);
            // Nobody holds it, and the display stands on it.
            let result = power.acquire(&fake, SUPPLY, 1, 0);
            assert_eq!(result.is_err(), protocol == 0x17);
            assert!(fake.platform.borrow().model.voltages[1].on);
            fake.refusals.take();
            settle_often(&mut power, &fake, 5);
            assert_eq!(
                (state(&power, GPU), power.next()),
                (ResourceState::Up, None)
            );
        }
    }
}

/// S14: likewise where nobody holds either, and the supply could be switched off.
#[test]
fn s14_supply_of_what_is_kept_is_not_undone() {
    // VOLTAGE_LEVEL_GET.
    for status in [-6, -1, -4] {
        let (fake, mut power) = shared();
        fake.refuse(0x17, 0x8, status);
        power.resynchronise(0);
        power.acquire(&fake, SUPPLY, 1, 0).unwrap_err();
        assert!(fake.platform.borrow().model.voltages[1].on, "{status}");
        settle_often(&mut power, &fake, 5);
        assert!(fake.platform.borrow().model.voltages[1].on, "{status}");
    }
}

/// What others hold is not undone with what was brought up in vain.
#[test]
fn s14_supply_that_others_hold_is_not_undone() {
    let fake = Fake::new();
    let mut power = settled(&fake);
    power.acquire(&fake, SUPPLY, 1, 0).unwrap();
    fake.restart_platform();
    power.resynchronise(0);
    fake.refuse(0x14, 0x7, -3);
    power.acquire(&fake, GPU, 0, 0).unwrap_err();
    assert_eq!(really(&fake), (true, false, false, false));
}

/// Nothing is switched on without what it needs, held or not.
#[test]
fn s14_nothing_is_brought_back_without_its_supply() {
    let fake = Fake::new();
    let mut power = settled(&fake);
    power.acquire(&fake, GPU, 0, 0).unwrap();
    fake.restart_platform();
    power.resynchronise(0);
    fake.refuse(0x17, 0x5, -6);
    for _ in 0..5 {
        settle_often(&mut power, &fake, 1);
        assert_eq!(really(&fake), ALL_OFF);
    }
    fake.refusals.take();
    settle_often(&mut power, &fake, 2);
    assert_eq!(really(&fake), ALL_ON);
}

/// A step that was taken without an answer is undone before what it stands on.
#[test]
fn a_step_that_is_taken_unanswered_is_undone() {
    // VOLTAGE_CONFIG_SET, POWER_STATE_SET, CLOCK_CONFIG_SET, RESET.
    for command in [(0x17, 0x5), (0x11, 0x4), (0x14, 0x7), (0x16, 0x4)] {
        let fake = Fake::new();
        let mut power = settled(&fake);
        fake.done_unanswered.set(Some(command));
        power.acquire(&fake, GPU, 0, 0).unwrap_err();
        assert_eq!(fake.done_unanswered.get(), None);
        assert_eq!(really(&fake), ALL_OFF, "{command:x?}");
    }
}

/// S13 in this task: a resource that was refused once as not there was left on for good.
#[test]
fn s13_known_resource_is_never_absent() {
    for (protocol, message) in [(0x11, 0x0), (0x11, 0x3), (0x11, 0x4), (0x16, 0x4)] {
        for status in [-1, -4] {
            let fake = Fake::new();
            let mut power = settled(&fake);
            power.acquire(&fake, GPU, 0, 0).unwrap();
            fake.refuse(protocol, message, status);
            power.release(&fake, GPU, 0, 0).unwrap_err();
            assert_eq!(state(&power, GPU), ResourceState::Unknown);
            settle_often(&mut power, &fake, 20);
            assert_eq!(state(&power, GPU), ResourceState::Unknown);
            fake.refusals.take();
            settle_often(&mut power, &fake, 1);
            assert_eq!((really(&fake), power.next()), (ALL_OFF, None));
        }
    }
}

#[test]
fn the_dead_hold_nothing() {
    let fake = Fake::new();
    let mut power = settled(&fake);
    power.acquire(&fake, GPU, 0, 0).unwrap();
    power.acquire(&fake, GPU, 1, 0).unwrap();
    assert!(power.forget(0, 5));
    assert!(!power.forget(0, 5), "nothing twice");
    power.settle(&fake, power.next().unwrap());
    assert_eq!(really(&fake), ALL_ON, "another one holds it");
    assert!(power.forget(1, 6));
    assert_eq!(power.next(), Some(6));
    power.settle(&fake, 6);
    assert_eq!(really(&fake), ALL_OFF);
}

#[test]
fn a_platform_that_restarted_is_brought_to_where_it_was() {
    let fake = Fake::new();
    let mut power = settled(&fake);
    power.acquire(&fake, GPU, 0, 0).unwrap();
    fake.restart_platform();
    fake.take_log();
    power.resynchronise(10);
    assert_eq!(power.next(), Some(10));
    assert!(power.settle(&fake, 10), "it says so");
    // Then the display goes off again, which nobody holds.
    let log = fake.take_log();
    assert_eq!((&log[..6], log.len()), (&UP[..], 7), "{log:?}");
    assert_eq!(power.next(), None);
    // Only the driver restarted: nothing but the reset signal, which cannot be read, is set again.
    power.resynchronise(20);
    power.settle(&fake, 20);
    assert_eq!(fake.take_log(), UP[5..]);
}

#[test]
fn a_platform_that_is_away_is_asked_less_and_less_often() {
    let fake = Fake::new();
    let mut power = settled(&fake);
    power.acquire(&fake, GPU, 0, 0).unwrap();
    fake.away.set(Some(ScmiError::PlatformUnavailable));
    power.resynchronise(0);
    let mut now = 0;
    for _ in 0..10 {
        power.settle(&fake, now);
        now = power.next().unwrap();
    }
    assert_eq!(state(&power, GPU), ResourceState::Unknown);
    let cause = Cause::NoAnswer(ScmiError::PlatformUnavailable as u16);
    let result = power.acquire(&fake, GPU, 1, now);
    assert!(
        matches!(result, Err(PowerError::Failed(Trouble { cause: found, .. })) if found == cause),
        "{result:?}"
    );
    fake.away.set(None);
    fake.restart_platform();
    power.settle(&fake, now);
    assert_eq!(
        (state(&power, GPU), really(&fake)),
        (ResourceState::Up, ALL_ON)
    );
    let status = power.status(GPU, Some(0)).unwrap();
    assert_eq!((status.references, status.trouble), (1, None));
}

#[test]
fn own_restart_finds_what_is_there() {
    let fake = Fake::new();
    let mut power = settled(&fake);
    power.acquire(&fake, GPU, 0, 0).unwrap();
    // Another life of the task.
    let mut power = settled(&fake);
    assert_eq!(state(&power, GPU), ResourceState::Up);
    assert_eq!(power.status(GPU, Some(0)).unwrap().references, 0);
    power.acquire(&fake, GPU, 0, 0).unwrap();
    assert_eq!(fake.take_log(), Log::new(), "it is up already");
    power.release(&fake, GPU, 0, 0).unwrap();
    assert_eq!(really(&fake), ALL_OFF);
    // Half of it: the rest is set by the next who needs it.
    fake.platform.borrow_mut().model.power[1] = 0;
    let mut power = settled(&fake);
    assert_eq!(state(&power, GPU), ResourceState::Partly);
    power.acquire(&fake, GPU, 0, 0).unwrap();
    assert_eq!(really(&fake), ALL_ON);
}

#[test]
fn what_nobody_claims_goes_off_after_the_grace() {
    let fake = Fake::new();
    let mut power = new();
    power.keep_until(1000);
    power.settle(&fake, 0);
    // The display is on at the start.
    assert_eq!(state(&power, DISPLAY), ResourceState::Up);
    assert_eq!(power.next(), Some(1000));
    power.settle(&fake, 1000);
    assert_eq!(state(&power, DISPLAY), ResourceState::Down);
    assert_ne!(fake.platform.borrow().model.power[3], 0);
    assert_eq!(power.next(), None);
}

/// The gpu's power domain, told of.
fn switched(state: PowerState) -> Incoming<'static> {
    Incoming::Notice {
        notice: Notice::PowerStateChanged(StateChanged {
            agent: 0,
            domain: 1,
            state,
        }),
        time_ms: 0,
        lost: 0,
    }
}

#[test]
fn a_power_domain_that_others_switch_is_looked_at() {
    let fake = Fake::new();
    let mut power = settled(&fake);
    power.acquire(&fake, GPU, 0, 0).unwrap();
    power.told(&switched(PowerState::ON), 5);
    assert_eq!(power.next(), None, "as it should be");
    fake.platform.borrow_mut().model.power[1] = 1 << 30;
    power.told(&switched(PowerState::OFF), 5);
    power.settle(&fake, power.next().unwrap());
    assert_eq!(really(&fake), ALL_ON);
}

#[test]
fn another_machine_has_none_of_it() {
    let fake = Fake::new();
    // No such protocol, no such number, another name.
    for (protocol, message, status, cause) in [
        (0x11, 0x0, -1, Cause::NoProtocol),
        (0x11, 0x3, -4, Cause::Refused(-4)),
    ] {
        fake.refuse(protocol, message, status);
        let mut power = settled(&fake);
        assert_eq!(state(&power, GPU), ResourceState::Absent);
        let mut now = 0;
        let mut pauses = Vec::new();
        while now < 60_000 {
            let next = power.next().expect("it is asked again, for ever");
            pauses.push(next - now);
            now = next;
            power.settle(&fake, now);
        }
        assert!(pauses.is_sorted(), "{pauses:?}");
        assert_eq!(pauses.last(), Some(&BACK_OFF_MAX_MS), "{pauses:?}");
        assert_eq!(state(&power, GPU), ResourceState::Absent);
        let result = power.acquire(&fake, GPU, 0, 0);
        assert!(
            matches!(result, Err(PowerError::Failed(trouble)) if trouble.cause == cause),
            "{result:?}"
        );
        fake.refusals.take();
        assert_eq!(really(&fake), ALL_OFF);
        power.settle(&fake, power.next().unwrap());
        assert_eq!(state(&power, GPU), ResourceState::Down, "it is there now");
    }
    static WRONG: [Step; 1] = [step(Part::Power { domain: 2 }, "gpu")];
    static OTHER: [Resource; 1] = [Resource {
        name: "gpu",
        steps: &WRONG,
        way: &[0],
        users: 1,
        unclaimed_off: false,
    }];
    let mut power = Manager::<1, 1>::new(&OTHER, &[0], 500);
    fake.take_log();
    let Err(PowerError::Failed(trouble)) = power.acquire(&fake, 0, 0, 0) else {
        panic!("the npu is no gpu");
    };
    assert_eq!(trouble.cause, Cause::WrongName);
    assert_eq!(fake.take_log(), Log::new());
}

#[test]
fn an_answer_that_is_lost_leaves_nothing_on() {
    // However far it gets: from the first question to the last.
    for questions in 0..60 {
        let fake = Fake::new();
        let mut power = settled(&fake);
        fake.fails_after.set(Some((questions, ScmiError::TimedOut)));
        let result = power.acquire(&fake, GPU, 0, 0);
        fake.fails_after.set(None);
        if result.is_ok() {
            assert_eq!(questions, 18, "so many it asks on the way up");
            return;
        }
        while let Some(now) = power.next() {
            power.settle(&fake, now);
        }
        assert_eq!(really(&fake), ALL_OFF, "after {questions} questions");
        power.acquire(&fake, GPU, 0, 0).unwrap();
        assert_eq!(really(&fake), ALL_ON);
    }
    panic!("60 questions were not enough");
}

#[derive(Clone, Debug)]
enum Move {
    Acquire(u8, usize),
    Release(u8, usize),
    Die(usize),
    RestartPlatform,
    Refuse(u8, u8),
    Away(bool),
    Settle,
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        4 => (0..3_u8, 0..2_usize).prop_map(|(resource, client)| Move::Acquire(resource, client)),
        4 => (0..3_u8, 0..2_usize).prop_map(|(resource, client)| Move::Release(resource, client)),
        1 => (0..2_usize).prop_map(Move::Die),
        1 => Just(Move::RestartPlatform),
        2 => prop_oneof![Just((0x11, 4)), Just((0x14, 7)), Just((0x16, 4)), Just((0x17, 5))]
            .prop_map(|(protocol, message)| Move::Refuse(protocol, message)),
        1 => any::<bool>().prop_map(Move::Away),
        2 => Just(Move::Settle),
    ]
}

proptest! {
    #![proptest_config(test_props::config(256, 1))]

    /// Whatever happens, once the platform behaves again what is held is on, and what was held is off.
    #[test]
    fn hardware_follows_references(script in proptest::collection::vec(moves(), 1..40)) {
        let fake = Fake::new();
        let mut power = settled(&fake);
        let mut held = [[0_u32; 2]; 3];
        let mut now = 0;
        for next in script {
            now += 1;
            match next {
                Move::Acquire(resource, client) => {
                    if power.acquire(&fake, resource, client, now).is_ok() {
                        held[usize::from(resource)][client] += 1;
                    }
                }
                Move::Release(resource, client) => {
                    let count = &mut held[usize::from(resource)][client];
                    let result = power.release(&fake, resource, client, now);
                    prop_assert_eq!(result == Err(PowerError::NotHeld), *count == 0);
                    *count = count.saturating_sub(1);
                }
                Move::Die(client) => {
                    power.forget(client, now);
                    held.iter_mut().for_each(|clients| clients[client] = 0);
                }
                Move::RestartPlatform => {
                    fake.restart_platform();
                    power.resynchronise(now);
                }
                Move::Refuse(protocol, message) => fake.refuse(protocol, message, -3),
                Move::Away(away) => fake.away.set(away.then_some(ScmiError::PlatformUnavailable)),
                Move::Settle => {
                    power.settle(&fake, now);
                }
            }
        }
        fake.refusals.take();
        fake.away.set(None);
        for _ in 0..8 {
            let Some(at) = power.next() else { break };
            power.settle(&fake, at);
        }
        for resource in 0..3 {
            let sum: u32 = held[usize::from(resource)].iter().sum();
            let own: u32 = (0..2)
                .map(|client| u32::from(power.status(resource, Some(client)).unwrap().own))
                .sum();
            prop_assert_eq!(own, sum);
        }
        let gpu = held[1].iter().sum::<u32>() > 0;
        let supply = gpu || held[0].iter().sum::<u32>() > 0;
        prop_assert_eq!(really(&fake), (supply, gpu, gpu, gpu), "{:?}", power);
    }
}

proptest! {
    #![proptest_config(test_props::config(256, 1))]

    /// S14: whatever happens, a supply never goes off under what is on.
    #[test]
    fn s14_supply_outlives_its_loads(script in proptest::collection::vec(moves(), 1..60), status in -9..0_i32) {
        let (fake, mut power) = shared();
        let on = || {
            let platform = fake.platform.borrow();
            let model = &platform.model;
            (model.voltages[1].on, model.power[1] == 0, model.power[3] == 0)
        };
        for (now, next) in script.into_iter().enumerate() {
            let now = now as u64;
            let (before, ..) = on();
            let mut restarted = false;
            match next {
                Move::Acquire(resource, client) => {
                    let _ = power.acquire(&fake, resource, client, now);
                }
                Move::Release(resource, client) => {
                    let _ = power.release(&fake, resource, client, now);
                }
                Move::Die(client) => {
                    power.forget(client, now);
                }
                Move::RestartPlatform => {
                    fake.restart_platform();
                    restarted = true;
                    power.resynchronise(now);
                }
                Move::Refuse(protocol, message) => fake.refuse(protocol, message, status),
                Move::Away(away) => {
                    fake.refusals.take();
                    fake.away.set(away.then_some(ScmiError::TimedOut));
                }
                Move::Settle => {
                    power.settle(&fake, now);
                }
            }
            let (supply, gpu, display) = on();
            if before && !supply && !restarted {
                prop_assert!(!gpu && !display, "gpu {gpu}, display {display}: {power:?}");
            }
        }
    }
}

#[test]
fn lost_words_are_made_up_for_whatever_comes_after_them() {
    let malformed = |lost| Incoming::Malformed {
        protocol: 0x11,
        event: 0,
        lost,
    };
    let notice = |lost| Incoming::Notice {
        notice: Notice::PowerStateChanged(StateChanged {
            agent: 0,
            domain: 3,
            state: PowerState::OFF,
        }),
        time_ms: 0,
        lost,
    };
    for (nothing_lost, lost) in [(malformed(0), malformed(1)), (notice(0), notice(1))] {
        let fake = Fake::new();
        let mut power = settled(&fake);
        power.acquire(&fake, GPU, 0, 0).unwrap();
        power.told(&nothing_lost, 5);
        assert_eq!(power.next(), None, "{nothing_lost:?}");
        // What was lost said this.
        fake.platform.borrow_mut().model.power[1] = 1 << 30;
        power.told(&lost, 5);
        assert_eq!(power.next(), Some(5), "{lost:?}");
        assert!(power.settle(&fake, 5));
        assert_eq!(really(&fake), ALL_ON);
    }
}
