// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Findings of audits, as the driver is today: what no other test has in this shape.

mod support;

use drv_virtio_scmi::{Condition, Notified, Refusal, Wait};
use support::world::{FITTING, Wish, wish};
use support::{CONSOLE, INTERRUPT, POWER, Setup, THERMAL, Told, World, run, run_sized, times};

type World16<'m> = World<'m, 16, 8, 16>;

fn fitting() -> Setup {
    Setup {
        clients: &FITTING,
        ..Setup::default()
    }
}

/// The device answers everything, again and again, until nothing follows.
fn serve(world: &mut World16<'_>) {
    while let Some(command) = world.device.take() {
        world.device.reply(&command, 0, &[0; 4]);
        world.interrupt();
    }
}

#[test]
fn f02_the_death_of_a_subscriber_takes_no_slots_of_clients() {
    run(fitting(), |world| {
        for source in 0..8 {
            world.subscribe(CONSOLE, 0x15, 1, source);
        }
        // Each is to be switched off, by a command of the driver's own.
        world.client_gone(CONSOLE);
        world.turn();
        for _ in 0..2 {
            world.exchange(THERMAL, 0x10, 0).unwrap();
        }
        world.exchange(POWER, 0x10, 0).unwrap();
    });
}

/// The machine stands still for a minute; the device answered meanwhile what had been given up before.
#[test]
fn f03_losses_are_judged_after_a_look_at_the_ring() {
    run(Setup::default(), |world| {
        let short = Wish {
            deadline: 5,
            ..wish(0x10, 0)
        };
        world.submit(CONSOLE, &short, &[]).unwrap();
        let command = world.take();
        assert_eq!(world.pass(5).len(), 1);
        world.device.reply(&command, 0, &[]);
        world.now += 60_000;
        world.turn();
        assert_eq!(world.driver.counters().recoveries, 0);
        assert_eq!(world.driver.pools().slots_lost, 0);
    });
}

/// What was lost in the 30 s after a reset for losses counts from then on, also when what was lost later comes back first.
#[test]
fn s01_a_loss_soon_after_a_reset_counts_from_when_it_was_lost() {
    let lose = |world: &mut World16<'_>| {
        let short = Wish {
            deadline: 10,
            ..wish(0x11, 3)
        };
        world.submit(CONSOLE, &short, &[]).unwrap();
        let command = world.take();
        assert_eq!(world.pass(10).len(), 1);
        command
    };
    run(fitting(), |world| {
        lose(world);
        lose(world);
        // Two of three are a shortage.
        while world.driver.counters().recoveries == 0 {
            world.sleep(1);
        }
        let reset = world.now;
        world.sleep(100);
        world.answer_probe();
        world.interrupt();
        let quiet_until = |world: &mut World16<'_>, time: u64| {
            while world.now + 100 < time {
                world.sleep(100);
                world.exchange(THERMAL, 0x10, 0).unwrap();
                serve(world);
            }
            world.sleep(time - world.now);
            world.told();
        };
        quiet_until(world, reset + 28_990);
        lose(world);
        quiet_until(world, reset + 30_480);
        lose(world);
        let first_back = lose(world);
        quiet_until(world, reset + 30_800);
        world.device.reply(&first_back, 0, &[]);
        world.interrupt();
        assert_eq!(world.driver.pools().slots_lost, 2);
        quiet_until(world, reset + 30_999);
        assert_eq!(world.driver.counters().recoveries, 1);
        world.sleep(2);
        assert_eq!(world.driver.counters().recoveries, 2);
    });
}

/// A device that says that it wrote the whole buffer, and wrote 8 bytes. Between two commands: `s12j` of `fail_safe`.
#[test]
fn f07_what_the_device_did_not_write_is_no_entry_of_anothers_batch() {
    run_sized::<2, 1, 2>(Setup::default(), |world| {
        let entry = [drv_virtio_scmi::BatchEntry::new(0x10, 3)];
        world.batch(CONSOLE, &entry).unwrap();
        let command = world.take();
        world.device.reply(&command, 0, b"the console's secret");
        world.turn();
        world.batch(THERMAL, &entry).unwrap();
        let command = world.take();
        world
            .device
            .reply_raw(command.head, command.header, 0, &[], 136);
        let told = world.turn();
        let Some(Told::Entry(THERMAL, _, 0, Ok((0, values)))) = told.first() else {
            panic!("{told:?}")
        };
        assert_eq!(values, &[0; 128]);
    });
}

#[test]
fn f11_one_event_in_a_ring_of_one_is_no_flood() {
    let setup = Setup {
        queue_max: [1024, 1],
        ..Setup::default()
    };
    run(setup, |world| {
        world.subscribe(CONSOLE, 0x15, 1, 0);
        world.sleep(1_000);
        world.take_traces();
        for _ in 0..20 {
            assert!(world.device.sensor_update(0, 1));
            assert_eq!(world.interrupt().len(), 1);
            assert!(world.fetch(CONSOLE).is_some());
        }
        let traces = world.take_traces();
        assert!(!traces.contains(&drv_virtio_scmi::Trace::Flood));
    });
}

#[test]
fn f17_who_gives_up_responses_has_no_more_at_work_than_the_quota() {
    run(Setup::default(), |world| {
        let asked = Wish {
            delayed: true,
            wait: Wait::Poll(0),
            ..wish(0x14, 5)
        };
        let mut at_work = 0;
        let refusal = loop {
            let handle = match world.submit(THERMAL, &asked, &[1; 16]) {
                Ok(handle) => handle,
                Err(refusal) => break refusal,
            };
            let command = world.take();
            world.device.reply(&command, 0, &[]);
            world.turn();
            world.cancel(THERMAL, handle).unwrap();
            at_work += 1;
            assert!(at_work <= 8, "more than the quota");
        };
        assert_eq!(at_work, 8);
        assert!(matches!(refusal, Refusal::SlotQuota | Refusal::Busy));
    });
}

/// A platform that loses a command now and then, and serves all others: an hour later everybody has their slots.
#[test]
fn f18_whose_commands_were_lost_is_not_locked_out() {
    run(fitting(), |world| {
        let asked = Wish {
            deadline: 1_000,
            ..wish(0x11, 3)
        };
        world.submit(POWER, &asked, &[]).unwrap();
        let _lost = world.take();
        world.pass(1_000);
        assert_eq!(
            world.submit(POWER, &asked, &[]),
            Err(Refusal::SlotsLost),
            "the only one"
        );
        for _ in 0..times(3_600, 100) {
            world.sleep(1_000);
            serve(world);
            let _ = world.exchange(THERMAL, 0x15, 6);
            serve(world);
            world.told();
        }
        world.submit(POWER, &asked, &[]).unwrap();
        assert_eq!(world.driver.condition(), Condition::Ready);
    });
}

/// An answer to nothing, once an hour for a month.
#[test]
fn f19_rare_violations_do_not_add_up() {
    run(Setup::default(), |world| {
        for _ in 0..times(24 * 30, 24) {
            world.sleep(3_600_000);
            world.device.commands.complete(3, 8);
            world.turn();
        }
        assert_eq!(world.driver.counters().recoveries, 0);
        assert!(world.driver.counters().err_protocol > 20);
    });
}

/// There is no device; any task may post the interrupt's bit.
#[test]
fn s02_a_stray_notification_without_a_device_wakes_nobody() {
    let setup = Setup {
        queue_max: [0, 0],
        ..Setup::default()
    };
    run(setup, |world| {
        assert_eq!(world.driver.condition(), Condition::Down);
        world.run(INTERRUPT);
        assert!(world.sleep(10_000) < 2);
    });
}

/// Commands with all kinds of deadlines, while a client that polls keeps the interrupt masked on a device that ignores that it is
/// suppressed.
#[test]
fn s07_deadlines_of_batches_hold_while_the_interrupt_is_masked() {
    for deadline in [1, 5, 50, 999, 1_000, 5_000] {
        run(Setup::default(), |world| {
            let polled = Wish {
                polled: true,
                wait: Wait::Poll(0),
                ..wish(0x10, 0)
            };
            world.submit(CONSOLE, &polled, &[]).unwrap();
            world.kernel.unmasked = false;
            world.run(INTERRUPT);
            let entry = [drv_virtio_scmi::BatchEntry::new(0x10, 3)];
            world.batch_within(THERMAL, &entry, deadline).unwrap();
            let due = world.now + u64::from(deadline);
            while world.now < due {
                assert_eq!(world.told(), []);
                world.sleep(1);
            }
            let told = world.told();
            assert_eq!(told.last(), Some(&Told::BatchEnded(THERMAL)), "{deadline}");
        });
    }
}

/// Behind the burst of another client, a subscriber has its turn with the driver's next command.
#[test]
fn f23_subscribing_does_not_wait_for_the_burst_of_another() {
    run(fitting(), |world| {
        for source in 0..8 {
            world.subscribe(CONSOLE, 0x15, 1, source);
        }
        for source in 0..8 {
            world.unsubscribe(CONSOLE, 0x15, 1, source).unwrap();
        }
        // Meanwhile everybody else has a batch.
        let entry = [drv_virtio_scmi::BatchEntry::new(0x10, 3); 4];
        world.batch(POWER, &entry).unwrap();
        let asked = world.try_subscribe(THERMAL, 0x11, 0, 1);
        assert_eq!(asked, Ok(Notified::Waiting));
        for _ in 0..4 {
            let command = world.take();
            if command.protocol() == 0x11 {
                return;
            }
            world.device.reply(&command, 0, &[]);
            world.turn();
        }
        panic!("four commands of others first");
    });
}
