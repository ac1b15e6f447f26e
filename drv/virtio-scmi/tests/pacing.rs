// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Pacing of interrupts and of the timer, as it ships: S3, S11, V12, W5.

mod support;

use drv_virtio_scmi::{
    After, Alarms, Command as Wish, Condition, P2A_CHANNELS, Pacing, VERSION_1, Wait,
};
use support::world::wish;
use support::{CONSOLE, Setup, Standing, THERMAL, Told, World, run};

/// The kernel's timer and interrupt mask.
#[derive(Default)]
struct Kernel {
    timer: Option<u64>,
    unmasked: bool,
    unmasks: u32,
}

impl Alarms for Kernel {
    fn set_timer(&mut self, time: u64) {
        self.timer = Some(time);
    }

    fn unmask(&mut self) {
        self.unmasked = true;
        self.unmasks += 1;
    }
}

/// A world, its pacing, and the kernel around them: what the server does with a notification.
struct Rig<'w, 'm> {
    world: &'w mut World<'m, 16, 8, 16>,
    pacing: Pacing,
    kernel: Kernel,
    /// The line is up whatever the driver does.
    stuck: bool,
    interrupts: u32,
    told: Vec<Told>,
}

impl<'w, 'm> Rig<'w, 'm> {
    fn new(world: &'w mut World<'m, 16, 8, 16>, by_timer: bool) -> Self {
        let kernel = Kernel {
            unmasked: true,
            ..Kernel::default()
        };
        let mut rig = Self {
            world,
            pacing: Pacing::new(by_timer),
            kernel,
            stuck: false,
            interrupts: 0,
            told: Vec::new(),
        };
        rig.turn(true);
        rig
    }

    fn turn(&mut self, timed: bool) {
        let told = &mut self.told;
        let after = self.world.run_turns(4, timed, |_, _, line| told.push(line));
        if after == After::Sleep {
            self.rest();
        } else {
            let clock = &mut Standing(self.world.now);
            self.pacing.pause(clock, &mut self.kernel);
        }
    }

    fn rest(&mut self) {
        let clock = &mut Standing(self.world.now);
        self.pacing
            .rest(&mut self.world.channel, clock, &mut self.kernel);
    }

    fn send(&mut self, owner: drv_virtio_scmi::Owner, wish: &Wish) -> support::Command {
        self.world.submit(owner, wish, &[]).unwrap();
        if self.world.channel.wants_turn() {
            self.turn(false);
        } else {
            self.rest();
        }
        self.world.take()
    }

    fn notified(&mut self, interrupt: bool, timer: bool) {
        let clock = &mut Standing(self.world.now);
        if timer {
            self.kernel.timer = None;
            self.pacing.timer_fired(&mut self.world.channel, clock);
        }
        if interrupt {
            self.kernel.unmasked = false;
            self.interrupts += 1;
            self.pacing.interrupted(&mut self.world.channel, clock);
        }
        self.turn(timer);
        let clock = &mut Standing(self.world.now);
        self.pacing
            .stand_in(&self.world.channel, clock, &mut self.kernel);
    }

    /// The interrupt comes, if it may; again and again if the line is up.
    fn line(&mut self, up: bool) {
        let mut once = up;
        for _ in 0..100_000 {
            if !self.kernel.unmasked || !(once || self.stuck) {
                return;
            }
            once = false;
            self.notified(true, false);
        }
        panic!("interrupts without end: nothing less important than the driver runs");
    }

    /// Time passes; returns how often the timer fired.
    fn pass(&mut self, milliseconds: u64) -> u32 {
        let end = self.world.now + milliseconds;
        let mut fired = 0;
        while let Some(at) = self.kernel.timer
            && at <= end
        {
            self.world.now = at.max(self.world.now);
            fired += 1;
            assert!(fired < 100_000, "the timer fires without end");
            self.notified(false, true);
            self.line(false);
        }
        self.world.now = end;
        fired
    }
}

#[test]
fn s03_a_line_that_stays_up_is_held_off() {
    run(Setup::default(), |world| {
        let mut rig = Rig::new(world, false);
        rig.stuck = true;
        rig.line(true);
        assert!(rig.pacing.is_held());
        assert!(rig.interrupts <= 16, "{}", rig.interrupts);
        // It is tried less and less often.
        rig.pass(60_000);
        assert!(rig.interrupts < 1_200, "{}", rig.interrupts);
        // The line falls: the interrupt is used again.
        rig.stuck = false;
        rig.pass(1_100);
        assert!(!rig.pacing.is_held());
        assert!(rig.kernel.unmasked);
        let command = rig.send(CONSOLE, &wish(0x10, 0));
        rig.world.device.reply(&command, 0, &[]);
        rig.line(true);
        assert_eq!(rig.told, [Told::Answer(CONSOLE, 0, vec![])]);
    });
}

#[test]
fn s03_all_are_served_while_the_line_is_up() {
    run(Setup::default(), |world| {
        world.subscribe(THERMAL, 0x15, 1, 3);
        let mut rig = Rig::new(world, false);
        rig.stuck = true;
        rig.line(true);
        let before = rig.interrupts;
        for _ in 0..1_000 {
            rig.told.clear();
            let command = rig.send(CONSOLE, &wish(0x10, 0));
            rig.line(false);
            rig.world.device.reply(&command, 0, &[]);
            rig.pass(1);
            assert_eq!(rig.told, [Told::Answer(CONSOLE, 0, vec![])]);
            // An event comes in ten milliseconds at the latest.
            rig.told.clear();
            assert!(rig.world.device.sensor_update(3, 1));
            rig.pass(10);
            assert_eq!(rig.told, [Told::Posted(THERMAL, 1 << 5)]);
        }
        // Some hundred trials in eleven seconds, not millions.
        let trials = rig.interrupts - before;
        assert!(trials < 2_000, "{trials}");
    });
}

#[test]
fn s03_interrupts_with_work_are_never_held_off() {
    run(Setup::default(), |world| {
        let mut rig = Rig::new(world, false);
        for _ in 0..1_000 {
            let command = rig.send(CONSOLE, &wish(0x10, 0));
            rig.world.device.reply(&command, 0, &[]);
            rig.line(true);
            // As many devices do: once more, for what was taken already.
            rig.line(true);
        }
        assert!(!rig.pacing.is_held());
        assert_eq!(rig.told.len(), 1_000);
    });
}

/// An answer that a look at the rings took before its interrupt was dealt with: there was work all the same.
#[test]
fn s03_interrupts_for_what_was_taken_before_are_not_held_off() {
    run(Setup::default(), |world| {
        let mut rig = Rig::new(world, false);
        for _ in 0..20 {
            let command = rig.send(CONSOLE, &wish(0x10, 0));
            rig.world.device.reply(&command, 0, &[]);
            rig.turn(false);
            rig.line(true);
            assert!(!rig.pacing.is_held());
        }
    });
}

#[test]
fn s03_interrupts_now_and_then_are_not_held_off() {
    run(Setup::default(), |world| {
        let mut rig = Rig::new(world, false);
        for _ in 0..1_000 {
            rig.line(true);
            rig.pass(4);
        }
        assert!(!rig.pacing.is_held());
    });
}

#[test]
fn s11_a_refused_device_in_trouble_lets_the_driver_sleep() {
    let setup = Setup {
        offered: P2A_CHANNELS,
        ..Setup::default()
    };
    for by_timer in [false, true] {
        run(setup, |world| {
            let mut rig = Rig::new(world, by_timer);
            assert_eq!(rig.world.channel.condition(), Condition::Down);
            rig.world.transport.needs_reset = true;
            rig.world.channel.check_device(&mut rig.world.transport);
            rig.line(true);
            rig.turn(false);
            assert_eq!(rig.pass(10_000), 0);
        });
    }
}

#[test]
fn s11_a_device_in_trouble_while_it_is_waited_for_lets_the_driver_sleep() {
    run(Setup::default(), |world| {
        world.transport.stuck_resets = 1_000;
        world.channel.request_recovery();
        world.pass(30_000);
        assert_eq!(world.channel.condition(), Condition::PlatformUnavailable);
        let mut rig = Rig::new(world, false);
        rig.world.transport.needs_reset = true;
        rig.world.channel.check_device(&mut rig.world.transport);
        rig.line(true);
        // One attempt in five seconds.
        let fired = rig.pass(60_000);
        assert!(fired <= 20, "{fired}");
    });
}

#[test]
fn s11_a_driver_with_nothing_to_do_sleeps() {
    run(Setup::default(), |world| {
        let mut rig = Rig::new(world, false);
        rig.line(true);
        let command = rig.send(CONSOLE, &wish(0x10, 0));
        rig.world.device.reply(&command, 0, &[]);
        rig.line(true);
        rig.pass(1_000);
        assert_eq!(rig.pass(60_000), 0);
    });
}

#[test]
fn v12_deadlines_hold_while_the_interrupt_is_masked() {
    for deadline in [1u32, 5, 50, 999, 1_000, 60_000] {
        run(Setup::default(), |world| {
            let mut rig = Rig::new(world, false);
            let polled = Wish {
                polled: true,
                deadline,
                wait: Wait::Poll(0),
                ..wish(0x10, 0)
            };
            rig.send(CONSOLE, &polled);
            // A device that does not respect that interrupts are suppressed.
            rig.line(true);
            assert!(rig.pacing.is_masked());
            let begin = rig.world.now;
            while rig.world.channel.counters.timed_out == 0 {
                rig.pass(1);
                assert!(
                    rig.world.now <= begin + u64::from(deadline) + 251,
                    "{deadline}"
                );
            }
            assert!(rig.world.now >= begin + u64::from(deadline));
        });
    }
}

#[test]
fn s11_a_flood_pauses_for_a_millisecond() {
    let (mut pacing, mut kernel) = (Pacing::new(false), Kernel::default());
    pacing.pause(&mut Standing(41), &mut kernel);
    assert_eq!(kernel.timer, Some(42));
}

#[test]
fn v12_a_new_pacing_is_open() {
    for by_timer in [false, true] {
        let pacing = Pacing::new(by_timer);
        assert_eq!(pacing.is_by_timer(), by_timer);
        assert!(!pacing.is_masked() && !pacing.is_held());
    }
}

#[test]
fn v12_events_come_within_a_millisecond_while_masked() {
    run(Setup::default(), |world| {
        world.subscribe(THERMAL, 0x15, 1, 3);
        let mut rig = Rig::new(world, false);
        let polled = Wish {
            polled: true,
            wait: Wait::Poll(0),
            ..wish(0x10, 0)
        };
        rig.send(CONSOLE, &polled);
        rig.line(true);
        for _ in 0..100 {
            rig.told.clear();
            assert!(rig.world.device.sensor_update(3, 1));
            rig.line(true);
            rig.pass(1);
            assert_eq!(rig.told, [Told::Posted(THERMAL, 1 << 5)]);
            rig.pass(7);
        }
    });
}

#[test]
fn a_poller_in_a_flood_does_not_put_off_the_timer() {
    run(Setup::default(), |world| {
        let mut rig = Rig::new(world, false);
        let short = Wish {
            deadline: 50,
            ..wish(0x10, 0)
        };
        rig.send(THERMAL, &short);
        let begin = rig.world.now;
        while rig.told.is_empty() {
            for _ in 0..10 {
                while rig.world.device.sensor_update(1, 1) {}
                rig.turn(false);
            }
            rig.pass(1);
            assert!(rig.world.now <= begin + 60);
        }
    });
}

#[test]
fn v19_by_timer_answers_come_in_a_millisecond_and_events_in_ten() {
    let setup = Setup {
        offered: VERSION_1 | P2A_CHANNELS,
        ..Setup::default()
    };
    run(setup, |world| {
        world.subscribe(THERMAL, 0x15, 1, 3);
        let mut rig = Rig::new(world, true);
        rig.kernel.unmasked = false;
        for _ in 0..100 {
            let command = rig.send(CONSOLE, &wish(0x10, 0));
            rig.world.device.reply(&command, 0, &[]);
            rig.pass(1);
            assert_eq!(rig.told.pop(), Some(Told::Answer(CONSOLE, 0, vec![])));
            assert!(rig.world.device.sensor_update(3, 1));
            rig.pass(10);
            assert_eq!(rig.told.pop(), Some(Told::Posted(THERMAL, 1 << 5)));
        }
    });
}
