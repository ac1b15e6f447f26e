// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Pacing of interrupts and of the timer, as it ships: S3, S11, V12, W5.

mod support;

use drv_virtio_scmi::{Cause, Condition, Owner, P2A_CHANNELS, VERSION_1, Wait};
use support::world::{Wish, wish};
use support::{CONSOLE, Setup, THERMAL, Told, World, run};

/// A client sends a command, and the device takes it.
fn send(world: &mut World<'_, 16, 8, 16>, owner: Owner, wish: &Wish) -> support::Command {
    world.submit(owner, wish, &[]).unwrap();
    world.take()
}

#[test]
fn s03_a_line_that_stays_up_is_held_off() {
    run(Setup::default(), |world| {
        world.kernel.stuck = true;
        world.line(true);
        assert!(world.driver.is_held_off());
        assert!(world.kernel.interrupts <= 16, "{}", world.kernel.interrupts);
        // It is tried less and less often.
        world.sleep(60_000);
        assert!(
            world.kernel.interrupts < 1_200,
            "{}",
            world.kernel.interrupts
        );
        // The line falls: the interrupt is used again.
        world.kernel.stuck = false;
        world.sleep(1_100);
        assert!(!world.driver.is_held_off());
        assert!(world.kernel.unmasked);
        let command = send(world, CONSOLE, &wish(0x10, 0));
        world.device.reply(&command, 0, &[]);
        world.line(true);
        assert_eq!(world.told(), [Told::Answer(CONSOLE, 0, vec![])]);
    });
}

#[test]
fn s03_all_are_served_while_the_line_is_up() {
    run(Setup::default(), |world| {
        world.subscribe(THERMAL, 0x15, 1, 3);
        world.kernel.stuck = true;
        world.line(true);
        let before = world.kernel.interrupts;
        for _ in 0..1_000 {
            world.told();
            let command = send(world, CONSOLE, &wish(0x10, 0));
            world.line(false);
            world.device.reply(&command, 0, &[]);
            world.sleep(1);
            assert_eq!(world.told(), [Told::Answer(CONSOLE, 0, vec![])]);
            // An event comes in ten milliseconds at the latest.
            world.told();
            assert!(world.device.sensor_update(3, 1));
            world.sleep(10);
            assert_eq!(world.told(), [Told::Posted(THERMAL, 1 << 5)]);
        }
        // Some hundred trials in eleven seconds, not millions.
        let trials = world.kernel.interrupts - before;
        assert!(trials < 2_000, "{trials}");
    });
}

#[test]
fn s03_interrupts_with_work_are_never_held_off() {
    run(Setup::default(), |world| {
        for _ in 0..1_000 {
            let command = send(world, CONSOLE, &wish(0x10, 0));
            world.device.reply(&command, 0, &[]);
            world.line(true);
            // As many devices do: once more, for what was taken already.
            world.line(true);
        }
        assert!(!world.driver.is_held_off());
        assert_eq!(world.told().len(), 1_000);
    });
}

/// An answer that a look at the rings took before its interrupt was dealt with: there was work all the same.
#[test]
fn s03_interrupts_for_what_was_taken_before_are_not_held_off() {
    run(Setup::default(), |world| {
        for _ in 0..20 {
            let command = send(world, CONSOLE, &wish(0x10, 0));
            world.device.reply(&command, 0, &[]);
            world.run(Cause::Poll);
            world.line(true);
            assert!(!world.driver.is_held_off());
        }
    });
}

#[test]
fn s03_interrupts_now_and_then_are_not_held_off() {
    run(Setup::default(), |world| {
        for _ in 0..1_000 {
            world.line(true);
            world.sleep(4);
        }
        assert!(!world.driver.is_held_off());
    });
}

#[test]
fn s11_a_refused_device_in_trouble_lets_the_driver_sleep() {
    let setup = Setup {
        offered: P2A_CHANNELS,
        ..Setup::default()
    };
    for interrupts in [false, true] {
        let setup = Setup {
            interrupts,
            ..setup
        };
        run(setup, |world| {
            assert_eq!(world.driver.condition(), Condition::Down);
            world.transport.needs_reset = true;
            world.transport.interrupts.configuration = true;
            world.line(true);
            world.run(Cause::Poll);
            assert_eq!(world.sleep(10_000), 0);
        });
    }
}

#[test]
fn s11_a_device_in_trouble_while_it_is_waited_for_lets_the_driver_sleep() {
    run(Setup::default(), |world| {
        world.transport.stuck_resets = 1_000;
        world.driver.request_recovery();
        world.pass(30_000);
        assert_eq!(world.driver.condition(), Condition::PlatformUnavailable);
        world.transport.needs_reset = true;
        world.transport.interrupts.configuration = true;
        world.line(true);
        // One attempt in five seconds.
        let fired = world.sleep(60_000);
        assert!(fired <= 20, "{fired}");
    });
}

#[test]
fn s11_a_driver_with_nothing_to_do_sleeps() {
    run(Setup::default(), |world| {
        world.line(true);
        let command = send(world, CONSOLE, &wish(0x10, 0));
        world.device.reply(&command, 0, &[]);
        world.line(true);
        world.sleep(1_000);
        assert_eq!(world.sleep(60_000), 0);
    });
}

#[test]
fn v12_deadlines_hold_while_the_interrupt_is_masked() {
    for deadline in [1u32, 5, 50, 999, 1_000, 60_000] {
        run(Setup::default(), |world| {
            let polled = Wish {
                polled: true,
                deadline,
                wait: Wait::Poll(0),
                ..wish(0x10, 0)
            };
            send(world, CONSOLE, &polled);
            // A device that does not respect that interrupts are suppressed.
            world.line(true);
            assert!(!world.kernel.unmasked);
            let begin = world.now;
            while world.driver.counters().timed_out == 0 {
                world.sleep(1);
                assert!(world.now <= begin + u64::from(deadline) + 251, "{deadline}");
            }
            assert!(world.now >= begin + u64::from(deadline));
        });
    }
}

#[test]
fn s11_a_flood_pauses_for_a_millisecond() {
    run(Setup::default(), |world| {
        // As many as the ring holds, in each of the four turns of a run.
        world.meanwhile(|_, device| while device.sensor_update(1, 1) {});
        while world.device.sensor_update(1, 1) {}
        world.line(true);
        assert_eq!(world.plan.timer, Some(world.now + 1));
        assert!(!world.plan.unmask);
    });
}

#[test]
fn v12_a_new_pacing_is_open() {
    for interrupts in [false, true] {
        let setup = Setup {
            interrupts,
            ..Setup::default()
        };
        run(setup, |world| {
            assert_eq!(world.driver.is_by_timer(), !interrupts);
            assert!(!world.driver.is_held_off());
            assert_eq!(world.kernel.unmasked, interrupts);
        });
    }
}

#[test]
fn v12_events_come_within_a_millisecond_while_masked() {
    run(Setup::default(), |world| {
        world.subscribe(THERMAL, 0x15, 1, 3);
        let polled = Wish {
            polled: true,
            wait: Wait::Poll(0),
            ..wish(0x10, 0)
        };
        send(world, CONSOLE, &polled);
        world.line(true);
        for _ in 0..100 {
            world.told();
            assert!(world.device.sensor_update(3, 1));
            world.line(true);
            world.sleep(1);
            assert_eq!(world.told(), [Told::Posted(THERMAL, 1 << 5)]);
            world.sleep(7);
        }
    });
}

#[test]
fn a_poller_in_a_flood_does_not_put_off_the_timer() {
    run(Setup::default(), |world| {
        let short = Wish {
            deadline: 50,
            ..wish(0x10, 0)
        };
        send(world, THERMAL, &short);
        let begin = world.now;
        while world.told().is_empty() {
            for _ in 0..10 {
                while world.device.sensor_update(1, 1) {}
                world.run(Cause::Poll);
            }
            world.sleep(1);
            assert!(world.now <= begin + 60);
        }
    });
}

#[test]
fn v19_by_timer_answers_come_in_a_millisecond_and_events_in_ten() {
    let setup = Setup {
        offered: VERSION_1 | P2A_CHANNELS,
        interrupts: false,
        ..Setup::default()
    };
    run(setup, |world| {
        world.subscribe(THERMAL, 0x15, 1, 3);
        world.told();
        for _ in 0..100 {
            let command = send(world, CONSOLE, &wish(0x10, 0));
            world.device.reply(&command, 0, &[]);
            world.sleep(1);
            assert_eq!(world.told().pop(), Some(Told::Answer(CONSOLE, 0, vec![])));
            assert!(world.device.sensor_update(3, 1));
            world.sleep(10);
            assert_eq!(world.told().pop(), Some(Told::Posted(THERMAL, 1 << 5)));
        }
    });
}

/// The interrupt that the driver would unmask is another device's, which it could never acknowledge.
#[test]
fn v19_by_timer_a_posted_interrupt_unmasks_nothing() {
    let setup = Setup {
        interrupts: false,
        ..Setup::default()
    };
    run(setup, |world| {
        for _ in 0..20 {
            world.interrupt();
            world.sleep(3);
            assert!(!world.kernel.unmasked);
            assert!(!world.driver.is_held_off());
        }
    });
}

/// Any task may post the interrupt's bit, but not make a line that is up be tried again.
#[test]
fn s03_a_posted_interrupt_does_not_end_a_hold_off() {
    run(Setup::default(), |world| {
        world.kernel.stuck = true;
        world.line(true);
        let before = world.kernel.interrupts;
        for _ in 0..100 {
            world.interrupt();
            world.line(false);
            assert!(world.driver.is_held_off());
        }
        assert_eq!(world.kernel.interrupts, before);
    });
}

/// A tick of 250 ms was set for the command's deadline before the line was held off.
#[test]
fn s03_a_command_in_flight_when_the_hold_off_begins_waits_a_millisecond() {
    run(Setup::default(), |world| {
        let command = send(world, CONSOLE, &wish(0x10, 0));
        world.kernel.stuck = true;
        world.line(true);
        assert!(world.driver.is_held_off());
        world.device.reply(&command, 0, &[]);
        world.sleep(1);
        assert_eq!(world.told(), [Told::Answer(CONSOLE, 0, vec![])]);
    });
}

/// The same for an event, with a tick for a command that was answered at once.
#[test]
fn s03_an_event_when_the_hold_off_begins_waits_ten_milliseconds() {
    run(Setup::default(), |world| {
        world.subscribe(THERMAL, 0x15, 1, 3);
        let command = send(world, CONSOLE, &wish(0x10, 0));
        world.device.reply(&command, 0, &[]);
        world.kernel.stuck = true;
        world.line(true);
        assert!(world.driver.is_held_off());
        world.told();
        assert!(world.device.sensor_update(3, 1));
        world.sleep(10);
        assert_eq!(world.told(), [Told::Posted(THERMAL, 1 << 5)]);
    });
}
