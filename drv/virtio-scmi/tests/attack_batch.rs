// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Attacks on batches, from the interface alone: devices that lie or are late, clients that die at the wrong moment, rings that are too
//! small, and clocks at their ends.

mod support;

use drv_virtio_scmi::{
    BatchEntry as Entry, Cause, ClientConfig, Condition, Failure, Limits, Notified, Owner, Refusal,
    Rule, Rules, Unanswered, VERSION_1, Wait,
};
use support::world::{BATCH_TAG, FITTING, Wish, wish};
use support::{CONSOLE, Command, POWER, Point, Setup, THERMAL, TIMER, Told, World, run, run_sized};

const BASE: u8 = 0x10;

fn entries(count: u8) -> Vec<Entry> {
    (0..count).map(|number| tagged(number.into())).collect()
}

/// An entry that says which one it is.
fn tagged(tag: u32) -> Entry {
    Entry {
        len: 4,
        parameters: [tag.to_le(), 0, 0, 0],
        ..Entry::new(BASE, 3)
    }
}

/// SENSOR_READING_GET, asynchronous.
fn reading(sensor: u32) -> Entry {
    Entry {
        len: 8,
        parameters: [sensor.to_le(), 1u32.to_le(), 0, 0],
        ..Entry::new(0x15, 6)
    }
}

fn fitting() -> Setup {
    Setup {
        clients: &FITTING,
        ..Setup::default()
    }
}

/// So many clients, from task 0 on, with so many slots each and the largest batches.
fn many(count: u16, slots: u16) -> &'static [ClientConfig] {
    let config = |task| ClientConfig {
        task,
        slots,
        events: 4,
        subscriptions: 4,
        batch: 64,
        event_bits: 1,
        rules: Rules::new(&[Rule::ALL]),
    };
    (0..count).map(config).collect::<Vec<_>>().leak()
}

/// The device answers a command with its own parameters.
fn echo<const R: usize, const S: usize, const E: usize>(
    world: &mut World<'_, R, S, E>,
    command: &Command,
) {
    world.device.reply(command, 0, &command.parameters);
}

/// All that the device has not taken yet.
fn take_all<const R: usize, const S: usize, const E: usize>(
    world: &mut World<'_, R, S, E>,
) -> Vec<Command> {
    std::iter::from_fn(|| world.device.take()).collect()
}

/// A true device and its interrupts, until it has nothing left to do. Returns what was told.
fn serve<const R: usize, const S: usize, const E: usize>(
    world: &mut World<'_, R, S, E>,
) -> Vec<Told> {
    let mut told = world.told();
    loop {
        let commands = take_all(world);
        if commands.is_empty() {
            return told;
        }
        for command in &commands {
            echo(world, command);
        }
        told.extend(world.interrupt());
    }
}

/// How an entry of a client ended; it must have, once.
fn end_of(told: &[Told], client: Owner, entry: u8) -> Result<Vec<u8>, Unanswered> {
    let mut ends = told.iter().filter_map(|line| match line {
        Told::Entry(owner, BATCH_TAG, index, end) if (*owner, *index) == (client, entry) => {
            Some(end.clone().map(|(_, values)| values))
        }
        _ => None,
    });
    let end = ends.next().expect("an entry without end");
    assert_eq!(ends.next(), None, "entry {entry} of {client:?} ended twice");
    end
}

fn echoed(told: &[Told], client: Owner, entry: u8) {
    let values = u32::from(entry).to_le_bytes().to_vec();
    assert_eq!(end_of(told, client, entry), Ok(values));
}

const TIMED_OUT: Result<Vec<u8>, Unanswered> = Err(Unanswered::Failed(Failure::TimedOut));

#[test]
fn an_answer_that_comes_twice_ends_its_entry_once() {
    run(Setup::default(), |world| {
        world.batch(CONSOLE, &entries(3)).unwrap();
        let commands = take_all(world);
        echo(world, &commands[0]);
        echo(world, &commands[0]);
        let mut told = world.interrupt();
        assert_eq!(world.driver.counters().recoveries, 0);
        echo(world, &commands[2]);
        echo(world, &commands[1]);
        told.extend(world.interrupt());
        assert_eq!(told.len(), 4);
        (0..3).for_each(|entry| echoed(&told, CONSOLE, entry));
        assert_eq!(told[3], Told::BatchEnded(CONSOLE));
    });
}

#[test]
fn late_answers_of_a_batch_are_none_to_the_next() {
    run(fitting(), |world| {
        world.batch_within(THERMAL, &entries(2), 5).unwrap();
        let late = take_all(world);
        world.sleep(5);
        let told = world.told();
        assert_eq!(end_of(&told, THERMAL, 0), TIMED_OUT);
        assert_eq!(told.last(), Some(&Told::BatchEnded(THERMAL)));
        // Both slots are lost, so the next waits.
        world.batch(THERMAL, &entries(2)).unwrap();
        assert!(world.device.take().is_none());
        world.device.reply(&late[1], 0, b"late");
        assert_eq!(world.interrupt(), []);
        let first = world.take();
        // With the header of the command that had the slot before.
        let wrong = (late[1].header, b"late");
        world
            .device
            .reply_raw(first.head, wrong.0, 0, wrong.1, 8 + 4);
        world.device.reply(&late[0], 0, b"late");
        let mut told = world.interrupt();
        told.extend(serve(world));
        let bad = Err(Unanswered::Failed(Failure::WrongReply));
        assert_eq!(end_of(&told, THERMAL, 0), bad);
        echoed(&told, THERMAL, 1);
    });
}

#[test]
fn an_entry_that_asks_for_a_later_answer_has_the_first_and_the_slot_waits() {
    run(fitting(), |world| {
        let batch: Vec<Entry> = (0..3).map(reading).collect();
        world.batch(THERMAL, &batch).unwrap();
        let commands = take_all(world);
        assert_eq!(commands.len(), 2);
        for command in &commands {
            world.device.reply(command, 0, &[]);
        }
        let told = world.interrupt();
        assert_eq!(told.len(), 2);
        assert_eq!(end_of(&told, THERMAL, 0), Ok(vec![]));
        // The platform is at work on two: no third before one is done.
        assert!(world.device.take().is_none());
        assert!(world.device.delayed(&commands[0], 0, b"nobody waits"));
        assert_eq!(world.interrupt(), []);
        let third = world.take();
        // Its response comes first, and nobody waits for that either.
        assert!(world.device.delayed(&third, 0, b"nobody waits"));
        assert_eq!(world.interrupt(), []);
        world.device.reply(&third, 0, &[]);
        let told = world.interrupt();
        assert_eq!(end_of(&told, THERMAL, 2), Ok(vec![]));
        assert_eq!(told.last(), Some(&Told::BatchEnded(THERMAL)));
    });
}

#[test]
fn responses_that_never_come_hold_a_batch_for_their_time_only() {
    run(fitting(), |world| {
        let batch: Vec<Entry> = (0..6).map(reading).collect();
        world.batch(THERMAL, &batch).unwrap();
        let mut told = Vec::new();
        for _ in 0..3 {
            for command in take_all(world) {
                world.device.reply(&command, 0, &[]);
            }
            told.extend(world.interrupt());
            world.sleep(u64::from(Limits::DEFAULT.delayed) + 251);
        }
        told.extend(world.told());
        (0..6).for_each(|entry| assert_eq!(end_of(&told, THERMAL, entry), Ok(vec![])));
        assert_eq!(world.driver.pools().slots_owed, 0);
    });
}

#[test]
fn without_an_event_queue_nothing_is_asked_for_that_it_would_bring() {
    let setup = Setup {
        offered: VERSION_1,
        ..Setup::default()
    };
    run(setup, |world| {
        let at_once = Entry {
            parameters: [7, 0, 0, 0],
            ..reading(7)
        };
        world.batch(CONSOLE, &[reading(7), at_once]).unwrap();
        let told = serve(world);
        let refused = Err(Unanswered::Refused(Refusal::EventsUnavailable));
        assert_eq!(end_of(&told, CONSOLE, 0), refused);
        assert!(end_of(&told, CONSOLE, 1).is_ok());
    });
}

#[test]
fn clients_of_a_silent_device_all_get_their_ends_in_time() {
    let setup = Setup {
        clients: many(31, 4),
        ..Setup::default()
    };
    run_sized::<256, 128, 256>(setup, |world| {
        for client in 0..31u16 {
            let deadline = 100 + 10 * u32::from(client);
            world
                .batch_within(Owner(client), &entries(64), deadline)
                .unwrap();
        }
        assert_eq!(take_all(world).len(), 124);
        let begun = world.now;
        for client in 0..31u16 {
            let due = begun + 100 + 10 * u64::from(client);
            world.sleep(due - 1 - world.now);
            assert_eq!(world.told(), []);
            world.sleep(1);
            let told = world.told();
            assert_eq!(told.len(), 65);
            (0..64).for_each(|entry| assert_eq!(end_of(&told, Owner(client), entry), TIMED_OUT));
        }
        // It is reset for the lost slots, comes back, and serves.
        world.sleep(60_000);
        world.answer_probe();
        world.interrupt();
        assert_eq!(world.driver.condition(), Condition::Ready);
        world.batch(Owner(30), &entries(64)).unwrap();
        let told = serve(world);
        (0..64).for_each(|entry| echoed(&told, Owner(30), entry));
    });
}

#[test]
fn one_slot_serves_the_batches_of_31_clients() {
    let setup = Setup {
        clients: many(31, 4),
        ..Setup::default()
    };
    run_sized::<2, 1, 2>(setup, |world| {
        for client in 0..31 {
            world.batch(Owner(client), &entries(3)).unwrap();
        }
        let mut told = world.told();
        for _ in 0..93 {
            let command = world.take();
            assert!(world.device.take().is_none());
            echo(world, &command);
            told.extend(world.interrupt());
            world.sleep(1);
            told.extend(world.told());
        }
        for client in 0..31 {
            (0..3).for_each(|entry| echoed(&told, Owner(client), entry));
        }
        assert_eq!(told.len(), 31 * 4);
    });
}

#[test]
fn a_client_that_is_gone_at_any_entry_hears_no_more() {
    let bad = Entry {
        flags: 4,
        ..tagged(0)
    };
    // Refused, and sent; what is refused is told first.
    let batch: Vec<Entry> = (0..12)
        .map(|number| if number % 3 == 1 { bad } else { tagged(number) })
        .collect();
    for takes in 0..12 {
        run(fitting(), |world| {
            world.takes = takes;
            world.batch(THERMAL, &batch).unwrap();
            let told = serve(world);
            let ends = told
                .iter()
                .filter(|line| matches!(line, Told::Entry(..)))
                .count();
            assert_eq!(ends as u32, takes + 1, "{told:?}");
            assert_eq!(told.len(), ends, "{told:?}");
            let pools = world.driver.pools();
            assert_eq!((pools.in_flight, pools.slots_lost), (0, 0));
            // Whoever comes next begins with nothing.
            world.takes = u32::MAX;
            world.batch(THERMAL, &entries(3)).unwrap();
            let told = serve(world);
            (0..3).for_each(|entry| echoed(&told, THERMAL, entry));
        });
    }
}

#[test]
fn the_death_of_one_at_the_time_of_another_changes_nothing_for_that() {
    run(fitting(), |world| {
        world.batch_within(THERMAL, &entries(9), 50).unwrap();
        world.batch_within(CONSOLE, &entries(9), 50).unwrap();
        world.dead.push(THERMAL);
        world.sleep(50);
        let told = world.told();
        let of_the_dead = |line: &&Told| matches!(line, Told::Entry(THERMAL, ..));
        assert_eq!(told.iter().filter(of_the_dead).count(), 1);
        (0..9).for_each(|entry| assert_eq!(end_of(&told, CONSOLE, entry), TIMED_OUT));
        assert!(told.contains(&Told::BatchEnded(CONSOLE)));
        assert_eq!(told.len(), 1 + 9 + 1);
    });
}

#[test]
fn the_next_life_begins_a_batch_while_the_last_has_one() {
    run(Setup::default(), |world| {
        world.batch(THERMAL, &entries(16)).unwrap();
        let old = take_all(world);
        let next = support::reborn(THERMAL);
        world.batch(next, &entries(16)).unwrap();
        for command in &old {
            world.device.reply(command, 0, b"old");
        }
        let mut told = world.interrupt();
        told.extend(serve(world));
        (0..16).for_each(|entry| echoed(&told, next, entry));
        assert_eq!(told.len(), 17, "the last life is told nothing");
    });
}

#[test]
fn the_longest_deadline_and_the_shortest() {
    run(Setup::default(), |world| {
        world.now = 1 << 40;
        world.batch_within(CONSOLE, &entries(2), u32::MAX).unwrap();
        world.batch_within(THERMAL, &entries(2), 1).unwrap();
        world.sleep(1);
        let told = world.told();
        assert_eq!(end_of(&told, THERMAL, 1), TIMED_OUT);
        assert_eq!(told.len(), 3);
        let kept = take_all(world);
        // The shorter one's commands come back, so that nothing is reset.
        for command in kept.iter().skip(2) {
            echo(world, command);
        }
        world.sleep(u64::from(u32::MAX) - 2);
        assert_eq!(world.told(), []);
        world.sleep(1);
        let told = world.told();
        assert_eq!(end_of(&told, CONSOLE, 0), TIMED_OUT);
        assert_eq!(told.last(), Some(&Told::BatchEnded(CONSOLE)));
    });
}

#[test]
fn polled_commands_of_the_same_client_go_on_beside_its_batch() {
    run(fitting(), |world| {
        let polled = Wish {
            wait: Wait::Poll(1 << 9),
            deadline: 20,
            ..wish(BASE, 4)
        };
        let handle = world.submit(THERMAL, &polled, &[]).unwrap();
        let _silent = world.take();
        world.batch(THERMAL, &entries(4)).unwrap();
        let first = world.take();
        world.sleep(20);
        assert_eq!(world.told(), [Told::Posted(THERMAL, 1 << 9)]);
        echo(world, &first);
        let mut told = world.interrupt();
        told.extend(serve(world));
        (0..4).for_each(|entry| echoed(&told, THERMAL, entry));
        let end = world.poll(THERMAL, handle).unwrap();
        assert_eq!(end, Some(Told::Failed(THERMAL, Failure::TimedOut)));
    });
}

#[test]
fn a_flood_of_events_delays_no_entry() {
    run(fitting(), |world| {
        world.subscribe(CONSOLE, 0x15, 1, 1);
        world.batch(THERMAL, &entries(16)).unwrap();
        let begun = world.now;
        let mut told = Vec::new();
        for _ in 0..8 {
            for command in take_all(world) {
                echo(world, &command);
            }
            while world.device.sensor_update(1, 7) {}
            told.extend(world.interrupt());
            world.sleep(1);
            told.extend(world.told());
        }
        (0..16).for_each(|entry| echoed(&told, THERMAL, entry));
        assert!(world.now - begun <= 8);
    });
}

#[test]
fn batches_and_events_to_be_switched_wait_for_each_other_in_no_way() {
    run(fitting(), |world| {
        for client in [CONSOLE, THERMAL, POWER] {
            world.batch(client, &entries(4)).unwrap();
        }
        // All slots of clients are taken; the driver has its own.
        let next = support::reborn(POWER);
        let asked = world.try_subscribe(next, 0x11, 0, 1);
        assert_eq!(asked, Ok(Notified::Waiting));
        let commands = take_all(world);
        let of_driver = commands.iter().find(|command| command.protocol() == 0x11);
        let of_driver = of_driver.expect("the event is switched").clone();
        world.device.reply(&of_driver, 0, &[]);
        assert_eq!(world.interrupt(), [Told::Subscribed(next, Ok(()))]);
        for command in commands.iter().filter(|other| **other != of_driver) {
            echo(world, command);
        }
        let mut told = world.interrupt();
        told.extend(serve(world));
        for client in [CONSOLE, THERMAL] {
            (0..4).for_each(|entry| echoed(&told, client, entry));
        }
    });
}

/// A device that answers as soon as it is notified.
#[test]
fn a_run_is_bounded_however_fast_the_device_is() {
    let setup = Setup {
        clients: many(31, 1),
        ..Setup::default()
    };
    run_sized::<64, 32, 64>(setup, |world| {
        world.meanwhile(|point, device| {
            if point == Point::Notified(0) {
                while let Some(command) = device.take() {
                    device.reply(&command, 0, &command.parameters);
                }
                device.commands.enable_kicks();
            }
        });
        let mut told = Vec::new();
        for client in 0..31 {
            let begun = world.batch_without_run(Owner(client), &entries(64), 0, BATCH_TAG);
            begun.unwrap();
        }
        let begun = world.now;
        world.run(Cause::Request);
        for _ in 0..64 {
            let some = world.told();
            // Four turns, of no more than the ring holds.
            assert!(some.len() <= 4 * 64 + 31, "{} told in a run", some.len());
            told.extend(some);
            world.now += 1;
            world.run(TIMER);
        }
        told.extend(world.told());
        for client in 0..31 {
            (0..64).for_each(|entry| echoed(&told, Owner(client), entry));
        }
        println!("over after {} ms", world.now - begun);
    });
}

#[test]
fn refusals_of_all_clients_at_once_are_told_in_one_run() {
    let setup = Setup {
        clients: many(31, 1),
        ..Setup::default()
    };
    let bad = Entry {
        len: u8::MAX,
        flags: u8::MAX,
        ..tagged(0)
    };
    run_sized::<64, 32, 64>(setup, |world| {
        for client in 0..31 {
            world.batch(Owner(client), &[bad; 40]).unwrap();
            let told = world.told();
            assert_eq!(told.len(), 41);
            assert_eq!(told[40], Told::BatchEnded(Owner(client)));
        }
        assert_eq!(world.transport.kicks[0], 0, "nothing to notify of");
    });
}

/// Between the call and the run the clock may go on: the run looks at it because the device is in trouble.
#[test]
fn a_batch_that_is_too_late_before_it_is_looked_at_ends() {
    let bad = Entry {
        len: u8::MAX,
        ..tagged(1)
    };
    run(Setup::default(), |world| {
        world.driver.request_recovery();
        let batch = [tagged(0), bad, tagged(2)];
        world
            .batch_without_run(CONSOLE, &batch, 1, BATCH_TAG)
            .unwrap();
        world.now += 1;
        world.run(Cause::Request);
        let told = world.told();
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(end_of(&told, CONSOLE, 0).is_err());
        let too_long = Err(Unanswered::Refused(Refusal::RequestTooLong));
        assert_eq!(end_of(&told, CONSOLE, 1), too_long);
        assert!(end_of(&told, CONSOLE, 2).is_err());
        assert_eq!(told[3], Told::BatchEnded(CONSOLE));
    });
}

#[test]
fn the_answers_of_one_who_is_gone_hold_up_no_batch() {
    run(Setup::default(), |world| {
        // Where the quotas promise more than there is, one client may have all.
        for _ in 0..8 {
            let asked = Wish {
                wait: Wait::Poll(0),
                ..wish(BASE, 3)
            };
            world.submit(CONSOLE, &asked, &[]).unwrap();
        }
        serve(world);
        assert_eq!(world.driver.pools().slots_free, 0);
        world.dead.push(CONSOLE);
        world.batch(THERMAL, &entries(2)).unwrap();
        let told = serve(world);
        (0..2).for_each(|entry| echoed(&told, THERMAL, entry));
    });
}

#[test]
fn a_slot_that_comes_back_while_others_poll_is_seen() {
    for polls_first in [true, false] {
        run(fitting(), |world| {
            let polled = Wish {
                polled: true,
                wait: Wait::Poll(0),
                ..wish(BASE, 3)
            };
            let handle = world.send(POWER, BASE, 3).unwrap();
            let late = world.take();
            world.cancel(POWER, handle).unwrap();
            if polls_first {
                world.submit(CONSOLE, &polled, &[]).unwrap();
            }
            world.batch(POWER, &entries(2)).unwrap();
            if !polls_first {
                world.submit(CONSOLE, &polled, &[]).unwrap();
            }
            let _slow = world.take();
            assert!(world.device.take().is_none());
            // The console does not look for a while.
            world.sleep(300);
            echo(world, &late);
            if world.device.commands.interrupt_due() {
                world.line(true);
            }
            world.sleep(251);
            let sent = world.device.take();
            assert!(sent.is_some(), "a free slot is not used, {polls_first}");
        });
    }
}

/// Two clients keep the only slot busy with one batch after the other.
#[test]
fn in_a_ring_of_one_slot_an_event_is_switched_in_spite_of_batches() {
    let setup = Setup {
        clients: many(3, 1),
        ..Setup::default()
    };
    run_sized::<2, 1, 2>(setup, |world| {
        world.batch(Owner(0), &entries(2)).unwrap();
        world.subscribe_later(Owner(2), 5);
        for _ in 0..50 {
            let command = world.take();
            if command.protocol() == 0x15 {
                return;
            }
            echo(world, &command);
            world.interrupt();
            world.sleep(1);
            for client in 0..2 {
                let _ = world.batch(Owner(client), &entries(2));
            }
            world.told();
        }
        panic!("the driver's own command waits for ever");
    });
}

/// 49 days are long, and not for ever.
#[test]
fn the_longest_deadline_of_a_command_is_one() {
    run(Setup::default(), |world| {
        let long = Wish {
            deadline: u32::MAX,
            ..wish(BASE, 3)
        };
        world.submit(CONSOLE, &long, &[]).unwrap();
        world.take();
        world.sleep(u64::from(u32::MAX) - 1);
        assert_eq!(world.told(), []);
        world.sleep(252);
        assert_eq!(world.told(), [Told::Failed(CONSOLE, Failure::TimedOut)]);
    });
}

/// Three clients keep the only slot busy, each with one batch after the other.
#[test]
fn in_a_ring_of_one_slot_no_client_is_always_last() {
    let setup = Setup {
        clients: many(3, 1),
        ..Setup::default()
    };
    run_sized::<2, 1, 2>(setup, |world| {
        let mut answers = [0; 3];
        for client in 0..3 {
            world.batch(Owner(client), &entries(2)).unwrap();
        }
        for _ in 0..60 {
            let command = world.take();
            echo(world, &command);
            let told = world.interrupt();
            for line in told {
                match line {
                    Told::Entry(owner, ..) => answers[usize::from(owner.0)] += 1,
                    Told::BatchEnded(owner) => world.batch(owner, &entries(2)).unwrap(),
                    other => panic!("{other:?}"),
                }
            }
            world.sleep(1);
        }
        assert_eq!(answers, [20, 20, 20]);
    });
}

#[test]
fn parameters_have_sixteen_bytes_at_most() {
    let of_length = |len| Entry {
        len,
        parameters: [0x0403_0201, 0x0807_0605, 0x0c0b_0a09, 0x100f_0e0d].map(u32::to_le),
        ..Entry::new(BASE, 3)
    };
    run(Setup::default(), |world| {
        let batch: Vec<Entry> = (0..=17).map(of_length).collect();
        world.batch(CONSOLE, &batch).unwrap();
        let told = serve(world);
        for len in 0..=16 {
            let values: Vec<u8> = (1..=len).collect();
            assert_eq!(end_of(&told, CONSOLE, len), Ok(values));
        }
        let too_long = Err(Unanswered::Refused(Refusal::RequestTooLong));
        assert_eq!(end_of(&told, CONSOLE, 17), too_long);
    });
}
